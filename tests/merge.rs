//! What one device learns from the vault file it keeps: nothing that was acknowledged anywhere is lost on the way from
//! file to replica and back, whoever writes when.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::storage::simulated::{Fault, SimulatedStorage};
use keyfold::vault::{Notice, VaultError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{add, later, made, new_secret, opened, places, recovery, titles};
use std::path::PathBuf;
use std::sync::Arc;

fn replica(storage: &SimulatedStorage, device: &str) -> PathBuf {
    let found = storage
        .files()
        .into_iter()
        .find(|path| path.starts_with(format!("/{device}")) && path.ends_with("replica"));
    found.unwrap()
}

/// A vault on device `a` with one item, and the same vault on `b`, which added another.
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
fn what_arrived_from_another_device_is_still_there_at_the_next_opening() {
    let (storage, _) = shared();
    for second in [20, 30, 40] {
        let mut vault = opened(&storage, "a", 1, later(second)).unwrap();
        assert_eq!(titles(&vault), ["from a", "from b"]);
        let news = vault.take_notices();
        assert_eq!(
            news,
            if second == 20 {
                vec![Notice::Merged(1)]
            } else {
                vec![]
            }
        );
    }
}

#[test]
fn what_arrived_survives_a_vault_file_that_vanishes_afterwards() {
    let (storage, _) = shared();
    drop(opened(&storage, "a", 1, later(20)).unwrap());
    storage.take(&places("a").vault_file).unwrap();
    let vault = opened(&storage, "a", 1, later(30)).unwrap();
    assert_eq!(titles(&vault), ["from a", "from b"]);
}

#[test]
fn a_full_disk_while_something_arrives_loses_nothing_later() {
    let (storage, mut rng) = shared();
    storage.limit_capacity(1);
    let mut a = opened(&storage, "a", 1, later(20)).unwrap();
    assert_eq!(titles(&a), ["from a", "from b"]);
    assert!(matches!(
        a.take_notices()[..],
        [Notice::Merged(1), Notice::Pending(_)] | [Notice::Pending(_)]
    ));
    drop(a);
    storage.lift_capacity();
    let mut a = opened(&storage, "a", 1, later(30)).unwrap();
    a.compact(later(31), &mut rng).unwrap();
    drop(a);
    for device in ["a", "c"] {
        let vault = opened(&storage, device, 1, later(50)).unwrap();
        assert_eq!(titles(&vault), ["from a", "from b"]);
    }
}

#[test]
fn a_session_that_failed_to_keep_what_arrived_keeps_it_with_the_next_command() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut a = made(&storage, &mut rng);
    add(&mut a, "from a", "x", later(1), &mut rng).unwrap();
    let mut b = opened(&storage, "b", 1, later(10)).unwrap();
    add(&mut b, "from b", "y", later(11), &mut rng).unwrap();
    storage.limit_capacity(1);
    assert!(add(&mut a, "too much", "z", later(20), &mut rng).is_err());
    storage.lift_capacity();
    add(&mut a, "fits", "z", later(21), &mut rng).unwrap();
    drop(a);
    storage.take(&places("a").vault_file).unwrap();
    let vault = opened(&storage, "a", 1, later(30)).unwrap();
    assert_eq!(titles(&vault), ["fits", "from a", "from b"]);
}

#[test]
fn a_replica_that_rotted_is_healed_from_the_vault_file_before_anything_is_rewritten() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    for title in ["one", "two", "three"] {
        add(&mut vault, title, "x", later(1), &mut rng).unwrap();
    }
    drop(vault);
    drop(opened(&storage, "a", 1, later(10)).unwrap());
    // The bits flip without a new time stamp: length and times stay.
    let path = replica(&storage, "a");
    let mut bytes = storage.content(&path).unwrap();
    let middle = bytes.len() - 1024 - 500;
    bytes[middle] ^= 1;
    storage.rot(&path, &bytes);
    let mut vault = opened(&storage, "a", 1, later(20)).unwrap();
    assert_eq!(titles(&vault), ["one", "three", "two"]);
    vault.compact(later(21), &mut rng).unwrap();
    drop(vault);
    for device in ["a", "b"] {
        let vault = opened(&storage, device, 1, later(30)).unwrap();
        assert_eq!(titles(&vault), ["one", "three", "two"]);
    }
}

