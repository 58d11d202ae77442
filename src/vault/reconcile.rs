//! The union of replica and vault file: what each lacks is put there (vault-format.md, section 7).
//!
//! Own records are delivered at once; others only when the file has been still for two seconds, so that two devices do
//! not answer each other while a drive is at work. What must not lie in the file any more makes it be replaced.

use super::error::VaultError;
use super::local::{is_still, remember_path};
use super::look::{FilePlan, UnionPlan};
use super::{Notice, Vault};
use crate::model::ids::RecordId;
use crate::model::moment::Moment;
use rand::CryptoRng;

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
    pub(super) fn is_replica_complete(&self) -> bool {
        self.replicated.len() == self.state.record_count()
    }

    pub(super) fn is_own(&self, id: RecordId) -> bool {
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
}
