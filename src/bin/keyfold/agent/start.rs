//! Starting an agent in the background: this very program, in a session of its own, away from terminal and folder.

use super::client::{Client, connect};
use crate::context::Context;
use crate::failure::Failure;
use crate::itself::itself;
use std::io::Read;
use std::process::Stdio;

/// What a new agent says is no longer.
const ANSWER_LIMIT: u64 = 4096;

/// Starts an agent and connects to it. One that somebody else started meanwhile is as good.
///
/// # Errors
/// What kept it from starting.
pub(crate) fn start(context: &Context) -> Result<Client, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("no agent starts: {error}"));
    let mut child = itself()
        .map_err(failed)?
        .args(["agent", "--background"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let mut said = Vec::new();
    if let Some(out) = child.stdout.take() {
        out.take(ANSWER_LIMIT)
            .read_to_end(&mut said)
            .map_err(failed)?;
    }
    if let Some(client) = connect(context)? {
        return Ok(client);
    }
    let why = String::from_utf8_lossy(&said);
    let why = match why.trim_end() {
        "" => "it ends at once",
        why => why,
    };
    Err(Failure::failed(format!("no agent starts: {why}")))
}

/// Tells who started this agent that it listens, and lets go of standard output, the terminal's session and the folder
/// that it was started in: relative paths mean something until here.
pub(crate) fn report_ready(context: &Context) -> Result<(), Failure> {
    // Refused only to who leads a session already.
    let _session = rustix::process::setsid();
    rustix::process::chdir("/").map_err(std::io::Error::from)?;
    context.output.last(b"ready\n")
}

/// Tells who started this agent why it does not listen.
pub(crate) fn report_failure(context: &Context, failure: &Failure) {
    // Nobody else is there to be told.
    let _told = context.output.raw(failure.told().as_bytes());
}
