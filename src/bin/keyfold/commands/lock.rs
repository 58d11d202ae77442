//! `lock`: the agent forgets its keys.

use crate::agent;
use crate::context::Context;
use crate::failure::Failure;

pub(crate) fn run(context: &mut Context) -> Result<(), Failure> {
    let named = match context.globals.vault {
        Some(_) => Some(context.places()?),
        None => None,
    };
    let Some(mut client) = agent::connect(context)? else {
        context.output.note("Nothing was unlocked.");
        return Ok(());
    };
    let path = named
        .as_ref()
        .map(|places| places.vault_file.display().to_string());
    client.lock(named)?;
    context.output.note(&match path {
        Some(path) => format!("{path} is locked."),
        None => "Everything is locked.".to_owned(),
    });
    Ok(())
}
