//! The way in that a desktop's keyring holds, with gnome-keyring on a bus of the test's own.

use crate::program::{Home, Ran, finish};
use crate::waiting::until;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use zbus::zvariant::OwnedObjectPath;

/// A session bus and a keyring on it, both gone with the test.
struct Desktop {
    bus: Child,
    keyring: Child,
    address: String,
}

impl Desktop {
    fn new(home: &Home) -> Self {
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .arg(format!("--address=unix:path={}", home.arg("bus")))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("dbus-daemon: {error}"));
        let mut address = String::new();
        let out = bus.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        std::fs::create_dir(home.path("run")).unwrap();
        let mut command = Command::new("gnome-keyring-daemon");
        home.enter(&mut command);
        let mut keyring = command
            .args(["--unlock", "--foreground", "--components=secrets"])
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .env("XDG_RUNTIME_DIR", home.path("run"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("gnome-keyring-daemon: {error}"));
        keyring
            .stdin
            .take()
            .unwrap()
            .write_all(b"password of the login\n")
            .unwrap();
        let desktop = Self {
            bus,
            keyring,
            address,
        };
        let connection = zbus::connection::Builder::address(desktop.address.as_str()).unwrap();
        let connection = zbus::block_on(connection.build()).unwrap();
        until("the keyring is there", || {
            let name = "org.freedesktop.DBus";
            let asked = connection.call_method(
                Some(name),
                "/org/freedesktop/DBus",
                Some(name),
                "NameHasOwner",
                &"org.freedesktop.secrets",
            );
            zbus::block_on(asked).unwrap().body().deserialize().unwrap()
        });
        desktop
    }

    /// How many secrets of keyfold the keyring holds.
    fn held(&self) -> usize {
        let connection = zbus::connection::Builder::address(self.address.as_str()).unwrap();
        let connection = zbus::block_on(connection.build()).unwrap();
        let wanted = HashMap::from([("service", "keyfold")]);
        let asked = connection.call_method(
            Some("org.freedesktop.secrets"),
            "/org/freedesktop/secrets",
            Some("org.freedesktop.Secret.Service"),
            "SearchItems",
            &wanted,
        );
        let answer = zbus::block_on(asked).unwrap();
        let (open, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            answer.body().deserialize().unwrap();
        open.len() + locked.len()
    }

    /// Runs the program on this desktop, with exactly these arguments.
    fn run(&self, home: &Home, args: &[&str]) -> Ran {
        run_at(home, &self.address, args)
    }
}

fn run_at(home: &Home, bus: &str, args: &[&str]) -> Ran {
    let mut command = home.command();
    command.env("DBUS_SESSION_BUS_ADDRESS", bus).args(args);
    finish(command, "")
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in [&mut self.keyring, &mut self.bus] {
            let _killed = child.kill();
            let _waited = child.wait();
        }
    }
}

/// The folder in which this device keeps the state of the home's vault.
fn state(home: &Home) -> PathBuf {
    let folders = std::fs::read_dir(home.path("state")).unwrap();
    let mut folders = folders.map(|entry| entry.unwrap().path());
    folders.find(|path| path.join("replica").exists()).unwrap()
}

/// No file below a folder has this text in it.
fn nowhere_in(folder: &Path, text: &[u8]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nowhere_in(&path, text);
        } else if let Ok(bytes) = std::fs::read(&path) {
            let found = bytes.windows(text.len()).any(|window| window == text);
            assert!(!found, "{}", path.display());
        }
    }
}

