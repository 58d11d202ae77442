//! Backups: each holds all that the device knows, has its name only once all of it was authenticated, and is told from
//! everything else that takes its place.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::crypto::kdf::PlainMemory;
use keyfold::log::BLOCK;
use keyfold::log::frame::{FrameKind, HEADER_LENGTH, parse_header};
use keyfold::model::moment::Moment;
use keyfold::storage::simulated::{Fault, SimulatedStorage, crash_everywhere, fail_everywhere};
use keyfold::storage::{FileKind, Storage, StorageError, is_temporary_name};
use keyfold::vault::{
    BackupCheck, BackupKey, BackupMade, BackupName, Keep, Notice, Presence, Replacement,
    UnlockError, Vault, VaultError, forget_backups, list_backups, locate, mark_told, noted_backups,
    prune, restore_into, surplus_backups,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::meddler::Meddler;
use scene::{
    add, attach, dump, file_of, later, login, made, new_secret, opened, opened_on, places, put,
    recovery, set_clock,
};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FOLDER: &str = "/disk/backups";
/// Combinations of lost and kept writes that are tried at each step.
const IMAGES: usize = 24;

type Disk = Arc<SimulatedStorage>;

/// A vault with an item and a file of three pieces, and a folder for backups.
fn scene() -> (Disk, Vault, StdRng) {
    let storage = Disk::default();
    storage.make_folder(Path::new(FOLDER)).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let item = add(&mut vault, "mail", "first", later(1), &mut rng).unwrap();
    let pieces: [&[u8]; 3] = [b"first ", &[0x5a; 70_000], b" last"];
    attach(&mut vault, item, "a.txt", &pieces, later(2), &mut rng).unwrap();
    add(&mut vault, "bank", "other", later(3), &mut rng).unwrap();
    (storage, vault, rng)
}

fn back_up(vault: &mut Vault, second: u64) -> Result<BackupMade, VaultError> {
    let mut rng = StdRng::seed_from_u64(second);
    vault.back_up(Path::new(FOLDER), later(second), &mut rng)
}

fn path_of(backup: &BackupMade) -> PathBuf {
    backup.folder.join(&backup.name)
}

fn verify(vault: &mut Vault, path: &Path, second: u64) -> Result<BackupCheck, VaultError> {
    vault.verify_backup(path, later(second), &mut StdRng::seed_from_u64(second))
}

/// Everything in the folder for backups, by name.
fn names(storage: &SimulatedStorage) -> Vec<String> {
    let listing = storage.list(Path::new(FOLDER), 1000).unwrap();
    let entries = listing.entries.into_iter();
    entries
        .map(|entry| entry.name.into_string().unwrap())
        .collect()
}

/// What a device that has nothing but the backup and the key finds in it.
fn restored(storage: &SimulatedStorage, backup: &Path, secret: u64) -> String {
    let elsewhere = Disk::default();
    let at = Path::new("/stick/copy");
    elsewhere.make_folder(Path::new("/stick")).unwrap();
    elsewhere.place(at, &storage.content(backup).unwrap());
    let mut rng = StdRng::seed_from_u64(99);
    restore_into(
        &*elsewhere,
        at,
        &places("z").vault_file,
        &recovery(secret),
        &mut PlainMemory,
        &mut rng,
    )
    .unwrap();
    dump(&opened(&elsewhere, "z", secret, later(1000)).unwrap())
}

#[test]
fn a_backup_holds_all_that_the_vault_holds_and_opens_where_nothing_else_is_left() {
    let (storage, mut vault, _) = scene();
    let backup = back_up(&mut vault, 10).unwrap();
    assert_eq!(
        backup.name,
        BackupName::new(&places("a").vault_file, vault.id(), later(10)).to_string()
    );
    assert_eq!(
        (backup.records, backup.pieces, backup.missing_pieces),
        (4, 3, 0)
    );
    assert_eq!(vault.take_notices(), []);
    assert_eq!(restored(&storage, &path_of(&backup), 1), dump(&vault));
    let noted = noted_backups(&*storage, &places("a"), vault.id());
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].path(), path_of(&backup));
    assert_eq!((noted[0].made, noted[0].verified), (backup.made, later(10)));
    assert_eq!(noted[0].presence(&*storage, vault.id()), Presence::There);
}

