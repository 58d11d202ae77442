//! `backup`: verified copies of the vault elsewhere.
//!
//! Each place is done by itself: one that is not there keeps none of the others from its backup. Nothing is removed before
//! a new backup was read back and authenticated in the same place.

mod drill;
mod ls;
mod places;
mod restore;
mod schedule;
mod verify;

use crate::cli::{Backup, BackupAction};
use crate::commands::attach::describe_size;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::notices::plural;
use crate::session::{Session, unexpected};
use crate::span;
pub(crate) use drill::clear_left as clear_drills;
use keyfold::model::ids::VaultId;
use keyfold::model::moment::Moment;
use keyfold::service::{Request, Response};
use keyfold::vault::{
    BackupMade, CLOCK_SLACK_MILLISECONDS, Keep, NotedBackup, Presence, noted_backups, prune,
    surplus_backups,
};
pub(crate) use places::{Place, configured};
use serde::Serialize;
use std::process::ExitCode;

#[derive(Serialize)]
struct Report {
    schema: u32,
    vault: String,
    dry_run: bool,
    targets: Vec<Row>,
}

/// What became of one place.
#[derive(Serialize)]
struct Row {
    name: Option<String>,
    folder: String,
    /// `made`, `due` (in a dry run), `young` or `failed`.
    outcome: &'static str,
    file: Option<String>,
    made: Option<String>,
    bytes: Option<u64>,
    records: Option<usize>,
    pieces: Option<usize>,
    missing_pieces: Option<usize>,
    removed: Vec<String>,
    /// Why nothing was removed that the rules let go: `missing_pieces`.
    kept_because: Option<&'static str>,
    error: Option<String>,
    #[serde(skip)]
    kind: Option<Kind>,
}

impl Row {
    fn new(place: &Place, outcome: &'static str) -> Self {
        Self {
            name: place.name.clone(),
            folder: place.folder.display().to_string(),
            outcome,
            file: None,
            made: None,
            bytes: None,
            records: None,
            pieces: None,
            missing_pieces: None,
            removed: Vec::new(),
            kept_because: None,
            error: None,
            kind: None,
        }
    }
}

pub(crate) fn run(context: &mut Context, args: Backup) -> Result<ExitCode, Failure> {
    match args.action {
        None => make(context, &args),
        Some(BackupAction::Verify { places }) => verify::run(context, &places),
        Some(BackupAction::Drill(args)) => drill::run(context, &args),
        Some(BackupAction::Ls { places }) => ls::run(context, &places).map(|()| ExitCode::SUCCESS),
        Some(BackupAction::Restore(args)) => {
            restore::run(context, args).map(|()| ExitCode::SUCCESS)
        }
        Some(BackupAction::Schedule { kind, if_older }) => {
            schedule::run(context, kind, &if_older).map(|()| ExitCode::SUCCESS)
        }
    }
}

/// Everything that is decided before the vault is opened: a timer that finds nothing to do asks nobody for a password.
fn make(context: &mut Context, args: &Backup) -> Result<ExitCode, Failure> {
    let places = places::chosen(context, &args.to)?;
    let keep = places::keep(context, &args.keep)?;
    let limit = match &args.if_older {
        Some(text) => span::read("--if-older", text)?,
        None => Some(0),
    };
    let vault = places::vault(context)?;
    let own = context.places()?;
    let now = context.now();
    let noted = noted_backups(&*context.storage, &own, vault);
    let (due, young): (Vec<Place>, Vec<Place>) = places
        .into_iter()
        .partition(|place| is_due(context, place, vault, &noted, limit, now));
    let mut rows: Vec<Row> = young.iter().map(|place| Row::new(place, "young")).collect();
    if args.dry_run {
        for place in &due {
            let coming = Some(now);
            let storage = &*context.storage;
            let when = (now, coming);
            let surplus = surplus_backups(storage, &noted, &place.folder, vault, &keep, when);
            let mut row = Row::new(place, "due");
            row.removed = surplus.iter().map(|backup| backup.name.clone()).collect();
            rows.push(row);
        }
    } else if !due.is_empty() {
        let mut session = Session::open(context)?;
        for place in &due {
            let row = back_up(context, &mut session, place, vault, &keep);
            rows.push(row);
        }
    }
    let failed = what_failed(&rows);
    if context.output.json {
        let vault = own.vault_file.display().to_string();
        context.output.json(&Report {
            schema: 1,
            vault,
            dry_run: args.dry_run,
            targets: rows,
        })?;
    } else {
        print(context, &rows)?;
        if let Some((_, failure)) = failed {
            return Err(failure);
        }
    }
    Ok(failed.map_or(ExitCode::SUCCESS, |(kind, _)| kind.exit_code()))
}

