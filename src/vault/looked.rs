//! Files beside the vault that were looked at and need not be read again while their stamps stay.
//!
//! Only a shortcut: a list that is lost or torn costs one more reading. It holds digests, no names.

use super::local::overwrite;
use crate::model::ids::KeyId;
use crate::storage::{Stamp, Storage, read_whole};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;

/// Bytes of one digest.
const DIGEST: usize = 16;
/// Bytes of the list.
const LIMIT: usize = 1 << 20;

/// What was found in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Finding {
    /// It is no file of this vault.
    Foreign = 1,
    /// Nothing that is not in replica and vault file.
    Nothing = 2,
    /// The vault under a key that this device does not hold.
    OtherKey = 3,
    /// The same, found when a secret was tried on it: whoever unlocks does not know the former keys yet.
    Tried = 4,
}

impl Finding {
    /// Whether it may become another one when a key becomes a former one.
    fn depends_on_former_keys(self) -> bool {
        matches!(self, Self::Nothing | Self::OtherKey)
    }
}

/// The list of one look: what earlier looks found, and what is found now.
pub(super) struct Looked {
    key: KeyId,
    former: Vec<KeyId>,
    earlier: HashSet<[u8; DIGEST]>,
    kept: HashSet<[u8; DIGEST]>,
}

impl Looked {
    /// What earlier looks found, under this key and with these former ones.
    pub(super) fn load(
        storage: &dyn Storage,
        path: &Path,
        key: KeyId,
        mut former: Vec<KeyId>,
    ) -> Self {
        former.sort_unstable();
        former.dedup();
        let bytes = match storage.open_read(path) {
            Ok(Some(file)) => read_whole(&*file, LIMIT).unwrap_or_default(),
            _ => Vec::new(),
        };
        let (digests, _) = bytes.as_chunks::<DIGEST>();
        Self {
            key,
            former,
            earlier: digests.iter().copied().collect(),
            kept: HashSet::new(),
        }
    }

    /// A list that knows nothing.
    pub(super) fn empty(key: KeyId) -> Self {
        Self {
            key,
            former: Vec::new(),
            earlier: HashSet::new(),
            kept: HashSet::new(),
        }
    }

    /// Whether the file was found to be this before, and is still the same.
    pub(super) fn holds(&mut self, finding: Finding, name: &OsStr, stamp: &Stamp) -> bool {
        let digest = self.digest(finding, name, stamp);
        let known = self.earlier.contains(&digest);
        if known {
            self.kept.insert(digest);
        }
        known
    }

    /// Notes what was found in a file whose content can no longer change under its stamp.
    pub(super) fn note(&mut self, finding: Finding, name: &OsStr, stamp: &Stamp) {
        self.kept.insert(self.digest(finding, name, stamp));
    }

    /// Keeps what this look found or saw again; files that are gone are forgotten.
    pub(super) fn save(&self, storage: &dyn Storage, path: &Path) {
        if self.kept != self.earlier && self.kept.len() * DIGEST <= LIMIT {
            let mut digests: Vec<[u8; DIGEST]> = self.kept.iter().copied().collect();
            digests.sort_unstable();
            overwrite(storage, path, digests.as_flattened());
        }
    }

    fn digest(&self, finding: Finding, name: &OsStr, stamp: &Stamp) -> [u8; DIGEST] {
        let Stamp {
            device,
            inode,
            length,
            modified_ns,
            changed_ns,
            ..
        } = *stamp;
        let mut hash = Sha256::new();
        hash.update([finding as u8]);
        hash.update(self.key.0);
        if finding.depends_on_former_keys() {
            self.former.iter().for_each(|key| hash.update(key.0));
        }
        for number in [device, inode, length] {
            hash.update(number.to_le_bytes());
        }
        hash.update(modified_ns.to_le_bytes());
        hash.update(changed_ns.to_le_bytes());
        hash.update(name.as_encoded_bytes());
        let mut digest = [0; DIGEST];
        digest.copy_from_slice(&hash.finalize()[..DIGEST]);
        digest
    }
}
