//! Keeper's CSV, which has no first line of names: folder, title, login, password, address, notes, shared folder, then
//! custom fields, each a name and a value.

use super::delimited::{Cell, Quoting, Reader};
use super::keeper_fields::{folder_of, push_field};
use super::labelled::{is_overfull, push_free};
use super::place::push_url;
use super::table::{Became, Discipline, read_table};
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field::{self, ItemKind};

/// The cells that every row has.
const FIXED: usize = 7;

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
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
    draft.folder = folder_of(&next(), &folder);
    if login.is_empty() && password.is_empty() && address.is_empty() {
        draft.kind = ItemKind::Note;
    }
    push_free(&mut draft, field::USERNAME, None, login);
    push_free(&mut draft, field::PASSWORD, None, password);
    push_url(&mut draft, &address);
    push_free(&mut draft, field::NOTES, None, notes);
    while let Some(name) = cells.next() {
        let value = cells.next().unwrap_or_default();
        let says = !name.is_empty() || !value.is_empty();
        if says && !is_overfull(&draft) {
            push_field(&mut draft, &name, value);
        }
    }
    draft
}
