//! Frames on a socket, with a deadline: a client that sends slowly or takes nothing costs a thread for some seconds only.

use keyfold::wire::{
    GREETING_LENGTH, Greeting, LENGTH_BYTES, WireError, parse_body, parse_length, write_frame,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Memory that is taken before bytes have come.
const PIECE: usize = 64 << 10;

/// How long the other side may take.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// Until the first byte.
    pub(super) first: Duration,
    /// From the first byte to the last.
    pub(super) rest: Duration,
}

pub(super) fn send_greeting(mut stream: &UnixStream, greeting: &Greeting) -> io::Result<()> {
    stream.write_all(&greeting.write())
}

pub(super) fn receive_greeting(stream: &UnixStream, patience: Duration) -> io::Result<Greeting> {
    let mut bytes = [0; GREETING_LENGTH];
    read_by(stream, &mut bytes, Instant::now() + patience)?;
    Greeting::parse(&bytes).map_err(io::Error::other)
}

pub(super) fn send(mut stream: &UnixStream, message: &impl Serialize) -> io::Result<()> {
    let frame = write_frame(message).map_err(io::Error::other)?;
    stream.write_all(&frame)
}

/// The next message; `None` where the other side is gone between two messages, or said nothing for too long.
pub(super) fn receive<T: DeserializeOwned>(
    stream: &UnixStream,
    patience: Patience,
) -> io::Result<Option<T>> {
    let mut length = [0; LENGTH_BYTES];
    let begun = read_first(stream, &mut length, patience.first)?;
    if begun == 0 {
        return Ok(None);
    }
    let deadline = Instant::now() + patience.rest;
    read_by(
        stream,
        length.get_mut(begun..).unwrap_or_default(),
        deadline,
    )?;
    let length = parse_length(length).map_err(io::Error::other)?;
    let body = read_body(stream, length, deadline)?;
    parse_body(&body)
        .map(Some)
        .map_err(|error: WireError| io::Error::other(error))
}

/// How many bytes came first; none where the other side is gone or said nothing for too long.
fn read_first(mut stream: &UnixStream, into: &mut [u8], patience: Duration) -> io::Result<usize> {
    stream.set_read_timeout(Some(patience))?;
    loop {
        match stream.read(into) {
            Ok(count) => return Ok(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) => return Ok(0),
            Err(error) => return Err(error),
        }
    }
}

/// Grows as bytes arrive: what a length claims is no reason to take memory. Pieces are wiped as the buffer moves.
fn read_body(
    stream: &UnixStream,
    length: usize,
    deadline: Instant,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut body = Zeroizing::new(vec![0; length.min(PIECE)]);
    read_by(stream, &mut body, deadline)?;
    while body.len() < length {
        let have = body.len();
        let mut longer = Zeroizing::new(vec![0; length.min(have * 2)]);
        let (known, new) = longer.split_at_mut(have);
        known.copy_from_slice(&body);
        read_by(stream, new, deadline)?;
        body = longer;
    }
    Ok(body)
}

fn read_by(mut stream: &UnixStream, mut into: &mut [u8], deadline: Instant) -> io::Result<()> {
    while !into.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(into) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => into = into.get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
