//! Unlocking: which slots a credential is tried on, and which key counts where several open.
//!
//! Nothing here writes, and Argon2 runs at most as often as a reader looks at slots.

use super::copies::{Neighbours, list_beside};
use super::error::{UnlockError, VaultError};
use super::lineage::Line;
use super::looked::Looked;
use super::open::{Located, OnPath};
use super::read::{Depth, FileSource, leading_keys, read_state};
use super::slots::{Credential, stretch};
use crate::crypto::kdf::{KdfCost, WorkMemory};
use crate::crypto::keys::Keys;
use crate::crypto::slot::{SLOTS_READ, SlotError, SlotSecret, UnverifiedSlot};
use crate::log::BLOCK;
use crate::log::frame::{FrameKind, HEADER_LENGTH, parse_header};
use crate::log::scan::{Verdict, scan};
use crate::model::ids::{KeyId, SlotId, VaultId};
use crate::secret::scrub_stack;
use crate::state::fold::State;
use crate::storage::{Stamp, StorageError, StoredFile};
use std::collections::BTreeSet;

/// Slots of other keys that are tried where the replica's own are open already: a drive that puts fake ones there costs
/// a few runs of Argon2, once.
const OTHERS_TRIED: usize = 4;

/// A file that may hold ways in.
struct Candidate {
    file: Box<dyn StoredFile>,
    stamp: Stamp,
}

/// What a slot gave, and from which of the files.
struct OpenedSlot {
    keys: Keys,
    slot: SlotId,
    from: usize,
}

impl Located {
    /// Tries a credential on the slots: those of the replica first, then those of the vault file and of copies beside it,
    /// Argon2 at most 32 times. Where the drive holds the vault under a key that takes the place of this device's, and the
    /// credential opens it, that key is what comes back; [`Located::open`] then goes on under it.
    ///
    /// # Errors
    /// [`UnlockError`], or [`VaultError::Kdf`] where the machine is short of memory.
    pub fn unlock(
        &self,
        credential: &Credential,
        memory: &mut dyn WorkMemory,
    ) -> Result<(Keys, SlotId), VaultError> {
        let unlocked = self.find_keys(credential, memory);
        // Keys went over it on their way to where they stay.
        scrub_stack();
        unlocked
    }

    #[inline(never)]
    fn find_keys(
        &self,
        credential: &Credential,
        memory: &mut dyn WorkMemory,
    ) -> Result<(Keys, SlotId), VaultError> {
        let mut attempts = Attempts {
            vault: self.vault,
            credential,
            memory,
            runs: 0,
            stretched: Vec::new(),
        };
        let mut known = Vec::new();
        if let Some(file) = self.replica()? {
            known = leading_slots(&*file)?;
            if let Some((keys, slot)) = attempts.first(&known)? {
                return self.newest_beside(keys, slot, &*file, &mut attempts);
            }
        }
        let files = self.candidates(None, &mut Looked::new(KeyId([0; 16]), Vec::new()))?;
        let has_replica = !known.is_empty();
        let mut on_files = Slots::default();
        let mut opened: Vec<OpenedSlot> = Vec::new();
        for (candidate, from) in files.iter().zip(0..) {
            let slots = match all_slots(&*candidate.file, &candidate.stamp) {
                // With a replica a file that cannot be read is one that is not there.
                Err(_) if has_replica => continue,
                slots => slots?,
            };
            for slot in &slots.usable {
                if !opened.iter().any(|held| held.keys.id == slot.key())
                    && let Some((keys, slot)) = attempts.one(slot)?
                {
                    opened.push(OpenedSlot { keys, slot, from });
                }
            }
            on_files.usable.extend(slots.usable);
            on_files.refused += slots.refused;
        }
        let own_key: BTreeSet<KeyId> = known.iter().map(UnverifiedSlot::key).collect();
        if opened.is_empty() {
            return Err(attempts.failure(&known, &on_files).into());
        }
        if own_key.is_empty() {
            return self.newest_key(opened, &files);
        }
        self.newest_after(&own_key, opened, &files)
    }

    /// The vault file and what lies beside it, but for what is known: the vault file by its stamp, others by their list.
    fn candidates(
        &self,
        known: Option<Stamp>,
        looked: &mut Looked,
    ) -> Result<Vec<Candidate>, VaultError> {
        let mut found = Vec::new();
        if let OnPath::Vault(_, stamp) = &self.on_path
            && Some(*stamp) != known
            && let Some(file) = self.storage.open_read(&self.places.vault_file)?
        {
            found.push(Candidate {
                file,
                stamp: *stamp,
            });
        }
        let listing = self
            .listing
            .get_or_init(|| list_beside(&*self.storage, &self.places.vault_file));
        let neighbours = Neighbours::new(
            &*self.storage,
            &self.places.vault_file,
            &self.local.folder,
            self.vault,
            listing,
        );
        let beside = neighbours.find(looked, &|_| false);
        found.extend(beside.copies.into_iter().map(|copy| Candidate {
            file: copy.file,
            stamp: copy.stamp,
        }));
        Ok(found)
    }

