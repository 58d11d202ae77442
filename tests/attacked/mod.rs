//! What the attacks on the program share: canaries, a vault of its own with every folder that the program could write to,
//! and every command of the program once.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it; a test may stop"
)]

#[path = "../floor/mod.rs"]
mod floor;

pub(crate) use floor::FLOOR;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) const PASSWORD: &str = "canary-master-Wq7xTzPb4RmbKd9YsHc2Lf";
pub(crate) const NEW_PASSWORD: &str = "canary-second-Jb4nKdMz3kQy7wBrtGh8Uo";
pub(crate) const ITEM: &str = "canary-item-Zk9vRm2cTy4uHb6NsWq8LxeJ";
pub(crate) const EDITED: &str = "canary-edited-Hd2pLc5wQz7RvKt9MbnXs4";
pub(crate) const SEED: &str = "CANARYSEEDJBSWY3DPEHPK3PXPKRSXG5BAMFZGK2LT";
pub(crate) const IMPORTED: &str = "canary-imported-Vn5sQy8xLk2BtRw4HmcF";
pub(crate) const HIDDEN: &str = "canary-hidden-Gt6bXw3rMq8ZkLv5JcsNy2";
pub(crate) const CANARIES: [&str; 7] =
    [PASSWORD, NEW_PASSWORD, ITEM, EDITED, SEED, IMPORTED, HIDDEN];

/// A vault of its own with every folder that the program could write to, gone afterwards.
pub(crate) struct Bench {
    pub(crate) folder: PathBuf,
    pub(crate) password_file: PathBuf,
}

