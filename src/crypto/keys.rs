//! Every key and every label of the format, and nothing else (vault-format.md, section 2).
//!
//! Each key is its own type, wiped when dropped, without Debug, so that one cannot stand where another belongs.

use crate::model::ids::{KeyId, VaultId};
use crate::secret::scrubbed;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Info of the HKDF that makes slot key and commitment.
pub(crate) const SLOT_LABEL: &[u8] = b"keyfold v1 slot";
/// Prefix of the associated data of a value sealed twice.
pub(crate) const VALUE_LABEL: &[u8] = b"keyfold v1 value";
/// Prefix of what the checksum of a recovery key is taken over.
pub(crate) const RECOVERY_LABEL: &[u8] = b"keyfold v1 recovery";
pub(crate) const SHARE_LABEL: &[u8] = b"keyfold v1 recovery share";
const KEY_ID_LABEL: &[u8] = b"keyfold v1 key id";
const RECORD_LABEL: &[u8] = b"keyfold v1 record";
const SECRET_LABEL: &[u8] = b"keyfold v1 secret";
const SLOT_MAC_LABEL: &[u8] = b"keyfold v1 slot mac";
const NONCE_LABEL: &[u8] = b"keyfold v1 nonce";
const FINGERPRINT_LABEL: &[u8] = b"keyfold v1 fingerprint";

/// Bytes in every symmetric key.
pub const KEY_LENGTH: usize = 32;

macro_rules! key_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; KEY_LENGTH]);

        impl $name {
            /// The key itself, for the primitive that uses it.
            pub(crate) fn expose(&self) -> &[u8; KEY_LENGTH] {
                &self.0
            }
        }
    };
}

key_type!(
    /// The root of a vault's keys; wrapped once for each slot. Encrypts nothing itself.
    DataKey
);
key_type!(
    /// Seals frames.
    RecordKey
);
key_type!(
    /// Seals the values of secret fields inside records.
    SecretKey
);
key_type!(
    /// Authenticates slots.
    SlotMacKey
);
key_type!(
    /// Derives synthetic nonces.
    NonceKey
);
key_type!(
    /// Wraps the data key in one slot.
    SlotKey
);

