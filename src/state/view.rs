//! How things look now: items, fields, conflicts, history, devices, slots, worked out from the folded operations
//! (vault-format.md, sections 5.1 to 5.10). Reads only; values of secret fields are handed out sealed.

use super::codec;
use super::fold::{Folded, State};
use super::op::{LIFE_ALIVE, Tag};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::ids::{DeviceId, Dot, FieldId, ItemId, KeyId, RecordId, SlotId};
use crate::model::item::ItemSummary;
use crate::model::moment::{Clock, Moment};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A value as the state knows it.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Not secret.
    Plain(String),
    /// Sealed for its item and field.
    Sealed(Vec<u8>),
}

/// One head of a field, or a former value.
#[derive(Clone, PartialEq, Eq)]
pub struct ValueView {
    /// The operation that wrote it.
    pub dot: Dot,
    /// The value.
    pub value: Value,
    /// When it was written, or when an import says it was.
    pub changed: Moment,
    /// The device that wrote the record.
    pub device: DeviceId,
}

/// A field with its value.
#[derive(Clone, PartialEq, Eq)]
pub struct FieldView {
    /// Which register.
    pub id: FieldId,
    /// Name as shown.
    pub name: String,
    /// What the value is.
    pub kind: FieldKind,
    /// The newest head.
    pub current: ValueView,
    /// Other heads, newest first: values that devices wrote apart.
    pub others: Vec<ValueView>,
    /// The dot that an HOTP counter belongs to: the seed's own or the one it restores.
    pub seed: Dot,
    /// The largest count that was stored for that seed.
    pub counter: Option<u64>,
}

/// A former value of any field.
#[derive(Clone, PartialEq, Eq)]
pub struct FormerView {
    /// Which register.
    pub id: FieldId,
    /// Name as it was then.
    pub name: String,
    /// What the value was.
    pub kind: FieldKind,
    /// The value with time and device.
    pub value: ValueView,
    /// Name of the device as an export said, where the value came from one.
    pub imported_device: Option<String>,
}

/// An address of an item.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlView {
    /// Which register.
    pub id: FieldId,
    /// Smaller ranks first.
    pub rank: u32,
    /// The address.
    pub address: String,
    order: (Clock, RecordId, u32),
}

/// Whether an item is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// It is.
    Alive,
    /// It lies in the trash.
    Trashed,
    /// One device deleted it while another went on with it.
    Back,
}

/// An item with all that is told without opening a secret.
pub struct ItemView {
    /// The item.
    pub id: ItemId,
    /// Whether it is there.
    pub life: Life,
    /// All fields that have a value, those that describe the item included: standard ones by number, then custom
    /// ones by name and id.
    pub fields: Vec<FieldView>,
    /// Addresses in their order.
    pub urls: Vec<UrlView>,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// When the first and the last of its operations were written.
    pub created: Moment,
    /// See `created`.
    pub changed: Moment,
}

impl ItemView {
    /// The field of this id.
    #[must_use]
    pub fn field(&self, id: FieldId) -> Option<&FieldView> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// The plain text of a standard field, empty where there is none.
    #[must_use]
    pub fn text(&self, number: u8) -> &str {
        match self
            .field(FieldId::Standard(number))
            .map(|field| &field.current.value)
        {
            Some(Value::Plain(text)) => text,
            _ => "",
        }
    }

    /// The item's kind; `custom` where the name is not known.
    #[must_use]
    pub fn kind(&self) -> ItemKind {
        ItemKind::from_name(self.text(field::KIND)).unwrap_or(ItemKind::Custom)
    }

    /// The row of a listing.
    #[must_use]
    pub fn summary(&self) -> ItemSummary {
        ItemSummary {
            id: self.id,
            title: self.text(field::TITLE).to_owned(),
            folder: self.text(field::FOLDER).to_owned(),
            kind: self.kind(),
            username: self.text(field::USERNAME).to_owned(),
            urls: self.urls.iter().map(|url| url.address.clone()).collect(),
            tags: self.tags.clone(),
            notes: self.text(field::NOTES).to_owned(),
            favourite: self.text(field::FAVOURITE) == "yes",
            trashed: self.life == Life::Trashed,
            conflicts: self
                .fields
                .iter()
                .filter(|field| !field.others.is_empty())
                .count(),
        }
    }
}

