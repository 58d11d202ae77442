//! The one door: every question that a front end may ask of an open vault, and its answer.
//!
//! Front ends hold no keys: they name items and fields, and a secret comes back only where they ask to reveal one value.
//! Nothing here prints, prompts or reads a clock; `now` and the random generator come in with the question.

pub mod export;
pub mod import;
mod questions;
pub mod transfer;

pub use questions::{
    ClockCheck, CodeKind, ForAddress, OneTimeCode, Request, Response, SeedRow, UndoRow,
};

use crate::audit::is_password_field;
use crate::model::ids::{Dot, FieldId, ItemId};
use crate::model::item::ItemSummary;
use crate::model::moment::Moment;
use crate::model::origin::{Origin, OriginError};
use crate::model::query::{
    Scope, WithheldReason, resolve, resolve_reference, resolve_target, resolve_url,
};
use crate::model::reference::{Reference, Target};
use crate::model::search;
use crate::otp::{Kind, Seed, SeedError};
use crate::secret::{Secret, scrub_stack};
use crate::state::change::ChangeError;
use crate::state::view::{ItemView, Value};
use crate::vault::{Vault, VaultError};
use rand::CryptoRng;
use std::fmt;

/// Values of items that are given together are no more than this, in bytes: an answer goes through the agent's socket as a whole.
const WHOLE_LIMIT: usize = 4 << 20;

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
    /// A code of this seed would move its counter.
    ByCounter,
    /// The address is none that an item could be for.
    Address(OriginError),
}

impl fmt::Display for ServiceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vault(error) => error.fmt(out),
            Self::NoItem => out.write_str("there is no such item"),
            Self::NoField => out.write_str("the item has no such field"),
            Self::Sealed => out.write_str("the value is damaged and does not open"),
            Self::Seed(error) => error.fmt(out),
            Self::ByCounter => out.write_str("its codes go by a counter: each is used once"),
            Self::Address(error) => error.fmt(out),
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

/// Answers a question, and leaves nothing of what was revealed for it on the stack.
///
/// # Errors
/// As [`ServiceError`] says; a change that failed has not changed what the vault means.
pub fn answer(
    vault: &mut Vault,
    request: Request,
    now: Moment,
    rng: &mut dyn CryptoRng,
) -> Result<Response, ServiceError> {
    let response = find_answer(vault, request, now, rng);
    scrub_stack();
    response
}

