//! Ways in: what the user gives, what is made of it, and the slots as a list (vault-format.md, section 1.4).

use super::Vault;
use super::error::VaultError;
use crate::crypto::kdf::{
    KdfCost, KdfError, NormalizedPassword, WorkMemory, derive_password_key_in,
};
use crate::crypto::recovery::RecoveryKey;
use crate::crypto::slot::{
    KeyFile, KeyringKey, SLOTS_WRITTEN, Slot, SlotDraft, SlotKind, SlotSecret,
};
use crate::model::ids::{FieldId, SlotId};
use crate::model::moment::Moment;
use crate::secret::Secret;
use crate::state::change::PlannedOperation;
use crate::state::codec::{SlotBody, write_bytes, write_slot};
use crate::state::op::Tag;
use rand::CryptoRng;

/// What somebody gives to open a vault.
pub enum Credential {
    /// A master password, with a key file where the slot wants one.
    Password {
        /// The password as typed.
        password: Secret,
        /// The key file.
        key_file: Option<KeyFile>,
    },
    /// The recovery key.
    RecoveryKey(RecoveryKey),
    /// What this device's keyring holds.
    Keyring(KeyringKey),
}

impl Credential {
    /// The kind of slot it is for.
    #[must_use]
    pub fn slot_kind(&self) -> SlotKind {
        match self {
            Self::Password { key_file: None, .. } => SlotKind::Password,
            Self::Password {
                key_file: Some(_), ..
            } => SlotKind::PasswordAndKeyFile,
            Self::RecoveryKey(_) => SlotKind::RecoveryKey,
            Self::Keyring(_) => SlotKind::Keyring,
        }
    }
}

/// Stretches what was given to what a slot's keys derive from. The only way to Argon2.
///
/// # Errors
/// [`KdfError`] where the machine is short of memory or threads.
pub fn stretch(
    credential: &Credential,
    salt: &[u8; 32],
    cost: Option<KdfCost>,
    memory: &mut dyn WorkMemory,
) -> Result<SlotSecret, KdfError> {
    match (credential, cost) {
        (Credential::Password { password, key_file }, Some(cost)) => {
            let stretched =
                derive_password_key_in(&NormalizedPassword::new(password), salt, cost, memory)?;
            Ok(SlotSecret::from_password(&stretched, key_file.as_ref()))
        }
        (Credential::Password { .. }, None) => Err(KdfError::WorkMemoryTooSmall),
        (Credential::RecoveryKey(key), _) => Ok(SlotSecret::from_recovery_key(key)),
        (Credential::Keyring(key), _) => Ok(SlotSecret::from_keyring_key(key)),
    }
}

/// What a new slot is made from.
pub struct NewSecret {
    pub(super) draft: SlotDraft,
    pub(super) secret: SlotSecret,
    pub(super) label: String,
}

impl NewSecret {
    /// Stretches a credential for a slot of its own.
    ///
    /// # Errors
    /// As [`stretch`].
    pub fn make(
        credential: &Credential,
        cost: KdfCost,
        label: &str,
        memory: &mut dyn WorkMemory,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, KdfError> {
        let kind = credential.slot_kind();
        let draft = SlotDraft::make(kind, kind.is_stretched().then_some(cost), rng);
        let secret = stretch(credential, draft.salt(), draft.cost(), memory)?;
        Ok(Self {
            draft,
            secret,
            label: label.to_owned(),
        })
    }
}

impl NewSecret {
    /// What the slot will be called by.
    #[must_use]
    pub fn id(&self) -> SlotId {
        self.draft.id()
    }
}

/// One way in, for a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotRow {
    /// Names the slot.
    pub id: SlotId,
    /// What opens it.
    pub kind: SlotKind,
    /// What the user calls it.
    pub label: String,
    /// How dear a guess is.
    pub cost: Option<KdfCost>,
    /// When it was made, where the vault knows.
    pub created: Option<Moment>,
    /// The day on which this device last opened the vault with it, if it ever did.
    pub last_used: Option<Moment>,
    /// Whether this session was opened with it.
    pub in_use: bool,
}

impl Vault {
    /// The live ways in, in the order of their making.
    #[must_use]
    pub fn slot_rows(&self) -> Vec<SlotRow> {
        let labels = self.state.slot_labels();
        let used = self.local.used(&*self.storage);
        let mut rows: Vec<SlotRow> = self
            .live_slots()
            .into_iter()
            .map(|slot| SlotRow {
                id: slot.id,
                kind: slot.kind,
                label: labels
                    .get(&slot.id)
                    .map(|row| row.0.clone())
                    .unwrap_or_default(),
                cost: slot.cost,
                created: labels.get(&slot.id).map(|row| row.1),
                last_used: used.get(&slot.id).copied(),
                in_use: self.opened_with == Some(slot.id),
            })
            .collect();
        rows.sort_by_key(|row| (row.created, row.id));
        rows
    }