/// A retirement of a slot.
#[derive(Clone, PartialEq, Eq)]
pub struct Retirement {
    /// The slot that is no way in any more.
    pub slot: SlotId,
    /// When.
    pub at: Moment,
    /// By which device.
    pub device: DeviceId,
    /// The frame of the slot that takes its place, where there is one.
    pub replacement: Vec<u8>,
}

impl State {
    /// The item, or `None` where nothing of it is left to show.
    #[must_use]
    pub fn item(&self, id: ItemId) -> Option<ItemView> {
        let operations = self.items.get(&id)?;
        let heads = self.heads(operations);
        let mut view = ItemView {
            id,
            life: self.life(operations),
            fields: Vec::new(),
            urls: Vec::new(),
            tags: Vec::new(),
            created: Moment(u64::MAX),
            changed: Moment(0),
        };
        for same_field in heads.chunk_by(|one, other| one.field == other.field) {
            self.add_register(operations, same_field, &mut view);
        }
        let mut contents = operations
            .iter()
            .filter(|operation| operation.tag.is_value() || operation.tag == Tag::FORMER);
        let is_blank = contents.clone().next().is_none();
        if !is_blank && contents.all(|operation| self.is_erased(operation)) {
            return None;
        }
        view.fields
            .sort_by(|one, other| field_order(one).cmp(&field_order(other)));
        view.urls.sort_by_key(|url| (url.rank, url.order));
        view.tags.sort();
        for operation in operations
            .iter()
            .filter(|operation| operation.tag.is_value() || operation.tag == Tag::LIFE)
        {
            let moment = self.record_of(operation).clock.moment();
            view.created = view.created.min(moment);
            view.changed = view.changed.max(moment);
        }
        Some(view)
    }

    /// The row of a listing for every item that has something to show, in the order of ids.
    #[must_use]
    pub fn summaries(&self) -> Vec<ItemSummary> {
        self.item_ids()
            .into_iter()
            .filter_map(|id| self.summary(id))
            .collect()
    }

    /// The row of a listing: what [`ItemView::summary`] gives, without building the rest where nothing was ever edited.
    #[must_use]
    pub fn summary(&self, id: ItemId) -> Option<ItemSummary> {
        let operations = self.items.get(&id)?;
        let first = operations.first()?;
        let untouched = operations.iter().all(|operation| {
            operation.replaces.is_empty()
                && operation.record == first.record
                && !self.is_erased(operation)
        });
        if !untouched {
            self.item(id).map(|view| view.summary())
        } else {
            self.untouched_summary(id, operations)
        }
    }

