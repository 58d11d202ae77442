//! Reads a file of a vault under its keys into a state: the replica, the vault file, any copy of either.

use super::chunks::{CHUNK_TIME, name_chunk};
use super::error::VaultError;
use crate::crypto::keys::Keys;
use crate::crypto::seal::{OpenError, Opened, open_frame, open_frame_in};
use crate::crypto::slot::{SLOTS_READ, Slot, UnverifiedSlot};
use crate::log::frame::{FrameHeader, FrameKind, HEADER_LENGTH, NONCE_LENGTH, Nonce, parse_header};
use crate::log::preamble::{PreambleError, parse_preamble};
use crate::log::scan::{Damage, FoundFrame, Source, Verdict, scan};
use crate::log::{BLOCK, FILE_LIMIT};
use crate::model::ids::{KeyId, RecordId, VaultId};
use crate::state::codec;
use crate::state::fold::{Novelty, State};
use crate::state::id_hash::IdHash;
use crate::state::op::{ChunkName, Tag};
use crate::storage::{Stamp, StorageError, StoredFile};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

/// A file as long as it was when it was opened.
pub(super) struct FileSource<'a> {
    file: &'a dyn StoredFile,
    length: u64,
}

impl<'a> FileSource<'a> {
    pub(super) fn new(file: &'a dyn StoredFile, stamp: &Stamp) -> Self {
        Self {
            file,
            length: stamp.length.min(FILE_LIMIT),
        }
    }
}

impl Source for FileSource<'_> {
    type Error = StorageError;

    fn length(&self) -> u64 {
        self.length
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let read = self.file.read_at(offset, buffer)?;
        // A file that became shorter meanwhile reads as zeros: no frame, so damage, and the next look sees it as it is.
        buffer.get_mut(read..).unwrap_or_default().fill(0);
        Ok(())
    }
}

/// Where a chunk lies.
#[derive(Clone, Copy)]
pub(super) struct ChunkPlace {
    pub(super) offset: u64,
    pub(super) header: FrameHeader,
}

impl ChunkPlace {
    /// That of a frame which lies at this offset.
    pub(super) fn of(offset: u64, frame: &[u8]) -> Option<Self> {
        let header = parse_header(frame)?;
        Some(Self { offset, header })
    }

    /// Where the next frame may begin.
    pub(super) fn end(&self) -> u64 {
        self.offset
            .saturating_add(self.header.frame_length() as u64)
    }
}

/// What a file holds, beyond what went into the state.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) records: HashSet<RecordId, IdHash>,
    pub(super) new_records: Vec<RecordId>,
    /// Slots with a right MAC, each once.
    pub(super) slots: Vec<Slot>,
    pub(super) forged_slots: usize,
    pub(super) chunks: Vec<ChunkPlace>,
    /// What the chunks are called, at [`Depth::Named`] only.
    pub(super) names: HashSet<ChunkName>,
    pub(super) damage: Vec<Damage>,
    pub(super) frames: usize,
    pub(super) loose: usize,
    pub(super) other_keys: BTreeSet<KeyId>,
}

/// Readings of a file in which forged chunks are found; with more of them all chunks are authenticated.
const FORGED_ROUNDS: usize = 4;

/// How much of a file is to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Chunks are stepped over.
    Records,
    /// Chunks are authenticated too.
    Everything,
    /// And what each is called is worked out, for who must know that none is missing.
    Named,
}

/// The vault id of a file's preamble.
pub(super) fn read_vault_id(
    file: &dyn StoredFile,
) -> Result<Result<VaultId, PreambleError>, StorageError> {
    let mut block = [0; BLOCK];
    let read = file.read_at(0, &mut block)?;
    Ok(parse_preamble(block.get(..read).unwrap_or_default()))
}

