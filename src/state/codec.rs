//! Records and operation bodies as bytes (vault-format.md, sections 4.1, 4.2 and 5.2).
//!
//! The only file that knows bincode. What is decoded must encode again to the same bytes, so there is no second
//! encoding of anything; every count is bounded by the bytes that are there and by a named limit.

use super::id_hash::IdHash;
use super::op::{ChunkName, Operation, RecordHead, Tag};
use crate::model::ids::{Dot, FieldId, ItemId, RecordId};
use crate::model::moment::Moment;
use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::HashMap;
use std::fmt;
use zeroize::Zeroizing;

mod reader;

use reader::Reader;
pub use reader::{
    Dots, Operations, UnfoldedOperation, UnfoldedRecord, Values, parse_claimed_id, parse_values,
    reread_operations,
};

const CONFIG: Configuration<LittleEndian, Varint, Limit<RECORD_LIMIT>> =
    bincode::config::standard().with_limit::<RECORD_LIMIT>();

/// Bytes in one record; equal to what a frame may hold, which `vault` asserts.
pub const RECORD_LIMIT: usize = 64 << 20;
/// Items that one record may name.
pub const ITEMS_LIMIT: usize = 1_000_000;
/// Operations in one record.
pub const OPERATIONS_LIMIT: usize = 4_000_000;
/// Dots and chunk names in one operation.
pub const DOTS_LIMIT: usize = 65_536;
/// Sealed values in one operation.
pub const SEALED_LIMIT: usize = 16;
/// Heads of other devices that one record lists.
pub const SEEN_LIMIT: usize = 4;

/// Bytes that are no record of this format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MalformedRecord;

/// A decoded record that borrows from its bytes.
pub struct DecodedRecord<'a> {
    /// All but the operations.
    pub head: RecordHead,
    /// The operations, in order.
    pub operations: Vec<DecodedOperation<'a>>,
}

/// A decoded operation that borrows from its record's bytes.
pub struct DecodedOperation<'a> {
    /// What it does.
    pub tag: Tag,
    /// To which item; `None` for the vault itself.
    pub item: Option<ItemId>,
    /// To which field.
    pub field: Option<FieldId>,
    /// Which operations it replaces.
    pub replaces: Vec<Dot>,
    /// Body, by tag.
    pub body: &'a [u8],
    /// Values sealed a second time.
    pub sealed: Vec<&'a [u8]>,
    /// Names of chunks.
    pub chunks: Vec<&'a [u8]>,
}

/// Writes a record.
#[must_use]
pub fn write_record(head: &RecordHead, operations: &[Operation]) -> Zeroizing<Vec<u8>> {
    let mut items: Vec<&[u8]> = Vec::new();
    let mut positions: HashMap<ItemId, u32, IdHash> = HashMap::default();
    let mut wires = Vec::with_capacity(operations.len());
    for operation in operations {
        let item = operation.item.as_ref().map_or(0, |item| {
            *positions.entry(*item).or_insert_with(|| {
                items.push(&item.0);
                u32::try_from(items.len()).unwrap_or(u32::MAX)
            })
        });
        wires.push(OperationWire {
            tag: operation.tag.0,
            item,
            field: Bytes(operation.field.as_ref().map_or(&[], field_bytes)),
            replaces: operation
                .replaces
                .iter()
                .map(|dot| DotWire(Bytes(&dot.record.0), dot.index))
                .collect(),
            body: Bytes(&operation.body),
            sealed: operation.sealed.iter().map(|value| Bytes(value)).collect(),
            chunks: operation.chunks.iter().map(|name| Bytes(&name.0)).collect(),
        });
    }
    let wire = RecordWire {
        id: Bytes(&head.id.0),
        device: Bytes(&head.device.0),
        seq: head.seq,
        previous: Bytes(head.previous.as_ref().map_or(&[], |id| &id.0)),
        seen: head.seen.iter().map(|id| Bytes(&id.0)).collect(),
        clock: head.clock.0,
        items: items.into_iter().map(Bytes).collect(),
        operations: wires,
    };
    Zeroizing::new(encode(&wire))
}

/// Reads a record.
///
/// # Errors
/// [`MalformedRecord`] where a rule of the format is broken.
pub fn parse_record(bytes: &[u8]) -> Result<DecodedRecord<'_>, MalformedRecord> {
    let record = UnfoldedRecord::parse(bytes)?;
    let mut unread = record.operations();
    let mut operations = Vec::new();
    for operation in &mut unread {
        let operation = operation?;
        let (sealed, chunks) = parse_values(operation.values).ok_or(MalformedRecord)?;
        operations.push(DecodedOperation {
            tag: operation.tag,
            item: record.item(operation.item),
            field: operation.field,
            replaces: operation.replaces.collect(),
            body: operation.body,
            sealed,
            chunks,
        });
    }
    unread.finish()?;
    Ok(DecodedRecord {
        head: record.head,
        operations,
    })
}

fn field_bytes(field: &FieldId) -> &[u8] {
    match field {
        FieldId::Standard(number) => std::slice::from_ref(number),
        FieldId::Custom(bytes) => bytes,
    }
}

