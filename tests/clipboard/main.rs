//! The clipboard of real displays: a secret arrives, is marked, and is gone again exactly where it is still ours
//! (SECURITY.md, row B11).
#![cfg(all(unix, not(target_os = "macos")))]
#![allow(clippy::unwrap_used, reason = "a test may stop")]

#[path = "../program/mod.rs"]
mod program;

#[path = "../memory/mod.rs"]
mod memory;
#[path = "../other_user/mod.rs"]
mod other_user;
#[path = "../pty/mod.rs"]
mod pty;
#[path = "../waiting/mod.rs"]
mod waiting;

mod agent;
mod held;
mod login;
mod wayland;
mod x11;
