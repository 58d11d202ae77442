//! An item that is taken apart by a writer, and what is said of values that the format has no place for.

use super::Order;
use crate::exchange::native::{DocumentField, DocumentFormer, DocumentItem};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::ids::{FieldId, ItemId};
use crate::otp::{Kind, Seed};
use crate::secret::Secret;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// Fields that say what the item is, and are no fields of it.
const DESCRIBING: [u8; 5] = [
    field::KIND,
    field::TITLE,
    field::FOLDER,
    field::FAVOURITE,
    field::ORIGIN,
];

/// One item; what is still in it has no place yet.
pub(super) struct Entry<'d> {
    pub(super) item: &'d DocumentItem,
    pub(super) kind: ItemKind,
    fields: Vec<&'d DocumentField>,
}

impl<'d> Entry<'d> {
    pub(super) fn new(item: &'d DocumentItem) -> Self {
        let describes =
            |id: FieldId| matches!(id, FieldId::Standard(number) if DESCRIBING.contains(&number));
        let fields = item.fields.iter().filter(|field| !describes(field.id));
        Self {
            item,
            kind: ItemKind::from_name(item.text(field::KIND)).unwrap_or_default(),
            fields: fields.collect(),
        }
    }

    /// Takes a standard field out.
    pub(super) fn take(&mut self, number: u8) -> Option<&'d DocumentField> {
        self.take_if(number, |_| true)
    }

    /// Takes a standard field out if it is as wanted.
    pub(super) fn take_if(
        &mut self,
        number: u8,
        is_wanted: impl Fn(&DocumentField) -> bool,
    ) -> Option<&'d DocumentField> {
        let id = FieldId::Standard(number);
        self.take_where(|field| field.id == id && is_wanted(field))
    }

    /// Takes the first custom field of this name out that is as wanted.
    pub(super) fn take_custom(
        &mut self,
        name: &str,
        is_wanted: impl Fn(&DocumentField) -> bool,
    ) -> Option<&'d DocumentField> {
        self.take_where(|field| {
            let is_custom = matches!(field.id, FieldId::Custom(_));
            is_custom && field.name == name && is_wanted(field)
        })
    }

    fn take_where(
        &mut self,
        is_wanted: impl Fn(&DocumentField) -> bool,
    ) -> Option<&'d DocumentField> {
        let at = self.fields.iter().position(|field| is_wanted(field))?;
        Some(self.fields.remove(at))
    }

    /// All that is left, in its order.
    pub(super) fn into_rest(self) -> Vec<&'d DocumentField> {
        self.fields
    }

    pub(super) fn is_favourite(&self) -> bool {
        !self.item.text(field::FAVOURITE).is_empty()
    }

    /// Addresses in their order; one that was changed apart stands twice.
    pub(super) fn urls(&self) -> impl Iterator<Item = &'d str> + use<'d> {
        self.item.urls.iter().map(|url| url.value.as_str())
    }
}

/// A field's value as another program may have it.
pub(super) enum Shown<'d> {
    /// As it is.
    Same(&'d Secret),
    /// A text that is not secret.
    Plain(&'d str),
    /// Put together for the export, as an HOTP seed that goes on with its count.
    Made(Secret),
}

impl<'d> Shown<'d> {
    pub(super) fn of(field: &'d DocumentField) -> Self {
        let counted = field.counter.and_then(|count| {
            let seed = Seed::parse(&field.value).ok()?;
            let is_behind = matches!(seed.kind(), Kind::Hotp { counter } if counter < count);
            is_behind.then(|| seed.with_counter(Some(count)).write_uri())
        });
        counted.map_or(Self::Same(&field.value), Self::Made)
    }

    pub(super) fn made(text: String) -> Self {
        Self::Made(Secret::new(text))
    }

    pub(super) fn text(&self) -> &str {
        let value = match self {
            Self::Plain(text) => return text,
            Self::Same(value) => value,
            Self::Made(value) => value,
        };
        // EXPOSE: an export holds every value in clear; it goes straight into the one buffer.
        value.expose()
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_str(self.text())
    }
}

/// What became of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// It is not in the export.
    LeftOut,
    /// It is there in another way.
    Changed,
}

impl What {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LeftOut => "left out",
            Self::Changed => "changed",
        }
    }
}

/// What is said of one value of an item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// The item.
    pub item: ItemId,
    /// Its folder and title.
    pub path: String,
    /// The field's name; `None` where it is said of the whole item.
    pub field: Option<String>,
    /// What became of it.
    pub what: What,
    /// Why, in words for the user.
    pub reason: String,
}

const NO_FILES: &str = "the format has no attached files";
const APART: &str =
    "it holds several values that were changed apart, and the newest alone is there";

/// What has been said.
#[derive(Default)]
pub(super) struct Remarks {
    pub(super) list: Vec<Remark>,
    /// How many seeds were written, where a format holds nothing else.
    pub(super) seeds: Option<usize>,
}

