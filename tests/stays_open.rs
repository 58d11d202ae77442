//! A vault that stays open for hours: before each question it knows what other processes, devices and the drive did.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{Notice, Replacement, UnlockError, Vault, VaultError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{add, file_of, later, made, new_secret, opened, places, put, titles};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SYNCTHING: &str = "/drive/vault.sync-conflict-20261125-070000-ABCDEFG.keyfold";

/// A vault that is open since second 1, and another device with a disk of its own that shares it.
fn open() -> (Arc<SimulatedStorage>, Arc<SimulatedStorage>, Vault, StdRng) {
    let here = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&here, &mut rng);
    add(&mut vault, "shared", "x", later(1), &mut rng).unwrap();
    let there = Arc::new(SimulatedStorage::new());
    put(&there, &file_of(&here));
    (here, there, vault, rng)
}

/// The other device adds an item.
fn add_there(there: &Arc<SimulatedStorage>, title: &str, second: u64) {
    let mut rng = StdRng::seed_from_u64(second);
    let mut other = opened(there, "b", 1, later(second)).unwrap();
    add(&mut other, title, "y", later(second), &mut rng).unwrap();
}

fn look(vault: &mut Vault, second: u64, rng: &mut StdRng) -> Result<(), VaultError> {
    vault.look_again(later(second), rng)
}

fn replica(vault: &Vault) -> PathBuf {
    Path::new("/a").join(vault.id().to_string()).join("replica")
}

#[test]
fn what_another_process_of_this_device_adds_is_seen() {
    let (here, _, mut vault, mut rng) = open();
    let mut other = opened(&here, "a", 1, later(10)).unwrap();
    add(&mut other, "from beside", "y", later(11), &mut rng).unwrap();
    look(&mut vault, 12, &mut rng).unwrap();
    assert_eq!(titles(&vault), ["from beside", "shared"]);
    // The same again where the other one is held open too.
    add(&mut vault, "from here", "y", later(13), &mut rng).unwrap();
    look(&mut other, 14, &mut rng).unwrap();
    assert_eq!(titles(&other), ["from beside", "from here", "shared"]);
}

#[test]
fn a_vault_file_that_grew_is_read() {
    let (here, there, mut vault, mut rng) = open();
    add_there(&there, "from there", 10);
    // In place, as a drive that sends parts does: the same file, longer.
    here.rot(&places("a").vault_file, &file_of(&there));
    look(&mut vault, 20, &mut rng).unwrap();
    assert_eq!(titles(&vault), ["from there", "shared"]);
    assert_eq!(vault.take_notices(), [Notice::Merged(1)]);
}

#[test]
fn a_vault_file_that_was_replaced_is_read_and_lacks_nothing_afterwards() {
    let (here, there, mut vault, mut rng) = open();
    add_there(&there, "from there", 10);
    add(&mut vault, "from here", "x", later(11), &mut rng).unwrap();
    put(&here, &file_of(&there));
    look(&mut vault, 20, &mut rng).unwrap();
    assert_eq!(titles(&vault), ["from here", "from there", "shared"]);
    put(&there, &file_of(&here));
    let other = opened(&there, "b", 1, later(30)).unwrap();
    assert_eq!(titles(&other), ["from here", "from there", "shared"]);
}

#[test]
fn a_conflict_copy_is_taken_in_without_a_command() {
    let (here, there, mut vault, mut rng) = open();
    add_there(&there, "from there", 10);
    here.place(Path::new(SYNCTHING), &file_of(&there));
    look(&mut vault, 20, &mut rng).unwrap();
    assert_eq!(titles(&vault), ["from there", "shared"]);
    assert!(here.content(Path::new(SYNCTHING)).is_none());
}

#[test]
fn where_nothing_happened_nothing_is_written() {
    let (here, _, mut vault, mut rng) = open();
    look(&mut vault, 20, &mut rng).unwrap();
    let before = here.step_count();
    for second in 21..40 {
        look(&mut vault, second, &mut rng).unwrap();
    }
    assert_eq!(here.step_count(), before);
    assert!(vault.take_notices().is_empty());
}

#[test]
fn what_was_done_between_two_questions_is_told_at_the_next_one() {
    let (here, there, mut vault, mut rng) = open();
    for (second, title) in [(10, "one"), (20, "two")] {
        add_there(&there, title, second);
        here.place(Path::new(SYNCTHING), &file_of(&there));
        look(&mut vault, second + 5, &mut rng).unwrap();
    }
    let done = [
        Notice::Merged(1),
        Notice::CopiesMoved(1),
        Notice::Merged(1),
        Notice::CopiesMoved(1),
    ];
    assert_eq!(vault.take_notices(), done);
}

#[test]
fn what_lasts_is_told_once_however_often_it_was_seen() {
    let (here, _, mut vault, mut rng) = open();
    put(&here, b"something else");
    for second in 10..20 {
        look(&mut vault, second, &mut rng).unwrap();
    }
    let notices = vault.take_notices();
    assert!(matches!(notices[..], [Notice::Unusable(_)]), "{notices:?}");
    look(&mut vault, 20, &mut rng).unwrap();
    assert_eq!(vault.take_notices(), notices, "it still lasts");
}

#[test]
fn what_lasted_and_is_over_is_not_told() {
    let (here, _, mut vault, mut rng) = open();
    let file = file_of(&here);
    put(&here, b"");
    look(&mut vault, 10, &mut rng).unwrap();
    put(&here, &file);
    look(&mut vault, 20, &mut rng).unwrap();
    let notices = vault.take_notices();
    let is_over = |notice: &Notice| !matches!(notice, Notice::Unusable(_));
    assert!(notices.iter().all(is_over), "{notices:?}");
}

#[test]
fn a_way_in_that_was_closed_and_a_key_that_was_replaced_end_it() {
    let (here, _, mut vault, mut rng) = open();
    let mut other = opened(&here, "a", 1, later(10)).unwrap();
    let old = other.opened_with().unwrap();
    let secret = new_secret(2, &mut rng);
    other
        .replace_slot(old, secret, later(11), &mut rng)
        .unwrap();
    assert!(matches!(
        look(&mut vault, 20, &mut rng),
        Err(VaultError::Unlock(UnlockError::Retired { .. }))
    ));
    look(&mut other, 21, &mut rng).unwrap();

    let mut third = opened(&here, "a", 2, later(30)).unwrap();
    let secrets = vec![new_secret(2, &mut rng)];
    third
        .rekey(Replacement { secrets }, later(31), &mut rng)
        .unwrap();
    assert!(matches!(
        look(&mut other, 40, &mut rng),
        Err(VaultError::Unlock(UnlockError::OtherKey))
    ));
    look(&mut third, 41, &mut rng).unwrap();
}

#[test]
fn what_this_device_was_told_to_forget_is_not_written_again() {
    let (here, _, mut vault, mut rng) = open();
    let replica = replica(&vault);
    here.take(&replica).unwrap();
    let before = here.files();
    let refused = look(&mut vault, 20, &mut rng);
    assert!(matches!(refused, Err(VaultError::NoVault(_))));
    assert_eq!(here.files(), before);
}
