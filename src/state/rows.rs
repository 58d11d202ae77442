//! Rows of a listing and names of items, read from the records' bytes without building the whole item
//! (vault-format.md, section 5). What they say is what [`super::view`] says; where an item was ever edited, it is asked.

use super::fold::State;
use super::op::{LIFE_ALIVE, Tag};
use super::runs::{Folded, Run};
use super::view::{life_of, set_of, tag_of, url_of};
use crate::model::field;
use crate::model::field::ItemKind;
use crate::model::ids::{FieldId, ItemId};
use crate::model::item::{ItemName, ItemRow, ItemSummary};
use std::borrow::Cow;

/// An item of which a row can be told by its whole view alone.
struct Edited;

impl State {
    /// The row of a listing for every item that has something to show, in the order of ids.
    #[must_use]
    pub fn summaries(&self) -> Vec<ItemSummary> {
        let mut rows: Vec<ItemSummary> = self.rows().map(ItemRow::into_owned).collect();
        rows.sort_unstable_by_key(|row| row.id);
        rows
    }

    /// The row of a listing: what [`super::view::ItemView::summary`] gives.
    #[must_use]
    pub fn summary(&self, id: ItemId) -> Option<ItemSummary> {
        self.row_of(id).map(ItemRow::into_owned)
    }

    /// The row of a listing for every item that has something to show, in no order.
    pub fn rows(&self) -> impl Iterator<Item = ItemRow<'_>> {
        self.first_runs().filter_map(|(id, run)| self.row(id, run))
    }

    /// The name of every item that has something to show, in no order.
    pub fn names(&self) -> impl Iterator<Item = ItemName<'_>> {
        self.first_runs()
            .filter_map(|(id, run)| self.name_of_run(id, run))
    }

    /// An item's name, where it has something to show.
    pub(super) fn name(&self, id: ItemId) -> Option<ItemName<'_>> {
        self.name_of_run(id, self.first_run_of(id)?)
    }

    /// An item's row, where it has something to show.
    pub(super) fn row_of(&self, id: ItemId) -> Option<ItemRow<'_>> {
        self.row(id, self.first_run_of(id)?)
    }

    fn name_of_run(&self, id: ItemId, run: &Run) -> Option<ItemName<'_>> {
        match self.unedited_name(id, run) {
            Ok(name) => name,
            Err(Edited) => self.row(id, run).map(|row| ItemName {
                id,
                title: row.title,
                folder: row.folder,
                trashed: row.trashed,
            }),
        }
    }

    fn row(&self, id: ItemId, run: &Run) -> Option<ItemRow<'_>> {
        match self.unedited_row(id, run) {
            Ok(row) => row,
            Err(Edited) => self.item(id).map(|view| view.summary()),
        }
    }

    /// The row of an item that one record wrote and nothing changed since: every operation is a head.
    fn unedited_row(&self, id: ItemId, run: &Run) -> Result<Option<ItemRow<'_>>, Edited> {
        let mut row = ItemRow::empty(id, ItemKind::Custom);
        let mut heads = Heads::default();
        let mut urls = Vec::new();
        for operation in self.unedited(run)? {
            heads.add(&operation)?;
            match operation.tag {
                Tag::TAG => row.tags.extend(tag_of(&operation).map(Cow::Borrowed)),
                Tag::URL => urls.extend(url_of(&operation)),
                Tag::SET => describe(&mut row, &operation),
                _ => {}
            }
        }
        row.trashed = heads.is_trashed();
        urls.sort_by_key(|url| url.rank);
        let addresses = urls.into_iter().map(|url| Cow::Borrowed(url.address));
        row.urls = addresses.collect();
        row.tags.sort();
        row.tags.dedup();
        Ok(heads.is_shown().then_some(row))
    }

    /// The name of such an item.
    fn unedited_name(&self, id: ItemId, run: &Run) -> Result<Option<ItemName<'_>>, Edited> {
        let mut name = ItemName {
            id,
            title: Cow::Borrowed(""),
            folder: Cow::Borrowed(""),
            trashed: false,
        };
        let mut heads = Heads::default();
        for operation in self.unedited(run)? {
            heads.add(&operation)?;
            if operation.tag != Tag::SET {
                continue;
            }
            match operation.field {
                Some(FieldId::Standard(field::TITLE)) => {
                    name.title = Cow::Borrowed(plain_text(&operation));
                }
                Some(FieldId::Standard(field::FOLDER)) => {
                    name.folder = Cow::Borrowed(plain_text(&operation));
                }
                _ => {}
            }
        }
        name.trashed = heads.is_trashed();
        Ok(heads.is_shown().then_some(name))
    }

    /// The operations of an item's only run, where nothing of its record was erased.
    fn unedited<'a>(
        &'a self,
        run: &Run,
    ) -> Result<impl Iterator<Item = Folded<'a>> + use<'a>, Edited> {
        if run.is_only() && !self.has_erased_of(run.record) {
            Ok(self.operations_of_run(run))
        } else {
            Err(Edited)
        }
    }
}

