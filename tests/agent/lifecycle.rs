//! How an agent begins and ends.

use super::{Home, end, is_running, until};
use crate::program::{finish, mode};
use rustix::process::Signal;
use std::os::unix::fs::symlink;

#[test]
fn it_tells_what_it_does_and_ends_by_a_signal_with_nothing_left() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let home = Home::new();
        home.add("mail", "hunter2", &[]);
        let mut served = home.serve(&[]);
        home.run(&["unlock"]).ok();
        served.says("vault.keyfold is unlocked");
        home.ask(&["get", "mail"]).ok();
        home.ask(&["lock"]).ok();
        served.says("is locked: somebody said so");
        home.run(&["unlock"]).ok();
        let pid = home.pid();
        rustix::process::kill_process(pid, signal).unwrap();
        served.says("is locked: the agent ends");
        assert_eq!(served.child.wait().unwrap().code(), Some(0));
        assert!(!home.socket().exists());
        home.ask(&["get", "mail"]).exits(5);
    }
}

#[test]
fn stopping_ends_the_process() {
    let home = Home::unlocked();
    let pid = home.pid();
    home.ask(&["agent", "stop"]).ok();
    until("it is gone", || !is_running(pid));
}

/// `flock` and its like: a lock is held as long as anybody has the file open.
#[test]
fn what_a_script_has_open_is_not_kept_open() {
    let home = Home::new();
    let mut script = std::process::Command::new("sh");
    script.args([
        "-c",
        "exec 9> lock; \"$0\" --password-file password unlock; readlink /proc/$$/fd/9",
        env!("CARGO_BIN_EXE_keyfold"),
    ]);
    home.enter(&mut script);
    let ran = finish(script, "").ok();
    assert!(ran.out.contains("/lock"), "{}", ran.out);
    let pid = home.pid().as_raw_nonzero();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let open = open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    assert_eq!(open.filter(|path| path.ends_with("lock")).count(), 0);
}

#[test]
fn a_second_one_is_refused() {
    let home = Home::unlocked();
    let pid = home.pid();
    home.ask(&["agent"]).exits(8).says("an agent runs already");
    assert_eq!(home.pid(), pid);
}

#[test]
fn many_that_start_at_once_end_with_one() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    std::thread::scope(|scope| {
        let unlocking: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| home.run(&["unlock"])))
            .collect();
        for thread in unlocking {
            thread.join().unwrap().ok();
        }
    });
    home.ask(&["get", "mail"]).ok().prints("hunter2");
    let pid = home.pid();
    home.ask(&["agent", "stop"]).ok();
    assert_eq!(home.status()["running"], false, "there were two");
    until("it is gone", || !is_running(pid));
}

#[test]
fn one_that_begins_while_another_ends_waits_for_it() {
    let home = Home::unlocked();
    for _ in 0..5 {
        home.ask(&["agent", "stop"]).ok();
        home.run(&["unlock"]).ok();
        home.ask(&["get", "mail"]).ok();
    }
}

#[test]
fn a_socket_that_was_left_behind_is_taken_over() {
    let home = Home::unlocked();
    end(home.pid(), Signal::KILL);
    assert!(home.socket().exists());
    assert_eq!(home.status()["running"], false);
    home.ask(&["get", "mail"]).exits(5);
    home.run(&["unlock"]).ok();
    home.ask(&["get", "mail"]).ok().prints("hunter2");
}

#[test]
fn it_listens_in_the_runtime_folder_where_there_is_one() {
    let home = Home::empty();
    std::fs::create_dir(home.path("runtime")).unwrap();
    let runtime = home.arg("runtime");
    let mut served = home.serve(&[("XDG_RUNTIME_DIR", &runtime)]);
    let folder = home.path("runtime/keyfold");
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("agent.sock")) & 0o077, 0);
    let mut stop = home.command();
    stop.args(["agent", "stop"])
        .env("XDG_RUNTIME_DIR", &runtime);
    finish(stop, "").ok();
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
}

#[test]
fn relative_paths_mean_the_same_to_it() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let here = |args: &[&str]| {
        let mut command = home.command();
        command
            .env("KEYFOLD_STATE_DIR", "state")
            .env("KEYFOLD_VAULT", "vault.keyfold")
            .args(args);
        finish(command, "")
    };
    here(&["--password-file", "password", "unlock"]).ok();
    here(&["get", "mail"]).ok().prints("hunter2");
    home.ask(&["get", "mail"]).ok().prints("hunter2");
}

#[test]
fn a_path_that_is_too_long_for_an_address_is_no_matter() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let long = home.path(&"long/".repeat(40));
    let there = |args: &[&str]| {
        let mut command = home.command();
        command.env("XDG_RUNTIME_DIR", &long).args(args);
        finish(command, "")
    };
    std::fs::create_dir_all(&long).unwrap();
    there(&["--password-file", "password", "unlock"]).ok();
    there(&["get", "mail"]).ok().prints("hunter2");
    there(&["agent", "stop"]).ok();
    there(&["get", "mail"]).exits(5);
}

#[test]
fn what_keeps_one_from_starting_is_told_and_keeps_nobody_from_working() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let folder = home.path("state/agent");
    std::fs::create_dir_all(&folder).unwrap();
    set_private(&folder);
    symlink(home.path("elsewhere"), folder.join("agent.lock")).unwrap();
    home.run(&["unlock"])
        .exits(1)
        .says("no agent starts")
        .says("agent.lock");
    assert!(!home.path("elsewhere").exists(), "the link was followed");
    home.run(&["get", "mail"]).ok().prints("hunter2");
}

fn set_private(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
#[ignore = "needs half a minute"]
fn one_whose_socket_is_gone_ends_by_itself() {
    let home = Home::unlocked();
    let pid = home.pid();
    std::fs::remove_file(home.socket()).unwrap();
    until("it notices", || !is_running(pid));
    home.run(&["unlock"]).ok();
    assert_ne!(home.pid(), pid);
}

#[test]
fn a_unit_for_systemd_runs_this_program() {
    let home = Home::empty();
    let unit = home.ask(&["agent", "unit"]).ok().out;
    let program = env!("CARGO_BIN_EXE_keyfold");
    assert!(
        unit.contains(&format!("ExecStart=\"{program}\" agent\n")),
        "{unit}"
    );
}
