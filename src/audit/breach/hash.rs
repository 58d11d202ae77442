//! What the lists have of a password: its SHA-1, or its NTLM hash (MD4 of UTF-16LE). Both are broken for everything else, and
//! nothing of keyfold's own is made of them.

use crate::secret::Secret;
use md4::Md4;
use sha1::{Digest, Sha1};
use zeroize::{Zeroize, Zeroizing};

/// The longest hash, in bytes.
pub(super) const LONGEST: usize = 20;

/// Which hash a list is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HashKind {
    /// SHA-1 of the password in UTF-8.
    Sha1,
    /// MD4 of the password in UTF-16, as Windows stores it.
    Ntlm,
}

impl HashKind {
    /// Length of a hash in bytes.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Sha1 => LONGEST,
            Self::Ntlm => 16,
        }
    }

    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Ntlm => "ntlm",
        }
    }

    /// The kind of which hashes are so many hexadecimal digits long.
    pub(super) fn of_digits(count: usize) -> Option<Self> {
        [Self::Sha1, Self::Ntlm]
            .into_iter()
            .find(|kind| kind.length() * 2 == count)
    }
}

/// A hash, or as much of one as a list keeps; what is shorter than the longest ends in zeros.
pub(super) type Hash = [u8; LONGEST];

/// The hash of a password. Wiped when dropped: it is as good as the password where that is weak.
pub(super) struct PasswordHash(pub(super) Zeroizing<Hash>);

impl PasswordHash {
    /// Hashes a password.
    pub(super) fn of(kind: HashKind, password: &Secret) -> Self {
        let mut hash = Zeroizing::new([0; LONGEST]);
        // EXPOSE: it is hashed here.
        let text = password.expose();
        match kind {
            HashKind::Sha1 => {
                let mut digest = Sha1::digest(text.as_bytes());
                hash.copy_from_slice(&digest);
                digest.as_mut_slice().zeroize();
            }
            HashKind::Ntlm => {
                let mut wide = Zeroizing::new(Vec::with_capacity(text.len().saturating_mul(2)));
                for unit in text.encode_utf16() {
                    wide.extend_from_slice(&unit.to_le_bytes());
                }
                let mut digest = Md4::digest(&*wide);
                if let Some(start) = hash.get_mut(..digest.len()) {
                    start.copy_from_slice(&digest);
                }
                digest.as_mut_slice().zeroize();
            }
        }
        Self(hash)
    }
}

/// The first eight bytes as a number, which orders as the hashes do.
pub(super) fn leading(hash: &Hash) -> u64 {
    let (first, _) = hash.split_first_chunk().unwrap_or((&[0; 8], &[]));
    u64::from_be_bytes(*first)
}

/// Reads hexadecimal digits of either case behind digits that are known already; `None` for anything else, and for more than fit.
pub(super) fn parse_hex(prefix: &[u8], digits: &[u8]) -> Option<Hash> {
    let mut hash = [0; LONGEST];
    for (at, digit) in prefix.iter().chain(digits).enumerate() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return None,
        };
        let byte = hash.get_mut(at / 2)?;
        *byte |= if at % 2 == 0 { value << 4 } else { value };
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(kind: HashKind, password: &str) -> String {
        let hash = PasswordHash::of(kind, &Secret::new(password.to_owned()));
        let hash = hash.0.get(..kind.length()).unwrap_or_default();
        data_encoding::HEXLOWER.encode(hash)
    }

    /// As published, for instance in the documentation of the service that gives the lists away.
    #[test]
    fn passwords_hash_to_what_the_lists_have_of_them() {
        let sha1 = "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8";
        assert_eq!(hex(HashKind::Sha1, "password"), sha1);
        let ntlm = "8846f7eaee8fb117ad06bdd830b7586c";
        assert_eq!(hex(HashKind::Ntlm, "password"), ntlm);
        let empty = "31d6cfe0d16ae931b73c59d7e0c089c0";
        assert_eq!(hex(HashKind::Ntlm, ""), empty);
    }

    #[test]
    fn digits_are_read_in_either_case_and_nothing_else_is() {
        let hash = parse_hex(b"", b"00fFa").map(|hash| (hash[0], hash[1], hash[2]));
        assert_eq!(hash, Some((0, 0xff, 0xa0)));
        assert_eq!(parse_hex(b"00f", b"Fa"), parse_hex(b"", b"00fFa"));
        assert_eq!(parse_hex(b"", b"0g"), None);
        assert_eq!(parse_hex(b"", &[b'0'; 41]), None);
    }
}
