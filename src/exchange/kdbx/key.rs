//! The keys of a database: out of a password, a key file, or both.

use super::Problem;
use super::header::Derivation;
use crate::exchange::unlock::{ArgonCost, Key, Opener};
use crate::exchange::xml::Element;
use crate::exchange::{Credentials, ImportError};
use crate::secret::scrubbed;
use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Two halves go through every round; that takes about as long as going through so much memory.
const ROUND_BYTES: u64 = 32;

/// The composite keys that may be meant. An empty password beside a key file is mostly none; some programs take it for one.
pub(super) fn composites(credentials: &Credentials<'_>) -> Result<Vec<Key>, Problem> {
    let file = credentials.key_file.map(parse_key_file).transpose()?;
    let with = |password: Option<&[u8]>| {
        let mut digest = Sha256::new();
        if let Some(password) = password {
            digest.update(Sha256::digest(password));
        }
        if let Some(file) = &file {
            digest.update(file.as_slice());
        }
        scrubbed(|| Zeroizing::new(digest.finalize().into()))
    };
    // EXPOSE: the program's own derivation.
    let password = credentials
        .password
        .map(|password| password.expose().as_bytes());
    Ok(match password {
        Some([]) if file.is_some() => vec![with(None), with(Some(&[]))],
        password => vec![with(password)],
    })
}

/// A key file: XML of version 1 or 2, 32 bytes, 64 hexadecimal digits, or any file.
fn parse_key_file(content: &[u8]) -> Result<Key, Problem> {
    if let Some(key) = parse_xml(content)? {
        return Ok(key);
    }
    if let Ok(key) = <[u8; 32]>::try_from(content) {
        return Ok(Zeroizing::new(key));
    }
    if content.len() == 64
        && let Ok(decoded) = HEXLOWER_PERMISSIVE.decode(content)
        && let Ok(key) = <[u8; 32]>::try_from(decoded.as_slice())
    {
        return Ok(Zeroizing::new(key));
    }
    Ok(Zeroizing::new(Sha256::digest(content).into()))
}

/// `None` for what is no key file in XML, which is then a file as any other.
fn parse_xml(content: &[u8]) -> Result<Option<Key>, Problem> {
    let Some(root) = std::str::from_utf8(content)
        .ok()
        .map(|text| text.trim_start_matches('\u{feff}'))
        .filter(|text| text.trim_start().starts_with('<'))
        .and_then(|text| Element::parse(text).ok())
    else {
        return Ok(None);
    };
    let data = root.child("Key").and_then(|key| key.child("Data"));
    let Some(data) = data.filter(|_| root.name == "KeyFile") else {
        return Ok(None);
    };
    let version = root.child("Meta").and_then(|meta| meta.child("Version"));
    let version = version.map_or("1.00", |version| version.text.trim());
    let text: Zeroizing<String> = Zeroizing::new(data.text.split_whitespace().collect());
    let bytes = if version.starts_with("2.") {
        HEXLOWER_PERMISSIVE.decode(text.as_bytes())
    } else {
        BASE64.decode(text.as_bytes())
    };
    let bytes = Zeroizing::new(bytes.map_err(|_| Problem::KeyFile)?);
    if let Some(stated) = data.attribute("Hash") {
        let hash = HEXLOWER_PERMISSIVE.decode(stated.trim().as_bytes());
        let own = Sha256::digest(bytes.as_slice());
        let fits = |hash: Vec<u8>| !hash.is_empty() && own.starts_with(&hash);
        if !hash.is_ok_and(fits) {
            return Err(Problem::KeyFile);
        }
    }
    <[u8; 32]>::try_from(bytes.as_slice())
        .map(|key| Some(Zeroizing::new(key)))
        .map_err(|_| Problem::KeyFile)
}

/// Goes through what makes guessing costly.
pub(super) fn transform(
    opener: &Opener<'_>,
    composite: &Key,
    derivation: &Derivation,
) -> Result<Key, ImportError> {
    match derivation {
        Derivation::Aes { seed, rounds } => {
            opener.spend(ROUND_BYTES, *rounds)?;
            Ok(scrubbed(|| transform_by_aes(composite, seed, *rounds)))
        }
        Derivation::Argon2 {
            algorithm,
            version,
            salt,
            memory_bytes,
            passes,
            lanes,
        } => {
            let cost = ArgonCost {
                memory_kib: memory_bytes / 1024,
                passes: *passes,
                lanes: *lanes,
            };
            let variant = (*algorithm, *version);
            opener.derive_argon2(composite.as_slice(), salt, variant, &cost)
        }
    }
}

fn transform_by_aes(composite: &Key, seed: &[u8; 32], rounds: u64) -> Key {
    let cipher = Aes256::new(seed.into());
    let mut blocks = Zeroizing::new([[0; 16]; 2]);
    for (block, half) in blocks.iter_mut().zip(composite.chunks_exact(16)) {
        block.copy_from_slice(half);
    }
    let [one, other] = &mut *blocks;
    // Side by side: each round waits for the one before, and the processor has room for two.
    let mut both = [(*one).into(), (*other).into()];
    for _ in 0..rounds {
        cipher.encrypt_blocks(&mut both);
    }
    let digest = Sha256::new()
        .chain_update(both[0])
        .chain_update(both[1])
        .finalize();
    both.iter_mut().for_each(|block| block.fill(0));
    Zeroizing::new(digest.into())
}
