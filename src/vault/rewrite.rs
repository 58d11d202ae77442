//! Whole files written anew: the replica when it is packed, the vault file when it is compacted or holds what must go
//! (vault-format.md, section 1.6).

use super::chunks::nonce_of;
use super::commit::Packer;
use super::error::{UnlockError, VaultError};
use super::local::overwrite;
use super::look::FilePlan;
use super::open::{OnPath, look};
use super::read::{ChunkPlace, Depth, FileSource, read_chunk, read_into};
use super::{ReplicaFacts, Vault};
use crate::crypto::keys::Keys;
use crate::crypto::seal::seal_chunk;
use crate::log::frame::{FrameKind, Nonce};
use crate::log::preamble::write_preamble;
use crate::log::scan::{Reason, Verdict, scan};
use crate::model::moment::Moment;
use crate::state::fold::State;
use crate::state::op::ChunkName;
use crate::storage::{Stamp, StoredFile, replace_file_after};
use rand::CryptoRng;
use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;

/// Chunks that no record names are kept this long: their record may still be on its way.
const ORPHAN_MILLISECONDS: u64 = 90 * 24 * 60 * 60 * 1000;

/// The same for those that this device has for itself: somebody is just attaching them, or was stopped.
const OWN_ORPHAN_MILLISECONDS: u64 = 24 * 60 * 60 * 1000;

/// A chunk, the file that it is read from, and the key that it lies under there.
type ChunkSource<'a> = (Rc<dyn StoredFile>, ChunkPlace, &'a Keys);

const NOT_OURS: VaultError = VaultError::Inconsistent(
    "what lies at the vault's path is not this vault, so it is left alone",
);

/// What a `compact` saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compacted {
    /// Bytes of the vault file before.
    pub before: u64,
    /// And after.
    pub after: u64,
}

