//! Keeper's JSON: `records`, whose custom fields are named by their type, and the folders that each lies in.

use super::authenticator::Tally;
use super::dates::{card_expiry, from_epoch};
use super::json::{Json, Object};
use super::keeper_fields::{folder_of, push_field};
use super::labelled::{is_overfull, push_free, words_of};
use super::place::{
    SharedNames, keep, keep_rest, push_date, push_person, push_tag, push_text, push_url,
    settle_note, settle_title, short_name,
};
use super::{Format, ImportError, Imported, MAX_ROWS, Skipped};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind, ItemKind};

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::KeeperJson,
        reason,
    };
    let Json::Object(mut root) = Json::parse(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    let records = root
        .take_list("records")
        .ok_or_else(|| not_this("it has no records"))?;
    if records.len() > MAX_ROWS {
        return Err(ImportError::TooManyRows);
    }
    let mut imported = Imported::default();
    let mut shared = SharedNames::default();
    let mut tally = Tally::default();
    for (record, row) in records.into_iter().zip(1..) {
        match record {
            Json::Object(record) => {
                let draft = read_record(record, &mut shared)?;
                tally.push(row, draft, &mut imported)?;
            }
            _ => imported.skipped.push(Skipped {
                row,
                item: None,
                field: None,
                reason: "not an object, so not a record".to_owned(),
            }),
        }
    }
    for (name, value) in root.into_members() {
        if !value.is_nothing() {
            imported.warnings.push(match name.as_ref() {
                "shared_folders" => "who may see a shared folder is left out".to_owned(),
                _ => format!("{name:?} beside the records is left out"),
            });
        }
    }
    Ok(imported)
}

fn read_record(mut record: Object<'_>, shared: &mut SharedNames) -> Result<Draft, ImportError> {
    let mut draft = Draft {
        title: record.take_text("title").unwrap_or_default(),
        origin: record.take_text("uid").map(|id| format!("keeper:{id}")),
        ..Draft::default()
    };
    let kind = record.take_text("$type").unwrap_or_default();
    draft.kind = kind_of(&mut draft, &kind);
    for (name, number) in [
        ("login", field::USERNAME),
        ("password", field::PASSWORD),
        ("notes", field::NOTES),
    ] {
        push_free(
            &mut draft,
            number,
            None,
            record.take_text(name).unwrap_or_default(),
        );
    }
    push_url(
        &mut draft,
        &record.take_text("login_url").unwrap_or_default(),
    );
    read_custom_fields(&mut draft, &mut record);
    for (folder, first) in record
        .take_list("folders")
        .unwrap_or_default()
        .into_iter()
        .zip(std::iter::once(true).chain(std::iter::repeat(false)))
    {
        read_folder(&mut draft, folder, first, shared)?;
    }
    let modified = record.take_text("last_modified").filter(|time| time != "0");
    let modified = modified.map(|time| from_epoch(&time).unwrap_or(time));
    push_date(&mut draft, "modified", modified);
    keep_rest(&mut draft, "", record);
    settle_note(&mut draft);
    settle_title(&mut draft);
    Ok(draft)
}

/// The kind of a record; a type that keyfold does not have is kept as text.
fn kind_of(draft: &mut Draft, name: &str) -> ItemKind {
    let kind = match name {
        "login" | "" => return ItemKind::Login,
        "encryptedNotes" => return ItemKind::Note,
        "bankCard" => return ItemKind::Card,
        "bankAccount" => return ItemKind::BankAccount,
        "sshKeys" => return ItemKind::SshKey,
        "softwareLicense" => return ItemKind::Licence,
        "wifiCredentials" => return ItemKind::Wifi,
        "databaseCredentials" | "serverCredentials" | "membership" | "general" => ItemKind::Login,
        "contact" | "address" | "passport" | "driverLicense" | "ssnCard" | "birthCertificate" => {
            ItemKind::Identity
        }
        _ => ItemKind::Custom,
    };
    push_text(draft, "type", name.to_owned());
    kind
}

/// A record in several folders lies in the first; the others become tags.
fn read_folder(
    draft: &mut Draft,
    folder: Json<'_>,
    first: bool,
    shared: &mut SharedNames,
) -> Result<(), ImportError> {
    let Json::Object(mut folder) = folder else {
        keep(draft, "folder", folder);
        return Ok(());
    };
    let outer = folder.take_text("shared_folder").unwrap_or_default();
    let inner = folder.take_text("folder").unwrap_or_default();
    let path = folder_of(&outer, &inner);
    shared.count(&path)?;
    if first {
        draft.folder = path;
    } else {
        push_tag(draft, &path);
    }
    // What others may do with the record.
    drop((folder.take("can_edit"), folder.take("can_share")));
    keep_rest(draft, "folder", folder);
    Ok(())
}

