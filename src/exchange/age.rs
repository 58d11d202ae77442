//! Files of age (C2SP, age-encryption.org/v1), sealed and opened: a header with the file's key under a passphrase or under
//! recipients' keys, then chunks with their authentication.
//!
//! The crate of that name brings a hundred others, among them a second one for each cipher that is here already; what is needed of
//! the format is this page. It takes nothing that is cut off, nothing behind the last chunk, and one encoding of everything.

mod x25519;

pub use x25519::Recipient;

use super::unlock::{CHACHA_TAG, Key, Opener, ScryptCost};
use super::{Credentials, Format, ImportError};
use crate::secret::{Secret, scrubbed};
use data_encoding::BASE64_NOPAD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

const FORMAT: Format = Format::Age;
const INTRO: &str = "age-encryption.org/v1\n";
const FOOTER: &str = "---";
/// Longest header, in bytes.
const MAX_HEADER_BYTES: usize = 64 * 1024;
const LINE: usize = 64;
const FILE_KEY: usize = 16;
const SALT: usize = 16;
const NONCE: usize = 16;
const CHUNK: usize = 64 * 1024;
const SCRYPT: &str = "scrypt";
const SCRYPT_LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
/// scrypt's block size, which the format lays down.
const SCRYPT_R: u32 = 8;

type FileKey = Zeroizing<[u8; FILE_KEY]>;

/// Whether bytes begin as such a file does.
pub(super) fn is_age(bytes: &[u8]) -> bool {
    bytes.starts_with(INTRO.as_bytes())
}

/// Opens a file.
pub(super) fn open(
    bytes: &[u8],
    credentials: &Credentials<'_>,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let header = Header::parse(bytes).ok_or_else(damaged)?;
    let key = match header.stanzas.as_slice() {
        [only] if only.kind == SCRYPT => only.open_by_password(credentials)?,
        stanzas if stanzas.iter().any(|stanza| stanza.kind == SCRYPT) => return Err(damaged()),
        stanzas => open_by_identity(stanzas, credentials)?,
    };
    let mac = header_mac(&key, header.authenticated);
    mac.verify_slice(&header.tag).map_err(|_| damaged())?;
    open_payload(&key, header.payload)
}

fn damaged() -> ImportError {
    ImportError::NotThisFormat {
        format: FORMAT,
        reason: "the file is cut off or damaged, or was changed",
    }
}

fn open_by_identity(
    stanzas: &[Stanza<'_>],
    credentials: &Credentials<'_>,
) -> Result<FileKey, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: FORMAT,
        reason,
    };
    let file = credentials
        .key_file
        .ok_or_else(|| not_this("it is for recipients, and a file with an identity opens it"))?;
    let identities = x25519::parse_identities(file)
        .ok_or_else(|| not_this("the key file has something else than identities of age"))?;
    let opener = Opener::without_password(FORMAT);
    let mut found = None;
    // All are looked at: one that is malformed makes the file no file of age.
    for stanza in stanzas.iter().filter(|stanza| stanza.kind == x25519::KIND) {
        found = stanza.open_by_identity(&opener, &identities)?.or(found);
    }
    found.ok_or_else(|| not_this("it is for other recipients than these identities"))
}

/// One way to the file's key.
struct Stanza<'b> {
    kind: &'b str,
    arguments: Vec<&'b str>,
    body: Vec<u8>,
}

/// What stands before the payload. Nothing proves it until its key is found.
struct Header<'b> {
    stanzas: Vec<Stanza<'b>>,
    authenticated: &'b [u8],
    tag: Vec<u8>,
    payload: &'b [u8],
}

