//! `slots`: the ways into the vault.

mod remove;

use crate::cli::{Slots, SlotsAction};
use crate::commands::init::stretched;
use crate::commands::passwd::{cost, given_cost, new_credential};
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::keyring;
use crate::prompt;
use crate::session::Session;
use crate::table;
use keyfold::crypto::kdf::KdfCost;
use keyfold::crypto::slot::KeyringKey;
use keyfold::model::ids::SlotId;
use keyfold::model::moment::Moment;
use keyfold::vault::{Credential, SlotRow};
use serde::Serialize;

pub(crate) fn run(context: &mut Context, args: Slots) -> Result<(), Failure> {
    match args.action.unwrap_or(SlotsAction::List) {
        SlotsAction::List => list(context),
        SlotsAction::Add { label, keyring, .. } if keyring => add_keyring(context, label),
        SlotsAction::Add {
            label,
            new_password_file,
            new_key_file,
            kdf,
            ..
        } => {
            given_cost(&kdf)?;
            let label = label.unwrap_or_else(|| "password".to_owned());
            let mut session = Session::open_own(context)?;
            let new = new_credential(
                context,
                new_password_file.as_deref(),
                new_key_file.as_deref(),
            )?;
            let cost = cost(context, &kdf)?;
            let secret = stretched(context, &new, cost, &label)?;
            let now = context.now();
            let id = session.vault()?.add_slot(secret, now, &mut context.rng)?;
            session.tell(context);
            tell_added(context, id, &label)
        }
        SlotsAction::Remove { id, keep_key, yes } if keep_key => close(context, &id, yes),
        SlotsAction::Remove { id, yes, .. } => remove::run(context, &id, yes),
    }
}

fn tell_added(context: &Context, id: SlotId, label: &str) -> Result<(), Failure> {
    if context.output.json {
        #[derive(Serialize)]
        struct Added<'a> {
            schema: u32,
            id: String,
            label: &'a str,
        }
        return context.output.json(&Added {
            schema: 1,
            id: id.to_string(),
            label,
        });
    }
    context.output.note(&format!("Added the way in {label}."));
    Ok(())
}

/// A way in whose secret the keyring of this device's desktop holds.
fn add_keyring(context: &mut Context, label: Option<String>) -> Result<(), Failure> {
    let label = match label {
        Some(label) => label,
        None => format!("keyring of {}", context.device_name()?.value),
    };
    let mut session = Session::open_own(context)?;
    let live = session.vault()?.slot_rows();
    let known = session.vault()?.keyring_slot();
    if let Some(known) = known.filter(|known| live.iter().any(|row| row.id == *known)) {
        return Err(
            Failure::failed("this device's keyring holds a way in already")
                .hint(format!("keyfold slots remove {known}")),
        );
    }
    let key = KeyringKey::make(&mut context.rng);
    let kept = key.duplicate();
    let secret = stretched(context, &Credential::Keyring(key), KdfCost::FLOOR, &label)?;
    let now = context.now();
    let id = session.vault()?.add_slot(secret, now, &mut context.rng)?;
    session.tell(context);
    let stored = keyring::store(context, id, &kept)
        .map_err(Failure::failed)
        .and_then(|()| {
            Ok(session
                .vault()?
                .remember_keyring(Some(id), &mut context.rng)?)
        });
    if let Err(failure) = stored {
        // The keyring may hold it all the same, or take it yet; where it cannot be reached there is nothing more to do.
        let _removed = keyring::remove(context, id);
        // A way in that nothing holds opens nothing; it only takes a place.
        session.vault()?.remove_slot(id, now, &mut context.rng)?;
        return Err(failure.hint("the vault has no new way in"));
    }
    context.output.note("Whoever is logged in on this device opens the vault without a password now, whatever program they run; keyfold lock does not keep them out.");
    tell_added(context, id, &label)
}

