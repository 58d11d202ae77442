//! Looks for secrets in the memory of a running process, in every mapping that can be read: more than a core dump holds.
//!
//! A secret is looked for in pieces of sixteen bytes, since what is left of it may be overwritten at one end, and each
//! piece as it is, as UTF-16, in hexadecimal, base64 and reversed. Another process' memory is read as root, or while it
//! is stopped by a debugger of the same user.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it; a test may stop"
)]

pub(crate) mod keys;
pub(crate) mod stopped;

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// What one piece of a secret that is looked for has. Shorter texts are looked for as a whole.
const PIECE: usize = 16;
/// How much is read at once.
const STRETCH: usize = 1 << 20;

/// A secret that must not be there, and what to call it.
#[derive(Clone)]
pub(crate) struct Canary {
    name: String,
    bytes: Vec<u8>,
}

impl Canary {
    /// A text or a key. Eight bytes at least, or it could be found by chance.
    pub(crate) fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref().to_vec();
        assert!(bytes.len() >= 8, "{name} is too short");
        Self {
            name: name.to_owned(),
            bytes,
        }
    }

    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        // What is left over at the end is looked at with what stands before it.
        let count = (self.bytes.len() / PIECE).max(1);
        (0..count).map(move |number| {
            let start = number * PIECE;
            let end = self.bytes.len().min(start + PIECE);
            self.bytes.get(start..end).unwrap()
        })
    }
}

/// A piece of a secret that was found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) canary: String,
    pub(crate) encoding: &'static str,
    /// What the system calls the place: a file, `[heap]`, `[stack]`, nothing.
    pub(crate) mapping: String,
    pub(crate) address: usize,
}

impl fmt::Debug for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} in {} at {:x} {}",
            self.canary, self.encoding, self.address, self.mapping
        )
    }
}

/// Where which canary was found, everywhere in a process' memory.
pub(crate) fn scan(pid: u32, canaries: &[Canary]) -> Vec<Found> {
    let finder = Finder::new(canaries);
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut found = BTreeSet::new();
    let mut looked = 0;
    let mut buffer = vec![0; STRETCH];
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, modes) = (words.next().unwrap(), words.next().unwrap());
        let name = words.nth(3).unwrap_or_default();
        // Of the kernel's own pages some cannot be read.
        if !modes.starts_with('r') || ["[vvar]", "[vvar_vclock]", "[vsyscall]"].contains(&name) {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|hex| usize::from_str_radix(hex, 16).unwrap());
        let mut at = start;
        while at < end {
            let length = STRETCH.min(end - at);
            let bytes = buffer.get_mut(..length).unwrap();
            if memory.read_exact_at(bytes, at as u64).is_ok() {
                looked += length;
                let hits = finder.find(bytes);
                found.extend(hits.map(|(offset, needle)| needle.found(at + offset, name)));
            }
            // What lies across the border is seen once, in the next stretch.
            at += if at + length == end {
                length
            } else {
                length - Finder::LONGEST
            };
        }
    }
    assert!(looked > 1 << 20, "only {looked} bytes of memory were read");
    found.into_iter().collect()
}

/// The names of the canaries of which anything was found.
pub(crate) fn names(found: &[Found]) -> BTreeSet<String> {
    found.iter().map(|found| found.canary.clone()).collect()
}

struct Needle {
    canary: String,
    encoding: &'static str,
    bytes: Vec<u8>,
}

impl Needle {
    fn found(&self, address: usize, mapping: &str) -> Found {
        Found {
            canary: self.canary.clone(),
            encoding: self.encoding,
            mapping: mapping.to_owned(),
            address,
        }
    }
}

/// Every form of every piece, by its first two bytes.
struct Finder {
    needles: Vec<Needle>,
    by_start: HashMap<u16, Vec<usize>>,
    /// Whether anything starts with these two bytes: asked at every byte of memory.
    starts: Vec<bool>,
}

impl Finder {
    /// No form of a piece is longer.
    const LONGEST: usize = 64;

    fn new(canaries: &[Canary]) -> Self {
        let mut needles = Vec::new();
        for canary in canaries {
            for piece in canary.pieces() {
                needles.extend(forms(piece).into_iter().map(|(encoding, bytes)| Needle {
                    canary: canary.name.clone(),
                    encoding,
                    bytes,
                }));
            }
        }
        let mut by_start: HashMap<u16, Vec<usize>> = HashMap::new();
        let mut starts = vec![false; 1 << 16];
        for (number, needle) in needles.iter().enumerate() {
            assert!(needle.bytes.len() <= Self::LONGEST);
            let start = u16::from_be_bytes([needle.bytes[0], needle.bytes[1]]);
            by_start.entry(start).or_default().push(number);
            starts[usize::from(start)] = true;
        }
        Self {
            needles,
            by_start,
            starts,
        }
    }

    fn find<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (usize, &'a Needle)> {
        let pairs = bytes.windows(2).enumerate();
        let likely = pairs.filter_map(|(at, pair)| {
            let start = u16::from_be_bytes([pair[0], pair[1]]);
            self.starts[usize::from(start)].then_some((at, start))
        });
        likely.flat_map(move |(at, start)| {
            let needles = self.by_start.get(&start).into_iter().flatten();
            let needles = needles.map(|number| &self.needles[*number]);
            needles
                .filter(move |needle| bytes[at..].starts_with(&needle.bytes))
                .map(move |needle| (at, needle))
        })
    }
}

/// A piece in every form that is looked for.
fn forms(piece: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("clear", piece.to_vec()),
        ("reversed", piece.iter().rev().copied().collect()),
        ("hex", HEXLOWER.encode(piece).into_bytes()),
        ("HEX", HEXUPPER.encode(piece).into_bytes()),
    ];
    if let Ok(text) = std::str::from_utf8(piece) {
        let little = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        forms.extend([("UTF-16LE", little), ("UTF-16BE", big)]);
    }
    for shift in 0..3 {
        let shifted = [&vec![0; shift], piece].concat();
        // Letters that tell of the piece alone: six bits each.
        let (first, end) = ((8 * shift).div_ceil(6), 8 * shifted.len() / 6);
        let standard = BASE64.encode(&shifted).into_bytes();
        let for_urls = BASE64URL.encode(&shifted).into_bytes();
        forms.push(("base64", standard[first..end].to_vec()));
        if standard != for_urls {
            forms.push(("base64url", for_urls[first..end].to_vec()));
        }
    }
    forms
}
