//! The model itself, and the proofs of `replace_file` and `append` over it.

use super::*;
use crate::storage::{append, is_temporary_name, read_whole, replace_file};
use rand::SeedableRng;
use rand::rngs::StdRng;

const LIMIT: usize = 3000;
const VAULT: &str = "/drive/vault";

fn vault() -> &'static Path {
    Path::new(VAULT)
}

fn with_vault(content: &[u8]) -> SimulatedStorage {
    let storage = SimulatedStorage::new();
    storage.place(vault(), content);
    storage
}

/// Bytes that differ from place to place, so that no two parts pass for each other.
fn pattern(seed: u8, length: usize) -> Vec<u8> {
    let bytes = (0u8..251).map(|byte| byte.wrapping_mul(7).wrapping_add(seed) | 1);
    bytes.cycle().take(length).collect()
}

fn replace(storage: &SimulatedStorage, content: &[u8]) -> Result<Stamp, StorageError> {
    let mut rng = StdRng::seed_from_u64(3);
    let mut parts = content.chunks(900).map(Ok);
    replace_file(storage, vault(), &mut parts, &mut rng)
}

fn open(storage: &SimulatedStorage) -> Box<dyn StoredFile> {
    storage.open_write(vault()).unwrap().unwrap()
}

/// What the vault may hold after a power cut now.
fn possible_contents(storage: &SimulatedStorage) -> Vec<Option<Vec<u8>>> {
    let images = storage.crash_images(LIMIT);
    images.map(|image| image.storage.content(vault())).collect()
}

fn only_temporary_files_beside_the_vault(storage: &SimulatedStorage) -> bool {
    let files = storage.files();
    let mut others = files.iter().filter(|path| *path != vault());
    others.all(|path| is_temporary_name(path.file_name().unwrap_or_default()))
}

#[test]
fn a_replacement_is_old_or_new_after_every_crash() {
    let (old, new) = (pattern(0, 1500), pattern(1, 3000));
    let checked = crash_everywhere(
        &with_vault(&old),
        LIMIT,
        |storage| replace(storage, &new),
        |image, outcome| {
            let content = image.storage.content(vault()).unwrap();
            assert!(
                content == new || content == old && outcome.is_err(),
                "{}",
                image.fate
            );
            assert!(only_temporary_files_beside_the_vault(&image.storage));
            let next = pattern(2, 100);
            let mut rng = StdRng::seed_from_u64(4);
            let mut parts = [Ok::<_, StorageError>(&next)].into_iter();
            replace_file(&image.storage, vault(), &mut parts, &mut rng).unwrap();
            assert!(
                possible_contents(&image.storage)
                    .iter()
                    .all(|content| content.as_ref() == Some(&next))
            );
        },
    );
    assert!(checked > 100, "{checked}");
}

#[test]
fn a_first_file_is_absent_or_whole_after_every_crash() {
    let base = SimulatedStorage::new();
    base.make_folder(Path::new("/drive")).unwrap();
    let new = pattern(1, 3000);
    crash_everywhere(
        &base,
        LIMIT,
        |storage| replace(storage, &new),
        |image, outcome| match image.storage.content(vault()) {
            Some(content) => assert!(content == new, "{}", image.fate),
            None => assert!(outcome.is_err(), "{}", image.fate),
        },
    );
}

#[test]
fn a_replacement_that_fails_leaves_old_or_new_and_no_litter() {
    let (old, new) = (pattern(0, 1500), pattern(1, 3000));
    for fault in [Fault::Io, Fault::Denied, Fault::Full { written: 300 }] {
        let tried = fail_everywhere(
            &with_vault(&old),
            fault,
            |storage| replace(storage, &new),
            |storage, outcome| {
                assert!(outcome.is_err());
                let content = storage.content(vault()).unwrap();
                assert!(content == old || content == new);
                assert_eq!(storage.files(), [vault()]);
                for content in possible_contents(storage) {
                    assert!(content == Some(old.clone()) || content == Some(new.clone()));
                }
            },
        );
        // Creation, four writes, sync, rename, sync of the folder.
        assert_eq!(tried, 8);
    }
}

