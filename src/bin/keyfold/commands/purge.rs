//! `purge`: gone for ever.

use crate::cli::Purge;
use crate::context::Context;
use crate::failure::Failure;
use crate::prompt;
use crate::session::Session;
use keyfold::model::query::Scope;
use keyfold::service::Request;

pub(crate) fn run(context: &mut Context, args: &Purge) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let items = session.pick_several(
        context,
        &args.several.names,
        args.several.query.as_deref(),
        Scope::All,
    )?;
    for item in &items {
        context.output.note(&format!("  {}", item.path()));
    }
    if !args.yes
        && !prompt::confirm(
            context,
            "Erase these for ever, with their history? This cannot be undone.",
        )?
    {
        return Err(Failure::failed("nothing was erased").hint("--yes answers for you"));
    }
    session.ask(
        context,
        Request::Purge(items.iter().map(|item| item.id).collect()),
    )?;
    context
        .output
        .note("Erased here. Older versions that your drive or a backup keeps still hold them.");
    Ok(())
}
