//! The state of a vault, folded from its records: the only place that changes it (vault-format.md, section 5).
//!
//! Records come in any order and any number of times; the result is the same. Values of secret fields stay sealed.
//! What an item looks like is worked out when somebody asks ([`super::view`]), so opening ten thousand items costs little.

use super::buffers::{Buffers, Span};
use super::codec::{self, DecodedRecord, MalformedRecord, UnfoldedRecord};
use super::id_hash::IdHash;
use super::indexed::Indexed;
use super::op::{ChunkName, Operation, RecordHead, Tag};
use super::runs::{Folded, Rarities, Run, Runs, find_runs};
use crate::model::ids::{DeviceId, Dot, ItemId, RecordId};
use crate::model::moment::Clock;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use zeroize::Zeroizing;

/// The fold of all records seen so far. [`State::settle`] closes a round of [`State::absorb`].
#[derive(Default)]
pub struct State {
    buffers: Buffers,
    pub(super) records: Vec<RecordEntry>,
    by_id: HashMap<RecordId, u32, IdHash>,
    /// Other bytes that came under an id that was there already, and where; settled by [`State::settle`].
    twins: Vec<Span>,
    unsettled: bool,
    pub(super) runs: Runs,
    erased: HashMap<RecordId, BTreeSet<u32>>,
    erased_chunks: HashSet<ChunkName>,
    /// Whether any operation may name chunks.
    names_chunks: bool,
    newest: Clock,
    /// What finds items by name, where somebody asked for it.
    pub(super) indexed: Option<Box<Indexed>>,
}

/// One record that is folded in. What else its head says is read again when somebody asks.
pub(super) struct RecordEntry {
    pub(super) id: RecordId,
    pub(super) device: DeviceId,
    seq: u64,
    pub(super) clock: Clock,
    /// Whether its head lists records of other devices.
    has_seen: bool,
    bytes: Span,
}

/// A record that was read and is not folded in yet.
struct Unfolded {
    entry: RecordEntry,
    /// Which of the runs that were found are its own.
    runs: Range<usize>,
    rarities: Rarities,
}

/// Two records that cannot both be right, or that hint at a cloned device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Oddity {
    /// Different contents under one record id; the smaller bytes count.
    SameId(RecordId),
    /// Two records with one number of one device; both count.
    SameSeq(DeviceId, u64),
    /// Records of a device, not a retired one, that were written and never arrived.
    Gap(DeviceId, u64),
}

/// Whether a record was folded in before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Novelty {
    /// Its id was not known.
    New,
    /// Its id was known.
    Known,
}

/// What is known of a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceHead {
    /// The device's newest record.
    pub record: RecordId,
    /// Its number.
    pub seq: u64,
    /// Its clock.
    pub clock: Clock,
}

impl State {
    /// About so many bytes of records are to come: an empty state that is told takes them in quicker.
    pub fn expect(&mut self, bytes: u64) {
        self.buffers.expect(bytes);
    }

