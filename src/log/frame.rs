//! One frame: header, body, closing nonce, and how long each may be (vault-format.md, sections 1.2 and 1.3).

use super::BLOCK;
use crate::model::ids::KeyId;
use sha2::{Digest, Sha256};

const MARKER: [u8; 8] = *b"\xf0kframe\x0f";
const KIND_AT: usize = 8;
const ZEROS_AT: usize = 9;
const BODY_LENGTH_AT: usize = 12;
const KEY_AT: usize = 16;
const NONCE_AT: usize = 32;
const CHECKSUM_AT: usize = 56;

/// Bytes in a frame header.
pub const HEADER_LENGTH: usize = 64;
/// Bytes in a nonce.
pub const NONCE_LENGTH: usize = 24;
/// Bytes in the body of a frame of one block; also of every slot.
pub const SMALL_BODY: usize = BLOCK - HEADER_LENGTH;

const TAG_LENGTH: usize = 16;
const LENGTH_PREFIX: usize = 4;
const LARGE_OVERHEAD: usize = HEADER_LENGTH + NONCE_LENGTH;

/// The largest content of a record, in bytes.
pub const RECORD_LIMIT: usize = 64 << 20;
/// The largest content of a pack, in bytes.
pub const PACK_LIMIT: usize = 64 << 10;
/// The largest content of a chunk: its creation time and 1 MiB.
pub const CHUNK_LIMIT: usize = 8 + (1 << 20);

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum FrameKind {
    /// A way in.
    Slot,
    /// One record.
    Record,
    /// Several records.
    Pack,
    /// A piece of an attachment.
    Chunk,
}

impl FrameKind {
    /// The stored byte.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Slot => 1,
            Self::Record => 2,
            Self::Pack => 3,
            Self::Chunk => 4,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        [Self::Slot, Self::Record, Self::Pack, Self::Chunk]
            .into_iter()
            .find(|kind| kind.number() == number)
    }

    /// The largest content, in bytes (a slot's body has one length and no content).
    #[must_use]
    pub fn content_limit(self) -> usize {
        match self {
            Self::Slot => 0,
            Self::Record => RECORD_LIMIT,
            Self::Pack => PACK_LIMIT,
            Self::Chunk => CHUNK_LIMIT,
        }
    }

    fn frame_limit(self) -> usize {
        match self {
            Self::Slot => BLOCK,
            _ => frame_length(self.content_limit()),
        }
    }
}

/// A nonce of XChaCha20-Poly1305.
pub type Nonce = [u8; NONCE_LENGTH];

/// A header that is whole and keeps the rules; nothing of it is authentic yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHeader {
    /// What the frame holds.
    pub kind: FrameKind,
    /// The data key that seals it, or that the slot wraps.
    pub key: KeyId,
    /// The nonce.
    pub nonce: Nonce,
    frame_length: usize,
}

impl FrameHeader {
    /// The header of a slot.
    #[must_use]
    pub fn for_slot(key: KeyId, nonce: Nonce) -> Self {
        Self {
            kind: FrameKind::Slot,
            key,
            nonce,
            frame_length: BLOCK,
        }
    }

    /// The header of a sealed frame for content of this many bytes. The caller has checked the kind's limit.
    #[must_use]
    pub fn for_content(kind: FrameKind, key: KeyId, nonce: Nonce, content_length: usize) -> Self {
        Self {
            kind,
            key,
            nonce,
            frame_length: frame_length(content_length),
        }
    }

    /// Bytes of the whole frame, a multiple of [`BLOCK`].
    #[must_use]
    pub fn frame_length(&self) -> usize {
        self.frame_length
    }

    /// Bytes of the body.
    #[must_use]
    pub fn body_length(&self) -> usize {
        if self.frame_length == BLOCK {
            SMALL_BODY
        } else {
            self.frame_length - LARGE_OVERHEAD
        }
    }

    /// Whether the frame ends in its nonce again.
    #[must_use]
    pub fn has_closing_nonce(&self) -> bool {
        self.frame_length > BLOCK
    }

