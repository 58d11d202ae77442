//! User names that say nothing about their owner, and addresses of one's own mailbox that tell who passed them on.

use core::fmt;

use rand::CryptoRng;

use super::Generated;
use super::dice::Dice;
use super::passphrase::WordList;
use crate::secret::Secret;

/// Digits at the end of a user name.
const DIGITS: usize = 3;
/// Random characters of a plus-address: nobody guesses another one from it.
const TAG_CHARACTERS: usize = 8;
/// Digits and small letters without those that are taken for one another.
const TAG_ALPHABET: &[u8] = b"23456789abcdefghjkmnpqrstuvwxyz";
/// Longest local part of an address, in bytes (RFC 5321, section 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;
/// Longest address, in bytes (RFC 5321, section 4.5.3.1.3, without the brackets).
const MAX_ADDRESS_BYTES: usize = 254;

/// Why no plus-address is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressError {
    /// Not one `@` between a name and a domain, or characters that no address has without quotes.
    Shape,
    /// It has a plus already.
    Plus,
    /// The label has other characters than letters, digits, `.`, `_` and `-`.
    Label,
    /// What comes out is longer than mail allows.
    TooLong,
}

impl fmt::Display for AddressError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Shape => "that is no e-mail address: name@domain",
            Self::Plus => "the address has a + already",
            Self::Label => "a label is of letters, digits, dots, hyphens and underscores",
            Self::TooLong => "the address would be longer than mail allows",
        })
    }
}

impl core::error::Error for AddressError {}

/// Draws a user name: two words of EFF's short list and three digits, `lemonraft402`.
///
/// No word of the list begins with another, so every choice makes another name and the entropy is exact.
#[must_use]
pub fn user_name(rng: &mut dyn CryptoRng) -> Generated {
    let words: Vec<&str> = letters_only();
    let mut dice = Dice::new(rng);
    let mut text = String::with_capacity(16);
    for _ in 0..2 {
        text.push_str(dice.pick(&words));
    }
    for _ in 0..DIGITS {
        text.push(char::from(dice.pick(b"0123456789")));
    }
    Generated {
        value: Secret::new(text),
        entropy_bits: 2.0 * as_f64(words.len()).log2() + as_f64(DIGITS) * 10.0_f64.log2(),
    }
}

/// Draws an address that reaches the same mailbox where the provider knows plus-addresses (RFC 5233):
/// `me+x7k2m9pq@example.com`, or with a label `me+shop-x7k2m9pq@example.com`.
///
/// # Errors
/// [`AddressError`].
pub fn plus_address(
    rng: &mut dyn CryptoRng,
    address: &str,
    label: Option<&str>,
) -> Result<Generated, AddressError> {
    let (local, domain) = address.split_once('@').ok_or(AddressError::Shape)?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"@()<>[]:;,\\\"".contains(&byte);
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(plain);
    if !is_plain(local) || !is_plain(domain) {
        return Err(AddressError::Shape);
    }
    if local.contains('+') {
        return Err(AddressError::Plus);
    }
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if label.is_some_and(|label| label.is_empty() || !label.bytes().all(named)) {
        return Err(AddressError::Label);
    }
    let mut text = format!("{local}+");
    if let Some(label) = label {
        text.push_str(&label.to_ascii_lowercase());
        text.push('-');
    }
    let mut dice = Dice::new(rng);
    for _ in 0..TAG_CHARACTERS {
        text.push(char::from(dice.pick(TAG_ALPHABET)));
    }
    if text.len() > MAX_LOCAL_BYTES || text.len() + 1 + domain.len() > MAX_ADDRESS_BYTES {
        return Err(AddressError::TooLong);
    }
    text.push('@');
    text.push_str(domain);
    Ok(Generated {
        value: Secret::new(text),
        entropy_bits: as_f64(TAG_CHARACTERS) * as_f64(TAG_ALPHABET.len()).log2(),
    })
}

/// Many sites take nothing but letters and digits in a user name.
fn letters_only() -> Vec<&'static str> {
    let words = WordList::Short.words().iter().copied();
    words
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
        .collect()
}

fn as_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("lists and lengths are small"))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn user_names_are_two_words_and_digits() {
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..100 {
            let drawn = user_name(&mut rng);
            // EXPOSE: a test looks at what was drawn.
            let text = drawn.value.expose();
            let (words, digits) = text.split_at(text.len() - DIGITS);
            assert!(digits.bytes().all(|byte| byte.is_ascii_digit()));
            assert!(words.bytes().all(|byte| byte.is_ascii_lowercase()));
            let known = letters_only();
            let splits = (1..words.len())
                .filter(|at| known.contains(&&words[..*at]) && known.contains(&&words[*at..]));
            assert_eq!(splits.count(), 1, "{text}");
            let expected = (1295.0_f64 * 1295.0 * 1000.0).log2();
            assert!((drawn.entropy_bits - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn plus_addresses_reach_the_same_mailbox() {
        let mut rng = StdRng::seed_from_u64(2);
        let drawn = plus_address(&mut rng, "Me.You@example.com", Some("Shop.de")).unwrap();
        // EXPOSE: a test looks at what was drawn.
        let text = drawn.value.expose();
        let (local, domain) = text.split_once('@').unwrap();
        assert_eq!(domain, "example.com");
        let tag = local.strip_prefix("Me.You+shop.de-").unwrap();
        assert_eq!(tag.len(), TAG_CHARACTERS);
        assert!(tag.bytes().all(|byte| TAG_ALPHABET.contains(&byte)));
        assert!((drawn.entropy_bits - 8.0 * 31.0_f64.log2()).abs() < 1e-9);
        let bare = plus_address(&mut rng, "a@b", None).unwrap();
        // EXPOSE: a test looks at what was drawn.
        assert!(bare.value.expose().starts_with("a+"));
    }

    #[test]
    fn what_is_no_address_gets_none() {
        let mut rng = StdRng::seed_from_u64(3);
        let long = format!("{}@example.com", "a".repeat(60));
        for (address, label, error) in [
            ("", None, AddressError::Shape),
            ("me", None, AddressError::Shape),
            ("@example.com", None, AddressError::Shape),
            ("me@", None, AddressError::Shape),
            ("a@b@c", None, AddressError::Shape),
            ("a b@c", None, AddressError::Shape),
            ("a@b\u{1b}", None, AddressError::Shape),
            ("<a@b>", None, AddressError::Shape),
            ("me+x@example.com", None, AddressError::Plus),
            ("me@example.com", Some(""), AddressError::Label),
            ("me@example.com", Some("a b"), AddressError::Label),
            ("me@example.com", Some("a@b"), AddressError::Label),
            (long.as_str(), None, AddressError::TooLong),
        ] {
            assert_eq!(plus_address(&mut rng, address, label).err(), Some(error));
        }
    }
}
