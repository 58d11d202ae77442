//! One-time passwords: a seed and the codes it gives (RFC 4226 HOTP, RFC 6238 TOTP, Steam Guard).
//!
//! A [`Seed`] exists only within its limits: whatever came from a URI, a QR code or another program's export passes
//! [`Seed::from_parts`]. `parse.rs` reads text leniently, `write.rs` writes one strict URI, `qr.rs` draws it.
//! This room must never read the clock, store a counter or show a seed in an error.

mod parse;
pub mod picture;
mod png;
pub mod qr;
mod write;

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Longest text that is read as a seed, in bytes.
pub const MAX_TEXT_BYTES: usize = 4096;
/// Longest key, in bytes (8,192 bits; real ones have 10 to 64 bytes).
pub const MAX_KEY_BYTES: usize = 1024;
/// Longest issuer and longest account name, in bytes. With these limits every written URI is short enough to be read.
pub const MAX_LABEL_BYTES: usize = 256;
/// Longest period of a TOTP seed: a day, in seconds.
pub const MAX_PERIOD_SECS: u32 = 86_400;
/// Highest HOTP counter, so that a next one always exists.
pub const MAX_COUNTER: u64 = u64::MAX - 1;
/// Fewest digits of a TOTP or HOTP code.
pub const MIN_DIGITS: u8 = 6;
/// Most digits of a TOTP or HOTP code: the truncated value has 31 bits, which are 10 digits.
pub const MAX_DIGITS: u8 = 10;

/// Keys below this many bytes carry [`Warning::ShortKey`] (80 bits, as Google Authenticator's demands).
const SHORT_KEY_BYTES: usize = 10;
const DEFAULT_DIGITS: u8 = 6;
const DEFAULT_PERIOD_SECS: u32 = 30;
const STEAM_DIGITS: u8 = 5;
const STEAM_PERIOD_SECS: u32 = 30;

/// What makes a new code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Time (RFC 6238).
    Totp {
        /// How long one code is valid, 1 to [`MAX_PERIOD_SECS`].
        period_secs: u32,
    },
    /// A counter that moves forward with every code (RFC 4226).
    Hotp {
        /// The next counter to be used, up to [`MAX_COUNTER`].
        counter: u64,
    },
    /// Time, 30 seconds, five letters or digits (Steam Guard).
    Steam,
}

impl Kind {
    /// The name in JSON and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Totp { .. } => "totp",
            Self::Hotp { .. } => "hotp",
            Self::Steam => "steam",
        }
    }
}

/// The hash inside the HMAC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Algorithm {
    /// SHA-1, what nearly every site uses.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name in an otpauth URI.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    /// Reads a name as exporters write it: any case, with or without `HMAC` before it and `-`, `_` or spaces in it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let plain: String = name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric())
            .map(|c| c.to_ascii_uppercase())
            .collect();
        match plain.strip_prefix("HMAC").unwrap_or(&plain) {
            "SHA1" => Some(Self::Sha1),
            "SHA256" => Some(Self::Sha256),
            "SHA512" => Some(Self::Sha512),
            _ => None,
        }
    }
}

/// Why a text or a set of parts is not a seed. Never holds the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SeedError {
    /// There is no key: empty text, or a URI without `secret`.
    NoKey,
    /// The text is longer than [`MAX_TEXT_BYTES`].
    TextTooLong,
    /// The key is longer than [`MAX_KEY_BYTES`].
    KeyTooLong,
    /// Issuer or account is longer than [`MAX_LABEL_BYTES`].
    LabelTooLong,
    /// The key is not base32 (RFC 4648 §6).
    NotBase32,
    /// A URI of another scheme, Google Authenticator's `otpauth-migration` among them.
    UnknownScheme,
    /// An otpauth URI that is neither totp, hotp nor steam.
    UnknownKind,
    /// A hash other than SHA-1, SHA-256 and SHA-512.
    UnknownAlgorithm,
    /// Not [`MIN_DIGITS`] to [`MAX_DIGITS`] digits.
    Digits,
    /// Not 1 to [`MAX_PERIOD_SECS`] seconds.
    Period,
    /// Not a counter up to [`MAX_COUNTER`].
    Counter,
    /// A parameter that matters stands in the URI twice, so two readers could disagree about it.
    RepeatedParameter,
}

