//! What the desktop tells, told here by a bus of the test's own: logind and a screen saver are played by this file.

use super::{Home, PATIENCE, Served, until};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zbus::connection::Builder;
use zbus::zvariant::{DynamicType, OwnedObjectPath, Value};
use zbus::{Connection, interface};

const SESSION: &str = "/org/freedesktop/login1/session/_31";
const FOREIGN: &str = "/org/freedesktop/login1/session/_32";

/// A bus that ends with the test.
struct Bus {
    child: Child,
    address: String,
}

impl Bus {
    fn new(home: &Home, name: &str) -> Self {
        let mut child = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .arg(format!("--address=unix:path={}", home.arg(name)))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("dbus-daemon: {error}"));
        let mut address = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        Self { child, address }
    }

    fn connect(&self) -> Builder<'_> {
        Builder::address(self.address.as_str())
            .unwrap()
            .method_timeout(PATIENCE)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// A row of logind's list: id, user, name, seat, object.
type Session = (String, u32, String, String, OwnedObjectPath);

/// As much of logind as the agent asks for.
struct Logind {
    sessions: Arc<Mutex<Vec<Session>>>,
}

#[interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    fn list_sessions(&self) -> Vec<Session> {
        self.sessions.lock().unwrap().clone()
    }
}

fn session(path: &str, user: u32) -> Session {
    let path = OwnedObjectPath::try_from(path).unwrap();
    (
        "1".to_owned(),
        user,
        "me".to_owned(),
        "seat0".to_owned(),
        path,
    )
}

/// Logind, and the list of sessions that it goes by: one of this user, one of another.
fn logind(bus: &Bus) -> (Connection, Arc<Mutex<Vec<Session>>>) {
    let user = rustix::process::geteuid().as_raw();
    let sessions = vec![session(SESSION, user), session(FOREIGN, user + 1)];
    let sessions = Arc::new(Mutex::new(sessions));
    let shown = Logind {
        sessions: Arc::clone(&sessions),
    };
    let built = bus
        .connect()
        .serve_at("/org/freedesktop/login1", shown)
        .unwrap()
        .name("org.freedesktop.login1")
        .unwrap()
        .build();
    (zbus::block_on(built).unwrap(), sessions)
}

/// Sends a signal.
fn tell<B>(connection: &Connection, path: &str, interface: &str, member: &str, body: &B)
where
    B: serde::Serialize + DynamicType,
{
    let none = None::<zbus::names::BusName<'_>>;
    zbus::block_on(connection.emit_signal(none, path, interface, member, body)).unwrap();
}

/// A home whose agent listens to both buses, and whether it does already.
fn desktop(config: &str) -> (Home, Bus, Bus, Served) {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    home.write("config.toml", config);
    let (system, user) = (
        Bus::new(&home, "system-bus"),
        Bus::new(&home, "session-bus"),
    );
    let served = home.serve(&[
        ("DBUS_SYSTEM_BUS_ADDRESS", &system.address),
        ("DBUS_SESSION_BUS_ADDRESS", &user.address),
    ]);
    home.run(&["unlock"]).ok();
    (home, system, user, served)
}

/// Tells again and again until it is heard: the agent may just be connecting.
fn told_until_locked(home: &Home, what: &str, tell: impl Fn()) {
    home.run(&["unlock"]).ok();
    assert!(!home.is_locked());
    until(what, || {
        tell();
        home.is_locked()
    });
}

