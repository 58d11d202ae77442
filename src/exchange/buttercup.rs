//! Buttercup's CSV: rows of groups and of entries, `!type,!group_id,!group_name,!group_parent,title,…`; before groups had
//! rows, each entry had its group's id and name alone.

use super::folders::Folders;
use super::place::push_text;
use super::row::{Column, Row, has_columns, read_named};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field;

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

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let mut groups = Folders::default();
    let mut entries: Vec<String> = Vec::new();
    let mut imported = read_named(text, Format::Buttercup, is_header, |row, draft| {
        let id = row.take("!group_id");
        let kind = row.take("!type");
        let is_group = kind == "group" || (kind == "--" && row.text("title") == "--");
        if is_group && !row.has("username") && !row.has("password") {
            let name = row.take("!group_name");
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
        } else if draft.folder.is_empty() && group != "0" {
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
    if !matches!(kind, "" | "entry" | "login" | "--") {
        push_text(draft, "buttercup type", kind.to_owned());
    }
    let parent = row.take("!group_parent");
    if parent != "0" {
        push_text(draft, "group parent id", parent);
    }
    row.put(draft, "!group_name", &Target::Folder(&['/']));
    row.put_all(draft, COLUMNS);
}
