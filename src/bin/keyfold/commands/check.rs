//! `check`: authenticates every record and chunk.

use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::{Session, unexpected};
use keyfold::service::{Request, Response};
use keyfold::vault::CheckReport;
use serde::Serialize;
use std::process::ExitCode;

#[derive(Serialize)]
struct Report {
    schema: u32,
    ok: bool,
    frames: usize,
    records: usize,
    unknown: usize,
    healed: bool,
    missing: u64,
    forged_slots: usize,
    damage: Vec<Damage>,
    incomplete_files: Vec<Incomplete>,
    replica_damage: usize,
}

#[derive(Serialize)]
struct Incomplete {
    id: String,
    item: String,
    file: String,
    pieces: usize,
    missing: usize,
}

#[derive(Serialize)]
struct Damage {
    offset: u64,
    length: u64,
    reason: String,
}

pub(crate) fn run(context: &mut Context) -> Result<ExitCode, Failure> {
    let mut session = Session::open(context)?;
    let answer = {
        let _progress = context.output.progress("Checking");
        session.ask(context, Request::Check)?
    };
    let Response::Check(found) = answer else {
        return Err(unexpected());
    };
    if let Some(why) = &found.unusable {
        return Err(Failure::new(
            Kind::Damaged,
            format!("the vault file cannot be checked: {why}"),
        )
        .hint("this device's copy is whole; every other command goes on with it"));
    }
    let ok = found.ok;
    if context.output.json {
        context.output.json(&report(*found))?
    } else {
        print(context, &found)?
    }
    Ok(if ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(7)
    })
}

fn report(found: CheckReport) -> Report {
    let damage = found.damage.into_iter().map(|damage| Damage {
        offset: damage.offset,
        length: damage.length,
        reason: damage.reason.into_owned(),
    });
    let files = found.incomplete_files.into_iter().map(|file| Incomplete {
        id: file.item.to_string(),
        item: file.path,
        file: file.name,
        pieces: file.pieces,
        missing: file.missing,
    });
    Report {
        schema: 1,
        ok: found.ok,
        frames: found.frames,
        records: found.records,
        unknown: found.unknown,
        healed: found.healed,
        missing: found.missing,
        forged_slots: found.forged_slots,
        damage: damage.collect(),
        incomplete_files: files.collect(),
        replica_damage: found.replica_damage,
    }
}

fn print(context: &Context, found: &CheckReport) -> Result<(), Failure> {
    let output = &context.output;
    for damage in &found.damage {
        output.line(&format!(
            "at {}: {} bytes: {}",
            damage.offset, damage.length, damage.reason
        ))?;
    }
    if found.forged_slots > 0 {
        output.line(&format!(
            "{} ways in that nobody here made; they open nothing",
            found.forged_slots
        ))?;
    }
    if found.missing > 0 {
        output.line(&format!(
            "{} changes of other devices have not arrived",
            found.missing
        ))?;
    }
    for file in &found.incomplete_files {
        let (missing, pieces) = (file.missing, file.pieces);
        output.line(&format!(
            "{}, file {}: {missing} of {pieces} pieces are not here; another device or a backup may have them",
            file.path, file.name
        ))?;
    }
    if found.replica_damage > 0 {
        output.line(&format!(
            "this device's own copy is damaged in {}; keyfold compact writes it anew",
            match found.replica_damage {
                1 => "one place".to_owned(),
                places => format!("{places} places"),
            }
        ))?;
    }
    if found.unknown > 0 {
        output.line(&format!(
            "{} changes of a newer version, carried along",
            found.unknown
        ))?;
    }
    let verdict = match (found.ok, found.damage.is_empty()) {
        (true, true) => "everything is whole",
        (true, false) => "nothing is lost; keyfold compact writes the file without the damage",
        (false, _) => "something may be lost; a device or backup that has it brings it back",
    };
    output.line(&format!(
        "{} frames, {} records: {verdict}",
        found.frames, found.records
    ))
}
