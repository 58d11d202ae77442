//! Arguments of what changes items, takes changes back, and decides conflicts.

use super::{Past, ToVault};
use crate::completion;
use clap::Args;
use std::path::PathBuf;

/// What an item is made of, for `add` and `edit`.
#[derive(Args, Default)]
pub(crate) struct ItemFlags {
    /// Kind: login, note, card, identity, ssh-key, api-token, wifi, bank-account, licence, custom
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// User name
    #[arg(long, short)]
    pub(crate) username: Option<String>,
    /// Address; may be given several times
    #[arg(long)]
    pub(crate) url: Vec<String>,
    /// Generate the password, of this length if given
    #[arg(long, short, value_name = "LEN", num_args = 0..=1, require_equals = true)]
    pub(crate) generate: Option<Option<u16>>,
    /// What the site asks of passwords: "minlength: 12; required: digit"; remembered for the next change
    #[arg(long, value_name = "TEXT")]
    pub(crate) rules: Option<String>,
    /// Generate a passphrase of this many words
    #[arg(long, value_name = "N", conflicts_with = "generate")]
    pub(crate) words: Option<u16>,
    /// Read the main secret from standard input
    #[arg(long, conflicts_with_all = ["generate", "words"])]
    pub(crate) secret_stdin: bool,
    /// Read a one-time password seed (otpauth URI or base32) from standard input
    #[arg(long, conflicts_with = "secret_stdin")]
    pub(crate) otp_stdin: bool,
    /// A plain field; it ends up in the shell's history
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) field: Vec<String>,
    /// A secret field; its value is asked for
    #[arg(long, value_name = "NAME")]
    pub(crate) secret_field: Vec<String>,
    /// Tag; may be given several times
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// Notes; they end up in the shell's history, --note-file does not
    #[arg(long, conflicts_with = "note_file")]
    pub(crate) note: Option<String>,
    /// Read the notes from this file; `-` is standard input
    #[arg(long, value_name = "PATH")]
    pub(crate) note_file: Option<PathBuf>,
    /// Read fields as a JSON object from standard input: {"password": "…", "urls": ["…"], …}
    #[arg(long, conflicts_with_all = ["secret_stdin", "otp_stdin"])]
    pub(crate) json_stdin: bool,
    /// Do not look whether the password is reused, weak or breached
    #[arg(long)]
    pub(crate) no_check: bool,
}

impl ItemFlags {
    /// Whether the main secret is drawn.
    pub(crate) fn generates(&self) -> bool {
        self.generate.is_some() || self.words.is_some()
    }
}

#[derive(Args)]
pub(crate) struct Add {
    /// Title, with its folder before a slash: work/mail
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) item: ItemFlags,
    /// Add even if an item of this path is there
    #[arg(long, conflicts_with = "or_update")]
    pub(crate) duplicate: bool,
    /// Change the item of this path if it is there
    #[arg(long)]
    pub(crate) or_update: bool,
}

#[derive(Args)]
pub(crate) struct Edit {
    /// The items
    #[arg(add = completion::items(), required_unless_present = "query")]
    pub(crate) names: Vec<String>,
    /// All items that this search finds, besides
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Option<String>,
    #[command(flatten)]
    pub(crate) item: ItemFlags,
    /// New title, with its folder before a slash
    #[arg(long, value_name = "PATH")]
    pub(crate) rename: Option<String>,
    /// Take a field away
    #[arg(long, value_name = "NAME")]
    pub(crate) remove_field: Vec<String>,
    /// Take an address away
    #[arg(long, value_name = "URL")]
    pub(crate) remove_url: Vec<String>,
    /// Take a tag away
    #[arg(long, value_name = "TAG")]
    pub(crate) remove_tag: Vec<String>,
}

#[derive(Args)]
#[command(
    override_usage = "keyfold mv [OPTIONS] NAME NEW-PATH\n       keyfold mv [OPTIONS] NAME… FOLDER/\n       keyfold mv [OPTIONS] FOLDER/ FOLDER/\n       keyfold mv [OPTIONS] NAME… --to-vault VAULT [FOLDER/ or NEW-PATH]"
)]
pub(crate) struct Mv {
    // Before the names, which it looks at while they are there.
    #[command(flatten)]
    pub(crate) to_vault: ToVault,
    /// The items, or a folder with a slash at its end; then the new path, or a folder with a slash at its end
    #[arg(add = completion::items(), required_unless_present = "query")]
    pub(crate) names: Vec<String>,
    /// All items that this search finds, besides
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Option<String>,
}

#[derive(Args)]
#[command(
    override_usage = "keyfold cp [OPTIONS] NAME NEW-PATH\n       keyfold cp [OPTIONS] NAME… --to-vault VAULT [FOLDER/ or NEW-PATH]"
)]
pub(crate) struct Cp {
    // Before the names, which it looks at while they are there.
    #[command(flatten)]
    pub(crate) to_vault: ToVault,
    /// The item and the copy's path; with --to-vault the items, or a folder with a slash at its end
    #[arg(add = completion::items(), required_unless_present = "query")]
    pub(crate) names: Vec<String>,
    /// With --to-vault: all items that this search finds, besides
    #[arg(long, value_name = "TEXT", requires = "to_vault")]
    pub(crate) query: Option<String>,
}

#[derive(Args)]
pub(crate) struct Several {
    /// The items
    #[arg(add = completion::several(), required_unless_present = "query")]
    pub(crate) names: Vec<String>,
    /// All items that this search finds, besides
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Option<String>,
}

#[derive(Args)]
pub(crate) struct Purge {
    #[command(flatten)]
    pub(crate) several: Several,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct History {
    /// The item
    #[arg(add = completion::items())]
    pub(crate) name: String,
    /// Print secrets too
    #[arg(long)]
    pub(crate) reveal: bool,
    /// Bring former value N back
    #[arg(long, value_name = "N", conflicts_with = "at")]
    pub(crate) restore: Option<usize>,
    #[command(flatten)]
    pub(crate) past: Past,
}

#[derive(Args)]
pub(crate) struct Undo {
    /// List what can be undone
    #[arg(long)]
    pub(crate) list: bool,
    /// How many changes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) count: usize,
}

#[derive(Args)]
pub(crate) struct Conflicts {
    /// Only this item's
    #[arg(add = completion::items())]
    pub(crate) name: Option<String>,
    /// Print secrets too
    #[arg(long)]
    pub(crate) reveal: bool,
}

#[derive(Args)]
pub(crate) struct Resolve {
    /// The item
    #[arg(add = completion::items())]
    pub(crate) name: String,
    /// The field; `life` for an item that was deleted on one device and changed on another
    #[arg(add = completion::fields())]
    pub(crate) field: String,
    /// Which value, as `conflicts` numbers them; of `life`, 1 keeps the item and 2 moves it to the trash
    #[arg(long, value_name = "N")]
    pub(crate) take: usize,
}
