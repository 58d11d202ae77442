//! Arguments about devices, drives and what comes from them.

use super::SourceFlags;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Sync {
    /// Put the vault in the place of something else that lies at its path (that is kept in this device's trash)
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Args)]
pub(crate) struct Merge {
    /// The file: a copy, a backup, what a drive kept
    pub(crate) file: PathBuf,
    /// Only show what it would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask, where the file lies under another key
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) source: SourceFlags,
}

#[derive(Args)]
pub(crate) struct Review {
    #[command(subcommand)]
    pub(crate) action: Option<ReviewAction>,
}

/// What to do with what waits.
#[derive(Subcommand)]
pub(crate) enum ReviewAction {
    /// List it, and what each would change
    List,
    /// Take it in
    Take {
        /// Its name or the start of it
        name: String,
        /// Do not ask, where it erases something for good
        #[arg(long)]
        yes: bool,
    },
    /// Say that nobody wants it; it goes to this device's trash
    Dismiss {
        /// Its name or the start of it
        name: String,
    },
}

#[derive(Args)]
pub(crate) struct Devices {
    #[command(subcommand)]
    pub(crate) action: Option<DevicesAction>,
}

/// What to do with devices.
#[derive(Subcommand)]
pub(crate) enum DevicesAction {
    /// List them: `ahead` are changes of theirs that have not arrived, `behind` those here that they had not seen
    List,
    /// Give one another name
    Rename {
        /// Its name, its id or the start of it
        device: String,
        /// The new name
        name: String,
    },
    /// Say that one is no more: it stays in the history, and nothing more of it is waited for
    Retire {
        /// Its name, its id or the start of it
        device: String,
    },
}

#[derive(Args)]
pub(crate) struct Relocate {
    /// Where the vault file is now
    pub(crate) path: PathBuf,
}

#[derive(Args)]
pub(crate) struct Forget {
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}
