//! Passphrases of words, and the lists of words themselves.
//!
//! The lists are the Electronic Frontier Foundation's (Joseph Bonneau, 2016, "EFF's New Wordlists for Random
//! Passphrases"), © EFF, under the Creative Commons Attribution 3.0 United States licence; the dice numbers were left
//! out. No word of a list begins with another of it, so whatever the separator, two different choices never make the
//! same passphrase, and the entropy below is exact.

use std::sync::LazyLock;

use rand::CryptoRng;

use super::Generated;
use super::dice::Dice;
use super::rules::RulesError;
use crate::secret::Secret;

/// Words in the large list: five dice.
pub const WORD_COUNT: usize = 7776;
/// Most words in a passphrase.
pub const MAX_WORDS: usize = 64;
/// Longest separator, in bytes.
pub const MAX_SEPARATOR_BYTES: usize = 16;
/// The longest word, of the list of unique beginnings, has ten letters.
const MAX_WORD_BYTES: usize = 10;
const DIGITS: &[char] = &['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/// A list of words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum WordList {
    /// EFF's large list: 7,776 words of three to nine letters, 12.9 bits each.
    #[default]
    Large,
    /// EFF's first short list: 1,296 words of three to five letters, 10.3 bits each.
    Short,
    /// EFF's second short list: 1,296 words that three letters tell apart, for who has them completed; 10.3 bits each.
    ShortPrefix,
}

static LARGE: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("eff_large_wordlist.txt").lines().collect());
static SHORT: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("eff_short_wordlist_1.txt").lines().collect());
static SHORT_PREFIX: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("eff_short_wordlist_2_0.txt").lines().collect());

impl WordList {
    /// Every list with its name on the command line.
    pub const TABLE: [(Self, &'static str); 3] = [
        (Self::Large, "large"),
        (Self::Short, "short"),
        (Self::ShortPrefix, "short-prefix"),
    ];

    /// Its words, in alphabetical order; split up at their first use.
    #[must_use]
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Large => &LARGE,
            Self::Short => &SHORT,
            Self::ShortPrefix => &SHORT_PREFIX,
        }
    }

    /// The list of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let row = Self::TABLE.iter().find(|row| row.1 == name);
        row.map(|row| row.0)
    }
}

/// One word of the large list, 0 to [`WORD_COUNT`] - 1.
#[must_use]
pub fn word(index: usize) -> Option<&'static str> {
    WordList::Large.words().get(index).copied()
}

/// Whether words begin with a capital letter, which sites ask for and which adds no entropy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Capitals {
    /// All lower case.
    #[default]
    Never,
    /// Every word.
    EachWord,
}

/// Whether a digit is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Digit {
    /// None.
    #[default]
    Never,
    /// A random one after a random word.
    AfterOneWord,
}

/// What a passphrase looks like.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Phrase {
    /// How many words, 1 to [`MAX_WORDS`].
    pub words: usize,
    /// Where they come from.
    pub list: WordList,
    /// What stands between them, up to [`MAX_SEPARATOR_BYTES`].
    pub separator: String,
    /// Whether words begin with a capital letter.
    pub capitals: Capitals,
    /// Whether a digit is added.
    pub digit: Digit,
}

impl Default for Phrase {
    fn default() -> Self {
        Self {
            words: 6,
            list: WordList::Large,
            separator: "-".to_owned(),
            capitals: Capitals::Never,
            digit: Digit::Never,
        }
    }
}

