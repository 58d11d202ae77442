//! What devices changed apart: both values are kept and readable until somebody decides, a decision is one change that
//! can be undone, and decisions made apart meet like any other change.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::model::draft::{DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::service::{Request, Response, ServiceError, answer};
use keyfold::state::change::{ChangeError, Edit};
use keyfold::state::codec;
use keyfold::state::conflict::{Conflict, KEPT, LIFE_NAME, TRASHED};
use keyfold::state::op::Tag;
use keyfold::state::view::{Life, Value};
use keyfold::vault::{Replacement, Vault, VaultError};
use proptest::prelude::*;
use scene::devices::{Devices, NAMES, config, steps};
use scene::{dump, later, new_secret, set_password};

const PASSWORD: FieldId = FieldId::Standard(field::PASSWORD);

/// Three devices that have met; two of them gave an item another password apart.
fn apart() -> (Devices, ItemId) {
    let mut devices = Devices::new();
    devices.meet();
    let item = devices.vault(0).state().item_ids()[0];
    for (device, text) in [(0, "from a"), (1, "from b")] {
        change(&mut devices, device, |vault, now, rng| {
            vault.update(now, rng, set_password(item, text))
        });
    }
    devices.meet();
    (devices, item)
}

fn change(
    devices: &mut Devices,
    device: usize,
    wish: impl FnOnce(
        &mut Vault,
        keyfold::model::moment::Moment,
        &mut rand::rngs::StdRng,
    ) -> Result<(), VaultError>,
) {
    let mut vault = devices.vault(device);
    let now = later(devices.second);
    wish(&mut vault, now, &mut devices.rng).unwrap();
}

fn edit(devices: &mut Devices, device: usize, item: ItemId, edit: Edit) {
    change(devices, device, |vault, now, rng| {
        vault.update(now, rng, |plan, rng| plan.edit(item, vec![edit], rng))
    });
}

/// Takes the value of this number, counted from 0, of the item's first conflict.
fn resolve(devices: &mut Devices, device: usize, item: ItemId, taken: usize) {
    let mut vault = devices.vault(device);
    let now = later(devices.second);
    let conflict = vault.state().conflicts_of(item).swap_remove(0);
    let request = Request::Resolve(Box::new(conflict), taken);
    assert!(answer(&mut vault, request, now, &mut devices.rng).is_ok());
}

fn opened(vault: &Vault, conflict: &Conflict) -> Vec<String> {
    let values = conflict.values.iter().map(|head| match conflict.field {
        Some(field) => vault
            .reveal(conflict.item, field, &head.value)
            .unwrap()
            .expose()
            .to_owned(),
        None => match &head.value {
            Value::Plain(text) => text.clone(),
            Value::Sealed(_) => panic!("a life is no secret"),
        },
    });
    values.collect()
}

/// Names and opened values of all that is to be decided.
fn open(vault: &Vault) -> Vec<(String, Vec<String>)> {
    let found = vault.state().conflicts();
    let told = found
        .iter()
        .map(|conflict| (conflict.name.clone(), opened(vault, conflict)));
    told.collect()
}

fn told(name: &str, values: &[&str]) -> Vec<(String, Vec<String>)> {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    vec![(name.to_owned(), values)]
}

#[test]
fn a_conflict_lists_every_value_with_time_and_device_the_one_that_shows_first() {
    let (mut devices, item) = apart();
    let names: Vec<String> = (0..3)
        .map(|device| {
            let vault = devices.vault(device);
            let found = vault.state().conflicts();
            assert_eq!(found.len(), 1);
            let conflict = &found[0];
            assert_eq!((conflict.item, conflict.field), (item, Some(PASSWORD)));
            assert_eq!(opened(&vault, conflict), ["from b", "from a"]);
            assert!(
                conflict
                    .values
                    .iter()
                    .all(|value| conflict.is_secret(value))
            );
            assert!(conflict.values[0].changed > conflict.values[1].changed);
            let names = vault.state().device_names();
            let device = |at: usize| names[&conflict.values[at].device].clone();
            format!("{} {}", device(0), device(1))
        })
        .collect();
    assert_eq!(names, ["b laptop"; 3]);
}

