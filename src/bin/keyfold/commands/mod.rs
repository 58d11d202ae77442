//! One file a command, and which command runs.

pub(crate) mod add;
mod agent;
mod attach;
mod audit;
pub(crate) mod backup;
mod check;
pub(crate) mod checking;
mod compact;
mod completions;
mod config;
mod conflicts;
mod copy;
mod copying;
mod cp;
mod devices;
mod doctor;
pub(crate) mod edit;
pub(crate) mod export;
mod find;
mod fingerprint;
mod forget;
mod generate;
mod get;
mod history;
mod import;
pub(crate) mod init;
mod lock;
mod login;
pub(crate) mod ls;
mod man;
mod merge;
mod mv;
mod otp;
pub(crate) mod passwd;
mod purge;
pub(crate) mod recovery_key;
mod rekey;
mod relocate;
mod resolve;
mod restore;
mod review;
pub(crate) mod rm;
mod show;
mod slots;
mod status;
mod sync;
mod to_vault;
mod tour;
mod undo;
mod unlock;
pub(crate) mod value;

use crate::cli::Command;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use std::process::ExitCode;

/// Runs a command; without one, `keyfold NAME` is `show NAME`, and `keyfold` alone shows what a picker gives.
pub(crate) fn run(
    context: &mut Context,
    command: Option<Command>,
    name: Option<String>,
) -> Result<ExitCode, Failure> {
    let Some(command) = command else {
        let args = crate::cli::Show {
            name,
            reveal: false,
            past: crate::cli::Past::default(),
        };
        return match show::run(context, &args) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            // Perhaps it was meant to be a command.
            Err(failure) if failure.kind == Kind::NotFound && args.name.is_some() => {
                Err(failure.hint("keyfold --help lists all commands, keyfold ls all items"))
            }
            Err(failure) => Err(failure),
        };
    };
    if let Some(name) = name {
        return Err(Failure::usage(format!("{name} stands before a command"))
            .hint("the command comes first"));
    }
    let done = match command {
        Command::Check => return check::run(context),
        Command::Backup(args) => return backup::run(context, args),
        Command::Audit(args) => return audit::run(context, &args),
        Command::Doctor(args) => return doctor::run(context, &args),
        Command::Init(args) => init::run(context, &args),
        Command::Add(args) => add::run(context, args),
        Command::Get(args) => get::run(context, &args),
        Command::Copy(args) => copy::run(context, &args),
        Command::Login(args) => login::run(context, &args),
        Command::Show(args) => show::run(context, &args),
        Command::Unlock => unlock::run(context),
        Command::Lock => lock::run(context),
        Command::Agent(args) => agent::run(context, &args),
        Command::Ls(args) => ls::run(context, args),
        Command::Find(args) => find::run(context, args),
        Command::Edit(args) => edit::run(context, args),
        Command::Mv(args) => mv::run(context, &args),
        Command::Cp(args) => cp::run(context, &args),
        Command::Rm(args) => rm::run(context, &args),
        Command::Restore(args) => restore::run(context, &args),
        Command::Purge(args) => purge::run(context, &args),
        Command::Attach(args) => attach::run(context, args),
        Command::History(args) => history::run(context, &args),
        Command::Undo(args) => undo::run(context, &args),
        Command::Conflicts(args) => conflicts::run(context, &args),
        Command::Resolve(args) => resolve::run(context, &args),
        Command::Generate(args) => generate::run(context, &args),
        Command::Otp(args) => otp::run(context, args),
        Command::Passwd(args) => passwd::run(context, &args),
        Command::Slots(args) => slots::run(context, args),
        Command::RecoveryKey(args) => recovery_key::run(context, &args),
        Command::Rekey(args) => rekey::run(context, &args),
        Command::Status => status::run(context),
        Command::Sync(args) => sync::run(context, &args),
        Command::Merge(args) => merge::run(context, &args),
        Command::Review(args) => review::run(context, args),
        Command::Compact => compact::run(context),
        Command::Fingerprint => fingerprint::run(context),
        Command::Devices(args) => devices::run(context, args),
        Command::Relocate(args) => relocate::run(context, &args),
        Command::Forget(args) => forget::run(context, &args),
        Command::Import(args) => import::run(context, &args),
        Command::Export(args) => export::run(context, &args),
        Command::Config(args) => config::run(context, &args),
        Command::Completions(args) => completions::run(context, &args),
        Command::Man => man::run(context),
        Command::Tour => tour::run(context),
    };
    done.map(|()| ExitCode::SUCCESS)
}
