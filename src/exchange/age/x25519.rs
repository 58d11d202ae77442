//! age's native recipients and identities: X25519, each written in Bech32.

use super::{FILE_KEY, FileKey, Stanza, damaged, derive, wrap};
use crate::exchange::ImportError;
use crate::exchange::unlock::{Key, Opener};
use crate::secret::scrubbed;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use data_encoding::BASE64_NOPAD;
use rand::CryptoRng;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};
use zeroize::Zeroizing;

/// The stanza's name.
pub(super) const KIND: &str = "X25519";
const LABEL: &[u8] = b"age-encryption.org/v1/X25519";
const PUBLIC: &str = "age";
const PRIVATE: &str = "age-secret-key-";

/// Whom a file of age is for: `age1…`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient([u8; 32]);

impl Recipient {
    /// Reads `age1…`; `None` for anything else, keys of SSH and of plug-ins among them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_lower = !text.contains(|letter: char| letter.is_ascii_uppercase());
        let key = parse_bech32(text, PUBLIC).filter(|_| is_lower)?;
        Some(Self(*key))
    }
}

/// The identities of a file, one a line beside remarks; `None` where it has anything else.
pub(super) fn parse_identities(content: &[u8]) -> Option<Vec<Key>> {
    let text = std::str::from_utf8(content).ok()?;
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let is_upper = !line.contains(|letter: char| letter.is_ascii_lowercase());
            parse_bech32(line, PRIVATE).filter(|_| is_upper)
        })
        .collect()
}

fn parse_bech32(text: &str, prefix: &str) -> Option<Key> {
    let parsed = CheckedHrpstring::new::<Bech32>(text).ok()?;
    let prefix = Hrp::parse(prefix).ok()?;
    if parsed.hrp() != prefix || parsed.byte_iter().len() != 32 {
        return None;
    }
    let mut key = Key::default();
    for (to, byte) in key.iter_mut().zip(parsed.byte_iter()) {
        *to = byte;
    }
    Some(key)
}

impl Stanza<'_> {
    /// Opens it by one of the identities; `None` where it is for none of them.
    pub(super) fn open_by_identity(
        &self,
        opener: &Opener<'_>,
        identities: &[Key],
    ) -> Result<Option<FileKey>, ImportError> {
        let [share] = self.arguments.as_slice() else {
            return Err(damaged());
        };
        let share = BASE64_NOPAD.decode(share.as_bytes()).ok();
        let share = share.and_then(|share| <[u8; 32]>::try_from(share).ok());
        let share = share.ok_or_else(damaged)?;
        for identity in identities {
            let own = x25519(**identity, X25519_BASEPOINT_BYTES);
            let key = derive_wrapping_key(identity, &share, &share, &own)?;
            if let Some(file_key) = self.unwrap(opener, &key)? {
                return Ok(Some(file_key));
            }
        }
        Ok(None)
    }
}

/// Argument and body of a stanza for a recipient.
pub(super) fn wrap_for(
    recipient: &Recipient,
    file_key: &FileKey,
    rng: &mut dyn CryptoRng,
) -> Result<(String, Vec<u8>), ImportError> {
    debug_assert_eq!(file_key.len(), FILE_KEY);
    let mut secret = Key::default();
    rng.fill_bytes(&mut *secret);
    let share = x25519(*secret, X25519_BASEPOINT_BYTES);
    let key = derive_wrapping_key(&secret, &recipient.0, &share, &recipient.0)?;
    Ok((BASE64_NOPAD.encode(&share), wrap(&key, file_key)?))
}

/// The key that both sides come to.
fn derive_wrapping_key(
    secret: &Key,
    other: &[u8; 32],
    share: &[u8; 32],
    recipient: &[u8; 32],
) -> Result<Key, ImportError> {
    let shared = scrubbed(|| Zeroizing::new(x25519(**secret, *other)));
    // A point of low order would make the key that everybody knows.
    if shared.iter().all(|byte| *byte == 0) {
        return Err(damaged());
    }
    Ok(derive(
        shared.as_slice(),
        &[*share, *recipient].concat(),
        LABEL,
    ))
}