/// The keys that the first frames of a replica lie under: those of its slots, and of its first record or pack.
pub(super) fn leading_keys(file: &dyn StoredFile) -> Result<BTreeSet<KeyId>, StorageError> {
    let mut bytes = vec![0; BLOCK * (SLOTS_READ + 2)];
    let read = file.read_at(0, &mut bytes)?;
    let blocks = bytes.get(BLOCK..read).unwrap_or_default();
    let headers = blocks.chunks(BLOCK).map_while(parse_header);
    let mut keys = BTreeSet::new();
    for header in headers {
        keys.insert(header.key);
        if header.kind != FrameKind::Slot {
            break;
        }
    }
    Ok(keys)
}

/// Scans a file and folds its records into the state.
pub(super) fn read_into(
    state: &mut State,
    keys: &Keys,
    file: &dyn StoredFile,
    stamp: &Stamp,
    depth: Depth,
) -> Result<Contents, VaultError> {
    let source = FileSource::new(file, stamp);
    let mut forged = HashSet::new();
    let mut contents = read_once(state, keys, &source, depth, &forged)?;
    if depth == Depth::Everything {
        return Ok(contents);
    }
    // A forged chunk may lie over true frames: one that no record names, or whose nonce comes twice, is looked into. What does
    // not authenticate is not stepped over at the next reading, and what that finds is looked into as well.
    for _ in 0..FORGED_ROUNDS {
        let doubtful = doubtful_chunks(state, &contents.chunks);
        if !note_forged(&doubtful, keys, file, &mut forged)? {
            return Ok(contents);
        }
        let new_records = std::mem::take(&mut contents.new_records);
        contents = read_once(state, keys, &source, depth, &forged)?;
        contents.new_records.extend(new_records);
    }
    let new_records = std::mem::take(&mut contents.new_records);
    contents = read_once(state, keys, &source, Depth::Everything, &forged)?;
    contents.new_records.extend(new_records);
    Ok(contents)
}

/// What a file means by itself under these keys.
pub(super) fn read_state(
    keys: &Keys,
    file: &dyn StoredFile,
    stamp: &Stamp,
    depth: Depth,
) -> Result<State, VaultError> {
    let mut state = State::default();
    read_into(&mut state, keys, file, stamp, depth)?;
    Ok(state)
}

/// Reads the replica, which nobody else writes: what is in it was authenticated before it went in.
pub(super) fn read_replica(
    state: &mut State,
    keys: &Keys,
    file: &dyn StoredFile,
    stamp: &Stamp,
) -> Result<Contents, VaultError> {
    let source = FileSource::new(file, stamp);
    read_once(state, keys, &source, Depth::Records, &HashSet::new())
}

/// Chunks that no record names, or whose nonce comes twice.
fn doubtful_chunks(state: &State, chunks: &[ChunkPlace]) -> Vec<ChunkPlace> {
    if chunks.is_empty() {
        return Vec::new();
    }
    let named: HashSet<Nonce> = state
        .referenced_chunks()
        .iter()
        .filter_map(|name| name.0.first_chunk::<NONCE_LENGTH>().copied())
        .collect();
    let mut counts: HashMap<Nonce, usize> = HashMap::new();
    for chunk in chunks {
        *counts.entry(chunk.header.nonce).or_default() += 1;
    }
    let is_doubtful = |chunk: &&ChunkPlace| {
        let nonce = &chunk.header.nonce;
        counts.get(nonce).is_some_and(|count| *count > 1) || !named.contains(nonce)
    };
    chunks.iter().filter(is_doubtful).copied().collect()
}

/// Notes where those of these chunks begin that do not authenticate and may lie over true frames; whether one is new.
fn note_forged(
    chunks: &[ChunkPlace],
    keys: &Keys,
    file: &dyn StoredFile,
    forged: &mut HashSet<u64>,
) -> Result<bool, VaultError> {
    let mut is_new = false;
    for chunk in chunks {
        if read_chunk(keys, file, chunk)?.is_none() {
            is_new |= forged.insert(chunk.offset);
        }
    }
    Ok(is_new)
}

