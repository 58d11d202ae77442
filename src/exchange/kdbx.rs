//! Databases of KeePass and KeePassXC (KDBX 2, 3.1, 4.0, 4.1), opened to the XML that is in them.
//!
//! By keepass.info/help/kb/kdbx.html and kdbx_4.html. Unlike some readers this one takes nothing that is cut off or changed:
//! every block needs its hash or its authentication, the last block must be there, and the header of KDBX 3.1 must be the
//! one that the XML was written with. What the header asks for is limited before it is done, and so is what unpacks.

mod header;
mod key;
mod write;

pub(super) use header::{Generation, generation};
pub(super) use write::Writer;

use super::keepass_references;
use super::keepass_xml::{self, Files};
use super::unlock::{Key, Opener, decrypt_cbc};
use super::xml::Element;
use super::{Credentials, Format, ImportError, Imported, MAX_FILE_BYTES};
use crate::secret::scrubbed;
use aes::Aes256;
use cbc::cipher::{KeyIvInit, StreamCipher};
use chacha20::ChaCha20;
use data_encoding::BASE64;
use flate2::read::GzDecoder;
use header::{InnerCipher, Layout, OuterCipher, OuterHeader, Rest, read_u32};
use hmac::{Hmac, KeyInit, Mac};
use salsa20::Salsa20;
use sha2::{Digest, Sha256, Sha512};
use std::io::{self, Read};
use subtle::ConstantTimeEq;
use twofish::Twofish;
use zeroize::Zeroizing;

/// Most bytes that a database unpacks to.
pub const MAX_UNPACKED_BYTES: u64 = 256 << 20;
const HASH: usize = 32;
/// What the inner Salsa20 always begins with.
const SALSA20_NONCE: [u8; 8] = [0xe8, 0x30, 0x09, 0x4b, 0x97, 0x20, 0x5d, 0x2a];

const FORMAT: Format = Format::Kdbx;

/// What keeps a database from being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Problem {
    CutOff,
    Damaged,
    /// A version that nobody knows yet.
    Version,
    /// A cipher or derivation that this reader does not know.
    Cipher,
    /// The key file's own hash does not fit it.
    KeyFile,
    /// It unpacks to more than [`MAX_UNPACKED_BYTES`].
    TooLarge,
}

impl From<Problem> for ImportError {
    fn from(problem: Problem) -> Self {
        let reason = match problem {
            Problem::CutOff => "the database is cut off",
            Problem::Damaged => "the database is damaged, or was changed",
            Problem::Version => "the database is of a version that is not known",
            Problem::Cipher => "the database is encrypted in a way that is not known",
            Problem::KeyFile => "the key file is damaged: its hash does not fit",
            Problem::TooLarge => "the database unpacks to more than is read",
        };
        Self::NotThisFormat {
            format: FORMAT,
            reason,
        }
    }
}

/// Reads a database.
pub(super) fn import(bytes: &[u8], credentials: &Credentials<'_>) -> Result<Imported, ImportError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(ImportError::TooLarge { bytes: bytes.len() });
    }
    if generation(bytes) == Some(Generation::One) {
        return Err(ImportError::NotThisFormat {
            format: FORMAT,
            reason: "it is a database of KeePass 1; open it in KeePass 2 or KeePassXC and save it as KDBX",
        });
    }
    if credentials.password.is_none() && credentials.key_file.is_none() {
        return Err(ImportError::SourcePasswordNeeded { format: FORMAT });
    }
    let header = OuterHeader::parse(bytes)?;
    let opener = Opener::without_password(FORMAT);
    let mut wrong = opener.wrong();
    for composite in key::composites(credentials)? {
        let transformed = key::transform(&opener, &composite, &header.derivation)?;
        let opened = match header.layout {
            Layout::Hashed => open_hashed(bytes, &header, &transformed, &opener),
            Layout::Authenticated => open_authenticated(bytes, &header, &transformed, &opener),
        };
        match opened {
            Ok(opened) => return read(bytes, &header, opened),
            Err(error @ ImportError::SourcePasswordWrong { .. }) => wrong = error,
            Err(error) => return Err(error),
        }
    }
    Err(wrong)
}

/// What was in the encrypted part.
struct Opened {
    xml: Zeroizing<Vec<u8>>,
    stream: InnerStream,
    /// The files in it.
    files: Files,
}

fn read(bytes: &[u8], header: &OuterHeader, mut opened: Opened) -> Result<Imported, ImportError> {
    let text = std::str::from_utf8(&opened.xml).map_err(|_| Problem::Damaged)?;
    let mut root = Element::parse(text.trim_start_matches('\u{feff}'))?;
    check_header_hash(bytes, header, &root)?;
    // Once through all elements: a second time would be felt.
    let mut has_references = false;
    root.visit(&mut |element| {
        if element.flag("Protected") {
            opened.stream.uncover(element);
        }
        has_references |= keepass_references::is_in(element);
    });
    keepass_xml::read(root, opened.files, FORMAT, has_references)
}

