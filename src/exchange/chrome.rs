//! The CSV of Chrome, Edge, Brave, Opera, Vivaldi: `name,url,username,password`, and `note` since 2022.

use super::delimited::Quoting;
use super::table::{Discipline, Target, read_header, read_rows};
use super::{Format, ImportError, Imported};
use crate::model::field;

/// The columns, of which the last may be absent.
pub(super) const HEADERS: [&str; 5] = ["name", "url", "username", "password", "note"];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let (headers, reader) = read_header(text, b',', Quoting::Doubled)?;
    if !is_header(&headers) {
        return Err(ImportError::NotThisFormat {
            format: Format::Chrome,
            reason: "the first line is not name,url,username,password",
        });
    }
    let targets = [
        Target::Title,
        Target::Url,
        Target::Standard(field::USERNAME),
        Target::Standard(field::PASSWORD),
        Target::Standard(field::NOTES),
    ];
    let targets = targets.get(..headers.len()).unwrap_or(&targets);
    read_rows(reader, &headers, targets, Discipline::Loose)
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    (headers.len() == 4 || headers.len() == 5)
        && headers
            .iter()
            .zip(HEADERS)
            .all(|(header, expected)| header.eq_ignore_ascii_case(expected))
}
