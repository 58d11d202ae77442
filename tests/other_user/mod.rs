//! Programs as another user. The tests run as root, to whom nothing is closed.

use std::process::Command;

/// A user who owns nothing.
pub(crate) const NOBODY: u32 = 65534;

/// What is given to this runs as a user, in no group but their own.
pub(crate) fn as_user(user: u32) -> Command {
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={user}"))
        .arg(format!("--regid={user}"))
        .arg("--clear-groups");
    command
}
