//! Properties of the fold and the codec over random changes on several devices: order, repetition and framing mean
//! nothing, what is erased stays erased, nothing that is not understood is lost.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::log::frame::parse_header;
use keyfold::model::draft::{DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::{FieldId, ItemId, RecordId};
use keyfold::secret::Secret;
use keyfold::state::change::{Edit, PlannedOperation, PlannedValue};
use keyfold::state::codec::{parse_record, write_record};
use keyfold::state::fold::State;
use keyfold::state::op::{Operation, Tag};
use keyfold::state::view::{Life, Value};
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{Replacement, Vault};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{add, dump, dump_item, later, made, new_secret, opened, places, set_password};
use std::sync::Arc;
use zeroize::Zeroizing;

/// One change, by device and by the number of the item it is about.
#[derive(Clone, Debug)]
enum Step {
    Add,
    Password(usize, u8),
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
    Meet,
}

fn step() -> impl Strategy<Value = Step> {
    let item = 0..6_usize;
    prop_oneof![
        3 => Just(Step::Add),
        3 => (item.clone(), any::<u8>()).prop_map(|(item, value)| Step::Password(item, value)),
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
        1 => (item, any::<u64>()).prop_map(|(item, count)| Step::Count(item, count)),
        2 => Just(Step::Meet),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    prop::collection::vec((0..3_usize, step()), 1..25)
}

/// Devices that share a vault and see each other's changes only when they meet.
struct Devices {
    storages: Vec<Arc<SimulatedStorage>>,
    rng: StdRng,
    second: u64,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

impl Devices {
    fn new() -> Self {
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

    fn vault(&mut self, device: usize) -> Vault {
        self.second += 10;
        opened(&self.storages[device], NAMES[device], 1, later(self.second)).unwrap()
    }

    /// Every device gets every frame, in another order on each.
    fn meet(&mut self) {
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

    fn take(&mut self, device: usize, step: &Step) {
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
            Step::Count(item, count) => (
                item,
                Edit::Count(FieldId::Standard(field::PASSWORD), *count),
            ),
            Step::Undo(number) => {
                let own = vault.undoable_records();
                if let Some(record) = own.get(number % own.len().max(1)).copied() {
                    // What was erased meanwhile cannot come back; that is a refusal, not a failure.
                    drop(vault.update(now, rng, |plan, _| plan.undo(record)));
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

/// The raw records of a vault, erased content left out, and the same from each file before.
fn records(vault: &Vault) -> Vec<Vec<u8>> {
    let ids = vault.state().record_ids_in_order();
    ids.into_iter()
        .map(|id| vault.state().record_bytes(id).unwrap().to_vec())
        .collect()
}

fn absorb(state: &mut State, parts: &[&Vec<u8>]) {
    let mut buffer = Zeroizing::new(Vec::new());
    let mut places = Vec::new();
    for part in parts {
        places.push(buffer.len()..buffer.len() + part.len());
        buffer.extend_from_slice(part);
    }
    state.absorb(buffer, &places).unwrap();
}

/// What a state means without keys: sealed values as they are.
fn words(state: &State) -> String {
    use std::fmt::Write;
    let mut out = format!(
        "{:?}\n{:?}\n{:?}\n",
        state.record_ids_in_order(),
        state.device_names(),
        state.oddities()
    );
    let show = |value: &Value| match value {
        Value::Plain(text) => text.clone(),
        Value::Sealed(bytes) => format!("{bytes:?}"),
    };
    for id in state.item_ids() {
        let Some(item) = state.item(id) else {
            writeln!(out, "{id} gone").unwrap();
            continue;
        };
        writeln!(
            out,
            "{id} {:?} {:?} {:?}",
            item.life, item.tags, item.changed
        )
        .unwrap();
        for field in &item.fields {
            let current = show(&field.current.value);
            writeln!(out, " {} {current} {:?}", field.name, field.counter).unwrap();
            for other in &field.others {
                writeln!(out, "  or {}", show(&other.value)).unwrap();
            }
        }
        for url in &item.urls {
            writeln!(out, " {} {}", url.rank, url.address).unwrap();
        }
        for former in state.history(id) {
            writeln!(out, " was {} {}", former.name, show(&former.value.value)).unwrap();
        }
    }
    for (id, row) in state.item_ids().iter().zip(state.summaries()) {
        writeln!(out, "{id} {row:?}").unwrap();
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Attack A13 too: what is replayed, in whatever order, moves nothing back.
    #[test]
    fn the_fold_knows_no_order_no_repetition_and_no_partition(
        steps in steps(),
        order in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let mut devices = Devices::new();
        for (device, step) in &steps {
            devices.take(*device, step);
        }
        devices.meet();
        let all = records(&devices.vault(0));
        let mut plain = State::default();
        absorb(&mut plain, &all.iter().collect::<Vec<_>>());
        plain.settle();
        let expected = words(&plain);
        // Shuffled, some twice, in buffers of random sizes, settled now and then.
        let mut pieces: Vec<&Vec<u8>> = all.iter().chain(all.iter().take(order.index(all.len()))).collect();
        let mut random = seed;
        let mut next = |bound: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(random >> 33).unwrap() % bound.max(1)
        };
        for at in (1..pieces.len()).rev() {
            pieces.swap(at, next(at + 1));
        }
        let mut shuffled = State::default();
        let mut rest = &pieces[..];
        while !rest.is_empty() {
            let (part, others) = rest.split_at(1 + next(rest.len()));
            absorb(&mut shuffled, part);
            if next(2) == 0 {
                shuffled.settle();
            }
            rest = others;
        }
        shuffled.settle();
        prop_assert_eq!(words(&shuffled), expected);
    }

    /// All devices mean the same after meeting, through their replicas and through the file alone.
    #[test]
    fn devices_that_met_mean_the_same(steps in steps()) {
        let mut devices = Devices::new();
        for (device, step) in &steps {
            devices.take(*device, step);
        }
        devices.meet();
        devices.meet();
        let first = dump(&devices.vault(0));
        for device in 1..NAMES.len() {
            prop_assert_eq!(&dump(&devices.vault(device)), &first);
        }
        let fresh = opened(&devices.storages[2], "fresh", 1, later(devices.second + 50)).unwrap();
        prop_assert_eq!(dump(&fresh), first);
    }

    #[test]
    fn a_compact_and_a_rekey_change_nothing_that_the_vault_means(steps in steps()) {
        let mut devices = Devices::new();
        for (device, step) in &steps {
            devices.take(*device, step);
        }
        devices.meet();
        let mut vault = devices.vault(0);
        let before = dump(&vault);
        let now = later(devices.second + 1);
        vault.compact(now, &mut devices.rng).unwrap();
        prop_assert_eq!(&dump(&vault), &before);
        let items = |vault: &Vault| -> String {
            vault.state().item_ids().into_iter().map(|id| dump_item(vault, id)).collect()
        };
        let before = items(&vault);
        let secrets = vec![new_secret(2, &mut devices.rng)];
        vault.rekey(Replacement { secrets }, now, &mut devices.rng).unwrap();
        prop_assert_eq!(&items(&vault), &before);
        drop(vault);
        let fresh = opened(&devices.storages[0], "fresh", 2, later(devices.second + 50)).unwrap();
        prop_assert_eq!(items(&fresh), before);
    }

    /// Attack A29: no second encoding of a record.
    #[test]
    fn what_decodes_encodes_again_to_the_same_bytes(
        steps in steps(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut devices = Devices::new();
        for (device, step) in &steps {
            devices.take(*device, step);
        }
        for mut bytes in records(&devices.vault(0)) {
            let again = |bytes: &[u8]| parse_record(bytes).ok().map(|record| {
                let operations: Vec<Operation> = record.operations.iter().map(|operation| operation.to_owned()).collect();
                write_record(&record.head, &operations).to_vec()
            });
            prop_assert_eq!(again(&bytes), Some(bytes.clone()));
            for (at, value) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            if let Some(written) = again(&bytes) {
                prop_assert_eq!(written, bytes);
            }
        }
    }

    #[test]
    fn undoing_a_change_brings_the_item_back_as_it_was(steps in steps(), value in any::<u8>()) {
        let mut devices = Devices::new();
        for (device, step) in &steps {
            devices.take(*device, step);
        }
        let mut vault = devices.vault(0);
        let Some(id) = vault.state().summaries().first().map(|row| row.id) else { return Ok(()) };
        // Fields with several heads keep only the newest after an undo: leave those out.
        prop_assume!(vault.state().item(id).unwrap().fields.iter().all(|field| field.others.is_empty()));
        prop_assume!(vault.state().item(id).unwrap().life != Life::Back);
        let shown = |vault: &Vault| {
            let item = vault.state().item(id).unwrap();
            let fields: Vec<String> = item.fields.iter().map(|field| {
                let secret = vault.reveal(id, field.id, &field.current.value).unwrap();
                format!("{} {:?} {:?}", field.name, secret.expose(), field.counter)
            }).collect();
            (item.life, fields, item.tags.clone(), item.urls.iter().map(|url| url.address.clone()).collect::<Vec<_>>())
        };
        let before = shown(&vault);
        let now = later(devices.second + 1);
        vault.update(now, &mut devices.rng, |plan, rng| plan.edit(id, vec![
            Edit::Set(FieldName::Standard(field::PASSWORD), FieldKind::Secret, DraftValue::new(FieldKind::Secret, format!("other {value}"))),
            Edit::AddTag("fresh tag".to_owned()),
            Edit::AddUrl("https://fresh.example".to_owned()),
            Edit::Move { folder: format!("folder {value}"), title: "other".to_owned() },
        ], rng)).unwrap();
        let last = vault.undoable_records()[0];
        prop_assert_ne!(&shown(&vault), &before);
        let undone = vault.update(now, &mut devices.rng, |plan, _| plan.undo(last));
        prop_assert!(undone.is_ok(), "{undone:?}");
        prop_assert_eq!(shown(&vault), before);
    }
}

#[test]
fn operations_of_a_newer_version_survive_with_their_values() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let item = add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    let field = FieldId::Standard(200);
    let newer = vault.update(later(2), &mut rng, |plan, _| {
        plan.push(PlannedOperation {
            tag: Tag(4711),
            item: Some(item),
            field: Some(field),
            replaces: Vec::new(),
            body: b"a body of tomorrow".to_vec(),
            values: vec![PlannedValue::Secret(Secret::new("tomorrow".to_owned()))],
        });
        Ok(())
    });
    newer.unwrap();
    let check = |vault: &Vault| {
        let state = vault.state();
        assert_eq!(state.count_operations(|tag| tag == Tag(4711)), 1);
        let all = state.record_ids_in_order();
        let operations = |id: RecordId| state.record_operations(id).unwrap().1;
        let found = all.into_iter().flat_map(operations);
        let found = found
            .into_iter()
            .find(|operation| operation.tag == Tag(4711));
        let found = found.unwrap();
        assert_eq!(found.body, b"a body of tomorrow");
        let value = Value::Sealed(found.sealed[0].clone());
        assert_eq!(
            vault.reveal(item, field, &value).unwrap().expose(),
            "tomorrow"
        );
    };
    check(&vault);
    vault.compact(later(3), &mut rng).unwrap();
    check(&vault);
    let secrets = vec![new_secret(2, &mut rng)];
    vault
        .rekey(Replacement { secrets }, later(4), &mut rng)
        .unwrap();
    check(&vault);
    check(&opened(&storage, "b", 2, later(9)).unwrap());
}

#[test]
fn what_was_purged_never_comes_back_from_an_old_copy() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let doomed = add(&mut vault, "doomed", "canary", later(1), &mut rng).unwrap();
    let path = places("a").vault_file;
    let old = storage.content(&path).unwrap();
    vault
        .update(later(2), &mut rng, |plan, _| {
            plan.purge(doomed);
            Ok(())
        })
        .unwrap();
    vault.compact(later(3), &mut rng).unwrap();
    drop(vault);
    let new = storage.content(&path).unwrap();
    for (version, device) in [
        (old.clone(), "a"),
        ([new.clone(), old[1024..].to_vec()].concat(), "a"),
        ([old, new[1024..].to_vec()].concat(), "fresh"),
    ] {
        storage.place(&path, &version);
        for second in [10, 20] {
            let vault = opened(&storage, device, 1, later(second)).unwrap();
            assert!(vault.state().item(doomed).is_none());
            assert_eq!(vault.state().history(doomed).len(), 0);
            for bytes in records(&vault) {
                assert!(!bytes.windows(6).any(|window| window == b"doomed"));
            }
        }
        // The file itself holds it no more: nothing but what the vault holds lies in it.
        let left = storage.content(&path).unwrap();
        let nonces = |file: &[u8]| -> Vec<[u8; 24]> {
            let blocks = file.chunks_exact(1024).skip(1);
            blocks
                .filter_map(parse_header)
                .map(|header| header.nonce)
                .collect()
        };
        let first = nonces(&version);
        assert!(
            nonces(&left).len() < first.len() || left == version,
            "{device}"
        );
        assert!(left != version, "{device}");
    }
}

#[test]
fn a_counter_never_goes_back_whatever_merges() {
    let mut devices = Devices::new();
    let mut vault = devices.vault(0);
    let id = vault.state().item_ids()[0];
    let otp = FieldName::Standard(field::OTP);
    let seed = |text: &str| {
        let value = DraftValue::Secret(Secret::new(text.to_owned()));
        vec![Edit::Set(otp.clone(), FieldKind::Otp, value)]
    };
    let uri = "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQ&counter=0";
    vault
        .update(later(12), &mut devices.rng, |plan, rng| {
            plan.edit(id, seed(uri), rng)
        })
        .unwrap();
    drop(vault);
    devices.meet();
    let field = FieldId::Standard(field::OTP);
    for (device, count) in [(0, 5), (1, 9), (2, 3)] {
        let mut vault = devices.vault(device);
        let now = later(devices.second);
        vault
            .update(now, &mut devices.rng, |plan, rng| {
                plan.edit(id, vec![Edit::Count(field, count)], rng)
            })
            .unwrap();
    }
    devices.meet();
    let count = |vault: &Vault| {
        vault
            .state()
            .item(id)
            .unwrap()
            .field(field)
            .unwrap()
            .counter
    };
    for device in 0..3 {
        assert_eq!(count(&devices.vault(device)), Some(9));
    }
    // Another seed begins anew; the former one goes on where it was.
    let mut vault = devices.vault(0);
    let first = vault
        .state()
        .item(id)
        .unwrap()
        .field(field)
        .unwrap()
        .current
        .dot;
    let now = later(devices.second);
    vault
        .update(now, &mut devices.rng, |plan, rng| {
            plan.edit(id, seed("otpauth://hotp/y?secret=MFRGGZDF&counter=0"), rng)
        })
        .unwrap();
    assert_eq!(count(&vault), None);
    vault
        .update(now, &mut devices.rng, |plan, rng| {
            plan.edit(id, vec![Edit::Restore(field, first)], rng)
        })
        .unwrap();
    assert_eq!(count(&vault), Some(9));
}

#[test]
fn two_values_written_apart_are_both_kept() {
    let mut devices = Devices::new();
    devices.meet();
    let id = devices.vault(0).state().item_ids()[0];
    for (device, text) in [(0, "from a"), (1, "from b")] {
        let mut vault = devices.vault(device);
        let now = later(devices.second);
        vault
            .update(now, &mut devices.rng, set_password(id, text))
            .unwrap();
    }
    devices.meet();
    for device in 0..3 {
        let vault = devices.vault(device);
        let item = vault.state().item(id).unwrap();
        let field = item.field(FieldId::Standard(field::PASSWORD)).unwrap();
        let open = |value| {
            vault
                .reveal(id, field.id, value)
                .unwrap()
                .expose()
                .to_owned()
        };
        assert_eq!(open(&field.current.value), "from b");
        assert_eq!(
            field
                .others
                .iter()
                .map(|other| open(&other.value))
                .collect::<Vec<_>>(),
            ["from a"]
        );
    }
}
