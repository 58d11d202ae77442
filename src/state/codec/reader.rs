//! Reads the bytes of records (vault-format.md, sections 4.1 and 4.2) without bincode: in one pass, without a list.
//!
//! It must take the shortest encoding only, and never allocate for a count that the bytes do not bear out.

use super::{
    DOTS_LIMIT, ITEMS_LIMIT, MalformedRecord, OPERATIONS_LIMIT, RECORD_LIMIT, SEALED_LIMIT,
    SEEN_LIMIT,
};
use crate::model::ids::{DeviceId, Dot, FieldId, ItemId, RecordId};
use crate::model::moment::Clock;
use crate::state::op::{ChunkName, RecordHead, Tag};

/// The id that bytes claim to have, without a look at the rest.
#[must_use]
pub fn parse_claimed_id(bytes: &[u8]) -> Option<RecordId> {
    Reader(bytes).id().map(RecordId)
}

/// A record whose head keeps every rule; its operations are read one by one, so that a large record needs no list of them.
pub struct UnfoldedRecord<'a> {
    /// All but the operations.
    pub head: RecordHead,
    bytes: &'a [u8],
    items: &'a [[u8; ITEM_LENGTH]],
    /// Where the items begin.
    items_at: usize,
    operations: &'a [u8],
    count: usize,
}

/// An id as a byte string: its length, then it.
const ITEM_LENGTH: usize = 17;

impl<'a> UnfoldedRecord<'a> {
    /// Reads the head. Whether the record keeps every rule is known when [`Operations::finish`] has said so.
    ///
    /// # Errors
    /// [`MalformedRecord`] where a rule of the format is broken.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MalformedRecord> {
        Self::parse_head(bytes).ok_or(MalformedRecord)
    }

    fn parse_head(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > RECORD_LIMIT {
            return None;
        }
        let mut rest = Reader(bytes);
        let id = RecordId(rest.id()?);
        let device = DeviceId(rest.id()?);
        let seq = rest.number().filter(|seq| *seq >= 1)?;
        let previous = match rest.bytes()? {
            [] => None,
            bytes => Some(RecordId::from_slice(bytes)?),
        };
        let mut seen = Vec::new();
        for _ in 0..rest.count(SEEN_LIMIT)? {
            seen.push(RecordId(rest.id()?));
        }
        let clock = Clock(rest.number()?);
        let length = rest.count(ITEMS_LIMIT)?.checked_mul(ITEM_LENGTH)?;
        let items_at = bytes.len() - rest.0.len();
        let (items, _) = rest.take(length)?.as_chunks::<ITEM_LENGTH>();
        // An id of zeros would share its place with the vault itself.
        let are_ids = items
            .iter()
            .all(|[length, id @ ..]| *length == 16 && u128::from_ne_bytes(*id) != 0);
        let count = rest.count(OPERATIONS_LIMIT).filter(|count| *count >= 1)?;
        let head = RecordHead {
            id,
            device,
            seq,
            previous,
            seen,
            clock,
        };
        are_ids.then_some(Self {
            head,
            bytes,
            items,
            items_at,
            operations: rest.0,
            count,
        })
    }

    /// The operations, in order.
    pub fn operations(&self) -> Operations<'_, 'a> {
        Operations {
            record: self,
            left: self.count,
            rest: Reader(self.operations),
        }
    }

    /// How many items the operations name.
    #[must_use]
    pub fn item_count(&self) -> usize {
        self.items.len()
    }

    /// The item of a number that an operation gives; `None` for the vault itself.
    #[must_use]
    pub fn item(&self, number: u32) -> Option<ItemId> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        ItemId::from_slice(self.items.get(at)?.get(1..)?)
    }

    /// Where in the record's bytes the id of the item of a number begins.
    #[must_use]
    pub fn item_position(&self, number: u32) -> Option<usize> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        Some(self.items_at + at * ITEM_LENGTH + 1)
    }
}

/// Operations of one record, checked and read as they are asked for.
pub struct Operations<'r, 'a> {
    record: &'r UnfoldedRecord<'a>,
    left: usize,
    rest: Reader<'a>,
}

/// An operation whose lists are not read apart yet.
pub struct UnfoldedOperation<'a> {
    /// What it does.
    pub tag: Tag,
    /// To which of the record's items, for [`UnfoldedRecord::item`]; 0 for the vault itself.
    pub item: u32,
    /// To which field.
    pub field: Option<FieldId>,
    /// Which operations it replaces.
    pub replaces: Dots<'a>,
    /// Body, by tag.
    pub body: &'a [u8],
    /// Sealed values and names of chunks, for [`parse_values`].
    pub values: &'a [u8],
}

impl<'a> Iterator for Operations<'_, 'a> {
    type Item = Result<UnfoldedOperation<'a>, MalformedRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.one().ok_or(MalformedRecord))
    }
}

