//! `compact`: the vault file written small.

use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;
use serde::Serialize;

pub(crate) fn run(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::open_own(context)?;
    let now = context.now();
    let saved = {
        let _progress = context.output.progress("Compacting");
        session.vault()?.compact(now, &mut context.rng)?
    };
    session.tell(context);
    if context.output.json {
        #[derive(Serialize)]
        struct Compacted {
            schema: u32,
            before: u64,
            after: u64,
        }
        return context.output.json(&Compacted {
            schema: 1,
            before: saved.before,
            after: saved.after,
        });
    }
    context.output.line(&format!(
        "{} KiB before, {} KiB now",
        saved.before / 1024,
        saved.after / 1024
    ))
}
