//! The first message of libsodium's `crypto_secretstream_xchacha20poly1305`, which is all that Ente Auth writes: a header
//! of 24 bytes, then one sealed byte that says what kind of message it is, the ciphertext, and a tag of 16 bytes.
//!
//! Source: libsodium's documentation ("Encrypted streams") and its construction, whose padding before the lengths is not
//! that of RFC 8439.

use super::unlock::Key;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20::{ChaCha20, R20, hchacha};
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const BLOCK: usize = 64;
const TAG: usize = 16;

/// Opens the message; `None` where it does not authenticate or has no end.
pub(super) fn open_secretstream(
    key: &Key,
    header: &[u8; 24],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (start, rest) = header.split_first_chunk::<16>()?;
    let subkey = Zeroizing::new(<[u8; 32]>::from(hchacha::<R20>(
        (&**key).into(),
        start.into(),
    )));
    // The message's number, from one, before what is left of the header.
    let mut nonce = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    nonce
        .iter_mut()
        .skip(4)
        .zip(rest)
        .for_each(|(to, from)| *to = *from);
    let mut cipher = ChaCha20::new((&*subkey).into(), (&nonce).into());

    let (kind, rest) = sealed.split_first()?;
    let (ciphertext, tag) = rest.split_at_checked(rest.len().checked_sub(TAG)?)?;
    let mut first = Zeroizing::new([0; BLOCK]);
    cipher.apply_keystream(&mut *first);
    let mac_key = Zeroizing::new(*first.first_chunk::<32>()?);
    let mut second = Zeroizing::new([0; BLOCK]);
    cipher.apply_keystream(&mut *second);
    *second.first_mut()? = *kind;

    let mut authenticated = Zeroizing::new(Vec::with_capacity(BLOCK + ciphertext.len() + 2 * TAG));
    authenticated.extend_from_slice(&*second);
    authenticated.extend_from_slice(ciphertext);
    let padding = ciphertext.len() % TAG;
    authenticated.extend(std::iter::repeat_n(0, padding));
    authenticated.extend_from_slice(&0_u64.to_le_bytes());
    let length = u64::try_from(BLOCK + ciphertext.len()).ok()?;
    authenticated.extend_from_slice(&length.to_le_bytes());
    let expected = Poly1305::new((&*mac_key).into()).compute_unpadded(&authenticated);
    if !bool::from(expected.as_slice().ct_eq(tag)) {
        return None;
    }
    let mut plain = Zeroizing::new(ciphertext.to_vec());
    cipher.try_seek(2 * BLOCK).ok()?;
    cipher.apply_keystream(&mut plain);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    /// Header, sealed message and what is in it, made by libsodium under the key 00 01 … 1f.
    const MADE: [(&str, &str, &str); 4] = [
        (
            "d043025e556d511dfdec79d90fe5c888a3a8019dd586dc87",
            "09ec3cd6c62eeabc03bd0d0003a8927097",
            "",
        ),
        (
            "5e5dbb960df1164b25395490223c742911f882021573e4f0",
            "feec0150ba2f77172c959a6ec9850b392a15c9a60d8e6fbe41b9b18bf1a92f9bdc29e7074c62e207c09a2b9dcc267808459c1669d3776d69d2a357ae",
            "otpauth://totp/A:a?secret=JBSWY3DPEHPK3PXP\n",
        ),
        (
            "1bd709abe20f1f314a509ff041bdf5fe2fd098a7a13a0419",
            "7e63d9f67b15dda9facca0562c42959543e255f9c244b9e5647a14f78a659626fe3dca7bf7bf1b52922afed2ef52be375497f71ec2c320d45c2c7b82",
            "otpauth://totp/A:a?secret=JBSWY3DPEHPK3PXP\n",
        ),
        (
            "8164012cb3219524d6f2336394bc5b03cd8a551fb0e23697",
            "f5a4d7d7458b0d447d984a41fe3f2d060d5bb35623fcd8f1da8b983ada7112525b",
            "0123456789abcdef",
        ),
    ];

    fn key() -> Key {
        Zeroizing::new(std::array::from_fn(|at| u8::try_from(at).unwrap()))
    }

    #[test]
    fn what_libsodium_sealed_opens_and_nothing_else_does() {
        for (header, sealed, plain) in MADE {
            let header: [u8; 24] = HEXLOWER
                .decode(header.as_bytes())
                .unwrap()
                .try_into()
                .unwrap();
            let sealed = HEXLOWER.decode(sealed.as_bytes()).unwrap();
            let opened = open_secretstream(&key(), &header, &sealed).unwrap();
            assert_eq!(opened.as_slice(), plain.as_bytes());
            for at in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[at] ^= 1;
                assert!(
                    open_secretstream(&key(), &header, &changed).is_none(),
                    "{at}"
                );
                assert!(open_secretstream(&key(), &header, &sealed[..at]).is_none());
            }
            let mut other = header;
            other[23] ^= 1;
            assert!(open_secretstream(&key(), &other, &sealed).is_none());
        }
    }
}
