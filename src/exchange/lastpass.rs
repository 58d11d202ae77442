//! LastPass's CSV: `url,username,password,totp,extra,name,grouping,fav`, older ones without the seed.
//!
//! A secure note is a row with the address `http://sn`; what it holds is told by the first line of its text
//! (see [`super::lastpass_notes`]).

use super::lastpass_notes::read_note;
use super::row::{Column, has_columns, read_named};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::field::{self, FieldKind, ItemKind};
use zeroize::Zeroizing;

const COLUMNS: &[Column] = &[
    ("url", Target::Url),
    ("username", Target::Standard(field::USERNAME)),
    ("password", Target::Standard(field::PASSWORD)),
    ("totp", Target::Standard(field::OTP)),
    ("extra", Target::Standard(field::NOTES)),
    ("name", Target::Title),
    ("grouping", Target::Folder(&['\\'])),
    ("fav", Target::Favourite),
    // What the command line of LastPass writes on request.
    ("id", Target::Origin("lastpass")),
    ("last_touch", Target::Named("last used", FieldKind::Date)),
    (
        "last_modified_gmt",
        Target::Named("modified", FieldKind::Date),
    ),
];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    read_named(text, Format::LastPass, is_header, |row, draft| {
        let url = row.text("url").trim();
        if url == "http://group" && row.is_blank_but(&["url", "name", "grouping", "fav"]) {
            return Err("it stands for an empty folder");
        }
        let is_note = url == "http://sn";
        // Without an address LastPass writes the beginning of one.
        if is_note || url == "http://" {
            row.take("url");
        }
        if row.text("grouping") == "(none)" {
            row.take("grouping");
        }
        if is_note {
            draft.kind = ItemKind::Note;
            let text = Zeroizing::new(row.take("extra"));
            read_note(draft, &text);
        }
        row.put_all(draft, COLUMNS);
        Ok(())
    })
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    let own = ["url", "username", "password", "extra", "name", "grouping"];
    has_columns(headers, &own)
}
