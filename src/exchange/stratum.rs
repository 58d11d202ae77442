//! The backup of Stratum, once Authenticator Pro: `{Authenticators, Categories, AuthenticatorCategories, CustomIcons}` (its
//! doc/BACKUP_FORMAT.md). Categories become tags.
//!
//! An encrypted one begins with the program's name: in capitals salt, nonce, AES-256-GCM under Argon2id; in mixed case, as
//! older versions wrote it, salt, start vector, AES-256-CBC under PBKDF2.

use super::authenticator::{
    Account, Key, NO_ICONS, push_group, read_entries, read_groups, say_looks, skip_field,
    take_looks, warn_of_rest,
};
use super::json::{Json, Object};
use super::unlock::{ArgonCost, Credentials, Hash, Opener};
use super::{Format, ImportError, Imported, MAX_FIELDS};
use crate::model::draft::Draft;
use crate::model::field;
use std::collections::HashMap;
use zeroize::Zeroizing;

const MARK: &[u8; 16] = b"AUTHENTICATORPRO";
const OLD_MARK: &[u8; 16] = b"AuthenticatorPro";
const SALT_LENGTH: usize = 16;
const OLD_SALT_LENGTH: usize = 20;
const NONCE_LENGTH: usize = 12;
const COST: ArgonCost = ArgonCost {
    memory_kib: 64 * 1024,
    passes: 3,
    lanes: 4,
};
const OLD_ROUNDS: u32 = 64_000;

/// Whether it begins as an encrypted backup does.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(MARK) || bytes.starts_with(OLD_MARK)
}

/// Opens an encrypted backup.
pub(super) fn open(
    bytes: &[u8],
    credentials: &Credentials<'_>,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let opener = Opener::new(Format::Stratum, credentials)?;
    let damaged = || opener.damaged();
    if let Some(rest) = bytes.strip_prefix(MARK) {
        let (salt, rest) = rest.split_at_checked(SALT_LENGTH).ok_or_else(damaged)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LENGTH).ok_or_else(damaged)?;
        let key = opener.derive_argon2id(salt, &COST)?;
        return opener.open_gcm(&key, nonce, b"", sealed);
    }
    let rest = bytes.strip_prefix(OLD_MARK).ok_or_else(damaged)?;
    let (salt, rest) = rest.split_at_checked(OLD_SALT_LENGTH).ok_or_else(damaged)?;
    let (start, sealed) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
    let key = opener.derive_pbkdf2(Hash::Sha1, salt, OLD_ROUNDS)?;
    let plain = opener.open_cbc(&key, start, sealed)?;
    // Nothing else tells a wrong password, or a changed file, from the right one.
    let text = std::str::from_utf8(&plain).map_err(|_| opener.wrong())?;
    if text.trim_start().starts_with('{') {
        Ok(plain)
    } else {
        Err(opener.wrong())
    }
}

/// Reads the backup.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::Stratum,
        reason,
    };
    let Json::Object(mut root) = Json::parse(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    let entries = root
        .take_list("Authenticators")
        .ok_or_else(|| not_this("it has no list of Authenticators"))?;
    let mut imported = Imported::default();
    let categories = Categories::take_from(&mut root);
    read_entries(entries, &mut imported, |entry, row, imported| {
        read_entry(entry, &categories, row, imported)
    })?;
    // Each icon is told of where it is used.
    drop(root.take("CustomIcons"));
    warn_of_rest(root, &mut imported);
    Ok(imported)
}

/// What is in which category.
struct Categories {
    /// Names by id.
    names: HashMap<String, String>,
    /// Seeds of entries, each with the id of a category that it is in, sorted by seed.
    links: Vec<(Zeroizing<String>, String)>,
}

impl Categories {
    fn take_from(root: &mut Object<'_>) -> Self {
        let names = read_groups(root.take_list("Categories"), "Id", "Name");
        let mut links = Vec::new();
        for link in root
            .take_list("AuthenticatorCategories")
            .unwrap_or_default()
        {
            if let Json::Object(mut link) = link
                && let Some(seed) = link.take_text("AuthenticatorSecret").map(Zeroizing::new)
                && let Some(id) = link.take_text("CategoryId")
            {
                links.push((seed, id));
            }
        }
        links.sort_by(|one, other| one.0.as_str().cmp(other.0.as_str()));
        Self { names, links }
    }

    /// The ids of the categories that an entry with this seed is in.
    fn ids_of(&self, seed: &str) -> Vec<String> {
        let first = self.links.partition_point(|row| row.0.as_str() < seed);
        let rows = self.links.iter().skip(first).take(MAX_FIELDS);
        let rows = rows.take_while(|row| row.0.as_str() == seed);
        rows.map(|row| row.1.clone()).collect()
    }
}

fn read_entry(
    entry: &mut Object<'_>,
    categories: &Categories,
    row: usize,
    imported: &mut Imported,
) -> Option<Draft> {
    let seed = Zeroizing::new(entry.take_text("Secret").unwrap_or_default());
    let ids = categories.ids_of(&seed);
    let account = Account {
        issuer: entry.take_text("Issuer").unwrap_or_default(),
        name: entry.take_text("Username").unwrap_or_default(),
        kind: kind_name(&entry.take_text("Type").unwrap_or_default()).to_owned(),
        key: Key::Base32(seed),
        algorithm: entry.take_text("Algorithm").map(algorithm_name),
        digits: entry.take_text("Digits"),
        period: entry.take_text("Period"),
        counter: entry.take_text("Counter"),
    };
    let mut draft = account.into_draft(row, imported)?;
    draft.push_standard(field::PIN, entry.take_text("Pin").unwrap_or_default());
    for id in ids {
        push_group(&mut draft, &categories.names, id);
    }
    match entry.take_text("Icon") {
        Some(icon) if icon.starts_with('@') => {
            skip_field(&draft, "Icon", NO_ICONS, row, imported);
        }
        // A name out of the app's own icons.
        Some(_) => say_looks(imported),
        None => {}
    }
    take_looks(entry, &["Ranking", "CopyCount"], imported);
    Some(draft)
}

fn kind_name(number: &str) -> &str {
    match number {
        "1" => "hotp",
        "2" => "totp",
        "3" => "motp",
        "4" => "steam",
        "5" => "yandex",
        other => other,
    }
}

fn algorithm_name(number: String) -> String {
    match number.as_str() {
        "0" => "SHA1".to_owned(),
        "1" => "SHA256".to_owned(),
        "2" => "SHA512".to_owned(),
        _ => number,
    }
}