/// What the operations on an item say together, as long as each is a head of its own register.
#[derive(Default)]
struct Heads {
    /// Standard fields that were set, a bit each.
    standard: [u128; 2],
    custom: Vec<[u8; 16]>,
    has_value: bool,
    has_life: bool,
    is_alive: bool,
    is_deleted: bool,
}

impl Heads {
    fn add(&mut self, operation: &Folded<'_>) -> Result<(), Edited> {
        if !operation.replaces.is_empty() {
            return Err(Edited);
        }
        self.has_value |= operation.tag.is_value() || operation.tag == Tag::FORMER;
        match (operation.tag, operation.field) {
            (Tag::LIFE, _) => {
                self.has_life = true;
                match life_of(operation) {
                    Some(LIFE_ALIVE) => self.is_alive = true,
                    Some(_) => self.is_deleted = true,
                    None => {}
                }
                Ok(())
            }
            (Tag::SET, Some(field)) => self.set(field),
            _ => Ok(()),
        }
    }

    /// A field that is set twice has two heads.
    fn set(&mut self, field: FieldId) -> Result<(), Edited> {
        let is_new = match field {
            FieldId::Standard(number) => {
                let bit = 1_u128 << (number % 128);
                let [low, high] = &mut self.standard;
                let set = if number < 128 { low } else { high };
                let is_new = *set & bit == 0;
                *set |= bit;
                is_new
            }
            FieldId::Custom(id) => {
                let is_new = !self.custom.contains(&id);
                self.custom.push(id);
                is_new
            }
        };
        is_new.then_some(()).ok_or(Edited)
    }

    fn is_trashed(&self) -> bool {
        self.is_deleted && !self.is_alive
    }

    /// Section 5.6: a value, or a LIFE where no value ever was.
    fn is_shown(&self) -> bool {
        self.has_value || self.has_life
    }
}

/// Takes over what a SET says of the item's row.
fn describe<'a>(row: &mut ItemRow<'a>, operation: &Folded<'a>) {
    let Some(FieldId::Standard(number)) = operation.field else {
        return;
    };
    let text = match number {
        field::TITLE => &mut row.title,
        field::FOLDER => &mut row.folder,
        field::USERNAME => &mut row.username,
        field::NOTES => &mut row.notes,
        field::KIND => {
            let kind = ItemKind::from_name(plain_text(operation));
            row.kind = kind.unwrap_or(ItemKind::Custom);
            return;
        }
        field::FAVOURITE => {
            row.favourite = plain_text(operation) == "yes";
            return;
        }
        _ => return,
    };
    *text = Cow::Borrowed(plain_text(operation));
}

/// The text of a SET; empty where it is sealed or another version's.
fn plain_text<'a>(operation: &Folded<'a>) -> &'a str {
    match set_of(operation) {
        Some((body, kind)) if !kind.is_secret() => body.text,
        _ => "",
    }
}
