//! Drafts and documents into a vault: what is new is made, what differs is changed, what the vault has stays untouched.
//!
//! An import never takes anything away: fields that the source lacks stay, and what it replaces is in the history. All
//! of it is one record, wholly there or wholly absent; importing the same file again changes nothing.

mod drafts;
mod ledger;
mod matching;
mod native;

pub use drafts::plan_drafts;
pub use ledger::{Counts, Entry, Ledger, Outcome};
pub use native::plan_document;

use crate::exchange::Source;
use crate::model::moment::Moment;
use crate::state::change::{ChangeError, Plan};
use crate::vault::{Revealer, Vault, VaultError};
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
    vault.update_revealing(now, rng, |plan, revealer, rng| {
        plan_source(plan, revealer, source, into, rng)
    })
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
    plan_source(&mut plan, vault.revealer(), source, into, rng)
}

fn plan_source(
    plan: &mut Plan<'_>,
    revealer: Revealer<'_>,
    source: Source,
    into: Option<&str>,
    rng: &mut dyn CryptoRng,
) -> Result<Ledger, ChangeError> {
    match source {
        Source::Foreign(imported) => plan_drafts(plan, revealer, imported, into, rng),
        Source::Native(document) => plan_document(plan, revealer, document),
    }
}
