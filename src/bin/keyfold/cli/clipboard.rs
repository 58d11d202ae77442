//! Arguments about the clipboard.

use super::Wanted;
use crate::clipboard::Leash;
use crate::completion;
use clap::Args;

#[derive(Args)]
#[command(
    override_usage = "keyfold copy [OPTIONS] NAME [FIELD]\n       keyfold copy [OPTIONS] --url URL [FIELD]"
)]
pub(crate) struct CopyField {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    #[command(flatten)]
    pub(crate) how: CopyHow,
    /// Own the clipboard with what comes by standard input
    #[arg(long, hide = true, value_enum, exclusive = true)]
    pub(crate) holder: Option<Leash>,
}

#[derive(Args)]
pub(crate) struct Login {
    /// The item
    #[arg(add = completion::items())]
    pub(crate) name: String,
    /// Open the item's address first
    #[arg(long)]
    pub(crate) open: bool,
    #[command(flatten)]
    pub(crate) how: CopyHow,
}

/// How something is copied.
#[derive(Args, Default)]
pub(crate) struct CopyHow {
    /// Clear the clipboard after this time: 30s, 2m, never (default: the setting clipboard_timeout, else 30s)
    #[arg(long, value_name = "TIME", conflicts_with = "osc52")]
    pub(crate) timeout: Option<String>,
    /// Copy through the terminal, as over SSH; it can be neither marked as a secret nor cleared
    #[arg(long)]
    pub(crate) osc52: bool,
}

/// For commands that print otherwise.
#[derive(Args, Default)]
pub(crate) struct MayCopy {
    /// Copy it to the clipboard instead of printing it
    #[arg(long, short)]
    pub(crate) copy: bool,
    /// Clear the clipboard after this time: 30s, 2m, never
    #[arg(long, value_name = "TIME", requires = "copy", conflicts_with = "osc52")]
    pub(crate) timeout: Option<String>,
    /// Copy through the terminal, as over SSH
    #[arg(long, requires = "copy")]
    pub(crate) osc52: bool,
}

impl MayCopy {
    /// How, where it is to be copied.
    pub(crate) fn how(&self) -> Option<CopyHow> {
        self.copy.then(|| CopyHow {
            timeout: self.timeout.clone(),
            osc52: self.osc52,
        })
    }
}
