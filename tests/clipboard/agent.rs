//! Copies by a running agent, which has a child ready for each display.

use crate::held::{self, SECRET, Screen};
use crate::memory::{Canary, scan};
use crate::program::{Home, Ran, finish};
use crate::waiting::until;
use crate::x11::Xvfb;
use std::process::Command;

/// A home whose vault an agent holds that was started on no display.
fn unlocked() -> Home {
    let home = held::home();
    home.run(&["unlock"]).ok();
    home
}

/// Runs keyfold on a display, with no password at hand.
fn ask(home: &Home, screen: &impl Screen, args: &[&str]) -> Ran {
    let mut command = home.command();
    screen.send(&mut command);
    command.args(args);
    finish(command, "")
}

fn pid(home: &Home) -> u32 {
    let status = home.bare(&["--json", "agent", "status"], "").ok().json();
    u32::try_from(status["pid"].as_u64().unwrap()).unwrap()
}

/// The processes that a process started.
fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task");
    let tasks = std::fs::read_dir(path).unwrap().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let lists: Vec<String> = lists.collect();
    let pids = lists.iter().flat_map(|list| list.split_whitespace());
    pids.map(|pid| pid.parse().unwrap()).collect()
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn the_agent_s_child_owns_the_clipboard_marked_and_for_its_time() {
    let (home, screen) = (unlocked(), Xvfb::start());
    let agent = pid(&home);
    let ran = ask(&home, &screen, &["copy", "mail", "--timeout", "1h"]).ok();
    ran.says("Copied password of mail; it is cleared in 1 h.")
        .prints("");
    assert_eq!(screen.content(None).as_deref(), Some(SECRET));
    let hint = screen.content(Some("x-kde-passwordManagerHint"));
    assert_eq!(hint.as_deref(), Some("secret"));
    until("one child that owns and one that waits", || {
        children(agent).len() == 2
    });
    // The one that waited owns it now, and another waits.
    let waiting = children(agent);
    ask(&home, &screen, &["copy", "mail", "username"]).ok();
    assert_eq!(screen.content(None).as_deref(), Some("anna"));
    until("another child that waits", || {
        let now = children(agent);
        now.len() == 2 && now.iter().filter(|pid| waiting.contains(pid)).count() == 1
    });
    ask(&home, &screen, &["copy", "mail", "--timeout", "1s"]).ok();
    until("the end of its time", || screen.content(None).is_none());
    screen.copy_elsewhere("somebody else's");
    ask(&home, &screen, &["agent", "stop"]).ok();
    screen.waits_for_no_holder();
    assert_eq!(screen.content(None).as_deref(), Some("somebody else's"));
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn locking_clears_what_the_agent_copied_and_a_killed_agent_clears_it_too() {
    let (home, screen) = (held::home(), Xvfb::start());
    for end in ["lock", "stop", "kill"] {
        home.run(&["unlock"]).ok();
        let agent = pid(&home);
        let copy = ["copy", "mail", "--timeout", "never"];
        ask(&home, &screen, &copy).ok();
        assert_eq!(screen.content(None).as_deref(), Some(SECRET));
        match end {
            "lock" => drop(ask(&home, &screen, &["lock"]).ok()),
            "stop" => drop(ask(&home, &screen, &["agent", "stop"]).ok()),
            _ => drop(
                Command::new("kill")
                    .args(["-9", &agent.to_string()])
                    .status(),
            ),
        }
        screen.waits_for_no_holder();
        assert_eq!(screen.content(None), None, "{end}");
    }
}

#[test]
#[ignore = "needs Xvfb and xclip, and root to read another program's memory"]
fn a_copied_secret_is_in_the_memory_of_its_owner_alone() {
    let (home, screen) = (unlocked(), Xvfb::start());
    let agent = pid(&home);
    let copy = ["copy", "mail", "--timeout", "never"];
    ask(&home, &screen, &copy).ok();
    until("one child that owns and one that waits", || {
        children(agent).len() == 2
    });
    let canary = [Canary::new("the password", SECRET)];
    let holds = |pid: &u32| !scan(*pid, &canary).is_empty();
    let children = children(agent);
    assert_eq!(children.iter().filter(|pid| holds(pid)).count(), 1);
    // A thread that serves a client may have the answer in hand until it ends.
    until("an agent without it", || !holds(&agent));
    ask(&home, &screen, &["lock"]).ok();
    screen.waits_for_no_holder();
    ask(&home, &screen, &["agent", "stop"]).ok();
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn each_display_gets_its_own_copy() {
    let home = unlocked();
    let (one, other) = (Xvfb::start(), Xvfb::start());
    for screen in [&one, &other, &one] {
        screen.copy_elsewhere("nothing");
        ask(&home, screen, &["copy", "mail"]).ok();
        assert_eq!(screen.content(None).as_deref(), Some(SECRET));
    }
    // What was copied elsewhere before is let go of: one thing is copied at a time.
    until("one copy alone", || other.content(None).is_none());
    // A display that went away is told of, and the next one is as good.
    let gone = Xvfb::start();
    let variables = gone.variables();
    ask(&home, &gone, &["copy", "mail"]).ok();
    drop(gone);
    let mut command = home.command();
    command.envs(variables).args(["copy", "mail"]);
    finish(command, "")
        .exits(1)
        .says("the display's clipboard cannot be had");
    ask(&home, &one, &["copy", "mail", "username"]).ok();
    assert_eq!(one.content(None).as_deref(), Some("anna"));
    ask(&home, &one, &["lock"]).ok();
    one.waits_for_no_holder();
}

#[test]
#[ignore = "needs Xvfb and xclip"]
fn an_agent_whose_program_was_replaced_copies_all_the_same() {
    let (home, screen) = (held::home(), Xvfb::start());
    let program = home.path("keyfold-old");
    // In a process of its own: a child that another test starts meanwhile would have the file open for writing.
    let mut copying = Command::new("cp");
    copying.arg(env!("CARGO_BIN_EXE_keyfold")).arg(&program);
    assert!(copying.status().unwrap().success());
    let mut command = Command::new(&program);
    home.enter(&mut command);
    command.args(["--password-file", "password", "unlock"]);
    finish(command, "").ok();
    std::fs::remove_file(&program).unwrap();
    ask(&home, &screen, &["copy", "mail"]).ok();
    assert_eq!(screen.content(None).as_deref(), Some(SECRET));
    assert_eq!(screen.holders().len(), children(pid(&home)).len());
    ask(&home, &screen, &["agent", "stop"]).ok();
    screen.waits_for_no_holder();
}
