//! `recovery-key`: the way in for the day the password is forgotten.

mod combine;
pub(crate) mod kit;
mod split;

use crate::cli::{RecoveryKey as Args, RecoveryKeyAction};
use crate::commands::init::stretched;
use crate::context::Context;
use crate::failure::Failure;
use crate::memory::MappedMemory;
use crate::output::Ending;
use crate::prompt;
use crate::session::{Session, unexpected};
use keyfold::crypto::kdf::KdfCost;
use keyfold::crypto::recovery::RecoveryKey;
use keyfold::secret::Secret;
use keyfold::vault::{Credential, locate};
use serde::Serialize;
use std::path::Path;

pub(crate) fn run(context: &mut Context, args: &Args) -> Result<(), Failure> {
    match &args.action {
        RecoveryKeyAction::Make { kit } => make(context, kit.as_deref()),
        RecoveryKeyAction::Test => test(context),
        RecoveryKeyAction::Kit { file } => kit::of_known(context, file),
        RecoveryKeyAction::Split {
            shares,
            threshold,
            output,
            format,
            qr,
        } => {
            let wanted = split::Wanted {
                shares: *shares,
                threshold: *threshold,
                folder: output.as_deref(),
                extension: format,
                shows_codes: *qr,
            };
            split::run(context, &wanted)
        }
        RecoveryKeyAction::Combine { share_file } => combine::run(context, share_file),
    }
}

fn make(context: &mut Context, page: Option<&Path>) -> Result<(), Failure> {
    if let Some(path) = page {
        kit::refuse_taken(context, path)?;
    }
    let mut session = Session::open_own(context)?;
    let had_one = session.vault()?.has_recovery_slot();
    let key = RecoveryKey::make(&mut context.rng);
    let text = key.to_text();
    let secret = stretched(
        context,
        &Credential::RecoveryKey(key),
        KdfCost::FLOOR,
        "recovery key",
    )?;
    let now = context.now();
    // The page goes first: a key that stands nowhere would close the way that the former one is.
    if let Some(path) = page {
        let vault = kit::Named::of(session.vault()?);
        kit::write(context, path, &vault, &text)?;
    }
    let id = secret.id();
    if let Err(error) = session.vault()?.add_slot(secret, now, &mut context.rng) {
        // The key may be in force all the same, where only its durability is unknown: then it must not be lost.
        let is_live = session.vault()?.slot_rows().iter().any(|row| row.id == id);
        if !is_live {
            if let Some(path) = page {
                drop(context.storage.remove(path));
            }
            return Err(error.into());
        }
        context.output.warn(&Failure::from(error).told());
    }
    session.tell(context);
    show(context, &text, page)?;
    if had_one {
        context
            .output
            .note("The recovery key before this one opens nothing any more.");
    }
    context
        .output
        .note("keyfold recovery-key test proves the paper without changing anything.");
    Ok(())
}

/// Shows a new key this once, unless a page holds it.
pub(crate) fn show(context: &Context, key: &Secret, page: Option<&Path>) -> Result<(), Failure> {
    if let Some(path) = page {
        kit::tell(context, path);
    }
    if context.output.json {
        #[derive(Serialize)]
        struct Made<'a> {
            schema: u32,
            recovery_key: Option<&'a str>,
            kit: Option<String>,
        }
        return context.output.json(&Made {
            schema: 1,
            // EXPOSE: the key is shown this once.
            recovery_key: page.is_none().then(|| key.expose()),
            kit: page.map(|path| path.display().to_string()),
        });
    }
    if page.is_some() {
        return Ok(());
    }
    context
        .output
        .note("Recovery key, shown this once. Write it down and keep it away from this device:");
    context.output.secret(key, Ending::Newline)
}

/// The key that is on paper, typed or from a file, once it is proven to open the vault.
fn proven(context: &mut Context) -> Result<(RecoveryKey, kit::Named), Failure> {
    let places = context.places()?;
    let located = locate(context.storage.clone(), &places)?;
    let key = prompt::recovery_key(context)?;
    let vault = kit::Named {
        path: places.vault_file.display().to_string(),
        id: located.id().to_string(),
    };
    let credential = Credential::RecoveryKey(key);
    located.unlock(&credential, &mut MappedMemory)?;
    let Credential::RecoveryKey(key) = credential else {
        return Err(unexpected());
    };
    Ok((key, vault))
}

fn test(context: &mut Context) -> Result<(), Failure> {
    proven(context)?;
    if context.output.json {
        #[derive(Serialize)]
        struct Tested {
            schema: u32,
            ok: bool,
        }
        return context.output.json(&Tested {
            schema: 1,
            ok: true,
        });
    }
    context.output.note("That recovery key opens the vault.");
    Ok(())
}
