//! What lies where, and what is to be done about it: reads and judges, never writes (vault-format.md, section 7).

use super::copies::ReadCopy;
use super::error::{UnlockError, VaultError};
use super::lineage::{Line, former_keys};
use super::local::is_still;
use super::looked::{Finding, Looked};
use super::open::{OnPath, look};
use super::read::{
    ChunkPlace, Contents, Depth, holds_erased, read_into, read_state, without_counting_content,
};
use super::{Notice, Vault};
use crate::crypto::slot::{Slot, UnverifiedSlot};
use crate::log::frame::{HEADER_LENGTH, Nonce, parse_header};
use crate::model::ids::{KeyId, RecordId};
use crate::model::moment::Moment;
use crate::state::view::Retirement;
use crate::storage::{Stamp, StoredFile};
use std::collections::BTreeSet;

/// What a look at vault file and copies found to do.
pub(super) struct UnionPlan {
    pub(super) file: FilePlan,
    /// Records that were in the vault file for certain and are not any more.
    pub(super) lost: usize,
    /// Whether nothing explains that but a drive that went back: nothing new came, and nothing is damaged.
    pub(super) is_rolled_back: bool,
    /// Copies beside the vault; all of them are folded in.
    pub(super) copies: Vec<ReadCopy>,
    pub(super) looked: Looked,
    /// Chunks that the vault file holds, where it was read.
    pub(super) chunks: Vec<ChunkPlace>,
}

pub(super) enum FilePlan {
    /// Unchanged since it was complete.
    Known,
    /// Complete, seen with this stamp.
    Complete(Stamp),
    /// Lacks so many records of other devices, which wait until the file is still.
    Waiting { stamp: Stamp, missing: usize },
    /// Lacks these records, sorted, these slots and chunks, and so many records in all.
    Lacking {
        stamp: Stamp,
        records: Vec<RecordId>,
        slots: Vec<Slot>,
        /// Chunks of the replica, by nonce.
        chunks: Vec<Nonce>,
        missing: usize,
    },
    /// Holds what must go.
    Replace,
    /// Lies under a former key: kept for review where it holds unknown records, then replaced.
    FormerKey { key: KeyId, has_unknown: bool },
    /// Lies under a key that this device does not hold; read with this stamp.
    OtherKey(Stamp),
    /// Not there, in a folder that is.
    Absent,
    /// Cannot be used.
    Unusable(String),
}

impl Vault {
    /// Whether neither vault file nor copies can hold news and nothing is to be written: found out by stamps alone.
    /// What is wrong is told.
    pub(super) fn is_quiet(&mut self, now: Moment) -> bool {
        self.adopt_replacements();
        if self.needs_new_replica() || !self.is_replica_complete() {
            return false;
        }
        let mut looked = self.looked();
        let beside = self.find_copies(&mut looked, now);
        if !beside.copies.is_empty() {
            return false;
        }
        let name = self.places.vault_file.file_name().unwrap_or_default();
        let notice = match look(&*self.storage, &self.places, Some(self.keys.vault)).1 {
            OnPath::Vault(_, stamp) if self.is_known(&stamp) => {
                self.vault_current = Some(stamp);
                self.lacking = Some(0);
                beside.has_other_key.then_some(Notice::OtherKey)
            }
            OnPath::Vault(_, stamp) if looked.find(name, &stamp) == Some(Finding::OtherKey) => {
                Some(Notice::OtherKey)
            }
            OnPath::Unusable(reason) => Some(Notice::Unusable(reason)),
            OnPath::Vault(..) | OnPath::Absent => return false,
        };
        self.notices.extend(notice);
        // Only a shortcut, each row of which is true by itself: two readers may write it at once.
        looked.save(&*self.storage, &self.local.looked);
        true
    }

