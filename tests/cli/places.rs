//! Where things lie: init, vault names, config, relocate, forget; a vault that is not there, is none, or is in use.

use crate::program::{FLOOR, Home, finish, mode};

#[test]
fn init_makes_a_private_vault_and_says_what_comes_next() {
    let home = Home::empty();
    let made = home.run(&[&["init"][..], &FLOOR].concat()).ok();
    let made = made
        .says("Made a vault")
        .says("recovery-key make")
        .says("keyfold add");
    assert_eq!(made.out, "");
    assert_eq!(mode(&home.vault()), 0o600);
    assert_eq!(mode(&home.path("state")), 0o700);
    let before = std::fs::read(home.vault()).unwrap();
    home.run(&[&["init"][..], &FLOOR].concat())
        .exits(1)
        .says("exists already");
    assert!(std::fs::read(home.vault()).unwrap() == before);
    home.run(&["ls"]).ok().prints("");
}

#[test]
fn the_kdf_has_a_floor_and_a_ceiling() {
    let home = Home::empty();
    home.run(&["init", "--kdf-memory", "18"]).exits(2);
    home.run(&["init", "--kdf-memory", "4096"]).exits(2);
    home.run(&["init", "--kdf-passes", "0"]).exits(2);
    assert!(!home.vault().exists());
}

#[test]
fn init_tells_scripts_what_it_made() {
    let home = Home::empty();
    let made = home
        .run(&[&["--json", "init"][..], &FLOOR].concat())
        .ok()
        .json();
    assert_eq!(made["vault"], home.arg("vault.keyfold"));
    assert_eq!(made["schema"], 1);
}

#[test]
fn without_a_vault_nothing_is_asked_and_nothing_is_made() {
    let home = Home::empty();
    home.run(&["ls"]).exits(6).says("keyfold init");
    home.run(&["--no-input", "add", "x"]).exits(6);
    let error = home.run(&["--json", "ls"]).exits(6).error();
    assert_eq!(error["code"], "no-vault");
    assert!(!home.vault().exists());
}

#[test]
fn what_is_no_vault_is_refused_and_left_alone() {
    let home = Home::empty();
    for content in ["", "hello", &"x".repeat(5000)] {
        home.write("vault.keyfold", content);
        home.run(&["ls"]).exits(7);
        home.run(&["add", "x", "-g"]).exits(7);
        home.run(&[&["init"][..], &FLOOR].concat()).exits(1);
        assert_eq!(std::fs::read_to_string(home.vault()).unwrap(), content);
    }
}

#[test]
fn a_vault_that_vanished_is_put_back() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    std::fs::remove_file(home.vault()).unwrap();
    home.run(&["get", "mail"])
        .ok()
        .prints("hunter2")
        .says("written again");
    assert!(home.vault().exists());
}

#[test]
fn a_moved_vault_is_found_again_by_relocate_and_let_go_by_forget() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    std::fs::rename(home.vault(), home.path("moved.keyfold")).unwrap();
    home.run(&["relocate", "moved.keyfold"])
        .ok()
        .says("--vault");
    home.run(&["--vault", "moved.keyfold", "get", "mail"])
        .ok()
        .prints("hunter2");
    assert!(!home.vault().exists());
    home.run(&["ls"]).exits(6);
    home.run(&["--vault", "moved.keyfold", "forget"])
        .exits(1)
        .says("--yes");
    home.run(&["--vault", "moved.keyfold", "forget", "--yes"])
        .ok();
    std::fs::remove_file(home.path("moved.keyfold")).unwrap();
    home.run(&["--vault", "moved.keyfold", "ls"]).exits(6);
}

#[test]
fn vaults_may_have_names() {
    let home = Home::new();
    let work = home.arg("work.keyfold");
    home.bare(&["config", "set", "vaults.work", &work], "").ok();
    home.run(&[&["--vault", "work", "init"][..], &FLOOR].concat())
        .ok();
    home.run(&["--vault", "work", "add", "there", "-g"]).ok();
    assert_eq!(home.run(&["ls", "--vault", "work"]).ok().out, "there\n");
    assert_eq!(home.ls(), "");
    let without = |args: &[&str]| {
        let mut command = home.command();
        let password = home.arg("password");
        command
            .env_remove("KEYFOLD_VAULT")
            .args(["--password-file", &password])
            .args(args);
        finish(command, "")
    };
    without(&["ls"])
        .exits(6)
        .says(".local/share/keyfold/vault.keyfold");
    home.bare(&["config", "set", "vault", "work"], "").ok();
    assert_eq!(without(&["ls"]).ok().out, "there\n");
    let config = without(&["config"]).ok().out;
    assert!(config.contains("names work of [vaults]"), "{config}");
    let rows = without(&["--json", "config"]).ok().json();
    assert_eq!(rows["settings"][0]["setting"], "vault");
    home.bare(&["config", "set", "vaults.work", ""], "").ok();
    without(&["ls"]).exits(6);
}

#[test]
fn only_known_settings_are_set_and_comments_stay() {
    let home = Home::empty();
    home.write("config.toml", "# mine\nvault = \"x\" # this one\n");
    home.bare(&["config", "set", "device", "laptop"], "").ok();
    let text = std::fs::read_to_string(home.path("config.toml")).unwrap();
    assert!(
        text.contains("# mine") && text.contains("# this one") && text.contains("laptop"),
        "{text}"
    );
    home.bare(&["config", "set", "autoexport", "x"], "")
        .exits(2)
        .says("device:");
    home.bare(&["config", "set", "vaults.", "x"], "").exits(2);
    home.write("config.toml", "vault = [");
    home.bare(&["config"], "").exits(2).says("config.toml");
    home.write("config.toml", "device = 3");
    home.bare(&["config"], "").exits(2).says("must be a text");
}

#[test]
fn a_vault_in_use_is_busy() {
    let home = Home::new();
    let id = std::fs::read_dir(home.path("state"))
        .unwrap()
        .filter_map(Result::ok)
        .find(|entry| entry.path().join("replica").exists())
        .unwrap()
        .path();
    let lock = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(id.join("lock"))
        .unwrap();
    lock.lock().unwrap();
    let ran = home.run(&["--json", "add", "x", "-g"]);
    assert_eq!(ran.code, 8, "{}", ran.err);
    drop(lock);
    home.run(&["ls"]).ok().prints("");
}
