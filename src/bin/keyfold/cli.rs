//! The command line as it is parsed: names, flags and help, nothing else. It is the public interface that scripts rely on.

mod agent;
mod clipboard;
mod doctor;
mod moving;
mod sharing;
mod to_vault;
mod ways_in;

use crate::completion;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

pub(crate) use agent::{Agent, AgentAction};
pub(crate) use clipboard::{CopyField, CopyHow, MayCopy};
pub(crate) use doctor::{Doctor, FindingKind};
pub(crate) use moving::{Export, Import};
pub(crate) use sharing::{
    Devices, DevicesAction, Forget, Merge, Relocate, Review, ReviewAction, Sync,
};
pub(crate) use to_vault::{OtherVault, ToVault};
pub(crate) use ways_in::{
    Init, KdfFlags, Passwd, RecoveryKey, RecoveryKeyAction, Rekey, Slots, SlotsAction,
};

/// An encrypted, local password manager with a TOTP generator. One vault file, synced by any cloud drive.
#[derive(Parser)]
#[command(
    name = "keyfold",
    version,
    disable_help_subcommand = true,
    max_term_width = 100,
    override_usage = "keyfold [OPTIONS] COMMAND …\n       keyfold [OPTIONS] NAME",
    after_help = "keyfold tour shows all of it at work; keyfold init makes the first vault; keyfold COMMAND --help tells more.\n\
        Exit codes: 0 done, 1 failed, 2 bad usage, 3 no such item, 4 several items match, 5 locked or wrong password,\n\
        6 no vault, 7 damaged, 8 busy, 9 findings, 130 interrupted, 141 reader closed the pipe."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Show this item (a name that is also a command goes after `--`)
    #[arg(add = completion::items())]
    pub(crate) name: Option<String>,
}

/// When to use colour.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(crate) enum When {
    /// On terminals, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Options that every command takes, before or after its name.
#[derive(Args)]
pub(crate) struct Globals {
    /// The vault: a path, or a name from the configuration
    #[arg(long, global = true, value_name = "PATH|NAME", help_heading = "Vault")]
    pub(crate) vault: Option<String>,
    /// Read the password from the first line of this file; `-` is standard input
    #[arg(long, global = true, value_name = "PATH", help_heading = "Vault")]
    pub(crate) password_file: Option<PathBuf>,
    /// Run this and read the password from the first line it prints
    #[arg(
        long,
        global = true,
        value_name = "CMD",
        conflicts_with = "password_file",
        help_heading = "Vault"
    )]
    pub(crate) password_command: Option<String>,
    /// The key file, where the vault has one
    #[arg(long, global = true, value_name = "PATH", help_heading = "Vault")]
    pub(crate) key_file: Option<PathBuf>,
    /// Open with the recovery key in this file; `-` is standard input
    #[arg(long, global = true, value_name = "PATH", conflicts_with_all = ["password_file", "password_command", "key_file"], help_heading = "Vault")]
    pub(crate) recovery_key_file: Option<PathBuf>,
    /// Neither use nor start an agent
    #[arg(long, global = true, help_heading = "Vault")]
    pub(crate) no_agent: bool,
    /// Never prompt: fail with 5 where a password is missing
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) no_input: bool,
    /// Print one JSON document
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print no notices on standard error
    #[arg(long, short, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Use colour: auto, always or never; auto is on terminals, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        hide_possible_values = true,
        hide_default_value = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub(crate) color: When,
}

impl Globals {
    /// Whether an option brings what opens the vault.
    pub(crate) fn gives_secret(&self) -> bool {
        self.password_file.is_some()
            || self.password_command.is_some()
            || self.recovery_key_file.is_some()
    }
}