/// KDBX 3.1 has no other proof of its header.
fn check_header_hash(bytes: &[u8], header: &OuterHeader, root: &Element) -> Result<(), Problem> {
    let meta = root.child("Meta");
    let Some(stated) = meta.and_then(|meta| meta.child("HeaderHash")) else {
        return Ok(());
    };
    let own = Sha256::digest(bytes.get(..header.end).ok_or(Problem::CutOff)?);
    match BASE64.decode(stated.text.trim().as_bytes()) {
        Ok(stated) if stated.as_slice() == own.as_slice() => Ok(()),
        _ if header.layout == Layout::Authenticated => Ok(()),
        _ => Err(Problem::Damaged),
    }
}

fn derive_master_key(seed: &[u8], transformed: &Key) -> Key {
    scrubbed(|| {
        let digest = Sha256::new()
            .chain_update(seed)
            .chain_update(transformed.as_slice())
            .finalize();
        Zeroizing::new(digest.into())
    })
}

fn open_hashed(
    bytes: &[u8],
    header: &OuterHeader,
    transformed: &Key,
    opener: &Opener<'_>,
) -> Result<Opened, ImportError> {
    let sealed = bytes.get(header.end..).ok_or(Problem::CutOff)?;
    let key = derive_master_key(&header.master_seed, transformed);
    // Padding that makes no sense is a wrong key, nearly always.
    let plain = decrypt(header, &key, sealed)?.ok_or_else(|| opener.wrong())?;
    let mut rest = Rest {
        bytes: &plain,
        at: 0,
    };
    let begins = rest.take(header.stream_start.len());
    let is_right = begins.is_ok_and(|begins| bool::from(begins.ct_eq(&header.stream_start)));
    if header.stream_start.len() < HASH || !is_right {
        return Err(opener.wrong());
    }
    let mut content = Zeroizing::new(Vec::with_capacity(plain.len()));
    for index in 0_u32.. {
        let number = read_u32(rest.take(4)?)?;
        let hash = rest.take(HASH)?;
        let length = rest.take_length()?;
        if number != index {
            return Err(Problem::Damaged.into());
        }
        if length == 0 {
            // The last block has no hash, and nothing stands behind it.
            if hash != [0; HASH] || rest.at != plain.len() {
                return Err(Problem::Damaged.into());
            }
            break;
        }
        let block = rest.take(length)?;
        if Sha256::digest(block).as_slice() != hash {
            return Err(Problem::Damaged.into());
        }
        content.extend_from_slice(block);
    }
    let (cipher, key) = header.inner.as_ref().ok_or(Problem::Damaged)?;
    Ok(Opened {
        xml: unpack(header, content)?,
        stream: InnerStream::new(*cipher, key)?,
        files: Files::default(),
    })
}

fn open_authenticated(
    bytes: &[u8],
    header: &OuterHeader,
    transformed: &Key,
    opener: &Opener<'_>,
) -> Result<Opened, ImportError> {
    let head = bytes.get(..header.end).ok_or(Problem::CutOff)?;
    let mut rest = Rest {
        bytes,
        at: header.end,
    };
    if rest.take(HASH)? != Sha256::digest(head).as_slice() {
        return Err(Problem::Damaged.into());
    }
    let blocks = BlockKeys::new(&header.master_seed, transformed);
    let tag = rest.take(HASH)?;
    if !blocks.proves(u64::MAX, &[head], tag) {
        return Err(opener.wrong());
    }
    let mut sealed = Vec::with_capacity(bytes.len());
    for index in 0_u64.. {
        let tag = rest.take(HASH)?;
        let length_bytes = rest.take(4)?;
        let length = usize::try_from(read_u32(length_bytes)?).map_err(|_| Problem::CutOff)?;
        let block = rest.take(length)?;
        if !blocks.proves(index, &[&index.to_le_bytes(), length_bytes, block], tag) {
            return Err(Problem::Damaged.into());
        }
        if length == 0 {
            break;
        }
        sealed.extend_from_slice(block);
    }
    let key = derive_master_key(&header.master_seed, transformed);
    let plain = decrypt(header, &key, &sealed)?.ok_or(Problem::Damaged)?;
    let content = unpack(header, plain)?;
    open_inner(&content)
}

/// The inner header of KDBX 4, and the XML behind it.
fn open_inner(content: &[u8]) -> Result<Opened, ImportError> {
    let mut rest = Rest {
        bytes: content,
        at: 0,
    };
    let (mut cipher, mut key) = (InnerCipher::None, Zeroizing::default());
    let mut files = Files::default();
    loop {
        let [number] = rest.take(1)? else {
            return Err(Problem::CutOff.into());
        };
        let length = rest.take_length()?;
        let field = rest.take(length)?;
        match number {
            0 => break,
            1 => cipher = InnerCipher::of(field)?,
            2 => key = Zeroizing::new(field.to_vec()),
            // A byte of flags stands before the content.
            3 => files.add(field.get(1..).unwrap_or_default()),
            _ => return Err(Problem::Damaged.into()),
        }
    }
    let xml = content.get(rest.at..).ok_or(Problem::CutOff)?;
    Ok(Opened {
        xml: Zeroizing::new(xml.to_vec()),
        stream: InnerStream::new(cipher, &key)?,
        files,
    })
}

