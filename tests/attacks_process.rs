//! Attacks by other programs of the same user on the running program: tracing, its memory, core files (SECURITY.md, B5).
//!
//! Everything here runs as an unprivileged user, and every attack is first shown to succeed on a program without the
//! defence.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod floor;
mod other_user;
mod waiting;

use floor::FLOOR;
use other_user::{NOBODY, as_user};
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use waiting::until;

const PASSWORD: &str = "correct horse battery staple";

/// A folder of the unprivileged user, with the program and a vault in it.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("keyfold-process-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let place = Self { folder };
        fs::create_dir(place.path("own")).unwrap();
        // The build's own folder may be closed to others.
        fs::copy(env!("CARGO_BIN_EXE_keyfold"), place.path("keyfold")).unwrap();
        fs::write(place.path("password"), format!("{PASSWORD}\n")).unwrap();
        chown(place.path("own"), Some(NOBODY), Some(NOBODY)).unwrap();
        let password_file = place.path("password");
        let mut init = place.command(&place.path("keyfold"));
        init.arg("--password-file").arg(password_file).arg("init");
        assert!(init.args(FLOOR).status().unwrap().success());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A program that runs as the unprivileged user and may leave core files as large as it likes.
    fn command(&self, program: &Path) -> Command {
        let mut command = as_user(NOBODY);
        command
            .args(["sh", "-c", "ulimit -S -c unlimited; exec \"$0\" \"$@\""])
            .arg(program)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("own"))
            .env("KEYFOLD_VAULT", self.path("own/vault.keyfold"))
            .env("KEYFOLD_STATE_DIR", self.path("own/state"))
            .env("KEYFOLD_CONFIG", self.path("own/config.toml"))
            .current_dir(self.path("own"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// A program that hides nothing, running.
    fn plain(&self) -> Child {
        let child = self.command(Path::new("cat")).stdin(Stdio::piped()).spawn();
        let child = child.unwrap();
        until("it is that far", || {
            fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap() == "cat\n"
        });
        child
    }

    /// The program, waiting for a password that somebody has yet to write into a pipe.
    /// The pipe stays open, or it would read the end of one.
    fn keyfold(&self) -> (Child, File) {
        let pipe = self.path("own/pipe");
        let _ = fs::remove_file(&pipe);
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        fs::set_permissions(&pipe, Permissions::from_mode(0o644)).unwrap();
        let mut command = self.command(&self.path("keyfold"));
        let child = command.arg("--password-file").arg(&pipe).arg("ls").spawn();
        let child = child.unwrap();
        // It opens once the program has opened it on its side.
        let mut open = OpenOptions::new();
        open.write(true)
            .custom_flags(i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap());
        let mut writer = None;
        until("it is that far", || {
            writer = open.open(&pipe).ok();
            writer.is_some()
        });
        (child, writer.unwrap())
    }

    /// What another program of the same user gets: an open memory, the environment, a dump by a debugger.
    fn attacks(&self, pid: u32) -> [bool; 3] {
        let can = |program: &str, arguments: &[String]| {
            let mut command = self.command(Path::new(program));
            command.args(arguments).status().unwrap().success()
        };
        let script = |text: &str| vec!["-c".to_owned(), text.replace("PID", &pid.to_string())];
        let dump = self.path("own/dump");
        let _ = fs::remove_file(&dump);
        let written = format!("generate-core-file {}", dump.display());
        let debugger = ["-nx", "-batch", "-p", &pid.to_string(), "-ex", &written];
        can("gdb", &debugger.map(str::to_owned));
        [
            can("sh", &script("exec 3< /proc/PID/mem")),
            can("sh", &script("cat /proc/PID/environ")),
            dump.exists(),
        ]
    }

    /// Whether a crash of the program leaves its memory behind.
    fn crashes_with_core(&self, mut child: Child) -> bool {
        let pid = child.id().to_string();
        // Not SEGV: the standard library handles that one for a moment.
        let killed = Command::new("sh")
            .args(["-c", &format!("kill -s QUIT {pid}")])
            .status();
        assert!(killed.unwrap().success());
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(3));
        status.core_dumped()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
#[ignore = "needs gdb and setpriv, and root to drop from"]
fn no_other_program_of_the_user_reads_traces_or_dumps_keyfold() {
    let place = Place::new();
    let plain = place.plain();
    assert_eq!(place.attacks(plain.id()), [true; 3], "on a plain program");
    assert!(place.crashes_with_core(plain), "of a plain program");

    let (keyfold, _pipe) = place.keyfold();
    assert_eq!(place.attacks(keyfold.id()), [false; 3]);
    assert!(!place.crashes_with_core(keyfold));
}

#[test]
#[ignore = "needs setpriv, and root to drop from"]
fn no_core_is_allowed_to_keyfold_at_all() {
    let place = Place::new();
    let limit = |pid: u32| {
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core"));
        let words: Vec<String> = line
            .unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        [words[4].clone(), words[5].clone()]
    };
    let mut plain = place.plain();
    assert_ne!(limit(plain.id()), ["0", "0"]);
    let (mut keyfold, _pipe) = place.keyfold();
    assert_eq!(limit(keyfold.id()), ["0", "0"]);
    for child in [&mut plain, &mut keyfold] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
