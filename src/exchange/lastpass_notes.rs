//! The text of a secure note of LastPass: plain, or `NoteType:` and one `Key:Value` a line by one of its templates.

use super::dates::{card_expiry, written_out};
use super::generic_csv::is_secret_name;
use super::json::Json;
use super::labelled::{is_overfull, push_free, push_untold, split_entries};
use super::place::{plain_kind, push_named, push_person, push_text, push_url};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind, ItemKind};

/// A template: its name, the kind that it makes, and its keys, each with the standard field that it is.
type Template = (
    &'static str,
    ItemKind,
    &'static [(&'static str, Option<u8>)],
);

/// The templates that LastPass ships. A line with another key belongs to the value before it.
#[rustfmt::skip]
const TEMPLATES: &[Template] = &[
    ("Address", ItemKind::Identity, &[
        ("Title", None), ("First Name", None), ("Middle Name", None), ("Last Name", None),
        ("Username", Some(field::USERNAME)), ("Gender", None), ("Birthday", Some(field::BIRTH_DATE)),
        ("Company", Some(field::COMPANY)), ("Address 1", None), ("Address 2", None), ("Address 3", None),
        ("City / Town", None), ("County", None), ("State", None), ("Zip / Postal Code", None), ("Country", None),
        ("Timezone", None), ("Email Address", Some(field::EMAIL)), ("Phone", Some(field::PHONE)), ("Evening Phone", None),
        ("Mobile Phone", None), ("Fax", None),
    ]),
    ("Bank Account", ItemKind::BankAccount, &[
        ("Bank Name", Some(field::BANK)), ("Account Type", None), ("Routing Number", None),
        ("Account Number", Some(field::NUMBER)), ("SWIFT Code", Some(field::BIC)), ("IBAN Number", Some(field::IBAN)),
        ("Pin", Some(field::PIN)), ("Branch Address", None), ("Branch Phone", None),
    ]),
    ("Credit Card", ItemKind::Card, &[
        ("Name on Card", Some(field::HOLDER)), ("Type", Some(field::BRAND)), ("Number", Some(field::NUMBER)),
        ("Security Code", Some(field::VERIFICATION_CODE)), ("Start Date", None), ("Expiration Date", Some(field::EXPIRES)),
    ]),
    ("Database", ItemKind::Login, &[
        ("Type", None), ("Hostname", None), ("Port", None), ("Database", None), ("Username", Some(field::USERNAME)),
        ("Password", Some(field::PASSWORD)), ("SID", None), ("Alias", None),
    ]),
    ("Driver's License", ItemKind::Identity, &[
        ("Number", Some(field::LICENCE_NUMBER)), ("Expiration Date", Some(field::EXPIRES)), ("License Class", None),
        ("Name", Some(field::FULL_NAME)), ("Address", Some(field::ADDRESS)), ("City / Town", None), ("State", None),
        ("ZIP / Postal Code", None), ("Country", None), ("Date of Birth", Some(field::BIRTH_DATE)), ("Sex", None),
        ("Height", None),
    ]),
    ("Email Account", ItemKind::Login, &[
        ("Username", Some(field::USERNAME)), ("Password", Some(field::PASSWORD)), ("Server", None), ("Port", None),
        ("Type", None), ("SMTP Server", None), ("SMTP Port", None),
    ]),
    ("Health Insurance", ItemKind::Note, &[
        ("Company", Some(field::COMPANY)), ("Company Phone", None), ("Policy Type", None), ("Policy Number", None),
        ("Group ID", None), ("Member Name", None), ("Member ID", None), ("Physician Name", None),
        ("Physician Phone", None), ("Physician Address", None), ("Co-pay", None),
    ]),
    ("Instant Messenger", ItemKind::Login, &[
        ("Type", None), ("Username", Some(field::USERNAME)), ("Password", Some(field::PASSWORD)), ("Server", None),
        ("Port", None),
    ]),
    ("Insurance", ItemKind::Note, &[
        ("Company", Some(field::COMPANY)), ("Policy Type", None), ("Policy Number", None), ("Expiration", Some(field::EXPIRES)),
        ("Agent Name", None), ("Agent Phone", None), ("URL", None),
    ]),
    ("Membership", ItemKind::Login, &[
        ("Organization", Some(field::COMPANY)), ("Membership Number", None), ("Member Name", None), ("Start Date", None),
        ("Expiration Date", Some(field::EXPIRES)), ("Website", None), ("Telephone", Some(field::PHONE)),
        ("Password", Some(field::PASSWORD)),
    ]),
    ("Passport", ItemKind::Identity, &[
        ("Type", None), ("Name", Some(field::FULL_NAME)), ("Country", None), ("Number", Some(field::PASSPORT_NUMBER)),
        ("Sex", None), ("Nationality", None), ("Issuing Authority", None), ("Date of Birth", Some(field::BIRTH_DATE)),
        ("Issued Date", None), ("Expiration Date", Some(field::EXPIRES)),
    ]),
    ("Server", ItemKind::Login, &[
        ("Hostname", None), ("Username", Some(field::USERNAME)), ("Password", Some(field::PASSWORD)),
    ]),
    ("Social Security", ItemKind::Identity, &[
        ("Name", Some(field::FULL_NAME)), ("Number", Some(field::SOCIAL_NUMBER)),
    ]),
    ("Software License", ItemKind::Licence, &[
        ("License Key", Some(field::LICENCE_KEY)), ("Licensee", None), ("Version", None), ("Publisher", None),
        ("Support Email", None), ("Website", None), ("Price", None), ("Purchase Date", None), ("Order Number", None),
        ("Number of Licenses", None), ("Order Total", None),
    ]),
    ("SSH Key", ItemKind::SshKey, &[
        ("Bit Strength", None), ("Format", None), ("Passphrase", Some(field::PASSPHRASE)),
        ("Private Key", Some(field::PRIVATE_KEY)), ("Public Key", Some(field::PUBLIC_KEY)), ("Hostname", None), ("Date", None),
    ]),
    ("Wi-Fi Password", ItemKind::Wifi, &[
        ("SSID", Some(field::NETWORK)), ("Password", Some(field::PASSWORD)), ("Connection Type", None),
        ("Connection Mode", None), ("Authentication", Some(field::SECURITY)), ("Encryption", None), ("Use 802.1X", None),
        ("FIPS Mode", None), ("Key Type", None), ("Protected", None), ("Key Index", None),
    ]),
];

