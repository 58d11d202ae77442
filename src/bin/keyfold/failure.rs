//! What went wrong, as the user and the shell are told: the exit codes and the one printer of errors.

use crate::escape::escape_multiline;
use keyfold::crypto::kdf::KdfError;
use keyfold::service::ServiceError;
use keyfold::state::change::ChangeError;
use keyfold::storage::StorageError;
use keyfold::vault::{UnlockError, VaultError};
use keyfold::wire::Refusal;
use serde::Serialize;
use std::io::{self, Write};
use std::process::ExitCode;

/// Kinds of failure, each with its exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The command failed.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// No such item or field.
    NotFound,
    /// Several items match.
    Ambiguous,
    /// Locked, or the wrong password.
    Locked,
    /// There is no vault.
    NoVault,
    /// Not a vault, over the limits, or damaged beyond healing.
    Damaged,
    /// Another process holds the vault.
    Busy,
    /// Something was found that an option names; nothing went wrong.
    Findings,
    /// Interrupted.
    Interrupted,
    /// The reader closed the pipe.
    ClosedPipe,
}

impl Kind {
    /// Every kind with its exit code and its name in JSON; README's table is compared with this one.
    pub(crate) const TABLE: [(Self, u8, &'static str); 11] = [
        (Self::Failed, 1, "failed"),
        (Self::Usage, 2, "usage"),
        (Self::NotFound, 3, "not-found"),
        (Self::Ambiguous, 4, "ambiguous"),
        (Self::Locked, 5, "locked"),
        (Self::NoVault, 6, "no-vault"),
        (Self::Damaged, 7, "damaged"),
        (Self::Busy, 8, "busy"),
        (Self::Findings, 9, "findings"),
        (Self::Interrupted, 130, "interrupted"),
        (Self::ClosedPipe, 141, "closed-pipe"),
    ];

    /// The exit code, where there is no error to report.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(self.row().0)
    }

    fn row(self) -> (u8, &'static str) {
        Self::TABLE
            .iter()
            .find(|row| row.0 == self)
            .map_or((1, "failed"), |row| (row.1, row.2))
    }
}

/// A failure on its way to the user: what happened, and what to type next.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    message: String,
    hint: Option<String>,
    candidates: Vec<String>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            candidates: Vec::new(),
        }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn candidates(mut self, candidates: Vec<String>) -> Self {
        self.candidates = candidates;
        self
    }

    /// What happened, for a notice where it keeps nothing from going on.
    pub(crate) fn told(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}\n  {hint}", self.message),
            None => self.message.clone(),
        }
    }

    /// Prints the failure on standard error and gives the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        let (exit, code) = self.kind.row();
        if self.kind != Kind::ClosedPipe {
            let text = if json {
                self.to_json(exit, code)
            } else {
                self.to_text()
            };
            // There is nobody left to tell if standard error is gone too.
            let _ = io::stderr().lock().write_all(text.as_bytes());
        }
        ExitCode::from(exit)
    }

    fn to_text(&self) -> String {
        let mut text = format!("keyfold: {}\n", escape_multiline(&self.message));
        for candidate in &self.candidates {
            text.push_str(&format!("  {}\n", crate::escape::escape(candidate)));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("  {}\n", escape_multiline(hint)));
        }
        text
    }

    fn to_json(&self, exit: u8, code: &'static str) -> String {
        #[derive(Serialize)]
        struct Outer<'a> {
            error: Inner<'a>,
        }
        #[derive(Serialize)]
        struct Inner<'a> {
            code: &'a str,
            exit: u8,
            message: &'a str,
            hint: Option<&'a str>,
            candidates: &'a [String],
        }
        let (message, hint) = (self.message.as_str(), self.hint.as_deref());
        let outer = Outer {
            error: Inner {
                code,
                exit,
                message,
                hint,
                candidates: &self.candidates,
            },
        };
        format!("{}\n", serde_json::to_string(&outer).unwrap_or_default())
    }
}

