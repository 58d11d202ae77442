//! Conflict copies: files beside the vault that hold records of it, whatever they are called (vault-format.md, section 7).
//!
//! They are found by their content. Names only say which drive made them, and decide what may be moved away once all of
//! it is in the vault file. Nothing here follows a link, waits for a pipe, or touches what does not authenticate.

use super::backup::is_backup_name;
use super::error::VaultError;
use super::local::is_still;
use super::look::FilePlan;
use super::looked::{Finding, Looked};
use super::read::{ChunkPlace, Depth, read_into, read_vault_id};
use super::{Notice, Vault};
use crate::drive;
use crate::log::{BLOCK, FILE_LIMIT};
use crate::model::ids::{KeyId, VaultId};
use crate::model::moment::Moment;
use crate::storage::{
    Entry, Listing, Stamp, Storage, StorageError, StoredFile, folder_of, is_temporary_name,
    read_parts, replace_file, temporary_path,
};
use rand::CryptoRng;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Names in the vault's folder that are looked at.
const ENTRIES: usize = 4096;
/// Copies that one command takes in; the next one goes on.
const COPIES: usize = 64;
/// Bytes of one copy, and of all that one command reads; or twice what the vault file has, if that is more.
const COPY_LIMIT: u64 = 1 << 30;
/// Copies that the local state keeps after they were taken in.
const TRASH: usize = 32;

/// A vault of the same id beside the vault.
pub(super) struct FoundCopy {
    name: OsString,
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn StoredFile>,
    pub(super) stamp: Stamp,
}

/// What lies beside the vault.
#[derive(Default)]
pub(super) struct Beside {
    /// What may hold news, those that a drive made first.
    pub(super) copies: Vec<FoundCopy>,
    /// Whether some are known to lie under a key that is not held.
    pub(super) has_other_key: bool,
}

/// A copy that was read.
pub(super) struct ReadCopy {
    found: FoundCopy,
    kind: CopyKind,
    /// Keys besides the vault's own that its frames lie under.
    other_keys: BTreeSet<KeyId>,
    pub(super) chunks: Vec<ChunkPlace>,
}

impl ReadCopy {
    pub(super) fn path(&self) -> &Path {
        &self.found.path
    }

    pub(super) fn file(&self) -> &dyn StoredFile {
        &*self.found.file
    }
}

enum CopyKind {
    /// Everything in it that authenticates is in the state now.
    Taken,
    /// It lies under a former key, or under several.
    Former { has_unknown: bool },
    /// It lies under a key that is not held.
    OtherKey,
    /// Nothing in it authenticates.
    Nothing,
}

/// What lies in the vault's folder; nothing where it cannot be read.
pub(super) fn list_beside(storage: &dyn Storage, vault_file: &Path) -> Listing {
    let listing = storage.list(&folder_of(vault_file), ENTRIES);
    listing.unwrap_or(Listing {
        entries: Vec::new(),
        complete: false,
    })
}

/// The vault's folder, and whose files in it count.
pub(super) struct Neighbours<'a> {
    storage: &'a dyn Storage,
    vault_file: &'a Path,
    vault: VaultId,
    listing: &'a Listing,
    owners: Vec<u32>,
    /// Bytes of one copy, and of all that are read at once.
    limit: u64,
}

impl<'a> Neighbours<'a> {
    pub(super) fn new(
        storage: &'a dyn Storage,
        vault_file: &'a Path,
        state_folder: &Path,
        vault: VaultId,
        listing: &'a Listing,
    ) -> Self {
        let stamps = [vault_file, state_folder].map(|path| storage.stamp(path).ok().flatten());
        // A vault with large files attached has large copies.
        let [own, _] = &stamps;
        let own = own.map_or(0, |stamp| stamp.length.min(FILE_LIMIT));
        Self {
            storage,
            vault_file,
            vault,
            listing,
            owners: stamps.iter().flatten().map(|stamp| stamp.owner).collect(),
            limit: COPY_LIMIT.max(own.saturating_mul(2)),
        }
    }

    /// Vaults of this id among the regular files of the same owners; what is none is noted if it `is_still`.
    pub(super) fn find(&self, looked: &mut Looked, is_still: &dyn Fn(&Stamp) -> bool) -> Beside {
        let own_name = self.vault_file.file_name().unwrap_or_default();
        let mut beside = Beside::default();
        let mut entries = self.regular_files(own_name);
        entries.retain(|entry| {
            let known = looked.find(&entry.name, &entry.stamp);
            beside.has_other_key |= known == Some(Finding::OtherKey);
            known.is_none()
        });
        entries.sort_by_cached_key(|entry| drive::recognise(own_name, &entry.name).is_none());
        let mut bytes = 0;
        for entry in entries {
            if beside.copies.len() == COPIES || bytes + entry.stamp.length > self.limit {
                break;
            }
            let path = folder_of(self.vault_file).join(&entry.name);
            let Ok(Some(file)) = self.storage.open_read(&path) else {
                continue;
            };
            let Ok(stamp) = file.stamp() else { continue };
            if !self.may_be_copy(&stamp) {
                continue;
            }
            if matches!(read_vault_id(&*file), Ok(Ok(found)) if found == self.vault) {
                bytes += stamp.length;
                beside.copies.push(FoundCopy {
                    name: entry.name.clone(),
                    path,
                    file,
                    stamp,
                });
            } else if stamp == entry.stamp && is_still(&stamp) {
                looked.note(Finding::Foreign, &entry.name, &stamp);
            }
        }
        beside
    }

