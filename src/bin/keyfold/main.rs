//! The keyfold program: people, terminals and files around the library.

mod cli;
mod commands;
mod context;
mod editor;
mod escape;
mod failure;
mod interrupt;
mod memory;
mod output;
mod prompt;
mod session;
mod table;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        // clap prints help and version on standard output, and usage errors on standard error with exit code 2.
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            return match error.print() {
                Ok(()) => ExitCode::from(code),
                Err(error) => failure::Failure::from(error).report(false),
            };
        }
    };
    let json = cli.globals.json;
    let outcome = context::Context::new(cli.globals)
        .and_then(|mut context| commands::run(&mut context, cli.command, cli.name));
    interrupt::remove_files();
    match outcome {
        Ok(code) => code,
        Err(failure) => failure.report(json),
    }
}
