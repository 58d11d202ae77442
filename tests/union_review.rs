//! The union of replica, vault file, copies and reviews, read as an enemy would: a drive that acts between any two calls,
//! an ex-holder whose file the user is asked about, and numbers that only an enemy brings.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use argon2::Block;
use keyfold::crypto::kdf::{KdfCost, KdfError, PlainMemory, WorkMemory};
use keyfold::model::ids::ItemId;
use keyfold::secret::Secret;
use keyfold::storage::simulated::SimulatedStorage;

use keyfold::vault::{
    Credential, NewSecret, NewVault, Notice, Replacement, UnlockError, Vault, VaultError, create,
    locate,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::meddler::Meddler;
use scene::{NOW, add, file_of, later, made, new_secret, opened, opened_on, places, put, titles};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

type Disk = Arc<SimulatedStorage>;

const FIRST: u64 = 1;
const OF_A: u64 = 2;
const OF_B: u64 = 3;
const COPY: &str = "/drive/vault.sync-conflict-20261125-070000-ABCDEFG.keyfold";
/// A name that nobody but a person gives.
const BACKUP: &str = "/drive/before the holidays.keyfold";

fn vault_file() -> PathBuf {
    places("a").vault_file
}

/// Two devices with disks of their own and one vault, both in step.
fn two() -> (Disk, Disk, StdRng) {
    let a = Disk::default();
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&a, &mut rng);
    add(&mut vault, "shared", "x", later(1), &mut rng).unwrap();
    drop(vault);
    let b = Disk::default();
    put(&b, &file_of(&a));
    drop(opened(&a, "a", FIRST, later(10)).unwrap());
    drop(opened(&b, "b", FIRST, later(10)).unwrap());
    (a, b, rng)
}

fn rekey(disk: &Disk, name: &str, (old, new): (u64, u64), second: u64, rng: &mut StdRng) {
    let mut vault = opened(disk, name, old, later(second)).unwrap();
    let secrets = vec![new_secret(new, rng)];
    vault
        .rekey(Replacement { secrets }, later(second), rng)
        .unwrap();
}

fn write(disk: &Disk, name: &str, secret: u64, title: &str, second: u64, rng: &mut StdRng) {
    let mut vault = opened(disk, name, secret, later(second)).unwrap();
    add(&mut vault, title, "x", later(second), rng).unwrap();
}

