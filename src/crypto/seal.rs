//! Sealing and opening: frames under the record key, values of secret fields under the secret key
//! (vault-format.md, sections 1.3 and 3). There is one cipher and one way to decrypt.

use super::keys::{Keys, VALUE_LABEL};
use crate::log::frame::{
    FrameHeader, FrameKind, HEADER_LENGTH, NONCE_LENGTH, Nonce, begin_frame, end_frame,
    parse_padded, write_frame, write_padded,
};
use crate::log::preamble::Context;
use crate::model::ids::{FieldId, ItemId, RecordId};
use crate::secret::scrubbed;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use std::ops::Range;
use zeroize::Zeroizing;

const TAG_LENGTH: usize = 16;
/// How much longer a sealed value is than the value.
pub const VALUE_OVERHEAD: usize = NONCE_LENGTH + TAG_LENGTH;

/// What is inside an opened frame: the plaintext, wiped when dropped, and where in it the content lies.
pub struct Opened {
    /// The padded plaintext, and what of the frame stood around it.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The content in it.
    pub content: Range<usize>,
}

/// Why a frame did not open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError {
    /// It does not authenticate.
    Forged,
    /// It does, but its length or padding breaks the format's rules.
    Malformed,
}

/// Seals a record or a pack under its synthetic nonce. The caller has checked the content's limit.
#[must_use]
pub fn seal_frame(keys: &Keys, kind: FrameKind, content: &[u8]) -> Vec<u8> {
    let plaintext = Zeroizing::new(write_padded(content));
    let nonce = keys.derive_nonce(&[&[kind.number()], &plaintext]);
    seal_padded(
        keys,
        FrameHeader::for_content(kind, keys.id, nonce, content.len()),
        plaintext,
    )
}

/// Seals a chunk under the nonce that is part of its name.
#[must_use]
pub fn seal_chunk(keys: &Keys, nonce: Nonce, content: &[u8]) -> Vec<u8> {
    seal_chunk_of(keys, nonce, &[content])
}

/// The same for content in parts: each is copied once, to where it is sealed.
#[must_use]
pub fn seal_chunk_of(keys: &Keys, nonce: Nonce, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let header = FrameHeader::for_content(FrameKind::Chunk, keys.id, nonce, length);
    let associated = frame_associated_data(keys, &header);
    let mut frame = begin_frame(&header, parts);
    let body = frame.get_mut(HEADER_LENGTH..).unwrap_or_default();
    let tag = seal_detached(keys.record.expose(), &nonce, &associated, body);
    frame.extend_from_slice(&tag);
    end_frame(&header, &mut frame);
    frame
}

fn seal_padded(keys: &Keys, header: FrameHeader, mut plaintext: Zeroizing<Vec<u8>>) -> Vec<u8> {
    let associated = frame_associated_data(keys, &header);
    seal_in_place(
        keys.record.expose(),
        &header.nonce,
        &associated,
        &mut plaintext,
    );
    write_frame(&header, &plaintext)
}

/// Opens a frame's body.
///
/// # Errors
/// As [`OpenError`] says. The caller has checked that the header names these keys.
pub fn open_frame(keys: &Keys, header: &FrameHeader, body: &[u8]) -> Result<Opened, OpenError> {
    open_frame_in(keys, header, body.to_vec(), 0..body.len())
}

/// Opens a frame's body in the buffer that holds it: a large one is never in memory twice.
///
/// # Errors
/// As for [`open_frame`].
pub fn open_frame_in(
    keys: &Keys,
    header: &FrameHeader,
    buffer: Vec<u8>,
    body: Range<usize>,
) -> Result<Opened, OpenError> {
    let associated = frame_associated_data(keys, header);
    let mut plaintext = Zeroizing::new(buffer);
    let bytes = plaintext.get_mut(body.clone()).ok_or(OpenError::Forged)?;
    let length = open_in_place(keys.record.expose(), &header.nonce, &associated, bytes)
        .ok_or(OpenError::Forged)?;
    let padded = plaintext.get(body.start..body.start + length);
    let content = padded.and_then(parse_padded).ok_or(OpenError::Malformed)?;
    if content.len() > header.kind.content_limit() {
        return Err(OpenError::Malformed);
    }
    let content = body.start + content.start..body.start + content.end;
    Ok(Opened { plaintext, content })
}

fn frame_associated_data(keys: &Keys, header: &FrameHeader) -> Vec<u8> {
    let mut associated = Context::new(keys.vault).as_bytes().to_vec();
    associated.extend_from_slice(&header.write());
    associated
}

/// Where a value belongs: it opens nowhere else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ValuePlace {
    /// The item; `None` for the vault itself.
    pub item: Option<ItemId>,
    /// The field; `None` for an operation without one.
    pub field: Option<FieldId>,
}

/// The operation that a value is sealed for; makes its nonce.
#[derive(Clone, Copy)]
pub struct ValuePosition {
    /// The record.
    pub record: RecordId,
    /// Index of the operation in it.
    pub operation: u32,
    /// Index of the value in the operation.
    pub value: u32,
}

