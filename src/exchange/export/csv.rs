//! A table (RFC 4180): one row an item, one column a field. What stands beyond the columns that every program knows says
//! its kind in the heading, `door code (secret)`, so that the reader of exchange/ takes back what was written.
//!
//! A spreadsheet runs a cell that begins like a formula, and what a vault holds may come from anybody. For it such cells get
//! an apostrophe, and every cell stands in quotes, so that one with another separator in mind makes no new cell of it.

use super::entry::{Entry, Remarks, Shown, plain_folder, say_parted_tags};
use super::{Buffer, Order, Reader, WriteError};
use crate::exchange::native::{DocumentField, DocumentItem};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::ids::FieldId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use zeroize::Zeroizing;

/// Columns that every table has, in this order, between address and everything else.
const COMMON: [u8; 4] = [field::USERNAME, field::PASSWORD, field::OTP, field::NOTES];
/// Most columns of custom fields: other programs refuse very wide tables, and so does the reader of exchange/.
const MAX_CUSTOM: usize = 200;
/// The column for custom fields that are too rare for one of their own.
const OTHERS: &str = "fields (secret)";
/// What makes a spreadsheet take a cell for a formula, and what it leaves out before it looks; full-width forms too.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// With one of these in it a file is no text to most readers, that of exchange/ among them, which refuse it whole.
const NO_TEXT: char = '\0';
const REPLACEMENT: &str = "\u{fffd}";
const REPLACED: &str = "a zero character would make a table unreadable, so it is replaced";

/// Writes the items.
pub(super) fn write(
    order: &Order<'_>,
    remarks: &mut Remarks,
) -> Result<Zeroizing<Vec<u8>>, WriteError> {
    let columns = Columns::plan(order);
    let mut table = Table {
        buffer: Buffer::default(),
        reader: order.reader,
        is_first: true,
        guarded: false,
        replaced: false,
    };
    if order.reader == Reader::Spreadsheet {
        // Without it, one takes the text for an encoding of long ago.
        table.buffer.push(BYTE_ORDER_MARK);
    }
    columns.write_header(&mut table);
    for item in &order.document.items {
        remarks.leave_history_out(item, |_| false);
        remarks.leave_conflicts_out(item);
        columns.write_row(Entry::new(item), &mut table, remarks);
    }
    remarks.leave_files_out(order);
    Ok(table.buffer.into_bytes())
}

/// A custom column: name and kind of a field, and which one of that name and kind it is.
type Custom<'d> = (&'d str, FieldKind, usize);

/// Which columns there are beside the common ones.
struct Columns<'d> {
    has_kind: bool,
    has_favourite: bool,
    has_tags: bool,
    has_trashed: bool,
    standard: BTreeSet<u8>,
    custom: BTreeSet<Custom<'d>>,
    has_others: bool,
}

