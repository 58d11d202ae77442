//! A new vault: replica first, then the vault file, then what path it has.

use super::chunks::Chunks;
use super::commit::{Packer, seal_operations};
use super::error::VaultError;
use super::local::{LocalPlaces, forget_path, known_vault, remember_path};
use super::read::read_vault_id;
use super::slots::{NewSecret, introduce};
use super::{Places, ReplicaFacts, Vault};
use crate::crypto::keys::{DataKey, Keys};
use crate::crypto::slot::Slot;
use crate::log::preamble::write_preamble;
use crate::model::ids::{RecordId, VaultId};
use crate::model::moment::{Clock, Moment};
use crate::state::codec;
use crate::state::fold::State;
use crate::state::op::RecordHead;
use crate::storage::{Storage, create_file, folder_of, replace_file};
use rand::CryptoRng;
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

/// What a new vault begins with.
pub struct NewVault {
    /// The ways in, at least one.
    pub secrets: Vec<NewSecret>,
    /// What this device is called.
    pub device_name: String,
}

/// Makes a vault. A missing folder of the vault file is made, private.
///
/// # Errors
/// [`VaultError::Exists`] where anything lies at the path or this device knows a vault there; else what the disk says.
pub fn create(
    storage: Arc<dyn Storage>,
    places: &Places,
    new: NewVault,
    now: Moment,
    rng: &mut dyn CryptoRng,
) -> Result<Vault, VaultError> {
    if storage.stamp(&places.vault_file)?.is_some() || known_vault(&*storage, places)?.is_some() {
        return Err(VaultError::Exists(places.vault_file.clone()));
    }
    if new.secrets.is_empty() {
        return Err(VaultError::Slots("a vault needs a way in"));
    }
    let keys = Keys::derive(DataKey::make(rng), VaultId::make(rng));
    let local = LocalPlaces::new(places, keys.vault);
    storage.make_folder(&local.folder)?;
    let device = local.mint_device(&*storage, rng)?;
    let mut planned = Vec::new();
    if !new.device_name.is_empty() {
        planned.push(State::default().plan_device_name(device, &new.device_name));
    }
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
    let head = RecordHead {
        id: RecordId::make(rng),
        device,
        seq: 1,
        previous: None,
        seen: Vec::new(),
        clock: Clock::after(Clock(0), now),
    };
    let content = codec::write_record(&head, &seal_operations(&keys, head.id, planned));
    let mut file = write_preamble(keys.vault).to_vec();
    file.extend(slots.iter().flat_map(|slot| slot.frame.iter().copied()));
    file.extend(Packer::new(&keys, std::iter::once(content.clone())).flatten());
    let mut state = State::default();
    let whole = 0..content.len();
    let absorbed = state.absorb(content, &[whole]);
    absorbed.map_err(|_| VaultError::Inconsistent("the first record does not read back"))?;

    let part = || std::iter::once(Ok::<_, VaultError>(file.as_slice()));
    let replica = replace_file(&*storage, &local.replica, &mut part(), rng)?;
    let folder = folder_of(&places.vault_file);
    // The name comes with the whole content, and only if nobody has it: a crash leaves no file that is neither a vault nor
    // absent, and what came to the path meanwhile stays.
    let placed = match storage.stamp(&folder) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => storage.make_folder(&folder),
        Err(error) => Err(error),
    };
    let written = placed
        .map_err(VaultError::from)
        .and_then(|()| Ok(create_file(&*storage, &places.vault_file, &file, rng)?))
        .and_then(|seen| Ok(remember_path(&*storage, places, keys.vault, rng).map(|()| seen)?));
    let seen = match written {
        Ok(seen) => seen,
        Err(error) => {
            withdraw(&*storage, places, &local, keys.vault);
            return Err(error);
        }
    };
    let replica_slots = slots.iter().map(|slot| slot.id).collect();
    let mut vault = Vault {
        storage,
        places: places.clone(),
        local,
        keys,
        state,
        opened_with: slots.first().map(|slot| slot.id),
        past: None,
        slots,
        device,
        device_name: new.device_name,
        replica: Some(ReplicaFacts {
            stamp: replica,
            loose: 0,
            is_damaged: false,
        }),
        replicated: std::iter::once(head.id).collect(),
        replica_slots,
        replica_twins: 0,
        had_replica: true,
        vault_seen: None,
        vault_current: None,
        lacking: None,
        is_impatient: false,
        sources: Vec::new(),
        chunks: Chunks::new(),
        waiting_piece: None,
        unsynced: None,
        sealed_here: HashSet::new(),
        lacks_chunks: false,
        listing: None,
        review_ids: RefCell::default(),
        damage: Vec::new(),
        notices: Vec::new(),
        logged: 0,
    };
    vault.trust(seen);
    Ok(vault)
}

/// Takes back what a failed `create` left, and nothing that is somebody else's. What cannot be taken back is litter.
fn withdraw(storage: &dyn Storage, places: &Places, local: &LocalPlaces, vault: VaultId) {
    if let Ok(Some(file)) = storage.open_read(&places.vault_file)
        && matches!(read_vault_id(&*file), Ok(Ok(found)) if found == vault)
    {
        drop(storage.remove(&places.vault_file));
    }
    drop(forget_path(storage, places, vault));
    drop(storage.remove(&local.replica));
}
