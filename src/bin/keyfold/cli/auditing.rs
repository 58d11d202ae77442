//! Arguments of `audit`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use keyfold::audit::FindingKind;
use std::path::PathBuf;

/// The word for all findings that are more than information.
pub(crate) const ANY: &str = "any";

#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    override_usage = "keyfold audit [OPTIONS]\n       keyfold audit breach-list build LIST --output FILE"
)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) action: Option<AuditAction>,
    /// Passwords that were seen in breaches: the file or folder that was downloaded, or a filter made of it (else the setting breach_list)
    #[arg(long, value_name = "PATH")]
    pub(crate) breach_list: Option<PathBuf>,
    /// Sites that offer one-time codes: a domain a line, or JSON of 2fa.directory (else the setting two_factor_list, else keyfold's own)
    #[arg(long, value_name = "PATH")]
    pub(crate) two_factor_list: Option<PathBuf>,
    /// Exit with 9 where something of this kind was found; may be given several times; any is all that is more than information
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kinds())]
    pub(crate) fail_on: Vec<String>,
    /// Only items of this folder and those below it; other items are counted where they share a password, and not named
    #[arg(long, value_name = "FOLDER")]
    pub(crate) client: Option<String>,
    /// Write a report with plots to this new file, private to you: one page without scripts and without secrets
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Rate passwords by length and variety alone, which finds less
    #[arg(long)]
    pub(crate) fast: bool,
    /// List every finding, not the first ten of a kind
    #[arg(long)]
    pub(crate) all: bool,
}

/// What else there is about audits.
#[derive(Subcommand)]
pub(crate) enum AuditAction {
    /// Lists of passwords that were seen in breaches
    BreachList {
        #[command(subcommand)]
        action: BreachListAction,
    },
}

/// What to do with a list.
#[derive(Subcommand)]
pub(crate) enum BreachListAction {
    /// Make a small filter of a downloaded list
    Build {
        /// The list: text ordered by hash, a folder of range files, or sorted binary, of SHA-1 or NTLM hashes
        list: PathBuf,
        /// Write the filter to this new file
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
    },
}

fn kinds() -> PossibleValuesParser {
    let kinds = FindingKind::TABLE.iter().map(|row| row.1);
    PossibleValuesParser::new(std::iter::once(ANY).chain(kinds))
}