    /// Remembers on this device that the way in which opened the vault was used today. Best effort.
    pub fn remember_use(&self, now: Moment) {
        if let Some(slot) = self.opened_with {
            self.local.remember_use(&*self.storage, slot, now);
        }
    }

    /// The way in that this device's keyring holds, if it has one.
    #[must_use]
    pub fn keyring_slot(&self) -> Option<SlotId> {
        self.local.keyring(&*self.storage)
    }

    /// Remembers on this device which way in its keyring holds, or that it holds none.
    ///
    /// # Errors
    /// What the disk says.
    pub fn remember_keyring(
        &self,
        slot: Option<SlotId>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        Ok(self.local.remember_keyring(&*self.storage, slot, rng)?)
    }

    /// Adds a way in. A new recovery key takes the place of an older one.
    ///
    /// # Errors
    /// [`VaultError::Slots`] where there are eight already, else what the disk says.
    pub fn add_slot(
        &mut self,
        new: NewSecret,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<SlotId, VaultError> {
        let _lock = self.begin(now, rng)?;
        let replaced: Vec<SlotId> = match new.draft.kind() {
            SlotKind::RecoveryKey => {
                let old = self
                    .live_slots()
                    .into_iter()
                    .filter(|slot| slot.kind == SlotKind::RecoveryKey);
                old.map(|slot| slot.id).collect()
            }
            _ => Vec::new(),
        };
        self.exchange_slots(&replaced, Some(new), now, rng)
    }

    /// Puts a new way in where the one in use was: changes the password.
    ///
    /// # Errors
    /// What the disk says.
    pub fn replace_slot(
        &mut self,
        old: SlotId,
        new: NewSecret,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<SlotId, VaultError> {
        let _lock = self.begin(now, rng)?;
        let id = self.exchange_slots(&[old], Some(new), now, rng)?;
        if self.opened_with == Some(old) {
            self.opened_with = Some(id);
        }
        Ok(id)
    }

    /// Closes a way in.
    ///
    /// # Errors
    /// [`VaultError::Slots`] for an unknown one and for the last one.
    pub fn remove_slot(
        &mut self,
        id: SlotId,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        let _lock = self.begin(now, rng)?;
        let live = self.live_slots();
        if !live.iter().any(|slot| slot.id == id) {
            return Err(VaultError::Slots("there is no such way in"));
        }
        if live.len() == 1 {
            return Err(VaultError::Slots("that is the last way in"));
        }
        self.exchange_slots(&[id], None, now, rng).map(drop)
    }

    /// One record that retires and introduces, then both files without what was retired. The lock is held.
    fn exchange_slots(
        &mut self,
        retired: &[SlotId],
        new: Option<NewSecret>,
        now: Moment,
        rng: &mut dyn CryptoRng,
    ) -> Result<SlotId, VaultError> {
        if self.live_slots().len() + usize::from(new.is_some()) > SLOTS_WRITTEN + retired.len() {
            return Err(VaultError::Slots("a vault has at most eight ways in"));
        }
        let mut operations = Vec::new();
        let mut made: Option<Slot> = None;
        if let Some(NewSecret {
            draft,
            secret,
            label,
        }) = new
        {
            let slot = draft.wrap(&self.keys, &secret, rng);
            operations.push(introduce(&slot, &label));
            made = Some(slot);
        }
        for id in retired {
            // Where all ways in are closed by devices apart, the one closed last is live again; so its frame must be where
            // every device finds it. It tells nothing to who cannot read the record, and nothing new to who can.
            let own = self.slots.iter().find(|slot| slot.id == *id);
            let carried = made.as_ref().or(own);
            let body = write_bytes(carried.map_or(&[][..], |slot| &slot.frame));
            operations.push(PlannedOperation::on_vault(
                Tag::RETIRE,
                Some(FieldId::Custom(id.0)),
                body,
            ));
        }
        let id = made.as_ref().map_or(SlotId([0; 16]), |slot| slot.id);
        self.slots.extend(made);
        self.absorb_planned(operations, now, rng)?;
        self.slots.retain(|slot| !retired.contains(&slot.id));
        if let Err(error) = self.rewrite_replica(rng) {
            // The record is in no file: nothing may go on as if it were.
            self.replica = None;
            drop(self.load_replica());
            return Err(error);
        }
        self.deliver(now, rng);
        Ok(id)
    }
}

/// The operation that says when and where a slot was made, and what it is called.
pub(super) fn introduce(slot: &Slot, label: &str) -> PlannedOperation {
    let body = write_slot(&SlotBody {
        kind: slot.kind.number(),
        label,
    });
    PlannedOperation::on_vault(Tag::SLOT, Some(FieldId::Custom(slot.id.0)), body)
}
