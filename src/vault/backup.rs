//! Backups: whole vault files elsewhere, each of which was read back and authenticated before it has its name
//! (vault-format.md, section 1.7).
//!
//! A backup is the union of all that this device knows, packed, under the vault's own key: any keyfold opens it with the
//! password of its time, and no special tool is needed. Nothing here ever replaces a file, or removes one that this device
//! has not made.

mod drill;
mod keep;
mod name;
mod noted;
mod restore;
mod verify;

use super::chunks::{Chunks, by_nonce, nonce_of};
use super::commit::Packer;
use super::error::VaultError;
use super::read::{Depth, read_chunk, read_frame, read_into};
use super::{DamageFound, LOCK_WAIT, Notice, Places, Vault};
use crate::crypto::keys::Keys;
use crate::log::FILE_LIMIT;
use crate::log::preamble::write_preamble;
use crate::model::ids::{RecordId, SlotId, VaultId};
use crate::model::moment::Moment;
use crate::state::fold::State;
use crate::state::op::ChunkName;
use crate::storage::{
    Entry, FileKind, LockKind, Stamp, Storage, StorageError, StoredFile, name_behind_temporary,
    temporary_path,
};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

pub use drill::Drill;
pub use keep::Keep;
pub use name::{BackupName, is_backup_name};
pub use noted::{NotedBackup, Presence, forget_backups, mark_told, noted_backups};
pub use restore::{BackupRestored, restore_into};
pub use verify::{BackupCheck, BackupKey};

/// How far in the future a backup may be dated and still count: two machines' clocks are never quite the same.
pub const CLOCK_SLACK_MILLISECONDS: u64 = 10 * 60 * 1000;

/// Names in a folder of backups that are looked at.
const ENTRIES: usize = 1 << 16;
/// Backups of one second, by several processes or devices: each takes the next second that is free.
const NAMES_TRIED: usize = 60;

/// How old a half-written backup is that nobody writes any more.
const LITTER_MILLISECONDS: u64 = 24 * 60 * 60 * 1000;

/// A backup that was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BackupMade {
    /// The folder that it is in.
    pub folder: PathBuf,
    /// Its name there.
    pub name: String,
    /// When it was made, by its name.
    pub made: Moment,
    /// Bytes of the file.
    pub length: u64,
    /// Records in it: all that the vault holds.
    pub records: usize,
    /// Pieces of attached files in it.
    pub pieces: usize,
    /// Pieces that the vault names and that neither replica nor vault file hold: they have not arrived, or are damaged.
    pub missing_pieces: usize,
}

/// A file that is called like a backup of a vault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundBackup {
    /// Where it lies.
    pub path: PathBuf,
    /// What its name says.
    pub name: BackupName,
    /// Bytes.
    pub length: u64,
}

/// A file of a vault, all of it authenticated.
struct Examined {
    state: State,
    slots: Vec<SlotId>,
    names: HashSet<ChunkName>,
    damage: Vec<DamageFound>,
    forged_slots: usize,
    has_other_keys: bool,
}

/// Reads and authenticates everything in a file under these keys.
fn examine(keys: &Keys, file: &dyn StoredFile, stamp: &Stamp) -> Result<Examined, VaultError> {
    let mut state = State::default();
    let contents = read_into(&mut state, keys, file, stamp, Depth::Named)?;
    let damage = contents.damage.iter().map(|damage| DamageFound {
        offset: damage.offset,
        length: damage.length,
        reason: damage.reason.as_text().into(),
    });
    Ok(Examined {
        slots: contents.slots.iter().map(|slot| slot.id).collect(),
        names: contents.names,
        damage: damage.collect(),
        forged_slots: contents.forged_slots,
        has_other_keys: !contents.other_keys.is_empty(),
        state,
    })
}

impl Examined {
    /// Whether every byte of it is what keyfold wrote under the one key.
    fn is_whole(&self) -> bool {
        self.damage.is_empty()
            && self.forged_slots == 0
            && !self.has_other_keys
            && self.state.record_count() > 0
            && !self.slots.is_empty()
    }

