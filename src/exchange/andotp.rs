//! andOTP's backup in clear: a list of entries. Before it had issuers, a label was `issuer - account`.

use super::authenticator::{Account, read_entries, take_key, take_looks};
use super::json::{Json, Object};
use super::place::push_tag;
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field;

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
        kind: entry.take_text("type").unwrap_or_default(),
        key: take_key(entry, "secret"),
        algorithm: entry.take_text("algorithm"),
        digits: entry.take_text("digits"),
        period: entry.take_text("period"),
        counter: entry.take_text("counter"),
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