#[inline(never)]
fn find_answer(
    vault: &mut Vault,
    request: Request,
    now: Moment,
    rng: &mut dyn CryptoRng,
) -> Result<Response, ServiceError> {
    Ok(match request {
        Request::Clock => Response::Clock(clock(vault, now)),
        Request::Items => Response::Items(vault.state().summaries()),
        Request::Rows(ids) => Response::Items(rows(vault, &ids)),
        Request::Named(name, scope) => Response::Items(named(vault, &name, scope)),
        Request::StorePiece(piece) => {
            // EXPOSE: it is sealed into the vault.
            Response::Stored(vault.store_piece(piece.expose(), now, rng)?)
        }
        Request::DiscardPieces(names) => {
            vault.discard_pieces(&names, now, rng)?;
            Response::Done
        }
        Request::ReadPiece { item, dot, number } => {
            let piece = match vault.read_piece(item, dot, number) {
                Err(VaultError::NoPiece) => {
                    vault.look_again(now, rng)?;
                    vault.heal_piece(item, dot, number, now, rng)?;
                    vault.read_piece(item, dot, number)
                }
                piece => piece,
            };
            Response::Piece(piece?)
        }
        Request::BackUp(folder) => Response::BackedUp(Box::new(vault.back_up(&folder, now, rng)?)),
        Request::VerifyBackup(path) => {
            Response::BackupVerified(Box::new(vault.verify_backup(&path, now, rng)?))
        }
        Request::OneNamed(name, scope) => {
            let items = named(vault, &name, scope);
            let one = match items.as_slice() {
                [one] => vault.state().item(one.id).map(Box::new),
                _ => None,
            };
            Response::OneNamed(items, one)
        }
        Request::AtPath { folder, title } => Response::Items(at_path(vault, folder, title)),
        Request::ForAddress(address) => Response::ForAddress(for_address(vault, &address)?),
        Request::Find(text, scope) => {
            let state = vault.state();
            let searched = state.rows().filter(|item| scope.contains(item));
            let found = search::find(&text, searched).into_iter();
            Response::Items(found.map(|(_, item)| item.into_owned()).collect())
        }
        Request::Item(id) => Response::Item(Box::new(
            vault.state().item(id).ok_or(ServiceError::NoItem)?,
        )),
        Request::Reveal { item, field, dot } => Response::Secret(reveal(vault, item, field, dot)?),
        Request::Code { item, field } => Response::Code(code(vault, item, field, now, rng)?),
        Request::CodeByTime { item, field } => {
            let seed = open_seed(vault, item, field)?;
            Response::Code(code_by_time(&seed, now)?)
        }
        Request::Seeds(items) => Response::Seeds(seeds(vault, items)),
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
        Request::Devices => {
            let own = vault.device();
            Response::Devices(vault.state().device_rows(own, now), own)
        }
        Request::DeviceNames => Response::DeviceNames(vault.state().device_names()),
        Request::NameDevice(device, name) => {
            vault.update(now, rng, |plan, _| {
                plan.push(plan.state().plan_device_name(device, &name));
                Ok(())
            })?;
            Response::Done
        }
        Request::Status => Response::Status(Box::new(vault.status()?)),
        Request::Sync => {
            vault.sync(now, rng)?;
            Response::Synced(vault.pending())
        }
        Request::ReplaceForeignFile => {
            vault.replace_foreign_file(now, rng)?;
            Response::Synced(vault.pending())
        }
        Request::Check => Response::Check(Box::new(vault.check()?)),
        Request::Import(source, into) => {
            Response::Ledger(import::import(vault, *source, into.as_deref(), now, rng)?)
        }
        Request::Rehearse(source, into) => {
            let rehearsed = import::rehearse(vault, *source, into.as_deref(), rng);
            Response::Ledger(rehearsed.map_err(VaultError::Change)?)
        }
        Request::Whole(items) => Response::Whole(whole(vault, &items)),
        Request::SamePassword(password) => Response::Items(with_password(vault, &password)),
        Request::Fingerprint(words) => Response::Fingerprint(vault.fingerprint(words)),
    })
}

fn clock(vault: &Vault, now: Moment) -> ClockCheck {
    if vault.state().newest_clock().is_ahead_of(now) {
        ClockCheck::ChangeAhead
    } else if vault.is_clock_behind(now) {
        ClockCheck::Behind
    } else {
        ClockCheck::Plausible
    }
}

fn rows(vault: &Vault, ids: &[ItemId]) -> Vec<ItemSummary> {
    let rows = ids.iter().filter_map(|id| vault.state().summary(*id));
    rows.collect()
}

/// What lies in the trash has no reference: a script must not go on with it unawares.
fn named(vault: &Vault, name: &str, scope: Scope) -> Vec<ItemSummary> {
    let state = vault.state();
    let resolution = match Reference::parse(name) {
        Ok(reference) if scope != Scope::Trash => resolve_reference(&reference, state),
        _ => resolve(name, state, scope),
    };
    rows(vault, &resolution.into_ids())
}

fn at_path(vault: &Vault, folder: String, title: String) -> Vec<ItemSummary> {
    let target = Target::Path { folder, title };
    rows(vault, &resolve_target(&target, vault.state()).into_ids())
}

