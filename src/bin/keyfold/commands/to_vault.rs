//! `mv` and `cp` with `--to-vault`: items of this vault into another of the same person, history and all.
//!
//! The other vault commits first; only then do items leave this one. A run that ends in between leaves them in both.

use crate::cli::OtherVault;
use crate::commands::mv::{folder_name, move_folder};
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::notices;
use crate::prompt::{self, SecretFiles};
use crate::session::{Session, try_keys};
use keyfold::model::ids::ItemId;
use keyfold::model::item::split_path;
use keyfold::model::query::Scope;
use keyfold::service::import::{Counts, Entry};
use keyfold::service::transfer::{Delivery, Parcel, Place};
use keyfold::vault::{Credential, Located, Places, UnlockError, Vault, VaultError, locate};
use serde::Serialize;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What becomes of the items here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// They stay.
    Kept,
    /// They go to the trash once the other vault has them.
    Trashed,
}

#[derive(Serialize)]
struct Shown<'a> {
    schema: u32,
    vault: String,
    revived: usize,
    trashed: usize,
    #[serde(flatten)]
    items: Counts,
    fields: Counts,
    entries: &'a [Entry],
}

pub(crate) fn run(
    context: &mut Context,
    names: &[String],
    query: Option<&str>,
    other: &OtherVault,
    source: Source,
) -> Result<(), Failure> {
    refuse_shared_input(context, other)?;
    let places = context.places_of(&other.vault)?;
    // Before any password is asked for: nobody types one for a command that cannot be.
    refuse_same(context, &find(context, &places)?)?;
    let mut session = Session::open_own(context)?;
    let wanted = plan(context, &mut session, names, query, other.place.as_deref())?;
    let parcel = Parcel::pack(session.vault()?, wanted)
        .map_err(|error| Failure::new(Kind::Damaged, error.to_string()))?;
    let mut target = open(context, &places, other)?;
    let vault = target.path().display().to_string();
    refuse_taken(&parcel, &target, &vault)?;
    let now = context.now();
    let delivered = {
        let _progress = context.output.progress("Copying");
        parcel.deliver(session.vault()?, &mut target, now, &mut context.rng)
    };
    tell(context, &mut target);
    let delivery = delivered?;
    if !delivery.ledger.items.is_balanced() || !delivery.ledger.fields.is_balanced() {
        return Err(Failure::failed(
            "the ledger does not balance; please report this",
        ));
    }
    let trashed = match source {
        Source::Kept => 0,
        Source::Trashed => trash(context, &mut session, &delivery, &vault)?,
    };
    if context.output.json {
        return context.output.json(&Shown {
            schema: 1,
            vault,
            revived: delivery.revived.len(),
            trashed,
            items: delivery.ledger.items,
            fields: delivery.ledger.fields,
            entries: &delivery.ledger.entries,
        });
    }
    show(context, &target, &delivery, source);
    Ok(())
}

/// Standard input is one password, not two: which line would be whose?
fn refuse_shared_input(context: &Context, other: &OtherVault) -> Result<(), Failure> {
    let is_input = |file: &Option<PathBuf>| file.as_deref() == Some(Path::new("-"));
    let globals = &context.globals;
    let here = is_input(&globals.password_file) || is_input(&globals.recovery_key_file);
    let there = is_input(&other.password_file) || is_input(&other.recovery_key_file);
    if here && there {
        return Err(
            Failure::usage("standard input cannot be the password of both vaults")
                .hint("one of them can come from a file, or this vault's from --password-command"),
        );
    }
    Ok(())
}

fn find(context: &Context, places: &Places) -> Result<Located, Failure> {
    locate(context.storage.clone(), places).map_err(|error| {
        let is_missing = matches!(error, VaultError::NoVault(_));
        let failure = Failure::from(error);
        if is_missing {
            failure.hint("keyfold --vault PATH init makes one; --to-vault PATH|NAME names another")
        } else {
            failure
        }
    })
}

fn refuse_same(context: &mut Context, target: &Located) -> Result<(), Failure> {
    let here = context.places()?;
    // Where this vault is not found, opening it says so.
    match locate(context.storage.clone(), &here) {
        Ok(source) if source.id() == target.id() => {
            Err(Failure::usage("--to-vault names this very vault")
                .hint("without it, keyfold mv and cp work inside one vault"))
        }
        _ => Ok(()),
    }
}

/// Which items, and where each goes; `None` where it lies now.
fn plan(
    context: &mut Context,
    session: &mut Session,
    names: &[String],
    query: Option<&str>,
    to: Option<&str>,
) -> Result<Vec<(ItemId, Option<Place>)>, Failure> {
    let to_folder = to.and_then(folder_name);
    let mut wanted: Vec<(ItemId, Option<Place>)> = Vec::new();
    let mut items = Vec::new();
    for name in names {
        match folder_name(name) {
            Some(from) => {
                let moved = move_folder(context, session, from, to_folder.unwrap_or(from))?;
                wanted.extend(
                    moved.into_iter().map(|(id, folder, title)| {
                        (id, to_folder.map(|_| Place { folder, title }))
                    }),
                );
            }
            None => items.push(name.clone()),
        }
    }
    if !items.is_empty() || query.is_some() {
        for item in session.pick_several(context, &items, query, Scope::Live)? {
            let place = to_folder.map(|folder| Place {
                folder: folder.to_owned(),
                title: item.title.into_owned(),
            });
            wanted.push((item.id, place));
        }
    }
    let mut seen = HashSet::new();
    wanted.retain(|(id, _)| seen.insert(*id));
    match (to, to_folder, wanted.as_mut_slice()) {
        (Some(to), None, [(_, place)]) => *place = Some(new_place(to)?),
        (Some(_), None, _) => {
            return Err(Failure::usage("several items can only go to a folder")
                .hint("write the folder with a slash at its end"));
        }
        _ => {}
    }
    Ok(wanted)
}

