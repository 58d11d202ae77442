//! `backup drill`: a backup restored as on the day it is needed, in a throw-away place with a state of its own, opened with
//! the password, and compared with the vault that runs. Nothing of it stays.

use super::{describe_age, places, restore};
use crate::cli::DrillBackup;
use crate::commands::attach::describe_size;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::interrupt;
use crate::memory::MappedMemory;
use crate::notices::plural;
use crate::session::Session;
use keyfold::storage::{LockKind, StorageError};
use keyfold::vault::{
    BackupCheck, BackupKey, Credential, Drill, Places, Presence, locate, restore_into,
};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// What the folders of drills are called, before 16 hexadecimal digits.
const PREFIX: &str = "drill-";
/// Held in its folder while a drill runs.
const LOCK: &str = "lock";

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    ok: bool,
    file: String,
    made: Option<String>,
    items: usize,
    records: usize,
    secrets: usize,
    files: usize,
    file_bytes: u64,
    files_elsewhere: usize,
    erased_since: usize,
    behind: usize,
    news: usize,
    wrong: &'a [String],
    wrong_count: usize,
}

/// Removes what drills left that were killed: whole vaults that nobody needs. One that runs stays. What cannot be removed
/// is told.
pub(crate) fn clear_left(context: &mut Context) -> Result<(), Failure> {
    let state = context.places()?.state_folder;
    // Where nothing is there, or to be seen, nothing is to be cleared.
    let Ok(entries) = std::fs::read_dir(&state) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let is_drill = digits.is_some_and(|digits| {
            digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        });
        if !is_drill || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let folder = entry.path();
        let lock = context
            .storage
            .lock(&folder.join(LOCK), LockKind::Exclusive, Duration::ZERO);
        if !matches!(lock, Err(StorageError::Busy { .. }))
            && let Err(error) = std::fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            context.output.warn(&format!(
                "{} is left of a drill and cannot be removed: {error}.",
                folder.display()
            ));
        }
    }
    Ok(())
}

