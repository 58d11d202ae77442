//! Bitwarden's JSON under a password of its own: a key by PBKDF2 or Argon2id, stretched by HKDF (RFC 5869) into one that
//! encrypts by AES-CBC and one that authenticates by HMAC-SHA256.
//!
//! After bitwarden.com/help/encrypted-export and bitwarden.com/help/bitwarden-security-white-paper: a cipher string is
//! `2.start|ciphertext|MAC` in base64, the MAC over start and ciphertext.

use super::json::{Json, Object};
use super::unlock::{ArgonCost, Credentials, Hash, Key, Opener, decrypt_cbc};
use super::{Format, ImportError};
use crate::secret::scrubbed;
use aes::Aes256;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const FORMAT: Format = Format::BitwardenJson;
const PROOF: &str = "encKeyValidation_DO_NOT_EDIT";

/// Whether an export is encrypted, by whatever key.
pub(super) fn is_sealed(text: &str) -> bool {
    text.contains(PROOF)
}

/// Opens the export that is inside.
pub(super) fn open(
    text: &str,
    credentials: &Credentials<'_>,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: FORMAT,
        reason,
    };
    let Json::Object(mut root) = Json::parse_long(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    if !root.take_flag("passwordProtected") {
        // Its key is in the account and leaves it nowhere.
        return Err(ImportError::Encrypted { format: FORMAT });
    }
    let opener = Opener::new(FORMAT, credentials)?;
    let proof = CipherString::take(&mut root, PROOF, &opener)?;
    let data = CipherString::take(&mut root, "data", &opener)?;
    let keys = StretchedKeys::derive(&mut root, &opener)?;
    // What stands in the proof is random; that it authenticates says that the password is right.
    if !keys.prove(&proof) {
        return Err(opener.wrong());
    }
    let opened = keys.prove(&data).then(|| keys.decrypt(&data)).flatten();
    opened.ok_or(not_this(
        "what is encrypted in it is damaged, or was changed",
    ))
}

struct CipherString {
    start: Vec<u8>,
    sealed: Vec<u8>,
    tag: Vec<u8>,
}

impl CipherString {
    fn take(root: &mut Object<'_>, name: &str, opener: &Opener<'_>) -> Result<Self, ImportError> {
        let text = root.take_text(name).unwrap_or_default();
        let parts = text.strip_prefix("2.").ok_or_else(|| opener.damaged())?;
        let parts: Vec<&str> = parts.splitn(4, '|').collect();
        let [start, sealed, tag] = parts.as_slice() else {
            return Err(opener.damaged());
        };
        Ok(Self {
            start: opener.decode_base64(start)?,
            sealed: opener.decode_base64(sealed)?,
            tag: opener.decode_base64(tag)?,
        })
    }
}

struct StretchedKeys {
    encryption: Key,
    authentication: Key,
}

impl StretchedKeys {
    fn derive(root: &mut Object<'_>, opener: &Opener<'_>) -> Result<Self, ImportError> {
        let salt = root.take_text("salt").unwrap_or_default();
        let mut number = |name: &str| {
            let text = root.take_text(name);
            text.and_then(|text| text.parse::<u64>().ok())
                .ok_or_else(|| opener.damaged())
        };
        let rounds = number("kdfIterations")?;
        let master = match number("kdfType")? {
            0 => {
                let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
                // The text itself, not what its base64 stands for.
                opener.derive_pbkdf2(Hash::Sha256, salt.as_bytes(), rounds)?
            }
            1 => {
                let cost = ArgonCost {
                    memory_kib: number("kdfMemory")?.saturating_mul(1024),
                    passes: rounds,
                    lanes: u32::try_from(number("kdfParallelism")?).unwrap_or(u32::MAX),
                };
                opener.derive_argon2id(&Sha256::digest(salt.as_bytes()), &cost)?
            }
            _ => return Err(opener.damaged()),
        };
        Ok(Self {
            encryption: stretch(&master, b"enc").ok_or_else(|| opener.damaged())?,
            authentication: stretch(&master, b"mac").ok_or_else(|| opener.damaged())?,
        })
    }

    fn prove(&self, text: &CipherString) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.authentication.as_slice()) else {
            return false;
        };
        mac.update(&text.start);
        mac.update(&text.sealed);
        mac.verify_slice(&text.tag).is_ok()
    }

    fn decrypt(&self, text: &CipherString) -> Option<Zeroizing<Vec<u8>>> {
        decrypt_cbc::<Aes256>(&self.encryption, &text.start, &text.sealed).flatten()
    }
}

fn stretch(master: &Key, label: &[u8]) -> Option<Key> {
    let mut key = Key::default();
    let stretched = scrubbed(|| {
        let hkdf = Hkdf::<Sha256>::from_prk(master.as_slice()).ok()?;
        hkdf.expand(label, &mut *key).ok()
    });
    stretched.map(|()| key)
}
