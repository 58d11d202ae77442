//! The first block of a file: magic, version, suite, vault id, zeros (vault-format.md, section 1.1).

use super::BLOCK;
use crate::model::ids::VaultId;

const MAGIC: [u8; 12] = *b"\x89keyfold\r\n\x1a\n";
const VERSION: u16 = 1;
const SUITE: u16 = 1;

const VERSION_AT: usize = 12;
const SUITE_AT: usize = 14;
const VAULT_AT: usize = 16;
const CONTEXT_LENGTH: usize = 32;

/// The part of the preamble that every seal is bound to: `preamble[0..32]`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Context([u8; CONTEXT_LENGTH]);

impl Context {
    /// The context of a vault of this version and suite.
    #[must_use]
    pub fn new(vault: VaultId) -> Self {
        let mut bytes = [0; CONTEXT_LENGTH];
        bytes[..VERSION_AT].copy_from_slice(&MAGIC);
        bytes[VERSION_AT..SUITE_AT].copy_from_slice(&VERSION.to_le_bytes());
        bytes[SUITE_AT..VAULT_AT].copy_from_slice(&SUITE.to_le_bytes());
        bytes[VAULT_AT..].copy_from_slice(&vault.0);
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Why a file's first block is not a preamble that this version reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PreambleError {
    /// Shorter than a block, or another magic: not a vault.
    NotAVault,
    /// A vault, of a version or suite that this program does not know.
    TooNew,
    /// A vault of this version with bytes set that must be zero.
    Damaged,
}

/// Reads the first block of a file.
///
/// # Errors
/// As [`PreambleError`] says.
pub fn parse_preamble(file_start: &[u8]) -> Result<VaultId, PreambleError> {
    let (block, _) = file_start
        .split_first_chunk::<BLOCK>()
        .ok_or(PreambleError::NotAVault)?;
    if !block.starts_with(&MAGIC) {
        return Err(PreambleError::NotAVault);
    }
    let vault =
        VaultId::from_slice(&block[VAULT_AT..CONTEXT_LENGTH]).ok_or(PreambleError::NotAVault)?;
    if !block.starts_with(&Context::new(vault).0) {
        return Err(PreambleError::TooNew);
    }
    if block[CONTEXT_LENGTH..].iter().any(|byte| *byte != 0) {
        return Err(PreambleError::Damaged);
    }
    Ok(vault)
}

/// Writes the first block of a file.
#[must_use]
pub fn write_preamble(vault: VaultId) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..CONTEXT_LENGTH].copy_from_slice(&Context::new(vault).0);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_the_preamble_counts() {
        let vault = VaultId([7; 16]);
        let good = write_preamble(vault);
        assert_eq!(parse_preamble(&good), Ok(vault));
        for at in 0..BLOCK {
            for value in [0, 1, 0x80, 0xff, good[at].wrapping_add(1)] {
                let mut block = good;
                block[at] = value;
                match parse_preamble(&block) {
                    Ok(found) => assert_eq!(found == vault, value == good[at], "byte {at}"),
                    Err(error) => {
                        assert_ne!(value, good[at]);
                        let expected = match at {
                            0..VERSION_AT => PreambleError::NotAVault,
                            VERSION_AT..VAULT_AT => PreambleError::TooNew,
                            _ => PreambleError::Damaged,
                        };
                        assert_eq!(error, expected);
                    }
                }
            }
        }
    }

    #[test]
    fn a_short_file_is_not_a_vault() {
        assert_eq!(
            parse_preamble(&write_preamble(VaultId([1; 16]))[..1023]),
            Err(PreambleError::NotAVault)
        );
        assert_eq!(parse_preamble(&[]), Err(PreambleError::NotAVault));
    }
}
