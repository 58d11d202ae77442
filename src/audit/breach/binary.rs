//! A list as sorted binary: hashes one behind the other, all of one length, ascending. Programs that pack the text so write the
//! whole hash or its first eight bytes, alone or with four bytes of how often it was seen. Nothing in the file says which,
//! so the file is looked at: in the wrong layout hashes do not ascend.

use super::hash::{Hash, HashKind, LONGEST, PasswordHash, leading};
use super::search::{self, Entry, Ordered};
use super::text::share;
use super::{BreachError, ListFile, read_full};

/// A record: its length, how much of a hash it begins with, and which hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Layout {
    record: usize,
    hash: usize,
    kind: HashKind,
}

/// Every layout, the shorter records first: twice a short record would ascend too.
const LAYOUTS: [Layout; 6] = [
    // The first eight bytes of SHA-1, without and with a count.
    Layout {
        record: 8,
        hash: 8,
        kind: HashKind::Sha1,
    },
    Layout {
        record: 12,
        hash: 8,
        kind: HashKind::Sha1,
    },
    Layout {
        record: 16,
        hash: 16,
        kind: HashKind::Ntlm,
    },
    // NTLM with a count is as long as SHA-1; the count has zeros at one end.
    Layout {
        record: 20,
        hash: 16,
        kind: HashKind::Ntlm,
    },
    Layout {
        record: 20,
        hash: 20,
        kind: HashKind::Sha1,
    },
    Layout {
        record: 24,
        hash: 20,
        kind: HashKind::Sha1,
    },
];

/// Fewer records ascend by chance.
const FEWEST: u64 = 16;
/// So many records are looked at to find the layout.
const LOOKED_AT: u64 = 256;
/// How much is read at once where all is read.
const RECORDS_AT_ONCE: usize = 1 << 16;

/// A list as sorted binary.
pub(super) struct Binary {
    file: Box<dyn ListFile>,
    layout: Layout,
}

impl Binary {
    pub(super) fn open(file: Box<dyn ListFile>) -> Result<Self, BreachError> {
        let mut last = BreachError::Unknown;
        let mut file = file;
        for layout in LAYOUTS {
            let record = as_u64(layout.record);
            if !file.length().is_multiple_of(record) || file.length() / record < FEWEST {
                continue;
            }
            let list = Self { file, layout };
            let fits = list.has_such_counts()? && list.ascends()?;
            if fits {
                match search::check(&list) {
                    Ok(()) => return Ok(list),
                    Err(BreachError::Read(error)) => return Err(BreachError::Read(error)),
                    Err(error) => last = error,
                }
            }
            file = list.file;
        }
        Err(last)
    }

    fn ascends(&self) -> Result<bool, BreachError> {
        let count = self.count();
        let mut last: Option<Hash> = None;
        for look in 0..count.min(LOOKED_AT) {
            let number = u128::from(count) * u128::from(look) / u128::from(count.min(LOOKED_AT));
            let number = u64::try_from(number).unwrap_or(u64::MAX);
            let hash = self.record(number)?.0;
            if last.is_some_and(|last| last >= hash) {
                return Ok(false);
            }
            last = Some(hash);
        }
        Ok(true)
    }

    /// Whether what stands behind the hashes is counts, as the layout says: no password was seen sixteen million times, so one
    /// end of each is zero, the same one.
    fn has_such_counts(&self) -> Result<bool, BreachError> {
        let count = self.count();
        let (mut low, mut high) = (true, true);
        if self.layout.record == self.layout.hash {
            return Ok(true);
        }
        for look in 0..count.min(LOOKED_AT) {
            let number = u128::from(count) * u128::from(look) / u128::from(count.min(LOOKED_AT));
            let (_, rest) = self.record(u64::try_from(number).unwrap_or(u64::MAX))?;
            low &= rest.first() == Some(&0);
            high &= rest.last() == Some(&0);
        }
        Ok(low || high)
    }

    /// The hash of a record, and what stands behind it.
    fn record(&self, number: u64) -> Result<(Hash, Vec<u8>), BreachError> {
        let mut bytes = vec![0; self.layout.record];
        let offset = number.saturating_mul(as_u64(self.layout.record));
        if read_full(&*self.file, offset, &mut bytes)? < bytes.len() {
            return Err(BreachError::Unknown);
        }
        let rest = bytes.split_off(self.layout.hash);
        Ok((padded(&bytes), rest))
    }

    pub(super) fn kind(&self) -> HashKind {
        self.layout.kind
    }

    pub(super) fn entries(&self) -> u64 {
        self.count()
    }

    pub(super) fn contains(&self, hash: &PasswordHash) -> Result<bool, BreachError> {
        let kept = hash.0.get(..self.layout.hash).unwrap_or_default();
        search::contains(self, &padded(kept))
    }

    pub(super) fn for_each(
        &self,
        take: &mut dyn FnMut(u64, f64) -> Result<(), BreachError>,
    ) -> Result<(), BreachError> {
        let mut last: Option<Hash> = None;
        let mut block = vec![0; self.layout.record * RECORDS_AT_ONCE];
        let mut place = 0;
        while place < self.file.length() {
            let read = read_full(&*self.file, place, &mut block)?;
            if read == 0 {
                break;
            }
            let part = share(place, self.file.length());
            let records = block.get(..read).unwrap_or_default();
            for record in records.chunks_exact(self.layout.record) {
                let hash = padded(record.get(..self.layout.hash).unwrap_or_default());
                if last.is_some_and(|last| last > hash) {
                    return Err(BreachError::Unordered);
                }
                if last != Some(hash) {
                    take(leading(&hash), part)?;
                }
                last = Some(hash);
            }
            place = place.saturating_add(as_u64(read));
        }
        Ok(())
    }
}

impl Ordered for Binary {
    fn begin(&self) -> u64 {
        0
    }

    fn end(&self) -> u64 {
        self.file.length()
    }

    fn entry_length(&self) -> u64 {
        as_u64(self.layout.record)
    }

    fn entry_at(&self, place: u64) -> Result<Option<Entry>, BreachError> {
        let record = self.entry_length();
        let number = place.div_ceil(record);
        let begin = number.saturating_mul(record);
        if begin >= self.end() {
            return Ok(None);
        }
        let mut bytes: Hash = [0; LONGEST];
        let hash = bytes.get_mut(..self.layout.hash).unwrap_or_default();
        if read_full(&*self.file, begin, hash)? < self.layout.hash {
            return Err(BreachError::Unknown);
        }
        Ok(Some(Entry {
            begin,
            end: begin.saturating_add(record),
            hash: bytes,
        }))
    }
}

/// A part of a hash, with zeros behind it.
fn padded(bytes: &[u8]) -> Hash {
    let mut hash = [0; LONGEST];
    for (to, from) in hash.iter_mut().zip(bytes) {
        *to = *from;
    }
    hash
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
