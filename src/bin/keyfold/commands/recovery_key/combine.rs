//! `recovery-key combine`: the key out of its shares.

use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::memory::MappedMemory;
use crate::output::Ending;
use crate::prompt;
use keyfold::crypto::recovery::RecoveryKey;
use keyfold::crypto::shares::{Share, ShareError, combine};
use keyfold::generate::WordList;
use keyfold::secret::Secret;
use keyfold::vault::{Credential, UnlockError, VaultError, locate};
use serde::Serialize;
use std::path::PathBuf;

pub(super) fn run(context: &mut Context, files: &[PathBuf]) -> Result<(), Failure> {
    let shares = if files.is_empty() {
        asked(context)?
    } else {
        read(files)?
    };
    let key = combine(&shares).map_err(|error| refused(&error))?;
    let text = key.to_text();
    let opens = opens(context, key).unwrap_or_else(|failure| {
        // The key was put together all the same.
        let why = failure.told();
        context
            .output
            .warn(&format!("Whether it opens the vault is not known: {why}"));
        None
    });
    match opens {
        Some(true) => context.output.note("It opens the vault."),
        Some(false) => context
            .output
            .warn("This key does not open the vault: it may be of another one, or an older one."),
        None => {}
    }
    if context.output.json {
        #[derive(Serialize)]
        struct Combined<'a> {
            schema: u32,
            recovery_key: &'a str,
            opens: Option<bool>,
        }
        return context.output.json(&Combined {
            schema: 1,
            // EXPOSE: the user asked for the key.
            recovery_key: text.expose(),
            opens,
        });
    }
    context.output.note("Recovery key:");
    context.output.secret(&text, Ending::Newline)?;
    context
        .output
        .note("keyfold --recovery-key-file - passwd sets a new password with it.");
    Ok(())
}

/// Asks for shares until there are enough. A wrong one is asked for again.
fn asked(context: &Context) -> Result<Vec<Share>, Failure> {
    let mut shares: Vec<Share> = Vec::new();
    loop {
        let needed = shares.first().map(Share::threshold);
        if needed.is_some_and(|needed| shares.len() >= usize::from(needed)) {
            return Ok(shares);
        }
        let question = match needed {
            Some(needed) => format!("Another share ({} of {needed}): ", shares.len() + 1),
            None => "A share, its 14 words: ".to_owned(),
        };
        let typed = prompt::share(context, &question)?;
        if typed.is_empty() {
            return Err(Failure::new(Kind::Interrupted, "no share was given"));
        }
        match parse(&typed) {
            Err(error) => context.output.warn(&format!("{error}. Try again.")),
            Ok(share) if shares.iter().any(|known| known.number() == share.number()) => {
                let number = share.number();
                context
                    .output
                    .warn(&format!("Share {number} is there already."));
            }
            Ok(share) => {
                let fits = shares.first().is_none_or(|first| {
                    let same_split = first.split_name() == share.split_name();
                    same_split && first.threshold() == share.threshold()
                });
                if fits {
                    context
                        .output
                        .note(&format!("  share {} is whole", share.number()));
                    shares.push(share);
                } else {
                    context.output.warn("That share is of another split.");
                }
            }
        }
    }
}

fn read(files: &[PathBuf]) -> Result<Vec<Share>, Failure> {
    let mut shares = Vec::new();
    for path in files {
        for (line, text) in (1..).zip(prompt::secret_lines(path)?) {
            let share = parse(&text).map_err(|error| {
                Failure::failed(format!("{}, share {line}: {error}", path.display()))
            })?;
            shares.push(share);
        }
    }
    Ok(shares)
}

fn parse(text: &Secret) -> Result<Share, ShareError> {
    Share::parse(text, WordList::Large.words())
}

fn refused(error: &ShareError) -> Failure {
    Failure::new(Kind::Locked, error.to_string())
}

/// Whether the key opens the vault of this run, if there is one.
fn opens(context: &mut Context, key: RecoveryKey) -> Result<Option<bool>, Failure> {
    let places = context.places()?;
    let located = match locate(context.storage.clone(), &places) {
        Err(VaultError::NoVault(_)) => return Ok(None),
        located => located?,
    };
    match located.unlock(&Credential::RecoveryKey(key), &mut MappedMemory) {
        Ok(_) => Ok(Some(true)),
        Err(VaultError::Unlock(UnlockError::WrongSecret | UnlockError::NoSuchSlot)) => {
            Ok(Some(false))
        }
        Err(error) => Err(error.into()),
    }
}