#[test]
fn an_append_never_touches_what_was_there() {
    let (old, added) = (pattern(0, 2048), pattern(1, 1024));
    let whole = [old.clone(), added.clone()].concat();
    let mut tails = 0;
    crash_everywhere(
        &with_vault(&old),
        LIMIT,
        |storage| {
            let file = open(storage);
            append(file.as_ref(), 2048, &added)
        },
        |image, outcome| {
            let content = image.storage.content(vault()).unwrap();
            assert!(content.starts_with(&old), "{}", image.fate);
            assert!(content.len() <= whole.len(), "{}", image.fate);
            for (byte, expected) in content.iter().zip(&whole) {
                assert!(byte == expected || *byte == 0, "{}", image.fate);
            }
            assert!(outcome.is_err() || content == whole, "{}", image.fate);
            tails += usize::from(content != old && content != whole);
        },
    );
    // Cut after 1, 512 and 1,023 bytes, without its first sector, and all zeros.
    assert_eq!(tails, 5);
}

#[test]
fn an_append_that_fails_never_touches_what_was_there() {
    let (old, added) = (pattern(0, 2048), pattern(1, 1024));
    for fault in [Fault::Io, Fault::Denied, Fault::Full { written: 300 }] {
        fail_everywhere(
            &with_vault(&old),
            fault,
            |storage| append(open(storage).as_ref(), 2048, &added),
            |storage, outcome| {
                assert!(outcome.is_err());
                for content in possible_contents(storage) {
                    assert!(content.unwrap().starts_with(&old));
                }
            },
        );
    }
}

/// Takes the steps of a replacement but for those that a careless one leaves out.
fn careless_replacement(
    storage: &SimulatedStorage,
    content: &[u8],
    sync: impl Fn(&dyn StoredFile),
    sync_folder: impl Fn(&SimulatedStorage),
) {
    let temporary = Path::new("/drive/temporary");
    let file = storage.create(temporary).unwrap();
    file.write_at(0, content).unwrap();
    sync(file.as_ref());
    storage.rename(temporary, vault()).unwrap();
    sync_folder(storage);
}

#[test]
fn renaming_without_syncing_the_file_can_lose_both_contents() {
    let (old, new) = (pattern(0, 100), pattern(1, 100));
    let storage = with_vault(&old);
    careless_replacement(
        &storage,
        &new,
        |_| {},
        |storage| {
            storage.sync_folder(Path::new("/drive")).unwrap();
        },
    );
    let contents = possible_contents(&storage);
    assert!(contents.contains(&Some(Vec::new())));
    assert!(contents.contains(&Some(vec![0; 100])));
    assert!(!contents.contains(&Some(old)));
}

#[test]
fn renaming_without_syncing_the_folder_can_come_undone() {
    let (old, new) = (pattern(0, 100), pattern(1, 100));
    let storage = with_vault(&old);
    careless_replacement(&storage, &new, |file| file.sync().unwrap(), |_| {});
    let contents = possible_contents(&storage);
    assert!(contents.contains(&Some(old)));
    assert!(contents.contains(&Some(new)));
    assert!(!contents.contains(&None));
}

#[test]
fn writing_over_a_file_in_place_can_tear_it() {
    let storage = with_vault(&pattern(0, 1024));
    open(&storage).write_at(0, &pattern(1, 1024)).unwrap();
    let torn = [pattern(1, 512), pattern(0, 1024)[512..].to_vec()].concat();
    let mixed = [pattern(0, 512), pattern(1, 1024)[512..].to_vec()].concat();
    let contents = possible_contents(&storage);
    assert!(contents.contains(&Some(torn)));
    assert!(contents.contains(&Some(mixed)));
    assert!(contents.contains(&Some(pattern(0, 1024))));
    assert!(contents.contains(&Some(pattern(1, 1024))));
}

#[test]
fn a_later_write_can_survive_an_earlier_one() {
    let storage = with_vault(b"");
    let file = open(&storage);
    file.write_at(0, b"A").unwrap();
    file.write_at(1, b"B").unwrap();
    assert!(possible_contents(&storage).contains(&Some(b"\0B".to_vec())));
    file.sync().unwrap();
    assert_eq!(possible_contents(&storage), [Some(b"AB".to_vec())]);
}

#[test]
fn a_synced_file_can_lose_its_new_name_until_the_folder_is_synced() {
    let storage = SimulatedStorage::new();
    storage.make_folder(Path::new("/drive")).unwrap();
    append(storage.create(vault()).unwrap().as_ref(), 0, b"x").unwrap();
    assert!(possible_contents(&storage).contains(&None));
    storage.sync_folder(Path::new("/drive")).unwrap();
    assert_eq!(possible_contents(&storage), [Some(b"x".to_vec())]);
}

