//! Attacks by other users on the agent's socket (SECURITY.md, B7): a loose umask, a folder or socket that they made first,
//! links, and a plain connection.
//!
//! The attacker is an unprivileged user and the victim another one. Every attack is first shown to succeed where the
//! defence is not.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod floor;
mod other_user;
mod waiting;

use floor::FLOOR;
use other_user::{NOBODY, as_user};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use waiting::until;

const VICTIM: u32 = 65533;
const ATTACKER: u32 = NOBODY;

/// Connects, greets as keyfold 0.1.0 does, and prints how many bytes it is answered: 44 are an agent's greeting.
const CLIENT: &str = r"
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(60)
try:
    client.connect(sys.argv[1])
    version = sys.argv[2].encode()
    client.sendall(b'keyfoldA\x01\x00\x00' + bytes([len(version)]) + version.ljust(32, b'\x00'))
    print(len(client.recv(100)))
except OSError as error:
    print(type(error).__name__)
";
/// Listens where it is told, open to everybody, says so, then prints how many bytes the first client sends, and answers
/// as an agent would.
const SERVER: &str = r"
import os, socket, sys
os.umask(0)
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print('listening', flush=True)
client, _ = server.accept()
greeting = client.recv(44)
print(len(greeting), flush=True)
client.sendall(greeting)
while True:
    more = client.recv(1 << 20)
    if not more:
        break
    print('question', len(more), flush=True)
";