impl DataKey {
    /// A fresh random data key.
    #[must_use]
    pub fn make(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Self([0; KEY_LENGTH]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// The data key that a slot or a former-key operation held.
    #[must_use]
    pub fn from_bytes(bytes: &Zeroizing<[u8; KEY_LENGTH]>) -> Self {
        Self(**bytes)
    }
}

/// A vault's data key on its way to another process of the same person: the agent. Wiped when dropped, without Debug.
#[derive(Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
pub struct HandedKeys {
    #[zeroize(skip)]
    vault: VaultId,
    data: [u8; KEY_LENGTH],
}

impl HandedKeys {
    /// The keys that were handed over.
    #[must_use]
    pub fn take(&self) -> Keys {
        Keys::derive(DataKey(self.data), self.vault)
    }
}

/// Alignment in bytes, and so the least size, of every piece of memory that holds the keys of a vault, and of nothing else.
///
/// The library can't lock memory or keep it out of dumps. A program's allocator can, and knows these pieces by this.
pub const KEYS_ALIGNMENT: usize = 256;

/// All that derives from a data key. It exists only for a data key that is whole, and stays in one place in memory.
pub struct Keys(Box<KeyTree>);

/// What [`Keys`] give access to. The alignment is [`KEYS_ALIGNMENT`].
#[repr(align(256))]
pub struct KeyTree {
    /// The vault they belong to.
    pub vault: VaultId,
    /// Names the data key.
    pub id: KeyId,
    /// The root, kept for wrapping and for `rekey`.
    pub(crate) data: DataKey,
    pub(crate) record: RecordKey,
    pub(crate) secret: SecretKey,
    pub(crate) slot_mac: SlotMacKey,
    pub(crate) nonce: NonceKey,
}

impl std::ops::Deref for Keys {
    type Target = KeyTree;

    fn deref(&self) -> &KeyTree {
        &self.0
    }
}

impl Keys {
    /// What another process needs to have the same keys. Whoever holds it can read everything.
    #[must_use]
    pub fn hand_over(&self) -> HandedKeys {
        HandedKeys {
            vault: self.vault,
            data: *self.data.expose(),
        }
    }

    /// Derives every subkey of a data key in a vault.
    #[must_use]
    pub fn derive(data: DataKey, vault: VaultId) -> Self {
        let root = extract(&vault.0, data.expose());
        // Filled where they stay: a key that is moved leaves a copy behind.
        let mut tree = Box::new(KeyTree {
            vault,
            id: KeyId([0; 16]),
            data: DataKey([0; KEY_LENGTH]),
            record: RecordKey([0; KEY_LENGTH]),
            secret: SecretKey([0; KEY_LENGTH]),
            slot_mac: SlotMacKey([0; KEY_LENGTH]),
            nonce: NonceKey([0; KEY_LENGTH]),
        });
        expand(&root, KEY_ID_LABEL, &mut tree.id.0);
        expand(&root, RECORD_LABEL, &mut tree.record.0);
        expand(&root, SECRET_LABEL, &mut tree.secret.0);
        expand(&root, SLOT_MAC_LABEL, &mut tree.slot_mac.0);
        expand(&root, NONCE_LABEL, &mut tree.nonce.0);
        tree.data.0.copy_from_slice(data.expose());
        Self(tree)
    }

    /// The vault's fingerprint as six numbers below `words`, for a list of that many words.
    #[must_use]
    pub fn derive_fingerprint(&self, words: u16) -> [usize; 6] {
        let root = extract(&self.vault.0, self.data.expose());
        let mut bytes = [0; 16];
        expand(&root, FINGERPRINT_LABEL, &mut bytes);
        let mut number = u128::from_be_bytes(bytes);
        [(); 6].map(|()| {
            let word = number % u128::from(words);
            number /= u128::from(words);
            usize::try_from(word).unwrap_or_default()
        })
    }

    /// HMAC over parts under the nonce key, cut to a nonce.
    pub(crate) fn derive_nonce(&self, parts: &[&[u8]]) -> [u8; 24] {
        let digest = derive_mac(self.nonce.expose(), parts);
        let mut nonce = [0; 24];
        nonce.copy_from_slice(&digest[..24]);
        nonce
    }
}

/// Slot key and commitment from what the user gave, stretched.
pub(crate) fn derive_slot_key(
    secret: &[u8],
    salt: &[u8],
    bound: &[&[u8]],
) -> (SlotKey, [u8; KEY_LENGTH]) {
    let root = extract(salt, secret);
    let mut info = SLOT_LABEL.to_vec();
    for part in bound {
        info.extend_from_slice(part);
    }
    let mut both = Zeroizing::new([0; 2 * KEY_LENGTH]);
    expand(&root, &info, &mut *both);
    let (mut key, mut commitment) = (SlotKey([0; KEY_LENGTH]), [0; KEY_LENGTH]);
    key.0.copy_from_slice(&both[..KEY_LENGTH]);
    commitment.copy_from_slice(&both[KEY_LENGTH..]);
    (key, commitment)
}

/// HMAC-SHA-256 over the parts, one after another.
pub(crate) fn derive_mac(key: &[u8; KEY_LENGTH], parts: &[&[u8]]) -> [u8; 32] {
    scrubbed(|| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    })
}

fn extract(salt: &[u8], secret: &[u8]) -> Hkdf<Sha256> {
    scrubbed(|| Hkdf::new(Some(salt), secret))
}

fn expand(root: &Hkdf<Sha256>, label: &[u8], out: &mut [u8]) {
    scrubbed(|| root.expand(label, out)).expect("every output is far below 255 hash lengths");
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    /// RFC 5869, appendix A.1 and A.3.
    #[test]
    fn hkdf_gives_the_known_answers() {
        let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
        let root = Hkdf::<Sha256>::new(Some(&hex("000102030405060708090a0b0c")), &[0x0b; 22]);
        let mut out = [0; 42];
        expand(&root, &hex("f0f1f2f3f4f5f6f7f8f9"), &mut out);
        assert_eq!(
            HEXLOWER.encode(&out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
        let root = Hkdf::<Sha256>::new(Some(&[]), &[0x0b; 22]);
        expand(&root, &[], &mut out);
        assert_eq!(
            HEXLOWER.encode(&out),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        );
    }

    #[test]
    fn the_keys_of_a_vault_fill_one_piece_of_memory_that_an_allocator_knows() {
        assert_eq!(align_of::<KeyTree>(), KEYS_ALIGNMENT);
        assert_eq!(size_of::<KeyTree>(), KEYS_ALIGNMENT);
    }

    #[test]
    fn subkeys_differ_from_each_other_and_between_vaults() {
        let keys = |vault| Keys::derive(DataKey([1; 32]), VaultId([vault; 16]));
        let (one, two) = (keys(1), keys(2));
        let all = [
            one.record.expose(),
            one.secret.expose(),
            one.slot_mac.expose(),
            one.nonce.expose(),
            two.record.expose(),
        ];
        for (at, key) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other != key));
        }
        assert_ne!(one.id, two.id);
        assert_ne!(one.derive_fingerprint(7776), two.derive_fingerprint(7776));
    }

    /// vault-format.md, section 9.
    #[test]
    fn the_tree_of_keys_is_pinned() {
        let mut bytes = Zeroizing::new([0; 32]);
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::try_from(at).unwrap();
        }
        let keys = Keys::derive(DataKey::from_bytes(&bytes), VaultId([0xa5; 16]));
        let specification = include_str!("../../vault-format.md");
        for (name, hex) in [
            ("key id", HEXLOWER.encode(&keys.id.0)),
            ("record key", HEXLOWER.encode(keys.record.expose())),
            ("secret key", HEXLOWER.encode(keys.secret.expose())),
            ("slot MAC key", HEXLOWER.encode(keys.slot_mac.expose())),
            ("nonce key", HEXLOWER.encode(keys.nonce.expose())),
            (
                "fingerprint",
                format!("{:?}", keys.derive_fingerprint(7776)),
            ),
        ] {
            let line = format!("    {name:<13}{hex}\n");
            assert!(
                specification.contains(&line),
                "vault-format.md lacks:\n{line}"
            );
        }
    }
}
