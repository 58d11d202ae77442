//! Memory from the operating system: for Argon2, for keys, and the program's own, of which nothing stays behind.
//!
//! This folder is the program's only place with unsafe code, and it must never do more than give memory and wipe it. What
//! the system refuses (huge pages, locking, staying out of dumps) makes memory slower or less private; everything still
//! works, and `doctor` tells.
#![allow(unsafe_code)]

mod allocator;
mod argon;
#[cfg(target_os = "linux")]
mod large;

pub(crate) use allocator::ProgramMemory;
pub(crate) use argon::MappedMemory;
