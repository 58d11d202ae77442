//! Conflict copies: whatever a drive leaves beside the vault is taken in, and moved away only if the drive made it and
//! nothing of it could be lost.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::storage::Storage;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{Notice, Vault};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{add, file_of, later, made, opened, places, put, set_password, titles};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names that real drives give, all of a vault called `vault.keyfold`.
const SYNCTHING: &str = "vault.sync-conflict-20261125-070000-ABCDEFG.keyfold";

fn beside(name: &str) -> PathBuf {
    Path::new("/drive").join(name)
}

/// Files in the synced folder, by name.
fn synced(storage: &SimulatedStorage) -> Vec<String> {
    let files = storage.files().into_iter();
    let names = files.filter_map(|path| Some(path.strip_prefix("/drive").ok()?.to_owned()));
    names
        .map(|name| name.to_str().unwrap().to_owned())
        .collect()
}

/// Two devices with disks of their own that started from one vault; each then added an item apart.
fn apart() -> (Arc<SimulatedStorage>, Arc<SimulatedStorage>, StdRng) {
    let a = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&a, &mut rng);
    add(&mut vault, "shared", "x", later(1), &mut rng).unwrap();
    let b = Arc::new(SimulatedStorage::new());
    put(&b, &file_of(&a));
    let mut other = opened(&b, "b", 1, later(10)).unwrap();
    add(&mut other, "from b", "y", later(11), &mut rng).unwrap();
    add(&mut vault, "from a", "x", later(12), &mut rng).unwrap();
    (a, b, rng)
}

fn open_a(storage: &Arc<SimulatedStorage>, second: u64) -> Vault {
    opened(storage, "a", 1, later(second)).unwrap()
}

#[test]
fn a_copy_that_a_drive_made_is_taken_in_delivered_and_moved_away() {
    let (a, b, _) = apart();
    a.place(&beside(SYNCTHING), &file_of(&b));
    let mut vault = open_a(&a, 30);
    assert_eq!(titles(&vault), ["from a", "from b", "shared"]);
    let notices = vault.take_notices();
    assert_eq!(notices, [Notice::Merged(1), Notice::CopiesMoved(1)]);
    assert_eq!(synced(&a), ["vault.keyfold"]);
    // All of it is in the vault file: a new device finds it there.
    put(&b, &file_of(&a));
    let stranger = opened(&b, "z", 1, later(40)).unwrap();
    assert_eq!(titles(&stranger), ["from a", "from b", "shared"]);
}

#[test]
fn a_copy_under_a_name_of_the_users_own_is_taken_in_and_stays() {
    let (a, b, _) = apart();
    a.place(&beside("before the holidays.keyfold"), &file_of(&b));
    let mut vault = open_a(&a, 30);
    assert_eq!(titles(&vault), ["from a", "from b", "shared"]);
    assert!(vault.take_notices().contains(&Notice::Merged(1)));
    let there = ["before the holidays.keyfold", "vault.keyfold"];
    assert_eq!(synced(&a), there);
    // From then on it costs a look at its stamp, and nothing is written.
    drop(open_a(&a, 40));
    let steps = a.step_count();
    let mut vault = open_a(&a, 50);
    assert_eq!(vault.take_notices(), []);
    assert_eq!(
        a.step_count(),
        steps,
        "nothing happened, nothing is written"
    );
    assert_eq!(synced(&a), there);
}

/// A copy whose time stamp lies in the future, since a machine that is ahead made it, is not read at every opening.
#[test]
fn a_copy_from_a_clock_that_is_ahead_costs_one_reading() {
    for ahead in [3600, 400 * 24 * 3600] {
        let (a, b, _) = apart();
        drop(open_a(&a, 20));
        scene::set_clock(&a, later(ahead));
        a.place(&beside("of the future.keyfold"), &file_of(&b));
        scene::set_clock(&a, later(30));
        for second in [40, 50] {
            drop(open_a(&a, second));
        }
        let steps = a.step_count();
        for second in [60, 70, 80] {
            drop(open_a(&a, second));
        }
        assert_eq!(a.step_count(), steps, "ahead by {ahead} s");
    }
}

