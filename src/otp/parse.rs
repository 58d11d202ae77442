//! Seeds from text that sites, QR codes and other programs wrote. Lenient where exporters differ, with a typed refusal
//! for everything else; it must never panic, nor allocate more than a few times the text's length.

use zeroize::Zeroizing;

use super::{
    Algorithm, DEFAULT_DIGITS, DEFAULT_PERIOD_SECS, Kind, MAX_KEY_BYTES, MAX_TEXT_BYTES, Parts,
    STEAM_DIGITS, Seed, SeedError, Surroundings,
};
use crate::secret::Secret;

/// Bits of a base32 character, and of a byte.
const CHARACTER_BITS: u32 = 5;
const BYTE_BITS: u32 = 8;

pub(super) fn parse_seed(text: &str) -> Result<Seed, SeedError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(SeedError::TextTooLong);
    }
    let text = text.trim();
    match text.split_once("://") {
        None => seed_of_bare(
            text,
            Kind::Totp {
                period_secs: DEFAULT_PERIOD_SECS,
            },
        ),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("otpauth") => seed_of_otpauth(rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("steam") => {
            let rest = rest.trim_end_matches('/');
            let decoded = decode_percent(rest, Plus::IsSpace);
            let key = core::str::from_utf8(&decoded).map_err(|_| SeedError::NotBase32)?;
            seed_of_bare(key, Kind::Steam)
        }
        Some(_) => Err(SeedError::UnknownScheme),
    }
}

fn seed_of_bare(text: &str, kind: Kind) -> Result<Seed, SeedError> {
    seed_of_base32(text, |key| Parts {
        kind,
        algorithm: Algorithm::Sha1,
        digits: DEFAULT_DIGITS,
        issuer: String::new(),
        account: String::new(),
        key,
    })
}

pub(super) fn seed_of_base32(
    text: &str,
    parts: impl FnOnce(Zeroizing<Vec<u8>>) -> Parts,
) -> Result<Seed, SeedError> {
    let Key { bytes, cut } = parse_base32(text)?;
    let mut seed = Seed::from_parts(parts(bytes))?;
    seed.cut = cut;
    Ok(seed)
}

/// Parameters that a seed is made of; any other is the exporter's own.
const SEED_PARAMETERS: [&str; 7] = [
    "secret",
    "issuer",
    "algorithm",
    "digits",
    "period",
    "counter",
    "encoder",
];

pub(super) fn split_surroundings(uri: &str) -> (Secret, Surroundings) {
    let mut kept = Zeroizing::new(String::with_capacity(uri.len()));
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let query = query.split_once('#').map_or(query, |(before, _)| before);
    let mut others = Vec::new();
    let mut said = Vec::new();
    let mut issuer = String::new();
    kept.push_str(path);
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = parameter_name(name);
        if plain == "issuer" {
            issuer = decode_label(value, Plus::IsSpace);
        }
        if SEED_PARAMETERS.contains(&plain.as_str()) {
            // One that says the same twice says it.
            if said.contains(&pair) {
                continue;
            }
            said.push(pair);
            let joint = if kept.len() == path.len() { '?' } else { '&' };
            kept.push(joint);
            kept.push_str(pair);
            continue;
        }
        let value = decode_percent(value, Plus::IsSpace);
        let text = Zeroizing::new(String::from_utf8_lossy(&value).into_owned());
        if !text.trim().is_empty() {
            others.push((plain, text));
        }
    }
    let (scheme, label) = path.split_once("://").unwrap_or_default();
    // Only otpauth has the kind before it.
    let label = match label.split_once('/') {
        Some((_, label)) => label,
        None if scheme.eq_ignore_ascii_case("motp") => label,
        None => "",
    };
    let (issuer, account) = split_label(label, &issuer);
    let around = Surroundings {
        issuer: issuer.trim().to_owned(),
        account: account.trim().to_owned(),
        others,
    };
    (Secret::new(std::mem::take(&mut *kept)), around)
}

fn parameter_name(name: &str) -> String {
    // Some exporters escape the query for XML or HTML first: `&amp;` leaves an `amp;` before the name.
    name.trim().trim_start_matches("amp;").to_ascii_lowercase()
}

