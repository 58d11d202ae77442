//! The local state of this device: replica, lock, device id, what it saw last, and which path is which vault.
//!
//! `<state folder>/<vault id>/` holds `replica`, `lock`, `device`, `seen`, `looked`, `own`, `dismissed`, `events`, `told`, `used`, `keyring`, `renaming`, `backups`,
//! `review/` and `trash/`; `<state folder>/paths/` has one small file for each vault path. All of it is private and outside every
//! synced folder, and none of it tells what is in the vault.

use super::Places;
use super::error::VaultError;
use crate::model::ids::{DeviceId, KeyId, RecordId, SlotId, VaultId};
use crate::model::moment::{CLOCK_TOLERANCE_MILLISECONDS, Moment};
use crate::storage::{
    FileKind, Stamp, Storage, StorageError, StoredFile, folder_of, read_whole, replace_file,
};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// Small files of the local state are no larger than this.
const SMALL_LIMIT: usize = 4096;
/// Bytes of the lists of record ids that are read: the newest million of them.
const IDS_LIMIT: u64 = 16 << 20;
/// Names in a folder of the local state that are looked at.
const ENTRIES: usize = 4096;
/// Ways in whose last use is remembered.
const USED_ROWS: usize = 32;
const DAY_SECS: u64 = 86_400;
/// A file may change again within this time without a new time stamp (FAT counts in two seconds).
pub(super) const STILL_MILLISECONDS: u64 = 2000;

/// Where everything of one vault lies in the local state.
#[derive(Clone)]
pub(super) struct LocalPlaces {
    pub(super) folder: PathBuf,
    pub(super) replica: PathBuf,
    pub(super) lock: PathBuf,
    pub(super) review: PathBuf,
    pub(super) trash: PathBuf,
    pub(super) looked: PathBuf,
    pub(super) events: PathBuf,
    told: PathBuf,
    pub(super) renaming: PathBuf,
    pub(super) backups: PathBuf,
    pub(super) strange_backups: PathBuf,
    device: PathBuf,
    seen: PathBuf,
    own: PathBuf,
    dismissed: PathBuf,
    used: PathBuf,
    keyring: PathBuf,
}

impl LocalPlaces {
    pub(super) fn new(places: &Places, vault: VaultId) -> Self {
        let folder = places.state_folder.join(vault.to_string());
        Self {
            replica: folder.join("replica"),
            lock: folder.join("lock"),
            review: folder.join("review"),
            trash: folder.join("trash"),
            looked: folder.join("looked"),
            events: folder.join("events"),
            told: folder.join("told"),
            renaming: folder.join("renaming"),
            backups: folder.join("backups"),
            strange_backups: folder.join("backups.strange"),
            own: folder.join("own"),
            dismissed: folder.join("dismissed"),
            device: folder.join("device"),
            seen: folder.join("seen"),
            used: folder.join("used"),
            keyring: folder.join("keyring"),
            folder,
        }
    }

    /// This device's id in this vault, where it has one.
    pub(super) fn device(&self, storage: &dyn Storage) -> Result<Option<DeviceId>, StorageError> {
        Ok(read_small(storage, &self.device)?.and_then(|text| DeviceId::from_hex(text.trim())))
    }

    /// Gives this device a fresh id, durably.
    pub(super) fn mint_device(
        &self,
        storage: &dyn Storage,
        rng: &mut dyn CryptoRng,
    ) -> Result<DeviceId, StorageError> {
        let id = DeviceId::make(rng);
        write_durably(storage, &self.device, &format!("{id}\n"), rng)?;
        Ok(id)
    }

    /// What was last known of the vault file.
    pub(super) fn seen(&self, storage: &dyn Storage) -> Option<Seen> {
        let text = read_small(storage, &self.seen).ok()??;
        Seen::parse(&text)
    }

    /// Remembers it. Only an optimisation: what cannot be written or is torn is read again next time.
    pub(super) fn remember(&self, storage: &dyn Storage, seen: &Seen) {
        overwrite(storage, &self.seen, seen.write().as_bytes());
    }

