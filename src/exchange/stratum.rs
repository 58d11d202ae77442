//! The backup of Stratum, once Authenticator Pro, in clear: `{Authenticators, Categories, AuthenticatorCategories,
//! CustomIcons}` (its doc/BACKUP_FORMAT.md). Categories become tags.

use super::authenticator::{
    Account, Key, NO_ICONS, read_entries, say_looks, skip_field, take_looks, warn_of_rest,
};
use super::json::{Json, Object};
use super::place::push_tag;
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field;
use std::collections::HashMap;
use zeroize::Zeroizing;

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
    let categories = read_categories(&mut root);
    read_entries(entries, &mut imported, |entry, row, imported| {
        read_entry(entry, &categories, row, imported)
    })?;
    // Each icon is told of where it is used.
    drop(root.take("CustomIcons"));
    warn_of_rest(root, &mut imported);
    Ok(imported)
}

/// Names of categories, each with the seed of an entry that is in it, sorted by seed.
type Categories = Vec<(Zeroizing<String>, String)>;

fn read_categories(root: &mut Object<'_>) -> Categories {
    let mut names = HashMap::new();
    for category in root.take_list("Categories").unwrap_or_default() {
        if let Json::Object(mut category) = category
            && let (Some(id), Some(name)) = (category.take_text("Id"), category.take_text("Name"))
        {
            names.insert(id, name);
        }
    }
    let mut by_seed = Categories::new();
    for link in root
        .take_list("AuthenticatorCategories")
        .unwrap_or_default()
    {
        if let Json::Object(mut link) = link
            && let Some(seed) = link.take_text("AuthenticatorSecret").map(Zeroizing::new)
            && let Some(name) = link.take_text("CategoryId").and_then(|id| names.get(&id))
        {
            by_seed.push((seed, name.clone()));
        }
    }
    by_seed.sort_by(|one, other| one.0.as_str().cmp(other.0.as_str()));
    by_seed
}

fn tags_of<'c>(categories: &'c Categories, seed: &str) -> impl Iterator<Item = &'c str> {
    let first = categories.partition_point(|row| row.0.as_str() < seed);
    let rows = categories.iter().skip(first);
    let count = rows
        .clone()
        .take_while(|row| row.0.as_str() == seed)
        .count();
    rows.take(count).map(|row| row.1.as_str())
}

fn read_entry(
    entry: &mut Object<'_>,
    categories: &Categories,
    row: usize,
    imported: &mut Imported,
) -> Option<Draft> {
    let seed = Zeroizing::new(entry.take_text("Secret").unwrap_or_default());
    let tags: Vec<&str> = tags_of(categories, &seed).collect();
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
    for tag in tags {
        push_tag(&mut draft, tag);
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