#[test]
#[ignore = "needs dbus-daemon and gnome-keyring-daemon"]
fn the_keyring_opens_the_vault_and_only_what_asks_no_owner() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let desktop = Desktop::new(&home);
    let password = home.arg("password");
    // Off by default: a keyring that is there changes nothing.
    desktop.run(&home, &["ls"]).exits(5);
    let args = [
        "--password-file",
        &password,
        "--json",
        "slots",
        "add",
        "--keyring",
    ];
    let added = desktop.run(&home, &args).ok().json();
    let id = added["id"].as_str().unwrap();
    desktop.run(&home, &["get", "mail"]).ok().prints("hunter2");
    desktop.run(&home, &["--no-agent", "ls"]).ok();
    desktop.run(&home, &["unlock"]).ok();
    desktop.run(&home, &["lock"]).ok();
    for owners in [&["export"][..], &["slots"], &["passwd"], &["compact"]] {
        desktop.run(&home, owners).exits(5);
    }
    let args = ["--password-file", &password, "--json", "slots"];
    let rows = desktop.run(&home, &args).ok().json();
    let rows = rows["slots"].as_array().unwrap().clone();
    let row = rows.iter().find(|row| row["kind"] == "keyring").unwrap();
    assert!(
        row["memory_mib"].is_null() && row["last_used"].is_string(),
        "{row}"
    );
    let args = ["--password-file", &password, "slots", "add", "--keyring"];
    desktop.run(&home, &args).exits(1).says("already");
    // Elsewhere the file alone has nothing of it, and the secret lies in no file in clear.
    home.run_on("phone", &["ls"], "").ok();
    nowhere_in(&home.path("state"), b"hunter2");
    // A wrong password is wrong, with the keyring at hand.
    home.write("wrong", "wrong\n");
    desktop
        .run(&home, &["--password-file", &home.arg("wrong"), "ls"])
        .exits(5);
    let args = [
        "--password-file",
        &password,
        "slots",
        "remove",
        id,
        "--keep-key",
    ];
    desktop.run(&home, &args).ok();
    let ran = desktop.run(&home, &["ls"]).exits(5);
    assert!(!ran.err.contains("keyring"), "{}", ran.err);
}

#[test]
#[ignore = "needs dbus-daemon and gnome-keyring-daemon"]
fn a_keyring_whose_way_in_is_gone_falls_back_to_the_password() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let desktop = Desktop::new(&home);
    let password = home.arg("password");
    let add = [
        "--password-file",
        &password,
        "--json",
        "slots",
        "add",
        "--keyring",
    ];
    let added = desktop.run(&home, &add).ok().json();
    let id = added["id"].as_str().unwrap().to_owned();
    desktop.run(&home, &["--no-agent", "ls"]).ok();
    // Another device closes it.
    home.run_on("phone", &["ls"], "").ok();
    home.run_on("phone", &["slots", "remove", &id, "--keep-key"], "")
        .ok();
    std::fs::copy(home.vault_of("phone"), home.vault()).unwrap();
    desktop
        .run(&home, &["--no-agent", "ls"])
        .exits(5)
        .says("keyring");
    desktop.run(&home, &["unlock"]).exits(5).says("keyring");
    let with_password = ["--password-file", &password, "--no-agent", "ls"];
    desktop.run(&home, &with_password).ok().prints("mail\n");
    // The next one takes its place; a new key takes it away again.
    desktop.run(&home, &add).ok();
    desktop.run(&home, &["--no-agent", "ls"]).ok();
    let rekey = [
        &[
            "--password-file",
            &password,
            "rekey",
            "--yes",
            "--new-password-file",
            &password,
        ][..],
        &crate::program::FLOOR,
    ];
    desktop.run(&home, &rekey.concat()).ok().says("keyring");
    let ran = desktop.run(&home, &["--no-agent", "ls"]).exits(5);
    assert!(!ran.err.contains("keyring"), "{}", ran.err);
    // A desktop that is gone is told, and the password opens.
    desktop.run(&home, &add).ok();
    drop(desktop);
    let bus = format!("unix:path={}", home.arg("bus"));
    run_at(&home, &bus, &["--no-agent", "ls"])
        .exits(5)
        .says("keyring");
    run_at(&home, &bus, &["forget", "--yes"])
        .ok()
        .says("keyring");
}