    /// The day on which each way in last opened the vault here.
    pub(super) fn used(&self, storage: &dyn Storage) -> BTreeMap<SlotId, Moment> {
        let text = read_small(storage, &self.used).ok().flatten();
        let rows = text.iter().flat_map(|text| text.lines());
        let rows = rows.filter_map(|row| {
            let (slot, day) = row.split_once(' ')?;
            let day: u64 = day.parse().ok()?;
            let milliseconds = day.checked_mul(DAY_SECS * 1000)?;
            Some((SlotId::from_hex(slot)?, Moment(milliseconds)))
        });
        rows.collect()
    }

    /// Remembers that a way in opened the vault today; one write a day. The vault does not know: who uses which way in when
    /// is nobody else's matter. A torn file is no file.
    pub(super) fn remember_use(&self, storage: &dyn Storage, slot: SlotId, now: Moment) {
        let day = |moment: Moment| moment.seconds() / DAY_SECS;
        let mut used = self.used(storage);
        if used.get(&slot).is_some_and(|last| day(*last) == day(now)) {
            return;
        }
        used.insert(slot, now);
        let mut rows: Vec<(u64, SlotId)> =
            used.iter().map(|(id, last)| (day(*last), *id)).collect();
        rows.sort_unstable();
        let newest = rows.iter().rev().take(USED_ROWS);
        let text: String = newest.map(|(day, id)| format!("{id} {day}\n")).collect();
        overwrite(storage, &self.used, text.as_bytes());
    }

    /// The way in whose secret this device's keyring holds.
    pub(super) fn keyring(&self, storage: &dyn Storage) -> Option<SlotId> {
        let text = read_small(storage, &self.keyring).ok()??;
        SlotId::from_hex(text.trim())
    }

    /// Remembers it, durably, or that there is none.
    pub(super) fn remember_keyring(
        &self,
        storage: &dyn Storage,
        slot: Option<SlotId>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), StorageError> {
        if let Some(slot) = slot {
            return write_durably(storage, &self.keyring, &format!("{slot}\n"), rng);
        }
        match storage.remove(&self.keyring) {
            Err(StorageError::NotFound(_)) => Ok(()),
            removed => removed,
        }
    }

    /// Ids of the records that this device wrote itself. One that a crash kept from the list is missing there, no more.
    pub(super) fn own(&self, storage: &dyn Storage) -> HashSet<RecordId> {
        read_ids(storage, &self.own)
    }

    /// Adds to them. Not synced: the list decides what is sealed again without asking, never what is kept.
    pub(super) fn remember_own(&self, storage: &dyn Storage, id: RecordId) {
        append_ids(storage, &self.own, &[id]);
    }

    /// Ids of records that waited for review and that nobody wants.
    pub(super) fn dismissed(&self, storage: &dyn Storage) -> HashSet<RecordId> {
        read_ids(storage, &self.dismissed)
    }

    /// Adds to them.
    pub(super) fn dismiss(&self, storage: &dyn Storage, ids: &[RecordId]) {
        append_ids(storage, &self.dismissed, ids);
    }

    /// Which of these were never told on this device before; from now on they were. A thing is known by its words.
    pub(super) fn untold<T: fmt::Debug>(&self, storage: &dyn Storage, things: Vec<T>) -> Vec<T> {
        if things.is_empty() {
            return things;
        }
        let mut told = read_ids(storage, &self.told);
        let mut marks = Vec::new();
        let mut new = Vec::new();
        for thing in things {
            let digest = Sha256::digest(format!("{thing:?}"));
            let mark = RecordId::from_slice(&digest[..16]);
            if let Some(mark) = mark.filter(|mark| told.insert(*mark)) {
                marks.push(mark);
                new.push(thing);
            }
        }
        if !marks.is_empty() {
            append_ids(storage, &self.told, &marks);
        }
        new
    }

    /// Every file of the local state that `forget` drops, besides those in folders.
    fn files(&self) -> [&PathBuf; 13] {
        [
            &self.replica,
            &self.told,
            &self.renaming,
            &self.seen,
            &self.device,
            &self.looked,
            &self.own,
            &self.dismissed,
            &self.events,
            &self.backups,
            &self.strange_backups,
            &self.used,
            &self.keyring,
        ]
    }
}

