//! `backup restore`: what a backup would bring back, shown before it is merged; or a vault where there is none.

use crate::cli::{Merge, RestoreBackup, SourceFlags};
use crate::commands::merge;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::memory::MappedMemory;
use crate::notices::plural;
use crate::prompt::{self, SecretFiles};
use crate::session::Session;
use keyfold::vault::{Credential, restore_into};
use serde::Serialize;
use std::path::Path;

pub(super) fn run(context: &mut Context, args: RestoreBackup) -> Result<(), Failure> {
    if let Some(target) = &args.replace_into {
        return into_new_path(context, &args.file, target, &args.source);
    }
    let merged = Merge {
        file: args.file,
        dry_run: args.dry_run,
        yes: args.yes,
        source: args.source,
    };
    let mut session = Session::open_own(context)?;
    let source = merge::read(context, &mut session, &merged)?;
    let found = session.vault()?.preview_merge(&source)?;
    if !context.output.json {
        merge::show(context, &found);
    }
    if merged.dry_run {
        return merge::conclude(context, &found, true);
    }
    if found.records > 0 && !merged.yes && !prompt::confirm(context, "Take this in?")? {
        return Err(Failure::failed("nothing was restored").hint("--yes answers for you"));
    }
    let now = context.now();
    let done = {
        let _progress = context.output.progress("Restoring");
        session.vault()?.merge(&source, now, &mut context.rng)?
    };
    session.tell(context);
    merge::conclude(context, &done, false)
}

fn into_new_path(
    context: &mut Context,
    file: &Path,
    target: &Path,
    flags: &SourceFlags,
) -> Result<(), Failure> {
    let target = std::path::absolute(target)?;
    let credential = credential_of(context, file, flags)?;
    let storage = context.storage.clone();
    let restored = {
        let _progress = context.output.progress("Restoring");
        let memory = &mut MappedMemory;
        restore_into(
            &*storage,
            file,
            &target,
            &credential,
            memory,
            &mut context.rng,
        )?
    };
    if restored.missing_pieces > 0 {
        context.output.warn(&format!(
            "{} of attached files not in it.",
            plural(restored.missing_pieces, "piece is", "pieces are")
        ));
    }
    if context.output.json {
        #[derive(Serialize)]
        struct Restored {
            schema: u32,
            vault: String,
            id: String,
            items: usize,
            records: usize,
            pieces: usize,
            missing_pieces: usize,
            bytes: u64,
        }
        return context.output.json(&Restored {
            schema: 1,
            vault: target.display().to_string(),
            id: restored.vault.to_string(),
            items: restored.items,
            records: restored.records,
            pieces: restored.pieces,
            missing_pieces: restored.missing_pieces,
            bytes: restored.length,
        });
    }
    context.output.line(&target.display().to_string())?;
    context.output.note(&format!(
        "  {} in {}, all of it authenticated. A device that knows this vault unites it with what it knows when it opens it; --at TIME shows what was.",
        plural(restored.items, "item", "items"),
        plural(restored.records, "change", "changes")
    ));
    Ok(())
}

/// What opens the backup: from its own options, else as any vault.
pub(super) fn credential_of(
    context: &Context,
    file: &Path,
    flags: &SourceFlags,
) -> Result<Credential, Failure> {
    let shown = file.display().to_string();
    if !is_given(flags) {
        return Session::credential(context, &shown, None);
    }
    let files = SecretFiles::from(flags);
    prompt::other_credential(context, &files, &format!("Password of {shown}: "), || {
        Failure::new(Kind::Locked, "the backup needs its own password")
            .hint("--source-password-file PATH gives it")
    })
}

/// Whether options bring what opens the backup.
pub(super) fn is_given(flags: &SourceFlags) -> bool {
    flags.source_password_file.is_some()
        || flags.source_key_file.is_some()
        || flags.source_recovery_key_file.is_some()
}
