//! The keyfold program.

#[allow(dead_code, reason = "the commands that derive keys are still to come")]
#[allow(dead_code)] // the commands that print come next
#[allow(dead_code)]

fn main() {}

mod escape;
mod memory;
mod table;
