//! New passwords, passphrases and user names with their exact entropy, and how guessable a given one is.
//!
//! Every value here is drawn uniformly from a set whose size is known, so the entropy printed is log2 of that size and
//! nothing is estimated. This room must never bring its own randomness: the caller hands in a CSPRNG.

mod count;
mod dice;
mod passphrase;
mod password;
mod pronounceable;
mod rules;
mod strength;
mod user_name;

pub use passphrase::{
    Capitals, Digit, MAX_SEPARATOR_BYTES, MAX_WORDS, Phrase, WORD_COUNT, WordList, passphrase, word,
};
pub use password::{Plan, password};
pub use pronounceable::pronounceable;
pub use rules::{Alphabet, Class, DEFAULT_LENGTH, MAX_LENGTH, Rules, RulesError};
pub use strength::{MAX_RATED_CHARACTERS, Rating, Strength, strength};
pub use user_name::{AddressError, plus_address, user_name};

use crate::secret::Secret;

/// A new secret and how hard it is to guess.
pub struct Generated {
    /// The password or passphrase.
    pub value: Secret,
    /// log2 of the number of values that were equally likely.
    pub entropy_bits: f64,
}

#[cfg(test)]
/// How far counts are from equal ones, in standard deviations of the chi-square distribution.
fn deviation(counts: &[u64]) -> f64 {
    let number = f64::from(u32::try_from(counts.len()).expect("few categories"));
    let float = |count: u64| f64::from(u32::try_from(count).expect("ten million draws"));
    let expected = float(counts.iter().sum()) / number;
    let statistic: f64 = counts
        .iter()
        .map(|count| (float(*count) - expected).powi(2) / expected)
        .sum();
    (statistic - (number - 1.0)) / (2.0 * (number - 1.0)).sqrt()
}
