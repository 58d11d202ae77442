//! Going on under a key that another device gave the vault (vault-format.md, section 5.10).
//!
//! Nothing is merged before the new key is open and found to name this device's key as a former one. What this device
//! wrote itself and could not deliver is sealed again; what else only the old replica holds waits for the user.

use super::error::{UnlockError, VaultError};
use super::lineage::{Line, former_keys};
use super::open::{OnPath, look};
use super::read::{Depth, leading_keys, read_into, read_state};
use super::reseal::{absorb_into, closes_any, operations_of, slots_in};
use super::{LOCK_WAIT, Notice, Vault};
use crate::crypto::keys::Keys;
use crate::model::ids::RecordId;
use crate::model::moment::Moment;
use crate::state::fold::State;
use crate::state::op::Tag;
use crate::storage::{LockKind, Stamp, StoredFile};
use rand::CryptoRng;

impl Vault {
    /// Whether the replica lies under another key than the one that was opened.
    pub(super) fn has_foreign_replica(&self) -> Result<bool, VaultError> {
        let Some(file) = self.storage.open_read(&self.local.replica)? else {
            return Ok(false);
        };
        let keys = leading_keys(&*file)?;
        Ok(!keys.is_empty() && !keys.contains(&self.keys.id))
    }

    /// Takes the opened key's vault for this device's own. The replica's rename is the commit point: before it the old
    /// replica is as it was, after it the old one is under review if anything of it did not come along.
    ///
    /// # Errors
    /// [`UnlockError::Apart`] where the opened key does not take the place of this device's.
    pub(super) fn adopt(&mut self, now: Moment, rng: &mut dyn CryptoRng) -> Result<(), VaultError> {
        let _lock = self
            .storage
            .lock(&self.local.lock, LockKind::Exclusive, LOCK_WAIT)?;
        let missing = VaultError::Inconsistent("the replica is gone");
        let file = self
            .storage
            .open_read(&self.local.replica)?
            .ok_or(missing)?;
        let stamp = file.stamp()?;
        let held = leading_keys(&*file)?;
        if held.contains(&self.keys.id) {
            return Ok(()); // another process was quicker
        }
        self.gather(now)?;
        self.refuse_retired()?;
        let former = former_keys(&self.state, &self.keys);
        let old = former.into_iter().find(|(keys, _)| held.contains(&keys.id));
        let (old, _) = old.ok_or(UnlockError::Apart)?;
        let old_state = read_state(&old, &*file, &stamp, Depth::Records)?;
        let (newer, older) = (
            Line {
                keys: &self.keys,
                state: &self.state,
            },
            Line {
                keys: &old,
                state: &old_state,
            },
        );
        if !newer.supersedes(&older) {
            return Err(UnlockError::Apart.into());
        }
        self.take_over(&*file, stamp, &old, &old_state, now, rng)
    }

    /// Folds in what vault file and copies hold under the opened key.
    fn gather(&mut self, now: Moment) -> Result<(), VaultError> {
        if let OnPath::Vault(file, stamp) =
            look(&*self.storage, &self.places, Some(self.keys.vault)).1
        {
            let contents = read_into(&mut self.state, &self.keys, &*file, &stamp, Depth::Records)?;
            self.take_slots_quietly(&contents);
        }
        let mut looked = super::looked::Looked::new(self.keys.id, Vec::new());
        let beside = self.find_copies(&mut looked, now);
        self.read_copies(beside.copies)?;
        self.adopt_replacements();
        Ok(())
    }

    fn take_over(
        &mut self,
        replica: &dyn StoredFile,
        stamp: Stamp,
        old: &Keys,
        old_state: &State,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let mut missing: Vec<RecordId> = old_state.record_ids_in_order();
        missing.retain(|id| !self.state.contains(*id));
        let own = self.local.own(&*self.storage);
        let (mut own, mut others): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|id| own.contains(id));
        // A record that does no more than close ways in is about the other key alone.
        let live = self.live_slots().iter().map(|slot| slot.id).collect();
        let needless = |id: &RecordId| {
            closes_any(old_state, *id, &live)
                && operations_of(old_state, &[*id]).all(|operation| operation.item.is_none())
        };
        let dismissed: Vec<RecordId> = own.extract_if(.., |id| needless(id)).collect();
        if !dismissed.is_empty() {
            self.local.dismiss(&*self.storage, &dismissed);
        }
        let mut taken = Vec::new();
        for (id, content) in self.seal_here(old_state, old, own, &mut others) {
            absorb_into(&mut self.state, content)?;
            taken.push(id);
        }
        self.state.settle();
        let closing = self.close_foreign_slots(slots_in(old_state, &taken, Tag::SLOT));
        if !closing.is_empty() {
            self.absorb_planned(closing, now, rng)?;
        }
        if !others.is_empty() && self.unknown_of(old_state)? > 0 {
            self.keep_for_review(replica, stamp, old.id, rng)?;
        }
        self.write_replica(&[&self.keys, old], rng)?;
        self.notices.push(Notice::Adopted(taken.len()));
        Ok(())
    }
}
