//! One row of a table whose columns have known names, taken apart by ownership as [`super::json`] takes objects apart:
//! what no rule of the format takes is kept as a hidden field under its column's name.

use super::dates::from_epoch;
use super::delimited::{Cell, Quoting, detect_delimiter};
use super::place::push_named;
use super::table::{Became, Discipline, LeftOut, Target, place, read_header, read_table};
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field::FieldKind;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use zeroize::Zeroizing;

/// A column's name in lower case and what it holds.
pub(super) type Column = (&'static str, Target);

/// A row on its way into a draft.
pub(super) struct Row<'r, 'a> {
    columns: &'r Columns,
    cells: &'r mut [Cell<'a>],
    left_out: LeftOut,
}

struct Columns {
    headers: Vec<String>,
    /// What the fields of columns that no rule takes are called.
    shown: Vec<String>,
    /// By name in lower case. Of two columns with one name the first; where two names mean one thing, both, and a row
    /// fills mostly one of them.
    places: HashMap<String, Vec<usize>>,
}

/// How a format writes its table.
pub(super) struct Layout {
    /// The format.
    pub(super) format: Format,
    /// Whether a first line is this format's.
    pub(super) is_header: fn(&[String]) -> bool,
    /// What tells that the rows are whole.
    pub(super) discipline: Discipline,
    /// How a quote inside a quoted cell is written.
    pub(super) quoting: Quoting,
    /// The name by which the format's rules know a column.
    pub(super) rename: fn(&str) -> Cow<'_, str>,
}

/// Reads a format whose first line `is_header` knows. `read` takes what it knows out of each row into a draft; where it
/// gives a reason, the row is no item.
pub(super) fn read_named(
    text: &str,
    format: Format,
    is_header: fn(&[String]) -> bool,
    read: impl FnMut(&mut Row<'_, '_>, &mut Draft) -> Result<(), &'static str>,
) -> Result<Imported, ImportError> {
    read_laid_out(text, &plain(format, is_header, Discipline::Full), read)
}

/// The same for rows that may go on beyond the first line's columns, so that only their line ends tell them whole.
pub(super) fn read_named_lines(
    text: &str,
    format: Format,
    is_header: fn(&[String]) -> bool,
    read: impl FnMut(&mut Row<'_, '_>, &mut Draft) -> Result<(), &'static str>,
) -> Result<Imported, ImportError> {
    read_laid_out(text, &plain(format, is_header, Discipline::FullLines), read)
}

fn plain(format: Format, is_header: fn(&[String]) -> bool, discipline: Discipline) -> Layout {
    Layout {
        format,
        is_header,
        discipline,
        quoting: Quoting::Doubled,
        rename: |name| Cow::Borrowed(name),
    }
}

/// The same for a table with habits of its own.
pub(super) fn read_laid_out(
    text: &str,
    layout: &Layout,
    mut read: impl FnMut(&mut Row<'_, '_>, &mut Draft) -> Result<(), &'static str>,
) -> Result<Imported, ImportError> {
    let (delimiter, text) = detect_delimiter(text);
    let (headers, reader) = read_header(text, delimiter, layout.quoting)?;
    if !(layout.is_header)(&headers) {
        return Err(ImportError::NotThisFormat {
            format: layout.format,
            reason: "the first line lacks columns that this program writes",
        });
    }
    let width = headers.len();
    let places = places_of(&headers, layout.rename);
    let shown = headers
        .iter()
        .map(|name| (layout.rename)(name).into_owned());
    let columns = Columns {
        shown: shown.collect(),
        headers,
        places,
    };
    let is_full = |cells: usize| cells >= width;
    read_table(reader, is_full, layout.discipline, |cells| {
        let mut row = Row {
            columns: &columns,
            cells,
            left_out: Vec::new(),
        };
        let mut draft = Draft::default();
        match read(&mut row, &mut draft) {
            Ok(()) => {
                row.keep_rest(&mut draft);
                Became::Item(draft, row.left_out)
            }
            Err(reason) => Became::Nothing(reason),
        }
    })
}

fn places_of(headers: &[String], rename: fn(&str) -> Cow<'_, str>) -> HashMap<String, Vec<usize>> {
    let mut places: HashMap<String, Vec<usize>> = HashMap::with_capacity(headers.len());
    let mut seen = HashSet::with_capacity(headers.len());
    for (header, at) in headers.iter().zip(0..) {
        let header = header.to_lowercase();
        let name = rename(&header).into_owned();
        if seen.insert(header) {
            places.entry(name).or_default().push(at);
        }
    }
    places
}

/// Whether a first line has all these columns, in any order.
pub(super) fn has_columns(headers: &[String], names: &[&str]) -> bool {
    names.iter().all(|name| {
        let mut headers = headers.iter();
        headers.any(|header| header.eq_ignore_ascii_case(name))
    })
}

/// Whether a first line has no columns but these, in any order.
pub(super) fn has_only_columns(headers: &[String], names: &[&str]) -> bool {
    headers.iter().all(|header| {
        let mut names = names.iter();
        names.any(|name| header.eq_ignore_ascii_case(name))
    })
}