#[test]
fn what_only_the_replica_or_only_the_vault_file_holds_is_in_the_backup() {
    let (storage, mut vault, mut rng) = scene();
    storage.make_read_only(&places("a").vault_file);
    let item = add(&mut vault, "mine", "x", later(20), &mut rng).unwrap();
    attach(
        &mut vault,
        item,
        "mine.txt",
        &[b"mine"],
        later(21),
        &mut rng,
    )
    .unwrap();
    // Nobody has looked yet since the drive brought another device's change.
    let theirs = Disk::default();
    put(&theirs, &file_of(&storage));
    let mut other = opened(&theirs, "b", 1, later(30)).unwrap();
    add(&mut other, "theirs", "x", later(31), &mut rng).unwrap();
    put(&storage, &file_of(&theirs));
    let backup = back_up(&mut vault, 40).unwrap();
    let found = restored(&storage, &path_of(&backup), 1);
    for title in ["mail", "theirs", "mine"] {
        assert!(found.contains(&format!("{title:?}")), "{title}: {found}");
    }
    assert_eq!(found, dump(&vault));
    // A vault file that is lost or overwritten changes nothing.
    put(&storage, &[0x42; 5000]);
    let backup = back_up(&mut vault, 50).unwrap();
    assert_eq!(restored(&storage, &path_of(&backup), 1), dump(&vault));
}

/// Another process adds, attaches and packs the replica between any two calls of the one that backs up.
#[test]
fn a_backup_is_the_vault_of_one_moment_whatever_others_write_meanwhile() {
    let (storage, vault, _) = scene();
    let before = dump(&vault);
    drop(vault);
    let run = |at: u64| {
        let disk = storage.fork();
        let meddler = Meddler::new(disk.clone(), move |disk, call| {
            if call != at {
                return;
            }
            let mut rng = StdRng::seed_from_u64(call);
            // Where the one that backs up holds the lock the other waits: it is not there at that moment.
            let Ok(mut other) = opened(&Arc::new(disk.clone()), "a", 1, later(60)) else {
                return;
            };
            let Ok(item) = add(&mut other, "meanwhile", "x", later(60), &mut rng) else {
                return;
            };
            attach(&mut other, item, "m.txt", &[b"m"], later(60), &mut rng).unwrap();
            other.compact(later(61), &mut rng).unwrap();
        });
        let mut vault = opened_on(Arc::new(meddler.clone()), "a", 1, later(50)).unwrap();
        let backup = back_up(&mut vault, 70).unwrap();
        let found = restored(&disk, &path_of(&backup), 1);
        assert_eq!(found, dump(&vault), "{at}");
        let has_all = found.contains("\"meanwhile\"");
        assert!(has_all || found == before, "{at}: {found}");
        (meddler.calls(), has_all)
    };
    let (calls, _) = run(u64::MAX);
    assert!(calls > 60, "{calls}");
    let outcomes: Vec<bool> = (0..calls).step_by(3).map(|at| run(at).1).collect();
    assert!(outcomes.contains(&true) && outcomes.contains(&false));
}

/// As an agent does it: the vault that was opened once more backs up, the first one is asked and changed meanwhile.
#[test]
fn a_vault_that_was_opened_once_more_backs_up_what_the_first_one_wrote_meanwhile() {
    let (storage, mut vault, mut rng) = scene();
    let mut again = vault
        .open_again(storage.clone(), later(10), &mut rng)
        .unwrap();
    assert_eq!(again.device(), vault.device());
    add(&mut vault, "meanwhile", "x", later(11), &mut rng).unwrap();
    let backup = back_up(&mut again, 12).unwrap();
    add(&mut vault, "afterwards", "x", later(13), &mut rng).unwrap();
    let found = restored(&storage, &path_of(&backup), 1);
    assert!(found.contains("\"meanwhile\"") && !found.contains("\"afterwards\""));
    assert_eq!(vault.take_notices(), []);
}

