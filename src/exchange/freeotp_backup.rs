//! The backup of FreeOTP 2, which has no other export: a Java map of texts, written by Java's object serialization (its
//! specification, chapter 6).
//!
//! `masterKey` is a JSON that says how the password opens a key; each account has a JSON under its id followed by `-token`,
//! and under its id its seed, sealed with that key. All of it is AES-256-GCM, with the cipher's name as associated data.

use super::authenticator::{Key as SeedKey, Tally};
use super::freeotp::{read_token, take_bytes};
use super::json::{Json, Object};
use super::place::keep_rest;
use super::unlock::{Credentials, Hash, Key, Opener};
use super::{Format, ImportError, Imported, MAX_FILE_BYTES, MAX_VALUE_BYTES};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// Mark and version of a stream, then a new object of a class that follows.
const MARK: &[u8] = b"\xac\xed\x00\x05sr\x00\x11java.util.HashMap";
/// Serial number of the class and its flags.
const CLASS_LENGTH: usize = 9;
/// Length of a float and of an int; older Android has no threshold beside the load factor.
const NUMBER_LENGTH: usize = 4;
/// A block of eight bytes: capacity and count.
const COUNTS: &[u8] = b"\x77\x08";
const MAX_ENTRIES: u32 = 1_000_000;
const TOKEN_SUFFIX: &str = "-token";

/// Whether it begins as such a map does.
pub(super) fn is_backup(bytes: &[u8]) -> bool {
    bytes.starts_with(MARK)
}

/// Reads the backup.
pub(super) fn import(bytes: &[u8], credentials: &Credentials<'_>) -> Result<Imported, ImportError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(ImportError::TooLarge { bytes: bytes.len() });
    }
    let entries = parse_map(bytes).ok_or(ImportError::NotThisFormat {
        format: Format::FreeOtp,
        reason: "the map of its backup is damaged or cut off",
    })?;
    let opener = Opener::new(Format::FreeOtp, credentials)?;
    let texts: HashMap<&str, &str> = entries
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let master = texts.get("masterKey").ok_or_else(|| opener.damaged())?;
    let master = open_master(&opener, master)?;
    let mut imported = Imported::default();
    let mut tally = Tally::default();
    let tokens = entries
        .iter()
        .filter_map(|(name, text)| Some((name.strip_suffix(TOKEN_SUFFIX)?, text)));
    for ((id, text), row) in tokens.zip(1..) {
        let mut token = parse_object(&opener, text)?;
        let seed = texts.get(id).ok_or_else(|| opener.damaged())?;
        let seed = SeedKey::Bytes(open_seed(&opener, &master, seed)?);
        if let Some(mut draft) = read_token(&mut token, seed, row, &mut imported) {
            draft.origin = Some(format!("freeotp:{id}"));
            keep_rest(&mut draft, "", token);
            tally.push(row, draft, &mut imported)?;
        }
    }
    Ok(imported)
}

fn parse_object<'t>(opener: &Opener<'_>, text: &'t str) -> Result<Object<'t>, ImportError> {
    match Json::parse(text)? {
        Json::Object(object) => Ok(object),
        _ => Err(opener.damaged()),
    }
}

fn open_master(opener: &Opener<'_>, text: &str) -> Result<Key, ImportError> {
    let mut master = parse_object(opener, text)?;
    let hash = match master.take_text("mAlgorithm").as_deref() {
        Some("PBKDF2withHmacSHA512") => Hash::Sha512,
        Some("PBKDF2withHmacSHA1") => Hash::Sha1,
        _ => return Err(opener.damaged()),
    };
    let rounds = master
        .take_text("mIterations")
        .and_then(|text| text.parse().ok());
    let salt = take_bytes(&mut master, "mSalt").ok_or_else(|| opener.damaged())?;
    let sealed = master.take_object("mEncryptedKey").unwrap_or_default();
    let key = opener.derive_pbkdf2(hash, &salt, rounds.ok_or_else(|| opener.damaged())?)?;
    let opened = open_sealed(opener, &key, sealed)?;
    let bytes = <[u8; 32]>::try_from(opened.as_slice()).map_err(|_| opener.damaged())?;
    Ok(Zeroizing::new(bytes))
}

fn open_seed(
    opener: &Opener<'_>,
    master: &Key,
    text: &str,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let mut outer = parse_object(opener, text)?;
    let inner = outer.take_text("key").ok_or_else(|| opener.damaged())?;
    open_sealed(opener, master, parse_object(opener, &inner)?)
}

