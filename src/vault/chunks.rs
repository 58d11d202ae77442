//! Pieces of attached files: stored, handed on between replica, vault file and copies, and read again, one at a time, so that
//! no file is ever in memory as a whole (vault-format.md, sections 1.3 and 1.6).
//!
//! A piece is stored before any record names it; the record that does comes after the pieces are on the disk, in
//! either file. A frame is handed on only after it was opened and found to be what its name says.

use super::append::refuse_if_full;
use super::beside::beside;
use super::error::VaultError;
use super::local::is_still;
use super::look::{FilePlan, UnionPlan};
use super::read::{ChunkPlace, Depth, read_chunk, read_frame, read_into};
use super::{Notice, ReplicaFacts, Vault};
use crate::crypto::keys::Keys;
use crate::crypto::seal::{seal_chunk, seal_chunk_of};
use crate::log::frame::{CHUNK_LIMIT, FrameKind, NONCE_LENGTH, Nonce};
use crate::log::next_boundary;
use crate::log::scan::{Verdict, scan};
use crate::model::ids::{Dot, ItemId};
use crate::model::moment::Moment;
use crate::secret::{SecretBytes, scrubbed};
use crate::state::fold::State;
use crate::state::op::ChunkName;
use crate::storage::{Stamp, Storage, StorageError, StoredFile};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::mpsc;
use std::{iter, thread};

/// Bytes of the creation time that a chunk begins with; something must follow.
pub(super) const CHUNK_TIME: usize = 8;
/// The largest piece of an attached file, in bytes.
pub const PIECE_LIMIT: usize = CHUNK_LIMIT - CHUNK_TIME;

/// How much of a changed vault file's chunks is read at one look to find what rotted: some milliseconds' worth.
const SCRUBBED_BYTES: usize = 4 << 20;

/// A piece that is longer, in bytes, is hashed in a thread of its own: to start one takes as long as to hash as much.
const LARGE_PIECE: usize = 128 << 10;
/// Frames that are read ahead of being written.
const FRAMES_AHEAD: usize = 2;

/// Chunks of the replica, by nonce.
pub(super) type Chunks = HashMap<Nonce, ChunkPlace>;

/// Where chunks lie that a file holds, by nonce.
pub(super) fn by_nonce(places: &[ChunkPlace]) -> Chunks {
    let rows = places.iter().map(|place| (place.header.nonce, *place));
    rows.collect()
}

pub(super) fn nonce_of(name: &ChunkName) -> Nonce {
    let mut nonce = [0; NONCE_LENGTH];
    let bytes = name.0.iter();
    nonce
        .iter_mut()
        .zip(bytes)
        .for_each(|(byte, of_name)| *byte = *of_name);
    nonce
}

/// What a chunk of this nonce and content is called.
pub(super) fn name_chunk(nonce: Nonce, content: &[u8]) -> ChunkName {
    name_chunk_of(nonce, &[content])
}

/// The same for content in parts. The hash's state, with the last bytes of a piece in it, stays on no stack.
fn name_chunk_of(nonce: Nonce, parts: &[&[u8]]) -> ChunkName {
    let digest = scrubbed(|| {
        let mut hash = Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        hash.finalize()
    });
    let mut name = [0; ChunkName::LENGTH];
    let (first, rest) = name.split_at_mut(NONCE_LENGTH);
    first.copy_from_slice(&nonce);
    rest.copy_from_slice(&digest);
    ChunkName(name)
}

/// A chunk's name and its frame. Each reads all of a piece, and both take about as long: a large one is hashed beside.
fn name_and_seal(keys: &Keys, nonce: Nonce, content: &[&[u8]]) -> (ChunkName, Vec<u8>) {
    let length: usize = content.iter().map(|part| part.len()).sum();
    let (name, frame) = beside(
        (length > LARGE_PIECE).then_some(content),
        |content| name_chunk_of(nonce, content),
        || seal_chunk_of(keys, nonce, content),
    );
    (name.unwrap_or_else(|| name_chunk_of(nonce, content)), frame)
}

