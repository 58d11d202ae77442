//! Arguments of `doctor`.

use clap::{Args, ValueEnum};
use serde::Serialize;

#[derive(Args)]
pub(crate) struct Doctor {
    /// Exit with 9 where something of this kind was found that is more than information; may be given several times
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    pub(crate) fail_on: Vec<FindingKind>,
}

/// What a finding is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FindingKind {
    /// Anything at all
    Any,
    /// Who may read or change the files
    Permissions,
    /// The vault file and its folder, where a drive works too
    Drive,
    /// What a guess at a password costs
    Kdf,
    /// Copies elsewhere
    Backup,
    /// The machine's time
    Clock,
    /// Memory that is written to disk
    Swap,
    /// Programs that keep what is copied
    Clipboard,
    /// What keeps other programs from looking in
    Protection,
    /// The agent that holds unlocked vaults
    Agent,
}