    /// Folds in a buffer that holds records at these places. Returns each one's id and whether it was new.
    ///
    /// # Errors
    /// [`MalformedRecord`] where one breaks a rule; then none of the buffer is taken.
    pub fn absorb(
        &mut self,
        buffer: Zeroizing<Vec<u8>>,
        places: &[Range<usize>],
    ) -> Result<Vec<(RecordId, Novelty)>, MalformedRecord> {
        let room = self.buffers.room_for(buffer.len(), places.len())?;
        let mut runs = Vec::new();
        let mut unfolded = Vec::with_capacity(places.len());
        let mut outcome = Vec::with_capacity(places.len());
        for place in places {
            let bytes = buffer.get(place.clone()).ok_or(MalformedRecord)?;
            if let Some(id) = codec::parse_claimed_id(bytes)
                && let Some(entry) = self.entry(id)
                && self.bytes(entry.bytes) == bytes
            {
                // The same bytes were checked when they came first.
                outcome.push((id, Novelty::Known));
                continue;
            }
            let span = Span::new(room, place)?;
            let record = Unfolded::read(bytes, span, &mut runs)?;
            let id = record.entry.id;
            let is_twin = self.by_id.contains_key(&id);
            let novelty = if is_twin {
                Novelty::Known
            } else {
                Novelty::New
            };
            outcome.push((id, novelty));
            unfolded.push(record);
        }
        if unfolded.is_empty() {
            return Ok(outcome);
        }
        let likely = (1 + self.buffers.expected_like(buffer.len())) * unfolded.len();
        self.records.reserve(likely);
        self.by_id.reserve(likely);
        self.runs.reserve(likely);
        self.buffers.take(room, buffer);
        let mut new = 0;
        for record in unfolded {
            let span = record.entry.bytes;
            if self.by_id.contains_key(&record.entry.id) {
                let bytes = self.bytes(span);
                if !self.twins.iter().any(|twin| self.bytes(*twin) == bytes) {
                    self.twins.push(span);
                    self.unsettled = true;
                }
            } else {
                self.fold(record, &runs);
                new += 1;
            }
        }
        self.unsettled |= new > 0 && !self.twins.is_empty();
        Ok(outcome)
    }

    fn fold(&mut self, record: Unfolded, runs: &[Run]) {
        let span = record.entry.bytes;
        let number = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        self.by_id.insert(record.entry.id, number);
        self.newest = self.newest.max(record.entry.clock);
        self.records.push(record.entry);
        self.names_chunks |= record.rarities.names_chunks;
        if record.rarities.erases {
            self.erase(span);
        }
        let buffer = self.buffers.get(span.buffer());
        let runs = runs.get(record.runs).unwrap_or_default();
        let items = runs.iter().filter_map(|run| run.item_in(buffer));
        if (self.indexed.as_mut()).is_some_and(|indexed| indexed.note_changed(items)) {
            self.indexed = None;
        }
        self.runs.take(number, buffer, runs);
    }

    /// Takes over what a record erases.
    fn erase(&mut self, span: Span) {
        let Ok(record) = UnfoldedRecord::parse(self.buffers.slice(span).unwrap_or_default()) else {
            return;
        };
        for operation in record.operations().flatten() {
            // On a field it would be another version's (section 5.2).
            if operation.tag == Tag::ERASE && operation.field.is_none() {
                let erasure = codec::parse_erase(operation.body).unwrap_or_default();
                for (id, indices) in erasure.operations {
                    self.erased.entry(id).or_default().extend(indices);
                }
                self.erased_chunks.extend(erasure.chunks);
            }
        }
        // What it took from which item is not looked up for something so rare.
        self.indexed = None;
    }

    /// Decides which of several contents under one id counts: the smaller bytes, after erasing. To be called when
    /// all that is at hand was absorbed; free where no id came twice.
    pub fn settle(&mut self) {
        if !self.unsettled {
            return;
        }
        let mut best: HashMap<RecordId, (Vec<u8>, Span)> = HashMap::new();
        let spans: Vec<Span> = self
            .records
            .iter()
            .map(|entry| entry.bytes)
            .chain(self.twins.iter().copied())
            .collect();
        for span in &spans {
            let Ok(record) = codec::parse_record(self.bytes(*span)) else {
                continue;
            };
            let normal = self.without_erased(&record).to_vec();
            let id = record.head.id;
            match best.get(&id) {
                Some((held, _)) if *held <= normal => {}
                _ => drop(best.insert(id, (normal, *span))),
            }
        }
        let chosen: Vec<Span> = self
            .records
            .iter()
            .filter_map(|entry| best.get(&entry.id).map(|row| row.1))
            .collect();
        let twins = spans
            .into_iter()
            .filter(|span| !chosen.contains(span))
            .collect();
        *self = Self {
            twins,
            buffers: std::mem::take(&mut self.buffers),
            ..Self::default()
        };
        for span in chosen {
            let mut runs = Vec::new();
            if let Ok(record) = Unfolded::read(self.bytes(span), span, &mut runs) {
                self.fold(record, &runs);
            }
        }
    }

