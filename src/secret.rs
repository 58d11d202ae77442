//! The type a secret text lives in: zeroized on drop, without Debug, Display or Clone, with one `expose()`.
//!
//! It must never be formatted, logged or serialised by accident; every `expose()` elsewhere carries `// EXPOSE: why`
//! and tests/tidy.rs lists the files that may have one.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A secret text (password, seed, card number, private key), UTF-8. Wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over; the caller must not keep another copy.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Takes bytes over.
    ///
    /// # Errors
    /// `None` where the bytes are not UTF-8; they are wiped either way.
    #[must_use]
    pub fn from_utf8(bytes: Vec<u8>) -> Option<Self> {
        match String::from_utf8(bytes) {
            Ok(text) => Some(Self(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                None
            }
        }
    }

    /// The text itself. Every call outside this file says why in a comment that starts with `EXPOSE:`.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A second copy, where two owners are really needed.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Equality in constant time for equal lengths.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

/// Secret bytes (a piece of a file). Wiped when dropped, and as little to be printed or cloned as [`Secret`].
pub struct SecretBytes(Vec<u8>);

impl Drop for SecretBytes {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl ZeroizeOnDrop for SecretBytes {}

/// Empties and wipes a buffer, quickly however large it is: bytes that are in use would be overwritten one by one, and
/// room that is not is overwritten as a whole.
pub(crate) fn wipe(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.zeroize();
}

impl SecretBytes {
    /// Takes the bytes over; the caller must not keep another copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves. Every call outside this file says why in a comment that starts with `EXPOSE:`.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Zeroizing<Vec<u8>>> for SecretBytes {
    fn from(mut bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(std::mem::take(&mut *bytes))
    }
}

impl From<SecretBytes> for Zeroizing<Vec<u8>> {
    fn from(mut bytes: SecretBytes) -> Self {
        Self::new(std::mem::take(&mut bytes.0))
    }
}

/// How a secret travels between two processes of one user, where a field says so by name: `Secret` itself stays without
/// `Serialize`, so that none gets into a document by accident. Buffers that it is written to are to be wiped.
pub mod in_transit {
    use super::Secret;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the text.
    ///
    /// # Errors
    /// What the writer says.
    pub fn serialize<S: Serializer>(secret: &Secret, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_str(&secret.0)
    }

    /// Takes the text over.
    ///
    /// # Errors
    /// What the reader says.
    pub fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<Secret, D::Error> {
        String::deserialize(reader).map(Secret)
    }

    /// The same for bytes.
    pub mod bytes {
        use crate::secret::SecretBytes;
        use serde::de::{Error, Visitor};
        use serde::{Deserializer, Serializer};
        use std::fmt;

        /// Writes the bytes.
        ///
        /// # Errors
        /// What the writer says.
        pub fn serialize<S: Serializer>(bytes: &SecretBytes, writer: S) -> Result<S::Ok, S::Error> {
            writer.serialize_bytes(&bytes.0)
        }

        /// Takes the bytes over.
        ///
        /// # Errors
        /// What the reader says.
        pub fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<SecretBytes, D::Error> {
            struct Bytes;

            impl Visitor<'_> for Bytes {
                type Value = SecretBytes;

                fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                    out.write_str("bytes")
                }

                fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<SecretBytes, E> {
                    Ok(SecretBytes(bytes.to_vec()))
                }

                fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<SecretBytes, E> {
                    Ok(SecretBytes(bytes))
                }
            }
            reader.deserialize_byte_buf(Bytes)
        }
    }

    /// The same for a secret that may not be there.
    pub mod optional {
        use super::Secret;
        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        /// Writes the text, or that there is none.
        ///
        /// # Errors
        /// What the writer says.
        pub fn serialize<S: Serializer>(
            secret: &Option<Secret>,
            writer: S,
        ) -> Result<S::Ok, S::Error> {
            secret
                .as_ref()
                .map(|secret| secret.0.as_str())
                .serialize(writer)
        }

        /// Takes the text over, if there is one.
        ///
        /// # Errors
        /// What the reader says.
        pub fn deserialize<'de, D: Deserializer<'de>>(
            reader: D,
        ) -> Result<Option<Secret>, D::Error> {
            Ok(Option::<String>::deserialize(reader)?.map(Secret))
        }
    }
}

/// How much of a stack is overwritten, in bytes: several times what the deepest calls take.
pub(crate) const SCRUBBED_STACK: usize = 256 * 1024;

/// Overwrites the part of this thread's stack that calls made from here have used.
///
/// A value that is moved leaves a copy behind, and so does whatever a primitive worked with. Whoever calls this makes sure
/// that what is to be wiped ran in a function of its own, never inlined.
#[inline(never)]
pub fn scrub_stack() {
    zeroize::zeroize_stack::<SCRUBBED_STACK>();
}

/// How much of a stack a primitive takes, in bytes, generously: hash states, key blocks, cipher states.
const PRIMITIVE_STACK: usize = 4 * 1024;

/// Runs a primitive of cryptography and overwrites the stack that it used: its states hold keys, and what lies there would
/// be copied along with the next value that has room in it.
pub(crate) fn scrubbed<T>(primitive: impl FnOnce() -> T) -> T {
    let done = apart(primitive);
    zeroize::zeroize_stack::<PRIMITIVE_STACK>();
    done
}

#[inline(never)]
fn apart<T>(primitive: impl FnOnce() -> T) -> T {
    primitive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparison_sees_content() {
        let one = Secret::new("hunter2".to_owned());
        assert!(one.same_as(&one.duplicate()));
        assert!(!one.same_as(&Secret::new("hunter3".to_owned())));
        assert!(!one.same_as(&Secret::new("hunter22".to_owned())));
    }

    #[test]
    fn a_wiped_buffer_is_empty_and_its_room_is_zero() {
        let mut buffer = b"hunter2".to_vec();
        let capacity = buffer.capacity();
        wipe(&mut buffer);
        assert_eq!((buffer.len(), buffer.capacity()), (0, capacity));
        // What lay there shows again where it was only forgotten.
        buffer.resize(capacity, 0);
        assert!(buffer.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn only_utf8_is_a_text() {
        assert!(Secret::from_utf8(vec![0xff, 0xfe]).is_none());
        assert!(Secret::from_utf8(b"ok".to_vec()).is_some());
    }
}
