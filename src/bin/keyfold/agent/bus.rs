//! What the desktop tells, where it tells anything: that the machine is about to sleep, that the screen was locked, that
//! the session is over. It can make the agent lock and nothing else.
//!
//! Two buses are listened to: the system's, where logind speaks, and the session's, where screen savers do. Only sockets
//! of this machine's file system are ever connected to. A bus that is not there is looked for again now and then.

use super::holds::Why;
use crate::context::Bus;
use futures_core::Stream;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::thread::sleep;
use std::time::Duration;
use zbus::address::transport::{Transport, UnixSocket};
use zbus::connection::Builder;
use zbus::message::{Message, Type};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{Address, Connection, MessageStream};

/// A bus that is not there, or is there no more, is looked for this often.
const AGAIN: Duration = Duration::from_secs(30);
/// Who is asked something answers within this time, or never.
const PATIENCE: Duration = Duration::from_secs(5);

const BUS: &str = "org.freedesktop.DBus";
const LOGIND: &str = "org.freedesktop.login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
/// `org.freedesktop.ScreenSaver`, `org.gnome.ScreenSaver` and those of other desktops.
const SCREEN_SAVER: &str = ".ScreenSaver";

/// What the system's bus is asked to pass on.
const SYSTEM_RULES: [&str; 4] = [
    "type='signal',sender='org.freedesktop.login1',interface='org.freedesktop.login1.Manager',member='PrepareForSleep'",
    "type='signal',sender='org.freedesktop.login1',interface='org.freedesktop.login1.Manager',member='SessionRemoved'",
    "type='signal',sender='org.freedesktop.login1',interface='org.freedesktop.login1.Session',member='Lock'",
    "type='signal',sender='org.freedesktop.login1',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',arg0='org.freedesktop.login1.Session'",
];
/// What the session's bus is.
const SESSION_RULES: [&str; 1] = ["type='signal',member='ActiveChanged'"];

/// Listens to a bus for ever, and calls `lock` when it gives a reason to.
pub(super) fn listen_to(bus: &Bus, lock: &dyn Fn(Why)) -> ! {
    loop {
        if let Some(address) = local_address(bus.address()) {
            // How it ended says nothing: a bus that is gone is looked for again.
            let _ended = zbus::block_on(follow(bus, address, lock));
        }
        sleep(AGAIN);
    }
}

/// The first address of a list that is a socket of this machine.
pub(crate) fn local_address(addresses: &str) -> Option<Address> {
    let mut all = addresses.split(';').filter_map(|text| text.parse().ok());
    all.find(|address: &Address| match address.transport() {
        Transport::Unix(unix) => !matches!(unix.path(), UnixSocket::Dir(_) | UnixSocket::TmpDir(_)),
        _ => false,
    })
}

async fn follow(bus: &Bus, address: Address, lock: &dyn Fn(Why)) -> zbus::Result<()> {
    let connection = Builder::address(address)?
        .method_timeout(PATIENCE)
        .build()
        .await?;
    let mut messages = MessageStream::from(&connection);
    let rules = match bus {
        Bus::System(_) => SYSTEM_RULES.as_slice(),
        Bus::Session(_) => SESSION_RULES.as_slice(),
    };
    for rule in rules {
        call_bus(&connection, "AddMatch", rule).await?;
    }
    while let Some(message) = next(&mut messages).await {
        let Ok(message) = message else { break };
        if message.message_type() != Type::Signal {
            continue;
        }
        let why = match bus {
            Bus::System(_) => told_by_logind(&connection, &message).await,
            Bus::Session(_) => told_by_screen_saver(&message),
        };
        if let Some(why) = why {
            lock(why);
        }
    }
    if matches!(bus, Bus::Session(_)) {
        lock(Why::LoggedOut);
    }
    Ok(())
}

async fn next(messages: &mut MessageStream) -> Option<zbus::Result<Message>> {
    poll_fn(|context| Pin::new(&mut *messages).poll_next(context)).await
}

async fn call_bus(connection: &Connection, method: &str, text: &str) -> zbus::Result<Message> {
    let path = "/org/freedesktop/DBus";
    connection
        .call_method(Some(BUS), path, Some(BUS), method, &text)
        .await
}

fn told_by_screen_saver(message: &Message) -> Option<Why> {
    let header = message.header();
    let is_one = header.interface()?.as_str().ends_with(SCREEN_SAVER);
    let is_active: bool = message.body().deserialize().ok()?;
    (is_one && is_active).then_some(Why::Screen)
}

/// A reason to lock, if logind itself says so: any user may send a signal of that name to anybody.
async fn told_by_logind(connection: &Connection, message: &Message) -> Option<Why> {
    let header = message.header();
    let owner = call_bus(connection, "GetNameOwner", LOGIND).await.ok()?;
    let owner: String = owner.body().deserialize().ok()?;
    if header.sender()?.as_str() != owner {
        return None;
    }
    let why = match (header.interface()?.as_str(), header.member()?.as_str()) {
        (MANAGER, "PrepareForSleep") => {
            let begins: bool = message.body().deserialize().ok()?;
            return begins.then_some(Why::Sleeps);
        }
        (MANAGER, "SessionRemoved") => {
            let sessions = own_sessions(connection).await?;
            return sessions.is_empty().then_some(Why::LoggedOut);
        }
        (SESSION, "Lock") => Why::Screen,
        (_, "PropertiesChanged") if is_now_locked(message) => Why::Screen,
        _ => return None,
    };
    // Where logind does not say whose session it is, locking is the safe mistake.
    let sessions = own_sessions(connection).await;
    let path = header.path()?.as_str();
    let is_own = sessions.is_none_or(|sessions| sessions.iter().any(|own| own.as_str() == path));
    is_own.then_some(why)
}

fn is_now_locked(message: &Message) -> bool {
    let body = message.body();
    let changed = body.deserialize::<(String, HashMap<String, OwnedValue>, Vec<String>)>();
    changed.is_ok_and(|(_, changed, _)| {
        let hint = changed.get("LockedHint").map(|value| &**value);
        matches!(hint, Some(Value::Bool(true)))
    })
}

/// The sessions of this user; `None` where logind does not say.
async fn own_sessions(connection: &Connection) -> Option<Vec<OwnedObjectPath>> {
    type Row = (String, u32, String, String, OwnedObjectPath);
    let path = "/org/freedesktop/login1";
    let listed = connection
        .call_method(Some(LOGIND), path, Some(MANAGER), "ListSessions", &())
        .await;
    let sessions: Vec<Row> = listed.ok()?.body().deserialize().ok()?;
    let own = rustix::process::geteuid().as_raw();
    let paths = sessions.into_iter().filter(|row| row.1 == own);
    Some(paths.map(|row| row.4).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_of_this_machine_are_connected_to() {
        for address in [
            "unix:path=/run/user/1000/bus",
            "unix:path=/run/user/1000/bus,guid=0123456789abcdef0123456789abcdef",
            "unix:abstract=/tmp/dbus-x",
            "tcp:host=localhost,port=1;unix:path=/bus",
        ] {
            let found = local_address(address).map(|address| address.to_string());
            assert!(
                found.is_some_and(|found| found.starts_with("unix:")),
                "{address}"
            );
        }
        for address in [
            "",
            "tcp:host=localhost,port=12345",
            "nonce-tcp:host=localhost,port=12345,noncefile=/x",
            "unixexec:path=/bin/sh",
            "autolaunch:",
            "launchd:env=X",
            "unix:dir=/tmp",
            "unix:tmpdir=/tmp",
            "nonsense",
        ] {
            assert!(local_address(address).is_none(), "{address}");
        }
    }
}
