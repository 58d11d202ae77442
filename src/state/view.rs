//! How things look now: items, fields, conflicts, history, devices, slots, worked out from the folded operations
//! (vault-format.md, sections 5.1 to 5.10). Reads only; values of secret fields are handed out sealed.

use super::attachment::AttachmentView;
use super::codec::{self, SetBody, UrlBody};
use super::fold::State;
use super::op::{LIFE_ALIVE, LIFE_DELETED, Tag};
use super::runs::Folded;
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::ids::{DeviceId, Dot, FieldId, ItemId, KeyId, RecordId, SlotId};
use crate::model::item::ItemSummary;
use crate::model::moment::{Clock, Moment};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A value as the state knows it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Value {
    /// Not secret.
    Plain(String),
    /// Sealed for its item and field.
    Sealed(Vec<u8>),
}

/// One head of a field, or a former value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueView {
    /// The operation that wrote it.
    pub dot: Dot,
    /// The value.
    pub value: Value,
    /// When it was written, or when an import says it was.
    pub changed: Moment,
    /// The device that wrote the record.
    pub device: DeviceId,
    /// The operation that had the value first, where this one brought it back; else itself.
    pub origin: Dot,
}

impl ValueView {
    /// Whether two values of one field are one: sealed ones, whose bytes are others after a rekey, also where both were
    /// brought back from the same operation.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Sealed(one), Value::Sealed(two)) => {
                one == two || self.origin == other.origin && one.len() == two.len()
            }
            (one, two) => one == two,
        }
    }
}

/// A field with its value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Life {
    /// It is.
    Alive,
    /// It lies in the trash.
    Trashed,
    /// One device deleted it while another went on with it.
    Back,
}

