//! How guessable a password is that a person chose, over the zxcvbn crate: words, names, dates, keyboard patterns.
//!
//! An estimate, unlike the entropy of what this room draws. The crate keeps unwiped copies of what it rates while it
//! works and asks the clock for the year (a recent year in a password is easier to guess); nothing else here does.

use core::fmt;

use zeroize::Zeroizing;

use crate::secret::Secret;

/// Only so many characters are rated, which can only make the rating lower. This many are strong or a repetition, and
/// the crate's time grows with the square: 100 crafted characters take it over a second, these a quarter of one.
pub const MAX_RATED_CHARACTERS: usize = 48;
/// So many words of the user's own are held against the password.
const MAX_USER_INPUTS: usize = 32;
/// The crate counts guesses in 64 bits and stops there.
const MAX_BITS: f64 = 64.0;

/// A rating in five steps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rating {
    /// Below 2^20 guesses: on every list.
    VeryWeak,
    /// Below 2^33: minutes for one computer, even if hashed well.
    Weak,
    /// Below 2^47.
    Fair,
    /// Below 2^60.
    Good,
    /// 2^60 guesses or more.
    Strong,
}

impl Rating {
    /// The least bits of each step above the first.
    const STEPS: [(f64, Self); 4] = [
        (60.0, Self::Strong),
        (47.0, Self::Good),
        (33.0, Self::Fair),
        (20.0, Self::Weak),
    ];

    /// The rating of a number of bits: of an estimate or of an exact entropy.
    #[must_use]
    pub fn of_bits(bits: f64) -> Self {
        Self::STEPS
            .iter()
            .find(|step| bits >= step.0)
            .map_or(Self::VeryWeak, |step| step.1)
    }

    /// The rating in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::VeryWeak => "very weak",
            Self::Weak => "weak",
            Self::Fair => "fair",
            Self::Good => "good",
            Self::Strong => "strong",
        }
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.words())
    }
}

/// How guessable a password is.
#[derive(Clone, PartialEq, Debug)]
pub struct Strength {
    /// log2 of the guesses an attacker needs, who knows how people choose; 64 means that many or more.
    pub bits: f64,
    /// The same in words.
    pub rating: Rating,
    /// What makes it weak, or what would make it stronger, as a sentence that names no part of the password.
    pub hint: Option<String>,
}

/// Rates a password. `user_inputs` are words an attacker would try first: user name, site, e-mail address, title.
#[must_use]
pub fn strength(password: &Secret, user_inputs: &[&str]) -> Strength {
    // EXPOSE: rated here; the copy is cut to its limit and wiped.
    let text = password.expose();
    let rated: Zeroizing<String> =
        Zeroizing::new(text.chars().take(MAX_RATED_CHARACTERS).collect());
    let inputs: Vec<String> = user_inputs
        .iter()
        .take(MAX_USER_INPUTS)
        .map(|input| input.chars().take(MAX_RATED_CHARACTERS).collect())
        .collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let entropy = zxcvbn::zxcvbn(&rated, &inputs);
    let bits = (entropy.guesses_log10() * core::f64::consts::LOG2_10).clamp(0.0, MAX_BITS);
    let hint = entropy.feedback().and_then(|feedback| {
        let warning = feedback.warning().map(|warning| warning.to_string());
        warning.or_else(|| feedback.suggestions().first().map(ToString::to_string))
    });
    Strength {
        bits,
        rating: Rating::of_bits(bits),
        hint,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    fn rate(password: &str) -> Strength {
        strength(&Secret::new(password.to_owned()), &[])
    }

    #[test]
    fn ratings_are_in_the_order_people_would_put_them() {
        let ratings: Vec<Rating> = [
            "",
            "password1",
            "Tr0ub4dour&3",
            "kx7Qv!mZ2p",
            "correct horse battery staple",
            "v9#Kd!2xLq@8Zr5&Tn1w",
        ]
        .iter()
        .map(|password| rate(password).rating)
        .collect();
        assert!(ratings.is_sorted(), "{ratings:?}");
        assert_eq!(ratings.first(), Some(&Rating::VeryWeak));
        assert_eq!(ratings.last(), Some(&Rating::Strong));
    }

    #[test]
    fn weak_passwords_come_with_a_hint() {
        assert!(rate("password1").hint.is_some());
        assert!(rate("").hint.is_some());
        assert!(rate("v9#Kd!2xLq@8Zr5&Tn1w").hint.is_none());
    }

    #[test]
    fn what_the_user_is_called_counts_against_the_password() {
        let password = Secret::new("zaphodbeeblebrox".to_owned());
        let alone = strength(&password, &[]);
        let known = strength(&password, &["zaphodbeeblebrox"]);
        assert!(known.bits < alone.bits / 2.0);
        assert_eq!(known.rating, Rating::VeryWeak);
    }

    #[test]
    fn hostile_lengths_and_patterns_are_cheap() {
        let start = Instant::now();
        for password in [
            "a".repeat(1 << 20),
            "4@8({[<369!|1$5+7%2".repeat(1000),
            "qwertgfdsazxcvb".repeat(1000),
            "1234567890".repeat(1000),
            "ab".repeat(1000),
            "İ".repeat(1000),
        ] {
            assert!(rate(&password).bits <= MAX_BITS);
        }
        assert!(start.elapsed().as_secs() < 10);
    }

    proptest! {
        #[test]
        fn no_password_makes_it_panic(password in "\\PC{0,30}|[a-z0-9@$!./]{0,40}|([0-9]{1,4}[-/ .]){0,4}|[asdfghjkl;qwertyuiop]{0,60}|.{0,20}") {
            let strength = rate(&password);
            prop_assert!((0.0..=MAX_BITS).contains(&strength.bits));
        }
    }
}