/// `{mCipher, mCipherText, mParameters, mToken}`.
fn open_sealed(
    opener: &Opener<'_>,
    key: &Key,
    mut sealed: Object<'_>,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let is_known = sealed.take_text("mCipher").as_deref() == Some("AES/GCM/NoPadding");
    let associated = sealed.take_text("mToken").unwrap_or_default();
    let ciphertext = take_bytes(&mut sealed, "mCipherText");
    let parameters = take_bytes(&mut sealed, "mParameters");
    let nonce = parameters.as_deref().and_then(|bytes| find_nonce(bytes));
    let (true, Some(ciphertext), Some(nonce)) = (is_known, ciphertext, nonce) else {
        return Err(opener.damaged());
    };
    opener.open_gcm(key, nonce, associated.as_bytes(), &ciphertext)
}

/// The octets in GCM's parameters (RFC 5084, section 3.2): a sequence that begins with them, or they alone.
fn find_nonce(parameters: &[u8]) -> Option<&[u8]> {
    let inside = match parameters {
        [0x30, _, rest @ ..] => rest,
        other => other,
    };
    let [0x04, 12, rest @ ..] = inside else {
        return None;
    };
    rest.get(..12)
}

type Entries = Vec<(Zeroizing<String>, Zeroizing<String>)>;

/// Names and texts in the file's order; `None` where it is not such a map, or cut off.
fn parse_map(bytes: &[u8]) -> Option<Entries> {
    let mut rest = bytes.strip_prefix(MARK)?.get(CLASS_LENGTH..)?;
    let fields = u16::from_be_bytes(*take_array(&mut rest)?);
    for _ in 0..fields {
        if !matches!(take_array(&mut rest)?, b"F" | b"I") {
            return None;
        }
        let length = u16::from_be_bytes(*take_array(&mut rest)?);
        take(&mut rest, length.into())?;
    }
    // No annotations, no class above.
    rest = rest.strip_prefix(b"xp")?;
    take(&mut rest, NUMBER_LENGTH * usize::from(fields))?;
    rest = rest.strip_prefix(COUNTS)?;
    let _capacity: &[u8; 4] = take_array(&mut rest)?;
    let count = u32::from_be_bytes(*take_array(&mut rest)?);
    if count > MAX_ENTRIES {
        return None;
    }
    let mut entries = Entries::new();
    for _ in 0..count {
        entries.push((take_text(&mut rest)?, take_text(&mut rest)?));
    }
    (rest == b"x").then_some(entries)
}

/// A short or a long text, in Java's own UTF-8.
fn take_text(bytes: &mut &[u8]) -> Option<Zeroizing<String>> {
    let length = match take_array(bytes)? {
        b"t" => u16::from_be_bytes(*take_array(bytes)?).into(),
        b"|" => u64::from_be_bytes(*take_array(bytes)?),
        _ => return None,
    };
    let length = usize::try_from(length).ok()?;
    if length > MAX_VALUE_BYTES {
        return None;
    }
    decode_java_text(take(bytes, length)?)
}

/// Each unit of UTF-16 stands for itself, in one to three bytes (Java's `DataInput`, "Modified UTF-8").
fn decode_java_text(mut bytes: &[u8]) -> Option<Zeroizing<String>> {
    let mut units = Zeroizing::new(Vec::with_capacity(bytes.len()));
    while let [first, rest @ ..] = bytes {
        let (unit, after) = match (*first, rest) {
            (0x01..=0x7f, rest) => (u16::from(*first), rest),
            (0xc0..=0xdf, [second, rest @ ..]) => (
                u16::from(first & 0x1f) << 6 | u16::from(second & 0x3f),
                rest,
            ),
            (0xe0..=0xef, [second, third, rest @ ..]) => {
                let high = u16::from(first & 0x0f) << 12 | u16::from(second & 0x3f) << 6;
                (high | u16::from(third & 0x3f), rest)
            }
            _ => return None,
        };
        units.push(unit);
        bytes = after;
    }
    // No unit takes more than three bytes, so the text never grows and leaves no copy behind.
    let mut text = Zeroizing::new(String::with_capacity(units.len() * 3));
    for character in char::decode_utf16(units.iter().copied()) {
        text.push(character.ok()?);
    }
    Some(text)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn take_array<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (array, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(array)
}
