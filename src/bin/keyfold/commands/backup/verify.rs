//! `backup verify`: every record and every file of backups authenticated again, under the vault's keys.

use super::places;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::notices::plural;
use crate::session::{Session, unexpected};
use keyfold::service::{Request, Response};
use keyfold::vault::{BackupCheck, BackupKey, NotedBackup, Presence, list_backups, mark_told};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Serialize)]
struct Report {
    schema: u32,
    ok: bool,
    backups: Vec<Row>,
    /// Verified before, and not there any more; each is told once.
    gone: Vec<String>,
    unreachable: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    file: String,
    ok: bool,
    made: Option<String>,
    bytes: Option<u64>,
    records: Option<usize>,
    pieces: Option<usize>,
    missing_pieces: Option<usize>,
    /// Changes of the vault that came after it, and changes in it that the vault does not have.
    behind: Option<usize>,
    news: Option<usize>,
    /// `current`, `former-password`, `former-key`; null where nothing of it opens here.
    opens_with: Option<&'static str>,
    damage: Vec<Damage>,
    changed_since: Option<String>,
    error: Option<String>,
    #[serde(skip)]
    kind: Option<Kind>,
}

#[derive(Serialize)]
struct Damage {
    offset: u64,
    length: u64,
    reason: String,
}

/// What is to be verified, and what was looked for in vain.
#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    gone: Vec<NotedBackup>,
    unreachable: Vec<String>,
}

pub(super) fn run(context: &mut Context, named: &[String]) -> Result<ExitCode, Failure> {
    let found = find(context, named)?;
    if found.files.is_empty() && found.gone.is_empty() && found.unreachable.is_empty() {
        return Err(
            Failure::new(Kind::NotFound, "there is no backup that is known here")
                .hint("keyfold backup --to FOLDER makes one; backup verify FOLDER looks elsewhere"),
        );
    }
    let mut session = Session::open(context)?;
    let mut rows = Vec::new();
    for path in &found.files {
        rows.push(verify(context, &mut session, path)?);
    }
    let kinds: Vec<Kind> = rows.iter().filter_map(|row| row.kind).collect();
    let exit = [Kind::Damaged, Kind::Locked, Kind::Failed]
        .into_iter()
        .find(|kind| kinds.contains(kind))
        .or((!kinds.is_empty() || !found.unreachable.is_empty()).then_some(Kind::Failed))
        .or((!found.gone.is_empty()).then_some(Kind::NotFound));
    let gone: Vec<String> = found
        .gone
        .iter()
        .map(|backup| backup.path().display().to_string())
        .collect();
    if context.output.json {
        context.output.json(&Report {
            schema: 1,
            ok: exit.is_none(),
            backups: rows,
            gone,
            unreachable: found.unreachable,
        })?;
        mark_gone(context, &found.gone)?;
        return Ok(exit.map_or(ExitCode::SUCCESS, Kind::exit_code));
    }
    print(context, &rows)?;
    // Only now: whoever broke the pipe was told nothing.
    if !context.output.is_quiet() {
        mark_gone(context, &found.gone)?;
    }
    exit.map_or(Ok(ExitCode::SUCCESS), |kind| {
        Err(failure(kind, &rows, &gone, &found.unreachable))
    })
}

fn find(context: &mut Context, named: &[String]) -> Result<Found, Failure> {
    let (vault, noted) = places::noted(context)?;
    let storage = context.storage.clone();
    let mut found = Found::default();
    let mut folders = Vec::new();
    if named.is_empty() {
        folders = places::known(context, &noted)?;
    }
    for text in named {
        let place = places::named(context, text)?;
        // What is no folder is meant as a backup, whatever it is called; a link is refused when it is opened.
        let is_file = storage
            .stamp(&place.folder)?
            .is_some_and(|stamp| stamp.kind != keyfold::storage::FileKind::Folder);
        if is_file {
            found.files.push(place.folder);
        } else {
            folders.push(place);
        }
    }
    for place in folders {
        match list_backups(&*storage, &place.folder, vault) {
            Ok(listed) => found
                .files
                .extend(listed.into_iter().map(|listed| listed.path)),
            Err(error) => found.unreachable.push(error.to_string()),
        }
        let gone = noted.iter().filter(|noted| {
            noted.folder == place.folder && noted.presence(&*storage, vault) == Presence::Gone
        });
        found.gone.extend(gone.cloned());
    }
    Ok(found)
}

/// Told once. They are not forgotten: a folder without its disk looks the same.
fn mark_gone(context: &mut Context, gone: &[NotedBackup]) -> Result<(), Failure> {
    let vault = places::vault(context)?;
    let own = context.places()?;
    let paths: Vec<PathBuf> = gone.iter().map(NotedBackup::path).collect();
    let storage = context.storage.clone();
    Ok(mark_told(&*storage, &own, vault, &paths, &mut context.rng)?)
}

