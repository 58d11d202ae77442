//! A small writer of KDBX 3.1, from the same description that the reader was written from.

use super::PASSWORD;
use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit, StreamCipher};
use data_encoding::BASE64;
use salsa20::Salsa20;
use sha2::{Digest, Sha256};
use std::io::Write;

/// What a database is to be.
pub(super) struct Hashed {
    /// The document; the one of `small` where it is empty.
    pub(super) xml: Vec<u8>,
    pub(super) is_compressed: bool,
    /// What the document says of the header, where that is not the truth.
    pub(super) states_header: Option<[u8; 32]>,
    /// What the header says of the derivation, where that is not the truth.
    pub(super) stated_rounds: Option<u64>,
}

impl Default for Hashed {
    fn default() -> Self {
        Self {
            xml: Vec::new(),
            is_compressed: true,
            states_header: None,
            stated_rounds: None,
        }
    }
}

const ROUNDS: u64 = 2;
const SEED: [u8; 32] = [1; 32];
const TRANSFORM_SEED: [u8; 32] = [2; 32];
const START: [u8; 16] = [3; 16];
const STREAM_KEY: [u8; 32] = [4; 32];
const STREAM_START: [u8; 32] = [5; 32];

pub(super) fn write_hashed(wanted: &Hashed) -> Vec<u8> {
    let header = write_header(wanted);
    let content = if wanted.xml.is_empty() {
        let own: [u8; 32] = Sha256::digest(&header).into();
        document(&wanted.states_header.unwrap_or(own)).into_bytes()
    } else {
        wanted.xml.clone()
    };
    let content = if wanted.is_compressed {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&content).unwrap();
        packer.finish().unwrap()
    } else {
        content
    };
    let mut plain = STREAM_START.to_vec();
    let (one, other) = content.split_at(content.len() / 2);
    for (index, block) in [one, other, b""].iter().enumerate() {
        plain.extend(u32::try_from(index).unwrap().to_le_bytes());
        let hash: [u8; 32] = if block.is_empty() {
            [0; 32]
        } else {
            Sha256::digest(block).into()
        };
        plain.extend(hash);
        plain.extend(u32::try_from(block.len()).unwrap().to_le_bytes());
        plain.extend(*block);
    }
    let key = Sha256::digest([&SEED[..], &transformed()].concat());
    let cipher = cbc::Encryptor::<Aes256>::new(&key, &START.into());
    [header, cipher.encrypt_padded_vec::<Pkcs7>(&plain)].concat()
}

fn write_header(wanted: &Hashed) -> Vec<u8> {
    let rounds = wanted.stated_rounds.unwrap_or(ROUNDS).to_le_bytes();
    let packing = u32::from(wanted.is_compressed).to_le_bytes();
    let aes = b"\x31\xc1\xf2\xe6\xbf\x71\x43\x50\xbe\x58\x05\x21\x6a\xfc\x5a\xff";
    let fields: [(u8, &[u8]); 10] = [
        (2, aes),
        (3, &packing),
        (4, &SEED),
        (5, &TRANSFORM_SEED),
        (6, &rounds),
        (7, &START),
        (8, &STREAM_KEY),
        (9, &STREAM_START),
        (10, &[2, 0, 0, 0]),
        (0, b"\r\n\r\n"),
    ];
    let mut header = b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5\x01\x00\x03\x00".to_vec();
    for (number, content) in fields {
        header.push(number);
        header.extend(u16::try_from(content.len()).unwrap().to_le_bytes());
        header.extend(content);
    }
    header
}

fn transformed() -> [u8; 32] {
    let composite = Sha256::digest(Sha256::digest(PASSWORD));
    let cipher = Aes256::new(&TRANSFORM_SEED.into());
    let mut halves = Vec::new();
    for half in composite.chunks_exact(16) {
        let mut block = <[u8; 16]>::try_from(half).unwrap().into();
        for _ in 0..ROUNDS {
            cipher.encrypt_block(&mut block);
        }
        halves.extend(block);
    }
    Sha256::digest(halves).into()
}

fn document(header_hash: &[u8; 32]) -> String {
    let key = Sha256::digest(STREAM_KEY);
    let nonce = [0xe8, 0x30, 0x09, 0x4b, 0x97, 0x20, 0x5d, 0x2a];
    let mut stream = Salsa20::new(&key, &nonce.into());
    let mut covered = b"hunter2 & <more>".to_vec();
    stream.apply_keystream(&mut covered);
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\n<KeePassFile><Meta><HeaderHash>{}</HeaderHash></Meta><Root><Group><Name>Vault</Name><Entry><String><Key>Title</Key><Value>Mail</Value></String><String><Key>UserName</Key><Value>änn</Value></String><String><Key>Password</Key><Value Protected=\"True\">{}</Value></String></Entry></Group></Root></KeePassFile>",
        BASE64.encode(header_hash),
        BASE64.encode(&covered),
    )
}