    /// The 64 bytes.
    #[must_use]
    pub fn write(&self) -> [u8; HEADER_LENGTH] {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[..KIND_AT].copy_from_slice(&MARKER);
        bytes[KIND_AT] = self.kind.number();
        let body_length =
            u32::try_from(self.body_length()).expect("every kind's limit is far below 4 GiB");
        bytes[BODY_LENGTH_AT..KEY_AT].copy_from_slice(&body_length.to_le_bytes());
        bytes[KEY_AT..NONCE_AT].copy_from_slice(&self.key.0);
        bytes[NONCE_AT..CHECKSUM_AT].copy_from_slice(&self.nonce);
        let checksum = checksum(&bytes);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum);
        bytes
    }
}

/// Reads the header at the start of a block; `None` where there is none that keeps the rules.
#[must_use]
pub fn parse_header(block: &[u8]) -> Option<FrameHeader> {
    let (bytes, _) = block.split_first_chunk::<HEADER_LENGTH>()?;
    if !bytes.starts_with(&MARKER) || bytes[ZEROS_AT..BODY_LENGTH_AT] != [0; 3] {
        return None;
    }
    if bytes[CHECKSUM_AT..] != checksum(bytes) {
        return None;
    }
    let kind = FrameKind::from_number(bytes[KIND_AT])?;
    let body_length = u32::from_le_bytes(bytes[BODY_LENGTH_AT..KEY_AT].try_into().ok()?);
    let body_length = usize::try_from(body_length).ok()?;
    let frame_length = if body_length == SMALL_BODY {
        BLOCK
    } else {
        body_length.checked_add(LARGE_OVERHEAD)?
    };
    let large_enough = frame_length == BLOCK && body_length == SMALL_BODY || frame_length > BLOCK;
    if !large_enough || !frame_length.is_multiple_of(BLOCK) || frame_length > kind.frame_limit() {
        return None;
    }
    Some(FrameHeader {
        kind,
        key: KeyId::from_slice(&bytes[KEY_AT..NONCE_AT])?,
        nonce: bytes[NONCE_AT..CHECKSUM_AT].try_into().ok()?,
        frame_length,
    })
}

fn checksum(header: &[u8; HEADER_LENGTH]) -> [u8; HEADER_LENGTH - CHECKSUM_AT] {
    let digest = Sha256::digest(&header[..CHECKSUM_AT]);
    let mut out = [0; HEADER_LENGTH - CHECKSUM_AT];
    out.copy_from_slice(&digest[..HEADER_LENGTH - CHECKSUM_AT]);
    out
}

/// Bytes of the frame that content of this many bytes gets: one block, or Padmé rounded up to blocks.
#[must_use]
pub fn frame_length(content_length: usize) -> usize {
    let sealed = LENGTH_PREFIX + content_length + TAG_LENGTH;
    if sealed <= SMALL_BODY {
        BLOCK
    } else {
        derive_padme(sealed + LARGE_OVERHEAD).next_multiple_of(BLOCK)
    }
}

/// Padmé (Nikitin et al. 2019, section 4): at most 12 % more, and only O(log log n) bits of the length remain visible.
fn derive_padme(length: usize) -> usize {
    let exponent = length.ilog2();
    let mantissa = exponent.checked_ilog2().map_or(1, |log| log + 1);
    let mask = (1 << (exponent - mantissa.min(exponent))) - 1;
    (length + mask) & !mask
}

/// The plaintext of a sealed frame: length, content, zeros up to the frame's size.
#[must_use]
pub fn write_padded(content: &[u8]) -> Vec<u8> {
    let frame = frame_length(content.len());
    let body = if frame == BLOCK {
        SMALL_BODY
    } else {
        frame - LARGE_OVERHEAD
    };
    let mut plaintext = Vec::with_capacity(body); // the tag is appended in place: no reallocation leaves a copy behind
    let length = u32::try_from(content.len()).expect("every kind's limit is far below 4 GiB");
    plaintext.extend_from_slice(&length.to_le_bytes());
    plaintext.extend_from_slice(content);
    plaintext.resize(body - TAG_LENGTH, 0);
    plaintext
}

/// Where the content lies in an authentic plaintext; `None` where the length, the frame's size or the padding break the rules.
#[must_use]
pub fn parse_padded(plaintext: &[u8]) -> Option<std::ops::Range<usize>> {
    let (length, rest) = plaintext.split_first_chunk::<LENGTH_PREFIX>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (_, padding) = rest.split_at_checked(length)?;
    let body = plaintext.len() + TAG_LENGTH;
    let frame = frame_length(length);
    let expected = if frame == BLOCK {
        SMALL_BODY
    } else {
        frame - LARGE_OVERHEAD
    };
    if body != expected || padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    Some(LENGTH_PREFIX..LENGTH_PREFIX + length)
}