/// What follows `otpauth://`: kind, `/`, label, `?`, parameters.
fn seed_of_otpauth(rest: &str) -> Result<Seed, SeedError> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (kind, label) = path.split_once('/').unwrap_or((path, ""));
    // A fragment means nothing here (RFC 3986 §3.5).
    let query = query.split_once('#').map_or(query, |(before, _)| before);
    let parameters = Parameters::parse(query)?;
    let Key { bytes, cut } = parse_base32(
        parameters
            .secret
            .as_deref()
            .map_or(Ok(""), |secret| core::str::from_utf8(secret))
            .map_err(|_| SeedError::NotBase32)?,
    )?;
    let (issuer, account) = split_label(label, parameters.issuer.as_deref().unwrap_or(""));
    let kind = parameters.kind(kind, &issuer, &account)?;
    let mut seed = Seed::from_parts(Parts {
        kind,
        algorithm: parameters.algorithm()?,
        digits: match kind {
            Kind::Steam => STEAM_DIGITS,
            Kind::Totp { .. } | Kind::Hotp { .. } => parameters.digits()?.unwrap_or(DEFAULT_DIGITS),
        },
        issuer,
        account,
        key: bytes,
    })?;
    seed.cut = cut;
    Ok(seed)
}

/// The parameters that matter, decoded; an empty one counts as missing.
#[derive(Default)]
struct Parameters {
    secret: Option<Zeroizing<Vec<u8>>>,
    issuer: Option<String>,
    algorithm: Option<String>,
    digits: Option<String>,
    period: Option<String>,
    counter: Option<String>,
    encoder: Option<String>,
}

impl Parameters {
    fn parse(query: &str) -> Result<Self, SeedError> {
        let mut found = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = parameter_name(name);
            let value = decode_percent(value, Plus::IsSpace);
            if value.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let slot = match name.as_str() {
                "secret" => {
                    if found.secret.replace(value).is_some() {
                        return Err(SeedError::RepeatedParameter);
                    }
                    continue;
                }
                "issuer" => &mut found.issuer,
                "algorithm" => &mut found.algorithm,
                "digits" => &mut found.digits,
                "period" => &mut found.period,
                "counter" => &mut found.counter,
                "encoder" => &mut found.encoder,
                _ => continue,
            };
            let text = String::from_utf8_lossy(&value).trim().to_owned();
            if slot.replace(text).is_some() {
                return Err(SeedError::RepeatedParameter);
            }
        }
        Ok(found)
    }

    fn kind(&self, name: &str, issuer: &str, account: &str) -> Result<Kind, SeedError> {
        if name.eq_ignore_ascii_case("hotp") {
            let counter = parse_number(self.counter.as_deref()).ok_or(SeedError::Counter)?;
            return Ok(Kind::Hotp {
                counter: counter.unwrap_or(0),
            });
        }
        let is_totp = name.eq_ignore_ascii_case("totp");
        if !is_totp && !name.eq_ignore_ascii_case("steam") {
            return Err(SeedError::UnknownKind);
        }
        let period_secs = parse_number(self.period.as_deref())
            .and_then(|number| u32::try_from(number.unwrap_or(DEFAULT_PERIOD_SECS.into())).ok())
            .filter(|period_secs| *period_secs != 0)
            .ok_or(SeedError::Period)?;
        let digits = self.digits()?;
        if is_totp && !self.is_steam(digits, issuer, account) {
            return Ok(Kind::Totp { period_secs });
        }
        Ok(Kind::Steam)
    }

    /// A `totp` URI is Steam's if its encoder says so, or if it is called Steam and nobody wrote another number of
    /// digits than 5 (WinAuth and many converters name no encoder).
    fn is_steam(&self, digits: Option<u8>, issuer: &str, account: &str) -> bool {
        let named = issuer.eq_ignore_ascii_case("steam")
            || (issuer.is_empty() && account.eq_ignore_ascii_case("steam"));
        let encoder = self.encoder.as_deref().unwrap_or("");
        encoder.eq_ignore_ascii_case("steam")
            || (named && digits.is_none_or(|digits| digits == STEAM_DIGITS))
    }

    fn algorithm(&self) -> Result<Algorithm, SeedError> {
        self.algorithm
            .as_deref()
            .map_or(Some(Algorithm::default()), Algorithm::from_name)
            .ok_or(SeedError::UnknownAlgorithm)
    }

    fn digits(&self) -> Result<Option<u8>, SeedError> {
        parse_number(self.digits.as_deref())
            .ok_or(SeedError::Digits)?
            .map(|digits| {
                u8::try_from(digits)
                    .ok()
                    .filter(|digits| (STEAM_DIGITS..=super::MAX_DIGITS).contains(digits))
                    .ok_or(SeedError::Digits)
            })
            .transpose()
    }
}

