//! Arguments of what reads items and lists them.

use crate::completion;
use clap::Args;

/// Which moment a reading command shows.
#[derive(Args, Default)]
pub(crate) struct Past {
    /// Read the vault as it was then: 2026-11-01 (that day's end), "2026-11-01 15:30", yesterday, 3d, "2 weeks ago"; in UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
}

#[derive(Args)]
#[command(
    override_usage = "keyfold get [OPTIONS] NAME [FIELD]\n       keyfold get [OPTIONS] --url URL [FIELD]"
)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    #[command(flatten)]
    pub(crate) past: Past,
}

/// One field of one item: `NAME [FIELD]`, or `--url URL [FIELD]`.
#[derive(Args)]
pub(crate) struct Wanted {
    /// The item; with --url the field
    #[arg(add = completion::items(), required_unless_present = "url")]
    pub(crate) name: Option<String>,
    /// The field; `otp` is the current code
    #[arg(add = completion::fields())]
    pub(crate) field: Option<String>,
    /// Find the item by the address it is for
    #[arg(long)]
    pub(crate) url: Option<String>,
}

#[derive(Args)]
pub(crate) struct Show {
    /// The item
    #[arg(add = completion::items())]
    pub(crate) name: Option<String>,
    /// Print secrets too
    #[arg(long)]
    pub(crate) reveal: bool,
    #[command(flatten)]
    pub(crate) past: Past,
}

#[derive(Args, Default)]
pub(crate) struct Ls {
    /// Folder with a slash at its end, pattern with * and ?, or part of a path
    pub(crate) pattern: Option<String>,
    /// Only items with this tag; may be given several times
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// Only items of this kind
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// What lies in the trash
    #[arg(long)]
    pub(crate) trash: bool,
    #[command(flatten)]
    pub(crate) past: Past,
}

#[derive(Args)]
pub(crate) struct Find {
    /// Words that must all match
    #[arg(required = true)]
    pub(crate) text: Vec<String>,
    #[command(flatten)]
    pub(crate) filter: FindFilter,
}

#[derive(Args)]
pub(crate) struct FindFilter {
    /// Only items with this tag; may be given several times
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// Only items of this kind
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Search the trash instead
    #[arg(long)]
    pub(crate) trash: bool,
}
