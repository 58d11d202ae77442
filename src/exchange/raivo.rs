//! Raivo's JSON, which lies in a zip archive with the user's password: a list of objects whose values are all texts.

use super::authenticator::{Account, read_entries, take_account, take_looks};
use super::json::{Json, Object};
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let Json::List(entries) = Json::parse(text)? else {
        return Err(ImportError::NotThisFormat {
            format: Format::Raivo,
            reason: "it is not a JSON list",
        });
    };
    let mut imported = Imported::default();
    read_entries(entries, &mut imported, read_entry)?;
    Ok(imported)
}

fn read_entry(entry: &mut Object<'_>, row: usize, imported: &mut Imported) -> Option<Draft> {
    let account = Account {
        issuer: entry.take_text("issuer").unwrap_or_default(),
        name: entry.take_text("account").unwrap_or_default(),
        ..take_account(entry, "kind", "timer")
    };
    let mut draft = account.into_draft(row, imported)?;
    let pinned = entry.take_text("pinned").unwrap_or_default();
    draft.favourite = pinned == "true" || pinned == "1";
    take_looks(entry, &["iconType", "iconValue"], imported);
    Some(draft)
}
