//! A zip archive that is taken whole or not at all: every name is a key and never a path, every byte that is unpacked is
//! counted.
//!
//! An archive says what it holds in a list at its end. Readers that look for that list anywhere, or believe what it says of
//! sizes, can be shown another archive than the one that was written, or a small one that fills the memory.

use super::{ImportError, MAX_FILE_BYTES, MAX_UNPACKED_BYTES};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{Cursor, Read};
use zeroize::Zeroizing;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// Most entries of one archive.
pub(super) const MAX_ENTRIES: u16 = 20_000;

const FIRST_ENTRY: [u8; 4] = *b"PK\x03\x04";
const END_OF_LIST: [u8; 4] = *b"PK\x05\x06";
/// What stands before the end where an archive needs more than 32 bits.
const WIDE_END: [u8; 4] = *b"PK\x06\x07";
const WIDE_END_LENGTH: usize = 20;
/// Length of the end, which has no remark behind it.
const END_LENGTH: usize = 22;
/// Deflate packs no better than this; it bounds what is set aside for an entry that lies about its size.
const BEST_PACKING: u64 = 1032;

/// What is wrong with an archive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ZipProblem {
    /// It ends too early, or something stands behind its end.
    NoEnd,
    /// What it holds is not what was packed, or it contradicts itself.
    Damaged,
    /// More entries than any honest one, or the kind that has room for more than 4 GiB.
    TooManyEntries,
    /// It unpacks to more than [`MAX_UNPACKED_BYTES`].
    TooLarge,
    /// Something in it is encrypted.
    Encrypted,
    /// Something in it is a link to another file.
    Link,
    /// Two entries have one name; which of them counts is anyone's guess.
    RepeatedName,
    /// Something in it is packed in a way that exporters do not use.
    Packing,
}

impl fmt::Display for ZipProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NoEnd => "the zip archive is cut off, or something follows it",
            Self::Damaged => "the zip archive is damaged, or was changed",
            Self::TooManyEntries => {
                "the zip archive has too many entries, or is of the kind for more than 4 GiB"
            }
            Self::TooLarge => "the zip archive unpacks to more than is read",
            Self::Encrypted => {
                "the zip archive has encrypted entries; unpack it and import what is in it"
            }
            Self::Link => "the zip archive has a link in it, which no export needs",
            Self::RepeatedName => "the zip archive has one name twice",
            Self::Packing => "the zip archive is packed in a way that is not known",
        })
    }
}

impl From<ZipProblem> for ImportError {
    fn from(problem: ZipProblem) -> Self {
        Self::Zip(problem)
    }
}

/// Whether bytes begin as an archive does, an empty one included.
pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(&FIRST_ENTRY) || bytes.starts_with(&END_OF_LIST)
}

/// One entry, known by its name.
struct Entry {
    index: usize,
    size: u64,
    packed: u64,
    is_taken: bool,
}

/// An archive in memory.
pub(super) struct Archive<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    entries: BTreeMap<String, Entry>,
    /// Bytes that came out so far.
    unpacked: u64,
}

