//! One change, one record: planned on the newest state, sealed, committed to the replica, delivered to the vault file.

use super::beside::beside;
use super::error::VaultError;
use super::{Notice, Revealer, Vault};
use crate::crypto::keys::Keys;
use crate::crypto::seal::{ValuePlace, ValuePosition, seal_frame, seal_value};
use crate::log::frame::{FrameKind, PACK_LIMIT, RECORD_LIMIT};
use crate::model::ids::{FieldId, RecordId};
use crate::model::moment::{Clock, Moment};
use crate::state::change::{ChangeError, Plan, PlannedOperation, PlannedValue, is_undoable};
use crate::state::codec::{self, SEEN_LIMIT};
use crate::state::op::{ChunkName, Operation, RecordHead, Tag};
use crate::storage::StorageError;
use rand::CryptoRng;
use zeroize::Zeroizing;

/// Past this many records in frames of their own the replica is packed, so that opening stays fast.
const LOOSE_LIMIT: usize = 256;
const LOOSE_PER_CHUNK: usize = 4;
/// Operations that take longer to seal than a thread takes to start, several times over.
const MANY_OPERATIONS: usize = 1000;

const _: () = assert!(codec::RECORD_LIMIT == RECORD_LIMIT);

impl Vault {
    /// Plans a change on the newest state and commits it as one record. An empty plan writes nothing.
    ///
    /// When this returns `Ok`, the change is durable in the replica; a vault file that could not take it is a notice.
    ///
    /// # Errors
    /// What the planner says, [`VaultError::TooLarge`], or what the disk says of the replica; then nothing has changed.
    pub fn update<T>(
        &mut self,
        now: Moment,
        rng: &mut dyn CryptoRng,
        planner: impl FnOnce(&mut Plan<'_>, &mut dyn CryptoRng) -> Result<T, ChangeError>,
    ) -> Result<T, VaultError> {
        self.update_revealing(now, rng, |plan, _, rng| planner(plan, rng))
    }

    /// As [`Vault::update`], for a planner that compares values and so has to open some.
    ///
    /// # Errors
    /// As [`Vault::update`].
    pub fn update_revealing<T>(
        &mut self,
        now: Moment,
        rng: &mut dyn CryptoRng,
        planner: impl FnOnce(&mut Plan<'_>, Revealer<'_>, &mut dyn CryptoRng) -> Result<T, ChangeError>,
    ) -> Result<T, VaultError> {
        self.refuse_in_the_past()?;
        let _lock = self.begin(now, rng)?;
        let mut plan = Plan::new(&self.state);
        let answer = planner(&mut plan, Revealer::new(&self.state, &self.keys), rng)?;
        let operations = plan.into_operations();
        if !operations.is_empty() {
            self.commit(operations, now, rng)?;
        }
        Ok(answer)
    }

    /// This device's records that an undo can take back, newest first.
    #[must_use]
    pub fn undoable_records(&self) -> Vec<RecordId> {
        let undone = self.state.undone_records();
        let own = self
            .state
            .records_of(self.device)
            .into_iter()
            .filter(|id| !undone.contains(id));
        own.filter(|id| {
            self.state
                .record_operations(*id)
                .is_some_and(|(_, operations)| {
                    let real = operations
                        .iter()
                        .any(|operation| operation.item.is_some() && operation.tag != Tag::COUNTER);
                    let foreign = operations.iter().any(|operation| {
                        !is_undoable(operation.tag) && operation.tag != Tag::DEVICE
                    });
                    real && !foreign
                })
        })
        .collect()
    }

    /// The lock is held and the state is fresh.
    pub(super) fn commit(
        &mut self,
        operations: Vec<PlannedOperation>,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let chunks: Vec<ChunkName> = operations
            .iter()
            .flat_map(|operation| operation.chunks.iter().copied())
            .collect();
        let content = self.write_planned(operations, now, rng)?;
        if !chunks.is_empty() {
            self.refuse_missing(&chunks)?;
            self.sync_replica()?;
        }
        let frame = seal_frame(&self.keys, FrameKind::Record, &content);
        self.extend_replica(&frame, 1)?;
        let id = self.absorb(content)?;
        self.replicated.insert(id);
        self.local.remember_own(&*self.storage, id);
        match self.vault_current.take() {
            Some(seen) => match self
                .append_chunks_to_vault(seen, &Self::nonces_of(&chunks))
                .and_then(|seen| self.append_bytes_to_vault(seen, &frame))
            {
                Ok(after) => self.trust_append(seen, after, now),
                Err(error) => {
                    // The file may have been replaced under our hands: look once more, and only then wait.
                    self.deliver(now, rng);
                    // What a disk failed to sync may read back and still be lost: the next command looks again.
                    let is_doubtful = matches!(error, VaultError::Storage(StorageError::Io(_)));
                    if is_doubtful {
                        self.distrust();
                    }
                    if is_doubtful || self.lacking != Some(0) {
                        self.note_pending(error.to_string());
                    }
                }
            },
            None => self.deliver(now, rng),
        }
        self.log_events(now);
        // Pieces of files are written anew with the rest: the more there are, the rarer.
        let limit = LOOSE_LIMIT + LOOSE_PER_CHUNK * self.chunks.len();
        if self.replica.is_some_and(|facts| facts.loose > limit) {
            // Packing is for speed alone; a full disk must not turn a committed change into a failure.
            let packed = self.rewrite_replica(rng);
            if let (Ok(()), Some(seen)) = (packed, self.vault_seen) {
                self.trust(seen);
            }
        }
        Ok(())
    }

    fn note_pending(&mut self, why: String) {
        let waits = |notice: &Notice| matches!(notice, Notice::Pending(_));
        if !self.notices.iter().any(waits) {
            self.notices.push(Notice::Pending(why));
        }
    }

    /// Folds a record in without writing it anywhere: for operations that rewrite both files next.
    pub(super) fn absorb_planned(
        &mut self,
        operations: Vec<PlannedOperation>,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<RecordId, VaultError> {
        let content = self.write_planned(operations, now, rng)?;
        let id = self.absorb(content)?;
        self.local.remember_own(&*self.storage, id);
        Ok(id)
    }

    fn absorb(&mut self, content: Zeroizing<Vec<u8>>) -> Result<RecordId, VaultError> {
        let whole = 0..content.len();
        let absorbed = self.state.absorb(content, &[whole]);
        self.state.settle();
        let first = absorbed.ok().and_then(|rows| rows.first().map(|row| row.0));
        first.ok_or(VaultError::Inconsistent(
            "a record that was just written does not read back",
        ))
    }

    fn write_planned(
        &self,
        mut planned: Vec<PlannedOperation>,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let own = Some(FieldId::Custom(self.device.0));
        let is_named = self.state.is_device_named(self.device)
            || planned
                .iter()
                .any(|operation| operation.tag == Tag::DEVICE && operation.field == own);
        // An empty name would say that the device is retired.
        if !is_named && !self.device_name.is_empty() {
            planned.push(self.state.plan_device_name(self.device, &self.device_name));
        }
        let head = self.next_head(now, rng);
        let operations = seal_operations(&self.keys, head.id, planned);
        let content = codec::write_record(&head, &operations);
        let fits = content.len() <= RECORD_LIMIT
            && operations.len() <= codec::OPERATIONS_LIMIT
            && operations.iter().all(|operation| {
                operation.replaces.len().max(operation.chunks.len()) <= codec::DOTS_LIMIT
            });
        if !fits {
            return Err(VaultError::TooLarge);
        }
        Ok(content)
    }

    fn next_head(&self, now: Moment, rng: &mut dyn CryptoRng) -> RecordHead {
        let heads = self.state.device_heads();
        let own = heads.get(&self.device);
        let listed = self.state.listed_by(self.device);
        let others = heads
            .iter()
            .filter(|(device, head)| **device != self.device && !listed.contains(&head.record));
        RecordHead {
            id: RecordId::make(rng),
            device: self.device,
            seq: own.map_or(1, |head| head.seq.saturating_add(1)),
            previous: own.map(|head| head.record),
            seen: others
                .map(|(_, head)| head.record)
                .take(SEEN_LIMIT)
                .collect(),
            clock: Clock::after(self.state.newest_credible_clock(now), now),
        }
    }

    /// The records as frames, and how many of them are loose: alone where they are few, in packs where they are many.
    pub(super) fn frames_of(&self, records: &[RecordId]) -> (Vec<u8>, usize) {
        const FEW: usize = 8;
        let contents = records.iter().filter_map(|id| self.state.record_bytes(*id));
        if records.len() <= FEW {
            let frames =
                contents.map(|content| seal_frame(&self.keys, FrameKind::Record, &content));
            return (frames.collect::<Vec<_>>().concat(), records.len());
        }
        (
            Packer::new(&self.keys, contents)
                .collect::<Vec<_>>()
                .concat(),
            0,
        )
    }
}

/// Seals the values of planned operations for their places; the half of many in a thread of its own.
pub(super) fn seal_operations(
    keys: &Keys,
    record: RecordId,
    mut planned: Vec<PlannedOperation>,
) -> Vec<Operation> {
    if planned.len() < MANY_OPERATIONS {
        return seal_operations_from(0, keys, record, planned);
    }
    let second = planned.len() / 2;
    let rest = planned.split_off(second);
    let (sealed_rest, mut sealed) = beside(
        Some(rest),
        |rest| seal_operations_from(second, keys, record, rest),
        || seal_operations_from(0, keys, record, planned),
    );
    sealed.extend(sealed_rest.into_iter().flatten());
    sealed
}

/// The same for operations whose first has this index in its record.
fn seal_operations_from(
    first: usize,
    keys: &Keys,
    record: RecordId,
    planned: Vec<PlannedOperation>,
) -> Vec<Operation> {
    let numbers = u32::try_from(first).unwrap_or(u32::MAX)..;
    let sealed = planned
        .into_iter()
        .zip(numbers)
        .map(|(planned, operation)| {
            let place = ValuePlace {
                item: planned.item,
                field: planned.field,
            };
            let values = planned.values.into_iter().zip(0..).map(|(value, number)| {
                let position = ValuePosition {
                    record,
                    operation,
                    value: number,
                };
                match value {
                    PlannedValue::Sealed(sealed) => sealed,
                    PlannedValue::Key(key) => seal_value(keys, place, position, &*key),
                    // EXPOSE: the value is sealed here, on its way into a record.
                    PlannedValue::Secret(secret) => {
                        seal_value(keys, place, position, secret.expose().as_bytes())
                    }
                }
            });
            Operation {
                tag: planned.tag,
                item: planned.item,
                field: planned.field,
                replaces: planned.replaces,
                body: planned.body,
                sealed: values.collect(),
                chunks: planned.chunks,
            }
        });
    sealed.collect()
}

/// Joins records to packs of at most 64 KiB; a larger record gets a frame of its own.
pub(super) struct Packer<'a, I: Iterator<Item = Zeroizing<Vec<u8>>>> {
    keys: &'a Keys,
    records: std::iter::Peekable<I>,
}

impl<'a, I: Iterator<Item = Zeroizing<Vec<u8>>>> Packer<'a, I> {
    pub(super) fn new(keys: &'a Keys, records: I) -> Self {
        Self {
            keys,
            records: records.peekable(),
        }
    }
}

impl<I: Iterator<Item = Zeroizing<Vec<u8>>>> Iterator for Packer<'_, I> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let first = self.records.next()?;
        if first.len() + 4 > PACK_LIMIT {
            return Some(seal_frame(self.keys, FrameKind::Record, &first));
        }
        let mut pack = Zeroizing::new(Vec::with_capacity(PACK_LIMIT));
        push(&mut pack, &first);
        while let Some(next) = self
            .records
            .next_if(|next| pack.len() + next.len() + 4 <= PACK_LIMIT)
        {
            push(&mut pack, &next);
        }
        Some(seal_frame(self.keys, FrameKind::Pack, &pack))
    }
}

fn push(pack: &mut Vec<u8>, record: &[u8]) {
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    pack.extend_from_slice(&length.to_le_bytes());
    pack.extend_from_slice(record);
}
