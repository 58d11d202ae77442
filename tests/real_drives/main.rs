//! Programs that people really use carry one vault between two devices: nothing is lost, both agree, no copy stays, and
//! then there is silence.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may stop")]

#[path = "../real/mod.rs"]
mod real;

mod devices;
mod rclone;
mod syncthing;
mod unison;
