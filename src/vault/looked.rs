//! Files beside the vault that were looked at and need not be read again while their stamps stay.
//!
//! Only a shortcut: a list that is lost or torn costs one more reading. It holds digests, no names.

use super::local::overwrite;
use crate::model::ids::KeyId;
use crate::storage::{Stamp, Storage, read_whole};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

/// Bytes of the digest of a name and its stamp, and of the key that a finding is about.
const DIGEST: usize = 16;
const CONTEXT: usize = 8;
const ROW: usize = DIGEST + CONTEXT + 1;
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
}

/// Set in a finding where frames of another key lie in the file.
const TRIED: u8 = 0x10;

/// A finding, and for which keys it holds.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Row {
    finding: u8,
    context: [u8; CONTEXT],
}

/// The list of one look: what earlier looks found, and what is found now.
pub(super) struct Looked {
    context: [u8; CONTEXT],
    earlier: HashMap<[u8; DIGEST], Row>,
    kept: HashMap<[u8; DIGEST], Row>,
}

impl Looked {
    /// What earlier looks found. What they say of this vault's files holds for this key and these former ones.
    pub(super) fn load(storage: &dyn Storage, path: &Path, key: KeyId, former: Vec<KeyId>) -> Self {
        let bytes = match storage.open_read(path) {
            Ok(Some(file)) => read_whole(&*file, LIMIT).unwrap_or_default(),
            _ => Vec::new(),
        };
        let (rows, _) = bytes.as_chunks::<ROW>();
        Self {
            earlier: rows.iter().filter_map(parse).collect(),
            ..Self::new(key, former)
        }
    }

    /// A list that knows nothing.
    pub(super) fn new(key: KeyId, mut former: Vec<KeyId>) -> Self {
        former.sort_unstable();
        former.dedup();
        let mut hash = Sha256::new_with_prefix(key.0);
        former.iter().for_each(|key| hash.update(key.0));
        let mut context = [0; CONTEXT];
        context.copy_from_slice(&hash.finalize()[..CONTEXT]);
        Self {
            context,
            earlier: HashMap::new(),
            kept: HashMap::new(),
        }
    }

    /// What the file was found to be, if it is still the same and so are the keys.
    pub(super) fn find(&mut self, name: &OsStr, stamp: &Stamp) -> Option<Finding> {
        let digest = digest(name, stamp);
        let row = *self.earlier.get(&digest)?;
        let finding = row.finding()?;
        if finding != Finding::Foreign && row.context != self.context {
            return None;
        }
        self.kept.insert(digest, row);
        Some(finding)
    }

    /// Whether a secret was tried on the file already: frames of another key lie in it, whatever was held then. Who unlocks
    /// does not know the former keys yet.
    pub(super) fn was_tried(&self, name: &OsStr, stamp: &Stamp) -> bool {
        let row = self.earlier.get(&digest(name, stamp));
        row.is_some_and(|row| row.finding & TRIED != 0 || row.finding() == Some(Finding::OtherKey))
    }

    /// Notes that frames of another key lie in a file, besides what was found in it.
    pub(super) fn note_tried(&mut self, name: &OsStr, stamp: &Stamp) {
        let context = self.context;
        let nothing = Row {
            finding: 0,
            context,
        };
        let row = self.kept.entry(digest(name, stamp)).or_insert(nothing);
        row.finding |= TRIED;
    }

    /// Notes what was found in a file whose content can no longer change under its stamp.
    pub(super) fn note(&mut self, finding: Finding, name: &OsStr, stamp: &Stamp) {
        let row = Row {
            finding: finding as u8,
            context: self.context,
        };
        self.kept.insert(digest(name, stamp), row);
    }

    /// Keeps what this look found or saw again; files that are gone are forgotten.
    pub(super) fn save(&self, storage: &dyn Storage, path: &Path) {
        if self.kept == self.earlier || self.kept.len() * ROW > LIMIT {
            return;
        }
        let mut rows: Vec<[u8; ROW]> = self
            .kept
            .iter()
            .map(|(digest, row)| write(digest, row))
            .collect();
        rows.sort_unstable();
        overwrite(storage, path, rows.as_flattened());
    }
}

impl Row {
    fn finding(&self) -> Option<Finding> {
        let all = [Finding::Foreign, Finding::Nothing, Finding::OtherKey];
        all.into_iter()
            .find(|finding| *finding as u8 == self.finding & !TRIED)
    }
}

fn parse(bytes: &[u8; ROW]) -> Option<([u8; DIGEST], Row)> {
    let (digest, rest) = bytes.split_first_chunk::<DIGEST>()?;
    let (context, rest) = rest.split_first_chunk::<CONTEXT>()?;
    let row = Row {
        finding: *rest.first()?,
        context: *context,
    };
    Some((*digest, row))
}

fn write(digest: &[u8; DIGEST], row: &Row) -> [u8; ROW] {
    let mut bytes = [row.finding; ROW];
    bytes[..DIGEST].copy_from_slice(digest);
    bytes[DIGEST..DIGEST + CONTEXT].copy_from_slice(&row.context);
    bytes
}

fn digest(name: &OsStr, stamp: &Stamp) -> [u8; DIGEST] {
    let Stamp {
        device,
        inode,
        length,
        modified_ns,
        changed_ns,
        ..
    } = *stamp;
    let mut bytes = [0; 56];
    bytes[..8].copy_from_slice(&device.to_le_bytes());
    bytes[8..16].copy_from_slice(&inode.to_le_bytes());
    bytes[16..24].copy_from_slice(&length.to_le_bytes());
    bytes[24..40].copy_from_slice(&modified_ns.to_le_bytes());
    bytes[40..].copy_from_slice(&changed_ns.to_le_bytes());
    let hash = Sha256::new_with_prefix(bytes).chain_update(name.as_encoded_bytes());
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(&hash.finalize()[..DIGEST]);
    digest
}
