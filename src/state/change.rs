//! What a caller wants, turned into operations (vault-format.md, section 5).
//!
//! Many wishes make one plan and one plan makes one record, wholly there or wholly absent. Secrets stay in their
//! wrappers here; `vault` seals them when it knows the record's id.

mod resolve;
mod undo;

use super::codec::{self, AttachmentBody, Erasure, FormerBody, SetBody, UrlBody};
use super::fold::State;
use super::id_hash::IdHash;
use super::op::{ChunkName, LIFE_ALIVE, LIFE_DELETED, Tag};
use super::undone::Undone;
use super::view::Life;
use crate::model::draft::{Draft, DraftFormer, DraftValue, FieldName};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::ids::{Dot, FieldId, ItemId, RecordId};
use crate::model::moment::Moment;
use crate::secret::Secret;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use zeroize::Zeroizing;

pub use undo::is_undoable;

/// A value to be sealed, or one that is sealed for the same item and field already.
pub enum PlannedValue {
    /// To be sealed.
    Secret(Secret),
    /// Sealed for this place; goes in as it is.
    Sealed(Vec<u8>),
    /// A former data key, to be sealed.
    Key(Zeroizing<[u8; 32]>),
}

/// An operation whose values are not sealed yet.
pub struct PlannedOperation {
    /// What it does.
    pub tag: Tag,
    /// To which item; `None` for the vault itself.
    pub item: Option<ItemId>,
    /// To which field.
    pub field: Option<FieldId>,
    /// Which operations it replaces.
    pub replaces: Vec<Dot>,
    /// Body, by tag.
    pub body: Vec<u8>,
    /// Values to go in sealed.
    pub values: Vec<PlannedValue>,
    /// Names of chunks.
    pub chunks: Vec<ChunkName>,
}

impl PlannedOperation {
    /// An operation on the vault itself.
    #[must_use]
    pub fn on_vault(tag: Tag, field: Option<FieldId>, body: Vec<u8>) -> Self {
        Self {
            tag,
            item: None,
            field,
            replaces: Vec::new(),
            body,
            values: Vec::new(),
            chunks: Vec::new(),
        }
    }

    /// An operation on an item, which replaces nothing.
    fn on_item(item: ItemId, field: Option<FieldId>, content: Content) -> Self {
        Self {
            item: Some(item),
            values: content.values,
            chunks: content.chunks,
            ..Self::on_vault(content.tag, field, content.body)
        }
    }
}

/// A wish about one field of one item.
#[derive(Serialize, Deserialize)]
pub enum Edit {
    /// Gives a field a value; a custom field that is not there is made.
    Set(FieldName, FieldKind, DraftValue),
    /// Gives the register of this id a value under a name, whether or not it is there: several custom fields may
    /// share a name.
    SetAt(FieldId, FieldName, FieldKind, DraftValue),
    /// Gives the register of this id a value (another head is resolved, a former value comes back).
    Restore(FieldId, Dot),
    /// Takes a field away.
    Remove(FieldName),
    /// Sets title and folder.
    Move {
        /// The new folder.
        folder: String,
        /// The new title.
        title: String,
    },
    /// Changes the kind.
    Kind(ItemKind),
    /// Marks or unmarks the item.
    Favourite(Mark),
    /// Adds an address behind the others.
    AddUrl(String),
    /// Takes an address away.
    RemoveUrl(String),
    /// Adds a tag.
    AddTag(String),
    /// Takes a tag away.
    RemoveTag(String),
    /// Moves an HOTP counter forward to this count.
    Count(FieldId, u64),
    /// Attaches a file whose pieces were stored, in the place of those in a register or in one of its own.
    Attach(Option<FieldId>, Attached),
    /// Takes the attached file of this register away.
    Detach(FieldId),
}

/// A file to be attached.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attached {
    /// What it is called.
    pub name: String,
    /// Bytes.
    pub length: u64,
    /// Where its pieces were stored, in their order.
    pub pieces: Vec<ChunkName>,
}

/// Whether an item is marked as a favourite.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Mark {
    /// It is.
    Favourite,
    /// It is not.
    Plain,
}

