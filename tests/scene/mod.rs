//! What the tests of a vault share: a small vault over the simulated disk, opened with recovery keys, which need no Argon2.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it; a test may stop"
)]

use keyfold::crypto::kdf::{KdfCost, PlainMemory};
use keyfold::crypto::recovery::RecoveryKey;
use keyfold::model::draft::Draft;
use keyfold::model::field;
use keyfold::model::ids::FieldId;
use keyfold::model::moment::Moment;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{Credential, NewSecret, NewVault, Places, Vault, VaultError, create, locate};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) const NOW: Moment = Moment(1_795_447_609_250);

pub(crate) fn places(device: &str) -> Places {
    Places {
        vault_file: PathBuf::from("/drive/vault.keyfold"),
        state_folder: PathBuf::from(format!("/{device}")),
    }
}

pub(crate) fn later(seconds: u64) -> Moment {
    Moment(NOW.0 + seconds * 1000)
}

pub(crate) fn recovery(seed: u64) -> Credential {
    Credential::RecoveryKey(RecoveryKey::make(&mut StdRng::seed_from_u64(seed)))
}

pub(crate) fn new_secret(seed: u64, rng: &mut StdRng) -> NewSecret {
    NewSecret::make(
        &recovery(seed),
        KdfCost::FLOOR,
        "paper",
        &mut PlainMemory,
        rng,
    )
    .unwrap()
}

pub(crate) fn made(storage: &Arc<SimulatedStorage>, rng: &mut StdRng) -> Vault {
    let new = NewVault {
        secrets: vec![new_secret(1, rng)],
        device_name: "laptop".to_owned(),
    };
    create(storage.clone(), &places("a"), new, NOW, rng).unwrap()
}

pub(crate) fn opened(
    storage: &Arc<SimulatedStorage>,
    device: &str,
    seed: u64,
    now: Moment,
) -> Result<Vault, VaultError> {
    let mut rng = StdRng::seed_from_u64(now.0);
    let located = locate(storage.clone(), &places(device))?;
    let (keys, slot) = located.unlock(&recovery(seed), &mut PlainMemory)?;
    located.open(keys, Some(slot), device, now, &mut rng)
}

pub(crate) fn login(title: &str, password: &str) -> Draft {
    let mut draft = Draft {
        title: title.to_owned(),
        urls: vec!["https://example.com".to_owned()],
        ..Draft::default()
    };
    draft.push_standard(field::USERNAME, "me".to_owned());
    draft.push_standard(field::PASSWORD, password.to_owned());
    draft.tags.push("work".to_owned());
    draft
}

pub(crate) fn password(vault: &Vault, title: &str) -> String {
    let row = vault
        .state()
        .summaries()
        .into_iter()
        .find(|row| row.title == title)
        .unwrap();
    let item = vault.state().item(row.id).unwrap();
    let id = FieldId::Standard(field::PASSWORD);
    let secret = vault
        .reveal(row.id, id, &item.field(id).unwrap().current.value)
        .unwrap();
    secret.expose().to_owned()
}
