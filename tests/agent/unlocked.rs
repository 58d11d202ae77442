//! What an unlocked vault is asked, and what it is not.

use super::{Home, until};
use crate::program::{FLOOR, PASSWORD, keys};

#[test]
fn unlocking_once_is_enough_for_all_that_follows() {
    let home = Home::unlocked();
    home.ask(&["get", "mail"]).ok().prints("hunter2");
    home.ask(&["ls"]).ok().prints("mail\n");
    home.bare(
        &["add", "bank", "--secret-stdin", "--username", "me"],
        "s3cret",
    )
    .ok();
    home.ask(&["edit", "bank", "--username", "you"]).ok();
    home.ask(&["get", "bank", "username"]).ok().prints("you");
    home.ask(&["rm", "mail"]).ok();
    home.ask(&["find", "ban"]).ok().prints("bank\n");
    home.ask(&["get", "nothing"]).exits(3);
    // What was written is in the vault, whoever opens it.
    home.run(&["--no-agent", "get", "bank"])
        .ok()
        .prints("s3cret");
    home.ask(&["lock"]).ok();
    home.ask(&["get", "bank"]).exits(5);
}

#[test]
fn failures_are_the_same_through_the_agent() {
    let home = Home::unlocked();
    home.add("mail", "other", &["--duplicate"]);
    for args in [
        ["get", "mail"].as_slice(),
        &["get", "nothing"],
        &["get", "mail", "nothing"],
        &["show", "id:zz"],
        &["get", "--url", "not an address"],
        &["undo", "--count", "0"],
        &["--json", "get", "mail"],
    ] {
        let here = home.run(args);
        let there = home.ask(args);
        assert_eq!((there.code, there.err), (here.code, here.err), "{args:?}");
    }
}

#[test]
fn what_only_the_owner_may_do_asks_again() {
    let home = Home::unlocked();
    let new = home.arg("new");
    home.write("new", "another one\n");
    for args in [
        ["export"].as_slice(),
        &["compact"],
        &["passwd", "--new-password-file", &new],
        &["rekey", "--new-password-file", &new],
        &["recovery-key", "make"],
    ] {
        home.ask(args).exits(5);
    }
    home.run(&["compact"]).ok();
    home.ask(&["get", "mail"]).ok().prints("hunter2");
}

#[test]
fn status_tells_where_it_is_and_when_it_locks() {
    let home = Home::new();
    let status = home.status();
    let shape = [
        "locked",
        "locks_in_secs",
        "pid",
        "running",
        "schema",
        "socket",
        "vaults",
    ];
    assert_eq!(keys(&status), shape);
    assert_eq!(status["running"], false);
    assert_eq!(status["locked"], true);
    assert!(status["pid"].is_null() && status["locks_in_secs"].is_null());

    home.run(&["unlock"]).ok().says("is unlocked until");
    let status = home.status();
    assert_eq!(keys(&status), shape);
    assert_eq!(status["running"], true);
    assert_eq!(status["locked"], false);
    assert_eq!(status["socket"], home.socket().to_str().unwrap());
    let left = status["locks_in_secs"].as_u64().unwrap();
    assert!((600..=900).contains(&left), "{left}");
    assert_eq!(status["vaults"][0]["vault"], home.vault().to_str().unwrap());

    home.ask(&["lock"]).ok();
    let status = home.status();
    assert_eq!(status["running"], true);
    assert_eq!(status["locked"], true);
    home.ask(&["agent", "stop"]).ok();
    assert_eq!(home.status()["running"], false);
    assert!(!home.socket().exists());
    home.ask(&["agent", "stop"]).ok();
    home.ask(&["lock"]).ok();
    assert_eq!(home.status()["running"], false, "neither starts one");
}

#[test]
fn one_agent_holds_several_vaults_and_locks_the_one_that_is_named() {
    let home = Home::unlocked();
    let other = home.arg("other.keyfold");
    let mut args = vec!["--vault", &other, "init"];
    args.extend(FLOOR);
    home.run(&args).ok();
    home.run(&["--vault", &other, "unlock"]).ok();
    home.bare(&["--vault", &other, "add", "there", "--secret-stdin"], "x")
        .ok();
    assert_eq!(home.status()["vaults"].as_array().unwrap().len(), 2);
    home.ask(&["get", "there"]).exits(3);
    home.ask(&["--vault", &other, "lock"]).ok();
    home.ask(&["--vault", &other, "get", "there"]).exits(5);
    home.ask(&["get", "mail"]).ok();
    home.run(&["--vault", &other, "unlock"]).ok();
    home.ask(&["lock"]).ok();
    home.ask(&["get", "mail"]).exits(5);
    home.ask(&["--vault", &other, "get", "there"]).exits(5);
}