fn read_once(
    state: &mut State,
    keys: &Keys,
    source: &FileSource<'_>,
    depth: Depth,
    forged: &HashSet<u64>,
) -> Result<Contents, VaultError> {
    let mut contents = Contents::default();
    let damage = scan(source, &mut |frame| {
        contents.frames += 1;
        match frame.header.kind {
            FrameKind::Slot => contents.slot(frame, keys),
            _ if frame.header.key != keys.id => {
                contents.other_keys.insert(frame.header.key);
                Verdict::UnknownKey
            }
            FrameKind::Chunk
                if depth == Depth::Records
                    && frame.body().is_empty()
                    && !forged.contains(&frame.offset) =>
            {
                contents.chunks.push(ChunkPlace {
                    offset: frame.offset,
                    header: frame.header,
                });
                Verdict::Authentic
            }
            FrameKind::Chunk if frame.body().is_empty() => Verdict::NeedsBody,
            FrameKind::Chunk => match open_frame(keys, &frame.header, frame.body()) {
                Ok(opened) if opened.content.len() <= CHUNK_TIME => Verdict::Malformed,
                Ok(opened) => {
                    if depth == Depth::Named {
                        let content = opened.plaintext.get(opened.content.clone());
                        let nonce = frame.header.nonce;
                        contents
                            .names
                            .insert(name_chunk(nonce, content.unwrap_or_default()));
                    }
                    contents.chunks.push(ChunkPlace {
                        offset: frame.offset,
                        header: frame.header,
                    });
                    Verdict::Authentic
                }
                Err(error) => verdict_of(error),
            },
            FrameKind::Record | FrameKind::Pack => contents.records(frame, keys, state),
        }
    })?;
    contents.damage = damage;
    state.settle();
    Ok(contents)
}

impl Contents {
    fn slot(&mut self, frame: &FoundFrame<'_>, keys: &Keys) -> Verdict {
        if frame.header.key != keys.id {
            self.other_keys.insert(frame.header.key);
        }
        // A slot of another key, or a forged one, is no damage: it is a whole block that is reported and never copied.
        match UnverifiedSlot::parse(frame.header, frame.body())
            .ok()
            .and_then(|slot| slot.verify(keys))
        {
            Some(slot) if !self.slots.contains(&slot) => self.slots.push(slot),
            Some(_) => {}
            None => self.forged_slots += 1,
        }
        Verdict::Authentic
    }

    fn records(&mut self, frame: &mut FoundFrame<'_>, keys: &Keys, state: &mut State) -> Verdict {
        let (buffer, body) = frame.take_body();
        let opened = match open_frame_in(keys, &frame.header, buffer, body) {
            Ok(opened) => opened,
            Err(error) => return verdict_of(error),
        };
        let places = match frame.header.kind {
            FrameKind::Pack => pack_places(&opened),
            _ => {
                self.loose += 1;
                Some(vec![opened.content.clone()])
            }
        };
        let Some(places) = places else {
            return Verdict::Malformed;
        };
        match state.absorb(opened.plaintext, &places) {
            Ok(outcome) => {
                for (id, novelty) in outcome {
                    self.records.insert(id);
                    if novelty == Novelty::New {
                        self.new_records.push(id);
                    }
                }
                Verdict::Authentic
            }
            Err(codec::MalformedRecord) => Verdict::Malformed,
        }
    }
}

fn verdict_of(error: OpenError) -> Verdict {
    match error {
        OpenError::Forged => Verdict::Forged,
        OpenError::Malformed => Verdict::Malformed,
    }
}

