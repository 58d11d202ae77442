//! Stores of pass and gopass, one encrypted file an entry, opened by whoever calls: the first line is the password, then
//! `label: value` lines, an otpauth URI, and remarks. By passwordstore.org and gopass's docs/secrets.md, with the header
//! that gopass wrote for a while (`GOPASS-SECRET-1.0`).

use super::authenticator::Tally;
use super::generic_csv::meaning;
use super::labelled::{PEM_BEGIN, PEM_END, is_overfull, push_free, push_labelled, push_untold};
use super::otpauth_uris::is_seed;
use super::place::{folder_path, has_standard, push_named, settle_title};
use super::table::Target;
use super::{ImportError, Imported, MAX_FIELDS, RowProblem};
use crate::model::draft::{Draft, DraftFile, DraftValue, FieldName};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::secret::SecretBytes;
use zeroize::Zeroizing;

const HEADER: &str = "GOPASS-SECRET-1.0";

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
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    match lines.first() {
        Some(line) if line.trim() == HEADER => at = 1,
        Some(line) if is_seed(line) => {
            draft.push_standard(field::OTP, line.trim().to_owned());
            at = 1;
        }
        // All of it is the secret.
        Some(line) if is_key(line) => {}
        Some(line) => {
            draft.push_standard(field::PASSWORD, (*line).to_owned());
            at = 1;
        }
        None => {}
    }
    // What begins after it does not end.
    let last_end = lines.iter().rposition(|line| line.starts_with(PEM_END));
    let mut remarks: Zeroizing<String> = Zeroizing::default();
    while let Some(line) = lines.get(at) {
        at += 1;
        if is_key(line) && last_end >= Some(at) {
            let end = key_end(&lines, at);
            let rest = lines.get(at..end).unwrap_or_default();
            read_key(draft, &mut remarks, line, rest);
            at = end;
        } else if is_seed(line) {
            push_seed(draft, "otp", line.trim());
        } else if let Some((label, value)) = split_label(line) {
            let begins = value.is_empty() || is_block_mark(value);
            let end = if begins { block_end(&lines, at) } else { at };
            match lines.get(at..end).unwrap_or_default() {
                [] => push_value(draft, label, value),
                block => push_block(draft, label, value, block),
            }
            at = end;
        } else if let Some((before, seed)) = line.split_once(": ").filter(|row| is_seed(row.1)) {
            // No label, but a seed nevertheless.
            push_seed(draft, "otp", seed.trim());
            push_line(&mut remarks, before);
        } else if line.trim() != "---" {
            // The mark before gopass's YAML says nothing.
            push_line(&mut remarks, line);
        }
    }
    append_notes(draft, remarks.trim());
}

fn push_line(remarks: &mut String, line: &str) {
    remarks.push_str(line);
    remarks.push('\n');
}

/// Free text goes on where a line labelled as notes began.
fn append_notes(draft: &mut Draft, text: &str) {
    if text.is_empty() {
        return;
    }
    let notes = FieldName::Standard(field::NOTES);
    let mut fields = draft.fields.iter_mut();
    match fields
        .find(|entry| entry.name == notes)
        .map(|entry| &mut entry.value)
    {
        Some(DraftValue::Plain(notes)) => {
            notes.push('\n');
            notes.push_str(text);
        }
        _ => draft.push_standard(field::NOTES, text.to_owned()),
    }
}

/// A key between its marks is one value; one that is no secret stays in the remarks.
fn read_key(draft: &mut Draft, remarks: &mut String, first: &str, rest: &[&str]) {
    if first.contains("PRIVATE KEY") {
        let mut key = Zeroizing::new(first.to_owned());
        for line in rest {
            key.push('\n');
            key.push_str(line);
        }
        push_free(draft, field::PRIVATE_KEY, None, std::mem::take(&mut *key));
        return;
    }
    push_line(remarks, first);
    rest.iter().for_each(|line| push_line(remarks, line));
}

fn is_key(line: &str) -> bool {
    line.starts_with(PEM_BEGIN)
}

/// Where the key ends whose second line this is: after its last.
fn key_end(lines: &[&str], start: usize) -> usize {
    let rest = lines.get(start..).unwrap_or_default();
    let length = rest.iter().position(|line| line.starts_with(PEM_END));
    length.map_or(lines.len(), |length| start + length + 1)
}

/// Where the indented lines that begin here end.
fn block_end(lines: &[&str], start: usize) -> usize {
    let mut end = start;
    for (line, at) in lines.iter().skip(start).zip(start..) {
        let is_blank = line.trim().is_empty();
        if !is_blank && !line.starts_with([' ', '\t']) {
            break;
        }
        if !is_blank {
            end = at + 1;
        }
    }
    end
}

/// YAML's marks before a text of several lines.
fn is_block_mark(value: &str) -> bool {
    ["|", "|-", "|+", ">", ">-", ">+"].contains(&value)
}

/// Lines without what all of them are indented by.
fn without_indent(lines: &[&str]) -> String {
    let said = lines.iter().filter(|line| !line.trim().is_empty());
    let indents = said.map(|line| line.len() - line.trim_start_matches([' ', '\t']).len());
    let indent = indents.min().unwrap_or_default();
    let lines = lines
        .iter()
        .map(|line| line.get(indent..).unwrap_or_default());
    lines.collect::<Vec<&str>>().join("\n")
}

/// What is indented below a label: a text under a mark, else values that are nobody knows what, and hidden.
fn push_block(draft: &mut Draft, label: &str, mark: &str, block: &[&str]) {
    let (seeds, others): (Vec<&str>, Vec<&str>) =
        block.iter().copied().partition(|line| is_seed(line));
    for seed in seeds {
        push_seed(draft, label, seed.trim());
    }
    let text = without_indent(&others);
    if text.is_empty() || is_overfull(draft) {
        return;
    }
    if is_block_mark(mark) || meaning(label) == Some(Target::Standard(field::NOTES)) {
        push_untold(draft, label, text);
    } else {
        push_named(draft, label, FieldKind::Secret, text);
    }
}

fn push_value(draft: &mut Draft, label: &str, value: &str) {
    if value.is_empty() || is_overfull(draft) {
        return;
    }
    let is_password = ["password", "pass"].contains(&label.to_lowercase().as_str());
    if is_seed(value) {
        push_seed(draft, label, value);
    } else if is_password && !has_standard(draft, field::PASSWORD) {
        draft.push_standard(field::PASSWORD, value.to_owned());
    } else {
        push_labelled(draft, label, None, value.to_owned());
    }
}

/// The first is the item's, any other has the name that stands before it.
fn push_seed(draft: &mut Draft, name: &str, seed: &str) {
    if is_overfull(draft) {
        return;
    }
    if has_standard(draft, field::OTP) {
        push_named(draft, name, FieldKind::Otp, seed.to_owned());
    } else {
        draft.push_standard(field::OTP, seed.to_owned());
    }
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