/// `Some(None)` where nothing was written, `None` where it is no number.
fn parse_number(text: Option<&str>) -> Option<Option<u64>> {
    match text {
        None => Some(None),
        // `u64::from_str` would take a sign.
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok().map(Some),
        Some(_) => None,
    }
}

/// Issuer and account of a label such as `Issuer:account`, whose colon and spaces may be encoded.
fn split_label(label: &str, parameter: &str) -> (String, String) {
    let text = decode_label(label, Plus::IsPlus);
    if parameter.is_empty() {
        // A colon that stands unencoded is the separator, even where issuer or account contain encoded ones.
        return match label.split_once(':') {
            Some((issuer, account)) => (
                decode_label(issuer, Plus::IsPlus),
                decode_label(account, Plus::IsPlus),
            ),
            None => (String::new(), text),
        };
    }
    if let Some(account) = strip_issuer(&text, parameter) {
        return (parameter.to_owned(), account.to_owned());
    }
    // A label that was encoded like a form has `+` for spaces; only its issuer can prove that.
    let form = decode_label(label, Plus::IsSpace);
    if let Some(account) = strip_issuer(&form, parameter) {
        return (parameter.to_owned(), account.to_owned());
    }
    // Another issuer in the label: the parameter is the newer rule, and the prefix is no part of the account.
    let account = match label.split_once(':') {
        Some((_, account)) => decode_label(account, Plus::IsPlus),
        None => text
            .split_once(':')
            .map_or(text.clone(), |(_, account)| account.to_owned()),
    };
    (parameter.to_owned(), account)
}

fn strip_issuer<'a>(label: &'a str, issuer: &str) -> Option<&'a str> {
    let (before, after) = label.trim_start().split_at_checked(issuer.len())?;
    before
        .eq_ignore_ascii_case(issuer)
        .then(|| after.trim_start().strip_prefix(':'))
        .flatten()
}

fn decode_label(text: &str, plus: Plus) -> String {
    String::from_utf8_lossy(&decode_percent(text, plus)).into_owned()
}

/// What `+` means: a space in a query that was written as a form, itself in a path.
#[derive(Clone, Copy)]
enum Plus {
    IsSpace,
    IsPlus,
}

/// Decodes `%XX`; a `%` without two hexadecimal digits stands for itself. The result may hold a key.
fn decode_percent(text: &str, plus: Plus) -> Zeroizing<Vec<u8>> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let byte = match (first, plus) {
            (b'%', _) => match after.split_first_chunk::<2>() {
                Some((pair, beyond)) if pair.iter().all(u8::is_ascii_hexdigit) => {
                    rest = beyond;
                    pair.iter()
                        .fold(0, |byte, digit| (byte << 4) | hex_value(*digit))
                }
                _ => b'%',
            },
            (b'+', Plus::IsSpace) => b' ',
            (byte, _) => *byte,
        };
        decoded.push(byte);
    }
    decoded
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

struct Key {
    bytes: Zeroizing<Vec<u8>>,
    cut: bool,
}

/// Base32 (RFC 4648 §6) without regard to case, spaces, dashes, padding and left-over bits.
fn parse_base32(text: &str) -> Result<Key, SeedError> {
    let most = (text.len() * 5 / 8).min(MAX_KEY_BYTES);
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    let mut pending: u32 = 0;
    let mut pending_bits = 0;
    let mut padded = false;
    for character in text.chars() {
        let value = match character {
            '-' => continue,
            space if space.is_whitespace() => continue,
            '=' => {
                padded = true;
                continue;
            }
            _ if padded => return Err(SeedError::NotBase32),
            'A'..='Z' => u32::from(character) - u32::from('A'),
            'a'..='z' => u32::from(character) - u32::from('a'),
            '2'..='7' => u32::from(character) - u32::from('2') + 26,
            _ => return Err(SeedError::NotBase32),
        };
        pending = (pending << CHARACTER_BITS) | value;
        pending_bits += CHARACTER_BITS;
        if pending_bits >= BYTE_BITS {
            if bytes.len() == MAX_KEY_BYTES {
                return Err(SeedError::KeyTooLong);
            }
            pending_bits -= BYTE_BITS;
            let [.., byte] = (pending >> pending_bits).to_be_bytes();
            bytes.push(byte);
            pending &= (1 << pending_bits) - 1;
        }
    }
    Ok(Key {
        bytes,
        cut: pending_bits >= CHARACTER_BITS,
    })
}