/// Whether a place has no verified backup that is young enough and still there. One that is dated in the future is not
/// young: a clock that was wrong once must not end all backups.
fn is_due(
    context: &Context,
    place: &Place,
    vault: VaultId,
    noted: &[NotedBackup],
    limit: Option<u64>,
    now: Moment,
) -> bool {
    let Some(limit) = limit else {
        // "never" is older than nothing: one backup is enough for ever.
        return !noted.iter().any(|backup| {
            backup.folder == place.folder
                && backup.presence(&*context.storage, vault) == Presence::There
        });
    };
    let is_young = |backup: &&NotedBackup| {
        !backup.is_of_the_future(now) && now.0.saturating_sub(backup.made.0) / 1000 < limit
    };
    let mut young = noted
        .iter()
        .filter(|backup| backup.folder == place.folder)
        .filter(is_young);
    !young.any(|backup| backup.presence(&*context.storage, vault) == Presence::There)
}

fn back_up(
    context: &mut Context,
    session: &mut Session,
    place: &Place,
    vault: VaultId,
    keep: &Keep,
) -> Row {
    let made = {
        let _progress = context.output.progress("Backing up");
        session.ask(context, Request::BackUp(place.folder.clone()))
    };
    let made = match made {
        Ok(Response::BackedUp(made)) => made,
        Ok(_) => return failed(place, &unexpected()),
        Err(failure) => return failed(place, &place.explain(context, failure)),
    };
    let mut row = Row::new(place, "made");
    row.file = Some(made.folder.join(&made.name).display().to_string());
    row.made = Some(made.made.to_rfc3339());
    row.bytes = Some(made.length);
    row.records = Some(made.records);
    row.pieces = Some(made.pieces);
    row.missing_pieces = Some(made.missing_pieces);
    if let Err(failure) = remove_surplus(context, &made, vault, keep, &mut row) {
        row.error = Some(format!("old backups stay: {}", on_one_line(&failure)));
        row.kind = Some(failure.kind);
    }
    row
}

fn failed(place: &Place, failure: &Failure) -> Row {
    let mut row = Row::new(place, "failed");
    row.error = Some(on_one_line(failure));
    row.kind = Some(failure.kind);
    row
}

/// Only after a backup that was verified, and that lacks nothing: older ones may hold the pieces of files that it leaves
/// out.
fn remove_surplus(
    context: &mut Context,
    made: &BackupMade,
    vault: VaultId,
    keep: &Keep,
    row: &mut Row,
) -> Result<(), Failure> {
    if keep.is_empty() {
        return Ok(());
    }
    let own = context.places()?;
    let noted = noted_backups(&*context.storage, &own, vault);
    // A backup that this device could not take note of counts for none.
    if !noted
        .iter()
        .any(|noted| noted.name == made.name && noted.folder == made.folder)
    {
        return Ok(());
    }
    let now = context.now();
    let mut surplus = surplus_backups(
        &*context.storage,
        &noted,
        &made.folder,
        vault,
        keep,
        (now, None),
    );
    surplus.retain(|backup| backup.name != made.name);
    if made.missing_pieces > 0 {
        row.kept_because = (!surplus.is_empty()).then_some("missing_pieces");
        return Ok(());
    }
    let storage = context.storage.clone();
    let pruned = prune(&*storage, &own, vault, &surplus, &mut context.rng);
    row.removed = pruned
        .gone
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    if let Some(error) = pruned.refused {
        return Err(error.into());
    }
    if let Some(error) = pruned.unnoted {
        let failure = Failure::from(error);
        row.error = Some(format!(
            "old backups were removed, and this device could not take note of that: {}",
            on_one_line(&failure)
        ));
        row.kind = Some(failure.kind);
    }
    Ok(())
}

