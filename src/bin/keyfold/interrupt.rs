//! Ctrl-C: the terminal gets its echo back, private files go, and the program ends with 130.
//!
//! Installed when the first prompt or private file needs it, so that start-up does nothing. A vault needs no care here:
//! it is whole at every moment.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

static INSTALLED: Once = Once::new();
static FILES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Begins to catch Ctrl-C, SIGTERM and SIGHUP.
pub(crate) fn install() {
    INSTALLED.call_once(|| {
        #[cfg(unix)]
        let before = rustix::termios::tcgetattr(std::io::stdin()).ok();
        // Where no handler can be had, the system's own does: the shell then shows 130 as well.
        let _ = ctrlc::set_handler(move || {
            #[cfg(unix)]
            if let Some(before) = &before {
                let _ = rustix::termios::tcsetattr(
                    std::io::stdin(),
                    rustix::termios::OptionalActions::Now,
                    before,
                );
            }
            remove_files();
            std::process::exit(130);
        });
    });
}

/// Remembers a private file or folder that must not outlive the program.
pub(crate) fn guard(path: &Path) {
    install();
    FILES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(path.to_owned());
}

/// Removes the private files and folders that are still there.
pub(crate) fn remove_files() {
    for path in FILES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .drain(..)
    {
        let _ = if path.is_dir() {
            std::fs::remove_dir_all(path)
        } else {
            std::fs::remove_file(path)
        };
    }
}
