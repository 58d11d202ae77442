//! Bitwarden's CSV, of a person's vault (`folder,favorite,…`) or an organisation's (`collections,…`).
//!
//! It holds logins and notes only and joins the addresses and the custom fields of an item into one cell each;
//! Bitwarden's JSON keeps more.

use super::delimited::Quoting;
use super::table::{Discipline, Target, plan_known, read_header, read_rows};
use super::{Format, ImportError, Imported};
use crate::model::field;

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let (headers, reader) = read_header(text, b',', Quoting::Doubled)?;
    if !is_header(&headers) {
        return Err(ImportError::NotThisFormat {
            format: Format::BitwardenCsv,
            reason: "the first line lacks type, name, login_uri, login_username or login_password",
        });
    }
    let targets = plan_known(&headers, target_of);
    let mut imported = read_rows(reader, &headers, &targets, Discipline::Full)?;
    imported.warnings.push(
        "Bitwarden's CSV has no cards, identities and former passwords; its JSON has".to_owned(),
    );
    Ok(imported)
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    [
        "type",
        "name",
        "login_uri",
        "login_username",
        "login_password",
    ]
    .iter()
    .all(|name| {
        headers
            .iter()
            .any(|header| header.eq_ignore_ascii_case(name))
    })
}

fn target_of(header: &str) -> Option<Target> {
    Some(match header {
        "folder" | "collections" => Target::Folder(&['/']),
        "favorite" => Target::Favourite,
        "type" => Target::Kind,
        "name" => Target::Title,
        "notes" => Target::Standard(field::NOTES),
        "fields" => Target::FieldLines,
        "reprompt" => Target::UnlessZero("reprompt"),
        "login_uri" => Target::UrlList,
        "login_username" => Target::Standard(field::USERNAME),
        "login_password" => Target::Standard(field::PASSWORD),
        "login_totp" => Target::Standard(field::OTP),
        _ => return None,
    })
}
