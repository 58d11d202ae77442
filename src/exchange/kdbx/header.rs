//! The outer header of a KeePass database: what says how the rest is encrypted. It is read before anything proves it.

use super::Problem;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// First bytes of a database of KeePass 2, and of one of KeePass 1.
pub(super) const SIGNATURE: [u8; 8] = [0x03, 0xd9, 0xa2, 0x9a, 0x67, 0xfb, 0x4b, 0xb5];
const OLD_SIGNATURE: [u8; 8] = [0x03, 0xd9, 0xa2, 0x9a, 0x65, 0xfb, 0x4b, 0xb5];
/// The version follows: minor and major, u16 each.
const VERSION_END: usize = SIGNATURE.len() + 4;

const AES: [u8; 16] = *b"\x31\xc1\xf2\xe6\xbf\x71\x43\x50\xbe\x58\x05\x21\x6a\xfc\x5a\xff";
const TWOFISH: [u8; 16] = *b"\xad\x68\xf2\x9f\x57\x6f\x4b\xb9\xa3\x6a\xd4\x7a\xf9\x65\x34\x6c";
pub(super) const CHACHA20: [u8; 16] =
    *b"\xd6\x03\x8a\x2b\x8b\x6f\x4c\xb5\xa5\x24\x33\x9a\x31\xdb\xb5\x9a";

const AES_KDF: [[u8; 16]; 2] = [
    *b"\xc9\xd9\xf3\x9a\x62\x8a\x44\x60\xbf\x74\x0d\x08\xc1\x8a\x4f\xea",
    *b"\x7c\x02\xbb\x82\x79\xa7\x4a\xc0\x92\x7d\x11\x4a\x00\x64\x82\x38",
];
const ARGON2D: [u8; 16] = *b"\xef\x63\x6d\xdf\x8c\x29\x44\x4b\x91\xf7\xa9\xa4\x03\xe3\x0a\x0c";
pub(super) const ARGON2ID: [u8; 16] =
    *b"\x9e\x29\x8b\x19\x56\xdb\x47\x73\xb2\x3d\xfc\x3e\xc6\xf0\xa1\xe6";

/// Which program's database begins so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::exchange) enum Generation {
    /// KeePass 1: another format altogether.
    One,
    /// KeePass 2 and all that came after it.
    Two,
}

/// What the first bytes say; `None` for anything else.
pub(in crate::exchange) fn generation(bytes: &[u8]) -> Option<Generation> {
    if bytes.starts_with(&SIGNATURE) {
        Some(Generation::Two)
    } else if bytes.starts_with(&OLD_SIGNATURE) {
        Some(Generation::One)
    } else {
        None
    }
}

/// The two ways in which the rest of the file is put together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// KDBX 2 and 3: encrypted blocks with hashes inside.
    Hashed,
    /// KDBX 4: authenticated blocks of what is encrypted.
    Authenticated,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OuterCipher {
    Aes,
    Twofish,
    ChaCha20,
}

/// The cipher that protects single values inside the XML.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum InnerCipher {
    None,
    Salsa20,
    ChaCha20,
}

impl InnerCipher {
    /// ChaCha20's number.
    pub(super) const CHACHA20_NUMBER: u32 = 3;

    pub(super) fn of(number: &[u8]) -> Result<Self, Problem> {
        match read_u32(number)? {
            0 => Ok(Self::None),
            2 => Ok(Self::Salsa20),
            Self::CHACHA20_NUMBER => Ok(Self::ChaCha20),
            _ => Err(Problem::Damaged),
        }
    }
}

/// How a composite key becomes the transformed one.
pub(super) enum Derivation {
    Aes {
        seed: [u8; 32],
        rounds: u64,
    },
    Argon2 {
        algorithm: argon2::Algorithm,
        version: argon2::Version,
        salt: Vec<u8>,
        memory_bytes: u64,
        passes: u64,
        lanes: u32,
    },
}

/// The header.
pub(super) struct OuterHeader {
    pub(super) layout: Layout,
    pub(super) cipher: OuterCipher,
    pub(super) is_compressed: bool,
    pub(super) master_seed: Vec<u8>,
    pub(super) start: Vec<u8>,
    pub(super) derivation: Derivation,
    /// KDBX 3 alone: the inner cipher with its key, and what the plaintext begins with.
    pub(super) inner: Option<(InnerCipher, Zeroizing<Vec<u8>>)>,
    pub(super) stream_start: Vec<u8>,
    /// Where it ends in the file.
    pub(super) end: usize,
}

impl OuterHeader {
    /// Reads it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let major = bytes.get(VERSION_END - 2..VERSION_END);
        let layout = match major.ok_or(Problem::CutOff)? {
            [2 | 3, 0] => Layout::Hashed,
            [4, 0] => Layout::Authenticated,
            _ => return Err(Problem::Version),
        };
        let (fields, end) = parse_fields(bytes, layout)?;
        let field = |number: u8| fields.get(&number).copied().ok_or(Problem::Damaged);
        let derivation = match layout {
            Layout::Hashed => Derivation::Aes {
                seed: field(5)?.try_into().map_err(|_| Problem::Damaged)?,
                rounds: read_u64(field(6)?)?,
            },
            Layout::Authenticated => parse_derivation(field(11)?)?,
        };
        let inner = match layout {
            Layout::Hashed => Some((
                InnerCipher::of(field(10)?)?,
                Zeroizing::new(field(8)?.to_vec()),
            )),
            Layout::Authenticated => None,
        };
        let stream_start = match layout {
            Layout::Hashed => field(9)?.to_vec(),
            Layout::Authenticated => Vec::new(),
        };
        Ok(Self {
            layout,
            cipher: cipher_of(field(2)?)?,
            is_compressed: match read_u32(field(3)?)? {
                0 => false,
                1 => true,
                _ => return Err(Problem::Damaged),
            },
            master_seed: field(4)?.to_vec(),
            start: field(7)?.to_vec(),
            derivation,
            inner,
            stream_start,
            end,
        })
    }
}

