//! Attack A34: devices whose clocks say 2099 or 1970. What they write is kept, ordered the same everywhere and flagged;
//! no value is lost, and nobody follows their clock.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::model::field;
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::moment::Moment;
use keyfold::state::devices::{ClockState, DeviceRow};
use keyfold::vault::Vault;
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::devices::Devices;
use scene::{NOW, add, dump, later, opened, set_password};

const DAY: u64 = 24 * 60 * 60 * 1000;
/// 2099-01-01.
const FAR: Moment = Moment(4_070_908_800_000);
const EPOCH: Moment = Moment(0);

/// The device of this number, opened by a clock of its own.
fn opened_at(devices: &Devices, device: usize, now: Moment) -> Vault {
    let name = scene::devices::NAMES[device];
    opened(&devices.storages[device], name, 1, now).unwrap()
}

/// Devices of 2026, 2099 and 1970 that changed one password apart, and have met.
fn changed_apart() -> (Devices, ItemId) {
    let mut devices = Devices::new();
    devices.meet();
    let item = devices.vault(0).state().item_ids()[0];
    for (device, now, text) in [
        (0, later(100), "2026"),
        (1, FAR, "2099"),
        (2, EPOCH, "1970"),
    ] {
        let mut vault = opened_at(&devices, device, now);
        vault
            .update(now, &mut devices.rng, set_password(item, text))
            .unwrap();
    }
    devices.second = 200;
    devices.meet();
    (devices, item)
}

/// All values of the password that stand, the one that shows first.
fn standing(vault: &Vault, item: ItemId) -> Vec<String> {
    let view = vault.state().item(item).unwrap();
    let field = view.field(FieldId::Standard(field::PASSWORD)).unwrap();
    let values = std::iter::once(&field.current).chain(&field.others);
    let opened = values.map(|head| vault.reveal(item, field.id, &head.value).unwrap());
    opened.map(|secret| secret.expose().to_owned()).collect()
}

fn row(vault: &Vault, name: &str) -> DeviceRow {
    let mut rows = vault
        .state()
        .device_rows(vault.device(), later(300))
        .into_iter();
    rows.find(|row| row.name == name).unwrap()
}

#[test]
fn values_of_2099_and_1970_are_all_kept_and_ordered_alike_everywhere() {
    let (mut devices, item) = changed_apart();
    let first = dump(&devices.vault(0));
    for device in 0..3 {
        let vault = devices.vault(device);
        assert_eq!(standing(&vault, item), ["2099", "2026", "1970"]);
        assert_eq!(dump(&vault), first);
    }
}

#[test]
fn clocks_of_2099_and_1970_are_flagged_and_a_right_one_is_not() {
    let (mut devices, _) = changed_apart();
    for device in 0..3 {
        let vault = devices.vault(device);
        let ahead = FAR.0 - later(300).0;
        assert_eq!(row(&vault, "b").clock, ClockState::Ahead(ahead));
        let ClockState::Behind(behind) = row(&vault, "c").clock else {
            panic!("{:?}", row(&vault, "c"));
        };
        assert!(behind >= NOW.0 - DAY && behind <= later(100).0, "{behind}");
        assert_eq!(row(&vault, "laptop").clock, ClockState::Plausible);
    }
    // Who looks from 2099 sees nothing wrong with 2099.
    let vault = devices.vault(0);
    let rows = vault.state().device_rows(vault.device(), FAR);
    let far = rows.iter().find(|row| row.name == "b").unwrap();
    assert_eq!(far.clock, ClockState::Plausible);
}

#[test]
fn nobody_follows_a_clock_that_is_more_than_a_day_ahead() {
    let (devices, item) = changed_apart();
    let mut rng = StdRng::seed_from_u64(34);
    let now = later(400);
    let mut vault = opened_at(&devices, 0, now);
    vault
        .update(now, &mut rng, set_password(item, "decided"))
        .unwrap();
    let last = vault.state().records_of(vault.device())[0];
    let (head, _) = vault.state().record_operations(last).unwrap();
    assert_eq!(head.clock.moment(), now);
    // It replaces what is dated later: that was seen, and what was seen is replaced.
    assert_eq!(standing(&vault, item), ["decided"]);
    // Its former values are all in the history.
    let mut former: Vec<String> = vault
        .state()
        .history(item)
        .iter()
        .map(|former| vault.reveal(item, former.id, &former.value.value).unwrap())
        .map(|secret| secret.expose().to_owned())
        .collect();
    former.sort();
    assert_eq!(former, ["1970", "2026", "2099", "first"]);
}

#[test]
fn a_clock_that_is_less_than_a_day_ahead_is_followed() {
    let mut devices = Devices::new();
    devices.meet();
    let mut rng = StdRng::seed_from_u64(34);
    let soon = Moment(later(100).0 + DAY - 60_000);
    let mut vault = opened_at(&devices, 1, soon);
    add(&mut vault, "soon", "x", soon, &mut rng).unwrap();
    drop(vault);
    devices.second = 100;
    devices.meet();
    let mut vault = devices.vault(0);
    let now = later(devices.second);
    add(&mut vault, "after it", "x", now, &mut rng).unwrap();
    let last = vault.state().records_of(vault.device())[0];
    let (head, _) = vault.state().record_operations(last).unwrap();
    assert_eq!(head.clock.moment(), soon);
    assert_eq!(row(&vault, "b").clock, ClockState::Plausible);
}

#[test]
fn a_device_of_1970_goes_on_writing_and_everything_it_wrote_is_seen() {
    let mut devices = Devices::new();
    devices.meet();
    let mut rng = StdRng::seed_from_u64(34);
    for number in 0..3 {
        let mut vault = opened_at(&devices, 2, EPOCH);
        let title = format!("from 1970, {number}");
        add(&mut vault, &title, "x", EPOCH, &mut rng).unwrap();
    }
    devices.second = 100;
    devices.meet();
    let vault = devices.vault(0);
    let titles = scene::titles(&vault);
    assert_eq!(
        titles.iter().filter(|title| title.contains("1970")).count(),
        3
    );
    let clocks: Vec<u64> = vault
        .state()
        .record_ids_in_order()
        .iter()
        .map(|id| vault.state().record_operations(*id).unwrap().0.clock.0)
        .collect();
    assert_eq!(
        clocks[..3],
        [1, 2, 3],
        "ordered among themselves, before all others"
    );
}
