//! `rekey`: a new data key, everything sealed anew, other ways in gone (vault-format.md, sections 2, 5.9 and 5.10).
//!
//! The replica's rename is the commit point; a crash before it leaves the old key everywhere, after it the vault file is
//! brought in step by the next command.

use super::Vault;
use super::error::VaultError;
use super::reseal::{absorb_into, reseal};
use super::slots::{NewSecret, introduce};
use crate::crypto::keys::{DataKey, Keys};
use crate::crypto::slot::Slot;
use crate::model::ids::{FieldId, SlotId};
use crate::model::moment::Moment;
use crate::state::change::{PlannedOperation, PlannedValue};
use crate::state::codec;
use crate::state::fold::State;
use crate::state::op::Tag;
use rand::CryptoRng;
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// The ways into a vault after a `rekey`; all others are gone.
pub struct Replacement {
    /// The new ways in, at least one.
    pub secrets: Vec<NewSecret>,
}

impl Vault {
    /// Gives the vault a new data key. Slots that are not among the replacement's are retired and gone.
    ///
    /// # Errors
    /// [`VaultError::Inconsistent`] where a sealed value does not open; else what the disk says. Then nothing has changed.
    pub fn rekey(
        &mut self,
        new: Replacement,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        self.rekey_closing(None, new, now, rng)
    }

    /// As [`Vault::rekey`], if these are still the ways in: none is closed that nobody was told of.
    ///
    /// # Errors
    /// As [`Vault::rekey`], and [`VaultError::Slots`] where the ways in are others meanwhile.
    pub fn rekey_closing(
        &mut self,
        told: Option<&BTreeSet<SlotId>>,
        new: Replacement,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        if new.secrets.is_empty() {
            return Err(VaultError::Slots("a vault needs a way in"));
        }
        let _lock = self.begin(now, rng)?;
        let live: BTreeSet<SlotId> = self.live_slots().iter().map(|slot| slot.id).collect();
        if told.is_some_and(|told| *told != live) {
            return Err(VaultError::Slots(
                "the ways in changed meanwhile; nothing was done",
            ));
        }
        // What hides in the vault file comes along if it can be read; else it goes to review when the file is replaced.
        drop(self.take_in_vault_file(rng));
        let keys = Keys::derive(DataKey::make(rng), self.keys.vault);
        let mut planned = Vec::new();
        let mut slots: Vec<Slot> = Vec::new();
        for NewSecret {
            draft,
            secret,
            label,
        } in new.secrets
        {
            let slot = draft.wrap(&keys, &secret, rng);
            planned.push(introduce(&slot, &label));
            slots.push(slot);
        }
        for slot in self.live_slots() {
            let body = codec::write_bytes(&[]);
            planned.push(PlannedOperation::on_vault(
                Tag::RETIRE,
                Some(FieldId::Custom(slot.id.0)),
                body,
            ));
        }
        let mut state = State::default();
        for id in self.state.record_ids_in_order() {
            absorb_into(&mut state, reseal(&self.state, id, &self.keys, &keys)?)?;
        }
        state.settle();
        planned.push(PlannedOperation {
            // EXPOSE: the former data key is sealed inside the new one's vault.
            values: vec![PlannedValue::Key(Zeroizing::new(*self.keys.data.expose()))],
            ..PlannedOperation::on_vault(
                Tag::FORMER_KEY,
                Some(FieldId::Custom(self.keys.id.0)),
                vec![1],
            )
        });
        let old_keys = std::mem::replace(&mut self.keys, keys);
        let old_state = std::mem::replace(&mut self.state, state);
        let old_slots = std::mem::replace(&mut self.slots, slots);
        let written = self
            .absorb_planned(planned, now, rng)
            .and_then(|_| self.write_replica(&[&old_keys], rng));
        match written {
            Ok(stamp) => self.packed(stamp),
            Err(error) => {
                if !self.is_replaced() {
                    (self.keys, self.state, self.slots) = (old_keys, old_state, old_slots);
                    return Err(error);
                }
                // The new replica is in place and only its durability is unknown: going on under the old key would
                // write what nobody could read.
                self.opened_with = self.slots.first().map(|slot| slot.id);
                self.replica = None;
                return Err(error);
            }
        }
        self.opened_with = self.slots.first().map(|slot| slot.id);
        self.vault_seen = None;
        self.deliver(now, rng);
        Ok(())
    }

    /// Whether another file than the one that was read last lies in the replica's place.
    fn is_replaced(&self) -> bool {
        let stamp = self.storage.stamp(&self.local.replica);
        stamp.is_ok_and(|stamp| stamp != self.replica.map(|facts| facts.stamp))
    }
}
