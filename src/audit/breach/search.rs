//! Finds a hash in what is ordered by hash, in a few reads: hashes are spread evenly, so where one stands can be reckoned, and
//! halving does the rest. On the way it notices what is not in order.

use super::BreachError;
use super::hash::{Hash, leading};
use std::cmp::Ordering;

/// At so many places a list is looked at before it is believed.
const SAMPLES: u64 = 256;
/// Where a hash stands is reckoned so often; each time a list of n hashes leaves some 8 √n of them.
const RECKONED: usize = 3;
/// So many entries are worth no more reckoning.
const FEW: u64 = 64;
/// The place of an entry is off by less than √n/2 in the mean; twelve times that means that entries are missing.
const DEVIATION: u64 = 6;
/// And so many entries at any rate.
const LEAST_DEVIATION: u64 = 64;

/// An entry and where it lies.
pub(super) struct Entry {
    pub(super) begin: u64,
    /// Where the next one may begin.
    pub(super) end: u64,
    pub(super) hash: Hash,
}

/// A list in which entries are found by their place, in bytes.
pub(super) trait Ordered {
    /// Where the first entry begins.
    fn begin(&self) -> u64;

    /// Where the list ends.
    fn end(&self) -> u64;

    /// About how many bytes an entry takes.
    fn entry_length(&self) -> u64;

    /// The first entry that begins at or after a place; `None` where there is none any more.
    fn entry_at(&self, place: u64) -> Result<Option<Entry>, BreachError>;

    /// About how many entries there are.
    fn count(&self) -> u64 {
        let bytes = self.end().saturating_sub(self.begin());
        bytes / self.entry_length().max(1)
    }
}

/// Whether the hash is in the list.
pub(super) fn contains(list: &impl Ordered, hash: &Hash) -> Result<bool, BreachError> {
    let mut search = Search {
        list,
        hash,
        low: list.begin(),
        high: list.end(),
        below: None,
        above: None,
    };
    for _ in 0..RECKONED {
        if search.entries() <= FEW {
            break;
        }
        let (before, behind) = search.reckon();
        for place in [before, behind] {
            if search.low <= place && place < search.high && search.look(place)? {
                return Ok(true);
            }
        }
    }
    while search.low < search.high {
        let middle = search.low + (search.high - search.low) / 2;
        if search.look(middle)? {
            return Ok(true);
        }
    }
    Ok(false)
}

struct Search<'a, L> {
    list: &'a L,
    hash: &'a Hash,
    /// Every entry that begins before it is less.
    low: u64,
    /// Every entry that begins here or later is greater.
    high: u64,
    /// The greatest entry known to be less, the least known to be greater.
    below: Option<Hash>,
    above: Option<Hash>,
}

impl<L: Ordered> Search<'_, L> {
    fn entries(&self) -> u64 {
        (self.high - self.low) / self.list.entry_length().max(1)
    }

    /// Two places between which the hash should stand.
    fn reckon(&self) -> (u64, u64) {
        let from = self.below.as_ref().map_or(0, leading);
        let to = self.above.as_ref().map_or(u64::MAX, leading);
        let part = u128::from(leading(self.hash).saturating_sub(from));
        let whole = u128::from(to.saturating_sub(from)).max(1);
        let bytes = u128::from(self.high - self.low);
        let ahead = u64::try_from(bytes * part.min(whole) / whole).unwrap_or(u64::MAX);
        let place = self.low.saturating_add(ahead);
        let margin = self.list.entry_length() * (4 * self.entries().isqrt() + 1);
        (
            place.saturating_sub(margin).max(self.low),
            place.saturating_add(margin),
        )
    }

    /// Looks at the first entry from a place on. Either it is the one, or there is less to look at afterwards.
    fn look(&mut self, place: u64) -> Result<bool, BreachError> {
        let entry = self.list.entry_at(place)?;
        let Some(entry) = entry.filter(|entry| entry.begin < self.high) else {
            self.high = place;
            return Ok(false);
        };
        let is_above = |bound: &Hash| *bound > entry.hash;
        let is_below = |bound: &Hash| *bound < entry.hash;
        if self.below.as_ref().is_some_and(is_above) || self.above.as_ref().is_some_and(is_below) {
            return Err(BreachError::Unordered);
        }
        match entry.hash.cmp(self.hash) {
            Ordering::Equal => return Ok(true),
            Ordering::Less => {
                // An entry that ends where it begins would be looked at for ever.
                self.low = entry.end.max(place.saturating_add(1));
                self.below = Some(entry.hash);
            }
            Ordering::Greater => {
                self.high = place;
                self.above = Some(entry.hash);
            }
        }
        Ok(false)
    }
}

/// Whether a list can be believed: its hashes ascend, and they are as even as hashes are from its begin to its end.
pub(super) fn check(list: &impl Ordered) -> Result<(), BreachError> {
    let bytes = list.end().saturating_sub(list.begin());
    let count = list.count();
    let tolerance = u128::from(DEVIATION * count.isqrt() + LEAST_DEVIATION);
    let mut last: Option<Hash> = None;
    for sample in 0..SAMPLES {
        let ahead = u128::from(bytes) * u128::from(sample) / u128::from(SAMPLES);
        let place = list.begin() + u64::try_from(ahead).unwrap_or(u64::MAX);
        let Some(entry) = list.entry_at(place)? else {
            break;
        };
        if last.is_some_and(|last| last > entry.hash) {
            return Err(BreachError::Unordered);
        }
        let before = u128::from(entry.begin - list.begin()) * u128::from(count);
        let stands_at = before / u128::from(bytes.max(1));
        if stands_at.abs_diff(expected(&entry.hash, count)) > tolerance {
            return Err(BreachError::Uneven);
        }
        last = Some(entry.hash);
    }
    let end = last_entry(list)?.ok_or(BreachError::Empty)?;
    if last.is_some_and(|last| last > end.hash) {
        return Err(BreachError::Unordered);
    }
    // The gap behind the last entry is one entry wide in the mean, and hardly ever sixty-four.
    let behind = u128::from(count).saturating_sub(expected(&end.hash, count));
    if behind > u128::from(LEAST_DEVIATION) {
        return Err(BreachError::Uneven);
    }
    Ok(())
}

fn last_entry(list: &impl Ordered) -> Result<Option<Entry>, BreachError> {
    let two = list.entry_length().saturating_mul(2);
    let mut place = list.end().saturating_sub(two).max(list.begin());
    let mut found = None;
    while let Some(entry) = list.entry_at(place)? {
        place = entry.end.max(place.saturating_add(1));
        found = Some(entry);
    }
    Ok(found)
}

/// Which of so many entries a hash should be.
fn expected(hash: &Hash, count: u64) -> u128 {
    (u128::from(leading(hash)) * u128::from(count)) >> 64
}