#[test]
fn no_crash_leaves_a_file_under_a_backups_name_that_is_not_whole() {
    let (storage, vault, _) = scene();
    let expected = dump(&vault);
    drop(vault);
    let mut with_backup = 0;
    let images = crash_everywhere(
        &storage,
        IMAGES,
        |storage| {
            set_clock(storage, later(100));
            let mut vault = opened(&Arc::new(storage.clone()), "a", 1, later(100))?;
            back_up(&mut vault, 100)
        },
        |image, outcome| {
            let disk = Arc::new(image.storage.clone());
            let mut vault = opened(&disk, "a", 1, later(200)).unwrap();
            let found = list_backups(&*disk, Path::new(FOLDER), vault.id()).unwrap();
            assert!(outcome.is_err() || found.len() == 1, "{}", image.fate);
            for backup in found {
                let check = verify(&mut vault, &backup.path, 201).unwrap();
                assert!(check.ok && check.behind == 0, "{}: {check:?}", image.fate);
                assert_eq!(restored(&disk, &backup.path, 1), expected, "{}", image.fate);
                with_backup += 1;
            }
            for name in names(&disk) {
                let is_known = BackupName::parse(OsStr::new(&name)).is_some();
                assert!(is_known || is_temporary_name(OsStr::new(&name)), "{name}");
            }
            // Whatever happened, the next one is made.
            assert!(back_up(&mut vault, 202).is_ok(), "{}", image.fate);
        },
    );
    assert!(images > 60 && with_backup > 3, "{images}, {with_backup}");
}

#[test]
fn what_a_power_cut_left_half_written_goes_a_day_later_and_nothing_else() {
    let (storage, mut vault, _) = scene();
    let id = vault.id();
    let temporary = |name: &str| format!(".{name}.keyfold-0123456789abcdef.tmp");
    let own = BackupName::new(&places("a").vault_file, id, later(0)).to_string();
    let other = keyfold::model::ids::VaultId([9; 16]);
    let theirs = BackupName::new(&places("a").vault_file, other, later(0)).to_string();
    let day = 24 * 60 * 60;
    let mut kept = vec![temporary(&theirs), temporary("vault.keyfold"), own.clone()];
    set_clock(&storage, later(0));
    for name in kept.iter().chain([&temporary(&own)]) {
        storage.place(&Path::new(FOLDER).join(name), b"x");
    }
    back_up(&mut vault, day - 10).unwrap();
    assert!(
        names(&storage).contains(&temporary(&own)),
        "somebody may be writing it"
    );
    back_up(&mut vault, day + 10).unwrap();
    let left = names(&storage);
    kept.retain(|name| left.contains(name));
    assert_eq!(kept.len(), 3, "{left:?}");
    assert!(!left.contains(&temporary(&own)), "{left:?}");
}

#[test]
fn a_disk_that_refuses_anything_leaves_no_half_backup_and_spoils_nothing() {
    let (storage, mut vault, _) = scene();
    let first = back_up(&mut vault, 50).unwrap();
    let before = dump(&vault);
    drop(vault);
    for fault in [Fault::Io, Fault::Full { written: 700 }, Fault::Denied] {
        let steps = fail_everywhere(
            &storage,
            fault,
            |storage| {
                let mut vault = opened(&Arc::new(storage.clone()), "a", 1, later(100))?;
                back_up(&mut vault, 100)
            },
            |storage, outcome| {
                let disk = Arc::new(storage.clone());
                let mut vault = opened(&disk, "a", 1, later(200)).unwrap();
                assert_eq!(dump(&vault), before);
                let found = list_backups(&*disk, Path::new(FOLDER), vault.id()).unwrap();
                assert!(!found.is_empty(), "the one before is gone: {fault:?}");
                let count = if outcome.is_err() { 1 } else { 2 };
                assert_eq!(found.len(), count, "{fault:?}: {outcome:?}");
                let noted = noted_backups(&*disk, &places("a"), vault.id());
                let is_known = noted.iter().any(|noted| noted.made == first.made);
                assert!(is_known, "the list was lost: {fault:?}");
                for backup in found {
                    let check = verify(&mut vault, &backup.path, 201).unwrap();
                    assert!(check.ok, "{fault:?}: {check:?}");
                }
            },
        );
        assert!(steps > 10, "{steps}");
    }
}

#[test]
fn a_full_disk_fails_the_backup_and_leaves_the_folder_as_it_was() {
    let (storage, mut vault, _) = scene();
    back_up(&mut vault, 50).unwrap();
    let before = names(&storage);
    let used: usize = storage
        .files()
        .iter()
        .map(|path| storage.content(path).unwrap().len())
        .sum();
    storage.limit_capacity(used as u64 + 20_000);
    let full = back_up(&mut vault, 100).unwrap_err();
    assert!(
        matches!(full, VaultError::Storage(StorageError::Full(_))),
        "{full}"
    );
    assert_eq!(names(&storage), before);
    storage.lift_capacity();
    back_up(&mut vault, 110).unwrap();
    assert_eq!(names(&storage).len(), 2);
}