/// Body of SET.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
pub struct SetBody<'a> {
    /// Stored number of the field kind.
    pub kind: u8,
    /// Name of a custom field, else empty.
    pub name: &'a str,
    /// Value, empty where it is sealed.
    pub text: &'a str,
    /// When the value came to be, where an import knows; else 0.
    pub at: u64,
    origin: Vec<DotWire<'a>>,
}

impl<'a> SetBody<'a> {
    /// A body; `origin` is the dot of the seed that this one restores.
    #[must_use]
    pub fn new(
        kind: u8,
        name: &'a str,
        text: &'a str,
        at: Moment,
        origin: Option<&'a Dot>,
    ) -> Self {
        let origin = origin
            .map(|dot| DotWire(Bytes(&dot.record.0), dot.index))
            .into_iter()
            .collect();
        Self {
            kind,
            name,
            text,
            at: at.0,
            origin,
        }
    }

    /// The first seed that this one goes on with.
    #[must_use]
    pub fn origin(&self) -> Option<Dot> {
        self.origin.first().and_then(|dot| dot.to_dot())
    }
}

/// Body of FORMER.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
pub struct FormerBody<'a> {
    /// Stored number of the field kind.
    pub kind: u8,
    /// Name of a custom field, else empty.
    pub name: &'a str,
    /// Value, empty where it is sealed.
    pub text: &'a str,
    /// When the value was set.
    pub at: u64,
    /// Where, as the export said.
    pub device: &'a str,
}

/// Body of URL.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
pub struct UrlBody<'a> {
    /// Smaller ranks are shown first.
    pub rank: u32,
    /// The address.
    pub address: &'a str,
}

/// Body of ATTACHMENT.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
pub struct AttachmentBody<'a> {
    /// File name.
    pub name: &'a str,
    /// Bytes in all chunks together.
    pub length: u64,
}

/// Body of SLOT.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
pub struct SlotBody<'a> {
    /// Stored number of the slot kind.
    pub kind: u8,
    /// What the user calls it.
    pub label: &'a str,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct CounterBody<'a>(#[serde(borrow)] DotWire<'a>, u64);

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct EraseBody<'a> {
    #[serde(borrow)]
    records: Vec<(Bytes<'a>, Vec<u32>)>,
    #[serde(borrow)]
    chunks: Vec<Bytes<'a>>,
}

macro_rules! body_codec {
    ($write:ident, $parse:ident, $body:ident, $name:literal) => {
        #[doc = concat!("Writes the body of ", $name, ".")]
        #[must_use]
        pub fn $write(body: &$body<'_>) -> Vec<u8> {
            encode(body)
        }

        #[doc = concat!("Reads the body of ", $name, "; `None` where it is none of this version.")]
        #[must_use]
        pub fn $parse(bytes: &[u8]) -> Option<$body<'_>> {
            $body::read(bytes)
        }
    };
}

impl<'a> SetBody<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        let [kind] = rest.array()?;
        let (name, text, at) = (rest.text()?, rest.text()?, rest.number()?);
        let mut origin = Vec::new();
        for _ in 0..rest.count(DOTS_LIMIT)? {
            let id = rest.bytes()?;
            origin.push(DotWire(Bytes(id), u32::try_from(rest.number()?).ok()?));
        }
        rest.finish(Self {
            kind,
            name,
            text,
            at,
            origin,
        })
    }
}

impl<'a> UrlBody<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        let rank = u32::try_from(rest.number()?).ok()?;
        let address = rest.text()?;
        rest.finish(Self { rank, address })
    }
}

macro_rules! read_by_decoding {
    ($($body:ident),*) => {
        $(impl<'a> $body<'a> {
            fn read(bytes: &'a [u8]) -> Option<Self> {
                decode(bytes)
            }
        })*
    };
}

// Rare enough that what reads them need not be quick.
read_by_decoding!(FormerBody, AttachmentBody, SlotBody);

body_codec!(write_set, decode_set, SetBody, "SET, with any origins");
body_codec!(write_former, parse_former, FormerBody, "FORMER");
body_codec!(write_url, parse_url, UrlBody, "URL");
body_codec!(
    write_attachment,
    parse_attachment,
    AttachmentBody,
    "ATTACHMENT"
);
body_codec!(write_slot, parse_slot, SlotBody, "SLOT");

/// Reads the body of SET; `None` where it is none of this version, as one with two origins.
#[must_use]
pub fn parse_set(bytes: &[u8]) -> Option<SetBody<'_>> {
    decode_set(bytes).filter(|body| match body.origin.as_slice() {
        [] => true,
        [origin] => origin.to_dot().is_some(),
        _ => false,
    })
}

/// Writes a body that is one text (TAG, DEVICE).
#[must_use]
pub fn write_text(text: &str) -> Vec<u8> {
    encode(&text)
}

/// Reads a body that is one text.
#[must_use]
pub fn parse_text(bytes: &[u8]) -> Option<&str> {
    let mut rest = Reader(bytes);
    let text = rest.text()?;
    rest.finish(text)
}

