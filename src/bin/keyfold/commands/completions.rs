//! `completions`: for a shell.

use crate::cli::Completions;
use crate::completion;
use crate::context::Context;
use crate::failure::Failure;

pub(crate) fn run(context: &mut Context, args: &Completions) -> Result<(), Failure> {
    let script = completion::script(&args.shell)
        .ok_or_else(|| Failure::usage(format!("there are no completions for {}", args.shell)))?;
    context.output.raw(&script)
}
