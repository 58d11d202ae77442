//! `slots remove`: closes a way in for good. Who held it may have a copy of the file, and with it the data key, so the vault gets a
//! new one.

use super::find;
use crate::commands::init::stretched;
use crate::commands::rekey::{seal_anew, tell_new_key};
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::prompt;
use crate::session::{Session, unexpected};
use keyfold::crypto::kdf::KdfCost;
use keyfold::crypto::recovery::RecoveryKey;
use keyfold::crypto::slot::SlotKind;
use keyfold::model::ids::SlotId;
use keyfold::secret::Secret;
use keyfold::vault::{Credential, SlotRow};
use serde::Serialize;
use std::collections::BTreeSet;

pub(super) fn run(context: &mut Context, id: &str, yes: bool) -> Result<(), Failure> {
    let (mut session, credential) = Session::open_own_keeping(context)?;
    let rows = session.vault()?.slot_rows();
    let row = find(&rows, id)?;
    let told: BTreeSet<SlotId> = rows.iter().map(|row| row.id).collect();
    let own = rows.iter().find(|row| row.in_use).ok_or_else(unexpected)?;
    if rows.len() == 1 {
        return Err(Failure::failed("that is the last way in"));
    }
    if own.id == row.id || !own.kind.is_stretched() {
        return Err(
            Failure::failed("a new key needs a password that stays, and none was given").hint(
                "open with another password, or --keep-key only closes it, or keyfold rekey sets a new one",
            ),
        );
    }
    let stays = |other: &&SlotRow| other.id != own.id && other.id != row.id;
    let lost: Vec<&SlotRow> = rows.iter().filter(stays).collect();
    agree(context, row, &lost, yes)?;
    let (cost, label) = (own.cost.ok_or_else(unexpected)?, own.label.clone());
    let mut secrets = vec![stretched(context, &credential, cost, &label)?];
    let recovery = lost
        .iter()
        .any(|row| row.kind == SlotKind::RecoveryKey)
        .then(|| RecoveryKey::make(&mut context.rng));
    let shown = recovery.as_ref().map(RecoveryKey::to_text);
    if let Some(key) = recovery {
        let key = Credential::RecoveryKey(key);
        secrets.push(stretched(context, &key, KdfCost::FLOOR, "recovery key")?);
    }
    seal_anew(context, &mut session, &told, secrets, |context| {
        tell(context, row.id, shown.as_ref(), &lost)
    })
}

fn tell(
    context: &mut Context,
    removed: SlotId,
    shown: Option<&Secret>,
    lost: &[&SlotRow],
) -> Result<(), Failure> {
    if context.output.json {
        let lost = lost.iter().map(|row| row.id).collect();
        return tell_json(context, removed, shown, lost);
    }
    context
        .output
        .note("That way in is closed, and the vault has a new key: nothing written from now on can be read with it.");
    tell_new_key(context, shown)
}

/// Names what will be lost besides, and asks where anything is.
fn agree(context: &Context, row: &SlotRow, lost: &[&SlotRow], yes: bool) -> Result<(), Failure> {
    for other in lost {
        let what = match other.kind {
            SlotKind::RecoveryKey => "This way in will be replaced",
            _ => "This way in will be gone too",
        };
        let kind = other.kind.name();
        context
            .output
            .note(&format!("{what}: {} ({kind}).", other.label));
    }
    if yes {
        return Ok(());
    }
    if !context.may_ask() {
        if lost.is_empty() {
            return Ok(());
        }
        return Err(
            Failure::new(Kind::Usage, "other ways in would be lost with it")
                .hint("--yes goes on; --keep-key only closes this one"),
        );
    }
    let question = format!(
        "Close the way in {} ({}), and give the vault a new key?",
        row.label,
        row.kind.name()
    );
    if prompt::confirm(context, &question)? {
        Ok(())
    } else {
        Err(Failure::failed("nothing was changed"))
    }
}

#[derive(Serialize)]
struct Removed<'a> {
    schema: u32,
    removed: String,
    lost: Vec<String>,
    recovery_key: Option<&'a str>,
}

pub(super) fn tell_json(
    context: &Context,
    removed: SlotId,
    recovery_key: Option<&Secret>,
    lost: Vec<SlotId>,
) -> Result<(), Failure> {
    context.output.json(&Removed {
        schema: 1,
        removed: removed.to_string(),
        lost: lost.iter().map(ToString::to_string).collect(),
        // EXPOSE: the new recovery key is shown this once.
        recovery_key: recovery_key.map(Secret::expose),
    })
}