#[test]
#[ignore = "needs dbus-daemon"]
fn sleep_a_locked_screen_and_a_logout_lock_it() {
    let (home, system, user, served) = desktop("");
    let (logind, sessions) = logind(&system);
    let (manager, path) = ("org.freedesktop.login1.Manager", "/org/freedesktop/login1");

    told_until_locked(&home, "the machine is about to sleep", || {
        tell(&logind, path, manager, "PrepareForSleep", &true);
    });
    served.says("is locked: the machine is about to sleep");

    told_until_locked(&home, "loginctl lock-session", || {
        tell(
            &logind,
            SESSION,
            "org.freedesktop.login1.Session",
            "Lock",
            &(),
        );
    });
    served.says("is locked: the screen was locked");

    told_until_locked(&home, "the desktop says that it is locked", || {
        let changed = std::collections::HashMap::from([("LockedHint", Value::from(true))]);
        let none: Vec<String> = Vec::new();
        let body = ("org.freedesktop.login1.Session", changed, none);
        let properties = "org.freedesktop.DBus.Properties";
        tell(&logind, SESSION, properties, "PropertiesChanged", &body);
    });
    served.says("is locked: the screen was locked");

    let desktop = zbus::block_on(user.connect().build()).unwrap();
    for interface in ["org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver"] {
        told_until_locked(&home, interface, || {
            tell(&desktop, "/ScreenSaver", interface, "ActiveChanged", &true);
        });
        served.says("is locked: the screen was locked");
    }

    sessions.lock().unwrap().remove(0);
    told_until_locked(&home, "the last session is over", || {
        let body = ("1", OwnedObjectPath::try_from(SESSION).unwrap());
        tell(&logind, path, manager, "SessionRemoved", &body);
    });
    served.says("is locked: the session is over");

    home.run(&["unlock"]).ok();
    drop(user);
    until("the session's bus is gone", || home.is_locked());
    served.says("is locked: the session is over");
}

#[test]
#[ignore = "needs dbus-daemon"]
fn what_is_no_reason_does_not_lock_it() {
    let (home, system, user, served) = desktop("");
    let (logind, _sessions) = logind(&system);
    let (manager, path) = ("org.freedesktop.login1.Manager", "/org/freedesktop/login1");
    // From here on it listens to both.
    told_until_locked(&home, "sleep", || {
        tell(&logind, path, manager, "PrepareForSleep", &true);
    });
    let desktop = zbus::block_on(user.connect().build()).unwrap();
    told_until_locked(&home, "screen", || {
        tell(
            &desktop,
            "/",
            "org.gnome.ScreenSaver",
            "ActiveChanged",
            &true,
        );
    });
    served.says("the screen was locked");
    home.run(&["unlock"]).ok();

    // A screen that is unlocked, and something that is no screen.
    for (interface, is_active) in [
        ("org.gnome.ScreenSaver", false),
        ("org.example.Thing", true),
    ] {
        tell(&desktop, "/", interface, "ActiveChanged", &is_active);
    }
    std::thread::sleep(Duration::from_secs(1));
    assert!(!home.is_locked());
    // The end of a sleep, another user's session, the end of that one, somebody who is not logind.
    tell(&logind, path, manager, "PrepareForSleep", &false);
    let interface = "org.freedesktop.login1.Session";
    tell(&logind, FOREIGN, interface, "Lock", &());
    let body = ("1", OwnedObjectPath::try_from(FOREIGN).unwrap());
    tell(&logind, path, manager, "SessionRemoved", &body);
    let stranger = zbus::block_on(system.connect().build()).unwrap();
    let agent = clients(&logind).into_iter().find(|name| {
        let own = [&logind, &stranger].map(|own| own.unique_name().unwrap().to_string());
        !own.contains(name)
    });
    // A signal that is sent to somebody comes whatever they asked for.
    let agent = zbus::names::BusName::try_from(agent.unwrap()).unwrap();
    let sent = stranger.emit_signal(Some(agent), SESSION, interface, "Lock", &());
    zbus::block_on(sent).unwrap();
    // What was told before this has been heard when this has.
    tell(&logind, path, manager, "PrepareForSleep", &true);
    let line = served.says("is locked");
    assert!(line.contains("about to sleep"), "{line}");
}

#[test]
#[ignore = "needs dbus-daemon"]
fn a_setting_keeps_the_desktop_out() {
    let (home, system, _user, _served) = desktop("lock_with_screen = \"never\"\n");
    let (logind, _sessions) = logind(&system);
    let manager = "org.freedesktop.login1.Manager";
    tell(
        &logind,
        "/org/freedesktop/login1",
        manager,
        "PrepareForSleep",
        &true,
    );
    assert_eq!(clients(&logind).len(), 1, "somebody besides logind");
    assert!(!home.is_locked());
}

/// Who is connected to a bus, as the bus itself says.
fn clients(connection: &Connection) -> Vec<String> {
    let bus = "org.freedesktop.DBus";
    let names = connection.call_method(
        Some(bus),
        "/org/freedesktop/DBus",
        Some(bus),
        "ListNames",
        &(),
    );
    let names = zbus::block_on(names).unwrap();
    let names: Vec<String> = names.body().deserialize().unwrap();
    names
        .into_iter()
        .filter(|name| name.starts_with(':'))
        .collect()
}
