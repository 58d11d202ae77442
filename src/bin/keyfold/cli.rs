//! The command line as it is parsed: names, flags and help, nothing else. It is the public interface that scripts rely on.

mod agent;
mod attaching;
mod auditing;
mod backup;
mod changing;
mod clipboard;
mod doctor;
mod generating;
mod moving;
mod reading;
mod sharing;
mod to_vault;
mod ways_in;

use crate::completion;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) use agent::{Agent, AgentAction};
pub(crate) use attaching::{Attach, AttachAction, AttachFiles, AttachOut};
pub(crate) use auditing::{ANY, Audit, AuditAction, BreachListAction};
pub(crate) use backup::{
    Backup, BackupAction, DrillBackup, KeepFlags, RestoreBackup, ScheduleKind, SourceFlags,
};
pub(crate) use changing::{
    Add, Conflicts, Cp, Edit, History, ItemFlags, Mv, Purge, Resolve, Several, Undo,
};
pub(crate) use clipboard::{CopyField, CopyHow, Login, MayCopy};
pub(crate) use doctor::{Doctor, FindingKind};
pub(crate) use generating::Generate;
pub(crate) use moving::{Export, Import};
pub(crate) use reading::{Find, Get, Ls, Past, Show, Wanted};
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

impl Cli {
    /// What a command line says. The commands that it does not name are not even put together: each takes a copy of every
    /// option that all commands take, which costs more than the rest of a start.
    ///
    /// # Errors
    /// As clap tells them, help and version among them.
    pub(crate) fn read(words: &[OsString]) -> Result<Self, clap::Error> {
        match Self::read_one_command(words) {
            Some(read) => Ok(read),
            // What is wrong is told with all commands in sight.
            None => Self::try_parse_from(words),
        }
    }

    fn read_one_command(words: &[OsString]) -> Option<Self> {
        Self::from_arg_matches(&match_one_command(words)?).ok()
    }
}

/// With the first word that is a command's name as the only command; `None` where that is no command line, or another one
/// would be.
fn match_one_command(words: &[OsString]) -> Option<ArgMatches> {
    let whole = Cli::command();
    let mut words_after = words.iter().skip(1).filter_map(|word| word.to_str());
    let name = words_after.find(|word| whole.find_subcommand(word).is_some())?;
    let one = clap::Command::new(env!("CARGO_PKG_NAME"))
        .disable_help_subcommand(whole.is_disable_help_subcommand_set())
        .args(whole.get_arguments().cloned())
        .subcommand(whole.find_subcommand(name)?.clone());
    let matches = one.try_get_matches_from(words).ok()?;
    // A word before it could be a command too.
    let is_it = matches.subcommand_name().is_some() && !matches.contains_id("name");
    is_it.then_some(matches)
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
    /// Copy user name, password and code one after another, each at the press of a key
    Login(Login),
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
    /// Attach files to an item; list, write out, open and take away what is attached
    Attach(Attach),
    /// Show former values of an item
    History(History),
    /// Take back the last changes of this device
    Undo(Undo),
    /// List what two devices changed apart
    Conflicts(Conflicts),
    /// Decide a conflict: take one of its values
    Resolve(Resolve),
    /// Generate a password, passphrase, PIN, user name or plus-address
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
    /// Make verified copies elsewhere; list, verify, restore and try them
    Backup(Backup),
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
    /// Find what could be better about the passwords and items: weak, reused, breached, without one-time codes, expired …
    Audit(Audit),
    /// Print completions for a shell
    Completions(Completions),
    /// Print the manual page
    Man,
    /// See what keyfold does, in a throw-away folder
    Tour,
}

#[derive(Args)]
#[command(
    override_usage = "keyfold otp [OPTIONS] NAME\n       keyfold otp [OPTIONS] --watch [NAME…]\n       keyfold otp add|uri|qr NAME"
)]
pub(crate) struct Otp {
    #[command(subcommand)]
    pub(crate) action: Option<OtpAction>,
    /// The item (a name that is also a command goes after `--`)
    #[arg(add = completion::items(), value_name = "NAME")]
    pub(crate) names: Vec<String>,
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
        /// Read the QR code in this picture, PNG or JPEG
        #[arg(long, value_name = "IMAGE", conflicts_with = "otp_stdin")]
        otp_qr: Option<PathBuf>,
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
        /// Write a picture (PNG) to this new file, private to you
        #[arg(long, short, value_name = "FILE.png")]
        output: Option<PathBuf>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        let words = std::iter::once("keyfold").chain(line.split_whitespace());
        words.map(OsString::from).collect()
    }

    #[test]
    fn one_command_alone_reads_as_among_all_others() {
        for line in [
            "get mail",
            "get mail username --json",
            "--quiet copy mail --timeout 2m",
            "list work/ --tag x",
            "generate 24 --copy",
            "--vault get ls --trash",
            "--vault ls get mail",
            "otp add mail --otp-stdin",
            "otp --watch mail other",
            "otp help",
            "otp help mail --watch",
            "slots remove 3",
            "agent status",
            "get ls",
            "get -- -u",
            "add mail -u anna --url https://example.org -g",
        ] {
            let words = words(line);
            let whole = Cli::command().try_get_matches_from(&words).unwrap();
            if let Some(one) = match_one_command(&words) {
                assert_eq!(one.subcommand(), whole.subcommand(), "{line}");
            } else {
                assert!(line.starts_with("--vault"), "{line}");
            }
        }
    }

    #[test]
    fn what_is_no_command_line_of_one_command_is_left_to_all() {
        for line in [
            "",
            "mail",
            "mail get",
            "-- get",
            "--vault get mail",
            "--vault get ls",
            "get",
            "get --no-such mail",
            "get --help",
            "--version",
        ] {
            assert!(match_one_command(&words(line)).is_none(), "{line}");
        }
    }
}