    /// Reads what changed of vault file and copies, folds it in, and tells what is to be done.
    pub(super) fn look_around(&mut self, now: Moment) -> Result<UnionPlan, VaultError> {
        self.vault_current = None;
        self.lacking = None;
        let mut looked = self.looked();
        let beside = self.find_copies(&mut looked, now);
        if beside.has_other_key {
            self.note_once(Notice::OtherKey);
        }
        let (copies, news) = self.read_copies(beside.copies)?;
        self.adopt_replacements();
        let mut plan = UnionPlan {
            file: FilePlan::Absent,
            lost: 0,
            is_rolled_back: false,
            copies,
            looked,
            chunks: Vec::new(),
        };
        let (file, stamp) = match look(&*self.storage, &self.places, Some(self.keys.vault)).1 {
            OnPath::Vault(file, stamp) => (file, stamp),
            OnPath::Absent => return Ok(plan),
            OnPath::Unusable(reason) => {
                plan.file = FilePlan::Unusable(reason);
                return Ok(plan);
            }
        };
        let has_chunks = plan.copies.iter().any(|copy| !copy.chunks.is_empty());
        if self.is_known(&stamp) && !news && !has_chunks {
            self.vault_current = Some(stamp);
            plan.file = FilePlan::Known;
            return Ok(plan);
        }
        let read = read_into(&mut self.state, &self.keys, &*file, &stamp, Depth::Records);
        let judged = read.and_then(|contents| {
            self.take_slots(&contents);
            self.adopt_replacements();
            let judged = self.judge(&*file, stamp, &contents, now)?;
            Ok((contents, judged))
        });
        let contents = match judged {
            // A placeholder whose content the drive does not bring, a bad block: no reason to stop.
            Err(VaultError::Storage(error)) => {
                plan.file = FilePlan::Unusable(error.to_string());
                return Ok(plan);
            }
            judged => {
                let (contents, judged) = judged?;
                plan.file = judged;
                contents
            }
        };
        // A way in that a drive tore off its vault opens nothing here; an empty vault would be a lie.
        if matches!(plan.file, FilePlan::OtherKey(_))
            && self.replica.is_none()
            && self.state.record_count() == 0
        {
            return Err(UnlockError::OtherKey.into());
        }
        if !contents.other_keys.is_empty() && !plan.file.is_left_alone() {
            self.note_strangers(&contents);
        }
        plan.chunks.clone_from(&contents.chunks);
        self.scrub(&*file, &stamp, &mut plan.chunks);
        plan.lost = self.count_lost(&contents, &plan.file);
        // An honest drive that keeps the last writer's file explains what is missing where something new came instead,
        // though a copy may have brought the same.
        let has_news = contents
            .records
            .iter()
            .any(|id| !self.replicated.contains(id));
        plan.is_rolled_back = !has_news && contents.damage.is_empty();
        self.damage = contents.damage;
        Ok(plan)
    }

    fn is_known(&self, stamp: &Stamp) -> bool {
        let Some(replica) = self.replica.filter(|facts| !facts.is_damaged) else {
            return false;
        };
        if self.vault_seen.is_some_and(|seen| seen == *stamp) {
            return true;
        }
        self.local.seen(&*self.storage).is_some_and(|seen| {
            seen.key == self.keys.id && seen.complete == Some((*stamp, replica.stamp))
        })
    }

    /// Slots that a file holds.
    pub(super) fn take_slots(&mut self, contents: &Contents) {
        if contents.forged_slots > 0 && contents.other_keys.is_empty() {
            self.note_once(Notice::ForgedSlots(contents.forged_slots));
        }
        self.take_slots_quietly(contents);
    }

    /// As [`Vault::take_slots`], for copies: what is forged in them is nobody's way in anyhow.
    pub(super) fn take_slots_quietly(&mut self, contents: &Contents) {
        for slot in &contents.slots {
            if !self.slots.iter().any(|held| held.id == slot.id) {
                self.slots.push(slot.clone());
            }
        }
    }

    /// Slots that came in the records that retired their predecessors or them, where the frames themselves were lost or
    /// stripped.
    pub(super) fn adopt_replacements(&mut self) {
        for retirement in self.state.retirements() {
            let slot = self.slot_in(&retirement);
            let missing = slot.filter(|slot| !self.slots.iter().any(|held| held.id == slot.id));
            self.slots.extend(missing);
        }
    }

    /// The slot whose frame a retirement carries.
    pub(super) fn slot_in(&self, retirement: &Retirement) -> Option<Slot> {
        let frame = &retirement.replacement;
        let header = parse_header(frame)?;
        let slot = UnverifiedSlot::parse(header, frame.get(HEADER_LENGTH..)?).ok()?;
        slot.verify(&self.keys)
    }

    /// Whether the replica is missing or damaged, lacks a way in, or may hold a record with a content that does not count.
    pub(super) fn needs_new_replica(&self) -> bool {
        let lacks = |slot: &&Slot| !self.replica_slots.contains(&slot.id);
        self.replica.is_none_or(|facts| facts.is_damaged)
            || self.live_slots().iter().any(lacks)
            || self.state.twin_count() != self.replica_twins
    }