/// A folder in which both users have one of their own, with the program and the victim's vault.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("keyfold-socket-{}-{number}", std::process::id());
        let place = Self {
            folder: std::env::temp_dir().join(name),
        };
        fs::create_dir(&place.folder).unwrap();
        fs::set_permissions(&place.folder, Permissions::from_mode(0o755)).unwrap();
        for (name, user, mode) in [
            ("victim", VICTIM, 0o755),
            ("attacker", ATTACKER, 0o755),
            // As the folder for everybody's temporary files.
            ("shared", 0, 0o1777),
        ] {
            fs::create_dir(place.path(name)).unwrap();
            chown(place.path(name), Some(user), Some(user)).unwrap();
            fs::set_permissions(place.path(name), Permissions::from_mode(mode)).unwrap();
        }
        // The build's own folder may be closed to others.
        fs::copy(env!("CARGO_BIN_EXE_keyfold"), place.path("keyfold")).unwrap();
        fs::write(place.path("password"), "correct horse battery staple\n").unwrap();
        fs::set_permissions(place.path("password"), Permissions::from_mode(0o644)).unwrap();
        assert!(place.keyfold(&with_floor("init")).status.success());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn socket(&self) -> PathBuf {
        self.path("shared/keyfold/agent.sock")
    }

    /// A program as one of the users, with a umask that hides nothing.
    fn run_as(&self, user: u32, program: &Path) -> Command {
        let mut command = as_user(user);
        command
            .args(["sh", "-c", "umask 000; exec \"$0\" \"$@\""])
            .arg(program)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The victim's keyfold.
    fn command(&self) -> Command {
        let mut command = self.run_as(VICTIM, &self.path("keyfold"));
        command
            .env("HOME", self.path("victim"))
            .env("XDG_RUNTIME_DIR", self.path("shared"))
            .env("KEYFOLD_VAULT", self.path("victim/vault.keyfold"))
            .env("KEYFOLD_STATE_DIR", self.path("victim/state"))
            .env("KEYFOLD_CONFIG", self.path("victim/config.toml"));
        command
    }

    /// The victim's keyfold with the password at hand.
    fn keyfold(&self, arguments: &[&str]) -> Output {
        let mut command = self.command();
        command.arg("--password-file").arg(self.path("password"));
        command.args(arguments).output().unwrap()
    }

    /// The victim's keyfold without it.
    fn asked(&self, arguments: &[&str]) -> Output {
        let mut command = self.command();
        command.arg("--no-input").args(arguments).output().unwrap()
    }

    /// What a plain connection is answered.
    fn answered(&self, user: u32, socket: &Path) -> String {
        let mut client = self.run_as(user, Path::new(PYTHON));
        client.arg("-c").arg(CLIENT).arg(socket);
        let output = client.arg(env!("CARGO_PKG_VERSION")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A server of one of the users that listens there.
    fn server(&self, user: u32, socket: &Path) -> Server {
        let mut server = self.run_as(user, Path::new(PYTHON));
        server.arg("-c").arg(SERVER).arg(socket);
        let mut child = server.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut server = Server { child, out };
        assert_eq!(server.line(), "listening");
        server
    }
}

/// The system's own: another user may not see one that was installed for one user.
const PYTHON: &str = "/usr/bin/python3";

impl Drop for Place {
    fn drop(&mut self) {
        if self.socket().exists() {
            let _ended = self.asked(&["agent", "stop"]);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

struct Server {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Everything it has told until now, after its end.
    fn ended(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut rest = String::new();
        while self.out.read_line(&mut rest).unwrap() > 0 {}
        rest
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn with_floor(command: &str) -> Vec<&str> {
    let mut arguments = vec![command];
    arguments.extend(FLOOR);
    arguments
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

#[track_caller]
fn assert_refused(output: &Output) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        text(output).contains("not a private folder or socket of this user"),
        "{output:?}"
    );
}

#[test]
#[ignore = "needs setpriv and python3, and root to drop from"]
fn a_umask_that_hides_nothing_opens_no_socket_to_another_user() {
    let place = Place::new();
    // A server that trusts its umask is open to everybody.
    let trusting = place.path("victim/trusting.sock");
    let mut server = place.server(VICTIM, &trusting);
    assert_eq!(place.answered(ATTACKER, &trusting), "44");
    assert_eq!(server.line(), "44");

    assert!(place.keyfold(&["unlock"]).status.success());
    assert_eq!(mode(&place.path("shared/keyfold")), 0o700);
    assert_eq!(mode(&place.socket()) & 0o077, 0);
    assert_eq!(mode(&place.path("shared/keyfold/agent.lock")), 0o600);
    assert_eq!(place.answered(ATTACKER, &place.socket()), "PermissionError");
    assert_eq!(place.answered(VICTIM, &place.socket()), "44");
}

#[test]
#[ignore = "needs setpriv and python3, and root to drop from"]
fn another_user_who_reaches_the_socket_is_not_answered() {
    let place = Place::new();
    assert!(place.keyfold(&["unlock"]).status.success());
    // As if folder and socket had been opened by something else.
    for (path, mode) in [
        ("shared/keyfold", 0o755),
        ("shared/keyfold/agent.sock", 0o777),
    ] {
        fs::set_permissions(place.path(path), Permissions::from_mode(mode)).unwrap();
    }
    assert_eq!(place.answered(VICTIM, &place.socket()), "44");
    let refused = place.answered(ATTACKER, &place.socket());
    assert!(
        ["0", "ConnectionResetError", "BrokenPipeError"].contains(&refused.as_str()),
        "{refused}"
    );
    // Root is another user too.
    let refused = place.answered(0, &place.socket());
    assert!(
        ["0", "ConnectionResetError", "BrokenPipeError"].contains(&refused.as_str()),
        "{refused}"
    );
    // And keyfold itself uses no folder that is open.
    assert_refused(&place.asked(&["agent", "status"]));
    fs::set_permissions(place.path("shared/keyfold"), Permissions::from_mode(0o700)).unwrap();
    assert!(place.asked(&["ls"]).status.success());
}

#[test]
#[ignore = "needs setpriv and python3, and root to drop from"]
fn a_folder_that_another_user_made_first_gets_no_key() {
    let place = Place::new();
    let folder = place.path("shared/keyfold");
    fs::create_dir(&folder).unwrap();
    chown(&folder, Some(ATTACKER), Some(ATTACKER)).unwrap();
    // Whoever does not look is taken in.
    let mut server = place.server(ATTACKER, &place.socket());
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(place.answered(VICTIM, &place.socket()), "44");
    assert_eq!(server.line(), "44");
    drop(server);
    fs::remove_file(place.socket()).unwrap();

    for mode in [0o777, 0o755, 0o711] {
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        let server = place.server(ATTACKER, &place.socket());
        fs::set_permissions(place.socket(), Permissions::from_mode(0o777)).unwrap();
        assert_refused(&place.keyfold(&["unlock"]));
        assert_refused(&place.asked(&["agent"]));
        assert_refused(&place.asked(&["agent", "stop"]));
        assert_eq!(server.ended(), "", "nobody came");
        // Nothing of theirs is removed.
        assert!(place.socket().exists());
        fs::remove_file(place.socket()).unwrap();
    }
    // What needs no agent is done without it.
    assert!(place.keyfold(&["ls"]).status.success());
}

#[test]
#[ignore = "needs setpriv and python3, and root to drop from"]
fn a_link_in_the_place_of_folder_or_socket_is_not_followed() {
    let place = Place::new();
    let theirs = place.path("attacker/keyfold");
    fs::create_dir(&theirs).unwrap();
    chown(&theirs, Some(ATTACKER), Some(ATTACKER)).unwrap();
    symlink(&theirs, place.path("shared/keyfold")).unwrap();
    // Whoever follows the link is taken in.
    let mut server = place.server(ATTACKER, &theirs.join("agent.sock"));
    assert_eq!(place.answered(VICTIM, &place.socket()), "44");
    assert_eq!(server.line(), "44");
    drop(server);
    fs::remove_file(theirs.join("agent.sock")).unwrap();

    let server = place.server(ATTACKER, &theirs.join("agent.sock"));
    assert_refused(&place.keyfold(&["unlock"]));
    // Neither one to a folder of the user's own, where an agent would listen that nobody else finds.
    fs::remove_file(place.path("shared/keyfold")).unwrap();
    let own = place.path("victim/own");
    fs::create_dir(&own).unwrap();
    chown(&own, Some(VICTIM), Some(VICTIM)).unwrap();
    fs::set_permissions(&own, Permissions::from_mode(0o700)).unwrap();
    symlink(&own, place.path("shared/keyfold")).unwrap();
    assert_refused(&place.keyfold(&["unlock"]));
    fs::remove_file(place.path("shared/keyfold")).unwrap();

    // A socket that is a link, in the right folder.
    let folder = place.path("shared/keyfold");
    fs::rename(&own, &folder).unwrap();
    symlink(theirs.join("agent.sock"), place.socket()).unwrap();
    assert_refused(&place.keyfold(&["unlock"]));
    assert_refused(&place.asked(&["agent"]));
    assert!(fs::symlink_metadata(place.socket()).unwrap().is_symlink());
    assert_eq!(server.ended(), "", "nobody came");
}

#[test]
#[ignore = "needs setpriv and python3, and root to drop from"]
fn what_is_no_socket_or_somebody_else_s_is_neither_used_nor_removed() {
    let place = Place::new();
    let folder = place.path("shared/keyfold");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    chown(&folder, Some(VICTIM), Some(VICTIM)).unwrap();
    fs::write(place.socket(), "mine").unwrap();
    chown(place.socket(), Some(VICTIM), Some(VICTIM)).unwrap();
    assert_refused(&place.keyfold(&["unlock"]));
    assert_refused(&place.asked(&["agent"]));
    assert_eq!(fs::read_to_string(place.socket()).unwrap(), "mine");
    fs::remove_file(place.socket()).unwrap();

    // Left by an agent that another user ran in this folder.
    drop(std::os::unix::net::UnixListener::bind(place.socket()).unwrap());
    assert_refused(&place.keyfold(&["unlock"]));
    assert_refused(&place.asked(&["agent"]));
    assert!(
        fs::symlink_metadata(place.socket())
            .unwrap()
            .file_type()
            .is_socket()
    );
    fs::remove_file(place.socket()).unwrap();

    // A lock file that leads elsewhere.
    fs::remove_file(place.path("shared/keyfold/agent.lock")).unwrap();
    fs::write(place.path("victim/precious"), "mine").unwrap();
    symlink(
        place.path("victim/precious"),
        place.path("shared/keyfold/agent.lock"),
    )
    .unwrap();
    assert_eq!(place.asked(&["agent"]).status.code(), Some(1));
    assert_eq!(
        fs::read_to_string(place.path("victim/precious")).unwrap(),
        "mine"
    );
}

#[test]
#[ignore = "needs setpriv and python3, and root to drop from"]
fn a_path_that_is_too_long_for_a_socket_is_served_all_the_same() {
    let place = Place::new();
    let deep = place
        .path("victim")
        .join("d".repeat(120))
        .join("e".repeat(120));
    fs::create_dir_all(&deep).unwrap();
    chown(&deep, Some(VICTIM), Some(VICTIM)).unwrap();
    let keyfold = |arguments: &[&str]| {
        let mut command = place.command();
        command.env("XDG_RUNTIME_DIR", &deep);
        command.arg("--password-file").arg(place.path("password"));
        command.args(arguments).output().unwrap()
    };
    let unlocked = keyfold(&["unlock"]);
    assert!(unlocked.status.success(), "{unlocked:?}");
    let mut listing = place.command();
    listing
        .env("XDG_RUNTIME_DIR", &deep)
        .args(["--no-input", "ls"]);
    assert!(listing.output().unwrap().status.success());
    assert!(keyfold(&["agent", "stop"]).status.success());
    until("what was attacked is there", || {
        !deep.join("keyfold/agent.sock").exists()
    });
}