#[test]
fn a_removal_can_come_undone_until_the_folder_is_synced() {
    let storage = with_vault(b"x");
    storage.remove(vault()).unwrap();
    assert_eq!(storage.content(vault()), None);
    assert_eq!(possible_contents(&storage), [Some(b"x".to_vec()), None]);
    storage.sync_folder(Path::new("/drive")).unwrap();
    assert_eq!(possible_contents(&storage), [None]);
}

#[test]
fn a_move_between_folders_needs_both_synced_and_never_doubles_or_loses_the_file() {
    let storage = with_vault(b"x");
    let trash = Path::new("/state/trash");
    storage.make_folder(trash).unwrap();
    let moved = trash.join("vault");
    storage.rename(vault(), &moved).unwrap();
    storage.sync_folder(trash).unwrap();
    let places: Vec<_> = storage
        .crash_images(LIMIT)
        .map(|image| image.storage.files())
        .collect();
    assert_eq!(places, [vec![vault().to_path_buf()], vec![moved.clone()]]);
    storage.sync_folder(Path::new("/drive")).unwrap();
    assert_eq!(possible_contents(&storage), [None]);
    assert_eq!(storage.content(&moved), Some(b"x".to_vec()));
}

#[test]
fn a_sync_after_a_failed_one_proves_nothing_about_older_writes() {
    let storage = with_vault(b"");
    let file = open(&storage);
    file.write_at(0, b"A").unwrap();
    storage.fail_at(storage.step_count(), Fault::Io);
    assert!(matches!(file.sync(), Err(StorageError::Io(_))));
    file.write_at(1, b"B").unwrap();
    file.sync().unwrap();
    let contents = possible_contents(&storage);
    assert_eq!(contents, [Some(b"\0B".to_vec()), Some(b"AB".to_vec())]);
}

#[test]
fn a_rewrite_after_a_failed_sync_is_durable_whatever_became_of_the_first() {
    let storage = with_vault(b"");
    let file = open(&storage);
    file.write_at(0, b"AA").unwrap();
    storage.fail_at(storage.step_count(), Fault::Io);
    assert!(file.sync().is_err());
    file.write_at(0, b"CC").unwrap();
    file.sync().unwrap();
    assert_eq!(possible_contents(&storage), [Some(b"CC".to_vec())]);
}

#[test]
fn a_killed_process_loses_nothing_until_the_power_goes() {
    let storage = with_vault(b"old");
    let file = open(&storage);
    file.write_at(0, b"new").unwrap();
    storage.fail_at(storage.step_count(), Fault::Crash);
    assert!(file.sync().is_err());
    assert!(storage.open_read(vault()).is_err());
    assert!(storage.stamp(vault()).is_err());
    let next = storage.fork();
    assert_eq!(next.content(vault()), Some(b"new".to_vec()));
    assert!(possible_contents(&next).contains(&Some(b"old".to_vec())));
}

#[test]
fn many_unsynced_steps_stay_within_the_limit_and_reach_every_kind_of_loss() {
    let storage = with_vault(b"");
    let file = open(&storage);
    for step in 0..60 {
        file.write_at(step * 8, &[1; 8]).unwrap();
    }
    let images: Vec<_> = storage.crash_images(1000).collect();
    assert!((500..=1000).contains(&images.len()), "{}", images.len());
    let contents = images
        .iter()
        .map(|image| image.storage.content(vault()).unwrap());
    let holes: Vec<_> = contents
        .filter(|content| content.len() > 400)
        .map(|content| content.chunks(8).filter(|part| *part == [0; 8]).count())
        .collect();
    assert!(holes.contains(&3), "all but three");
    assert!(holes.iter().any(|count| *count > 45), "three alone");
    assert_eq!(storage.crash_images(5).count(), 5);
}

#[test]
fn a_full_disk_takes_what_fits() {
    let storage = with_vault(b"12345");
    storage.limit_capacity(8);
    let file = open(&storage);
    file.write_at(0, b"ABCDE").unwrap();
    assert!(matches!(
        file.write_at(5, b"FGHIJ"),
        Err(StorageError::Full(_))
    ));
    assert_eq!(storage.content(vault()), Some(b"ABCDEFGH".to_vec()));
    assert!(matches!(
        replace(&storage, b"new"),
        Err(StorageError::Full(_))
    ));
    assert_eq!(storage.files(), [vault()]);
    storage.lift_capacity();
    replace(&storage, b"new").unwrap();
}

