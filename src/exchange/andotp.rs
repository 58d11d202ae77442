//! andOTP's backup: a list of entries. Before it had issuers, a label was `issuer - account`.
//!
//! An encrypted one is AES-256-GCM without any mark: rounds, salt, nonce, ciphertext under PBKDF2; or, as the first
//! versions wrote it, nonce and ciphertext under the password's SHA-256.

use super::authenticator::{Account, read_entries, take_account, take_looks};
use super::encoding::Text;
use super::json::{Json, Object};
use super::place::push_tag;
use super::unlock::{Credentials, Hash, MAX_PBKDF2_ROUNDS, Opener};
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

const ROUNDS_LENGTH: usize = 4;
const SALT_LENGTH: usize = 12;
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
/// The program takes a random number of rounds in a narrower range.
const USUAL_ROUNDS: RangeInclusive<u32> = 100_000..=200_000;

/// Whether it is text that begins as a list does.
pub(super) fn is_clear(bytes: &[u8]) -> bool {
    Text::parse(bytes).is_ok()
}

/// Whether bytes that are no text may be an encrypted backup; only the first number tells.
pub(super) fn may_be_sealed(bytes: &[u8]) -> bool {
    let rounds = bytes.first_chunk::<ROUNDS_LENGTH>();
    let is_usual = rounds.is_some_and(|rounds| USUAL_ROUNDS.contains(&u32::from_be_bytes(*rounds)));
    is_usual && bytes.len() >= ROUNDS_LENGTH + SALT_LENGTH + NONCE_LENGTH + TAG_LENGTH
}

/// Opens an encrypted backup of any version.
pub(super) fn open(
    bytes: &[u8],
    credentials: &Credentials<'_>,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let opener = Opener::new(Format::AndOtp, credentials)?;
    let (nonce, sealed) = bytes
        .split_at_checked(NONCE_LENGTH)
        .ok_or_else(|| opener.damaged())?;
    // The first versions' way costs nothing to try.
    let key = opener.derive_sha256();
    if let Ok(plain) = opener.open_gcm(&key, nonce, b"", sealed) {
        return Ok(plain);
    }
    let (rounds, rest) = bytes
        .split_first_chunk::<ROUNDS_LENGTH>()
        .ok_or_else(|| opener.damaged())?;
    let rounds = u32::from_be_bytes(*rounds);
    let parts = rest.split_at_checked(SALT_LENGTH).and_then(|(salt, rest)| {
        let (nonce, sealed) = rest.split_at_checked(NONCE_LENGTH)?;
        Some((salt, nonce, sealed))
    });
    let (salt, nonce, sealed) = parts.ok_or_else(|| opener.wrong())?;
    // In a backup of the first versions a nonce stands here, which means no number.
    if !(1..=MAX_PBKDF2_ROUNDS).contains(&rounds) {
        return Err(opener.wrong());
    }
    let key = opener.derive_pbkdf2(Hash::Sha1, salt, rounds)?;
    opener.open_gcm(&key, nonce, b"", sealed)
}

/// Reads the backup.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let Json::List(entries) = Json::parse(text)? else {
        return Err(ImportError::NotThisFormat {
            format: Format::AndOtp,
            reason: "it is not a JSON list",
        });
    };
    let mut imported = Imported::default();
    read_entries(entries, &mut imported, read_entry)?;
    Ok(imported)
}

fn read_entry(entry: &mut Object<'_>, row: usize, imported: &mut Imported) -> Option<Draft> {
    let label = entry.take_text("label").unwrap_or_default();
    let (issuer, name) = match (entry.take_text("issuer"), label.split_once(" - ")) {
        (Some(issuer), _) => (issuer, label),
        (None, Some((issuer, name))) if !entry.has("issuer") => {
            (issuer.to_owned(), name.to_owned())
        }
        (None, _) => (String::new(), label),
    };
    let account = Account {
        issuer,
        name,
        ..take_account(entry, "type", "period")
    };
    let mut draft = account.into_draft(row, imported)?;
    draft.push_standard(field::PIN, entry.take_text("pin").unwrap_or_default());
    for tag in entry.take_list("tags").unwrap_or_default() {
        push_tag(&mut draft, &tag.into_text().unwrap_or_default());
    }
    take_looks(
        entry,
        &["thumbnail", "last_used", "used_frequency"],
        imported,
    );
    Some(draft)
}
