//! What a vault file is: blocks, preamble, frames, and how one is scanned (vault-format.md, section 1).
//!
//! Sealed bodies are opaque here; scanning never writes and never trusts a length before it has checked it.

pub mod frame;
pub mod preamble;
pub mod scan;

/// Everything in a file begins on a multiple of this many bytes.
pub const BLOCK: usize = 1024;

/// The same, for offsets in a file.
pub const BLOCK_BYTES: u64 = 1024;

/// The largest file that is read, in bytes.
pub const FILE_LIMIT: u64 = 16 << 30;

/// The first block boundary at or after `length`.
#[must_use]
pub fn next_boundary(length: u64) -> u64 {
    length.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES)
}