/// Why a wish cannot be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChangeError {
    /// No such item, or nothing is left of it.
    NoItem,
    /// No such field.
    NoField(String),
    /// The operation to bring back is not known or was erased.
    NoFormerValue,
    /// The record cannot be undone, and why.
    CannotUndo(&'static str),
    /// What is to be decided is not what it was when it was shown.
    NotAsSeen,
}

/// A field of an item, or the item's life.
type Register = (ItemId, Option<FieldId>);

/// What an operation says, whatever it is said of.
struct Content {
    tag: Tag,
    body: Vec<u8>,
    values: Vec<PlannedValue>,
    chunks: Vec<ChunkName>,
}

impl Content {
    /// Without chunks.
    fn new(tag: Tag, body: Vec<u8>, values: Vec<PlannedValue>) -> Self {
        Self {
            tag,
            body,
            values,
            chunks: Vec::new(),
        }
    }

    /// Without values and chunks.
    fn plain(tag: Tag, body: Vec<u8>) -> Self {
        Self::new(tag, body, Vec::new())
    }
}

/// What an operation said that is known: its values are sealed.
#[derive(PartialEq, Eq)]
struct Known {
    tag: Tag,
    body: Vec<u8>,
    sealed: Vec<Vec<u8>>,
    chunks: Vec<ChunkName>,
}

impl From<Known> for Content {
    fn from(known: Known) -> Self {
        Self {
            tag: known.tag,
            body: known.body,
            values: known.sealed.into_iter().map(PlannedValue::Sealed).collect(),
            chunks: known.chunks,
        }
    }
}

/// Operations on their way into one record.
pub struct Plan<'a> {
    state: &'a State,
    operations: Vec<PlannedOperation>,
    /// Which operation of this plan holds a register already: a record never replaces its own dots.
    registers: HashMap<Register, usize, IdHash>,
    fresh_items: HashSet<ItemId, IdHash>,
    /// Custom fields made in this plan, by item and name.
    fresh_fields: BTreeMap<(ItemId, String), FieldId>,
    /// Further heads of registers that `operations` has one of already: an undo may bring a conflict back.
    further: BTreeMap<Register, Vec<PlannedOperation>>,
    /// What undos took back, this plan's included; made by the first of them.
    undone: Option<Undone<'a>>,
}

impl<'a> Plan<'a> {
    /// An empty plan over what is known now.
    #[must_use]
    pub fn new(state: &'a State) -> Self {
        Self {
            state,
            operations: Vec::new(),
            registers: HashMap::default(),
            fresh_items: HashSet::default(),
            fresh_fields: BTreeMap::new(),
            further: BTreeMap::new(),
            undone: None,
        }
    }

    /// What the plan is made on: the newest state, which nobody changes meanwhile.
    #[must_use]
    pub fn state(&self) -> &State {
        self.state
    }

    /// The operations, in the order they were planned.
    #[must_use]
    pub fn into_operations(mut self) -> Vec<PlannedOperation> {
        self.operations.extend(self.further.into_values().flatten());
        self.operations
    }

    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Adds an operation that needs no planning.
    pub fn push(&mut self, operation: PlannedOperation) {
        self.operations.push(operation);
    }

    /// A new item as the draft says. Returns its id.
    pub fn add(&mut self, draft: Draft, rng: &mut dyn CryptoRng) -> ItemId {
        let item = ItemId::make(rng);
        self.fresh_items.insert(item);
        self.life(
            item,
            if draft.trashed {
                LIFE_DELETED
            } else {
                LIFE_ALIVE
            },
        );
        self.set_plain(item, field::KIND, draft.kind.name());
        self.set_plain(item, field::TITLE, &draft.title);
        for (number, text) in [
            (field::FOLDER, draft.folder.as_str()),
            (field::FAVOURITE, if draft.favourite { "yes" } else { "" }),
            (field::ORIGIN, draft.origin.as_deref().unwrap_or_default()),
        ] {
            if !text.is_empty() {
                self.set_plain(item, number, text);
            }
        }
        let mut registers: HashMap<String, FieldId> = HashMap::new();
        for field in draft.fields {
            let id = match &field.name {
                FieldName::Standard(number) => FieldId::Standard(*number),
                FieldName::Custom(name) => {
                    let id = FieldId::make(rng); // several may share a name
                    registers.entry(name.clone()).or_insert(id);
                    id
                }
            };
            self.set(item, id, &field.name, field.kind, field.value);
        }
        for (address, rank) in draft.urls.iter().zip(0..) {
            self.url(item, FieldId::make(rng), rank, address);
        }
        for tag in &draft.tags {
            self.tag(item, tag);
        }
        for former in draft.former {
            let register = match &former.name {
                FieldName::Standard(number) => FieldId::Standard(*number),
                FieldName::Custom(name) => *registers
                    .entry(name.clone())
                    .or_insert_with(|| FieldId::make(rng)),
            };
            self.former(item, register, former);
        }
        item
    }

