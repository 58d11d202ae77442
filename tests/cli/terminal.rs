//! The program on a terminal: a pseudo-terminal stands in for it.

use crate::program::{FLOOR, Home, PASSWORD};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a prompt may take to appear on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that believes to sit at a terminal, and the person before it.
pub(crate) struct Terminal {
    master: File,
    slave: File,
    pub(crate) child: Child,
    chunks: Receiver<Vec<u8>>,
    seen: String,
    /// Where the text begins that was not yet waited for.
    read_to: usize,
}

impl Terminal {
    /// Runs a command whose standard streams are a terminal.
    pub(crate) fn start(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let end = || slave.try_clone().unwrap();
        let child = command
            .env("TERM", "xterm")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let master = File::from(master);
        let mut reader = master.try_clone().unwrap();
        let (sender, chunks) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            master,
            slave,
            child,
            chunks,
            seen: String::new(),
            read_to: 0,
        }
    }

    /// Runs the program with a terminal that it may also open as /dev/tty.
    pub(crate) fn attached(home: &Home, args: &[&str]) -> Self {
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_keyfold")])
            .args(args);
        home.enter(&mut command);
        Self::start(command)
    }

    fn take(&mut self, until: Instant) -> bool {
        match self
            .chunks
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            Ok(bytes) => {
                self.seen.push_str(&String::from_utf8_lossy(&bytes));
                true
            }
            Err(_) => false,
        }
    }

    /// Waits until this text appears after what was waited for before.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen[self.read_to..].find(text) {
                self.read_to += at + text.len();
                return;
            }
            assert!(self.take(until), "no {text:?} in {:?}", self.seen);
        }
    }

    pub(crate) fn types(&mut self, text: &str) {
        // A prompt shows before it has turned the echo off.
        std::thread::sleep(Duration::from_millis(200));
        self.master.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn echoes(&self) -> bool {
        let modes = rustix::termios::tcgetattr(&self.slave).unwrap().local_modes;
        modes.contains(rustix::termios::LocalModes::ECHO | rustix::termios::LocalModes::ICANON)
    }

    /// Waits for the end: the exit code and all that was shown.
    pub(crate) fn ends(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        while self.take(Instant::now() + Duration::from_millis(300)) {}
        (code, self.seen)
    }
}

/// The program with its password in a file, so that it needs no prompt.
fn shown(home: &Home, args: &[&str]) -> (i32, String) {
    let mut command = home.command();
    command
        .args(["--password-file", &home.arg("password")])
        .args(args);
    Terminal::start(command).ends()
}

#[test]
fn nothing_from_a_vault_commands_the_terminal() {
    let home = Home::new();
    let hostile = "a\u{1b}]52;c;ZXZpbA==\u{7}\u{202e}b\u{9b}31m";
    home.run(&[&["--vault", "b.keyfold", "init"][..], &FLOOR].concat())
        .ok();
    home.add(
        hostile,
        hostile,
        &[
            "-u",
            hostile,
            "--note",
            hostile,
            "--tag",
            hostile,
            "--field",
            &format!("x{hostile}={hostile}"),
        ],
    );
    for args in [
        &["ls"][..],
        &["ls", "--color", "always"],
        &["find", "a"],
        &["show", "a", "--reveal"],
        &["get", "a"],
        &["get", "a", "username"],
        &["history", "a", "--reveal"],
        &["undo", "--list"],
        &["get", "a", hostile],
        &["rm", "a"],
        &["get", hostile],
        &["restore", "a"],
        &[
            "cp",
            "a",
            "--to-vault",
            "b.keyfold",
            "--to-password-file",
            "password",
        ],
        &[
            "mv",
            "a",
            "--to-vault",
            "b.keyfold",
            "--to-password-file",
            "password",
        ],
    ] {
        let (_, text) = shown(&home, args);
        for forbidden in ["\u{1b}]", "\u{7}", "\u{202e}", "\u{9b}"] {
            assert!(!text.contains(forbidden), "{args:?}: {text:?}");
        }
    }
    let (code, text) = shown(&home, &["ls", "--trash"]);
    assert_eq!(code, 0);
    assert!(text.contains("52;c;"), "escaped, not swallowed: {text:?}");
    let moved = home.run(&["--vault", "b.keyfold", "ls"]).ok().out;
    assert!(!moved.is_empty(), "the other vault has it");
}

