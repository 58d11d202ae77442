//! Buttercup's CSV: rows of groups and of entries, `!type,!group_id,!group_name,!group_parent,title,…`; before groups had
//! rows, each entry had its group's id and name alone.

use super::dates::card_expiry;
use super::folders::Folders;
use super::labelled::push_free;
use super::place::push_text;
use super::row::{Column, Row, has_columns, read_named};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field::{self, ItemKind};
use std::collections::HashSet;

/// What stands where a name or a value does not apply.
const NO_NAME: &str = "--";

const COLUMNS: &[Column] = &[
    ("title", Target::Title),
    ("username", Target::Standard(field::USERNAME)),
    ("password", Target::Standard(field::PASSWORD)),
    ("url", Target::Url),
    ("note", Target::Standard(field::NOTES)),
    ("notes", Target::Standard(field::NOTES)),
    ("otp", Target::Standard(field::OTP)),
    ("id", Target::Origin("buttercup")),
];

/// Where a card's values stand: those that every entry has serve for holder and number.
const CARD: &[Column] = &[
    ("username", Target::Standard(field::HOLDER)),
    ("password", Target::Standard(field::NUMBER)),
    ("cvv", Target::Standard(field::VERIFICATION_CODE)),
];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let mut groups = Folders::default();
    let mut entries: Vec<String> = Vec::new();
    let mut unnamed: HashSet<String> = HashSet::new();
    let mut imported = read_named(text, Format::Buttercup, is_header, |row, draft| {
        let id = row.take("!group_id");
        let kind = row.take("!type");
        let is_group = kind == "group" || (kind == NO_NAME && row.text("title") == NO_NAME);
        if is_group && !row.has("username") && !row.has("password") {
            let name = row.take("!group_name");
            // A group without a name; what lies in it lies in the one around.
            let name = if name == NO_NAME { String::new() } else { name };
            unnamed.extend(name.is_empty().then(|| id.clone()));
            let parent = row.take("!group_parent");
            groups.insert(id, name, parent);
            return Err("it is a group; entries lie in the folder of its name");
        }
        read_entry(row, draft, &kind);
        entries.push(id);
        Ok(())
    })?;
    for (item, group) in imported.drafts.iter_mut().zip(entries) {
        let draft = &mut item.draft;
        if let Some(path) = groups.path(&group)? {
            draft.folder = path;
        } else if draft.folder.is_empty() && group != "0" && !unnamed.contains(&group) {
            push_text(draft, "group id", group);
        }
    }
    Ok(imported)
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    has_columns(headers, &["!group_id", "!group_name", "title"])
}

fn read_entry(row: &mut Row<'_, '_>, draft: &mut Draft, kind: &str) {
    match kind {
        "" | "entry" | "login" | "website" | NO_NAME => {}
        "note" => draft.kind = ItemKind::Note,
        "credit_card" => read_card(row, draft),
        _ => push_text(draft, "buttercup type", kind.to_owned()),
    }
    if row.text("!group_name") == NO_NAME {
        row.take("!group_name");
    }
    let parent = row.take("!group_parent");
    if parent != "0" {
        push_text(draft, "group parent id", parent);
    }
    row.put(draft, "!group_name", &Target::Folder(&['/']));
    row.put_all(draft, COLUMNS);
}

fn read_card(row: &mut Row<'_, '_>, draft: &mut Draft) {
    draft.kind = ItemKind::Card;
    row.put_all(draft, CARD);
    let expiry = row.take("expiry");
    let expiry = card_expiry(&expiry).unwrap_or(expiry);
    push_free(draft, field::EXPIRES, None, expiry);
}
