//! Keeper's CSV, which has no first line of names unless it was made from Keeper's template: folder, title, login,
//! password, address, notes, shared folder, then custom fields, each a name and a value.

use super::dates::card_expiry;
use super::delimited::{Cell, Quoting, Reader};
use super::json::Json;
use super::keeper_fields::{folder_of, is_note, kind_of, push_field, read_value};
use super::labelled::{is_overfull, push_free};
use super::place::{push_url, settle_note};
use super::table::{Became, Discipline, read_header, read_table};
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field::{self, ItemKind};
use zeroize::Zeroizing;

/// The cells that every row has.
const FIXED: usize = 7;

/// Their names in Keeper's template.
const NAMES: [&str; FIXED] = [
    "Folder",
    "Title",
    "Login",
    "Password",
    "Website Address",
    "Notes",
    "Shared Folder",
];

/// What the command line of Keeper writes after a shared folder's name: what others may do in it.
const RIGHTS: [&str; 2] = ["#edit", "#reshare"];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    if first_rows(first_line(text))
        .iter()
        .any(|row| is_header(row))
    {
        let (_, reader) = read_header(text, b',', Quoting::Doubled)?;
        // A row may have an empty cell under the last name.
        let is_full = |cells| cells >= FIXED;
        return read_table(reader, is_full, Discipline::FullLines, |cells| {
            Became::Item(read_row(cells), Vec::new())
        });
    }
    if !looks_like(text) {
        return Err(ImportError::NotThisFormat {
            format: Format::KeeperCsv,
            reason: "its rows are not folder, title, login, password, address, notes, shared folder and pairs",
        });
    }
    let reader = Reader::new(text, b',', Quoting::Doubled).without_header();
    read_table(reader, is_full, Discipline::FullLines, |cells| {
        Became::Item(read_row(cells), Vec::new())
    })
}

/// Whether the first rows have as many cells as Keeper writes, and an address or one of Keeper's own names among them.
/// A text without names of columns is told by nothing else.
pub(super) fn is_format(head: &str) -> bool {
    let rows = first_rows(head);
    let own = rows.iter().any(|row| {
        let names = row.iter().skip(FIXED).step_by(2);
        let mut names = names.map(String::as_str);
        row.get(4).is_some_and(|address| address.contains("://"))
            || names.any(|name| name.starts_with('$') || name == "TFC:Keeper")
    });
    own && rows.iter().all(|row| is_full(row.len()))
}

/// Whether a first line is that of Keeper's template.
pub(super) fn is_header(headers: &[String]) -> bool {
    let mut pairs = headers.iter().zip(NAMES);
    headers.len() >= FIXED && pairs.all(|(header, name)| header.trim().eq_ignore_ascii_case(name))
}

fn first_line(text: &str) -> &str {
    let text = text.trim_start_matches(['\r', '\n']);
    text.split(['\r', '\n']).next().unwrap_or_default()
}

/// The least that must hold where the user says that it is this format.
fn looks_like(text: &str) -> bool {
    let mut cells = Vec::new();
    let mut reader = Reader::new(text, b',', Quoting::Doubled);
    let first = reader.next_row(&mut cells);
    // Rows that are cut off or cannot be read are told of by their place.
    first.is_err() || is_full(cells.len())
}

fn is_full(cells: usize) -> bool {
    cells >= FIXED && cells % 2 == 1
}

/// The rows that a beginning of the text has whole.
fn first_rows(head: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::new(head, b',', Quoting::Doubled);
    let mut cells: Vec<Cell<'_>> = Vec::new();
    let mut rows = Vec::new();
    while let Ok(true) = reader.next_row(&mut cells) {
        rows.push(cells.drain(..).map(Cell::into_text).collect());
    }
    if reader.ended_without_line_end() && rows.len() > 1 {
        rows.pop();
    }
    rows
}

fn read_row(cells: &mut Vec<Cell<'_>>) -> Draft {
    let mut draft = Draft::default();
    let mut cells = cells.drain(..).map(Cell::into_text);
    let mut next = || cells.next().unwrap_or_default();
    let folder = next();
    draft.title = next();
    let (login, password, address, notes) = (next(), next(), next(), next());
    draft.folder = folder_of(without_rights(&next()), without_rights(&folder));
    let mut pairs = Vec::with_capacity(cells.len() / 2);
    while let Some(name) = cells.next() {
        pairs.push((name, Zeroizing::new(cells.next().unwrap_or_default())));
    }
    draft.kind = match take(&mut pairs, |name| name == "$type") {
        Some(kind) => kind_of(&mut draft, &kind),
        None if login.is_empty() && password.is_empty() && address.is_empty() => ItemKind::Note,
        None => ItemKind::Login,
    };
    let id = take(&mut pairs, |name| name == "$record_uid");
    draft.origin = id.map(|id| format!("keeper:{}", *id));
    push_free(&mut draft, field::USERNAME, None, login);
    push_free(&mut draft, field::PASSWORD, None, password);
    push_url(&mut draft, &address);
    push_free(&mut draft, field::NOTES, None, notes);
    if draft.kind == ItemKind::Note {
        // What a note is comes before a field that only has such a name.
        if let Some(mut text) = take(&mut pairs, is_note) {
            push_free(&mut draft, field::TEXT, None, std::mem::take(&mut *text));
        }
        settle_note(&mut draft);
    }
    for (name, value) in pairs {
        let says = !name.is_empty() || !value.is_empty();
        if says && !is_overfull(&draft) {
            push_pair(&mut draft, &name, value);
        }
    }
    draft
}

/// Takes the first pair of such a name that says something.
fn take(
    pairs: &mut Vec<(String, Zeroizing<String>)>,
    is: impl Fn(&str) -> bool,
) -> Option<Zeroizing<String>> {
    let mut places = pairs.iter();
    let at = places.position(|(name, value)| is(name) && !value.trim().is_empty())?;
    Some(pairs.remove(at).1)
}

/// Adds a custom field; one of several parts is JSON, or a card's number, expiry and code between blanks.
fn push_pair(draft: &mut Draft, name: &str, mut value: Zeroizing<String>) {
    if name.starts_with('$')
        && value.trim_start().starts_with('{')
        && let Ok(Json::Object(parts)) = Json::parse(&value)
    {
        return read_value(draft, name, Json::Object(parts));
    }
    if name.starts_with("$paymentCard") && push_card(draft, &value) {
        return;
    }
    let text = Zeroizing::new(std::mem::take(&mut *value));
    if text.is_empty() {
        push_field(draft, name, String::new());
    } else {
        read_value(draft, name, Json::Text(text));
    }
}

/// Adds a card's parts, where the text is nothing else.
fn push_card(draft: &mut Draft, text: &str) -> bool {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts: Vec<(u8, String)> = Vec::new();
    for part in text.split_whitespace() {
        let known = match (part.len(), card_expiry(part)) {
            (_, Some(date)) if part.contains('/') => (field::EXPIRES, date),
            (12..=19, _) if is_number(part) => (field::NUMBER, part.to_owned()),
            (3 | 4, _) if is_number(part) => (field::VERIFICATION_CODE, part.to_owned()),
            _ => return false,
        };
        if parts.iter().any(|(number, _)| *number == known.0) {
            return false;
        }
        parts.push(known);
    }
    let found = !parts.is_empty();
    for (number, text) in parts {
        push_free(draft, number, None, text);
    }
    found
}

fn without_rights(folder: &str) -> &str {
    let mut folder = folder;
    while let Some(rest) = RIGHTS.iter().find_map(|right| folder.strip_suffix(right)) {
        folder = rest;
    }
    folder
}