fn list(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::open_own(context)?;
    let rows = session.vault()?.slot_rows();
    if context.output.json {
        #[derive(Serialize)]
        struct Row {
            id: String,
            kind: &'static str,
            label: String,
            memory_mib: Option<u32>,
            passes: Option<u32>,
            lanes: Option<u32>,
            created: Option<String>,
            last_used: Option<String>,
            in_use: bool,
        }
        #[derive(Serialize)]
        struct List {
            schema: u32,
            slots: Vec<Row>,
        }
        let slots = rows.into_iter().map(|row| Row {
            id: row.id.to_string(),
            kind: row.kind.name(),
            label: row.label,
            memory_mib: row.cost.map(|cost| cost.memory_kib() / 1024),
            passes: row.cost.map(|cost| cost.passes()),
            lanes: row.cost.map(|cost| cost.lanes()),
            created: row.created.map(Moment::to_rfc3339),
            last_used: row.last_used.map(day_of),
            in_use: row.in_use,
        });
        return context.output.json(&List {
            schema: 1,
            slots: slots.collect(),
        });
    }
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    for line in table::render(
        &["id", "opened by", "label", "cost", "made", "used here"],
        &cells,
        context.output.width(),
    ) {
        context.output.raw(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}

fn cells(row: &SlotRow) -> Vec<String> {
    let cost = row.cost.map(|cost| {
        format!(
            "{} MiB, {} passes, {} lanes",
            cost.memory_kib() / 1024,
            cost.passes(),
            cost.lanes()
        )
    });
    let made = row.created.map(day_of);
    let used = row.last_used.map(day_of);
    let short = row.id.to_string().chars().take(8).collect();
    let kind = if row.in_use {
        format!("{} (this one)", row.kind.name())
    } else {
        row.kind.name().to_owned()
    };
    vec![
        short,
        kind,
        row.label.clone(),
        cost.unwrap_or_default(),
        made.unwrap_or_default(),
        used.unwrap_or_default(),
    ]
}

fn day_of(moment: Moment) -> String {
    moment.to_rfc3339().chars().take(10).collect()
}

/// The way in that an id or the start of one names.
fn find<'a>(rows: &'a [SlotRow], id: &str) -> Result<&'a SlotRow, Failure> {
    let matching: Vec<&SlotRow> = rows
        .iter()
        .filter(|row| id.len() >= 4 && row.id.to_string().starts_with(&id.to_lowercase()))
        .collect();
    match matching.as_slice() {
        [row] => Ok(row),
        [] => Err(
            Failure::new(Kind::NotFound, format!("there is no way in {id}"))
                .hint("keyfold slots list shows them"),
        ),
        _ => Err(Failure::new(
            Kind::Ambiguous,
            format!("several ways in begin with {id}"),
        )),
    }
}

/// Closes a way in and leaves the data key as it is.
fn close(context: &mut Context, id: &str, yes: bool) -> Result<(), Failure> {
    let mut session = Session::open_own(context)?;
    let rows = session.vault()?.slot_rows();
    let row = find(&rows, id)?;
    let question = format!("Close the way in {} ({})?", row.label, row.kind.name());
    if !yes && context.may_ask() && !prompt::confirm(context, &question)? {
        return Err(Failure::failed("nothing was changed"));
    }
    let now = context.now();
    session
        .vault()?
        .remove_slot(row.id, now, &mut context.rng)?;
    session.tell(context);
    forget_keyring(context, &mut session, Some(row.id))?;
    if context.output.json {
        return remove::tell_json(context, row.id, None, Vec::new());
    }
    context.output.note("That way in is closed.");
    context
        .output
        .note("If somebody else may know it and have a copy of the file: keyfold rekey.");
    Ok(())
}

/// Takes this device's way in out of its keyring: where it is this one, or whichever it is after all were closed.
pub(super) fn forget_keyring(
    context: &mut Context,
    session: &mut Session,
    closed: Option<SlotId>,
) -> Result<(), Failure> {
    let vault = session.vault()?;
    let Some(held) = vault.keyring_slot() else {
        return Ok(());
    };
    if closed.is_some_and(|closed| closed != held) {
        return Ok(());
    }
    vault.remember_keyring(None, &mut context.rng)?;
    match keyring::remove(context, held) {
        Ok(()) if closed.is_none() => context.output.note(
            "This device's keyring opens the vault no more; keyfold slots add --keyring lets it again.",
        ),
        Ok(()) => {}
        Err(error) => context.output.warn(&format!(
            "The keyring keeps a secret that opens nothing any more: {error}."
        )),
    }
    Ok(())
}