/// What is asked of chunks that leave the replica.
struct HandedOn<'a> {
    keys: &'a Keys,
    sealed_here: &'a HashSet<Nonce>,
    named: &'a HashSet<ChunkName>,
}

impl HandedOn<'_> {
    /// The frames of chunks, one at a time, without those that are not what their names say.
    fn frames<'p>(
        &'p self,
        replica: &'p dyn StoredFile,
        places: &'p [&ChunkPlace],
    ) -> impl Iterator<Item = Result<Vec<u8>, VaultError>> + 'p {
        let frame = |place| self.frame(replica, place).map_err(VaultError::from);
        places
            .iter()
            .filter_map(move |place| frame(place).transpose())
    }

    /// A chunk's frame, after it was found to be what its name says; this process need not open what it has just sealed.
    fn frame(
        &self,
        replica: &dyn StoredFile,
        place: &ChunkPlace,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        if !self.sealed_here.contains(&place.header.nonce) {
            let found = read_chunk(self.keys, replica, place)?;
            if found.is_none_or(|(name, _)| !self.named.contains(&name)) {
                return Ok(None);
            }
        }
        read_frame(replica, place)
    }
}

/// What became of the replica.
struct Written {
    facts: Option<ReplicaFacts>,
    file: Option<Box<dyn StoredFile>>,
    chunks: Result<Vec<(Nonce, ChunkPlace)>, VaultError>,
}

/// Puts chunks behind the end of the replica, without syncing. On failure what may have arrived is cut off again. The
/// exclusive lock is held.
fn write_chunks(
    storage: &dyn Storage,
    replica: &Path,
    facts: Option<ReplicaFacts>,
    frames: &mut dyn Iterator<Item = Result<(Nonce, Vec<u8>), VaultError>>,
) -> Written {
    let missing = || VaultError::Inconsistent("the replica is gone");
    let opened = facts
        .ok_or_else(missing)
        .and_then(|facts| Ok((facts, storage.open_write(replica)?.ok_or_else(missing)?)));
    let (known, file) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            return Written {
                facts,
                file: None,
                chunks: Err(error),
            };
        }
    };
    let with = |stamp| ReplicaFacts { stamp, ..known };
    match write_behind(&*file, known.stamp, frames) {
        Ok((stamp, chunks)) => Written {
            facts: Some(with(stamp)),
            file: Some(file),
            chunks: Ok(chunks),
        },
        Err(error) => {
            // The lock is held and nobody else appends here, so cutting the replica back is safe.
            let cut = file
                .truncate(known.stamp.length)
                .and_then(|()| file.stamp());
            Written {
                facts: cut.ok().map(with),
                file: None,
                chunks: Err(error),
            }
        }
    }
}

fn write_behind(
    file: &dyn StoredFile,
    before: Stamp,
    frames: &mut dyn Iterator<Item = Result<(Nonce, Vec<u8>), VaultError>>,
) -> Result<(Stamp, Vec<(Nonce, ChunkPlace)>), VaultError> {
    let mut end = next_boundary(before.length);
    let mut added = Vec::new();
    for frame in frames {
        let (nonce, frame) = frame?;
        let place = ChunkPlace::of(end, &frame);
        let place = place.ok_or(VaultError::Inconsistent("a chunk is no frame"))?;
        refuse_if_full(end, frame.len())?;
        file.write_at(end, &frame)?;
        end = place.end();
        added.push((nonce, place));
    }
    Ok((file.stamp()?, added))
}

