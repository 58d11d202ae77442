//! The CSV of Apple's Passwords and Safari: `Title,URL,Username,Password,Notes,OTPAuth`; older ones lack the notes.

use super::row::{Column, has_columns, has_only_columns, read_named};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::field;

const COLUMNS: &[Column] = &[
    ("title", Target::Title),
    ("url", Target::Url),
    ("username", Target::Standard(field::USERNAME)),
    ("password", Target::Standard(field::PASSWORD)),
    ("notes", Target::Standard(field::NOTES)),
    ("otpauth", Target::Standard(field::OTP)),
];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    read_named(text, Format::Apple, is_header, |row, draft| {
        row.put_all(draft, COLUMNS);
        Ok(())
    })
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    let own = ["title", "url", "username", "password", "otpauth"];
    let all = ["title", "url", "username", "password", "notes", "otpauth"];
    has_columns(headers, &own) && has_only_columns(headers, &all)
}
