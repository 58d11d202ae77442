//! A list as range files: one for each five leading hexadecimal digits, named by them, with the rest of each hash and how often it
//! was seen. What order its lines have does not matter. A file that is missing, empty or cut off is an error: it could have
//! had the hash.

use super::hash::{Hash, HashKind, LONGEST, PasswordHash, leading};
use super::text::{parse_line, share};
use super::{BreachError, ListFile, ListFolder, read_full};
use std::fmt::Write;

/// Digits in a file's name.
const PREFIX_DIGITS: usize = 5;
/// There are so many files.
const FILES: u32 = 1 << (4 * PREFIX_DIGITS);
/// A range file has some 80 KiB; nobody reads a thousand times as much.
const LONGEST_FILE: u64 = 64 << 20;
/// From so many files the number of all hashes is reckoned.
const SAMPLES: u32 = 64;
/// Hashes fall into the files by chance, so their number deviates from the mean by its square root; by more than so many
/// times of that in none of a million files. Where the mean is below the square of this, only an empty file is told from a whole one.
const DEVIATIONS: u64 = 8;

/// How the files are named.
#[derive(Clone, Copy, Debug)]
struct Naming {
    lower_case: bool,
    extension: &'static str,
}

/// Every naming that is read.
const NAMINGS: [Naming; 4] = [
    Naming {
        lower_case: false,
        extension: "",
    },
    Naming {
        lower_case: false,
        extension: ".txt",
    },
    Naming {
        lower_case: true,
        extension: "",
    },
    Naming {
        lower_case: true,
        extension: ".txt",
    },
];

impl Naming {
    fn name(self, prefix: u32) -> String {
        if self.lower_case {
            format!("{prefix:05x}{}", self.extension)
        } else {
            format!("{prefix:05X}{}", self.extension)
        }
    }
}

/// A list as range files.
pub(super) struct Ranges {
    folder: Box<dyn ListFolder>,
    naming: Naming,
    kind: HashKind,
    entries: u64,
    /// No whole file has fewer hashes.
    least: u64,
}

impl Ranges {
    pub(super) fn open(folder: Box<dyn ListFolder>) -> Result<Self, BreachError> {
        // The last name has letters in it, which tell the case.
        let mut naming = None;
        for candidate in NAMINGS {
            if folder.open(&candidate.name(FILES - 1))?.is_some() {
                naming = Some(candidate);
                break;
            }
        }
        let naming = match naming {
            Some(naming) => naming,
            None if has_first(&*folder)? => return Err(missing(FILES - 1)),
            None => return Err(BreachError::Unknown),
        };
        let mut list = Self {
            folder,
            naming,
            kind: HashKind::Sha1,
            entries: 0,
            least: 0,
        };
        list.kind = list.find_kind()?;
        let (mut all, mut fewest, mut shortest) = (0_u64, u64::MAX, 0);
        for sample in 0..SAMPLES {
            let prefix = FILES / SAMPLES * sample;
            let bytes = list.read(prefix)?;
            let count = as_u64(list.hashes(prefix, &bytes)?.len());
            all += count;
            if count < fewest {
                (fewest, shortest) = (count, prefix);
            }
        }
        list.entries = all * u64::from(FILES / SAMPLES);
        let mean = all / u64::from(SAMPLES);
        list.least = mean.saturating_sub((DEVIATIONS * DEVIATIONS * mean).isqrt());
        if fewest < list.least {
            return Err(cut(shortest));
        }
        Ok(list)
    }

