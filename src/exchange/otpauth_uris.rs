//! Lists of otpauth URIs, one a line, as many programs write them; among them Ente Auth, which adds `codeDisplay`, a JSON
//! of tags, notes and marks.

use super::authenticator::{Tally, draft_of_uri, push_other, say_looks, take_looks};
use super::google_auth;
use super::json::{Json, Object};
use super::place::{keep_rest, push_tag};
use super::{Format, ImportError, Imported, MAX_ROWS, Skipped};
use crate::model::draft::Draft;
use crate::model::field;
use crate::secret::Secret;
use zeroize::Zeroizing;

/// Schemes of seeds that keyfold makes codes of, and of others.
const WITH_CODES: [&str; 2] = ["otpauth://", "steam://"];
const WITHOUT_CODES: [&str; 1] = ["motp://"];

/// Reads the list. Transfers of Google Authenticator may stand among the URIs.
pub(super) fn import(text: &str, format: Format) -> Result<Imported, ImportError> {
    let (transfers, others): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| google_auth::is_uri(line));
    if transfers.is_empty() {
        return import_seeds(text, format);
    }
    let joined = |lines: Vec<&str>| Zeroizing::new(lines.join("\n"));
    let others = joined(others);
    let mut imported = import_seeds(&others, format)?;
    imported.append(google_auth::import(&joined(transfers))?);
    Ok(imported)
}

fn import_seeds(text: &str, format: Format) -> Result<Imported, ImportError> {
    if !text.lines().any(is_uri) {
        return Err(ImportError::NotThisFormat {
            format,
            reason: "no line of it is an otpauth URI",
        });
    }
    let mut imported = Imported::default();
    let mut tally = Tally::default();
    let mut comments = 0_usize;
    let mut row = 0;
    for line in text.lines().map(without_marks) {
        if line.starts_with('#') {
            comments += 1;
            continue;
        }
        if line.is_empty() {
            continue;
        }
        row += 1;
        if row > MAX_ROWS {
            return Err(ImportError::TooManyRows);
        }
        if is_uri(line) {
            if let Some(draft) = read_uri(line, row, &mut imported) {
                tally.push(row, draft, &mut imported)?;
            }
        } else {
            imported.skipped.push(Skipped {
                row,
                item: None,
                field: None,
                reason: "the line is not an otpauth URI".to_owned(),
            });
        }
    }
    warn_of_comments(comments, &mut imported);
    Ok(imported)
}

/// A line without what lists and programs put around a URI: bullets, quotation marks, commas.
pub(super) fn without_marks(line: &str) -> &str {
    let line = line.trim();
    let line = line.strip_prefix("- ").unwrap_or(line);
    let line = line.strip_prefix("* ").unwrap_or(line);
    line.trim().trim_matches(['"', '\'', ','])
}

/// Whether a line begins as a seed's URI does.
pub(super) fn is_uri(line: &str) -> bool {
    let line = without_marks(line);
    is_seed(line) || begins_with(line, &WITHOUT_CODES)
}

/// Whether a text begins as the URI of a seed that keyfold makes codes of.
pub(super) fn is_seed(text: &str) -> bool {
    begins_with(text.trim_start(), &WITH_CODES)
}

fn begins_with(text: &str, schemes: &[&str]) -> bool {
    schemes.iter().any(|scheme| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// Says that lines which begin with `#` were not looked at.
pub(super) fn warn_of_comments(comments: usize, imported: &mut Imported) {
    if comments > 0 {
        imported
            .warnings
            .push(format!("{comments} lines that begin with # are left out"));
    }
}

fn read_uri(line: &str, row: usize, imported: &mut Imported) -> Option<Draft> {
    let uri = Secret::new(line.to_owned());
    let (mut draft, others) = draft_of_uri(&uri, row, imported)?;
    for (name, value) in others {
        if name == "codedisplay"
            && let Ok(Json::Object(display)) = Json::parse(&value)
        {
            read_display(&mut draft, display, imported);
        } else {
            push_other(&mut draft, &name, value);
        }
    }
    Some(draft)
}

fn read_display(draft: &mut Draft, mut display: Object<'_>, imported: &mut Imported) {
    draft.favourite = display.take_flag("pinned");
    draft.trashed = display.take_flag("trashed");
    draft.push_standard(field::NOTES, display.take_text("note").unwrap_or_default());
    for tag in display.take_list("tags").unwrap_or_default() {
        push_tag(draft, &tag.into_text().unwrap_or_default());
    }
    // Zero is how it says that there was no use yet.
    let uses = ["lastUsedAt", "tapCount", "position"].map(|name| display.take_text(name));
    if uses.into_iter().flatten().any(|text| text != "0") {
        say_looks(imported);
    }
    take_looks(&mut display, &["iconSrc", "iconID"], imported);
    keep_rest(draft, "codeDisplay", display);
}
