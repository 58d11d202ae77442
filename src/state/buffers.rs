//! The plaintexts that records lie in: wiped when they go, and never copied once they lie there.

use super::codec::MalformedRecord;
use std::ops::Range;
use zeroize::Zeroizing;

/// Plaintexts up to this many bytes share a buffer where many are to come: a page that is touched first costs the system
/// more than its bytes cost to copy.
const SHARED_LIMIT: usize = 128 << 10;
/// A buffer to share has no more room than this.
const ROOM_LIMIT: usize = 64 << 20;

/// The plaintexts that records lie in.
#[derive(Default)]
pub(super) struct Buffers {
    all: Vec<Zeroizing<Vec<u8>>>,
    /// Bytes that somebody said are still to come.
    expected: usize,
    /// Which of the buffers has room for more.
    shared: Option<usize>,
}

/// Where something lies in the buffers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    buffer: u32,
    start: u32,
    length: u32,
}

/// Where the next plaintext is going to lie.
#[derive(Clone, Copy)]
pub(super) struct Room {
    buffer: u32,
    start: usize,
    is_shared: bool,
}

impl Buffers {
    /// About so many bytes are to come.
    pub(super) fn expect(&mut self, bytes: u64) {
        self.expected = usize::try_from(bytes).map_or(ROOM_LIMIT, |bytes| bytes.min(ROOM_LIMIT));
    }

    /// How many more plaintexts like this one, of so many bytes, are likely to come.
    pub(super) fn expected_like(&self, length: usize) -> usize {
        self.expected / length.max(1)
    }

    /// Where a plaintext of so many bytes goes, if it is taken next; one of several records is likely to have others
    /// like it behind it.
    pub(super) fn room_for(
        &mut self,
        length: usize,
        records: usize,
    ) -> Result<Room, MalformedRecord> {
        let shared = self.shared.and_then(|at| Some((at, self.all.get(at)?)));
        let open = shared.filter(|(_, buffer)| buffer.capacity() - buffer.len() >= length);
        let (at, start, is_shared) = match open {
            _ if length > SHARED_LIMIT => (self.all.len(), 0, false),
            Some((at, buffer)) => (at, buffer.len(), true),
            None if records < 2 || self.expected < 2 * length => (self.all.len(), 0, false),
            None => {
                let at = self.all.len();
                self.all
                    .push(Zeroizing::new(Vec::with_capacity(self.expected)));
                self.shared = Some(at);
                (at, 0, true)
            }
        };
        Ok(Room {
            buffer: u32::try_from(at).map_err(|_| MalformedRecord)?,
            start,
            is_shared,
        })
    }

    /// Takes a plaintext over to where [`Buffers::room_for`] said.
    pub(super) fn take(&mut self, room: Room, mut plaintext: Zeroizing<Vec<u8>>) {
        self.expected = self.expected.saturating_sub(plaintext.len());
        let shared = self.shared.filter(|_| room.is_shared);
        match shared.and_then(|at| self.all.get_mut(at)) {
            Some(buffer) => {
                buffer.extend_from_slice(&plaintext);
                wipe(&mut plaintext);
            }
            None => self.all.push(plaintext),
        }
    }

    /// A whole buffer.
    pub(super) fn get(&self, number: u32) -> &[u8] {
        let buffer = usize::try_from(number)
            .ok()
            .and_then(|number| self.all.get(number));
        buffer.map_or(&[], |buffer| buffer.as_slice())
    }

    pub(super) fn slice(&self, span: Span) -> Option<&[u8]> {
        let start = usize::try_from(span.start).ok()?;
        let length = usize::try_from(span.length).ok()?;
        self.get(span.buffer).get(start..start.checked_add(length)?)
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        self.all.iter_mut().for_each(wipe);
    }
}

/// `zeroize` wipes a vector's elements one by one and its spare room at once: so all of it is made spare room.
fn wipe(buffer: &mut Zeroizing<Vec<u8>>) {
    buffer.clear();
}

impl Span {
    /// A place in the plaintext that lies there.
    pub(super) fn new(room: Room, place: &Range<usize>) -> Result<Self, MalformedRecord> {
        let start = room.start.checked_add(place.start);
        Ok(Self {
            buffer: room.buffer,
            start: start
                .and_then(|start| u32::try_from(start).ok())
                .ok_or(MalformedRecord)?,
            length: u32::try_from(place.len()).map_err(|_| MalformedRecord)?,
        })
    }

    pub(super) fn buffer(self) -> u32 {
        self.buffer
    }

    pub(super) fn start(self) -> u32 {
        self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(buffers: &mut Buffers, bytes: &[u8]) -> Span {
        let room = buffers.room_for(bytes.len(), 2).unwrap();
        let span = Span::new(room, &(0..bytes.len())).unwrap();
        buffers.take(room, Zeroizing::new(bytes.to_vec()));
        span
    }

    #[test]
    fn small_plaintexts_share_a_buffer_where_many_are_expected_and_keep_their_places() {
        let mut buffers = Buffers::default();
        buffers.expect(3000);
        let parts: Vec<Vec<u8>> = (1..=200).map(|number| vec![number; 20]).collect();
        let large = vec![7; SHARED_LIMIT + 1];
        let mut spans: Vec<Span> = parts.iter().map(|part| take(&mut buffers, part)).collect();
        spans.push(take(&mut buffers, &large));
        for (part, span) in parts.iter().chain([&large]).zip(spans) {
            assert!(buffers.slice(span).unwrap() == part);
        }
        // 3,000 bytes share one buffer, which does not grow; what came beyond lies alone, as does the large one.
        assert_eq!(buffers.all.len(), 1 + 200 - 150 + 1);
    }

    #[test]
    fn where_nothing_is_expected_each_plaintext_stays_in_its_own_buffer() {
        let mut buffers = Buffers::default();
        let plaintext = Zeroizing::new(vec![1; 50]);
        let lies_at = plaintext.as_ptr();
        let room = buffers.room_for(50, 2).unwrap();
        buffers.take(room, plaintext);
        assert_eq!(buffers.get(0).as_ptr(), lies_at);
    }
}
