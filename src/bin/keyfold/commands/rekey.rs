//! `rekey`: a new data key, and only the ways in that are given now.

use crate::cli::Rekey;
use crate::commands::init::stretched;
use crate::commands::passwd::{cost, given_cost, new_credential};
use crate::commands::slots::forget_keyring;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Ending;
use crate::prompt;
use crate::session::Session;
use keyfold::crypto::recovery::RecoveryKey;
use keyfold::model::ids::SlotId;
use keyfold::secret::Secret;
use keyfold::vault::{Credential, NewSecret, Replacement};
use serde::Serialize;
use std::collections::BTreeSet;

pub(crate) fn run(context: &mut Context, args: &Rekey) -> Result<(), Failure> {
    given_cost(&args.kdf)?;
    let mut session = Session::open_own(context)?;
    let rows = session.vault()?.slot_rows();
    let told: BTreeSet<SlotId> = rows.iter().map(|row| row.id).collect();
    for row in rows {
        context.output.note(&format!(
            "This way in will be gone: {} ({}).",
            row.label,
            row.kind.name()
        ));
    }
    if !args.yes && context.may_ask() && !prompt::confirm(context, "Give the vault a new key?")? {
        return Err(Failure::failed("nothing was changed"));
    }
    let new = new_credential(
        context,
        args.new_password_file.as_deref(),
        args.new_key_file.as_deref(),
    )?;
    let cost = cost(context, &args.kdf)?;
    let mut secrets = vec![stretched(context, &new, cost, "password")?];
    let recovery = session
        .vault()?
        .has_recovery_slot()
        .then(|| RecoveryKey::make(&mut context.rng));
    let shown = recovery.as_ref().map(RecoveryKey::to_text);
    if let Some(key) = recovery {
        secrets.push(stretched(
            context,
            &Credential::RecoveryKey(key),
            cost,
            "recovery key",
        )?);
    }
    seal_anew(context, &mut session, &told, secrets, |context| {
        tell(context, shown.as_ref())
    })
}

/// Gives the vault a new key if these are still its ways in, and says so by `tell`, which shows a new recovery key: before
/// anything else can fail or wait. What is done is done, so what comes after it only warns.
pub(super) fn seal_anew(
    context: &mut Context,
    session: &mut Session,
    told: &BTreeSet<SlotId>,
    secrets: Vec<NewSecret>,
    tell: impl FnOnce(&mut Context) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let now = context.now();
    {
        let _progress = context.output.progress("Sealing everything anew");
        let new = Replacement { secrets };
        let vault = session.vault()?;
        vault.rekey_closing(Some(told), new, now, &mut context.rng)?;
    }
    let shown = tell(context);
    session.tell(context);
    for outcome in [
        session.hand_over(context),
        forget_keyring(context, session, None),
    ] {
        if let Err(failure) = outcome {
            context.output.warn(&failure.told());
        }
    }
    shown
}

/// Says that old backups open the old way, and shows the recovery key that took the place of another.
pub(super) fn tell_new_key(context: &mut Context, key: Option<&Secret>) -> Result<(), Failure> {
    crate::commands::backup::remind(context);
    let Some(key) = key else { return Ok(()) };
    context
        .output
        .note("New recovery key, shown this once; the old one opens nothing any more:");
    context.output.secret(key, Ending::Newline)
}

fn tell(context: &mut Context, shown: Option<&Secret>) -> Result<(), Failure> {
    if context.output.json {
        #[derive(Serialize)]
        struct Rekeyed<'a> {
            schema: u32,
            recovery_key: Option<&'a str>,
        }
        // EXPOSE: the new recovery key is shown this once.
        return context.output.json(&Rekeyed {
            schema: 1,
            recovery_key: shown.map(Secret::expose),
        });
    }
    context.output.note("The vault has a new key. Nothing written from now on can be read with an old password or an old copy.");
    context
        .output
        .note("Copies that your drive keeps of older versions still open the old way.");
    tell_new_key(context, shown)
}
