//! Unlocking: which slots a credential is tried on, and which key counts where several open.
//!
//! Nothing here writes, and Argon2 runs at most as often as a reader looks at slots.

use super::error::{UnlockError, VaultError};
use super::open::{Located, OnPath};
use super::read::{Depth, FileSource, read_into};
use super::slots::{Credential, stretch};
use crate::crypto::kdf::{KdfCost, WorkMemory};
use crate::crypto::keys::{DataKey, Keys};
use crate::crypto::seal::{ValuePlace, open_value};
use crate::crypto::slot::{SLOTS_READ, SlotError, SlotSecret, UnverifiedSlot};
use crate::log::BLOCK;
use crate::log::frame::{FrameKind, HEADER_LENGTH, parse_header};
use crate::log::scan::{Verdict, scan};
use crate::model::ids::{FieldId, KeyId, SlotId};
use crate::state::fold::State;
use crate::storage::{Stamp, StorageError, StoredFile};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

impl Located {
    /// Tries a credential on the slots: those of the replica first, then those of the vault file, Argon2 at most 32 times.
    ///
    /// # Errors
    /// [`UnlockError`], or [`VaultError::Kdf`] where the machine is short of memory.
    pub fn unlock(
        &self,
        credential: &Credential,
        memory: &mut dyn WorkMemory,
    ) -> Result<(Keys, SlotId), VaultError> {
        let mut attempts = Attempts {
            located: self,
            credential,
            memory,
            runs: 0,
            stretched: Vec::new(),
        };
        let mut known = Vec::new();
        if let Some(file) = self.replica()? {
            known = leading_slots(&*file)?;
            if let Some(opened) = attempts.first(&known)? {
                return Ok(opened);
            }
        }
        let on_file = match &self.on_path {
            OnPath::Vault(file, stamp) => all_slots(&**file, stamp)?,
            _ => Slots::default(),
        };
        let own_key: BTreeSet<KeyId> = known.iter().map(UnverifiedSlot::key).collect();
        let mut opened: Vec<(Keys, SlotId)> = Vec::new();
        for slot in &on_file.usable {
            if !opened.iter().any(|(keys, _)| keys.id == slot.key()) {
                opened.extend(attempts.one(slot)?);
            }
        }
        if !own_key.is_empty() {
            return match opened
                .into_iter()
                .partition::<Vec<_>, _>(|(keys, _)| own_key.contains(&keys.id))
            {
                (mut ours, _) if !ours.is_empty() => Ok(ours.swap_remove(0)),
                (_, others) if !others.is_empty() => Err(UnlockError::OtherKey.into()),
                _ => Err(attempts.failure(&known, &on_file).into()),
            };
        }
        if opened.is_empty() {
            return Err(attempts.failure(&known, &on_file).into());
        }
        self.newest_key(opened)
    }

    /// Of several keys that open, the one that names all the others as former.
    fn newest_key(&self, mut opened: Vec<(Keys, SlotId)>) -> Result<(Keys, SlotId), VaultError> {
        if opened.len() > 1 {
            let OnPath::Vault(file, stamp) = &self.on_path else {
                return Err(UnlockError::SeveralKeys.into());
            };
            let all: BTreeSet<KeyId> = opened.iter().map(|(keys, _)| keys.id).collect();
            let mut newest = None;
            for (at, (keys, _)) in opened.iter().enumerate() {
                let mut state = State::default();
                read_into(&mut state, keys, &**file, stamp, Depth::Records)?;
                let mut named: BTreeSet<KeyId> = authentic_former_keys(&state, keys)
                    .iter()
                    .map(|keys| keys.id)
                    .collect();
                named.insert(keys.id);
                if all.is_subset(&named) {
                    newest = Some(at);
                }
            }
            return newest
                .map(|at| opened.swap_remove(at))
                .ok_or_else(|| UnlockError::SeveralKeys.into());
        }
        opened.pop().ok_or_else(|| UnlockError::WrongSecret.into())
    }

    fn replica(&self) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        if self.has_replica {
            self.storage.open_read(&self.local.replica)
        } else {
            Ok(None)
        }
    }
}

type Parameters = ([u8; 32], Option<KdfCost>);

