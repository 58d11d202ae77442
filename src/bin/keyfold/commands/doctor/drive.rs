//! The vault file and what lies beside it, where a drive works too.

use super::{Finding, FindingKind, Scene, Severity};
use crate::context::Context;
use crate::notices::plural;
use keyfold::drive::{Drive, recognise};
use keyfold::log::BLOCK;
use keyfold::log::preamble::{PreambleError, parse_preamble};
use keyfold::storage::Storage;
use keyfold::vault::known_vault;
use rustix::fs::{Access, access};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Names in a folder that are looked at; a folder with more is no vault's.
const NAMES: usize = 10_000;

pub(super) fn check(context: &Context, scene: &Scene) -> Vec<Finding> {
    let vault_file = &scene.places.vault_file;
    let Some(folder) = vault_file.parent() else {
        return Vec::new();
    };
    if !folder.is_dir() {
        return vec![problem(
            format!("the vault's folder is not there: {}", folder.display()),
            "start the drive's own program, or tell with keyfold relocate where the vault is now",
        )];
    }
    let mut found = Vec::new();
    found.extend(of_file(context, scene));
    found.extend(of_copies(vault_file, folder));
    found.extend(of_writing(vault_file, folder));
    if let Some(opened) = &scene.opened
        && opened.status.pending > 0
    {
        let changes = plural(opened.status.pending, "change waits", "changes wait");
        found.push(advice(
            format!("{changes} for the vault file: other devices do not see them yet"),
            "keyfold sync says what keeps them back",
        ));
    }
    found
}

fn problem(what: impl Into<String>, todo: &str) -> Finding {
    Finding::new(FindingKind::Drive, Severity::Problem, what, todo)
}

fn advice(what: impl Into<String>, todo: &str) -> Finding {
    Finding::new(FindingKind::Drive, Severity::Advice, what, todo)
}

/// Whether the vault file is there, all of it, and of this program's format.
fn of_file(context: &Context, scene: &Scene) -> Option<Finding> {
    let path = &scene.places.vault_file;
    let shown = path.display();
    let file = match context.storage.open_read(path) {
        Ok(Some(file)) => file,
        Ok(None) => return Some(of_missing(&*context.storage, scene)),
        Err(error) => {
            return Some(problem(
                format!("the vault file cannot be opened: {error}"),
                "look at what lies at the path; keyfold sync --replace puts the vault there",
            ));
        }
    };
    let length = file.stamp().map_or(0, |stamp| stamp.length);
    let is_placeholder =
        std::fs::metadata(path).is_ok_and(|found| found.len() > 0 && found.blocks() == 0);
    let mut block = [0; BLOCK];
    let mut reads = |at| file.read_at(at, &mut block);
    let last = reads(length.saturating_sub(BLOCK as u64));
    let first = reads(0);
    if is_placeholder || last.is_err() || first.is_err() {
        return Some(problem(
            format!("the drive has not brought the vault file, only a placeholder: {shown}"),
            "tell the drive's program to keep it on this device",
        ));
    }
    match parse_preamble(&block) {
        Ok(_) => None,
        Err(PreambleError::TooNew) => Some(problem(
            format!("a newer version of keyfold wrote the vault file: {shown}"),
            "install the newest version here as well",
        )),
        Err(_) => Some(problem(
            format!("what lies there is no vault, or its start is damaged: {shown}"),
            "keyfold sync --replace puts this device's vault there and keeps what it replaces",
        )),
    }
}

fn of_missing(storage: &dyn Storage, scene: &Scene) -> Finding {
    let shown = scene.places.vault_file.display();
    match known_vault(storage, &scene.places) {
        Ok(Some(_)) => advice(
            format!("the vault file is not there: {shown}"),
            "any command puts it back; keyfold relocate tells where it is now",
        ),
        _ => problem(
            format!("there is no vault: {shown}"),
            "keyfold init makes one; --vault PATH names another",
        ),
    }
}

/// Conflict copies that no command has taken in yet.
fn of_copies(vault_file: &Path, folder: &Path) -> Vec<Finding> {
    let (Some(name), Ok(entries)) = (vault_file.file_name(), std::fs::read_dir(folder)) else {
        return Vec::new();
    };
    let mut copies: BTreeMap<String, (Drive, usize)> = BTreeMap::new();
    for entry in entries.take(NAMES).flatten() {
        if let Some(drive) = recognise(name, &entry.file_name()) {
            let count = copies.entry(drive.to_string()).or_insert((drive, 0));
            count.1 += 1;
        }
    }
    let told = copies.into_values().map(|(drive, count)| {
        let copies = plural(count, "conflict copy", "conflict copies");
        advice(
            format!("beside the vault lie {copies} by {drive}"),
            "keyfold sync takes in what they hold and moves them away",
        )
    });
    told.collect()
}

fn of_writing(vault_file: &Path, folder: &Path) -> Option<Finding> {
    let refused = |path: &Path| access(path, Access::WRITE_OK).is_err();
    let what = if refused(folder) {
        "the vault's folder"
    } else if vault_file.exists() && refused(vault_file) {
        "the vault file"
    } else {
        return None;
    };
    Some(advice(
        format!("{what} cannot be written: changes stay on this device"),
        "look at its permissions, and at how the drive is mounted",
    ))
}
