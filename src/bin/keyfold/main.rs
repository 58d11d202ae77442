//! The keyfold program.

#[allow(dead_code)]
mod escape;
#[allow(dead_code)]
mod memory;
#[allow(dead_code)]
mod table;

fn main() {}
