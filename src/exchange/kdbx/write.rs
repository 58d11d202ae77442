//! Writing a database of KeePass (KDBX 4.1): Argon2id, ChaCha20 outside and inside, every block with its authentication.
//!
//! What is in it is never packed: the length of what is packed would tell of its content.

use super::header::{ARGON2ID, CHACHA20, InnerCipher, SIGNATURE};
use super::{BlockKeys, Credentials, FORMAT, InnerStream, Problem, key};
use crate::exchange::ImportError;
use crate::exchange::export::Stretching;
use crate::exchange::unlock::{ArgonCost, Key, Opener};
use crate::secret::Secret;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Minor and major version.
const VERSION: [u8; 4] = [1, 0, 4, 0];
const STREAM_KEY: usize = 64;
const SEED: usize = 32;
const NONCE: usize = 12;
const BLOCK: usize = 1 << 20;
const ARGON2_VERSION: u32 = 0x13;
const END_OF_HEADER: &[u8] = b"\r\n\r\n";
/// A file's byte of flags: it is to be protected in memory.
const PROTECTED: u8 = 1;

/// Types of values in a variant dictionary.
const UINT32: u8 = 0x04;
const UINT64: u8 = 0x05;
const BYTES: u8 = 0x42;

/// A database that is being put together.
pub(in crate::exchange) struct Writer {
    stream_key: Zeroizing<[u8; STREAM_KEY]>,
    stream: InnerStream,
}

impl Writer {
    pub(in crate::exchange) fn make(rng: &mut dyn CryptoRng) -> Result<Self, ImportError> {
        let mut stream_key = Zeroizing::new([0; STREAM_KEY]);
        rng.fill_bytes(&mut *stream_key);
        let stream = InnerStream::new(InnerCipher::ChaCha20, stream_key.as_slice())?;
        Ok(Self { stream_key, stream })
    }

    /// Covers a single value; values are covered in the order in which they stand in the XML.
    pub(in crate::exchange) fn cover(&mut self, text: &str) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(text.as_bytes().to_vec());
        self.stream.apply(&mut bytes);
        Zeroizing::new(data_encoding::BASE64.encode(&bytes))
    }

    /// The whole database.
    pub(in crate::exchange) fn finish(
        self,
        xml: &[u8],
        files: &[&[u8]],
        password: &Secret,
        stretching: &Stretching,
        rng: &mut dyn CryptoRng,
    ) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        let mut content = self.write_content(xml, files)?;
        let (mut seed, mut nonce, mut salt) = ([0; SEED], [0; NONCE], [0; SEED]);
        rng.fill_bytes(&mut seed);
        rng.fill_bytes(&mut nonce);
        rng.fill_bytes(&mut salt);
        let header = write_header(&seed, &nonce, &salt, stretching)?;
        let transformed = transform(password, &salt, stretching)?;
        let key = super::derive_master_key(&seed, &transformed);
        super::apply_chacha20(&key, &nonce, &mut content).ok_or(Problem::TooLarge)?;
        let blocks = BlockKeys::new(&seed, &transformed);
        write_blocks(header, &blocks, &content)
    }

    /// The inner header, and the XML behind it.
    fn write_content(
        &self,
        xml: &[u8],
        files: &[&[u8]],
    ) -> Result<Zeroizing<Vec<u8>>, ImportError> {
        let fields = files.len() + 3;
        let length: usize = files.iter().map(|file| file.len() + 1).sum();
        let room = length + xml.len() + 5 * fields + STREAM_KEY + 4;
        // It never grows, which would leave copies behind.
        let mut content = Zeroizing::new(Vec::with_capacity(room));
        let cipher = InnerCipher::CHACHA20_NUMBER.to_le_bytes();
        push_field(&mut content, 1, &[&cipher])?;
        push_field(&mut content, 2, &[self.stream_key.as_slice()])?;
        for file in files {
            push_field(&mut content, 3, &[&[PROTECTED], file])?;
        }
        push_field(&mut content, 0, &[])?;
        content.extend_from_slice(xml);
        Ok(content)
    }
}

