//! The CSV of KeePass 1, which KeePass 2 still writes: `"Account","Login Name","Password","Web Site","Comments"`.
//!
//! KeePass writes `\"` and `\\`; other programs that write these columns double the quote and leave backslashes alone.
//! The file tells which: with KeePass no backslash stands alone, and every row has all its cells.

use super::delimited::Quoting;
use super::table::{Discipline, Target, plan_known, read_header, read_rows};
use super::{Format, ImportError, Imported};
use crate::model::field;

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let quoting = if fits(text, Quoting::Backslash) || !fits(text, Quoting::Doubled) {
        Quoting::Backslash
    } else {
        Quoting::Doubled
    };
    let (headers, reader) = read_header(text, b',', quoting)?;
    if !is_header(&headers) {
        return Err(ImportError::NotThisFormat {
            format: Format::KeePass1,
            reason: "the first line lacks Account, Login Name, Password, Web Site or Comments",
        });
    }
    let targets = plan_known(&headers, target_of);
    read_rows(reader, &headers, &targets, Discipline::FullLines)
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    ["account", "login name", "password", "web site", "comments"]
        .iter()
        .all(|name| {
            headers
                .iter()
                .any(|header| header.eq_ignore_ascii_case(name))
        })
}

/// Whether the file reads without any doubt under this quoting.
fn fits(text: &str, quoting: Quoting) -> bool {
    let Ok((headers, mut reader)) = read_header(text, b',', quoting) else {
        return false;
    };
    let mut cells = Vec::new();
    loop {
        match reader.next_row(&mut cells) {
            Ok(true) if cells.len() == headers.len() => {}
            Ok(false) => return reader.lone_backslashes() == 0,
            _ => return false,
        }
    }
}

fn target_of(header: &str) -> Option<Target> {
    Some(match header {
        "account" => Target::Title,
        "login name" => Target::Standard(field::USERNAME),
        "password" => Target::Standard(field::PASSWORD),
        "web site" => Target::Url,
        "comments" => Target::Standard(field::NOTES),
        _ => return None,
    })
}
