//! What happened: records and operations as they are stored (vault-format.md, sections 4.2 and 5.2).
//!
//! Values of secret fields appear here sealed only.

use super::codec::DecodedOperation;
use crate::model::ids::{DeviceId, Dot, FieldId, ItemId, RecordId};
use crate::model::moment::Clock;
use serde::{Deserialize, Serialize};

/// What an operation does, by its stored number. Numbers that this version does not know are carried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tag(pub u16);

impl Tag {
    /// An item lives or lies in the trash.
    pub const LIFE: Self = Self(1);
    /// A field gets a value.
    pub const SET: Self = Self(2);
    /// A field, tag or URL goes.
    pub const REMOVE: Self = Self(3);
    /// A tag is added.
    pub const TAG: Self = Self(4);
    /// An address is added or changed.
    pub const URL: Self = Self(5);
    /// An HOTP counter moves forward.
    pub const COUNTER: Self = Self(6);
    /// A file is attached.
    pub const ATTACHMENT: Self = Self(7);
    /// Operations and chunks go for ever.
    pub const ERASE: Self = Self(8);
    /// A way in was made.
    pub const SLOT: Self = Self(9);
    /// A way in is closed.
    pub const RETIRE: Self = Self(10);
    /// A data key before a `rekey`.
    pub const FORMER_KEY: Self = Self(11);
    /// A device's name.
    pub const DEVICE: Self = Self(12);
    /// Which record an undo took back.
    pub const UNDONE: Self = Self(13);
    /// A former value that an import brought.
    pub const FORMER: Self = Self(14);

    /// Whether operations of this tag are heads of a field's register.
    #[must_use]
    pub fn is_value(self) -> bool {
        matches!(
            self,
            Self::SET | Self::REMOVE | Self::TAG | Self::URL | Self::ATTACHMENT | Self::DEVICE
        )
    }

    /// Whether ERASE may take the content of such an operation.
    #[must_use]
    pub fn is_erasable(self) -> bool {
        !matches!(
            self,
            Self::LIFE
                | Self::COUNTER
                | Self::ERASE
                | Self::SLOT
                | Self::RETIRE
                | Self::FORMER_KEY
                | Self::DEVICE
                | Self::UNDONE
        )
    }
}

/// Body of LIFE: the item is there.
pub const LIFE_ALIVE: u8 = 1;
/// Body of LIFE: the item lies in the trash.
pub const LIFE_DELETED: u8 = 0;

/// Name of a chunk: its nonce and the SHA-256 of its content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct ChunkName(pub [u8; Self::LENGTH]);

impl ChunkName {
    /// Bytes in a name.
    pub const LENGTH: usize = 56;

    /// The name of exactly 56 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl From<ChunkName> for Vec<u8> {
    fn from(name: ChunkName) -> Self {
        name.0.to_vec()
    }
}

impl TryFrom<Vec<u8>> for ChunkName {
    type Error = &'static str;

    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        Self::from_slice(&bytes).ok_or("a chunk's name has 56 bytes")
    }
}

/// A record without its operations.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordHead {
    /// Names the record.
    pub id: RecordId,
    /// Who wrote it.
    pub device: DeviceId,
    /// Its number among that device's records, from 1.
    pub seq: u64,
    /// That device's record before.
    pub previous: Option<RecordId>,
    /// Records of other devices seen since, at most four.
    pub seen: Vec<RecordId>,
    /// When, by the hybrid clock.
    pub clock: Clock,
}

/// An operation on its way into a record.
#[derive(Clone, PartialEq, Eq)]
pub struct Operation {
    /// What it does.
    pub tag: Tag,
    /// To which item; `None` for the vault itself.
    pub item: Option<ItemId>,
    /// To which field.
    pub field: Option<FieldId>,
    /// Which operations of other records it replaces.
    pub replaces: Vec<Dot>,
    /// Body, by tag.
    pub body: Vec<u8>,
    /// Values sealed a second time.
    pub sealed: Vec<Vec<u8>>,
    /// Names of chunks.
    pub chunks: Vec<ChunkName>,
}

impl Operation {
    /// An operation on the vault itself, without field, body or anything else.
    #[must_use]
    pub fn new(tag: Tag) -> Self {
        Self {
            tag,
            item: None,
            field: None,
            replaces: vec![],
            body: vec![],
            sealed: vec![],
            chunks: vec![],
        }
    }

    /// The operation without what an ERASE takes.
    #[must_use]
    pub fn without_content(mut self) -> Self {
        self.body.clear();
        self.sealed.clear();
        self.chunks.clear();
        self
    }
}

impl DecodedOperation<'_> {
    /// A copy that owns its parts.
    #[must_use]
    pub fn to_owned(&self) -> Operation {
        Operation {
            tag: self.tag,
            item: self.item,
            field: self.field,
            replaces: self.replaces.clone(),
            body: self.body.to_vec(),
            sealed: self.sealed.iter().map(|value| value.to_vec()).collect(),
            chunks: self
                .chunks
                .iter()
                .filter_map(|name| ChunkName::from_slice(name))
                .collect(),
        }
    }
}
