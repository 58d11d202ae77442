//! Rows of cells into drafts, once it is known what each column is. Shared by every CSV format.

use super::authenticator::{Tally, count_values};
use super::delimited::{Cell, Quoting, Reader};
use super::labelled::push_free;
use super::place::{
    folder_path, plain_kind, push_named, push_tag, push_url, settle_note, settle_title,
};
use super::{
    ImportError, Imported, ImportedItem, MAX_FIELDS, MAX_ROWS, MAX_VALUE_BYTES, RowProblem, Skipped,
};
use crate::model::draft::{Draft, DraftField, DraftValue, FieldName};
use crate::model::field::{self, FieldKind, ItemKind};

/// What a column holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// The title.
    Title,
    /// One address, or one a line.
    Url,
    /// Addresses separated by commas, as Bitwarden joins them.
    UrlList,
    /// A folder path, its segments separated by any of these.
    Folder(&'static [char]),
    /// Tags, separated by commas or semicolons.
    Tags,
    /// Whether the item is marked.
    Favourite,
    /// Whether the item lies in the trash.
    Trashed,
    /// The kind of item.
    Kind,
    /// A standard field.
    Standard(u8),
    /// A custom field; text becomes multiline where it has several lines.
    Custom {
        /// Its name.
        name: String,
        /// Its kind.
        kind: FieldKind,
    },
    /// A field by keyfold's name for it; text becomes multiline where it has several lines.
    Named(&'static str, FieldKind),
    /// Kept as a custom text field unless it says no.
    IfSet(&'static str),
    /// The item's id in the program of this name, by which a second import knows it again.
    Origin(&'static str),
    /// `name: value`, one a line, as Bitwarden writes custom fields into CSV; secret, since the file does not tell.
    FieldLines,
    /// Kept as a custom text field unless it is `0`, the exporter's way to say nothing.
    UnlessZero(&'static str),
    /// Left out with this reason, unless it is `0`, the exporter's way to say nothing.
    LeftOut(&'static str),
}

/// How a format writes its rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Discipline {
    /// Whoever wrote it: short rows are fine unless the last one alone is short and has no line end.
    Loose,
    /// One program: every row is full, so a short last row without a line end was cut off.
    Full,
    /// As full, and each row ends with a line end; one that does not is worth a warning.
    FullLines,
}

/// Opens a text and reads its header.
pub(super) fn read_header<'a>(
    text: &'a str,
    delimiter: u8,
    quoting: Quoting,
) -> Result<(Vec<String>, Reader<'a>), ImportError> {
    let mut reader = Reader::new(text, delimiter, quoting);
    let mut cells = Vec::new();
    reader.next_row(&mut cells)?;
    let headers = cells.iter().map(|cell| cell.as_str().trim().to_owned());
    Ok((headers.collect(), reader))
}

/// What one row became.
pub(super) enum Became {
    /// An item, and which of its fields were left out and why.
    Item(Draft, LeftOut),
    /// No item, for this reason.
    Nothing(&'static str),
}

/// Names of fields, each with the reason why it was left out.
pub(super) type LeftOut = Vec<(String, &'static str)>;

/// Reads all rows after the header, where what a cell is depends on its column alone.
pub(super) fn read_rows(
    reader: Reader<'_>,
    headers: &[String],
    targets: &[Target],
    discipline: Discipline,
) -> Result<Imported, ImportError> {
    let is_full = |cells: usize| cells >= headers.len();
    read_table(reader, is_full, discipline, |cells| {
        read_draft(cells, headers, targets)
    })
}

/// Reads all rows that are left, each by itself; `is_full` tells by the number of cells that a row was not cut off.
pub(super) fn read_table<'a>(
    mut reader: Reader<'a>,
    is_full: impl Fn(usize) -> bool,
    discipline: Discipline,
    mut read_row: impl FnMut(&mut Vec<Cell<'a>>) -> Became,
) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    let mut cells = Vec::new();
    let mut row = 0;
    let mut tally = Tally::default();
    let mut short_rows = ShortRows::default();
    while reader.next_row(&mut cells)? {
        row += 1;
        if row > MAX_ROWS {
            return Err(ImportError::TooManyRows);
        }
        if !is_full(cells.len()) {
            let last = reader.ended_without_line_end();
            let all_others_full = row > 1 && short_rows.count == 0;
            if last && (discipline != Discipline::Loose || all_others_full) {
                return Err(reader.problem_of_last(RowProblem::CutOff));
            }
            short_rows.note(row);
        }
        if cells.iter().all(|cell| cell.as_str().trim().is_empty()) {
            imported.skipped.push(whole_row(row, "the row is empty"));
            continue;
        }
        if cells
            .iter()
            .any(|cell| cell.as_str().len() > MAX_VALUE_BYTES)
        {
            return Err(reader.problem_of_last(RowProblem::ValueTooLong));
        }
        let (mut draft, left_out) = match read_row(&mut cells) {
            Became::Item(draft, left_out) => (draft, left_out),
            Became::Nothing(reason) => {
                imported.skipped.push(whole_row(row, reason));
                continue;
            }
        };
        settle_note(&mut draft);
        settle_title(&mut draft);
        if count_values(&draft) > MAX_FIELDS {
            return Err(reader.problem_of_last(RowProblem::TooManyFields));
        }
        tally.count(&draft)?;
        for (field, reason) in left_out {
            imported.skipped.push(Skipped {
                row,
                item: Some(draft.title.clone()),
                field: Some(field),
                reason: reason.to_owned(),
            });
        }
        imported.drafts.push(ImportedItem::new(row, draft));
    }
    imported.warnings.extend(short_rows.warning());
    if row == 0 {
        imported
            .warnings
            .push("the file has a header and no rows".to_owned());
    } else if discipline == Discipline::FullLines && reader.ended_without_line_end() {
        imported.warnings.push(
            "the last row has no line end; if the file was cut off there, its last value may be short"
                .to_owned(),
        );
    }
    Ok(imported)
}

/// Rows with fewer cells than the heading has names: where a value had a line break and no quotation marks, the rest of the row
/// stands in the next one, under wrong names.
#[derive(Default)]
struct ShortRows {
    count: usize,
    first: Vec<usize>,
}

impl ShortRows {
    const NAMED: usize = 5;

    fn note(&mut self, row: usize) {
        self.count += 1;
        if self.first.len() < Self::NAMED {
            self.first.push(row);
        }
    }

    fn warning(&self) -> Option<String> {
        let first: Vec<String> = self.first.iter().map(usize::to_string).collect();
        let more = if self.count > first.len() {
            ", …"
        } else {
            ""
        };
        (self.count > 0).then(|| {
            format!(
                "{} rows have fewer values than the first line has names, so some may be under a wrong one: {}{more}",
                self.count,
                first.join(", ")
            )
        })
    }
}

fn whole_row(row: usize, reason: &str) -> Skipped {
    Skipped {
        row,
        item: None,
        field: None,
        reason: reason.to_owned(),
    }
}

fn read_draft(cells: &mut Vec<Cell<'_>>, headers: &[String], targets: &[Target]) -> Became {
    let mut draft = Draft::default();
    draft.fields.reserve_exact(targets.len().min(cells.len()));
    let mut left_out = Vec::new();
    for (at, cell) in cells.drain(..).enumerate() {
        if cell.as_str().is_empty() {
            continue;
        }
        let header = headers.get(at).map_or("", String::as_str);
        match targets.get(at) {
            Some(target) => {
                if let Some(reason) = place(&mut draft, target, header, cell) {
                    left_out.push((header.to_owned(), reason));
                }
            }
            // A cell too many may be the rest of a password with an unquoted comma in it: it is hidden.
            None => {
                let name = format!("column {}", at + 1);
                draft.push_custom(&name, FieldKind::Secret, cell.into_text());
            }
        }
    }
    Became::Item(draft, left_out)
}

/// Puts a cell where it belongs; `Some` is the reason why it was left out.
pub(super) fn place(
    draft: &mut Draft,
    target: &Target,
    header: &str,
    cell: Cell<'_>,
) -> Option<&'static str> {
    let text = cell.as_str();
    match target {
        Target::Title if draft.title.is_empty() => draft.title = cell.into_text(),
        Target::Title => push_named(draft, header, plain_kind(text), cell.into_text()),
        Target::Url => text
            .lines()
            .flat_map(split_addresses)
            .for_each(|url| push_url(draft, url)),
        Target::UrlList => split_url_list(text).for_each(|url| push_url(draft, url)),
        Target::Folder(separators) => draft.folder = folder_path(text, separators),
        Target::Tags => text.split([',', ';']).for_each(|tag| push_tag(draft, tag)),
        Target::Favourite => match parse_flag(text) {
            Some(flag) => draft.favourite = flag,
            None => push_named(draft, header, FieldKind::Text, cell.into_text()),
        },
        Target::Trashed => match parse_flag(text) {
            Some(flag) => draft.trashed = flag,
            None => push_named(draft, header, FieldKind::Text, cell.into_text()),
        },
        Target::Kind => match parse_kind(text) {
            Some(kind) => draft.kind = kind,
            None => push_named(draft, header, FieldKind::Text, cell.into_text()),
        },
        Target::Standard(number) => push_free(draft, *number, None, cell.into_text()),
        Target::Custom { name, kind } => {
            let kind = match kind {
                FieldKind::Text => plain_kind(text),
                kind => *kind,
            };
            draft.fields.push(DraftField {
                name: FieldName::Custom(name.clone()),
                kind,
                value: DraftValue::new(kind, cell.into_text()),
            });
        }
        Target::Named(name, kind) => {
            let kind = match kind {
                FieldKind::Text => plain_kind(text),
                kind => *kind,
            };
            push_named(draft, name, kind, cell.into_text());
        }
        Target::IfSet(name) => {
            if parse_flag(text) != Some(false) {
                push_named(draft, name, FieldKind::Text, cell.into_text());
            }
        }
        Target::Origin(program) => draft.origin = Some(format!("{program}:{text}")),
        Target::FieldLines => read_field_lines(draft, text),
        Target::UnlessZero(name) => {
            if text != "0" {
                push_named(draft, name, FieldKind::Text, cell.into_text());
            }
        }
        Target::LeftOut(reason) => return Some(reason).filter(|_| text != "0").copied(),
    }
    None
}

/// Several addresses in a line, each behind a comma and a blank: no address has a blank in it.
fn split_addresses(line: &str) -> impl Iterator<Item = &str> {
    let has_several = line.split(", ").skip(1).all(|part| part.contains("://"));
    let limit = if has_several { usize::MAX } else { 1 };
    line.splitn(limit, ", ")
}

/// Cuts only before what begins like an address, since an address may have commas itself.
fn split_url_list(text: &str) -> impl Iterator<Item = &str> {
    let begins_address = |part: &str| {
        part.split_once("://").is_some_and(|(scheme, _)| {
            let mut bytes = scheme.trim_start().bytes();
            bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        })
    };
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let whole = rest?;
        let cut = whole.match_indices(',').find(|(at, _)| {
            let after = whole.get(at + 1..).unwrap_or_default();
            begins_address(after.split(',').next().unwrap_or_default())
        });
        let (first, others) = match cut {
            Some((at, _)) => (whole.get(..at).unwrap_or_default(), whole.get(at + 1..)),
            None => (whole, None),
        };
        rest = others;
        Some(first)
    })
}

/// A line without `: ` continues the value before it.
fn read_field_lines(draft: &mut Draft, text: &str) {
    let mut open: Option<(&str, String)> = None;
    for line in text.lines() {
        if draft.fields.len() > MAX_FIELDS {
            return; // The row is refused for it.
        }
        match (
            line.split_once(": ")
                .or(line.strip_suffix(':').map(|name| (name, ""))),
            &mut open,
        ) {
            (Some((name, value)), _) => {
                if let Some((name, value)) = open.take() {
                    push_named(draft, name, FieldKind::Secret, value);
                }
                open = Some((name, value.to_owned()));
            }
            (None, Some((_, value))) => {
                value.push('\n');
                value.push_str(line);
            }
            (None, None) => open = Some(("field", line.to_owned())),
        }
    }
    if let Some((name, value)) = open {
        push_named(draft, name, FieldKind::Secret, value);
    }
}

fn parse_flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "y" | "on" | "x" => Some(true),
        "0" | "false" | "no" | "n" | "off" | "" => Some(false),
        _ => None,
    }
}

