//! Devices that share a vault and meet now and then, and random changes on them.

use super::{add, later, made, opened, places};
use keyfold::model::draft::{DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::state::change::Edit;
use keyfold::state::view::Life;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::Vault;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::Arc;

/// One change, by device and by the number of the item it is about.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Add,
    Password(usize, u8),
    Seed(usize, u8),
    Username(usize, u8),
    Tag(usize, u8),
    Untag(usize, u8),
    Url(usize, u8),
    Custom(usize, u8),
    Trash(usize),
    Restore(usize),
    Purge(usize),
    Prune(usize),
    Undo(usize),
    Count(usize, u64),
    Resolve(usize, usize),
    Meet,
}

fn step() -> impl Strategy<Value = Step> {
    let item = 0..6_usize;
    prop_oneof![
        3 => Just(Step::Add),
        3 => (item.clone(), any::<u8>()).prop_map(|(item, value)| Step::Password(item, value)),
        2 => (item.clone(), 0..3_u8).prop_map(|(item, value)| Step::Seed(item, value)),
        2 => (item.clone(), any::<u8>()).prop_map(|(item, value)| Step::Username(item, value)),
        1 => (item.clone(), 0..3_u8).prop_map(|(item, value)| Step::Tag(item, value)),
        1 => (item.clone(), 0..3_u8).prop_map(|(item, value)| Step::Untag(item, value)),
        1 => (item.clone(), 0..3_u8).prop_map(|(item, value)| Step::Url(item, value)),
        1 => (item.clone(), 0..3_u8).prop_map(|(item, value)| Step::Custom(item, value)),
        1 => item.clone().prop_map(Step::Trash),
        1 => item.clone().prop_map(Step::Restore),
        1 => item.clone().prop_map(Step::Purge),
        1 => item.clone().prop_map(Step::Prune),
        1 => item.clone().prop_map(Step::Undo),
        1 => (item.clone(), 0..3_usize).prop_map(|(item, taken)| Step::Resolve(item, taken)),
        1 => (item, any::<u64>()).prop_map(|(item, count)| Step::Count(item, count)),
        2 => Just(Step::Meet),
    ]
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    prop::collection::vec((0..3_usize, step()), 1..25)
}

