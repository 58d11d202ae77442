//! Arguments about the agent.

use clap::{Args, Subcommand};

#[derive(Args)]
pub(crate) struct Agent {
    #[command(subcommand)]
    pub(crate) action: Option<AgentAction>,
    /// Tell who started it on standard output, and leave the terminal's session
    #[arg(long, hide = true)]
    pub(crate) background: bool,
}

/// What to do with the agent; without one it serves, in the foreground
#[derive(Subcommand)]
pub(crate) enum AgentAction {
    /// Tell whether an agent runs, and when it locks
    Status,
    /// Lock everything and end the agent
    Stop,
    /// Print a unit for systemd, for an agent that starts with the session
    Unit,
}