    /// Puts a value that a register had before into an item's history.
    pub fn former(&mut self, item: ItemId, register: FieldId, former: DraftFormer) {
        let name = match &former.name {
            FieldName::Standard(_) => "",
            FieldName::Custom(name) => name.as_str(),
        };
        let (text, values) = match former.value {
            DraftValue::Plain(text) => (text, Vec::new()),
            DraftValue::Secret(secret) => (String::new(), vec![PlannedValue::Secret(secret)]),
        };
        let body = codec::write_former(&FormerBody {
            kind: former.kind.number(),
            name,
            text: &text,
            at: former.set.0,
            device: "",
        });
        self.put_prepared(item, register, Tag::FORMER, body, values);
    }

    /// Changes an item; a change also revives it, so that an edit made apart from a deletion is not lost.
    ///
    /// # Errors
    /// As [`ChangeError`] says; the plan must then be dropped.
    pub fn edit(
        &mut self,
        item: ItemId,
        edits: Vec<Edit>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ChangeError> {
        let revives = edits.iter().any(|edit| !matches!(edit, Edit::Count(..)));
        for edit in edits {
            self.one_edit(item, edit, rng)?;
        }
        if revives && !self.fresh_items.contains(&item) {
            self.life(item, LIFE_ALIVE);
        }
        Ok(())
    }

    fn one_edit(
        &mut self,
        item: ItemId,
        edit: Edit,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), ChangeError> {
        match edit {
            Edit::Set(name, kind, value) => {
                let id = self
                    .field_id(item, &name, Some(rng))
                    .ok_or(ChangeError::NoItem)?;
                self.set(item, id, &name, kind, value);
            }
            Edit::SetAt(id, name, kind, value) => self.set(item, id, &name, kind, value),
            Edit::Restore(field, dot) => self.restore(item, field, dot)?,
            Edit::Remove(name) => {
                let missing = || ChangeError::NoField(name.as_text().to_owned());
                let id = self.field_id(item, &name, None).ok_or_else(missing)?;
                if self.state.register_heads(item, id).is_empty() {
                    return Err(missing());
                }
                self.remove(item, id);
            }
            Edit::Move { folder, title } => {
                self.set_if_other(item, field::TITLE, &title);
                self.set_if_other(item, field::FOLDER, &folder);
            }
            Edit::Kind(kind) => self.set_if_other(item, field::KIND, kind.name()),
            Edit::Favourite(mark) => {
                self.set_if_other(
                    item,
                    field::FAVOURITE,
                    if mark == Mark::Favourite { "yes" } else { "" },
                );
            }
            Edit::AddUrl(address) => {
                let known = self
                    .state
                    .item(item)
                    .map(|view| view.urls)
                    .unwrap_or_default();
                if !known.iter().any(|url| url.address == address) {
                    // Wishes about one item stand together: looking at the last ones keeps large imports linear.
                    let planned = self.operations.iter().rev();
                    let fresh = planned
                        .take_while(|operation| operation.item == Some(item))
                        .filter(|operation| operation.tag == Tag::URL)
                        .count();
                    let last = known.last().map_or(0, |url| url.rank.saturating_add(1));
                    let rank = last.saturating_add(u32::try_from(fresh).unwrap_or_default());
                    self.url(item, FieldId::make(rng), rank, &address);
                }
            }
            Edit::RemoveUrl(address) => {
                let known = self
                    .state
                    .item(item)
                    .map(|view| view.urls)
                    .unwrap_or_default();
                let url = known.iter().find(|url| url.address == address);
                let id = url.ok_or(ChangeError::NoField(address))?.id;
                self.remove(item, id);
            }
            Edit::AddTag(tag) => self.tag(item, &tag),
            Edit::RemoveTag(tag) => {
                let known = self
                    .state
                    .item(item)
                    .is_some_and(|view| view.tags.contains(&tag));
                if !known {
                    return Err(ChangeError::NoField(tag));
                }
                self.remove(item, FieldId::derive_for_tag(&tag));
            }
            Edit::Count(field, count) => {
                let view = self.state.item(item).ok_or(ChangeError::NoItem)?;
                let seed = view
                    .field(field)
                    .ok_or_else(|| ChangeError::NoField("otp".to_owned()))?
                    .seed;
                self.count(item, field, seed, count);
            }
            Edit::Attach(register, attached) => {
                if !self.fresh_items.contains(&item) && self.state.item(item).is_none() {
                    return Err(ChangeError::NoItem);
                }
                self.attach(
                    item,
                    register.unwrap_or_else(|| FieldId::make(rng)),
                    attached,
                );
            }
            Edit::Detach(register) => {
                let view = self.state.item(item).ok_or(ChangeError::NoItem)?;
                if !view.attachments.iter().any(|file| file.id == register) {
                    return Err(ChangeError::NoField("attachment".to_owned()));
                }
                self.remove(item, register);
            }
        }
        Ok(())
    }

    /// Stores a count for a seed. Counts never go back: the fold takes the largest.
    pub fn count(&mut self, item: ItemId, field: FieldId, seed: Dot, count: u64) {
        let body = codec::write_counter(seed, count);
        let content = Content::plain(Tag::COUNTER, body);
        self.operations
            .push(PlannedOperation::on_item(item, Some(field), content));
    }

    /// Attaches a file whose pieces were stored, in the place of those in its register.
    pub fn attach(&mut self, item: ItemId, register: FieldId, attached: Attached) {
        let body = codec::write_attachment(&AttachmentBody {
            name: &attached.name,
            length: attached.length,
        });
        let content = Content {
            chunks: attached.pieces,
            ..Content::plain(Tag::ATTACHMENT, body)
        };
        self.put(item, Some(register), content);
    }

    /// Moves an item to the trash or back.
    ///
    /// # Errors
    /// [`ChangeError::NoItem`].
    pub fn set_life(&mut self, item: ItemId, life: Life) -> Result<(), ChangeError> {
        self.state.item(item).ok_or(ChangeError::NoItem)?;
        self.life(
            item,
            if life == Life::Trashed {
                LIFE_DELETED
            } else {
                LIFE_ALIVE
            },
        );
        Ok(())
    }

    /// Takes all content of an item away for ever.
    pub fn purge(&mut self, item: ItemId) {
        let operations = self.state.operations_of(item);
        let wanted = operations
            .iter()
            .filter(|operation| operation.tag.is_erasable());
        let dots: Vec<Dot> = wanted
            .map(|operation| self.state.dot_of(operation))
            .collect();
        self.erase(item, dots);
        self.life(item, LIFE_DELETED);
    }

    /// Takes the former values of an item away for ever.
    pub fn prune_history(&mut self, item: ItemId) {
        let dots = self
            .state
            .history(item)
            .into_iter()
            .map(|former| former.value.dot)
            .collect();
        self.erase(item, dots);
    }

    fn erase(&mut self, item: ItemId, dots: Vec<Dot>) {
        let mut operations: BTreeMap<RecordId, Vec<u32>> = BTreeMap::new();
        for dot in &dots {
            operations.entry(dot.record).or_default().push(dot.index);
        }
        let chunks = self.state.chunks_of(item, &dots);
        let erasure = Erasure {
            operations: operations.into_iter().collect(),
            chunks,
        };
        let body = codec::write_erase(&erasure);
        let content = Content::plain(Tag::ERASE, body);
        self.operations
            .push(PlannedOperation::on_item(item, None, content));
    }

    /// Brings a former operation of a register back as a new one; a value sealed for this place goes in as it is.
    fn restore(&mut self, item: ItemId, field: FieldId, dot: Dot) -> Result<(), ChangeError> {
        let restored = self.restored(item, field, dot)?;
        self.put(item, Some(field), restored.into());
        Ok(())
    }

    /// What brings a former operation of a register back.
    fn restored(&self, item: ItemId, field: FieldId, dot: Dot) -> Result<Known, ChangeError> {
        let known = self
            .state
            .operation_at(item, field, dot)
            .ok_or(ChangeError::NoFormerValue)?;
        let (tag, body) = match known.tag {
            Tag::REMOVE => (Tag::REMOVE, Vec::new()),
            Tag::SET => {
                let set = codec::parse_set(&known.body).ok_or(ChangeError::NoFormerValue)?;
                // A seed that comes back goes on with its counter, and says whose that is; two devices that bring one
                // secret back have one value, whatever it is sealed under by then.
                let origin = set.origin().unwrap_or(dot);
                let kind = FieldKind::from_number(set.kind);
                let origin = kind.is_some_and(FieldKind::is_secret).then_some(&origin);
                (
                    Tag::SET,
                    codec::write_set(&SetBody::new(
                        set.kind,
                        set.name,
                        set.text,
                        Moment(0),
                        origin,
                    )),
                )
            }
            Tag::FORMER => {
                let former = codec::parse_former(&known.body).ok_or(ChangeError::NoFormerValue)?;
                (
                    Tag::SET,
                    codec::write_set(&SetBody::new(
                        former.kind,
                        former.name,
                        former.text,
                        Moment(0),
                        None,
                    )),
                )
            }
            tag if tag.is_value() => return Ok(known),
            _ => return Err(ChangeError::NoFormerValue),
        };
        Ok(Known { tag, body, ..known })
    }

    fn set_plain(&mut self, item: ItemId, number: u8, text: &str) {
        let body = codec::write_set(&SetBody::new(
            FieldKind::Text.number(),
            "",
            text,
            Moment(0),
            None,
        ));
        let content = Content::plain(Tag::SET, body);
        self.put(item, Some(FieldId::Standard(number)), content);
    }

    fn set_if_other(&mut self, item: ItemId, number: u8, text: &str) {
        if self
            .state
            .item(item)
            .is_none_or(|view| view.text(number) != text)
        {
            self.set_plain(item, number, text);
        }
    }

    fn set(
        &mut self,
        item: ItemId,
        id: FieldId,
        name: &FieldName,
        kind: FieldKind,
        value: DraftValue,
    ) {
        let name = match name {
            FieldName::Standard(_) => "",
            FieldName::Custom(name) => name,
        };
        let body = |text: &str| {
            codec::write_set(&SetBody::new(kind.number(), name, text, Moment(0), None))
        };
        let content = match value {
            DraftValue::Plain(text) => Content::plain(Tag::SET, body(&text)),
            DraftValue::Secret(secret) => {
                Content::new(Tag::SET, body(""), vec![PlannedValue::Secret(secret)])
            }
        };
        self.put(item, Some(id), content);
    }

    /// Puts a whole prepared SET, FORMER or URL operation in, for an import of keyfold's own export.
    pub fn put_prepared(
        &mut self,
        item: ItemId,
        field: FieldId,
        tag: Tag,
        body: Vec<u8>,
        values: Vec<PlannedValue>,
    ) -> u32 {
        let content = Content::new(tag, body, values);
        self.operations
            .push(PlannedOperation::on_item(item, Some(field), content));
        u32::try_from(self.operations.len() - 1).unwrap_or(u32::MAX)
    }

    /// Puts a prepared SET or URL operation in the place of the register's heads.
    pub fn replace_prepared(
        &mut self,
        item: ItemId,
        field: FieldId,
        tag: Tag,
        body: Vec<u8>,
        values: Vec<PlannedValue>,
    ) {
        self.put(item, Some(field), Content::new(tag, body, values));
    }

    /// Says that a prepared item lives or lies in the trash.
    pub fn put_life(&mut self, item: ItemId, life: Life) {
        self.life(
            item,
            if life == Life::Trashed {
                LIFE_DELETED
            } else {
                LIFE_ALIVE
            },
        );
    }

    /// Adds a tag to an item.
    pub fn tag(&mut self, item: ItemId, tag: &str) {
        let content = Content::plain(Tag::TAG, codec::write_text(tag));
        self.put(item, Some(FieldId::derive_for_tag(tag)), content);
    }

    fn url(&mut self, item: ItemId, id: FieldId, rank: u32, address: &str) {
        let body = codec::write_url(&UrlBody { rank, address });
        self.put(item, Some(id), Content::plain(Tag::URL, body));
    }

    fn remove(&mut self, item: ItemId, field: FieldId) {
        self.put(item, Some(field), Content::plain(Tag::REMOVE, Vec::new()));
    }

    fn life(&mut self, item: ItemId, life: u8) {
        self.put(item, None, Content::plain(Tag::LIFE, vec![life]));
    }

    /// One operation a register: a later wish of the same plan takes the place of an earlier one.
    fn put(&mut self, item: ItemId, field: Option<FieldId>, content: Content) {
        self.further.remove(&(item, field));
        let is_fresh = self.fresh_items.contains(&item);
        let replaces = match field {
            _ if is_fresh => Vec::new(),
            None => self.state.life_heads(item),
            Some(field) => self.state.register_heads(item, field),
        };
        let operation = PlannedOperation {
            replaces,
            ..PlannedOperation::on_item(item, field, content)
        };
        match self
            .registers
            .get(&(item, field))
            .and_then(|at| self.operations.get_mut(*at))
        {
            Some(planned) => *planned = operation,
            None => {
                self.registers.insert((item, field), self.operations.len());
                self.operations.push(operation);
            }
        }
    }

    /// Another head of a register that this plan has put an operation in.
    fn put_beside(&mut self, register: Register, content: Content) {
        let (item, field) = register;
        let first = self.registers.get(&register);
        let first = first.and_then(|at| self.operations.get(*at));
        let replaces = first.map(|operation| operation.replaces.clone());
        self.further
            .entry(register)
            .or_default()
            .push(PlannedOperation {
                replaces: replaces.unwrap_or_default(),
                ..PlannedOperation::on_item(item, field, content)
            });
    }

    /// The register of a field name: a standard number, a custom field of that name, or a fresh one.
    fn field_id(
        &mut self,
        item: ItemId,
        name: &FieldName,
        rng: Option<&mut dyn CryptoRng>,
    ) -> Option<FieldId> {
        let FieldName::Custom(text) = name else {
            let FieldName::Standard(number) = name else {
                return None;
            };
            return Some(FieldId::Standard(*number));
        };
        let known = self.state.item(item).and_then(|view| {
            let custom = view
                .fields
                .into_iter()
                .filter(|field| matches!(field.id, FieldId::Custom(_)));
            custom
                .into_iter()
                .find(|field| field.name == *text)
                .map(|field| field.id)
        });
        known
            .or_else(|| self.fresh_fields.get(&(item, text.clone())).copied())
            .or_else(|| {
                let id = FieldId::make(rng?);
                self.fresh_fields.insert((item, text.clone()), id);
                Some(id)
            })
    }
}

impl State {
    /// What an operation of a register says, unless it was erased.
    fn operation_at(&self, item: ItemId, field: FieldId, dot: Dot) -> Option<Known> {
        let operations = self.operations_of(item);
        let found = operations
            .iter()
            .find(|operation| operation.field == Some(field) && self.dot_of(operation) == dot)?;
        if self.is_erased(found) {
            return None;
        }
        let (sealed, _) = codec::parse_values(found.values).unwrap_or_default();
        let sealed = sealed.into_iter().map(<[u8]>::to_vec).collect();
        Some(Known {
            tag: found.tag,
            body: found.body.to_vec(),
            sealed,
            chunks: self.chunk_names_of(found),
        })
    }

    fn chunks_of(&self, item: ItemId, dots: &[Dot]) -> Vec<ChunkName> {
        let operations = self.operations_of(item);
        let meant = operations
            .iter()
            .filter(|operation| dots.contains(&self.dot_of(operation)));
        meant
            .flat_map(|operation| self.chunk_names_of(operation))
            .collect()
    }
}