#[test]
fn without_a_keyring_no_way_in_is_left_behind() {
    let home = Home::new();
    let password = home.arg("password");
    let nowhere = format!("unix:path={}", home.arg("no-bus"));
    let args = ["--password-file", &password, "slots", "add", "--keyring"];
    run_at(&home, &nowhere, &args).exits(1).says("keyring");
    let rows = home.run(&["--json", "slots"]).ok().json();
    assert_eq!(rows["slots"].as_array().unwrap().len(), 1);
    let ran = run_at(&home, &nowhere, &["ls"]).exits(5);
    assert!(!ran.err.contains("keyring"), "{}", ran.err);
}

#[test]
#[ignore = "needs dbus-daemon and gnome-keyring-daemon"]
fn a_way_in_that_is_not_remembered_leaves_no_secret_in_the_keyring() {
    let home = Home::new();
    let desktop = Desktop::new(&home);
    let password = home.arg("password");
    let with_password = |args: &[&str]| {
        let all = [&["--password-file", &password, "--json"], args].concat();
        desktop.run(&home, &all)
    };
    let added = with_password(&["slots", "add", "--keyring"]).ok().json();
    assert_eq!(desktop.held(), 1);
    let id = added["id"].as_str().unwrap();
    with_password(&["slots", "remove", id, "--keep-key"]).ok();
    assert_eq!(desktop.held(), 0);
    // No file can take the place of a folder.
    std::fs::create_dir(state(&home).join("keyring")).unwrap();
    let ran = with_password(&["slots", "add", "--keyring"]);
    assert_ne!(ran.code, 0, "{}", ran.err);
    assert_eq!(desktop.held(), 0);
    let rows = with_password(&["slots"]).ok().json();
    assert_eq!(rows["slots"].as_array().unwrap().len(), 1);
}

#[test]
#[ignore = "needs dbus-daemon and gnome-keyring-daemon"]
fn a_disk_that_fails_is_not_taken_for_a_way_in_that_is_gone() {
    let home = Home::new();
    let desktop = Desktop::new(&home);
    let password = home.arg("password");
    let add = ["--password-file", &password, "slots", "add", "--keyring"];
    desktop.run(&home, &add).ok();
    let replica = state(&home).join("replica");
    std::fs::remove_file(&replica).unwrap();
    std::fs::create_dir(&replica).unwrap();
    let ran = desktop.run(&home, &["--no-agent", "ls"]);
    let ran = ran.says("The keyring's way in could not be tried: ");
    assert!(!ran.err.contains("any more"), "{}", ran.err);
}

#[test]
fn a_bus_that_is_no_socket_of_this_machine_is_never_connected_to() {
    let home = Home::new();
    let password = home.arg("password");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for address in [
        format!("tcp:host=127.0.0.1,port={port}"),
        format!("tcp:host=127.0.0.1,port={port},x=;unix:path=/run/bus"),
        "unixexec:path=/bin/sh".to_owned(),
    ] {
        let args = ["--password-file", &password, "slots", "add", "--keyring"];
        run_at(&home, &address, &args)
            .exits(1)
            .says("DBUS_SESSION_BUS_ADDRESS");
        let accepted = listener.accept().map(drop);
        assert!(accepted.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
    }
}

#[test]
fn who_may_ask_nobody_hardly_waits_for_a_keyring() {
    let home = Home::new();
    std::fs::write(
        state(&home).join("keyring"),
        format!("{}\n", "ab".repeat(16)),
    )
    .unwrap();
    let _mute = UnixListener::bind(home.path("bus")).unwrap();
    let bus = format!("unix:path={}", home.arg("bus"));
    let begun = Instant::now();
    run_at(&home, &bus, &["--no-input", "--no-agent", "ls"])
        .exits(5)
        .says("the keyring does not answer");
    // No measure of speed: somebody who may be asked has half a minute.
    assert!(begun.elapsed() < Duration::from_secs(25));
}
