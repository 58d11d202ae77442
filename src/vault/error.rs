//! What can go wrong with a vault, cut by who is to blame.

use crate::crypto::kdf::KdfError;
use crate::model::moment::Moment;
use crate::state::change::ChangeError;
use crate::storage::StorageError;
use std::fmt;
use std::path::PathBuf;

/// Why a vault could not be opened, read or changed.
#[derive(Debug)]
pub enum VaultError {
    /// Nothing is there, and this device knows of no vault that was.
    NoVault(PathBuf),
    /// A file is there already.
    Exists(PathBuf),
    /// The file is no vault, or is damaged beyond use, and there is no replica.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why, in words.
        reason: &'static str,
    },
    /// Nothing opened it.
    Unlock(UnlockError),
    /// The disk said no.
    Storage(StorageError),
    /// The record would be larger than a record may be.
    TooLarge,
    /// The wish cannot be.
    Change(ChangeError),
    /// Argon2 could not run.
    Kdf(KdfError),
    /// A slot too many, or the last one.
    Slots(&'static str),
    /// The vault is shown as it was, and takes no changes.
    Rewound,
    /// It cannot be done as things are, and nothing is wrong with the vault.
    Refused(&'static str),
    /// Another program, a drive most likely, is just changing the vault file.
    Changing,
    /// A piece of an attached file has not arrived, or does not authenticate.
    NoPiece,
    /// A record or frame that was written does not read back.
    Inconsistent(&'static str),
}

/// Why no slot opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UnlockError {
    /// No slot takes this secret; a slot that was tampered with looks the same.
    WrongSecret,
    /// There is no slot of the kind that the secret is for.
    NoSuchSlot,
    /// The secret was right until it was retired.
    Retired {
        /// When.
        at: Moment,
        /// On which device, by name or id.
        device: String,
    },
    /// The vault file lies under another key than this device's replica: it was rekeyed elsewhere.
    OtherKey,
    /// The secret opens a vault that went its own way: its key does not name this device's as a former one.
    Apart,
    /// Slots of several keys open, and none of the keys names the others as former.
    SeveralKeys,
    /// Every slot of the file is refused: costs over the limits, or bytes that break a rule.
    NoUsableSlot,
}

impl fmt::Display for VaultError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVault(path) => write!(out, "there is no vault at {}", path.display()),
            Self::Exists(path) => write!(out, "{} exists already", path.display()),
            Self::Unreadable { path, reason } => write!(out, "{}: {reason}", path.display()),
            Self::Unlock(error) => error.fmt(out),
            Self::Storage(error) => error.fmt(out),
            Self::TooLarge => out.write_str("this is more than one change may hold (64 MiB)"),
            Self::Change(error) => error.fmt(out),
            Self::Kdf(error) => error.fmt(out),
            Self::Rewound => {
                out.write_str("the vault is read as it was; the past cannot be changed")
            }
            Self::NoPiece => out.write_str("a piece of the attached file is not here"),
            Self::Changing => {
                out.write_str("the vault file is just being changed by another program")
            }
            Self::Slots(text) | Self::Refused(text) | Self::Inconsistent(text) => {
                out.write_str(text)
            }
        }
    }
}

impl fmt::Display for UnlockError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongSecret => out.write_str("that does not open the vault"),
            Self::NoSuchSlot => out.write_str("the vault has no way in of that kind"),
            Self::Retired { at, device } => {
                write!(
                    out,
                    "that way in was closed on {} on {device}",
                    at.to_rfc3339().get(..16).unwrap_or_default()
                )
            }
            Self::OtherKey => out.write_str("the vault file was rekeyed on another device"),
            Self::Apart => out.write_str(
                "that opens a copy of the vault that was given another key apart from this device's",
            ),
            Self::SeveralKeys => {
                out.write_str("the vault file holds several keys, and none of them is the newest")
            }
            Self::NoUsableSlot => {
                out.write_str("no way into the vault is within the limits of the format")
            }
        }
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoItem => out.write_str("there is no such item"),
            Self::NoField(name) => write!(out, "the item has no {name}"),
            Self::NoFormerValue => out.write_str("there is no such former value"),
            Self::NotAsSeen => out.write_str("another device's change has just arrived there"),
            Self::CannotUndo(why) => write!(out, "that change cannot be undone: {why}"),
        }
    }
}

impl std::error::Error for VaultError {}

impl From<StorageError> for VaultError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<UnlockError> for VaultError {
    fn from(error: UnlockError) -> Self {
        Self::Unlock(error)
    }
}

impl From<ChangeError> for VaultError {
    fn from(error: ChangeError) -> Self {
        Self::Change(error)
    }
}

impl From<KdfError> for VaultError {
    fn from(error: KdfError) -> Self {
        Self::Kdf(error)
    }
}
