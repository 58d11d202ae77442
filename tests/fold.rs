//! Properties of the fold and the codec over random changes on several devices: order, repetition and framing mean
//! nothing, what is erased stays erased, nothing that is not understood is lost.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::model::draft::{DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::ItemId;
use keyfold::model::item::ItemSummary;
use keyfold::state::change::{ChangeError, Edit};
use keyfold::state::codec::{parse_record, write_record};
use keyfold::state::fold::State;
use keyfold::state::op::Operation;
use keyfold::state::view::Value;
use keyfold::vault::{Replacement, Vault, VaultError};
use proptest::prelude::*;
use scene::devices::{Devices, NAMES, config, records, steps};
use scene::{dump, dump_item, later, new_secret, opened};
use zeroize::Zeroizing;

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
    let ids = state.item_ids();
    let whole: Vec<ItemSummary> = ids
        .iter()
        .filter_map(|id| Some(state.item(*id)?.summary()))
        .collect();
    assert_eq!(state.summaries(), whole, "rows say what whole items say");
    let mut names: Vec<(ItemId, String, bool)> = state
        .names()
        .map(|name| (name.id, name.path(), name.trashed))
        .collect();
    names.sort_unstable();
    let paths: Vec<_> = whole
        .iter()
        .map(|row| (row.id, row.path(), row.trashed))
        .collect();
    assert_eq!(names, paths);
    writeln!(out, "{whole:?}").unwrap();
    out
}

proptest! {
    #![proptest_config(config())]

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
        let shown = |vault: &Vault| {
            let item = vault.state().item(id).unwrap();
            let fields: Vec<String> = item.fields.iter().map(|field| {
                // What was changed apart is changed apart again, each value once.
                let mut values: Vec<String> = Vec::new();
                for head in std::iter::once(&field.current).chain(&field.others) {
                    let secret = vault.reveal(id, field.id, &head.value).unwrap();
                    if !values.iter().any(|known| known == secret.expose()) {
                        values.push(secret.expose().to_owned());
                    }
                }
                format!("{} {values:?} {:?}", field.name, field.counter)
            }).collect();
            (item.life, fields, item.tags.clone(), item.urls.iter().map(|url| url.address.clone()).collect::<Vec<_>>())
        };
        let before = shown(&vault);
        let now = later(devices.second + 1);
        vault.update(now, &mut devices.rng, |plan, rng| plan.edit(id, vec![
            Edit::Set(FieldName::Standard(field::PASSWORD), FieldKind::Secret, DraftValue::new(FieldKind::Secret, format!("other {value}"))),
            Edit::Set(FieldName::Standard(field::OTP), FieldKind::Otp, DraftValue::new(FieldKind::Otp, "other".to_owned())),
            Edit::AddTag("fresh tag".to_owned()),
            Edit::AddUrl("https://fresh.example".to_owned()),
            Edit::Move { folder: format!("folder {value}"), title: "other".to_owned() },
        ], rng)).unwrap();
        let last = vault.undoable_records()[0];
        prop_assert_ne!(&shown(&vault), &before);
        let undone = vault.update(now, &mut devices.rng, |plan, _| plan.undo(last));
        // What stood there was erased by a purge that had not seen all: nothing to bring back, and it is said.
        prop_assume!(!matches!(undone, Err(VaultError::Change(ChangeError::NoFormerValue))));
        prop_assert!(undone.is_ok(), "{undone:?}");
        prop_assert_eq!(shown(&vault), before);
    }
}
