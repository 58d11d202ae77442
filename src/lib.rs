//! keyfold: an encrypted, local password manager. This is the library; the program is `src/bin/keyfold/`.
//!
//! A vault is a set of sealed records. The file is a log that holds them, and what the vault means is a fold over
//! the set that does not care about order, repetition or framing. ARCHITECTURE.md draws the rooms and the arrows;
//! vault-format.md is the normative format. The library never reads the environment, the clock, the network or the
//! terminal: time, randomness and paths come in as arguments.
#![forbid(unsafe_code)]

pub mod audit;
pub mod crypto;
pub mod drive;
pub mod exchange;
pub mod generate;
pub mod log;
pub mod model;
pub mod otp;
pub mod secret;
pub mod service;
pub mod state;
pub mod storage;
pub mod vault;
pub mod wire;
