//! Ctrl-C: the terminal gets its echo back, private and half-written files go, and the program ends with 130.
//!
//! Installed when the first prompt or private file needs it, so that start-up does nothing. A vault needs no care here:
//! it is whole at every moment. What is long at work in it may be asked to stop and tidy up.

use crate::failure::{Failure, Kind};
use std::io::{self, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

static INSTALLED: Once = Once::new();
/// Held by the handler until the end: whoever would start a child or take note of its death waits here for ever.
static CHILD: Mutex<Option<u32>> = Mutex::new(None);
static FILES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
/// What brings the terminal's own screen back, where another one is shown.
static SCREEN: Mutex<&[u8]> = Mutex::new(b"");
/// Whether some work would rather stop by itself, and whether it is to.
static IS_STOPPABLE: AtomicBool = AtomicBool::new(false);
static MUST_STOP: AtomicBool = AtomicBool::new(false);
/// How long it may take to, in steps of 10 ms: it may wait for its input.
const STOPPING_STEPS: usize = 200;

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
            let _nothing_is_drawn = leave_screen();
            MUST_STOP.store(true, Ordering::SeqCst);
            for _ in 0..STOPPING_STEPS {
                if !IS_STOPPABLE.load(Ordering::SeqCst) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let child = CHILD.lock().unwrap_or_else(PoisonError::into_inner);
            end_child(*child);
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

/// A file that is being written; if the program is interrupted before this is dropped, the file goes.
pub(crate) struct Unfinished(PathBuf);

/// Remembers a file that is worth nothing before it is whole.
pub(crate) fn guard_unfinished(path: &Path) -> Unfinished {
    guard(path);
    Unfinished(path.to_owned())
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = files.iter().rposition(|path| *path == self.0) {
            files.remove(at);
        }
    }
}

/// Work that asks now and then whether it is to stop, and tidies up then. An interruption waits for it, though not for long.
pub(crate) struct Stoppable(());

impl Stoppable {
    pub(crate) fn begin() -> Self {
        install();
        IS_STOPPABLE.store(true, Ordering::SeqCst);
        Self(())
    }

    /// Refuses to go on after an interruption.
    pub(crate) fn go_on(&self) -> Result<(), Failure> {
        if MUST_STOP.load(Ordering::SeqCst) {
            return Err(Failure::new(Kind::Interrupted, "interrupted"));
        }
        Ok(())
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        IS_STOPPABLE.store(false, Ordering::SeqCst);
    }
}

/// Remembers what brings the terminal's own screen back; nothing once it is back.
pub(crate) fn guard_screen(bytes: &'static [u8]) {
    install();
    *SCREEN.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
}

/// Runs a child of keyfold's own to its end. It dies with this program, so that it cannot write where files were removed.
pub(crate) fn run_child(command: &mut Command, input: &[u8]) -> io::Result<Output> {
    let mut running = CHILD.lock().unwrap_or_else(PoisonError::into_inner);
    let mut child = command.spawn()?;
    *running = Some(child.id());
    drop(running);
    if let Some(mut stdin) = child.stdin.take() {
        // A child that does not read its input may be gone already.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output();
    *CHILD.lock().unwrap_or_else(PoisonError::into_inner) = None;
    output
}

/// Brings the terminal's own screen back; nobody else writes there as long as the lock is held that comes back.
fn leave_screen() -> Option<StdoutLock<'static>> {
    let bytes = *SCREEN.lock().unwrap_or_else(PoisonError::into_inner);
    if bytes.is_empty() {
        return None;
    }
    let mut output = io::stdout().lock();
    let _ = output.write_all(bytes).and_then(|()| output.flush());
    Some(output)
}

/// Kills the child and gives it a moment to be gone.
fn end_child(child: Option<u32>) {
    let pid = child
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw);
    let Some(pid) = pid else { return };
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    for _ in 0..100 {
        if rustix::process::test_kill_process(pid).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
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
