//! A recovery key in k of n shares: Shamir's scheme over GF(2^8), by the blahaj crate (vault-format.md, section 1.4).
//!
//! Fewer than k shares say nothing about the key. A share is a fixed number of words of a list that the caller brings, so
//! that it can be written down, read out and typed; its checksum finds a word that is wrong.

use super::keys::SHARE_LABEL;
use super::recovery::RecoveryKey;
use crate::secret::Secret;
use blahaj::Sharks;
use core::fmt;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Least shares that a key is put together from.
pub const MIN_THRESHOLD: u8 = 2;
/// Most shares of a key.
pub const MAX_SHARES: u8 = 16;
/// Words of a share.
pub const SHARE_WORDS: usize = 14;
/// Words of the list that shares are written in: 7,776^14 is more than 2^180.
pub const LIST_WORDS: usize = 7776;

/// The key's 130 bits, and six zeros.
const KEY_BYTES: usize = 17;
/// Split, threshold and number, and the key's share.
const CONTENT_BYTES: usize = 3 + KEY_BYTES;
/// And 20 bits of checksum, with four zeros in front of all.
const SHARE_BYTES: usize = CONTENT_BYTES + 3;

/// One share. Wiped when dropped, without Debug.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Share {
    /// The same in all shares of one split, and by chance alone in others.
    split: u16,
    threshold: u8,
    number: u8,
    part: [u8; KEY_BYTES],
}

/// Why shares are refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ShareError {
    /// Fewer than [`MIN_THRESHOLD`] needed, more needed than there are, or more than [`MAX_SHARES`].
    Numbers,
    /// Not [`SHARE_WORDS`] words, but so many.
    Length(usize),
    /// A word, counted from 1, that the list does not have.
    Word(usize),
    /// The checksum does not fit: a word is another one than was written, or two are swapped.
    Checksum,
    /// Shares of different splits, or one number with two contents.
    Apart,
    /// So many are needed.
    TooFew(u8),
    /// The shares are whole and make no key: one is not what was written.
    NoKey,
}

impl fmt::Display for ShareError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers => write!(
                out,
                "a key is split into 2 to {MAX_SHARES} shares, of which 2 or more are needed"
            ),
            Self::Length(words) => {
                write!(out, "a share has {SHARE_WORDS} words, this has {words}")
            }
            Self::Word(at) => write!(out, "word {at} is not of the list"),
            Self::Checksum => out.write_str("a word is wrong, or two are swapped"),
            Self::Apart => out.write_str("these shares do not belong together"),
            Self::TooFew(threshold) => write!(out, "{threshold} different shares are needed"),
            Self::NoKey => out.write_str("these shares make no recovery key; one is not genuine"),
        }
    }
}

impl core::error::Error for ShareError {}

