//! Arguments of `backup`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    override_usage = "keyfold backup [OPTIONS]\n       keyfold backup ls|verify|restore|drill|schedule"
)]
pub(crate) struct Backup {
    #[command(subcommand)]
    pub(crate) action: Option<BackupAction>,
    /// Where to: a folder that is there, or a name from the configuration (backups.NAME); may be given several times. All of
    /// the configuration where nothing is said
    #[arg(long, value_name = "FOLDER|NAME")]
    pub(crate) to: Vec<String>,
    /// Do nothing where the newest verified backup is younger than this: 1d, 12h, 1w
    #[arg(long, value_name = "SPAN")]
    pub(crate) if_older: Option<String>,
    #[command(flatten)]
    pub(crate) keep: KeepFlags,
    /// Only show what would be made and removed; asks for no password
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Which backups stay: what no rule keeps is removed once a new one was verified. Without a rule everything stays.
#[derive(Args, Clone, Copy, Default)]
pub(crate) struct KeepFlags {
    /// Keep the newest N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep_last: Option<u32>,
    /// Keep the newest of each of N days
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep_daily: Option<u32>,
    /// Keep the newest of each of N weeks
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep_weekly: Option<u32>,
    /// Keep the newest of each of N months
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep_monthly: Option<u32>,
}

/// What to do with backups.
#[derive(Subcommand)]
pub(crate) enum BackupAction {
    /// List them, with when each was last verified; asks for no password
    Ls {
        /// Folders, or names from the configuration
        #[arg(value_name = "FOLDER|NAME")]
        places: Vec<String>,
    },
    /// Authenticate every record and file of them again
    Verify {
        /// Backups, folders of them, or names from the configuration; all that are known where nothing is said
        #[arg(value_name = "FILE|FOLDER|NAME")]
        places: Vec<String>,
    },
    /// Show what a backup would bring back, and take it in; nothing newer is lost
    Restore(RestoreBackup),
    /// Restore a backup into a throw-away place, open it with the password, and compare it with the vault
    Drill(DrillBackup),
    /// Print what runs backups by itself
    Schedule {
        /// A timer and a service for systemd, or a line for a crontab
        #[arg(value_enum)]
        kind: ScheduleKind,
        /// How old the newest backup may be
        #[arg(long, value_name = "SPAN", default_value = "1d")]
        if_older: String,
    },
}

/// Who starts backups.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScheduleKind {
    /// systemd, as the user
    Systemd,
    /// cron
    Cron,
}

/// What opens a file of the vault, a backup say, that the vault's own password does not open.
#[derive(Args)]
pub(crate) struct SourceFlags {
    /// Read the file's own password, where it has another, from the first line of this file
    #[arg(long, value_name = "PATH")]
    pub(crate) source_password_file: Option<PathBuf>,
    /// The key file that goes with it
    #[arg(long, value_name = "PATH")]
    pub(crate) source_key_file: Option<PathBuf>,
    /// Open the file with the recovery key in this file
    #[arg(long, value_name = "PATH", conflicts_with_all = ["source_password_file", "source_key_file"])]
    pub(crate) source_recovery_key_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct RestoreBackup {
    /// The backup
    pub(crate) file: PathBuf,
    /// Only show what it would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Make a vault of it at this new path instead: for a device that has none
    #[arg(long, value_name = "PATH", conflicts_with_all = ["dry_run", "yes"])]
    pub(crate) replace_into: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceFlags,
}

#[derive(Args)]
pub(crate) struct DrillBackup {
    /// The backup; the newest one that is there where none is named
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceFlags,
}
