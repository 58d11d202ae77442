//! What the tests of the program share: a throw-away home with a vault file and a state folder, and the program run in it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it; a test may stop"
)]

#[path = "../floor/mod.rs"]
mod floor;

pub(crate) use floor::FLOOR;
use serde_json::Value;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

static HOMES: AtomicUsize = AtomicUsize::new(0);

/// A folder of its own, removed afterwards, in which the program lives.
pub(crate) struct Home {
    pub(crate) folder: PathBuf,
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Home {
    /// A home with the files `old` and `new`, each a password, and no vault.
    pub(crate) fn new() -> Self {
        let number = HOMES.fetch_add(1, Ordering::Relaxed);
        let name = format!("keyfold-test-{}-{number}", std::process::id());
        let home = Self {
            folder: std::env::temp_dir().join(name),
        };
        drop(std::fs::remove_dir_all(&home.folder));
        std::fs::create_dir_all(home.path("drive")).unwrap();
        for (name, password) in [("old", "correct horse battery"), ("new", "other staple 7")] {
            std::fs::write(home.path(name), format!("{password}\n")).unwrap();
        }
        home
    }

    /// A home with a vault that opens with `old`.
    pub(crate) fn with_vault() -> Self {
        let home = Self::new();
        home.ok(&[&["init"][..], &FLOOR].concat());
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn vault_file(&self) -> PathBuf {
        self.path("drive/vault.keyfold")
    }

    /// A command of `program` with the environment of this home and nothing else.
    pub(crate) fn environment(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("KEYFOLD_VAULT", self.vault_file())
            .env("KEYFOLD_STATE_DIR", self.path("state"))
            .env("KEYFOLD_CONFIG", self.path("config.toml"))
            .stdin(Stdio::null());
        command
    }

    /// The program, with the password of this file and the arguments.
    pub(crate) fn keyfold_with(&self, password: &str, arguments: &[&str]) -> Command {
        let mut command = self.environment(env!("CARGO_BIN_EXE_keyfold"));
        command
            .arg("--no-input")
            .arg("--password-file")
            .arg(self.path(password))
            .args(arguments);
        command
    }

    pub(crate) fn keyfold(&self, arguments: &[&str]) -> Command {
        self.keyfold_with("old", arguments)
    }

    /// Runs to exit 0 and gives what was printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        ok(&mut self.keyfold(arguments))
    }

    pub(crate) fn ok_with(&self, password: &str, arguments: &[&str]) -> String {
        ok(&mut self.keyfold_with(password, arguments))
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        json(&mut self.keyfold(&[&["--json"][..], arguments].concat()))
    }

    /// The export, as another device would make it out of the vault file alone.
    pub(crate) fn export_of_fresh_device(&self, password: &str) -> Output {
        let state = self.path("fresh-state");
        drop(std::fs::remove_dir_all(&state));
        self.keyfold_with(password, &["export"])
            .env("KEYFOLD_STATE_DIR", state)
            .output()
            .unwrap()
    }
}

/// Runs to exit 0 and gives what was printed.
pub(crate) fn ok(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{command:?}: {}",
        told(&output)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn json(command: &mut Command) -> Value {
    let text = ok(command);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{command:?}: {error}: {text}"))
}

/// Standard error and how the program ended.
pub(crate) fn told(output: &Output) -> String {
    format!(
        "exit {:?}, signal {:?}: {}",
        output.status.code(),
        output.status.signal(),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs with this standard input.
pub(crate) fn fed(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(input.as_bytes()).unwrap();
    drop(pipe);
    child.wait_with_output().unwrap()
}

/// Whether a program is there; tests that need it are ignored unless asked for, so then it must be.
pub(crate) fn needs(program: &str) {
    let found = std::env::var_os("PATH")
        .is_some_and(|paths| std::env::split_paths(&paths).any(|path| path.join(program).exists()));
    assert!(found, "this test needs {program}");
}

/// The titles of an export.
pub(crate) fn titles(export: &Value) -> Vec<String> {
    let items = export["items"].as_array().unwrap();
    items.iter().map(|item| value(item, "title")).collect()
}

/// A field's value in an item of an export; empty where it has none.
pub(crate) fn value(item: &Value, field: &str) -> String {
    let fields = item["fields"].as_array().unwrap();
    let found = fields.iter().find(|known| known["name"] == field);
    found.map_or(String::new(), |known| {
        known["value"].as_str().unwrap_or_default().to_owned()
    })
}

/// The length of a file; 0 where there is none.
pub(crate) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}