    /// An item that one record wrote and nothing changed since. Every operation is a head.
    fn untouched_summary(&self, id: ItemId, operations: &[Folded]) -> Option<ItemSummary> {
        let mut row = ItemSummary {
            id,
            title: String::new(),
            folder: String::new(),
            kind: ItemKind::Custom,
            username: String::new(),
            urls: Vec::new(),
            tags: Vec::new(),
            notes: String::new(),
            favourite: false,
            trashed: false,
            conflicts: 0,
        };
        let mut seen: Vec<FieldId> = Vec::new();
        let mut urls: Vec<(u32, &str)> = Vec::new();
        for operation in operations {
            let body = self.bytes(operation.body);
            match operation.tag {
                Tag::LIFE => row.trashed = body != [LIFE_ALIVE],
                Tag::TAG => row.tags.extend(codec::parse_text(body).map(str::to_owned)),
                Tag::URL => urls.extend(codec::parse_url(body).map(|url| (url.rank, url.address))),
                Tag::SET => {
                    let field = operation.field?;
                    if seen.contains(&field) {
                        return self.item(id).map(|view| view.summary());
                    }
                    seen.push(field);
                    let FieldId::Standard(number) = field else {
                        continue;
                    };
                    let target = match number {
                        field::TITLE => &mut row.title,
                        field::FOLDER => &mut row.folder,
                        field::USERNAME => &mut row.username,
                        field::NOTES => &mut row.notes,
                        field::KIND | field::FAVOURITE => &mut String::new(),
                        _ => continue,
                    };
                    let text = codec::parse_set(body).map_or("", |set| set.text);
                    target.push_str(text);
                    match number {
                        field::KIND => {
                            row.kind = ItemKind::from_name(text).unwrap_or(ItemKind::Custom)
                        }
                        field::FAVOURITE => row.favourite = text == "yes",
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        urls.sort_by_key(|url| url.0);
        row.urls = urls.into_iter().map(|url| url.1.to_owned()).collect();
        row.tags.sort();
        Some(row)
    }

    /// Former values of an item, newest first.
    #[must_use]
    pub fn history(&self, id: ItemId) -> Vec<FormerView> {
        let Some(operations) = self.items.get(&id) else {
            return Vec::new();
        };
        let heads: HashSet<Dot> = self
            .heads(operations)
            .iter()
            .map(|head| self.dot_of(head))
            .collect();
        let mut former: Vec<&Folded> = operations
            .iter()
            .filter(|operation| matches!(operation.tag, Tag::SET | Tag::URL | Tag::FORMER))
            .filter(|operation| {
                !self.is_erased(operation) && !heads.contains(&self.dot_of(operation))
            })
            .collect();
        former.sort_by_key(|operation| {
            std::cmp::Reverse((self.changed_of(operation), self.order_of(operation)))
        });
        former
            .into_iter()
            .filter_map(|operation| self.former_view(operation))
            .collect()
    }

    fn former_view(&self, operation: &Folded) -> Option<FormerView> {
        let id = operation.field?;
        let (kind, name, device) = match operation.tag {
            Tag::URL => (FieldKind::Url, String::new(), None),
            Tag::FORMER => {
                let body = codec::parse_former(self.bytes(operation.body))?;
                (
                    FieldKind::from_number(body.kind)?,
                    body.name.to_owned(),
                    Some(body.device.to_owned()),
                )
            }
            _ => {
                let body = codec::parse_set(self.bytes(operation.body))?;
                (
                    FieldKind::from_number(body.kind)?,
                    body.name.to_owned(),
                    None,
                )
            }
        };
        let value = self.value_view(operation)?;
        Some(FormerView {
            id,
            name: shown_name(id, &name),
            kind,
            value,
            imported_device: device,
        })
    }

    fn add_register(&self, operations: &[Folded], heads: &[&Folded], view: &mut ItemView) {
        let present: Vec<&Folded> = heads
            .iter()
            .copied()
            .filter(|head| head.tag != Tag::REMOVE && !self.is_erased(head))
            .collect();
        let Some((first, Some(id))) = present.first().map(|head| (*head, head.field)) else {
            return;
        };
        match first.tag {
            Tag::TAG => view
                .tags
                .extend(codec::parse_text(self.bytes(first.body)).map(str::to_owned)),
            Tag::URL => view.urls.extend(present.iter().filter_map(|head| {
                let body = codec::parse_url(self.bytes(head.body))?;
                Some(UrlView {
                    id,
                    rank: body.rank,
                    address: body.address.to_owned(),
                    order: self.order_of(head),
                })
            })),
            Tag::SET => {
                let Some(body) = codec::parse_set(self.bytes(first.body)) else {
                    return;
                };
                let Some(kind) = FieldKind::from_number(body.kind) else {
                    return;
                };
                let Some(current) = self.value_view(first) else {
                    return;
                };
                let seed = body.origin().unwrap_or(current.dot);
                let others = present
                    .iter()
                    .skip(1)
                    .filter_map(|head| self.value_view(head));
                view.fields.push(FieldView {
                    id,
                    name: shown_name(id, body.name),
                    kind,
                    others: others
                        .filter(|other| other.value != current.value)
                        .collect(),
                    seed,
                    counter: self.counter(operations, seed),
                    current,
                });
            }
            _ => {}
        }
    }

    /// The largest count stored for a seed.
    fn counter(&self, operations: &[Folded], seed: Dot) -> Option<u64> {
        let counters = operations
            .iter()
            .filter(|operation| operation.tag == Tag::COUNTER);
        let counts =
            counters.filter_map(|operation| codec::parse_counter(self.bytes(operation.body)));
        counts
            .filter(|(dot, _)| *dot == seed)
            .map(|(_, count)| count)
            .max()
    }

    fn value_view(&self, operation: &Folded) -> Option<ValueView> {
        let body = self.bytes(operation.body);
        let (kind, text) = match operation.tag {
            Tag::URL => (FieldKind::Url, codec::parse_url(body)?.address),
            Tag::FORMER => codec::parse_former(body)
                .and_then(|body| Some((FieldKind::from_number(body.kind)?, body.text)))?,
            Tag::SET => codec::parse_set(body)
                .and_then(|body| Some((FieldKind::from_number(body.kind)?, body.text)))?,
            _ => return None,
        };
        let value = match (kind.is_secret(), operation.sealed.first()) {
            (true, Some(sealed)) => Value::Sealed(self.bytes(*sealed).to_vec()),
            (true, None) => return None,
            (false, _) => Value::Plain(text.to_owned()),
        };
        Some(ValueView {
            dot: self.dot_of(operation),
            value,
            changed: self.changed_of(operation),
            device: self.record_of(operation).device,
        })
    }

    /// When a value came to be: what its import said, else the clock of its record.
    fn changed_of(&self, operation: &Folded) -> Moment {
        let body = self.bytes(operation.body);
        let at = match operation.tag {
            Tag::SET => codec::parse_set(body).map_or(0, |body| body.at),
            Tag::FORMER => codec::parse_former(body).map_or(0, |body| body.at),
            _ => 0,
        };
        if at == 0 {
            self.record_of(operation).clock.moment()
        } else {
            Moment(at)
        }
    }

    /// Value operations that no operation on the same item and field replaces: by field, newest first.
    pub(super) fn heads<'a>(&self, operations: &'a [Folded]) -> Vec<&'a Folded> {
        let mut heads = self.unreplaced(operations, Tag::is_value);
        heads.sort_by(|one, other| {
            one.field
                .cmp(&other.field)
                .then_with(|| self.order_of(other).cmp(&self.order_of(one)))
        });
        heads
    }

    fn unreplaced<'a>(&self, operations: &'a [Folded], wanted: fn(Tag) -> bool) -> Vec<&'a Folded> {
        let replaced: HashSet<(Option<FieldId>, Dot)> = operations
            .iter()
            .flat_map(|operation| operation.replaces.iter().map(|dot| (operation.field, *dot)))
            .collect();
        let all = operations.iter().filter(|operation| wanted(operation.tag));
        all.filter(|operation| {
            replaced.is_empty() || !replaced.contains(&(operation.field, self.dot_of(operation)))
        })
        .collect()
    }

