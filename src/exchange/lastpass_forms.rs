//! What LastPass fills into forms, as CSV: `profilename,profilelanguage,title,firstname,…,ccnum,ccexp,cccsc,…`. A profile
//! is a person, a card, or both.

use super::dates::{card_expiry, padded_day, written_out};
use super::labelled::push_free;
use super::place::{push_person, push_text};
use super::row::{Column, Row, has_columns};
use super::table::Target;
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind, ItemKind};

const COLUMNS: &[Column] = &[
    ("profilename", Target::Title),
    ("username", Target::Standard(field::USERNAME)),
    ("gender", Target::Named("gender", FieldKind::Text)),
    ("ssn", Target::Standard(field::SOCIAL_NUMBER)),
    ("birthday", Target::Standard(field::BIRTH_DATE)),
    ("company", Target::Standard(field::COMPANY)),
    ("timezone", Target::Named("time zone", FieldKind::Text)),
    ("email", Target::Standard(field::EMAIL)),
    ("phone", Target::Standard(field::PHONE)),
    ("evephone", Target::Named("evening phone", FieldKind::Text)),
    ("mobile", Target::Named("mobile phone", FieldKind::Text)),
    ("fax", Target::Named("fax", FieldKind::Text)),
    ("ccname", Target::Standard(field::HOLDER)),
    ("cctype", Target::Standard(field::BRAND)),
    ("ccnum", Target::Standard(field::NUMBER)),
    ("cccsc", Target::Standard(field::VERIFICATION_CODE)),
    ("bankname", Target::Standard(field::BANK)),
    ("notes", Target::Standard(field::NOTES)),
];

/// The lines of a postal address, in the order of an envelope.
const ADDRESS: [&str; 8] = [
    "address1", "address2", "address3", "city", "county", "state", "zip", "country",
];

/// What says that a profile is a person.
const PERSON: [&str; 7] = [
    "firstname",
    "lastname",
    "company",
    "ssn",
    "address1",
    "email",
    "phone",
];

/// Whether a first line is that of profiles.
pub(super) fn is_forms(headers: &[String]) -> bool {
    has_columns(headers, &["profilename", "profilelanguage"])
}

/// Reads one profile.
pub(super) fn read_form(row: &mut Row<'_, '_>, draft: &mut Draft) {
    let is_person = PERSON.iter().any(|name| row.has(name));
    let is_card = row.has("ccnum") || row.has("ccname");
    draft.kind = if is_card && !is_person {
        ItemKind::Card
    } else {
        ItemKind::Identity
    };
    push_text(draft, "salutation", row.take("title"));
    let names = ["firstname", "middlename", "lastname"];
    push_person(draft, names.map(|name| row.take_some(name)));
    row.rewrite("birthday", |text| {
        written_out(text).or_else(|| padded_day(text))
    });
    row.put_all(draft, COLUMNS);
    let lines = ADDRESS.iter().filter_map(|name| row.take_some(name));
    let lines: Vec<String> = lines.collect();
    push_free(draft, field::ADDRESS, None, lines.join("\n"));
    let expiry = row.take("ccexp");
    let expiry = card_expiry(&expiry).unwrap_or(expiry);
    push_free(draft, field::EXPIRES, None, expiry);
    push_text(draft, "language", row.take("profilelanguage"));
}
