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
    /// Make a recovery key too, and write the emergency kit, a page to print, instead of showing it: FILE.html or FILE.pdf
    #[arg(long, value_name = "FILE")]
    pub(crate) kit: Option<PathBuf>,
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
    /// Add a password, or let the keyring of this device's desktop open the vault
    Add {
        /// What to call it
        #[arg(long)]
        label: Option<String>,
        /// A way in that this device's keyring holds: who is logged in here opens the vault without a password
        #[arg(long, conflicts_with_all = ["new_password_file", "new_key_file", "kdf_memory", "kdf_passes", "kdf_lanes"])]
        keyring: bool,
        /// Read the new password from the first line of this file
        #[arg(long, value_name = "PATH")]
        new_password_file: Option<PathBuf>,
        /// Want this key file besides the new password (made if absent)
        #[arg(long, value_name = "PATH")]
        new_key_file: Option<PathBuf>,
        #[command(flatten)]
        kdf: KdfFlags,
    },
    /// Close one, and give the vault a new key: who held it may have a copy of the file
    Remove {
        /// Its id or the start of it
        id: String,
        /// Only close it; who has an older copy of the file and this way in reads what is written later too
        #[arg(long)]
        keep_key: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
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
    Make {
        /// Write the emergency kit, a page to print, instead of showing the key: FILE.html or FILE.pdf
        #[arg(long, value_name = "FILE")]
        kit: Option<PathBuf>,
    },
    /// Prove that the paper opens the vault; changes nothing
    Test,
    /// Write the emergency kit of the key that you have: a page to print, FILE.html or FILE.pdf
    Kit {
        /// The new file
        file: PathBuf,
    },
    /// Split the key that you have into shares, of which some together are the key
    Split {
        /// How many shares, 2 to 16
        #[arg(long, value_name = "N")]
        shares: u8,
        /// How many of them are needed
        #[arg(long, value_name = "K")]
        threshold: u8,
        /// Write a page to print for each share into this folder, instead of showing them
        #[arg(long, value_name = "FOLDER")]
        output: Option<PathBuf>,
        /// What the pages are
        #[arg(long, value_name = "KIND", default_value = "html", requires = "output", value_parser = ["html", "pdf"])]
        format: String,
        /// Show each share as a QR code too
        #[arg(long, conflicts_with = "output")]
        qr: bool,
    },
    /// Put the key together from its shares
    Combine {
        /// Read shares from this file, one a line; may be given several times
        #[arg(long, value_name = "PATH")]
        share_file: Vec<PathBuf>,
    },
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
