//! `sync`: the union with the vault file and its copies, now.

use crate::cli::Sync;
use crate::context::Context;
use crate::failure::Failure;
use crate::notices;
use crate::session::{Session, unexpected};
use keyfold::service::{Request, Response};
use keyfold::vault::Notice;
use serde::Serialize;

#[derive(Serialize)]
struct Synced {
    schema: u32,
    merged: usize,
    copies: usize,
    put_back: usize,
    pending: usize,
    notices: Vec<String>,
}

pub(crate) fn run(context: &mut Context, args: &Sync) -> Result<(), Failure> {
    let mut session = Session::open_silently(context)?;
    let request = if args.replace {
        Request::ReplaceForeignFile
    } else {
        Request::Sync
    };
    let answer = {
        let _progress = context.output.progress("Uniting");
        session.ask_silently(context, request)?
    };
    let Response::Synced(pending) = answer else {
        return Err(unexpected());
    };
    let told = session.take_notices();
    if context.output.json {
        return context.output.json(&summary(&told, pending));
    }
    if told.is_empty() && pending == 0 {
        context.output.note(if args.replace {
            "The vault lies at its path again; what was there is in this device's trash until the next compact."
        } else {
            "Everything is in step."
        });
    }
    notices::tell(context, &told);
    Ok(())
}

fn summary(told: &[Notice], pending: usize) -> Synced {
    let mut synced = Synced {
        schema: 1,
        merged: 0,
        copies: 0,
        put_back: 0,
        pending,
        notices: told
            .iter()
            .filter_map(|notice| notices::calm(notice).or_else(|| notices::serious(notice)))
            .collect(),
    };
    for notice in told {
        match notice {
            Notice::Merged(count) => synced.merged += count,
            Notice::CopiesMoved(count) => synced.copies += count,
            Notice::Healed(count) | Notice::RolledBack(count) => synced.put_back += count,
            _ => {}
        }
    }
    synced
}
