//! `conflicts`: what devices changed apart and nobody has decided; every value stays readable until then.

use crate::cli::Conflicts;
use crate::commands::show::field_id;
use crate::context::Context;
use crate::escape::escape;
use crate::failure::Failure;
use crate::session::{Session, unexpected};
use anstyle::{AnsiColor, Style};
use keyfold::model::ids::ItemId;
use keyfold::model::item::ItemSummary;
use keyfold::model::query::Scope;
use keyfold::secret::Secret;
use keyfold::service::{Request, Response};
use keyfold::state::conflict::Conflict;
use keyfold::state::view::{Value, ValueView};
use serde::Serialize;
use std::collections::HashMap;

const MASK: &str = "••••••••";

#[derive(Serialize)]
struct JsonValue {
    number: usize,
    value: Option<String>,
    changed: String,
    device: Option<String>,
}

#[derive(Serialize)]
struct JsonConflict {
    item: String,
    path: String,
    trashed: bool,
    id: String,
    field: String,
    kind: &'static str,
    secret: bool,
    values: Vec<JsonValue>,
}

pub(crate) fn run(context: &mut Context, args: &Conflicts) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let item = match &args.name {
        Some(name) => Some(session.pick(context, name, Scope::All)?.id),
        None => None,
    };
    let mut found: Vec<(ItemSummary, Conflict)> = Vec::new();
    let open = ask(context, &mut session, item)?;
    let ids = open.iter().map(|conflict| conflict.item).collect();
    let rows = session.items(context, Request::Rows(ids))?;
    for conflict in open {
        if let Some(row) = rows.iter().find(|row| row.id == conflict.item) {
            found.push((row.clone(), conflict));
        }
    }
    found.sort_by_cached_key(|(row, _)| (row.path().to_lowercase(), row.id));
    let mut shown = Vec::new();
    for (row, conflict) in &found {
        shown.push(describe(context, &mut session, row, conflict, args.reveal)?);
    }
    if context.output.json {
        #[derive(Serialize)]
        struct All {
            schema: u32,
            conflicts: Vec<JsonConflict>,
        }
        return context.output.json(&All {
            schema: 1,
            conflicts: shown,
        });
    }
    print(context, &shown)
}

/// What is to be decided of one item, or of all.
pub(crate) fn ask(
    context: &mut Context,
    session: &mut Session,
    item: Option<ItemId>,
) -> Result<Vec<Conflict>, Failure> {
    match session.ask(context, Request::Conflicts(item))? {
        Response::Conflicts(found) => Ok(found),
        _ => Err(unexpected()),
    }
}

/// What a conflict goes by on the command line where its name is not enough.
pub(crate) fn conflict_id(conflict: &Conflict) -> String {
    match conflict.field {
        Some(field) => field_id(field, &conflict.name),
        None => conflict.name.clone(),
    }
}

fn describe(
    context: &mut Context,
    session: &mut Session,
    row: &ItemSummary,
    conflict: &Conflict,
    reveal: bool,
) -> Result<JsonConflict, Failure> {
    let names = session.device_names(context)?;
    let mut values = Vec::new();
    for (value, number) in conflict.values.iter().zip(1..) {
        values.push(JsonValue {
            number,
            value: opened(context, session, conflict, value, reveal)?,
            changed: value.changed.to_rfc3339(),
            device: names.get(&value.device).cloned(),
        });
    }
    let mut heads = conflict.values.iter();
    Ok(JsonConflict {
        item: row.id.to_string(),
        path: row.path(),
        trashed: row.trashed,
        id: conflict_id(conflict),
        field: conflict.name.clone(),
        kind: conflict.kind.map_or("life", |kind| kind.name()),
        secret: heads.any(|value| conflict.is_secret(value)),
        values,
    })
}

/// The value as it may be shown: `None` where it stays masked.
fn opened(
    context: &mut Context,
    session: &mut Session,
    conflict: &Conflict,
    value: &ValueView,
    reveal: bool,
) -> Result<Option<String>, Failure> {
    match (&value.value, conflict.field) {
        _ if conflict.is_secret(value) && !reveal => Ok(None),
        (Value::Plain(text), _) => Ok(Some(text.clone())),
        (Value::Sealed(_), None) => Err(unexpected()),
        (Value::Sealed(_), Some(field)) => {
            let secret: Secret = session.reveal(context, conflict.item, field, Some(value.dot))?;
            // EXPOSE: --reveal was given.
            Ok(Some(secret.expose().to_owned()))
        }
    }
}

fn print(context: &Context, conflicts: &[JsonConflict]) -> Result<(), Failure> {
    if conflicts.is_empty() {
        context.output.note("No conflicts.");
        return Ok(());
    }
    let mut named: HashMap<(&str, &str), usize> = HashMap::new();
    for conflict in conflicts {
        *named.entry((&conflict.item, &conflict.field)).or_default() += 1;
    }
    for conflict in conflicts {
        let is_shared = named.get(&(conflict.item.as_str(), conflict.field.as_str())) > Some(&1);
        let id = if is_shared {
            format!("  id:{}", conflict.id)
        } else {
            String::new()
        };
        let trashed = if conflict.trashed {
            " (in the trash)"
        } else {
            ""
        };
        let field = context
            .output
            .paint(AnsiColor::Cyan.on_default(), &escape(&conflict.field));
        let path = context
            .output
            .paint(Style::new().bold(), &escape(&conflict.path));
        context
            .output
            .raw(format!("{path}{trashed}  {field}{id}\n").as_bytes())?;
        for value in &conflict.values {
            let device = value.device.as_deref().unwrap_or("a device without a name");
            let line = format!(
                "  {}  {}  {} on {}\n",
                value.number,
                escape(value.value.as_deref().unwrap_or(MASK)),
                value.changed,
                escape(device),
            );
            context.output.raw(line.as_bytes())?;
        }
    }
    context
        .output
        .note("keyfold resolve NAME FIELD --take N takes value N; --reveal shows secrets.");
    Ok(())
}
