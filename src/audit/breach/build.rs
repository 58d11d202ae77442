//! Makes a filter of a list, in one pass and with the memory of a few shards.

use super::filter::{HEAD, Head, MOST_SHARD_BITS, ROW, Shard, crc, shard_of, write_head};
use super::{BreachError, BreachList};
use crate::model::moment::Moment;
use rayon::prelude::*;
use std::io::{Seek, SeekFrom, Write};
use xorf::BinaryFuse16;

/// About so many hashes make a shard: small enough to be read for one question, large enough to waste little.
const SHARD: u64 = 24_576;
/// Far more than that are no hashes.
const MOST_IN_SHARD: usize = 4 << 20;
/// So many shards are made at once, and written in their order.
const SHARDS_AT_ONCE: usize = 32;

/// What was made.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Built {
    /// How many hashes went in.
    pub entries: u64,
    /// How long the file is, in bytes.
    pub bytes: u64,
    /// How often it takes a password for breached that is not.
    pub false_positive_rate: f64,
}

/// Writes a filter of a list to a new file. `progress` hears how far it is, from 0 to 1.
///
/// # Errors
/// What either disk says, and whatever shows that the list is not what it must be; what was written then is of no use.
pub fn build(
    list: &BreachList,
    out: &mut (impl Write + Seek),
    now: Moment,
    progress: &mut dyn FnMut(f64),
) -> Result<Built, BreachError> {
    let shard_bits = shard_bits(list.entries());
    let shards = 1_usize << shard_bits;
    let mut maker = Maker {
        out,
        table: Vec::with_capacity(shards),
        offset: u64::try_from(HEAD + shards * ROW).unwrap_or(u64::MAX),
        waiting: Vec::new(),
        keys: Vec::new(),
    };
    maker.out.seek(SeekFrom::Start(maker.offset))?;
    let mut entries = 0_u64;
    let mut last = None;
    let mut told = -1.0;
    list.for_each(&mut |key, part| {
        // Hashes that differ only behind their first eight bytes are one to the filter.
        if last == Some(key) {
            return Ok(());
        }
        last = Some(key);
        entries += 1;
        if part > told {
            told = part;
            progress(part);
        }
        maker.close_until(shard_of(key, shard_bits))?;
        if maker.keys.len() >= MOST_IN_SHARD {
            return Err(BreachError::NoFilter);
        }
        maker.keys.push(key);
        Ok(())
    })?;
    maker.close_until(shards)?;
    maker.write_waiting()?;
    let Maker { table, offset, .. } = maker;
    let head = Head {
        kind: list.hash_kind(),
        shard_bits,
        entries,
        made: now,
    };
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&write_head(&head, &table))?;
    out.flush()?;
    Ok(Built {
        entries,
        bytes: offset,
        false_positive_rate: super::filter::FALSE_POSITIVE_RATE,
    })
}

/// So many bits that a shard gets about [`SHARD`] of these hashes.
fn shard_bits(entries: u64) -> u8 {
    (0..MOST_SHARD_BITS)
        .find(|bits| entries >> bits <= SHARD)
        .unwrap_or(MOST_SHARD_BITS)
}

struct Maker<'a, W> {
    out: &'a mut W,
    table: Vec<Shard>,
    offset: u64,
    /// Keys of shards that are not made yet.
    waiting: Vec<Vec<u64>>,
    /// Keys of the shard that is being read.
    keys: Vec<u64>,
}

impl<W: Write + Seek> Maker<'_, W> {
    /// Closes every shard before this one.
    fn close_until(&mut self, shard: usize) -> Result<(), BreachError> {
        while self.table.len() + self.waiting.len() < shard {
            self.waiting.push(std::mem::take(&mut self.keys));
            if self.waiting.len() >= SHARDS_AT_ONCE {
                self.write_waiting()?;
            }
        }
        Ok(())
    }

    fn write_waiting(&mut self) -> Result<(), BreachError> {
        let made: Vec<Option<(Shard, Vec<u8>)>> = self.waiting.par_iter().map(make_shard).collect();
        self.waiting.clear();
        for shard in made {
            let (mut shard, bytes) = shard.ok_or(BreachError::NoFilter)?;
            shard.offset = self.offset;
            self.out.write_all(&bytes)?;
            self.offset += u64::try_from(bytes.len()).unwrap_or_default();
            self.table.push(shard);
        }
        Ok(())
    }
}

/// A shard and its fingerprints, not placed yet; `None` where none comes of these keys.
fn make_shard(keys: &Vec<u64>) -> Option<(Shard, Vec<u8>)> {
    if keys.is_empty() {
        return Some((Shard::default(), Vec::new()));
    }
    let fuse = BinaryFuse16::try_from(keys).ok()?;
    let numbers = fuse.fingerprints.iter();
    let bytes: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
    let shard = Shard {
        offset: 0,
        seed: fuse.descriptor.seed,
        segment: fuse.descriptor.segment_length,
        segments: fuse.descriptor.segment_count_length,
        fingerprints: u32::try_from(fuse.fingerprints.len()).ok()?,
        checksum: crc(&bytes),
    };
    Some((shard, bytes))
}
