//! The desktop's keyring, by the keyring crate: it holds the secret of one way in, on machines whose login is trust enough.
//!
//! The Secret Service of Linux desktops, macOS Keychain, Windows Credential Manager. A keyring that is locked may ask its user and wait
//! for ever, so whoever asks it here waits for half a minute at most, and hardly at all where nobody may be asked.

use crate::context::Context;
use keyfold::crypto::slot::KeyringKey;
use keyfold::model::ids::SlotId;
use keyring::{Entry, Error};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use zeroize::Zeroizing;

/// What the entries are called there.
const SERVICE: &str = "keyfold";
/// Who is asked something answers within this time, or is taken for absent.
const PATIENCE: Duration = Duration::from_secs(30);
/// The same where nobody may be asked: what is unlocked answers at once.
const LITTLE_PATIENCE: Duration = Duration::from_secs(2);

/// Puts the secret of a way in into the keyring.
pub(crate) fn store(context: &Context, slot: SlotId, key: &KeyringKey) -> Result<(), String> {
    // EXPOSE: the keyring is to hold it.
    let secret = Zeroizing::new(key.expose().to_vec());
    asked(context, move || entry(slot)?.set_secret(&secret))
}

/// The secret of a way in; `None` where the keyring has none of it.
pub(crate) fn load(context: &Context, slot: SlotId) -> Result<Option<KeyringKey>, String> {
    asked(context, move || match entry(slot)?.get_secret() {
        Ok(secret) => Ok(KeyringKey::from_bytes(&Zeroizing::new(secret))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    })
}

/// Takes the secret of a way in out of the keyring; that there is none is fine.
pub(crate) fn remove(context: &Context, slot: SlotId) -> Result<(), String> {
    asked(context, move || match entry(slot)?.delete_credential() {
        Err(Error::NoEntry) => Ok(()),
        removed => removed,
    })
}

fn entry(slot: SlotId) -> keyring::Result<Entry> {
    if let Err(error) = Entry::store_status() {
        return Err(Error::Invalid("keyring".to_owned(), error.to_string()));
    }
    Entry::new(SERVICE, &slot.to_string())
}

/// Asks in a thread of its own, which is left behind where the keyring does not answer.
fn asked<T: Send + 'static>(
    context: &Context,
    ask: impl FnOnce() -> keyring::Result<T> + Send + 'static,
) -> Result<T, String> {
    if !is_local(context) {
        return Err(
            "there is no keyring: DBUS_SESSION_BUS_ADDRESS names no socket of this machine"
                .to_owned(),
        );
    }
    let patience = if context.globals.no_input {
        LITTLE_PATIENCE
    } else {
        PATIENCE
    };
    let (answer, answered) = mpsc::channel();
    thread::Builder::new()
        .spawn(move || drop(answer.send(ask().map_err(|error| in_words(&error)))))
        .map_err(|error| format!("the system gives no thread to ask the keyring: {error}"))?;
    match answered.recv_timeout(patience) {
        Ok(answer) => answer,
        Err(_) => Err("the keyring does not answer".to_owned()),
    }
}

/// Whether the bus on which the keyring would be asked is a socket of this machine; where nothing names one it is. The crate
/// reads a list of addresses as one, of the kind that the first has: a list is refused.
#[cfg(target_os = "linux")]
fn is_local(context: &Context) -> bool {
    let named = context.session_bus();
    named.is_none_or(|address| {
        !address.contains(';') && crate::agent::local_address(&address).is_some()
    })
}

/// Other systems' keyrings are on no bus.
#[cfg(not(target_os = "linux"))]
fn is_local(_context: &Context) -> bool {
    true
}

/// The error without what a keyring gave back, which may be a secret.
fn in_words(error: &Error) -> String {
    match error {
        Error::PlatformFailure(error) => format!("the keyring failed: {error}"),
        Error::NoStorageAccess(error) => format!("the keyring is locked: {error}"),
        Error::NoDefaultStore => "there is no keyring".to_owned(),
        Error::Invalid(_, reason) => format!("there is no keyring: {reason}"),
        Error::Ambiguous(_) => "the keyring holds it twice".to_owned(),
        _ => "the keyring gave something else than it was given".to_owned(),
    }
}