#[test]
fn taking_a_value_puts_the_others_into_the_history_everywhere() {
    let (mut devices, item) = apart();
    resolve(&mut devices, 2, item, 1);
    devices.meet();
    for device in 0..3 {
        let vault = devices.vault(device);
        assert_eq!(open(&vault), []);
        assert_eq!(scene::password(&vault, "shared"), "from a");
        let mut former: Vec<String> = vault
            .state()
            .history(item)
            .iter()
            .map(|former| vault.reveal(item, former.id, &former.value.value).unwrap())
            .map(|secret| secret.expose().to_owned())
            .collect();
        former.sort();
        assert_eq!(former, ["first", "from a", "from b"]);
    }
}

#[test]
fn an_undo_of_a_resolution_brings_the_conflict_back() {
    let (mut devices, item) = apart();
    resolve(&mut devices, 2, item, 1);
    change(&mut devices, 2, |vault, now, rng| {
        let last = vault.undoable_records()[0];
        vault.update(now, rng, |plan, _| plan.undo(last))
    });
    devices.meet();
    for device in 0..3 {
        let vault = devices.vault(device);
        assert_eq!(open(&vault), told("password", &["from b", "from a"]));
    }
    resolve(&mut devices, 0, item, 0);
    devices.meet();
    let vault = devices.vault(1);
    assert_eq!(open(&vault), []);
    assert_eq!(scene::password(&vault, "shared"), "from b");
}

#[test]
fn an_undo_of_any_change_over_a_conflict_brings_the_conflict_back() {
    let (mut devices, item) = apart();
    change(&mut devices, 0, |vault, now, rng| {
        vault.update(now, rng, set_password(item, "mistake"))?;
        let last = vault.undoable_records()[0];
        vault.update(now, rng, |plan, _| plan.undo(last))
    });
    let vault = devices.vault(0);
    assert_eq!(open(&vault), told("password", &["from b", "from a"]));
    // Both changes of this device undone at once: its own value goes, and with it what stood beside it.
    drop(vault);
    change(&mut devices, 0, |vault, now, rng| {
        vault.update(now, rng, set_password(item, "again"))?;
        let last: Vec<_> = vault.undoable_records().into_iter().take(2).collect();
        vault.update(now, rng, |plan, _| {
            last.into_iter().try_for_each(|record| plan.undo(record))
        })
    });
    let vault = devices.vault(0);
    assert_eq!(open(&vault), []);
    assert_eq!(scene::password(&vault, "shared"), "first");
}

#[test]
fn decisions_made_apart_meet_as_a_conflict_only_where_they_differ() {
    for (one, other, left) in [
        (0, 0, vec![]),
        (1, 1, vec![]),
        (0, 1, told("password", &["from a", "from b"])),
    ] {
        let (mut devices, item) = apart();
        resolve(&mut devices, 0, item, one);
        resolve(&mut devices, 1, item, other);
        devices.meet();
        devices.meet();
        let first = dump(&devices.vault(0));
        for device in 0..3 {
            let vault = devices.vault(device);
            assert_eq!(open(&vault), left, "{one} {other}");
            assert_eq!(dump(&vault), first);
        }
    }
}

/// The bytes of a sealed value are others under another key; that two devices took the same one is not forgotten.
#[test]
fn the_same_decision_made_apart_is_none_after_a_rekey_either() {
    let (mut devices, item) = apart();
    resolve(&mut devices, 0, item, 1);
    resolve(&mut devices, 1, item, 1);
    devices.meet();
    let mut vault = devices.vault(0);
    assert_eq!(open(&vault), []);
    let now = later(devices.second);
    let secrets = vec![new_secret(2, &mut devices.rng)];
    vault
        .rekey(Replacement { secrets }, now, &mut devices.rng)
        .unwrap();
    assert_eq!(open(&vault), []);
    assert_eq!(scene::password(&vault, "shared"), "from a");
}

