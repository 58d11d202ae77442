//! The side of who copies: starts a holder, gives it the content, and lets go of it.

use super::{LENGTH_LIMIT, Leash, refuse_long};
use crate::failure::Failure;
use crate::itself::itself;
use keyfold::wire::{Content, Display, write_frame};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read, Write};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a holder says once the clipboard is its own.
pub(super) const OWNED: &str = "owned";
/// What a holder says is no longer.
const REPORT_LIMIT: usize = 4096;
/// A display that does not answer for so long never will.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a holder that was let go of may take to give the clipboard back itself, and how often that is looked at.
const FAREWELL: Duration = Duration::from_millis(200);
const MOMENT: Duration = Duration::from_millis(1);

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
        let mut command = itself()?;
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
        let report = self.report().map_err(|error| failed(&error))?;
        match report.trim_end() {
            OWNED => Ok(()),
            "" => Err(Failure::failed("the clipboard cannot be had").hint(ALTERNATIVES)),
            why => Err(Failure::failed(why).hint(ALTERNATIVES)),
        }
    }

    /// What it says when it owns the clipboard, or why it does not. One that says nothing in time is ended: it must not own
    /// the clipboard later, when nobody expects it.
    fn report(&mut self) -> io::Result<String> {
        let Some(mut out) = self.child.stdout.take() else {
            return Ok(String::new());
        };
        let until = Instant::now() + PATIENCE;
        let mut report = Vec::new();
        let mut piece = [0; 256];
        while report.len() < REPORT_LIMIT {
            if !is_readable(&out, until)? {
                self.end();
                return Err(io::Error::other("the display does not answer"));
            }
            match out.read(&mut piece)? {
                0 => break,
                count => report.extend_from_slice(piece.get(..count).unwrap_or_default()),
            }
            // All that is hoped for: nobody waits until it has let go of the pipe.
            if report.strip_suffix(b"\n") == Some(OWNED.as_bytes()) {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&report).into_owned())
    }

    /// Whether it ended, as it does when its time is over or somebody else copied.
    pub(crate) fn is_over(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Lets it give the clipboard back by itself, and sees to it that it is gone.
    fn let_go(&mut self) {
        drop(self.child.stdin.take());
        let until = Instant::now() + FAREWELL;
        while !self.is_over() {
            if Instant::now() > until {
                return self.end();
            }
            sleep(MOMENT);
        }
    }

    /// Its connection ends with it, and with that its content.
    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if self.leash == Leash::Held {
            self.let_go();
        }
    }
}

/// Whether something comes, or the end of it, until then.
fn is_readable(out: &impl std::os::fd::AsFd, until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(out, PollFlags::IN)], Some(&left)) {
            Err(rustix::io::Errno::INTR) => {}
            ready => return Ok(ready? > 0),
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
