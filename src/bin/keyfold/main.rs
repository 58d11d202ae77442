//! The keyfold program.

#[allow(dead_code, reason = "the commands that derive keys are still to come")]
mod memory;

fn main() {}