/// The lines of a postal address, in the order of an envelope.
const ADDRESS_LINES: [&str; 8] = [
    "Address 1",
    "Address 2",
    "Address 3",
    "City / Town",
    "County",
    "State",
    "Zip / Postal Code",
    "Country",
];

/// Reads a secure note's text into a draft.
pub(super) fn read_note(draft: &mut Draft, text: &str) {
    let Some(rest) = text.strip_prefix("NoteType:") else {
        push_free(draft, field::TEXT, None, text.to_owned());
        return;
    };
    let (name, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    let name = name.trim();
    let template = TEMPLATES.iter().find(|template| template.0 == name);
    let keys = template.map_or(&[][..], |template| template.2);
    let mut entries = split_note(rest, template.is_some().then_some(keys));
    if let Some(template) = template {
        draft.kind = template.1;
    }
    if !matches!(
        name,
        "Credit Card" | "Bank Account" | "SSH Key" | "Wi-Fi Password"
    ) {
        push_text(draft, "note type", name.to_owned());
    }
    if name == "Address" {
        read_person(draft, &mut entries);
    }
    if template.is_none() {
        // The user may have a field called `text` or `notes`, whose place this is not.
        let notes = entries.iter_mut().filter(|entry| entry.0 == "Notes");
        notes.for_each(|entry| push_notes(draft, std::mem::take(&mut entry.1)));
    }
    for (key, value) in entries {
        if value.trim().is_empty() || is_overfull(draft) {
            continue;
        }
        let known = keys.iter().find(|known| known.0 == key);
        match (key, known) {
            ("Notes", _) => push_notes(draft, value),
            (_, Some((_, Some(number)))) => push_standard(draft, *number, key, value),
            ("Website" | "URL", Some(_)) => push_url(draft, value),
            (_, Some(_)) => push_by_name(draft, key, value),
            ("Language", None) => push_text(draft, "language", value.to_owned()),
            // A template that the user made: nobody knows which of its fields is secret.
            (_, None) => push_untold(draft, key, value.to_owned()),
        }
    }
}

/// Cuts a note into its entries; what follows `Notes:` is all one value.
fn split_note<'t>(text: &'t str, keys: Option<&[(&str, Option<u8>)]>) -> Vec<(&'t str, &'t str)> {
    let mut in_notes = false;
    split_entries(text, |key| {
        let known = match keys {
            Some(keys) => {
                matches!(key, "Notes" | "Language") || keys.iter().any(|known| known.0 == key)
            }
            None => !key.trim().is_empty(),
        };
        let begins = known && !in_notes;
        in_notes |= begins && key == "Notes";
        begins
    })
}