/// Seals a value: nonce, ciphertext, tag.
#[must_use]
pub fn seal_value(
    keys: &Keys,
    place: ValuePlace,
    position: ValuePosition,
    value: &[u8],
) -> Vec<u8> {
    let associated = value_associated_data(keys, place);
    let associated_length = u32::try_from(associated.len()).unwrap_or(u32::MAX);
    let nonce = keys.derive_nonce(&[
        &[0],
        &position.record.0,
        &position.operation.to_le_bytes(),
        &position.value.to_le_bytes(),
        &associated_length.to_le_bytes(),
        &associated,
        value,
    ]);
    let mut sealed = Zeroizing::new(Vec::with_capacity(value.len() + TAG_LENGTH));
    sealed.extend_from_slice(value);
    seal_in_place(keys.secret.expose(), &nonce, &associated, &mut sealed);
    [&nonce, &sealed[..]].concat()
}

/// Opens a value in its place; `None` where it does not authenticate there.
#[must_use]
pub fn open_value(keys: &Keys, place: ValuePlace, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LENGTH>()?;
    open(
        keys.secret.expose(),
        nonce,
        &value_associated_data(keys, place),
        body,
    )
}

fn value_associated_data(keys: &Keys, place: ValuePlace) -> Vec<u8> {
    let mut associated = VALUE_LABEL.to_vec();
    associated.extend_from_slice(&keys.vault.0);
    associated.extend_from_slice(&place.item.map_or([0; 16], |item| item.0));
    match &place.field {
        None => {}
        Some(FieldId::Standard(number)) => associated.push(*number),
        Some(FieldId::Custom(bytes)) => associated.extend_from_slice(bytes),
    }
    associated
}

/// Appends the tag to a buffer that has room for it.
pub(crate) fn seal_in_place(
    key: &[u8; 32],
    nonce: &Nonce,
    associated: &[u8],
    buffer: &mut Vec<u8>,
) {
    let tag = seal_detached(key, nonce, associated, buffer);
    buffer.extend_from_slice(&tag);
}

/// Seals a buffer where it is; the tag comes back.
fn seal_detached(
    key: &[u8; 32],
    nonce: &Nonce,
    associated: &[u8],
    buffer: &mut [u8],
) -> [u8; TAG_LENGTH] {
    scrubbed(|| {
        XChaCha20Poly1305::new(key.into())
            .encrypt_inout_detached(&XNonce::from(*nonce), associated, InOutBuf::from(buffer))
            .expect("XChaCha20 takes messages of up to 256 GiB")
            .into()
    })
}

/// The plaintext of ciphertext and tag, or `None`.
pub(crate) fn open(
    key: &[u8; 32],
    nonce: &Nonce,
    associated: &[u8],
    body: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(body.to_vec());
    let length = open_in_place(key, nonce, associated, &mut buffer)?;
    buffer.truncate(length);
    Some(buffer)
}