impl Vault {
    /// Stores a piece of a file, for a change that attaches it: until then nothing names it, and a crash may lose it. A large
    /// one is written with the next, or before anything else is.
    ///
    /// # Errors
    /// [`VaultError::Refused`] for an empty piece or one above [`PIECE_LIMIT`], [`VaultError::TooLarge`] where a vault may
    /// not grow so much, or what the disk says; then nothing has changed.
    pub fn store_piece(
        &mut self,
        piece: &[u8],
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<ChunkName, VaultError> {
        self.refuse_in_the_past()?;
        if piece.is_empty() || piece.len() > PIECE_LIMIT {
            return Err(VaultError::Refused("a piece has 1 byte to 1 MiB"));
        }
        let _lock = self.begin_with_piece(now, rng)?;
        let is_large = piece.len() > LARGE_PIECE;
        if !is_large {
            self.write_waiting_piece()?;
        }
        let time = now.0.to_le_bytes();
        let content = [time.as_slice(), piece];
        let mut nonce = [0; NONCE_LENGTH];
        rng.fill_bytes(&mut nonce);
        // While this piece is sealed, the one before it is written.
        let (storage, replica, facts) = (&*self.storage, &self.local.replica, self.replica);
        let (written, (name, frame)) = beside(
            self.waiting_piece.take(),
            |piece| write_chunks(storage, replica, facts, &mut iter::once(Ok(piece))),
            || name_and_seal(&self.keys, nonce, &content),
        );
        if let Some(written) = written {
            self.added(written)?;
        }
        refuse_if_full(
            self.vault_current.map_or(0, |stamp| stamp.length),
            frame.len(),
        )?;
        self.waiting_piece = Some((nonce, frame));
        if !is_large {
            self.write_waiting_piece()?;
        }
        if let Some(seen) = self.vault_seen {
            // Nothing names the piece, so the vault file lacks nothing.
            self.trust(seen);
        }
        self.sealed_here.insert(nonce);
        Ok(name)
    }

    /// Writes the piece that was sealed last, if it was not written yet. The exclusive lock is held. Where that fails, the
    /// piece is gone, and whoever would name it is refused.
    pub(super) fn write_waiting_piece(&mut self) -> Result<(), VaultError> {
        let Some(piece) = self.waiting_piece.take() else {
            return Ok(());
        };
        let written = write_chunks(
            &*self.storage,
            &self.local.replica,
            self.replica,
            &mut iter::once(Ok(piece)),
        );
        self.added(written)?;
        if let Some(seen) = self.vault_seen {
            self.trust(seen);
        }
        Ok(())
    }

    /// Takes pieces back that no change came to name, where nothing was written behind them.
    ///
    /// # Errors
    /// What the disk says.
    pub fn discard_pieces(
        &mut self,
        names: &[ChunkName],
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let _lock = self.begin(now, rng)?;
        let Some(facts) = self.replica else {
            return Ok(());
        };
        let named = self.state.referenced_chunks();
        let unnamed = names.iter().filter(|name| !named.contains(name));
        let mut places: Vec<ChunkPlace> = unnamed
            .filter_map(|name| self.chunks.get(&nonce_of(name)).copied())
            .collect();
        places.sort_by_key(|place| place.offset);
        let mut end = facts.stamp.length;
        while let Some(last) = places.pop_if(|place| place.end() == end) {
            end = last.offset;
            self.chunks.remove(&last.header.nonce);
        }
        if end == facts.stamp.length {
            return Ok(());
        }
        let missing = VaultError::Inconsistent("the replica is gone");
        let file = self.storage.open_write(&self.local.replica)?;
        let file = file.ok_or(missing)?;
        file.truncate(end)?;
        let stamp = file.stamp()?;
        self.replica = Some(ReplicaFacts { stamp, ..facts });
        self.unsynced = None;
        if let Some(seen) = self.vault_seen {
            self.trust(seen);
        }
        Ok(())
    }

    /// One piece of an attached file, by its number from 0.
    ///
    /// # Errors
    /// [`VaultError::NoPiece`] where there is none of that number, it has not arrived, does not authenticate, or lies somewhere
    /// else since another process packed the replica; what the disk says.
    pub fn read_piece(
        &self,
        item: ItemId,
        dot: Dot,
        number: usize,
    ) -> Result<SecretBytes, VaultError> {
        let names = self.state().pieces_of(item, dot);
        let name = names.as_ref().and_then(|names| names.get(number));
        let name = name.ok_or(VaultError::NoPiece)?;
        let place = self.chunks.get(&nonce_of(name));
        let place = place.copied().ok_or(VaultError::NoPiece)?;
        let file = self.storage.open_read(&self.local.replica)?;
        let file = file.ok_or(VaultError::NoPiece)?;
        match read_chunk(&self.keys, &*file, &place)? {
            Some((found, opened)) if found == *name => {
                let mut content = opened.plaintext;
                content.truncate(opened.content.end);
                content.drain(..opened.content.start + CHUNK_TIME);
                Ok(content.into())
            }
            _ => Err(VaultError::NoPiece),
        }
    }

    /// Brings a piece that is not what its name says in the replica, or not there at all, from the vault file, if it is whole
    /// there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn heal_piece(
        &mut self,
        item: ItemId,
        dot: Dot,
        number: usize,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let _lock = self.begin(now, rng)?;
        let names = self.state.pieces_of(item, dot);
        let Some(name) = names.and_then(|names| names.get(number).copied()) else {
            return Ok(());
        };
        if self.read_piece(item, dot, number).is_ok() {
            return Ok(());
        }
        // What lies there under its nonce is something else.
        let nonce = nonce_of(&name);
        self.chunks.remove(&nonce);
        let Some(file) = self.storage.open_read(&self.places.vault_file)? else {
            return Ok(());
        };
        let stamp = file.stamp()?;
        let mut aside = State::default();
        let found = read_into(&mut aside, &self.keys, &*file, &stamp, Depth::Records)?;
        let mut places = found.chunks;
        places.retain(|place| place.header.nonce == nonce);
        self.take_chunks(&*file, None, &places)
    }

