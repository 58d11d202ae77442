//! Bitwarden's unencrypted JSON. What an item of that kind has no place for becomes a custom field under its own name, which
//! the reader of exchange/ puts back where it was.

use super::bitwarden_kinds::{Card, Identity, Login, SshKey, is_by_counter};
use super::entry::{Entry, Remarks, Shown, plain_folder, say_plain_kinds};
use super::{Buffer, Order, WriteError};
use crate::exchange::bitwarden_json::{BETWEEN_TAGS, KIND, TAGS, written_kind, written_tags};
use crate::exchange::native::{DocumentField, DocumentFormer, DocumentItem};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::ids::FieldId;
use crate::model::moment::Moment;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const ORIGIN: &str = "bitwarden:";
const UNTITLED: &str = "untitled";

#[derive(Serialize)]
struct Root<'d> {
    encrypted: bool,
    folders: Vec<Folder>,
    items: Vec<Item<'d>>,
}

#[derive(Serialize)]
struct Folder {
    id: String,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'d> {
    password_history: Vec<FormerPassword<'d>>,
    revision_date: Option<String>,
    creation_date: Option<&'d str>,
    deleted_date: Option<String>,
    archived_date: Option<&'d str>,
    id: String,
    organization_id: Option<&'d str>,
    folder_id: Option<String>,
    r#type: u8,
    reprompt: u8,
    name: &'d str,
    notes: Option<Shown<'d>>,
    favorite: bool,
    fields: Vec<CustomField<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<Login<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secure_note: Option<SecureNote>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<Card<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh_key: Option<SshKey<'d>>,
    collection_ids: Option<&'d str>,
}

/// There is one type of them.
#[derive(Serialize, Default)]
struct SecureNote {
    r#type: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FormerPassword<'d> {
    last_used_date: String,
    password: Shown<'d>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomField<'d> {
    name: &'d str,
    value: Shown<'d>,
    r#type: u8,
    linked_id: Option<u8>,
}

impl<'d> CustomField<'d> {
    const TEXT: u8 = 0;
    const HIDDEN: u8 = 1;

    fn of(field: &'d DocumentField) -> Self {
        Self {
            name: &field.name,
            value: Shown::of(field),
            r#type: if field.kind.is_secret() {
                Self::HIDDEN
            } else {
                Self::TEXT
            },
            linked_id: None,
        }
    }

    fn text(name: &'d str, text: String) -> Self {
        Self {
            name,
            value: Shown::made(text),
            r#type: Self::TEXT,
            linked_id: None,
        }
    }
}

/// Writes the items.
pub(super) fn write(
    order: &Order<'_>,
    remarks: &mut Remarks,
) -> Result<Zeroizing<Vec<u8>>, WriteError> {
    let mut folders = BTreeMap::new();
    let items = order.document.items.iter();
    let items = items
        .map(|item| write_item(item, &mut folders, remarks))
        .collect();
    let folders = folders.into_iter().map(|(name, id)| Folder { id, name });
    let root = Root {
        encrypted: false,
        folders: folders.collect(),
        items,
    };
    remarks.leave_files_out(order);
    let mut buffer = Buffer::default();
    serde_json::to_writer_pretty(&mut buffer, &root).map_err(|_| WriteError::Unwritable)?;
    buffer.push("\n");
    Ok(buffer.into_bytes())
}

