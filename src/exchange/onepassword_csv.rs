//! 1Password's CSV: version 8's (`Title,Website,…,One-time password,Favorite status,Archived status,…`, at first
//! `Title,Url,…,OTPAuth,Favorite,Archived,…`) and version 7's, in which the user chose the columns.

use super::dates::card_expiry;
use super::labelled::push_free;
use super::place::{push_person, push_text};
use super::row::{Column, Row, has_columns, read_named};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind, ItemKind};

const COLUMNS: &[Column] = &[
    ("title", Target::Title),
    ("website", Target::Url),
    ("url", Target::Url),
    ("urls", Target::Url),
    ("username", Target::Standard(field::USERNAME)),
    ("password", Target::Standard(field::PASSWORD)),
    ("one-time password", Target::Named("otp", FieldKind::Otp)),
    ("otpauth", Target::Named("otp", FieldKind::Otp)),
    ("favorite status", Target::Favourite),
    ("favorite", Target::Favourite),
    ("archived status", Target::IfSet("archived")),
    ("archived", Target::IfSet("archived")),
    ("tags", Target::Tags),
    ("notes", Target::Named("notes", FieldKind::Multiline)),
    ("notesplain", Target::Named("notes", FieldKind::Multiline)),
    ("uuid", Target::Origin("1password")),
    ("scope", Target::Named("scope", FieldKind::Text)),
    ("autosubmit", Target::Named("autosubmit", FieldKind::Text)),
    ("email", Target::Standard(field::EMAIL)),
    ("company", Target::Standard(field::COMPANY)),
];

/// What version 7 has of cards and persons, as far as it is clear what the names mean.
const CARD_COLUMNS: &[Column] = &[
    ("cardholder name", Target::Standard(field::HOLDER)),
    ("number", Target::Standard(field::NUMBER)),
    (
        "verification number",
        Target::Standard(field::VERIFICATION_CODE),
    ),
    ("pin", Target::Standard(field::PIN)),
];

/// Columns of version 7 that no other program writes beside a title.
const OLD_COLUMNS: [&str; 5] = ["notesplain", "ainfo", "autosubmit", "scope", "ulist"];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    read_named(text, Format::OnePasswordCsv, is_header, |row, draft| {
        draft.kind = read_kind(row, draft);
        row.put_all(draft, COLUMNS);
        row.put_all(draft, CARD_COLUMNS);
        let names = ["first name", "initial", "last name"];
        push_person(draft, names.map(|name| row.take_some(name)));
        let expiry = row.take("expiry date");
        push_free(
            draft,
            field::EXPIRES,
            None,
            card_expiry(&expiry).unwrap_or(expiry),
        );
        row.put_epoch(draft, "created date", "created");
        row.put_epoch(draft, "modified date", "modified");
        Ok(())
    })
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    let has = |names: &[&str]| has_columns(headers, names);
    has(&["title"])
        && (has(&["favorite status", "archived status"])
            || has(&["favorite", "archived"])
            || has(&["one-time password"])
            || OLD_COLUMNS.iter().any(|name| has(&[name])))
}

/// The kind by its name, which is kept where it says more than keyfold's own; without one by what the row has.
fn read_kind(row: &mut Row<'_, '_>, draft: &mut Draft) -> ItemKind {
    let name = row.take("type");
    let (kind, tells_all) = match name.trim().to_lowercase().as_str() {
        "" => return guess_kind(row),
        "login" => (ItemKind::Login, true),
        "secure note" => (ItemKind::Note, true),
        "credit card" => (ItemKind::Card, true),
        "identity" => (ItemKind::Identity, true),
        "bank account" => (ItemKind::BankAccount, true),
        "ssh key" => (ItemKind::SshKey, true),
        "software license" => (ItemKind::Licence, true),
        "api credential" => (ItemKind::ApiToken, true),
        "wireless router" => (ItemKind::Wifi, true),
        "password" | "server" | "database" | "email account" => (ItemKind::Login, false),
        "passport" | "driver license" | "social security number" => (ItemKind::Identity, false),
        _ => (ItemKind::Custom, false),
    };
    if !tells_all {
        push_text(draft, "type", name);
    }
    kind
}

fn guess_kind(row: &Row<'_, '_>) -> ItemKind {
    if row.has("number") && (row.has("expiry date") || row.has("verification number")) {
        ItemKind::Card
    } else if row.has("first name") || row.has("last name") {
        ItemKind::Identity
    } else {
        ItemKind::Login
    }
}