/// What went wrong and what to do about it, as a part of a list.
fn on_one_line(failure: &Failure) -> String {
    failure.told().replace("\n  ", "; ")
}

/// One failure for all places that failed. Damage tells most; else what all have in common, else that something failed.
fn what_failed(rows: &[Row]) -> Option<(Kind, Failure)> {
    let kinds: Vec<Kind> = rows.iter().filter_map(|row| row.kind).collect();
    let first = *kinds.first()?;
    let kind = if kinds.contains(&Kind::Damaged) {
        Kind::Damaged
    } else if kinds.iter().all(|kind| *kind == first) {
        first
    } else {
        Kind::Failed
    };
    let failed = rows.iter().filter_map(|row| {
        let error = row.error.as_ref()?;
        Some(format!("{}: {error}", row.folder))
    });
    let text = format!(
        "backing up failed in {} of {}",
        kinds.len(),
        plural(rows.len(), "place", "places")
    );
    Some((kind, Failure::new(kind, text).candidates(failed.collect())))
}

/// Paths of what was made on standard output, all else beside it; nothing where nothing was due.
fn print(context: &Context, rows: &[Row]) -> Result<(), Failure> {
    let output = &context.output;
    for row in rows {
        if let Some(file) = &row.file {
            output.line(file)?;
            let records = plural(row.records.unwrap_or_default(), "change", "changes");
            let pieces = match row.pieces.unwrap_or_default() {
                0 => String::new(),
                pieces => format!(
                    " and {}",
                    plural(pieces, "piece of files", "pieces of files")
                ),
            };
            output.note(&format!(
                "  {}, {records}{pieces}, all of it read back and authenticated.",
                describe_size(row.bytes.unwrap_or_default())
            ));
        }
        if let Some(missing) = row.missing_pieces.filter(|missing| *missing > 0) {
            output.warn(&format!(
                "  {} of attached files not in it: this device does not have them; a device that has brings them by the drive.",
                plural(missing, "piece is", "pieces are")
            ));
        }
        if row.kept_because.is_some() {
            output.warn("  No older backup was removed, whatever the rules say: one of them may hold what is missing.");
        }
        if row.outcome == "due" {
            output.line(&format!("would back up to {}", row.folder))?;
        }
        for name in &row.removed {
            let verb = if row.outcome == "due" {
                "would remove"
            } else {
                "removed"
            };
            output.note(&format!("  {verb} {name}"));
        }
    }
    Ok(())
}

/// After a change of the password or the key: older backups go on opening the old way.
pub(crate) fn remind(context: &mut Context) {
    // Whoever cannot be told has changed the password all the same.
    if places::noted(context).is_ok_and(|(_, noted)| !noted.is_empty()) {
        context.output.note(
            "Backups made before open with the password of their time only: keyfold backup makes one that opens with the new one.",
        );
    }
}

/// How long ago, for people.
pub(crate) fn describe_age(then: Moment, now: Moment) -> String {
    let minutes = now.0.saturating_sub(then.0) / 60_000;
    match (minutes / 60, minutes) {
        _ if then.0 > now.0.saturating_add(CLOCK_SLACK_MILLISECONDS) => {
            "dated in the future".to_owned()
        }
        (_, 0) => "just now".to_owned(),
        (0, minutes) => format!("{minutes} min ago"),
        (hours @ 1..48, _) => format!("{hours} h ago"),
        (hours, _) => format!("{} days ago", hours / 24),
    }
}
