//! `find`: fuzzy search, best match first.

use crate::cli::Find;
use crate::commands::ls;
use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;
use keyfold::model::item::ItemRow;

pub(crate) fn run(context: &mut Context, args: Find) -> Result<(), Failure> {
    let filter = ls::filter(
        None,
        args.filter.tag,
        args.filter.kind.as_deref(),
        args.filter.trash,
    )?;
    let session = Session::open(context)?;
    let rows = session.vault.state().rows();
    let rows = rows.filter(|item| filter.accepts(item));
    let found = keyfold::model::search::find(&args.text.join(" "), rows);
    let found: Vec<ItemRow<'_>> = found.into_iter().map(|(_, item)| item).collect();
    ls::print(context, &found)
}
