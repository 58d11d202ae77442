//! `--to-vault` of `mv` and `cp`, and what opens the vault that it names.

use clap::error::{Error, ErrorKind};
use clap::{ArgMatches, Args, Command, FromArgMatches};
use std::path::PathBuf;

/// The other vault, where one is named.
pub(crate) struct ToVault(pub(crate) Option<OtherVault>);

/// Another vault of the same person, and what opens it.
pub(crate) struct OtherVault {
    /// A path, or a name from the configuration.
    pub(crate) vault: String,
    /// Where to in it: a new path, or a folder with a slash at its end.
    pub(crate) place: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) recovery_key_file: Option<PathBuf>,
}

#[derive(Args)]
struct Flags {
    /// Into this other vault, complete with history; then a folder with a slash at its end or a new path there
    #[arg(long, num_args = 1..=2, value_names = ["VAULT", "PATH"], help_heading = "Other vault")]
    to_vault: Vec<String>,
    /// Read the other vault's password from the first line of this file; `-` is standard input
    #[arg(
        long,
        value_name = "PATH",
        requires = "to_vault",
        help_heading = "Other vault"
    )]
    to_password_file: Option<PathBuf>,
    /// The key file, where the other vault has one
    #[arg(
        long,
        value_name = "PATH",
        requires = "to_vault",
        help_heading = "Other vault"
    )]
    to_key_file: Option<PathBuf>,
    /// Open the other vault with the recovery key in this file
    #[arg(long, value_name = "PATH", requires = "to_vault", conflicts_with_all = ["to_password_file", "to_key_file"], help_heading = "Other vault")]
    to_recovery_key_file: Option<PathBuf>,
}

impl Args for ToVault {
    fn augment_args(command: Command) -> Command {
        Flags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args_for_update(command)
    }
}

impl FromArgMatches for ToVault {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let flags = Flags::from_arg_matches(matches)?;
        let mut values = flags.to_vault.into_iter();
        let Some(vault) = values.next() else {
            return Ok(Self(None));
        };
        let place = values.next();
        if place.is_some() && is_before_names(matches) {
            // An item that was taken for a place would send others to the wrong one.
            return Err(Error::raw(
                ErrorKind::ArgumentConflict,
                "names stand before --to-vault VAULT [PATH], or after --to-vault=VAULT\n",
            ));
        }
        Ok(Self(Some(OtherVault {
            vault,
            place,
            password_file: flags.to_password_file,
            key_file: flags.to_key_file,
            recovery_key_file: flags.to_recovery_key_file,
        })))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Whether a name follows the values of `--to-vault`.
fn is_before_names(matches: &ArgMatches) -> bool {
    let last_of = |id| matches.indices_of(id).and_then(Iterator::last);
    last_of("names") > last_of("to_vault")
}
