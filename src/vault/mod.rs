//! An open vault: the only place where crypto, log, state and storage meet (vault-format.md, sections 1.6 and 7).
//!
//! A change is committed when the replica has it, synced; then it is delivered to the vault file. Nothing here ever
//! truncates or changes a vault file in place, copies a frame that does not authenticate, or keeps a password.

mod adopt;
mod append;
mod backup;
mod beside;
mod check;
mod chunks;
mod commit;
mod copies;
mod create;
mod error;
mod events;
mod lineage;
mod local;
mod look;
mod looked;
mod merge;
mod oddities;
mod open;
mod past;
mod read;
mod reconcile;
mod rekey;
mod reseal;
mod revealer;
mod review;
mod rewrite;
mod slots;
mod status;
mod sync;
mod unlock;

use crate::crypto::keys::Keys;
use crate::crypto::slot::{Slot, SlotKind};
use crate::log::frame::Nonce;
use crate::log::scan::Damage;
use crate::model::ids::{DeviceId, FieldId, ItemId, RecordId, SlotId, VaultId};
use crate::model::moment::Moment;
use crate::secret::Secret;
use crate::state::fold::State;
use crate::state::id_hash::IdHash;
use crate::state::view::{Retirement, Value};
use crate::storage::{Listing, Stamp, Storage, StoredFile};
use local::LocalPlaces;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use backup::{
    BackupCheck, BackupKey, BackupMade, BackupName, BackupRestored, CLOCK_SLACK_MILLISECONDS,
    Drill, FoundBackup, Keep, NotedBackup, Presence, Pruned, forget_backups, is_backup_name,
    list_backups, mark_told, noted_backups, prune, restore_into, surplus_backups,
};
pub use check::{CheckReport, DamageFound, IncompleteFile};
use chunks::Chunks;
pub use chunks::PIECE_LIMIT;
pub use create::{NewVault, create};
pub use error::{UnlockError, VaultError};
pub use events::Event;
pub use local::{forget, known_vault, relocate};
pub use merge::{Merge, MergeSource, MergedItem, Relation};
pub use open::{Located, locate};
pub use rekey::Replacement;
pub use revealer::Revealer;
pub use review::Review;
pub use rewrite::Compacted;
pub use slots::{Credential, NewSecret, SlotRow, stretch};
pub use status::{FileState, Status};

/// How long a command waits for another process of this machine.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Where a vault lies, and where this device keeps its own state.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Places {
    /// The vault file, absolute.
    pub vault_file: PathBuf,
    /// The folder of all local state on this device.
    pub state_folder: PathBuf,
}

/// Something that the user should know, once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Notice {
    /// Records came from the vault file or from copies beside it.
    Merged(usize),
    /// Conflict copies that were taken in and moved away.
    CopiesMoved(usize),
    /// The vault file lacked records that this device has; they were put back.
    Healed(usize),
    /// The vault file had gone back to an earlier version: so many records that had been in it were missing.
    RolledBack(usize),
    /// The vault file was gone and was written again.
    PutBack,
    /// The vault file was replaced because it held a way in or content that is no more, or lay under a former key.
    Replaced,
    /// What was written waits in the replica, and why it could not be delivered.
    Pending(String),
    /// The vault file could not be used, and why.
    Unusable(String),
    /// Parts of the vault file are damaged: how many stretches.
    Damaged(usize),
    /// Slots without a right MAC lie in the vault file.
    ForgedSlots(usize),
    /// This device's own state had gone back in time, or somebody goes on with a copy of it; it takes a new device id.
    NewDevice,
    /// Two records that cannot both be right, or records that are missing, in words.
    Odd(String),
    /// Devices that changed a password apart left so many that are good.
    PasswordsApart(usize),
    /// Devices that closed ways in apart left none; the one that was closed last counts.
    LastWayIn,
    /// A file holds the vault under a key that this device does not hold.
    OtherKey,
    /// A file under a former key held changes that nobody knows; it waits in the local state.
    Review,
    /// The vault was given a new key on another device; this one goes on under it. How many own changes were sealed again.
    Adopted(usize),
}

/// A vault that is open: keys, and the state folded from replica and vault file.
pub struct Vault {
    pub(crate) storage: Arc<dyn Storage>,
    places: Places,
    local: LocalPlaces,
    keys: Keys,
    state: State,
    /// Live and retired slots with a right MAC, each once.
    slots: Vec<Slot>,
    device: DeviceId,
    device_name: String,
    replica: Option<ReplicaFacts>,
    /// Records that the replica holds for certain: always a part of the state's.
    replicated: HashSet<RecordId, IdHash>,
    /// Ways in that the replica holds.
    replica_slots: HashSet<SlotId>,
    /// How many contents under ids that had one already were known when the replica was read or written.
    replica_twins: usize,
    /// Whether the replica was there before the vault file was read: then it makes good what damage hit.
    had_replica: bool,
    /// The vault file as it was when it was known to hold all that the replica holds.
    vault_seen: Option<Stamp>,
    /// The vault file as it was at the last look, if it was complete then: what an append goes behind.
    vault_current: Option<Stamp>,
    /// How many records the vault file lacks, where that is known.
    lacking: Option<usize>,
    /// Whether other devices' records are put back without waiting until the file is still.
    is_impatient: bool,
    /// Copies whose chunks a rewrite takes along.
    sources: Vec<PathBuf>,
    /// Chunks of the replica.
    chunks: Chunks,
    /// The last piece of a file that was sealed, where it was not written yet.
    waiting_piece: Option<(Nonce, Vec<u8>)>,
    /// The replica, open since pieces were written to it and until it is synced: what the system could not write out it remembers
    /// with the file, and may forget with the last one who has it open.
    unsynced: Option<Box<dyn StoredFile>>,
    /// Those of them that this process sealed since it read the replica.
    sealed_here: HashSet<Nonce>,
    /// Whether there was no room in the replica for chunks that another file has.
    lacks_chunks: bool,
    /// The vault's folder as unlocking found it, for the first look.
    listing: Option<Listing>,
    /// Ids of the records of reviews that were read, by name.
    review_ids: RefCell<HashMap<String, Vec<RecordId>>>,
    damage: Vec<Damage>,
    notices: Vec<Notice>,
    /// How many of the notices are in the log of events.
    logged: usize,
    opened_with: Option<SlotId>,
    /// What is shown instead of the state, where the vault is read as it was.
    past: Option<Box<State>>,
}