    /// The replica's key is open. Where the drive brought a key that takes its place, and the same credential opens that
    /// one too, the newer one counts. Only files without a single frame of the replica's key are looked at.
    fn newest_beside(
        &self,
        keys: Keys,
        slot: SlotId,
        replica: &dyn StoredFile,
        attempts: &mut Attempts<'_>,
    ) -> Result<(Keys, SlotId), VaultError> {
        let seen = self.local.seen(&*self.storage);
        let seen = seen.and_then(|seen| seen.complete).map(|pair| pair.0);
        let mut looked = Looked::load(&*self.storage, &self.local.looked, keys.id, Vec::new());
        let mut files = self.candidates(seen, &mut looked)?;
        files.retain(|candidate| {
            let name = candidate.file.path().file_name().unwrap_or_default();
            !looked.was_tried(name, &candidate.stamp)
        });
        let mut best = (keys, slot, None);
        let mut tried = 0;
        for Candidate { file, stamp } in files {
            let (Ok(leading), Ok(slots)) = (leading_keys(&*file), all_slots(&*file, &stamp)) else {
                continue; // it can be read another time
            };
            if leading.contains(&best.0.id) {
                continue;
            }
            for other in slots.usable {
                if other.kind() != attempts.credential.slot_kind()
                    || other.key() == best.0.id
                    || tried == OTHERS_TRIED
                {
                    continue;
                }
                tried += 1;
                let Some((newer, slot)) = attempts.one(&other)? else {
                    continue;
                };
                let held = match best.2.take() {
                    Some(state) => state,
                    None => read_state(&best.0, replica, &replica.stamp()?, Depth::Records)?,
                };
                let Ok(state) = read_state(&newer, &*file, &stamp, Depth::Records) else {
                    best.2 = Some(held);
                    continue;
                };
                let line = Line {
                    keys: &newer,
                    state: &state,
                };
                let is_newer = line.supersedes(&Line {
                    keys: &best.0,
                    state: &held,
                });
                if is_newer {
                    best = (newer, slot, Some(state));
                } else {
                    best.2 = Some(held);
                }
            }
        }
        Ok((best.0, best.1))
    }

    /// The replica's own slots did not open: a slot of its key that came later, or a key that takes its place.
    fn newest_after(
        &self,
        own: &BTreeSet<KeyId>,
        opened: Vec<OpenedSlot>,
        files: &[Candidate],
    ) -> Result<(Keys, SlotId), VaultError> {
        let mut best: Option<(OpenedSlot, State)> = None;
        for candidate in opened {
            let state = read_candidate(&candidate, files)?;
            let line = Line {
                keys: &candidate.keys,
                state: &state,
            };
            let is_newer = match &best {
                None => {
                    own.contains(&candidate.keys.id)
                        || own.iter().any(|own| line.names(*own).is_some())
                }
                Some((held, held_state)) => line.supersedes(&Line {
                    keys: &held.keys,
                    state: held_state,
                }),
            };
            if is_newer {
                best = Some((candidate, state));
            }
        }
        let (best, _) = best.ok_or(UnlockError::Apart)?;
        Ok((best.keys, best.slot))
    }

    /// Without a replica: of several keys that open in the vault file the one that names all the others as former, and
    /// of copies beside it only what takes its place. Where nothing of the vault file opens, that is what names every key
    /// that lies there: an old copy's key would make this device write behind a vault that it cannot read.
    fn newest_key(
        &self,
        opened: Vec<OpenedSlot>,
        files: &[Candidate],
    ) -> Result<(Keys, SlotId), VaultError> {
        let of_vault_file = opened.iter().filter(|opened| opened.from == 0);
        let mut on_file: BTreeSet<KeyId> = of_vault_file.map(|opened| opened.keys.id).collect();
        let failure = if on_file.is_empty() {
            UnlockError::WrongSecret
        } else {
            UnlockError::SeveralKeys
        };
        if let (true, Some(Candidate { file, stamp })) = (on_file.is_empty(), files.first()) {
            on_file = leading_keys(&**file)?;
            let slots = all_slots(&**file, stamp)?.usable;
            on_file.extend(slots.iter().map(UnverifiedSlot::key));
        }
        let mut best: Option<(OpenedSlot, State)> = None;
        for candidate in opened {
            let state = read_candidate(&candidate, files)?;
            let line = Line {
                keys: &candidate.keys,
                state: &state,
            };
            let is_newest = match &best {
                Some((held, held_state)) if candidate.from != 0 => line.supersedes(&Line {
                    keys: &held.keys,
                    state: held_state,
                }),
                _ => on_file
                    .iter()
                    .all(|id| *id == candidate.keys.id || line.names(*id).is_some()),
            };
            if is_newest {
                best = Some((candidate, state));
            }
        }
        let (best, _) = best.ok_or(failure)?;
        Ok((best.keys, best.slot))
    }

    fn replica(&self) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        if self.has_replica {
            self.storage.open_read(&self.local.replica)
        } else {
            Ok(None)
        }
    }
}

/// The keys that a credential opens in one file, but for those that are held anyhow.
pub(super) fn unlock_file(
    vault: VaultId,
    held: &[KeyId],
    (file, stamp): (&dyn StoredFile, &Stamp),
    credential: &Credential,
    memory: &mut dyn WorkMemory,
) -> Result<Keys, VaultError> {
    let mut attempts = Attempts {
        vault,
        credential,
        memory,
        runs: 0,
        stretched: Vec::new(),
    };
    let mut slots = all_slots(file, stamp)?;
    slots.usable.retain(|slot| !held.contains(&slot.key()));
    match attempts.first(&slots.usable)? {
        Some((keys, _)) => Ok(keys),
        None => Err(attempts.failure(&[], &slots).into()),
    }
}

/// What lies under an opened key in the file that it came from.
fn read_candidate(opened: &OpenedSlot, files: &[Candidate]) -> Result<State, VaultError> {
    let missing = VaultError::Inconsistent("a file is gone");
    let Candidate { file, stamp } = files.get(opened.from).ok_or(missing)?;
    read_state(&opened.keys, &**file, stamp, Depth::Records)
}

type Parameters = ([u8; 32], Option<KdfCost>);

struct Attempts<'a> {
    vault: VaultId,
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
        match secret.map(|secret| slot.open(self.vault, secret)) {
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