struct Attempts<'a> {
    located: &'a Located,
    credential: &'a Credential,
    memory: &'a mut dyn WorkMemory,
    runs: usize,
    /// What Argon2 made already, by salt and cost: slots may share both.
    stretched: Vec<(Parameters, SlotSecret)>,
}

impl Attempts<'_> {
    fn first(&mut self, slots: &[UnverifiedSlot]) -> Result<Option<(Keys, SlotId)>, VaultError> {
        for slot in slots {
            if let Some(opened) = self.one(slot)? {
                return Ok(Some(opened));
            }
        }
        Ok(None)
    }

    fn one(&mut self, slot: &UnverifiedSlot) -> Result<Option<(Keys, SlotId)>, VaultError> {
        if slot.kind() != self.credential.slot_kind() {
            return Ok(None);
        }
        let parameters = (slot.salt(), slot.cost());
        if !self.stretched.iter().any(|(held, _)| *held == parameters) {
            if self.runs == SLOTS_READ {
                return Ok(None);
            }
            self.runs += 1;
            self.stretched.push((
                parameters,
                stretch(self.credential, &parameters.0, parameters.1, self.memory)?,
            ));
        }
        let secret = self
            .stretched
            .iter()
            .find(|(held, _)| *held == parameters)
            .map(|(_, secret)| secret);
        match secret.map(|secret| slot.open(self.located.vault, secret)) {
            Some(Ok(keys)) => Ok(Some((keys, slot.id()))),
            Some(Err(SlotError::Refused | SlotError::WrongSecret | SlotError::Forged)) | None => {
                Ok(None)
            }
        }
    }

    fn failure(&self, known: &[UnverifiedSlot], on_file: &Slots) -> UnlockError {
        let kind = self.credential.slot_kind();
        let mut all = known.iter().chain(&on_file.usable).peekable();
        if all.peek().is_none() && on_file.refused > 0 {
            UnlockError::NoUsableSlot
        } else if !all.any(|slot| slot.kind() == kind) {
            UnlockError::NoSuchSlot
        } else {
            UnlockError::WrongSecret
        }
    }
}

#[derive(Default)]
struct Slots {
    usable: Vec<UnverifiedSlot>,
    refused: usize,
}

/// The slots at the start of a replica, where this program puts them.
fn leading_slots(file: &dyn StoredFile) -> Result<Vec<UnverifiedSlot>, StorageError> {
    let mut bytes = vec![0; BLOCK * (SLOTS_READ + 1)];
    let read = file.read_at(0, &mut bytes)?;
    let mut slots = Vec::new();
    for block in bytes
        .get(BLOCK..read)
        .unwrap_or_default()
        .chunks_exact(BLOCK)
    {
        match parse_header(block) {
            Some(header) if header.kind == FrameKind::Slot => {
                slots.extend(
                    UnverifiedSlot::parse(header, block.get(HEADER_LENGTH..).unwrap_or_default())
                        .ok(),
                );
            }
            _ => break,
        }
    }
    Ok(slots)
}

/// Every slot of a file whose keys are not known yet: each block is looked at, for a forged frame may claim to reach over a slot.
fn all_slots(file: &dyn StoredFile, stamp: &Stamp) -> Result<Slots, StorageError> {
    let mut slots = Slots::default();
    let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
    scan(&FileSource::new(file, stamp), &mut |frame| {
        if frame.header.kind != FrameKind::Slot {
            return Verdict::UnknownKey;
        }
        if seen.len() < SLOTS_READ && seen.insert(frame.body().to_vec()) {
            match UnverifiedSlot::parse(frame.header, frame.body()) {
                Ok(slot) => slots.usable.push(slot),
                Err(_) => slots.refused += 1,
            }
        }
        Verdict::Authentic
    })?;
    Ok(slots)
}

/// Former keys that the state holds and that are what they say.
pub(super) fn authentic_former_keys(state: &State, keys: &Keys) -> Vec<Keys> {
    let all = state.former_keys().into_iter().filter_map(|(id, sealed)| {
        let place = ValuePlace {
            item: None,
            field: Some(FieldId::Custom(id.0)),
        };
        let opened = open_value(keys, place, &sealed)?;
        let data: Zeroizing<[u8; 32]> = Zeroizing::new(opened.as_slice().try_into().ok()?);
        let former = Keys::derive(DataKey::from_bytes(&data), keys.vault);
        (former.id == id).then_some(former)
    });
    all.collect()
}
