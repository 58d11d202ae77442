//! `devices`: who shares the vault, with a name and a clock each; renames and retires.

use crate::cli::{Devices, DevicesAction};
use crate::context::Context;
use crate::escape::escape;
use crate::failure::{Failure, Kind};
use crate::session::{Session, unexpected};
use crate::table;
use keyfold::model::ids::DeviceId;
use keyfold::service::{Request, Response};
use keyfold::state::devices::{ClockState, DeviceRow, Standing};
use serde::Serialize;

/// Digits of an id that are enough to name a device.
const ID_DIGITS: usize = 6;
const DAY_MILLISECONDS: u64 = 24 * 60 * 60 * 1000;

#[derive(Serialize)]
struct JsonDevice {
    id: String,
    name: Option<String>,
    this_device: bool,
    retired: bool,
    last_change: Option<String>,
    records: usize,
    ahead: u64,
    behind: Option<usize>,
    clock_ahead_secs: Option<u64>,
    clock_behind_secs: Option<u64>,
}

pub(crate) fn run(context: &mut Context, args: Devices) -> Result<(), Failure> {
    match args.action.unwrap_or(DevicesAction::List) {
        DevicesAction::List => list(context),
        DevicesAction::Rename { device, name } => rename(context, &device, &name),
        DevicesAction::Retire { device } => retire(context, &device),
    }
}

/// All devices, and which is this one.
fn rows(
    context: &mut Context,
    session: &mut Session,
) -> Result<(Vec<DeviceRow>, DeviceId), Failure> {
    match session.ask(context, Request::Devices)? {
        Response::Devices(rows, own) => Ok((rows, own)),
        _ => Err(unexpected()),
    }
}

fn list(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let (rows, own) = rows(context, &mut session)?;
    if context.output.json {
        #[derive(Serialize)]
        struct List {
            schema: u32,
            devices: Vec<JsonDevice>,
        }
        let devices = rows.into_iter().map(|row| json(row, own)).collect();
        return context.output.json(&List { schema: 1, devices });
    }
    let lines = rows.iter().map(|row| cells(row, own));
    let lines: Vec<Vec<String>> = lines.collect();
    for line in table::render(
        &[
            "device",
            "what",
            "id",
            "last change",
            "changes",
            "ahead",
            "behind",
        ],
        &lines,
        context.output.width(),
    ) {
        context.output.raw(format!("{line}\n").as_bytes())?;
    }
    if rows.iter().any(|row| row.ahead > 0) {
        context.output.note(
            "ahead: changes that were written there and have not arrived; keyfold devices retire NAME, if they never will.",
        );
    }
    Ok(())
}

fn json(row: DeviceRow, own: DeviceId) -> JsonDevice {
    let (ahead, behind) = match row.clock {
        ClockState::Plausible => (None, None),
        ClockState::Ahead(by) => (Some(by / 1000), None),
        ClockState::Behind(by) => (None, Some(by / 1000)),
    };
    JsonDevice {
        id: row.id.to_string(),
        name: (!row.name.is_empty()).then_some(row.name),
        this_device: row.id == own,
        retired: row.standing == Standing::Retired,
        last_change: row.last_change.map(|moment| moment.to_rfc3339()),
        records: row.records,
        ahead: row.ahead,
        behind: row.behind,
        clock_ahead_secs: ahead,
        clock_behind_secs: behind,
    }
}

fn cells(row: &DeviceRow, own: DeviceId) -> Vec<String> {
    let mut marks: Vec<String> = Vec::new();
    if row.id == own {
        marks.push("this device".to_owned());
    }
    if row.standing == Standing::Retired {
        marks.push("retired".to_owned());
    }
    match row.clock {
        ClockState::Plausible => {}
        ClockState::Ahead(by) => marks.push(format!("clock is ahead by {}", days(by))),
        ClockState::Behind(by) => marks.push(format!("clock is behind by {}", days(by))),
    }
    let last_change = row.last_change.map(|moment| moment.to_rfc3339());
    vec![
        shown_name(row),
        marks.join(", "),
        short_id(row.id),
        last_change.unwrap_or_else(|| "none yet".to_owned()),
        row.records.to_string(),
        row.ahead.to_string(),
        row.behind
            .map(|count| count.to_string())
            .unwrap_or_default(),
    ]
}

fn days(milliseconds: u64) -> String {
    match milliseconds / DAY_MILLISECONDS {
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

fn short_id(id: DeviceId) -> String {
    id.to_string().chars().take(8).collect()
}

fn shown_name(row: &DeviceRow) -> String {
    if row.name.is_empty() {
        "(no name)".to_owned()
    } else {
        row.name.clone()
    }
}

/// A notice with a name in it that stays on its line: whoever has the key chose the name.
fn one_line(text: &str) -> String {
    escape(text).into_owned()
}

fn rename(context: &mut Context, device: &str, name: &str) -> Result<(), Failure> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Failure::usage("a device needs a name")
            .hint("keyfold devices retire NAME is for one that is no more"));
    }
    let mut session = Session::open(context)?;
    let row = pick(context, &mut session, device)?;
    session.ask(context, Request::NameDevice(row.id, name.to_owned()))?;
    let former = shown_name(&row);
    context
        .output
        .note(&one_line(&format!("{former} is called {name} now")));
    Ok(())
}

fn retire(context: &mut Context, device: &str) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let row = pick(context, &mut session, device)?;
    if row.standing == Standing::Retired {
        context.output.note(&one_line(&format!(
            "{} is retired already",
            shown_name(&row)
        )));
        return Ok(());
    }
    session.ask(context, Request::NameDevice(row.id, String::new()))?;
    context.output.note(&one_line(&format!(
        "{} is retired: what it wrote stays, nothing more of it is waited for",
        shown_name(&row)
    )));
    if row.standing == Standing::This {
        context
            .output
            .warn("This is this device: its next change brings it back.");
    }
    Ok(())
}

/// The device of a name, else of an id or the start of one.
fn pick(context: &mut Context, session: &mut Session, named: &str) -> Result<DeviceRow, Failure> {
    let (rows, _) = rows(context, session)?;
    let start = named.strip_prefix("id:").unwrap_or(named).to_lowercase();
    let by_name = |row: &&DeviceRow| !row.name.is_empty() && row.name == named;
    let by_id =
        |row: &&DeviceRow| start.len() >= ID_DIGITS && row.id.to_string().starts_with(&start);
    let mut found: Vec<&DeviceRow> = rows.iter().filter(by_name).collect();
    if found.is_empty() {
        found = rows.iter().filter(by_id).collect();
    }
    match found.as_slice() {
        [row] => Ok((*row).clone()),
        [] => Err(
            Failure::new(Kind::NotFound, format!("there is no device {named}"))
                .hint("keyfold devices lists them"),
        ),
        several => {
            let candidates = several
                .iter()
                .map(|row| format!("{}  id:{}", shown_name(row), short_id(row.id)));
            Err(Failure::new(
                Kind::Ambiguous,
                format!("several devices are called {named}"),
            )
            .candidates(candidates.collect())
            .hint("name one by its id"))
        }
    }
}