    /// Takes over what [`write_chunks`] did.
    fn added(&mut self, written: Written) -> Result<(), VaultError> {
        self.replica = written.facts;
        self.unsynced = written.file;
        self.chunks.extend(written.chunks?);
        Ok(())
    }

    /// Refuses a change that names pieces which are not in the replica: another process may have packed it since they were
    /// stored, and pieces that nothing named for long are left out then.
    pub(super) fn refuse_missing(&self, names: &[ChunkName]) -> Result<(), VaultError> {
        let is_there = |name: &ChunkName| self.chunks.contains_key(&nonce_of(name));
        names
            .iter()
            .all(is_there)
            .then_some(())
            .ok_or(VaultError::NoPiece)
    }

    /// Makes the chunks of the replica durable: before a record names them.
    pub(super) fn sync_replica(&mut self) -> Result<(), VaultError> {
        let missing = VaultError::Inconsistent("the replica is gone");
        let file = self.storage.open_write(&self.local.replica)?;
        file.ok_or(missing)?.sync()?;
        self.unsynced = None;
        Ok(())
    }

    /// Looks whether some of the vault file's chunks are what their names say, and drops from the list those that are not: a
    /// device that lacks them cannot heal them, and one that has them steps over them unread. A few at a time, beginning
    /// somewhere else in every version of the file; those that the replica lacks are read anyway before they are taken.
    pub(super) fn scrub(&self, file: &dyn StoredFile, stamp: &Stamp, places: &mut Vec<ChunkPlace>) {
        let held = places.iter().map(|place| place.header.nonce);
        let held: Vec<Nonce> = held
            .filter(|nonce| self.chunks.contains_key(nonce))
            .collect();
        let Some(count) = i128::try_from(held.len()).ok().filter(|count| *count > 0) else {
            return;
        };
        let first = usize::try_from(stamp.modified_ns.rem_euclid(count)).unwrap_or_default();
        let mut left = SCRUBBED_BYTES;
        let chosen: HashSet<Nonce> = held
            .iter()
            .cycle()
            .skip(first)
            .take(held.len())
            .filter_map(|nonce| self.chunks.get(nonce))
            .take_while(|place| {
                let fits = left > 0;
                left = left.saturating_sub(place.header.frame_length());
                fits
            })
            .map(|place| place.header.nonce)
            .collect();
        let named = self.state.referenced_chunks();
        places.retain(|place| {
            // One that cannot be read now is looked at another time.
            let read = || read_chunk(&self.keys, file, place);
            !chosen.contains(&place.header.nonce)
                || read().map_or(true, |found| {
                    found.is_some_and(|(name, _)| named.contains(&name))
                })
        });
    }

