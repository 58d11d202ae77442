//! `export`: everything in clear, as keyfold's own document. The password is asked for again by whoever opens the vault.

use crate::cli::Export;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::Session;
use keyfold::exchange::native::write_document;
use keyfold::model::ids::ItemId;
use keyfold::model::item::ItemSummary;
use keyfold::model::search;
use keyfold::service::export::export;
use keyfold::storage::folder_of;
use std::collections::BTreeSet;

pub(crate) fn run(context: &mut Context, args: &Export) -> Result<(), Failure> {
    if args.format != "keyfold" {
        return Err(
            Failure::usage(format!("there is no export format {}", args.format))
                .hint("formats: keyfold"),
        );
    }
    let mut session = Session::open_own_at(context, &args.past)?;
    let found = match &args.query {
        Some(query) => Some(matches(&mut session, query)?),
        None => None,
    };
    let folder = args
        .folder
        .as_deref()
        .map(|folder| folder.trim_matches('/'));
    let selection = |item: &ItemSummary| {
        let in_folder = folder.is_none_or(|folder| {
            item.folder
                .strip_prefix(folder)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let tagged = args
            .tag
            .iter()
            .all(|tag| item.tags.iter().any(|known| known == tag));
        in_folder && tagged && found.as_ref().is_none_or(|found| found.contains(&item.id))
    };
    let document = export(session.vault()?, &selection)
        .map_err(|error| Failure::new(Kind::Damaged, error.to_string()))?;
    let count = document.items.len();
    let text = write_document(&document);
    match &args.output {
        None => context.output.raw(&text)?,
        Some(path) => {
            // Created anew and private; a file that is there is never written over.
            let file = context.storage.create(path)?;
            let written = file.write_at(0, &text).and_then(|()| file.sync());
            if let Err(error) = written.and_then(|()| context.storage.sync_folder(&folder_of(path)))
            {
                drop(context.storage.remove(path));
                return Err(error.into());
            }
            context.output.note(&format!(
                "Exported {count} items to {}, in clear: keep it short-lived.",
                path.display()
            ));
        }
    }
    Ok(())
}

fn matches(session: &mut Session, query: &str) -> Result<BTreeSet<ItemId>, Failure> {
    let found = search::find(query, session.vault()?.state().rows());
    Ok(found.into_iter().map(|(_, item)| item.id).collect())
}
