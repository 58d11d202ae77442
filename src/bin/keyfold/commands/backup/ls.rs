//! `backup ls`: what backups there are, seen without a password.

use super::{describe_age, places};
use crate::commands::attach::describe_size;
use crate::context::Context;
use crate::failure::Failure;
use crate::table;
use keyfold::model::moment::Moment;
use keyfold::vault::{CLOCK_SLACK_MILLISECONDS, NotedBackup, Presence, list_backups};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Serialize)]
struct Report {
    schema: u32,
    backups: Vec<Row>,
    unreachable: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    file: String,
    made: String,
    verified: Option<String>,
    bytes: u64,
    /// `verified`, `unverified`, `changed`, `gone` or `away`.
    state: &'static str,
    in_the_future: bool,
    #[serde(skip)]
    times: (Moment, Option<Moment>),
}

impl Row {
    fn new(
        path: PathBuf,
        length: u64,
        made: Moment,
        noted: Option<&NotedBackup>,
        state: &'static str,
        now: Moment,
    ) -> Self {
        let verified = noted.map(|noted| noted.verified);
        Self {
            file: path.display().to_string(),
            made: made.to_rfc3339(),
            verified: verified.map(Moment::to_rfc3339),
            bytes: length,
            state,
            in_the_future: made.0 > now.0.saturating_add(CLOCK_SLACK_MILLISECONDS),
            times: (made, verified),
        }
    }
}

pub(super) fn run(context: &mut Context, named: &[String]) -> Result<(), Failure> {
    let (vault, noted) = places::noted(context)?;
    let places = match named {
        [] => places::known(context, &noted)?,
        named => places::chosen(context, named)?,
    };
    let now = context.now();
    let storage = context.storage.clone();
    let (mut rows, mut unreachable) = (Vec::new(), Vec::new());
    for place in &places {
        let mut of_place: Vec<&NotedBackup> = noted
            .iter()
            .filter(|noted| noted.folder == place.folder)
            .collect();
        match list_backups(&*storage, &place.folder, vault) {
            Ok(found) => {
                for found in found {
                    let at = of_place.iter().position(|noted| noted.path() == found.path);
                    let noted = at.map(|at| of_place.swap_remove(at));
                    let state = match noted.map(|noted| noted.presence(&*storage, vault)) {
                        None => "unverified",
                        Some(Presence::There) => "verified",
                        Some(_) => "changed",
                    };
                    let made = found.name.made();
                    rows.push(Row::new(found.path, found.length, made, noted, state, now));
                }
            }
            Err(error) => unreachable.push(error.to_string()),
        }
        for noted in of_place {
            let state = match noted.presence(&*storage, vault) {
                Presence::Gone => "gone",
                Presence::Changed => "changed",
                Presence::There | Presence::Away => "away",
            };
            let row = Row::new(
                noted.path(),
                noted.length,
                noted.made,
                Some(noted),
                state,
                now,
            );
            rows.push(row);
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.times.0));
    if context.output.json {
        return context.output.json(&Report {
            schema: 1,
            backups: rows,
            unreachable,
        });
    }
    print(context, &rows, &unreachable, now)
}

fn print(
    context: &Context,
    rows: &[Row],
    unreachable: &[String],
    now: Moment,
) -> Result<(), Failure> {
    let output = &context.output;
    for why in unreachable {
        output.warn(&format!("{why}."));
    }
    if rows.is_empty() {
        output.note("There is no backup that is known here; keyfold backup --to FOLDER makes one.");
    } else if output.to_terminal() {
        let cells = rows.iter().map(|row| {
            let verified = match (row.state, row.times.1) {
                ("verified", Some(verified)) => describe_age(verified, now),
                (state, _) => state.to_owned(),
            };
            let size = describe_size(row.bytes);
            vec![
                row.file.clone(),
                describe_age(row.times.0, now),
                verified,
                size,
            ]
        });
        let cells: Vec<Vec<String>> = cells.collect();
        let headings = ["file", "made", "verified", "size"];
        for line in table::render(&headings, &cells, output.width()) {
            output.raw(format!("{line}\n").as_bytes())?;
        }
    } else {
        for row in rows
            .iter()
            .filter(|row| !matches!(row.state, "gone" | "away"))
        {
            output.line(&row.file)?;
        }
    }
    Ok(())
}
