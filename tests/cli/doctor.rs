//! `doctor`: each check is silent where all is well, and fires where something is made wrong.

use crate::other_user::{NOBODY, as_user};
use crate::program::{FLOOR, Home, keys};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Findings of a kind that are more than information, as "severity: what".
fn found(home: &Home, kind: &str) -> Vec<String> {
    let report = home.bare(&["doctor", "--json"], "").ok().json();
    assert_eq!(keys(&report), ["findings", "opened", "schema"]);
    let findings = report["findings"].as_array().unwrap();
    let of_kind = findings.iter().filter(|finding| finding["kind"] == kind);
    of_kind
        .filter(|finding| finding["severity"] != "information")
        .map(|finding| {
            assert_eq!(keys(finding), ["kind", "severity", "todo", "what"]);
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            assert!(!text("todo").is_empty());
            format!("{}: {}", text("severity"), text("what"))
        })
        .collect()
}

/// Exactly one finding of the kind, with this in it.
#[track_caller]
fn assert_found(home: &Home, kind: &str, text: &str) {
    let found = found(home, kind);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(text), "{found:?}");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A home that nobody else can write to, whatever the umask of the tests.
fn home() -> Home {
    let home = Home::new();
    set_mode(&home.path(""), 0o755);
    home
}

#[test]
fn a_good_vault_has_nothing_wrong_with_its_files_and_needs_no_password() {
    let home = home();
    for kind in ["permissions", "drive", "clock"] {
        assert_eq!(found(&home, kind), [""; 0], "{kind}");
    }
    let report = home.bare(&["doctor", "--json", "--no-input"], "").ok();
    assert_eq!(report.json()["opened"], false);
    let report = home.run(&["doctor", "--json"]).ok();
    assert_eq!(report.json()["opened"], true);
}

#[test]
fn files_that_others_may_read_or_change_are_told() {
    let home = home();
    set_mode(&home.vault(), 0o644);
    assert_found(
        &home,
        "permissions",
        "advice: other users of this machine can copy the vault",
    );
    set_mode(&home.vault(), 0o620);
    assert_found(
        &home,
        "permissions",
        "problem: other users of this machine can change the vault",
    );
    set_mode(&home.vault(), 0o600);
    set_mode(&home.path("state"), 0o755);
    assert_found(&home, "permissions", "can copy this device's state");
    set_mode(&home.path("state"), 0o700);
    // In a folder like the one for temporary files nobody removes what others have.
    set_mode(&home.path(""), 0o1777);
    assert_eq!(found(&home, "permissions"), [""; 0]);
    set_mode(&home.path(""), 0o777);
    assert_found(&home, "permissions", "can change the vault's folder");
    set_mode(&home.path(""), 0o755);
    set_mode(&home.write("config.toml", ""), 0o666);
    assert_found(&home, "permissions", "can change the configuration");
}

#[test]
fn copies_beside_the_vault_are_told_until_they_are_taken_in() {
    let home = home();
    let copy = "vault.sync-conflict-20261125-101112-ABCDEFG.keyfold";
    fs::copy(home.vault(), home.path(copy)).unwrap();
    assert_found(&home, "drive", "1 conflict copy by Syncthing");
    home.run(&["sync"]).ok();
    assert_eq!(found(&home, "drive"), [""; 0]);
}

#[test]
fn a_vault_file_that_is_missing_foreign_newer_or_a_placeholder_is_told() {
    let home = home();
    let bytes = fs::read(home.vault()).unwrap();
    fs::remove_file(home.vault()).unwrap();
    assert_found(&home, "drive", "advice: the vault file is not there");
    fs::write(home.vault(), vec![b'x'; 4096]).unwrap();
    assert_found(&home, "drive", "no vault, or its start is damaged");
    let mut newer = bytes.clone();
    newer[12] = 9;
    fs::write(home.vault(), newer).unwrap();
    assert_found(&home, "drive", "a newer version of keyfold");
    fs::remove_file(home.vault()).unwrap();
    // As long as the vault and without any content, as drives leave what they have not fetched.
    let sparse = File::create(home.vault()).unwrap();
    sparse.set_len(bytes.len() as u64).unwrap();
    assert_found(&home, "drive", "only a placeholder");
    fs::remove_file(home.vault()).unwrap();
    fs::create_dir(home.vault()).unwrap();
    assert_found(&home, "drive", "cannot be opened");
}

#[test]
fn where_there_is_no_vault_or_no_folder_that_is_told() {
    let home = Home::empty();
    assert_found(&home, "drive", "problem: there is no vault");
    let mut gone = home.command();
    gone.env("KEYFOLD_VAULT", home.path("gone/vault.keyfold"));
    let out = gone.args(["doctor", "--no-input"]).output().unwrap();
    let out = String::from_utf8(out.stdout).unwrap();
    assert!(out.contains("the vault's folder is not there"), "{out}");
}

