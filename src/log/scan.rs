//! Goes through a file from block to block and tells what is whole and what is damage (vault-format.md, section 1.5).
//!
//! It must never write, never trust a claimed length, and never do more work than a small multiple of the file's size,
//! whatever the bytes are. Whether a body is authentic only the caller can tell: it answers with a [`Verdict`].

use super::frame::{FrameHeader, FrameKind, HEADER_LENGTH, NONCE_LENGTH, parse_header};
use super::{BLOCK, BLOCK_BYTES};
use std::ops::Range;

/// Failed authentications may read this many times the file's size before only single blocks are tried.
const FAILURE_BUDGET: u64 = 4;
/// Bytes read at once: few at first, since a large frame that follows is read whole into a window of its own.
const WINDOW_FIRST: usize = 16 << 10;
const WINDOW: usize = 512 << 10;

/// Something that can be read at an offset.
pub trait Source {
    /// What can go wrong in reading.
    type Error;
    /// Length in bytes.
    fn length(&self) -> u64;
    /// Fills the whole buffer from `offset`.
    ///
    /// # Errors
    /// Whatever the medium says; a file that became shorter too.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Self::Error>;
}

/// A frame as it lies in the file. A chunk comes without its body first.
pub struct FoundFrame<'a> {
    /// Where it begins.
    pub offset: u64,
    /// Its header.
    pub header: FrameHeader,
    /// What was read of the file, and where in it the body lies.
    window: &'a mut Vec<u8>,
    body: Range<usize>,
}

impl FoundFrame<'_> {
    /// Its body; empty for a chunk that nobody asked for yet.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.window.get(self.body.clone()).unwrap_or_default()
    }

    /// The body to own, in a buffer and where it lies there. A body that fills what was read is not copied.
    #[must_use]
    pub fn take_body(&mut self) -> (Vec<u8>, Range<usize>) {
        if self.body.len() > self.window.len() / 2 {
            (std::mem::take(self.window), self.body.clone())
        } else {
            (self.body().to_vec(), 0..self.body.len())
        }
    }
}

/// What the caller found out about a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Authentic; scanning goes on at its end.
    Authentic,
    /// Authentic, and its content breaks a rule: damage, but scanning goes on at its end.
    Malformed,
    /// Did not authenticate; scanning goes on one block after its header.
    Forged,
    /// Sealed under a key that the caller does not hold; likewise.
    UnknownKey,
    /// A chunk that came without its body is to be read and asked about again.
    NeedsBody,
}

/// Why a part of the file could not be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// No frame begins here.
    NoFrame,
    /// A frame begins here and is cut off.
    Torn,
    /// A frame that does not authenticate.
    Forged,
    /// An authentic frame that breaks a rule.
    Malformed,
    /// A frame under a key that is not held.
    UnknownKey,
}

impl Reason {
    /// The reason in words.
    #[must_use]
    pub fn as_text(self) -> &'static str {
        match self {
            Self::NoFrame => "no frame begins here",
            Self::Torn => "a frame is cut off",
            Self::Forged => "a frame does not authenticate",
            Self::Malformed => "an authentic frame breaks a rule of the format",
            Self::UnknownKey => "a frame is sealed under a key that is not held",
        }
    }
}

/// A stretch of the file that could not be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damage {
    /// Where it begins.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
    /// Why.
    pub reason: Reason,
}

/// Scans all frames behind the preamble and returns the damage, neighbouring stretches joined as section 1.5 says.
///
/// # Errors
/// What the source says.
pub fn scan<S: Source + ?Sized>(
    source: &S,
    verdict: &mut dyn FnMut(&mut FoundFrame<'_>) -> Verdict,
) -> Result<Vec<Damage>, S::Error> {
    Scanner {
        source,
        damage: Vec::new(),
        failed: 0,
        window: Window::default(),
    }
    .run(verdict)
}

#[derive(Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
    ahead: usize,
}

impl Window {
    /// Where in the window the bytes `offset..offset + length` are, which lie inside the file; reads ahead.
    fn locate<S: Source + ?Sized>(
        &mut self,
        source: &S,
        offset: u64,
        length: usize,
    ) -> Result<Range<usize>, S::Error> {
        let inside = offset
            .checked_sub(self.start)
            .and_then(|at| usize::try_from(at).ok());
        let held = inside.filter(|at| at.saturating_add(length) <= self.bytes.len());
        let at = match held {
            Some(at) => at,
            None => {
                let left =
                    usize::try_from(source.length().saturating_sub(offset)).unwrap_or(usize::MAX);
                self.ahead = (self.ahead * 4).clamp(WINDOW_FIRST, WINDOW);
                let wanted = left.min(length.max(self.ahead));
                if wanted > self.bytes.capacity() {
                    self.bytes = Vec::new(); // first, so that both are never there at once
                    self.bytes = vec![0; wanted]; // fresh pages are zeros already
                } else {
                    self.bytes.resize(wanted, 0);
                }
                self.start = offset;
                source.read_exact_at(offset, &mut self.bytes)?;
                0
            }
        };
        Ok(at..at.saturating_add(length))
    }

