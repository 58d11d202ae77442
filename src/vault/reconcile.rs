//! The union of replica and vault file: what each lacks is put there (vault-format.md, section 7).
//!
//! Own records are delivered at once; others only when the file has been still for two seconds, so that two devices do
//! not answer each other while a drive is at work. What must not lie in the file any more makes it be replaced.

use super::error::VaultError;
use super::local::{Seen, is_still, remember_path};
use super::open::{OnPath, look};
use super::read::{Contents, Depth, holds_erased, read_into};
use super::unlock::authentic_former_keys;
use super::{Notice, Vault};
use crate::crypto::seal::seal_frame;
use crate::crypto::slot::{Slot, UnverifiedSlot};
use crate::log::frame::{FrameKind, HEADER_LENGTH, parse_header};
use crate::log::next_boundary;
use crate::model::ids::{KeyId, RecordId};
use crate::model::moment::Moment;
use crate::state::fold::State;
use crate::storage::{Stamp, StorageError, StoredFile, append, replace_file};
use rand::CryptoRng;
use std::collections::BTreeSet;

/// What a look at the vault file found to do.
pub(super) struct UnionPlan {
    file: FilePlan,
    /// Whether slots came from it, or the replica is missing or damaged.
    replica_needs_rewrite: bool,
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
    /// Whether anything is to be written.
    pub(super) fn has_work(&self, plan: &UnionPlan) -> bool {
        let file = matches!(
            plan.file,
            FilePlan::Lacking { .. }
                | FilePlan::Replace
                | FilePlan::FormerKey { .. }
                | FilePlan::Absent
                | FilePlan::Complete(_)
        );
        file || plan.replica_needs_rewrite || !self.is_replica_complete()
    }

    /// Whether the replica holds every record of the state; both only grow together, so counting is enough.
    fn is_replica_complete(&self) -> bool {
        self.replicated.len() == self.state.record_count()
    }

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

    fn is_own(&self, id: RecordId) -> bool {
        self.state.author_of(id) == Some(self.device)
    }

    /// Does what the plan says. The exclusive lock is held.
    pub(super) fn reconcile(
        &mut self,
        plan: UnionPlan,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        self.keep_in_replica(plan.replica_needs_rewrite, rng)?;
        self.note_oddities();
        remember_path(&*self.storage, &self.places, self.keys.vault, rng)?;
        self.carry_out(plan, now, rng);
        Ok(())
    }

