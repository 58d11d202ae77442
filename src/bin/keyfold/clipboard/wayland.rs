//! Owning the clipboard of a Wayland compositor by its data-control protocols, which need no window and no focus.

use super::hold::Limits;
use super::{HINT, HINT_CONTENT};
use crate::failure::Failure;
use keyfold::secret::Secret;
use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use wl_clipboard_rs::copy::{ClipboardType, MimeSource, MimeType, Options, PreparedCopy, Source};
use wl_clipboard_rs::paste::{self, Seat, get_mime_types};

/// How long the compositor may take to show what it was offered.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects, and offers the content as text and as a secret.
///
/// The compositor is asked later whether it took exactly this offer: `mark` is in it, and in no other.
pub(super) fn prepare(text: &Secret, mark: u64) -> Result<PreparedCopy, Failure> {
    let mut options = Options::new();
    options.clipboard(ClipboardType::Regular).foreground(true);
    let sources = vec![
        MimeSource {
            // EXPOSE: it goes to the programs that paste. The process that holds this copy ends with it.
            source: Source::Bytes(text.expose().as_bytes().into()),
            mime_type: MimeType::Text,
        },
        MimeSource {
            source: Source::Bytes(HINT_CONTENT.into()),
            mime_type: MimeType::Specific(HINT.to_owned()),
        },
        MimeSource {
            source: Source::Bytes([].into()),
            mime_type: MimeType::Specific(kind_of(mark)),
        },
    ];
    options
        .prepare_copy_multi(sources)
        .map_err(|error| failed(&error))
}

/// Answers who pastes, until the time is over, somebody else copies, or the leash ends.
pub(super) fn serve(
    prepared: PreparedCopy,
    mut limits: Limits,
    mark: u64,
    owned: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (ends, end) = channel();
    let served = ends.clone();
    // The threads end with the process: nobody waits for them.
    thread::spawn(move || {
        let outcome = prepared.serve().map_err(|error| failed(&error));
        let _ = served.send(outcome);
    });
    let leash = limits.leash.take();
    let watched = leash.map(|leash| thread::spawn(move || watch(leash, &ends)));
    wait_until_shown(&end, &kind_of(mark))?;
    owned()?;
    drop(watched);
    while let Some(pause) = limits.pause() {
        match end.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => {}
            ended => return ended.unwrap_or(Ok(())),
        }
    }
    Ok(())
}

/// A kind of content that nobody asks for.
fn kind_of(mark: u64) -> String {
    format!("application/x-keyfold-{mark:016x}")
}

/// Waits until the compositor shows this offer: it says nothing of it by itself, and the former one may be a secret too.
fn wait_until_shown(end: &Receiver<Result<(), Failure>>, mark: &str) -> Result<(), Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        match get_mime_types(paste::ClipboardType::Regular, Seat::Unspecified) {
            Ok(kinds) if kinds.contains(mark) => return Ok(()),
            _ => {}
        }
        match end.recv_timeout(Duration::from_millis(1)) {
            Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
            Ok(Err(failure)) => return Err(failure),
            _ => {
                return Err(Failure::failed(
                    "another program took the clipboard at once",
                ));
            }
        }
    }
}

fn watch(mut leash: File, ends: &Sender<Result<(), Failure>>) {
    // Nothing is ever sent after the content: this returns at its end.
    let _ = leash.read(&mut [0]);
    let _ = ends.send(Ok(()));
}

fn failed(error: &dyn Error) -> Failure {
    let why = error
        .source()
        .map_or(String::new(), |why| format!(": {why}"));
    Failure::failed(format!(
        "the compositor's clipboard cannot be had: {error}{why}"
    ))
}