impl<'d> Columns<'d> {
    fn plan(order: &Order<'d>) -> Self {
        let items = &order.document.items;
        let mut standard = BTreeSet::new();
        let mut counts: BTreeMap<Custom<'d>, usize> = BTreeMap::new();
        for item in items {
            let rest = Entry::new(item).into_rest();
            for (place, field) in numbered(&rest) {
                match place {
                    Place::Standard(number) if COMMON.contains(&number) => {}
                    _ if field.value.is_empty() => {}
                    Place::Standard(number) => drop(standard.insert(number)),
                    Place::Custom(custom) => *counts.entry(custom).or_default() += 1,
                }
            }
        }
        let all = counts.len();
        let mut common: Vec<(Custom<'d>, usize)> = counts.into_iter().collect();
        common.sort_by_key(|(custom, count)| (std::cmp::Reverse(*count), *custom));
        let custom: BTreeSet<Custom<'d>> = common
            .into_iter()
            .take(MAX_CUSTOM)
            .map(|row| row.0)
            .collect();
        Self {
            has_kind: items
                .iter()
                .any(|item| Entry::new(item).kind != ItemKind::Login),
            has_favourite: items.iter().any(|item| Entry::new(item).is_favourite()),
            has_tags: items.iter().any(|item| !item.tags.is_empty()),
            has_trashed: items.iter().any(|item| item.trashed),
            standard,
            has_others: custom.len() < all,
            custom,
        }
    }

    fn write_header(&self, table: &mut Table) {
        for name in ["title", "folder", "url"] {
            table.cell(name);
        }
        for number in COMMON {
            table.cell(standard_name(number));
        }
        let optional = [
            (self.has_kind, "kind"),
            (self.has_favourite, "favourite"),
            (self.has_tags, "tags"),
            (self.has_trashed, "trashed"),
        ];
        for (_, name) in optional.iter().filter(|row| row.0) {
            table.cell(name);
        }
        for number in &self.standard {
            let (name, kind) = field::standard_field(*number).unwrap_or(("", FieldKind::Text));
            table.cell(&heading(name, kind));
        }
        for (name, kind, _) in &self.custom {
            table.cell(&heading(name, *kind));
        }
        if self.has_others {
            table.cell(OTHERS);
        }
        table.end_row();
    }

    fn write_row(&self, mut entry: Entry<'d>, table: &mut Table, remarks: &mut Remarks) {
        let item = entry.item;
        let common = COMMON.map(|number| entry.take(number));
        table.named(item.text(field::TITLE), "title", item, remarks);
        table.named(&plain_folder(item, remarks), "folder", item, remarks);
        let urls: Vec<&str> = entry.urls().collect();
        table.named(&urls.join("\n"), "url", item, remarks);
        for (number, field) in COMMON.into_iter().zip(common) {
            match field {
                Some(field) => {
                    table.named(Shown::of(field).text(), &field.name, item, remarks);
                }
                None => table.named("", standard_name(number), item, remarks),
            }
        }
        if self.has_kind {
            table.cell(entry.kind.name());
        }
        if self.has_favourite {
            table.cell(if entry.is_favourite() { "yes" } else { "" });
        }
        if self.has_tags {
            say_parted_tags(item, remarks);
            table.named(&item.tags.join(","), "tags", item, remarks);
        }
        if self.has_trashed {
            table.cell(if item.trashed { "yes" } else { "" });
        }
        self.write_rest(entry, table, remarks);
        table.end_row();
    }

    fn write_rest(&self, entry: Entry<'d>, table: &mut Table, remarks: &mut Remarks) {
        let item = entry.item;
        let rest = entry.into_rest();
        let fields: HashMap<Place<'_>, &DocumentField> = numbered(&rest).collect();
        let text = |place: Place<'_>| fields.get(&place).map(|field| Shown::of(field));
        for number in &self.standard {
            let shown = text(Place::Standard(*number));
            let shown = shown.as_ref().map_or("", Shown::text);
            table.named(shown, standard_name(*number), item, remarks);
        }
        for custom in &self.custom {
            let shown = text(Place::Custom(*custom));
            table.named(
                shown.as_ref().map_or("", Shown::text),
                custom.0,
                item,
                remarks,
            );
        }
        let mut others = Buffer::default();
        for (place, field) in numbered(&rest) {
            let is_there = match place {
                Place::Standard(_) => true,
                Place::Custom(custom) => self.custom.contains(&custom),
            };
            if field.value.is_empty() {
                remarks.leave_out(item, &field.name, "an empty field is none in a table");
            } else if is_there {
                say_name(item, field, remarks);
            } else {
                others.push(&heading(&field.name, field.kind));
                others.push(": ");
                others.push(Shown::of(field).text());
                others.push("\n");
                remarks.change(
                    item,
                    &field.name,
                    "it stands in the last column, with others",
                );
            }
        }
        if self.has_others {
            let others = std::str::from_utf8(others.as_slice()).unwrap_or_default();
            table.named(others.trim_end_matches('\n'), "fields", item, remarks);
        }
    }
}

/// Says what of a name a heading does not keep.
fn say_name(item: &DocumentItem, field: &DocumentField, remarks: &mut Remarks) {
    if field.name.contains(NO_TEXT) {
        remarks.change(item, &field.name, REPLACED);
    }
    if field.name.trim() != field.name {
        let reason = "white space around its name is left out where the table is read";
        remarks.change(item, &field.name, reason);
    }
}

/// Where a field stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place<'d> {
    Standard(u8),
    Custom(Custom<'d>),
}

/// Each field with its place; several custom ones of one name and kind are counted.
fn numbered<'a, 'd>(
    fields: &'a [&'d DocumentField],
) -> impl Iterator<Item = (Place<'d>, &'d DocumentField)> + use<'a, 'd> {
    let mut counts: HashMap<(&str, FieldKind), usize> = HashMap::new();
    fields.iter().map(move |field| {
        let place = match field.id {
            FieldId::Standard(number) if field::standard_field(number).is_some() => {
                Place::Standard(number)
            }
            _ => {
                let count = counts.entry((&field.name, field.kind)).or_default();
                *count += 1;
                Place::Custom((&field.name, field.kind, *count))
            }
        };
        (place, *field)
    })
}

fn standard_name(number: u8) -> &'static str {
    field::standard_field(number).map_or("", |row| row.0)
}

fn heading(name: &str, kind: FieldKind) -> String {
    format!("{name} ({})", kind.name())
}

struct Table {
    buffer: Buffer,
    reader: Reader,
    is_first: bool,
    /// Whether the last cell got an apostrophe.
    guarded: bool,
    /// Whether something of the last cell was replaced.
    replaced: bool,
}

impl Table {
    /// A cell with a value of an item.
    fn named(&mut self, text: &str, name: &str, item: &DocumentItem, remarks: &mut Remarks) {
        self.cell(text);
        if self.guarded {
            remarks.change(
                item,
                name,
                "it begins like a formula, so an apostrophe stands before it",
            );
        }
        if self.replaced {
            remarks.change(item, name, REPLACED);
        }
    }

    fn cell(&mut self, text: &str) {
        if !self.is_first {
            self.buffer.push(",");
        }
        self.is_first = false;
        self.guarded = self.reader == Reader::Spreadsheet && text.starts_with(FORMULA);
        self.replaced = text.contains(NO_TEXT);
        let needs_quotes = self.reader == Reader::Spreadsheet
            || text.contains([',', '"', '\r', '\n', ';', '\t'])
            || text.trim() != text;
        if !needs_quotes {
            self.push_text(text);
            return;
        }
        self.buffer.push("\"");
        if self.guarded {
            self.buffer.push("'");
        }
        for part in text.split_inclusive('"') {
            self.push_text(part);
            if part.ends_with('"') {
                self.buffer.push("\"");
            }
        }
        self.buffer.push("\"");
    }

    fn push_text(&mut self, text: &str) {
        let mut parts = text.split(NO_TEXT);
        self.buffer.push(parts.next().unwrap_or_default());
        for part in parts {
            self.buffer.push(REPLACEMENT);
            self.buffer.push(part);
        }
    }

    fn end_row(&mut self) {
        self.buffer.push("\n");
        self.is_first = true;
    }
}