impl<'b> Header<'b> {
    fn parse(bytes: &'b [u8]) -> Option<Self> {
        let head = bytes.get(..bytes.len().min(MAX_HEADER_BYTES))?;
        let end = head.windows(4).position(|window| window == b"\n---")? + 1;
        let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
        let mut lines = text.strip_prefix(INTRO)?.split_terminator('\n');
        let mut stanzas = Vec::new();
        while let Some(line) = lines.next() {
            let arguments = line.strip_prefix("-> ")?.split(' ');
            let arguments: Vec<&str> = arguments.collect();
            let is_word =
                |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
            if !arguments.iter().all(is_word) {
                return None;
            }
            let (kind, arguments) = arguments.split_first()?;
            let mut body = Vec::new();
            loop {
                let line = lines.next()?;
                body.extend(BASE64_NOPAD.decode(line.as_bytes()).ok()?);
                if line.len() < LINE {
                    break;
                }
                if line.len() > LINE {
                    return None;
                }
            }
            stanzas.push(Stanza {
                kind,
                arguments: arguments.to_vec(),
                body,
            });
        }
        let authenticated = bytes.get(..end + FOOTER.len())?;
        let rest = bytes.get(authenticated.len()..)?.strip_prefix(b" ")?;
        let line_end = rest.iter().take(LINE).position(|byte| *byte == b'\n')?;
        let (tag, payload) = rest.split_at_checked(line_end)?;
        Some(Self {
            stanzas,
            authenticated,
            tag: BASE64_NOPAD.decode(tag).ok()?,
            payload: payload.strip_prefix(b"\n")?,
        })
    }
}

impl Stanza<'_> {
    fn open_by_password(&self, credentials: &Credentials<'_>) -> Result<FileKey, ImportError> {
        let opener = Opener::new(FORMAT, credentials)?;
        let [salt, factor] = self.arguments.as_slice() else {
            return Err(damaged());
        };
        let salt = BASE64_NOPAD
            .decode(salt.as_bytes())
            .map_err(|_| damaged())?;
        let is_canonical = !factor.starts_with(['0', '+']) && factor.len() <= 2;
        let factor = factor.parse().ok().filter(|_| is_canonical);
        let n = factor.and_then(|factor| 1_u64.checked_shl(factor));
        let (Some(n), SALT) = (n, salt.len()) else {
            return Err(damaged());
        };
        let key = derive_from_password(&opener, &salt, n)?;
        self.unwrap(&opener, &key)?.ok_or_else(|| opener.wrong())
    }

    fn unwrap(&self, opener: &Opener<'_>, key: &Key) -> Result<Option<FileKey>, ImportError> {
        if self.body.len() != FILE_KEY + CHACHA_TAG {
            return Err(damaged());
        }
        let Ok(opened) = opener.open_chacha(key, &[0; 12], &self.body) else {
            return Ok(None);
        };
        let mut file_key = FileKey::default();
        file_key.copy_from_slice(&opened);
        Ok(Some(file_key))
    }
}

fn derive_from_password(opener: &Opener<'_>, salt: &[u8], n: u64) -> Result<Key, ImportError> {
    let cost = ScryptCost {
        n,
        r: SCRYPT_R,
        p: 1,
    };
    opener.derive_scrypt(&[SCRYPT_LABEL, salt].concat(), &cost)
}