    /// By the first line of the first file.
    fn find_kind(&self) -> Result<HashKind, BreachError> {
        let bytes = self.read(0)?;
        if bytes.trim_ascii().is_empty() {
            return Err(cut(0));
        }
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit());
        HashKind::of_digits(digits.count() + PREFIX_DIGITS).ok_or(BreachError::Line { offset: 0 })
    }

    /// Refuses a file whose download was not finished, and one of something else: neither must pass for one without the hash.
    fn check(&self, prefix: u32, bytes: &[u8]) -> Result<(), BreachError> {
        let lines = bytes.trim_ascii_end();
        if lines.is_empty() {
            return Err(cut(prefix));
        }
        let name = format!("{prefix:05X}");
        let has_count = |at: usize, line: &[u8]| {
            let parsed = parse_line(name.as_bytes(), line, self.kind);
            let offset = as_u64(at);
            parsed
                .map(|(_, count)| count.is_some())
                .ok_or(BreachError::Line { offset })
        };
        let first = lines.split(|byte| *byte == b'\n').next();
        let last_at = memchr::memrchr(b'\n', lines).map_or(0, |at| at + 1);
        let last = lines.get(last_at..).unwrap_or_default();
        // A last line that lost its count with its end would be a whole one in a list without counts.
        if has_count(0, first.unwrap_or_default())? != has_count(last_at, last)? {
            return Err(BreachError::Line {
                offset: as_u64(last_at),
            });
        }
        if seen_lines(lines) < self.least {
            return Err(cut(prefix));
        }
        Ok(())
    }

    fn read(&self, prefix: u32) -> Result<Vec<u8>, BreachError> {
        let file = self.folder.open(&self.naming.name(prefix))?;
        let file = file.ok_or_else(|| missing(prefix))?;
        read_whole(&*file)
    }

    /// The hashes of a file, ascending, without the ones that were never seen: with those a server hides how many it has.
    fn hashes(&self, prefix: u32, bytes: &[u8]) -> Result<Vec<Hash>, BreachError> {
        let digits = format!("{prefix:05X}");
        self.check(prefix, bytes)?;
        let mut hashes = Vec::with_capacity(bytes.len() / self.kind.length());
        let mut offset = 0_usize;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !line.trim_ascii().is_empty() {
                let parsed = parse_line(digits.as_bytes(), line, self.kind);
                let at = u64::try_from(offset).unwrap_or(u64::MAX);
                let (hash, count) = parsed.ok_or(BreachError::Line { offset: at })?;
                if count != Some(0) {
                    hashes.push(hash);
                }
            }
            offset += line.len();
        }
        hashes.sort_unstable();
        hashes.dedup();
        Ok(hashes)
    }

    pub(super) fn kind(&self) -> HashKind {
        self.kind
    }

    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    pub(super) fn contains(&self, hash: &PasswordHash) -> Result<bool, BreachError> {
        let prefix = u32::try_from(leading(&hash.0) >> (64 - 4 * PREFIX_DIGITS));
        let prefix = prefix.unwrap_or_default();
        let bytes = self.read(prefix)?;
        self.check(prefix, &bytes)?;
        let mut digits = String::with_capacity(2 * LONGEST);
        for byte in hash.0.iter().take(self.kind.length()) {
            // Writing into a text does not fail.
            let _ = write!(digits, "{byte:02X}");
        }
        let mut suffix = digits.into_bytes().split_off(PREFIX_DIGITS);
        let mut is_there = is_in(&bytes, &suffix, self.kind);
        if !is_there {
            suffix.make_ascii_lowercase();
            is_there = is_in(&bytes, &suffix, self.kind);
        }
        Ok(is_there)
    }

    pub(super) fn for_each(
        &self,
        take: &mut dyn FnMut(u64, f64) -> Result<(), BreachError>,
    ) -> Result<(), BreachError> {
        for prefix in 0..FILES {
            let bytes = self.read(prefix)?;
            let part = share(u64::from(prefix), u64::from(FILES));
            for hash in self.hashes(prefix, &bytes)? {
                take(leading(&hash), part)?;
            }
        }
        Ok(())
    }
}

/// How many lines there are of hashes that were seen: counted by their ends, because each password that is looked up has
/// a file counted.
fn seen_lines(lines: &[u8]) -> u64 {
    let unseen = |end: &[u8]| memchr::memmem::find_iter(lines, end).count();
    let all = memchr::memchr_iter(b'\n', lines).count() + 1;
    let never = unseen(b":0\r\n") + unseen(b":0\n") + usize::from(lines.ends_with(b":0"));
    as_u64(all.saturating_sub(never))
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Whether a file has a line that begins with these digits and was seen at least once.
fn is_in(bytes: &[u8], suffix: &[u8], kind: HashKind) -> bool {
    memchr::memmem::find_iter(bytes, suffix).any(|at| {
        let is_first = at == 0 || bytes.get(at - 1) == Some(&b'\n');
        let rest = bytes.get(at..).unwrap_or_default();
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        // The digits of the name are not in the line, and any will do here.
        let parsed = parse_line(b"00000", line, kind);
        is_first && parsed.is_some_and(|(_, count)| count != Some(0))
    })
}

fn has_first(folder: &dyn ListFolder) -> Result<bool, BreachError> {
    for candidate in NAMINGS {
        if folder.open(&candidate.name(0))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn missing(prefix: u32) -> BreachError {
    BreachError::NoRange {
        prefix: format!("{prefix:05X}"),
    }
}

fn cut(prefix: u32) -> BreachError {
    BreachError::CutRange {
        prefix: format!("{prefix:05X}"),
    }
}

fn read_whole(file: &dyn ListFile) -> Result<Vec<u8>, BreachError> {
    let length = file.length();
    if length > LONGEST_FILE {
        return Err(BreachError::Unknown);
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    let read = read_full(file, 0, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}