    /// Pieces that its records name and that are not in it.
    fn missing(&self) -> HashSet<ChunkName> {
        let mut named = self.state.referenced_chunks();
        named.retain(|name| !self.names.contains(name));
        named
    }

    /// SHA-256 over records, pieces and ways in, in hexadecimal: equal for equal contents, in whatever order they lie.
    fn digest(&self) -> String {
        let mut parts: Vec<[u8; 32]> = Vec::new();
        for id in self.state.record_ids() {
            let bytes = self.state.record_bytes(id).unwrap_or_default();
            let part = Sha256::new().chain_update(b"record").chain_update(id.0);
            parts.push(part.chain_update(bytes.as_slice()).finalize().into());
        }
        for name in &self.names {
            let part = Sha256::new().chain_update(b"piece");
            parts.push(part.chain_update(name.0).finalize().into());
        }
        for slot in &self.slots {
            let part = Sha256::new().chain_update(b"slot");
            parts.push(part.chain_update(slot.0).finalize().into());
        }
        parts.sort_unstable();
        let all = parts
            .iter()
            .fold(Sha256::new(), |all, part| all.chain_update(part));
        data_encoding::HEXLOWER.encode(&all.finalize())
    }
}

/// Where the pieces of attached files are copied from.
struct Sources {
    replica: Box<dyn StoredFile>,
    vault_file: Option<Box<dyn StoredFile>>,
}

/// Whether pieces are opened before they are copied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    /// They are copied as they lie there: the backup is authenticated afterwards anyhow.
    Afterwards,
    /// A piece that does not authenticate is left out, or comes from the vault file.
    Before,
}