impl<'a> Operations<'_, 'a> {
    /// Where in the record's bytes the next operation begins.
    #[must_use]
    pub fn position(&self) -> usize {
        self.record.bytes.len() - self.rest.0.len()
    }

    /// To be asked when all operations were read: whether the record ends there.
    ///
    /// # Errors
    /// [`MalformedRecord`] where something follows.
    pub fn finish(self) -> Result<(), MalformedRecord> {
        let is_read = self.left == 0 && self.rest.0.is_empty();
        is_read.then_some(()).ok_or(MalformedRecord)
    }

    fn one(&mut self) -> Option<UnfoldedOperation<'a>> {
        let operation = self.rest.operation()?;
        let is_named = usize::try_from(operation.item).ok()? <= self.record.items.len();
        let own = self.record.head.id;
        let replaces_own = operation.replaces.clone().any(|dot| dot.record == own);
        (is_named && !replaces_own).then_some(operation)
    }
}

/// Reads operations again that were checked before, from the position of the first.
pub fn reread_operations(bytes: &[u8]) -> impl Iterator<Item = UnfoldedOperation<'_>> {
    let mut rest = Reader(bytes);
    std::iter::from_fn(move || rest.operation())
}

/// Dots as they lie in a record.
#[derive(Clone)]
pub struct Dots<'a> {
    left: usize,
    rest: Reader<'a>,
}

impl Dots<'_> {
    /// Whether there is none left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }
}

impl Iterator for Dots<'_> {
    type Item = Dot;

    fn next(&mut self) -> Option<Dot> {
        self.left = self.left.checked_sub(1)?;
        self.rest.dot()
    }
}

/// Sealed values and chunk names of one operation.
pub type Values<'a> = (Vec<&'a [u8]>, Vec<&'a [u8]>);

/// Sealed values and names of chunks at the start of the bytes; `None` where they break a rule.
#[must_use]
pub fn parse_values(bytes: &[u8]) -> Option<Values<'_>> {
    let mut rest = Reader(bytes);
    let (mut sealed, mut chunks) = (Vec::new(), Vec::new());
    for _ in 0..rest.count(SEALED_LIMIT)? {
        sealed.push(rest.bytes()?);
    }
    for _ in 0..rest.count(DOTS_LIMIT)? {
        chunks.push(rest.chunk_name()?);
    }
    Some((sealed, chunks))
}

/// Reads the encoding of section 4.1 from the front. It takes a number in its shortest form only, and nothing else in
/// the encoding leaves a choice: what it accepts encodes again to the same bytes.
#[derive(Clone)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (taken, rest) = self.0.split_first_chunk::<LENGTH>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        match first {
            0..=250 => Some(u64::from(*first)),
            251 => {
                Some(u64::from(u16::from_le_bytes(self.array()?))).filter(|number| *number > 250)
            }
            252 => Some(u64::from(u32::from_le_bytes(self.array()?)))
                .filter(|number| *number > u64::from(u16::MAX)),
            253 => Some(u64::from_le_bytes(self.array()?))
                .filter(|number| *number > u64::from(u32::MAX)),
            _ => None,
        }
    }

    /// The length of a list.
    pub(super) fn count(&mut self, limit: usize) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= limit).then_some(count)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn id(&mut self) -> Option<[u8; 16]> {
        let [length, id @ ..] = self.array::<ITEM_LENGTH>()?;
        (length == 16).then_some(id)
    }

    fn dot(&mut self) -> Option<Dot> {
        Some(Dot {
            record: RecordId(self.id()?),
            index: u32::try_from(self.number()?).ok()?,
        })
    }

    fn chunk_name(&mut self) -> Option<&'a [u8]> {
        self.bytes().filter(|name| name.len() == ChunkName::LENGTH)
    }

    #[inline]
    fn operation(&mut self) -> Option<UnfoldedOperation<'a>> {
        let tag = Tag(u16::try_from(self.number()?).ok()?);
        let item = u32::try_from(self.number()?).ok()?;
        let field = parse_field(self.bytes()?).ok()?;
        let left = self.count(DOTS_LIMIT)?;
        let replaces = Dots {
            left,
            rest: self.clone(),
        };
        for _ in 0..left {
            self.dot()?;
        }
        let body = self.bytes()?;
        let values = self.0;
        self.skip_values()?;
        let length = values.len() - self.0.len();
        Some(UnfoldedOperation {
            tag,
            item,
            field,
            replaces,
            body,
            values: values.get(..length)?,
        })
    }

    fn skip_values(&mut self) -> Option<()> {
        for _ in 0..self.count(SEALED_LIMIT)? {
            self.bytes()?;
        }
        for _ in 0..self.count(DOTS_LIMIT)? {
            self.chunk_name()?;
        }
        Some(())
    }

    /// The value, if nothing follows it.
    pub(super) fn finish<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

fn parse_field(bytes: &[u8]) -> Result<Option<FieldId>, MalformedRecord> {
    match bytes {
        [] => Ok(None),
        [number] => Ok(Some(FieldId::Standard(*number))),
        _ => bytes
            .try_into()
            .map(|id| Some(FieldId::Custom(id)))
            .map_err(|_| MalformedRecord),
    }
}
