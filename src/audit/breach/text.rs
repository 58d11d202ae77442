//! A list as text, ordered by hash: a line each of the hash in hexadecimal digits and, if the list counts, a colon and how often
//! it was seen. Lines end in LF or CR LF, digits have either case.

use super::hash::{Hash, HashKind, PasswordHash, leading, parse_hex};
use super::search::{self, Entry, Ordered};
use super::{BreachError, ListFile, read_full};

/// The longest line: forty digits, a colon, the twenty digits of the greatest number, CR and LF.
const LONGEST_LINE: usize = 63;
/// What is read to find a line: the rest of one line and the whole next.
const WINDOW: usize = 2 * LONGEST_LINE + 2;
/// How much is read at once where all is read.
const BLOCK: usize = 1 << 20;
/// Some programs write it before any text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// What a count and a line's end take in the mean, in bytes.
const AFTER_HASH: u64 = 5;

/// A list as text.
pub(super) struct Text {
    file: Box<dyn ListFile>,
    kind: HashKind,
    begin: u64,
}

/// Whether a file that begins so is text of hashes, right or wrong.
pub(super) fn is_text(start: &[u8]) -> bool {
    let start = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start);
    let is_expected =
        |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'\r' | b'\n' | b' ' | b'\t');
    !start.is_empty() && start.iter().all(is_expected)
}

/// The hash of a line, and how often it was seen where that is said.
pub(super) fn parse_line(
    prefix: &[u8],
    line: &[u8],
    kind: HashKind,
) -> Option<(Hash, Option<u64>)> {
    let line = line.trim_ascii_end();
    let digits = (kind.length() * 2).checked_sub(prefix.len())?;
    let (digits, rest) = line.split_at_checked(digits)?;
    let hash = parse_hex(prefix, digits)?;
    let count = match rest.split_first() {
        None => None,
        Some((b':', number)) if !number.is_empty() && number.iter().all(u8::is_ascii_digit) => {
            Some(std::str::from_utf8(number).ok()?.parse().ok()?)
        }
        Some(_) => return None,
    };
    Some((hash, count))
}

impl Text {
    pub(super) fn open(file: Box<dyn ListFile>) -> Result<Self, BreachError> {
        let mut start = [0; WINDOW];
        let read = read_full(&*file, 0, &mut start)?;
        let start = start.get(..read).unwrap_or_default();
        let has_mark = start.starts_with(BYTE_ORDER_MARK);
        let begin = if has_mark { BYTE_ORDER_MARK.len() } else { 0 };
        let digits = start.get(begin..).unwrap_or_default();
        let digits = digits.iter().take_while(|byte| byte.is_ascii_hexdigit());
        let kind = HashKind::of_digits(digits.count()).ok_or(BreachError::Line { offset: 0 })?;
        let list = Self {
            file,
            kind,
            begin: u64::try_from(begin).unwrap_or_default(),
        };
        list.check_end()?;
        search::check(&list)?;
        Ok(list)
    }

    /// A last line that is no whole one tells of a file that is cut off.
    fn check_end(&self) -> Result<(), BreachError> {
        let window = u64::try_from(WINDOW).unwrap_or_default();
        let from = self.file.length().saturating_sub(window).max(self.begin);
        let mut end = [0; WINDOW];
        let read = read_full(&*self.file, from, &mut end)?;
        let text = end.get(..read).unwrap_or_default().trim_ascii_end();
        let line = text.rsplit(|byte| *byte == b'\n').next();
        let is_whole = line.is_some_and(|line| parse_line(b"", line, self.kind).is_some());
        let offset = from.saturating_add(u64::try_from(text.len()).unwrap_or_default());
        is_whole.then_some(()).ok_or(BreachError::Line { offset })
    }

    pub(super) fn kind(&self) -> HashKind {
        self.kind
    }

    pub(super) fn entries(&self) -> u64 {
        self.count()
    }

    pub(super) fn contains(&self, hash: &PasswordHash) -> Result<bool, BreachError> {
        search::contains(self, &hash.0)
    }

    pub(super) fn for_each(
        &self,
        take: &mut dyn FnMut(u64, f64) -> Result<(), BreachError>,
    ) -> Result<(), BreachError> {
        let mut last: Option<Hash> = None;
        let mut block = vec![0; BLOCK];
        let mut place = self.begin;
        while place < self.file.length() {
            let read = read_full(&*self.file, place, &mut block)?;
            let bytes = block.get(..read).unwrap_or_default();
            let is_last = place.saturating_add(as_u64(read)) >= self.file.length();
            let whole = match bytes.iter().rposition(|byte| *byte == b'\n') {
                _ if is_last => bytes.len(),
                Some(end) => end + 1,
                None => return Err(BreachError::Line { offset: place }),
            };
            let lines = bytes.get(..whole).unwrap_or_default();
            if lines.is_empty() {
                break;
            }
            let part = share(place, self.file.length());
            let mut offset = place;
            for line in lines.split_inclusive(|byte| *byte == b'\n') {
                if !line.trim_ascii().is_empty() {
                    let parsed = parse_line(b"", line, self.kind);
                    let (hash, _) = parsed.ok_or(BreachError::Line { offset })?;
                    if last.is_some_and(|last| last > hash) {
                        return Err(BreachError::Unordered);
                    }
                    if last != Some(hash) {
                        take(leading(&hash), part)?;
                    }
                    last = Some(hash);
                }
                offset = offset.saturating_add(as_u64(line.len()));
            }
            place = place.saturating_add(as_u64(whole));
        }
        Ok(())
    }
}

impl Ordered for Text {
    fn begin(&self) -> u64 {
        self.begin
    }

    fn end(&self) -> u64 {
        self.file.length()
    }

    fn entry_length(&self) -> u64 {
        as_u64(self.kind.length() * 2) + AFTER_HASH
    }

    fn entry_at(&self, place: u64) -> Result<Option<Entry>, BreachError> {
        // From the byte before, so that a line which begins right here is seen to.
        let from = if place > self.begin { place - 1 } else { place };
        let mut window = [0; WINDOW];
        let read = read_full(&*self.file, from, &mut window)?;
        let bytes = window.get(..read).unwrap_or_default();
        let is_all = from.saturating_add(as_u64(read)) >= self.end();
        let skipped = if place > self.begin {
            match bytes.iter().position(|byte| *byte == b'\n') {
                Some(at) => at + 1,
                None if is_all => return Ok(None),
                None => return Err(BreachError::Line { offset: from }),
            }
        } else {
            0
        };
        let rest = bytes.get(skipped..).unwrap_or_default();
        let begin = from.saturating_add(as_u64(skipped));
        if rest.trim_ascii().is_empty() {
            // Blank lines stand at the end alone.
            let blank = Err(BreachError::Line { offset: begin });
            return if is_all { Ok(None) } else { blank };
        }
        let length = match rest.iter().position(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if is_all => rest.len(),
            None => return Err(BreachError::Line { offset: begin }),
        };
        let line = rest.get(..length).unwrap_or_default();
        let parsed = parse_line(b"", line, self.kind);
        let (hash, _) = parsed.ok_or(BreachError::Line { offset: begin })?;
        Ok(Some(Entry {
            begin,
            end: begin.saturating_add(as_u64(length)),
            hash,
        }))
    }
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Which part of the whole that is, from 0 to 1.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    // A thousandth is all that anybody sees of it.
    let thousandths = u128::from(part) * 1000 / u128::from(whole.max(1));
    f64::from(u32::try_from(thousandths).unwrap_or(1000)) / 1000.0
}
