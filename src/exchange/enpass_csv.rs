//! Enpass's CSV: each row is a title, then a field's name and value as often as there are fields, then the note. The
//! first line, `"Title","Field","Value",…,"Note"`, names no more columns than that, and older versions leave it out.

use super::delimited::{Cell, Quoting, Reader};
use super::labelled::{is_overfull, push_free, push_untold};
use super::table::{Became, Discipline, read_header, read_table};
use super::{Format, ImportError, Imported, generic_csv};
use crate::model::draft::Draft;
use crate::model::field::{self, ItemKind};

/// Names of fields that tell a card, and that tell a login, in lower case.
const CARD_NAMES: [&str; 3] = ["cardholder", "cvc", "expiry date"];
const LOGIN_NAMES: [&str; 5] = ["username", "password", "email", "e-mail", "url"];

/// Further names that templates give, enough to tell a row by.
const OTHER_NAMES: [&str; 5] = [
    "website",
    "phone",
    "one-time code",
    "security question",
    "number",
];

/// Names whose meaning is clear in a card alone.
const CARD_FIELDS: [(&str, u8); 3] = [
    ("number", field::NUMBER),
    ("type", field::BRAND),
    ("pin", field::PIN),
];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let (headers, mut reader) = read_header(text, b',', Quoting::Doubled)?;
    let has_heading = is_header(&headers);
    if !has_heading {
        if !is_row(&headers) {
            return Err(ImportError::NotThisFormat {
                format: Format::EnpassCsv,
                reason: "the first line is neither Title,Field,Value nor an item",
            });
        }
        reader = Reader::new(text, b',', Quoting::Doubled).without_header();
    }
    // A title, pairs and a note, which versions without a heading may leave out.
    let is_full = |cells: usize| cells >= 2 && (cells.is_multiple_of(2) || !has_heading);
    read_table(reader, is_full, Discipline::FullLines, |cells| {
        Became::Item(read_row(cells), Vec::new())
    })
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    let mut pairs = headers.iter().zip(["title", "field", "value"]);
    headers.len() >= 3 && pairs.all(|(header, own)| header.eq_ignore_ascii_case(own))
}

/// Whether a first line is an item already: names of fields stand where names belong, and nowhere else.
pub(super) fn is_row(cells: &[String]) -> bool {
    let is_label = |cell: &&String| {
        let cell = cell.trim().trim_start_matches('*');
        let mut known = LOGIN_NAMES.iter().chain(&CARD_NAMES).chain(&OTHER_NAMES);
        known.any(|name| cell.eq_ignore_ascii_case(name))
    };
    let names = cells.iter().skip(1).step_by(2);
    let starred = names.clone().filter(|cell| cell.starts_with('*')).count();
    let labels = names.filter(is_label).count();
    let values = cells.iter().skip(2).step_by(2);
    // A heading has names everywhere.
    let mut others = cells.iter().take(1).chain(values);
    let is_heading = others.any(|cell| is_label(&cell) || generic_csv::is_known(cell));
    labels + starred >= 2 && !is_heading
}

fn read_row(cells: &mut Vec<Cell<'_>>) -> Draft {
    let mut draft = Draft {
        kind: guess_kind(cells),
        ..Draft::default()
    };
    // Of an even number of cells the last is the note; of an odd one too there is none to be told from a value.
    let note = if cells.len().is_multiple_of(2) {
        cells.pop()
    } else {
        None
    };
    let mut cells = cells.drain(..).map(Cell::into_text);
    draft.title = cells.next().unwrap_or_default();
    while let Some(name) = cells.next() {
        let value = cells.next().unwrap_or_default();
        // It marks what is not to be shown.
        let name = name.trim_start_matches('*').to_owned();
        // A field of a template that the user left empty says nothing.
        if value.is_empty() || is_overfull(&draft) {
            continue;
        }
        let of_card = CARD_FIELDS
            .iter()
            .filter(|_| draft.kind == ItemKind::Card)
            .find(|own| name.eq_ignore_ascii_case(own.0));
        match of_card {
            Some((_, number)) => push_free(&mut draft, *number, None, value),
            None => push_untold(&mut draft, &name, value),
        }
    }
    push_free(
        &mut draft,
        field::NOTES,
        None,
        note.map(Cell::into_text).unwrap_or_default(),
    );
    draft
}

fn guess_kind(cells: &[Cell<'_>]) -> ItemKind {
    let has = |names: &[&str]| {
        let pairs = cells.len().saturating_sub(1) / 2;
        let labels = cells.iter().skip(1).step_by(2).take(pairs);
        let labels = labels.map(Cell::as_str);
        let mut labels = labels.map(|label| label.trim_start_matches('*'));
        labels.any(|label| names.iter().any(|name| label.eq_ignore_ascii_case(name)))
    };
    if has(&CARD_NAMES) {
        ItemKind::Card
    } else if has(&LOGIN_NAMES) {
        ItemKind::Login
    } else if cells.len() <= 2 {
        ItemKind::Note
    } else {
        ItemKind::Custom
    }
}
