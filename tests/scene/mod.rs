//! What the tests of a vault share: a small vault over the simulated disk, opened with recovery keys, which need no Argon2.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it; a test may stop"
)]

pub(crate) mod devices;
pub(crate) mod meddler;

use keyfold::crypto::kdf::{KdfCost, PlainMemory};
use keyfold::crypto::recovery::RecoveryKey;
use keyfold::model::draft::{Draft, DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::moment::Moment;
use keyfold::secret::Secret;
use keyfold::state::attachment::AttachmentView;
use keyfold::state::change::{Attached, ChangeError, Edit, Plan};
use keyfold::state::view::Value;
use keyfold::storage::Storage;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{Credential, NewSecret, NewVault, Places, Vault, VaultError, create, locate};
use rand::rngs::StdRng;
use rand::{CryptoRng, SeedableRng};
use sha2::{Digest, Sha256};
use std::fmt::Write;
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
    opened_on(storage.clone(), device, seed, now)
}

/// The same on any disk.
pub(crate) fn opened_on(
    storage: Arc<dyn Storage>,
    device: &str,
    seed: u64,
    now: Moment,
) -> Result<Vault, VaultError> {
    let mut rng = StdRng::seed_from_u64(now.0);
    let located = locate(storage, &places(device))?;
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

/// Everything that a vault means, in words, with every secret opened: two vaults that mean the same give the same text.
pub(crate) fn dump(vault: &Vault) -> String {
    let state = vault.state();
    let mut out = String::new();
    for id in state.record_ids_in_order() {
        writeln!(out, "record {id}").unwrap();
    }
    writeln!(out, "devices {:?}", state.device_names()).unwrap();
    writeln!(out, "labels {:?}", state.slot_labels()).unwrap();
    for retired in state.retirements() {
        writeln!(out, "retired {} {:?}", retired.slot, retired.at).unwrap();
    }
    for id in state.item_ids() {
        out.push_str(&dump_item(vault, id));
    }
    out
}

/// One item as [`dump`] shows it.
pub(crate) fn dump_item(vault: &Vault, id: ItemId) -> String {
    let state = vault.state();
    let mut out = String::new();
    let open = |field, value: &Value| match vault.reveal(id, field, value) {
        Some(secret) => secret.expose().to_owned(),
        None => "does not open".to_owned(),
    };
    let Some(item) = state.item(id) else {
        return format!("item {id} is gone\n");
    };
    let (life, tags) = (item.life, &item.tags);
    writeln!(
        out,
        "item {id} {life:?} {tags:?} {:?} {:?}",
        item.created, item.changed
    )
    .unwrap();
    for field in &item.fields {
        let current = open(field.id, &field.current.value);
        let (name, kind) = (&field.name, field.kind);
        writeln!(
            out,
            "  {name} {kind:?} {current:?} {:?} {:?} {:?}",
            field.current.changed, field.current.dot, field.counter
        )
        .unwrap();
        for other in &field.others {
            writeln!(
                out,
                "    or {:?} {:?}",
                open(field.id, &other.value),
                other.dot
            )
            .unwrap();
        }
    }
    for url in &item.urls {
        writeln!(out, "  url {} {}", url.rank, url.address).unwrap();
    }
    for file in &item.attachments {
        let content = match content_of(vault, id, file) {
            Ok(content) => format!("{} bytes, {:?}", content.len(), Sha256::digest(&content)),
            Err(error) => error.to_string(),
        };
        writeln!(out, "  file {:?} {:?} {content}", file.name, file.length).unwrap();
    }
    for former in state.history(id) {
        let value = open(former.id, &former.value.value);
        writeln!(
            out,
            "  was {} {:?} {value:?} {:?}",
            former.name, former.kind, former.value.changed
        )
        .unwrap();
    }
    out
}

/// An attached file as a whole.
pub(crate) fn content_of(
    vault: &Vault,
    item: ItemId,
    file: &AttachmentView,
) -> Result<Vec<u8>, VaultError> {
    let mut content = Vec::new();
    for number in 0..file.pieces {
        content.extend_from_slice(vault.read_piece(item, file.dot, number)?.expose());
    }
    Ok(content)
}

/// The content of the only file of an item.
pub(crate) fn only_file(vault: &Vault, title: &str) -> Result<Vec<u8>, VaultError> {
    let rows = vault.state().summaries();
    let id = rows.into_iter().find(|row| row.title == title).unwrap().id;
    let view = vault.state().item(id).unwrap();
    assert_eq!(view.attachments.len(), 1, "files of {title}");
    content_of(vault, id, &view.attachments[0])
}

/// Attaches these pieces as one file.
pub(crate) fn attach(
    vault: &mut Vault,
    item: ItemId,
    name: &str,
    pieces: &[&[u8]],
    now: Moment,
    rng: &mut StdRng,
) -> Result<(), VaultError> {
    let mut stored = Vec::new();
    for piece in pieces {
        stored.push(vault.store_piece(piece, now, rng)?);
    }
    let attached = Attached {
        name: name.to_owned(),
        length: pieces.iter().map(|piece| piece.len() as u64).sum(),
        pieces: stored,
    };
    let edit = Edit::Attach(None, attached);
    vault.update(now, rng, |plan, rng| plan.edit(item, vec![edit], rng))
}

/// Adds one login and returns its id.
pub(crate) fn add(
    vault: &mut Vault,
    title: &str,
    password: &str,
    now: Moment,
    rng: &mut StdRng,
) -> Result<ItemId, VaultError> {
    vault.update(now, rng, |plan, rng| {
        Ok(plan.add(login(title, password), rng))
    })
}

/// Gives an item another password.
pub(crate) fn set_password(
    item: ItemId,
    text: &str,
) -> impl FnOnce(&mut Plan<'_>, &mut dyn CryptoRng) -> Result<(), ChangeError> {
    let value = DraftValue::Secret(Secret::new(text.to_owned()));
    let name = FieldName::Standard(field::PASSWORD);
    let edit = Edit::Set(name, FieldKind::Secret, value);
    move |plan, rng| plan.edit(item, vec![edit], rng)
}

pub(crate) fn titles(vault: &Vault) -> Vec<String> {
    let mut titles: Vec<String> = vault
        .state()
        .summaries()
        .into_iter()
        .map(|row| row.title.into_owned())
        .collect();
    titles.sort();
    titles
}

/// Items and ways in without ids: what two runs with other randomness have in common.
pub(crate) fn meaning(vault: &Vault) -> Vec<String> {
    let ids = vault.state().item_ids().into_iter();
    let mut items: Vec<String> = ids
        .map(|id| {
            let text = dump_item(vault, id);
            let words = text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric());
            words.filter(|word| word.len() < 32).collect()
        })
        .collect();
    items.sort();
    let mut labels: Vec<String> = vault.slot_rows().into_iter().map(|row| row.label).collect();
    labels.sort();
    items.push(format!(
        "ways in {labels:?}, {} made, {} closed",
        vault.state().slot_labels().len(),
        vault.state().retirements().len()
    ));
    items
}

/// Lets the simulated clock show this time, so that files written now are not still yet.
pub(crate) fn set_clock(storage: &SimulatedStorage, now: Moment) {
    storage.set_time_ns(i128::from(now.0) * 1_000_000);
}

/// The vault file as it lies there.
pub(crate) fn file_of(storage: &SimulatedStorage) -> Vec<u8> {
    storage.content(&places("a").vault_file).unwrap()
}

/// Puts a vault file there as a drive does.
pub(crate) fn put(storage: &SimulatedStorage, file: &[u8]) {
    storage.place(&places("a").vault_file, file);
}