    /// Heads of one register, newest first, REMOVE included.
    pub(super) fn register_heads(&self, item: ItemId, field: FieldId) -> Vec<Dot> {
        let operations = self.items.get(&item).map_or(&[][..], Vec::as_slice);
        let heads = self.heads(operations);
        heads
            .iter()
            .filter(|head| head.field == Some(field))
            .map(|head| self.dot_of(head))
            .collect()
    }

    /// Heads of an item's life.
    pub(super) fn life_heads(&self, item: ItemId) -> Vec<Dot> {
        let operations = self.items.get(&item).map_or(&[][..], Vec::as_slice);
        self.unreplaced(operations, |tag| tag == Tag::LIFE)
            .iter()
            .map(|head| self.dot_of(head))
            .collect()
    }

    fn life(&self, operations: &[Folded]) -> Life {
        let heads = self.unreplaced(operations, |tag| tag == Tag::LIFE);
        let alive = heads
            .iter()
            .filter(|head| self.bytes(head.body) == [LIFE_ALIVE])
            .count();
        match (alive, heads.len()) {
            (0, 0) => Life::Alive,
            (0, _) => Life::Trashed,
            (alive, all) if alive < all => Life::Back,
            _ => Life::Alive,
        }
    }

    /// Names that devices gave themselves.
    #[must_use]
    pub fn device_names(&self) -> BTreeMap<DeviceId, String> {
        let mut names = BTreeMap::new();
        let heads = self.heads(&self.on_vault);
        for head in heads.iter().rev().filter(|head| head.tag == Tag::DEVICE) {
            if let (Some(FieldId::Custom(id)), Some(name)) =
                (head.field, codec::parse_text(self.bytes(head.body)))
            {
                names.insert(DeviceId(id), name.to_owned());
            }
        }
        names
    }

