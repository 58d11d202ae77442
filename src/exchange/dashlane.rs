//! Dashlane's CSV files, of which an export has several: credentials, secure notes, payments, ids, personal info and
//! wireless networks, each told by its first line.

use super::dates::{expiry, padded_day};
use super::labelled::push_free;
use super::place::{push_person, push_text};
use super::row::{Column, Row, has_columns, has_only_columns, read_named};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::draft::{Draft, DraftValue, FieldName};
use crate::model::field::{self, FieldKind, ItemKind};

/// What one of the files is: the columns that tell it, and how its rows are read.
struct File {
    own: &'static [&'static str],
    /// Whether it has no other columns than these; empty for files whose own columns tell enough.
    all: &'static [&'static str],
    read: fn(&mut Row<'_, '_>, &mut Draft),
}

const FILES: &[File] = &[
    File {
        own: &["username", "username2", "title", "password", "url"],
        all: &[],
        read: read_credential,
    },
    File {
        own: &["username", "title", "password", "note", "url", "category"],
        all: &[],
        read: read_credential,
    },
    File {
        own: &["title", "note"],
        all: &["title", "note", "category"],
        read: read_note,
    },
    File {
        own: &["type", "account_name", "cc_number", "expiration_month"],
        all: &[],
        read: read_payment,
    },
    File {
        own: &["type", "number", "name", "issue_date", "expiration_date"],
        all: &[],
        read: read_id,
    },
    File {
        own: &["type", "first_name", "last_name", "email", "phone_number"],
        all: &[],
        read: read_person,
    },
    File {
        own: &["ssid", "passphrase"],
        all: &[
            "ssid",
            "passphrase",
            "name",
            "note",
            "hidden",
            "encryption_type",
        ],
        read: read_network,
    },
];

const CREDENTIAL: &[Column] = &[
    ("title", Target::Title),
    ("username", Target::Standard(field::USERNAME)),
    ("username2", Target::Named("username 2", FieldKind::Text)),
    ("username3", Target::Named("username 3", FieldKind::Text)),
    ("password", Target::Standard(field::PASSWORD)),
    ("url", Target::Url),
    ("note", Target::Standard(field::NOTES)),
    ("category", Target::Folder(&[])),
    ("otpurl", Target::Named("otp", FieldKind::Otp)),
    ("otpsecret", Target::Named("otp", FieldKind::Otp)),
];

const NOTE: &[Column] = &[
    ("title", Target::Title),
    ("note", Target::Standard(field::TEXT)),
    ("category", Target::Folder(&[])),
];

const PAYMENT: &[Column] = &[
    ("name", Target::Title),
    ("cc_number", Target::Standard(field::NUMBER)),
    ("account_number", Target::Named("number", FieldKind::Secret)),
    ("code", Target::Standard(field::VERIFICATION_CODE)),
    (
        "routing_number",
        Target::Named("routing number", FieldKind::Secret),
    ),
    ("issuing_bank", Target::Standard(field::BANK)),
    ("country", Target::Named("country", FieldKind::Text)),
    ("note", Target::Standard(field::NOTES)),
];

const ID: &[Column] = &[
    ("name", Target::Standard(field::FULL_NAME)),
    ("expiration_date", Target::Standard(field::EXPIRES)),
    ("issue_date", Target::Named("issued", FieldKind::Date)),
    (
        "place_of_issue",
        Target::Named("place of issue", FieldKind::Text),
    ),
    ("state", Target::Named("state", FieldKind::Text)),
];

const PERSON: &[Column] = &[
    ("item_name", Target::Title),
    ("title", Target::Named("salutation", FieldKind::Text)),
    ("login", Target::Standard(field::USERNAME)),
    ("date_of_birth", Target::Standard(field::BIRTH_DATE)),
    (
        "place_of_birth",
        Target::Named("place of birth", FieldKind::Text),
    ),
    ("email", Target::Standard(field::EMAIL)),
    ("email_type", Target::Named("email type", FieldKind::Text)),
    ("phone_number", Target::Standard(field::PHONE)),
    (
        "phone_number_type",
        Target::Named("phone type", FieldKind::Text),
    ),
    (
        "address_door_code",
        Target::Named("door code", FieldKind::Secret),
    ),
    ("job_title", Target::Named("job title", FieldKind::Text)),
    ("url", Target::Url),
];

/// The lines of a postal address, in the order of an envelope.
const ADDRESS: [&str; 9] = [
    "address_recipient",
    "address",
    "address_building",
    "address_floor",
    "address_apartment",
    "zip",
    "city",
    "state",
    "country",
];

