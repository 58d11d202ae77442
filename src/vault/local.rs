//! The local state of this device: replica, lock, device id, what it saw last, and which path is which vault.
//!
//! `<state folder>/<vault id>/` holds `replica`, `lock`, `device`, `seen` and `review/`; `<state folder>/paths/` has one
//! small file for each vault path. All of it is private and outside every synced folder.

use super::Places;
use super::error::VaultError;
use crate::model::ids::{DeviceId, VaultId};
use crate::model::moment::Moment;
use crate::storage::{FileKind, Stamp, Storage, StorageError, folder_of, read_whole, replace_file};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Small files of the local state are no larger than this.
const SMALL_LIMIT: usize = 4096;
/// A file may change again within this time without a new time stamp (FAT counts in two seconds).
pub(super) const STILL_MILLISECONDS: u64 = 2000;

/// Where everything of one vault lies in the local state.
#[derive(Clone)]
pub(super) struct LocalPlaces {
    pub(super) folder: PathBuf,
    pub(super) replica: PathBuf,
    pub(super) lock: PathBuf,
    pub(super) review: PathBuf,
    device: PathBuf,
    seen: PathBuf,
}

impl LocalPlaces {
    pub(super) fn new(places: &Places, vault: VaultId) -> Self {
        let folder = places.state_folder.join(vault.to_string());
        Self {
            replica: folder.join("replica"),
            lock: folder.join("lock"),
            review: folder.join("review"),
            device: folder.join("device"),
            seen: folder.join("seen"),
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

    /// The stamps under which the vault file was last known to hold all that the replica holds.
    pub(super) fn seen(&self, storage: &dyn Storage) -> Option<Seen> {
        let text = read_small(storage, &self.seen).ok()??;
        Seen::parse(&text)
    }

    /// Remembers the stamps. Only an optimisation: what cannot be written or is torn is read again next time.
    pub(super) fn remember(&self, storage: &dyn Storage, seen: &Seen) {
        let text = seen.write();
        let file = match storage.open_write(&self.seen) {
            Ok(Some(file)) => Ok(file),
            Ok(None) => storage.create(&self.seen),
            Err(error) => Err(error),
        };
        let written = file.and_then(|file| {
            file.write_at(0, text.as_bytes())?;
            file.truncate(text.len() as u64)
        });
        drop(written);
    }
}

/// A vault file that was known to be complete, and the replica it was compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) vault: Stamp,
    pub(super) replica: Stamp,
}

impl Seen {
    /// A line of numbers and a checksum, so that a torn file is no file.
    fn write(&self) -> String {
        let line = [self.vault, self.replica].map(|stamp| {
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
            format!("{device} {inode} {length} {modified_ns} {changed_ns} {owner} {links}")
        });
        let line = line.join(" ");
        let checksum = data_encoding::HEXLOWER.encode(&Sha256::digest(&line)[..8]);
        format!("{line} {checksum}\n")
    }

    fn parse(text: &str) -> Option<Self> {
        let (line, checksum) = text.strip_suffix('\n')?.rsplit_once(' ')?;
        if data_encoding::HEXLOWER.encode(&Sha256::digest(line)[..8]) != checksum {
            return None;
        }
        let mut words = line.split(' ');
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
        Some(Self {
            vault: stamp()?,
            replica: stamp()?,
        })
    }
}

/// Whether a file's content can no longer change without its stamp changing.
pub(super) fn is_still(stamp: &Stamp, now: Moment) -> bool {
    let now_ns = i128::from(now.0) * 1_000_000;
    now_ns - stamp.modified_ns >= i128::from(STILL_MILLISECONDS) * 1_000_000
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
    for path in [
        &local.replica,
        &local.seen,
        &local.device,
        &index_path(places, &places.vault_file),
    ] {
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
