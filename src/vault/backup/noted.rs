//! What this device knows of backups: which it has verified, when, and what was in them. A file in the local state; it tells
//! nothing of what is in the vault.
//!
//! It decides what may be pruned and whether another backup is due. A backup that is not in it, or that another device
//! made, is not this device's to remove.

use super::CLOCK_SLACK_MILLISECONDS;
use super::name::BackupName;
use crate::log::BLOCK;
use crate::log::preamble::parse_preamble;
use crate::model::ids::VaultId;
use crate::model::moment::Moment;
use crate::storage::{LockKind, Storage, StorageError, read_whole, replace_file};
use crate::vault::local::LocalPlaces;
use crate::vault::{LOCK_WAIT, Places};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Backups that are remembered; the oldest are forgotten first.
const REMEMBERED: usize = 4096;
/// The file is no longer than that many long paths.
const LIMIT: usize = 16 << 20;

/// A backup that this device has verified.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NotedBackup {
    /// The folder that it was in.
    pub folder: PathBuf,
    /// Its name there.
    pub name: String,
    /// When it was made, by its name.
    pub made: Moment,
    /// When all of it was last authenticated.
    pub verified: Moment,
    /// Whether this device made it: only then is it this device's to remove.
    pub made_here: bool,
    /// Bytes of the file.
    pub length: u64,
    /// Records in it.
    pub records: usize,
    /// SHA-256 of what is in it, in hexadecimal: another content under the same name is noticed.
    pub content: String,
}

/// What there is of a backup now, seen without any key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// A file of this vault as long as the one that was verified.
    There,
    /// Something else has its name.
    Changed,
    /// Nothing has, in a folder that is there.
    Gone,
    /// Its folder is not there: a disk that is not plugged in, most likely.
    Away,
}

impl NotedBackup {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Whether it is dated in the future: then a clock was wrong, and it is no measure of how old the newest one is.
    #[must_use]
    pub fn is_of_the_future(&self, now: Moment) -> bool {
        self.made.0 > now.0.saturating_add(CLOCK_SLACK_MILLISECONDS)
    }

    /// Whether it is still there. The first block and the length are looked at; only verifying it again tells more.
    #[must_use]
    pub fn presence(&self, storage: &dyn Storage, vault: VaultId) -> Presence {
        let path = self.path();
        match storage.stamp(&path) {
            Ok(None) => match storage.stamp(&self.folder) {
                Ok(Some(_)) => Presence::Gone,
                _ => Presence::Away,
            },
            Ok(Some(stamp)) if stamp.is_regular() && stamp.length == self.length => {
                match begins_as(storage, &path, vault) {
                    Ok(true) => Presence::There,
                    Ok(false) => Presence::Changed,
                    Err(_) => Presence::Away,
                }
            }
            Ok(Some(_)) => Presence::Changed,
            Err(_) => Presence::Away,
        }
    }
}

fn begins_as(storage: &dyn Storage, path: &Path, vault: VaultId) -> Result<bool, StorageError> {
    let Some(file) = storage.open_read(path)? else {
        return Ok(false);
    };
    let mut block = [0; BLOCK];
    let read = file.read_at(0, &mut block)?;
    let found = parse_preamble(block.get(..read).unwrap_or_default());
    Ok(matches!(found, Ok(found) if found == vault))
}

/// The backups of a vault that this device has verified, the newest first. A list that cannot be read is an empty one:
/// then another backup is due, and nothing is pruned.
#[must_use]
pub fn noted_backups(storage: &dyn Storage, places: &Places, vault: VaultId) -> Vec<NotedBackup> {
    read(storage, &LocalPlaces::new(places, vault).backups)
}

pub(super) fn read(storage: &dyn Storage, path: &Path) -> Vec<NotedBackup> {
    let Ok(Some(file)) = storage.open_read(path) else {
        return Vec::new();
    };
    let bytes = read_whole(&*file, LIMIT).unwrap_or_default();
    let mut noted: Vec<NotedBackup> = serde_json::from_slice(&bytes).unwrap_or_default();
    // Names that no backup has are somebody else's.
    noted.retain(|noted| {
        let name = BackupName::parse(OsStr::new(&noted.name));
        name.is_some_and(|name| name.made() == noted.made)
    });
    noted.sort_by(|one, other| (other.made, &other.folder).cmp(&(one.made, &one.folder)));
    noted
}

/// Takes note of a backup, in the place of what was known of the same file.
pub(super) fn note(
    storage: &dyn Storage,
    local: &LocalPlaces,
    mut backup: NotedBackup,
    rng: &mut dyn CryptoRng,
) -> Result<(), StorageError> {
    change(storage, local, rng, |noted| {
        let is_same =
            |known: &NotedBackup| (&known.folder, &known.name) == (&backup.folder, &backup.name);
        let made_here = noted.iter().any(|known| is_same(known) && known.made_here);
        noted.retain(|known| !is_same(known));
        backup.made_here |= made_here;
        noted.push(backup);
    })
}

/// Forgets backups that are no more, by their paths.
///
/// # Errors
/// What the disk says.
pub fn forget_backups(
    storage: &dyn Storage,
    places: &Places,
    vault: VaultId,
    paths: &[PathBuf],
    rng: &mut dyn CryptoRng,
) -> Result<(), StorageError> {
    if paths.is_empty() {
        return Ok(());
    }
    change(storage, &LocalPlaces::new(places, vault), rng, |noted| {
        noted.retain(|known| !paths.contains(&known.path()));
    })
}

fn change(
    storage: &dyn Storage,
    local: &LocalPlaces,
    rng: &mut dyn CryptoRng,
    work: impl FnOnce(&mut Vec<NotedBackup>),
) -> Result<(), StorageError> {
    storage.make_folder(&local.folder)?;
    let _lock = storage.lock(&local.lock, LockKind::Exclusive, LOCK_WAIT)?;
    let mut noted = read(storage, &local.backups);
    work(&mut noted);
    noted.sort_by_key(|noted| std::cmp::Reverse(noted.made));
    noted.truncate(REMEMBERED);
    let text = serde_json::to_string_pretty(&noted).unwrap_or_default();
    let mut parts = std::iter::once(Ok::<_, StorageError>(format!("{text}\n")));
    replace_file(storage, &local.backups, &mut parts, rng).map(drop)
}
