//! Keys, slots and sealing, over RustCrypto's primitives (vault-format.md, sections 1.3, 1.4, 2 and 3).
//!
//! Nothing here reads a file, a clock or the environment; randomness comes in as an argument.

pub mod kdf;
pub mod keys;
#[cfg(test)]
mod known_answers;
pub mod recovery;
pub mod seal;
pub mod shares;
pub mod slot;