/// What was last known of the vault file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// The stamps under which it held all that the replica holds: the file's and the replica's.
    pub(super) complete: Option<(Stamp, Stamp)>,
    /// The key that it lay under.
    pub(super) key: KeyId,
    /// How many records it held when it was last known to hold all.
    pub(super) delivered: usize,
}

impl Seen {
    /// A line of words and a checksum, so that a torn file is no file.
    fn write(&self) -> String {
        let mut line = format!("{} {}", self.key, self.delivered);
        for stamp in self.complete.iter().flat_map(|pair| [pair.0, pair.1]) {
            let Stamp {
                device,
                inode,
                length,
                modified_ns,
                changed_ns,
                owner,
                links,
                ..
            } = stamp;
            line.push_str(&format!(
                " {device} {inode} {length} {modified_ns} {changed_ns} {owner} {links}"
            ));
        }
        let checksum = data_encoding::HEXLOWER.encode(&Sha256::digest(&line)[..8]);
        format!("{line} {checksum}\n")
    }

    fn parse(text: &str) -> Option<Self> {
        let (line, checksum) = text.strip_suffix('\n')?.rsplit_once(' ')?;
        if data_encoding::HEXLOWER.encode(&Sha256::digest(line)[..8]) != checksum {
            return None;
        }
        let mut words = line.split(' ').peekable();
        let key = KeyId::from_hex(words.next()?)?;
        let delivered = words.next()?.parse().ok()?;
        let mut stamp = || {
            Some(Stamp {
                device: words.next()?.parse().ok()?,
                inode: words.next()?.parse().ok()?,
                length: words.next()?.parse().ok()?,
                modified_ns: words.next()?.parse().ok()?,
                changed_ns: words.next()?.parse().ok()?,
                owner: words.next()?.parse().ok()?,
                links: words.next()?.parse().ok()?,
                kind: FileKind::Regular,
            })
        };
        let complete = stamp().zip(stamp());
        Some(Self {
            complete,
            key,
            delivered,
        })
    }
}

/// Writes a small file in place, without syncing: what a crash tears is read as nothing.
pub(super) fn overwrite(storage: &dyn Storage, path: &Path, bytes: &[u8]) {
    let file = open_or_create(storage, path);
    let written = file.and_then(|file| {
        file.write_at(0, bytes)?;
        file.truncate(bytes.len() as u64)
    });
    drop(written);
}

fn open_or_create(storage: &dyn Storage, path: &Path) -> Result<Box<dyn StoredFile>, StorageError> {
    match storage.open_write(path)? {
        Some(file) => Ok(file),
        None => storage.create(path),
    }
}

fn read_ids(storage: &dyn Storage, path: &Path) -> HashSet<RecordId> {
    let Ok(Some(file)) = storage.open_read(path) else {
        return HashSet::new();
    };
    let length = file.stamp().map_or(0, |stamp| stamp.length);
    let length = length - length % 16;
    let kept = length.min(IDS_LIMIT);
    let mut bytes = vec![0; usize::try_from(kept).unwrap_or_default()];
    let read = file.read_at(length - kept, &mut bytes).unwrap_or_default();
    let ids = bytes.get(..read).unwrap_or_default().chunks_exact(16);
    ids.filter_map(RecordId::from_slice).collect()
}

fn append_ids(storage: &dyn Storage, path: &Path, ids: &[RecordId]) {
    let file = open_or_create(storage, path);
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.0).collect();
    let written = file.and_then(|file| {
        let end = file.stamp()?.length;
        file.write_at(end - end % 16, &bytes)
    });
    drop(written);
}

/// Whether a file's content can no longer change without its stamp changing.
pub(super) fn is_still(stamp: &Stamp, now: Moment) -> bool {
    let nanoseconds = |milliseconds| i128::from(milliseconds) * 1_000_000;
    let now_ns = nanoseconds(now.0);
    // A drive gives a file the time stamp that it has elsewhere; the kernel's own tells when it came here. One that lies
    // days ahead comes from a clock that was wrong, and tells nothing.
    let credible = [stamp.modified_ns, stamp.changed_ns]
        .into_iter()
        .filter(|changed| *changed <= now_ns + nanoseconds(CLOCK_TOLERANCE_MILLISECONDS));
    let changed = credible.max();
    changed.is_none_or(|changed| now_ns - changed >= nanoseconds(STILL_MILLISECONDS))
}

