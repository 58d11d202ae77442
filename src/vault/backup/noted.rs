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
use serde_json::Value;
use std::cmp::Reverse;
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
    #[serde(with = "any_path")]
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
    /// Whether somebody was told that it is gone. When it is there again it counts as before.
    #[serde(default)]
    pub told_gone: bool,
}

/// Paths as text, and those that are none as their bytes: one odd name must not cost the whole list.
mod any_path {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => text.serialize(to),
            None => path.as_os_str().as_bytes().serialize(to),
        }
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(match Stored::deserialize(from)? {
            Stored::Text(text) => text.into(),
            Stored::Bytes(bytes) => OsString::from_vec(bytes).into(),
        })
    }
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

    /// Whether it is gone and somebody was told so: nothing more is said of it, unless it comes back.
    fn is_written_off(&self, storage: &dyn Storage, vault: VaultId) -> bool {
        let is_gone = |presence| matches!(presence, Presence::Gone | Presence::Away);
        self.told_gone && is_gone(self.presence(storage, vault))
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

/// The backups of a vault that this device has verified, the newest first, without those that are gone and of which somebody
/// was told so. A list that cannot be read is an empty one: then another backup is due, and nothing is pruned.
#[must_use]
pub fn noted_backups(storage: &dyn Storage, places: &Places, vault: VaultId) -> Vec<NotedBackup> {
    let mut noted = read(storage, &LocalPlaces::new(places, vault).backups);
    noted.retain(|noted| !noted.is_written_off(storage, vault));
    noted
}

pub(super) fn read(storage: &dyn Storage, path: &Path) -> Vec<NotedBackup> {
    load(storage, path).unwrap_or_default().noted
}

/// The list as it is on the disk.
#[derive(Default)]
struct Loaded {
    noted: Vec<NotedBackup>,
    /// Whether something in it means nothing here.
    is_strange: bool,
}

/// A list that is not there is an empty one; one that the disk does not give is an error.
fn load(storage: &dyn Storage, path: &Path) -> Result<Loaded, StorageError> {
    let Some(file) = storage.open_read(path)? else {
        return Ok(Loaded::default());
    };
    let bytes = read_whole(&*file, LIMIT)?;
    let Ok(rows) = serde_json::from_slice::<Vec<Value>>(&bytes) else {
        return Ok(Loaded {
            is_strange: true,
            ..Loaded::default()
        });
    };
    let count = rows.len();
    let rows = rows.into_iter();
    let noted = rows.filter_map(|row| serde_json::from_value::<NotedBackup>(row).ok());
    // Names that no backup has are somebody else's.
    let noted = noted.filter(|noted| {
        let name = BackupName::parse(OsStr::new(&noted.name));
        name.is_some_and(|name| name.made() == noted.made)
    });
    let mut noted: Vec<NotedBackup> = noted.collect();
    noted.sort_by(|one, other| (other.made, &other.folder).cmp(&(one.made, &one.folder)));
    Ok(Loaded {
        is_strange: noted.len() != count,
        noted,
    })
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

/// Takes note that somebody was told that backups are gone, by their paths. They are not forgotten: what looks gone may
/// lie on a disk that is not mounted, and is this device's as before when it is back.
///
/// # Errors
/// What the disk says.
pub fn mark_told(
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
        for known in noted
            .iter_mut()
            .filter(|known| paths.contains(&known.path()))
        {
            known.told_gone = true;
        }
    })
}

/// Changes the list. What the disk does not give is never written over, and what means nothing here is put aside first.
fn change(
    storage: &dyn Storage,
    local: &LocalPlaces,
    rng: &mut dyn CryptoRng,
    work: impl FnOnce(&mut Vec<NotedBackup>),
) -> Result<(), StorageError> {
    storage.make_folder(&local.folder)?;
    let _lock = storage.lock(&local.lock, LockKind::Exclusive, LOCK_WAIT)?;
    let Loaded {
        mut noted,
        is_strange,
    } = load(storage, &local.backups)?;
    work(&mut noted);
    noted.sort_by_key(|noted| (noted.told_gone, Reverse(noted.made)));
    noted.truncate(REMEMBERED);
    let text = as_text(&mut noted, &local.backups)?;
    if is_strange {
        storage.rename(&local.backups, &local.strange_backups)?;
    }
    let mut parts = std::iter::once(Ok::<_, StorageError>(text));
    replace_file(storage, &local.backups, &mut parts, rng).map(drop)
}

/// The list for the disk, without the oldest where it would be longer than it may be read again.
fn as_text(noted: &mut Vec<NotedBackup>, path: &Path) -> Result<String, StorageError> {
    loop {
        let text = serde_json::to_string_pretty(noted)
            .map_err(|cause| StorageError::new("put together", path, cause.into()))?;
        if text.len() < LIMIT {
            return Ok(format!("{text}\n"));
        }
        noted.truncate(noted.len() / 2);
    }
}
