//! RoboForm's CSV: `Name,Url,MatchUrl,Login,Pwd,Note,Folder,RfFieldsV2`. The fields of a form follow in as many cells as
//! there are, each `name,…,…,type,value`, beyond the header's width. Older ones have no MatchUrl, and fields of the form
//! `name:type:value` from `Rf_fields` on.

use super::labelled::{is_overfull, push_free, push_labelled};
use super::row::{Column, has_columns, read_named_lines};
use super::table::Target;
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind, ItemKind};
use zeroize::Zeroizing;

const COLUMNS: &[Column] = &[
    ("name", Target::Title),
    ("url", Target::Url),
    ("note", Target::Standard(field::NOTES)),
    ("folder", Target::Folder(&['/', '\\'])),
];

/// The first of the columns with a form's fields.
const FIELDS: [&str; 2] = ["rffieldsv2", "rf_fields"];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    read_named_lines(text, Format::RoboForm, is_header, |row, draft| {
        if ["url", "matchurl", "login", "pwd"]
            .iter()
            .all(|name| !row.has(name))
        {
            draft.kind = ItemKind::Note;
        }
        let forms = FIELDS.iter().flat_map(|name| row.take_from(name));
        let mut fields: Vec<Zeroizing<String>> = forms.map(Zeroizing::new).collect();
        // The form's fields repeat what the columns have.
        fields.retain(|field| {
            let Some((name, _, value)) = parse_field(field) else {
                return !field.trim().is_empty();
            };
            let column = match name {
                "User ID$" => "login",
                "Password$" => "pwd",
                _ => return true,
            };
            unescape(value) != unescape(row.text(column))
        });
        for (name, number) in [("login", field::USERNAME), ("pwd", field::PASSWORD)] {
            let text = Zeroizing::new(row.take(name));
            push_free(draft, number, None, unescape(&text).to_owned());
        }
        row.put_all(draft, COLUMNS);
        // A pattern is no address.
        let pattern = row.text("matchurl").contains('*');
        let target = if pattern {
            Target::Named("match url", FieldKind::Text)
        } else {
            Target::Url
        };
        row.put(draft, "matchurl", &target);
        for field in fields {
            if is_overfull(draft) {
                break;
            }
            push_field(draft, &field);
        }
        Ok(())
    })
}

/// Whether a first line is this format's.
pub(super) fn is_header(headers: &[String]) -> bool {
    let mut own = ["matchurl"].into_iter().chain(FIELDS);
    has_columns(headers, &["name", "url", "login", "pwd"])
        && own.any(|name| has_columns(headers, &[name]))
}

/// RoboForm writes one more `'` before a value that begins with `@` or `'`.
fn unescape(text: &str) -> &str {
    let rest = text.strip_prefix('\'');
    rest.filter(|rest| rest.starts_with(['@', '\'']))
        .unwrap_or(text)
}

fn push_field(draft: &mut Draft, text: &str) {
    let Some((name, kind, value)) = parse_field(text) else {
        draft.push_custom("RfFieldsV2", FieldKind::Secret, text.to_owned());
        return;
    };
    let value = value.to_owned();
    if name == "TOTP KEY$" {
        push_free(draft, field::OTP, None, value);
        return;
    }
    let name = name.trim_end_matches('$');
    let name = if name == "-no-name-" { "field" } else { name };
    let kind = (kind == "pwd").then_some(FieldKind::Secret);
    push_labelled(draft, name, kind, value);
}

/// Name, type and value of a field, where nothing else stands in its text.
fn parse_field(text: &str) -> Option<(&str, &str, &str)> {
    let mut parts = text.splitn(5, ',');
    match [
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ] {
        [Some(name), Some(""), Some(""), Some(kind), Some(value)] => Some((name, kind, value)),
        _ => parse_older_field(text),
    }
}

/// `name:type:value`, where the type is a short word. A name may have colons itself.
fn parse_older_field(text: &str) -> Option<(&str, &str, &str)> {
    let mut cuts = text.match_indices(':');
    cuts.find_map(|(at, _)| {
        let (name, rest) = (text.get(..at)?, text.get(at + 1..)?);
        let (kind, value) = rest.split_once(':')?;
        let is_type = matches!(kind.len(), 2..=4) && kind.bytes().all(|b| b.is_ascii_lowercase());
        (is_type && !name.is_empty()).then_some((name, kind, value))
    })
}