impl<'r, 'a> Row<'r, 'a> {
    /// The columns' names.
    pub(super) fn headers(&self) -> &'r [String] {
        &self.columns.headers
    }

    /// What stands in a column, empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        let cell = self.place_of(name).and_then(|at| self.cells.get(at));
        cell.map_or("", Cell::as_str)
    }

    /// The column of a name that has something in this row, else the first.
    fn place_of(&self, name: &str) -> Option<usize> {
        let places = self.columns.places.get(name)?;
        let mut filled = places.iter().filter(|at| {
            let cell = self.cells.get(**at);
            cell.is_some_and(|cell| !cell.as_str().is_empty())
        });
        filled.next().or(places.first()).copied()
    }

    /// Whether something stands in a column.
    pub(super) fn has(&self, name: &str) -> bool {
        !self.text(name).trim().is_empty()
    }

    /// Whether nothing stands in any column but these.
    pub(super) fn is_blank_but(&self, names: &[&str]) -> bool {
        let but: Vec<&usize> = names
            .iter()
            .filter_map(|name| self.columns.places.get(*name))
            .flatten()
            .collect();
        let mut cells = self.cells.iter().enumerate();
        cells.all(|(at, cell)| cell.as_str().trim().is_empty() || but.contains(&&at))
    }

    /// Takes what stands in a column.
    pub(super) fn take(&mut self, name: &str) -> String {
        self.take_cell(name).into_text()
    }

    /// The same; `None` where nothing stands there.
    pub(super) fn take_some(&mut self, name: &str) -> Option<String> {
        Some(self.take(name)).filter(|text| !text.trim().is_empty())
    }

    /// Puts a column where it belongs.
    pub(super) fn put(&mut self, draft: &mut Draft, name: &str, target: &Target) {
        let cell = self.take_cell(name);
        if !cell.as_str().is_empty()
            && let Some(reason) = place(draft, target, name, cell)
        {
            self.left_out.push((name.to_owned(), reason));
        }
    }

    /// Puts several columns where they belong.
    pub(super) fn put_all(&mut self, draft: &mut Draft, columns: &[Column]) {
        for (name, target) in columns {
            self.put(draft, name, target);
        }
    }

    /// Puts a moment that is counted from 1970 into a date field.
    pub(super) fn put_epoch(&mut self, draft: &mut Draft, name: &str, field: &str) {
        let text = self.take(name);
        if text.is_empty() || text == "0" {
            return;
        }
        push_named(
            draft,
            field,
            FieldKind::Date,
            from_epoch(&text).unwrap_or(text),
        );
    }

    /// Writes a column in another way, where `to` knows one.
    pub(super) fn rewrite(&mut self, name: &str, to: impl FnOnce(&str) -> Option<String>) {
        let text = to(self.text(name));
        let cell = self.place_of(name).and_then(|at| self.cells.get_mut(at));
        if let (Some(text), Some(cell)) = (text, cell) {
            *cell = Cell::Owned(Zeroizing::new(text));
        }
    }

    /// Takes all cells from a column on.
    pub(super) fn take_from(&mut self, name: &str) -> Vec<String> {
        let Some(start) = self.place_of(name) else {
            return Vec::new();
        };
        let cells = self.cells.iter_mut().skip(start);
        cells
            .map(|cell| std::mem::replace(cell, Cell::Borrowed("")).into_text())
            .collect()
    }

    /// Takes every column that has something, with its name; one beyond the first line has none.
    pub(super) fn take_filled(&mut self) -> Vec<(&'r str, String)> {
        let columns = self.columns;
        let cells = self.cells.iter_mut().zip(0..);
        let filled = cells.filter(|(cell, _)| !cell.as_str().trim().is_empty());
        filled
            .map(|(cell, at)| {
                let text = std::mem::replace(cell, Cell::Borrowed("")).into_text();
                let name = columns.headers.get(at).map_or("", String::as_str);
                (name, text)
            })
            .collect()
    }

    fn take_cell(&mut self, name: &str) -> Cell<'a> {
        match self.place_of(name).and_then(|at| self.cells.get_mut(at)) {
            Some(cell) => std::mem::replace(cell, Cell::Borrowed("")),
            None => Cell::Borrowed(""),
        }
    }

    /// Keeps what is left, hidden, since nobody knows what it is.
    fn keep_rest(&mut self, draft: &mut Draft) {
        for (cell, at) in self.cells.iter_mut().zip(0..) {
            let text = std::mem::replace(cell, Cell::Borrowed("")).into_text();
            if text.is_empty() {
                continue;
            }
            match self.columns.shown.get(at).filter(|name| !name.is_empty()) {
                Some(header) => push_named(draft, header, FieldKind::Secret, text),
                None => {
                    let name = format!("column {}", at + 1);
                    draft.push_custom(&name, FieldKind::Secret, text);
                }
            }
        }
    }
}
