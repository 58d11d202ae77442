//! keyfold's own filter of a list: a binary fuse filter (Graf & Lemire 2022) of 16-bit fingerprints, cut into shards by the first
//! bits of the hashes, so that a question reads some 50 KB of a file of gigabytes, and a billion hashes need no
//! memory to be made into one. It never misses a hash that went in; one in 65,536 others it takes for one.
//!
//! The file, numbers little-endian: a head of 64 bytes (magic, version `u16`, hash `u8` (1 SHA-1, 2 NTLM), shard bits `u8`, 4 zero bytes,
//! entries `u64`, when it was made `u64` in milliseconds since 1970, SHA-256 of the head before it and the table), the table of
//! 2^bits shards, 32 bytes each (offset `u64`, seed `u64`, segment length `u32`, segments' length `u32`, fingerprints `u32`,
//! CRC-32 of the fingerprints `u32`), the fingerprints as `u16`. A shard with no fingerprints has no hashes. The key of a hash is
//! its first eight bytes, big-endian; xorf's `BinaryFuse16` says what is made of it.

use super::hash::{HashKind, PasswordHash, leading};
use super::{BreachError, ListFile, read_full};
use crate::model::moment::Moment;
use flate2::Crc;
use sha2::{Digest, Sha256};
use xorf::{BinaryFuse16, Descriptor, Filter as _};

/// How often a hash that did not go in seems to be there: 16 bits that are equal by chance.
pub(super) const FALSE_POSITIVE_RATE: f64 = 1.0 / 65_536.0;

/// What every filter begins with.
const MAGIC: &[u8; 8] = b"KFBREACH";
/// The version that is written and read.
const VERSION: u16 = 1;
/// Length of the head.
pub(super) const HEAD: usize = 64;
/// How much of it the checksum is of.
const CHECKED_HEAD: usize = 32;
/// Length of a shard's row in the table.
pub(super) const ROW: usize = 32;
/// No more shards than this, two to the power of it.
pub(super) const MOST_SHARD_BITS: u8 = 16;
/// No shard has more fingerprints: 16 MiB of them are read for one question.
const MOST_FINGERPRINTS: u32 = 8 << 20;
/// The longest segment that the algorithm has.
const LONGEST_SEGMENT: u32 = 1 << 18;

/// What a head says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub(super) kind: HashKind,
    pub(super) shard_bits: u8,
    pub(super) entries: u64,
    pub(super) made: Moment,
}

/// Where a shard lies and what its fingerprints mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Shard {
    pub(super) offset: u64,
    pub(super) seed: u64,
    pub(super) segment: u32,
    pub(super) segments: u32,
    pub(super) fingerprints: u32,
    pub(super) checksum: u32,
}

/// Whether a file that begins so is a filter, right or wrong.
pub(super) fn is_filter(start: &[u8]) -> bool {
    start.starts_with(MAGIC)
}

/// Which shard a key belongs to.
pub(super) fn shard_of(key: u64, shard_bits: u8) -> usize {
    let number = key.checked_shr(64 - u32::from(shard_bits)).unwrap_or(0);
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Head and table as bytes.
pub(super) fn write_head(head: &Head, table: &[Shard]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + table.len() * ROW);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.push(match head.kind {
        HashKind::Sha1 => 1,
        HashKind::Ntlm => 2,
    });
    bytes.push(head.shard_bits);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&head.entries.to_le_bytes());
    bytes.extend_from_slice(&head.made.0.to_le_bytes());
    let mut rows = Vec::with_capacity(table.len() * ROW);
    for shard in table {
        rows.extend_from_slice(&shard.offset.to_le_bytes());
        rows.extend_from_slice(&shard.seed.to_le_bytes());
        for number in [
            shard.segment,
            shard.segments,
            shard.fingerprints,
            shard.checksum,
        ] {
            rows.extend_from_slice(&number.to_le_bytes());
        }
    }
    let sum = checksum(&bytes, &rows);
    bytes.extend_from_slice(&sum);
    bytes.extend_from_slice(&rows);
    bytes
}

/// The checksum of a shard's fingerprints.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn checksum(head: &[u8], rows: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(head);
    digest.update(rows);
    digest.finalize().into()
}

/// A filter.
pub(super) struct Filter {
    file: Box<dyn ListFile>,
    head: Head,
    table: Vec<Shard>,
}