impl<'a> Archive<'a> {
    /// Reads the list of what is in it; nothing is unpacked yet.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ImportError> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err(ImportError::TooLarge { bytes: bytes.len() });
        }
        let end = End::parse(bytes)?;
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let mut archive =
            ZipArchive::with_config(config, Cursor::new(bytes)).map_err(|_| ZipProblem::Damaged)?;
        if archive.has_duplicate_names() {
            return Err(ZipProblem::RepeatedName.into());
        }
        // It must have found the same list, whose end is that of the file.
        let is_that = archive.len() == usize::from(end.entries)
            && archive.central_directory_start() == end.list_start
            && archive.comment().is_empty();
        if !is_that {
            return Err(ZipProblem::Damaged.into());
        }
        let mut entries = BTreeMap::new();
        for index in 0..archive.len() {
            let entry = archive
                .by_index_data(index)
                .map_err(|_| ZipProblem::Damaged)?;
            if entry.encrypted() {
                return Err(ZipProblem::Encrypted.into());
            }
            if entry.is_symlink() {
                return Err(ZipProblem::Link.into());
            }
            let packing = entry.compression();
            if ![CompressionMethod::Stored, CompressionMethod::Deflated].contains(&packing) {
                return Err(ZipProblem::Packing.into());
            }
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            let entry = Entry {
                index,
                size: entry.size(),
                packed: entry.compressed_size(),
                is_taken: false,
            };
            if entries.insert(name, entry).is_some() {
                return Err(ZipProblem::RepeatedName.into());
            }
        }
        // What stands before each entry says the same as the list, nothing is left unlisted, and nothing is two entries:
        // that is how a small archive becomes a large one.
        archive
            .validate_header_consistency()
            .map_err(|_| ZipProblem::Damaged)?;
        Ok(Self {
            archive,
            entries,
            unpacked: 0,
        })
    }

    /// The names of what is in it, folders not counted, in the order of the alphabet.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.entries.keys().map(String::as_str);
        names.filter(|name| !name.ends_with('/'))
    }

    /// What is packed under a name; `None` where there is nothing of that name.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, ZipProblem> {
        let Some(entry) = self.entries.get_mut(name) else {
            return Ok(None);
        };
        entry.is_taken = true;
        let (index, size, packed) = (entry.index, entry.size, entry.packed);
        self.unpack(index, size, packed).map(Some)
    }

    /// Unpacks what nobody took, only to see that it is whole, and gives its names.
    pub(super) fn finish(mut self) -> Result<Vec<String>, ZipProblem> {
        let entries = std::mem::take(&mut self.entries);
        let mut left = Vec::new();
        for (name, entry) in entries.into_iter().filter(|(_, entry)| !entry.is_taken) {
            drop(self.unpack(entry.index, entry.size, entry.packed)?);
            if !name.ends_with('/') {
                left.push(name);
            }
        }
        Ok(left)
    }

    fn unpack(
        &mut self,
        index: usize,
        size: u64,
        packed: u64,
    ) -> Result<Zeroizing<Vec<u8>>, ZipProblem> {
        let left = MAX_UNPACKED_BYTES.saturating_sub(self.unpacked);
        if size > left {
            return Err(ZipProblem::TooLarge);
        }
        let room = size.min(packed.saturating_mul(BEST_PACKING));
        let room = usize::try_from(room).map_err(|_| ZipProblem::TooLarge)?;
        let file = self.archive.by_index(index).map_err(|error| match error {
            ZipError::UnsupportedArchive(_) => ZipProblem::Packing,
            _ => ZipProblem::Damaged,
        })?;
        let mut content = Zeroizing::new(Vec::with_capacity(room));
        // Its checksum is compared where it ends, so one that goes on beyond its size is never whole.
        let read = file.take(left + 1).read_to_end(&mut content);
        let length = read.map_err(|_| ZipProblem::Damaged)? as u64;
        self.unpacked += length;
        if length > left {
            Err(ZipProblem::TooLarge)
        } else if length != size {
            Err(ZipProblem::Damaged)
        } else {
            Ok(content)
        }
    }
}

/// What the last bytes of an archive say.
struct End {
    entries: u16,
    list_start: u64,
}

impl End {
    /// Reads the end, which must be that of the file: an archive inside another one's last entry has an end too.
    fn parse(bytes: &[u8]) -> Result<Self, ZipProblem> {
        let at = bytes
            .len()
            .checked_sub(END_LENGTH)
            .ok_or(ZipProblem::NoEnd)?;
        let end = bytes.get(at..).ok_or(ZipProblem::NoEnd)?;
        if !end.starts_with(&END_OF_LIST) || number(end, 20, 2) != 0 {
            return Err(ZipProblem::NoEnd);
        }
        let before = at.checked_sub(WIDE_END_LENGTH);
        let before = before.and_then(|start| bytes.get(start..at));
        let entries = u16::try_from(number(end, 10, 2)).unwrap_or(u16::MAX);
        if entries > MAX_ENTRIES || before.is_some_and(|bytes| bytes.starts_with(&WIDE_END)) {
            return Err(ZipProblem::TooManyEntries);
        }
        let (list_length, list_start) = (number(end, 12, 4), number(end, 16, 4));
        let is_whole = number(end, 4, 4) == 0
            && number(end, 8, 2) == u64::from(entries)
            && list_start + list_length == at as u64;
        is_whole
            .then_some(Self {
                entries,
                list_start,
            })
            .ok_or(ZipProblem::Damaged)
    }
}

/// A number without a sign, its lowest byte first.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let bytes = bytes.get(at..at + length).unwrap_or_default();
    let digits = bytes.iter().rev();
    digits.fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