/// The keys that authenticate the header and each block.
struct BlockKeys(Zeroizing<[u8; 64]>);

impl BlockKeys {
    fn new(seed: &[u8], transformed: &Key) -> Self {
        let digest = Sha512::new()
            .chain_update(seed)
            .chain_update(transformed.as_slice())
            .chain_update([1])
            .finalize();
        Self(Zeroizing::new(digest.into()))
    }

    fn proves(&self, index: u64, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.mac(index, parts).verify_slice(tag).is_ok()
    }

    fn authenticate(&self, index: u64, parts: &[&[u8]]) -> [u8; HASH] {
        self.mac(index, parts).finalize().into_bytes().into()
    }

    fn mac(&self, index: u64, parts: &[&[u8]]) -> Hmac<Sha256> {
        let key = Sha512::new()
            .chain_update(index.to_le_bytes())
            .chain_update(self.0.as_slice())
            .finalize();
        let key: Zeroizing<[u8; 64]> = Zeroizing::new(key.into());
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_slice())
            .expect("a key of HMAC may have any length");
        for part in parts {
            mac.update(part);
        }
        mac
    }
}

/// What was encrypted under the master key; `None` where its padding makes no sense.
fn decrypt(
    header: &OuterHeader,
    key: &Key,
    sealed: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
    let start = header.start.as_slice();
    let opened = match header.cipher {
        OuterCipher::Aes => decrypt_cbc::<Aes256>(key, start, sealed),
        OuterCipher::Twofish => decrypt_cbc::<Twofish>(key, start, sealed),
        OuterCipher::ChaCha20 => decrypt_chacha20(key, start, sealed).map(Some),
    };
    opened.ok_or(Problem::Damaged)
}

fn decrypt_chacha20(key: &Key, start: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(sealed.to_vec());
    apply_chacha20(key, start, &mut plain)?;
    Some(plain)
}

/// Encrypts or decrypts.
fn apply_chacha20(key: &Key, start: &[u8], bytes: &mut [u8]) -> Option<()> {
    scrubbed(|| {
        let mut cipher = ChaCha20::new_from_slices(key.as_slice(), start).ok()?;
        cipher.try_apply_keystream(bytes).ok()
    })
}

fn unpack(
    header: &OuterHeader,
    content: Zeroizing<Vec<u8>>,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if !header.is_compressed {
        return Ok(content);
    }
    let mut unpacked = Zeroizing::new(Vec::with_capacity(content.len().saturating_mul(4)));
    let mut source = GzDecoder::new(content.as_slice()).take(MAX_UNPACKED_BYTES + 1);
    match source.read_to_end(&mut unpacked) {
        Ok(length) if length as u64 > MAX_UNPACKED_BYTES => Err(Problem::TooLarge),
        Ok(_) => Ok(unpacked),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Problem::CutOff),
        Err(_) => Err(Problem::Damaged),
    }
}

/// What single values inside the XML are covered with, in their order in the document.
enum InnerStream {
    None,
    Salsa20(Box<Salsa20>),
    ChaCha20(Box<ChaCha20>),
}

impl InnerStream {
    fn new(cipher: InnerCipher, key: &[u8]) -> Result<Self, Problem> {
        Ok(match cipher {
            InnerCipher::None => Self::None,
            InnerCipher::Salsa20 => {
                let key: Key = Zeroizing::new(Sha256::digest(key).into());
                let made = Salsa20::new_from_slices(key.as_slice(), &SALSA20_NONCE);
                Self::Salsa20(Box::new(made.map_err(|_| Problem::Damaged)?))
            }
            InnerCipher::ChaCha20 => {
                let digest: Zeroizing<[u8; 64]> = Zeroizing::new(Sha512::digest(key).into());
                let (key, rest) = digest.split_at(32);
                let nonce = rest.get(..12).unwrap_or_default();
                let made = ChaCha20::new_from_slices(key, nonce);
                Self::ChaCha20(Box::new(made.map_err(|_| Problem::Damaged)?))
            }
        })
    }

    /// Covers or uncovers the next bytes.
    fn apply(&mut self, bytes: &mut [u8]) {
        match self {
            Self::None => {}
            Self::Salsa20(stream) => stream.apply_keystream(bytes),
            Self::ChaCha20(stream) => stream.apply_keystream(bytes),
        }
    }

    /// Replaces a covered text by what it stands for. One that is no base64 or no text stays as it is, for the ledger.
    fn uncover(&mut self, element: &mut Element) {
        let Ok(decoded) = BASE64.decode(element.text.trim().as_bytes()) else {
            return;
        };
        let mut bytes = Zeroizing::new(decoded);
        self.apply(&mut bytes);
        if element.name == "Binary" {
            // It stays base64, as uncovered ones are.
            element.text = Zeroizing::new(BASE64.encode(&bytes));
        } else if let Ok(text) = String::from_utf8(std::mem::take(&mut *bytes)) {
            element.text = Zeroizing::new(text);
        }
    }
}
