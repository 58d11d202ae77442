//! The clipboard of macOS, which keeps a content itself: it does not end with who copied it, and is cleared here.

use super::hold::Limits;
use crate::failure::Failure;
use arboard::{Clipboard, SetExtApple};
use keyfold::secret::Secret;
use keyfold::wire::Display;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::thread::sleep;
use std::time::Duration;

/// There is nothing to connect to.
pub(super) fn connect_early(_display: &Display) {}

/// Copies, marked for clipboard managers (nspasteboard.org), and clears it when that is over, where it is still ours.
pub(super) fn serve(
    _display: &Display,
    _early: (),
    text: Secret,
    limits: Limits,
    _mark: u64,
    owned: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error| Failure::failed(format!("the clipboard cannot be had: {error}"));
    let mut clipboard = Clipboard::new().map_err(failed)?;
    let marked = clipboard.set().exclude_from_history();
    // EXPOSE: it goes to the programs that paste.
    marked.text(text.expose()).map_err(failed)?;
    owned()?;
    let is_ours = |clipboard: &mut Clipboard| {
        let there = clipboard.get_text().map(Secret::new);
        there.is_ok_and(|there| there.same_as(&text))
    };
    while let Some(pause) = limits.pause() {
        if is_let_go(limits.leash.as_ref(), pause) || !is_ours(&mut clipboard) {
            break;
        }
    }
    if is_ours(&mut clipboard) {
        clipboard.clear().map_err(failed)?;
    }
    Ok(())
}

/// Waits; whether who started this process let go of it meanwhile.
fn is_let_go(leash: Option<&File>, pause: Duration) -> bool {
    let Some(leash) = leash else {
        sleep(pause);
        return false;
    };
    let pause = Timespec::try_from(pause).ok();
    // Nothing is ever sent after the content: whatever comes is its end.
    let mut watched = [PollFd::new(leash, PollFlags::IN)];
    matches!(poll(&mut watched, pause.as_ref()), Ok(1..))
}