/// Which vault this device knows at a path.
///
/// # Errors
/// What the disk says.
pub fn known_vault(storage: &dyn Storage, places: &Places) -> Result<Option<VaultId>, VaultError> {
    let text = read_small(storage, &index_path(places, &places.vault_file))?;
    Ok(text.and_then(|text| VaultId::from_hex(text.lines().next()?.trim())))
}

/// Remembers which vault lies at a path.
pub(super) fn remember_path(
    storage: &dyn Storage,
    places: &Places,
    vault: VaultId,
    rng: &mut dyn CryptoRng,
) -> Result<(), StorageError> {
    if known_vault(storage, places).ok().flatten() == Some(vault) {
        return Ok(());
    }
    let path = index_path(places, &places.vault_file);
    storage.make_folder(&folder_of(&path))?;
    write_durably(
        storage,
        &path,
        &format!("{vault}\n{}\n", places.vault_file.display()),
        rng,
    )
}

/// Takes back what [`remember_path`] remembered of this vault.
pub(super) fn forget_path(
    storage: &dyn Storage,
    places: &Places,
    vault: VaultId,
) -> Result<(), VaultError> {
    if known_vault(storage, places)? == Some(vault) {
        storage.remove(&index_path(places, &places.vault_file))?;
    }
    Ok(())
}

/// Tells this device that the vault it knew at `places` lies at `new_path` now.
///
/// # Errors
/// [`VaultError::NoVault`] where this device knows of none, else what the disk says.
pub fn relocate(
    storage: &dyn Storage,
    places: &Places,
    new_path: &Path,
    rng: &mut dyn CryptoRng,
) -> Result<VaultId, VaultError> {
    let vault = known_vault(storage, places)?
        .ok_or_else(|| VaultError::NoVault(places.vault_file.clone()))?;
    let moved = Places {
        vault_file: new_path.to_owned(),
        state_folder: places.state_folder.clone(),
    };
    remember_path(storage, &moved, vault, rng)?;
    if new_path != places.vault_file {
        storage.remove(&index_path(places, &places.vault_file))?;
    }
    Ok(vault)
}

/// Drops this device's local state of the vault at `places`: the replica, the device id, everything. The vault file stays.
///
/// # Errors
/// [`VaultError::NoVault`] where this device knows of none, else what the disk says.
pub fn forget(storage: &dyn Storage, places: &Places) -> Result<VaultId, VaultError> {
    let vault = known_vault(storage, places)?
        .ok_or_else(|| VaultError::NoVault(places.vault_file.clone()))?;
    let local = LocalPlaces::new(places, vault);
    let index = index_path(places, &places.vault_file);
    let mut files: Vec<PathBuf> = local.files().into_iter().cloned().collect();
    for folder in [&local.review, &local.trash] {
        match storage.list(folder, ENTRIES) {
            Ok(listing) => {
                let entries = listing.entries.into_iter();
                let entries = entries.filter(|entry| entry.stamp.is_regular());
                files.extend(entries.map(|entry| folder.join(entry.name)));
            }
            Err(StorageError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    files.push(index);
    for path in &files {
        match storage.remove(path) {
            Ok(()) | Err(StorageError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(vault)
}

fn index_path(places: &Places, vault_file: &Path) -> PathBuf {
    let digest = Sha256::digest(vault_file.as_os_str().as_encoded_bytes());
    places
        .state_folder
        .join("paths")
        .join(data_encoding::HEXLOWER.encode(&digest[..16]))
}

fn read_small(storage: &dyn Storage, path: &Path) -> Result<Option<String>, StorageError> {
    let Some(file) = storage.open_read(path)? else {
        return Ok(None);
    };
    Ok(String::from_utf8(read_whole(&*file, SMALL_LIMIT)?).ok())
}

fn write_durably(
    storage: &dyn Storage,
    path: &Path,
    text: &str,
    rng: &mut dyn CryptoRng,
) -> Result<(), StorageError> {
    replace_file(
        storage,
        path,
        &mut std::iter::once(Ok::<_, StorageError>(text)),
        rng,
    )
    .map(drop)
}