#[test]
fn an_item_deleted_here_and_edited_there_is_kept_or_goes_to_the_trash() {
    for (taken, life) in [(0, Life::Alive), (1, Life::Trashed)] {
        let mut devices = Devices::new();
        devices.meet();
        let item = devices.vault(0).state().item_ids()[0];
        change(&mut devices, 0, |vault, now, rng| {
            vault.update(now, rng, |plan, _| plan.set_life(item, Life::Trashed))
        });
        change(&mut devices, 1, |vault, now, rng| {
            vault.update(now, rng, set_password(item, "from b"))
        });
        devices.meet();
        let vault = devices.vault(2);
        assert_eq!(open(&vault), told(LIFE_NAME, &[KEPT, TRASHED]));
        drop(vault);
        resolve(&mut devices, 2, item, taken);
        let vault = devices.vault(2);
        assert_eq!(open(&vault), []);
        assert_eq!(vault.state().item(item).unwrap().life, life);
        drop(vault);
        change(&mut devices, 2, |vault, now, rng| {
            let last = vault.undoable_records()[0];
            vault.update(now, rng, |plan, _| plan.undo(last))
        });
        assert_eq!(open(&devices.vault(2)), told(LIFE_NAME, &[KEPT, TRASHED]));
    }
}

#[test]
fn resolving_a_field_says_nothing_of_an_item_in_the_trash_or_one_that_came_back() {
    let (mut devices, item) = apart();
    change(&mut devices, 0, |vault, now, rng| {
        vault.update(now, rng, |plan, _| plan.set_life(item, Life::Trashed))
    });
    resolve(&mut devices, 0, item, 1);
    let life = |vault: &Vault| vault.state().item(item).unwrap().life;
    assert_eq!(life(&devices.vault(0)), Life::Trashed);
    edit(&mut devices, 1, item, Edit::AddTag("kept".to_owned()));
    devices.meet();
    assert_eq!(life(&devices.vault(0)), Life::Back);
    assert_eq!(scene::password(&devices.vault(1), "shared"), "from a");
}

#[test]
fn what_arrived_since_the_conflict_was_shown_is_not_put_aside() {
    let (mut devices, item) = apart();
    let shown = devices.vault(2).state().conflicts_of(item).swap_remove(0);
    edit(
        &mut devices,
        0,
        item,
        Edit::Set(
            FieldName::Standard(field::PASSWORD),
            FieldKind::Secret,
            DraftValue::new(FieldKind::Secret, "newer".to_owned()),
        ),
    );
    devices.meet();
    let mut vault = devices.vault(2);
    let now = later(devices.second);
    let before = dump(&vault);
    for taken in [0, 1, 2] {
        let request = Request::Resolve(Box::new(shown.clone()), taken);
        let refused = answer(&mut vault, request, now, &mut devices.rng);
        let Err(ServiceError::Vault(VaultError::Change(error))) = refused else {
            panic!("taken");
        };
        assert_eq!(error, ChangeError::NotAsSeen);
    }
    assert_eq!(dump(&vault), before);
}