fn parse_kind(text: &str) -> Option<ItemKind> {
    let name = text.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    match name.as_str() {
        "password" | "website" => Some(ItemKind::Login),
        "securenote" | "secure-note" => Some(ItemKind::Note),
        "credit-card" | "creditcard" => Some(ItemKind::Card),
        "sshkey" => Some(ItemKind::SshKey),
        name => ItemKind::from_name(name),
    }
}

/// The targets of a format whose columns have known names (given in lower case). Other columns become hidden custom
/// fields, and so does a second column of one name, which would otherwise overwrite the first.
pub(super) fn plan_known(headers: &[String], known: fn(&str) -> Option<Target>) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::with_capacity(headers.len());
    for header in headers {
        let target = known(&header.to_ascii_lowercase())
            .filter(|target| !targets.contains(target))
            .unwrap_or_else(|| custom_target(header, FieldKind::Secret, &targets));
        targets.push(target);
    }
    targets
}

/// The target of a custom field; what is already named like a standard field gets that one if it is free.
pub(super) fn custom_target(header: &str, kind: FieldKind, taken: &[Target]) -> Target {
    let FieldName::Standard(number) = FieldName::from_text(header) else {
        return Target::Custom {
            name: header.to_owned(),
            kind,
        };
    };
    let standard = field::standard_field(number).map_or(FieldKind::Text, |row| row.1);
    let hides = standard.is_secret() || !kind.is_secret();
    if hides && !taken.contains(&Target::Standard(number)) {
        return Target::Standard(number);
    }
    let name = (2..)
        .map(|count| format!("{header} {count}"))
        .find(|name| {
            let mut taken = taken.iter();
            !taken.any(|other| matches!(other, Target::Custom { name: used, .. } if used == name))
        })
        .unwrap_or_default();
    Target::Custom { name, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_list_is_cut_only_between_addresses() {
        let split = |text| split_url_list(text).collect::<Vec<_>>();
        assert_eq!(
            split("https://a/x,y,https://b,androidapp://c"),
            ["https://a/x,y", "https://b", "androidapp://c"]
        );
        assert_eq!(split("example.com,other"), ["example.com,other"]);
    }

    #[test]
    fn field_lines_keep_continued_values_together() {
        let mut draft = Draft::default();
        read_field_lines(&mut draft, "first\r\npin: 1: 2\r\nmore\nempty:\nlast: x");
        let seen: Vec<(&str, usize)> = draft
            .fields
            .iter()
            .map(|field| (field.name.as_text(), field.value.len()))
            .collect();
        assert_eq!(seen, [("field", 5), ("pin", 9), ("empty", 0), ("last", 1)]);
    }
}
