//! The agent: one process of a user that holds vaults open for a while, so that nobody types a password ten times a day.
//!
//! It holds keys and sealed values. The master password never comes here (clients find the keys), no value is in clear
//! but the one that is being revealed, and owner commands do not ask it. Threads and blocking sockets, one thread a client that is there.

#[cfg(target_os = "linux")]
mod bus;
#[cfg(not(target_os = "linux"))]
#[path = "no_bus.rs"]
mod bus;
mod client;
mod copies;
mod holds;
mod server;
mod socket;
mod start;
mod stoppable;
mod stream;
mod workers;

pub(crate) use self::socket::socket;
#[cfg(target_os = "linux")]
pub(crate) use bus::local_address;
pub(crate) use client::{Asked, Client, connect, let_go, stop};
pub(crate) use server::serve;
pub(crate) use start::{report_failure, report_ready, start};
