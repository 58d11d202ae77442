//! What the vault tells of its devices: names and retirement, what has not arrived of each, what each had not seen.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::model::ids::DeviceId;
use keyfold::service::{Request, answer};
use keyfold::state::devices::{DEVICES_COMPARED, DeviceRow, Standing};
use keyfold::state::fold::Oddity;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::Vault;
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::devices::Devices;
use scene::{add, dump, file_of, later, made, opened, put, set_password};
use std::sync::Arc;

fn rows(vault: &Vault, second: u64) -> Vec<DeviceRow> {
    vault.state().device_rows(vault.device(), later(second))
}

#[track_caller]
fn row(vault: &Vault, second: u64, id: DeviceId) -> DeviceRow {
    let found = rows(vault, second).into_iter().find(|row| row.id == id);
    found.unwrap()
}

fn name(vault: &mut Vault, second: u64, id: DeviceId, name: &str) {
    let mut rng = StdRng::seed_from_u64(second);
    let request = Request::NameDevice(id, name.to_owned());
    assert!(answer(vault, request, later(second), &mut rng).is_ok());
}

/// Device `a` made the vault and added an item, device `b` added one after it.
fn shared() -> (Arc<SimulatedStorage>, StdRng) {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut a = made(&storage, &mut rng);
    add(&mut a, "from a", "x", later(1), &mut rng).unwrap();
    let mut b = opened(&storage, "b", 1, later(10)).unwrap();
    add(&mut b, "from b", "y", later(11), &mut rng).unwrap();
    (storage, rng)
}

#[test]
fn every_device_is_listed_with_its_changes() {
    let (storage, mut rng) = shared();
    let a = opened(&storage, "a", 1, later(20)).unwrap();
    let b = opened(&storage, "b", 1, later(20)).unwrap();
    let listed = rows(&a, 21);
    let told: Vec<(&str, Standing, usize, u64)> = listed
        .iter()
        .map(|row| (row.name.as_str(), row.standing, row.records, row.ahead))
        .collect();
    assert_eq!(
        told,
        [
            ("b", Standing::Other, 1, 0),
            ("laptop", Standing::This, 2, 0)
        ]
    );
    assert_eq!(listed[0].last_change, Some(later(11)));
    assert_eq!(row(&b, 21, b.device()).standing, Standing::This);
    // A device that only reads is known to itself alone.
    let mut c = opened(&storage, "c", 1, later(30)).unwrap();
    let own = row(&c, 31, c.device());
    assert_eq!(
        (own.records, own.last_change, own.behind),
        (0, None, Some(0))
    );
    assert_eq!(rows(&a, 31).len(), 2);
    // One that is named before it wrote anything has that name.
    let own = c.device();
    name(&mut c, 32, own, "new phone");
    assert_eq!(row(&c, 33, c.device()).name, "new phone");
    add(&mut c, "from c", "z", later(34), &mut rng).unwrap();
    assert_eq!(row(&c, 35, c.device()).name, "new phone");
}

#[test]
fn what_a_device_had_not_seen_is_counted_through_all_that_it_names() {
    let (storage, mut rng) = shared();
    let mut a = opened(&storage, "a", 1, later(20)).unwrap();
    // b had seen all when it wrote, a had not seen b's record yet.
    assert_eq!(row(&a, 21, a.device()).behind, Some(0), "it reads them now");
    let b = opened(&storage, "b", 1, later(22)).unwrap();
    assert_eq!(row(&a, 23, b.device()).behind, Some(0));
    let mut c = opened(&storage, "c", 1, later(24)).unwrap();
    assert_eq!(row(&c, 25, a.device()).behind, Some(1));
    for second in [30, 31, 32] {
        add(&mut a, "more", "x", later(second), &mut rng).unwrap();
    }
    assert_eq!(row(&a, 33, b.device()).behind, Some(3));
    // c names the newest records of a and b alone, and so has seen all before them.
    drop(c);
    c = opened(&storage, "c", 1, later(40)).unwrap();
    add(&mut c, "from c", "x", later(41), &mut rng).unwrap();
    drop(a);
    a = opened(&storage, "a", 1, later(50)).unwrap();
    assert_eq!(row(&a, 51, c.device()).behind, Some(0));
    assert_eq!(row(&a, 51, b.device()).behind, Some(4));
}

/// A vault file from which one of device a's records was held back, as a new device sees it.
fn with_a_gap() -> (Arc<SimulatedStorage>, StdRng, DeviceId) {
    let (storage, mut rng) = shared();
    let mut a = opened(&storage, "a", 1, later(20)).unwrap();
    let before = file_of(&storage).len();
    add(&mut a, "held back", "x", later(21), &mut rng).unwrap();
    add(&mut a, "arrived", "x", later(22), &mut rng).unwrap();
    let mut file = file_of(&storage);
    file.drain(before..before + 1024);
    let other = Arc::new(SimulatedStorage::new());
    put(&other, &file);
    (other, rng, a.device())
}