/// Custom fields by name; of one name there may be several.
fn read_custom_fields(draft: &mut Draft, record: &mut Object<'_>) {
    let Some(fields) = record.take_object("custom_fields") else {
        return;
    };
    for (name, value) in fields.into_members() {
        let (name, values) = match value {
            Json::List(values) => (short_name(&name), values),
            value => (name.as_ref(), vec![value]),
        };
        for value in values {
            if is_overfull(draft) {
                return;
            }
            read_value(draft, name, value);
        }
    }
}

fn read_value(draft: &mut Draft, name: &str, value: Json<'_>) {
    let typed = name.strip_prefix('$');
    let (kind, label) = typed.map_or(("", name), |typed| {
        typed.split_once(':').unwrap_or((typed, ""))
    });
    // A label says which paper the number or name belongs to.
    match (kind, label, value) {
        (_, _, value) if value.is_nothing() => {}
        ("accountNumber", "identityNumber", Json::Text(text)) => {
            push_free(draft, field::SOCIAL_NUMBER, None, text.to_string());
        }
        ("accountNumber", "passportNumber", Json::Text(text)) => {
            push_free(draft, field::PASSPORT_NUMBER, None, text.to_string());
        }
        ("accountNumber", "dlNumber", Json::Text(text)) => {
            push_free(draft, field::LICENCE_NUMBER, None, text.to_string());
        }
        ("text", "cardholderName", Json::Text(text)) => {
            push_free(draft, field::HOLDER, None, text.to_string());
        }
        ("text", "SSID", Json::Text(text)) => {
            push_free(draft, field::NETWORK, None, text.to_string());
        }
        ("note", "", Json::Text(text)) if draft.kind == ItemKind::Note => {
            push_free(draft, field::TEXT, None, text.to_string());
        }
        (_, _, Json::Object(object)) => read_parts(draft, kind, label, object),
        (_, _, value) => match value.into_text() {
            Ok(text) => push_field(draft, name, text),
            Err(other) => keep(draft, name, other),
        },
    }
}

/// A value of several parts.
fn read_parts(draft: &mut Draft, kind: &str, label: &str, mut parts: Object<'_>) {
    let mut take = |name: &str| parts.take_text(name).unwrap_or_default();
    match kind {
        "paymentCard" => {
            push_free(draft, field::NUMBER, None, take("cardNumber"));
            let expiry = take("cardExpirationDate");
            push_free(
                draft,
                field::EXPIRES,
                None,
                card_expiry(&expiry).unwrap_or(expiry),
            );
            push_free(
                draft,
                field::VERIFICATION_CODE,
                None,
                take("cardSecurityCode"),
            );
        }
        "bankAccount" => {
            push_free(draft, field::NUMBER, None, take("accountNumber"));
            push_text(draft, "account type", take("accountType"));
            draft_hidden(draft, "routing number", take("routingNumber"));
        }
        "keyPair" => {
            push_free(draft, field::PRIVATE_KEY, None, take("privateKey"));
            push_free(draft, field::PUBLIC_KEY, None, take("publicKey"));
        }
        "name" => {
            let names = ["first", "middle", "last"].map(|name| parts.take_text(name));
            push_person(draft, names);
        }
        "address" => {
            let names = ["street1", "street2", "zip", "city", "state", "country"];
            let lines: Vec<String> = names
                .iter()
                .filter_map(|name| parts.take_text(name))
                .collect();
            push_free(draft, field::ADDRESS, None, lines.join("\n"));
        }
        "host" => {
            push_text(draft, "host", take("hostName"));
            push_text(draft, "port", take("port"));
        }
        "phone" => push_free(draft, field::PHONE, None, take("number")),
        _ => {}
    }
    let place = match (label, kind) {
        ("", "") => "field".to_owned(),
        ("", kind) => words_of(kind),
        (label, _) => label.to_owned(),
    };
    keep_rest(draft, &place, parts);
}

fn draft_hidden(draft: &mut Draft, name: &str, text: String) {
    if !text.is_empty() {
        draft.push_custom(name, FieldKind::Secret, text);
    }
}
