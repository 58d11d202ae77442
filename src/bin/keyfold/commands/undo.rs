//! `undo`: takes back the last changes of this device.

use crate::cli::Undo;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::{Session, unexpected};
use keyfold::model::ids::ItemId;
use keyfold::model::item::ItemSummary;
use keyfold::service::{Request, Response, UndoRow};
use serde::Serialize;

/// Items of a change that are named; of an import there may be thousands.
const NAMED: usize = 5;

#[derive(Serialize)]
struct Row {
    number: usize,
    at: String,
    items: Vec<String>,
}

#[derive(Serialize)]
struct Changes {
    schema: u32,
    changes: Vec<Row>,
}

pub(crate) fn run(context: &mut Context, args: &Undo) -> Result<(), Failure> {
    if args.count == 0 {
        return Err(Failure::usage("--count is 1 or more"));
    }
    let mut session = Session::open(context)?;
    let Response::Undoable(rows) = session.ask(context, Request::Undoable)? else {
        return Err(unexpected());
    };
    let ids = rows.iter().flat_map(named).copied().collect();
    let items = session.items(context, Request::Rows(ids))?;
    let listed: Vec<Row> = rows
        .iter()
        .zip(1..)
        .map(|(row, number)| describe(&items, row, number))
        .collect();
    if args.list {
        return print(context, listed);
    }
    if rows.is_empty() {
        return Err(Failure::new(Kind::Failed, "there is nothing to undo"));
    }
    let records = rows.iter().take(args.count).map(|row| row.record).collect();
    session.ask(context, Request::Undo(records))?;
    let undone: Vec<Row> = listed.into_iter().take(args.count).collect();
    if context.output.json {
        return print(context, undone);
    }
    for row in undone {
        context.output.note(&format!(
            "Taken back: the change of {} to {}",
            row.at,
            row.items.join(", ")
        ));
    }
    Ok(())
}

/// The first few items of a change: those that are named.
fn named(row: &UndoRow) -> &[ItemId] {
    row.items.get(..NAMED).unwrap_or(&row.items)
}

fn describe(known: &[ItemSummary], row: &UndoRow, number: usize) -> Row {
    let paths = named(row).iter().map(|id| {
        let item = known.iter().find(|item| item.id == *id);
        item.map_or_else(|| "an item that is gone".to_owned(), ItemSummary::path)
    });
    let mut items: Vec<String> = paths.collect();
    if row.items.len() > NAMED {
        items.push(format!("and {} more", row.items.len() - NAMED));
    }
    Row {
        number,
        at: row.at.to_rfc3339(),
        items,
    }
}

fn print(context: &Context, changes: Vec<Row>) -> Result<(), Failure> {
    if context.output.json {
        return context.output.json(&Changes { schema: 1, changes });
    }
    for row in changes {
        context.output.line(&format!(
            "{}  {}  {}",
            row.number,
            row.at,
            row.items.join(", ")
        ))?;
    }
    Ok(())
}
