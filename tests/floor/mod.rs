//! The cheapest key derivation that is allowed, as flags of the program: what every test gives that makes a password.

pub(crate) const FLOOR: [&str; 6] = [
    "--kdf-memory",
    "19",
    "--kdf-passes",
    "2",
    "--kdf-lanes",
    "1",
];