/// Everything that keyfold does.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a new vault
    Init(Init),
    /// Add an item
    Add(Add),
    /// Print one field of an item, its password unless another is named
    Get(Get),
    /// Copy one field of an item to the clipboard, its password unless another is named
    Copy(CopyField),
    /// Show a whole item, secrets masked
    Show(Show),
    /// Unlock the vault for the next commands
    Unlock,
    /// Lock all vaults that are unlocked, or the one that --vault names
    Lock,
    /// Serve unlocked vaults; tell of the agent that does, or stop it
    Agent(Agent),
    /// List items
    #[command(visible_alias = "list")]
    Ls(Ls),
    /// Search names, users, hosts, tags and notes
    Find(Find),
    /// Change items by flags, or one in $EDITOR
    Edit(Edit),
    /// Rename an item, or move items to a folder
    Mv(Mv),
    /// Copy an item
    Cp(Cp),
    /// Move items to the trash
    Rm(Several),
    /// Bring items back from the trash
    Restore(Several),
    /// Erase items for ever
    Purge(Purge),
    /// Show former values of an item
    History(History),
    /// Take back the last changes of this device
    Undo(Undo),
    /// List what two devices changed apart
    Conflicts(Conflicts),
    /// Decide a conflict: take one of its values
    Resolve(Resolve),
    /// Generate a password or passphrase
    #[command(name = "gen", visible_alias = "generate")]
    Generate(Generate),
    /// Print a one-time code; bring a seed in or out
    Otp(Otp),
    /// Change the master password
    Passwd(Passwd),
    /// List, add and remove ways into the vault
    Slots(Slots),
    /// Make or test a recovery key
    RecoveryKey(RecoveryKey),
    /// Give the vault a new data key and close all other ways in
    Rekey(Rekey),
    /// Tell where this device stands: vault file, other devices, what waits, what happened
    Status,
    /// Unite with the vault file and its copies now
    Sync(Sync),
    /// Take in another file of this vault, after showing what it would change
    Merge(Merge),
    /// Decide on what came under a former key
    Review(Review),
    /// Authenticate every record of the vault
    Check,
    /// Write the vault file small
    Compact,
    /// Print the vault's fingerprint as six words
    Fingerprint,
    /// List the devices that share the vault; rename or retire one
    Devices(Devices),
    /// Tell this device that the vault moved
    Relocate(Relocate),
    /// Drop what this device keeps of the vault; the vault file stays
    Forget(Forget),
    /// Import what another program exported
    Import(Import),
    /// Export everything, in clear
    Export(Export),
    /// Show or change the configuration
    Config(Config),
    /// Look for what could be better around the vault: files, drive, swap, clipboard, clock; asks for no password
    Doctor(Doctor),
    /// Print completions for a shell
    Completions(Completions),
    /// Print the manual page
    Man,
    /// See what keyfold does, in a throw-away folder
    Tour,
}

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
    #[arg(long, short, value_name = "LEN", num_args = 0..=1, require_equals = true, default_missing_value = "20")]
    pub(crate) generate: Option<u16>,
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

#[derive(Args, Default)]
pub(crate) struct Generate {
    /// Length in characters (default 20)
    pub(crate) length: Option<u16>,
    /// A passphrase of this many words
    #[arg(long, value_name = "N", conflicts_with_all = ["length", "rules", "pronounceable"])]
    pub(crate) words: Option<u16>,
    /// What stands between the words
    #[arg(long, value_name = "TEXT", default_value = "-", requires = "words")]
    pub(crate) separator: String,
    /// Rules as a site states them, for instance "minlength: 12; required: lower; required: digit"
    #[arg(long, value_name = "TEXT")]
    pub(crate) rules: Option<String>,
    /// A password that can be spoken
    #[arg(long, conflicts_with = "rules")]
    pub(crate) pronounceable: bool,
    /// No characters that look like others
    #[arg(long)]
    pub(crate) exclude_similar: bool,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) count: u32,
    /// At least this many lower-case letters; 0 for none at all
    #[arg(long, value_name = "MIN")]
    pub(crate) lower: Option<u16>,
    /// At least this many capitals; 0 for none at all
    #[arg(long, value_name = "MIN")]
    pub(crate) upper: Option<u16>,
    /// At least this many digits; 0 for none at all
    #[arg(long, value_name = "MIN")]
    pub(crate) digit: Option<u16>,
    /// At least this many symbols; 0 for none at all
    #[arg(long, value_name = "MIN")]
    pub(crate) symbol: Option<u16>,
    #[command(flatten)]
    pub(crate) may_copy: MayCopy,
}

#[derive(Args)]
#[command(
    override_usage = "keyfold otp [OPTIONS] NAME\n       keyfold otp [OPTIONS] --watch [NAME]\n       keyfold otp add|uri|qr NAME"
)]
pub(crate) struct Otp {
    #[command(subcommand)]
    pub(crate) action: Option<OtpAction>,
    /// The item (a name that is also a command goes after `--`)
    #[arg(add = completion::items())]
    pub(crate) name: Option<String>,
    /// The code after this one
    #[arg(long)]
    pub(crate) next: bool,
    /// Go on showing codes with the seconds that are left; all items with a seed where none is named
    #[arg(long, conflicts_with_all = ["next", "copy"])]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) may_copy: MayCopy,
}

/// A seed in or out.
#[derive(Subcommand)]
pub(crate) enum OtpAction {
    /// Give an item a seed: asked for, or from standard input
    Add {
        /// The item
        name: String,
        /// Read an otpauth URI or base32 from standard input
        #[arg(long)]
        otp_stdin: bool,
    },
    /// Print the seed as an otpauth URI
    Uri {
        /// The item
        name: String,
    },
    /// Draw the seed as a QR code
    Qr {
        /// The item
        name: String,
    },
}

#[derive(Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) action: Option<ConfigAction>,
}

/// What to do with the configuration.
#[derive(Subcommand)]
pub(crate) enum ConfigAction {
    /// Change a setting
    Set {
        /// For instance `vault`, `device`, `vaults.work`
        key: String,
        /// Its value; empty takes it away
        value: String,
    },
}

#[derive(Args)]
pub(crate) struct Completions {
    /// For which shell: bash, elvish, fish, powershell, zsh
    #[arg(value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    pub(crate) shell: String,
}
