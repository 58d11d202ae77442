//! `get`: one field's plain value.

use crate::cli::Get;
use crate::commands::value::{pick, value};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Ending;
use crate::session::Session;
use serde::Serialize;

pub(crate) fn run(context: &mut Context, args: &Get) -> Result<(), Failure> {
    let mut session = Session::open_at(context, &args.past)?;
    let picked = pick(context, &mut session, &args.wanted)?;
    if picked.field.as_deref() == Some("otp") && args.past.at.is_some() {
        return Err(Failure::usage("codes are of now, not of the past")
            .hint("leave --at out; keyfold history shows former seeds"));
    }
    let found = value(context, &mut session, &picked)?;
    if context.output.json {
        #[derive(Serialize)]
        struct Got<'a> {
            schema: u32,
            value: &'a str,
        }
        // EXPOSE: the user asked for this value.
        return context.output.json(&Got {
            schema: 1,
            value: found.secret.expose(),
        });
    }
    context.output.secret(
        &found.secret,
        if found.is_code {
            Ending::Newline
        } else {
            Ending::None
        },
    )
}