#[test]
fn files_that_are_no_vault_are_opened_once() {
    let (a, _, _) = apart();
    for number in 0..100 {
        a.place(&beside(&format!("letter {number}.txt")), &[b'x'; 2000]);
    }
    drop(open_a(&a, 30));
    let steps = a.step_count();
    drop(open_a(&a, 40));
    assert_eq!(a.step_count(), steps, "what was found is written down once");
    let looked = a.files().into_iter().find(|path| path.ends_with("looked"));
    assert!(a.content(&looked.unwrap()).unwrap().len() >= 100 * 25);
}

#[test]
fn a_copy_of_another_vault_or_of_nothing_is_left_alone() {
    let (a, _, mut rng) = apart();
    let other = Arc::new(SimulatedStorage::new());
    drop(made(&other, &mut rng));
    a.place(&beside(SYNCTHING), &file_of(&other));
    a.place(
        &beside("vault.sync-conflict-20261125-070001-ABCDEFG.keyfold"),
        &[7; 5000],
    );
    let before = synced(&a);
    let mut vault = open_a(&a, 30);
    assert_eq!(vault.take_notices(), []);
    assert_eq!(titles(&vault), ["from a", "shared"]);
    assert_eq!(synced(&a), before);
}

#[test]
fn a_copy_cut_inside_a_record_brings_what_is_whole() {
    let (a, b, mut rng) = apart();
    let mut other = opened(&b, "b", 1, later(20)).unwrap();
    add(&mut other, "half", "y", later(21), &mut rng).unwrap();
    let whole = file_of(&b);
    a.place(&beside(SYNCTHING), &whole[..whole.len() - 700]);
    let vault = open_a(&a, 30);
    assert_eq!(titles(&vault), ["from a", "from b", "shared"]);
    drop(vault);
    // The rest comes with the next upload.
    a.place(&beside(SYNCTHING), &whole);
    assert_eq!(
        titles(&open_a(&a, 40)),
        ["from a", "from b", "half", "shared"]
    );
    assert_eq!(synced(&a), ["vault.keyfold"]);
}

#[test]
fn a_vault_that_a_drive_renamed_away_is_put_together_again() {
    let (a, b, _) = apart();
    let own = a.take(&places("a").vault_file).unwrap();
    a.place(&beside("vault.keyfold..path1"), &own);
    a.place(&beside("vault.keyfold..path2"), &file_of(&b));
    let vault = open_a(&a, 30);
    assert_eq!(titles(&vault), ["from a", "from b", "shared"]);
    assert_eq!(synced(&a), ["vault.keyfold"]);
    put(&b, &file_of(&a));
    let stranger = opened(&b, "z", 1, later(40)).unwrap();
    assert_eq!(titles(&stranger), ["from a", "from b", "shared"]);
}

#[test]
fn a_copy_stays_while_the_vault_file_cannot_take_what_it_brought() {
    let (a, b, _) = apart();
    a.place(&beside(SYNCTHING), &file_of(&b));
    a.make_read_only(&places("a").vault_file);
    let mut vault = open_a(&a, 30);
    assert_eq!(titles(&vault), ["from a", "from b", "shared"]);
    let notices = vault.take_notices();
    assert!(
        notices
            .iter()
            .any(|notice| matches!(notice, Notice::Pending(_))),
        "{notices:?}"
    );
    assert_eq!(synced(&a), ["vault.keyfold", SYNCTHING]);
    drop(vault);
    a.make_writable(&places("a").vault_file);
    drop(open_a(&a, 40));
    assert_eq!(synced(&a), ["vault.keyfold"]);
}

