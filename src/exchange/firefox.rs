//! Firefox's CSV, and that of ff-password-exporter, which names the address `hostname` and has little else.

use super::row::{Column, has_columns, has_only_columns, read_named};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::field::{self, FieldKind};

const COLUMNS: &[Column] = &[
    ("url", Target::Url),
    ("hostname", Target::Url),
    ("username", Target::Standard(field::USERNAME)),
    ("password", Target::Standard(field::PASSWORD)),
    ("httprealm", Target::Named("http realm", FieldKind::Text)),
    ("guid", Target::Origin("firefox")),
    (
        "usernamefield",
        Target::Named("username field", FieldKind::Text),
    ),
];

/// The times that Firefox keeps, in milliseconds.
const TIMES: [(&str, &str); 3] = [
    ("timecreated", "created"),
    ("timelastused", "last used"),
    ("timepasswordchanged", "password changed"),
];

/// The columns that an exporter of other hands may write beside the three that it must.
const HOSTNAME_COLUMNS: [&str; 7] = [
    "hostname",
    "username",
    "password",
    "formsubmiturl",
    "httprealm",
    "usernamefield",
    "passwordfield",
];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    read_named(text, Format::Firefox, is_header, |row, draft| {
        row.put_all(draft, COLUMNS);
        // Where the form is sent, mostly to the site itself.
        for name in ["formactionorigin", "formsubmiturl"] {
            if draft.urls.iter().any(|url| url == row.text(name)) {
                row.take(name);
            }
            row.put(draft, name, &Target::Named("form action", FieldKind::Url));
        }
        row.put(
            draft,
            "passwordfield",
            &Target::Named("password field", FieldKind::Text),
        );
        for (name, field) in TIMES {
            row.put_epoch(draft, name, field);
        }
        Ok(())
    })
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    let has = |names: &[&str]| has_columns(headers, names);
    let own = has(&["httprealm", "formactionorigin"]) || has(&["guid"]) || has(&["timecreated"]);
    let by_hostname = ["hostname", "username", "password"];
    (own && has(&["url", "username", "password"]))
        || (has_columns(headers, &by_hostname) && has_only_columns(headers, &HOSTNAME_COLUMNS))
}
