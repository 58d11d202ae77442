//! Opening: find the vault, try the slots, fold replica and vault file together.

use super::backup::is_backup_name;
use super::chunks::{Chunks, by_nonce};
use super::error::{UnlockError, VaultError};
use super::local::{LocalPlaces, known_vault};
use super::read::{read_replica, read_vault_id};
use super::{LOCK_WAIT, Notice, Places, Vault};
use crate::crypto::keys::Keys;
use crate::log::FILE_LIMIT;
use crate::log::preamble::PreambleError;
use crate::model::ids::{DeviceId, SlotId, VaultId};
use crate::model::moment::Moment;
use crate::state::fold::State;
use crate::storage::{Listing, LockKind, Stamp, Storage, StorageError, StoredFile, folder_of};
use rand::CryptoRng;
use std::cell::{OnceCell, RefCell};
use std::collections::HashSet;
use std::sync::Arc;

/// A vault that was found and is still locked.
pub struct Located {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) places: Places,
    pub(super) local: LocalPlaces,
    pub(super) vault: VaultId,
    pub(super) has_replica: bool,
    pub(super) on_path: OnPath,
    /// What lies in the vault's folder, listed when somebody first asks.
    pub(super) listing: OnceCell<Listing>,
}

/// What lies at the vault's path.
pub(super) enum OnPath {
    /// The vault.
    Vault(Box<dyn StoredFile>, Stamp),
    /// Nothing, in a folder that is there.
    Absent,
    /// Something that cannot be used, and why.
    Unusable(String),
}

/// Looks at a path; `known` is the vault that this device expects there.
pub(super) fn look(
    storage: &dyn Storage,
    places: &Places,
    known: Option<VaultId>,
) -> (Option<VaultId>, OnPath) {
    let unusable = |text: &str| (known, OnPath::Unusable(text.to_owned()));
    let file = match storage.open_read(&places.vault_file) {
        Ok(Some(file)) => file,
        Ok(None) => match storage.stamp(&folder_of(&places.vault_file)) {
            Ok(Some(_)) => return (known, OnPath::Absent),
            _ => return unusable("its folder is not there"),
        },
        Err(error) => return unusable(&error.to_string()),
    };
    let stamp = match file.stamp() {
        Ok(stamp) if stamp.length == 0 => return unusable("the file is empty"),
        Ok(stamp) if stamp.length > FILE_LIMIT => {
            return unusable("the file is larger than a vault may be");
        }
        Ok(stamp) => stamp,
        Err(error) => return unusable(&error.to_string()),
    };
    match read_vault_id(&*file) {
        Ok(Ok(found)) if known.is_none_or(|known| known == found) => {
            (Some(found), OnPath::Vault(file, stamp))
        }
        Ok(Ok(_)) => unusable("another vault lies there"),
        Ok(Err(PreambleError::NotAVault)) => unusable("the file is not a vault"),
        Ok(Err(PreambleError::TooNew)) => {
            unusable("the file was made by a newer version of keyfold")
        }
        Ok(Err(PreambleError::Damaged)) => unusable("the start of the file is damaged"),
        Err(error) => unusable(&error.to_string()),
    }
}

/// Finds a vault by its path, or by what this device remembers of that path.
///
/// # Errors
/// [`VaultError::NoVault`] where nothing is there and nothing is remembered, [`VaultError::Unreadable`] where what is there
/// is no vault and nothing is remembered; [`VaultError::Refused`] for a backup, which must stay what it is.
pub fn locate(storage: Arc<dyn Storage>, places: &Places) -> Result<Located, VaultError> {
    if places.vault_file.file_name().is_some_and(is_backup_name) {
        return Err(VaultError::Refused(
            "that is a backup, and opening it as a vault would change it; keyfold backup restore FILE --replace-into PATH makes a vault of it",
        ));
    }
    let known = known_vault(&*storage, places)?;
    let (vault, on_path) = look(&*storage, places, known);
    let Some(vault) = vault else {
        return Err(match on_path {
            OnPath::Unusable(reason) => refuse(&*storage, places, &reason),
            _ => VaultError::NoVault(places.vault_file.clone()),
        });
    };
    let local = LocalPlaces::new(places, vault);
    let has_replica = storage.stamp(&local.replica)?.is_some();
    if !has_replica && !matches!(on_path, OnPath::Vault(..)) {
        return Err(match &on_path {
            OnPath::Unusable(reason) => refuse(&*storage, places, reason),
            _ => VaultError::NoVault(places.vault_file.clone()),
        });
    }
    Ok(Located {
        storage,
        places: places.clone(),
        local,
        vault,
        has_replica,
        on_path,
        listing: OnceCell::new(),
    })
}

