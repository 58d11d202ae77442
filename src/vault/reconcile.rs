//! The union of replica and vault file: what each lacks is put there (vault-format.md, section 7).
//!
//! Own records are delivered at once; others only when the file has been still for two seconds, so that two devices do
//! not answer each other while a drive is at work. What must not lie in the file any more makes it be replaced.

use super::error::VaultError;
use super::local::{is_still, remember_path};
use super::look::{FilePlan, UnionPlan};
use super::looked::{Finding, Looked};
use super::{Notice, Vault};
use crate::log::scan::Reason;
use crate::model::ids::RecordId;
use crate::model::moment::Moment;
use rand::CryptoRng;

impl Vault {
    /// Whether the replica holds every record of the state; both only grow together, so counting is enough.
    pub(super) fn is_replica_complete(&self) -> bool {
        self.replicated.len() == self.state.record_count()
    }

    /// Does what the plan says. The exclusive lock is held.
    pub(super) fn reconcile(
        &mut self,
        plan: UnionPlan,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let arrived = self.keep_in_replica(rng)?;
        self.note_oddities();
        remember_path(&*self.storage, &self.places, self.keys.vault, rng)?;
        self.keep_chunks(&plan);
        self.carry_out(plan, now, rng);
        if !arrived.is_empty() {
            match self.free_own() {
                Ok(0) => {}
                Ok(_) => self.deliver(now, rng),
                Err(error) => self.note_once(Notice::Pending(error.to_string())),
            }
            self.settle_reviews(now, rng);
        }
        Ok(())
    }

    /// Says what is wrong with the vault file, whether or not there is anything to do about it.
    pub(super) fn tell(&mut self, plan: &UnionPlan) {
        match &plan.file {
            FilePlan::OtherKey(_) => self.note_once(Notice::OtherKey),
            FilePlan::Unusable(reason) => self.note_once(Notice::Unusable(reason.clone())),
            // What lies under another key is told as that.
            _ => match self
                .damage
                .iter()
                .filter(|damage| damage.reason != Reason::UnknownKey)
                .count()
            {
                0 => {}
                count => self.note_once(Notice::Damaged(count)),
            },
        }
        if plan.lost > 0 && plan.is_rolled_back {
            self.note_once(Notice::RolledBack(plan.lost));
        }
    }

    /// Brings the replica in step, before anything else relies on what the files brought. Returns what it lacked, sorted.
    pub(super) fn keep_in_replica(
        &mut self,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<RecordId>, VaultError> {
        let arrived = self.arrived();
        if self.replica.is_none() {
            self.rewrite_replica(rng)?;
            return Ok(arrived);
        }
        // Own records that only the drive has: this device's state is older than what it wrote.
        if arrived.iter().any(|id| self.is_own(*id)) {
            self.device = self.local.mint_device(&*self.storage, rng)?;
            self.notices.push(Notice::NewDevice);
        }
        if self.needs_new_replica() {
            self.rewrite_replica(rng)?;
        } else if !arrived.is_empty() {
            self.append_to_replica(&arrived)?;
        }
        if !arrived.is_empty() {
            self.notices.push(Notice::Merged(arrived.len()));
        }
        Ok(arrived)
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

    /// Brings the vault file in step, and clears away copies that it makes needless. What fails is pending, never an error:
    /// the replica has it all.
    fn carry_out(&mut self, plan: UnionPlan, now: Moment, rng: &mut dyn CryptoRng) {
        self.tell(&plan);
        let UnionPlan {
            file,
            lost,
            is_rolled_back,
            copies,
            mut looked,
            chunks,
        } = plan;
        let file = self.with_chunks(file, &chunks, now);
        self.sources = copies.iter().map(|copy| copy.path().to_owned()).collect();
        if let FilePlan::OtherKey(stamp) = &file
            && is_still(stamp, now)
        {
            let name = self.places.vault_file.file_name().unwrap_or_default();
            looked.note(Finding::OtherKey, name, stamp);
        }
        let is_former = matches!(file, FilePlan::FormerKey { .. });
        let outcome = self.bring_in_step(file, now, rng);
        if is_former && outcome.is_err() {
            self.note_tried(&mut looked, now);
        }
        if outcome.is_ok() && lost > 0 && !is_rolled_back && self.lacking == Some(0) {
            self.note_once(Notice::Healed(lost));
        }
        if let Err(error) = outcome {
            self.lacking = None;
            self.note_once(Notice::Pending(error.to_string()));
        }
        let is_complete = self.lacking == Some(0);
        if self.lacking.is_some() && self.vault_seen.is_none() {
            self.remember_delivered();
        }
        self.settle_copies(copies, looked, is_complete, now, rng);
        self.sources.clear();
    }

    /// A vault file under a former key that cannot be replaced now costs Argon2 once, not at every unlock.
    fn note_tried(&self, looked: &mut Looked, now: Moment) {
        let path = &self.places.vault_file;
        if let Ok(Some(stamp)) = self.storage.stamp(path)
            && is_still(&stamp, now)
        {
            looked.note_tried(path.file_name().unwrap_or_default(), &stamp);
        }
    }

    fn bring_in_step(
        &mut self,
        file: FilePlan,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        match file {
            FilePlan::Known => self.lacking = Some(0),
            FilePlan::Complete(stamp) => {
                self.lacking = Some(0);
                self.vault_current = Some(stamp);
                if is_still(&stamp, now) {
                    self.trust(stamp);
                }
            }
            FilePlan::Waiting { stamp, missing } => {
                self.lacking = Some(missing);
                self.vault_current = Some(stamp);
            }
            FilePlan::Lacking {
                stamp,
                records,
                slots,
                chunks,
                missing,
            } => {
                let after = self.append_to_vault(stamp, &records, &slots, &chunks)?;
                let left = missing.saturating_sub(records.len());
                self.lacking = Some(left);
                if left == 0 {
                    self.trust_append(stamp, after, now);
                } else {
                    self.vault_current = Some(after);
                }
            }
            FilePlan::Replace | FilePlan::FormerKey { .. } => {
                self.rewrite_vault_file(rng)?;
                self.notices.push(Notice::Replaced);
            }
            FilePlan::Absent => {
                self.rewrite_vault_file(rng)?;
                self.notices.push(Notice::PutBack);
            }
            FilePlan::OtherKey(_) | FilePlan::Unusable(_) => {}
        }
        Ok(())
    }

    /// Looks at the vault file again and delivers; for callers that changed the replica. The exclusive lock is held.
    pub(super) fn deliver(&mut self, now: Moment, rng: &mut dyn CryptoRng) {
        self.vault_seen = None; // what was complete before the replica changed is not any more
        let looked = self.look_around(now);
        let kept = looked.and_then(|plan| {
            self.keep_in_replica(rng)?;
            self.keep_chunks(&plan);
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
}