    /// Whether the record is known.
    #[must_use]
    pub fn contains(&self, id: RecordId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// The device that wrote a record.
    #[must_use]
    pub fn author_of(&self, id: RecordId) -> Option<DeviceId> {
        self.entry(id).map(|entry| entry.device)
    }

    /// Ids of a device's records, newest first.
    #[must_use]
    pub fn records_of(&self, device: DeviceId) -> Vec<RecordId> {
        let mut own: Vec<&RecordEntry> = self
            .records
            .iter()
            .filter(|entry| entry.device == device)
            .collect();
        own.sort_by_key(|entry| std::cmp::Reverse((entry.seq, entry.clock, entry.id)));
        own.into_iter().map(|entry| entry.id).collect()
    }

    /// How many records there are.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.records.len()
    }

    /// Ids of all records, in no order.
    pub fn record_ids(&self) -> impl Iterator<Item = RecordId> {
        self.records.iter().map(|entry| entry.id)
    }

    /// Ids of all records, oldest first.
    #[must_use]
    pub fn record_ids_in_order(&self) -> Vec<RecordId> {
        let mut entries: Vec<&RecordEntry> = self.records.iter().collect();
        entries.sort_by_key(|entry| (entry.clock, entry.id));
        entries.into_iter().map(|entry| entry.id).collect()
    }

    /// All that the records' heads say, read again, in no order.
    pub(super) fn record_heads(&self) -> impl Iterator<Item = RecordHead> {
        let records = self.records.iter();
        records.filter_map(|entry| {
            let record = UnfoldedRecord::parse(self.bytes(entry.bytes));
            record.ok().map(|record| record.head)
        })
    }