fn refuse(storage: &dyn Storage, places: &Places, reason: &str) -> VaultError {
    match storage.open_read(&places.vault_file) {
        Err(error) => error.into(),
        Ok(None) => VaultError::NoVault(places.vault_file.clone()),
        Ok(Some(_)) => {
            let known = [
                "the file is empty",
                "the file is larger than a vault may be",
                "the file is not a vault",
            ];
            let newer = [
                "the file was made by a newer version of keyfold",
                "the start of the file is damaged",
            ];
            let reason = known.into_iter().chain(newer).find(|text| *text == reason);
            VaultError::Unreadable {
                path: places.vault_file.clone(),
                reason: reason.unwrap_or("the file cannot be read"),
            }
        }
    }
}

impl Located {
    /// The vault's id.
    #[must_use]
    pub fn id(&self) -> VaultId {
        self.vault
    }

    /// The way in that this device's keyring holds, if it has one.
    #[must_use]
    pub fn keyring_slot(&self) -> Option<SlotId> {
        self.local.keyring(&*self.storage)
    }

    /// Opens the vault with its keys. `slot` is the one that gave them, to be refused if it was retired.
    ///
    /// # Errors
    /// [`UnlockError::Retired`], or what the disk says. A vault file that cannot be used is a notice, not an error, as long
    /// as the replica is there.
    pub fn open(
        self,
        keys: Keys,
        slot: Option<SlotId>,
        device_name: &str,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vault, VaultError> {
        let mut vault = Vault {
            storage: self.storage,
            local: self.local,
            places: self.places,
            keys,
            state: State::default(),
            slots: Vec::new(),
            device: DeviceId([0; 16]),
            device_name: device_name.to_owned(),
            replica: None,
            replicated: HashSet::default(),
            replica_slots: HashSet::new(),
            replica_twins: 0,
            had_replica: self.has_replica,
            vault_seen: None,
            vault_current: None,
            lacking: None,
            is_impatient: false,
            sources: Vec::new(),
            chunks: Chunks::new(),
            waiting_piece: None,
            unsynced: None,
            sealed_here: HashSet::new(),
            lacks_chunks: false,
            listing: self.listing.into_inner(),
            review_ids: RefCell::default(),
            damage: Vec::new(),
            notices: Vec::new(),
            logged: 0,
            opened_with: slot,
            past: None,
        };
        vault.storage.make_folder(&vault.local.folder)?;
        vault.device = match vault.local.device(&*vault.storage)? {
            Some(device) if vault.had_replica => device,
            // Without the replica nobody knows which numbers this device has used already.
            _ => vault.local.mint_device(&*vault.storage, rng)?,
        };
        if vault.had_replica && vault.has_foreign_replica()? {
            vault.adopt(now, rng)?;
        }
        vault.open_files(now, rng)?;
        Ok(vault)
    }
}

impl Vault {
    /// Reads with a shared lock where stamps tell that nothing happened; else once, with an exclusive one.
    fn open_files(&mut self, now: Moment, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        if self.storage.stamp(&self.local.replica)?.is_some() {
            let _lock = self
                .storage
                .lock(&self.local.lock, LockKind::Shared, LOCK_WAIT)?;
            self.load_replica()?;
            if self.is_quiet(now) {
                return self.refuse_retired();
            }
        }
        self.catch_up(now, rng)
    }