fn write_item<'d>(
    item: &'d DocumentItem,
    folders: &mut BTreeMap<String, String>,
    remarks: &mut Remarks,
) -> Item<'d> {
    remarks.leave_history_out(item, is_held);
    remarks.leave_conflicts_out(item);
    let mut entry = Entry::new(item);
    let folder = plain_folder(item, remarks);
    let folder_id = (!folder.is_empty()).then(|| {
        let id = folders.entry(folder);
        let made = make_folder_id(id.key());
        id.or_insert(made).clone()
    });
    let changed = item.fields.iter().map(|field| field.changed).max();
    let mut date = |name: &str| entry.take_custom(name, is_date);
    let modified = date("modified").map(Shown::of);
    let deleted = date("deleted").map(Shown::of);
    let archived = date("archived");
    let date_or_changed = |shown: Option<Shown<'_>>| {
        let text = shown.map(|shown| shown.text().to_owned());
        text.or_else(|| changed.map(Moment::to_rfc3339))
    };
    let creation = entry.take_if(field::CREATED, is_date);
    let password_history = former_passwords(item);
    let mut written = Item {
        password_history,
        revision_date: date_or_changed(modified),
        creation_date: creation.map(plain_text),
        deleted_date: if item.trashed {
            date_or_changed(deleted)
        } else {
            None
        },
        archived_date: archived.map(plain_text),
        id: id_of(item),
        organization_id: None,
        folder_id,
        r#type: 1,
        reprompt: 0,
        name: match item.text(field::TITLE) {
            "" => UNTITLED,
            title => title,
        },
        notes: None,
        favorite: entry.is_favourite(),
        fields: Vec::new(),
        login: None,
        secure_note: None,
        card: None,
        identity: None,
        ssh_key: None,
        collection_ids: None,
    };
    let mut urls: Vec<&str> = entry.urls().collect();
    match entry.kind {
        ItemKind::Note => {
            written.r#type = 2;
            written.secure_note = Some(SecureNote::default());
            written.notes = entry.take(field::TEXT).map(Shown::of);
        }
        ItemKind::Card => {
            written.r#type = 3;
            written.card = Some(Card::take(&mut entry));
        }
        ItemKind::Identity => {
            written.r#type = 4;
            written.identity = Some(Identity::take(&mut entry));
        }
        ItemKind::SshKey => {
            written.r#type = 5;
            written.ssh_key = Some(SshKey::take(&mut entry));
        }
        kind => {
            written.login = Some(Login::take(&mut entry, std::mem::take(&mut urls)));
            if kind != ItemKind::Login {
                remarks.change(
                    item,
                    "kind",
                    "Bitwarden has no such kind; it is a field of a login",
                );
                let name = kind.name().to_owned();
                written.fields.push(CustomField::text(KIND, name));
            }
        }
    }
    if entry.kind != ItemKind::Note {
        written.notes = entry.take(field::NOTES).map(Shown::of);
    }
    if !urls.is_empty() {
        remarks.change(
            item,
            "url",
            "Bitwarden has addresses of logins alone; it is a field",
        );
        let urls = urls
            .into_iter()
            .map(|url| CustomField::text("url", url.to_owned()));
        written.fields.extend(urls);
    }
    if !item.tags.is_empty() {
        let text = item.tags.join(BETWEEN_TAGS);
        let reason = if written_tags(&text).as_ref() == Some(&item.tags) {
            "Bitwarden has no tags; they are a field"
        } else {
            "Bitwarden has no tags; they are a field, in which a comma or a blank of a tag is lost"
        };
        remarks.change(item, "tags", reason);
        let tags = CustomField::text(TAGS, text);
        written.fields.push(tags);
    }
    let rest = entry.into_rest();
    say_plain_kinds(item, &rest, remarks);
    for field in rest {
        if field.kind == FieldKind::Otp {
            let reason = if is_by_counter(field) {
                "Bitwarden has no seeds by counter; it is a hidden field"
            } else {
                "Bitwarden has seeds of logins alone, one each; it is a hidden field"
            };
            remarks.change(item, &field.name, reason);
        }
        let mut custom = CustomField::of(field);
        if let Some(name) = free_name(field) {
            let reason = format!("its name means something else; it is {name:?}");
            remarks.change(item, &field.name, &reason);
            custom.name = name;
        }
        written.fields.push(custom);
    }
    written
}

/// Another name for a field that the reader of exchange/ would take for the kind or the tags of the item.
fn free_name(field: &DocumentField) -> Option<&'static str> {
    if field.kind.is_secret() {
        return None;
    }
    let text = plain_text(field);
    match field.name.as_str() {
        KIND => written_kind(text).map(|_| "field kind"),
        TAGS => written_tags(text).map(|_| "field tags"),
        _ => None,
    }
}

/// Where an import found it in Bitwarden it goes on under its name, else under its own.
fn id_of(item: &DocumentItem) -> String {
    let known = item.text(field::ORIGIN).strip_prefix(ORIGIN);
    let is_id = |id: &&str| {
        id.len() == 36
            && id
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    known
        .filter(is_id)
        .map_or_else(|| write_uuid(&item.id.0), str::to_owned)
}

/// The same folder has the same id in every export.
fn make_folder_id(name: &str) -> String {
    let digest = Sha256::digest(name);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    write_uuid(&bytes)
}

/// An id with dashes where every program has them.
pub(super) fn write_uuid(bytes: &[u8; 16]) -> String {
    let hex = data_encoding::HEXLOWER.encode(bytes);
    let mut text = String::with_capacity(36);
    for (digit, at) in hex.chars().zip(0..) {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

pub(super) fn is_date(field: &DocumentField) -> bool {
    // EXPOSE: only the form of a date is looked at.
    field.kind == FieldKind::Date && Moment::parse_rfc3339(field.value.expose()).is_some()
}

/// The text of a field whose kind is not secret.
pub(super) fn plain_text(field: &DocumentField) -> &str {
    // EXPOSE: an export holds every value in clear.
    field.value.expose()
}

/// Bitwarden keeps former passwords and former values of hidden fields.
fn is_held(former: &DocumentFormer) -> bool {
    former.kind.is_secret()
}

/// Newest first, each with the time at which another took its place.
fn former_passwords(item: &DocumentItem) -> Vec<FormerPassword<'_>> {
    let current = item.fields.iter().map(|field| (field.id, field.changed));
    let mut until: BTreeMap<FieldId, Moment> = current.collect();
    let formers = item.history.iter();
    let formers = formers.filter(|former| is_held(former) && !former.value.is_empty());
    let formers = formers.map(|former| {
        let replaced = until.insert(former.id, former.changed);
        let is_password = former.id == FieldId::Standard(field::PASSWORD);
        FormerPassword {
            last_used_date: replaced.unwrap_or(former.changed).to_rfc3339(),
            password: if is_password {
                Shown::Same(&former.value)
            } else {
                // EXPOSE: an export holds every value in clear.
                let text = format!("{}: {}", former.name, former.value.expose());
                Shown::made(text)
            },
        }
    });
    formers.collect()
}