#[test]
fn nothing_is_written_over_and_no_link_is_followed() {
    let (storage, mut vault, _) = scene();
    let first = back_up(&mut vault, 10).unwrap();
    let kept = storage.content(&path_of(&first)).unwrap();
    // Within one second; the second after that has a link, the next a folder.
    let id = vault.id();
    let name = |second| BackupName::new(&places("a").vault_file, id, later(second));
    let link = Path::new(FOLDER).join(name(11).to_string());
    storage.place_special(&link, FileKind::Symlink);
    storage
        .make_folder(&Path::new(FOLDER).join(name(12).to_string()))
        .unwrap();
    let second = back_up(&mut vault, 10).unwrap();
    assert_eq!(second.name, name(13).to_string());
    assert_eq!(storage.content(&path_of(&first)).unwrap(), kept);
    let found = list_backups(&*storage, Path::new(FOLDER), vault.id()).unwrap();
    assert_eq!(found.len(), 2, "links and folders are no backups");
    let refused = verify(&mut vault, &link, 20).unwrap_err();
    assert!(
        matches!(
            refused,
            VaultError::Storage(StorageError::NotRegular { .. })
        ),
        "{refused}"
    );
}

#[test]
fn a_place_that_is_missing_a_link_or_a_file_gets_no_backup_and_is_not_made() {
    let (storage, mut vault, mut rng) = scene();
    storage.place_special(Path::new("/disk/link"), FileKind::Symlink);
    storage.place(Path::new("/disk/file"), b"x");
    for folder in ["/disk/unmounted", "/disk/link", "/disk/file"] {
        let folder = Path::new(folder);
        let files = storage.files();
        assert!(
            vault.back_up(folder, later(10), &mut rng).is_err(),
            "{folder:?}"
        );
        assert_eq!(storage.files(), files, "{folder:?}");
    }
    assert!(
        storage
            .stamp(Path::new("/disk/unmounted"))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_piece_that_went_bad_here_comes_from_the_vault_file_and_costs_itself_where_both_are() {
    let (storage, vault, _) = scene();
    let replica = PathBuf::from(format!("/a/{}/replica", vault.id()));
    let whole = dump(&vault);
    drop(vault);
    let damaged = |path: &Path| {
        let mut bytes = storage.content(path).unwrap();
        let header = |block: &[u8]| parse_header(block).filter(|it| it.kind == FrameKind::Chunk);
        let at = bytes
            .chunks(BLOCK)
            .position(|block| header(block).is_some());
        bytes[at.unwrap() * BLOCK + HEADER_LENGTH] ^= 1;
        storage.rot(path, &bytes);
    };
    let mut vault = opened(&storage, "a", 1, later(50)).unwrap();
    damaged(&replica);
    let backup = back_up(&mut vault, 60).unwrap();
    assert_eq!((backup.pieces, backup.missing_pieces), (3, 0));
    assert_eq!(restored(&storage, &path_of(&backup), 1), whole);
    damaged(&places("a").vault_file);
    let backup = back_up(&mut vault, 70).unwrap();
    assert_eq!((backup.pieces, backup.missing_pieces), (2, 1));
    // What is not there is no reason to refuse what is.
    assert!(restored(&storage, &path_of(&backup), 1).contains("\"bank\""));
}

#[test]
fn every_changed_or_missing_block_of_a_backup_is_found() {
    let (storage, mut vault, _) = scene();
    let backup = back_up(&mut vault, 10).unwrap();
    let path = path_of(&backup);
    let whole = storage.content(&path).unwrap();
    assert!(verify(&mut vault, &path, 11).unwrap().ok);
    for block in 0..whole.len() / BLOCK {
        let mut changed = whole.clone();
        changed[block * BLOCK + 97 % BLOCK] ^= 1;
        let cut = &whole[..block * BLOCK];
        let longer = [&whole[..], &[0; BLOCK]].concat();
        for (what, bytes) in [("changed", &changed[..]), ("cut", cut), ("longer", &longer)] {
            storage.place(&path, bytes);
            match verify(&mut vault, &path, 12) {
                Ok(check) => assert!(!check.ok, "{what} {block}: {check:?}"),
                Err(VaultError::Unreadable { .. }) => assert!(block <= 1, "{what} {block}"),
                Err(VaultError::Unlock(UnlockError::OtherKey)) => {
                    assert!(block <= 3, "{what} {block}")
                }
                Err(error) => panic!("{what} {block}: {error}"),
            }
        }
    }
    storage.place(&path, &whole);
    assert!(verify(&mut vault, &path, 13).unwrap().ok);
}

#[test]
fn an_older_backup_under_a_newer_ones_name_is_found_by_who_verified_that() {
    let (storage, mut vault, mut rng) = scene();
    let old = back_up(&mut vault, 10).unwrap();
    add(&mut vault, "new", "x", later(20), &mut rng).unwrap();
    let new = back_up(&mut vault, 30).unwrap();
    let older = storage.content(&path_of(&old)).unwrap();
    storage.place(&path_of(&new), &older);
    let check = verify(&mut vault, &path_of(&new), 40).unwrap();
    assert_eq!((check.ok, check.changed_since), (false, Some(later(30))));
    // Under its own name it is what it was.
    assert!(verify(&mut vault, &path_of(&old), 41).unwrap().ok);
    // The list is kept as it was: the next look finds it again.
    assert!(!verify(&mut vault, &path_of(&new), 42).unwrap().ok);
}

#[test]
fn another_vault_noise_and_forgeries_are_refused_as_backups() {
    let (storage, mut vault, _) = scene();
    let backup = back_up(&mut vault, 10).unwrap();
    let genuine = storage.content(&path_of(&backup)).unwrap();
    let path = Path::new(FOLDER)
        .join(BackupName::new(&places("a").vault_file, vault.id(), later(20)).to_string());
    // Another vault's backup under this one's name.
    let (elsewhere, foreign) = {
        let storage = Disk::default();
        storage.make_folder(Path::new(FOLDER)).unwrap();
        let mut vault = made(&storage, &mut StdRng::seed_from_u64(77));
        let foreign = back_up(&mut vault, 20).unwrap();
        (storage, foreign)
    };
    let foreign = elsewhere.content(&path_of(&foreign)).unwrap();
    storage.place(&path, &foreign);
    let refused = verify(&mut vault, &path, 30).map(drop).unwrap_err();
    assert!(
        refused.to_string().contains("that is another vault"),
        "{refused}"
    );
    let refused = vault.read_merge_source(&path, None).map(drop).unwrap_err();
    assert!(
        refused.to_string().contains("that is another vault"),
        "{refused}"
    );
    storage.place(&path, &[0x42; 9000]);
    let refused = verify(&mut vault, &path, 31).map(drop).unwrap_err();
    assert!(refused.to_string().contains("not a vault"), "{refused}");
    // This vault's start and frames of another.
    let forged = [&genuine[..BLOCK], &foreign[BLOCK..]].concat();
    storage.place(&path, &forged);
    let refused = verify(&mut vault, &path, 32).map(drop).unwrap_err();
    assert!(
        matches!(refused, VaultError::Unlock(UnlockError::OtherKey)),
        "{refused}"
    );
    // A genuine backup with something of another vault behind it.
    storage.place(&path, &[&genuine[..], &foreign[BLOCK..]].concat());
    let check = verify(&mut vault, &path, 33).unwrap();
    assert!(!check.ok && check.strange, "{check:?}");
    let noted = noted_backups(&*storage, &places("a"), vault.id());
    assert_eq!(noted.len(), 1, "nothing forged is noted");
}

#[test]
fn a_backup_from_before_a_new_password_or_key_is_good_and_says_what_opens_it() {
    let (storage, mut vault, mut rng) = scene();
    let first = back_up(&mut vault, 10).unwrap();
    let old_slot = vault.opened_with().unwrap();
    let second_secret = new_secret(2, &mut rng);
    vault
        .replace_slot(old_slot, second_secret, later(20), &mut rng)
        .unwrap();
    let second = back_up(&mut vault, 30).unwrap();
    let key = |vault: &mut Vault, backup: &BackupMade, at| {
        let check = verify(vault, &path_of(backup), at).unwrap();
        assert!(check.ok, "{check:?}");
        check.key
    };
    assert_eq!(key(&mut vault, &first, 40), BackupKey::FormerWayIn);
    assert_eq!(key(&mut vault, &second, 41), BackupKey::Current);
    let secrets = vec![new_secret(3, &mut rng)];
    vault
        .rekey(Replacement { secrets }, later(50), &mut rng)
        .unwrap();
    let third = back_up(&mut vault, 60).unwrap();
    assert_eq!(key(&mut vault, &first, 70), BackupKey::FormerKey);
    assert_eq!(key(&mut vault, &second, 71), BackupKey::FormerKey);
    assert_eq!(key(&mut vault, &third, 72), BackupKey::Current);
    // Each opens with the secret of its time, and with no other.
    for (backup, secret) in [(&first, 1), (&second, 2), (&third, 3)] {
        assert!(restored(&storage, &path_of(backup), secret).contains("\"mail\""));
        for other in [1, 2, 3] {
            let at = PathBuf::from(format!("/new/{secret}{other}"));
            let outcome = restore_into(
                &*storage,
                &path_of(backup),
                &at,
                &recovery(other),
                &mut PlainMemory,
                &mut rng,
            );
            assert_eq!(outcome.is_ok(), other == secret, "{secret} {other}");
        }
    }
    // Whoever went back to before the new key cannot tell what lies under it.
    put(&storage, &storage.content(&path_of(&first)).unwrap());
    let mut back = opened(&storage, "y", 1, later(80)).unwrap();
    let refused = verify(&mut back, &path_of(&third), 81)
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(refused, VaultError::Unlock(UnlockError::OtherKey)),
        "{refused}"
    );
}

#[test]
fn a_backup_beside_the_vault_is_no_conflict_copy_and_never_becomes_the_vault() {
    let (storage, mut vault, mut rng) = scene();
    let backup = vault
        .back_up(Path::new("/drive"), later(10), &mut rng)
        .unwrap();
    let bytes = storage.content(&path_of(&backup)).unwrap();
    add(&mut vault, "later", "x", later(20), &mut rng).unwrap();
    drop(vault);
    // Neither this device nor one that joins takes it in, moves it or writes to it.
    let meddler = Meddler::new((*storage).clone(), |_, _| {});
    for device in ["a", "b"] {
        let storage = Arc::new(meddler.clone());
        let mut vault = opened_on(storage, device, 1, later(100)).unwrap();
        vault.sync(later(101), &mut rng).unwrap();
        assert_eq!(vault.take_notices(), []);
    }
    assert_eq!(meddler.opened_below("keyfold-backup"), 0);
    assert_eq!(storage.content(&path_of(&backup)).unwrap(), bytes);
    let as_vault = keyfold::vault::Places {
        vault_file: path_of(&backup),
        state_folder: "/a".into(),
    };
    let refused = locate(storage.clone(), &as_vault).map(drop).unwrap_err();
    assert!(matches!(refused, VaultError::Refused(_)), "{refused}");
}

#[test]
fn pruning_removes_what_this_device_made_and_no_rule_keeps_and_nothing_else() {
    let (storage, mut vault, mut rng) = scene();
    const DAY: u64 = 24 * 60 * 60;
    let kept_by_nobody: Vec<BackupMade> = (0..4)
        .map(|day| back_up(&mut vault, day * DAY).unwrap())
        .collect();
    let newest = back_up(&mut vault, 4 * DAY).unwrap();
    let folder = Path::new(FOLDER);
    // Not of this device: another vault's, one that nobody verified here and dated after all others, what is no backup.
    let theirs = BackupName::new(
        Path::new("x"),
        keyfold::model::ids::VaultId([9; 16]),
        later(0),
    );
    let unverified = BackupName::new(&places("a").vault_file, vault.id(), later(5 * DAY));
    let content = storage.content(&path_of(&newest)).unwrap();
    let strangers = [
        theirs.to_string(),
        unverified.to_string(),
        "notes.txt".to_owned(),
        format!("{} (1)", newest.name),
    ];
    for name in &strangers {
        storage.place(&folder.join(name), &content);
    }
    // Another device's, verified here and good: it is not this device's to remove.
    let shared = BackupName::new(Path::new("y"), vault.id(), later(DAY)).to_string();
    storage.place(&folder.join(&shared), &content);
    assert!(
        verify(&mut vault, &folder.join(&shared), 5 * DAY)
            .unwrap()
            .ok
    );
    // One that was made here and is another file now.
    storage.place(&path_of(&kept_by_nobody[0]), &[7; 4096]);
    let noted = noted_backups(&*storage, &places("a"), vault.id());
    let keep = Keep {
        last: Some(1),
        ..Keep::default()
    };
    let now = later(5 * DAY);
    let id = vault.id();
    let none = surplus_backups(&*storage, &noted, folder, id, &Keep::default(), (now, None));
    assert_eq!(none, [], "without a rule nothing goes");
    let surplus = surplus_backups(&*storage, &noted, folder, id, &keep, (now, None));
    let going: Vec<&str> = surplus.iter().map(|backup| backup.name.as_str()).collect();
    let expected: Vec<&str> = kept_by_nobody[1..]
        .iter()
        .map(|backup| backup.name.as_str())
        .collect();
    assert_eq!(going, expected);
    let pruned = prune(&*storage, &places("a"), id, &surplus, &mut rng);
    assert_eq!(pruned.gone.len(), 3);
    assert!(pruned.refused.is_none() && pruned.unnoted.is_none());
    let mut left = names(&storage);
    left.sort();
    let mut wanted = strangers.to_vec();
    wanted.extend([newest.name.clone(), kept_by_nobody[0].name.clone(), shared]);
    wanted.sort();
    assert_eq!(left, wanted);
    // What is pruned is forgotten; a second round finds nothing.
    let noted = noted_backups(&*storage, &places("a"), id);
    assert_eq!(noted.len(), 3);
    assert_eq!(
        surplus_backups(&*storage, &noted, folder, id, &keep, (now, None)),
        []
    );
    // A clock that is years behind lets nothing go.
    let long_ago = Moment(1000);
    assert_eq!(
        surplus_backups(&*storage, &noted, folder, id, &keep, (long_ago, None)),
        []
    );
}

#[test]
fn what_is_known_of_backups_goes_with_the_vault_and_a_broken_list_is_an_empty_one() {
    let (storage, mut vault, mut rng) = scene();
    let backup = back_up(&mut vault, 10).unwrap();
    let id = vault.id();
    let list = PathBuf::from(format!("/a/{id}/backups"));
    let text = storage.content(&list).unwrap();
    storage.place(&list, &text[..text.len() / 2]);
    assert_eq!(noted_backups(&*storage, &places("a"), id), []);
    // Verifying brings it back.
    assert!(verify(&mut vault, &path_of(&backup), 20).unwrap().ok);
    assert_eq!(noted_backups(&*storage, &places("a"), id).len(), 1);
    forget_backups(&*storage, &places("a"), id, &[path_of(&backup)], &mut rng).unwrap();
    assert_eq!(noted_backups(&*storage, &places("a"), id), []);
    assert!(
        storage.content(&path_of(&backup)).is_some(),
        "only the note goes"
    );
    back_up(&mut vault, 30).unwrap();
    drop(vault);
    keyfold::vault::forget(&*storage, &places("a")).unwrap();
    assert!(storage.content(&list).is_none());
}

#[test]
fn what_was_pruned_is_told_also_where_it_cannot_be_noted() {
    let (storage, mut vault, mut rng) = scene();
    let backup = back_up(&mut vault, 10).unwrap();
    let noted = noted_backups(&*storage, &places("a"), vault.id());
    storage.limit_capacity(0);
    let pruned = prune(&*storage, &places("a"), vault.id(), &noted, &mut rng);
    assert_eq!(pruned.gone, [path_of(&backup)]);
    assert!(pruned.refused.is_none() && pruned.unnoted.is_some());
}

#[test]
fn a_folder_whose_name_is_no_text_costs_the_list_nothing() {
    let (storage, mut vault, mut rng) = scene();
    let odd = Path::new(OsStr::from_bytes(b"/disk/\xff\xfe"));
    storage.make_folder(odd).unwrap();
    back_up(&mut vault, 10).unwrap();
    vault.back_up(odd, later(20), &mut rng).unwrap();
    back_up(&mut vault, 30).unwrap();
    assert_eq!(vault.take_notices(), []);
    let noted = noted_backups(&*storage, &places("a"), vault.id());
    let folders: Vec<&Path> = noted.iter().map(|noted| noted.folder.as_path()).collect();
    assert_eq!(folders, [Path::new(FOLDER), odd, Path::new(FOLDER)]);
}

#[test]
fn what_the_list_holds_that_means_nothing_here_is_put_aside_and_the_rest_stays() {
    let (storage, mut vault, _) = scene();
    back_up(&mut vault, 10).unwrap();
    let list = PathBuf::from(format!("/a/{}/backups", vault.id()));
    let aside = PathBuf::from(format!("/a/{}/backups.strange", vault.id()));
    let text = String::from_utf8(storage.content(&list).unwrap()).unwrap();
    let odd = text.replacen('[', "[{\"folder\": 7},", 1);
    for (text, count) in [(&odd[..], 2), (&odd[..odd.len() / 2], 1)] {
        storage.place(&list, text.as_bytes());
        back_up(&mut vault, 20 + count).unwrap();
        let noted = noted_backups(&*storage, &places("a"), vault.id());
        assert_eq!(noted.len() as u64, count);
        assert_eq!(storage.content(&aside).unwrap(), text.as_bytes());
    }
    keyfold::vault::forget(&*storage, &places("a")).unwrap();
    assert!(storage.content(&aside).is_none());
}

#[test]
fn a_list_that_the_disk_does_not_give_is_not_written_over() {
    let (storage, mut vault, mut rng) = scene();
    let backup = back_up(&mut vault, 10).unwrap();
    let list = PathBuf::from(format!("/a/{}/backups", vault.id()));
    // As long as no list is.
    let long = vec![b' '; (16 << 20) + 1];
    storage.place(&list, &long);
    back_up(&mut vault, 20).unwrap();
    let told = vault.take_notices();
    assert!(matches!(told.as_slice(), [Notice::Odd(_)]), "{told:?}");
    let paths = [path_of(&backup)];
    forget_backups(&*storage, &places("a"), vault.id(), &paths, &mut rng).unwrap_err();
    assert!(storage.content(&list).unwrap() == long);
}

#[test]
fn a_backup_of_which_somebody_was_told_that_it_is_gone_is_this_devices_again_when_it_is_back() {
    let (storage, mut vault, mut rng) = scene();
    let backup = back_up(&mut vault, 10).unwrap();
    let known = |id| noted_backups(&*storage, &places("a"), id);
    let id = vault.id();
    let before = known(id);
    let content = storage.take(&path_of(&backup)).unwrap();
    assert_eq!(known(id), before);
    let paths = [path_of(&backup)];
    mark_told(&*storage, &places("a"), id, &paths, &mut rng).unwrap();
    assert_eq!(known(id), []);
    storage.place(&path_of(&backup), &content);
    let back = known(id);
    assert!(back.len() == 1 && back[0].made_here, "{back:?}");
    assert!(verify(&mut vault, &path_of(&backup), 20).unwrap().ok);
    let back = known(id);
    assert!(back[0].made_here && !back[0].told_gone, "{back:?}");
}

/// Where pieces lie is known of the replica as it was; another process wrote it anew, and a sick disk hid that.
#[test]
fn a_replica_that_was_written_anew_is_read_anew_also_where_the_disk_refused_the_first_look() {
    let (storage, vault, mut rng) = scene();
    let replica = PathBuf::from(format!("/a/{}/replica", vault.id()));
    drop(vault);
    let meddler = Meddler::new((*storage).clone(), |_, _| {});
    let mut vault = opened_on(Arc::new(meddler.clone()), "a", 1, later(50)).unwrap();
    let mut other = opened(&storage, "a", 1, later(51)).unwrap();
    add(&mut other, "theirs", "x", later(52), &mut rng).unwrap();
    other.compact(later(53), &mut rng).unwrap();
    meddler.refuse_one_stamp(&replica);
    let backup = back_up(&mut vault, 60).unwrap();
    let told = vault.take_notices();
    assert!(matches!(told.as_slice(), [Notice::Pending(_)]), "{told:?}");
    assert_eq!((backup.pieces, backup.missing_pieces), (3, 0));
    assert_eq!(restored(&storage, &path_of(&backup), 1), dump(&other));
}

#[test]
fn a_backup_that_cannot_be_noted_is_made_all_the_same_and_that_is_said() {
    let (storage, mut vault, _) = scene();
    let list = PathBuf::from(format!("/a/{}/backups", vault.id()));
    storage.make_folder(&list).unwrap();
    let backup = back_up(&mut vault, 10).unwrap();
    let notices = vault.take_notices();
    assert!(
        matches!(notices.as_slice(), [Notice::Odd(text)] if text.contains("take note")),
        "{notices:?}"
    );
    assert!(storage.content(&path_of(&backup)).is_some());
}

#[test]
fn the_past_is_not_backed_up_and_what_was_erased_is_in_no_backup() {
    let (storage, mut vault, mut rng) = scene();
    let before = back_up(&mut vault, 5).unwrap();
    let id = {
        let rows = vault.state().summaries();
        rows.into_iter().find(|row| row.title == "mail").unwrap().id
    };
    vault
        .update(later(10), &mut rng, |plan, rng| {
            plan.add(login("kept", "x"), rng);
            plan.purge(id);
            Ok(())
        })
        .unwrap();
    let after = back_up(&mut vault, 20).unwrap();
    assert_eq!(after.pieces, 0);
    assert!(after.length < before.length - 60_000);
    assert!(!restored(&storage, &path_of(&after), 1).contains("a.txt"));
    vault.rewind(later(7));
    assert!(matches!(back_up(&mut vault, 30), Err(VaultError::Rewound)));
}