#[test]
fn a_cheap_password_is_told_and_a_dear_one_is_not() {
    let home = Home::empty();
    let dear = [
        "--kdf-memory",
        "200",
        "--kdf-passes",
        "2",
        "--kdf-lanes",
        "2",
    ];
    home.run(&[&["init"][..], &dear].concat()).ok();
    assert_eq!(found(&home, "kdf"), [""; 0]);
    let cheap = [&["passwd", "--new-password-file", "password"][..], &FLOOR].concat();
    home.run(&cheap).ok();
    assert_found(&home, "kdf", "costs 19 MiB and 2 passes");
}

#[test]
fn a_vault_file_of_the_future_is_told() {
    let home = home();
    let days = |count: u64| SystemTime::now() + Duration::from_secs(count * 24 * 60 * 60);
    let file = File::options().write(true).open(home.vault()).unwrap();
    file.set_modified(days(3)).unwrap();
    assert_found(&home, "clock", "the vault file is dated in the future");
    // The vault itself knows better than the time of its file.
    let report = home.run(&["doctor", "--json"]).ok().json();
    let kinds = report["findings"].as_array().unwrap().iter();
    assert!(!kinds.clone().any(|finding| finding["kind"] == "clock"));
}

#[test]
fn a_backup_is_a_matter_of_information_and_nothing_fails_for_it() {
    let home = home();
    let out = home.bare(&["doctor", "--fail-on", "backup"], "").ok().out;
    assert!(out.contains("note     keyfold knows of no backup"), "{out}");
}

#[test]
fn findings_fail_only_where_their_kind_is_named() {
    let home = home();
    set_mode(&home.vault(), 0o644);
    home.bare(&["doctor"], "").ok();
    home.bare(&["doctor", "--fail-on", "drive"], "").ok();
    home.bare(&["doctor", "--fail-on", "drive,permissions"], "")
        .exits(9);
    home.bare(&["doctor", "--fail-on", "any"], "").exits(9);
    home.bare(&["doctor", "--fail-on", "nonsense"], "").exits(2);
}

#[test]
fn a_hostile_path_does_not_reach_the_terminal_as_it_is() {
    let home = Home::empty();
    let mut hostile = home.command();
    hostile.env("KEYFOLD_VAULT", home.path("a\u{1b}[31mb/vault.keyfold"));
    let out = hostile.args(["doctor", "--no-input"]).output().unwrap();
    assert!(out.status.success());
    assert!(!out.stdout.contains(&0x1b));
}

#[test]
#[ignore = "needs setpriv, and root to drop from"]
fn a_folder_that_cannot_be_written_memory_that_cannot_be_locked_and_files_of_others_are_told() {
    let home = home();
    // The build's own folder may be closed to others.
    fs::copy(env!("CARGO_BIN_EXE_keyfold"), home.path("program")).unwrap();
    let told = || {
        let mut doctor = as_user(NOBODY);
        home.enter(&mut doctor);
        doctor
            .args(["sh", "-c", "ulimit -l 0; exec \"$0\" doctor --no-input"])
            .arg(home.path("program"));
        String::from_utf8(doctor.output().unwrap().stdout).unwrap()
    };
    // Owned by root, the folder is fine for everybody and may not be written.
    set_mode(&home.vault(), 0o604);
    let out = told();
    assert!(
        out.contains("the vault's folder cannot be written"),
        "{out}"
    );
    assert!(out.contains("no memory may be locked"), "{out}");
    assert!(!out.contains("belongs to another user"), "{out}");
    std::os::unix::fs::chown(home.vault(), Some(12345), None).unwrap();
    let out = told();
    assert!(
        out.contains("the vault file belongs to another user"),
        "{out}"
    );
}

#[test]
fn an_unlocked_agent_tells_more_and_one_that_cannot_be_used_or_never_locks_is_told() {
    let home = home();
    assert_eq!(found(&home, "agent"), [""; 0]);
    home.run(&["unlock"]).ok();
    let report = home.bare(&["doctor", "--json"], "").ok().json();
    assert_eq!(report["opened"], true);
    assert_eq!(found(&home, "agent"), [""; 0]);
    home.run(&["config", "set", "lock_after", "never"]).ok();
    home.run(&["config", "set", "lock_at_latest", "2d"]).ok();
    assert_found(&home, "agent", "holds an unlocked vault for 48 h");
    home.run(&["config", "set", "lock_after", "15m"]).ok();
    home.run(&["agent", "stop"]).ok();
    fs::write(home.path("state/agent/agent.sock"), "").unwrap();
    assert_found(&home, "agent", "not a private folder or socket");
}