/// As a failure travels from the agent to the command that reports it.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            exit: failure.kind.row().0,
            message: failure.message,
            hint: failure.hint,
            candidates: failure.candidates,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let row = Kind::TABLE.iter().find(|row| row.1 == refusal.exit);
        Self {
            kind: row.map_or(Kind::Failed, |row| row.0),
            message: refusal.message,
            hint: refusal.hint,
            candidates: refusal.candidates,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::ClosedPipe, "the reader closed the pipe"),
            io::ErrorKind::Interrupted => Self::new(Kind::Interrupted, "interrupted"),
            _ => Self::failed(error.to_string()),
        }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        let text = error.to_string();
        match error {
            StorageError::Busy { .. } => {
                Self::new(Kind::Busy, "another keyfold is working on this vault")
                    .hint("wait for it to finish, then try again")
            }
            StorageError::Full(_) => {
                Self::failed(text).hint("nothing was changed; make room and try again")
            }
            _ => Self::failed(text),
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Vault(error) => error.into(),
            ServiceError::NoItem | ServiceError::NoField => {
                Self::new(Kind::NotFound, error.to_string())
            }
            ServiceError::Address(_) => Self::usage(error.to_string()),
            ServiceError::Sealed | ServiceError::Seed(_) => Self::failed(error.to_string()),
            ServiceError::ByCounter => {
                Self::usage(error.to_string()).hint("keyfold otp NAME gives a fresh one every time")
            }
        }
    }
}

impl From<KdfError> for Failure {
    fn from(error: KdfError) -> Self {
        Self::failed(error.to_string()).hint("close other programs, or use another device")
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let text = error.to_string();
        match error {
            VaultError::NoVault(_) => Self::new(Kind::NoVault, text)
                .hint("keyfold init makes one; --vault PATH names another"),
            VaultError::Exists(_) => Self::failed(text).hint("--vault PATH names another place"),
            VaultError::Unreadable { .. } => Self::new(Kind::Damaged, text)
                .hint("restore the file from the drive's history; keyfold backup restore FILE --replace-into PATH makes a vault of a backup"),
            VaultError::Unlock(UnlockError::NoUsableSlot) => Self::new(Kind::Damaged, text)
                .hint("the file was damaged or tampered with; restore an older one"),
            VaultError::Unlock(unlock) => unlock_failure(&unlock, text),
            VaultError::Storage(error) => error.into(),
            VaultError::Kdf(error) => error.into(),
            VaultError::TooLarge => Self::failed(text).hint("do it in smaller parts"),
            VaultError::Change(ChangeError::NotAsSeen) => {
                Self::failed(text).hint("keyfold conflicts shows it as it is now")
            }
            VaultError::Change(
                ChangeError::NoItem | ChangeError::NoField(_) | ChangeError::NoFormerValue,
            ) => Self::new(Kind::NotFound, text),
            VaultError::Change(_)
            | VaultError::Slots(_)
            | VaultError::Refused(_)
            | VaultError::Rewound => Self::failed(text),
            VaultError::NoPiece => Self::new(Kind::NotFound, text)
                .hint("another device has it: it comes with the next sync of the vault file"),
            VaultError::Changing => Self::new(Kind::Busy, text).hint("try again in a moment"),
            VaultError::Inconsistent(_) => {
                Self::new(Kind::Damaged, text).hint("keyfold check tells more")
            }
        }
    }
}

fn unlock_failure(error: &UnlockError, text: String) -> Failure {
    let hint = match error {
        UnlockError::WrongSecret => "check caps lock and keyboard layout, then try again",
        UnlockError::NoSuchSlot => {
            "--key-file PATH or --recovery-key-file PATH may be what is missing, or one too many"
        }
        UnlockError::Retired { .. } => "use the newer password",
        UnlockError::OtherKey => "open it once with the new password",
        UnlockError::Apart => {
            "this device goes by its own password; keyfold merge FILE unites the two"
        }
        UnlockError::SeveralKeys | UnlockError::NoUsableSlot => {
            "restore the vault file from a device that still opens it"
        }
    };
    Failure::new(Kind::Locked, text).hint(hint)
}
