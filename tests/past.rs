//! The vault as it was: every moment comes back as it was seen then, but for what was erased since; and nobody changes it.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::model::field;
use keyfold::model::ids::FieldId;
use keyfold::model::moment::Moment;
use keyfold::service::export::export;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::VaultError;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::devices::{Devices, Step, config, steps};
use scene::{NOW, add, dump, file_of, later, made, opened, set_password, titles};
use std::sync::Arc;

fn erases(step: &Step) -> bool {
    matches!(step, Step::Purge(_) | Step::Prune(_))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_a_device_saw_at_a_time_it_sees_again(steps in steps()) {
        let mut devices = Devices::new();
        let mut seen = Vec::new();
        // One device: what others wrote before and delivered after a moment was not seen at it.
        for (_, step) in steps.iter().filter(|(_, step)| !erases(step)) {
            devices.take(0, step);
            let moment = later(devices.second);
            seen.push((moment, dump(&devices.vault(0))));
        }
        let now = dump(&devices.vault(0));
        for (moment, then) in seen {
            let mut vault = devices.vault(0);
            vault.rewind(moment);
            prop_assert_eq!(dump(&vault), then);
        }
        let mut vault = devices.vault(0);
        vault.rewind(Moment(u64::MAX));
        prop_assert_eq!(dump(&vault), now);
        vault.rewind(Moment(NOW.0 - 1));
        prop_assert_eq!(vault.state().record_count(), 0);
    }

    /// Whatever was erased, no past brings it back: an erased value shows in no moment.
    #[test]
    fn what_was_erased_since_is_in_no_past(steps in steps()) {
        let mut devices = Devices::new();
        for (device, step) in &steps {
            devices.take(*device, step);
        }
        devices.meet();
        let mut vault = devices.vault(0);
        let present = vault.state().item_ids();
        let shown = |vault: &keyfold::vault::Vault| {
            let ids = vault.state().item_ids().into_iter();
            ids.filter(|id| vault.state().item(*id).is_some()).collect::<Vec<_>>()
        };
        let now = shown(&vault);
        for second in (0..devices.second).step_by(10) {
            vault.rewind(later(second));
            for id in shown(&vault) {
                prop_assert!(present.contains(&id));
                // An item that was purged whole is shown in no past, one that is there may be.
                prop_assert!(now.contains(&id), "{id} came back");
            }
            prop_assert!(export(&vault, &|_| true).is_ok());
        }
    }
}

#[test]
fn a_purged_item_and_a_pruned_value_are_in_no_past() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let gone = add(&mut vault, "gone", "x", later(1), &mut rng).unwrap();
    let kept = add(&mut vault, "kept", "old", later(2), &mut rng).unwrap();
    vault
        .update(later(3), &mut rng, set_password(kept, "new"))
        .unwrap();
    vault.rewind(later(2));
    assert_eq!(titles(&vault), ["gone", "kept"]);
    assert_eq!(scene::password(&vault, "kept"), "old");
    drop(vault);
    let mut vault = opened(&storage, "a", 1, later(10)).unwrap();
    vault
        .update(later(11), &mut rng, |plan, _| {
            plan.purge(gone);
            plan.prune_history(kept);
            Ok(())
        })
        .unwrap();
    vault.rewind(later(2));
    assert_eq!(titles(&vault), ["kept"]);
    assert!(vault.state().item(gone).is_none());
    let item = vault.state().item(kept).unwrap();
    assert!(item.field(FieldId::Standard(field::PASSWORD)).is_none());
    assert_eq!(item.text(field::USERNAME), "me");
}

#[test]
fn the_past_takes_no_change_and_the_present_is_not_lost_by_looking_at_it() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let item = add(&mut vault, "mail", "old", later(1), &mut rng).unwrap();
    vault
        .update(later(2), &mut rng, set_password(item, "new"))
        .unwrap();
    let file = file_of(&storage);
    vault.rewind(later(1));
    let refused = vault.update(later(3), &mut rng, set_password(item, "other"));
    assert!(matches!(refused, Err(VaultError::Rewound)), "{refused:?}");
    assert_eq!(file_of(&storage), file);
    // Even what rewrites the files keeps what came after the moment that is shown.
    vault.compact(later(4), &mut rng).unwrap();
    assert_eq!(scene::password(&vault, "mail"), "old");
    drop(vault);
    for device in ["a", "b"] {
        let vault = opened(&storage, device, 1, later(10)).unwrap();
        assert_eq!(scene::password(&vault, "mail"), "new");
    }
}