#[test]
fn a_read_only_folder_can_only_be_read() {
    let storage = with_vault(b"x");
    let folder = Path::new("/drive");
    storage.make_read_only(folder);
    assert!(storage.open_read(vault()).unwrap().is_some());
    let is_denied = |outcome| matches!(outcome, Err(StorageError::Denied(_)));
    assert!(is_denied(storage.open_write(vault()).map(drop)));
    assert!(is_denied(storage.create(&folder.join("new")).map(drop)));
    assert!(is_denied(storage.remove(vault())));
    assert!(is_denied(storage.make_folder(&folder.join("sub"))));
    assert!(is_denied(replace(&storage, b"new").map(drop)));
    storage.make_writable(folder);
    replace(&storage, b"new").unwrap();
}

#[test]
fn locks_hold_between_handles_of_one_disk_and_end_with_the_process() {
    let storage = SimulatedStorage::new();
    let path = Path::new("lock");
    let take = |storage: &SimulatedStorage, kind| storage.lock(path, kind, Duration::ZERO);
    let is_busy = |outcome| matches!(outcome, Err(StorageError::Busy { .. }));
    let one = take(&storage, LockKind::Shared).unwrap();
    let two = take(&storage.clone(), LockKind::Shared).unwrap();
    assert!(is_busy(take(&storage.clone(), LockKind::Exclusive)));
    drop((one, two));
    let held = take(&storage, LockKind::Exclusive).unwrap();
    assert!(is_busy(take(&storage.clone(), LockKind::Shared)));
    take(&storage.fork(), LockKind::Exclusive).unwrap();
    drop(held);
    take(&storage, LockKind::Exclusive).unwrap();
}

#[test]
fn stamps_tell_replacement_and_time_but_not_a_quick_change_of_equal_length() {
    let storage = with_vault(b"one");
    let first = storage.stamp(vault()).unwrap().unwrap();
    open(&storage).write_at(0, b"two").unwrap();
    assert_eq!(storage.stamp(vault()).unwrap(), Some(first));
    storage.advance(Duration::from_secs(2));
    open(&storage).write_at(0, b"six").unwrap();
    let later = storage.stamp(vault()).unwrap().unwrap();
    assert_eq!(later.modified_ns - first.modified_ns, 2_000_000_000);
    storage.place(vault(), b"six");
    let placed = storage.stamp(vault()).unwrap().unwrap();
    assert_ne!(placed.inode, later.inode);
    let replaced = replace(&storage, b"six").unwrap();
    assert_ne!(replaced.inode, placed.inode);
    assert_eq!(storage.stamp(vault()).unwrap(), Some(replaced));
}

#[test]
fn an_open_file_outlives_its_name() {
    let storage = with_vault(b"old");
    let file = open(&storage);
    storage.place(vault(), b"new");
    storage.sync_folder(Path::new("/drive")).unwrap();
    file.write_at(3, b"er").unwrap();
    assert_eq!(read_whole(file.as_ref(), 100).unwrap(), b"older");
    assert_eq!(file.stamp().unwrap().links, 0);
    assert_eq!(storage.content(vault()), Some(b"new".to_vec()));
}

#[test]
fn what_a_drive_places_is_durable_and_what_it_takes_is_gone() {
    let storage = with_vault(b"old");
    replace(&storage, b"mine").unwrap();
    open(&storage).write_at(0, b"MINE").unwrap();
    storage.place(vault(), b"theirs");
    assert_eq!(possible_contents(&storage), [Some(b"theirs".to_vec())]);
    assert_eq!(storage.take(vault()), Some(b"theirs".to_vec()));
    assert_eq!(possible_contents(&storage), [None]);
}

#[test]
fn a_file_longer_than_the_limit_is_refused() {
    let storage = with_vault(&[7; 11]);
    let file = open(&storage);
    assert!(matches!(
        read_whole(file.as_ref(), 10),
        Err(StorageError::TooLarge {
            length: 11,
            limit: 10,
            ..
        })
    ));
    assert_eq!(read_whole(file.as_ref(), 11).unwrap(), [7; 11]);
}