#[test]
fn it_sees_what_others_write() {
    let home = Home::unlocked();
    home.run_on("phone", &["add", "from/phone", "-g"], "").ok();
    home.run(&["--no-agent", "add", "beside", "-g"]).ok();
    home.ask(&["ls"]).ok().prints("beside\nmail\n");
    home.meet("phone");
    home.ask(&["ls"]).ok().prints("beside\nmail\nfrom/phone\n");
    home.ask(&["add", "here", "-g"]).ok();
    home.meet("phone");
    let there = home.run_on("phone", &["ls"], "").ok();
    assert_eq!(there.out, "beside\nhere\nmail\nfrom/phone\n");
}

#[test]
fn a_password_that_was_changed_beside_it_or_a_forgotten_vault_locks_it() {
    let home = Home::unlocked();
    home.write("new", "another one\n");
    home.run(&[
        "--no-agent",
        "passwd",
        "--new-password-file",
        &home.arg("new"),
    ])
    .ok();
    home.ask(&["get", "mail"]).exits(5);
    assert!(home.is_locked());
    home.write("password", "another one\n");
    home.run(&["unlock"]).ok();
    home.ask(&["get", "mail"]).ok();
    home.ask(&["forget", "--yes"]).ok();
    assert!(home.is_locked());
    home.ask(&["get", "mail"]).exits(5);
    let mut state = std::fs::read_dir(home.path("state")).unwrap();
    let has_replica = |folder: std::fs::DirEntry| folder.path().join("replica").exists();
    assert!(!state.any(|folder| has_replica(folder.unwrap())));
}

#[test]
fn a_password_that_was_changed_on_another_device_locks_it_when_the_drive_brings_that() {
    let home = Home::unlocked();
    home.write("new", "another one\n");
    home.run_on("laptop", &["ls"], "").ok();
    let new = home.arg("new");
    let mut passwd = vec!["passwd", "--new-password-file", &new];
    passwd.extend(FLOOR);
    home.run_on("laptop", &passwd, "").ok();
    home.ask(&["get", "mail"]).ok();
    home.meet("laptop");
    home.ask(&["get", "mail"]).exits(5);
    assert!(home.is_locked());
}

#[test]
fn the_past_is_shown_and_the_present_comes_back() {
    let home = Home::unlocked();
    home.ask(&["mv", "mail", "work/mail"]).ok();
    home.ask(&["ls", "--at", "2001-01-01"]).ok().prints("");
    home.ask(&["ls"]).ok().prints("work/mail\n");
}

#[test]
fn no_agent_means_none() {
    let home = Home::unlocked();
    home.ask(&["--no-agent", "get", "mail"]).exits(5);
    home.run(&["--no-agent", "unlock"]).exits(2);
    home.ask(&["agent", "stop"]).ok();
    home.ask(&["config", "set", "agent", "never"]).ok();
    home.run(&["unlock"]).exits(2);
    home.run(&["get", "mail"]).ok();
    assert_eq!(home.status()["running"], false);
    home.ask(&["config", "set", "agent", "sometimes"]).ok();
    home.ask(&["get", "mail"]).exits(2);
}

#[test]
fn a_given_password_is_the_one_that_counts() {
    let home = Home::unlocked();
    home.write("password", "wrong\n");
    home.run(&["get", "mail"]).exits(5);
    home.write("password", &format!("{PASSWORD}\n"));
    home.run(&["get", "mail"]).ok().prints("hunter2");
}

#[test]
fn settings_say_when_it_locks() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    home.ask(&["config", "set", "lock_after", "1s"]).ok();
    home.run(&["unlock"]).ok();
    until("an unused vault is locked", || home.is_locked());
    home.ask(&["get", "mail"]).exits(5);

    home.ask(&["config", "set", "lock_after", "never"]).ok();
    home.ask(&["config", "set", "lock_at_latest", "1s"]).ok();
    home.run(&["unlock"]).ok();
    until("an old one is locked, used or not", || {
        home.ask(&["get", "mail"]).code == 5
    });
    assert!(home.is_locked());

    home.ask(&["config", "set", "lock_at_latest", "never"]).ok();
    home.run(&["unlock"]).ok();
    assert!(home.status()["locks_in_secs"].is_null());
    home.ask(&["config", "set", "lock_after", "soon"]).ok();
    home.run(&["unlock"]).exits(2);
    let shown = home.ask(&["config"]).ok().out;
    for line in [
        "agent = auto  (the default)",
        "lock_after = soon  (the configuration)",
        "lock_at_latest = never  (the configuration)",
        "lock_with_screen = auto  (the default)",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
}