impl Remarks {
    pub(super) fn leave_item_out(&mut self, item: &DocumentItem, reason: &str) {
        self.push(item, None, What::LeftOut, reason);
    }

    pub(super) fn leave_out(&mut self, item: &DocumentItem, field: &str, reason: &str) {
        self.push(item, Some(field), What::LeftOut, reason);
    }

    pub(super) fn change(&mut self, item: &DocumentItem, field: &str, reason: &str) {
        self.push(item, Some(field), What::Changed, reason);
    }

    fn push(&mut self, item: &DocumentItem, field: Option<&str>, what: What, reason: &str) {
        self.list.push(Remark {
            item: item.id,
            path: item.path.clone(),
            field: field.map(str::to_owned),
            what,
            reason: reason.to_owned(),
        });
    }

    /// Files that the user left out.
    pub(super) fn tell_left_out(&mut self, order: &Order<'_>) {
        for (id, name) in order.left_out {
            let mut items = order.document.items.iter();
            if let Some(item) = items.find(|item| item.id == *id) {
                self.leave_out(item, &format!("file {name}"), "left out as asked");
            }
        }
    }

    /// For a format that holds none.
    pub(super) fn leave_files_out(&mut self, order: &Order<'_>) {
        for file in order.files {
            let mut items = order.document.items.iter();
            if let Some(item) = items.find(|item| item.id == file.item) {
                self.leave_out(item, &format!("file {}", file.name), NO_FILES);
            }
        }
    }

    /// Values beside the shown one, which are nobody's decision yet.
    pub(super) fn leave_conflicts_out(&mut self, item: &DocumentItem) {
        for field in item
            .fields
            .iter()
            .filter(|field| !field.conflicts.is_empty())
        {
            self.leave_out(item, &field.name, APART);
        }
    }

    /// Former values but those that the format holds, counted by field.
    pub(super) fn leave_history_out(
        &mut self,
        item: &DocumentItem,
        is_held: impl Fn(&DocumentFormer) -> bool,
    ) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        // Where an import found an item says nothing to another program.
        let is_own = |former: &DocumentFormer| former.id == FieldId::Standard(field::ORIGIN);
        let held = |former: &&DocumentFormer| {
            !former.value.is_empty() && !is_own(former) && !is_held(former)
        };
        for former in item.history.iter().filter(held) {
            let name = former.name.as_str();
            *counts
                .entry(if name.is_empty() { "url" } else { name })
                .or_default() += 1;
        }
        for (name, count) in counts {
            let reason = match count {
                1 => "a former value of it".to_owned(),
                count => format!("{count} former values of it"),
            };
            self.leave_out(item, name, &reason);
        }
    }
}

/// Says which signs part tags in a format that writes all of them as one text.
pub(super) fn say_parted_tags(item: &DocumentItem, remarks: &mut Remarks) {
    let has = |sign: char| item.tags.iter().any(|tag| tag.contains(sign));
    let reason = match (has(','), has(';')) {
        (true, true) => "a comma and a semicolon in a tag part tags in this format",
        (true, false) => "a comma in a tag parts tags in this format",
        (false, true) => "a semicolon in a tag parts tags in this format",
        (false, false) => return,
    };
    remarks.change(item, "tags", reason);
}

/// Says which custom fields become plain texts, in a format that knows no other kinds; a program shows them all the same.
pub(super) fn say_plain_kinds(
    item: &DocumentItem,
    fields: &[&DocumentField],
    remarks: &mut Remarks,
) {
    let has_kind = |field: &&&DocumentField| {
        let is_custom = matches!(field.id, FieldId::Custom(_));
        is_custom
            && matches!(
                field.kind,
                FieldKind::Date | FieldKind::Email | FieldKind::Url
            )
    };
    for field in fields.iter().filter(has_kind) {
        let reason = "the format knows texts and hidden texts; it is a text";
        remarks.change(item, &field.name, reason);
    }
}

/// A folder's names, outermost first.
pub(super) fn split_folder(folder: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut characters = folder.chars();
    while let Some(character) = characters.next() {
        match character {
            '/' => names.push(String::new()),
            '\\' => {
                if let (Some(name), Some(escaped)) = (names.last_mut(), characters.next()) {
                    name.push(escaped);
                }
            }
            other => {
                if let Some(name) = names.last_mut() {
                    name.push(other);
                }
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// A folder with plain slashes between its names, for formats that know no others; said where that cuts a name in two.
pub(super) fn plain_folder(item: &DocumentItem, remarks: &mut Remarks) -> String {
    let names = split_folder(item.text(field::FOLDER));
    if names.iter().any(|name| name.contains('/')) {
        remarks.change(
            item,
            "folder",
            "a slash in a folder's name parts folders in this format",
        );
    }
    names.join("/")
}