#[test]
fn what_came_with_a_copy_waits_until_the_vault_file_is_still_and_sync_does_not_wait() {
    for impatient in [false, true] {
        let (a, b, mut rng) = apart();
        scene::set_clock(&a, later(29));
        put(&a, &file_of(&a));
        a.place(&beside(SYNCTHING), &file_of(&b));
        let mut vault = open_a(&a, 30);
        assert_eq!(titles(&vault), ["from a", "from b", "shared"]);
        assert_eq!(
            synced(&a),
            ["vault.keyfold", SYNCTHING],
            "it is not delivered yet"
        );
        if impatient {
            vault.sync(later(30), &mut rng).unwrap();
        } else {
            drop(vault);
            drop(open_a(&a, 40));
        }
        assert_eq!(synced(&a), ["vault.keyfold"], "sync: {impatient}");
    }
}

#[test]
fn a_copy_that_changes_while_it_is_moved_is_read_again() {
    let (a, b, mut rng) = apart();
    let mut vault = open_a(&a, 20);
    a.place(&beside(SYNCTHING), &file_of(&b));
    drop(vault.sync(later(30), &mut rng));
    let mut other = opened(&b, "b", 1, later(31)).unwrap();
    add(&mut other, "late", "y", later(32), &mut rng).unwrap();
    a.place(&beside(SYNCTHING), &file_of(&b));
    assert_eq!(
        titles(&open_a(&a, 40)),
        ["from a", "from b", "late", "shared"]
    );
}

/// Devices do not answer each other for ever: once all hold the same, nobody writes.
#[test]
fn devices_that_hold_the_same_write_nothing() {
    let (a, b, _) = apart();
    for round in 0..4 {
        let (from_a, from_b) = (file_of(&a), file_of(&b));
        let before = (from_a.clone(), from_b.clone());
        a.place(&beside(SYNCTHING), &from_b);
        b.place(&beside(SYNCTHING), &from_a);
        let mut one = open_a(&a, 100 + round * 10);
        let mut other = opened(&b, "b", 1, later(100 + round * 10)).unwrap();
        assert_eq!(titles(&one), titles(&other));
        if round > 0 {
            assert_eq!((file_of(&a), file_of(&b)), before, "round {round}");
            let silent = |notices: Vec<Notice>| {
                notices
                    .iter()
                    .all(|notice| matches!(notice, Notice::CopiesMoved(_)))
            };
            assert!(silent(one.take_notices()) && silent(other.take_notices()));
        }
    }
}

#[test]
fn a_true_conflict_keeps_both_values() {
    let (a, b, mut rng) = apart();
    let mut one = open_a(&a, 20);
    let mut other = opened(&b, "b", 1, later(20)).unwrap();
    let shared = one
        .state()
        .summaries()
        .into_iter()
        .find(|row| row.title == "shared")
        .unwrap()
        .id;
    one.update(later(21), &mut rng, set_password(shared, "of a"))
        .unwrap();
    other
        .update(later(22), &mut rng, set_password(shared, "of b"))
        .unwrap();
    drop((one, other));
    a.place(&beside(SYNCTHING), &file_of(&b));
    let vault = open_a(&a, 30);
    let row = vault.state().summary(shared).unwrap();
    assert_eq!(row.conflicts, 1);
}

#[test]
fn copies_that_were_taken_in_stay_in_the_local_state_until_compact() {
    let (a, b, mut rng) = apart();
    a.place(&beside(SYNCTHING), &file_of(&b));
    let mut vault = open_a(&a, 30);
    let trashed = |storage: &SimulatedStorage| {
        let files = storage.files().into_iter();
        files
            .filter(|path| path.to_str().unwrap().contains("/trash/"))
            .count()
    };
    assert_eq!(trashed(&a), 1);
    vault.compact(later(31), &mut rng).unwrap();
    assert_eq!(
        trashed(&a),
        0,
        "compact leaves no older copy of what may have been purged"
    );
    assert!(a.stamp(&beside(SYNCTHING)).unwrap().is_none());
}