impl Vault {
    /// Writes a backup into a folder, reads it back, and gives it its name when all of it was authenticated and found to be
    /// what this device knows. Other processes may write meanwhile: the backup is the vault as it was when it began.
    ///
    /// # Errors
    /// [`VaultError::Inconsistent`] where what was written does not read back, or what the disks say; then nothing of it is
    /// left in the folder. That this device could not take note of a backup which is whole is a notice.
    pub fn back_up(
        &mut self,
        folder: &Path,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<BackupMade, VaultError> {
        self.refuse_in_the_past()?;
        refuse_no_folder(&*self.storage, folder)?;
        let sources = self.freeze(now, rng)?;
        let name = BackupName::new(&self.places.vault_file, self.keys.vault, now);
        let temporary = temporary_path(&folder.join(name.to_string()), rng);
        let placed = self.place(&temporary, name, &sources);
        let placed = match placed {
            Ok(placed) => placed,
            Err(error) => {
                // What stays is litter that its name tells.
                drop(self.storage.remove(&temporary));
                return Err(error);
            }
        };
        let Placed {
            name,
            examined,
            length,
        } = placed;
        // Without this a power cut could take the name away again; the content is safe already.
        let unsynced = match self.storage.sync_folder(folder) {
            Ok(()) => None,
            // A backup that may not last is none.
            Err(error) if self.storage.remove(&folder.join(name.to_string())).is_ok() => {
                return Err(error.into());
            }
            // One that cannot be removed is this device's to prune, like any other.
            Err(error) => Some(error),
        };
        self.clear_litter(folder, now);
        let backup = NotedBackup {
            folder: folder.to_owned(),
            name: name.to_string(),
            made: name.made(),
            verified: now,
            made_here: true,
            length,
            records: examined.state.record_count(),
            content: examined.digest(),
            told_gone: false,
        };
        self.take_note(backup, rng);
        if let Some(error) = unsynced {
            return Err(error.into());
        }
        Ok(BackupMade {
            folder: folder.to_owned(),
            name: name.to_string(),
            made: name.made(),
            length,
            records: examined.state.record_count(),
            pieces: examined.names.len(),
            missing_pieces: examined.missing().len(),
        })
    }

    /// Brings what this device knows up to date, and opens the files that pieces are copied from. No lock is held
    /// afterwards: records are in memory, and an open replica goes on being the same file, to which others only add.
    fn freeze(&mut self, now: Moment, rng: &mut dyn CryptoRng) -> Result<Sources, VaultError> {
        let _lock = match self.begin(now, rng) {
            Err(VaultError::Storage(error))
                if self.replica.is_some() && !matches!(error, StorageError::Busy { .. }) =>
            {
                // A full disk here is no reason to have no backup elsewhere.
                self.note_once(Notice::Pending(error.to_string()));
                let lock = self
                    .storage
                    .lock(&self.local.lock, LockKind::Shared, LOCK_WAIT)?;
                // Another process may have written the replica anew: where pieces lie in it is known of the former one.
                let stamp = self.storage.stamp(&self.local.replica)?;
                if self.replica.map(|facts| facts.stamp) != stamp {
                    self.load_replica()?;
                    self.look_around(now)?;
                }
                lock
            }
            lock => lock?,
        };
        let missing = VaultError::Inconsistent("the replica is gone");
        let replica = self
            .storage
            .open_read(&self.local.replica)?
            .ok_or(missing)?;
        let vault_file = self.storage.open_read(&self.places.vault_file);
        Ok(Sources {
            replica,
            // Only for pieces that the replica lacks; a vault file that cannot be read brings none.
            vault_file: vault_file.ok().flatten(),
        })
    }

    /// Writes, reads back and names.
    fn place(
        &self,
        temporary: &Path,
        mut name: BackupName,
        sources: &Sources,
    ) -> Result<Placed, VaultError> {
        let mut examined = self.write_backup(temporary, sources, Care::Afterwards)?;
        if examined.is_none() {
            // A piece in the replica went bad, most likely: what is whole is worth a backup all the same.
            self.storage.remove(temporary)?;
            examined = self.write_backup(temporary, sources, Care::Before)?;
        }
        let (examined, length) = examined.ok_or(VaultError::Inconsistent(
            "the backup that was written does not read back as the vault",
        ))?;
        let folder = temporary.parent().unwrap_or(temporary).to_owned();
        for _ in 1..NAMES_TRIED {
            match self
                .storage
                .rename_new(temporary, &folder.join(name.to_string()))
            {
                Err(StorageError::Exists(_)) => name = name.next(),
                renamed => {
                    renamed?;
                    return Ok(Placed {
                        name,
                        examined,
                        length,
                    });
                }
            }
        }
        Err(VaultError::Refused(
            "the folder holds a backup of every second of this minute",
        ))
    }

    /// Writes all that is known into a new file, syncs it, and reads it back; `None` where that is not what was to be
    /// written.
    fn write_backup(
        &self,
        path: &Path,
        sources: &Sources,
        care: Care,
    ) -> Result<Option<(Examined, u64)>, VaultError> {
        let file = self.storage.create(path)?;
        let expected = self.write_parts_of_backup(&*file, sources, care)?;
        file.sync()?;
        // What memory still holds of it says nothing of the disk.
        file.evict();
        drop(file);
        let missing = VaultError::Inconsistent("the backup is gone while it is written");
        let file = self.storage.open_read(path)?.ok_or(missing)?;
        let stamp = file.stamp()?;
        let examined = examine(&self.keys, &*file, &stamp)?;
        let is_right = examined.is_whole() && self.is_all_in(&examined, &expected);
        Ok(is_right.then_some((examined, stamp.length)))
    }

    /// Returns the pieces that were written.
    fn write_parts_of_backup(
        &self,
        file: &dyn StoredFile,
        sources: &Sources,
        care: Care,
    ) -> Result<HashSet<ChunkName>, VaultError> {
        let live = self.live_slots();
        if live.is_empty() {
            return Err(VaultError::Slots("no way in would be left"));
        }
        let mut end = 0;
        let mut write = |bytes: &[u8]| -> Result<(), VaultError> {
            file.write_at(end, bytes)?;
            end += bytes.len() as u64;
            Ok(())
        };
        write(&write_preamble(self.keys.vault))?;
        for slot in live {
            write(&slot.frame)?;
        }
        let ids = self.state.record_ids_in_order();
        let records = ids.into_iter().filter_map(|id| self.state.record_bytes(id));
        for pack in Packer::new(&self.keys, records) {
            write(&pack)?;
        }
        let mut wanted = self.state.referenced_chunks();
        let mut written = self.copy_pieces(
            &*sources.replica,
            &self.chunks,
            &mut wanted,
            care,
            &mut write,
        )?;
        if let Some(vault_file) = sources.vault_file.as_deref().filter(|_| !wanted.is_empty()) {
            let places = self.pieces_in(vault_file).unwrap_or_default();
            let care = Care::Before;
            written.extend(self.copy_pieces(vault_file, &places, &mut wanted, care, &mut write)?);
        }
        Ok(written)
    }

    fn pieces_in(&self, file: &dyn StoredFile) -> Result<Chunks, VaultError> {
        let mut scratch = State::default();
        let stamp = file.stamp()?;
        let contents = read_into(&mut scratch, &self.keys, file, &stamp, Depth::Records)?;
        Ok(by_nonce(&contents.chunks))
    }

    /// Copies what is wanted and lies in a file, in the order in which it lies there. Returns what was copied, which is
    /// wanted no more.
    fn copy_pieces(
        &self,
        file: &dyn StoredFile,
        places: &Chunks,
        wanted: &mut HashSet<ChunkName>,
        care: Care,
        write: &mut dyn FnMut(&[u8]) -> Result<(), VaultError>,
    ) -> Result<HashSet<ChunkName>, VaultError> {
        let mut found: Vec<_> = wanted
            .iter()
            .filter_map(|name| Some((*places.get(&nonce_of(name))?, *name)))
            .collect();
        found.sort_by_key(|(place, _)| place.offset);
        let mut copied = HashSet::new();
        for (place, name) in found {
            // A block that the disk cannot read costs the piece that it hits.
            if care == Care::Before {
                let opened = read_chunk(&self.keys, file, &place).unwrap_or_default();
                if opened.is_none_or(|(found, _)| found != name) {
                    continue;
                }
            }
            if let Some(frame) = read_frame(file, &place).unwrap_or_default() {
                write(&frame)?;
                copied.insert(name);
                wanted.remove(&name);
            }
        }
        Ok(copied)
    }

    /// Whether what was read back is all that this device knows: every record byte for byte, every way in, every piece.
    fn is_all_in(&self, examined: &Examined, pieces: &HashSet<ChunkName>) -> bool {
        let has_record =
            |id: RecordId| examined.state.record_bytes(id) == self.state.record_bytes(id);
        let live: HashSet<SlotId> = self.live_slots().iter().map(|slot| slot.id).collect();
        examined.state.record_count() == self.state.record_count()
            && self.state.record_ids().all(has_record)
            && live == examined.slots.iter().copied().collect()
            && *pieces == examined.names
    }

    /// Removes what is left of backups of this vault that a power cut ended: of a day ago at least, or it may be one that
    /// another device is just writing.
    fn clear_litter(&self, folder: &Path, now: Moment) {
        let Ok(listing) = self.storage.list(folder, ENTRIES) else {
            return;
        };
        let until = i128::from(now.0.saturating_sub(LITTER_MILLISECONDS)) * 1_000_000;
        let is_litter = |entry: &&Entry| {
            let name = name_behind_temporary(&entry.name).and_then(BackupName::parse);
            let changed = entry.stamp.modified_ns.max(entry.stamp.changed_ns);
            entry.stamp.is_regular()
                && changed < until
                && name.is_some_and(|name| name.is_of(self.keys.vault))
        };
        for entry in listing.entries.iter().filter(is_litter) {
            // It is in nobody's way.
            drop(self.storage.remove(&folder.join(&entry.name)));
        }
    }

    fn take_note(&mut self, backup: NotedBackup, rng: &mut dyn CryptoRng) {
        if let Err(error) = noted::note(&*self.storage, &self.local, backup, rng) {
            self.notices.push(Notice::Odd(format!(
                "The backup is whole, and this device could not take note of it: {error}."
            )));
        }
    }
}

/// A backup that has its name.
struct Placed {
    name: BackupName,
    examined: Examined,
    length: u64,
}

fn refuse_no_folder(storage: &dyn Storage, folder: &Path) -> Result<(), StorageError> {
    match storage.stamp(folder)? {
        None => Err(StorageError::new(
            "find the folder",
            folder,
            std::io::ErrorKind::NotFound.into(),
        )),
        Some(stamp) if stamp.kind == FileKind::Folder => Ok(()),
        Some(stamp) if stamp.kind == FileKind::Symlink => Err(StorageError::NotRegular {
            path: folder.to_owned(),
            kind: stamp.kind,
        }),
        Some(_) => Err(StorageError::new(
            "find the folder",
            folder,
            std::io::ErrorKind::NotADirectory.into(),
        )),
    }
}

/// The files in a folder that are called like backups of a vault, the oldest first. Links and what else is no ordinary
/// file are not among them.
///
/// # Errors
/// What the disk says, also where the folder is not there.
pub fn list_backups(
    storage: &dyn Storage,
    folder: &Path,
    vault: VaultId,
) -> Result<Vec<FoundBackup>, StorageError> {
    refuse_no_folder(storage, folder)?;
    let listing = storage.list(folder, ENTRIES)?;
    let entries = listing.entries.into_iter();
    let regular =
        entries.filter(|entry| entry.stamp.is_regular() && entry.stamp.length <= FILE_LIMIT);
    let mut found: Vec<FoundBackup> = regular
        .filter_map(|entry| {
            let name = BackupName::parse(&entry.name).filter(|name| name.is_of(vault))?;
            Some(FoundBackup {
                path: folder.join(&entry.name),
                name,
                length: entry.stamp.length,
            })
        })
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The backups in a folder that rules let go, the oldest first: among those alone that this device has made and that
/// are still there. What another device made, or somebody put there, neither counts nor goes. `coming` is one that is about
/// to be made there.
#[must_use]
pub fn surplus_backups(
    storage: &dyn Storage,
    noted: &[NotedBackup],
    folder: &Path,
    vault: VaultId,
    keep: &Keep,
    (now, coming): (Moment, Option<Moment>),
) -> Vec<NotedBackup> {
    let there = noted.iter().filter(|backup| {
        backup.made_here
            && backup.folder == folder
            && backup.presence(storage, vault) == Presence::There
    });
    let mut there: Vec<&NotedBackup> = there.collect();
    there.sort_by_key(|backup| backup.made);
    let made = there.iter().map(|backup| backup.made);
    let made: Vec<Moment> = made.chain(coming).collect();
    let surplus = keep.surplus(&made, now);
    let going = there
        .into_iter()
        .filter(|backup| surplus.contains(&backup.made));
    going.cloned().collect()
}

/// What became of backups that were to go.
#[derive(Default, Debug)]
pub struct Pruned {
    /// Those that are gone.
    pub gone: Vec<PathBuf>,
    /// Why others stay.
    pub refused: Option<StorageError>,
    /// Why this device could not take note that they are gone.
    pub unnoted: Option<StorageError>,
}

/// Removes backups that [`surplus_backups`] named. Nothing goes from a folder that does not hold its newer ones for good yet.
pub fn prune(
    storage: &dyn Storage,
    places: &Places,
    vault: VaultId,
    surplus: &[NotedBackup],
    rng: &mut dyn CryptoRng,
) -> Pruned {
    let mut pruned = Pruned::default();
    let folders: HashSet<&Path> = surplus
        .iter()
        .map(|backup| backup.folder.as_path())
        .collect();
    for folder in folders {
        if let Err(error) = storage.sync_folder(folder) {
            pruned.refused = Some(error);
            continue;
        }
        for backup in surplus.iter().filter(|backup| backup.folder == folder) {
            match storage.remove(&backup.path()) {
                Ok(()) | Err(StorageError::NotFound(_)) => pruned.gone.push(backup.path()),
                Err(error) => pruned.refused = Some(error),
            }
        }
        // A removal that a power cut takes back is one more backup.
        drop(storage.sync_folder(folder));
    }
    pruned.unnoted = forget_backups(storage, places, vault, &pruned.gone, rng).err();
    pruned
}
