//! How soon passwords are guessed: by zxcvbn, which knows words, names, dates and keyboards, or by a quick look at length and variety.

use super::{Audit, Finding, FindingKind};
use crate::generate::{self, Rating};
use crate::secret::Secret;

/// Neighbours in an alphabet or in a row of digits, and repetitions, tell an attacker this much of a character.
const PREDICTED: f64 = 0.25;

/// How passwords are rated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Estimate {
    /// By words, names, dates and patterns: some tenths of a millisecond each.
    Thorough,
    /// By length and variety: finds only what is short or repeats itself.
    Fast,
}

impl Estimate {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Thorough => "zxcvbn",
            Self::Fast => "length",
        }
    }
}

/// What is kept of a rating.
pub(super) struct Rated {
    pub(super) rating: Rating,
    hint: Option<String>,
}

/// Rates a password. `words` are what an attacker would try first.
pub(super) fn rate(estimate: Estimate, secret: &Secret, words: &[&str]) -> Rated {
    match estimate {
        Estimate::Thorough => {
            let strength = generate::strength(secret, words);
            Rated {
                rating: strength.rating,
                hint: strength.hint,
            }
        }
        Estimate::Fast => Rated {
            rating: Rating::of_bits(length_bits(secret)),
            hint: None,
        },
    }
}

/// log2 of the passwords of this length and these kinds of characters, what follows from the character before not counted.
fn length_bits(secret: &Secret) -> f64 {
    // EXPOSE: its characters are counted here.
    let text = secret.expose();
    let mut alphabet = [false; 5];
    let (mut free, mut predicted) = (0_u32, 0_u32);
    let mut last: Option<char> = None;
    for letter in text.chars().take(generate::MAX_RATED_CHARACTERS) {
        let class = match letter {
            'a'..='z' => 0,
            'A'..='Z' => 1,
            '0'..='9' => 2,
            '\0'..='\x7f' => 3,
            _ => 4,
        };
        if let Some(seen) = alphabet.get_mut(class) {
            *seen = true;
        }
        let follows = last.is_some_and(|last| u32::from(last).abs_diff(u32::from(letter)) <= 1);
        if follows {
            predicted += 1;
        } else {
            free += 1;
        }
        last = Some(letter);
    }
    let sizes = [26.0, 26.0, 10.0, 33.0, 100.0];
    let size: f64 = alphabet
        .iter()
        .zip(sizes)
        .filter(|(seen, _)| **seen)
        .map(|(_, size)| size)
        .sum();
    let characters = f64::from(predicted).mul_add(PREDICTED, f64::from(free));
    if size > 0.0 {
        characters * size.log2()
    } else {
        0.0
    }
}

pub(super) fn check(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    for seen in &audit.seen {
        let (Some(rated), Some(subject)) = (&seen.strength, audit.subjects.get(seen.subject))
        else {
            continue;
        };
        if rated.rating >= Rating::Fair {
            continue;
        }
        let what = match &rated.hint {
            Some(hint) => format!("{}: {}", rated.rating, hint.trim_end_matches('.')),
            None => rated.rating.to_string(),
        };
        let field = subject.name_of(seen.field);
        findings.push(Finding::new(FindingKind::Weak, subject, field, what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rating(text: &str) -> Rating {
        rate(Estimate::Fast, &Secret::new(text.to_owned()), &[]).rating
    }

    #[test]
    fn the_quick_look_finds_what_is_short_or_repeats_itself() {
        for text in [
            "",
            "1234",
            "aaaaaaaaaaaaaaaa",
            "abcdefgh",
            "12345678",
            "xk2f",
        ] {
            assert!(rating(text) < Rating::Fair, "{text}");
        }
        for text in [
            "kx7Qv!mZ2p",
            "v9#Kd!2xLq@8Zr5&Tn1w",
            "mausoleum-crayon-unfixed",
        ] {
            assert!(rating(text) >= Rating::Good, "{text}");
        }
    }
}
