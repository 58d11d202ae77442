//! The agent from outside: unlocked once, asked by every command, locked when it says so, whatever strangers send it.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

#[path = "../program/mod.rs"]
mod program;

#[path = "../waiting/mod.rs"]
mod waiting;

mod backing_up;
mod desktop;
mod lifecycle;
mod strangers;
mod unlocked;

use program::{Home, Ran};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use waiting::{PATIENCE, until};

impl Home {
    /// One with a vault, an item `mail` in it, and the vault unlocked.
    fn unlocked() -> Self {
        let home = Self::new();
        home.add("mail", "hunter2", &[]);
        home.run(&["unlock"]).ok();
        home
    }

    /// The program without a password: what is locked fails with 5.
    fn ask(&self, args: &[&str]) -> Ran {
        self.bare(args, "")
    }

    fn status(&self) -> Value {
        self.ask(&["agent", "status", "--json"]).ok().json()
    }

    fn is_locked(&self) -> bool {
        self.status()["locked"].as_bool().unwrap()
    }

    /// The agent's process.
    fn pid(&self) -> Pid {
        let pid = self.status()["pid"].as_i64().unwrap();
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
    }

    fn socket(&self) -> PathBuf {
        self.path("state/agent/agent.sock")
    }

    /// Runs an agent in the foreground, and waits until it listens.
    fn serve(&self, environment: &[(&str, &str)]) -> Served {
        let mut command = self.command();
        command
            .args(["agent"])
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (told, says) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if told.send(line).is_err() {
                    break;
                }
            }
        });
        let served = Served { child, says };
        served.says("Listening");
        served
    }
}

/// An agent in the foreground; it ends with the test.
struct Served {
    child: Child,
    says: Receiver<String>,
}

impl Served {
    /// Waits until it says this.
    #[track_caller]
    fn says(&self, wanted: &str) -> String {
        loop {
            match self.says.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(wanted) => return line,
                Ok(_) => {}
                Err(error) => panic!("the agent never said {wanted:?}: {error}"),
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already, as it should have.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

fn is_running(pid: Pid) -> bool {
    // One that has ended stays until its parent takes note of it; nobody's child is taken note of by the first process.
    let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let is_zombie = state.is_ok_and(|state| state.contains(") Z "));
    test_kill_process(pid).is_ok() && !is_zombie
}

fn end(pid: Pid, signal: Signal) {
    kill_process(pid, signal).unwrap();
    until("the agent ends", || !is_running(pid));
}
