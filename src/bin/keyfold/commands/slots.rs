//! `slots`: the ways into the vault.

use crate::cli::{Slots, SlotsAction};
use crate::commands::init::stretched;
use crate::commands::passwd::{cost, given_cost, new_credential};
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::Session;
use crate::table;
use keyfold::vault::SlotRow;
use serde::Serialize;

pub(crate) fn run(context: &mut Context, args: Slots) -> Result<(), Failure> {
    match args.action.unwrap_or(SlotsAction::List) {
        SlotsAction::List => list(context),
        SlotsAction::Add {
            label,
            new_password_file,
            new_key_file,
            kdf,
        } => {
            given_cost(&kdf)?;
            let mut session = Session::open_own(context)?;
            let new = new_credential(
                context,
                new_password_file.as_deref(),
                new_key_file.as_deref(),
            )?;
            let cost = cost(context, &kdf)?;
            let secret = stretched(context, &new, cost, &label)?;
            let now = context.now();
            session.vault()?.add_slot(secret, now, &mut context.rng)?;
            session.tell(context);
            context.output.note(&format!("Added the way in {label}."));
            Ok(())
        }
        SlotsAction::Remove { id } => remove(context, &id),
    }
}

fn list(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::open_own(context)?;
    let rows = session.vault()?.slot_rows();
    if context.output.json {
        #[derive(Serialize)]
        struct Row {
            id: String,
            kind: &'static str,
            label: String,
            memory_mib: Option<u32>,
            passes: Option<u32>,
            lanes: Option<u32>,
            created: Option<String>,
            in_use: bool,
        }
        #[derive(Serialize)]
        struct List {
            schema: u32,
            slots: Vec<Row>,
        }
        let slots = rows.into_iter().map(|row| Row {
            id: row.id.to_string(),
            kind: row.kind.name(),
            label: row.label,
            memory_mib: row.cost.map(|cost| cost.memory_kib() / 1024),
            passes: row.cost.map(|cost| cost.passes()),
            lanes: row.cost.map(|cost| cost.lanes()),
            created: row.created.map(|moment| moment.to_rfc3339()),
            in_use: row.in_use,
        });
        return context.output.json(&List {
            schema: 1,
            slots: slots.collect(),
        });
    }
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    for line in table::render(
        &["id", "opened by", "label", "cost", "made"],
        &cells,
        context.output.width(),
    ) {
        context.output.raw(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}

fn cells(row: &SlotRow) -> Vec<String> {
    let cost = row.cost.map(|cost| {
        format!(
            "{} MiB, {} passes, {} lanes",
            cost.memory_kib() / 1024,
            cost.passes(),
            cost.lanes()
        )
    });
    let made = row
        .created
        .map(|moment| moment.to_rfc3339().chars().take(10).collect());
    let short = row.id.to_string().chars().take(8).collect();
    let kind = if row.in_use {
        format!("{} (this one)", row.kind.name())
    } else {
        row.kind.name().to_owned()
    };
    vec![
        short,
        kind,
        row.label.clone(),
        cost.unwrap_or_default(),
        made.unwrap_or_default(),
    ]
}

fn remove(context: &mut Context, id: &str) -> Result<(), Failure> {
    let mut session = Session::open_own(context)?;
    let rows = session.vault()?.slot_rows();
    let matching: Vec<&SlotRow> = rows
        .iter()
        .filter(|row| id.len() >= 4 && row.id.to_string().starts_with(&id.to_lowercase()))
        .collect();
    let row = match matching.as_slice() {
        [row] => row,
        [] => {
            return Err(
                Failure::new(Kind::NotFound, format!("there is no way in {id}"))
                    .hint("keyfold slots list shows them"),
            );
        }
        _ => {
            return Err(Failure::new(
                Kind::Ambiguous,
                format!("several ways in begin with {id}"),
            ));
        }
    };
    let now = context.now();
    session
        .vault()?
        .remove_slot(row.id, now, &mut context.rng)?;
    session.tell(context);
    context.output.note("That way in is closed.");
    context
        .output
        .note("If somebody else may know it and have a copy of the file: keyfold rekey.");
    Ok(())
}
