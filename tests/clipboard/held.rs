//! What every display is asked: who holds, what is there, and whether it is over.

use crate::program::{Home, Ran, finish};
use crate::waiting::until;
use std::fs;
use std::process::{Command, Output, Stdio};

pub(crate) const SECRET: &str = "canary-copied-Tq8wXe";

/// A display that programs can be sent to.
pub(crate) trait Screen {
    /// The variables that lead there.
    fn variables(&self) -> Vec<(&'static str, String)>;

    /// A program that reads the clipboard as this kind of content.
    fn reader(&self, kind: Option<&str>) -> Command;

    /// A program that copies its standard input, and stays while that is there.
    fn writer(&self) -> Command;

    fn send(&self, command: &mut Command) {
        for (name, value) in self.variables() {
            command.env(name, value);
        }
    }

    /// Runs keyfold there, with its password given.
    fn run(&self, home: &Home, args: &[&str]) -> Ran {
        let mut command = home.command();
        self.send(&mut command);
        command
            .args(["--password-file", &home.arg("password")])
            .args(args);
        finish(command, "")
    }

    /// What is in the clipboard; `None` where nothing is.
    fn content(&self, kind: Option<&str>) -> Option<String> {
        let mut reader = self.reader(kind);
        self.send(&mut reader);
        let Output { status, stdout, .. } = reader.output().unwrap();
        status
            .success()
            .then(|| String::from_utf8(stdout).unwrap())
            .filter(|content| !content.is_empty())
    }

    /// Copies as another program does.
    fn copy_elsewhere(&self, text: &str) {
        use std::io::Write;
        let mut writer = self.writer();
        self.send(&mut writer);
        writer
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = writer.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        child.wait().unwrap();
        until("another program's copy", || {
            self.content(None).as_deref() == Some(text)
        });
    }

    /// The processes that hold something on this display.
    fn holders(&self) -> Vec<u32> {
        let (name, value) = self.variables().remove(0);
        let variable = format!("{name}={value}");
        let here = |pid: &u32| {
            let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let has = |bytes: &[u8], wanted: &str| {
                bytes
                    .split(|byte| *byte == 0)
                    .any(|word| word == wanted.as_bytes())
            };
            has(&read("cmdline"), "--holder") && has(&read("environ"), &variable)
        };
        let names = fs::read_dir("/proc").unwrap().flatten();
        let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(here).collect()
    }

    fn waits_for_no_holder(&self) {
        until("the end of the holder", || self.holders().is_empty());
    }
}

/// A home with one item whose password is [`SECRET`].
pub(crate) fn home() -> Home {
    let home = Home::new();
    home.add("mail", SECRET, &["-u", "anna"]);
    home
}

// The same promises on every display.

pub(crate) fn arrives_marked_and_is_cleared_after_its_time(screen: &impl Screen) {
    let home = home();
    let ran = screen.run(&home, &["copy", "mail", "--timeout", "1h"]).ok();
    ran.says("Copied password of mail; it is cleared in 1 h.")
        .prints("");
    assert_eq!(screen.content(None).as_deref(), Some(SECRET));
    let hint = screen.content(Some("x-kde-passwordManagerHint"));
    assert_eq!(hint.as_deref(), Some("secret"));
    let ran = screen.run(&home, &["copy", "mail", "username", "--timeout", "1s"]);
    assert!(!ran.ok().err.contains(SECRET));
    screen.waits_for_no_holder();
    assert_eq!(screen.content(None), None);
}

pub(crate) fn somebody_elses_copy_ends_the_holder_and_stays(screen: &impl Screen) {
    let home = home();
    screen
        .run(&home, &["copy", "mail", "--timeout", "never"])
        .ok();
    assert_eq!(screen.holders().len(), 1);
    screen.copy_elsewhere("somebody else's");
    screen.waits_for_no_holder();
    assert_eq!(screen.content(None).as_deref(), Some("somebody else's"));
}

pub(crate) fn a_second_copy_replaces_the_first(screen: &impl Screen) {
    let home = home();
    screen
        .run(&home, &["copy", "mail", "--timeout", "never"])
        .ok();
    let first = screen.holders();
    let args = ["copy", "mail", "username", "--timeout", "1h"];
    screen.run(&home, &args).ok();
    until("the end of the first holder", || {
        screen.holders().len() == 1 && screen.holders() != first
    });
    assert_eq!(screen.content(None).as_deref(), Some("anna"));
    screen.copy_elsewhere("the end");
    screen.waits_for_no_holder();
}

/// What `copy` said to be there is there at once, also where the one before was a secret of ours too.
pub(crate) fn one_copy_after_another_is_there_as_soon_as_it_is_told(screen: &impl Screen) {
    let home = home();
    for _ in 0..5 {
        for (field, expected) in [("password", SECRET), ("username", "anna")] {
            let args = ["--quiet", "copy", "mail", field, "--timeout", "never"];
            screen.run(&home, &args).ok();
            assert_eq!(screen.content(None).as_deref(), Some(expected));
        }
    }
    screen.copy_elsewhere("the end");
    screen.waits_for_no_holder();
}

/// Whether a text stands in arguments or environment of any process.
fn is_shown(text: &str) -> bool {
    let names = fs::read_dir("/proc").unwrap().flatten();
    let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.flat_map(|pid| {
        [
            format!("/proc/{pid}/cmdline"),
            format!("/proc/{pid}/environ"),
        ]
    })
    .filter_map(|path| fs::read(path).ok())
    .any(|bytes| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

pub(crate) fn the_secret_stands_in_no_argument_and_no_environment(screen: &impl Screen) {
    // The detector sees both.
    for shown in ["in-an-argument-Zr3k", "in-an-environment-Zr4k"] {
        let mut sleeper = Command::new("sh");
        sleeper
            .args(["-c", "read -r line; :"])
            .stdin(Stdio::piped());
        if shown.contains("argument") {
            sleeper.arg(shown);
        } else {
            sleeper.env("SHOWN", shown);
        }
        let mut child = sleeper.spawn().unwrap();
        until("a process that shows it", || is_shown(shown));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
    let home = home();
    screen
        .run(&home, &["copy", "mail", "--timeout", "never"])
        .ok();
    assert_eq!(screen.holders().len(), 1);
    assert!(!is_shown(SECRET));
    screen.copy_elsewhere("the end");
}
