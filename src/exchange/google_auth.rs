//! What Google Authenticator's "transfer accounts" shows as QR codes: `otpauth-migration://offline?data=…` URIs, each with
//! a protocol buffer in base64. Several of one transfer may stand in the file, one a line.
//!
//! The message is known from the programs that read it: `MigrationPayload { repeated OtpParameters = 1, version = 2,
//! batch_size = 3, batch_index = 4, batch_id = 5 }`, `OtpParameters { secret = 1, name = 2, issuer = 3, algorithm = 4,
//! digits = 5, type = 6, counter = 7, unique_id = 8 }`.

use super::authenticator::{Account, Key, Tally};
use super::otpauth_uris::{self, warn_of_comments, without_marks};
use super::protobuf::{Field, Value, parse_message};
use super::{Format, ImportError, Imported, MAX_FIELDS, MAX_ROWS, RowProblem};
use crate::model::draft::Draft;
use crate::model::field::FieldKind;
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use zeroize::Zeroizing;

const SCHEME: &str = "otpauth-migration://";
/// zbarimg writes it before what it read.
const READER_PREFIX: &str = "QR-Code:";

/// Whether a line begins as such a URI does.
pub(super) fn is_uri(line: &str) -> bool {
    let line = without_prefix(line);
    line.get(..SCHEME.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

fn without_prefix(line: &str) -> &str {
    let line = without_marks(line);
    line.strip_prefix(READER_PREFIX).unwrap_or(line)
}

/// Reads the URIs. One that cannot be read refuses the file, since it may hold many accounts.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    if text.lines().any(is_uri) && text.lines().any(otpauth_uris::is_uri) {
        return otpauth_uris::import(text, Format::GoogleAuthenticator);
    }
    let mut imported = Imported::default();
    let mut reading = Reading::default();
    let (mut comments, mut uris) = (0, 0);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
            comments += 1;
            continue;
        }
        uris += 1;
        let message = parse_uri(line).ok_or(ImportError::NotThisFormat {
            format: Format::GoogleAuthenticator,
            reason: "a line is not an otpauth-migration URI, or it is cut off",
        })?;
        reading.read_payload(&message, &mut imported)?;
    }
    if uris == 0 {
        return Err(ImportError::NotThisFormat {
            format: Format::GoogleAuthenticator,
            reason: "no line of it is an otpauth-migration URI",
        });
    }
    warn_of_comments(comments, &mut imported);
    reading.warn(&mut imported);
    Ok(imported)
}

/// The message in a URI; `None` where it is no such URI.
fn parse_uri(line: &str) -> Option<Zeroizing<Vec<u8>>> {
    let line = without_prefix(line);
    if !is_uri(line) {
        return None;
    }
    let (_, query) = line.split_once('?')?;
    let data = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("data="))?;
    // A plus that nobody escaped is itself here, whatever a form would mean by it.
    let mut text = Zeroizing::new(String::with_capacity(data.len()));
    let mut rest = data;
    while let Some((before, after)) = rest.split_once('%') {
        let (digits, tail) = after.split_at_checked(2)?;
        let byte = u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii)?;
        text.push_str(before);
        text.push(char::from(byte));
        rest = tail;
    }
    text.push_str(rest);
    let bare = text.trim_end_matches('=').as_bytes();
    let decoded = BASE64
        .decode(text.as_bytes())
        .or_else(|_| BASE64_NOPAD.decode(bare))
        .or_else(|_| BASE64URL_NOPAD.decode(bare));
    decoded.ok().map(Zeroizing::new)
}

/// Which codes of each transfer were read: they may lie in several files.
#[derive(Clone, Default)]
pub struct Transfers(BTreeMap<u64, (u64, BTreeSet<u64>)>);

impl Transfers {
    fn note(&mut self, id: u64, size: u64, index: u64) {
        let transfer = self.0.entry(id).or_insert((size, BTreeSet::new()));
        transfer.1.insert(index);
    }

    /// Adds those of another file.
    pub fn add(&mut self, other: &Self) {
        for (id, (size, indices)) in &other.0 {
            for index in indices {
                self.note(*id, *size, *index);
            }
        }
    }

    /// A sentence for each transfer that lacks codes.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let lacking = self.0.values().filter_map(|(size, seen)| {
            let there = seen.iter().filter(|index| *index < size).count();
            let there = u64::try_from(there).unwrap_or(u64::MAX);
            (there < *size).then(|| {
                format!("a transfer has {size} QR codes, and only {there} of them are here")
            })
        });
        lacking.collect()
    }
}