    /// The same vault opened once more under the same keys, by way of another view of the disk: for work that takes long,
    /// while others ask the first one.
    ///
    /// # Errors
    /// As [`locate`] and [`Located::open`].
    pub fn open_again(
        &self,
        storage: Arc<dyn Storage>,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, VaultError> {
        let located = locate(storage, &self.places)?;
        let keys = self.keys.hand_over().take();
        located.open(keys, self.opened_with, &self.device_name, now, rng)
    }

    /// Does for a vault that stays open what opening does: what other processes, other devices and the drive did meanwhile
    /// is read, and what is missing where is written. Where stamps tell that nothing happened, nothing is read. What was
    /// noticed and not taken yet stays, so that a look which nobody asked for loses no notice.
    ///
    /// # Errors
    /// As opening: [`UnlockError::Retired`] and [`UnlockError::OtherKey`] where the way in or the key is no more; and
    /// [`VaultError::NoVault`] where this device was told to forget the vault, which must not come back by itself.
    pub fn look_again(&mut self, now: Moment, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        if self.storage.stamp(&self.local.replica)?.is_none() {
            return Err(VaultError::NoVault(self.places.vault_file.clone()));
        }
        let earlier = self.take_notices();
        let outcome = self.look_for_news(now, rng);
        self.put_before(earlier);
        outcome
    }

    fn look_for_news(&mut self, now: Moment, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        let lock = self
            .storage
            .lock(&self.local.lock, LockKind::Shared, LOCK_WAIT);
        match lock {
            Ok(_lock) => {
                let stamp = self.storage.stamp(&self.local.replica)?;
                let is_own = stamp.is_some() && self.replica.map(|facts| facts.stamp) == stamp;
                if is_own && self.is_quiet(now) {
                    return self.refuse_retired();
                }
            }
            // Another process is writing: what is known is good to read.
            Err(StorageError::Busy { .. }) if self.replica.is_some() => {
                return self.refuse_retired();
            }
            Err(error) => return Err(error.into()),
        }
        self.catch_up(now, rng)
    }

    /// Reads what changed and writes what is missing where, with the exclusive lock if it is to be had.
    fn catch_up(&mut self, now: Moment, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        let lock = self
            .storage
            .lock(&self.local.lock, LockKind::Exclusive, LOCK_WAIT);
        let _lock = match lock {
            Ok(lock) => lock,
            // Another process is writing: what can be read is good to read, and that process or the next command delivers.
            Err(StorageError::Busy { .. }) if self.replica.is_some() => {
                let plan = self.look_around(now)?;
                self.tell(&plan);
                return self.refuse_retired();
            }
            Err(error) => return Err(error.into()),
        };
        self.notices
            .retain(|notice| matches!(notice, Notice::Adopted(_) | Notice::Review));
        self.logged = 0;
        match self.refresh(now, rng) {
            // A full or read-only disk keeps nobody from reading what is there.
            Err(VaultError::Storage(error)) if self.replica.is_some() => {
                self.notices.push(Notice::Pending(error.to_string()));
            }
            outcome => outcome?,
        }
        self.refuse_retired()
    }

    /// Takes the exclusive lock and looks at both files again; what a change is planned on is never stale, and no piece of a
    /// file waits to be written.
    pub(super) fn begin(
        &mut self,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Box<dyn crate::storage::Lock>, VaultError> {
        let lock = self.begin_with_piece(now, rng)?;
        self.write_waiting_piece()?;
        Ok(lock)
    }

    /// The same, and the last piece may go on waiting.
    pub(super) fn begin_with_piece(
        &mut self,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Box<dyn crate::storage::Lock>, VaultError> {
        let lock = self
            .storage
            .lock(&self.local.lock, LockKind::Exclusive, LOCK_WAIT)?;
        self.refresh(now, rng)?;
        Ok(lock)
    }

    /// Reads what changed and writes what is missing where. The exclusive lock is held.
    pub(super) fn refresh(
        &mut self,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        self.finish_renaming()?;
        let stamp = self.storage.stamp(&self.local.replica)?;
        if self.replica.map(|facts| facts.stamp) != stamp || stamp.is_none() {
            self.load_replica()?;
        }
        let plan = self.look_around(now)?;
        self.reconcile(plan, now, rng)?;
        self.log_events(now);
        Ok(())
    }

    /// Folds the replica from scratch.
    pub(super) fn load_replica(&mut self) -> Result<(), VaultError> {
        self.state = State::default();
        self.slots.clear();
        self.replica = None;
        self.replicated.clear();
        self.replica_slots.clear();
        self.chunks.clear();
        self.sealed_here.clear();
        self.vault_seen = None;
        let Some(file) = self.storage.open_read(&self.local.replica)? else {
            return Ok(());
        };
        let stamp = file.stamp()?;
        self.state.expect(stamp.length);
        let contents = read_replica(&mut self.state, &self.keys, &*file, &stamp)?;
        if contents.records.is_empty() && !contents.other_keys.is_empty() {
            // Rekeyed by another process: what this one would append, nobody could read.
            return Err(UnlockError::OtherKey.into());
        }
        self.slots = contents.slots;
        if read_vault_id(&*file)? == Ok(self.keys.vault) {
            self.replicated = contents.records;
            self.chunks = by_nonce(&contents.chunks);
            self.replica_slots = self.slots.iter().map(|slot| slot.id).collect();
            self.replica_twins = self.state.twin_count();
            self.replica = Some(super::ReplicaFacts {
                stamp,
                loose: contents.loose,
                is_damaged: !contents.damage.is_empty(),
            });
        }
        Ok(())
    }

    /// A secret whose slot was retired opens nothing any more, wherever the slot still lies.
    pub(super) fn refuse_retired(&self) -> Result<(), VaultError> {
        let Some(slot) = self.opened_with.filter(|slot| !self.is_live(*slot)) else {
            return Ok(());
        };
        let retirements = self.state.retirements();
        let Some(retirement) = retirements
            .iter()
            .rev()
            .find(|retirement| retirement.slot == slot)
        else {
            return Ok(());
        };
        let names = self.state.device_names();
        let device = names
            .get(&retirement.device)
            .cloned()
            .unwrap_or_else(|| retirement.device.to_string());
        Err(UnlockError::Retired {
            at: retirement.at,
            device,
        }
        .into())
    }
}
