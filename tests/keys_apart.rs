//! Devices that change password or key while others are away, and somebody who still holds an old key: what counts, what
//! comes along, what waits for the user, and what is never merged unseen (vault-format.md, section 5.10).
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::crypto::kdf::PlainMemory;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{Notice, Relation, Replacement, UnlockError, Vault, VaultError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{
    add, file_of, later, made, new_secret, opened, password, places, put, recovery, titles,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Disk = Arc<SimulatedStorage>;

/// Secrets by what they open: the first key, the key that `a` makes, the key that `b` makes.
const FIRST: u64 = 1;
const OF_A: u64 = 2;
const OF_B: u64 = 3;

/// Two devices with disks of their own and one vault, both in step.
fn two() -> (Disk, Disk, StdRng) {
    let a = Disk::default();
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&a, &mut rng);
    add(&mut vault, "shared", "x", later(1), &mut rng).unwrap();
    let b = Disk::default();
    put(&b, &file_of(&a));
    drop(opened(&b, "b", FIRST, later(10)).unwrap());
    (a, b, rng)
}

fn rekey(vault: &mut Vault, seed: u64, second: u64, rng: &mut StdRng) {
    let secrets = vec![new_secret(seed, rng)];
    vault
        .rekey(Replacement { secrets }, later(second), rng)
        .unwrap();
}

/// The drive brings the file of one device to the other.
fn carry(from: &Disk, to: &Disk) {
    put(to, &file_of(from));
}

fn refused(outcome: Result<Vault, VaultError>) -> UnlockError {
    match outcome.map(drop) {
        Err(VaultError::Unlock(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

fn reviews(vault: &Vault) -> usize {
    let reviews = vault.reviews().unwrap();
    reviews
        .iter()
        .map(|review| review.missing.as_ref().map_or(0, Vec::len))
        .sum()
}

#[test]
fn a_device_that_was_away_during_a_rekey_goes_on_under_the_new_key_with_its_own_changes() {
    let (a, b, mut rng) = two();
    let mut one = opened(&a, "a", FIRST, later(20)).unwrap();
    rekey(&mut one, OF_A, 21, &mut rng);
    add(&mut one, "under the new key", "n", later(22), &mut rng).unwrap();
    let mut other = opened(&b, "b", FIRST, later(20)).unwrap();
    add(&mut other, "made offline", "o", later(21), &mut rng).unwrap();
    drop((one, other));
    carry(&a, &b);

    // With the old secret this device keeps to its own copy, and touches nothing.
    let mut vault = opened(&b, "b", FIRST, later(30)).unwrap();
    assert_eq!(titles(&vault), ["made offline", "shared"]);
    assert_eq!(vault.take_notices(), [Notice::OtherKey]);
    add(&mut vault, "still offline", "s", later(31), &mut rng).unwrap();
    drop(vault);
    assert_eq!(
        file_of(&b),
        file_of(&a),
        "nothing is appended, replaced or moved before it opens"
    );

    let mut vault = opened(&b, "b", OF_A, later(40)).unwrap();
    assert_eq!(vault.take_notices()[0], Notice::Adopted(2));
    let all = [
        "made offline",
        "shared",
        "still offline",
        "under the new key",
    ];
    assert_eq!(titles(&vault), all);
    assert_eq!(password(&vault, "made offline"), "o");
    assert_eq!(reviews(&vault), 0);
    drop(vault);
    assert_eq!(
        refused(opened(&b, "b", FIRST, later(50))),
        UnlockError::WrongSecret
    );
    carry(&b, &a);
    assert_eq!(titles(&opened(&a, "a", OF_A, later(60)).unwrap()), all);
}

/// What lies under the key that was just replaced is no damage.
#[test]
fn a_rekey_has_nothing_to_tell() {
    let (a, _, mut rng) = two();
    let mut vault = opened(&a, "a", FIRST, later(20)).unwrap();
    rekey(&mut vault, OF_A, 21, &mut rng);
    assert_eq!(vault.take_notices(), []);
    assert_eq!(opened(&a, "a", OF_A, later(30)).unwrap().take_notices(), []);
}

#[test]
fn a_secret_that_opens_both_keys_takes_the_newer_one() {
    let (a, b, mut rng) = two();
    let mut one = opened(&a, "a", FIRST, later(20)).unwrap();
    rekey(&mut one, FIRST, 21, &mut rng);
    drop(one);
    carry(&a, &b);
    let mut vault = opened(&b, "b", FIRST, later(30)).unwrap();
    assert_eq!(vault.take_notices(), [Notice::Adopted(0)]);
    assert!(vault.check().unwrap().ok);
}

#[test]
fn the_new_key_may_come_in_a_conflict_copy() {
    let (a, b, mut rng) = two();
    let mut one = opened(&a, "a", FIRST, later(20)).unwrap();
    rekey(&mut one, OF_A, 21, &mut rng);
    drop(one);
    let copy = Path::new("/drive/vault.sync-conflict-20261125-070000-ABCDEFG.keyfold");
    b.place(copy, &file_of(&a));
    let mut vault = opened(&b, "b", FIRST, later(30)).unwrap();
    assert_eq!(vault.take_notices(), [Notice::OtherKey]);
    add(&mut vault, "made offline", "o", later(31), &mut rng).unwrap();
    drop(vault);
    let vault = opened(&b, "b", OF_A, later(40)).unwrap();
    assert_eq!(titles(&vault), ["made offline", "shared"]);
    drop(vault);
    assert!(b.content(copy).is_none(), "it is all in the vault file now");
    carry(&b, &a);
    assert_eq!(
        titles(&opened(&a, "a", OF_A, later(50)).unwrap()),
        ["made offline", "shared"]
    );
}

#[test]
fn what_a_former_key_brings_waits_for_review_until_its_writer_brings_it_or_the_user_decides() {
    let (a, b, mut rng) = two();
    let mut one = opened(&a, "a", FIRST, later(20)).unwrap();
    rekey(&mut one, OF_A, 21, &mut rng);
    drop(one);
    let rekeyed = file_of(&a);
    let mut other = opened(&b, "b", FIRST, later(20)).unwrap();
    add(&mut other, "made offline", "o", later(21), &mut rng).unwrap();
    drop(other);
    carry(&b, &a);
    let mut vault = opened(&a, "a", OF_A, later(30)).unwrap();
    assert_eq!(
        titles(&vault),
        ["shared"],
        "nothing under a former key is merged unseen"
    );
    assert!(vault.take_notices().contains(&Notice::Review));
    assert_eq!(reviews(&vault), 1);
    drop(vault);
    // The drive brings the same again: there is one review of it all the same.
    let offline = file_of(&b);
    carry(&b, &a);
    drop(opened(&a, "a", OF_A, later(40)).unwrap());
    assert_eq!(reviews(&opened(&a, "a", OF_A, later(50)).unwrap()), 1);

    let by_the_writer = Arc::new(a.fork());
    put(&b, &rekeyed);
    drop(opened(&b, "b", OF_A, later(60)).unwrap());
    carry(&b, &by_the_writer);
    let vault = opened(&by_the_writer, "a", OF_A, later(70)).unwrap();
    assert_eq!(titles(&vault), ["made offline", "shared"]);
    assert_eq!(reviews(&vault), 0, "all of it has come");

    let taken = Arc::new(a.fork());
    let mut vault = opened(&taken, "a", OF_A, later(60)).unwrap();
    let path = vault.reviews().unwrap()[0].path.clone();
    let source = vault.read_merge_source(&path, None).unwrap();
    assert_eq!(source.relation(), Relation::Former);
    let done = vault.merge(&source, later(61), &mut rng).unwrap();
    assert_eq!((done.records, done.items.len()), (1, 1));
    assert!(done.items[0].is_new && done.items[0].path == "made offline");
    assert_eq!(password(&vault, "made offline"), "o");
    assert_eq!(reviews(&vault), 0);

    let mut vault = opened(&a, "a", OF_A, later(60)).unwrap();
    let review = vault.reviews().unwrap().remove(0);
    vault.dismiss_review(&review, later(61), &mut rng).unwrap();
    drop(vault);
    put(&a, &offline);
    let vault = opened(&a, "a", OF_A, later(70)).unwrap();
    assert_eq!(
        (titles(&vault).len(), reviews(&vault)),
        (1, 0),
        "dismissed is dismissed"
    );
}

/// Attacks A18 and A19: the holder of an old password has the old key, and the drive.
#[test]
fn an_ex_holder_of_the_key_writes_nothing_into_a_rekeyed_vault() {
    let (a, x, mut rng) = two();
    let mut one = opened(&a, "a", FIRST, later(20)).unwrap();
    rekey(&mut one, OF_A, 21, &mut rng);
    let vault = opened(&a, "a", OF_A, later(25)).unwrap();
    let (before, device) = (scene::dump(&vault), vault.device());
    drop((one, vault));
    // Under the old key; and as a concurrent change of key built on it.
    let mut forged = Vec::new();
    let mut attacker = opened(&x, "x", FIRST, later(22)).unwrap();
    add(&mut attacker, "forged", "f", later(23), &mut rng).unwrap();
    forged.push(file_of(&x));
    rekey(&mut attacker, OF_B, 1_000_000, &mut rng);
    forged.push(file_of(&x));
    let own = file_of(&a);
    for (number, file) in forged.iter().enumerate() {
        for copy in [
            places("a").vault_file,
            PathBuf::from("/drive/vault.sync-conflict-20261125-070000-ABCDEFG.keyfold"),
        ] {
            let disk = Arc::new(a.fork());
            disk.place(&copy, file);
            let mut vault = opened(&disk, "a", OF_A, later(30)).unwrap();
            assert_eq!(scene::dump(&vault), before, "forgery {number}");
            assert_eq!(vault.device(), device);
            let notices = vault.take_notices();
            if number == 0 {
                assert!(notices.contains(&Notice::Review), "{notices:?}");
                assert_eq!(
                    disk.content(&places("a").vault_file).unwrap(),
                    own,
                    "the true file is back"
                );
            } else {
                assert!(notices.contains(&Notice::OtherKey), "{notices:?}");
                assert_eq!(
                    &disk.content(&copy).unwrap(),
                    file,
                    "not appended to, not moved"
                );
            }
            drop(vault);
            // Neither of the attacker's secrets opens anything on this device.
            for seed in [FIRST, OF_B] {
                refused(opened(&disk, "a", seed, later(40)));
            }
        }
    }
}

#[test]
fn two_devices_that_rekeyed_apart_keep_their_own_until_one_merges_the_other() {
    let (a, b, mut rng) = two();
    let mut one = opened(&a, "a", FIRST, later(20)).unwrap();
    rekey(&mut one, OF_A, 21, &mut rng);
    add(&mut one, "from a", "x", later(22), &mut rng).unwrap();
    let mut other = opened(&b, "b", FIRST, later(20)).unwrap();
    rekey(&mut other, OF_B, 23, &mut rng);
    add(&mut other, "from b", "y", later(24), &mut rng).unwrap();
    drop((one, other));
    let of_b = file_of(&b);
    carry(&b, &a);
    assert_eq!(
        refused(opened(&a, "a", OF_B, later(30))),
        UnlockError::Apart
    );
    let mut vault = opened(&a, "a", OF_A, later(31)).unwrap();
    assert_eq!(titles(&vault), ["from a", "shared"]);
    assert_eq!(vault.take_notices(), [Notice::OtherKey]);
    assert_eq!(file_of(&a), of_b, "left alone");

    let path = places("a").vault_file;
    let locked = vault.read_merge_source(&path, None).map(drop);
    assert!(matches!(
        locked,
        Err(VaultError::Unlock(UnlockError::OtherKey))
    ));
    let wrong = vault
        .read_merge_source(&path, Some((&recovery(9), &mut PlainMemory)))
        .map(drop);
    assert!(matches!(
        wrong,
        Err(VaultError::Unlock(UnlockError::WrongSecret))
    ));
    let source = vault
        .read_merge_source(&path, Some((&recovery(OF_B), &mut PlainMemory)))
        .unwrap();
    assert_eq!(source.relation(), Relation::Apart);
    let shown = vault.preview_merge(&source).unwrap();
    assert_eq!(
        titles(&vault),
        ["from a", "shared"],
        "a preview changes nothing"
    );
    let done = vault.merge(&source, later(40), &mut rng).unwrap();
    assert_eq!(done, shown);
    let notices = vault.take_notices();
    assert!(!notices.contains(&Notice::OtherKey), "{notices:?}");
    assert_eq!(titles(&vault), ["from a", "from b", "shared"]);
    assert_eq!(password(&vault, "from b"), "y");
    assert_eq!(
        vault.slot_rows().len(),
        1,
        "the other key's way in is none here"
    );
    drop(vault);
    // The other device finds a key that takes the place of its own.
    carry(&a, &b);
    let vault = opened(&b, "b", OF_A, later(50)).unwrap();
    assert_eq!(titles(&vault), ["from a", "from b", "shared"]);
    assert!(vault.check().unwrap().ok);
    drop(vault);
    assert_eq!(
        refused(opened(&b, "b", OF_B, later(60))),
        UnlockError::WrongSecret
    );
}

#[test]
fn two_devices_that_merged_each_other_settle_on_one_key() {
    let (a, b, mut rng) = two();
    for (disk, name, seed, second) in [(&a, "a", OF_A, 21), (&b, "b", OF_B, 23)] {
        let mut vault = opened(disk, name, FIRST, later(20)).unwrap();
        rekey(&mut vault, seed, second, &mut rng);
    }
    let (of_a, of_b) = (file_of(&a), file_of(&b));
    let elsewhere = Path::new("/elsewhere/copy.keyfold");
    for (disk, name, seed, second, other, other_seed) in [
        (&a, "a", OF_A, 40, &of_b, OF_B),
        (&b, "b", OF_B, 50, &of_a, OF_A),
    ] {
        disk.place(elsewhere, other);
        let mut vault = opened(disk, name, seed, later(second)).unwrap();
        let source = vault
            .read_merge_source(elsewhere, Some((&recovery(other_seed), &mut PlainMemory)))
            .unwrap();
        vault.merge(&source, later(second + 1), &mut rng).unwrap();
    }
    // Both name each other; the later merge counts, whoever looks.
    let (of_a, of_b) = (file_of(&a), file_of(&b));
    put(&a, &of_b);
    assert_eq!(
        refused(opened(&b, "b", OF_A, later(60))),
        UnlockError::WrongSecret
    );
    drop(opened(&a, "a", OF_B, later(60)).unwrap());
    put(&b, &of_a);
    let mut vault = opened(&b, "b", OF_B, later(70)).unwrap();
    assert!(vault.check().unwrap().ok, "{:?}", vault.take_notices());
    assert_eq!(
        refused(opened(&b, "b", OF_A, later(80))),
        UnlockError::WrongSecret
    );
    drop(of_a);
}

#[test]
fn passwords_changed_apart_are_both_good() {
    let (a, b, mut rng) = two();
    for (disk, name, seed) in [(&a, "a", OF_A), (&b, "b", OF_B)] {
        let mut vault = opened(disk, name, FIRST, later(20)).unwrap();
        let old = vault.opened_with().unwrap();
        vault
            .replace_slot(old, new_secret(seed, &mut rng), later(21), &mut rng)
            .unwrap();
    }
    let copy = Path::new("/drive/vault.sync-conflict-20261125-070000-ABCDEFG.keyfold");
    a.place(copy, &file_of(&b));
    drop(opened(&a, "a", OF_A, later(30)).unwrap());
    carry(&a, &b);
    for (disk, name) in [(&a, "a"), (&b, "b")] {
        for seed in [OF_A, OF_B] {
            let vault = opened(disk, name, seed, later(40)).unwrap();
            assert_eq!(vault.slot_rows().len(), 2);
        }
        refused(opened(disk, name, FIRST, later(50)));
    }
}

#[test]
fn a_device_that_was_away_is_told_when_its_password_was_closed() {
    let (a, b, mut rng) = two();
    let mut vault = opened(&a, "a", FIRST, later(20)).unwrap();
    let old = vault.opened_with().unwrap();
    vault
        .replace_slot(old, new_secret(OF_A, &mut rng), later(21), &mut rng)
        .unwrap();
    drop(vault);
    let mut other = opened(&b, "b", FIRST, later(22)).unwrap();
    add(&mut other, "made offline", "o", later(23), &mut rng).unwrap();
    drop(other);
    carry(&a, &b);
    assert!(matches!(
        refused(opened(&b, "b", FIRST, later(30))),
        UnlockError::Retired { .. }
    ));
    // Its own copy does not hold that way in any more.
    assert_eq!(
        refused(opened(&b, "b", FIRST, later(40))),
        UnlockError::WrongSecret
    );
    let vault = opened(&b, "b", OF_A, later(50)).unwrap();
    assert_eq!(titles(&vault), ["made offline", "shared"]);
}

/// A copy that lay under a key that went apart is an ordinary one once that key is held.
#[test]
fn a_copy_that_was_merged_by_name_is_cleared_away_on_every_device() {
    let (a, b, mut rng) = two();
    for (disk, name, seed, second) in [(&a, "a", OF_A, 21), (&b, "b", OF_B, 23)] {
        let mut vault = opened(disk, name, FIRST, later(20)).unwrap();
        rekey(&mut vault, seed, second, &mut rng);
    }
    let copy = Path::new("/drive/vault.sync-conflict-20261125-070000-ABCDEFG.keyfold");
    a.place(copy, &file_of(&b));
    for second in [30, 40] {
        let mut vault = opened(&a, "a", OF_A, later(second)).unwrap();
        assert_eq!(vault.take_notices(), [Notice::OtherKey], "at {second}");
    }
    let mut vault = opened(&a, "a", OF_A, later(50)).unwrap();
    let source = vault
        .read_merge_source(copy, Some((&recovery(OF_B), &mut PlainMemory)))
        .unwrap();
    vault.merge(&source, later(51), &mut rng).unwrap();
    drop(vault);
    drop(opened(&a, "a", OF_A, later(60)).unwrap());
    assert!(a.content(copy).is_none());
    assert_eq!(opened(&a, "a", OF_A, later(70)).unwrap().take_notices(), []);
}

/// A torn file of a rekey does not tell that it takes the place of this device's key; once the whole one is there, the two
/// devices settle and do not replace each other's file for ever.
#[test]
fn keys_that_name_each_other_settle_without_replacing_the_file_for_ever() {
    let (a, b, mut rng) = two();
    let mut vault = opened(&b, "b", FIRST, later(20)).unwrap();
    rekey(&mut vault, OF_B, 21, &mut rng);
    drop(vault);
    let whole = file_of(&b);
    let torn = Path::new("/elsewhere/torn.keyfold");
    a.place(torn, &whole[..2048]);
    let mut vault = opened(&a, "a", FIRST, later(30)).unwrap();
    let source = vault
        .read_merge_source(torn, Some((&recovery(OF_B), &mut PlainMemory)))
        .unwrap();
    vault.merge(&source, later(31), &mut rng).unwrap();
    drop(vault);
    let of_a = file_of(&a);
    put(&b, &of_a);
    let mut vault = opened(&b, "b", OF_B, later(40)).unwrap();
    assert_eq!(vault.take_notices(), [Notice::OtherKey]);
    assert_eq!(file_of(&b), of_a, "the later of the two is not replaced");
    drop(vault);
    drop(opened(&b, "b", FIRST, later(50)).unwrap());
    put(&a, &file_of(&b));
    let mut vault = opened(&a, "a", FIRST, later(60)).unwrap();
    assert_eq!(vault.take_notices(), []);
}

/// A drive may put a slot of this device's own key in front of what lies under another one.
#[test]
fn a_merge_never_takes_the_vaults_own_key_for_the_other_one() {
    let (a, b, mut rng) = two();
    for (disk, name, seed, second) in [(&a, "a", OF_A, 21), (&b, "b", OF_B, 23)] {
        let mut vault = opened(disk, name, FIRST, later(20)).unwrap();
        rekey(&mut vault, seed, second, &mut rng);
    }
    let mut mixed = file_of(&a)[..2048].to_vec();
    mixed.extend_from_slice(&file_of(&b)[1024..]);
    let path = Path::new("/elsewhere/mixed.keyfold");
    a.place(path, &mixed);
    let vault = opened(&a, "a", OF_A, later(30)).unwrap();
    let own = vault
        .read_merge_source(path, Some((&recovery(OF_A), &mut PlainMemory)))
        .map(drop);
    assert!(matches!(
        own,
        Err(VaultError::Unlock(UnlockError::WrongSecret))
    ));
    let source = vault
        .read_merge_source(path, Some((&recovery(OF_B), &mut PlainMemory)))
        .unwrap();
    assert!(vault.preview_merge(&source).unwrap().records > 0);
}

/// A change of this device that another one purged before a third gave the vault a new key: it waits as long as the purge
/// does, and not longer.
#[test]
fn what_waited_for_an_erasure_comes_with_it() {
    let (a, b, mut rng) = two();
    let c = Arc::new(a.fork());
    let mut vault = opened(&a, "a", FIRST, later(20)).unwrap();
    let doomed = add(&mut vault, "doomed", "d", later(21), &mut rng).unwrap();
    drop(vault);
    carry(&a, &b);
    let mut vault = opened(&b, "b", FIRST, later(30)).unwrap();
    vault
        .update(later(31), &mut rng, |plan, _| {
            plan.purge(doomed);
            Ok(())
        })
        .unwrap();
    vault.compact(later(32), &mut rng).unwrap();
    drop(vault);
    carry(&b, &a);
    drop(opened(&a, "a", FIRST, later(40)).unwrap());
    let mut vault = opened(&c, "c", FIRST, later(50)).unwrap();
    rekey(&mut vault, OF_A, 51, &mut rng);
    drop(vault);

    carry(&c, &a);
    assert_eq!(reviews(&opened(&a, "a", OF_A, later(60)).unwrap()), 2);
    carry(&c, &b);
    assert_eq!(reviews(&opened(&b, "b", OF_A, later(70)).unwrap()), 1);
    carry(&b, &a);
    let vault = opened(&a, "a", OF_A, later(80)).unwrap();
    assert_eq!(reviews(&vault), 0, "the purge has come");
    drop(vault);
    carry(&a, &b);
    let other = opened(&b, "b", OF_A, later(90)).unwrap();
    assert_eq!(reviews(&other), 0);
    let vault = opened(&a, "a", OF_A, later(100)).unwrap();
    assert_eq!(scene::dump(&vault), scene::dump(&other));
    assert_eq!(titles(&vault), ["shared"]);
}

/// A drive tore a rekeyed file off behind its way in, and another device healed its own records behind that.
#[test]
fn a_way_in_without_its_vault_opens_no_empty_one() {
    let (a, b, mut rng) = two();
    let own = file_of(&a);
    let mut vault = opened(&b, "b", FIRST, later(20)).unwrap();
    rekey(&mut vault, OF_B, 21, &mut rng);
    drop(vault);
    let joined = [&file_of(&b)[..2048], &own[1024..]].concat();
    let stranger = Disk::default();
    put(&stranger, &joined);
    assert_eq!(
        refused(opened(&stranger, "z", OF_B, later(30))),
        UnlockError::OtherKey
    );
    assert_eq!(file_of(&stranger), joined);
    let vault = opened(&stranger, "z", FIRST, later(40)).unwrap();
    assert_eq!(titles(&vault), ["shared"]);
}
