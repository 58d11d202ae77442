//! What a vault means: a fold over a set of records (vault-format.md, sections 4 and 5).
//!
//! The fold does not care about order, repetition or framing. Nothing here opens a secret: values of secret fields
//! pass through sealed. No file, key or clock is known here.

pub mod attachment;
mod buffers;
pub mod change;
pub mod codec;
pub mod conflict;
pub mod devices;
pub mod fold;
pub mod id_hash;
mod indexed;
pub mod op;
mod past;
mod rows;
mod runs;
mod undone;
pub mod view;