pub(super) fn run(context: &mut Context, args: &DrillBackup) -> Result<ExitCode, Failure> {
    let file = match &args.file {
        Some(file) => places::tidied(file)?,
        None => newest(context)?,
    };
    clear_left(context)?;
    // Asked for once: the backup is to open with the same.
    let (mut session, credential) = Session::open_own_keeping(context)?;
    let now = context.now();
    let check = {
        let _progress = context.output.progress("Verifying");
        session
            .vault()?
            .verify_backup(&file, now, &mut context.rng)?
    };
    if !check.ok {
        let text = format!("the backup is not good: {}", file.display());
        return Err(Failure::new(Kind::Damaged, text).hint("keyfold backup verify tells more"));
    }
    let credential = if restore::is_given(&args.source) {
        restore::credential_of(context, &file, &args.source)?
    } else {
        credential
    };
    let name = data_encoding::HEXLOWER.encode(&context.random_bytes::<8>());
    let state = context.places()?.state_folder;
    let folder = state.join(format!("{PREFIX}{name}"));
    let outcome = {
        let _progress = context.output.progress("Restoring");
        try_out(context, &mut session, &file, &credential, &folder)
    };
    interrupt::remove_files();
    let is_clear = std::fs::symlink_metadata(&folder).is_err();
    if !is_clear {
        context.output.warn(&format!(
            "{} is left of the drill and could not be removed; it holds the restored vault, encrypted.",
            folder.display()
        ));
    }
    let drill = outcome.map_err(|failure| explain(failure, &check))?;
    if context.output.json {
        context.output.json(&report(&file, &check, &drill))?;
    } else {
        print(context, &file, &check, &drill, is_clear)?;
    }
    if drill.is_ok() {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(Kind::Damaged.exit_code())
}

/// The newest backup that was verified once and is there.
fn newest(context: &mut Context) -> Result<PathBuf, Failure> {
    let (vault, noted) = places::noted(context)?;
    let now = context.now();
    let storage = &*context.storage;
    let mut there = noted
        .iter()
        .filter(|backup| !backup.is_of_the_future(now))
        .filter(|backup| backup.presence(storage, vault) == Presence::There);
    let newest = there.next().ok_or_else(|| {
        Failure::new(Kind::NotFound, "there is no backup that is known here")
            .hint("keyfold backup --to FOLDER makes one; backup drill FILE tries another")
    })?;
    Ok(newest.path())
}

/// A place below the state folder: what lies there is encrypted, private, and on a disk that has room for a replica.
fn try_out(
    context: &mut Context,
    session: &mut Session,
    file: &Path,
    credential: &Credential,
    folder: &Path,
) -> Result<Drill, Failure> {
    interrupt::guard(folder);
    context.storage.make_folder(folder)?;
    let _lock = context
        .storage
        .lock(&folder.join(LOCK), LockKind::Exclusive, Duration::ZERO)?;
    let places = Places {
        vault_file: folder.join("vault.keyfold"),
        state_folder: folder.join("state"),
    };
    let storage = context.storage.clone();
    let (path, memory) = (&places.vault_file, &mut MappedMemory);
    restore_into(&*storage, file, path, credential, memory, &mut context.rng)?;
    let located = locate(storage, &places)?;
    let (keys, slot) = located.unlock(credential, &mut MappedMemory)?;
    let now = context.now();
    let restored = located.open(keys, Some(slot), "drill", now, &mut context.rng)?;
    Ok(session.vault()?.compare_with_restored(&restored)?)
}

fn explain(failure: Failure, check: &BackupCheck) -> Failure {
    if failure.kind != Kind::Locked {
        return failure;
    }
    match check.key {
        BackupKey::Current => failure,
        BackupKey::FormerWayIn | BackupKey::FormerKey => Failure::new(
            Kind::Locked,
            "the backup is whole, and was made before the password was changed: it opens with the password of its time only",
        )
        .hint("--source-password-file PATH gives that one; keyfold backup makes one for the new password"),
    }
}

fn report<'a>(file: &Path, check: &BackupCheck, drill: &'a Drill) -> Report<'a> {
    Report {
        schema: 1,
        ok: drill.is_ok(),
        file: file.display().to_string(),
        made: check.made.map(|made| made.to_rfc3339()),
        items: drill.items,
        records: drill.records,
        secrets: drill.secrets,
        files: drill.files,
        file_bytes: drill.file_bytes,
        files_elsewhere: drill.files_elsewhere,
        erased_since: drill.erased_since,
        behind: drill.behind,
        news: drill.news,
        wrong: &drill.wrong,
        wrong_count: drill.wrong_count,
    }
}

fn print(
    context: &Context,
    file: &Path,
    check: &BackupCheck,
    drill: &Drill,
    is_clear: bool,
) -> Result<(), Failure> {
    let output = &context.output;
    let age = check.made.map(|made| describe_age(made, context.now()));
    output.line(&format!(
        "{}, made {}",
        file.display(),
        age.as_deref().unwrap_or("at an unknown time")
    ))?;
    output.line(&format!(
        "restored and opened with the password: {} in {}, {} opened, {} read ({})",
        plural(drill.items, "item", "items"),
        plural(drill.records, "change", "changes"),
        plural(drill.secrets, "secret", "secrets"),
        plural(drill.files, "file", "files"),
        describe_size(drill.file_bytes)
    ))?;
    for (count, text) in [
        (drill.behind, "changes of the vault came after it"),
        (
            drill.news,
            "changes in it are not in the vault; restoring brings them",
        ),
        (drill.erased_since, "values were erased for good since"),
        (
            drill.files_elsewhere,
            "files had not arrived when it was made",
        ),
    ] {
        if count > 0 {
            output.line(&format!("{count} {text}"))?;
        }
    }
    for wrong in &drill.wrong {
        output.line(&format!("wrong: {wrong}"))?;
    }
    output.line(&match drill.wrong_count {
        0 if is_clear => {
            "all of it is the same as in the vault; nothing of the drill is left".to_owned()
        }
        0 => "all of it is the same as in the vault".to_owned(),
        count => format!(
            "{} from the vault",
            plural(count, "difference", "differences")
        ),
    })
}
