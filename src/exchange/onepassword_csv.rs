//! 1Password's CSV: version 8's (`Title,Website,…,One-time password,Favorite status,Archived status,…`, at first
//! `Title,Url,…,OTPAuth,Favorite,Archived,…`) and version 7's, in which the user chose the columns.
//!
//! Version 7 for Mac names columns `number(ccnum)`, writes a quote as `\"` and tags as its system prints a set; that for
//! Windows names them `2: NUMBER` and `NAME 1: FIRST NAME`, by their place in the form.

use super::dates::{card_expiry, day_from_epoch};
use super::delimited::Quoting;
use super::labelled::push_free;
use super::place::{push_person, push_tag, push_text};
use super::row::{Column, Layout, Row, has_columns, read_laid_out};
use super::table::{Discipline, Target};
use super::{Format, ImportError, Imported, RowProblem};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind, ItemKind};
use std::borrow::Cow;

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
    ("name on card", Target::Standard(field::HOLDER)),
    ("number", Target::Standard(field::NUMBER)),
    (
        "verification number",
        Target::Standard(field::VERIFICATION_CODE),
    ),
    ("cvv", Target::Standard(field::VERIFICATION_CODE)),
    ("pin", Target::Standard(field::PIN)),
    ("bank", Target::Standard(field::BANK)),
    ("bank name", Target::Standard(field::BANK)),
    ("birth date", Target::Standard(field::BIRTH_DATE)),
    ("default phone", Target::Standard(field::PHONE)),
    ("address", Target::Standard(field::ADDRESS)),
];

/// Columns of version 7 that no other program writes beside a title.
const OLD_COLUMNS: [&str; 5] = ["notesplain", "ainfo", "autosubmit", "scope", "ulist"];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let doubled = read_quoted(text, Quoting::Doubled);
    let is_escaped = text.contains("\\\"")
        && matches!(
            doubled,
            Err(ImportError::Row {
                problem: RowProblem::StrayQuote | RowProblem::UnterminatedQuote,
                ..
            })
        );
    match is_escaped.then(|| read_quoted(text, Quoting::Backslash)) {
        Some(Ok(imported)) => Ok(imported),
        _ => doubled,
    }
}

fn read_quoted(text: &str, quoting: Quoting) -> Result<Imported, ImportError> {
    let layout = Layout {
        format: Format::OnePasswordCsv,
        is_header,
        discipline: Discipline::Full,
        quoting,
        rename,
    };
    read_laid_out(text, &layout, |row, draft| {
        draft.kind = read_kind(row, draft);
        if let Some(tags) = printed_set(row.text("tags")) {
            row.take("tags");
            tags.iter().for_each(|tag| push_tag(draft, tag));
        }
        row.rewrite("birth date", day_from_epoch);
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
        if draft.kind == ItemKind::Card {
            row.put(draft, TYPE_IN_FORM, &Target::Standard(field::BRAND));
        }
        row.put_epoch(draft, "created date", "created");
        row.put_epoch(draft, "modified date", "modified");
        Ok(())
    })
}

/// What a form calls `type`, as a card's brand, which is not the item's kind.
const TYPE_IN_FORM: &str = "type in form";

/// A column's name without what version 7 put around it: an id after it, or its section and place before it.
fn rename(name: &str) -> Cow<'_, str> {
    let plain = without_place(without_id(name));
    if plain == "type" && plain.len() < name.len() {
        return Cow::Borrowed(TYPE_IN_FORM);
    }
    Cow::Borrowed(plain)
}

/// `number(ccnum)` is `number`. Brackets after a blank are the user's own.
fn without_id(name: &str) -> &str {
    let cut = name
        .strip_suffix(')')
        .and_then(|rest| rest.rsplit_once('('));
    match cut {
        Some((plain, id)) if !plain.is_empty() && !plain.ends_with(' ') && !id.is_empty() => plain,
        _ => name,
    }
}

/// `2: number` and `name 1: first name` are `number` and `first name`.
fn without_place(name: &str) -> &str {
    let Some((place, plain)) = name.split_once(": ") else {
        return name;
    };
    let number = place.rsplit(' ').next().unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let says = !plain.trim().is_empty();
    if is_number && says {
        plain.trim()
    } else {
        name
    }
}

/// The members of a set as macOS prints it: `{(` and `)}` around one member a line, quoted where it is no plain word.
/// `None` where a text is no such set.
fn printed_set(text: &str) -> Option<Vec<String>> {
    let inside = text.trim().strip_prefix("{(")?.strip_suffix(")}")?;
    let mut members = vec![String::new()];
    let mut quoted = false;
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        let Some(member) = members.last_mut() else {
            break;
        };
        match character {
            '"' => quoted = !quoted,
            '\\' if quoted => member.extend(escaped(&mut characters)),
            ',' if !quoted && member.trim().is_empty() => {}
            ',' if !quoted => members.push(String::new()),
            // Blanks around a member are trimmed below.
            other => member.push(other),
        }
    }
    for member in &mut members {
        *member = member.trim().to_owned();
    }
    members.retain(|member| !member.is_empty());
    Some(members)
}

/// What follows a backslash: `U` and a character's number in four hexadecimal digits, or a character that means itself.
fn escaped(characters: &mut std::str::Chars<'_>) -> Option<char> {
    let rest = characters.as_str();
    let number = rest.strip_prefix('U').and_then(|rest| rest.get(..4));
    let number = number.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match number.and_then(char::from_u32) {
        Some(character) => {
            *characters = rest.get(5..).unwrap_or_default().chars();
            Some(character)
        }
        None => match characters.next() {
            Some('n') => Some('\n'),
            other => other,
        },
    }
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    let plain = headers.iter().map(|name| rename(name).into_owned());
    let headers: Vec<String> = plain.collect();
    let has = |names: &[&str]| has_columns(&headers, names);
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
    let card = ["expiry date", "verification number", "cvv"];
    if row.has("number") && card.iter().any(|name| row.has(name)) {
        ItemKind::Card
    } else if row.has("first name") || row.has("last name") {
        ItemKind::Identity
    } else {
        ItemKind::Login
    }
}