    /// Names of chunks that some operation refers to and the replica lacks, by nonce.
    fn wanted_chunks(&self) -> HashMap<Nonce, ChunkName> {
        let named = self.state.referenced_chunks().into_iter();
        named
            .map(|name| (nonce_of(&name), name))
            .filter(|(nonce, _)| !self.chunks.contains_key(nonce))
            .collect()
    }

    /// Takes what the replica lacks from another file that holds the vault, under these keys. The exclusive lock is held.
    pub(super) fn take_chunks(
        &mut self,
        file: &dyn StoredFile,
        keys: Option<&Keys>,
        places: &[ChunkPlace],
    ) -> Result<(), VaultError> {
        if places.is_empty() {
            return Ok(());
        }
        let mut wanted = self.wanted_chunks();
        if wanted.is_empty() {
            return Ok(());
        }
        let own = &self.keys;
        let keys = keys.unwrap_or(own);
        let mut frames = places.iter().filter_map(|place| {
            let nonce = place.header.nonce;
            let name = wanted.get(&nonce)?;
            match read_chunk(keys, file, place) {
                Ok(Some((found, opened))) if found == *name => {
                    wanted.remove(&nonce);
                    let content = opened.plaintext.get(opened.content.clone());
                    let frame = seal_chunk(own, nonce, content.unwrap_or_default());
                    Some(Ok((nonce, frame)))
                }
                Ok(_) => None,
                Err(error) => Some(Err(VaultError::from(error))),
            }
        });
        let written = write_chunks(
            &*self.storage,
            &self.local.replica,
            self.replica,
            &mut frames,
        );
        self.added(written)?;
        self.sync_replica()
    }

    /// Takes what the replica lacks from the vault file and from copies. What fails is told, and tried again at the next look:
    /// a disk without room for files keeps nobody from what is small.
    pub(super) fn keep_chunks(&mut self, plan: &UnionPlan) {
        match self.take_all_chunks(plan) {
            Ok(()) => self.lacks_chunks = false,
            Err(error) => {
                self.lacks_chunks = true;
                self.note_once(Notice::Pending(error.to_string()));
            }
        }
    }

    fn take_all_chunks(&mut self, plan: &UnionPlan) -> Result<(), VaultError> {
        if !plan.chunks.is_empty()
            && let Some(file) = self.storage.open_read(&self.places.vault_file)?
        {
            self.take_chunks(&*file, None, &plan.chunks)?;
        }
        for copy in &plan.copies {
            self.take_chunks(copy.file(), None, &copy.chunks)?;
        }
        Ok(())
    }

