//! A seed as an otpauth URI: one strict form, every setting written out. It must never write what `parse.rs` would
//! read differently.

use super::{Kind, STEAM_PERIOD_SECS, Seed};
use crate::secret::Secret;

/// Scheme, kind, parameter names and the longest numbers, generously counted.
const FIXED_BYTES: usize = 128;
/// One byte becomes at most `%XX`.
const ENCODED_BYTES: usize = 3;

pub(super) fn write_uri(seed: &Seed) -> Secret {
    // Reserved at once, so that growing leaves no half-written copy of the key behind.
    let mut text = String::with_capacity(
        FIXED_BYTES
            + ENCODED_BYTES * (2 * seed.issuer.len() + seed.account.len())
            + data_encoding::BASE32_NOPAD.encode_len(seed.key.len()),
    );
    text.push_str(match seed.kind {
        Kind::Totp { .. } | Kind::Steam => "otpauth://totp/",
        Kind::Hotp { .. } => "otpauth://hotp/",
    });
    if !seed.issuer.is_empty() {
        push_encoded(&mut text, &seed.issuer);
        text.push(':');
    }
    push_encoded(&mut text, &seed.account);
    text.push_str("?secret=");
    data_encoding::BASE32_NOPAD.encode_append(&seed.key, &mut text);
    if !seed.issuer.is_empty() {
        text.push_str("&issuer=");
        push_encoded(&mut text, &seed.issuer);
    }
    text.push_str("&algorithm=");
    text.push_str(seed.algorithm.name());
    text.push_str("&digits=");
    text.push_str(&seed.digits.to_string());
    match seed.kind {
        Kind::Totp { period_secs } => push_number(&mut text, "&period=", period_secs.into()),
        Kind::Hotp { counter } => push_number(&mut text, "&counter=", counter),
        Kind::Steam => {
            push_number(&mut text, "&period=", STEAM_PERIOD_SECS.into());
            text.push_str("&encoder=steam");
        }
    }
    Secret::new(text)
}

fn push_number(text: &mut String, name: &str, number: u64) {
    text.push_str(name);
    text.push_str(&number.to_string());
}

/// RFC 3986 §2.3: everything but unreserved characters is encoded, byte by byte.
fn push_encoded(text: &mut String, plain: &str) {
    for byte in plain.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            data_encoding::HEXUPPER.encode_append(&[byte], text);
        }
    }
}