impl SeedError {
    /// Whether there is nothing that would be worth keeping as it stands.
    #[must_use]
    pub fn leaves_nothing(self) -> bool {
        matches!(self, Self::NoKey)
    }
}

impl fmt::Display for SeedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoKey => "there is no seed in it",
            Self::TextTooLong => "it is longer than 4096 bytes",
            Self::KeyTooLong => "the seed is longer than 1024 bytes",
            Self::LabelTooLong => "issuer or account is longer than 256 bytes",
            Self::NotBase32 => "the seed is not base32 (letters A to Z and digits 2 to 7)",
            Self::UnknownScheme => "it is neither an otpauth nor a steam URI",
            Self::UnknownKind => "only totp, hotp and steam are known",
            Self::UnknownAlgorithm => "only SHA1, SHA256 and SHA512 are known",
            Self::Digits => "a code has 6 to 10 digits",
            Self::Period => "the period must be 1 to 86400 seconds",
            Self::Counter => "the counter is not a number or too large",
            Self::RepeatedParameter => "a parameter stands in it twice",
        })
    }
}

impl core::error::Error for SeedError {}

/// What the user should hear about a seed that is accepted all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Warning {
    /// The key has this many bits, fewer than 80: whoever sees a few codes can search it.
    ShortKey {
        /// Length of the key.
        bits: usize,
    },
    /// The base32 text ends in a character that adds no whole byte; it may have been cut.
    CutKey,
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortKey { bits } => {
                write!(
                    formatter,
                    "the seed has only {bits} bits; a site should give 80 or more"
                )
            }
            Self::CutKey => {
                formatter.write_str("the seed's last character adds nothing; it may have been cut")
            }
        }
    }
}

/// The parts of a seed that nothing has checked yet.
pub struct Parts {
    /// What makes a new code.
    pub kind: Kind,
    /// The hash; Steam uses SHA-1 whatever stands here.
    pub algorithm: Algorithm,
    /// Digits of a code; Steam uses 5 whatever stands here.
    pub digits: u8,
    /// The site; may be empty.
    pub issuer: String,
    /// The account there; may be empty.
    pub account: String,
    /// The shared key itself, not base32.
    pub key: Zeroizing<Vec<u8>>,
}

/// A checked seed. Its key is wiped when dropped.
pub struct Seed {
    kind: Kind,
    algorithm: Algorithm,
    digits: u8,
    issuer: String,
    account: String,
    key: Zeroizing<Vec<u8>>,
    cut: bool,
}

/// What a URI says beside its seed.
pub struct Surroundings {
    /// The site; may be empty.
    pub issuer: String,
    /// The account there; may be empty.
    pub account: String,
    /// Parameters that no seed is made of, decoded, names in lower case: an exporter's own.
    pub others: Vec<(String, Zeroizing<String>)>,
}

/// A code that time made, with the one that follows.
pub struct Code {
    /// The code, leading zeros kept.
    pub text: Secret,
    /// The code of the next period.
    pub next: Secret,
    /// How long a code is valid, in seconds.
    pub period_secs: u32,
    /// How long this one still is, 1 to `period_secs`.
    pub remaining_secs: u32,
}

/// A seed was asked for a code in the other kind's way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodeError {
    /// An HOTP seed gives codes by counter.
    NeedsCounter,
    /// A TOTP or Steam seed gives codes by time.
    NeedsTime,
}

impl fmt::Display for CodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NeedsCounter => "this seed makes codes by counter, not by time",
            Self::NeedsTime => "this seed makes codes by time, not by counter",
        })
    }
}

impl core::error::Error for CodeError {}

impl Seed {
    /// Reads an otpauth URI, a steam URI or bare base32, as sites and other programs write them.
    ///
    /// Spaces, dashes, case and padding of base32 don't matter; unknown parameters are ignored; what is missing or
    /// empty takes its default (SHA-1, 6 digits, 30 seconds, counter 0).
    ///
    /// # Errors
    /// [`SeedError`] names the first thing that cannot be used. Source: Google Authenticator's "Key Uri Format".
    pub fn parse(text: &Secret) -> Result<Self, SeedError> {
        // EXPOSE: the text is taken apart; the key goes into a zeroized buffer of its own.
        parse::parse_seed(text.expose())
    }

