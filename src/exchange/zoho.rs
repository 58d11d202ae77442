//! Zoho Vault's CSV: `Password Name,Description,Password URL,SecretData,Notes,CustomData,Tags,Classification,…` (older
//! ones say Secret for Password). What an item holds stands in two cells of one `name:value` a line, in the general table
//! of older versions (`Secret Name,Secret URL,Notes,…`) in a cell each.

use super::labelled::{is_overfull, push_free, push_untold, split_entries};
use super::place::push_text;
use super::row::{Column, Row, has_columns, read_named};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind, ItemKind};
use zeroize::Zeroizing;

const COLUMNS: &[Column] = &[
    ("password name", Target::Title),
    ("secret name", Target::Title),
    ("notes", Target::Standard(field::NOTES)),
    ("description", Target::Named("description", FieldKind::Text)),
    ("tags", Target::Tags),
    (
        "classification",
        Target::Named("classification", FieldKind::Text),
    ),
    ("favorite", Target::Favourite),
    ("totp", Target::Named("otp", FieldKind::Otp)),
    ("login_totp", Target::Named("otp", FieldKind::Otp)),
    ("folder name", Target::Folder(&['/', '\\'])),
    ("chambername", Target::Folder(&['/', '\\'])),
    ("chamber name", Target::Folder(&['/', '\\'])),
];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    read_named(text, Format::Zoho, is_header, |row, draft| {
        // The item's own address stands before those among the data.
        for name in ["password url", "secret url"] {
            row.put(draft, name, &Target::Url);
        }
        for name in ["secretdata", "customdata"] {
            let data = Zeroizing::new(row.take(name));
            read_data(draft, &data);
        }
        row.put_all(draft, COLUMNS);
        if !has_columns(row.headers(), &["secretdata"]) {
            read_further(row, draft);
        }
        Ok(())
    })
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    let has = |names: &[&str]| has_columns(headers, names);
    (has(&["secretdata"]) && (has(&["password name"]) || has(&["secret name"])))
        || has(&["secret name", "secret url", "notes"])
}

/// The cells of the general table that are not in every item: each has its column's name, or one of its own.
fn read_further(row: &mut Row<'_, '_>, draft: &mut Draft) {
    for (name, text) in row.take_filled() {
        if is_overfull(draft) {
            return;
        }
        let text = Zeroizing::new(text);
        if name.is_empty() {
            read_data(draft, &text);
        } else {
            push_value(draft, name, &text);
        }
    }
}

/// Adds a value; Zoho's names for what only some kinds have are no names of columns elsewhere.
fn push_value(draft: &mut Draft, label: &str, text: &str) {
    let number = match label.trim().to_lowercase().as_str() {
        "private key" => field::PRIVATE_KEY,
        "public key" => field::PUBLIC_KEY,
        "passphrase" => field::PASSPHRASE,
        _ => return push_untold(draft, label, text.to_owned()),
    };
    push_free(draft, number, None, text.to_owned());
}

fn read_data(draft: &mut Draft, text: &str) {
    for (label, value) in split_entries(text, |label| !label.trim().is_empty()) {
        if value.trim().is_empty() {
            continue;
        }
        if is_overfull(draft) {
            return;
        }
        if label == "SecretType" {
            draft.kind = read_kind(draft, value);
            continue;
        }
        push_value(draft, label, value.trim_end());
    }
}

/// Zoho's types are many and the user's own too; the name is kept where it says more than the kind.
fn read_kind(draft: &mut Draft, name: &str) -> ItemKind {
    let kind = match name.trim().to_lowercase().as_str() {
        "web account" => return ItemKind::Login,
        "bank account" => ItemKind::BankAccount,
        "credit card" | "credit cards" => ItemKind::Card,
        "notes" | "secure note" => ItemKind::Note,
        "ssh key" | "ssh keys" => ItemKind::SshKey,
        "license key" | "software license" => ItemKind::Licence,
        _ => ItemKind::Login,
    };
    push_text(draft, "secret type", name.trim().to_owned());
    kind
}
