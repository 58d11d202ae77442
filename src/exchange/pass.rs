//! Stores of pass and gopass, one encrypted file an entry, opened by whoever calls: the first line is the password, then
//! `label: value` lines, an otpauth URI, and remarks. By passwordstore.org and gopass's docs/secrets.md, with the header
//! that gopass wrote for a while (`GOPASS-SECRET-1.0`).

use super::authenticator::Tally;
use super::labelled::push_labelled;
use super::place::{folder_path, has_standard, push_named, settle_title};
use super::{ImportError, Imported, MAX_FIELDS, RowProblem};
use crate::model::draft::{Draft, DraftFile};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::secret::SecretBytes;
use zeroize::Zeroizing;

const HEADER: &str = "GOPASS-SECRET-1.0";
const SEED: &str = "otpauth://";

/// One entry of a store.
pub struct PassEntry {
    /// Its path in the store, segments joined by `/`, without an ending.
    pub path: String,
    /// What is in it.
    pub content: SecretBytes,
}

/// Reads the entries of a store.
///
/// # Errors
/// As [`super::import`]; then nothing was imported.
pub fn import_pass(entries: Vec<PassEntry>) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    let mut tally = Tally::default();
    for (entry, row) in entries.into_iter().zip(1..) {
        let (folder, title) = match entry.path.rsplit_once('/') {
            Some((folder, title)) => (folder_path(folder, &['/']), title),
            None => (String::new(), entry.path.as_str()),
        };
        let mut draft = Draft {
            kind: ItemKind::Login,
            title: title.to_owned(),
            folder,
            origin: Some(format!("pass:{}", entry.path)),
            ..Draft::default()
        };
        let mut files = Vec::new();
        // EXPOSE: taken apart into the values of the item.
        match std::str::from_utf8(entry.content.expose()) {
            Ok(text) => read_text(&mut draft, text),
            // gopass keeps whole files like that.
            Err(_) => files.push(DraftFile {
                name: title.to_owned(),
                content: entry.content,
            }),
        }
        if draft.fields.len() > MAX_FIELDS {
            return Err(ImportError::Row {
                row,
                line: None,
                problem: RowProblem::TooManyFields,
            });
        }
        settle_title(&mut draft);
        tally.push(row, draft, &mut imported)?;
        tally.push_files(files, &mut imported)?;
    }
    super::check_limits(&imported)?;
    Ok(imported)
}

fn read_text(draft: &mut Draft, text: &str) {
    let mut lines = text.lines().peekable();
    if lines.next_if(|line| line.trim() == HEADER).is_none() {
        let first = lines.next().unwrap_or_default();
        if is_seed(first) {
            draft.push_standard(field::OTP, first.trim().to_owned());
        } else {
            draft.push_standard(field::PASSWORD, first.to_owned());
        }
    }
    let mut remarks: Zeroizing<String> = Zeroizing::default();
    for line in lines {
        if is_seed(line) {
            push_seed(draft, line.trim());
        } else if let Some((label, value)) = split_label(line) {
            if !value.is_empty() && draft.fields.len() <= MAX_FIELDS {
                push_value(draft, label, value);
            }
        } else if line.trim() != "---" {
            // The mark before gopass's YAML says nothing.
            remarks.push_str(line);
            remarks.push('\n');
        }
    }
    draft.push_standard(field::NOTES, remarks.trim().to_owned());
}

fn push_value(draft: &mut Draft, label: &str, value: &str) {
    let is_password = ["password", "pass"].contains(&label.to_lowercase().as_str());
    if is_password && !has_standard(draft, field::PASSWORD) {
        draft.push_standard(field::PASSWORD, value.to_owned());
    } else {
        push_labelled(draft, label, None, value.to_owned());
    }
}

fn push_seed(draft: &mut Draft, seed: &str) {
    if has_standard(draft, field::OTP) {
        push_named(draft, "otp", FieldKind::Otp, seed.to_owned());
    } else {
        draft.push_standard(field::OTP, seed.to_owned());
    }
}

fn is_seed(line: &str) -> bool {
    let start = line.trim_start().get(..SEED.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(SEED))
}

/// A label of a few words without an address's signs, and what follows its colon; nothing else is one.
pub(super) fn split_label(line: &str) -> Option<(&str, &str)> {
    let (label, value) = line.split_once(':')?;
    let is_address = value.starts_with("//");
    let is_word = |letter: char| letter.is_alphanumeric() || " _-./()".contains(letter);
    let is_label = !label.trim().is_empty()
        && label.len() <= 60
        && !label.starts_with([' ', '\t', '-'])
        && label.chars().all(is_word)
        && label.split_whitespace().count() <= 4;
    (is_label && !is_address).then(|| (label.trim(), value.trim()))
}
