//! `resolve`: takes one value of what devices changed apart; the others stay in the history.

use crate::cli::Resolve;
use crate::commands::conflicts::{ask, conflict_id};
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::Session;
use keyfold::model::item::ItemSummary;
use keyfold::model::query::Scope;
use keyfold::service::Request;
use keyfold::state::conflict::Conflict;

pub(crate) fn run(context: &mut Context, args: &Resolve) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let item = session.pick(context, &args.name, Scope::All)?;
    let open = ask(context, &mut session, Some(item.id))?;
    let conflict = pick(&item, open, &args.field)?;
    let count = conflict.values.len();
    let taken = args.take.checked_sub(1).filter(|at| *at < count);
    let Some(taken) = taken else {
        return Err(Failure::usage(format!(
            "{} of {} has the values 1 to {count}, not {}",
            conflict.name,
            item.path(),
            args.take
        ))
        .hint("keyfold conflicts lists them"));
    };
    let done = describe(context, &mut session, &item, &conflict, taken)?;
    session.ask(context, Request::Resolve(Box::new(conflict), taken))?;
    context.output.note(&done);
    Ok(())
}

/// The conflict of a field: by name, else by name without case, else by id.
fn pick(item: &ItemSummary, open: Vec<Conflict>, field: &str) -> Result<Conflict, Failure> {
    let lower = field.to_lowercase();
    let id = field.strip_prefix("id:").unwrap_or(field);
    let levels: [&dyn Fn(&Conflict) -> bool; 3] = [
        &|conflict| conflict.name == field,
        &|conflict| conflict.name.to_lowercase() == lower,
        &|conflict| conflict_id(conflict) == id,
    ];
    let level = levels.iter().find(|level| open.iter().any(level));
    let mut found: Vec<Conflict> = match level {
        Some(level) => open.into_iter().filter(|one| level(one)).collect(),
        None => Vec::new(),
    };
    match (found.pop(), found.is_empty()) {
        (Some(conflict), true) => Ok(conflict),
        (None, _) => Err(Failure::new(
            Kind::NotFound,
            format!("{} has no conflict in {field}", item.path()),
        )
        .hint("keyfold conflicts lists what is to be decided")),
        (Some(last), false) => {
            found.push(last);
            let candidates = found
                .iter()
                .map(|conflict| format!("{}  id:{}", conflict.name, conflict_id(conflict)));
            Err(Failure::new(
                Kind::Ambiguous,
                format!("several fields of {} are called {field}", item.path()),
            )
            .candidates(candidates.collect())
            .hint("name one by its id:…"))
        }
    }
}

fn describe(
    context: &mut Context,
    session: &mut Session,
    item: &ItemSummary,
    conflict: &Conflict,
    taken: usize,
) -> Result<String, Failure> {
    let path = item.path();
    let Some(value) = conflict
        .values
        .get(taken)
        .filter(|_| conflict.field.is_some())
    else {
        return Ok(match taken {
            0 => format!("Kept: {path}"),
            _ => format!("To the trash: {path}"),
        });
    };
    let names = session.device_names(context)?;
    let device = names.get(&value.device).map(|name| format!(" on {name}"));
    Ok(format!(
        "{} of {path} is what was set at {}{} now; keyfold history keeps the rest, keyfold undo takes this back",
        conflict.name,
        value.changed.to_rfc3339(),
        device.unwrap_or_default()
    ))
}