    /// Says what is wrong with the vault file, whether or not there is anything to do about it.
    pub(super) fn tell(&mut self, plan: &UnionPlan) {
        let notice = match &plan.file {
            FilePlan::OtherKey => Notice::OtherKey,
            FilePlan::Unusable(reason) => Notice::Unusable(reason.clone()),
            _ if !self.damage.is_empty() => Notice::Damaged(self.damage.len()),
            _ => return,
        };
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Brings the replica in step: before anything else relies on what the vault file brought.
    pub(super) fn keep_in_replica(
        &mut self,
        needs_rewrite: bool,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let arrived = self.arrived();
        if self.replica.is_none() {
            return self.rewrite_replica(rng);
        }
        // Own records that only the drive has: this device's state is older than what it wrote.
        if arrived.iter().any(|id| self.is_own(*id)) {
            self.device = self.local.mint_device(&*self.storage, rng)?;
            self.notices.push(Notice::NewDevice);
        }
        if needs_rewrite {
            self.rewrite_replica(rng)?;
        } else if !arrived.is_empty() {
            self.append_to_replica(&arrived)?;
        }
        if !arrived.is_empty() {
            self.notices.push(Notice::Merged(arrived.len()));
        }
        Ok(())
    }

    /// Records that the replica lacks, sorted: they came from the vault file, at this look or at one before that failed.
    fn arrived(&self) -> Vec<RecordId> {
        if self.is_replica_complete() {
            return Vec::new();
        }
        let all = self.state.record_ids();
        let mut missing: Vec<RecordId> = all.filter(|id| !self.replicated.contains(id)).collect();
        missing.sort_unstable();
        missing
    }

    /// Brings the vault file in step. What fails is pending, never an error: the replica has it all.
    fn carry_out(&mut self, plan: UnionPlan, now: Moment, rng: &mut dyn CryptoRng) {
        self.tell(&plan);
        let outcome = match plan.file {
            FilePlan::Known => Ok(()),
            FilePlan::Complete(stamp) => {
                self.vault_current = Some(stamp);
                if is_still(&stamp, now) {
                    self.trust(stamp);
                }
                Ok(())
            }
            FilePlan::Lacking {
                stamp,
                records,
                slots,
            } => self.append_to_vault(stamp, &records, &slots).map(|after| {
                self.trust_append(stamp, after, now);
                if records.iter().any(|id| !self.is_own(*id)) {
                    self.notices.push(Notice::Healed(records.len()));
                }
            }),
            FilePlan::Replace | FilePlan::FormerKey { .. } => self
                .rewrite_vault_file(rng)
                .map(|()| self.notices.push(Notice::Replaced)),
            FilePlan::Absent => self
                .rewrite_vault_file(rng)
                .map(|()| self.notices.push(Notice::PutBack)),
            FilePlan::OtherKey | FilePlan::Unusable(_) => Ok(()),
        };
        if let Err(error) = outcome {
            self.notices.push(Notice::Pending(error.to_string()));
        }
    }

    /// Looks at the vault file again and delivers; for callers that changed the replica. The exclusive lock is held.
    pub(super) fn deliver(&mut self, now: Moment, rng: &mut dyn CryptoRng) {
        self.vault_seen = None; // what was complete before the replica changed is not any more
        let looked = self.look_at_vault_file(now);
        let kept = looked.and_then(|plan| {
            self.keep_in_replica(plan.replica_needs_rewrite, rng)?;
            Ok(plan)
        });
        match kept {
            Ok(plan) => {
                self.carry_out(plan, now, rng);
                // The caller's own command is why; that is no news.
                self.notices.retain(|notice| *notice != Notice::Replaced);
            }
            Err(error) => self.notices.push(Notice::Pending(error.to_string())),
        }
    }

    /// Appends records to the replica: alone where they are few, in packs where they are many.
    fn append_to_replica(&mut self, records: &[RecordId]) -> Result<(), VaultError> {
        let (bytes, loose) = self.frames_of(records);
        self.extend_replica(&bytes, loose)?;
        self.replicated.extend(records);
        Ok(())
    }

    /// Appends whole frames to the replica and syncs. On failure what may have arrived is cut off again.
    pub(super) fn extend_replica(&mut self, bytes: &[u8], loose: usize) -> Result<(), VaultError> {
        let Some(facts) = self.replica else {
            return Err(VaultError::Inconsistent("there is no replica"));
        };
        let missing = || VaultError::Inconsistent("the replica is gone");
        let file = self
            .storage
            .open_write(&self.local.replica)?
            .ok_or_else(missing)?;
        let at = next_boundary(facts.stamp.length);
        match append(&*file, at, bytes) {
            Ok(stamp) => {
                self.replica = Some(super::ReplicaFacts {
                    stamp,
                    loose: facts.loose + loose,
                    ..facts
                });
                Ok(())
            }
            Err(error) => {
                // The lock is held and nobody else appends here, so cutting the replica back is safe.
                let cut = file
                    .truncate(facts.stamp.length)
                    .and_then(|()| file.sync())
                    .and_then(|()| file.stamp());
                self.replica = cut.ok().map(|stamp| super::ReplicaFacts { stamp, ..facts });
                Err(error.into())
            }
        }
    }

    /// Appends slots and records to the vault file at its physical end and syncs.
    fn append_to_vault(
        &self,
        seen: Stamp,
        records: &[RecordId],
        slots: &[Slot],
    ) -> Result<Stamp, VaultError> {
        let mut bytes: Vec<u8> = slots
            .iter()
            .flat_map(|slot| slot.frame.iter().copied())
            .collect();
        for id in records {
            let content = self.state.record_bytes(*id).unwrap_or_default();
            bytes.extend_from_slice(&seal_frame(&self.keys, FrameKind::Record, &content));
        }
        self.append_bytes_to_vault(seen, &bytes)
    }

    /// Appends whole frames to the vault file, if it is still the file that was seen.
    pub(super) fn append_bytes_to_vault(
        &self,
        seen: Stamp,
        bytes: &[u8],
    ) -> Result<Stamp, VaultError> {
        let changed =
            || VaultError::Inconsistent("the vault file is just being changed by another program");
        let file = self
            .storage
            .open_write(&self.places.vault_file)?
            .ok_or_else(changed)?;
        let before = file.stamp()?;
        if before != seen {
            return Err(changed());
        }
        let end = next_boundary(before.length);
        let after = append(&*file, end, bytes)?;
        if after.length != end.saturating_add(bytes.len() as u64) {
            return Err(changed()); // somebody else appended at the same moment
        }
        // The drive may have put another file at the path meanwhile; then that one lacks what was written.
        let at_path = self.storage.stamp(&self.places.vault_file)?;
        if at_path.is_none_or(|stamp| (stamp.device, stamp.inode) != (after.device, after.inode)) {
            return Err(changed());
        }
        Ok(after)
    }

    /// This device's own write to a file that was known: known too.
    pub(super) fn trust(&mut self, vault: Stamp) {
        self.vault_seen = Some(vault);
        self.vault_current = Some(vault);
        let replica = self.replica.filter(|facts| !facts.is_damaged);
        if let Some(replica) = replica.filter(|_| self.is_replica_complete()) {
            self.local.remember(
                &*self.storage,
                &Seen {
                    vault,
                    replica: replica.stamp,
                },
            );
        }
    }

    /// After an append of this device: known, if what was there before the append was.
    pub(super) fn trust_append(&mut self, before: Stamp, after: Stamp, now: Moment) {
        if self.vault_seen == Some(before) || is_still(&before, now) {
            self.trust(after);
        } else {
            self.vault_current = Some(after);
        }
    }

    /// Copies the vault file as it is to the local state, before it is replaced.
    pub(super) fn keep_for_review(
        &mut self,
        file: &dyn StoredFile,
        stamp: Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        self.storage.make_folder(&self.local.review)?;
        let length = stamp.length;
        let mut name = [0; 8];
        rng.fill_bytes(&mut name);
        let target = self
            .local
            .review
            .join(data_encoding::HEXLOWER.encode(&name));
        let mut at = 0;
        let mut parts = std::iter::from_fn(|| {
            if at >= length {
                return None;
            }
            let left = usize::try_from(length - at).unwrap_or(usize::MAX);
            let mut part = vec![0; left.min(1 << 20)];
            let read = file.read_at(at, &mut part);
            Some(read.map(|read| {
                part.truncate(read);
                at = if read == 0 { length } else { at + read as u64 };
                part
            }))
        });
        replace_file::<Vec<u8>, StorageError>(&*self.storage, &target, &mut parts, rng)?;
        let text = "the vault file lay under a former key and held unknown changes; it was kept in the review folder";
        self.notices.push(Notice::Odd(text.to_owned()));
        Ok(())
    }
}