    fn regular_files(&self, own_name: &OsStr) -> Vec<&Entry> {
        let entries = &self.listing.entries;
        let own = entries.iter().find(|entry| entry.name == own_name);
        let own = own.map(|entry| (entry.stamp.device, entry.stamp.inode));
        let all = entries.iter().filter(|entry| {
            self.may_be_copy(&entry.stamp)
                && own != Some((entry.stamp.device, entry.stamp.inode))
                && entry.name != own_name
                && !is_temporary_name(&entry.name)
                && !is_backup_name(&entry.name)
        });
        all.collect()
    }

    fn may_be_copy(&self, stamp: &Stamp) -> bool {
        stamp.is_regular()
            && (BLOCK as u64..=self.limit.min(FILE_LIMIT)).contains(&stamp.length)
            && self.owners.contains(&stamp.owner)
    }
}

impl Vault {
    /// What lies beside the vault and may hold news. The folder is listed once for unlocking and the first look.
    pub(super) fn find_copies(&mut self, looked: &mut Looked, now: Moment) -> Beside {
        let listed = self.listing.take();
        let listing =
            listed.unwrap_or_else(|| list_beside(&*self.storage, &self.places.vault_file));
        let neighbours = Neighbours::new(
            &*self.storage,
            &self.places.vault_file,
            &self.local.folder,
            self.keys.vault,
            &listing,
        );
        neighbours.find(looked, &|stamp| is_still(stamp, now))
    }

    /// What earlier looks found; nothing where the replica cannot be relied on.
    pub(super) fn looked(&self) -> Looked {
        match self.replica.filter(|facts| !facts.is_damaged) {
            Some(_) => {
                let former = self.state.former_keys().into_iter().map(|row| row.0);
                let path = &self.local.looked;
                Looked::load(&*self.storage, path, self.keys.id, former.collect())
            }
            None => Looked::new(self.keys.id, Vec::new()),
        }
    }

    /// Folds copies in. A copy that cannot be read now is left for the next look. Returns whether any brought news.
    pub(super) fn read_copies(
        &mut self,
        copies: Vec<FoundCopy>,
    ) -> Result<(Vec<ReadCopy>, bool), VaultError> {
        let (mut read, mut news) = (Vec::new(), false);
        for found in copies {
            let contents = read_into(
                &mut self.state,
                &self.keys,
                &*found.file,
                &found.stamp,
                Depth::Records,
            );
            let contents = match contents {
                Err(VaultError::Storage(_)) => continue,
                contents => contents?,
            };
            let slots = self.slots.len();
            self.take_slots_quietly(&contents);
            news |= !contents.new_records.is_empty() | (self.slots.len() > slots);
            let kind = if contents.other_keys.is_empty() {
                if contents.records.is_empty() && contents.slots.is_empty() {
                    CopyKind::Nothing
                } else {
                    CopyKind::Taken
                }
            } else {
                let other_keys = &contents.other_keys;
                match self.judge_other_key(&*found.file, found.stamp, other_keys) {
                    Err(VaultError::Storage(_)) => continue,
                    Ok(FilePlan::FormerKey { has_unknown, .. }) => CopyKind::Former { has_unknown },
                    _ if contents.records.is_empty() => CopyKind::OtherKey,
                    _ => CopyKind::Taken,
                }
            };
            read.push(ReadCopy {
                found,
                kind,
                other_keys: contents.other_keys,
                chunks: contents.chunks,
            });
        }
        Ok((read, news))
    }

