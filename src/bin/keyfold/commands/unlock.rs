//! `unlock`: the vault open in the agent, for the next commands.

use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;
use crate::span;

pub(crate) fn run(context: &mut Context) -> Result<(), Failure> {
    if !context.uses_agent()? {
        return Err(Failure::usage("without an agent nothing stays unlocked")
            .hint("leave --no-agent out; keyfold config set agent auto allows one"));
    }
    let was_open = Session::unlock_agent(context)?;
    let vault = context.places()?.vault_file;
    let limits = context.agent_limits()?;
    let until = match (limits.idle_secs, limits.age_secs) {
        (None, None) => "until you lock it".to_owned(),
        (Some(idle), None) => format!("until it was not used for {}", span::describe(idle)),
        (None, Some(age)) => format!("for {}", span::describe(age)),
        (Some(idle), Some(age)) => format!(
            "until it was not used for {}, at most {}",
            span::describe(idle),
            span::describe(age)
        ),
    };
    context.output.note(&if was_open {
        format!("{} is unlocked already.", vault.display())
    } else {
        format!("{} is unlocked {until}.", vault.display())
    });
    Ok(())
}
