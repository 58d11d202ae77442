//! Aegis's vault as it exports it, in clear: `{version, header, db: {version, entries, groups}}` (its docs/vault.md).
//!
//! The content's version 3 names groups by id; before, an entry had one group's name.

use super::authenticator::{Account, NO_ICONS, read_entries, skip_field, take_key, warn_of_rest};
use super::bitwarden_json::keep_rest;
use super::json::{Json, Object};
use super::place::{push_named, push_tag};
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind};
use std::collections::HashMap;

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::Aegis,
        reason,
    };
    let Json::Object(mut root) = Json::parse(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    // The header says how an encrypted vault is opened.
    drop(root.take("header"));
    drop(root.take("version"));
    let content = root
        .take_object("db")
        .ok_or_else(|| not_this("it has no db"))?;
    let mut imported = Imported::default();
    read_content(content, &mut imported)?;
    warn_of_rest(root, &mut imported);
    Ok(imported)
}

fn read_content(mut content: Object<'_>, imported: &mut Imported) -> Result<(), ImportError> {
    drop(content.take("version"));
    let entries = content
        .take_list("entries")
        .ok_or(ImportError::NotThisFormat {
            format: Format::Aegis,
            reason: "its db has no entries",
        })?;
    let mut groups = HashMap::new();
    for group in content.take_list("groups").unwrap_or_default() {
        if let Json::Object(mut group) = group
            && let (Some(id), Some(name)) = (group.take_text("uuid"), group.take_text("name"))
        {
            groups.insert(id, name);
        }
    }
    read_entries(entries, imported, |entry, row, imported| {
        read_entry(entry, &groups, row, imported)
    })?;
    // Whether the icons of a pack were preferred says nothing of an entry.
    drop(content.take("icons_optimized"));
    warn_of_rest(content, imported);
    Ok(())
}

fn read_entry(
    entry: &mut Object<'_>,
    groups: &HashMap<String, String>,
    row: usize,
    imported: &mut Imported,
) -> Option<Draft> {
    let mut info = entry.take_object("info").unwrap_or_default();
    let account = Account {
        issuer: entry.take_text("issuer").unwrap_or_default(),
        name: entry.take_text("name").unwrap_or_default(),
        kind: entry.take_text("type").unwrap_or_default(),
        key: take_key(&mut info, "secret"),
        algorithm: info.take_text("algo"),
        digits: info.take_text("digits"),
        period: info.take_text("period"),
        counter: info.take_text("counter"),
    };
    let mut draft = account.into_draft(row, imported)?;
    draft.origin = entry.take_text("uuid").map(|id| format!("aegis:{id}"));
    draft.favourite = entry.take_flag("favorite");
    draft.push_standard(field::NOTES, entry.take_text("note").unwrap_or_default());
    draft.push_standard(field::PIN, info.take_text("pin").unwrap_or_default());
    for group in entry.take_list("groups").unwrap_or_default() {
        let Ok(id) = group.into_text() else { continue };
        match groups.get(&id) {
            Some(name) => push_tag(&mut draft, name),
            None => push_named(&mut draft, "group id", FieldKind::Text, id),
        }
    }
    push_tag(&mut draft, &entry.take_text("group").unwrap_or_default());
    // Its MIME type and hash go with it.
    let icon = ["icon", "icon_mime", "icon_hash"].map(|name| entry.take(name));
    if matches!(icon.first(), Some(Some(_))) {
        skip_field(&draft, "icon", NO_ICONS, row, imported);
    }
    keep_rest(&mut draft, "info", info);
    Some(draft)
}