#[test]
fn a_retired_device_keeps_its_last_name_and_its_gaps_are_told_no_more() {
    let (storage, mut rng, gone) = with_a_gap();
    let mut c = opened(&storage, "c", 1, later(30)).unwrap();
    assert_eq!(row(&c, 31, gone).ahead, 1);
    assert_eq!(c.state().oddities(), [Oddity::Gap(gone, 1)]);
    name(&mut c, 32, gone, "old laptop");
    assert_eq!(row(&c, 33, gone).name, "old laptop");
    assert_eq!(c.state().oddities(), [Oddity::Gap(gone, 1)]);
    name(&mut c, 34, gone, "");
    let retired = row(&c, 35, gone);
    assert_eq!(
        (retired.name.as_str(), retired.standing, retired.ahead),
        ("old laptop", Standing::Retired, 0)
    );
    assert_eq!(c.state().oddities(), []);
    assert_eq!(c.check().unwrap().missing, 0);
    assert_eq!(rows(&c, 36).last().map(|row| row.id), Some(gone));
    drop(c);
    // Everybody sees it so.
    let mut d = opened(&storage, "d", 1, later(40)).unwrap();
    assert_eq!(row(&d, 41, gone), retired);
    add(&mut d, "goes on", "x", later(42), &mut rng).unwrap();
}

#[test]
fn a_retired_device_that_writes_again_is_in_use_again() {
    let (storage, mut rng) = shared();
    let mut a = opened(&storage, "a", 1, later(20)).unwrap();
    let mut b = opened(&storage, "b", 1, later(21)).unwrap();
    let id = b.device();
    name(&mut a, 22, id, "");
    assert_eq!(row(&a, 23, id).standing, Standing::Retired);
    // It retired apart: this change is written before it knows.
    add(&mut b, "again", "x", later(24), &mut rng).unwrap();
    add(&mut b, "and again", "x", later(25), &mut rng).unwrap();
    drop(a);
    let a = opened(&storage, "a", 1, later(30)).unwrap();
    let back = row(&a, 31, id);
    assert_eq!((back.name.as_str(), back.standing), ("b", Standing::Other));
}

#[test]
fn the_first_change_of_a_device_can_be_undone_and_it_keeps_its_name() {
    let (storage, mut rng) = shared();
    let mut b = opened(&storage, "b", 1, later(20)).unwrap();
    let first = b.undoable_records()[0];
    b.update(later(21), &mut rng, |plan, _| plan.undo(first))
        .unwrap();
    assert_eq!(row(&b, 22, b.device()).name, "b");
    let row = b.state().summaries().into_iter();
    let row = row.clone().find(|row| row.title == "from b");
    assert!(row.is_none_or(|row| row.trashed));
}

#[test]
fn a_device_without_a_name_does_not_retire_itself() {
    let (storage, mut rng) = shared();
    let mut nameless = opened(&storage, "", 1, later(20)).unwrap();
    for second in [21, 22] {
        add(&mut nameless, "from nobody", "x", later(second), &mut rng).unwrap();
        let own = row(&nameless, second, nameless.device());
        assert_eq!((own.name.as_str(), own.standing), ("", Standing::This));
    }
}

#[test]
fn a_device_renamed_apart_has_one_name_everywhere() {
    let mut devices = Devices::new();
    devices.meet();
    let id = devices.vault(0).device();
    for (device, text) in [(0, "desk"), (1, "kitchen"), (2, "attic")] {
        let mut vault = devices.vault(device);
        let second = devices.second;
        name(&mut vault, second, id, text);
    }
    devices.meet();
    devices.meet();
    let first = dump(&devices.vault(0));
    for device in 0..3 {
        let vault = devices.vault(device);
        let second = devices.second;
        assert_eq!(row(&vault, second, id).name, "attic");
        assert_eq!(dump(&vault), first);
    }
    // The next name takes the place of all of them, whatever clocks they have.
    let mut vault = devices.vault(1);
    name(&mut vault, 1, id, "cellar");
    assert_eq!(row(&vault, devices.second, id).name, "cellar");
}

#[test]
fn of_a_flood_of_devices_only_some_are_compared() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let item = add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    drop(vault);
    let count = u64::try_from(DEVICES_COMPARED).unwrap() + 10;
    for number in 0..count {
        let device = format!("d{number}");
        let mut vault = opened(&storage, &device, 1, later(10 + number)).unwrap();
        vault
            .update(later(10 + number), &mut rng, set_password(item, &device))
            .unwrap();
    }
    let vault = opened(&storage, "a", 1, later(1000)).unwrap();
    let listed = rows(&vault, 1000);
    assert_eq!(listed.len(), DEVICES_COMPARED + 11);
    let compared = listed.iter().filter(|row| row.behind.is_some()).count();
    // This device reads them all now, wherever it stands.
    assert_eq!(compared, DEVICES_COMPARED + 1);
    assert!(listed[0].behind.is_some() && listed[DEVICES_COMPARED + 10].id == vault.device());
}