/// The same cases each time; `PROPTEST_CASES=1000` tries as many others.
pub(crate) fn config() -> ProptestConfig {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    let cases = wanted.as_ref().and_then(|cases| cases.parse().ok());
    let mut config = ProptestConfig::with_cases(cases.unwrap_or(32));
    config.failure_persistence = None;
    if wanted.is_none() {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}

/// Devices that share a vault and see each other's changes only when they meet.
pub(crate) struct Devices {
    pub(crate) storages: Vec<Arc<SimulatedStorage>>,
    pub(crate) rng: StdRng,
    pub(crate) second: u64,
}

pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

impl Devices {
    pub(crate) fn new() -> Self {
        let storage = Arc::new(SimulatedStorage::new());
        let mut rng = StdRng::seed_from_u64(1);
        let mut vault = made(&storage, &mut rng);
        add(&mut vault, "shared", "first", later(1), &mut rng).unwrap();
        drop(vault);
        let file = storage.content(&places("a").vault_file).unwrap();
        let mut storages = vec![storage];
        for _ in 1..NAMES.len() {
            let other = Arc::new(SimulatedStorage::new());
            other.place(&places("b").vault_file, &file);
            storages.push(other);
        }
        let second = 10;
        Self {
            storages,
            rng,
            second,
        }
    }

    pub(crate) fn vault(&mut self, device: usize) -> Vault {
        self.second += 10;
        opened(&self.storages[device], NAMES[device], 1, later(self.second)).unwrap()
    }

    /// Every device gets every frame, in another order on each.
    pub(crate) fn meet(&mut self) {
        let files: Vec<Vec<u8>> = self
            .storages
            .iter()
            .map(|storage| storage.content(&places("a").vault_file).unwrap())
            .collect();
        for device in 0..NAMES.len() {
            let mut all = files[device].clone();
            for other in (0..NAMES.len()).rev().filter(|other| *other != device) {
                all.extend_from_slice(&files[other][1024..]);
            }
            self.storages[device].place(&places("a").vault_file, &all);
            drop(self.vault(device));
        }
    }

    pub(crate) fn take(&mut self, device: usize, step: &Step) {
        if let Step::Meet = step {
            self.meet();
            return;
        }
        let mut vault = self.vault(device);
        let now = later(self.second);
        let rng = &mut self.rng;
        let ids: Vec<ItemId> = vault.state().summaries().iter().map(|row| row.id).collect();
        let pick = |number: &usize| ids.get(number % ids.len().max(1)).copied();
        let set = |name, kind, value: &u8| {
            let value = DraftValue::new(kind, format!("value {value}"));
            Edit::Set(name, kind, value)
        };
        let standard = |number| FieldName::Standard(number);
        let (item, edit) = match step {
            Step::Add => {
                add(&mut vault, "added", "first", now, rng).unwrap();
                return;
            }
            Step::Password(item, value) => (
                item,
                set(standard(field::PASSWORD), FieldKind::Secret, value),
            ),
            Step::Seed(item, value) => (item, set(standard(field::OTP), FieldKind::Otp, value)),
            Step::Username(item, value) => {
                (item, set(standard(field::USERNAME), FieldKind::Text, value))
            }
            Step::Tag(item, value) => (item, Edit::AddTag(format!("t{value}"))),
            Step::Untag(item, value) => (item, Edit::RemoveTag(format!("t{value}"))),
            Step::Url(item, value) => (item, Edit::AddUrl(format!("https://{value}.example"))),
            Step::Custom(item, value) => (
                item,
                set(
                    FieldName::Custom("mine".to_owned()),
                    FieldKind::Multiline,
                    value,
                ),
            ),
            Step::Count(item, count) => (item, Edit::Count(FieldId::Standard(field::OTP), *count)),
            Step::Undo(number) => {
                let own = vault.undoable_records();
                if let Some(record) = own.get(number % own.len().max(1)).copied() {
                    // What was erased meanwhile cannot come back; that is a refusal, not a failure.
                    drop(vault.update(now, rng, |plan, _| plan.undo(record)));
                }
                return;
            }
            Step::Resolve(number, taken) => {
                let open = vault.state().conflicts();
                if let Some(conflict) = open.get(number % open.len().max(1)) {
                    let taken = taken % conflict.values.len();
                    vault
                        .update(now, rng, |plan, _| plan.resolve(conflict, taken))
                        .unwrap();
                }
                return;
            }
            Step::Trash(item) | Step::Restore(item) | Step::Purge(item) | Step::Prune(item) => {
                let Some(id) = pick(item) else { return };
                let outcome = vault.update(now, rng, |plan, _| {
                    match step {
                        Step::Trash(_) => plan.set_life(id, Life::Trashed)?,
                        Step::Restore(_) => plan.set_life(id, Life::Alive)?,
                        Step::Purge(_) => plan.purge(id),
                        _ => plan.prune_history(id),
                    }
                    Ok(())
                });
                outcome.unwrap();
                return;
            }
            Step::Meet => return,
        };
        let Some(id) = pick(item) else { return };
        // A tag that is not there cannot be taken away; that is a refusal, not a failure.
        drop(vault.update(now, rng, |plan, rng| plan.edit(id, vec![edit], rng)));
    }
}

/// The raw records of a vault, erased content left out.
pub(crate) fn records(vault: &Vault) -> Vec<Vec<u8>> {
    let ids = vault.state().record_ids_in_order();
    ids.into_iter()
        .map(|id| vault.state().record_bytes(id).unwrap().to_vec())
        .collect()
}
