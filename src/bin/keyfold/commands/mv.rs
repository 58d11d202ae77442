//! `mv`: another title, or another folder for several; another vault is [`to_vault`]'s.

use crate::cli::Mv;
use crate::commands::{add, ls, to_vault};
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::Session;
use keyfold::model::ids::ItemId;
use keyfold::model::item::split_path;
use keyfold::model::query::{Filter, Scope};
use keyfold::service::Request;
use keyfold::state::change::Edit;

pub(crate) fn run(context: &mut Context, args: &Mv) -> Result<(), Failure> {
    if let Some(other) = &args.to_vault.0 {
        let query = args.query.as_deref();
        return to_vault::run(
            context,
            &args.names,
            query,
            other,
            to_vault::Source::Trashed,
        );
    }
    let (target, sources) = args
        .names
        .split_last()
        .ok_or_else(|| Failure::usage("where to?"))?;
    if sources.is_empty() && args.query.is_none() {
        return Err(Failure::usage(format!("move {target} where to?"))
            .hint("keyfold mv NAME NEW-PATH, or keyfold mv NAME… FOLDER/"));
    }
    let mut session = Session::open(context)?;
    let moves = plan(
        context,
        &mut session,
        sources,
        args.query.as_deref(),
        target,
    )?;
    let ids: Vec<ItemId> = moves.iter().map(|(id, ..)| *id).collect();
    let edits = moves
        .into_iter()
        .map(|(id, folder, title)| (id, vec![Edit::Move { folder, title }]))
        .collect();
    session.ask(context, Request::Edit(edits))?;
    let moved = session.items(context, Request::Rows(ids))?;
    if context.output.json {
        return ls::print(context, &moved);
    }
    for item in moved {
        context.output.note(&format!("Moved to {}", item.path()));
    }
    Ok(())
}

/// Which item goes where. A source or target with a slash at its end is a folder.
fn plan(
    context: &mut Context,
    session: &mut Session,
    sources: &[String],
    query: Option<&str>,
    target: &str,
) -> Result<Vec<(ItemId, String, String)>, Failure> {
    if let ([source], Some(to), None) = (sources, folder_name(target), query)
        && let Some(from) = folder_name(source)
    {
        return move_folder(context, session, from, to);
    }
    let items = session.pick_several(context, sources, query, Scope::Live)?;
    if let Some(folder) = folder_name(target) {
        return Ok(items
            .into_iter()
            .map(|item| (item.id, folder.to_owned(), item.title.into_owned()))
            .collect());
    }
    let [item] = items.as_slice() else {
        return Err(Failure::usage("several items can only move to a folder")
            .hint("write the folder with a slash at its end"));
    };
    add::refuse_taken(context, session, target, item.id)?;
    let (folder, title) = split_path(target);
    Ok(vec![(item.id, folder, title)])
}

/// Everything below one folder goes below another.
pub(crate) fn move_folder(
    context: &mut Context,
    session: &mut Session,
    from: &str,
    to: &str,
) -> Result<Vec<(ItemId, String, String)>, Failure> {
    // A move revives; what lies in the trash stays there.
    let living = session.listing(context, &Filter::default())?;
    let moved = living.into_iter().filter_map(|item| {
        let rest = item.folder.strip_prefix(from)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let folder = format!("{to}{rest}");
        Some((
            item.id,
            folder.trim_start_matches('/').to_owned(),
            item.title.into_owned(),
        ))
    });
    let mut moved: Vec<_> = moved.collect();
    moved.sort_unstable_by_key(|row| row.0);
    if moved.is_empty() {
        return Err(Failure::new(
            Kind::NotFound,
            format!("there is no folder {from}/"),
        ));
    }
    Ok(moved)
}

/// The folder that a text with a slash at its end names; `/` alone is the top.
pub(crate) fn folder_name(text: &str) -> Option<&str> {
    text.strip_suffix('/')
        .filter(|folder| !folder.ends_with('\\'))
        .map(|folder| folder.trim_matches('/'))
}