/// Seals a text under a passphrase; `n` is scrypt's.
pub(super) fn seal_under_password(
    plain: &[u8],
    password: &Secret,
    n: u64,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, ImportError> {
    let credentials = Credentials {
        password: Some(password),
        key_file: None,
    };
    let opener = Opener::new(FORMAT, &credentials)?;
    let file_key = make_file_key(rng);
    let mut salt = [0; SALT];
    rng.fill_bytes(&mut salt);
    let key = derive_from_password(&opener, &salt, n)?;
    let mut header = INTRO.to_owned();
    let arguments = format!("{} {}", BASE64_NOPAD.encode(&salt), n.ilog2());
    push_stanza(&mut header, SCRYPT, &arguments, &wrap(&key, &file_key)?);
    seal(header, &file_key, plain, rng)
}

/// Seals a text for recipients.
pub(super) fn seal_for(
    plain: &[u8],
    recipients: &[Recipient],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, ImportError> {
    let file_key = make_file_key(rng);
    let mut header = INTRO.to_owned();
    for recipient in recipients {
        let (share, body) = x25519::wrap_for(recipient, &file_key, rng)?;
        push_stanza(&mut header, x25519::KIND, &share, &body);
    }
    seal(header, &file_key, plain, rng)
}

fn make_file_key(rng: &mut dyn CryptoRng) -> FileKey {
    let mut key = FileKey::default();
    rng.fill_bytes(&mut *key);
    key
}

fn wrap(key: &Key, file_key: &FileKey) -> Result<Vec<u8>, ImportError> {
    // The key is made for this file key alone, so its nonce may be zeros.
    let mut wrapped = file_key.to_vec();
    let tag = Opener::seal_chacha(key, &[0; 12], &mut wrapped).ok_or_else(damaged)?;
    wrapped.extend_from_slice(&tag);
    Ok(wrapped)
}

/// A body is shorter than a line here, so that its line is the last.
fn push_stanza(header: &mut String, kind: &str, arguments: &str, body: &[u8]) {
    let body = BASE64_NOPAD.encode(body);
    header.push_str(&format!("-> {kind} {arguments}\n{body}\n"));
}

fn seal(
    mut header: String,
    file_key: &FileKey,
    plain: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, ImportError> {
    header.push_str(FOOTER);
    let tag = header_mac(file_key, header.as_bytes()).finalize();
    header.push_str(&format!(" {}\n", BASE64_NOPAD.encode(&tag.into_bytes())));
    let mut nonce = [0; NONCE];
    rng.fill_bytes(&mut nonce);
    let key = derive(file_key.as_slice(), &nonce, b"payload");
    let chunks = plain.len() / CHUNK + 1;
    let room = header.len() + NONCE + plain.len() + chunks * CHACHA_TAG;
    let mut sealed = Vec::with_capacity(room);
    sealed.extend_from_slice(header.as_bytes());
    sealed.extend_from_slice(&nonce);
    let mut rest = Some(plain);
    for counter in 0_u64.. {
        let Some(text) = rest else { break };
        let (chunk, others) = text.split_at_checked(CHUNK).unwrap_or((text, &[]));
        rest = Some(others).filter(|others| !others.is_empty());
        let at = sealed.len();
        sealed.extend_from_slice(chunk);
        let nonce = chunk_nonce(counter, rest.is_none());
        let chunk = sealed.get_mut(at..).unwrap_or_default();
        let tag = Opener::seal_chacha(&key, &nonce, chunk).ok_or_else(damaged)?;
        sealed.extend_from_slice(&tag);
    }
    Ok(sealed)
}

fn open_payload(file_key: &FileKey, payload: &[u8]) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let (nonce, sealed) = payload.split_at_checked(NONCE).ok_or_else(damaged)?;
    let key = derive(file_key.as_slice(), nonce, b"payload");
    let opener = Opener::without_password(FORMAT);
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let mut chunks = sealed.chunks(CHUNK + CHACHA_TAG).peekable();
    if chunks.peek().is_none() {
        return Err(damaged());
    }
    for counter in 0_u64.. {
        let Some(chunk) = chunks.next() else { break };
        let nonce = chunk_nonce(counter, chunks.peek().is_none());
        let opened = opener.open_chacha(&key, &nonce, chunk);
        let opened = opened.map_err(|_| damaged())?;
        // Only the payload of an empty file ends with an empty chunk.
        if opened.is_empty() && counter > 0 {
            return Err(damaged());
        }
        plain.extend_from_slice(&opened);
    }
    Ok(plain)
}

/// Eleven bytes of the chunk's number, and one that says whether it is the last.
fn chunk_nonce(counter: u64, is_last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    for (to, byte) in nonce.iter_mut().skip(3).zip(counter.to_be_bytes()) {
        *to = byte;
    }
    if let Some(last) = nonce.last_mut() {
        *last = u8::from(is_last);
    }
    nonce
}

fn derive(input: &[u8], salt: &[u8], label: &[u8]) -> Key {
    let mut key = Key::default();
    scrubbed(|| {
        Hkdf::<Sha256>::new(Some(salt), input)
            .expand(label, &mut *key)
            .expect("32 bytes are what HKDF gives at least");
    });
    key
}

fn header_mac(file_key: &FileKey, authenticated: &[u8]) -> Hmac<Sha256> {
    let key = derive(file_key.as_slice(), b"", b"header");
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_slice())
        .expect("a key of HMAC may have any length");
    mac.update(authenticated);
    mac
}
