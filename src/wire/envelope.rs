//! What stands in frames: questions to the agent itself, and questions to a vault that it holds.

use super::display::{Content, Display};
use crate::crypto::keys::HandedKeys;
use crate::model::ids::SlotId;
use crate::model::moment::Moment;
use crate::service::{Request, Response};
use crate::vault::{Notice, Places};
use serde::{Deserialize, Serialize};

/// From a client.
#[derive(Serialize, Deserialize)]
pub enum Question {
    /// What the agent holds.
    Status,
    /// Open a vault with these keys, and hold it.
    Hold(Box<Holding>),
    /// A question to a vault.
    Ask(Box<Asking>),
    /// Forget the keys: of one vault, or of all.
    Lock(Option<Places>),
    /// Own a display's clipboard.
    Copy(Box<Copying>),
}

/// What is to be copied, and where.
#[derive(Serialize, Deserialize)]
pub struct Copying {
    /// The client's display.
    pub display: Display,
    /// What it is to get.
    pub content: Content,
}

/// A vault to be held.
#[derive(Serialize, Deserialize)]
pub struct Holding {
    /// Where it lies.
    pub places: Places,
    /// Its keys.
    pub keys: HandedKeys,
    /// The way in that they were found by: when it is retired, the vault is locked.
    pub slot: SlotId,
    /// What this device is called.
    pub device: String,
    /// For how long.
    pub limits: HoldLimits,
}

/// When a vault is locked by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HoldLimits {
    /// So many seconds after the last question.
    pub idle_secs: Option<u64>,
    /// So many seconds after it was unlocked.
    pub age_secs: Option<u64>,
}

/// A question to a vault.
#[derive(Serialize, Deserialize)]
pub struct Asking {
    /// Which one.
    pub places: Places,
    /// As it was then; `None` for now.
    pub at: Option<Moment>,
    /// The question.
    pub request: Request,
}

/// From the agent.
#[derive(Serialize, Deserialize)]
pub enum Answer {
    /// To [`Question::Status`].
    Status {
        /// The agent's process.
        pid: u32,
        /// What it holds.
        vaults: Vec<HeldVault>,
    },
    /// To [`Question::Ask`].
    Answered(VaultAnswer),
    /// To [`Question::Ask`]: it does not hold that vault.
    Locked,
    /// It cannot be, and why.
    Refused(Refusal),
    /// To everything else.
    Done,
}

/// What a question to a vault came to.
#[derive(Serialize, Deserialize)]
pub struct VaultAnswer {
    /// The vault's answer, or why there is none.
    pub answer: Result<Box<Response>, Refusal>,
    /// What the vault noticed since the last answer.
    pub notices: Vec<Notice>,
}

/// A vault that the agent holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeldVault {
    /// Where it lies.
    pub places: Places,
    /// Seconds until it locks by itself; none where it does not.
    pub locks_in_secs: Option<u64>,
}

/// A failure, as the client is to report it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// Exit code.
    pub exit: u8,
    /// What happened.
    pub message: String,
    /// What to type next.
    pub hint: Option<String>,
    /// What to choose from.
    pub candidates: Vec<String>,
}
