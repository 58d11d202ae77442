//! The day on which a backup is needed: ransomware, a wiped drive, a lost device; and that restoring one never loses what
//! is newer.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::crypto::kdf::PlainMemory;
use keyfold::log::BLOCK;
use keyfold::log::frame::{FrameKind, parse_header};
use keyfold::model::ids::RecordId;
use keyfold::storage::Storage;
use keyfold::storage::simulated::{Fault, SimulatedStorage, crash_everywhere, fail_everywhere};
use keyfold::vault::{
    BackupMade, Drill, Notice, Replacement, UnlockError, Vault, VaultError, restore_into,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::devices::{Devices, NAMES, config, records, steps};
use scene::{
    add, attach, dump, file_of, later, made, new_secret, only_file, opened, places, put, recovery,
    set_password, titles,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FOLDER: &str = "/disk/backups";
const CONFLICT_COPY: &str = "/drive/vault.sync-conflict-20261125-070000-ABCDEFG.keyfold";

type Disk = Arc<SimulatedStorage>;

/// A vault with a file of several pieces, and a backup of it.
fn scene() -> (Disk, Vault, BackupMade, StdRng) {
    let storage = Disk::default();
    storage.make_folder(Path::new(FOLDER)).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let item = add(&mut vault, "mail", "first", later(1), &mut rng).unwrap();
    let pieces: [&[u8]; 3] = [b"first ", &[0x5a; 70_000], b" last"];
    attach(&mut vault, item, "a.txt", &pieces, later(2), &mut rng).unwrap();
    vault
        .update(later(3), &mut rng, set_password(item, "second"))
        .unwrap();
    let backup = vault
        .back_up(Path::new(FOLDER), later(4), &mut rng)
        .unwrap();
    (storage, vault, backup, rng)
}

fn path_of(backup: &BackupMade) -> PathBuf {
    backup.folder.join(&backup.name)
}

fn restore(
    storage: &SimulatedStorage,
    backup: &Path,
    target: &Path,
    secret: u64,
) -> Result<(), VaultError> {
    let mut rng = StdRng::seed_from_u64(7);
    let (credential, memory) = (recovery(secret), &mut PlainMemory);
    restore_into(storage, backup, target, &credential, memory, &mut rng).map(drop)
}

/// As ransomware leaves a file: as long as it was, and nothing in it means anything.
fn encrypted(file: &[u8]) -> Vec<u8> {
    let mut state = 7_u8;
    let changed = file.iter().map(|byte| {
        state = state.wrapping_mul(31).wrapping_add(17);
        byte ^ state ^ 0x5c
    });
    changed.collect()
}

#[test]
fn ransomware_in_the_drives_folder_takes_nothing_from_a_device_that_is_still_there() {
    let (storage, vault, _, mut rng) = scene();
    let before = dump(&vault);
    drop(vault);
    storage.place(Path::new(CONFLICT_COPY), &encrypted(&file_of(&storage)));
    put(&storage, &encrypted(&file_of(&storage)));
    let mut vault = opened(&storage, "a", 1, later(100)).unwrap();
    assert_eq!(dump(&vault), before);
    let told = vault.take_notices();
    assert!(matches!(told.as_slice(), [Notice::Unusable(_)]), "{told:?}");
    vault.replace_foreign_file(later(110), &mut rng).unwrap();
    drop(vault);
    // Whoever joins now finds everything, the attached file too.
    let other = opened(&storage, "b", 1, later(200)).unwrap();
    assert_eq!(dump(&other), before);
    assert_eq!(only_file(&other, "mail").unwrap().len(), 70_011);
}

#[test]
fn a_wiped_folder_of_the_drive_is_written_again() {
    let (storage, vault, ..) = scene();
    let before = dump(&vault);
    drop(vault);
    storage.take(&places("a").vault_file).unwrap();
    let mut vault = opened(&storage, "a", 1, later(100)).unwrap();
    assert_eq!(vault.take_notices(), [Notice::PutBack]);
    drop(vault);
    assert_eq!(dump(&opened(&storage, "b", 1, later(200)).unwrap()), before);
}

#[test]
fn with_the_device_gone_too_the_backup_brings_all_of_it_back() {
    for is_wiped in [false, true] {
        let (storage, vault, backup, mut rng) = scene();
        let before = dump(&vault);
        drop(vault);
        let kept = storage.content(&path_of(&backup)).unwrap();
        let drive = file_of(&storage);
        // A new machine; the drive brings noise or nothing, the disk with the backup is plugged in.
        let fresh = Disk::default();
        fresh.make_folder(Path::new("/drive")).unwrap();
        fresh.make_folder(Path::new(FOLDER)).unwrap();
        fresh.place(&path_of(&backup), &kept);
        if !is_wiped {
            put(&fresh, &encrypted(&drive));
            assert!(opened(&fresh, "n", 1, later(50)).is_err());
        }
        let target = &places("n").vault_file;
        if !is_wiped {
            // Nothing is written over, whatever it is.
            let refused = restore(&fresh, &path_of(&backup), target, 1).unwrap_err();
            assert!(matches!(refused, VaultError::Exists(_)), "{refused}");
            fresh.take(target).unwrap();
        }
        restore(&fresh, &path_of(&backup), target, 1).unwrap();
        let mut vault = opened(&fresh, "n", 1, later(100)).unwrap();
        assert_eq!(dump(&vault), before);
        assert_eq!(only_file(&vault, "mail").unwrap().len(), 70_011);
        add(&mut vault, "life goes on", "x", later(110), &mut rng).unwrap();
        assert_eq!(fresh.content(&path_of(&backup)).unwrap(), kept);
    }
}

#[test]
fn restoring_into_a_new_path_is_all_or_nothing_at_every_step() {
    let (storage, vault, backup, _) = scene();
    let before = dump(&vault);
    drop(vault);
    let target = Path::new("/new/vault.keyfold");
    let moved = keyfold::vault::Places {
        vault_file: target.to_owned(),
        state_folder: "/n".into(),
    };
    let look = |storage: &SimulatedStorage| {
        let shared: Arc<dyn Storage> = Arc::new(storage.clone());
        let located = keyfold::vault::locate(shared, &moved).unwrap();
        let (keys, slot) = located.unlock(&recovery(1), &mut PlainMemory).unwrap();
        let mut rng = StdRng::seed_from_u64(3);
        let vault = located.open(keys, Some(slot), "n", later(300), &mut rng);
        dump(&vault.unwrap())
    };
    let images = crash_everywhere(
        &storage,
        24,
        |storage| restore(storage, &path_of(&backup), target, 1),
        |image, outcome| {
            let is_there = image.storage.content(target).is_some();
            assert!(is_there || outcome.is_err(), "{}", image.fate);
            if is_there {
                assert_eq!(look(&image.storage), before, "{}", image.fate);
            }
        },
    );
    assert!(images > 10, "{images}");
    for fault in [Fault::Io, Fault::Full { written: 700 }, Fault::Denied] {
        fail_everywhere(
            &storage,
            fault,
            |storage| restore(storage, &path_of(&backup), target, 1),
            |storage, outcome| match storage.content(target) {
                Some(_) => assert_eq!(look(storage), before, "{fault:?}"),
                None => assert!(outcome.is_err(), "{fault:?}"),
            },
        );
    }
}

#[test]
fn a_damaged_cut_or_foreign_file_is_not_made_a_vault() {
    let (storage, vault, backup, _) = scene();
    drop(vault);
    let path = path_of(&backup);
    let whole = storage.content(&path).unwrap();
    let target = Path::new("/new/vault.keyfold");
    for block in 0..whole.len() / BLOCK {
        let mut changed = whole.clone();
        changed[block * BLOCK + 97] ^= 1;
        for bytes in [&changed[..], &whole[..block * BLOCK]] {
            storage.place(&path, bytes);
            // A cut between frames that takes pieces only is a whole file that lacks them: verifying tells, and it is said.
            let outcome = restore(&storage, &path, target, 1);
            if outcome.is_ok() {
                assert!(bytes.len() < whole.len(), "{block}");
                storage.take(target).unwrap();
            }
            assert!(storage.content(target).is_none(), "{block}");
        }
    }
    storage.place(&path, &whole);
    let wrong = restore(&storage, &path, target, 2).unwrap_err();
    assert!(
        matches!(wrong, VaultError::Unlock(UnlockError::WrongSecret)),
        "{wrong}"
    );
    restore(&storage, &path, target, 1).unwrap();
}

#[test]
fn restoring_an_old_backup_loses_nothing_newer() {
    let (storage, mut vault, backup, mut rng) = scene();
    let mail = vault.state().summaries()[0].id;
    vault
        .update(later(10), &mut rng, set_password(mail, "third"))
        .unwrap();
    add(&mut vault, "newer", "x", later(11), &mut rng).unwrap();
    let before = dump(&vault);
    let source = vault.read_merge_source(&path_of(&backup), None).unwrap();
    let found = vault.preview_merge(&source).unwrap();
    assert_eq!((found.records, found.items.len()), (0, 0));
    vault.merge(&source, later(20), &mut rng).unwrap();
    assert_eq!(dump(&vault), before);
    // A device that went back to before everything gets it all, without its own newer change going.
    let back = Disk::default();
    back.make_folder(Path::new(FOLDER)).unwrap();
    back.place(
        &path_of(&backup),
        &storage.content(&path_of(&backup)).unwrap(),
    );
    let empty = {
        let storage = Disk::default();
        let mut rng = StdRng::seed_from_u64(1);
        drop(made(&storage, &mut rng));
        file_of(&storage)
    };
    put(&back, &empty);
    let mut other = opened(&back, "b", 1, later(30)).unwrap();
    add(&mut other, "mine", "x", later(31), &mut rng).unwrap();
    let source = other.read_merge_source(&path_of(&backup), None).unwrap();
    let found = other.preview_merge(&source).unwrap();
    assert_eq!((found.records, found.items.len()), (3, 1));
    assert!(found.items[0].is_new);
    other.merge(&source, later(40), &mut rng).unwrap();
    assert_eq!(titles(&other), ["mail", "mine"]);
    assert_eq!(only_file(&other, "mail").unwrap().len(), 70_011);
}

fn ids(vault: &Vault) -> BTreeSet<RecordId> {
    vault.state().record_ids().collect()
}

proptest! {
    #![proptest_config(config())]

    /// Whatever devices did before and after: a backup that is merged into any of them is the union, and nothing else.
    #[test]
    fn a_backup_merged_into_anything_newer_is_the_union(
        before in steps(),
        after in steps(),
        of in 0..3_usize,
    ) {
        let mut devices = Devices::new();
        for (device, step) in &before {
            devices.take(*device, step);
        }
        let folder = Path::new(FOLDER);
        devices.storages[of].make_folder(folder).unwrap();
        let mut vault = devices.vault(of);
        let now = later(devices.second);
        let backup = vault.back_up(folder, now, &mut devices.rng).unwrap();
        let in_backup = ids(&vault);
        drop(vault);
        let bytes = devices.storages[of].content(&path_of(&backup)).unwrap();
        for (device, step) in &after {
            devices.take(*device, step);
        }
        for (device, name) in NAMES.into_iter().enumerate() {
            // What it would mean if the drive had brought the same.
            let by_drive = Disk::from(devices.storages[device].fork());
            let own = file_of(&by_drive);
            put(&by_drive, &[&own[..], &bytes[BLOCK..]].concat());
            devices.second += 10;
            let now = later(devices.second);
            let expected = opened(&by_drive, name, 1, now).unwrap();
            let mut vault = devices.vault(device);
            let had = ids(&vault);
            let path = Path::new("/stick/backup");
            devices.storages[device].place(path, &bytes);
            let source = vault.read_merge_source(path, None).unwrap();
            let now = later(devices.second);
            let merged = vault.merge(&source, now, &mut devices.rng).unwrap();
            prop_assert_eq!(ids(&vault), had.union(&in_backup).copied().collect());
            prop_assert_eq!(merged.records, in_backup.difference(&had).count());
            prop_assert_eq!(records(&vault), records(&expected));
            prop_assert_eq!(dump(&vault), dump(&expected));
        }
    }
}

/// Restores a file on a disk of its own and compares it with the vault.
fn drill(vault: &Vault, file: &[u8], secret: u64) -> Drill {
    let elsewhere = Disk::default();
    put(&elsewhere, file);
    let restored = opened(&elsewhere, "drill", secret, later(5000)).unwrap();
    vault.compare_with_restored(&restored).unwrap()
}

#[test]
fn a_drill_finds_a_good_backup_good_whatever_happened_to_the_vault_since() {
    let (storage, mut vault, backup, mut rng) = scene();
    let file = storage.content(&path_of(&backup)).unwrap();
    let found = drill(&vault, &file, 1);
    assert!(found.is_ok(), "{found:?}");
    assert_eq!((found.items, found.records, found.files), (1, 4, 1));
    assert_eq!((found.secrets, found.file_bytes), (2, 70_011));
    assert_eq!((found.behind, found.news, found.erased_since), (0, 0, 0));
    // Newer changes, another key, and something that was erased for good.
    add(&mut vault, "newer", "x", later(10), &mut rng).unwrap();
    let found = drill(&vault, &file, 1);
    assert!(found.is_ok() && found.behind == 1, "{found:?}");
    let secrets = vec![new_secret(2, &mut rng)];
    vault
        .rekey(Replacement { secrets }, later(20), &mut rng)
        .unwrap();
    let found = drill(&vault, &file, 1);
    assert!(found.is_ok(), "{found:?}");
    assert_eq!((found.records, found.secrets, found.files), (4, 2, 1));
    let mail = vault.state().summaries();
    let mail = mail.iter().find(|row| row.title == "mail").unwrap().id;
    vault
        .update(later(30), &mut rng, |plan, _| {
            plan.purge(mail);
            Ok(())
        })
        .unwrap();
    let found = drill(&vault, &file, 1);
    assert!(found.is_ok() && found.erased_since > 3, "{found:?}");
    assert_eq!(found.files, 1, "the backup still has it");
}

#[test]
fn a_drill_tells_what_a_backup_does_not_bring_back() {
    let (storage, vault, backup, _) = scene();
    let file = storage.content(&path_of(&backup)).unwrap();
    // Without its last piece it is a whole vault that lacks a part of a file.
    let last = file
        .chunks(BLOCK)
        .rposition(|block| parse_header(block).is_some_and(|it| it.kind == FrameKind::Chunk));
    let found = drill(&vault, &file[..last.unwrap() * BLOCK], 1);
    assert_eq!(found.wrong_count, 1, "{found:?}");
    assert!(found.wrong[0].contains("mail: the file a.txt"), "{found:?}");
    // Another vault.
    let elsewhere = Disk::default();
    let other = made(&elsewhere, &mut StdRng::seed_from_u64(77));
    assert!(!vault.compare_with_restored(&other).unwrap().is_ok());
}

/// Two devices that are one by mistake wrote different things under one number: ids differ, and the drill says what is news.
#[test]
fn a_drill_names_what_only_the_backup_has() {
    let (storage, vault, _, mut rng) = scene();
    let theirs = Disk::default();
    put(&theirs, &file_of(&storage));
    let mut other = opened(&theirs, "b", 1, later(50)).unwrap();
    add(&mut other, "theirs", "x", later(51), &mut rng).unwrap();
    theirs.make_folder(Path::new(FOLDER)).unwrap();
    let backup = other
        .back_up(Path::new(FOLDER), later(60), &mut rng)
        .unwrap();
    let found = drill(&vault, &theirs.content(&path_of(&backup)).unwrap(), 1);
    assert!(found.is_ok(), "{found:?}");
    assert_eq!((found.news, found.items), (1, 2));
}
