//! CSV by its headers: what many programs and spreadsheets call the same things, and what the user says by a mapping.
//!
//! A column that is not recognised becomes a custom field of its header's name; nothing is left out.

use super::delimited::{Quoting, detect_delimiter};
use super::table::{Discipline, Target, custom_target, read_header, read_rows};
use super::{ImportError, Imported, Mapping};
use crate::model::field::{self, FieldKind};

/// Reads any CSV with headers.
pub(super) fn import(text: &str, mapping: Option<&Mapping>) -> Result<Imported, ImportError> {
    let (delimiter, text) = detect_delimiter(text);
    let (headers, reader) = read_header(text, delimiter, Quoting::Doubled)?;
    let targets = plan(&headers, mapping)?;
    read_rows(reader, &headers, &targets, Discipline::Loose)
}

/// A header in lower case with everything between words one blank: `Login_URI` and `loginUri` are `login uri`.
pub(super) fn normalise(header: &str) -> String {
    let mut name = String::with_capacity(header.len());
    let mut was_lower = false;
    for character in header.chars() {
        let begins = !character.is_alphanumeric() || (was_lower && character.is_uppercase());
        if begins && !name.is_empty() && !name.ends_with(' ') {
            name.push(' ');
        }
        if character.is_alphanumeric() {
            name.extend(character.to_lowercase());
        }
        was_lower = character.is_lowercase();
    }
    name.truncate(name.trim_end().len());
    name
}

/// Whether a header names something that makes an item.
pub(super) fn is_known(header: &str) -> bool {
    let name = normalise(header);
    SYNONYMS
        .iter()
        .any(|row| row.names.contains(&name.as_str()))
}

/// What a name means for a field inside an item: an address or a standard field.
pub(super) fn meaning(name: &str) -> Option<Target> {
    let name = normalise(name);
    SYNONYMS
        .iter()
        .find(|row| row.names.contains(&name.as_str()))
        .map(|row| (row.target)())
        .filter(|target| matches!(target, Target::Url | Target::Standard(_)))
}

/// Whether a name means that its values are not for showing.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = normalise(name);
    let mut words = name.split(' ');
    let secret = words.any(|word| SECRET_WORDS.contains(&word))
        || SECRET_PARTS.iter().any(|part| name.contains(part));
    secret && !name.contains("hint")
}

struct Synonyms {
    target: fn() -> Target,
    /// Best name first: of two columns the better name gets the target.
    names: &'static [&'static str],
}

/// Which names stand for what. A target may have a second row below, for names that are weaker than other targets'.
#[rustfmt::skip]
const SYNONYMS: &[Synonyms] = &[
    Synonyms { target: || Target::Title, names: &["title", "name", "account", "item name", "entry", "entry name", "item", "site name", "service", "service name", "display name", "secret name", "label"] },
    Synonyms { target: || Target::Url, names: &["url", "urls", "uri", "uris", "login uri", "login url", "login urls", "secret url", "website", "web site", "web address", "website url", "site", "link", "hostname", "host", "domain"] },
    Synonyms { target: || Target::Standard(field::USERNAME), names: &["username", "user name", "login name", "login username", "login", "user", "user id", "userid", "account name"] },
    Synonyms { target: || Target::Standard(field::PASSWORD), names: &["password", "login password", "passwd", "pass", "pwd"] },
    Synonyms { target: || Target::Standard(field::OTP), names: &["totp", "otp", "otpauth", "otp auth", "login totp", "otp url", "otpurl", "otp secret", "totp secret", "one time password", "2fa", "mfa", "two factor", "authenticator key"] },
    Synonyms { target: || Target::Standard(field::NOTES), names: &["notes", "note", "comments", "comment", "extra", "remarks", "memo", "description"] },
    Synonyms { target: || Target::Folder(&['/']), names: &["folder", "group", "folder name", "group name", "category"] },
    Synonyms { target: || Target::Folder(&['\\', '/']), names: &["grouping"] },
    Synonyms { target: || Target::Tags, names: &["tags", "tag", "labels"] },
    Synonyms { target: || Target::Favourite, names: &["favourite", "favorite", "favorites", "favourites", "fav", "starred"] },
    Synonyms { target: || Target::Trashed, names: &["trashed"] },
    Synonyms { target: || Target::Kind, names: &["type", "kind", "item type"] },
    Synonyms { target: || Target::Standard(field::EMAIL), names: &["email", "e mail", "mail", "email address", "login email"] },
    Synonyms { target: || Target::Standard(field::NUMBER), names: &["card number", "cardnumber", "ccnum", "account number"] },
    Synonyms { target: || Target::Standard(field::VERIFICATION_CODE), names: &["cvv", "cvc", "cvv2", "cccsc", "security code"] },
    Synonyms { target: || Target::Standard(field::HOLDER), names: &["cardholder", "cardholder name", "card holder", "name on card", "account holder"] },
    Synonyms { target: || Target::Standard(field::EXPIRES), names: &["expires", "expiry date", "expiration date", "expiry", "expiration"] },
    Synonyms { target: || Target::Standard(field::CREATED), names: &["created", "created at", "creation date", "creation time", "date created"] },
    Synonyms { target: || Target::Custom { name: "modified".to_owned(), kind: FieldKind::Date }, names: &["last modified", "modified", "modified at", "updated at", "last updated", "revision date"] },
];