    /// The plan with the chunks that the vault file lacks: `held` are those that it has.
    pub(super) fn with_chunks(&self, file: FilePlan, held: &[ChunkPlace], now: Moment) -> FilePlan {
        let (stamp, records, slots, missing) = match file {
            FilePlan::Complete(stamp) => (stamp, Vec::new(), Vec::new(), 0),
            FilePlan::Waiting { stamp, missing } => (stamp, Vec::new(), Vec::new(), missing),
            FilePlan::Lacking {
                stamp,
                records,
                slots,
                missing,
                ..
            } => (stamp, records, slots, missing),
            other => return other,
        };
        let held: HashSet<Nonce> = held.iter().map(|place| place.header.nonce).collect();
        let lacks = |nonce: &Nonce| !held.contains(nonce) && self.chunks.contains_key(nonce);
        let named = self.state.referenced_chunks();
        let mut lacking: Vec<Nonce> = named.iter().map(nonce_of).filter(lacks).collect();
        let all = lacking.len();
        if !self.is_impatient && !is_still(&stamp, now) {
            let with_records = records
                .iter()
                .flat_map(|id| self.state.chunks_of_record(*id));
            let with_records: HashSet<Nonce> = with_records.map(|name| nonce_of(&name)).collect();
            lacking.retain(|nonce| with_records.contains(nonce));
        }
        let waiting = all - lacking.len();
        match (
            records.is_empty() && slots.is_empty() && lacking.is_empty(),
            missing + waiting,
        ) {
            (true, 0) => FilePlan::Complete(stamp),
            (true, missing) => FilePlan::Waiting { stamp, missing },
            (false, missing) => FilePlan::Lacking {
                stamp,
                records,
                slots,
                chunks: lacking,
                missing,
            },
        }
    }

    /// Appends chunks of the replica to the vault file, if it is still the file that was seen, and syncs.
    pub(super) fn append_chunks_to_vault(
        &self,
        seen: Stamp,
        nonces: &[Nonce],
    ) -> Result<Stamp, VaultError> {
        if nonces.is_empty() {
            return Ok(seen);
        }
        let mut places: Vec<&ChunkPlace> = nonces
            .iter()
            .filter_map(|nonce| self.chunks.get(nonce))
            .collect();
        places.sort_by_key(|place| place.offset);
        let bytes: usize = places.iter().map(|place| place.header.frame_length()).sum();
        refuse_if_full(seen.length, bytes)?;
        let replica = self.open_replica()?;
        let named: HashSet<ChunkName> = self.state.referenced_chunks();
        let handed = HandedOn {
            keys: &self.keys,
            sealed_here: &self.sealed_here,
            named: &named,
        };
        let mut here = handed.frames(&*replica, &places);
        if bytes <= CHUNK_LIMIT {
            return self.append_parts_to_vault(seen, &mut here);
        }
        // While one is written, the next ones are read.
        let ahead = self.open_replica()?;
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel(FRAMES_AHEAD);
            let (handed, places) = (&handed, &places);
            let reading = thread::Builder::new().spawn_scoped(scope, move || {
                for frame in handed.frames(&*ahead, places) {
                    if sender.send(frame).is_err() {
                        return; // whoever writes has stopped
                    }
                }
            });
            match reading {
                Ok(_) => self.append_parts_to_vault(seen, &mut receiver.into_iter()),
                // A machine without room for a thread has time.
                Err(_) => self.append_parts_to_vault(seen, &mut here),
            }
        })
    }

    fn open_replica(&self) -> Result<Box<dyn StoredFile>, VaultError> {
        let replica = self.storage.open_read(&self.local.replica)?;
        replica.ok_or(VaultError::Inconsistent("the replica is gone"))
    }

    /// The nonces of chunks that planned operations name.
    pub(super) fn nonces_of<'n>(names: impl IntoIterator<Item = &'n ChunkName>) -> Vec<Nonce> {
        names.into_iter().map(nonce_of).collect()
    }

    /// Where the chunks of the replica lie, after it was written as a whole.
    pub(super) fn find_chunks(&mut self) {
        self.chunks.clear();
        let Ok(Some(file)) = self.storage.open_read(&self.local.replica) else {
            return;
        };
        let Ok(stamp) = file.stamp() else { return };
        let source = super::read::FileSource::new(&*file, &stamp);
        let mut found = Vec::new();
        let scanned = scan(&source, &mut |frame| {
            if frame.header.kind == FrameKind::Chunk {
                found.push(ChunkPlace {
                    offset: frame.offset,
                    header: frame.header,
                });
            }
            Verdict::Authentic
        });
        if scanned.is_ok() {
            self.chunks = by_nonce(&found);
        }
    }
}