    /// After the vault file was brought in step: what is wholly in it and was made by a drive is moved away, what
    /// stays is remembered. `is_complete` says whether the vault file lacks nothing that this device knows.
    pub(super) fn settle_copies(
        &mut self,
        copies: Vec<ReadCopy>,
        mut looked: Looked,
        is_complete: bool,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) {
        let former = self.state.former_keys();
        let former: BTreeSet<KeyId> = former.into_iter().map(|row| row.0).collect();
        let mut moved = 0;
        for copy in copies {
            let ReadCopy {
                found,
                kind,
                other_keys,
                ..
            } = copy;
            // What lies under a key that is not held is delivered nowhere.
            let is_read = other_keys.is_subset(&former);
            if !is_read {
                self.note_once(Notice::OtherKey);
            }
            if let CopyKind::Former { has_unknown: true } = kind
                && let Err(error) = self.keep_unknown(&*found.file, found.stamp, &other_keys, rng)
            {
                self.note_once(Notice::Pending(error.to_string()));
                continue;
            }
            let is_done =
                matches!(kind, CopyKind::Taken | CopyKind::Former { .. }) && is_complete && is_read;
            if is_done && self.may_move(&found) && self.move_away(&found, now, rng).is_ok() {
                moved += 1;
                continue;
            }
            let is_still = super::local::is_still(&found.stamp, now);
            let finding = match kind {
                CopyKind::OtherKey => Some(Finding::OtherKey),
                CopyKind::Nothing => Some(Finding::Nothing),
                CopyKind::Taken | CopyKind::Former { .. } => {
                    is_complete.then_some(Finding::Nothing)
                }
            };
            if let Some(finding) = finding.filter(|_| is_still) {
                looked.note(finding, &found.name, &found.stamp);
            }
            if is_still && !other_keys.is_empty() {
                looked.note_tried(&found.name, &found.stamp);
            }
        }
        looked.save(&*self.storage, &self.local.looked);
        if moved > 0 {
            self.notices.push(Notice::CopiesMoved(moved));
        }
    }

    /// Only what a drive made, and what has no other name that somebody may mean it by.
    fn may_move(&self, found: &FoundCopy) -> bool {
        let own_name = self.places.vault_file.file_name().unwrap_or_default();
        found.stamp.links == 1 && drive::recognise(own_name, &found.name).is_some()
    }

    /// Moves a copy to the local state's trash, unless it changed since it was read.
    fn move_away(
        &self,
        found: &FoundCopy,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        const CHANGED: VaultError = VaultError::Inconsistent("the copy changed while it was read");
        // A rename changes the last of the times.
        let is_same = |stamp: Option<Stamp>| {
            stamp.is_some_and(|stamp| {
                Stamp {
                    changed_ns: found.stamp.changed_ns,
                    ..stamp
                } == found.stamp
            })
        };
        if self.storage.stamp(&found.path)? != Some(found.stamp) {
            return Err(CHANGED);
        }
        let target = self.trash_place(now, rng)?;
        match self.storage.rename_new(&found.path, &target) {
            Ok(()) if is_same(self.storage.stamp(&target)?) => return Ok(()),
            // Something was added in between.
            Ok(()) => {
                self.bring_back(&target, found)?;
                return Err(CHANGED);
            }
            // Most likely another file system: then a copy of it goes there.
            Err(StorageError::Io(_)) => {}
            Err(error) => return Err(error.into()),
        }
        replace_file::<Vec<u8>, StorageError>(
            &*self.storage,
            &target,
            &mut read_parts(&*found.file, found.stamp.length),
            rng,
        )?;
        // First out of the drive's way in one step, so that what is removed is what was read.
        let aside = temporary_path(&found.path, rng);
        self.storage.rename_new(&found.path, &aside)?;
        if !is_same(self.storage.stamp(&aside)?) {
            self.bring_back(&aside, found)?;
            self.storage.remove(&target)?;
            return Err(CHANGED);
        }
        Ok(self.storage.remove(&aside)?)
    }

    /// Puts what was taken away too early back to where the next look finds it. Where the drive has put another file of
    /// that name there meanwhile, under a name that a drive would give a further copy.
    fn bring_back(&self, from: &Path, found: &FoundCopy) -> Result<(), VaultError> {
        let mut outcome = self.storage.rename_new(from, &found.path);
        for number in 1..=COPIES {
            if !matches!(outcome, Err(StorageError::Exists(_))) {
                break;
            }
            let mut name = self.places.vault_file.clone().into_os_string();
            name.push(format!(".conflict{number}"));
            outcome = self.storage.rename_new(from, Path::new(&name));
        }
        Ok(outcome?)
    }

    /// A free name in the trash, named by time so that the oldest go first.
    pub(super) fn trash_place(
        &self,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<PathBuf, VaultError> {
        self.storage.make_folder(&self.local.trash)?;
        let listing = self.storage.list(&self.local.trash, ENTRIES)?;
        let files = listing
            .entries
            .iter()
            .filter(|entry| entry.stamp.is_regular());
        let names: Vec<&OsStr> = files.map(|entry| entry.name.as_os_str()).collect();
        let surplus = (names.len() + 1).saturating_sub(TRASH);
        for name in names.into_iter().take(surplus) {
            self.storage.remove(&self.local.trash.join(name))?;
        }
        let mut random = [0; 4];
        rng.fill_bytes(&mut random);
        let random = data_encoding::HEXLOWER.encode(&random);
        Ok(self.local.trash.join(format!("{:016}-{random}", now.0)))
    }

    /// Empties the trash: for what is to be gone for good.
    pub(super) fn empty_trash(&self) -> Result<(), VaultError> {
        match self.storage.list(&self.local.trash, ENTRIES) {
            Ok(listing) => {
                for entry in listing
                    .entries
                    .iter()
                    .filter(|entry| entry.stamp.is_regular())
                {
                    self.storage.remove(&self.local.trash.join(&entry.name))?;
                }
                Ok(())
            }
            Err(StorageError::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