impl Vault {
    /// Writes the vault file and the replica anew: the same records in packs, without damage and repetition.
    ///
    /// # Errors
    /// What the disk says; the files are then as they were.
    pub fn compact(
        &mut self,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Compacted, VaultError> {
        let _lock = self.begin(now, rng)?;
        let length = |stamp: Option<Stamp>| stamp.map_or(0, |stamp| stamp.length);
        let before = length(self.storage.stamp(&self.places.vault_file)?);
        self.take_in_vault_file(rng)?;
        self.rewrite_replica(rng)?;
        self.rewrite_vault_file(rng)?;
        // Copies that were taken in may hold what was erased since.
        self.empty_trash()?;
        Ok(Compacted {
            before,
            after: length(self.storage.stamp(&self.places.vault_file)?),
        })
    }

    /// The replica anew, packed. The exclusive lock is held.
    pub(super) fn rewrite_replica(&mut self, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        let stamp = self.write_replica(&[&self.keys], rng)?;
        self.packed(stamp);
        Ok(())
    }

    /// The replica's file anew. A process that is killed between rename and sync leaves a mark, so that the next one makes
    /// the name durable before it relies on it; otherwise a power cut could bring the old file back without what came since.
    pub(super) fn write_replica(
        &self,
        read_keys: &[&Keys],
        rng: &mut dyn CryptoRng,
    ) -> Result<Stamp, VaultError> {
        overwrite(&*self.storage, &self.local.renaming, &[]);
        let stamp = self.write_whole(&self.local.replica, read_keys, &|| Ok(()), rng)?;
        drop(self.storage.remove(&self.local.renaming));
        Ok(stamp)
    }

    /// Makes the replica's name durable where a process before this one may not have come to it. The lock is held.
    pub(super) fn finish_renaming(&self) -> Result<(), VaultError> {
        if self.storage.stamp(&self.local.renaming)?.is_some() {
            self.storage.sync_folder(&self.local.folder)?;
            self.storage.remove(&self.local.renaming)?;
        }
        Ok(())
    }

    /// The replica was just written from the whole state.
    pub(super) fn packed(&mut self, stamp: Stamp) {
        self.replica = Some(ReplicaFacts {
            stamp,
            loose: 0,
            is_damaged: false,
        });
        self.replicated = self.state.record_ids().collect();
        self.replica_slots = self.live_slots().iter().map(|slot| slot.id).collect();
        self.replica_twins = self.state.twin_count();
        self.lacks_chunks = false;
        if !self.state.referenced_chunks().is_empty() || !self.chunks.is_empty() {
            self.find_chunks();
        }
    }

    /// The vault file anew, with all that it holds now. The exclusive lock is held.
    pub(super) fn rewrite_vault_file(&mut self, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        const TRIES: usize = 3;
        let path = self.places.vault_file.clone();
        for _ in 0..TRIES {
            let seen = self.take_in_vault_file(rng)?;
            let is_unchanged = || {
                let unchanged = self.storage.stamp(&path)? == seen;
                unchanged.then_some(()).ok_or(VaultError::Changing)
            };
            match self.write_whole(&path, &[&self.keys], &is_unchanged, rng) {
                Err(VaultError::Changing) => {}
                Err(error) => return Err(error),
                Ok(stamp) => {
                    self.damage.clear();
                    self.trust(stamp);
                    return Ok(());
                }
            }
        }
        Err(VaultError::Changing)
    }

    /// Reads every frame of the vault file that is about to be replaced, chunks included, so that nothing under them
    /// goes: what was not known is in the replica afterwards, what lies under a former key in the review folder.
    /// Returns the stamp of the file that was read, `None` where there is none.
    pub(super) fn take_in_vault_file(
        &mut self,
        rng: &mut dyn CryptoRng,
    ) -> Result<Option<Stamp>, VaultError> {
        let (file, stamp) = match look(&*self.storage, &self.places, Some(self.keys.vault)).1 {
            OnPath::Vault(file, stamp) => (file, stamp),
            OnPath::Absent => return Ok(None),
            OnPath::Unusable(_) => return Err(NOT_OURS),
        };
        let keys = &self.keys;
        let contents = read_into(&mut self.state, keys, &*file, &stamp, Depth::Everything)?;
        if !contents.other_keys.is_empty() {
            self.keep_unknown(&*file, stamp, &contents.other_keys, rng)?;
            let plan = self.judge_other_key(&*file, stamp, &contents.other_keys)?;
            let is_unknown = matches!(plan, FilePlan::OtherKey(_)) && contents.records.is_empty();
            if is_unknown && self.replica.is_some() {
                return Err(UnlockError::OtherKey.into());
            }
        }
        self.take_slots(&contents);
        self.adopt_replacements();
        self.keep_in_replica(rng)?;
        Ok(Some(stamp))
    }

    /// A whole file under the vault's keys. Chunks are read under any of `read_keys`, a former one in a `rekey`. `last_look`
    /// is asked when all is written and just before the new file takes the old one's place.
    pub(super) fn write_whole(
        &self,
        path: &Path,
        read_keys: &[&Keys],
        last_look: &dyn Fn() -> Result<(), VaultError>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Stamp, VaultError> {
        if self.live_slots().is_empty() {
            return Err(VaultError::Slots("no way in would be left"));
        }
        let preamble = std::iter::once(write_preamble(self.keys.vault).to_vec());
        let slots = self.live_slots().into_iter().map(|slot| slot.frame.clone());
        let ids = self.state.record_ids_in_order();
        let records = ids.into_iter().filter_map(|id| self.state.record_bytes(id));
        let packs = Packer::new(&self.keys, records);
        let sources = self.chunk_sources(path, read_keys)?;
        let chunks = sources
            .iter()
            .flat_map(|(file, place, keys)| self.chunk_frame(&**file, place, keys).transpose());
        let mut parts = preamble.chain(slots).chain(packs).map(Ok).chain(chunks);
        replace_file_after::<Vec<u8>, VaultError>(
            &*self.storage,
            path,
            &mut parts,
            &mut || last_look(),
            rng,
        )
    }

    /// Chunks of both files that are to be kept, each once.
    fn chunk_sources<'a>(
        &self,
        target: &Path,
        keys: &[&'a Keys],
    ) -> Result<Vec<ChunkSource<'a>>, VaultError> {
        let named = self.state.referenced_chunks();
        let nonces: HashSet<Nonce> = named.iter().map(nonce_of).collect();
        let mut kept = Vec::new();
        let mut seen: HashSet<ChunkName> = HashSet::new();
        let newest = self.state.newest_clock().moment();
        let paths = [&self.places.vault_file, &self.local.replica];
        for path in paths.into_iter().chain(&self.sources) {
            let Ok(Some(file)) = self.storage.open_read(path) else {
                continue;
            };
            let stamp = file.stamp()?;
            if !may_hold_chunks(&*file, &stamp) {
                continue;
            }
            let file: Rc<dyn StoredFile> = Rc::from(file);
            let mut found = Vec::new();
            for keys in keys {
                let mut scratch = State::default();
                let contents = read_into(&mut scratch, keys, &*file, &stamp, Depth::Everything)?;
                found.extend(contents.chunks.into_iter().map(|place| (place, *keys)));
            }
            for (place, keys) in found {
                let Some((name, opened)) = read_chunk(keys, &*file, &place)? else {
                    continue;
                };
                let created = opened
                    .plaintext
                    .get(opened.content)
                    .and_then(|content| content.first_chunk::<8>().copied());
                let created = Moment(u64::from_le_bytes(created.unwrap_or_default()));
                let limit = match (*path == self.local.replica, target == self.local.replica) {
                    (true, true) => OWN_ORPHAN_MILLISECONDS,
                    // What nobody names yet is nobody else's business.
                    (true, false) => 0,
                    (false, _) => ORPHAN_MILLISECONDS,
                };
                let is_young = newest.0.saturating_sub(created.0) < limit;
                // Another content under the nonce of a true chunk would be sealed under that nonce too.
                let is_orphan = !nonces.contains(&place.header.nonce);
                let is_waiting = is_young && is_orphan && !self.state.is_chunk_erased(&name);
                let wanted = named.contains(&name) || is_waiting;
                if wanted && seen.insert(name) {
                    kept.push((Rc::clone(&file), place, keys));
                }
            }
        }
        Ok(kept)
    }

    fn chunk_frame(
        &self,
        file: &dyn StoredFile,
        place: &ChunkPlace,
        keys: &Keys,
    ) -> Result<Option<Vec<u8>>, VaultError> {
        let Some((_, opened)) = read_chunk(keys, file, place)? else {
            return Ok(None);
        };
        let content = opened
            .plaintext
            .get(opened.content.clone())
            .unwrap_or_default();
        // The nonce is half of the chunk's name and stays; under the same key this is the frame that was read, byte for byte.
        Ok(Some(seal_chunk(&self.keys, place.header.nonce, content)))
    }

    /// Whether the last look at the vault file found damage other than frames that were cut off.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.damage
            .iter()
            .any(|damage| damage.reason != Reason::Torn)
    }
}

/// A file whose headers name no chunk need not be read a second time.
fn may_hold_chunks(file: &dyn StoredFile, stamp: &Stamp) -> bool {
    let mut any = false;
    let scanned = scan(&FileSource::new(file, stamp), &mut |frame| {
        any |= frame.header.kind == FrameKind::Chunk;
        Verdict::Authentic
    });
    any || scanned.is_err()
}
