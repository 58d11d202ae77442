//! Identifiers, each its own type, so that one is never passed for another (vault-format.md, "Identifiers").

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// 16 fresh random bytes.
            #[must_use]
            pub fn make(rng: &mut dyn CryptoRng) -> Self {
                let mut bytes = [0; 16];
                rng.fill_bytes(&mut bytes);
                Self(bytes)
            }

            /// The id of exactly 16 bytes.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// 32 lower-case hexadecimal digits back to an id.
            #[must_use]
            pub fn from_hex(text: &str) -> Option<Self> {
                data_encoding::HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| Self::from_slice(&bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }
    };
}

id_type!(
    /// Names a vault for ever; random at `init`.
    VaultId
);
id_type!(
    /// Names one record.
    RecordId
);
id_type!(
    /// Names one item.
    ItemId
);
id_type!(
    /// Names one device, that is one local state folder.
    DeviceId
);
id_type!(
    /// Names one slot, that is one way in.
    SlotId
);
id_type!(
    /// Names a data key; derived from it, so it says nothing of it.
    KeyId
);

/// Which register of an item: a standard field by its number, or a custom field, URL or tag by 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum FieldId {
    /// A field of the table in [`super::field`].
    Standard(u8),
    /// A custom field or URL (random), or a tag (hash of its text).
    Custom([u8; 16]),
}

impl FieldId {
    /// The field of a tag, the same on every device: `SHA-256("keyfold v1 tag" ‖ text)[0..16]`.
    #[must_use]
    pub fn derive_for_tag(tag: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"keyfold v1 tag")
            .chain_update(tag)
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self::Custom(bytes)
    }

    /// 16 fresh random bytes for a custom field or URL.
    #[must_use]
    pub fn make(rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self::Custom(bytes)
    }
}

/// One operation: which record, and which of its operations.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Dot {
    /// The record that holds the operation.
    pub record: RecordId,
    /// Position of the operation in it, from 0.
    pub index: u32,
}
