//! What lies where, and what is to be done about it: reads and judges, never writes (vault-format.md, section 7).

use super::error::VaultError;
use super::local::{Seen, is_still};
use super::open::{OnPath, look};
use super::read::{Contents, Depth, holds_erased, read_into};
use super::unlock::authentic_former_keys;
use super::{Notice, Vault};
use crate::crypto::slot::{Slot, UnverifiedSlot};
use crate::log::frame::{HEADER_LENGTH, parse_header};
use crate::model::ids::{KeyId, RecordId};
use crate::model::moment::Moment;
use crate::state::fold::State;
use crate::storage::{Stamp, StoredFile};
use std::collections::BTreeSet;

/// What a look at the vault file found to do.
pub(super) struct UnionPlan {
    pub(super) file: FilePlan,
    /// Whether slots came from it, or the replica is missing or damaged.
    pub(super) replica_needs_rewrite: bool,
}

pub(super) enum FilePlan {
    /// Unchanged since it was complete.
    Known,
    /// Complete, seen with this stamp.
    Complete(Stamp),
    /// Lacks these records, sorted, and these slots; or must be replaced.
    Lacking {
        stamp: Stamp,
        records: Vec<RecordId>,
        slots: Vec<Slot>,
    },
    /// Holds what must go.
    Replace,
    /// Lies under a former key: kept for review where it holds unknown records, then replaced.
    FormerKey { has_unknown: bool },
    /// Lies under a key that this device does not hold.
    OtherKey,
    /// Not there, in a folder that is.
    Absent,
    /// Cannot be used.
    Unusable(String),
}

impl Vault {
    /// Reads the vault file if it changed, folds it in, and tells what is to be done.
    pub(super) fn look_at_vault_file(&mut self, now: Moment) -> Result<UnionPlan, VaultError> {
        self.vault_current = None;
        let mut plan = UnionPlan {
            file: FilePlan::Known,
            replica_needs_rewrite: self.replica.is_none_or(|facts| facts.is_damaged)
                | self.adopt_replacements(),
        };
        let (file, stamp) = match look(&*self.storage, &self.places, Some(self.keys.vault)).1 {
            OnPath::Vault(file, stamp) => (file, stamp),
            OnPath::Absent => {
                return Ok(UnionPlan {
                    file: FilePlan::Absent,
                    ..plan
                });
            }
            OnPath::Unusable(reason) => {
                return Ok(UnionPlan {
                    file: FilePlan::Unusable(reason),
                    ..plan
                });
            }
        };
        if self.is_known(&stamp) {
            self.vault_current = Some(stamp);
            return Ok(plan);
        }
        let contents = read_into(&mut self.state, &self.keys, &*file, &stamp, Depth::Records)?;
        plan.replica_needs_rewrite |= self.take_slots(&contents) | self.adopt_replacements();
        plan.file = self.judge(&*file, stamp, &contents, now)?;
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
        let current = Seen {
            vault: *stamp,
            replica: replica.stamp,
        };
        self.local
            .seen(&*self.storage)
            .is_some_and(|seen| seen == current)
    }

    /// Live slots that only the file had. Returns whether there were any.
    pub(super) fn take_slots(&mut self, contents: &Contents) -> bool {
        let mut any = false;
        for slot in &contents.slots {
            if !self.slots.iter().any(|held| held.id == slot.id) {
                any |= self.is_live(slot.id);
                self.slots.push(slot.clone());
            }
        }
        if contents.forged_slots > 0 && contents.other_keys.is_empty() {
            self.notices
                .push(Notice::ForgedSlots(contents.forged_slots));
        }
        any
    }

    /// Slots that came in the records that retired their predecessors, where the frames themselves were lost or stripped.
    pub(super) fn adopt_replacements(&mut self) -> bool {
        let mut any = false;
        for retirement in self.state.retirements() {
            let frame = &retirement.replacement;
            let slot = parse_header(frame).and_then(|header| {
                let body = frame.get(HEADER_LENGTH..)?;
                UnverifiedSlot::parse(header, body).ok()?.verify(&self.keys)
            });
            let missing = slot.filter(|slot| !self.slots.iter().any(|held| held.id == slot.id));
            if let Some(slot) = missing {
                any |= self.is_live(slot.id);
                self.slots.push(slot);
            }
        }
        any
    }

    fn judge(
        &self,
        file: &dyn StoredFile,
        stamp: Stamp,
        contents: &Contents,
        now: Moment,
    ) -> Result<FilePlan, VaultError> {
        if !contents.other_keys.is_empty() && self.replica.is_some() {
            match self.judge_other_key(file, stamp, &contents.other_keys)? {
                FilePlan::OtherKey if !contents.records.is_empty() => {}
                plan => return Ok(plan),
            }
        }
        let holds_retired = contents.slots.iter().any(|slot| !self.is_live(slot.id));
        if holds_retired
            || self.state.has_erasures() && holds_erased(&self.state, &self.keys, file, &stamp)?
        {
            return Ok(FilePlan::Replace);
        }
        let still = is_still(&stamp, now);
        let mut records: Vec<RecordId> = self
            .state
            .record_ids()
            .filter(|id| !contents.records.contains(id) && (still || self.is_own(*id)))
            .collect();
        records.sort_unstable();
        let slots = self
            .live_slots()
            .into_iter()
            .filter(|slot| !contents.slots.contains(slot))
            .cloned();
        let slots: Vec<Slot> = slots.collect();
        let lacks_any = self
            .state
            .record_ids()
            .any(|id| !contents.records.contains(&id));
        Ok(match (records.is_empty() && slots.is_empty(), lacks_any) {
            (true, false) => FilePlan::Complete(stamp),
            (true, true) => FilePlan::Known, // others' records wait until the file is still
            _ => FilePlan::Lacking {
                stamp,
                records,
                slots,
            },
        })
    }

    /// A file without one record under the current key: does it lie under a former one?
    pub(super) fn judge_other_key(
        &self,
        file: &dyn StoredFile,
        stamp: Stamp,
        other_keys: &BTreeSet<KeyId>,
    ) -> Result<FilePlan, VaultError> {
        for former in authentic_former_keys(&self.state, &self.keys) {
            if other_keys.contains(&former.id) {
                let mut old = State::default();
                read_into(&mut old, &former, file, &stamp, Depth::Everything)?;
                let has_unknown = old.record_ids().any(|id| !self.state.contains(id));
                return Ok(FilePlan::FormerKey { has_unknown });
            }
        }
        Ok(FilePlan::OtherKey)
    }
}