    fn bytes<S: Source + ?Sized>(
        &mut self,
        source: &S,
        offset: u64,
        length: usize,
    ) -> Result<&[u8], S::Error> {
        let place = self.locate(source, offset, length)?;
        Ok(self.bytes.get(place).unwrap_or_default())
    }
}

struct Scanner<'a, S: Source + ?Sized> {
    source: &'a S,
    damage: Vec<Damage>,
    failed: u64,
    window: Window,
}

impl<S: Source + ?Sized> Scanner<'_, S> {
    fn run(
        mut self,
        verdict: &mut dyn FnMut(&mut FoundFrame<'_>) -> Verdict,
    ) -> Result<Vec<Damage>, S::Error> {
        let end = self.source.length();
        let mut offset = BLOCK_BYTES;
        while offset < end {
            if end - offset < BLOCK_BYTES {
                self.report(offset, end - offset, Reason::Torn);
                break;
            }
            let header = parse_header(self.window.bytes(self.source, offset, HEADER_LENGTH)?);
            offset += match header {
                None => self.report(offset, BLOCK_BYTES, Reason::NoFrame),
                Some(header) => self.frame(offset, header, verdict)?,
            };
        }
        Ok(self.damage)
    }

    /// Returns how far to go on.
    fn frame(
        &mut self,
        offset: u64,
        header: FrameHeader,
        verdict: &mut dyn FnMut(&mut FoundFrame<'_>) -> Verdict,
    ) -> Result<u64, S::Error> {
        let length = header.frame_length();
        let length_bytes = u64::try_from(length).unwrap_or(u64::MAX);
        if offset.saturating_add(length_bytes) > self.source.length()
            || !self.is_closed(offset, &header)?
        {
            return Ok(self.report(offset, BLOCK_BYTES, Reason::Torn));
        }
        if header.kind == FrameKind::Chunk {
            match verdict(&mut FoundFrame {
                offset,
                header,
                window: &mut self.window.bytes,
                body: 0..0,
            }) {
                Verdict::NeedsBody => {}
                Verdict::Authentic => return Ok(length_bytes),
                _ => return Ok(self.report(offset, BLOCK_BYTES, Reason::UnknownKey)),
            }
        }
        if length > BLOCK && self.failed > self.source.length().saturating_mul(FAILURE_BUDGET) {
            return Ok(self.report(offset, BLOCK_BYTES, Reason::Forged));
        }
        let place = self.window.locate(self.source, offset, length)?;
        let body = place.start + HEADER_LENGTH;
        match verdict(&mut FoundFrame {
            offset,
            header,
            window: &mut self.window.bytes,
            body: body..body + header.body_length(),
        }) {
            Verdict::Authentic => Ok(length_bytes),
            Verdict::Malformed => Ok(self.report(offset, length_bytes, Reason::Malformed)),
            Verdict::UnknownKey => Ok(self.report(offset, BLOCK_BYTES, Reason::UnknownKey)),
            Verdict::Forged | Verdict::NeedsBody => {
                let tried = u64::try_from(header.body_length()).unwrap_or(u64::MAX);
                self.failed = self.failed.saturating_add(tried);
                Ok(self.report(offset, BLOCK_BYTES, Reason::Forged))
            }
        }
    }

    fn is_closed(&mut self, offset: u64, header: &FrameHeader) -> Result<bool, S::Error> {
        if !header.has_closing_nonce() {
            return Ok(true);
        }
        let end = offset.saturating_add(u64::try_from(header.frame_length()).unwrap_or(u64::MAX));
        let mut closing = [0; NONCE_LENGTH];
        self.source
            .read_exact_at(end - NONCE_LENGTH as u64, &mut closing)?;
        Ok(closing == header.nonce)
    }

    fn report(&mut self, offset: u64, length: u64, reason: Reason) -> u64 {
        match self.damage.last_mut() {
            Some(last) if last.offset + last.length == offset && joins(last.reason, reason) => {
                last.length += length
            }
            _ => self.damage.push(Damage {
                offset,
                length,
                reason,
            }),
        }
        length
    }
}

/// The blocks inside a torn or forged frame hold no header: they belong to it (section 1.5).
fn joins(before: Reason, now: Reason) -> bool {
    before == now || now == Reason::NoFrame && before != Reason::Malformed
}

/// Bytes in memory are a source too.
impl Source for [u8] {
    type Error = std::convert::Infallible;

    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Self::Error> {
        let from = usize::try_from(offset)
            .ok()
            .and_then(|at| self.get(at..))
            .unwrap_or_default();
        for (to, byte) in buffer
            .iter_mut()
            .zip(from.iter().chain(std::iter::repeat(&0)))
        {
            *to = *byte;
        }
        Ok(())
    }
}

const _: () = assert!(BLOCK as u64 == BLOCK_BYTES && HEADER_LENGTH < BLOCK);

#[cfg(test)]
mod tests {
    use super::super::frame::write_frame;
    use super::super::preamble::write_preamble;
    use super::*;
    use crate::model::ids::{KeyId, VaultId};

    fn frame(content: usize, mark: u8) -> Vec<u8> {
        let header =
            FrameHeader::for_content(FrameKind::Record, KeyId([mark; 16]), [mark; 24], content);
        write_frame(&header, &vec![mark; header.body_length()])
    }

    fn marks(file: &[u8], answer: Verdict) -> (Vec<u8>, Vec<Damage>) {
        let mut found = Vec::new();
        let Ok(damage) = scan(file, &mut |frame| {
            found.push(frame.header.nonce[0]);
            answer
        });
        (found, damage)
    }

    fn file(parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = write_preamble(VaultId([1; 16])).to_vec();
        for part in parts {
            bytes.extend_from_slice(part);
        }
        bytes
    }

    #[test]
    fn whole_frames_are_found_in_order() {
        let bytes = file(&[&frame(10, 1), &frame(5000, 2), &frame(20, 3)]);
        assert_eq!(marks(&bytes, Verdict::Authentic), (vec![1, 2, 3], vec![]));
    }

    #[test]
    fn a_torn_frame_hides_nothing_behind_it() {
        let torn = frame(9000, 2);
        let bytes = file(&[&frame(10, 1), &torn[..3072], &frame(20, 3)]);
        let (found, damage) = marks(&bytes, Verdict::Authentic);
        assert_eq!(found, [1, 3]);
        assert_eq!(
            damage,
            [Damage {
                offset: 2048,
                length: 3072,
                reason: Reason::Torn
            }]
        );
    }

    #[test]
    fn a_tail_that_fills_no_block_is_torn() {
        let bytes = file(&[&frame(10, 1), &[1, 2, 3]]);
        assert_eq!(
            marks(&bytes, Verdict::Authentic).1,
            [Damage {
                offset: 2048,
                length: 3,
                reason: Reason::Torn
            }]
        );
    }

    #[test]
    fn frames_inside_a_forged_body_are_tried() {
        let inner = frame(10, 7);
        let mut outer = frame(9000, 2);
        outer[2048..3072].copy_from_slice(&inner);
        let (found, _) = marks(&file(&[&outer]), Verdict::Forged);
        assert_eq!(found, [2, 7]);
    }

    #[test]
    fn nested_forgeries_cost_a_bounded_number_of_bytes() {
        // Every block claims a frame that reaches to the end of the file, closed by one shared nonce.
        let blocks = 2000;
        let mut bytes = file(&[&vec![0; blocks * BLOCK]]);
        for block in 1..blocks {
            let header = (941..20 << 20)
                .step_by(BLOCK)
                .map(|content| {
                    FrameHeader::for_content(FrameKind::Record, KeyId([1; 16]), [5; 24], content)
                })
                .take_while(|header| header.frame_length() <= (blocks + 1 - block) * BLOCK)
                .last();
            if let Some(header) = header {
                bytes[block * BLOCK..block * BLOCK + HEADER_LENGTH]
                    .copy_from_slice(&header.write());
                let end = block * BLOCK + header.frame_length();
                bytes[end - NONCE_LENGTH..end].copy_from_slice(&[5; 24]);
            }
        }
        let mut work = 0;
        let Ok(_) = scan(&bytes[..], &mut |frame| {
            work += frame.body().len();
            Verdict::Forged
        });
        assert!(
            work <= 6 * bytes.len(),
            "{work} bytes tried in a file of {}",
            bytes.len()
        );
    }
}