/// What was seen so far.
#[derive(Default)]
struct Reading {
    row: usize,
    tally: Tally,
    transfers: Transfers,
    /// Messages that were read, by their hashes: people photograph a code twice.
    seen: HashSet<[u8; 32]>,
    /// Parts that newer programs write.
    unknown: usize,
}

impl Reading {
    fn read_payload(&mut self, message: &[u8], imported: &mut Imported) -> Result<(), ImportError> {
        if !self.seen.insert(Sha256::digest(message).into()) {
            return Ok(());
        }
        let refused = ImportError::NotThisFormat {
            format: Format::GoogleAuthenticator,
            reason: "the data of a URI is damaged or cut off",
        };
        let fields = parse_message(message).ok_or(refused.clone())?;
        let (mut size, mut index, mut id) = (1, 0, 0);
        let before = self.row;
        for Field { number, value } in fields {
            match (number, value) {
                (1, Value::Bytes(parameters)) => self.read_account(parameters, imported)?,
                (3, Value::Number(number)) => size = number,
                (4, Value::Number(number)) => index = number,
                (5, Value::Number(number)) => id = number,
                (2, Value::Number(_)) => {}
                _ => self.unknown += 1,
            }
        }
        if self.row == before {
            return Err(refused);
        }
        self.transfers.note(id, size, index);
        Ok(())
    }

    fn read_account(&mut self, message: &[u8], imported: &mut Imported) -> Result<(), ImportError> {
        self.row += 1;
        if self.row > MAX_ROWS {
            return Err(ImportError::TooManyRows);
        }
        let refused = |problem| ImportError::Row {
            row: self.row,
            line: None,
            problem,
        };
        let fields = parse_message(message).ok_or(refused(RowProblem::CutOff))?;
        if fields.len() > MAX_FIELDS {
            return Err(refused(RowProblem::TooManyFields));
        }
        match read_parameters(&fields, self.row, imported) {
            Some(draft) => self.tally.push(self.row, draft, imported),
            None => Ok(()),
        }
    }

    fn warn(self, imported: &mut Imported) {
        imported.transfers = self.transfers;
        if self.unknown > 0 {
            imported.warnings.push(format!(
                "{} parts beside the accounts are not known and left out",
                self.unknown
            ));
        }
    }
}

fn read_parameters(fields: &[Field<'_>], row: usize, imported: &mut Imported) -> Option<Draft> {
    // The last one of a number counts, as everywhere in protocol buffers.
    let last = |number| fields.iter().rev().find(|field| field.number == number);
    let text = |number| match last(number).map(|field| &field.value) {
        Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    };
    let count = |number| match last(number).map(|field| &field.value) {
        Some(Value::Number(value)) => Some(*value),
        _ => None,
    };
    let key = match last(1).map(|field| &field.value) {
        Some(Value::Bytes(bytes)) => bytes.to_vec(),
        _ => Vec::new(),
    };
    let account = Account {
        issuer: text(3),
        name: text(2),
        kind: match count(6) {
            Some(1) => "hotp".to_owned(),
            None | Some(0 | 2) => String::new(),
            Some(other) => other.to_string(),
        },
        key: Key::Bytes(Zeroizing::new(key)),
        algorithm: match count(4) {
            None | Some(0) => None,
            Some(1) => Some("SHA1".to_owned()),
            Some(2) => Some("SHA256".to_owned()),
            Some(3) => Some("SHA512".to_owned()),
            Some(4) => Some("MD5".to_owned()),
            Some(other) => Some(other.to_string()),
        },
        digits: match count(5) {
            None | Some(0 | 1) => None,
            Some(2) => Some("8".to_owned()),
            Some(other) => Some(format!("unknown {other}")),
        },
        period: None,
        counter: count(7).map(|counter| counter.to_string()),
    };
    let mut draft = account.into_draft(row, imported)?;
    keep_unknown(&mut draft, fields);
    Some(draft)
}

/// The id that newer versions give an account says nothing by itself; whatever is newer still is kept.
fn keep_unknown(draft: &mut Draft, fields: &[Field<'_>]) {
    for field in fields
        .iter()
        .filter(|field| !(1..=8).contains(&field.number))
    {
        let text = match &field.value {
            Value::Number(number) => number.to_string(),
            Value::Bytes(bytes) => data_encoding::HEXLOWER.encode(bytes),
        };
        let name = format!("migration field {}", field.number);
        draft.push_custom(&name, FieldKind::Secret, text);
    }
}