    /// A record's bytes as they are to be written anywhere: without what was erased.
    #[must_use]
    pub fn record_bytes(&self, id: RecordId) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = self.bytes(self.entry(id)?.bytes);
        if self.erased.contains_key(&id) {
            let record = codec::parse_record(bytes).ok()?;
            return Some(self.without_erased(&record));
        }
        Some(Zeroizing::new(bytes.to_vec()))
    }

    /// Whether these bytes, which some file holds, carry content that was erased.
    #[must_use]
    pub fn holds_erased(&self, record: &DecodedRecord<'_>) -> bool {
        self.erased.get(&record.head.id).is_some_and(|indices| {
            record.operations.iter().zip(0..).any(|(operation, index)| {
                let has_content = !operation.body.is_empty()
                    || !operation.sealed.is_empty()
                    || !operation.chunks.is_empty();
                operation.tag.is_erasable() && has_content && indices.contains(&index)
            })
        })
    }

    /// Counts as erased what another state has erased.
    pub(super) fn take_erasures_of(&mut self, other: &Self) {
        self.erased = other.erased.clone();
        self.erased_chunks = other.erased_chunks.clone();
    }

    /// Whether any record has content to lose.
    #[must_use]
    pub fn has_erasures(&self) -> bool {
        !self.erased.is_empty() || !self.erased_chunks.is_empty()
    }

    /// The record's operations as owned values, without what was erased.
    #[must_use]
    pub fn record_operations(&self, id: RecordId) -> Option<(RecordHead, Vec<Operation>)> {
        let bytes = self.bytes(self.entry(id)?.bytes);
        let record = codec::parse_record(bytes).ok()?;
        Some((record.head.clone(), self.operations_without_erased(&record)))
    }

    fn without_erased(&self, record: &DecodedRecord<'_>) -> Zeroizing<Vec<u8>> {
        codec::write_record(&record.head, &self.operations_without_erased(record))
    }

    fn operations_without_erased(&self, record: &DecodedRecord<'_>) -> Vec<Operation> {
        let erased = self.erased.get(&record.head.id);
        let operations = record.operations.iter().zip(0..).map(|(operation, index)| {
            let owned = operation.to_owned();
            let goes = operation.tag.is_erasable()
                && erased.is_some_and(|indices| indices.contains(&index));
            if goes { owned.without_content() } else { owned }
        });
        operations.collect()
    }

    /// All items that any record names, in the order of their ids.
    #[must_use]
    pub fn item_ids(&self) -> Vec<ItemId> {
        let mut ids: Vec<ItemId> = self.runs.item_ids().collect();
        ids.sort_unstable();
        ids
    }

    /// The newest clock of all records.
    #[must_use]
    pub fn newest_clock(&self) -> Clock {
        self.newest
    }

    /// The newest clock that is not more than 24 h ahead of `now`.
    #[must_use]
    pub fn newest_credible_clock(&self, now: crate::model::moment::Moment) -> Clock {
        let credible = self
            .records
            .iter()
            .map(|entry| entry.clock)
            .filter(|clock| !clock.is_ahead_of(now));
        credible.max().unwrap_or_default()
    }

    /// Chunks that an ERASE names.
    #[must_use]
    pub fn is_chunk_erased(&self, name: &ChunkName) -> bool {
        self.erased_chunks.contains(name)
    }

    /// Names of all chunks that an operation refers to and no ERASE took.
    #[must_use]
    pub fn referenced_chunks(&self) -> HashSet<ChunkName> {
        if !self.names_chunks {
            return HashSet::new();
        }
        let names = self
            .operations()
            .filter(|operation| !self.is_erased(operation))
            .flat_map(|operation| self.chunk_names_of(&operation));
        names
            .filter(|name| !self.erased_chunks.contains(name))
            .collect()
    }

    /// The newest record of each device.
    #[must_use]
    pub fn device_heads(&self) -> BTreeMap<DeviceId, DeviceHead> {
        let mut heads: BTreeMap<DeviceId, DeviceHead> = BTreeMap::new();
        for entry in &self.records {
            let RecordEntry {
                id,
                device,
                seq,
                clock,
                ..
            } = *entry;
            let head = DeviceHead {
                record: id,
                seq,
                clock,
            };
            heads
                .entry(device)
                .and_modify(|held| {
                    if (head.seq, head.record) > (held.seq, held.record) {
                        *held = head;
                    }
                })
                .or_insert(head);
        }
        heads
    }

    /// Records of other devices that this device has listed as seen already.
    #[must_use]
    pub fn listed_by(&self, device: DeviceId) -> HashSet<RecordId> {
        let own = self.records.iter();
        let own = own.filter(|entry| entry.device == device && entry.has_seen);
        own.filter_map(|entry| UnfoldedRecord::parse(self.bytes(entry.bytes)).ok())
            .flat_map(|record| record.head.seen)
            .collect()
    }

    /// How many contents came under an id that had one already.
    #[must_use]
    pub fn twin_count(&self) -> usize {
        self.twins.len()
    }

    /// Ids under which contents came that differ, also after erasing.
    #[must_use]
    pub fn twin_ids(&self) -> BTreeSet<RecordId> {
        let twins = self.twins.iter();
        twins
            .filter_map(|span| codec::parse_record(self.bytes(*span)).ok())
            .filter(|twin| {
                self.record_bytes(twin.head.id)
                    .is_none_or(|kept| *kept != *self.without_erased(twin))
            })
            .map(|twin| twin.head.id)
            .collect()
    }

    /// Same ids, same numbers and gaps, sorted so that every device reports alike.
    #[must_use]
    pub fn oddities(&self) -> Vec<Oddity> {
        let mut found = Vec::new();
        let twins = self.twin_ids();
        found.extend(twins.into_iter().map(Oddity::SameId));
        let mut numbers: Vec<(DeviceId, u64)> = self
            .records
            .iter()
            .map(|entry| (entry.device, entry.seq))
            .collect();
        numbers.sort_unstable();
        let retired = self.retired_devices();
        for of_device in numbers.chunk_by(|one, other| one.0 == other.0) {
            let mut expected = 1;
            for same in of_device.chunk_by(|one, other| one == other) {
                let Some((device, seq)) = same.first().copied() else {
                    continue;
                };
                if seq > expected && !retired.contains(&device) {
                    found.push(Oddity::Gap(device, seq - expected));
                }
                if same.len() > 1 {
                    found.push(Oddity::SameSeq(device, seq));
                }
                expected = seq.saturating_add(1);
            }
        }
        found
    }

    /// How many operations have such a tag.
    #[must_use]
    pub fn count_operations(&self, wanted: impl Fn(Tag) -> bool) -> usize {
        self.operations()
            .filter(|operation| wanted(operation.tag))
            .count()
    }

    pub(super) fn is_erased(&self, operation: &Folded<'_>) -> bool {
        if self.erased.is_empty() || !operation.tag.is_erasable() {
            return false;
        }
        let id = self.record_of(operation).id;
        self.erased
            .get(&id)
            .is_some_and(|indices| indices.contains(&operation.index))
    }

    /// Whether anything of a record was erased.
    pub(super) fn has_erased_of(&self, record: u32) -> bool {
        if self.erased.is_empty() {
            return false;
        }
        let entry = self.records.get(index(record));
        entry.is_some_and(|entry| self.erased.contains_key(&entry.id))
    }

    /// Operations on an item that were erased.
    #[must_use]
    pub fn erased_operations(&self, item: ItemId) -> Vec<Dot> {
        let operations = self.operations_of(item);
        let erased = operations.iter().filter(|row| self.is_erased(row));
        erased.map(|operation| self.dot_of(operation)).collect()
    }

    pub(super) fn record_of(&self, operation: &Folded<'_>) -> &RecordEntry {
        &self.records[index(operation.record)]
    }

    fn entry(&self, id: RecordId) -> Option<&RecordEntry> {
        self.records.get(index(*self.by_id.get(&id)?))
    }

    pub(super) fn dot_of(&self, operation: &Folded<'_>) -> Dot {
        Dot {
            record: self.record_of(operation).id,
            index: operation.index,
        }
    }

    /// What operations are ordered by: stored clock, record id, index.
    pub(super) fn order_of(&self, operation: &Folded<'_>) -> (Clock, RecordId, u32) {
        let head = self.record_of(operation);
        (head.clock, head.id, operation.index)
    }

    /// Names of the chunks that an operation refers to.
    pub(super) fn chunk_names_of(&self, operation: &Folded<'_>) -> Vec<ChunkName> {
        let (_, names) = codec::parse_values(operation.values).unwrap_or_default();
        names
            .into_iter()
            .filter_map(ChunkName::from_slice)
            .collect()
    }

    /// The buffer that a record's bytes lie in.
    pub(super) fn buffer_of(&self, record: u32) -> &[u8] {
        self.records
            .get(index(record))
            .map_or(&[], |entry| self.buffers.get(entry.bytes.buffer()))
    }

    pub(super) fn bytes(&self, span: Span) -> &[u8] {
        self.buffers.slice(span).unwrap_or_default()
    }
}

/// A record's number as a place in a list.
fn index(record: u32) -> usize {
    usize::try_from(record).unwrap_or(usize::MAX)
}

impl Unfolded {
    /// Reads a record that lies there, and adds the runs of its operations.
    fn read(bytes: &[u8], span: Span, runs: &mut Vec<Run>) -> Result<Self, MalformedRecord> {
        let record = UnfoldedRecord::parse(bytes)?;
        let from = runs.len();
        let start = usize::try_from(span.start()).map_err(|_| MalformedRecord)?;
        let rarities = find_runs(&record, start, runs).ok_or(MalformedRecord)?;
        Ok(Self {
            entry: RecordEntry {
                id: record.head.id,
                device: record.head.device,
                seq: record.head.seq,
                clock: record.head.clock,
                has_seen: !record.head.seen.is_empty(),
                bytes: span,
            },
            runs: from..runs.len(),
            rarities,
        })
    }
}
