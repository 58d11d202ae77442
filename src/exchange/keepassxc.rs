//! The CSV of KeePassXC (with TOTP, icon and times) and of its forerunner KeePassX 2 (without). Some versions of KeePassXC
//! had fewer columns, and who sorted them in a spreadsheet has them in another order.

use super::delimited::Quoting;
use super::row::has_columns;
use super::table::{Discipline, Target, plan_known, read_header, read_rows};
use super::{Format, ImportError, Imported};
use crate::model::field::{self, FieldKind};

/// The columns that both programs write, in this order.
const COMMON: [&str; 6] = ["group", "title", "username", "password", "url", "notes"];

/// Those of them that say what an entry is.
const MAIN: [&str; 4] = ["group", "title", "username", "password"];

/// Reads the export.
pub(super) fn import(text: &str, format: Format) -> Result<Imported, ImportError> {
    let (headers, reader) = read_header(text, b',', Quoting::Doubled)?;
    if detect_header(&headers).is_none() {
        return Err(ImportError::NotThisFormat {
            format,
            reason: "the first line lacks Group, Title, Username, Password or what else KeePassXC writes",
        });
    }
    let targets = plan_known(&headers, target_of);
    let mut imported = read_rows(reader, &headers, &targets, Discipline::FullLines)?;
    take_root_off(&mut imported);
    Ok(imported)
}

/// Which of the two programs writes a first line like this.
pub(super) fn detect_header(headers: &[String]) -> Option<Format> {
    let mut common = headers.iter().zip(COMMON);
    let in_order = headers.len() >= COMMON.len() && common.all(|(a, b)| a.eq_ignore_ascii_case(b));
    let newer = headers.get(COMMON.len());
    match newer {
        None if in_order => Some(Format::KeePassX),
        Some(header) if in_order && header.eq_ignore_ascii_case("totp") => Some(Format::KeePassXc),
        _ => is_rearranged(headers).then_some(Format::KeePassXc),
    }
}

/// Whether the columns that no entry lacks are there, with KeePassXC's own or with nothing else that any has.
fn is_rearranged(headers: &[String]) -> bool {
    let own = has_columns(headers, &["icon"]) || has_columns(headers, &["last modified"]);
    let known = |header: &String| target_of(&header.to_ascii_lowercase()).is_some();
    has_columns(headers, &MAIN)
        && (own || has_columns(headers, &COMMON))
        && headers.iter().all(known)
}

/// Every group begins with the root group, whose name says nothing of the item; it is `Root` or what the user's
/// language calls it, so whatever all rows have in common at the front is taken off.
fn take_root_off(imported: &mut Imported) {
    let mut roots = imported
        .drafts
        .iter()
        .map(|item| first_segment(&item.draft.folder));
    let Some(root) = roots.next().map(str::to_owned) else {
        return;
    };
    if root.is_empty() {
        return;
    }
    let shared = roots.all(|other| other == root);
    if !shared && root != "Root" {
        return;
    }
    for item in &mut imported.drafts {
        let folder = &mut item.draft.folder;
        if first_segment(folder) == root {
            let rest = folder.get(root.len() + 1..).unwrap_or_default();
            *folder = rest.to_owned();
        }
    }
    imported.warnings.push(format!(
        "the group {root:?}, in which everything lies, is left out of the folders"
    ));
}

/// A group's name never has an unescaped slash here, since the folder was split at slashes.
fn first_segment(folder: &str) -> &str {
    folder.split('/').next().unwrap_or_default()
}

fn target_of(header: &str) -> Option<Target> {
    Some(match header {
        "group" => Target::Folder(&['/']),
        "title" => Target::Title,
        "username" => Target::Standard(field::USERNAME),
        "password" => Target::Standard(field::PASSWORD),
        "url" => Target::Url,
        "notes" => Target::Standard(field::NOTES),
        "totp" => Target::Standard(field::OTP),
        "icon" => Target::LeftOut("the number of an icon of KeePassXC; keyfold shows none"),
        "last modified" => Target::Custom {
            name: "modified".to_owned(),
            kind: FieldKind::Date,
        },
        "created" => Target::Standard(field::CREATED),
        "tags" => Target::Tags,
        _ => return None,
    })
}