#[test]
fn a_terminal_gets_tables_and_a_newline() {
    let home = Home::new();
    home.add(
        "work/mail",
        "hunter2",
        &["-u", "me", "--url", "https://mail.example.com/x"],
    );
    let (_, table) = shown(&home, &["ls"]);
    assert!(
        table.contains("user") && table.contains("mail.example.com"),
        "{table}"
    );
    let (_, value) = shown(&home, &["get", "work/mail"]);
    assert_eq!(value, "hunter2\r\n");
    let (_, empty) = shown(&home, &["ls", "nothing"]);
    assert!(empty.contains("No items"), "{empty}");
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn a_new_password_is_asked_for_twice_masked_and_rated() {
    let home = Home::empty();
    let mut terminal = Terminal::attached(&home, &[&["init"][..], &FLOOR].concat());
    terminal.sees("New master password for ");
    terminal.types("password\r");
    terminal.sees("weak");
    terminal.sees("[y/N]");
    terminal.types("n\r");
    terminal.sees("New master password");
    terminal.types("correct horse battery staple\r");
    terminal.sees("bits");
    terminal.sees("Once more: ");
    terminal.types("something else\r");
    terminal.sees("differ");
    terminal.sees("New master password");
    terminal.types("correct horse battery staple\r");
    terminal.sees("Once more: ");
    terminal.types("correct horse battery staple\r");
    terminal.sees("Made a vault");
    let (code, seen) = terminal.ends();
    assert_eq!(code, 0, "{seen}");
    assert!(!seen.contains("correct") && seen.contains("****"), "{seen}");
    home.run(&["ls"]).ok();
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn a_wrong_password_may_be_typed_again_and_the_prompt_names_the_vault() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let mut terminal = Terminal::attached(&home, &["get", "mail"]);
    terminal.sees("Master password of ");
    terminal.sees("vault.keyfold: ");
    terminal.types("wrong\r");
    terminal.sees("Try again");
    terminal.sees("vault.keyfold: ");
    terminal.types(&format!("{PASSWORD}\r"));
    terminal.sees("hunter2");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn ctrl_c_at_a_prompt_leaves_the_terminal_as_it_was() {
    let home = Home::new();
    let mut terminal = Terminal::attached(&home, &["ls"]);
    terminal.sees("vault.keyfold: ");
    terminal.types("half");
    terminal.sees("****");
    terminal.types("\u{3}");
    let code = terminal.child.wait().unwrap().code();
    assert!(terminal.echoes());
    assert_eq!(code, Some(130));
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn an_ambiguous_name_is_picked_from_a_list() {
    let home = Home::new();
    home.add("a/mail", "one", &["-u", "anna"]);
    home.add("b/mail", "two", &["-u", "bert"]);
    let password = home.arg("password");
    let mut terminal = Terminal::attached(&home, &["get", "mail", "--password-file", &password]);
    terminal.sees("Several items match mail");
    terminal.sees("b/mail");
    terminal.types("bert");
    terminal.types("\r");
    terminal.sees("two");
    assert_eq!(terminal.ends().0, 0);
    let mut terminal = Terminal::attached(&home, &["get", "mail", "--password-file", &password]);
    terminal.sees("b/mail");
    terminal.types("\u{3}");
    let code = terminal.child.wait().unwrap().code();
    assert!(terminal.echoes());
    assert_eq!(code, Some(130));
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn each_vault_s_password_is_asked_for_by_its_name() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    home.write("other-password", "the other one\n");
    let other = [
        "--vault",
        "other.keyfold",
        "--password-file",
        "other-password",
    ];
    home.bare(&[&other[..], &["init"], &FLOOR].concat(), "")
        .ok();
    let mut terminal = Terminal::attached(&home, &["cp", "mail", "--to-vault", "other.keyfold"]);
    terminal.sees("vault.keyfold: ");
    terminal.types(&format!("{PASSWORD}\r"));
    terminal.sees("Master password of ");
    terminal.sees("other.keyfold: ");
    terminal.types("not it\r");
    terminal.sees("does not open the other vault");
    terminal.sees("other.keyfold: ");
    terminal.types("the other one\r");
    terminal.sees("Copied to mail in ");
    assert_eq!(terminal.ends().0, 0);
    home.bare(&[&other[..], &["get", "mail"]].concat(), "")
        .ok()
        .prints("hunter2");
}