fn push_notes(draft: &mut Draft, value: &str) {
    let number = if draft.kind == ItemKind::Note {
        field::TEXT
    } else {
        field::NOTES
    };
    push_free(draft, number, None, value.to_owned());
}

fn push_standard(draft: &mut Draft, number: u8, key: &str, value: &str) {
    let date = match number {
        field::EXPIRES => card_expiry(value),
        field::BIRTH_DATE => written_out(value),
        _ => None,
    };
    // Without a date LastPass writes its commas alone.
    let is_date = matches!(number, field::EXPIRES | field::BIRTH_DATE);
    if is_date && value.chars().all(|character| character == ',') {
        return;
    }
    // One of its parts alone is no date.
    if is_date && (value.starts_with(',') || value.ends_with(',')) {
        return push_named(draft, key, FieldKind::Text, value.to_owned());
    }
    let text = match (date, number) {
        (Some(date), _) => date,
        (None, field::PHONE) => phone(value),
        _ => value.to_owned(),
    };
    push_free(draft, number, None, text);
}

fn push_by_name(draft: &mut Draft, key: &str, value: &str) {
    if value.chars().all(|character| character == ',') {
        return;
    }
    let secret = is_secret_name(key) || key.ends_with("Number") || key.ends_with("ID");
    if secret {
        return push_named(draft, key, FieldKind::Secret, value.to_owned());
    }
    match written_out(value) {
        Some(date) => push_named(draft, key, FieldKind::Date, date),
        None => {
            let text = phone(value);
            push_named(draft, key, plain_kind(&text), text);
        }
    }
}

/// A telephone number that LastPass writes as JSON, where it is nothing but the number.
fn phone(value: &str) -> String {
    if let Ok(Json::Object(mut object)) = Json::parse(value)
        && let Some(number) = object.take_text("num")
        && object.is_nothing()
    {
        return number;
    }
    value.to_owned()
}

/// The parts of a name and of an address, each as one text.
fn read_person(draft: &mut Draft, entries: &mut [(&str, &str)]) {
    let mut take = |key: &str| {
        let entry = entries.iter_mut().find(|entry| entry.0 == key)?;
        let value = std::mem::take(&mut entry.1).trim();
        (!value.is_empty()).then(|| value.to_owned())
    };
    let salutation = take("Title").unwrap_or_default();
    let names = ["First Name", "Middle Name", "Last Name"].map(&mut take);
    let lines: Vec<String> = ADDRESS_LINES.iter().filter_map(|key| take(key)).collect();
    push_text(draft, "salutation", salutation);
    push_person(draft, names);
    push_free(draft, field::ADDRESS, None, lines.join("\n"));
}
