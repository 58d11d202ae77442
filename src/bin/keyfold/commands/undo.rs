//! `undo`: takes back the last changes of this device.

use crate::cli::Undo;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::{Session, unexpected};
use keyfold::service::{Request, Response, UndoRow};
use serde::Serialize;

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
    let listed: Vec<Row> = rows
        .iter()
        .zip(1..)
        .map(|(row, number)| describe(&session, row, number))
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

fn describe(session: &Session, row: &UndoRow, number: usize) -> Row {
    const NAMED: usize = 5;
    let paths = row.items.iter().take(NAMED).map(|id| {
        session
            .vault
            .state()
            .summary(*id)
            .map_or_else(|| "an item that is gone".to_owned(), |item| item.path())
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