/// Splits a key into so many shares, of which `threshold` make it whole again.
///
/// # Errors
/// [`ShareError::Numbers`].
pub fn split(
    key: &RecoveryKey,
    shares: u8,
    threshold: u8,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<Share>, ShareError> {
    if !(MIN_THRESHOLD..=shares).contains(&threshold) || shares > MAX_SHARES {
        return Err(ShareError::Numbers);
    }
    let mut split = [0; 2];
    rng.fill_bytes(&mut split);
    let packed = key.pack();
    let mut rng = rng;
    let dealt = Sharks(threshold).dealer_rng(&*packed, &mut rng);
    let shares = dealt.take(usize::from(shares)).map(|dealt| {
        let bytes = Zeroizing::new(Vec::from(&dealt));
        let (number, part) = bytes.split_first().expect("a number and its values");
        Share {
            split: u16::from_be_bytes(split),
            threshold,
            number: *number,
            part: part.try_into().expect("as many values as bytes"),
        }
    });
    Ok(shares.collect())
}

/// Puts a key together. More shares than needed must agree with the others.
///
/// # Errors
/// [`ShareError::TooFew`], [`ShareError::Apart`], [`ShareError::NoKey`].
pub fn combine(shares: &[Share]) -> Result<RecoveryKey, ShareError> {
    let first = shares.first().ok_or(ShareError::TooFew(MIN_THRESHOLD))?;
    let mut distinct: Vec<&Share> = Vec::new();
    for share in shares {
        if (share.split, share.threshold) != (first.split, first.threshold) {
            return Err(ShareError::Apart);
        }
        match distinct.iter().find(|known| known.number == share.number) {
            Some(known) if known.part != share.part => return Err(ShareError::Apart),
            Some(_) => {}
            None => distinct.push(share),
        }
    }
    let needed = distinct
        .get(..usize::from(first.threshold))
        .ok_or(ShareError::TooFew(first.threshold))?;
    let packed = recover(needed, first.threshold)?;
    if *recover(&distinct, first.threshold)? != *packed {
        return Err(ShareError::NoKey);
    }
    RecoveryKey::unpack(&packed).ok_or(ShareError::NoKey)
}

fn recover(shares: &[&Share], threshold: u8) -> Result<Zeroizing<[u8; KEY_BYTES]>, ShareError> {
    let mut dealt = Vec::with_capacity(shares.len());
    for share in shares {
        let bytes = Zeroizing::new([&[share.number], &share.part[..]].concat());
        dealt.push(blahaj::Share::try_from(bytes.as_slice()).map_err(|_| ShareError::NoKey)?);
    }
    let sharks = Sharks(threshold);
    let recovered = sharks.recover(&dealt).map_err(|_| ShareError::NoKey)?;
    let recovered = Zeroizing::new(recovered);
    let packed = recovered.as_slice().try_into();
    packed.map(Zeroizing::new).map_err(|_| ShareError::NoKey)
}

impl Share {
    /// Which share it is, from 1.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.number
    }

    /// How many make the key whole.
    #[must_use]
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Four hexadecimal digits that all shares of one split have.
    #[must_use]
    pub fn split_name(&self) -> String {
        format!("{:04x}", self.split)
    }

    /// The share as words of a list of [`LIST_WORDS`], with one space between.
    #[must_use]
    pub fn to_words(&self, list: &[&str]) -> Secret {
        let mut rest = self.to_bytes();
        let mut words = [""; SHARE_WORDS];
        for word in words.iter_mut().rev() {
            *word = list.get(divide(&mut rest)).copied().unwrap_or_default();
        }
        Secret::new(words.join(" "))
    }

    /// Reads a share as somebody typed it: case, numbers with a dot before words, and what kind of space do not matter.
    ///
    /// # Errors
    /// [`ShareError`] but those of [`combine`].
    pub fn parse(text: &Secret, list: &[&str]) -> Result<Self, ShareError> {
        // EXPOSE: the typed share is taken apart into its words.
        let typed = text.expose().split([' ', '\t', '\r', '\n', ',']);
        let is_count = |word: &str| word.ends_with('.') && word.len() <= 3;
        let mut number = Zeroizing::new([0; SHARE_BYTES]);
        let mut words = 0;
        for word in typed.filter(|word| !word.is_empty() && !is_count(word)) {
            words += 1;
            if words > SHARE_WORDS {
                continue;
            }
            let word = Zeroizing::new(word.to_lowercase());
            let at = list.binary_search(&word.as_str());
            let at = at.map_err(|_| ShareError::Word(words))?;
            if !multiply_and_add(&mut number, at) {
                return Err(ShareError::Checksum);
            }
        }
        if words != SHARE_WORDS {
            return Err(ShareError::Length(words));
        }
        Self::from_bytes(&number)
    }

    /// Four zero bits, split, threshold, number, part, 20 bits of checksum.
    fn to_bytes(&self) -> Zeroizing<[u8; SHARE_BYTES]> {
        let mut content = Zeroizing::new([0; CONTENT_BYTES]);
        content[..2].copy_from_slice(&self.split.to_be_bytes());
        content[2] = (self.threshold - 1) << 4 | (self.number - 1);
        content[3..].copy_from_slice(&self.part);
        let check = derive_checksum(&content);
        let mut bytes = Zeroizing::new([0; SHARE_BYTES]);
        let mut carried = 0;
        for (byte, whole) in bytes.iter_mut().zip(content.iter().chain(&check)) {
            *byte = carried << 4 | whole >> 4;
            carried = whole & 15;
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; SHARE_BYTES]) -> Result<Self, ShareError> {
        let mut whole = Zeroizing::new([0; SHARE_BYTES]);
        let following = bytes.iter().skip(1).chain(&[0]);
        for (byte, (high, low)) in whole.iter_mut().zip(bytes.iter().zip(following)) {
            *byte = high << 4 | low >> 4;
        }
        let (content, check) = whole
            .split_first_chunk::<CONTENT_BYTES>()
            .expect("a share is longer than its content");
        if bytes[0] >> 4 != 0 || derive_checksum(content) != check {
            return Err(ShareError::Checksum);
        }
        let [high, low, numbers, part @ ..] = content;
        let share = Self {
            split: u16::from_be_bytes([*high, *low]),
            threshold: (numbers >> 4) + 1,
            number: (numbers & 15) + 1,
            part: *part,
        };
        if share.threshold < MIN_THRESHOLD {
            return Err(ShareError::Checksum);
        }
        Ok(share)
    }
}

