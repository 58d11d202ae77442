//! NordPass's CSV: rows of logins, notes, cards, persons and folders in one table, told apart by `type` (older ones by
//! what they hold); further addresses and custom fields are JSON inside a cell.

use super::dates::card_expiry;
use super::json::{Json, Object};
use super::labelled::{is_overfull, push_free, push_labelled};
use super::place::{keep_rest, push_url};
use super::row::{Column, Row, has_columns, read_named};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind, ItemKind};
use zeroize::Zeroizing;

const COLUMNS: &[Column] = &[
    ("name", Target::Title),
    ("url", Target::Url),
    ("username", Target::Standard(field::USERNAME)),
    ("password", Target::Standard(field::PASSWORD)),
    ("note", Target::Standard(field::NOTES)),
    ("totp", Target::Standard(field::OTP)),
    ("cardholdername", Target::Standard(field::HOLDER)),
    ("cardnumber", Target::Standard(field::NUMBER)),
    ("cvc", Target::Standard(field::VERIFICATION_CODE)),
    ("pin", Target::Standard(field::PIN)),
    ("folder", Target::Folder(&['/'])),
    ("full_name", Target::Standard(field::FULL_NAME)),
    ("phone_number", Target::Standard(field::PHONE)),
    ("email", Target::Standard(field::EMAIL)),
];

/// The lines of a postal address, in the order of an envelope.
const ADDRESS: [&str; 6] = [
    "address1", "address2", "zipcode", "city", "state", "country",
];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    read_named(text, Format::NordPass, is_header, |row, draft| {
        // Before rows had a type a folder was a name alone.
        let has_types = has_columns(row.headers(), &["type"]);
        if row.text("type") == "folder" || (!has_types && row.is_blank_but(&["name"])) {
            return Err("it is a folder; items say themselves where they lie");
        }
        draft.kind = guess_kind(row);
        row.put(draft, "type", &Target::Kind);
        let expiry = row.take("expirydate");
        push_free(
            draft,
            field::EXPIRES,
            None,
            card_expiry(&expiry).unwrap_or(expiry),
        );
        row.put_all(draft, COLUMNS);
        let lines: Vec<String> = ADDRESS
            .iter()
            .filter_map(|name| row.take_some(name))
            .collect();
        push_free(draft, field::ADDRESS, None, lines.join("\n"));
        read_urls(draft, Zeroizing::new(row.take("additional_urls")));
        read_fields(draft, Zeroizing::new(row.take("custom_fields")));
        Ok(())
    })
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    let own = [
        "name",
        "url",
        "username",
        "password",
        "cardholdername",
        "cardnumber",
        "folder",
    ];
    has_columns(headers, &own)
}

fn guess_kind(row: &Row<'_, '_>) -> ItemKind {
    let has = |names: &[&str]| names.iter().any(|name| row.has(name));
    if has(&["cardnumber", "cardholdername"]) {
        ItemKind::Card
    } else if has(&["url", "username", "password"]) {
        ItemKind::Login
    } else if has(&["full_name", "address1", "phone_number", "email"]) {
        ItemKind::Identity
    } else {
        ItemKind::Note
    }
}

/// A list of addresses.
fn read_urls(draft: &mut Draft, text: Zeroizing<String>) {
    let Ok(Json::List(urls)) = Json::parse(&text) else {
        return keep_whole(draft, "additional_urls", text);
    };
    for url in urls {
        match url.into_text() {
            Ok(url) => push_url(draft, &url),
            Err(other) if other.is_nothing() => {}
            Err(other) => {
                draft.push_custom("additional url", FieldKind::Secret, other.to_compact())
            }
        }
    }
}

/// A list of `{label, type, value}`.
fn read_fields(draft: &mut Draft, text: Zeroizing<String>) {
    let Ok(Json::List(fields)) = Json::parse(&text) else {
        return keep_whole(draft, "custom_fields", text);
    };
    for custom in fields {
        if is_overfull(draft) {
            return;
        }
        match custom {
            Json::Object(custom) => read_field(draft, custom),
            other if other.is_nothing() => {}
            other => draft.push_custom("field", FieldKind::Secret, other.to_compact()),
        }
    }
}

fn read_field(draft: &mut Draft, mut custom: Object<'_>) {
    let label = custom.take_text("label").unwrap_or_default();
    let kind = match custom.take_text("type").as_deref() {
        Some("text") => None,
        Some("date") => Some(FieldKind::Date),
        _ => Some(FieldKind::Secret),
    };
    let value = custom.take_text("value").unwrap_or_default();
    push_labelled(draft, &label, kind, value);
    keep_rest(draft, &label, custom);
}

/// Keeps a cell that is not the JSON it should be.
fn keep_whole(draft: &mut Draft, name: &str, mut text: Zeroizing<String>) {
    if !text.is_empty() {
        draft.push_custom(name, FieldKind::Secret, std::mem::take(&mut *text));
    }
}