/// An item with all that is told without opening a secret.
#[derive(Serialize, Deserialize)]
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
    /// Attached files, by name, newest first.
    pub attachments: Vec<AttachmentView>,
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

    /// The field with the one-time password seed: the standard one, else the first custom one.
    #[must_use]
    pub fn seed_field(&self) -> Option<FieldId> {
        let standard = FieldId::Standard(field::OTP);
        let mut fields = self.fields.iter();
        let custom = fields.find(|field| field.kind == FieldKind::Otp);
        self.field(standard).or(custom).map(|field| field.id)
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
        let text = |number| Cow::Owned(self.text(number).to_owned());
        let urls = self.urls.iter().map(|url| url.address.clone());
        ItemSummary {
            title: text(field::TITLE),
            folder: text(field::FOLDER),
            username: text(field::USERNAME),
            urls: urls.map(Cow::Owned).collect(),
            tags: self.tags.iter().cloned().map(Cow::Owned).collect(),
            notes: text(field::NOTES),
            favourite: self.text(field::FAVOURITE) == "yes",
            trashed: self.life == Life::Trashed,
            conflicts: self
                .fields
                .iter()
                .filter(|field| !field.others.is_empty())
                .count(),
            ..ItemSummary::empty(self.id, self.kind())
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
        let operations = &self.operations_of(id)[..];
        if !self.is_shown(operations) {
            return None;
        }
        let heads = self.heads(operations);
        let mut view = ItemView {
            id,
            life: self.life(operations),
            fields: Vec::new(),
            urls: Vec::new(),
            tags: Vec::new(),
            attachments: Vec::new(),
            created: Moment(u64::MAX),
            changed: Moment(0),
        };
        for same_field in heads.chunk_by(|one, other| one.field == other.field) {
            self.add_register(operations, same_field, &mut view);
        }
        view.fields
            .sort_by(|one, other| field_order(one).cmp(&field_order(other)));
        view.urls.sort_by_key(|url| (url.rank, url.order));
        view.tags.sort();
        view.attachments.sort_by(|one, other| {
            let newest_first = other.attached.cmp(&one.attached);
            one.name
                .cmp(&other.name)
                .then(newest_first)
                .then(one.dot.cmp(&other.dot))
        });
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

    /// Whether something is left to show (section 5.6): a value that is not erased, or a LIFE where no value ever was.
    fn is_shown(&self, operations: &[Folded<'_>]) -> bool {
        let mut contents = operations
            .iter()
            .filter(|operation| operation.tag.is_value() || operation.tag == Tag::FORMER)
            .peekable();
        if contents.peek().is_none() {
            return operations
                .iter()
                .any(|operation| operation.tag == Tag::LIFE);
        }
        contents.any(|operation| !self.is_erased(operation))
    }

    /// Former values of an item, newest first.
    #[must_use]
    pub fn history(&self, id: ItemId) -> Vec<FormerView> {
        let operations = &self.operations_of(id)[..];
        let heads: HashSet<Dot> = self
            .heads(operations)
            .iter()
            .map(|head| self.dot_of(head))
            .collect();
        let mut former: Vec<&Folded<'_>> = operations
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

    fn former_view(&self, operation: &Folded<'_>) -> Option<FormerView> {
        let id = operation.field?;
        let (kind, name, device) = match operation.tag {
            Tag::URL => (FieldKind::Url, String::new(), None),
            Tag::FORMER => {
                let body = codec::parse_former(operation.body)?;
                (
                    FieldKind::from_number(body.kind)?,
                    body.name.to_owned(),
                    Some(body.device.to_owned()),
                )
            }
            _ => {
                let (body, kind) = set_of(operation)?;
                (kind, body.name.to_owned(), None)
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

    /// Adds what the heads of one field show, newest first: each as what it is, the SET heads as one field.
    fn add_register(&self, operations: &[Folded<'_>], heads: &[&Folded<'_>], view: &mut ItemView) {
        let Some(id) = heads.first().and_then(|head| head.field) else {
            return;
        };
        let mut tag = None;
        let mut shown: Option<FieldView> = None;
        for head in heads.iter().filter(|head| !self.is_erased(head)) {
            match head.tag {
                Tag::TAG => tag = tag.or_else(|| tag_of(head)),
                Tag::URL => view.urls.extend(url_of(head).map(|body| UrlView {
                    id,
                    rank: body.rank,
                    address: body.address.to_owned(),
                    order: self.order_of(head),
                })),
                Tag::SET => {
                    let Some(value) = self.value_view(head) else {
                        continue;
                    };
                    match &mut shown {
                        Some(field) if field.current.is_same_as(&value) => {}
                        Some(field) => field.others.push(value),
                        None => shown = self.field_view(operations, head, id, value),
                    }
                }
                Tag::ATTACHMENT => view.attachments.extend(self.attachment_view(head)),
                _ => {}
            }
        }
        view.tags.extend(tag.map(str::to_owned));
        view.fields.extend(shown);
    }

    fn field_view(
        &self,
        operations: &[Folded<'_>],
        head: &Folded<'_>,
        id: FieldId,
        current: ValueView,
    ) -> Option<FieldView> {
        let (body, kind) = set_of(head)?;
        let seed = body.origin().unwrap_or(current.dot);
        Some(FieldView {
            id,
            name: shown_name(id, body.name),
            kind,
            others: Vec::new(),
            seed,
            counter: self.counter(operations, seed),
            current,
        })
    }

    /// The largest count stored for a seed.
    fn counter(&self, operations: &[Folded<'_>], seed: Dot) -> Option<u64> {
        let counters = operations
            .iter()
            .filter(|operation| operation.tag == Tag::COUNTER);
        let counts = counters.filter_map(|operation| codec::parse_counter(operation.body));
        counts
            .filter(|(dot, _)| *dot == seed)
            .map(|(_, count)| count)
            .max()
    }

    pub(super) fn value_view(&self, operation: &Folded<'_>) -> Option<ValueView> {
        let body = operation.body;
        let (kind, text) = match operation.tag {
            Tag::URL => (FieldKind::Url, url_of(operation)?.address),
            Tag::FORMER => codec::parse_former(body)
                .and_then(|body| Some((FieldKind::from_number(body.kind)?, body.text)))?,
            Tag::SET => set_of(operation).map(|(body, kind)| (kind, body.text))?,
            _ => return None,
        };
        let value = match (kind.is_secret(), sealed_of(operation)) {
            (true, Some(sealed)) => Value::Sealed(sealed.to_vec()),
            (true, None) => return None,
            (false, _) => Value::Plain(text.to_owned()),
        };
        let dot = self.dot_of(operation);
        let set = (operation.tag == Tag::SET).then(|| codec::parse_set(body));
        let origin = set.flatten().and_then(|body| body.origin());
        Some(ValueView {
            dot,
            origin: origin.unwrap_or(dot),
            value,
            changed: self.changed_of(operation),
            device: self.record_of(operation).device,
        })
    }

    /// When a value came to be: what its import said, else the clock of its record.
    fn changed_of(&self, operation: &Folded<'_>) -> Moment {
        let body = operation.body;
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
    pub(super) fn heads<'o, 'a>(&self, operations: &'o [Folded<'a>]) -> Vec<&'o Folded<'a>> {
        let mut heads = self.unreplaced(operations, Tag::is_value);
        heads.sort_by(|one, other| {
            one.field
                .cmp(&other.field)
                .then_with(|| self.order_of(other).cmp(&self.order_of(one)))
        });
        heads
    }

    pub(super) fn unreplaced<'o, 'a>(
        &self,
        operations: &'o [Folded<'a>],
        wanted: fn(Tag) -> bool,
    ) -> Vec<&'o Folded<'a>> {
        let replaced: HashSet<(Option<FieldId>, Dot)> = operations
            .iter()
            .flat_map(|operation| operation.replaces.clone().map(|dot| (operation.field, dot)))
            .collect();
        let all = operations.iter().filter(|operation| wanted(operation.tag));
        all.filter(|operation| {
            replaced.is_empty() || !replaced.contains(&(operation.field, self.dot_of(operation)))
        })
        .collect()
    }

    /// Heads of one register, newest first, REMOVE included.
    pub(super) fn register_heads(&self, item: ItemId, field: FieldId) -> Vec<Dot> {
        let operations = &self.operations_of(item)[..];
        let heads = self.heads(operations);
        heads
            .iter()
            .filter(|head| head.field == Some(field))
            .map(|head| self.dot_of(head))
            .collect()
    }

    /// Heads of an item's life.
    pub(super) fn life_heads(&self, item: ItemId) -> Vec<Dot> {
        let operations = &self.operations_of(item)[..];
        self.unreplaced(operations, |tag| tag == Tag::LIFE)
            .iter()
            .filter(|head| head.field.is_none())
            .map(|head| self.dot_of(head))
            .collect()
    }

    fn life(&self, operations: &[Folded<'_>]) -> Life {
        let heads = self.unreplaced(operations, |tag| tag == Tag::LIFE);
        let is_any = |wanted| heads.iter().any(|head| life_of(head) == Some(wanted));
        match (is_any(LIFE_ALIVE), is_any(LIFE_DELETED)) {
            (true, true) => Life::Back,
            (false, true) => Life::Trashed,
            (_, false) => Life::Alive,
        }
    }

    /// All retirements of slots, in the order of operations.
    #[must_use]
    pub fn retirements(&self) -> Vec<Retirement> {
        let mut found: Vec<Folded<'_>> = self
            .operations_on_vault()
            .into_iter()
            .filter(|operation| operation.tag == Tag::RETIRE)
            .collect();
        found.sort_by_key(|operation| self.order_of(operation));
        let views = found.into_iter().filter_map(|operation| {
            let Some(FieldId::Custom(slot)) = operation.field else {
                return None;
            };
            let head = self.record_of(&operation);
            let replacement = codec::parse_bytes(operation.body)
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
            .operations_on_vault()
            .iter()
            .filter(|operation| operation.tag == Tag::SLOT)
        {
            if let (Some(FieldId::Custom(id)), Some(body)) =
                (operation.field, codec::parse_slot(operation.body))
            {
                let head = self.record_of(operation);
                labels.insert(
                    SlotId(id),
                    (body.label.to_owned(), head.clock.moment(), head.device),
                );
            }
        }
        labels
    }

    /// Former data keys, sealed for the vault and the field of their id, and when they were named so.
    #[must_use]
    pub fn former_keys(&self) -> Vec<(KeyId, Vec<u8>, Clock)> {
        let operations = self.operations_on_vault();
        let all = operations
            .iter()
            .filter(|operation| operation.tag == Tag::FORMER_KEY);
        let keys = all.filter_map(|operation| match (operation.field, sealed_of(operation)) {
            (Some(FieldId::Custom(id)), Some(sealed)) => {
                let clock = self.record_of(operation).clock;
                Some((KeyId(id), sealed.to_vec(), clock))
            }
            _ => None,
        });
        keys.collect()
    }

    /// Records that an undo took back.
    #[must_use]
    pub fn undone_records(&self) -> BTreeSet<RecordId> {
        self.undone_by_record().into_values().flatten().collect()
    }

    /// By record that is an undo: the records that it took back.
    pub(super) fn undone_by_record(&self) -> BTreeMap<RecordId, Vec<RecordId>> {
        let mut all: BTreeMap<RecordId, Vec<RecordId>> = BTreeMap::new();
        for operation in &self.operations_on_vault() {
            if operation.tag == Tag::UNDONE
                && let Some(record) = RecordId::from_slice(operation.body)
            {
                let by = self.dot_of(operation).record;
                all.entry(by).or_default().push(record);
            }
        }
        all
    }
}

/// Body and kind of a SET that this version can read.
pub(super) fn set_of<'a>(operation: &Folded<'a>) -> Option<(SetBody<'a>, FieldKind)> {
    let body = codec::parse_set(operation.body)?;
    let kind = FieldKind::from_number(body.kind)?;
    Some((body, kind))
}

/// The text of a TAG whose field is that of its text.
pub(super) fn tag_of<'a>(operation: &Folded<'a>) -> Option<&'a str> {
    codec::parse_text(operation.body)
        .filter(|text| operation.field == Some(FieldId::derive_for_tag(text)))
}

/// The body of a URL on a field of its own.
pub(super) fn url_of<'a>(operation: &Folded<'a>) -> Option<UrlBody<'a>> {
    match operation.field {
        Some(FieldId::Custom(_)) => codec::parse_url(operation.body),
        _ => None,
    }
}

/// What a LIFE says: alive or deleted; `None` where a newer version says something else.
pub(super) fn life_of(operation: &Folded<'_>) -> Option<u8> {
    match (operation.field, operation.body) {
        (None, [life @ (LIFE_ALIVE | LIFE_DELETED)]) => Some(*life),
        _ => None,
    }
}

/// The first of an operation's sealed values.
fn sealed_of<'a>(operation: &Folded<'a>) -> Option<&'a [u8]> {
    let (sealed, _) = codec::parse_values(operation.values)?;
    sealed.first().copied()
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

#[cfg(test)]
mod tests;
