//! The program from its command line: every command's happy path, its failures and their exit codes, the shapes of its JSON.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

#[path = "../other_user/mod.rs"]
mod other_user;
#[path = "../program/mod.rs"]
mod program;
#[path = "../pty/mod.rs"]
mod pty;
#[path = "../waiting/mod.rs"]
mod waiting;

mod attaching;
mod auditing;
mod backing_up;
mod completion;
mod conflicts;
mod copying;
mod devices;
mod doctor;
mod exchange;
mod export;
mod generating;
mod items;
mod keyring;
mod managers;
mod naming;
mod one_time;
mod output;
mod pass_store;
mod past;
mod pinentry;
mod places;
mod recovery;
mod sealed_import;
mod secrets;
mod sync;
mod terminal;
mod to_vault;
mod ways_in;
