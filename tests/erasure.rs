//! What merging, erasing and carrying must never lose or bring back, case by case.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::log::frame::parse_header;
use keyfold::model::draft::{DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::{FieldId, RecordId};
use keyfold::secret::Secret;
use keyfold::state::change::{Edit, PlannedOperation, PlannedValue};
use keyfold::state::op::Tag;
use keyfold::state::view::Value;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{Replacement, Vault};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::devices::{Devices, records};
use scene::{add, later, made, new_secret, opened, places, set_password};
use std::sync::Arc;

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
            chunks: Vec::new(),
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
fn an_undo_brings_back_what_showed_beside_a_removal_made_apart() {
    let mut devices = Devices::new();
    let id = devices.vault(0).state().item_ids()[0];
    let field = FieldId::Standard(field::PASSWORD);
    let mut other = devices.vault(1);
    let now = later(devices.second);
    other
        .update(now, &mut devices.rng, set_password(id, "kept"))
        .unwrap();
    let mut vault = devices.vault(0);
    let now = later(devices.second);
    let name = FieldName::Standard(field::PASSWORD);
    vault
        .update(now, &mut devices.rng, |plan, rng| {
            plan.edit(id, vec![Edit::Remove(name)], rng)
        })
        .unwrap();
    drop((vault, other));
    devices.meet();
    let mut vault = devices.vault(0);
    let shown = |vault: &Vault| {
        let item = vault.state().item(id).unwrap();
        let value = &item.field(field).unwrap().current.value;
        vault.reveal(id, field, value).unwrap().expose().to_owned()
    };
    assert_eq!(shown(&vault), "kept");
    let now = later(devices.second);
    vault
        .update(now, &mut devices.rng, set_password(id, "mistake"))
        .unwrap();
    let last = vault.undoable_records()[0];
    vault
        .update(now, &mut devices.rng, |plan, _| plan.undo(last))
        .unwrap();
    assert_eq!(shown(&vault), "kept");
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