/// The first 20 bits, and four zeros.
fn derive_checksum(content: &[u8; CONTENT_BYTES]) -> [u8; 3] {
    let digest = Sha256::new()
        .chain_update(SHARE_LABEL)
        .chain_update(content)
        .finalize();
    [digest[0], digest[1], digest[2] & 0xF0]
}

/// Divides a big-endian number by the list's length; what is left over.
fn divide(number: &mut [u8; SHARE_BYTES]) -> usize {
    let mut rest = 0;
    for byte in number.iter_mut() {
        let dividend = rest << 8 | usize::from(*byte);
        *byte = u8::try_from(dividend / LIST_WORDS).expect("the rest is below the divisor");
        rest = dividend % LIST_WORDS;
    }
    rest
}

/// Multiplies a big-endian number by the list's length and adds; whether it still fits.
fn multiply_and_add(number: &mut [u8; SHARE_BYTES], add: usize) -> bool {
    let mut carried = add;
    for byte in number.iter_mut().rev() {
        let sum = usize::from(*byte) * LIST_WORDS + carried;
        *byte = u8::try_from(sum % 256).expect("a remainder of 256");
        carried = sum / 256;
    }
    carried == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    /// A list of the right length that needs no file: `aaa` to `zzz`, less what is over.
    fn list() -> Vec<String> {
        let letters = || (b'a'..=b'z').map(char::from);
        let all = letters().flat_map(|a| letters().map(move |b| (a, b)));
        all.flat_map(|(a, b)| letters().map(move |c| format!("{a}{b}{c}")))
            .take(LIST_WORDS)
            .collect()
    }

    fn borrowed(list: &[String]) -> Vec<&str> {
        list.iter().map(String::as_str).collect()
    }

    fn text_of(key: &RecoveryKey) -> String {
        // EXPOSE: a test compares keys.
        key.to_text().expose().to_owned()
    }

    #[test]
    fn any_threshold_of_shares_makes_the_key_and_fewer_do_not() {
        let mut rng = StdRng::seed_from_u64(1);
        let list = list();
        let list = borrowed(&list);
        for (count, threshold) in [(2, 2), (3, 2), (5, 3), (6, 6), (16, 2), (16, 16)] {
            let key = RecoveryKey::make(&mut rng);
            let shares = split(&key, count, threshold, &mut rng).unwrap();
            let typed: Vec<Share> = shares
                .iter()
                .map(|share| Share::parse(&share.to_words(&list), &list).unwrap())
                .collect();
            let numbers: Vec<u8> = typed.iter().map(Share::number).collect();
            assert_eq!(numbers, (1..=count).collect::<Vec<u8>>());
            for start in 0..typed.len() {
                let mut chosen: Vec<Share> = typed
                    .iter()
                    .cycle()
                    .skip(start)
                    .take(usize::from(threshold))
                    .map(|share| Share::parse(&share.to_words(&list), &list).unwrap())
                    .collect();
                assert_eq!(text_of(&combine(&chosen).unwrap()), text_of(&key));
                chosen.pop();
                assert_eq!(combine(&chosen).err(), Some(ShareError::TooFew(threshold)));
            }
            assert_eq!(text_of(&combine(&typed).unwrap()), text_of(&key));
        }
    }

    #[test]
    fn a_wrong_word_is_noticed() {
        let mut rng = StdRng::seed_from_u64(2);
        let list = list();
        let list = borrowed(&list);
        let key = RecoveryKey::make(&mut rng);
        let share = &split(&key, 3, 2, &mut rng).unwrap()[0];
        let words = share.to_words(&list);
        // EXPOSE: a test types the share wrongly.
        let words: Vec<&str> = words.expose().split(' ').collect();
        assert_eq!(words.len(), SHARE_WORDS);
        for at in 0..SHARE_WORDS {
            for other in ["aaa", "bcd", list[7775]] {
                let mut typed = words.clone();
                if typed[at] == other {
                    continue;
                }
                typed[at] = other;
                let read = Share::parse(&Secret::new(typed.join(" ")), &list);
                assert_eq!(read.err(), Some(ShareError::Checksum));
            }
            if at > 0 && words[at] != words[at - 1] {
                let mut typed = words.clone();
                typed.swap(at, at - 1);
                let read = Share::parse(&Secret::new(typed.join(" ")), &list);
                assert_eq!(read.err(), Some(ShareError::Checksum));
            }
        }
        let mut unknown = words.clone();
        unknown[4] = "zzz";
        let read = Share::parse(&Secret::new(unknown.join(" ")), &list);
        assert_eq!(read.err(), Some(ShareError::Word(5)));
        for (typed, count) in [(&words[1..], 13), (&[][..], 0)] {
            let read = Share::parse(&Secret::new(typed.join(" ")), &list);
            assert_eq!(read.err(), Some(ShareError::Length(count)));
        }
        let twice = format!("{0} {0}", words.join(" "));
        assert_eq!(
            Share::parse(&Secret::new(twice), &list).err(),
            Some(ShareError::Length(28))
        );
    }

    #[test]
    fn shares_are_read_however_they_are_typed() {
        let mut rng = StdRng::seed_from_u64(3);
        let list = list();
        let list = borrowed(&list);
        let key = RecoveryKey::make(&mut rng);
        let share = &split(&key, 3, 2, &mut rng).unwrap()[1];
        let words = share.to_words(&list);
        // EXPOSE: a test types the share again.
        let words: Vec<&str> = words.expose().split(' ').collect();
        let numbered: Vec<String> = (1..)
            .zip(&words)
            .map(|(at, word)| format!("{at}. {}", word.to_uppercase()))
            .collect();
        for typed in [
            words.join("\n"),
            format!("  {}\r\n", words.join(", ")),
            numbered.join("\t"),
        ] {
            let read = Share::parse(&Secret::new(typed), &list).unwrap();
            assert_eq!((read.number(), read.threshold()), (2, 2));
            assert!(read.part == share.part);
        }
    }

    #[test]
    fn shares_of_other_splits_and_forged_ones_are_refused() {
        let mut rng = StdRng::seed_from_u64(4);
        let key = RecoveryKey::make(&mut rng);
        let mut one = split(&key, 3, 2, &mut rng).unwrap();
        let mut other = split(&key, 3, 2, &mut rng).unwrap();
        let mixed = [one.remove(0), other.remove(1)];
        assert_eq!(combine(&mixed).err(), Some(ShareError::Apart));
        let mut shares = split(&key, 3, 2, &mut rng).unwrap();
        shares[2].part[5] ^= 1;
        assert_eq!(combine(&shares).err(), Some(ShareError::NoKey));
        shares[2].number = 1;
        assert_eq!(combine(&shares).err(), Some(ShareError::Apart));
        assert_eq!(combine(&[]).err(), Some(ShareError::TooFew(2)));
        // The same share twice is one.
        let list = list();
        let list = borrowed(&list);
        let again = Share::parse(&one[0].to_words(&list), &list).unwrap();
        let twice = [one.remove(0), again];
        assert_eq!(combine(&twice).err(), Some(ShareError::TooFew(2)));
    }

    #[test]
    fn numbers_of_shares_have_limits() {
        let mut rng = StdRng::seed_from_u64(5);
        let key = RecoveryKey::make(&mut rng);
        for (count, threshold) in [(1, 1), (3, 1), (3, 4), (17, 2), (0, 0), (2, 0)] {
            let refused = split(&key, count, threshold, &mut rng);
            assert_eq!(refused.err(), Some(ShareError::Numbers));
        }
    }

    #[test]
    fn one_share_of_two_takes_every_value_alike() {
        // What a single share shows of one and the same key is uniform: chi-square over its first byte.
        let mut rng = StdRng::seed_from_u64(6);
        let key = RecoveryKey::make(&mut rng);
        let mut counts = [0_u32; 256];
        for _ in 0..256 * 200 {
            let shares = split(&key, 2, 2, &mut rng).unwrap();
            counts[usize::from(shares[1].part[0])] += 1;
        }
        let statistic: f64 = counts
            .iter()
            .map(|count| (f64::from(*count) - 200.0).powi(2) / 200.0)
            .sum();
        assert!((statistic - 255.0).abs() < 5.0 * 510.0_f64.sqrt());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}|([a-z]{3} ){0,30}") {
            let list = list();
            let _ = Share::parse(&Secret::new(text), &borrowed(&list));
        }

        #[test]
        fn bytes_and_shares_are_one_to_one(split in any::<u16>(), threshold in 2_u8..=16, number in 1_u8..=16, part in any::<[u8; KEY_BYTES]>()) {
            let share = Share { split, threshold, number, part };
            let read = Share::from_bytes(&share.to_bytes()).unwrap();
            prop_assert_eq!((read.split, read.threshold, read.number, read.part), (split, threshold, number, part));
        }
    }
}
