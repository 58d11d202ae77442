//! Every question that a front end may ask, and every answer: plain values that also travel between two processes.
//!
//! No answer holds a key, and a secret stands in one only where the question was to reveal it.

use crate::exchange::Source;
use crate::model::draft::Draft;
use crate::model::ids::{DeviceId, Dot, FieldId, ItemId, RecordId};
use crate::model::item::ItemSummary;
use crate::model::moment::Moment;
use crate::model::query::Scope;
use crate::otp::Kind;
use crate::secret::{Secret, SecretBytes};
use crate::service::import::Ledger;
use crate::state::change::Edit;
use crate::state::conflict::Conflict;
use crate::state::devices::DeviceRow;
use crate::state::op::ChunkName;
use crate::state::view::{FormerView, ItemView, Life};
use crate::vault::{BackupCheck, BackupMade, CheckReport, Status};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A question.
#[derive(Serialize, Deserialize)]
pub enum Request {
    /// How this machine's clock stands to the newest change: the first question of a run.
    Clock,
    /// Every item, the trash included.
    Items,
    /// The rows of these items, in this order; those that are gone are left out.
    Rows(Vec<ItemId>),
    /// The items that a name means by cli.md's levels, or a `keyfold://` reference: none, the one, or several to choose from.
    Named(String, Scope),
    /// Living items that have exactly this folder and title.
    AtPath {
        /// The folder.
        folder: String,
        /// The title.
        title: String,
    },
    /// The items that an address is for, by its origin.
    ForAddress(String),
    /// Items that a fuzzy search finds, the best ones first.
    Find(String, Scope),
    /// One item, secrets sealed.
    Item(ItemId),
    /// One value in clear: the field's current one, or the head or former value of this dot.
    Reveal {
        /// The item.
        item: ItemId,
        /// The field.
        field: FieldId,
        /// Which of its values; `None` for the one that shows.
        dot: Option<Dot>,
    },
    /// The code of a one-time password field. An HOTP counter moves forward, durably, before the code is given.
    Code {
        /// The item.
        item: ItemId,
        /// The field with the seed.
        field: FieldId,
    },
    /// Former values of an item, newest first.
    History(ItemId),
    /// New items, all or none.
    Add(Vec<Draft>),
    /// Changes to items, all or none.
    Edit(Vec<(ItemId, Vec<Edit>)>),
    /// Items to the trash or back, all or none.
    SetLife(Vec<ItemId>, Life),
    /// Content of items gone for ever; both files are rewritten.
    Purge(Vec<ItemId>),
    /// This device's changes that can be undone, newest first.
    Undoable,
    /// Takes changes back, newest first.
    Undo(Vec<RecordId>),
    /// What devices changed apart and nobody has decided: of one item, or of all.
    Conflicts(Option<ItemId>),
    /// Takes one value of a conflict, counted from 0, for all of them.
    Resolve(Box<Conflict>, usize),
    /// Devices that share the vault.
    Devices,
    /// What the devices are called.
    DeviceNames,
    /// Gives a device another name; an empty one retires it.
    NameDevice(DeviceId, String),
    /// Where this device stands.
    Status,
    /// Unites with the vault file and its copies now.
    Sync,
    /// Puts the vault in the place of whatever else lies at its path.
    ReplaceForeignFile,
    /// Authenticates every record and chunk.
    Check,
    /// Brings in what another program exported, all or nothing, below a folder if one is named.
    Import(Box<Source>, Option<String>),
    /// What [`Request::Import`] would do.
    Rehearse(Box<Source>, Option<String>),
    /// The fingerprint, as six numbers below this one.
    Fingerprint(u16),
    /// As [`Request::Code`], and refused for a seed whose counter it would move: for who only looks.
    CodeByTime {
        /// The item.
        item: ItemId,
        /// The field with the seed.
        field: FieldId,
    },
    /// Which of these items have a one-time password seed, in this order; all living ones for `None`.
    Seeds(Option<Vec<ItemId>>),
    /// Stores a piece of a file that is to be attached by [`Edit::Attach`].
    StorePiece(#[serde(with = "crate::secret::in_transit::bytes")] SecretBytes),
    /// Takes back pieces that are not to be attached after all, where nothing was stored since.
    DiscardPieces(Vec<ChunkName>),
    /// A piece of an attached file, by its number from 0.
    ReadPiece {
        /// The item.
        item: ItemId,
        /// The operation that attached the file.
        dot: Dot,
        /// Which piece.
        number: usize,
    },
    /// As [`Request::Named`], and where it is one, as [`Request::Item`] too: what nearly every command begins with.
    OneNamed(String, Scope),
    /// Writes a backup into this folder and authenticates all of it.
    BackUp(PathBuf),
    /// Authenticates all of a backup.
    VerifyBackup(PathBuf),
    /// The living items that have this password in any of their fields.
    SamePassword(#[serde(with = "crate::secret::in_transit")] Secret),
    /// Several items as [`Request::Item`] gives them, in this order: as many as go into one answer, which is at least one.
    Whole(Vec<ItemId>),
}

/// An answer.
#[derive(Serialize, Deserialize)]
pub enum Response {
    /// To [`Request::Clock`].
    Clock(ClockCheck),
    /// To [`Request::Items`], [`Request::Rows`], [`Request::Named`], [`Request::AtPath`], [`Request::Find`] and
    /// [`Request::SamePassword`].
    Items(Vec<ItemSummary>),
    /// To [`Request::ForAddress`].
    ForAddress(ForAddress),
    /// To [`Request::Item`].
    Item(Box<ItemView>),
    /// To [`Request::Reveal`].
    Secret(#[serde(with = "crate::secret::in_transit")] Secret),
    /// To [`Request::Code`] and [`Request::CodeByTime`].
    Code(OneTimeCode),
    /// To [`Request::History`].
    History(Vec<FormerView>),
    /// To [`Request::Add`]: the new items' ids.
    Added(Vec<ItemId>),
    /// To [`Request::Undoable`].
    Undoable(Vec<UndoRow>),
    /// To [`Request::Conflicts`].
    Conflicts(Vec<Conflict>),
    /// To [`Request::Devices`]: all of them, and which is this one.
    Devices(Vec<DeviceRow>, DeviceId),
    /// To [`Request::DeviceNames`].
    DeviceNames(BTreeMap<DeviceId, String>),
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// To [`Request::Sync`]: how many changes wait for delivery.
    Synced(usize),
    /// To [`Request::Check`].
    Check(Box<CheckReport>),
    /// To [`Request::Import`] and [`Request::Rehearse`].
    Ledger(Ledger),
    /// To [`Request::Fingerprint`].
    Fingerprint([usize; 6]),
    /// To everything else.
    Done,
    /// To [`Request::Seeds`].
    Seeds(Vec<SeedRow>),
    /// To [`Request::StorePiece`].
    Stored(ChunkName),
    /// To [`Request::ReadPiece`].
    Piece(#[serde(with = "crate::secret::in_transit::bytes")] SecretBytes),
    /// To [`Request::OneNamed`].
    OneNamed(Vec<ItemSummary>, Option<Box<ItemView>>),
    /// To [`Request::BackUp`].
    BackedUp(Box<BackupMade>),
    /// To [`Request::VerifyBackup`].
    BackupVerified(Box<BackupCheck>),
    /// To [`Request::Whole`]: the first of the items; nothing for those that are gone.
    Whole(Vec<Option<ItemView>>),
}

/// What an address came to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ForAddress {
    /// The items that may be given to it.
    pub items: Vec<ItemSummary>,
    /// Where there are none: paths of items that are kept back, and why, in words.
    pub withheld: Vec<(String, String)>,
}

/// How this machine's clock stands to the changes in the vault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ClockCheck {
    /// Nothing is wrong.
    Plausible,
    /// A change is dated in the future, by more than a day.
    ChangeAhead,
    /// It is behind the newest change.
    Behind,
}

/// A one-time code.
#[derive(Serialize, Deserialize)]
pub struct OneTimeCode {
    /// The code.
    #[serde(with = "crate::secret::in_transit")]
    pub code: Secret,
    /// How it was made.
    pub kind: CodeKind,
    /// Seconds that a code is good for; none for HOTP.
    pub period_secs: Option<u32>,
    /// Seconds that this one is still good for.
    pub remaining_secs: Option<u32>,
    /// The code after this one; none for HOTP, whose next one would use the counter up.
    #[serde(with = "crate::secret::in_transit::optional")]
    pub next: Option<Secret>,
    /// The counter that was used, for HOTP.
    pub counter: Option<u64>,
}

/// An item that has a one-time password seed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SeedRow {
    /// The item.
    pub item: ItemSummary,
    /// The field with the seed.
    pub field: FieldId,
    /// How its codes are made; `None` where the field's text is no seed.
    pub kind: Option<CodeKind>,
}

/// How a one-time code is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CodeKind {
    /// By time (RFC 6238).
    Totp,
    /// By counter (RFC 4226).
    Hotp,
    /// By time, in Steam's alphabet.
    Steam,
}

impl CodeKind {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Hotp => "hotp",
            Self::Steam => "steam",
        }
    }
}

impl From<Kind> for CodeKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Totp { .. } => Self::Totp,
            Kind::Hotp { .. } => Self::Hotp,
            Kind::Steam => Self::Steam,
        }
    }
}

/// A change that can be undone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UndoRow {
    /// The record.
    pub record: RecordId,
    /// When it was written.
    pub at: Moment,
    /// Items that it touched.
    pub items: Vec<ItemId>,
}