const NETWORK: &[Column] = &[
    ("name", Target::Title),
    ("ssid", Target::Standard(field::NETWORK)),
    ("passphrase", Target::Standard(field::PASSWORD)),
    ("encryption_type", Target::Standard(field::SECURITY)),
    ("note", Target::Standard(field::NOTES)),
    ("hidden", Target::IfSet("hidden")),
];

/// Reads one of the files.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let mut found = None;
    read_named(text, Format::Dashlane, is_header, |row, draft| {
        let file = *found.get_or_insert_with(|| FILES.iter().find(|file| file.is(row.headers())));
        if let Some(file) = file {
            (file.read)(row, draft);
        }
        Ok(())
    })
}

/// Whether a first line is one of the files'.
pub(super) fn is_header(headers: &[String]) -> bool {
    FILES.iter().any(|file| file.is(headers))
}

impl File {
    fn is(&self, headers: &[String]) -> bool {
        has_columns(headers, self.own)
            && (self.all.is_empty() || has_only_columns(headers, self.all))
    }
}

fn read_credential(row: &mut Row<'_, '_>, draft: &mut Draft) {
    row.put_all(draft, CREDENTIAL);
}

fn read_note(row: &mut Row<'_, '_>, draft: &mut Draft) {
    draft.kind = ItemKind::Note;
    row.put_all(draft, NOTE);
}

fn read_payment(row: &mut Row<'_, '_>, draft: &mut Draft) {
    let of_bank = row.text("type").starts_with("bank");
    draft.kind = if of_bank {
        ItemKind::BankAccount
    } else {
        ItemKind::Card
    };
    if matches!(
        row.text("type"),
        "bank" | "bank_account" | "payment_card" | "credit_card"
    ) {
        row.take("type");
    }
    row.put_all(draft, PAYMENT);
    // A card's holder stands in one of the two, what the user calls the account in the other.
    let account = row.take("account_name");
    let holder = row.take("account_holder");
    if draft.title.is_empty() {
        draft.title.clone_from(&account);
    }
    let (holder, account) = if holder.is_empty() && !of_bank {
        (account, holder)
    } else {
        (holder, account)
    };
    push_free(draft, field::HOLDER, None, holder);
    if account != draft.title {
        push_text(draft, "account name", account);
    }
    let (month, year) = (row.take("expiration_month"), row.take("expiration_year"));
    match expiry(&year, &month) {
        Some(date) => push_free(draft, field::EXPIRES, None, date),
        None => {
            push_text(draft, "expiry month", month);
            push_text(draft, "expiry year", year);
        }
    }
}

fn read_id(row: &mut Row<'_, '_>, draft: &mut Draft) {
    draft.kind = ItemKind::Identity;
    let kind = row.take("type");
    let number = row.take("number");
    draft.title = kind.replace('_', " ");
    match kind.as_str() {
        "passport" => push_free(draft, field::PASSPORT_NUMBER, None, number),
        "license" | "driver_license" => push_free(draft, field::LICENCE_NUMBER, None, number),
        "social_security" => push_free(draft, field::SOCIAL_NUMBER, None, number),
        _ => push_free(draft, field::NUMBER, None, number),
    }
    push_text(draft, "type", kind);
    for name in ["expiration_date", "issue_date"] {
        row.rewrite(name, padded_day);
    }
    row.put_all(draft, ID);
}

fn read_person(row: &mut Row<'_, '_>, draft: &mut Draft) {
    draft.kind = ItemKind::Identity;
    let kind = row.take("type");
    row.rewrite("date_of_birth", padded_day);
    row.put_all(draft, PERSON);
    let names = ["first_name", "middle_name", "last_name"];
    push_person(draft, names.map(|name| row.take_some(name)));
    let lines: Vec<String> = ADDRESS
        .iter()
        .filter_map(|name| row.take_some(name))
        .collect();
    push_free(draft, field::ADDRESS, None, lines.join("\n"));
    if draft.title.is_empty() {
        let name = draft.fields.iter().find_map(|entry| match &entry.value {
            DraftValue::Plain(text) if entry.name == FieldName::Standard(field::FULL_NAME) => {
                Some(text)
            }
            _ => None,
        });
        draft.title = name.unwrap_or(&kind).clone();
    }
    push_text(draft, "type", kind);
}

fn read_network(row: &mut Row<'_, '_>, draft: &mut Draft) {
    draft.kind = ItemKind::Wifi;
    if !row.has("name") {
        row.text("ssid").clone_into(&mut draft.title);
    }
    row.put_all(draft, NETWORK);
}
