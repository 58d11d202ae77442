//! The one door: every question that a front end may ask of an open vault, and its answer.
//!
//! Front ends hold no keys: they name items and fields, and a secret comes back only where they ask to reveal one value.
//! Nothing here prints, prompts or reads a clock; `now` and the random generator come in with the question.

pub mod export;
pub mod import;
pub mod transfer;

use crate::model::draft::Draft;
use crate::model::ids::{DeviceId, Dot, FieldId, ItemId, RecordId};
use crate::model::item::ItemSummary;
use crate::model::moment::Moment;
use crate::otp::{Kind, Seed, SeedError};
use crate::secret::Secret;
use crate::state::change::{ChangeError, Edit};
use crate::state::conflict::Conflict;
use crate::state::devices::DeviceRow;
use crate::state::view::{FormerView, ItemView, Life, Value};
use crate::vault::{Vault, VaultError};
use rand::CryptoRng;
use std::fmt;

/// A question.
pub enum Request {
    /// Every item, the trash included.
    Items,
    /// One item, secrets sealed.
    Item(ItemId),
    /// One value in clear: the field's current one, or the head or former value of this dot.
    Reveal {
        /// The item.
        item: ItemId,
        /// The field.
        field: FieldId,
        /// Which of its values; `None` for the one that shows.
        dot: Option<Dot>,
    },
    /// The code of a one-time password field. An HOTP counter moves forward, durably, before the code is given.
    Code {
        /// The item.
        item: ItemId,
        /// The field with the seed.
        field: FieldId,
    },
    /// Former values of an item, newest first.
    History(ItemId),
    /// New items, all or none.
    Add(Vec<Draft>),
    /// Changes to items, all or none.
    Edit(Vec<(ItemId, Vec<Edit>)>),
    /// Items to the trash or back, all or none.
    SetLife(Vec<ItemId>, Life),
    /// Content of items gone for ever; both files are rewritten.
    Purge(Vec<ItemId>),
    /// This device's changes that can be undone, newest first.
    Undoable,
    /// Takes changes back, newest first.
    Undo(Vec<RecordId>),
    /// What devices changed apart and nobody has decided: of one item, or of all.
    Conflicts(Option<ItemId>),
    /// Takes one value of a conflict, counted from 0, for all of them.
    Resolve(Box<Conflict>, usize),
    /// Devices that share the vault.
    Devices,
    /// Gives a device another name; an empty one retires it.
    NameDevice(DeviceId, String),
}

/// An answer.
pub enum Response {
    /// To [`Request::Items`].
    Items(Vec<ItemSummary>),
    /// To [`Request::Item`].
    Item(Box<ItemView>),
    /// To [`Request::Reveal`].
    Secret(Secret),
    /// To [`Request::Code`].
    Code(OneTimeCode),
    /// To [`Request::History`].
    History(Vec<FormerView>),
    /// To [`Request::Add`]: the new items' ids.
    Added(Vec<ItemId>),
    /// To [`Request::Undoable`].
    Undoable(Vec<UndoRow>),
    /// To [`Request::Conflicts`].
    Conflicts(Vec<Conflict>),
    /// To [`Request::Devices`].
    Devices(Vec<DeviceRow>),
    /// To everything else.
    Done,
}

/// A one-time code.
pub struct OneTimeCode {
    /// The code.
    pub code: Secret,
    /// `totp`, `hotp` or `steam`.
    pub kind: &'static str,
    /// Seconds that a code is good for; none for HOTP.
    pub period_secs: Option<u32>,
    /// Seconds that this one is still good for.
    pub remaining_secs: Option<u32>,
    /// The code after this one; none for HOTP, whose next one would use the counter up.
    pub next: Option<Secret>,
    /// The counter that was used, for HOTP.
    pub counter: Option<u64>,
}

/// A change that can be undone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UndoRow {
    /// The record.
    pub record: RecordId,
    /// When it was written.
    pub at: Moment,
    /// Items that it touched.
    pub items: Vec<ItemId>,
}

/// Why a question has no answer.
#[derive(Debug)]
pub enum ServiceError {
    /// What the vault says.
    Vault(VaultError),
    /// The item is not there.
    NoItem,
    /// The field is not there.
    NoField,
    /// The value does not open in its place.
    Sealed,
    /// The field's text is no seed.
    Seed(SeedError),
}

impl fmt::Display for ServiceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vault(error) => error.fmt(out),
            Self::NoItem => out.write_str("there is no such item"),
            Self::NoField => out.write_str("the item has no such field"),
            Self::Sealed => out.write_str("the value is damaged and does not open"),
            Self::Seed(error) => error.fmt(out),
        }
    }
}

impl std::error::Error for ServiceError {}

impl From<VaultError> for ServiceError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Change(ChangeError::NoItem) => Self::NoItem,
            error => Self::Vault(error),
        }
    }
}

