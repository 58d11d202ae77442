//! `find`: fuzzy search, best match first.

use crate::cli::Find;
use crate::commands::ls;
use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;
use keyfold::service::Request;

pub(crate) fn run(context: &mut Context, args: Find) -> Result<(), Failure> {
    let filter = ls::filter(
        None,
        args.filter.tag,
        args.filter.kind.as_deref(),
        args.filter.trash,
    )?;
    let mut session = Session::open(context)?;
    let mut found = session.items(context, Request::Find(args.text.join(" "), filter.scope))?;
    found.retain(|item| filter.accepts(item));
    ls::print(context, &found)
}