type Fields<'b> = HashMap<u8, &'b [u8]>;

/// Number, length, content, until the number 0; the length has two bytes before KDBX 4 and four since.
fn parse_fields(bytes: &[u8], layout: Layout) -> Result<(Fields<'_>, usize), Problem> {
    let mut fields = HashMap::new();
    let mut rest = Rest {
        bytes,
        at: VERSION_END,
    };
    loop {
        let number = *rest.take(1)?.first().ok_or(Problem::CutOff)?;
        let length = match layout {
            Layout::Hashed => read_u16(rest.take(2)?)?.into(),
            Layout::Authenticated => rest.take_length()?,
        };
        let content = rest.take(length)?;
        if number == 0 {
            return Ok((fields, rest.at));
        }
        // Comments and public data may come again; of all others each has its one meaning.
        let is_repeated = fields.insert(number, content).is_some();
        if is_repeated && !matches!(number, 1 | 12) {
            return Err(Problem::Damaged);
        }
    }
}

fn cipher_of(id: &[u8]) -> Result<OuterCipher, Problem> {
    let id: [u8; 16] = id.try_into().map_err(|_| Problem::Damaged)?;
    match id {
        AES => Ok(OuterCipher::Aes),
        TWOFISH => Ok(OuterCipher::Twofish),
        CHACHA20 => Ok(OuterCipher::ChaCha20),
        _ => Err(Problem::Cipher),
    }
}

fn parse_derivation(dictionary: &[u8]) -> Result<Derivation, Problem> {
    let entries = parse_dictionary(dictionary)?;
    let entry = |name: &str| entries.get(name).copied().ok_or(Problem::Damaged);
    let id: [u8; 16] = entry("$UUID")?.try_into().map_err(|_| Problem::Damaged)?;
    if AES_KDF.contains(&id) {
        return Ok(Derivation::Aes {
            seed: entry("S")?.try_into().map_err(|_| Problem::Damaged)?,
            rounds: read_u64(entry("R")?)?,
        });
    }
    Ok(Derivation::Argon2 {
        algorithm: match id {
            ARGON2D => argon2::Algorithm::Argon2d,
            ARGON2ID => argon2::Algorithm::Argon2id,
            _ => return Err(Problem::Cipher),
        },
        version: match read_u32(entry("V")?)? {
            0x10 => argon2::Version::V0x10,
            0x13 => argon2::Version::V0x13,
            _ => return Err(Problem::Damaged),
        },
        salt: entry("S")?.to_vec(),
        memory_bytes: read_u64(entry("M")?)?,
        passes: read_u64(entry("I")?)?,
        lanes: read_u32(entry("P")?)?,
    })
}

/// A variant dictionary: version, then type, length and bytes of a name, length and bytes of a value, until the type 0.
fn parse_dictionary(bytes: &[u8]) -> Result<HashMap<&str, &[u8]>, Problem> {
    let mut rest = Rest { bytes, at: 0 };
    let [_, 1] = rest.take(2)? else {
        return Err(Problem::Damaged);
    };
    let mut entries = HashMap::new();
    loop {
        let [kind] = rest.take(1)? else {
            return Err(Problem::CutOff);
        };
        if *kind == 0 {
            return Ok(entries);
        }
        let length = rest.take_length()?;
        let name = std::str::from_utf8(rest.take(length)?).map_err(|_| Problem::Damaged)?;
        let length = rest.take_length()?;
        if entries.insert(name, rest.take(length)?).is_some() {
            return Err(Problem::Damaged);
        }
    }
}

/// What is left of bytes.
pub(super) struct Rest<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) at: usize,
}

impl<'b> Rest<'b> {
    /// The next so many.
    pub(super) fn take(&mut self, length: usize) -> Result<&'b [u8], Problem> {
        let end = self.at.checked_add(length).ok_or(Problem::CutOff)?;
        let taken = self.bytes.get(self.at..end).ok_or(Problem::CutOff)?;
        self.at = end;
        Ok(taken)
    }

    /// A length in four bytes.
    pub(super) fn take_length(&mut self) -> Result<usize, Problem> {
        usize::try_from(read_u32(self.take(4)?)?).map_err(|_| Problem::CutOff)
    }
}

fn read_u16(bytes: &[u8]) -> Result<u16, Problem> {
    let bytes = bytes.try_into().map_err(|_| Problem::Damaged)?;
    Ok(u16::from_le_bytes(bytes))
}

pub(super) fn read_u32(bytes: &[u8]) -> Result<u32, Problem> {
    let bytes = bytes.try_into().map_err(|_| Problem::Damaged)?;
    Ok(u32::from_le_bytes(bytes))
}

fn read_u64(bytes: &[u8]) -> Result<u64, Problem> {
    let bytes = bytes.try_into().map_err(|_| Problem::Damaged)?;
    Ok(u64::from_le_bytes(bytes))
}
