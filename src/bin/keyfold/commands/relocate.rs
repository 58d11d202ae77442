//! `relocate`: tells this device that the vault moved.

use crate::agent;
use crate::cli::Relocate;
use crate::context::Context;
use crate::failure::Failure;

pub(crate) fn run(context: &mut Context, args: &Relocate) -> Result<(), Failure> {
    let places = context.places()?;
    let target = std::path::absolute(&args.path)?;
    agent::let_go(context, &places);
    keyfold::vault::relocate(&*context.storage, &places, &target, &mut context.rng)?;
    context.output.note(&format!(
        "This device looks for the vault at {} now.",
        target.display()
    ));
    context
        .output
        .note("Name it there by --vault, KEYFOLD_VAULT, or keyfold config set vault PATH.");
    Ok(())
}
