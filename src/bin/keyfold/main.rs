//! The keyfold program: people, terminals and files around the library.

mod agent;
mod cli;
mod clipboard;
mod clocks;
mod commands;
mod completion;
mod context;
mod editor;
mod escape;
mod failure;
mod hardening;
mod interrupt;
mod itself;
mod keyboard;
mod keyring;
mod memory;
mod notices;
mod output;
mod paper;
mod pinentry;
mod prompt;
mod session;
mod span;
mod table;

use std::process::ExitCode;

#[global_allocator]
static MEMORY: memory::ProgramMemory = memory::ProgramMemory;

fn main() -> ExitCode {
    hardening::harden();
    let code = run();
    // Nothing of what was worked with stays until the system takes the memory back.
    keyfold::secret::scrub_stack();
    code
}

#[inline(never)]
fn run() -> ExitCode {
    match completion::answer() {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => {}
        Err(error) => return refuse(&error),
    }
    let cli = match cli::Cli::read(&context::words()) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
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

/// Help and version go to standard output; usage errors to standard error with exit code 2, as JSON where that is wanted.
fn refuse(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && context::wants_json() {
        let text = error.to_string();
        let message = text.trim().trim_start_matches("error: ");
        return failure::Failure::usage(message).report(true);
    }
    match error.print() {
        Ok(()) => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
        Err(error) => failure::Failure::from(error).report(false),
    }
}
