//! An open vault as the document of vault-format.md, section 8, for tests that hold it against other code.
//!
//! It is built from what the library says of a vault, by this test's own hand.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it; a test may stop"
)]

use keyfold::model::field::FieldKind;
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::item::join_path;
use keyfold::model::{field, moment::Moment};
use keyfold::state::view::{FieldView, FormerView, ItemView, Life, Value, ValueView};
use keyfold::vault::Vault;
use serde_json::{Value as Json, json};

/// What `export` would hold.
pub(crate) fn exported(vault: &Vault) -> Json {
    let ids = vault.state().item_ids();
    let mut items: Vec<ItemView> = ids
        .into_iter()
        .filter_map(|id| vault.state().item(id))
        .collect();
    items.sort_by_key(|item| item.id);
    let items: Vec<Json> = items.iter().map(|item| export_item(vault, item)).collect();
    json!({"schema": 1, "format": "keyfold-export", "items": items})
}

fn export_item(vault: &Vault, item: &ItemView) -> Json {
    let urls: Vec<Json> = item
        .urls
        .iter()
        .map(|url| json!({"id": id_text(url.id), "value": url.address}))
        .collect();
    let fields: Vec<Json> = item
        .fields
        .iter()
        .map(|field| export_field(vault, item.id, field))
        .collect();
    let history: Vec<Json> = vault
        .state()
        .history(item.id)
        .iter()
        .map(|former| export_former(vault, item.id, former))
        .collect();
    json!({
        "id": item.id.to_string(),
        "path": join_path(item.text(field::FOLDER), item.text(field::TITLE)),
        "trashed": item.life == Life::Trashed,
        "tags": item.tags,
        "urls": urls,
        "fields": fields,
        "history": history,
    })
}

fn export_field(vault: &Vault, item: ItemId, field: &FieldView) -> Json {
    let value = opened(vault, item, field.id, &field.current.value);
    let conflicts: Vec<Json> = field
        .others
        .iter()
        .map(|other| (opened(vault, item, field.id, &other.value), other.changed))
        .filter(|(other, _)| *other != value)
        .map(|(other, at)| json!({"value": other, "changed": time(at)}))
        .collect();
    json!({
        "id": id_text(field.id),
        "name": field.name,
        "kind": field.kind.name(),
        "secret": field.kind.is_secret(),
        "counter": counter(field.kind, &value, field.counter),
        "changed": time(field.current.changed),
        "conflicts": conflicts,
        "value": value,
    })
}

fn export_former(vault: &Vault, item: ItemId, former: &FormerView) -> Json {
    json!({
        "id": id_text(former.id),
        "name": former.name,
        "kind": former.kind.name(),
        "value": opened(vault, item, former.id, &former.value.value),
        "changed": time(former.value.changed),
        "device": former.imported_device.clone().unwrap_or_else(|| device(vault, &former.value)),
    })
}

fn device(vault: &Vault, value: &ValueView) -> String {
    let names = vault.state().device_names();
    names.get(&value.device).cloned().unwrap_or_default()
}

fn opened(vault: &Vault, item: ItemId, field: FieldId, value: &Value) -> String {
    let secret = vault.reveal(item, field, value).unwrap();
    secret.expose().to_owned()
}

fn counter(kind: FieldKind, seed: &str, stored: Option<u64>) -> Option<u64> {
    let rest = seed.strip_prefix("otpauth://hotp/")?;
    let start = rest
        .split(['?', '&'])
        .find_map(|part| part.strip_prefix("counter="));
    let start: u64 = start.map_or(0, |digits| digits.parse().unwrap());
    (kind == FieldKind::Otp).then(|| start.max(stored.unwrap_or(0)))
}

fn time(moment: Moment) -> String {
    moment.to_rfc3339()
}

fn id_text(id: FieldId) -> String {
    match id {
        FieldId::Standard(number) => field::standard_field(number)
            .map_or_else(|| format!("#{number}"), |(name, _)| name.to_owned()),
        FieldId::Custom(bytes) => ItemId(bytes).to_string(),
    }
}