/// Where the records of a pack lie in its plaintext; `None` where a length does not fit or nothing is there.
pub(super) fn pack_places(opened: &Opened) -> Option<Vec<Range<usize>>> {
    let mut places = Vec::new();
    let mut at = opened.content.start;
    while at < opened.content.end {
        let length = opened
            .plaintext
            .get(at..opened.content.end)?
            .first_chunk::<4>()?;
        let start = at + 4;
        let end = start.checked_add(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        if end > opened.content.end {
            return None;
        }
        places.push(start..end);
        at = end;
    }
    (!places.is_empty()).then_some(places)
}

/// Reads and opens one chunk: its name and its content (creation time first); `None` where it does not authenticate.
pub(super) fn read_chunk(
    keys: &Keys,
    file: &dyn StoredFile,
    place: &ChunkPlace,
) -> Result<Option<(ChunkName, Opened)>, StorageError> {
    let mut body = vec![0; place.header.body_length()];
    let read = file.read_at(place.offset + HEADER_LENGTH as u64, &mut body)?;
    if read < body.len() {
        return Ok(None);
    }
    let whole = 0..body.len();
    // In the buffer itself: a chunk is never in memory twice.
    let Ok(opened) = open_frame_in(keys, &place.header, body, whole) else {
        return Ok(None);
    };
    let content = opened
        .plaintext
        .get(opened.content.clone())
        .unwrap_or_default();
    let name = name_chunk(place.header.nonce, content);
    Ok(Some((name, opened)))
}

/// The frame of a chunk as it lies there, unopened; `None` where the file ends before it does.
pub(super) fn read_frame(
    file: &dyn StoredFile,
    place: &ChunkPlace,
) -> Result<Option<Vec<u8>>, StorageError> {
    let mut frame = vec![0; place.header.frame_length()];
    let read = file.read_at(place.offset, &mut frame)?;
    Ok((read == frame.len()).then_some(frame))
}

/// Whether any frame of a file carries content that the state has erased.
pub(super) fn holds_erased(
    state: &State,
    keys: &Keys,
    file: &dyn StoredFile,
    stamp: &Stamp,
) -> Result<bool, VaultError> {
    let mut found = false;
    each_record(keys, file, stamp, &mut |bytes| {
        let record = codec::parse_record(bytes).ok();
        found |= record.is_some_and(|record| state.holds_erased(&record));
    })?;
    Ok(found)
}

/// Of these records, each of which came with several contents, those that a file does not hold with the content that counts.
pub(super) fn without_counting_content(
    state: &State,
    mut twins: BTreeSet<RecordId>,
    keys: &Keys,
    file: &dyn StoredFile,
    stamp: &Stamp,
) -> Result<BTreeSet<RecordId>, VaultError> {
    each_record(keys, file, stamp, &mut |bytes| {
        let id = codec::parse_claimed_id(bytes);
        if let Some(id) = id.filter(|id| twins.contains(id))
            && state
                .record_bytes(id)
                .is_some_and(|counts| *counts == bytes)
        {
            twins.remove(&id);
        }
    })?;
    Ok(twins)
}

/// Every authentic record of a file, as it lies there.
fn each_record(
    keys: &Keys,
    file: &dyn StoredFile,
    stamp: &Stamp,
    visit: &mut dyn FnMut(&[u8]),
) -> Result<(), VaultError> {
    scan(&FileSource::new(file, stamp), &mut |frame| {
        match frame.header.kind {
            FrameKind::Slot => return Verdict::Authentic,
            _ if frame.header.key != keys.id => return Verdict::UnknownKey,
            FrameKind::Chunk if frame.body().is_empty() => return Verdict::NeedsBody,
            _ => {}
        }
        let Ok(opened) = open_frame(keys, &frame.header, frame.body()) else {
            return Verdict::Forged;
        };
        let places = match frame.header.kind {
            FrameKind::Pack => pack_places(&opened).unwrap_or_default(),
            FrameKind::Record => vec![opened.content.clone()],
            FrameKind::Slot | FrameKind::Chunk => return Verdict::Authentic,
        };
        let records = places
            .into_iter()
            .filter_map(|place| opened.plaintext.get(place));
        records.for_each(&mut *visit);
        Verdict::Authentic
    })?;
    Ok(())
}

/// Operations whose tags this version does not know.
pub(super) fn count_unknown(state: &State) -> usize {
    state.count_operations(|tag| !(Tag::LIFE..=Tag::FORMER).contains(&tag))
}