/// Writes a body that is one byte string (RETIRE).
#[must_use]
pub fn write_bytes(bytes: &[u8]) -> Vec<u8> {
    encode(&Bytes(bytes))
}

/// Reads a body that is one byte string.
#[must_use]
pub fn parse_bytes(bytes: &[u8]) -> Option<&[u8]> {
    decode::<Bytes<'_>>(bytes).map(|bytes| bytes.0)
}

/// Writes the body of COUNTER: the seed's dot and its count.
#[must_use]
pub fn write_counter(seed: Dot, count: u64) -> Vec<u8> {
    encode(&CounterBody(
        DotWire(Bytes(&seed.record.0), seed.index),
        count,
    ))
}

/// Reads the body of COUNTER.
#[must_use]
pub fn parse_counter(bytes: &[u8]) -> Option<(Dot, u64)> {
    let CounterBody(seed, count) = decode(bytes)?;
    Some((seed.to_dot()?, count))
}

/// What an ERASE names.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Erasure {
    /// Operations by record.
    pub operations: Vec<(RecordId, Vec<u32>)>,
    /// Chunks.
    pub chunks: Vec<ChunkName>,
}

/// Writes the body of ERASE.
#[must_use]
pub fn write_erase(erasure: &Erasure) -> Vec<u8> {
    encode(&EraseBody {
        records: erasure
            .operations
            .iter()
            .map(|(id, indices)| (Bytes(&id.0), indices.clone()))
            .collect(),
        chunks: erasure.chunks.iter().map(|name| Bytes(&name.0)).collect(),
    })
}

/// Reads the body of ERASE.
#[must_use]
pub fn parse_erase(bytes: &[u8]) -> Option<Erasure> {
    let body: EraseBody<'_> = decode(bytes)?;
    let operations = body
        .records
        .into_iter()
        .map(|(id, indices)| Some((RecordId::from_slice(id.0)?, indices)));
    let chunks = body.chunks.iter().map(|name| ChunkName::from_slice(name.0));
    Some(Erasure {
        operations: operations.collect::<Option<_>>()?,
        chunks: chunks.collect::<Option<_>>()?,
    })
}

#[derive(Serialize, Deserialize)]
struct RecordWire<'a> {
    #[serde(borrow)]
    id: Bytes<'a>,
    device: Bytes<'a>,
    seq: u64,
    previous: Bytes<'a>,
    seen: Vec<Bytes<'a>>,
    clock: u64,
    items: Vec<Bytes<'a>>,
    operations: Vec<OperationWire<'a>>,
}

#[derive(Serialize, Deserialize)]
struct OperationWire<'a> {
    tag: u16,
    item: u32,
    #[serde(borrow)]
    field: Bytes<'a>,
    replaces: Vec<DotWire<'a>>,
    body: Bytes<'a>,
    sealed: Vec<Bytes<'a>>,
    chunks: Vec<Bytes<'a>>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Clone, Copy)]
struct DotWire<'a>(#[serde(borrow)] Bytes<'a>, u32);

impl DotWire<'_> {
    fn to_dot(self) -> Option<Dot> {
        Some(Dot {
            record: RecordId::from_slice(self.0.0)?,
            index: self.1,
        })
    }
}

/// A byte string that borrows; a plain slice would be coded byte by byte.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BorrowedBytes;
        impl<'de> Visitor<'de> for BorrowedBytes {
            type Value = &'de [u8];
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("bytes that can be borrowed")
            }
            fn visit_borrowed_bytes<E: serde::de::Error>(
                self,
                bytes: &'de [u8],
            ) -> Result<Self::Value, E> {
                Ok(bytes)
            }
            fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Self::Value, E> {
                Err(E::custom("the decoder must borrow"))
            }
        }
        deserializer
            .deserialize_bytes(BorrowedBytes)
            .map(Bytes)
            .map_err(D::Error::custom)
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Two passes: a vector that grows would leave copies of what it holds behind.
    let mut count = Counting(0);
    let counted = bincode::serde::encode_into_writer(value, &mut count, CONFIG);
    let mut bytes = Vec::with_capacity(count.0);
    let written = bincode::serde::encode_into_writer(value, &mut Appending(&mut bytes), CONFIG);
    debug_assert!(counted.is_ok() && written.is_ok());
    bytes
}

fn decode<'a, T: Deserialize<'a> + Serialize>(bytes: &'a [u8]) -> Option<T> {
    let (value, used) = bincode::serde::borrow_decode_from_slice::<T, _>(bytes, CONFIG).ok()?;
    let mut rest = Comparing(bytes);
    bincode::serde::encode_into_writer(&value, &mut rest, CONFIG).ok()?;
    (used == bytes.len() && rest.0.is_empty()).then_some(value)
}

struct Counting(usize);

impl Writer for &mut Counting {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 += bytes.len();
        Ok(())
    }
}

struct Appending<'a>(&'a mut Vec<u8>);

impl Writer for &mut Appending<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Accepts exactly the bytes that are expected.
struct Comparing<'a>(&'a [u8]);

impl Writer for &mut Comparing<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 = self
            .0
            .strip_prefix(bytes)
            .ok_or(EncodeError::Other("another encoding of the same value"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
