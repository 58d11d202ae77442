//! The side of who copies: starts a holder, gives it the content, and lets go of it.

use super::{Content, LENGTH_LIMIT, Leash, refuse_long};
use crate::context::program_and_temporary_folder;
use crate::failure::Failure;
use keyfold::wire::{Display, write_frame};
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};

/// What a holder says once the clipboard is its own.
pub(super) const OWNED: &str = "owned";
/// What a holder says is no longer.
const REPORT_LIMIT: u64 = 4096;

/// A child that owns the clipboard, or is about to. Where it is on a leash, dropping this clears the clipboard at once, if
/// that is still ours.
pub(crate) struct Holder {
    child: Child,
    leash: Leash,
}

impl Holder {
    /// # Errors
    /// Where there is no display that could be used.
    pub(crate) fn refuse_no_display(display: &Display) -> Result<(), Failure> {
        if display.is_there() {
            Ok(())
        } else {
            Err(no_display(display))
        }
    }

    /// Starts one for a display. It has nothing yet.
    ///
    /// # Errors
    /// Where there is no display, or the program does not start.
    pub(crate) fn start(display: &Display, leash: Leash) -> Result<Self, Failure> {
        Self::refuse_no_display(display)?;
        let (program, _) = program_and_temporary_folder()?;
        let mut command = Command::new(program);
        command
            .args(["copy", "--holder"])
            .arg(match leash {
                Leash::Held => "held",
                Leash::Free => "free",
            })
            .current_dir("/")
            // A socket that was inherited would be somebody else's connection.
            .env_remove("WAYLAND_SOCKET")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        for (name, value) in display.variables() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let child = command.spawn().map_err(|error| failed(&error))?;
        Ok(Self { child, leash })
    }

    /// Gives it the content, and waits until the clipboard is its own.
    ///
    /// # Errors
    /// What keeps it from owning the clipboard.
    pub(crate) fn give(&mut self, content: &Content) -> Result<(), Failure> {
        refuse_long(&content.text)?;
        let frame = write_frame(content).map_err(|error| Failure::failed(error.to_string()))?;
        if let Some(mut pipe) = self.child.stdin.take() {
            // One that failed to start says why, and reads nothing.
            let _ = pipe.write_all(&frame);
            if self.leash == Leash::Held {
                self.child.stdin = Some(pipe);
            }
        }
        let mut report = String::new();
        if let Some(out) = self.child.stdout.take() {
            out.take(REPORT_LIMIT)
                .read_to_string(&mut report)
                .map_err(|error| failed(&error))?;
        }
        match report.trim_end() {
            OWNED => Ok(()),
            "" => Err(Failure::failed("the clipboard cannot be had").hint(ALTERNATIVES)),
            why => Err(Failure::failed(why).hint(ALTERNATIVES)),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if self.leash == Leash::Held {
            // Its connection ends with it, and with that its content.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

const ALTERNATIVES: &str =
    "keyfold get NAME prints it to a pipe; over SSH --osc52 copies it through the terminal";

fn no_display(display: &Display) -> Failure {
    Failure::failed(if display.x11.is_some() {
        "there is no display of this machine: nothing is copied to another's"
    } else {
        "there is no display whose clipboard could be used"
    })
    .hint(ALTERNATIVES)
}

fn failed(error: &io::Error) -> Failure {
    Failure::failed(format!("the clipboard cannot be had: {error}")).hint(ALTERNATIVES)
}

/// A frame of more than this is no content.
pub(super) const FRAME_LIMIT: usize = LENGTH_LIMIT + 64;
