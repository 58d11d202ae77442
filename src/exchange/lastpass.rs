//! LastPass's CSV: `url,username,password,totp,extra,name,grouping,fav`, older ones without the seed.
//!
//! A secure note is a row with the address `http://sn`; what it holds is told by the first line of its text
//! (see [`super::lastpass_notes`]). What it fills into forms is a table of its own (see [`super::lastpass_forms`]).

use super::lastpass_forms::{is_forms, read_form};
use super::lastpass_notes::read_note;
use super::row::{Column, has_columns, read_named};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::field::{self, ItemKind};
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
];

/// When an item was used and changed, in seconds.
const TIMES: [(&str, &str); 2] = [
    ("last_touch", "last used"),
    ("last_modified_gmt", "modified"),
];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let mut forms = None;
    read_named(text, Format::LastPass, is_header, |row, draft| {
        if *forms.get_or_insert_with(|| is_forms(row.headers())) {
            read_form(row, draft);
            return Ok(());
        }
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
        for (name, field) in TIMES {
            row.put_epoch(draft, name, field);
        }
        Ok(())
    })
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    let own = ["url", "username", "password", "extra", "name", "grouping"];
    has_columns(headers, &own) || is_forms(headers)
}