/// Columns that by themselves make an item out of a row; one of them must be there.
const MAIN: &[fn(&Target) -> bool] = &[
    |target| matches!(target, Target::Title | Target::Url),
    |target| matches!(target, Target::Standard(_)),
];

/// Words in a header that mean its values are not for showing.
const SECRET_WORDS: &[&str] = &[
    "pin",
    "cvv",
    "cvc",
    "cvv2",
    "key",
    "keys",
    "code",
    "codes",
    "answer",
    "answers",
    "seed",
    "private",
    "security",
    "recovery",
    "backup",
    "credential",
    "credentials",
    "ssn",
    "iban",
    "puk",
    "pwd",
    "pw",
    "otp",
    "totp",
    "2fa",
    "mfa",
    "hidden",
    "protected",
];

/// Parts of words that mean the same, as in `apitoken`.
const SECRET_PARTS: &[&str] = &[
    "secret",
    "token",
    "passw",
    "passphrase",
    "passcode",
    "apikey",
    "privatekey",
];

/// What each column is.
fn plan(headers: &[String], mapping: Option<&Mapping>) -> Result<Vec<Target>, ImportError> {
    let mut plan: Vec<Option<Target>> = vec![None; headers.len()];
    for (target, column) in mapping.map_or(&[][..], Mapping::pairs) {
        let found = find_column(headers, column).and_then(|at| plan.get_mut(at));
        match found {
            Some(place) => *place = Some(target.clone()),
            None => {
                let column = column.clone();
                return Err(ImportError::NoSuchColumn { column });
            }
        }
    }
    recognise(headers, &mut plan);
    let known = plan.iter().flatten();
    let mut known = known.filter(|target| MAIN.iter().any(|test| test(target)));
    if known.next().is_none() {
        return Err(ImportError::NoKnownColumn);
    }
    let mut taken: Vec<Target> = plan.iter().flatten().cloned().collect();
    let mut targets = Vec::with_capacity(headers.len());
    for (at, (header, target)) in headers.iter().zip(plan).enumerate() {
        targets.push(target.unwrap_or_else(|| {
            let target = unrecognised(at, header, &taken);
            taken.push(target.clone());
            target
        }));
    }
    Ok(targets)
}

/// Gives every target that nobody has yet to the column with its best name.
fn recognise(headers: &[String], plan: &mut [Option<Target>]) {
    let name_of = |header: &String| match marked(header) {
        Some(_) => String::new(),
        None => normalise(header),
    };
    let names: Vec<String> = headers.iter().map(name_of).collect();
    for row in SYNONYMS {
        let target = (row.target)();
        let many = matches!(target, Target::Url | Target::Tags);
        for synonym in row.names {
            for (name, place) in names.iter().zip(0..) {
                let free = plan.get(place).is_some_and(Option::is_none);
                if name != synonym || !free || (!many && is_taken(plan, &target)) {
                    continue;
                }
                if let Some(place) = plan.get_mut(place) {
                    *place = Some(target.clone());
                }
            }
        }
    }
    // Where nothing else names the user, the e-mail address does.
    let username = Target::Standard(field::USERNAME);
    if !is_taken(plan, &username) {
        let email = Target::Standard(field::EMAIL);
        let mut places = plan.iter_mut().flatten();
        if let Some(place) = places.find(|place| **place == email) {
            *place = username;
        }
    }
}

fn is_taken(plan: &[Option<Target>], target: &Target) -> bool {
    plan.iter().flatten().any(|other| match (other, target) {
        (Target::Folder(_), Target::Folder(_)) => true,
        (other, target) => other == target,
    })
}

fn unrecognised(at: usize, header: &str, taken: &[Target]) -> Target {
    if header.is_empty() {
        return Target::Custom {
            name: format!("column {}", at + 1),
            kind: FieldKind::Secret,
        };
    }
    if let Some((name, kind)) = marked(header) {
        return custom_target(name, kind, taken);
    }
    let kind = if is_secret_name(header) {
        FieldKind::Secret
    } else {
        FieldKind::Text
    };
    // A standard field's name is meant however it is written: `Passport Number` is `passport-number`.
    let dashed = normalise(header).replace(' ', "-");
    let header = match field::standard_number(&dashed) {
        Some(number) if number >= field::USERNAME => dashed.as_str(),
        _ => header,
    };
    custom_target(header, kind, taken)
}

/// A heading as keyfold's own table has it: a field's name, and its kind in brackets.
fn marked(header: &str) -> Option<(&str, FieldKind)> {
    let (name, kind) = header.strip_suffix(')')?.rsplit_once('(')?;
    Some((name.trim_end(), FieldKind::from_name(kind)?))
}

/// The column of exactly this name, else the only one of this name without case.
fn find_column(headers: &[String], column: &str) -> Option<usize> {
    if let Some(at) = headers.iter().position(|header| header == column) {
        return Some(at);
    }
    let lower = column.to_lowercase();
    let mut found = headers
        .iter()
        .enumerate()
        .filter(|(_, header)| header.to_lowercase() == lower);
    match (found.next(), found.next()) {
        (Some((at, _)), None) => Some(at),
        _ => None,
    }
}