/// Draws a passphrase; every choice of words (and digit and its place) is equally likely.
///
/// # Errors
/// [`RulesError::Words`] or [`RulesError::Separator`].
pub fn passphrase(rng: &mut dyn CryptoRng, phrase: &Phrase) -> Result<Generated, RulesError> {
    if !(1..=MAX_WORDS).contains(&phrase.words) {
        return Err(RulesError::Words);
    }
    if phrase.separator.len() > MAX_SEPARATOR_BYTES
        || phrase.separator.chars().any(char::is_control)
    {
        return Err(RulesError::Separator);
    }
    let mut dice = Dice::new(rng);
    let list = phrase.list.words();
    // Reserved at once, so that growing leaves no copy behind.
    let mut text =
        String::with_capacity(phrase.words * (MAX_WORD_BYTES + phrase.separator.len()) + 1);
    let place = match phrase.digit {
        Digit::Never => None,
        Digit::AfterOneWord => Some(dice.below(phrase.words)),
    };
    for index in 0..phrase.words {
        if index > 0 {
            text.push_str(&phrase.separator);
        }
        let word = dice.pick(list);
        match phrase.capitals {
            Capitals::Never => text.push_str(word),
            Capitals::EachWord => {
                let mut letters = word.chars();
                text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                text.push_str(letters.as_str());
            }
        }
        if place == Some(index) {
            text.push(dice.pick(DIGITS));
        }
    }
    Ok(Generated {
        value: Secret::new(text),
        entropy_bits: entropy_bits(phrase),
    })
}

