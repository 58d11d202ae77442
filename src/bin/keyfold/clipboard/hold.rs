//! The holder's side: takes one content from its pipe, owns the clipboard with it, and ends when that is over.

use super::Leash;
use super::child::{FRAME_LIMIT, OWNED};
use crate::clocks::Clocks;
use crate::context::Context;
use crate::failure::Failure;
use keyfold::wire::{Content, Display, LENGTH_BYTES, parse_body, parse_length};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Duration;
use zeroize::Zeroizing;

/// The clock is looked at this often: it goes on while the machine sleeps, which no wait does.
const GLANCE: Duration = Duration::from_secs(1);

/// What a content is held by until it is over.
pub(super) struct Limits {
    /// When its time is over, since the machine started.
    deadline: Option<Duration>,
    /// Ends when who started this process ends or lets go.
    pub(super) leash: Option<File>,
}

impl Limits {
    fn new(seconds: Option<u64>, leash: Option<File>) -> Self {
        let now = Clocks::now().boot;
        let deadline = seconds.and_then(|seconds| now.checked_add(Duration::from_secs(seconds)));
        Self { deadline, leash }
    }

    /// How long to wait before this is asked again; nothing when the time is over.
    pub(super) fn pause(&self) -> Option<Duration> {
        let Some(deadline) = self.deadline else {
            return Some(GLANCE);
        };
        let left = deadline.checked_sub(Clocks::now().boot)?;
        (!left.is_zero()).then(|| left.min(GLANCE))
    }
}

/// Holds one content. This is a child of `copy` or of the agent; nobody types it.
///
/// # Errors
/// None that matters: what went wrong was told to who started it.
pub(crate) fn hold(context: &mut Context, leash: Leash) -> Result<(), Failure> {
    // Away from the terminal, whose end is no reason to forget. Refused only to who leads a session already.
    let _session = rustix::process::setsid();
    if let Err(failure) = own(context, leash) {
        context
            .output
            .raw(format!("{}\n", failure.told()).as_bytes())?;
        return Err(failure);
    }
    Ok(())
}

fn own(context: &mut Context, leash: Leash) -> Result<(), Failure> {
    let display = context.display();
    let mark = u64::from_le_bytes(context.random_bytes());
    // Connected before there is anything to hold, so that an agent's next copy need not wait for it.
    let early = connect_early(&display);
    // Not through the buffer of standard input, which nobody wipes.
    let mut pipe = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let Some(Content { text, seconds }) = read_content(&mut pipe)? else {
        return Ok(());
    };
    let limits = Limits::new(seconds, (leash == Leash::Held).then_some(pipe));
    // Who waits is told that the clipboard is ours.
    let owned = || context.output.last(format!("{OWNED}\n").as_bytes());
    serve(&display, early, text, limits, mark, owned)
}

/// The content; `None` where the other side went away without one.
fn read_content(pipe: &mut File) -> Result<Option<Content>, Failure> {
    let wrong = || Failure::failed("that is no content for the clipboard");
    let mut length = [0; LENGTH_BYTES];
    match pipe.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = parse_length(length).map_err(|_| wrong())?;
    if length > FRAME_LIMIT {
        return Err(wrong());
    }
    let mut body = Zeroizing::new(vec![0; length]);
    pipe.read_exact(&mut body)?;
    parse_body(&body).map(Some).map_err(|_| wrong())
}

#[cfg(all(unix, not(target_os = "macos")))]
use display::{connect_early, serve};

#[cfg(all(unix, not(target_os = "macos")))]
mod display {
    use super::{Display, Failure, Limits};
    use crate::clipboard::{wayland, x11};
    use keyfold::secret::Secret;

    /// A connection to an X server, where that is what there is.
    pub(super) fn connect_early(display: &Display) -> Option<x11::Owner> {
        if display.wayland.is_some() {
            return None;
        }
        // Why not is told when there is something to hold.
        x11::Owner::connect(display).ok()
    }

    /// Owns the clipboard until that is over: Wayland's where the compositor lets programs without a window, else that
    /// of the X server.
    pub(super) fn serve(
        display: &Display,
        early: Option<x11::Owner>,
        text: Secret,
        limits: Limits,
        mark: u64,
        owned: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if display.wayland.is_some() {
            match wayland::prepare(&text, mark) {
                Ok(prepared) => {
                    drop(text);
                    return wayland::serve(prepared, limits, mark, owned);
                }
                Err(failure) if display.local_x11().is_none() => return Err(failure),
                Err(_) => {}
            }
        }
        let mut owner = match early {
            Some(owner) => owner,
            None => x11::Owner::connect(display)?,
        };
        owner.own()?;
        owned()?;
        owner.serve(&text, &limits)
    }
}

#[cfg(target_os = "macos")]
use super::pasteboard::{connect_early, serve};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_looked_at_every_second_and_over_once_it_has_passed() {
        assert_eq!(Limits::new(None, None).pause(), Some(GLANCE));
        assert_eq!(Limits::new(Some(3600), None).pause(), Some(GLANCE));
        let soon = Limits::new(Some(1), None).pause();
        assert!(soon.is_some_and(|pause| pause <= GLANCE));
        let mut over = Limits::new(Some(1), None);
        over.deadline = Some(Clocks::now().boot);
        assert_eq!(over.pause(), None);
    }
}