fn refused(outcome: Result<Vault, VaultError>) -> UnlockError {
    match outcome.map(drop) {
        Err(VaultError::Unlock(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

fn item(vault: &Vault, title: &str) -> ItemId {
    let rows = vault.state().summaries();
    rows.into_iter().find(|row| row.title == title).unwrap().id
}

/// Where anything that a device brought still lies: in the vault, or in any file but the trash.
fn lies_somewhere(disk: &Disk, bytes: &[u8]) -> bool {
    let mut files = disk.files().into_iter();
    files.any(|path| {
        !path.to_str().unwrap().contains("/trash/") && disk.content(&path).as_deref() == Some(bytes)
    })
}

/// A device that joins with the former password, where somebody left an old copy beside the vault file: that copy's key
/// is no key of the vault file, and nothing is written behind it.
#[test]
fn a_joining_device_takes_no_key_from_a_copy_that_the_vault_file_does_not_lie_under() {
    let (a, _, mut rng) = two();
    let before = file_of(&a);
    rekey(&a, "a", (FIRST, OF_A), 20, &mut rng);
    let joining = Disk::default();
    put(&joining, &file_of(&a));
    joining.place(Path::new(COPY), &before);
    assert_eq!(
        refused(opened(&joining, "c", FIRST, later(30))),
        UnlockError::WrongSecret
    );
    assert_eq!(file_of(&joining), file_of(&a), "nothing is written into it");
    assert_eq!(joining.content(Path::new(COPY)), Some(before));
    let vault = opened(&joining, "c", OF_A, later(40)).unwrap();
    assert_eq!(titles(&vault), ["shared"]);
}

/// Counts the runs of Argon2.
#[derive(Default)]
struct Counting(usize);

impl WorkMemory for Counting {
    fn with_blocks(
        &mut self,
        blocks: usize,
        work: &mut dyn FnMut(&mut [Block]),
    ) -> Result<(), KdfError> {
        self.0 += 1;
        PlainMemory.with_blocks(blocks, work)
    }
}

fn password(text: &str) -> Credential {
    Credential::Password {
        password: Secret::new(text.to_owned()),
        key_file: None,
    }
}

fn by_password(text: &str, rng: &mut StdRng) -> NewSecret {
    NewSecret::make(
        &password(text),
        KdfCost::FLOOR,
        "desk",
        &mut PlainMemory,
        rng,
    )
    .unwrap()
}

/// Runs of Argon2 that opening device `a` by a password takes.
fn runs(disk: &Disk, text: &str, second: u64) -> usize {
    let mut memory = Counting::default();
    let located = locate(disk.clone(), &places("a")).unwrap();
    let (keys, slot) = located.unlock(&password(text), &mut memory).unwrap();
    let mut rng = StdRng::seed_from_u64(second);
    drop(
        located
            .open(keys, Some(slot), "a", later(second), &mut rng)
            .unwrap(),
    );
    memory.0
}

/// What lies beside the vault under another key costs Argon2 once, whoever put it there.
#[test]
fn what_lies_under_another_key_beside_the_vault_is_tried_once() {
    let mut rng = StdRng::seed_from_u64(1);
    let disk = Disk::default();
    let new = NewVault {
        secrets: vec![by_password("first", &mut rng)],
        device_name: "a".to_owned(),
    };
    drop(create(disk.clone(), &places("a"), new, NOW, &mut rng).unwrap());
    let former = file_of(&disk);
    let located = locate(disk.clone(), &places("a")).unwrap();
    let (keys, slot) = located
        .unlock(&password("first"), &mut PlainMemory)
        .unwrap();
    let mut vault = located
        .open(keys, Some(slot), "a", later(10), &mut rng)
        .unwrap();
    let secrets = vec![by_password("second", &mut rng)];
    vault
        .rekey(Replacement { secrets }, later(11), &mut rng)
        .unwrap();
    drop(vault);
    // The user's own backup from before; and fake slots in front of a record of this vault, played again.
    let mut fake = file_of(&disk)[..1024].to_vec();
    fake.extend_from_slice(&former[1024..2048]);
    fake.extend_from_slice(&former[2048..3072]);
    fake.extend_from_slice(&file_of(&disk)[2048..]);
    for (name, content) in [(BACKUP, former), ("/drive/fake.keyfold", fake)] {
        let disk = Arc::new(disk.fork());
        disk.place(Path::new(name), &content);
        let tried: Vec<usize> = (2..6)
            .map(|round| runs(&disk, "second", round * 10))
            .collect();
        assert_eq!(tried[1..], [1, 1, 1], "{name}: {tried:?}");
        assert!(disk.content(Path::new(name)).is_some());
    }
}

/// Lets the drive replace the copy with a newer version before every call of a command, and bring yet another one as soon
/// as the name is free. Neither may be lost: what was brought is merged or still lies there.
fn replace_the_copy(split: bool) {
    let (a, b, mut rng) = two();
    write(&b, "b", FIRST, "from b", 20, &mut rng);
    let early = file_of(&b);
    write(&b, "b", FIRST, "late", 30, &mut rng);
    let late = file_of(&b);
    let c = Disk::default();
    put(&c, &file_of(&a));
    write(&c, "c", FIRST, "from c", 30, &mut rng);
    let other = file_of(&c);
    a.place(Path::new(COPY), &early);
    let mut third = 0;
    for at in 0.. {
        let (late, other) = (late.clone(), other.clone());
        let came = Arc::new(AtomicBool::new(false));
        let mark = Arc::clone(&came);
        let act = move |disk: &SimulatedStorage, call: u64| {
            if call == at {
                disk.place(Path::new(COPY), &late);
            } else if call > at && disk.content(Path::new(COPY)).is_none() {
                mark.store(true, Ordering::SeqCst);
                disk.place(Path::new(COPY), &other);
            }
        };
        let mut meddler = Meddler::new(a.fork(), act);
        if split {
            meddler = meddler.split();
        }
        opened_on(Arc::new(meddler.clone()), "a", FIRST, later(100)).unwrap();
        if meddler.calls() <= at {
            break;
        }
        let disk = Arc::new(meddler.disk);
        for second in [200, 300] {
            drop(opened(&disk, "a", FIRST, later(second)).unwrap());
        }
        let found = titles(&opened(&disk, "a", FIRST, later(400)).unwrap());
        assert!(found.contains(&"late".to_owned()), "call {at}: {found:?}");
        // The other one came only if the name became free before the command ended.
        let came = came.load(Ordering::SeqCst);
        let is_there = found.contains(&"from c".to_owned());
        assert_eq!(is_there, came, "call {at}: {found:?}");
        third += usize::from(came);
    }
    assert!(
        third > 0,
        "the name never became free while the drive looked"
    );
}

#[test]
fn a_copy_that_the_drive_replaces_at_any_moment_is_never_lost() {
    replace_the_copy(false);
}

#[test]
fn a_copy_that_the_drive_replaces_at_any_moment_is_never_lost_between_two_file_systems() {
    replace_the_copy(true);
}

/// A copy may hold frames of this vault's key and of one that nobody here holds: what cannot be read is not delivered.
#[test]
fn a_copy_that_also_holds_what_no_held_key_opens_stays() {
    let (a, b, mut rng) = two();
    let c = Disk::default();
    put(&c, &file_of(&b));
    write(&c, "c", FIRST, "from c", 20, &mut rng);
    rekey(&b, "b", (FIRST, OF_B), 20, &mut rng);
    write(&b, "b", OF_B, "from b", 30, &mut rng);
    let mut mixed = file_of(&c);
    mixed.extend_from_slice(&file_of(&b)[1024..]);
    a.place(Path::new(COPY), &mixed);
    for second in [40, 50, 60] {
        let vault = opened(&a, "a", FIRST, later(second)).unwrap();
        assert_eq!(titles(&vault), ["from c", "shared"]);
        assert!(lies_somewhere(&a, &mixed), "at {second}");
    }
    // Once the key is held, all of it comes.
    let vault = opened(&a, "a", OF_B, later(70)).unwrap();
    assert!(titles(&vault).contains(&"from b".to_owned()));
}

/// One file may hold frames of several former keys: what is not known of any of them waits for the user.
#[test]
fn all_former_keys_of_one_file_are_reviewed() {
    let (a, b, mut rng) = two();
    let c = Disk::default();
    rekey(&a, "a", (FIRST, OF_A), 20, &mut rng);
    put(&c, &file_of(&a));
    write(&c, "c", OF_A, "under the second", 30, &mut rng);
    rekey(&a, "a", (OF_A, OF_B), 40, &mut rng);
    write(&b, "b", FIRST, "under the first", 50, &mut rng);
    let mut mixed = file_of(&b);
    mixed.extend_from_slice(&file_of(&c)[1024..]);
    for path in [vault_file(), PathBuf::from(COPY), PathBuf::from(BACKUP)] {
        let disk = Arc::new(a.fork());
        disk.place(&path, &mixed);
        drop(opened(&disk, "a", OF_B, later(60)).unwrap());
        let mut vault = opened(&disk, "a", OF_B, later(70)).unwrap();
        assert_eq!(titles(&vault), ["shared"]);
        for review in vault.reviews().unwrap() {
            let source = vault.read_merge_source(&review.path, None).unwrap();
            vault.merge(&source, later(80), &mut rng).unwrap();
        }
        assert_eq!(
            titles(&vault),
            ["shared", "under the first", "under the second"],
            "{}",
            path.display()
        );
    }
}

/// Something else lies at the vault's path and is to be replaced; at any moment the drive brings the vault back, with news.
#[test]
fn replacing_a_foreign_file_takes_nothing_for_foreign_that_the_drive_brings_meanwhile() {
    let (a, b, mut rng) = two();
    write(&b, "b", FIRST, "from b", 20, &mut rng);
    let version = file_of(&b);
    put(&a, &[7; 5000]);
    let mut windows = 0;
    for at in 0.. {
        let version = version.clone();
        let meddler = Meddler::new(a.fork(), move |disk, call| {
            if call == at {
                disk.place(&vault_file(), &version);
            }
        });
        let mut vault = opened_on(Arc::new(meddler.clone()), "a", FIRST, later(100)).unwrap();
        drop(vault.replace_foreign_file(later(101), &mut rng));
        drop(vault);
        if meddler.calls() <= at {
            break;
        }
        let disk = Arc::new(meddler.disk);
        drop(opened(&disk, "a", FIRST, later(200)).unwrap());
        let vault = opened(&disk, "a", FIRST, later(300)).unwrap();
        windows += usize::from(titles(&vault) != ["from b", "shared"]);
    }
    assert!(windows <= 1, "{windows} moments take the vault for foreign");
}

/// This device goes on under a new key while the drive brings other versions of the vault file.
#[test]
fn an_adoption_loses_nothing_that_the_drive_brings_meanwhile() {
    let (a, b, mut rng) = two();
    rekey(&a, "a", (FIRST, OF_A), 20, &mut rng);
    let rekeyed = file_of(&a);
    write(&a, "a", OF_A, "newest of a", 30, &mut rng);
    let newest = file_of(&a);
    write(&b, "b", FIRST, "from b", 30, &mut rng);
    let offline = file_of(&b);
    put(&b, &rekeyed);
    for version in [newest.clone(), offline] {
        for at in 0.. {
            let brought = version.clone();
            let meddler = Meddler::new(b.fork(), move |disk, call| {
                if call == at {
                    disk.place(&vault_file(), &brought);
                }
            });
            let outcome = opened_on(Arc::new(meddler.clone()), "b", OF_A, later(100)).map(drop);
            if meddler.calls() <= at {
                break;
            }
            let disk = Arc::new(meddler.disk);
            if outcome.is_err() {
                // Not opened: then the new key had left the drive before it was seen.
                let vault = opened(&disk, "b", FIRST, later(150)).unwrap();
                assert_eq!(titles(&vault), ["from b", "shared"], "call {at}");
                put(&disk, &newest);
            } else if version != newest {
                put(&disk, &newest);
            }
            drop(opened(&disk, "b", OF_A, later(200)).unwrap());
            let vault = opened(&disk, "b", OF_A, later(300)).unwrap();
            let expected = ["from b", "newest of a", "shared"];
            assert_eq!(titles(&vault), expected, "call {at}");
        }
    }
}

/// What a file from under another key would erase for good is shown before it is merged.
#[test]
fn a_merge_shows_what_it_erases() {
    let (a, x, mut rng) = two();
    rekey(&a, "a", (FIRST, OF_A), 20, &mut rng);
    let mut attacker = opened(&x, "x", FIRST, later(30)).unwrap();
    let shared = item(&attacker, "shared");
    attacker
        .update(later(31), &mut rng, |plan, _| {
            plan.purge(shared);
            Ok(())
        })
        .unwrap();
    drop(attacker);
    put(&a, &file_of(&x));
    let mut vault = opened(&a, "a", OF_A, later(40)).unwrap();
    assert_eq!(titles(&vault), ["shared"]);
    let path = vault.reviews().unwrap()[0].path.clone();
    let source = vault.read_merge_source(&path, None).unwrap();
    let shown = vault.preview_merge(&source).unwrap();
    let named: Vec<&str> = shown.items.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(named, ["shared"], "{shown:?}");
    let done = vault.merge(&source, later(41), &mut rng).unwrap();
    assert_eq!(done, shown);
    assert!(titles(&vault).is_empty());
}

/// A placeholder that opens and does not read, a disk with a bad block: this device goes on with its replica.
#[test]
fn a_file_that_cannot_be_read_to_its_end_does_not_stop_a_write() {
    let (a, b, mut rng) = two();
    write(&b, "b", FIRST, "from b", 20, &mut rng);
    for path in [vault_file(), PathBuf::from(COPY)] {
        let disk = a.fork();
        disk.place(&path, &file_of(&b));
        let meddler = Meddler::new(disk, |_, _| ()).with_unreadable(&path);
        let mut vault = opened_on(Arc::new(meddler.clone()), "a", FIRST, later(100)).unwrap();
        add(&mut vault, "written", "x", later(101), &mut rng).unwrap();
        drop(vault);
        let vault = opened(&Arc::new(meddler.disk), "a", FIRST, later(200)).unwrap();
        assert_eq!(titles(&vault), ["from b", "shared", "written"]);
    }
}

/// A drive that keeps the last writer's file explains what is missing, also where the same news came in a copy.
#[test]
fn a_file_with_news_is_no_rollback_though_a_copy_brought_them_too() {
    let (a, b, mut rng) = two();
    for number in 0..3 {
        write(
            &a,
            "a",
            FIRST,
            &format!("of a {number}"),
            20 + number,
            &mut rng,
        );
    }
    drop(opened(&a, "a", FIRST, later(30)).unwrap());
    write(&b, "b", FIRST, "from b", 30, &mut rng);
    put(&a, &file_of(&b));
    a.place(Path::new(COPY), &file_of(&b));
    let mut vault = opened(&a, "a", FIRST, later(40)).unwrap();
    let notices = vault.take_notices();
    assert!(
        !notices
            .iter()
            .any(|notice| matches!(notice, Notice::RolledBack(_))),
        "{notices:?}"
    );
    assert_eq!(titles(&vault).len(), 5);
}

/// Two machines that went on with one state for long: told in a few words, once.
#[test]
fn a_thousand_oddities_are_told_in_a_few_words_and_once() {
    let (a, _, mut rng) = two();
    let clone = Arc::new(a.fork());
    for disk in [&a, &clone] {
        let mut vault = opened(disk, "a", FIRST, later(20)).unwrap();
        for number in 0..1000 {
            add(&mut vault, "same", "x", later(21 + number), &mut rng).unwrap();
        }
    }
    a.place(Path::new(COPY), &file_of(&clone));
    let odd = |vault: &mut Vault| {
        let notices = vault.take_notices().into_iter();
        notices
            .filter(|notice| matches!(notice, Notice::Odd(_)))
            .count()
    };
    let mut vault = opened(&a, "a", FIRST, later(2000)).unwrap();
    assert!((1..=20).contains(&odd(&mut vault)));
    for second in [2100, 2200] {
        add(&mut vault, "more", "x", later(second), &mut rng).unwrap();
        assert_eq!(odd(&mut vault), 0, "at {second}");
    }
}

/// Copies under a former key beside many reviews: each review is read a bounded number of times.
#[test]
fn reviews_are_not_read_again_for_every_copy() {
    const MANY: usize = 12;
    let (a, x, mut rng) = two();
    rekey(&a, "a", (FIRST, OF_A), 20, &mut rng);
    for number in 0..2 * MANY {
        let forged = Arc::new(x.fork());
        write(
            &forged,
            "x",
            FIRST,
            &format!("forged {number}"),
            30,
            &mut rng,
        );
        let copy = format!("/drive/copy {number}.keyfold");
        a.place(Path::new(&copy), &file_of(&forged));
        if number == MANY {
            drop(opened(&a, "a", OF_A, later(40)).unwrap());
        }
    }
    let meddler = Meddler::new(a.fork(), |_, _| ());
    let vault = opened_on(Arc::new(meddler.clone()), "a", OF_A, later(50)).unwrap();
    assert_eq!(vault.reviews().unwrap().len(), 2 * MANY);
    let read = meddler.opened_below("/review/");
    assert!(read <= 4 * MANY, "{read} times");
}

#[test]
fn forgetting_a_vault_leaves_nothing_of_it_in_the_local_state() {
    let (a, b, mut rng) = two();
    let former = file_of(&a);
    rekey(&a, "a", (FIRST, OF_A), 20, &mut rng);
    write(&b, "b", FIRST, "offline", 20, &mut rng);
    a.place(Path::new(COPY), &file_of(&b));
    drop(opened(&a, "a", OF_A, later(30)).unwrap());
    a.place(Path::new(COPY), &former);
    drop(opened(&a, "a", OF_A, later(40)).unwrap());
    keyfold::vault::forget(&*a, &places("a")).unwrap();
    let left: Vec<PathBuf> = a
        .files()
        .into_iter()
        .filter(|path| path.starts_with("/a") && !path.ends_with("lock"))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// How many of some kind a vault noticed.
fn count(vault: &mut Vault, wanted: impl Fn(&Notice) -> bool) -> usize {
    let notices = vault.take_notices().into_iter();
    notices.filter(|notice| wanted(notice)).count()
}

#[test]
fn passwords_that_were_changed_apart_are_told_once_on_every_device() {
    let (a, b, mut rng) = two();
    for (disk, name, seed) in [(&a, "a", OF_A), (&b, "b", OF_B)] {
        let mut vault = opened(disk, name, FIRST, later(20)).unwrap();
        let old = vault.opened_with().unwrap();
        vault
            .replace_slot(old, new_secret(seed, &mut rng), later(21), &mut rng)
            .unwrap();
        assert_eq!(
            count(&mut vault, |notice| matches!(
                notice,
                Notice::PasswordsApart(_)
            )),
            0
        );
    }
    a.place(Path::new(COPY), &file_of(&b));
    let is_apart = |notice: &Notice| *notice == Notice::PasswordsApart(2);
    let mut vault = opened(&a, "a", OF_A, later(30)).unwrap();
    assert_eq!(count(&mut vault, is_apart), 1);
    put(&b, &file_of(&a));
    let mut vault = opened(&b, "b", OF_B, later(40)).unwrap();
    assert_eq!(count(&mut vault, is_apart), 1);
    assert!(
        vault
            .events()
            .iter()
            .any(|event| event.notice == Notice::PasswordsApart(2))
    );
    for (disk, name, seed) in [(&a, "a", OF_A), (&b, "b", OF_B)] {
        let mut vault = opened(disk, name, seed, later(50)).unwrap();
        add(&mut vault, "more", "x", later(51), &mut rng).unwrap();
        assert_eq!(count(&mut vault, is_apart), 0, "{name}");
    }
}

#[test]
fn a_way_in_that_was_closed_last_and_stays_good_is_told_once() {
    let (a, b, mut rng) = two();
    let mut vault = opened(&a, "a", FIRST, later(20)).unwrap();
    // A second recovery key would take the place of the first one.
    let desk = by_password("desk", &mut rng);
    vault.add_slot(desk, later(21), &mut rng).unwrap();
    drop(vault);
    put(&b, &file_of(&a));
    let by_desk = |disk: &Disk, name: &str, second| {
        let located = locate(disk.clone(), &places(name)).unwrap();
        let (keys, slot) = located.unlock(&password("desk"), &mut PlainMemory)?;
        let mut rng = StdRng::seed_from_u64(second);
        located.open(keys, Some(slot), name, later(second), &mut rng)
    };
    // Each closes the way in that the other uses.
    let mut one = opened(&a, "a", FIRST, later(30)).unwrap();
    let mut other = by_desk(&b, "b", 30).unwrap();
    for (vault, second) in [(&mut one, 31), (&mut other, 41)] {
        let mut rows = vault.slot_rows().into_iter();
        let closed = rows.find(|row| !row.in_use).unwrap().id;
        vault.remove_slot(closed, later(second), &mut rng).unwrap();
        assert_eq!(count(vault, |notice| *notice == Notice::LastWayIn), 0);
    }
    drop((one, other));
    a.place(Path::new(COPY), &file_of(&b));
    // The password was closed first, at 31; the recovery key last, at 41: it stays good.
    let is_last = |notice: &Notice| *notice == Notice::LastWayIn;
    let mut vault = opened(&a, "a", FIRST, later(50)).unwrap();
    assert_eq!(count(&mut vault, is_last), 1);
    drop(vault);
    put(&b, &file_of(&a));
    assert!(matches!(
        by_desk(&b, "b", 60).map(drop),
        Err(VaultError::Unlock(UnlockError::Retired { .. }))
    ));
    let mut vault = opened(&a, "a", FIRST, later(70)).unwrap();
    add(&mut vault, "more", "x", later(71), &mut rng).unwrap();
    assert_eq!(count(&mut vault, is_last), 0);
}
