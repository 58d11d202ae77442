//! What the tests of the program share: a throw-away home with a vault at the KDF's floor, and the program run in it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it; a test may stop"
)]

#[path = "../floor/mod.rs"]
mod floor;

pub(crate) use floor::FLOOR;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A home folder that is gone when the test is over.
pub(crate) struct Home {
    root: PathBuf,
}

/// What a run of the program came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) args: String,
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    /// An empty one; the file `password` holds the master password.
    pub(crate) fn empty() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("keyfold-test-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        std::fs::create_dir(&root).unwrap();
        let home = Self { root };
        home.write("password", &format!("{PASSWORD}\n"));
        home
    }

    /// One with an empty vault.
    pub(crate) fn new() -> Self {
        let home = Self::empty();
        let mut args = vec!["init"];
        args.extend(FLOOR);
        home.run(&args).ok();
        home
    }

    /// Ends the agents that typed passwords started, on this device and on others.
    pub(crate) fn stop_agents(&self) {
        let Ok(folders) = std::fs::read_dir(&self.root) else {
            return;
        };
        for folder in folders.flatten() {
            if folder.path().join("agent/agent.sock").exists() {
                let mut command = self.command();
                command.env("KEYFOLD_STATE_DIR", folder.path());
                let _ended = command.args(["--quiet", "agent", "stop"]).status();
            }
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A path as an argument.
    pub(crate) fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.path("vault.keyfold")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program with this home's paths and nothing else in its environment; no arguments yet.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyfold"));
        self.enter(&mut command);
        command
    }

    /// Gives any command this home's environment.
    pub(crate) fn enter(&self, command: &mut Command) {
        command
            .current_dir(&self.root)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.root)
            .env("KEYFOLD_VAULT", self.vault())
            .env("KEYFOLD_STATE_DIR", self.path("state"))
            .env("KEYFOLD_CONFIG", self.path("config.toml"));
    }

    /// Runs the program with the password given.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// Runs the program with the password given and something on standard input.
    pub(crate) fn run_with(&self, args: &[&str], stdin: &str) -> Ran {
        let password = self.arg("password");
        let mut all = vec!["--password-file", password.as_str()];
        all.extend(args);
        self.bare(&all, stdin)
    }

    /// Runs the program with exactly these arguments.
    pub(crate) fn bare(&self, args: &[&str], stdin: &str) -> Ran {
        let mut command = self.command();
        command.args(args);
        finish(command, stdin)
    }

    /// Runs the program on another device, which has a vault file and a state of its own; the first time it gets a copy
    /// of this device's vault file.
    pub(crate) fn run_on(&self, device: &str, args: &[&str], stdin: &str) -> Ran {
        let vault = self.vault_of(device);
        if !vault.exists() {
            std::fs::create_dir(vault.parent().unwrap()).unwrap();
            std::fs::copy(self.vault(), &vault).unwrap();
            self.write(&format!("{device}.toml"), &format!("device = {device:?}\n"));
        }
        let mut command = self.command();
        command
            .env("KEYFOLD_VAULT", vault)
            .env("KEYFOLD_STATE_DIR", self.path(&format!("{device}-state")))
            .env("KEYFOLD_CONFIG", self.path(&format!("{device}.toml")))
            .args(["--password-file", &self.arg("password")])
            .args(args);
        finish(command, stdin)
    }

    /// The vault file of another device, in a folder of its own.
    pub(crate) fn vault_of(&self, device: &str) -> PathBuf {
        self.path(&format!("{device}-drive/vault.keyfold"))
    }

    /// The drive brings everything from another device's vault file to this one's, and back.
    pub(crate) fn meet(&self, device: &str) {
        let other = self.vault_of(device);
        let (mine, theirs) = (
            std::fs::read(self.vault()).unwrap(),
            std::fs::read(&other).unwrap(),
        );
        std::fs::write(self.vault(), [&mine, &theirs[1024..]].concat()).unwrap();
        std::fs::write(other, [&theirs, &mine[1024..]].concat()).unwrap();
    }

    /// Adds an item with this password.
    pub(crate) fn add(&self, name: &str, secret: &str, more: &[&str]) {
        let mut args = vec!["add", name, "--secret-stdin"];
        args.extend(more);
        self.run_with(&args, secret).ok();
    }

    /// What `ls` prints, one path a line.
    pub(crate) fn ls(&self) -> String {
        self.run(&["ls"]).ok().out
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.stop_agents();
        // A folder that stays in the temporary folder is no reason to fail a test.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// Runs a command to its end with a text on standard input.
pub(crate) fn finish(mut command: Command, stdin: &str) -> Ran {
    let args: Vec<String> = command
        .get_args()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that does not read its input closes the pipe: that is its right.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        args: args.join(" "),
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// It succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.exits(0)
    }

    /// It ended with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "keyfold {}\n--- out\n{}\n--- err\n{}",
            self.args, self.out, self.err
        );
        self
    }

    /// Standard error has this in it.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.err.contains(text),
            "keyfold {}: no {text:?} in\n{}",
            self.args,
            self.err
        );
        self
    }

    /// Standard output is exactly this.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Self {
        assert_eq!(self.out, text, "keyfold {}\n{}", self.args, self.err);
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        match serde_json::from_str(&self.out) {
            Ok(value) => value,
            Err(error) => panic!("keyfold {}: {error}\n{}\n{}", self.args, self.out, self.err),
        }
    }

    /// Standard error as one JSON document.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        match serde_json::from_str::<Value>(&self.err) {
            Ok(value) => value["error"].clone(),
            Err(error) => panic!("keyfold {}: {error}\n{}", self.args, self.err),
        }
    }
}

/// The names in a JSON object, in order.
#[track_caller]
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// Whether a file is private to its owner.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
