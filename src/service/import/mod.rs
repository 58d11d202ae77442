//! Drafts and documents into a vault: what is new is made, what differs is changed, what the vault has stays untouched.
//!
//! An import never takes anything away: fields that the source lacks stay, and what it replaces is in the history. All
//! of it is one record, wholly there or wholly absent; importing the same file again changes nothing.

mod carried;
mod drafts;
mod files;
mod ledger;
mod matching;
mod native;

pub use carried::Carried;
pub use ledger::{Counts, Entry, Ledger, Outcome};
pub use native::plan_document;

use crate::exchange::native::Document;
use crate::exchange::{Imported, Source};
use crate::model::moment::Moment;
use crate::state::change::{ChangeError, Plan};
use crate::vault::{Vault, VaultError};
use drafts::{plan_drafts, put_under};
use files::Files;
use rand::CryptoRng;

/// Imports a source as one record; `into` is the folder that another program's items go under.
///
/// # Errors
/// As [`Vault::update`]; then nothing was imported.
pub fn import(
    vault: &mut Vault,
    source: Source,
    into: Option<&str>,
    now: Moment,
    rng: &mut dyn CryptoRng,
) -> Result<Ledger, VaultError> {
    let mut imported = match source {
        Source::Foreign(imported) => imported,
        Source::Native(document) => return import_document(vault, document, now, rng),
    };
    put_all_under(&mut imported, into);
    let mut files = Files::find(vault, &mut imported);
    let planned = files.store(vault, &imported, now, rng).and_then(|()| {
        vault.update_revealing(now, rng, |plan, revealer, rng| {
            plan_drafts(plan, revealer, imported, &files, rng)
        })
    });
    if planned.is_err() {
        // What is left then goes with a later compact.
        let _ = vault.discard_pieces(&files.pieces(), now, rng);
    }
    planned
}

fn import_document(
    vault: &mut Vault,
    mut document: Document,
    now: Moment,
    rng: &mut dyn CryptoRng,
) -> Result<Ledger, VaultError> {
    let mut carried = Carried::default();
    let stored = carried.store_document(vault, &mut document, now, rng);
    let planned = stored.and_then(|()| {
        vault.update_revealing(now, rng, |plan, revealer, _| {
            plan_document(plan, revealer, document, &carried)
        })
    });
    if planned.is_err() {
        // What is left then goes with a later compact.
        let _ = vault.discard_pieces(&carried.pieces(), now, rng);
    }
    planned
}

fn put_all_under(imported: &mut Imported, into: Option<&str>) {
    for item in &mut imported.drafts {
        put_under(&mut item.draft, into);
    }
}

/// What [`import`] would do; nothing is written.
///
/// # Errors
/// As [`import`], except for what the disk may say.
pub fn rehearse(
    vault: &Vault,
    source: Source,
    into: Option<&str>,
    rng: &mut dyn CryptoRng,
) -> Result<Ledger, ChangeError> {
    let mut plan = Plan::new(vault.state());
    let revealer = vault.revealer();
    match source {
        Source::Foreign(mut imported) => {
            put_all_under(&mut imported, into);
            let files = Files::find(vault, &mut imported);
            plan_drafts(&mut plan, revealer, imported, &files.pretended(), rng)
        }
        Source::Native(mut document) => {
            let carried = Carried::pretend(vault, &mut document);
            plan_document(&mut plan, revealer, document, &carried)
        }
    }
}
