//! A vault over the simulated disk: what is written comes back, on one device and through its vault file alone.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::model::draft::{DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::secret::Secret;
use keyfold::state::change::Edit;
use keyfold::state::view::Life;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{UnlockError, Vault, VaultError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{NOW, later, login, made, new_secret, opened, password, places};
use std::collections::BTreeSet;
use std::sync::Arc;

#[test]
fn what_is_added_comes_back_from_the_replica_and_from_the_vault_file() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let id = vault
        .update(NOW, &mut rng, |plan, rng| {
            Ok(plan.add(login("mail", "hunter2"), rng))
        })
        .unwrap();
    assert_eq!(vault.take_notices(), []);
    drop(vault);
    for device in ["a", "b"] {
        let mut vault = opened(&storage, device, 1, later(10)).unwrap();
        assert_eq!(password(&vault, "mail"), "hunter2");
        let row = vault.state().summary(id).unwrap();
        assert_eq!((&*row.username, &*row.tags), ("me", &["work".into()][..]));
        assert_eq!(row, vault.state().item(id).unwrap().summary());
        assert_eq!(vault.take_notices(), []);
    }
}

#[test]
fn one_change_adds_one_block_whatever_it_is() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let length = |vault: &Vault| {
        use keyfold::storage::Storage;
        storage.stamp(vault.path()).unwrap().unwrap().length
    };
    let mut before = length(&vault);
    let mut grew = |vault: &Vault| {
        let now = length(vault);
        assert_eq!(now - before, 1024);
        before = now;
    };
    let id = vault
        .update(NOW, &mut rng, |plan, rng| {
            Ok(plan.add(login("mail", "x"), rng))
        })
        .unwrap();
    grew(&vault);
    let edit = |text: &str| {
        let value = DraftValue::Secret(Secret::new(text.to_owned()));
        vec![Edit::Set(
            FieldName::Standard(field::PASSWORD),
            FieldKind::Secret,
            value,
        )]
    };
    vault
        .update(later(1), &mut rng, |plan, rng| {
            plan.edit(id, edit("y"), rng)
        })
        .unwrap();
    grew(&vault);
    vault
        .update(later(2), &mut rng, |plan, _| {
            plan.set_life(id, Life::Trashed)
        })
        .unwrap();
    grew(&vault);
    assert!(vault.state().summary(id).unwrap().trashed);
    vault
        .update(later(3), &mut rng, |plan, rng| {
            plan.edit(id, edit("z"), rng)
        })
        .unwrap();
    grew(&vault);
    assert!(!vault.state().summary(id).unwrap().trashed);
    let old: Vec<String> = vault
        .state()
        .history(id)
        .iter()
        .map(|former| {
            vault
                .reveal(id, former.id, &former.value.value)
                .unwrap()
                .expose()
                .to_owned()
        })
        .collect();
    assert_eq!(old, ["y", "x"]);
    let last = vault.undoable_records()[0];
    vault
        .update(later(4), &mut rng, |plan, _| plan.undo(last))
        .unwrap();
    assert_eq!(password(&vault, "mail"), "y");
    assert!(vault.state().summary(id).unwrap().trashed);
}

#[test]
fn a_changed_password_shuts_the_old_one_out() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    vault
        .update(NOW, &mut rng, |plan, rng| {
            Ok(plan.add(login("mail", "x"), rng))
        })
        .unwrap();
    let old = vault.opened_with().unwrap();
    vault
        .replace_slot(old, new_secret(2, &mut rng), later(1), &mut rng)
        .unwrap();
    assert_eq!(vault.take_notices(), []);
    drop(vault);
    for device in ["a", "b"] {
        let refused = opened(&storage, device, 1, later(2)).err();
        assert!(
            matches!(refused, Some(VaultError::Unlock(UnlockError::WrongSecret))),
            "{refused:?}"
        );
        assert_eq!(
            password(&opened(&storage, device, 2, later(3)).unwrap(), "mail"),
            "x"
        );
    }
}

#[test]
fn a_rekeyed_vault_keeps_everything_under_another_key() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let before = vault.fingerprint(7776);
    vault
        .update(NOW, &mut rng, |plan, rng| {
            Ok(plan.add(login("mail", "x"), rng))
        })
        .unwrap();
    let new = keyfold::vault::Replacement {
        secrets: vec![new_secret(2, &mut rng)],
    };
    vault.rekey(new, later(1), &mut rng).unwrap();
    assert_ne!(vault.fingerprint(7776), before);
    vault.take_notices();
    vault
        .update(later(2), &mut rng, |plan, rng| {
            Ok(plan.add(login("new", "y"), rng))
        })
        .unwrap();
    assert_eq!(vault.take_notices(), []);
    drop(vault);
    for device in ["a", "b"] {
        assert!(opened(&storage, device, 1, later(3)).is_err());
        let vault = opened(&storage, device, 2, later(30)).unwrap();
        assert_eq!(
            (password(&vault, "mail"), password(&vault, "new")),
            ("x".to_owned(), "y".to_owned())
        );
        assert_eq!(vault.live_slots().len(), 1);
    }
}

#[test]
fn a_new_key_closes_no_way_in_that_nobody_was_told_of() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let told: BTreeSet<_> = vault.slot_rows().iter().map(|row| row.id).collect();
    // Another device adds a way in meanwhile.
    let mut other = opened(&storage, "b", 1, later(10)).unwrap();
    let added = new_secret(3, &mut rng);
    other.add_slot(added, later(11), &mut rng).unwrap();
    let new = || keyfold::vault::Replacement {
        secrets: vec![new_secret(2, &mut StdRng::seed_from_u64(9))],
    };
    let refused = vault.rekey_closing(Some(&told), new(), later(30), &mut rng);
    assert!(matches!(refused, Err(VaultError::Slots(_))));
    assert!(opened(&storage, "c", 3, later(40)).is_ok());
    let told = vault.slot_rows().iter().map(|row| row.id).collect();
    vault
        .rekey_closing(Some(&told), new(), later(50), &mut rng)
        .unwrap();
    assert_eq!(vault.slot_rows().len(), 1);
}

#[test]
fn a_vault_file_that_vanished_is_put_back() {
    use keyfold::storage::Storage;
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    vault
        .update(NOW, &mut rng, |plan, rng| {
            Ok(plan.add(login("mail", "x"), rng))
        })
        .unwrap();
    storage.remove(&places("a").vault_file).unwrap();
    drop(vault);
    drop(opened(&storage, "a", 1, later(5)).unwrap());
    assert_eq!(
        password(&opened(&storage, "b", 1, later(9)).unwrap(), "mail"),
        "x"
    );
}

#[test]
fn compacting_keeps_all_and_costs_less() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    for number in 0..300 {
        vault
            .update(later(number), &mut rng, |plan, rng| {
                Ok(plan.add(login(&format!("i{number}"), "x"), rng))
            })
            .unwrap();
    }
    let saved = vault.compact(later(400), &mut rng).unwrap();
    assert!(saved.after * 2 < saved.before, "{saved:?}");
    assert_eq!(vault.take_notices(), []);
    drop(vault);
    let vault = opened(&storage, "b", 1, later(500)).unwrap();
    assert_eq!(vault.state().summaries().len(), 300);
    let report = vault.check().unwrap();
    assert!(report.ok && report.damage.is_empty(), "{report:?}");
}