#[test]
fn a_replica_that_became_empty_is_made_anew() {
    let (storage, mut rng) = shared();
    drop(opened(&storage, "a", 1, later(20)).unwrap());
    storage.place(&replica(&storage, "a"), b"");
    let mut vault = opened(&storage, "a", 1, later(30)).unwrap();
    add(&mut vault, "new", "z", later(31), &mut rng).unwrap();
    drop(vault);
    storage.take(&places("a").vault_file).unwrap();
    let vault = opened(&storage, "a", 1, later(40)).unwrap();
    assert_eq!(titles(&vault), ["from a", "from b", "new"]);
}

#[test]
fn a_session_from_before_a_rekey_writes_nothing_under_the_former_key() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut session = made(&storage, &mut rng);
    add(&mut session, "before", "x", later(1), &mut rng).unwrap();
    let mut other = opened(&storage, "a", 1, later(10)).unwrap();
    let secrets = vec![new_secret(2, &mut rng)];
    other
        .rekey(keyfold::vault::Replacement { secrets }, later(11), &mut rng)
        .unwrap();
    drop(other);
    let refused = add(&mut session, "lost?", "x", later(20), &mut rng);
    assert!(matches!(refused, Err(VaultError::Unlock(_))), "{refused:?}");
    drop(session);
    let vault = opened(&storage, "a", 2, later(30)).unwrap();
    assert_eq!(titles(&vault), ["before"]);
    assert!(vault.check().unwrap().ok);
}

/// Attack A8: the new slot is cut out of the file, the record that retires the old one is left.
#[test]
fn a_slot_that_was_stripped_comes_back_from_the_record_that_retired_its_predecessor() {
    let (storage, mut rng) = shared();
    let mut a = opened(&storage, "a", 1, later(20)).unwrap();
    let old = a.opened_with().unwrap();
    a.replace_slot(old, new_secret(2, &mut rng), later(21), &mut rng)
        .unwrap();
    drop(a);
    let path = places("a").vault_file;
    let mut bytes = storage.content(&path).unwrap();
    assert_eq!(bytes[1024 + 8], 1, "a slot follows the preamble");
    bytes.drain(1024..2048);
    storage.place(&path, &bytes);
    // Device b knows the old secret alone, learns that it was retired, and must not lock everybody out.
    assert!(opened(&storage, "b", 1, later(30)).is_err());
    let b = opened(&storage, "b", 2, later(40)).unwrap();
    assert_eq!(titles(&b), ["from a", "from b"]);
    drop(b);
    let c = opened(&storage, "c", 2, later(50)).unwrap();
    assert_eq!(titles(&c), ["from a", "from b"]);
    drop(recovery(1));
}

#[test]
fn a_device_without_its_replica_takes_another_id() {
    let (storage, _) = shared();
    let before = opened(&storage, "a", 1, later(20)).unwrap().device();
    storage.take(&replica(&storage, "a")).unwrap();
    let after = opened(&storage, "a", 1, later(30)).unwrap().device();
    assert_ne!(before, after);
}

/// A disk that fails to sync the vault file may lose what was written to it although it reads back: that is said, and the
/// next command reads the file again instead of relying on its stamp.
#[test]
fn a_vault_file_that_could_not_be_synced_is_told_as_pending() {
    let base = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&base, &mut rng);
    add(&mut vault, "first", "x", later(1), &mut rng).unwrap();
    drop(vault);
    drop(opened(&base, "a", 1, later(10)).unwrap());
    let (mut told, mut at) = (0, 0);
    loop {
        let disk = Arc::new(base.fork());
        let mut vault = opened(&disk, "a", 1, later(20)).unwrap();
        let steps = disk.step_count();
        disk.fail_at(steps + at, Fault::Io);
        let outcome = add(&mut vault, "second", "x", later(21), &mut rng);
        if disk.step_count() <= steps + at {
            break;
        }
        let undurable = disk
            .unsynced_steps()
            .iter()
            .any(|step| step.contains("vault.keyfold"));
        let pending = vault
            .take_notices()
            .iter()
            .any(|notice| matches!(notice, Notice::Pending(_)));
        assert!(
            outcome.is_err() || !undurable || pending,
            "step {at}: {:?}",
            disk.unsynced_steps()
        );
        told += usize::from(outcome.is_ok() && pending);
        at += 1;
    }
    assert!(told > 0, "no failure was one of the vault file alone");
}