#[test]
fn only_our_temporary_names_are_taken_for_such() {
    for name in [
        ".vault.keyfold-0123456789abcdef.tmp",
        "..keyfold-0000000000000000.tmp",
    ] {
        assert!(is_temporary_name(name.as_ref()), "{name}");
    }
    for name in [
        "vault.keyfold",
        "vault.keyfold-0123456789abcdef.tmp",
        ".vault.keyfold-0123456789abcde.tmp",
        ".vault.keyfold-0123456789ABCDEF.tmp",
        ".vault.keyfold-0123456789abcdef",
        ".tmp",
        ".",
        "",
    ] {
        assert!(!is_temporary_name(name.as_ref()), "{name}");
    }
}

#[test]
fn a_long_name_still_gets_a_temporary_one() {
    let storage = SimulatedStorage::new();
    let path = PathBuf::from("ä".repeat(60) + &"x".repeat(135));
    assert_eq!(path.as_os_str().len(), 255);
    let mut rng = StdRng::seed_from_u64(5);
    let mut parts = [Ok::<_, StorageError>(b"x")].into_iter();
    storage.fail_at(2, Fault::Crash);
    replace_file(&storage, &path, &mut parts, &mut rng).unwrap_err();
    let files = storage.fork().files();
    let name = files.first().unwrap().as_os_str();
    assert!(is_temporary_name(name) && name.len() <= 255, "{name:?}");
}

/// What a scenario made of each call, and what lies there afterwards, without what differs between disks.
#[cfg(unix)]
fn play(storage: &dyn Storage, folder: &Path) -> Vec<String> {
    fn told<T>(outcome: Result<T, StorageError>, value: impl Fn(T) -> String) -> String {
        match outcome {
            Ok(result) => value(result),
            Err(StorageError::NotRegular { kind, .. }) => format!("NotRegular {kind}"),
            Err(error) => {
                let words = format!("{error:?}");
                words
                    .chars()
                    .take_while(char::is_ascii_alphabetic)
                    .collect()
            }
        }
    }
    let at = |name: &str| folder.join(name);
    let done = |()| "done".to_owned();
    let found = |file: Option<Box<dyn StoredFile>>| format!("{}", file.is_some());
    let file = storage.create(&at("a")).unwrap();
    let mut story = vec![
        told(file.write_at(3, b"tail"), done),
        told(file.truncate(5), done),
        told(file.sync(), done),
        told(read_whole(file.as_ref(), 9), |bytes| format!("{bytes:?}")),
        told(read_whole(file.as_ref(), 4), |bytes| format!("{bytes:?}")),
        told(storage.create(&at("a")).map(drop), done),
        told(storage.create(&at("no/a")).map(drop), done),
        told(storage.make_folder(&at("x/y")), done),
        told(storage.make_folder(&at("x/y")), done),
        told(storage.make_folder(&at("a")), done),
        told(storage.open_read(&at("x")), found),
        told(storage.open_write(&at("b")), found),
        told(storage.rename(&at("b"), &at("a")), done),
        told(storage.rename(&at("a"), &at("x")), done),
        told(storage.rename(&at("a"), &at("no/a")), done),
        told(storage.rename(&at("a"), &at("x/y/b")), done),
        told(file.write_at(0, b"HEAD"), done),
        told(storage.sync_folder(&at("x/y")), done),
        told(storage.sync_folder(&at("no")), done),
        told(storage.remove(&at("a")), done),
        told(storage.remove(&at("x")), done),
        told(storage.list(&at("no"), 9).map(drop), done),
    ];
    for place in ["", "x/y"] {
        story.push(told(storage.list(&at(place), 9), |listing| {
            let entries = listing.entries.into_iter();
            let lines = entries.map(|entry| (entry.name, entry.stamp.kind));
            format!("{:?}", lines.collect::<Vec<_>>())
        }));
    }
    let moved = storage.stamp(&at("x/y/b")).unwrap().unwrap();
    story.push(format!(
        "{} {} {}",
        moved.length,
        moved.links,
        moved == file.stamp().unwrap()
    ));
    story.push(told(storage.remove(&at("x/y/b")), done));
    story.push(format!("{}", file.stamp().unwrap().links));
    story
}

#[cfg(unix)]
#[test]
fn the_simulated_disk_answers_as_the_real_one_does() {
    let folder = crate::storage::real::tests::Folder::new();
    let real = play(&crate::storage::RealStorage, &folder.path(""));
    let simulated = SimulatedStorage::new();
    simulated.make_folder(Path::new("/drive")).unwrap();
    assert_eq!(play(&simulated, Path::new("/drive")), real);
}
