//! The agent: whether one that runs can be used, and for how long it holds a vault.

use super::{Finding, FindingKind, Severity};
use crate::agent;
use crate::context::Context;
use crate::span;

/// Longer than a working day a vault should not stay open without a password.
const DAY_SECS: u64 = 24 * 3600;

pub(super) fn check(context: &mut Context) -> Vec<Finding> {
    let mut found = Vec::new();
    match context.uses_agent() {
        Ok(true) => {}
        Ok(false) => return found,
        Err(failure) => found.push(problem(&failure.told(), "keyfold config set agent auto")),
    }
    match context.agent_limits() {
        Ok(limits) => {
            let held_secs = limits.idle_secs.into_iter().chain(limits.age_secs).min();
            if held_secs.is_none_or(|seconds| seconds > DAY_SECS) {
                let held = held_secs.map_or("ever".to_owned(), span::describe);
                found.push(Finding::new(
                    FindingKind::Agent,
                    Severity::Advice,
                    format!("the agent holds an unlocked vault for {held}, used or not"),
                    "keyfold config set lock_after 15m",
                ));
            }
        }
        Err(failure) => found.push(problem(
            &failure.told(),
            "keyfold config shows the settings",
        )),
    }
    if let Err(failure) = agent::connect(context) {
        found.push(problem(
            &failure.told(),
            "keyfold agent stop, then the next command",
        ));
    }
    found
}

fn problem(what: &str, todo: &str) -> Finding {
    let what = what.lines().next().unwrap_or(what);
    Finding::new(FindingKind::Agent, Severity::Problem, what, todo)
}
