//! What the tests of import and export share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part of it; a test may stop"
)]

use super::scene::made;
use keyfold::exchange::native::write_document;
use keyfold::exchange::{self, Credentials};
use keyfold::model::draft::{Draft, DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::moment::Moment;
use keyfold::secret::Secret;
use keyfold::service::export::export;
use keyfold::service::import::{Entry, Ledger, Outcome, import};
use keyfold::state::change::{Edit, PlannedValue};
use keyfold::state::codec::{self, SetBody};
use keyfold::state::op::Tag;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::Vault;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::Arc;

pub const HOTP: &str = "otpauth://hotp/site:me?secret=JBSWY3DPEHPK3PXP&counter=5";

pub fn vault(seed: u64) -> (Arc<SimulatedStorage>, Vault) {
    let storage = Arc::new(SimulatedStorage::new());
    let vault = made(&storage, &mut StdRng::seed_from_u64(seed));
    (storage, vault)
}

pub fn bytes_of(vault: &Vault) -> Vec<u8> {
    write_document(&export(vault, &|_| true).unwrap()).to_vec()
}

pub fn text_of(vault: &Vault) -> String {
    String::from_utf8(bytes_of(vault)).unwrap()
}

pub fn take_in(vault: &mut Vault, bytes: &[u8], now: Moment) -> Ledger {
    let source = exchange::read(bytes, None, None, &Credentials::default()).unwrap();
    let ledger = import(vault, source, None, now, &mut StdRng::seed_from_u64(now.0)).unwrap();
    assert!(ledger.items.is_balanced() && ledger.fields.is_balanced());
    let accounted = ledger.entries.iter().filter(|entry| entry.field.is_some());
    assert_eq!(accounted.count(), ledger.fields.read);
    ledger
}

pub fn edit(vault: &mut Vault, item: ItemId, now: Moment, edits: Vec<Edit>) {
    let mut rng = StdRng::seed_from_u64(now.0 + 1);
    vault
        .update(now, &mut rng, |plan, rng| plan.edit(item, edits, rng))
        .unwrap();
}

pub fn add(vault: &mut Vault, now: Moment, draft: Draft) -> ItemId {
    let mut rng = StdRng::seed_from_u64(now.0 + 2);
    vault
        .update(now, &mut rng, |plan, rng| Ok(plan.add(draft, rng)))
        .unwrap()
}

pub fn set(name: FieldName, kind: FieldKind, text: &str) -> Edit {
    Edit::Set(name, kind, DraftValue::new(kind, text.to_owned()))
}

pub fn set_password(text: &str) -> Edit {
    set(
        FieldName::Standard(field::PASSWORD),
        FieldKind::Secret,
        text,
    )
}

/// A head that replaces nothing, as another device writes one that saw none of the others.
pub fn set_apart(vault: &mut Vault, item: ItemId, number: u8, text: &str, now: Moment) {
    let kind = field::standard_field(number).unwrap().1;
    let id = FieldId::Standard(number);
    let mut rng = StdRng::seed_from_u64(now.0 + 3);
    vault
        .update(now, &mut rng, |plan, _| {
            let plain = if kind.is_secret() { "" } else { text };
            let body = codec::write_set(&SetBody::new(kind.number(), "", plain, Moment(0), None));
            let values = if kind.is_secret() {
                vec![PlannedValue::Secret(Secret::new(text.to_owned()))]
            } else {
                vec![]
            };
            plan.put_prepared(item, id, Tag::SET, body, values);
            Ok(())
        })
        .unwrap();
}

pub fn changed(ledger: &Ledger) -> Vec<&Entry> {
    let entries = ledger.entries.iter();
    entries
        .filter(|entry| entry.outcome != Outcome::Identical)
        .collect()
}