impl Bench {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "keyfold-attack-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::SeqCst)
        );
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        for inner in ["home", "runtime", "tmp", "drive", "input"] {
            fs::create_dir(folder.join(inner)).unwrap();
        }
        // Others may look inside: what keeps them out must be keyfold's own modes.
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        let bench = Self {
            password_file: folder.join("input/password"),
            folder,
        };
        fs::write(&bench.password_file, format!("{PASSWORD}\n")).unwrap();
        bench
    }

    pub(crate) fn with_vault() -> Self {
        let bench = Self::new();
        assert!(bench.run(&with_floor(&["init"]), "").status.success());
        bench
    }

    /// What [`every_command`] reads: files to import, a new password, an editor that puts one secret in another's place.
    pub(crate) fn for_every_command() -> Self {
        let bench = Self::new();
        let csv =
            format!("name,url,username,password\nshop,https://shop.example,anna,{IMPORTED}\n");
        fs::write(bench.path("input/logins.csv"), csv).unwrap();
        let new = format!("{NEW_PASSWORD}\n");
        fs::write(bench.path("input/new-password"), new).unwrap();
        // In a file, or the editor itself would show the secrets in its arguments.
        let edit = format!("s/{ITEM}/{EDITED}/\n");
        fs::write(bench.path("input/edit.sed"), edit).unwrap();
        bench.editor("sed -i -f input/edit.sed \"$1\"");
        bench
    }

    /// What must happen before one of them.
    pub(crate) fn before(&self, arguments: &[&str]) {
        match arguments {
            ["conflicts", ..] => self.change_apart(),
            ["backup", "--to", folder] => fs::create_dir(self.path(folder)).unwrap(),
            _ => {}
        }
    }

    /// What must happen after one of them.
    pub(crate) fn after(&self, arguments: &[&str]) {
        if arguments.first() == Some(&"passwd") {
            fs::copy(self.path("input/new-password"), &self.password_file).unwrap();
        }
    }

    pub(crate) fn path(&self, inner: &str) -> PathBuf {
        self.folder.join(inner)
    }

    /// A command with the bench's folders in its environment; nothing there is a secret.
    pub(crate) fn prepare(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("XDG_RUNTIME_DIR", self.path("runtime"))
            .env("KEYFOLD_VAULT", self.path("drive/vault.keyfold"))
            .env("KEYFOLD_STATE_DIR", self.path("state"))
            .env("KEYFOLD_CONFIG", self.path("config.toml"))
            .env("EDITOR", self.path("input/editor"))
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn options(&self) -> Vec<String> {
        let password_file = self.password_file.display().to_string();
        vec![
            "--no-input".to_owned(),
            "--password-file".to_owned(),
            password_file,
        ]
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.prepare(env!("CARGO_BIN_EXE_keyfold"));
        command.args(self.options()).args(arguments);
        finish(command.spawn().unwrap(), input)
    }

    /// Gives mail another password here and, apart, on a second device, whose changes the drive then brings.
    pub(crate) fn change_apart(&self) {
        let (here, there) = (
            self.path("drive/vault.keyfold"),
            self.path("other-drive/vault.keyfold"),
        );
        // Beside the vault it would be found as a conflict copy.
        fs::create_dir(self.path("other-drive")).unwrap();
        fs::copy(&here, &there).unwrap();
        let edit = ["edit", "mail", "--secret-stdin"];
        assert!(self.run(&edit, IMPORTED).status.success());
        let mut other = self.prepare(env!("CARGO_BIN_EXE_keyfold"));
        other
            .env("KEYFOLD_VAULT", &there)
            .env("KEYFOLD_STATE_DIR", self.path("other"))
            .args(self.options())
            .args(edit);
        let edited = finish(other.spawn().unwrap(), EDITED);
        assert!(edited.status.success(), "{edited:?}");
        let (mine, theirs) = (fs::read(&here).unwrap(), fs::read(&there).unwrap());
        fs::write(&here, [&mine, &theirs[1024..]].concat()).unwrap();
    }

    /// An editor that writes down the modes it finds, then does `action` with the file `$1`.
    pub(crate) fn editor(&self, action: &str) {
        let script = format!(
            "#!/bin/sh\nstat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" > {log}\n{action}\n",
            log = self.path("editor.log").display()
        );
        let path = self.path("input/editor");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn with_floor(arguments: &[&'static str]) -> Vec<&'static str> {
    arguments.iter().copied().chain(FLOOR).collect()
}

pub(crate) fn finish(mut child: Child, input: &str) -> Output {
    let mut pipe = child.stdin.take().unwrap();
    // A command that does not read its input may be gone already.
    let _ = pipe.write_all(input.as_bytes());
    drop(pipe);
    child.wait_with_output().unwrap()
}

/// How a command ends here: there is nothing to copy to, and no terminal. tests/clipboard/ looks at it with both.
pub(crate) fn exit_code(arguments: &[&str]) -> i32 {
    match arguments.first() {
        Some(&"copy") => 1,
        Some(&"login") => 2,
        _ => 0,
    }
}

/// Every command, in an order that works, with its standard input.
pub(crate) fn every_command() -> Vec<(Vec<&'static str>, &'static str)> {
    let uri = "otpauth://totp/canary?secret=CANARYSEEDJBSWY3DPEHPK3PXPKRSXG5BAMFZGK2LT";
    let fields = r#"{"pin": {"kind": "secret", "value": "canary-hidden-Gt6bXw3rMq8ZkLv5JcsNy2"}}"#;
    vec![
        (with_floor(&["init"]), ""),
        (
            vec![
                "add",
                "mail",
                "-u",
                "anna",
                "--url",
                "https://example.org",
                "--secret-stdin",
            ],
            ITEM,
        ),
        (vec!["add", "other", "-g"], ""),
        (vec!["edit", "mail", "--json-stdin"], fields),
        (vec!["otp", "add", "mail", "--otp-stdin"], uri),
        (vec!["otp", "mail"], ""),
        (vec!["otp", "--watch"], ""),
        (vec!["otp", "uri", "mail"], ""),
        (vec!["otp", "qr", "mail"], ""),
        (vec!["get", "mail"], ""),
        (vec!["get", "--url", "https://example.org"], ""),
        (vec!["copy", "mail"], ""),
        (vec!["login", "mail"], ""),
        (vec!["show", "mail", "--reveal"], ""),
        (vec!["ls"], ""),
        (vec!["find", "mail"], ""),
        (vec!["edit", "mail"], ""),
        (vec!["attach", "add", "mail", "input/logins.csv"], ""),
        (vec!["attach", "ls", "mail"], ""),
        (vec!["attach", "get", "mail", "--output", "-"], ""),
        (vec!["attach", "rm", "mail", "logins.csv"], ""),
        (vec!["edit", "mail", "--secret-stdin"], ITEM),
        (vec!["history", "mail", "--reveal"], ""),
        (vec!["conflicts", "--reveal"], ""),
        (vec!["resolve", "mail", "password", "--take", "2"], ""),
        (vec!["mv", "other", "folder/other"], ""),
        (vec!["cp", "mail", "copy"], ""),
        (with_floor(&["init", "--vault", "drive/other.keyfold"]), ""),
        (to_other(&["cp", "mail"]), ""),
        (to_other(&["mv", "copy"]), ""),
        (vec!["restore", "copy"], ""),
        (vec!["rm", "copy"], ""),
        (vec!["restore", "copy"], ""),
        (vec!["undo"], ""),
        (vec!["purge", "copy", "--yes"], ""),
        (vec!["gen"], ""),
        (vec!["import", "input/logins.csv"], ""),
        (vec!["export"], ""),
        (vec!["export", "--format", "csv"], ""),
        (vec!["slots", "list"], ""),
        (vec!["recovery-key", "make"], ""),
        (vec!["fingerprint"], ""),
        (vec!["devices"], ""),
        (vec!["status"], ""),
        (vec!["sync"], ""),
        (vec!["merge", "drive/vault.keyfold"], ""),
        (vec!["review"], ""),
        (vec!["check"], ""),
        (vec!["backup", "--to", "backups"], ""),
        (vec!["backup", "ls"], ""),
        (vec!["backup", "verify"], ""),
        (vec!["backup", "drill"], ""),
        (vec!["compact"], ""),
        (
            with_floor(&["rekey", "--yes", "--new-password-file", "input/password"]),
            "",
        ),
        (
            with_floor(&["passwd", "--new-password-file", "input/new-password"]),
            "",
        ),
        (vec!["doctor"], ""),
        (vec!["audit"], ""),
        (vec!["audit", "--html", "audit.html", "--json"], ""),
        (vec!["config"], ""),
        (vec!["completions", "bash"], ""),
        (vec!["man"], ""),
        (vec!["tour"], ""),
        (vec!["unlock"], ""),
        (vec!["agent", "status"], ""),
        (vec!["lock"], ""),
        (vec!["agent", "stop"], ""),
        (vec!["relocate", "drive/vault.keyfold"], ""),
        (vec!["forget", "--yes"], ""),
    ]
}

/// Into another vault, which has the same password.
pub(crate) fn to_other(arguments: &[&'static str]) -> Vec<&'static str> {
    let opens = ["--to-password-file", "input/password", "--to-vault"];
    let to = ["drive/other.keyfold", "clients/"];
    [arguments, &opens, &to].concat()
}

/// Commands that the program's own help lists.
pub(crate) fn commands_in_help(bench: &Bench) -> BTreeSet<String> {
    let help = String::from_utf8(bench.run(&["--help"], "").stdout).unwrap();
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with("  "));
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}
