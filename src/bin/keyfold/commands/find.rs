//! `find`: fuzzy search, best match first.

use crate::cli::Find;
use crate::commands::ls;
use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;
use keyfold::model::item::ItemSummary;

pub(crate) fn run(context: &mut Context, args: Find) -> Result<(), Failure> {
    let filter = ls::filter(
        None,
        args.filter.tag,
        args.filter.kind.as_deref(),
        args.filter.trash,
    )?;
    let session = Session::open(context)?;
    let items: Vec<ItemSummary> = session
        .items()
        .into_iter()
        .filter(|item| filter.accepts(item))
        .collect();
    let found = keyfold::model::search::find(&args.text.join(" "), &items);
    let found: Vec<ItemSummary> = found
        .into_iter()
        .filter_map(|(_, at)| items.get(at).cloned())
        .collect();
    ls::print(context, &found)
}