/// log2 of the number of passphrases. The digit is told from digits of the separator because a letter follows those:
/// "1" + "1x" and "11" + "x" would need a word that begins with a digit.
fn entropy_bits(phrase: &Phrase) -> f64 {
    let float =
        |number: usize| f64::from(u32::try_from(number).expect("64 words of a list of 7,776"));
    let digits = match phrase.digit {
        Digit::Never => 0.0,
        Digit::AfterOneWord => float(DIGITS.len()).log2() + float(phrase.words).log2(),
    };
    float(phrase.words) * float(phrase.list.words().len()).log2() + digits
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use sha2::{Digest, Sha256};

    use super::super::deviation;
    use super::*;

    fn draw(phrase: &Phrase) -> Generated {
        passphrase(&mut StdRng::seed_from_u64(5), phrase).unwrap()
    }

    #[test]
    fn lists_are_effs() {
        assert_eq!((word(0), word(7775)), (Some("abacus"), Some("zoom")));
        assert_eq!(word(7776), None);
        for (list, count, digest) in [
            (
                WordList::Large,
                WORD_COUNT,
                "abae49761b88f3f1ba31ef944bea1f61b795a3cd7e1cfb7d276ed45bf77967ba",
            ),
            (
                WordList::Short,
                1296,
                "3680fb8483e03eab3067f20ef8b8848a086006b25981b0df6c8bdc603c4ed55e",
            ),
            (
                WordList::ShortPrefix,
                1296,
                "7869e4a279a3f019df21fa2b28985656a2ee936dadad9aedc87759dab54aef4f",
            ),
        ] {
            let words = list.words();
            assert_eq!(words.len(), count);
            assert!(words.windows(2).all(|pair| pair[0] < pair[1]));
            assert_eq!(
                data_encoding::HEXLOWER.encode(&Sha256::digest(words.join("\n"))),
                digest
            );
        }
    }

    #[test]
    fn no_word_begins_with_another_or_with_anything_but_a_letter() {
        for (list, name) in WordList::TABLE {
            let words = list.words();
            // In order, a word that begins with another follows it at once or after others that do.
            assert!(words.windows(2).all(|pair| !pair[1].starts_with(pair[0])));
            assert!(words.iter().all(|word| {
                word.len() <= MAX_WORD_BYTES
                    && word.starts_with(|c: char| c.is_ascii_lowercase())
                    && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            }));
            assert_eq!(WordList::from_name(name), Some(list));
        }
        let beginnings: BTreeSet<&str> = WordList::ShortPrefix
            .words()
            .iter()
            .map(|word| &word[..3])
            .collect();
        assert_eq!(beginnings.len(), 1296);
    }

    #[test]
    fn ten_million_words_of_each_list_show_no_bias() {
        for (list, name) in WordList::TABLE {
            let words = list.words();
            let mut counts = vec![0_u64; words.len()];
            let mut rng = StdRng::seed_from_u64(0x776f_7264);
            let mut drawn = 0;
            while drawn < 10_000_000 {
                let phrase = Phrase {
                    words: MAX_WORDS,
                    list,
                    separator: " ".to_owned(),
                    ..Phrase::default()
                };
                let made = passphrase(&mut rng, &phrase).unwrap();
                // EXPOSE: a test counts what was drawn.
                for word in made.value.expose().split(' ') {
                    counts[words.binary_search(&word).unwrap()] += 1;
                    drawn += 1;
                }
            }
            let deviation = deviation(&counts);
            assert!(deviation.abs() < 5.0, "{name}: {deviation}");
        }
    }

    #[test]
    fn every_place_of_a_passphrase_takes_every_word_alike() {
        // Ten million draws in all, a million for each place.
        const PLACES: usize = 10;
        let words = WordList::Short.words();
        let mut counts = vec![vec![0_u64; words.len()]; PLACES];
        let mut rng = StdRng::seed_from_u64(0x706c_6163);
        let phrase = Phrase {
            words: PLACES,
            list: WordList::Short,
            separator: " ".to_owned(),
            ..Phrase::default()
        };
        for _ in 0..1_000_000 {
            let made = passphrase(&mut rng, &phrase).unwrap();
            // EXPOSE: a test counts what was drawn.
            for (place, word) in made.value.expose().split(' ').enumerate() {
                counts[place][words.binary_search(&word).unwrap()] += 1;
            }
        }
        for (place, counts) in counts.iter().enumerate() {
            let deviation = deviation(counts);
            assert!(deviation.abs() < 5.0, "{place}: {deviation}");
        }
    }

    #[test]
    fn short_words_are_worth_less() {
        let drawn = draw(&Phrase {
            words: 8,
            list: WordList::Short,
            ..Phrase::default()
        });
        assert!((drawn.entropy_bits - 8.0 * 1296.0_f64.log2()).abs() < 1e-12);
    }

    #[test]
    fn passphrase_is_words_of_the_list_between_separators() {
        let drawn = draw(&Phrase {
            separator: ", ".to_owned(),
            ..Phrase::default()
        });
        // EXPOSE: a test looks at what was drawn.
        let parts: Vec<&str> = drawn.value.expose().split(", ").collect();
        assert_eq!(parts.len(), 6);
        assert!(
            parts
                .iter()
                .all(|part| WordList::Large.words().binary_search(part).is_ok())
        );
        assert!((drawn.entropy_bits - 6.0 * 7776.0_f64.log2()).abs() < 1e-12);
        assert!((drawn.entropy_bits - 77.548_875_021_634_69).abs() < 1e-9);
    }

    #[test]
    fn capitals_and_a_digit_can_be_asked_for() {
        let phrase = Phrase {
            words: 4,
            list: WordList::Large,
            separator: "_".to_owned(),
            capitals: Capitals::EachWord,
            digit: Digit::AfterOneWord,
        };
        let mut rng = StdRng::seed_from_u64(6);
        let mut places = BTreeSet::new();
        for _ in 0..100 {
            let drawn = passphrase(&mut rng, &phrase).unwrap();
            // EXPOSE: a test looks at what was drawn.
            let parts: Vec<&str> = drawn.value.expose().split('_').collect();
            assert!(
                parts
                    .iter()
                    .all(|part| part.starts_with(|c: char| c.is_ascii_uppercase()))
            );
            let digits = |part: &&str| part.chars().filter(char::is_ascii_digit).count();
            assert_eq!(parts.iter().map(digits).sum::<usize>(), 1);
            places.extend(parts.iter().position(|part| digits(part) == 1));
            let expected = 4.0 * 7776.0_f64.log2() + 40.0_f64.log2();
            assert!((drawn.entropy_bits - expected).abs() < 1e-12);
        }
        assert_eq!(places.len(), 4);
    }

    #[test]
    fn counts_and_separators_have_limits() {
        let mut rng = StdRng::seed_from_u64(7);
        for (words, separator, error) in [
            (0, "-", RulesError::Words),
            (65, "-", RulesError::Words),
            (6, "\u{1b}", RulesError::Separator),
            (6, "12345678901234567", RulesError::Separator),
        ] {
            let phrase = Phrase {
                words,
                separator: separator.to_owned(),
                ..Phrase::default()
            };
            assert_eq!(passphrase(&mut rng, &phrase).err(), Some(error));
        }
        let most = draw(&Phrase {
            words: MAX_WORDS,
            separator: String::new(),
            ..Phrase::default()
        });
        assert!(most.value.len() >= MAX_WORDS * 3);
    }
}
