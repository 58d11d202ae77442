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
mod locked;

pub(crate) use allocator::ProgramMemory;
pub(crate) use argon::MappedMemory;
pub(crate) use locked::{KeyProtection, key_protection};

/// Zeros that are really written: a compiler knows that nobody may look into a piece that is freed next, and would leave
/// them out.
///
/// # Safety
/// So many bytes may be written there.
unsafe fn wipe(pointer: *mut u8, length: usize) {
    // SAFETY: the caller's promise; what was just written may be read.
    unsafe {
        pointer.write_bytes(0, length);
        zeroize::optimization_barrier(std::slice::from_raw_parts(pointer, length));
    }
}