/// Answers a question.
///
/// # Errors
/// As [`ServiceError`] says; a change that failed has not changed what the vault means.
pub fn answer(
    vault: &mut Vault,
    request: Request,
    now: Moment,
    rng: &mut dyn CryptoRng,
) -> Result<Response, ServiceError> {
    Ok(match request {
        Request::Items => Response::Items(vault.state().summaries()),
        Request::Item(id) => Response::Item(Box::new(
            vault.state().item(id).ok_or(ServiceError::NoItem)?,
        )),
        Request::Reveal { item, field, dot } => Response::Secret(reveal(vault, item, field, dot)?),
        Request::Code { item, field } => Response::Code(code(vault, item, field, now, rng)?),
        Request::History(id) => Response::History(vault.state().history(id)),
        Request::Add(drafts) => Response::Added(vault.update(now, rng, |plan, rng| {
            Ok(drafts
                .into_iter()
                .map(|draft| plan.add(draft, rng))
                .collect())
        })?),
        Request::Edit(edits) => {
            vault.update(now, rng, |plan, rng| {
                edits
                    .into_iter()
                    .try_for_each(|(item, edits)| plan.edit(item, edits, rng))
            })?;
            Response::Done
        }
        Request::SetLife(items, life) => {
            vault.update(now, rng, |plan, _| {
                items
                    .into_iter()
                    .try_for_each(|item| plan.set_life(item, life))
            })?;
            Response::Done
        }
        Request::Purge(items) => {
            vault.update(now, rng, |plan, _| {
                items.into_iter().for_each(|item| plan.purge(item));
                Ok(())
            })?;
            // The erasure is committed; a disk too full to rewrite the files now is no reason to deny it.
            if let Err(error) = vault.compact(now, rng) {
                vault.postpone(&error);
            }
            Response::Done
        }
        Request::Undoable => Response::Undoable(undoable(vault)),
        Request::Undo(records) => {
            vault.update(now, rng, |plan, _| {
                records.into_iter().try_for_each(|record| plan.undo(record))
            })?;
            Response::Done
        }
        Request::Conflicts(item) => Response::Conflicts(match item {
            Some(item) => vault.state().conflicts_of(item),
            None => vault.state().conflicts(),
        }),
        Request::Resolve(seen, taken) => {
            vault.update(now, rng, |plan, _| plan.resolve(&seen, taken))?;
            Response::Done
        }
        Request::Devices => Response::Devices(vault.state().device_rows(vault.device(), now)),
        Request::NameDevice(device, name) => {
            vault.update(now, rng, |plan, _| {
                plan.push(plan.state().plan_device_name(device, &name));
                Ok(())
            })?;
            Response::Done
        }
    })
}

fn reveal(
    vault: &Vault,
    item: ItemId,
    field: FieldId,
    dot: Option<Dot>,
) -> Result<Secret, ServiceError> {
    let view = vault.state().item(item).ok_or(ServiceError::NoItem)?;
    let value = find_value(vault, &view, field, dot).ok_or(ServiceError::NoField)?;
    vault
        .reveal(item, field, &value)
        .ok_or(ServiceError::Sealed)
}

fn find_value(vault: &Vault, view: &ItemView, field: FieldId, dot: Option<Dot>) -> Option<Value> {
    let current = view.field(field);
    let Some(dot) = dot else {
        let url = view
            .urls
            .iter()
            .find(|url| url.id == field)
            .map(|url| Value::Plain(url.address.clone()));
        return current.map(|field| field.current.value.clone()).or(url);
    };
    let heads = current
        .into_iter()
        .flat_map(|field| std::iter::once(&field.current).chain(&field.others));
    let head = heads
        .into_iter()
        .find(|head| head.dot == dot)
        .map(|head| head.value.clone());
    head.or_else(|| {
        let former = vault
            .state()
            .history(view.id)
            .into_iter()
            .find(|former| former.value.dot == dot);
        former.map(|former| former.value.value)
    })
}

fn code(
    vault: &mut Vault,
    item: ItemId,
    field: FieldId,
    now: Moment,
    rng: &mut dyn CryptoRng,
) -> Result<OneTimeCode, ServiceError> {
    let seed = Seed::parse(&reveal(vault, item, field, None)?).map_err(ServiceError::Seed)?;
    let kind = seed.kind().name();
    let Kind::Hotp { counter: start } = seed.kind() else {
        let code = seed
            .code_at(now.seconds())
            .map_err(|_| ServiceError::NoField)?;
        return Ok(OneTimeCode {
            code: code.text,
            kind,
            period_secs: Some(code.period_secs),
            remaining_secs: Some(code.remaining_secs),
            next: Some(code.next),
            counter: None,
        });
    };
    // The counter is read and moved under one lock: two processes never give the same code.
    let counter = vault.update(now, rng, |plan, _| {
        let stored = plan.state().item(item).ok_or(ChangeError::NoItem)?;
        let stored = stored
            .field(field)
            .ok_or_else(|| ChangeError::NoField("otp".to_owned()))?;
        let counter = stored.counter.unwrap_or(0).max(start);
        plan.count(item, field, stored.seed, counter.saturating_add(1));
        Ok(counter)
    })?;
    let code = seed
        .code_for_counter(counter)
        .map_err(|_| ServiceError::NoField)?;
    Ok(OneTimeCode {
        code,
        kind,
        period_secs: None,
        remaining_secs: None,
        next: None,
        counter: Some(counter),
    })
}

fn undoable(vault: &Vault) -> Vec<UndoRow> {
    let rows = vault.undoable_records().into_iter().filter_map(|record| {
        let (head, operations) = vault.state().record_operations(record)?;
        let mut items: Vec<ItemId> = operations
            .iter()
            .filter_map(|operation| operation.item)
            .collect();
        items.sort_unstable();
        items.dedup();
        Some(UndoRow {
            record,
            at: head.clock.moment(),
            items,
        })
    });
    rows.collect()
}
