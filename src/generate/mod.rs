//! New passwords and passphrases with their exact entropy, and how guessable a given one is.
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

pub use passphrase::{
    Capitals, Digit, MAX_SEPARATOR_BYTES, MAX_WORDS, Phrase, WORD_COUNT, passphrase, word, words,
};
pub use password::{Plan, password};
pub use pronounceable::pronounceable;
pub use rules::{Alphabet, Class, DEFAULT_LENGTH, MAX_LENGTH, Rules, RulesError};
pub use strength::{MAX_RATED_CHARACTERS, Rating, Strength, strength};

use crate::secret::Secret;

/// A new secret and how hard it is to guess.
pub struct Generated {
    /// The password or passphrase.
    pub value: Secret,
    /// log2 of the number of values that were equally likely.
    pub entropy_bits: f64,
}
