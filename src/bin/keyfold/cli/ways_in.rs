//! Arguments about the ways into a vault: passwords, key files, recovery keys, and how dear a guess is.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// How dear a guess at the password is.
#[derive(Args, Clone, Default)]
pub(crate) struct KdfFlags {
    /// Memory of Argon2id in MiB (tuned towards one second by default)
    #[arg(long, value_name = "MIB")]
    pub(crate) kdf_memory: Option<u32>,
    /// Passes of Argon2id
    #[arg(long, value_name = "N")]
    pub(crate) kdf_passes: Option<u32>,
    /// Lanes of Argon2id
    #[arg(long, value_name = "N")]
    pub(crate) kdf_lanes: Option<u32>,
}

#[derive(Args)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) kdf: KdfFlags,
    /// Make a recovery key too, and show it once
    #[arg(long)]
    pub(crate) recovery_key: bool,
}

#[derive(Args)]
pub(crate) struct Passwd {
    /// Read the new password from the first line of this file
    #[arg(long, value_name = "PATH")]
    pub(crate) new_password_file: Option<PathBuf>,
    /// Want this key file besides the new password (made if absent)
    #[arg(long, value_name = "PATH")]
    pub(crate) new_key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) kdf: KdfFlags,
}

#[derive(Args)]
pub(crate) struct Slots {
    #[command(subcommand)]
    pub(crate) action: Option<SlotsAction>,
}

/// What to do with ways in.
#[derive(Subcommand)]
pub(crate) enum SlotsAction {
    /// List them
    List,
    /// Add a password
    Add {
        /// What to call it
        #[arg(long, default_value = "password")]
        label: String,
        /// Read the new password from the first line of this file
        #[arg(long, value_name = "PATH")]
        new_password_file: Option<PathBuf>,
        /// Want this key file besides the new password (made if absent)
        #[arg(long, value_name = "PATH")]
        new_key_file: Option<PathBuf>,
        #[command(flatten)]
        kdf: KdfFlags,
    },
    /// Close one
    Remove {
        /// Its id or the start of it
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct RecoveryKey {
    #[command(subcommand)]
    pub(crate) action: RecoveryKeyAction,
}

/// What to do with the recovery key.
#[derive(Subcommand)]
pub(crate) enum RecoveryKeyAction {
    /// Make one, in the place of an older one; it is shown once
    Make,
    /// Prove that the paper opens the vault; changes nothing
    Test,
}

#[derive(Args)]
pub(crate) struct Rekey {
    /// Read the new password from the first line of this file
    #[arg(long, value_name = "PATH")]
    pub(crate) new_password_file: Option<PathBuf>,
    /// Want this key file besides the password (made if absent)
    #[arg(long, value_name = "PATH")]
    pub(crate) new_key_file: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) kdf: KdfFlags,
}
