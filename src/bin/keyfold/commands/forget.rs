//! `forget`: drops what this device keeps of a vault. The vault file stays.

use crate::agent;
use crate::cli::Forget;
use crate::commands::backup;
use crate::context::Context;
use crate::failure::Failure;
use crate::keyring;
use crate::prompt;
use keyfold::vault::locate;

pub(crate) fn run(context: &mut Context, args: &Forget) -> Result<(), Failure> {
    let places = context.places()?;
    let path = places.vault_file.display().to_string();
    if context.storage.stamp(&places.vault_file)?.is_none() && !args.yes {
        context.output.warn(&format!(
            "{path} is not there: this device may hold the only copy."
        ));
    }
    if !args.yes && !prompt::confirm(context, &format!("Drop this device's copy of {path}?"))? {
        return Err(Failure::failed("nothing was dropped").hint("--yes answers for you"));
    }
    agent::let_go(context, &places);
    let located = locate(context.storage.clone(), &places);
    if let Some(slot) = located.ok().and_then(|located| located.keyring_slot())
        && let Err(error) = keyring::remove(context, slot)
    {
        context
            .output
            .warn(&format!("The keyring keeps its way in: {error}."));
    }
    backup::clear_drills(context)?;
    keyfold::vault::forget(&*context.storage, &places)?;
    context
        .output
        .note(&format!("Dropped. {path} itself was not touched."));
    Ok(())
}
