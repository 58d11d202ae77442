//! `rm`: to the trash.

use crate::cli::Several;
use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;
use keyfold::model::query::Scope;
use keyfold::service::Request;
use keyfold::state::view::Life;

pub(crate) fn run(context: &mut Context, args: &Several) -> Result<(), Failure> {
    set_life(context, args, Scope::Live, Life::Trashed, "To the trash")
}

/// Moves items between the living and the trash, all or none, and says which.
pub(crate) fn set_life(
    context: &mut Context,
    args: &Several,
    scope: Scope,
    life: Life,
    what: &str,
) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let items = session.pick_several(context, &args.names, args.query.as_deref(), scope)?;
    session.ask(
        context,
        Request::SetLife(items.iter().map(|item| item.id).collect(), life),
    )?;
    if context.output.json {
        let ids = items.iter().map(|item| item.id).collect();
        let again = session.items(context, Request::Rows(ids))?;
        return crate::commands::ls::print(context, &again);
    }
    for item in items {
        context.output.note(&format!("{what}: {}", item.path()));
    }
    Ok(())
}