fn for_address(vault: &Vault, address: &str) -> Result<ForAddress, ServiceError> {
    let origin = Origin::parse(address).map_err(ServiceError::Address)?;
    let state = vault.state();
    let resolution = resolve_url(&origin, state, Scope::Live);
    let withheld = resolution.withheld.iter().map(|withheld| {
        let item = state.summary(withheld.item);
        let path = item.as_ref().map(ItemSummary::path).unwrap_or_default();
        let why = match &withheld.reason {
            WithheldReason::LookAlike(disguise) => disguise.describe(),
            WithheldReason::Insecure => "the address is http, the item's is https",
        };
        (path, why.to_owned())
    });
    Ok(ForAddress {
        withheld: withheld.collect(),
        items: rows(vault, &resolution.found.into_ids()),
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
    let seed = open_seed(vault, item, field)?;
    let Kind::Hotp { counter: start } = seed.kind() else {
        return code_by_time(&seed, now);
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
        kind: CodeKind::Hotp,
        period_secs: None,
        remaining_secs: None,
        next: None,
        counter: Some(counter),
    })
}

fn open_seed(vault: &Vault, item: ItemId, field: FieldId) -> Result<Seed, ServiceError> {
    Seed::parse(&reveal(vault, item, field, None)?).map_err(ServiceError::Seed)
}

fn code_by_time(seed: &Seed, now: Moment) -> Result<OneTimeCode, ServiceError> {
    if matches!(seed.kind(), Kind::Hotp { .. }) {
        return Err(ServiceError::ByCounter);
    }
    let code = seed
        .code_at(now.seconds())
        .map_err(|_| ServiceError::NoField)?;
    Ok(OneTimeCode {
        code: code.text,
        kind: seed.kind().into(),
        period_secs: Some(code.period_secs),
        remaining_secs: Some(code.remaining_secs),
        next: Some(code.next),
        counter: None,
    })
}

/// Each seed is opened for a look at its kind, one at a time.
fn seeds(vault: &Vault, items: Option<Vec<ItemId>>) -> Vec<SeedRow> {
    let state = vault.state();
    let items = items.unwrap_or_else(|| {
        let living = state.rows().filter(|item| !item.trashed);
        living.map(|item| item.id).collect()
    });
    let rows = items.into_iter().filter_map(|id| {
        let view = state.item(id)?;
        let field = view.seed_field()?;
        let seed = open_seed(vault, id, field).ok();
        Some(SeedRow {
            item: view.summary(),
            field,
            kind: seed.map(|seed| seed.kind().into()),
        })
    });
    rows.collect()
}

/// The first of these items, as long as they are no more together than [`WHOLE_LIMIT`].
fn whole(vault: &Vault, items: &[ItemId]) -> Vec<Option<ItemView>> {
    let mut bytes = 0;
    let mut views = Vec::new();
    for id in items {
        let view = vault.state().item(*id);
        let fields = view.iter().flat_map(|view| &view.fields);
        let heads = fields.flat_map(|field| std::iter::once(&field.current).chain(&field.others));
        let lengths = heads.map(|head| match &head.value {
            Value::Plain(text) => text.len(),
            Value::Sealed(sealed) => sealed.len(),
        });
        bytes += lengths.sum::<usize>();
        if bytes > WHOLE_LIMIT && !views.is_empty() {
            break;
        }
        views.push(view);
    }
    views
}

/// Opens the passwords that are as long as this one, one at a time, and keeps none.
fn with_password(vault: &Vault, password: &Secret) -> Vec<ItemSummary> {
    let state = vault.state();
    let living = state.names().filter(|item| !item.trashed);
    let have = living.filter_map(|item| {
        let view = state.item(item.id)?;
        let mut fields = view.fields.iter();
        let has = fields.any(|field| {
            let value = &field.current.value;
            is_password_field(field.id, field.kind, &field.name)
                && vault.revealer().holds(view.id, field.id, value, password)
        });
        has.then(|| view.summary())
    });
    let mut have: Vec<ItemSummary> = have.collect();
    have.sort_by_cached_key(ItemSummary::path);
    have
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
