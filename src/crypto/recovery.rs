//! The recovery key: 130 random bits as 26 symbols of base32 and four of checksum, in six groups of five
//! (vault-format.md, section 1.4).

use super::keys::RECOVERY_LABEL;
use crate::secret::Secret;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SYMBOLS: usize = 26;
const CHECK_SYMBOLS: usize = 4;
const GROUP: usize = 5;
/// 26 times 5 bits, in bytes.
const PACKED: usize = 17;

/// A recovery key. Wiped when dropped, without Debug.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RecoveryKey([u8; SYMBOLS]);

/// Why a text is no recovery key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecoveryKeyError {
    /// Not 30 symbols of A–Z and 2–7.
    Shape,
    /// The checksum does not fit: a symbol was misread.
    Checksum,
}

impl RecoveryKey {
    /// 130 fresh random bits.
    #[must_use]
    pub fn make(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Self([0; SYMBOLS]);
        rng.fill_bytes(&mut key.0);
        for symbol in &mut key.0 {
            *symbol = ALPHABET[usize::from(*symbol % 32)]; // 256 is a multiple of 32: no bias
        }
        key
    }

    /// Reads a typed key: case, spaces and hyphens do not matter; 0, 1, 8 are read as O, I, B.
    ///
    /// # Errors
    /// As [`RecoveryKeyError`] says.
    pub fn parse(text: &Secret) -> Result<Self, RecoveryKeyError> {
        // EXPOSE: the typed key is taken apart into its symbols.
        let typed = text.expose();
        let mut symbols = Zeroizing::new(Vec::with_capacity(SYMBOLS + CHECK_SYMBOLS));
        for byte in typed
            .bytes()
            .filter(|byte| !matches!(byte, b' ' | b'-' | b'\t' | b'\r' | b'\n'))
        {
            let symbol = match byte.to_ascii_uppercase() {
                b'0' => b'O',
                b'1' => b'I',
                b'8' => b'B',
                other => other,
            };
            if symbols.len() == SYMBOLS + CHECK_SYMBOLS || !ALPHABET.contains(&symbol) {
                return Err(RecoveryKeyError::Shape);
            }
            symbols.push(symbol);
        }
        let (key, check) = symbols
            .split_first_chunk::<SYMBOLS>()
            .ok_or(RecoveryKeyError::Shape)?;
        if check.len() != CHECK_SYMBOLS {
            return Err(RecoveryKeyError::Shape);
        }
        if !bool::from(derive_checksum(key).ct_eq(check)) {
            return Err(RecoveryKeyError::Checksum);
        }
        Ok(Self(*key))
    }

    /// The key as it is shown: `AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-AAAAA`.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        let mut text = String::with_capacity(SYMBOLS + CHECK_SYMBOLS + 5);
        let checksum = derive_checksum(&self.0);
        for (at, symbol) in self.0.iter().chain(&checksum).enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(*symbol));
        }
        Secret::new(text)
    }

    /// The 130 bits, 5 a symbol and the first one first, and six zero bits.
    pub(super) fn pack(&self) -> Zeroizing<[u8; PACKED]> {
        let mut packed = Zeroizing::new([0; PACKED]);
        for (at, symbol) in self.0.iter().enumerate() {
            let value = ALPHABET.iter().position(|known| known == symbol);
            let value = value.and_then(|value| u8::try_from(value).ok());
            let value = value.expect("a key is of its alphabet");
            for bit in (0..5).filter(|bit| value >> (4 - bit) & 1 == 1) {
                let place = at * 5 + bit;
                packed[place / 8] |= 0x80 >> (place % 8);
            }
        }
        packed
    }

    /// The key of [`Self::pack`]; `None` where the last bits are not zero.
    pub(super) fn unpack(packed: &[u8; PACKED]) -> Option<Self> {
        let bit = |place: usize| packed[place / 8] >> (7 - place % 8) & 1;
        if (SYMBOLS * 5..PACKED * 8).any(|place| bit(place) == 1) {
            return None;
        }
        let mut key = Self([0; SYMBOLS]);
        for (at, symbol) in key.0.iter_mut().enumerate() {
            let value = (0..5).fold(0, |value, next| value << 1 | bit(at * 5 + next));
            *symbol = ALPHABET[usize::from(value)];
        }
        Some(key)
    }

    /// The 26 symbols, which are the secret.
    pub(crate) fn expose(&self) -> &[u8; SYMBOLS] {
        &self.0
    }
}

fn derive_checksum(symbols: &[u8; SYMBOLS]) -> [u8; CHECK_SYMBOLS] {
    let digest = Sha256::new()
        .chain_update(RECOVERY_LABEL)
        .chain_update(symbols)
        .finalize();
    let bits = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    [27, 22, 17, 12].map(|shift| ALPHABET[usize::try_from(bits >> shift & 31).unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn keys_round_trip_however_they_are_typed() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        for _ in 0..100 {
            let key = RecoveryKey::make(&mut rng);
            let text = key.to_text();
            assert_eq!(text.len(), 35);
            let sloppy = text
                .expose()
                .to_lowercase()
                .replace('-', " ")
                .replace('o', "0")
                .replace('i', "1")
                .replace('b', "8");
            for typed in [
                text.expose().to_owned(),
                sloppy,
                text.expose().replace('-', ""),
            ] {
                assert!(RecoveryKey::parse(&Secret::new(typed)).ok().unwrap().0 == key.0);
            }
        }
    }

    #[test]
    fn keys_pack_into_bits_and_back() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(3);
        for _ in 0..100 {
            let key = RecoveryKey::make(&mut rng);
            assert!(RecoveryKey::unpack(&key.pack()).unwrap().0 == key.0);
        }
        let first = RecoveryKey(*b"BAAAAAAAAAAAAAAAAAAAAAAAA7");
        let packed = first.pack();
        assert_eq!((packed[0], packed[15], packed[16]), (0x08, 0x07, 0xC0));
        let mut over = *packed;
        over[16] |= 1;
        assert!(RecoveryKey::unpack(&over).is_none());
    }

    #[test]
    fn a_misread_symbol_is_noticed() {
        let key = RecoveryKey::make(&mut rand::rngs::StdRng::seed_from_u64(2));
        let text = key.to_text();
        for at in 0..text.len() {
            let mut typed = text.expose().as_bytes().to_vec();
            if typed[at] == b'-' {
                continue;
            }
            typed[at] = if typed[at] == b'A' { b'Z' } else { b'A' };
            let typed = Secret::from_utf8(typed).unwrap();
            assert_eq!(
                RecoveryKey::parse(&typed).err(),
                Some(RecoveryKeyError::Checksum)
            );
        }
        for typed in [
            "",
            "AAAAA",
            "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-AAAAAA",
            "ÄAAAA-AAAAA-AAAAA-AAAAA-AAAAA-AAAAA",
        ] {
            assert_eq!(
                RecoveryKey::parse(&Secret::new(typed.to_owned())).err(),
                Some(RecoveryKeyError::Shape)
            );
        }
    }
}