/// keyfold itself never changes an address in its place, another program may.
#[test]
fn addresses_changed_apart_are_told_and_resolved() {
    let mut devices = Devices::new();
    devices.meet();
    let vault = devices.vault(0);
    let item = vault.state().item_ids()[0];
    let url = vault.state().item(item).unwrap().urls[0].id;
    drop(vault);
    for (device, address) in [(0, "https://a.example"), (1, "https://b.example")] {
        change(&mut devices, device, |vault, now, rng| {
            vault.update(now, rng, |plan, _| {
                let body = codec::write_url(&codec::UrlBody { rank: 0, address });
                plan.replace_prepared(item, url, Tag::URL, body, Vec::new());
                Ok(())
            })
        });
    }
    devices.meet();
    let wanted = told("url", &["https://b.example", "https://a.example"]);
    assert_eq!(open(&devices.vault(2)), wanted);
    resolve(&mut devices, 2, item, 1);
    let vault = devices.vault(2);
    assert_eq!(open(&vault), []);
    let urls = vault.state().item(item).unwrap().urls;
    assert_eq!(urls[0].address, "https://a.example");
    assert_eq!(urls.len(), 1);
}

#[test]
fn a_seed_that_is_taken_goes_on_with_its_counter() {
    let mut devices = Devices::new();
    devices.meet();
    let item = devices.vault(0).state().item_ids()[0];
    let otp = FieldId::Standard(field::OTP);
    for (device, text, count) in [(0, "MFRGGZDF", 7), (1, "GEZDGNBV", 9)] {
        let uri = format!("otpauth://hotp/x?secret={text}&counter=0");
        let value = DraftValue::new(FieldKind::Otp, uri);
        let name = FieldName::Standard(field::OTP);
        edit(
            &mut devices,
            device,
            item,
            Edit::Set(name, FieldKind::Otp, value),
        );
        edit(&mut devices, device, item, Edit::Count(otp, count));
    }
    devices.meet();
    resolve(&mut devices, 2, item, 1);
    let vault = devices.vault(2);
    let counter = |vault: &Vault| {
        vault
            .state()
            .item(item)
            .unwrap()
            .field(otp)
            .unwrap()
            .counter
    };
    assert_eq!(counter(&vault), Some(7));
}

#[test]
fn the_door_lists_conflicts_of_one_item_or_of_all() {
    let (mut devices, item) = apart();
    let mut vault = devices.vault(0);
    let now = later(devices.second);
    let other = scene::add(&mut vault, "other", "x", now, &mut devices.rng).unwrap();
    for (asked, count) in [(None, 1), (Some(item), 1), (Some(other), 0)] {
        let request = Request::Conflicts(asked);
        let answered = answer(&mut vault, request, now, &mut devices.rng);
        let Ok(Response::Conflicts(found)) = answered else {
            panic!("no conflicts");
        };
        assert_eq!(found.len(), count);
    }
}

proptest! {
    #![proptest_config(config())]

    /// After any changes: two devices decide all that is open, apart, and meet. All agree; open is what they decided
    /// differently, and nothing else.
    #[test]
    fn whatever_two_devices_decide_apart_they_agree_after_meeting(
        steps in steps(),
        choices in prop::collection::vec((0..3_usize, 0..3_usize), 1..8),
    ) {
        let mut devices = Devices::new();
        for (device, step) in &steps {
            devices.take(*device, step);
        }
        devices.meet();
        devices.meet();
        let open = devices.vault(0).state().conflicts();
        let mut differing = 0;
        for (conflict, at) in open.iter().zip(0..) {
            let (one, other) = choices[at % choices.len()];
            let count = conflict.values.len();
            differing += usize::from(one % count != other % count);
            for (device, taken) in [(0, one), (1, other)] {
                let mut vault = devices.vault(device);
                let now = later(devices.second);
                let decided = vault.update(now, &mut devices.rng, |plan, _| plan.resolve(conflict, taken % count));
                prop_assert!(decided.is_ok(), "{decided:?}");
            }
        }
        prop_assert_eq!(devices.vault(0).state().conflicts().len(), 0);
        devices.meet();
        devices.meet();
        let first = dump(&devices.vault(0));
        for device in 0..NAMES.len() {
            let vault = devices.vault(device);
            prop_assert_eq!(&dump(&vault), &first);
            prop_assert_eq!(vault.state().conflicts().len(), differing);
        }
    }
}