    /// All retirements of slots, in the order of operations.
    #[must_use]
    pub fn retirements(&self) -> Vec<Retirement> {
        let mut found: Vec<&Folded> = self
            .on_vault
            .iter()
            .filter(|operation| operation.tag == Tag::RETIRE)
            .collect();
        found.sort_by_key(|operation| self.order_of(operation));
        let views = found.into_iter().filter_map(|operation| {
            let Some(FieldId::Custom(slot)) = operation.field else {
                return None;
            };
            let head = self.record_of(operation);
            let replacement = codec::parse_bytes(self.bytes(operation.body))
                .unwrap_or_default()
                .to_vec();
            Some(Retirement {
                slot: SlotId(slot),
                at: head.clock.moment(),
                device: head.device,
                replacement,
            })
        });
        views.collect()
    }

    /// What slots are called, and when and where they were made.
    #[must_use]
    pub fn slot_labels(&self) -> BTreeMap<SlotId, (String, Moment, DeviceId)> {
        let mut labels = BTreeMap::new();
        for operation in self
            .on_vault
            .iter()
            .filter(|operation| operation.tag == Tag::SLOT)
        {
            if let (Some(FieldId::Custom(id)), Some(body)) = (
                operation.field,
                codec::parse_slot(self.bytes(operation.body)),
            ) {
                let head = self.record_of(operation);
                labels.insert(
                    SlotId(id),
                    (body.label.to_owned(), head.clock.moment(), head.device),
                );
            }
        }
        labels
    }

    /// Former data keys, sealed for the vault and the field of their id.
    #[must_use]
    pub fn former_keys(&self) -> Vec<(KeyId, Vec<u8>)> {
        let all = self
            .on_vault
            .iter()
            .filter(|operation| operation.tag == Tag::FORMER_KEY);
        let keys = all.filter_map(
            |operation| match (operation.field, operation.sealed.first()) {
                (Some(FieldId::Custom(id)), Some(sealed)) => {
                    Some((KeyId(id), self.bytes(*sealed).to_vec()))
                }
                _ => None,
            },
        );
        keys.collect()
    }

    /// Records that an undo took back.
    #[must_use]
    pub fn undone_records(&self) -> BTreeSet<RecordId> {
        let all = self
            .on_vault
            .iter()
            .filter(|operation| operation.tag == Tag::UNDONE);
        all.filter_map(|operation| RecordId::from_slice(self.bytes(operation.body)))
            .collect()
    }
}

fn field_order(field: &FieldView) -> (u8, &str, FieldId) {
    match field.id {
        FieldId::Standard(number) => (number, "", field.id),
        FieldId::Custom(_) => (u8::MAX, &field.name, field.id),
    }
}

fn shown_name(id: FieldId, stored: &str) -> String {
    match id {
        FieldId::Standard(number) => match field::standard_field(number) {
            Some((name, _)) => name.to_owned(),
            None => format!("#{number}"),
        },
        FieldId::Custom(_) => stored.to_owned(),
    }
}
