//! Under a compositor without a screen, which lets programs without a window copy.

use crate::held::{self, Screen};
use crate::other_user::{NOBODY, as_user};
use crate::waiting::until;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// It refuses to run as root.
struct Sway {
    compositor: Child,
    folder: PathBuf,
}

impl Sway {
    fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("keyfold-sway-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(folder.join("config"), "").unwrap();
        for path in [&folder, &folder.join("config")] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let compositor = as_user(NOBODY)
            .args(["sway", "-c"])
            .arg(folder.join("config"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", &folder)
            .env("XDG_RUNTIME_DIR", &folder)
            .env("WLR_BACKENDS", "headless")
            .env("WLR_LIBINPUT_NO_DEVICES", "1")
            .env("WLR_RENDERER", "pixman")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sway = Self { compositor, folder };
        let socket = sway.folder.join("wayland-1");
        until("a compositor", || UnixStream::connect(&socket).is_ok());
        sway
    }
}

impl Drop for Sway {
    fn drop(&mut self) {
        let _ = self.compositor.kill();
        let _ = self.compositor.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Screen for Sway {
    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("XDG_RUNTIME_DIR", self.folder.to_str().unwrap().to_owned()),
            ("WAYLAND_DISPLAY", "wayland-1".to_owned()),
        ]
    }

    fn reader(&self, kind: Option<&str>) -> Command {
        let mut command = Command::new("wl-paste");
        command.args(["--no-newline", "--type", kind.unwrap_or("text/plain")]);
        command
    }

    fn writer(&self) -> Command {
        Command::new("wl-copy")
    }
}

#[test]
#[ignore = "needs sway and wl-clipboard, and root to drop from"]
fn a_compositors_clipboard_gets_it_marked_and_is_cleared_after_its_time() {
    held::arrives_marked_and_is_cleared_after_its_time(&Sway::start());
}

#[test]
#[ignore = "needs sway and wl-clipboard, and root to drop from"]
fn somebody_elses_copy_in_a_compositor_ends_the_holder_and_stays() {
    held::somebody_elses_copy_ends_the_holder_and_stays(&Sway::start());
}

#[test]
#[ignore = "needs sway and wl-clipboard, and root to drop from"]
fn a_second_copy_in_a_compositor_replaces_the_first() {
    held::a_second_copy_replaces_the_first(&Sway::start());
}

#[test]
#[ignore = "needs sway and wl-clipboard, and root to drop from"]
fn one_copy_after_another_is_there_in_a_compositor_as_soon_as_it_is_told() {
    held::one_copy_after_another_is_there_as_soon_as_it_is_told(&Sway::start());
}

#[test]
#[ignore = "needs sway and wl-clipboard, and root to drop from"]
fn the_primary_selection_of_a_compositor_is_not_touched() {
    let screen = Sway::start();
    let home = held::home();
    let primary = |command: &mut Command| {
        screen.send(command.arg("--primary"));
        command.output().unwrap().stdout
    };
    let mut writer = Command::new("wl-copy");
    screen.send(writer.args(["--primary", "selected"]));
    writer.stdout(Stdio::null()).stderr(Stdio::null());
    writer.status().unwrap();
    let read = || primary(Command::new("wl-paste").arg("--no-newline"));
    until("a primary selection", || read() == b"selected");
    screen.run(&home, &["copy", "mail", "--timeout", "1s"]).ok();
    assert_eq!(read(), b"selected");
    screen.waits_for_no_holder();
    assert_eq!(read(), b"selected");
}

#[test]
#[ignore = "needs sway and wl-clipboard, and root to drop from"]
fn the_secret_of_a_compositors_holder_stands_in_no_argument_and_no_environment() {
    held::the_secret_stands_in_no_argument_and_no_environment(&Sway::start());
}
