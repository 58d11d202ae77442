//! Zoho Vault's CSV: `Password Name,Description,Password URL,SecretData,Notes,CustomData,Tags,Classification,…` (older
//! ones say Secret for Password). What an item holds stands in two cells of one `name:value` a line.

use super::labelled::{is_overfull, push_untold, split_entries};
use super::place::push_text;
use super::row::{Column, has_columns, read_named};
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
        Ok(())
    })
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    has_columns(headers, &["secretdata"])
        && (has_columns(headers, &["password name"]) || has_columns(headers, &["secret name"]))
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
        push_untold(draft, label, value.trim_end().to_owned());
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