fn verify(context: &mut Context, session: &mut Session, path: &Path) -> Result<Row, Failure> {
    let answer = {
        let _progress = context.output.progress("Verifying");
        session.ask(context, Request::VerifyBackup(path.to_owned()))
    };
    match answer {
        Ok(Response::BackupVerified(check)) => Ok(row(*check)),
        Ok(_) => Err(unexpected()),
        Err(failure) => {
            let failure = match failure.kind {
                Kind::Locked => Failure::new(
                    Kind::Locked,
                    "it lies under a key that this vault does not know: it was made before the vault got another key elsewhere, or after; its own password opens it",
                )
                .hint("keyfold backup restore FILE --dry-run --source-password-file PATH looks into it"),
                _ => failure,
            };
            Ok(Row {
                file: path.display().to_string(),
                ok: false,
                made: None,
                bytes: None,
                records: None,
                pieces: None,
                missing_pieces: None,
                behind: None,
                news: None,
                opens_with: None,
                damage: Vec::new(),
                changed_since: None,
                error: Some(super::on_one_line(&failure)),
                kind: Some(failure.kind),
            })
        }
    }
}

fn row(check: BackupCheck) -> Row {
    let damage = check.damage.iter().map(|damage| Damage {
        offset: damage.offset,
        length: damage.length,
        reason: damage.reason.clone().into_owned(),
    });
    Row {
        file: check.path.display().to_string(),
        ok: check.ok,
        made: check.made.map(|made| made.to_rfc3339()),
        bytes: Some(check.length),
        records: Some(check.records),
        pieces: Some(check.pieces),
        missing_pieces: Some(check.missing_pieces),
        behind: Some(check.behind),
        news: Some(check.news),
        opens_with: Some(match check.key {
            BackupKey::Current => "current",
            BackupKey::FormerWayIn => "former-password",
            BackupKey::FormerKey => "former-key",
        }),
        damage: damage.collect(),
        changed_since: check.changed_since.map(|at| at.to_rfc3339()),
        error: (!check.ok).then(|| what_is_wrong(&check)),
        kind: (!check.ok).then_some(Kind::Damaged),
    }
}

fn what_is_wrong(check: &BackupCheck) -> String {
    let mut parts = Vec::new();
    if !check.damage.is_empty() {
        parts.push(format!(
            "it is damaged in {}",
            plural(check.damage.len(), "place", "places")
        ));
    }
    if check.missing_pieces > 0 {
        parts.push(format!(
            "{} of attached files missing",
            plural(check.missing_pieces, "piece is", "pieces are")
        ));
    }
    if check.strange {
        parts.push("parts of it were made by nobody here".to_owned());
    }
    if let Some(at) = check.changed_since {
        parts.push(format!(
            "it is not what was verified on {}: another file has its name",
            at.to_rfc3339().get(..16).unwrap_or_default()
        ));
    }
    if parts.is_empty() {
        parts.push("nothing in it authenticates".to_owned());
    }
    parts.join("; ")
}

fn failure(kind: Kind, rows: &[Row], gone: &[String], unreachable: &[String]) -> Failure {
    let bad = rows.iter().filter(|row| !row.ok);
    let bad = bad.map(|row| format!("{}: {}", row.file, row.error.as_deref().unwrap_or_default()));
    let bad: Vec<String> = bad.collect();
    let text = match bad.len() {
        0 if !unreachable.is_empty() => "a folder of backups cannot be looked at".to_owned(),
        0 => format!("{} gone", plural(gone.len(), "backup is", "backups are")),
        count => format!("{} not good", plural(count, "backup is", "backups are")),
    };
    let gone = gone.iter().map(|path| {
        format!("{path}: was verified once and is gone; if nobody here removed it, look who did")
    });
    let lines = bad.into_iter().chain(unreachable.iter().cloned());
    Failure::new(kind, text).candidates(lines.chain(gone).collect())
}

fn print(context: &Context, rows: &[Row]) -> Result<(), Failure> {
    let output = &context.output;
    for row in rows {
        if row.ok {
            let text =
                |count: Option<usize>, one, many| plural(count.unwrap_or_default(), one, many);
            let mut line = format!(
                "{}: whole, {}",
                row.file,
                text(row.records, "change", "changes")
            );
            if row.pieces != Some(0) {
                line.push_str(&format!(
                    ", {}",
                    text(row.pieces, "piece of files", "pieces of files")
                ));
            }
            if let Some(behind) = row.behind.filter(|behind| *behind > 0) {
                line.push_str(&format!(", {behind} newer in the vault"));
            }
            if let Some(news) = row.news.filter(|news| *news > 0) {
                line.push_str(&format!(", {news} that the vault does not have"));
            }
            match row.opens_with {
                Some("former-password") => {
                    line.push_str(", opens with the password of its time only");
                }
                Some("former-key") => {
                    line.push_str(
                        ", lies under a former key and opens with the password of its time only",
                    );
                }
                _ => {}
            }
            output.line(&line)?;
        }
    }
    Ok(())
}