fn new_place(path: &str) -> Result<Place, Failure> {
    let (folder, title) = split_path(path);
    if title.is_empty() {
        return Err(Failure::usage("an item needs a title"));
    }
    Ok(Place { folder, title })
}

/// Opens the other vault with what its own options give, else with a password that is asked for.
fn open(context: &mut Context, places: &Places, other: &OtherVault) -> Result<Vault, Failure> {
    let located = find(context, places)?;
    let given = other.password_file.is_some() || other.recovery_key_file.is_some();
    let found = try_keys(
        context,
        &located,
        !given && context.may_ask(),
        |was_wrong| {
            if was_wrong {
                context
                    .output
                    .warn("That does not open the other vault. Try again.");
            }
            credential(context, places, other)
        },
    );
    let unlocked = found?.unlocked;
    let (keys, slot) = unlocked.map_err(|error| refused(error, places))?;
    let device = context.device_name()?.value;
    let now = context.now();
    Ok(located.open(keys, Some(slot), &device, now, &mut context.rng)?)
}

fn credential(
    context: &Context,
    places: &Places,
    other: &OtherVault,
) -> Result<Credential, Failure> {
    let files = SecretFiles {
        password: other.password_file.as_deref(),
        key_file: other.key_file.as_deref(),
        recovery_key: other.recovery_key_file.as_deref(),
    };
    let vault = places.vault_file.display();
    let question = format!("Master password of {vault}: ");
    prompt::other_credential(context, &files, &question, || {
        let text = format!("{vault} needs its own password, and there is nobody to ask");
        Failure::new(Kind::Locked, text).hint("--to-password-file PATH gives it")
    })
}

/// Two vaults are at work: which of them a secret does not open has to be said.
fn refused(error: VaultError, places: &Places) -> Failure {
    let text = format!("{}: {error}", places.vault_file.display());
    match error {
        VaultError::Unlock(UnlockError::WrongSecret) => Failure::new(Kind::Locked, text)
            .hint("the other vault has a password of its own; nothing was changed in either"),
        VaultError::Unlock(UnlockError::NoSuchSlot) => Failure::new(Kind::Locked, text).hint(
            "--to-key-file PATH or --to-recovery-key-file PATH may be what is missing, or one too many",
        ),
        error => error.into(),
    }
}

fn refuse_taken(parcel: &Parcel, target: &Vault, vault: &str) -> Result<(), Failure> {
    let mut taken = parcel.taken_paths(target);
    if taken.is_empty() {
        return Ok(());
    }
    let failure = match taken.as_slice() {
        [path] => Failure::failed(format!("there is an item {path} already in {vault}")),
        _ => {
            taken.sort_unstable();
            Failure::failed(format!("there are items of these paths already in {vault}"))
                .candidates(taken)
        }
    };
    Err(failure.hint("give another place behind --to-vault VAULT: a folder with a slash at its end, or a new path"))
}

/// Tells what the other vault noticed, and that it was that one.
fn tell(context: &Context, target: &mut Vault) {
    let noticed = target.take_notices();
    let is_told = |notice| notices::calm(notice).is_some() || notices::serious(notice).is_some();
    if noticed.iter().any(is_told) {
        context
            .output
            .note(&format!("{}:", target.path().display()));
        notices::tell(context, &noticed);
    }
}

/// The items leave this vault; gives how many.
fn trash(
    context: &mut Context,
    session: &mut Session,
    delivery: &Delivery,
    vault: &str,
) -> Result<usize, Failure> {
    let now = context.now();
    let trashed = delivery.trash(session.vault()?, now, &mut context.rng);
    session.tell(context);
    let again =
        format!("{vault} has them, and they are still here; the same command again moves them");
    let changed = trashed.map_err(|error| Failure::from(error).hint(again.clone()))?;
    if changed.is_empty() {
        return Ok(delivery.items.len());
    }
    let state = session.vault()?.state();
    let paths = changed.iter().filter_map(|id| state.summary(*id));
    Err(Failure::failed("items were changed here meanwhile")
        .candidates(paths.map(|item| item.path()).collect())
        .hint(again))
}

fn show(context: &Context, target: &Vault, delivery: &Delivery, source: Source) {
    let vault = target.path().display();
    let changed = delivery.changed();
    for id in &delivery.items {
        let item = target.state().summary(*id);
        let path = item.map(|item| item.path()).unwrap_or_default();
        let line = match source {
            Source::Trashed => format!("Moved to {path} in {vault}"),
            Source::Kept if changed.contains(id) => {
                format!("Copied to {path} in {vault}")
            }
            Source::Kept => format!("Nothing new for {path} in {vault}"),
        };
        context.output.note(&line);
    }
    for entry in &delivery.ledger.entries {
        if let (Some(item), Some(field), Some(reason)) = (&entry.item, &entry.field, &entry.reason)
        {
            context.output.note(&format!("  {item}, {field}: {reason}"));
        }
    }
}