/// Turns ciphertext and tag into plaintext, the tag left behind it; returns the plaintext's length. On `None` the bytes
/// are as they were.
fn open_in_place(
    key: &[u8; 32],
    nonce: &Nonce,
    associated: &[u8],
    body: &mut [u8],
) -> Option<usize> {
    let (text, tag) = body.split_last_chunk_mut::<TAG_LENGTH>()?;
    let length = text.len();
    let tag = *tag;
    scrubbed(|| {
        XChaCha20Poly1305::new(key.into())
            .decrypt_inout_detached(
                &XNonce::from(*nonce),
                associated,
                InOutBuf::from(text),
                (&tag).into(),
            )
            .ok()
    })?;
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::keys::DataKey;
    use crate::log::frame::HEADER_LENGTH;
    use crate::log::frame::parse_header;
    use crate::model::ids::VaultId;
    use data_encoding::HEXLOWER;

    fn keys(key: u8, vault: u8) -> Keys {
        Keys::derive(
            DataKey::from_bytes(&Zeroizing::new([key; 32])),
            VaultId([vault; 16]),
        )
    }

    /// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    #[test]
    fn xchacha20_poly1305_gives_the_known_answer() {
        let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
        let mut key = [0; 32];
        for (at, byte) in key.iter_mut().enumerate() {
            *byte = 0x80 + u8::try_from(at).unwrap();
        }
        let mut nonce = [0; 24];
        for (at, byte) in nonce.iter_mut().enumerate() {
            *byte = 0x40 + u8::try_from(at).unwrap();
        }
        let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let associated = hex("50515253c0c1c2c3c4c5c6c7");
        let mut buffer = text.to_vec();
        seal_in_place(&key, &nonce, &associated, &mut buffer);
        assert_eq!(
            HEXLOWER.encode(&buffer),
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39\
             ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9\
             21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49"
        );
        assert_eq!(
            open(&key, &nonce, &associated, &buffer).unwrap()[..],
            text[..]
        );
        buffer[0] ^= 1;
        assert!(open(&key, &nonce, &associated, &buffer).is_none());
    }

    #[test]
    fn a_frame_opens_only_under_its_key_vault_and_header() {
        let frame = seal_frame(&keys(1, 1), FrameKind::Record, b"content");
        let header = parse_header(&frame).unwrap();
        let body = &frame[HEADER_LENGTH..];
        let opened = open_frame(&keys(1, 1), &header, body).ok().unwrap();
        assert_eq!(&opened.plaintext[opened.content], b"content");
        assert!(open_frame(&keys(2, 1), &header, body).is_err());
        assert!(open_frame(&keys(1, 2), &header, body).is_err());
        let other = FrameHeader::for_content(FrameKind::Pack, header.key, header.nonce, 7);
        assert!(open_frame(&keys(1, 1), &other, body).is_err());
    }

    #[test]
    fn the_same_record_is_the_same_frame_and_another_has_another_nonce() {
        let keys = keys(1, 1);
        let frame = |kind, text: &[u8]| seal_frame(&keys, kind, text);
        assert_eq!(
            frame(FrameKind::Record, b"a"),
            frame(FrameKind::Record, b"a")
        );
        let nonce = |frame: Vec<u8>| parse_header(&frame).unwrap().nonce;
        assert_ne!(
            nonce(frame(FrameKind::Record, b"a")),
            nonce(frame(FrameKind::Record, b"b"))
        );
        assert_ne!(
            nonce(frame(FrameKind::Record, b"a")),
            nonce(frame(FrameKind::Pack, b"a"))
        );
    }

    /// Attack A29: a holder of the key seals padding that is not zero, or a length that another frame size belongs to.
    #[test]
    fn an_authentic_frame_with_other_padding_is_refused() {
        let keys = keys(1, 1);
        let header = FrameHeader::for_content(FrameKind::Record, keys.id, [9; 24], 7);
        let good = write_padded(b"content");
        let mut dirty = good.clone();
        *dirty.last_mut().unwrap() = 1;
        let mut longer = good.clone();
        longer[0] = 8;
        let mut beyond = good.clone();
        beyond[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        for (plaintext, is_read) in [
            (good, true),
            (dirty, false),
            (longer, true),
            (beyond, false),
        ] {
            let frame = seal_padded(&keys, header, Zeroizing::new(plaintext));
            let opened = open_frame(&keys, &header, &frame[HEADER_LENGTH..]);
            assert_eq!(opened.err(), (!is_read).then_some(OpenError::Malformed));
        }
        // Two blocks where the content fits in one.
        let large = FrameHeader::for_content(FrameKind::Record, keys.id, [9; 24], 1000);
        let mut wide = write_padded(&[0; 1000]);
        wide[..4].copy_from_slice(&7_u32.to_le_bytes());
        let frame = seal_padded(&keys, large, Zeroizing::new(wide));
        let body = &frame[HEADER_LENGTH..frame.len() - NONCE_LENGTH];
        assert_eq!(
            open_frame(&keys, &large, body).err(),
            Some(OpenError::Malformed)
        );
    }

    /// Attack A9: values moved to another field, item or vault.
    #[test]
    fn a_value_opens_only_in_its_place() {
        let place = ValuePlace {
            item: Some(ItemId([1; 16])),
            field: Some(FieldId::Standard(17)),
        };
        let position = ValuePosition {
            record: RecordId([2; 16]),
            operation: 3,
            value: 0,
        };
        let sealed = seal_value(&keys(1, 1), place, position, b"hunter2");
        assert_eq!(
            open_value(&keys(1, 1), place, &sealed).unwrap()[..],
            b"hunter2"[..]
        );
        let others = [
            ValuePlace {
                item: Some(ItemId([9; 16])),
                ..place
            },
            ValuePlace {
                item: None,
                ..place
            },
            ValuePlace {
                field: Some(FieldId::Standard(18)),
                ..place
            },
            ValuePlace {
                field: None,
                ..place
            },
            ValuePlace {
                field: Some(FieldId::Custom([17; 16])),
                ..place
            },
        ];
        for other in others {
            assert!(open_value(&keys(1, 1), other, &sealed).is_none());
        }
        assert!(open_value(&keys(1, 2), place, &sealed).is_none());
        assert!(open_value(&keys(1, 1), place, &sealed[1..]).is_none());
        assert!(open_value(&keys(1, 1), place, &[]).is_none());
    }

    #[test]
    fn a_value_takes_another_nonce_for_another_text_or_operation() {
        let place = ValuePlace {
            item: None,
            field: None,
        };
        let position = ValuePosition {
            record: RecordId([2; 16]),
            operation: 3,
            value: 0,
        };
        let nonce =
            |position, text: &[u8]| seal_value(&keys(1, 1), place, position, text)[..24].to_vec();
        assert_ne!(nonce(position, b"a"), nonce(position, b"b"));
        assert_ne!(
            nonce(position, b"a"),
            nonce(
                ValuePosition {
                    operation: 4,
                    ..position
                },
                b"a"
            )
        );
        assert_ne!(
            nonce(position, b"a"),
            nonce(
                ValuePosition {
                    value: 1,
                    ..position
                },
                b"a"
            )
        );
    }
}