    fn judge(
        &self,
        file: &dyn StoredFile,
        stamp: Stamp,
        contents: &Contents,
        now: Moment,
    ) -> Result<FilePlan, VaultError> {
        if !contents.other_keys.is_empty() {
            match self.judge_other_key(file, stamp, &contents.other_keys)? {
                FilePlan::OtherKey(_) if !contents.records.is_empty() => {}
                // Who sees a vault for the first time has nothing to put in the place of what lies there.
                FilePlan::FormerKey { .. }
                    if self.replica.is_none() && !contents.records.is_empty() => {}
                plan => return Ok(plan),
            }
        }
        let holds_retired = contents.slots.iter().any(|slot| !self.is_live(slot.id));
        if holds_retired
            || self.state.has_erasures() && holds_erased(&self.state, &self.keys, file, &stamp)?
        {
            return Ok(FilePlan::Replace);
        }
        // Which content of an id counts is known only where all of them are.
        let outdated = match self.state.twin_ids() {
            twins if twins.is_empty() => twins,
            twins => without_counting_content(&self.state, twins, &self.keys, file, &stamp)?,
        };
        let lacks = |id: &RecordId| !contents.records.contains(id) || outdated.contains(id);
        let mut records: Vec<RecordId> = self.state.record_ids().filter(lacks).collect();
        let missing = records.len();
        if !self.is_impatient && !is_still(&stamp, now) {
            records.retain(|id| self.is_own(*id));
        }
        records.sort_unstable();
        let slots = self
            .live_slots()
            .into_iter()
            .filter(|slot| !contents.slots.contains(slot))
            .cloned();
        let slots: Vec<Slot> = slots.collect();
        Ok(match (records.is_empty() && slots.is_empty(), missing) {
            (true, 0) => FilePlan::Complete(stamp),
            (true, missing) => FilePlan::Waiting { stamp, missing },
            (false, missing) => FilePlan::Lacking {
                stamp,
                records,
                slots,
                chunks: Vec::new(),
                missing,
            },
        })
    }

    /// What lies under other keys in a file: does any of it lie under a former one? The key that is told is one under which
    /// unknown records lie, if there are any.
    pub(super) fn judge_other_key(
        &self,
        file: &dyn StoredFile,
        stamp: Stamp,
        other_keys: &BTreeSet<KeyId>,
    ) -> Result<FilePlan, VaultError> {
        let mut known = None;
        for (former, _) in former_keys(&self.state, &self.keys) {
            if other_keys.contains(&former.id) {
                let old = read_state(&former, file, &stamp, Depth::Everything)?;
                let (theirs, ours) = (
                    Line {
                        keys: &former,
                        state: &old,
                    },
                    Line {
                        keys: &self.keys,
                        state: &self.state,
                    },
                );
                // Each may name the other; then it takes the place of ours all the same, once a secret opens it.
                if theirs.supersedes(&ours) {
                    return Ok(FilePlan::OtherKey(stamp));
                }
                let has_unknown = self.unknown_of(&old)? > 0;
                let plan = FilePlan::FormerKey {
                    key: former.id,
                    has_unknown,
                };
                if has_unknown {
                    return Ok(plan);
                }
                known = known.or(Some(plan));
            }
        }
        Ok(known.unwrap_or(FilePlan::OtherKey(stamp)))
    }

    /// Somebody put frames of a key that is not held behind those of the vault's own.
    fn note_strangers(&mut self, contents: &Contents) {
        let former = self.state.former_keys();
        let is_known = |key: &KeyId| former.iter().any(|row| row.0 == *key);
        if !contents.other_keys.iter().all(is_known) {
            self.note_once(Notice::OtherKey);
        }
    }

    /// Records that were in the vault file for certain and are not any more.
    fn count_lost(&self, contents: &Contents, plan: &FilePlan) -> usize {
        let seen = self.local.seen(&*self.storage);
        let delivered = seen.filter(|seen| seen.key == self.keys.id);
        match plan {
            FilePlan::Waiting { .. } | FilePlan::Lacking { .. } | FilePlan::Replace => delivered
                .map_or(0, |seen| seen.delivered)
                .saturating_sub(contents.records.len()),
            _ => 0,
        }
    }

    pub(super) fn is_own(&self, id: RecordId) -> bool {
        self.state.author_of(id) == Some(self.device)
    }

    /// Adds a notice unless it was given already.
    pub(super) fn note_once(&mut self, notice: Notice) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }
}

impl FilePlan {
    /// Whether nothing is to be written to the file whatever else is found.
    fn is_left_alone(&self) -> bool {
        matches!(self, Self::OtherKey(_) | Self::Unusable(_))
    }
}
