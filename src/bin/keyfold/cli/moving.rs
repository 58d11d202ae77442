//! Arguments of moving in and out.

use super::Past;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Import {
    /// The exported files; `-` is standard input
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The format, where it is not to be guessed
    #[arg(long)]
    pub(crate) format: Option<String>,
    /// Put everything into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: Option<String>,
    /// Show what would happen
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Which column of a CSV file is which field
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    pub(crate) map: Option<String>,
    /// The password that encrypted files were exported under: its first line; `-` is standard input
    #[arg(long, value_name = "PATH")]
    pub(crate) source_password_file: Option<PathBuf>,
    /// The key file of a KeePass database, or the identities that open a file of age
    #[arg(long, value_name = "PATH")]
    pub(crate) source_key_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Export {
    /// The format: keyfold (complete, with history), csv, bitwarden, otpauth, aegis, qr (a code for each seed); under a password of its own kdbx, aegis-encrypted, age (as keyfold)
    #[arg(long, default_value = "keyfold")]
    pub(crate) format: String,
    /// For a table: make cells harmless that a spreadsheet would run as formulas
    #[arg(long)]
    pub(crate) for_spreadsheet: bool,
    /// Only this folder
    #[arg(long)]
    pub(crate) folder: Option<String>,
    /// Only items with this tag; may be given several times
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// Only items of this kind
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only items that this search finds
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Option<String>,
    /// Leave attached files out
    #[arg(long)]
    pub(crate) no_files: bool,
    /// Write attached files, of any size, into a new folder beside the export instead of inside it
    #[arg(long, requires = "output", conflicts_with = "no_files")]
    pub(crate) files_beside: bool,
    /// Write to this new file, private to you; for qr the folder that takes a picture of each code
    #[arg(long, short, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// The password that the export goes under, for a format that is encrypted: its first line; `-` is standard input
    #[arg(long, value_name = "PATH")]
    pub(crate) export_password_file: Option<PathBuf>,
    /// For age: encrypt to this recipient (age1…) instead of under a password; may be given several times
    #[arg(long, value_name = "AGE1…", conflicts_with = "export_password_file")]
    pub(crate) recipient: Vec<String>,
    #[command(flatten)]
    pub(crate) past: Past,
}
