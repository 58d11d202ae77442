//! Keyed digests of secrets: two are equal where the secrets are, and without the key, which is of this run alone, they say nothing.

use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, Zeroizing};

/// Length of a digest: two of a million secrets are alike by chance once in 2^88 runs.
const LENGTH: usize = 16;
/// A shorter core is shared by chance.
const SHORTEST_CORE: usize = 6;
/// More of a secret is no core of a password.
const LONGEST_CORE: usize = 128;
/// Letters that people write as other signs.
const DISGUISES: [(char, char); 14] = [
    ('0', 'o'),
    ('1', 'l'),
    ('!', 'l'),
    ('|', 'l'),
    ('i', 'l'),
    ('3', 'e'),
    ('4', 'a'),
    ('@', 'a'),
    ('5', 's'),
    ('$', 's'),
    ('7', 't'),
    ('+', 't'),
    ('8', 'b'),
    ('9', 'g'),
];

/// A digest. Wiped when dropped.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Mark([u8; LENGTH]);

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What makes digests.
pub(super) struct Marker {
    key: Zeroizing<[u8; 32]>,
}

impl Marker {
    pub(super) fn make(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *key);
        Self { key }
    }

    /// The digest of a secret as it is.
    pub(super) fn mark(&self, secret: &Secret) -> Mark {
        // EXPOSE: its keyed digest is made here.
        self.digest(b"whole", secret.expose().as_bytes())
    }

    /// The digest of what is left of a password without what people change when they must; `None` where too little is.
    pub(super) fn mark_core(&self, secret: &Secret) -> Option<Mark> {
        let core = core_of(secret)?;
        Some(self.digest(b"core", core.as_bytes()))
    }

    fn digest(&self, what: &[u8], text: &[u8]) -> Mark {
        let mut hmac =
            Hmac::<Sha256>::new_from_slice(&*self.key).expect("HMAC takes a key of any length");
        hmac.update(what);
        hmac.update(&[0]);
        hmac.update(text);
        let mut whole = hmac.finalize().into_bytes();
        let mut mark = Mark([0; LENGTH]);
        for (to, from) in mark.0.iter_mut().zip(&whole) {
            *to = *from;
        }
        whole.as_mut_slice().zeroize();
        mark
    }
}

/// Digits and signs taken from both ends, accents and case dropped, letters for the signs that stand for them.
fn core_of(secret: &Secret) -> Option<Zeroizing<String>> {
    // EXPOSE: the core is worked out here and wiped.
    let text = secret.expose();
    if text.len() > LONGEST_CORE {
        return None;
    }
    // As much as it can ever take: a text that grows leaves copies behind.
    let mut plain = Zeroizing::new(String::with_capacity(text.len().saturating_mul(4)));
    let is_accent = |letter: &char| ('\u{300}'..='\u{36f}').contains(letter);
    let letters = text.nfkd().filter(|letter| !is_accent(letter));
    plain.extend(letters.flat_map(char::to_lowercase));
    let inner = plain.trim_matches(|letter: char| !letter.is_alphabetic());
    let mut core = Zeroizing::new(String::with_capacity(inner.len()));
    core.extend(inner.chars().map(|letter| {
        let disguise = DISGUISES.iter().find(|(sign, _)| *sign == letter);
        disguise.map_or(letter, |(_, meant)| *meant)
    }));
    (core.chars().count() >= SHORTEST_CORE).then_some(core)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn core(text: &str) -> Option<String> {
        core_of(&Secret::new(text.to_owned())).map(|core| core.to_string())
    }

    #[test]
    fn what_people_change_when_they_must_is_no_difference() {
        for (one, other) in [
            ("Sunflower1", "Sunflower2"),
            ("Sunflower2024!", "sunflower2025?"),
            ("!Sunfl0wer", "SunFlower99"),
            ("Über-Garten7", "uber-garten8"),
            ("p4ssw0rt", "Passwort1"),
        ] {
            assert!(core(one).is_some(), "{one}");
            assert_eq!(core(one), core(other), "{one} {other}");
        }
    }

    #[test]
    fn other_words_and_short_ones_are_no_core_in_common() {
        assert_ne!(core("sunflower1"), core("sunflowers1"));
        assert_eq!(core("abc123"), None);
        assert_eq!(core("12345678901234"), None);
        assert_eq!(core(""), None);
        assert_eq!(core(&"a".repeat(1000)), None);
    }

    #[test]
    fn digests_of_two_runs_have_nothing_in_common() {
        use rand::SeedableRng;
        let markers = [1, 2].map(|seed| Marker::make(&mut rand::rngs::StdRng::seed_from_u64(seed)));
        let secret = Secret::new("Sunflower1".to_owned());
        let [one, other] = &markers;
        assert!(one.mark(&secret) == one.mark(&secret));
        assert!(one.mark(&secret) != other.mark(&secret));
        assert!(Some(one.mark(&secret)) != one.mark_core(&secret));
    }
}