impl Filter {
    pub(super) fn open(file: Box<dyn ListFile>) -> Result<Self, BreachError> {
        let mut bytes = [0; HEAD];
        if read_full(&*file, 0, &mut bytes)? < HEAD {
            return Err(BreachError::Damaged);
        }
        let head = parse_head(&bytes)?;
        let shards = 1_usize << head.shard_bits;
        let mut rows = vec![0; shards * ROW];
        if read_full(&*file, as_u64(HEAD), &mut rows)? < rows.len() {
            return Err(BreachError::Damaged);
        }
        let (checked, sum) = bytes.split_at(CHECKED_HEAD);
        if checksum(checked, &rows) != sum {
            return Err(BreachError::Damaged);
        }
        let table = rows.chunks_exact(ROW).map(|row| parse_shard(row, &*file));
        let table = table.collect::<Option<_>>().ok_or(BreachError::Damaged)?;
        Ok(Self { file, head, table })
    }

    pub(super) fn kind(&self) -> HashKind {
        self.head.kind
    }

    pub(super) fn entries(&self) -> u64 {
        self.head.entries
    }

    pub(super) fn made(&self) -> Moment {
        self.head.made
    }

    pub(super) fn contains(&self, hash: &PasswordHash) -> Result<bool, BreachError> {
        let key = leading(&hash.0);
        let shard = self.table.get(shard_of(key, self.head.shard_bits));
        let shard = shard.ok_or(BreachError::Damaged)?;
        if shard.fingerprints == 0 {
            return Ok(false);
        }
        let length = usize::try_from(shard.fingerprints).unwrap_or_default() * 2;
        let mut bytes = vec![0; length];
        if read_full(&*self.file, shard.offset, &mut bytes)? < length
            || crc(&bytes) != shard.checksum
        {
            return Err(BreachError::Damaged);
        }
        let numbers = bytes.chunks_exact(2);
        let numbers = numbers.map(|pair| match pair {
            [low, high] => u16::from_le_bytes([*low, *high]),
            _ => 0,
        });
        let fuse = BinaryFuse16 {
            descriptor: Descriptor {
                seed: shard.seed,
                segment_length: shard.segment,
                segment_length_mask: shard.segment.wrapping_sub(1),
                segment_count_length: shard.segments,
            },
            fingerprints: numbers.collect(),
        };
        Ok(fuse.contains(&key))
    }
}

fn parse_head(bytes: &[u8; HEAD]) -> Result<Head, BreachError> {
    let rest = bytes.strip_prefix(MAGIC.as_slice());
    let rest = rest.ok_or(BreachError::Unknown)?;
    let (version, rest) = take(rest).ok_or(BreachError::Damaged)?;
    if u16::from_le_bytes(version) != VERSION {
        return Err(BreachError::Newer);
    }
    let ([kind, shard_bits, zeros @ ..], rest) = take::<6>(rest).ok_or(BreachError::Damaged)?;
    let kind = match kind {
        1 => HashKind::Sha1,
        2 => HashKind::Ntlm,
        _ => return Err(BreachError::Newer),
    };
    let (entries, rest) = take(rest).ok_or(BreachError::Damaged)?;
    let (made, _) = take(rest).ok_or(BreachError::Damaged)?;
    if shard_bits > MOST_SHARD_BITS || zeros != [0; 4] {
        return Err(BreachError::Damaged);
    }
    Ok(Head {
        kind,
        shard_bits,
        entries: u64::from_le_bytes(entries),
        made: Moment(u64::from_le_bytes(made)),
    })
}

/// A row of the table; `None` where no filter could have such a shard, or it does not lie in the file.
fn parse_shard(row: &[u8], file: &dyn ListFile) -> Option<Shard> {
    let (offset, row) = take(row)?;
    let (seed, row) = take(row)?;
    let (segment, row) = take(row)?;
    let (segments, row) = take(row)?;
    let (fingerprints, row) = take(row)?;
    let (checksum, _) = take(row)?;
    let shard = Shard {
        offset: u64::from_le_bytes(offset),
        seed: u64::from_le_bytes(seed),
        segment: u32::from_le_bytes(segment),
        segments: u32::from_le_bytes(segments),
        fingerprints: u32::from_le_bytes(fingerprints),
        checksum: u32::from_le_bytes(checksum),
    };
    if shard.fingerprints == 0 {
        return Some(shard);
    }
    // With these a place that the algorithm reckons lies inside the fingerprints.
    let is_even = shard.segment.is_power_of_two()
        && shard.segment <= LONGEST_SEGMENT
        && shard.segments.is_multiple_of(shard.segment)
        && shard.segments > 0;
    let all = shard.segments.checked_add(shard.segment.checked_mul(2)?)?;
    let end = shard
        .offset
        .checked_add(u64::from(shard.fingerprints) * 2)?;
    let is_whole = shard.fingerprints == all
        && shard.fingerprints <= MOST_FINGERPRINTS
        && end <= file.length();
    (is_even && is_whole).then_some(shard)
}

fn take<const LENGTH: usize>(bytes: &[u8]) -> Option<([u8; LENGTH], &[u8])> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((*first, rest))
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
