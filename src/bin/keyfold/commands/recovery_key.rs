//! `recovery-key`: the way in for the day the password is forgotten.

use crate::cli::{RecoveryKey as Args, RecoveryKeyAction};
use crate::commands::init::stretched;
use crate::context::Context;
use crate::failure::Failure;
use crate::memory::MappedMemory;
use crate::output::Ending;
use crate::prompt;
use crate::session::Session;
use keyfold::crypto::kdf::KdfCost;
use keyfold::crypto::recovery::RecoveryKey;
use keyfold::vault::{Credential, locate};
use serde::Serialize;

pub(crate) fn run(context: &mut Context, args: &Args) -> Result<(), Failure> {
    match args.action {
        RecoveryKeyAction::Make => make(context),
        RecoveryKeyAction::Test => test(context),
    }
}

fn make(context: &mut Context) -> Result<(), Failure> {
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
    session.vault()?.add_slot(secret, now, &mut context.rng)?;
    session.tell(context);
    if context.output.json {
        #[derive(Serialize)]
        struct Made<'a> {
            schema: u32,
            recovery_key: &'a str,
        }
        // EXPOSE: the key is shown this once.
        return context.output.json(&Made {
            schema: 1,
            recovery_key: text.expose(),
        });
    }
    context
        .output
        .note("Recovery key, shown this once. Write it down and keep it away from this device:");
    context.output.secret(&text, Ending::Newline)?;
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

fn test(context: &mut Context) -> Result<(), Failure> {
    let places = context.places()?;
    let located = locate(context.storage.clone(), &places)?;
    let key = prompt::recovery_key(context)?;
    located.unlock(&Credential::RecoveryKey(key), &mut MappedMemory)?;
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
