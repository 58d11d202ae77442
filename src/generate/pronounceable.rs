//! Passwords that can be said aloud: consonant and vowel in turn, all lower case.

use rand::CryptoRng;

use super::Generated;
use super::dice::Dice;
use super::rules::{MAX_LENGTH, RulesError};
use crate::secret::Secret;

/// Consonants that sound the same to most readers and are not taken for another letter on paper: no c, l, q, w, x, y.
const CONSONANTS: &[u8] = b"bdfghjkmnprstvz";
const VOWELS: &[u8] = b"aeiou";

/// Draws a pronounceable password of so many letters. A pair of letters is worth 6.2 bits, half of what two random
/// characters are, so it should be longer.
///
/// # Errors
/// [`RulesError::Length`] outside 1 to [`MAX_LENGTH`].
pub fn pronounceable(rng: &mut dyn CryptoRng, length: usize) -> Result<Generated, RulesError> {
    if !(1..=MAX_LENGTH).contains(&length) {
        return Err(RulesError::Length);
    }
    let mut dice = Dice::new(rng);
    let mut text = String::with_capacity(length);
    let mut entropy_bits = 0.0;
    for letters in [CONSONANTS, VOWELS].into_iter().cycle().take(length) {
        text.push(char::from(dice.pick(letters)));
    }
    // Each string comes from one choice at each place, so the sizes multiply. Two sums, to round twice at most.
    for (letters, places) in [(CONSONANTS, length.div_ceil(2)), (VOWELS, length / 2)] {
        entropy_bits += as_f64(places) * as_f64(letters.len()).log2();
    }
    Ok(Generated {
        value: Secret::new(text),
        entropy_bits,
    })
}

fn as_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("lengths are limited"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn entropy_is_exact_and_every_password_is_reached() {
        let mut rng = StdRng::seed_from_u64(8);
        let mut seen = BTreeSet::new();
        let mut bits = 0.0;
        for _ in 0..20_000 {
            let drawn = pronounceable(&mut rng, 3).unwrap();
            // EXPOSE: a test looks at what was drawn.
            seen.insert(drawn.value.expose().to_owned());
            bits = drawn.entropy_bits;
        }
        assert_eq!(seen.len(), 15 * 5 * 15);
        assert!((bits - f64::from(15 * 5 * 15).log2()).abs() < 1e-12);
    }

    #[test]
    fn letters_alternate_and_lengths_have_limits() {
        let mut rng = StdRng::seed_from_u64(9);
        let drawn = pronounceable(&mut rng, 21).unwrap();
        // EXPOSE: a test looks at what was drawn.
        for (index, letter) in drawn.value.expose().bytes().enumerate() {
            assert_eq!(VOWELS.contains(&letter), index % 2 == 1);
        }
        for length in [0, MAX_LENGTH + 1] {
            assert_eq!(
                pronounceable(&mut rng, length).err(),
                Some(RulesError::Length)
            );
        }
    }
}
