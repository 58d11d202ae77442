//! Single keys from the terminal that this program belongs to, without Enter and without echo.
//!
//! Ctrl-C stays a signal: [`crate::interrupt`] gives the terminal back then. Nothing typed here is a secret.

use crate::interrupt;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr,
    tcsetattr,
};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// What stands for no character at all (POSIX, section 11.1.9).
const DISABLED: u8 = 0;

/// The keyboard, while this lives.
pub(crate) struct Keyboard {
    before: Termios,
}

/// What somebody pressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Press {
    /// q, Escape, the end of the input, or a terminal that is gone.
    End,
    /// A line up.
    Up,
    /// A line down.
    Down,
    /// r.
    Again,
    /// Any other. What is pasted counts once.
    Other,
}

impl Keyboard {
    /// Takes it; `None` where standard input is no terminal.
    pub(crate) fn take() -> io::Result<Option<Self>> {
        if !io::stdin().is_terminal() {
            return Ok(None);
        }
        interrupt::install();
        let before = tcgetattr(io::stdin())?;
        let mut modes = before.clone();
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Stopped in the background, it would leave the terminal without an echo.
        modes.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
        tcsetattr(io::stdin(), OptionalActions::Now, &modes)?;
        Ok(Some(Self { before }))
    }

    /// Forgets what was typed before it was asked for.
    #[expect(clippy::unused_self, reason = "who has the keyboard may clear it")]
    pub(crate) fn clear(&self) {
        // Too early a key is then taken for one that was meant.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    }

    /// Waits for a key; `None` when none was pressed for so long.
    pub(crate) fn wait(&self, patience: Duration) -> io::Result<Option<Press>> {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).unwrap_or(Timespec {
                tv_sec: i64::from(u32::MAX),
                tv_nsec: 0,
            });
            let input = io::stdin();
            let mut watched = [PollFd::new(&input, PollFlags::IN)];
            match poll(&mut watched, Some(&timeout)) {
                Ok(0) => return Ok(None),
                Ok(_) => return self.read().map(Some),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    #[expect(clippy::unused_self, reason = "who has the keyboard may read it")]
    fn read(&self) -> io::Result<Press> {
        let mut bytes = [0; 64];
        // Not through the standard library's buffer: a later prompt would find there what was meant for here.
        let read = rustix::io::retry_on_intr(|| rustix::io::read(io::stdin(), &mut bytes));
        let count = match read {
            Err(rustix::io::Errno::IO) => 0,
            read => read?,
        };
        Ok(parse(bytes.get(..count).unwrap_or_default()))
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// What a terminal sends for a key: the arrows as in normal and in application mode (ECMA-48, DEC VT100).
fn parse(bytes: &[u8]) -> Press {
    match bytes {
        [] | b"q" | b"Q" | b"\x1b" | b"\x04" => Press::End,
        b"\x1b[A" | b"\x1bOA" | b"k" => Press::Up,
        b"\x1b[B" | b"\x1bOB" | b"j" => Press::Down,
        b"r" | b"R" => Press::Again,
        _ => Press::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_terminals_send_for_them() {
        for (bytes, key) in [
            (&b""[..], Press::End),
            (b"q", Press::End),
            (b"\x1b", Press::End),
            (b"\x1b[A", Press::Up),
            (b"\x1bOB", Press::Down),
            (b"r", Press::Again),
            (b" ", Press::Other),
            (b"\r", Press::Other),
            (b"quite a paste", Press::Other),
            (b"\x1b[1;5C", Press::Other),
        ] {
            assert_eq!(parse(bytes), key, "{bytes:?}");
        }
    }
}
