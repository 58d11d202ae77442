//! A backup through the agent: others are answered meanwhile, and locking ends it.

use super::{Home, until};
use std::path::PathBuf;
use std::process::{Child, Stdio};

/// Enough that nobody is through with it in a moment.
const BYTES: usize = 24 << 20;

/// An unlocked vault with a large file, and a folder for backups.
fn home() -> Home {
    let home = Home::unlocked();
    std::fs::write(home.path("large"), vec![7; BYTES]).unwrap();
    // Not through the agent, which takes a file in more slowly.
    home.run(&["attach", "add", "mail", "large"]).ok();
    std::fs::remove_file(home.path("large")).unwrap();
    std::fs::create_dir(home.path("backups")).unwrap();
    home
}

fn files(home: &Home) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(home.path("backups")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn is_half_written(home: &Home) -> bool {
    let names = files(home).into_iter();
    let mut names = names.map(|path| path.to_str().unwrap().to_owned());
    names.any(|name| name.ends_with(".tmp"))
}

/// Begins a backup, and waits until the agent writes it.
fn begin(home: &Home) -> Child {
    let mut backup = home.command();
    backup
        .args(["backup", "--to", "backups", "--no-input"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = backup.spawn().unwrap();
    until("the backup is written", || is_half_written(home));
    child
}

#[test]
fn others_are_answered_while_the_agent_backs_up() {
    let home = home();
    let mut backup = begin(&home);
    home.ask(&["get", "mail"]).ok().prints("hunter2");
    assert!(is_half_written(&home), "it waited for the backup");
    assert!(backup.wait().unwrap().success());
    assert!(!is_half_written(&home));
    home.ask(&["backup", "verify", "backups"]).ok();
}

#[test]
fn locking_ends_a_backup_and_nothing_of_it_is_left() {
    let home = home();
    let mut backup = begin(&home);
    home.ask(&["lock"]).ok();
    assert_eq!(backup.wait().unwrap().code(), Some(5));
    assert_eq!(files(&home), [""; 0].map(PathBuf::from));
    assert!(home.is_locked());
}
