//! A pseudo-terminal, with the program on one side and a person on the other.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it; a test may stop"
)]

use crate::program::Home;
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
        Self::attached_with(home, args, |_| {})
    }

    /// The same, and more in its environment.
    pub(crate) fn attached_with(
        home: &Home,
        args: &[&str],
        prepare: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_keyfold")])
            .args(args);
        home.enter(&mut command);
        prepare(&mut command);
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

    /// The text up to this one, which was not yet waited for.
    #[track_caller]
    pub(crate) fn reads_to(&mut self, text: &str) -> String {
        let from = self.read_to;
        self.sees(text);
        self.seen[from..self.read_to].to_owned()
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

    /// Waits until the terminal is as it was before the program came.
    pub(crate) fn comes_back(&self) -> bool {
        let until = Instant::now() + PATIENCE;
        while !self.echoes() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.echoes()
    }

    /// Kills the program as nobody can prevent.
    pub(crate) fn kills(&mut self) {
        self.child.kill().unwrap();
    }

    /// Waits for the end: the exit code and all that was shown.
    pub(crate) fn ends(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        while self.take(Instant::now() + Duration::from_millis(300)) {}
        (code, self.seen)
    }
}
