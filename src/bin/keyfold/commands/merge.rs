//! `merge`: another file of this vault, taken in because the user says so; what it changes is shown first.

use crate::cli::Merge;
use crate::context::Context;
use crate::escape::escape;
use crate::failure::{Failure, Kind};
use crate::memory::MappedMemory;
use crate::notices::plural;
use crate::prompt::{self, SecretFiles};
use crate::session::Session;
use keyfold::state::view::Life;
use keyfold::vault::{
    self, Credential, MergeSource, MergedItem, Relation, UnlockError, VaultError,
};
use serde::Serialize;

/// Items that a terminal shows; `--json` has all.
const SHOWN: usize = 50;

#[derive(Serialize)]
struct Report {
    schema: u32,
    key: &'static str,
    records: usize,
    refused: usize,
    damaged: usize,
    dry_run: bool,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    id: String,
    path: String,
    new: bool,
    changed: Vec<String>,
    conflicts: Vec<String>,
    life: Option<&'static str>,
    erased: usize,
}

pub(crate) fn run(context: &mut Context, args: &Merge) -> Result<(), Failure> {
    let mut session = Session::open_own(context)?;
    let source = read(context, &mut session, args)?;
    if args.dry_run {
        let found = session.vault()?.preview_merge(&source)?;
        if !context.output.json {
            show(context, &found);
        }
        return conclude(context, &found, true);
    }
    take(context, &mut session, &source, args.yes)
}

/// Reads the file, and asks for what opens it where it lies under another key.
pub(crate) fn read(
    context: &Context,
    session: &mut Session,
    args: &Merge,
) -> Result<MergeSource, Failure> {
    match session.vault()?.read_merge_source(&args.file, None) {
        Err(VaultError::Unlock(UnlockError::OtherKey)) => {
            let credential = credential(context, args)?;
            let _progress = context.output.progress("Unlocking");
            let opened = session
                .vault()?
                .read_merge_source(&args.file, Some((&credential, &mut MappedMemory)));
            Ok(opened?)
        }
        read => Ok(read?),
    }
}

fn credential(context: &Context, args: &Merge) -> Result<Credential, Failure> {
    let files = SecretFiles::from(&args.source);
    let question = format!("Password of {}: ", args.file.display());
    prompt::other_credential(context, &files, &question, || {
        Failure::new(
            Kind::Locked,
            "the file lies under another key, which needs its own password",
        )
        .hint("--source-password-file PATH gives it")
    })
}

/// Shows what would change and merges; a file under another key only if the user agrees.
pub(crate) fn take(
    context: &mut Context,
    session: &mut Session,
    source: &MergeSource,
    agreed: bool,
) -> Result<(), Failure> {
    let asks = source.relation() != Relation::Same && !agreed;
    if asks {
        let found = session.vault()?.preview_merge(source)?;
        show(context, &found);
        if !prompt::confirm(context, "Take this in?")? {
            return Err(Failure::failed("nothing was merged").hint("--yes answers for you"));
        }
    }
    let now = context.now();
    let done = {
        let _progress = context.output.progress("Merging");
        session.vault()?.merge(source, now, &mut context.rng)?
    };
    session.tell(context);
    if !asks && !context.output.json {
        show(context, &done);
    }
    conclude(context, &done, false)
}

/// Tells how much came, or would.
pub(crate) fn conclude(
    context: &Context,
    found: &vault::Merge,
    dry_run: bool,
) -> Result<(), Failure> {
    if context.output.json {
        return context.output.json(&report(found, dry_run));
    }
    let (records, items) = (
        plural(found.records, "change", "changes"),
        plural(found.items.len(), "item", "items"),
    );
    context.output.line(&match (found.records, dry_run) {
        (0, _) => "It holds nothing that is not here".to_owned(),
        (_, true) => format!("Would merge {records} to {items}"),
        (_, false) => format!("Merged {records} to {items}"),
    })
}

/// What changes, item by item, on standard error.
pub(crate) fn show(context: &Context, found: &vault::Merge) {
    let output = &context.output;
    match found.relation {
        Relation::Same => {}
        Relation::Former => output.note("The file lies under a former key: whoever knew an old password could have written it."),
        Relation::Apart => output.note("The file lies under a key that was made apart from this vault's. This vault's password is the one that counts afterwards: if the file was rekeyed to shut somebody out, merge on the device that did that instead."),
    }
    for item in found.items.iter().take(SHOWN) {
        output.note(&format!("  {}", escape(&describe(item))));
    }
    if found.items.len() > SHOWN {
        output.note(&format!(
            "  and {} more; --json has all",
            found.items.len() - SHOWN
        ));
    }
    if found.refused > 0 {
        output.warn(&format!(
            "{} out: closing a way into this vault, or damaged.",
            plural(found.refused, "change stays", "changes stay")
        ));
    }
    if found.damaged > 0 {
        output.warn(&format!(
            "The file is damaged in {}.",
            plural(found.damaged, "place", "places")
        ));
    }
}

fn describe(item: &MergedItem) -> String {
    let mut parts = Vec::new();
    if item.is_new {
        parts.push("new".to_owned());
    } else if !item.changed.is_empty() {
        parts.push(format!("changes {}", item.changed.join(", ")));
    }
    if !item.conflicts.is_empty() {
        parts.push(format!("conflict in {}", item.conflicts.join(", ")));
    }
    match item.life {
        Some(Life::Trashed) => parts.push("to the trash".to_owned()),
        Some(Life::Alive | Life::Back) => parts.push("back from the trash".to_owned()),
        None => {}
    }
    if item.erased > 0 {
        let values = plural(item.erased, "value", "values");
        parts.push(format!("erases {values} for good"));
    }
    if parts.is_empty() {
        parts.push("history".to_owned());
    }
    format!("{}: {}", item.path, parts.join("; "))
}

fn report(found: &vault::Merge, dry_run: bool) -> Report {
    let items = found.items.iter().map(|item| Item {
        id: item.item.to_string(),
        path: item.path.clone(),
        new: item.is_new,
        changed: item.changed.clone(),
        conflicts: item.conflicts.clone(),
        life: item.life.map(|life| match life {
            Life::Alive => "alive",
            Life::Trashed => "trashed",
            Life::Back => "back",
        }),
        erased: item.erased,
    });
    Report {
        schema: 1,
        key: match found.relation {
            Relation::Same => "same",
            Relation::Former => "former",
            Relation::Apart => "apart",
        },
        records: found.records,
        refused: found.refused,
        damaged: found.damaged,
        dry_run,
        items: items.collect(),
    }
}
