//! Records and operation bodies as bytes (vault-format.md, sections 4.1, 4.2 and 5.2).
//!
//! The only file that knows bincode. What is decoded must encode again to the same bytes, so there is no second
//! encoding of anything; every count is bounded by the bytes that are there and by a named limit.

use super::op::{ChunkName, Operation, RecordHead, Tag};
use crate::model::ids::{DeviceId, Dot, FieldId, ItemId, RecordId};
use crate::model::moment::{Clock, Moment};
use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::HashMap;
use std::fmt;
use zeroize::Zeroizing;

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
    let mut positions: HashMap<ItemId, u32> = HashMap::new();
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
    let wire: RecordWire<'_> = decode(bytes).ok_or(MalformedRecord)?;
    check_limits(&wire)?;
    let id = RecordId::from_slice(wire.id.0).ok_or(MalformedRecord)?;
    let items = wire
        .items
        .iter()
        .map(|item| ItemId::from_slice(item.0))
        .collect::<Option<Vec<_>>>();
    // An id of zeros would share its place with the vault itself.
    let items = items
        .filter(|items| !items.contains(&ItemId([0; 16])))
        .ok_or(MalformedRecord)?;
    let head = RecordHead {
        id,
        device: DeviceId::from_slice(wire.device.0).ok_or(MalformedRecord)?,
        seq: wire.seq,
        previous: match wire.previous.0 {
            [] => None,
            bytes => Some(RecordId::from_slice(bytes).ok_or(MalformedRecord)?),
        },
        seen: wire
            .seen
            .iter()
            .map(|seen| RecordId::from_slice(seen.0))
            .collect::<Option<_>>()
            .ok_or(MalformedRecord)?,
        clock: Clock(wire.clock),
    };
    let operations = wire
        .operations
        .into_iter()
        .map(|operation| parse_operation(operation, id, &items));
    Ok(DecodedRecord {
        head,
        operations: operations.collect::<Result<_, _>>()?,
    })
}

fn check_limits(wire: &RecordWire<'_>) -> Result<(), MalformedRecord> {
    let fits = wire.seen.len() <= SEEN_LIMIT
        && wire.items.len() <= ITEMS_LIMIT
        && (1..=OPERATIONS_LIMIT).contains(&wire.operations.len())
        && wire.seq >= 1;
    if fits { Ok(()) } else { Err(MalformedRecord) }
}

fn parse_operation<'a>(
    wire: OperationWire<'a>,
    record: RecordId,
    items: &[ItemId],
) -> Result<DecodedOperation<'a>, MalformedRecord> {
    if wire.replaces.len() > DOTS_LIMIT
        || wire.chunks.len() > DOTS_LIMIT
        || wire.sealed.len() > SEALED_LIMIT
    {
        return Err(MalformedRecord);
    }
    let mut replaces = Vec::with_capacity(wire.replaces.len());
    for DotWire(other, index) in &wire.replaces {
        let other = RecordId::from_slice(other.0)
            .filter(|other| *other != record)
            .ok_or(MalformedRecord)?;
        replaces.push(Dot {
            record: other,
            index: *index,
        });
    }
    let item = match usize::try_from(wire.item)
        .ok()
        .and_then(|number| number.checked_sub(1))
    {
        None => None,
        Some(at) => Some(*items.get(at).ok_or(MalformedRecord)?),
    };
    let chunks: Vec<&[u8]> = wire.chunks.iter().map(|name| name.0).collect();
    if chunks.iter().any(|name| name.len() != ChunkName::LENGTH) {
        return Err(MalformedRecord);
    }
    Ok(DecodedOperation {
        tag: Tag(wire.tag),
        item,
        field: parse_field(wire.field.0)?,
        replaces,
        body: wire.body.0,
        sealed: wire.sealed.iter().map(|value| value.0).collect(),
        chunks,
    })
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
            decode(bytes)
        }
    };
}

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
    decode(bytes)
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
mod tests {
    use super::*;

