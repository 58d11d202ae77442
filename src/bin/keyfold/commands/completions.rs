//! `completions`: for a shell.

use crate::cli::{Cli, Completions};
use crate::context::Context;
use crate::failure::Failure;
use clap::CommandFactory;

pub(crate) fn run(context: &mut Context, args: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "keyfold", &mut script);
    context.output.raw(&script)
}