    /// Takes an exporter's own parameters out of a URI, so that they neither count nor get lost: the URI with what a seed
    /// is made of, for [`Seed::parse`], and all else. Of a text that is no URI nothing is taken.
    #[must_use]
    pub fn split_uri(text: &Secret) -> (Secret, Surroundings) {
        // EXPOSE: the text is taken apart; each part goes into a buffer that is wiped.
        parse::split_surroundings(text.expose())
    }

    /// Reads a base32 key as leniently as [`Seed::parse`] does, and checks the parts that are made with it.
    ///
    /// # Errors
    /// [`SeedError`] names the first thing that cannot be used.
    pub fn from_base32(
        key: &str,
        parts: impl FnOnce(Zeroizing<Vec<u8>>) -> Parts,
    ) -> Result<Self, SeedError> {
        parse::seed_of_base32(key, parts)
    }

    /// Checks the parts against every limit.
    ///
    /// # Errors
    /// [`SeedError`] names the first part out of its limits.
    pub fn from_parts(parts: Parts) -> Result<Self, SeedError> {
        let Parts {
            kind,
            algorithm,
            digits,
            issuer,
            account,
            key,
        } = parts;
        if key.is_empty() {
            return Err(SeedError::NoKey);
        }
        if key.len() > MAX_KEY_BYTES {
            return Err(SeedError::KeyTooLong);
        }
        let (algorithm, digits) = match kind {
            Kind::Steam => (Algorithm::Sha1, STEAM_DIGITS),
            Kind::Totp { .. } | Kind::Hotp { .. } => (algorithm, digits),
        };
        match kind {
            Kind::Totp { period_secs } if !(1..=MAX_PERIOD_SECS).contains(&period_secs) => {
                return Err(SeedError::Period);
            }
            Kind::Hotp { counter } if counter > MAX_COUNTER => return Err(SeedError::Counter),
            Kind::Totp { .. } | Kind::Hotp { .. }
                if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits) =>
            {
                return Err(SeedError::Digits);
            }
            _ => {}
        }
        if issuer.len() > MAX_LABEL_BYTES || account.len() > MAX_LABEL_BYTES {
            return Err(SeedError::LabelTooLong);
        }
        let (issuer, account) = tidy_label(&issuer, &account);
        Ok(Self {
            kind,
            algorithm,
            digits,
            issuer,
            account,
            key,
            cut: false,
        })
    }

    /// The same seed with issuer and account filled in where it has none, for a program that will show them.
    #[must_use]
    pub fn labelled(mut self, issuer: &str, account: &str) -> Self {
        if self.issuer.is_empty() && self.account.is_empty() {
            self.issuer = cut(issuer);
            self.account = cut(account);
        }
        self
    }

    /// The same seed going on with this count, if it is a counter's and the count is not behind its own.
    #[must_use]
    pub fn with_counter(mut self, count: Option<u64>) -> Self {
        if let (Kind::Hotp { counter }, Some(count)) = (self.kind, count) {
            self.kind = Kind::Hotp {
                counter: counter.max(count),
            };
        }
        self
    }

    /// Writes the seed as one otpauth URI with every setting in it, so that no reader has to know a default.
    ///
    /// Everything but RFC 3986's unreserved characters is percent-encoded; spaces are `%20`. A Steam seed is
    /// `totp` with `encoder=steam`, as KeePassXC writes and reads it. At most [`MAX_TEXT_BYTES`].
    #[must_use]
    pub fn write_uri(&self) -> Secret {
        write::write_uri(self)
    }

    /// The key alone, as base32 without padding.
    #[must_use]
    pub fn write_base32(&self) -> Secret {
        Secret::new(data_encoding::BASE32_NOPAD.encode(&self.key))
    }

    /// The code at a time, in seconds since 1970 (UTC), and the one after it.
    ///
    /// # Errors
    /// [`CodeError::NeedsCounter`] for an HOTP seed.
    pub fn code_at(&self, unix_secs: u64) -> Result<Code, CodeError> {
        let period_secs = match self.kind {
            Kind::Totp { period_secs } => period_secs,
            Kind::Steam => STEAM_PERIOD_SECS,
            Kind::Hotp { .. } => return Err(CodeError::NeedsCounter),
        };
        let period = u64::from(period_secs);
        let step = unix_secs / period;
        let passed = u32::try_from(unix_secs % period).expect("less than a period, which is a u32");
        Ok(Code {
            text: self.code_of_step(step),
            next: self.code_of_step(step.wrapping_add(1)),
            period_secs,
            remaining_secs: period_secs - passed,
        })
    }

    /// The code of a counter. Keeping the counter, and never going back, is the caller's part.
    ///
    /// # Errors
    /// [`CodeError::NeedsTime`] for a TOTP or Steam seed.
    pub fn code_for_counter(&self, counter: u64) -> Result<Secret, CodeError> {
        match self.kind {
            Kind::Hotp { .. } => Ok(self.code_of_step(counter)),
            Kind::Totp { .. } | Kind::Steam => Err(CodeError::NeedsTime),
        }
    }

    /// What the user should hear about this seed.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let short = (self.key.len() < SHORT_KEY_BYTES).then(|| Warning::ShortKey {
            bits: self.key.len() * 8,
        });
        let cut = self.cut.then_some(Warning::CutKey);
        short.into_iter().chain(cut).collect()
    }

    /// What makes a new code.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The hash inside the HMAC.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// How many characters a code has.
    #[must_use]
    pub fn digits(&self) -> u8 {
        self.digits
    }

    /// The site, or nothing.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The account, or nothing.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether both make the same codes under the same name; keys of equal length are compared in constant time.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.algorithm == other.algorithm
            && self.digits == other.digits
            && self.issuer == other.issuer
            && self.account == other.account
            && bool::from(self.key.ct_eq(&other.key))
    }

    /// HMAC and truncation of RFC 4226 §5.3 over one step.
    fn code_of_step(&self, step: u64) -> Secret {
        let algorithm = match (self.kind, self.algorithm) {
            (Kind::Steam, _) => totp_rs::Algorithm::Steam,
            (_, Algorithm::Sha1) => totp_rs::Algorithm::SHA1,
            (_, Algorithm::Sha256) => totp_rs::Algorithm::SHA256,
            (_, Algorithm::Sha512) => totp_rs::Algorithm::SHA512,
        };
        // A period of one second makes the crate's time our step, which serves HOTP too. Its own checks would refuse
        // the short keys and the 9 digits that real sites use; ours are in `from_parts`.
        let totp = totp_rs::Builder::new()
            .with_algorithm(algorithm)
            .with_digits(self.digits)
            .with_step_duration(1)
            .with_secret(self.key.as_slice())
            .build_noncompliant();
        if self.digits < MAX_DIGITS {
            Secret::new(totp.generate(step).to_string())
        } else {
            // The crate's arithmetic ends at 9 digits; with 10 nothing of the 31-bit value is cut off.
            Secret::new(format!("{:010}", truncate(totp.sign(step).as_ref())))
        }
    }
}

/// The 31-bit value that RFC 4226 §5.3 takes out of an HMAC.
fn truncate(mac: &[u8]) -> u32 {
    let offset = mac.last().map_or(0, |last| usize::from(last & 0x0f));
    let word = mac
        .get(offset..)
        .and_then(|rest| rest.first_chunk::<4>())
        .expect("an HMAC has 20 bytes or more, and the offset is at most 15");
    u32::from_be_bytes(*word) & 0x7fff_ffff
}

/// Issuer and account as they are kept: trimmed, and without an issuer the account has no colon, since a written
/// label would be read as `issuer:account`.
fn tidy_label(issuer: &str, account: &str) -> (String, String) {
    let (mut issuer, mut account) = (issuer.trim(), account.trim());
    while issuer.is_empty() {
        let Some((before, after)) = account.split_once(':') else {
            break;
        };
        (issuer, account) = (before.trim(), after.trim());
    }
    (issuer.to_owned(), account.to_owned())
}

/// As much of a label as a URI may carry.
fn cut(label: &str) -> String {
    let end = (0..=MAX_LABEL_BYTES.min(label.len()))
        .rev()
        .find(|end| label.is_char_boundary(*end));
    label
        .get(..end.unwrap_or_default())
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests;