    fn sample() -> (RecordHead, Vec<Operation>) {
        let head = RecordHead {
            id: RecordId([1; 16]),
            device: DeviceId([2; 16]),
            seq: 300,
            previous: Some(RecordId([3; 16])),
            seen: vec![RecordId([4; 16])],
            clock: Clock(1 << 60),
        };
        let set = Operation {
            tag: Tag::SET,
            item: Some(ItemId([5; 16])),
            field: Some(FieldId::Standard(17)),
            replaces: vec![Dot {
                record: RecordId([6; 16]),
                index: 7,
            }],
            body: write_set(&SetBody::new(2, "", "", Moment(0), None)),
            sealed: vec![vec![9; 60]],
            chunks: vec![ChunkName([8; 56])],
        };
        let unknown = Operation {
            tag: Tag(999),
            item: None,
            field: Some(FieldId::Custom([1; 16])),
            ..Operation::new(Tag(999))
        };
        (head, vec![set, unknown])
    }

    #[test]
    fn records_round_trip_unknown_operations_included() {
        let (head, operations) = sample();
        let bytes = write_record(&head, &operations);
        let decoded = parse_record(&bytes).unwrap();
        assert!(decoded.head == head);
        let again: Vec<Operation> = decoded
            .operations
            .iter()
            .map(DecodedOperation::to_owned)
            .collect();
        assert!(again == operations);
        assert_eq!(*write_record(&head, &again), *bytes);
    }

    /// Attack A29: no second encoding of anything.
    #[test]
    fn trailing_bytes_and_longer_numbers_are_refused() {
        let (head, operations) = sample();
        let bytes = write_record(&head, &operations);
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(parse_record(&longer).is_err());
        assert!(parse_record(&bytes[..bytes.len() - 1]).is_err());
        // The first byte is the id's length, 16; the same number as byte 251 and u16.
        let mut clumsy = vec![251, 16, 0];
        clumsy.extend_from_slice(&bytes[1..]);
        assert!(parse_record(&clumsy).is_err());
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let refuse = |change: &dyn Fn(&mut RecordHead, &mut Vec<Operation>)| {
            let (mut head, mut operations) = sample();
            change(&mut head, &mut operations);
            assert!(parse_record(&write_record(&head, &operations)).is_err());
        };
        refuse(&|_, operations| operations.clear());
        refuse(&|head, _| head.seq = 0);
        refuse(&|head, _| head.seen = vec![RecordId([1; 16]); 5]);
        refuse(&|head, operations| operations[0].replaces[0].record = head.id);
        refuse(&|_, operations| operations[0].sealed = vec![vec![]; 17]);
    }

    #[test]
    fn a_huge_count_allocates_nothing() {
        let (head, operations) = sample();
        let mut bytes = write_record(&head, &operations).to_vec();
        // The list of seen heads claims 2^60 entries.
        let at = 17 + 17 + 3 + 17;
        bytes.splice(at..=at, [253, 0, 0, 0, 0, 0, 0, 0, 16]);
        assert!(parse_record(&bytes).is_err());
    }

    #[test]
    fn bodies_round_trip() {
        let dot = Dot {
            record: RecordId([1; 16]),
            index: 300,
        };
        assert!(parse_counter(&write_counter(dot, 77)) == Some((dot, 77)));
        let body = write_set(&SetBody::new(4, "seed", "", Moment(5), Some(&dot)));
        let parsed = parse_set(&body).unwrap();
        assert!(parsed.origin() == Some(dot) && parsed.name == "seed" && parsed.at == 5);
        let erasure = Erasure {
            operations: vec![(RecordId([3; 16]), vec![0, 300])],
            chunks: vec![ChunkName([1; 56])],
        };
        assert_eq!(parse_erase(&write_erase(&erasure)), Some(erasure));
        assert_eq!(parse_text(&write_text("ä")), Some("ä"));
        assert_eq!(parse_text(&[1, 0xff]), None);
        assert_eq!(parse_bytes(&write_bytes(&[1, 2])), Some(&[1, 2][..]));
    }

    #[test]
    fn random_bytes_never_panic() {
        use rand::{Rng, SeedableRng};
        let mut rng = rand::rngs::StdRng::seed_from_u64(3);
        let (head, operations) = sample();
        let good = write_record(&head, &operations);
        for _ in 0..20_000 {
            let mut bytes = good.to_vec();
            for _ in 0..=rng.next_u32() % 4 {
                let at = usize::try_from(rng.next_u32()).unwrap() % bytes.len();
                bytes[at] = u8::try_from(rng.next_u32() & 255).unwrap();
            }
            if let Ok(decoded) = parse_record(&bytes) {
                let again: Vec<Operation> = decoded
                    .operations
                    .iter()
                    .map(DecodedOperation::to_owned)
                    .collect();
                let _ = write_record(&decoded.head, &again);
            }
        }
    }
}
