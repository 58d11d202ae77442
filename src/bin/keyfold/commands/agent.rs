//! `agent`: serves unlocked vaults in the foreground; tells of the one that does, stops it, and prints a unit for systemd.

use crate::agent::{self, report_failure, report_ready, serve};
use crate::cli::{Agent, AgentAction};
use crate::context::{Context, program_and_temporary_folder};
use crate::failure::Failure;
use crate::span;
use keyfold::wire::HeldVault;
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    schema: u32,
    running: bool,
    pid: Option<u32>,
    socket: String,
    locked: bool,
    locks_in_secs: Option<u64>,
    vaults: Vec<ShownVault>,
}

#[derive(Serialize)]
struct ShownVault {
    vault: String,
    locks_in_secs: Option<u64>,
}

pub(crate) fn run(context: &mut Context, args: &Agent) -> Result<(), Failure> {
    match args.action {
        Some(AgentAction::Status) => status(context),
        Some(AgentAction::Stop) => stop(context),
        Some(AgentAction::Unit) => unit(context),
        None => serve_until_told(context, args),
    }
}

fn serve_until_told(context: &mut Context, args: &Agent) -> Result<(), Failure> {
    let buses = context.buses();
    let served = buses.and_then(|buses| {
        serve(context, buses, || {
            if args.background {
                return report_ready(context);
            }
            let output = &context.output;
            output.note("Listening. Ctrl-C locks everything and ends.");
            Ok(())
        })
    });
    if args.background {
        served.inspect_err(|failure| report_failure(context, failure))
    } else {
        served
    }
}

fn status(context: &mut Context) -> Result<(), Failure> {
    let places = context.places()?;
    let socket = agent::socket(context)?.display().to_string();
    let status = match agent::connect(context)? {
        Some(mut client) => Some(client.status()?),
        None => None,
    };
    let pid = status.as_ref().map(|status| status.pid);
    let vaults = status.map(|status| status.vaults).unwrap_or_default();
    let own = vaults.iter().find(|held| held.places == places);
    if context.output.json {
        return context.output.json(&Shown {
            schema: 1,
            running: pid.is_some(),
            pid,
            socket,
            locked: own.is_none(),
            locks_in_secs: own.and_then(|held| held.locks_in_secs),
            vaults: vaults.iter().map(shown).collect(),
        });
    }
    let Some(pid) = pid else {
        return context.output.line("no agent runs");
    };
    context
        .output
        .line(&format!("runs as process {pid} at {socket}"))?;
    for held in &vaults {
        let held = shown(held);
        let left = held
            .locks_in_secs
            .map_or("until you lock it".to_owned(), |left| {
                format!("locks in {}", span::describe(left))
            });
        context
            .output
            .line(&format!("{} is unlocked, {left}", held.vault))?;
    }
    if vaults.is_empty() {
        context.output.line("everything is locked")?;
    }
    Ok(())
}

fn shown(held: &HeldVault) -> ShownVault {
    ShownVault {
        vault: held.places.vault_file.display().to_string(),
        locks_in_secs: held.locks_in_secs,
    }
}

fn stop(context: &Context) -> Result<(), Failure> {
    let was_there = agent::stop(context)?;
    context.output.note(if was_there {
        "Everything is locked, and the agent has ended."
    } else {
        "No agent runs."
    });
    Ok(())
}

fn unit(context: &Context) -> Result<(), Failure> {
    let (program, _) = program_and_temporary_folder()?;
    context.output.raw(
        format!(
            "# ~/.config/systemd/user/keyfold.service; then: systemctl --user enable --now keyfold\n\
             [Unit]\n\
             Description=keyfold agent: vaults that are unlocked for a while\n\
             \n\
             [Service]\n\
             ExecStart={} agent\n\
             Restart=on-failure\n\
             LimitCORE=0\n\
             LimitMEMLOCK=infinity\n\
             NoNewPrivileges=yes\n\
             RestrictAddressFamilies=AF_UNIX\n\
             \n\
             [Install]\n\
             WantedBy=default.target\n",
            quoted(&program.display().to_string())
        )
        .as_bytes(),
    )
}

/// As systemd reads one word: in quotes, with its own signs doubled (systemd.service, "Command lines").
fn quoted(path: &str) -> String {
    let path = path.replace('\\', "\\\\").replace('"', "\\\"");
    let path = path.replace('%', "%%").replace('$', "$$");
    format!("\"{path}\"")
}
