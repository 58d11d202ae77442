//! The clipboard: what is copied belongs to a small child of this program, which lets go of it after a while.
//!
//! A display keeps no content of its own: it lasts as long as the program that owns it. So a process holds each copied
//! secret, and when it ends, display and kernel together clear the clipboard exactly where it is still ours, and wipe
//! every copy that a library made on the way. Nothing here asks a display to clear, hands content to a clipboard manager, or touches
//! the primary selection. The secret comes to the child by a pipe.

mod child;
mod hold;
mod osc52;
#[cfg(target_os = "macos")]
mod pasteboard;
#[cfg(all(unix, not(target_os = "macos")))]
mod wayland;
#[cfg(all(unix, not(target_os = "macos")))]
mod x11;

pub(crate) use child::Holder;
pub(crate) use hold::hold;
pub(crate) use osc52::Osc52;

use crate::failure::Failure;
use clap::ValueEnum;
use keyfold::secret::Secret;

/// Nothing longer is copied: it goes to a display in one piece.
pub(crate) const LENGTH_LIMIT: usize = 128 << 10;
/// Marks a content as a secret for clipboard managers: KDE's, and those that do the same.
#[cfg(all(unix, not(target_os = "macos")))]
const HINT: &str = "x-kde-passwordManagerHint";
#[cfg(all(unix, not(target_os = "macos")))]
const HINT_CONTENT: &[u8] = b"secret";

/// When a holder ends, beside its time and the next copy.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Leash {
    /// With the process that started it, or when that lets go.
    Held,
    /// Not before.
    Free,
}

/// Fails for what no display takes in one piece.
fn refuse_long(text: &Secret) -> Result<(), Failure> {
    if text.len() > LENGTH_LIMIT {
        return Err(Failure::failed(format!(
            "more than {} KiB are not copied",
            LENGTH_LIMIT >> 10
        ))
        .hint("keyfold get NAME FIELD > FILE writes it to a file"));
    }
    Ok(())
}