/// A frame's header and its padded plaintext, to be sealed where it lies: there is room for tag and closing nonce, so that
/// no copy is left behind.
#[must_use]
pub fn begin_frame(header: &FrameHeader, parts: &[&[u8]]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(header.frame_length);
    frame.extend_from_slice(&header.write());
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let length = u32::try_from(length).expect("every kind's limit is far below 4 GiB");
    frame.extend_from_slice(&length.to_le_bytes());
    parts.iter().for_each(|part| frame.extend_from_slice(part));
    frame.resize(HEADER_LENGTH + header.body_length() - TAG_LENGTH, 0);
    frame
}

/// Ends a frame of [`begin_frame`] that was sealed and has its tag.
pub fn end_frame(header: &FrameHeader, frame: &mut Vec<u8>) {
    if header.has_closing_nonce() {
        frame.extend_from_slice(&header.nonce);
    }
    debug_assert_eq!(frame.len(), header.frame_length);
}

/// A whole frame from its header and body.
#[must_use]
pub fn write_frame(header: &FrameHeader, body: &[u8]) -> Vec<u8> {
    debug_assert_eq!(body.len(), header.body_length());
    let mut frame = Vec::with_capacity(header.frame_length);
    frame.extend_from_slice(&header.write());
    frame.extend_from_slice(body);
    if header.has_closing_nonce() {
        frame.extend_from_slice(&header.nonce);
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_holds_940_bytes() {
        assert_eq!(frame_length(0), 1024);
        assert_eq!(frame_length(940), 1024);
        assert_eq!(frame_length(941), 2048);
    }

    #[test]
    fn padme_follows_its_paper() {
        assert_eq!(derive_padme(1), 1);
        assert_eq!(derive_padme(9), 10);
        assert_eq!(derive_padme(1025), 1088);
        assert_eq!(derive_padme(1 << 20), 1 << 20);
        assert_eq!(derive_padme((1 << 20) + 1), (1 << 20) + (1 << 15));
    }

    #[test]
    fn headers_round_trip_and_every_bit_counts() {
        for content in [0, 940, 941, 5000, 100_000, RECORD_LIMIT] {
            let header =
                FrameHeader::for_content(FrameKind::Record, KeyId([3; 16]), [9; 24], content);
            let bytes = header.write();
            assert_eq!(parse_header(&bytes), Some(header));
            for bit in 0..HEADER_LENGTH * 8 {
                let mut flipped = bytes;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(parse_header(&flipped), None, "bit {bit}");
            }
        }
    }

    #[test]
    fn lengths_that_no_writer_makes_are_refused() {
        for body in [0_u32, 1, 935, 936, 959, 961, 1959, u32::MAX] {
            let mut bytes = FrameHeader::for_slot(KeyId([3; 16]), [9; 24]).write();
            bytes[BODY_LENGTH_AT..KEY_AT].copy_from_slice(&body.to_le_bytes());
            bytes[KIND_AT] = 2;
            let sum = checksum(&bytes);
            bytes[CHECKSUM_AT..].copy_from_slice(&sum);
            assert_eq!(parse_header(&bytes), None, "body {body}");
        }
    }

    #[test]
    fn padding_must_be_zero_and_of_the_one_length() {
        for content in [0, 1, 939, 940, 941, 3000, 70_000] {
            let text = vec![5; content];
            let padded = write_padded(&text);
            assert_eq!(
                padded.len() + TAG_LENGTH,
                FrameHeader::for_content(FrameKind::Record, KeyId([0; 16]), [0; 24], content)
                    .body_length()
            );
            assert_eq!(
                parse_padded(&padded).and_then(|range| padded.get(range)),
                Some(&text[..])
            );
            if padded.len() > content + 4 {
                let mut dirty = padded.clone();
                *dirty.last_mut().unwrap() = 1;
                assert_eq!(parse_padded(&dirty), None);
            }
            let mut longer = padded.clone();
            longer.extend_from_slice(&[0; 1024]);
            assert_eq!(parse_padded(&longer), None);
        }
    }
}