fn transform(password: &Secret, salt: &[u8], stretching: &Stretching) -> Result<Key, ImportError> {
    let credentials = Credentials {
        password: Some(password),
        key_file: None,
    };
    let composites = key::composites(&credentials)?;
    let composite = composites.first().ok_or(Problem::Damaged)?;
    let cost = ArgonCost {
        memory_kib: stretching.memory_kib.into(),
        passes: stretching.passes.into(),
        lanes: stretching.lanes,
    };
    let variant = (argon2::Algorithm::Argon2id, argon2::Version::V0x13);
    Opener::without_password(FORMAT).derive_argon2(composite.as_slice(), salt, variant, &cost)
}

fn write_header(
    seed: &[u8],
    nonce: &[u8],
    salt: &[u8],
    stretching: &Stretching,
) -> Result<Vec<u8>, ImportError> {
    let mut header = [&SIGNATURE[..], &VERSION].concat();
    push_field(&mut header, 2, &[&CHACHA20])?;
    push_field(&mut header, 3, &[&0_u32.to_le_bytes()])?;
    push_field(&mut header, 4, &[seed])?;
    push_field(&mut header, 7, &[nonce])?;
    let memory = u64::from(stretching.memory_kib) * 1024;
    let mut dictionary = vec![0, 1];
    push_value(&mut dictionary, BYTES, "$UUID", &ARGON2ID);
    push_value(&mut dictionary, BYTES, "S", salt);
    push_value(
        &mut dictionary,
        UINT32,
        "P",
        &stretching.lanes.to_le_bytes(),
    );
    push_value(&mut dictionary, UINT64, "M", &memory.to_le_bytes());
    let passes = u64::from(stretching.passes);
    push_value(&mut dictionary, UINT64, "I", &passes.to_le_bytes());
    push_value(&mut dictionary, UINT32, "V", &ARGON2_VERSION.to_le_bytes());
    dictionary.push(0);
    push_field(&mut header, 11, &[&dictionary])?;
    push_field(&mut header, 0, &[END_OF_HEADER])?;
    Ok(header)
}

/// Number, length, content.
fn push_field(to: &mut Vec<u8>, number: u8, parts: &[&[u8]]) -> Result<(), Problem> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let length = u32::try_from(length).map_err(|_| Problem::TooLarge)?;
    to.push(number);
    to.extend_from_slice(&length.to_le_bytes());
    parts.iter().for_each(|part| to.extend_from_slice(part));
    Ok(())
}

/// Type, name, value; all of them are short.
fn push_value(to: &mut Vec<u8>, kind: u8, name: &str, value: &[u8]) {
    to.push(kind);
    for part in [name.as_bytes(), value] {
        let length = u32::try_from(part.len()).unwrap_or_default();
        to.extend_from_slice(&length.to_le_bytes());
        to.extend_from_slice(part);
    }
}

/// Header, its hash and its authentication, then every block with its own; an empty one is the last.
fn write_blocks(
    header: Vec<u8>,
    keys: &BlockKeys,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let mut file = header;
    let hash = Sha256::digest(&file);
    let tag = keys.authenticate(u64::MAX, &[&file]);
    file.extend_from_slice(&hash);
    file.extend_from_slice(&tag);
    for (block, index) in sealed.chunks(BLOCK).chain([&[][..]]).zip(0_u64..) {
        let length = u32::try_from(block.len()).map_err(|_| Problem::TooLarge)?;
        let length = length.to_le_bytes();
        let tag = keys.authenticate(index, &[&index.to_le_bytes(), &length, block]);
        file.extend_from_slice(&tag);
        file.extend_from_slice(&length);
        file.extend_from_slice(block);
    }
    Ok(Zeroizing::new(file))
}
