//! This very program as a child that outlives a command: an agent, an owner of the clipboard.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The first descriptor that is none of the standard streams.
const FIRST_OTHER: i32 = 3;

/// A child that runs this program, and inherits nothing but its environment and the streams that it is given.
///
/// What a script left open for this command (the lock of `flock`, the end of a pipe) would else be held for hours.
///
/// # Errors
/// Where the system does not tell where the program is.
pub(crate) fn itself() -> io::Result<Command> {
    close_fds::set_fds_cloexec_threadsafe(FIRST_OTHER, &[]);
    let mut command = Command::new(path()?);
    command.arg0(env!("CARGO_PKG_NAME"));
    Ok(command)
}

/// The program that runs, even where its file was replaced by a newer one meanwhile.
#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
fn path() -> io::Result<std::path::PathBuf> {
    Ok("/proc/self/exe".into())
}

#[cfg(not(target_os = "linux"))]
fn path() -> io::Result<std::path::PathBuf> {
    crate::context::program_and_temporary_folder().map(|(program, _)| program)
}