/// What is known of the replica.
#[derive(Clone, Copy)]
struct ReplicaFacts {
    stamp: Stamp,
    /// Records that lie in frames of their own.
    loose: usize,
    /// Whether parts of it cannot be read: then it proves nothing about what the vault file holds.
    is_damaged: bool,
}

impl Vault {
    /// The vault's id.
    #[must_use]
    pub fn id(&self) -> VaultId {
        self.keys.vault
    }

    /// What the vault means, or meant where it was rewound.
    #[must_use]
    pub fn state(&self) -> &State {
        self.past.as_deref().unwrap_or(&self.state)
    }

    /// For a vault that stays open and is asked often: from now on items are found without looking at all of them. To be
    /// called after opening and after each question; free where little changed since. A vault that answers one question
    /// and is closed does better without.
    pub fn hold(&mut self) {
        self.state.prepare();
    }

    /// This device's id.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// The path of the vault file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.places.vault_file
    }

    /// The keys, for handing the open vault to another process of the same person.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The slot that the vault was opened with, or what took its place; `None` where it was opened with keys.
    #[must_use]
    pub fn opened_with(&self) -> Option<SlotId> {
        self.opened_with
    }

    /// What the user should know; told once.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.logged = 0;
        std::mem::take(&mut self.notices)
    }

    /// Says that something is still to be written, for the next command to do.
    pub fn postpone(&mut self, error: &VaultError) {
        self.notices.push(Notice::Pending(error.to_string()));
    }

    /// The vault's fingerprint, as six numbers below `words`.
    #[must_use]
    pub fn fingerprint(&self, words: u16) -> [usize; 6] {
        self.keys.derive_fingerprint(words)
    }

    /// Opens a value of an item's field. `None` where it is sealed and does not authenticate in that place.
    #[must_use]
    pub fn reveal(&self, item: ItemId, field: FieldId, value: &Value) -> Option<Secret> {
        self.revealer().reveal(item, field, value)
    }

    /// What the vault means together with the keys to its values, for planners.
    #[must_use]
    pub fn revealer(&self) -> Revealer<'_> {
        Revealer::new(self.state(), &self.keys)
    }

    /// Whether the newest record is later than `now`: then this machine's clock is behind.
    #[must_use]
    pub fn is_clock_behind(&self, now: Moment) -> bool {
        self.state.newest_clock().moment() > Moment(now.0.saturating_add(1000))
    }

    /// How many ways in are live.
    #[must_use]
    pub fn live_slots(&self) -> Vec<&Slot> {
        let retirements = self.state.retirements();
        self.slots
            .iter()
            .filter(|slot| self.is_live_after(slot.id, &retirements))
            .collect()
    }

    /// Whether a slot is a way in: not retired, or the one retired last where all are.
    fn is_live(&self, id: SlotId) -> bool {
        self.is_live_after(id, &self.state.retirements())
    }

    fn is_live_after(&self, id: SlotId, retirements: &[Retirement]) -> bool {
        if !retirements.iter().any(|retirement| retirement.slot == id) {
            return true;
        }
        let all_retired = self.state.slot_labels().keys().all(|slot| {
            retirements
                .iter()
                .any(|retirement| retirement.slot == *slot)
        });
        all_retired && self.last_way_in(retirements) == Some(id)
    }

    /// The slot that was retired last of those whose frames the retirements themselves carry, else of all: every device
    /// that holds the same records finds the same one, and has it.
    fn last_way_in(&self, retirements: &[Retirement]) -> Option<SlotId> {
        let carried: Vec<SlotId> = retirements
            .iter()
            .filter_map(|retirement| self.slot_in(retirement))
            .map(|slot| slot.id)
            .collect();
        let latest =
            |retirement: &&Retirement| carried.is_empty() || carried.contains(&retirement.slot);
        let last = retirements.iter().rev().find(latest);
        last.or(retirements.last())
            .map(|retirement| retirement.slot)
    }

    /// Whether a recovery key is among the ways in.
    #[must_use]
    pub fn has_recovery_slot(&self) -> bool {
        self.live_slots()
            .iter()
            .any(|slot| slot.kind == SlotKind::RecoveryKey)
    }
}
