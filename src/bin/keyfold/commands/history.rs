//! `history`: former values of an item, and one of them back.

use crate::cli::History;
use crate::commands::show::field_id;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::{Session, unexpected};
use crate::table;
use keyfold::model::ids::ItemId;
use keyfold::model::query::Scope;
use keyfold::secret::Secret;
use keyfold::service::{Request, Response};
use keyfold::state::change::Edit;
use keyfold::state::view::{FormerView, Value};
use serde::Serialize;

const MASK: &str = "••••••••";

#[derive(Serialize)]
struct Row {
    number: usize,
    id: String,
    field: String,
    kind: &'static str,
    secret: bool,
    value: Option<String>,
    changed: String,
    device: String,
}

pub(crate) fn run(context: &mut Context, args: &History) -> Result<(), Failure> {
    let mut session = Session::open_at(context, &args.past)?;
    let item = session.pick(context, &args.name, Scope::All)?;
    let Response::History(former) = session.ask(context, Request::History(item.id))? else {
        return Err(unexpected());
    };
    if let Some(number) = args.restore {
        let missing = || {
            Failure::new(
                Kind::NotFound,
                format!("{} has no former value {number}", item.path()),
            )
        };
        let chosen = number
            .checked_sub(1)
            .and_then(|at| former.get(at))
            .ok_or_else(missing)?;
        let edit = Edit::Restore(chosen.id, chosen.value.dot);
        session.ask(context, Request::Edit(vec![(item.id, vec![edit])]))?;
        context
            .output
            .note(&format!("Brought {} of {} back", chosen.name, item.path()));
        return Ok(());
    }
    let mut rows = Vec::new();
    for (entry, number) in former.iter().zip(1..) {
        rows.push(row(
            context,
            &mut session,
            item.id,
            entry,
            number,
            args.reveal,
        )?);
    }
    print(context, rows)
}

fn row(
    context: &mut Context,
    session: &mut Session,
    item: ItemId,
    entry: &FormerView,
    number: usize,
    reveal: bool,
) -> Result<Row, Failure> {
    let value = match &entry.value.value {
        Value::Plain(text) => Some(text.clone()),
        Value::Sealed(_) if reveal => {
            let secret: Secret = session.reveal(context, item, entry.id, Some(entry.value.dot))?;
            // EXPOSE: --reveal was given.
            Some(secret.expose().to_owned())
        }
        Value::Sealed(_) => None,
    };
    let names = session.device_names(context)?;
    let device = entry
        .imported_device
        .clone()
        .or_else(|| names.get(&entry.value.device).cloned())
        .unwrap_or_default();
    let name = if entry.name.is_empty() {
        entry.kind.name().to_owned()
    } else {
        entry.name.clone()
    };
    Ok(Row {
        number,
        id: field_id(entry.id, &entry.name),
        field: name,
        kind: entry.kind.name(),
        secret: entry.kind.is_secret(),
        value,
        changed: entry.value.changed.to_rfc3339(),
        device,
    })
}

fn print(context: &Context, rows: Vec<Row>) -> Result<(), Failure> {
    if context.output.json {
        #[derive(Serialize)]
        struct All {
            schema: u32,
            history: Vec<Row>,
        }
        return context.output.json(&All {
            schema: 1,
            history: rows,
        });
    }
    if rows.is_empty() {
        context.output.note("No former values.");
        return Ok(());
    }
    let cells: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| {
            let shown = row.value.unwrap_or_else(|| MASK.to_owned());
            vec![
                row.number.to_string(),
                row.field,
                shown,
                row.changed,
                row.device,
            ]
        })
        .collect();
    for line in table::render(
        &["n", "field", "value", "set", "on"],
        &cells,
        context.output.width(),
    ) {
        context.output.raw(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}
