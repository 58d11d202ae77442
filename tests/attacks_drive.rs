//! What a malicious drive can do over time, row by row of SECURITY.md's table: replay, drop, substitute, roll back, fork,
//! flood, and put things beside the vault that are no files.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::crypto::kdf::PlainMemory;
use keyfold::model::field;
use keyfold::model::ids::FieldId;
use keyfold::state::change::Edit;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::storage::{RealStorage, Storage};
use keyfold::vault::{Notice, Places, Vault, locate};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{
    NOW, add, dump, file_of, later, login, made, new_secret, opened, put, recovery, set_password,
    titles,
};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CONFLICT_COPY: &str = "vault.sync-conflict-20261125-070000-ABCDEFG.keyfold";

type Disk = Arc<SimulatedStorage>;

/// A vault and its file after every change that one device made.
fn versions() -> (Disk, Vec<Vec<u8>>) {
    let disk = Disk::default();
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&disk, &mut rng);
    let mut files = vec![file_of(&disk)];
    let mut keep = |_: &Vault| files.push(file_of(&disk));
    let mail = add(&mut vault, "mail", "first", later(1), &mut rng).unwrap();
    keep(&vault);
    vault
        .update(later(2), &mut rng, set_password(mail, "second"))
        .unwrap();
    keep(&vault);
    let bank = add(&mut vault, "bank", "x", later(3), &mut rng).unwrap();
    keep(&vault);
    vault
        .update(later(4), &mut rng, |plan, _| {
            plan.set_life(bank, keyfold::state::view::Life::Trashed)
        })
        .unwrap();
    keep(&vault);
    let seed = FieldId::Standard(field::OTP);
    let counted = vault
        .update(later(5), &mut rng, |plan, rng| {
            let mut draft = login("counted", "x");
            draft.push_standard(
                field::OTP,
                "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQ&counter=1".to_owned(),
            );
            Ok(plan.add(draft, rng))
        })
        .unwrap();
    keep(&vault);
    vault
        .update(later(6), &mut rng, |plan, rng| {
            plan.edit(counted, vec![Edit::Count(seed, 7)], rng)
        })
        .unwrap();
    keep(&vault);
    vault.compact(later(7), &mut rng).unwrap();
    keep(&vault);
    drop(vault);
    (disk, files)
}

/// Attack A13: tombstones, counters and settings do not move back, whatever old frames come again.
#[test]
fn old_frames_that_are_played_again_change_nothing() {
    let (disk, files) = versions();
    let vault = opened(&disk, "a", 1, later(100)).unwrap();
    let before = dump(&vault);
    drop(vault);
    let own = file_of(&disk);
    for (number, old) in files.iter().enumerate() {
        put(&disk, &[&own, &old[1024..]].concat());
        for device in ["a", "stranger"] {
            let vault = opened(&disk, device, 1, later(200)).unwrap();
            assert_eq!(dump(&vault), before, "version {number} on {device}");
        }
    }
}

/// Attack A16: a device that saw more notices every earlier version, says so, and puts it right.
#[test]
fn every_earlier_version_is_noticed_told_and_put_right() {
    let (disk, files) = versions();
    let vault = opened(&disk, "a", 1, later(100)).unwrap();
    let (before, records) = (dump(&vault), vault.state().record_count());
    drop(vault);
    let newest = files.len() - 1;
    for (number, old) in files.iter().enumerate().take(newest - 1) {
        put(&disk, old);
        let mut vault = opened(&disk, "a", 1, later(200)).unwrap();
        assert_eq!(dump(&vault), before, "version {number}");
        assert_eq!(
            vault.take_notices(),
            [Notice::RolledBack(records - 1 - number)],
            "version {number}"
        );
        drop(vault);
        let stranger = opened(&Arc::new(disk.fork()), "stranger", 1, later(300)).unwrap();
        assert_eq!(
            stranger.state().record_count(),
            records,
            "version {number} was put right"
        );
    }
}

/// A rollback is told once, also where what others wrote waits until the file is still.
#[test]
fn a_rollback_is_told_once_although_it_is_healed_in_two_steps() {
    let (disk, files) = versions();
    let other = Disk::default();
    put(&other, &file_of(&disk));
    let mut rng = StdRng::seed_from_u64(2);
    let mut vault = opened(&other, "b", 1, later(50)).unwrap();
    add(&mut vault, "from b", "y", later(51), &mut rng).unwrap();
    drop(vault);
    put(&disk, &file_of(&other));
    drop(opened(&disk, "a", 1, later(100)).unwrap());
    scene::set_clock(&disk, later(200));
    put(&disk, &files[2]);
    let mut told = Vec::new();
    for second in [201, 202, 210, 220] {
        let mut vault = opened(&disk, "a", 1, later(second)).unwrap();
        told.extend(vault.take_notices());
    }
    assert_eq!(told, [Notice::RolledBack(5)]);
    assert_eq!(opened(&disk, "a", 1, later(300)).unwrap().pending(), 0);
}

/// An honest drive that keeps the last writer's file explains what is missing; then it is healed without a word of alarm.
#[test]
fn what_the_last_writer_explains_is_healed_quietly() {
    let (disk, files) = versions();
    let base = &files[3];
    let other = Disk::default();
    put(&other, base);
    let mut rng = StdRng::seed_from_u64(2);
    let mut vault = opened(&other, "b", 1, later(50)).unwrap();
    add(&mut vault, "from b", "y", later(51), &mut rng).unwrap();
    drop(vault);
    put(&disk, &file_of(&other));
    let mut vault = opened(&disk, "a", 1, later(100)).unwrap();
    let notices = vault.take_notices();
    assert!(
        !notices
            .iter()
            .any(|notice| matches!(notice, Notice::RolledBack(_))),
        "{notices:?}"
    );
    assert!(titles(&vault).contains(&"from b".to_owned()));
}

/// Attack A17: two devices are shown different branches; on rejoining both come to the same, with all that either wrote.
#[test]
fn two_branches_become_one_on_rejoining() {
    let (disk, _) = versions();
    let base = file_of(&disk);
    let mut rng = StdRng::seed_from_u64(3);
    let other = Disk::default();
    put(&other, &base);
    for round in 0..3 {
        for (disk, device) in [(&disk, "a"), (&other, "b")] {
            let mut vault = opened(disk, device, 1, later(100 + round)).unwrap();
            add(
                &mut vault,
                &format!("{device}{round}"),
                "x",
                later(100 + round),
                &mut rng,
            )
            .unwrap();
        }
    }
    let (mine, theirs) = (file_of(&disk), file_of(&other));
    put(&disk, &theirs);
    put(&other, &mine);
    let one = dump(&opened(&disk, "a", 1, later(200)).unwrap());
    let two = dump(&opened(&other, "b", 1, later(200)).unwrap());
    assert_eq!(one, two);
    for name in ["a0", "a1", "a2", "b0", "b1", "b2"] {
        assert!(one.contains(&format!("\"{name}\"")), "{name}");
    }
}

/// Attack A17, with a cloned machine: both records of one (device, number) are kept, and it is told once.
#[test]
fn two_records_of_one_number_are_both_kept_and_told_once() {
    let (disk, _) = versions();
    let clone = Arc::new(disk.fork());
    let mut rng = StdRng::seed_from_u64(3);
    for (disk, title) in [(&disk, "original"), (&clone, "clone")] {
        let mut vault = opened(disk, "a", 1, later(100)).unwrap();
        add(&mut vault, title, "x", later(101), &mut rng).unwrap();
    }
    disk.place(&Path::new("/drive").join(CONFLICT_COPY), &file_of(&clone));
    let mut vault = opened(&disk, "a", 1, later(200)).unwrap();
    let all = titles(&vault);
    assert!(all.contains(&"original".to_owned()) && all.contains(&"clone".to_owned()));
    let notices = vault.take_notices();
    assert!(notices.contains(&Notice::NewDevice), "{notices:?}");
    assert!(
        notices
            .iter()
            .any(|notice| matches!(notice, Notice::Odd(_))),
        "{notices:?}"
    );
    add(&mut vault, "afterwards", "x", later(201), &mut rng).unwrap();
    drop(vault);
    let mut vault = opened(&disk, "a", 1, later(300)).unwrap();
    assert_eq!(vault.take_notices(), []);
}

/// Attack A15: named, refused, left alone, while the replica keeps the vault readable and writable; told the same way
/// for a file that is no vault, another vault, nothing at all; and put right when the true file returns.
#[test]
fn what_takes_the_vaults_place_is_left_alone_and_nothing_is_lost() {
    let (disk, _) = versions();
    let own = file_of(&disk);
    let stranger = Disk::default();
    let mut rng = StdRng::seed_from_u64(9);
    drop(made(&stranger, &mut rng));
    for (number, other) in [&file_of(&stranger)[..], b"", &[7; 5000], &own[..700]]
        .iter()
        .enumerate()
    {
        let disk = Arc::new(disk.fork());
        put(&disk, other);
        let mut vault = opened(&disk, "a", 1, later(100)).unwrap();
        assert!(
            matches!(vault.take_notices()[..], [Notice::Unusable(_)]),
            "{number}"
        );
        add(&mut vault, "meanwhile", "x", later(101), &mut rng).unwrap();
        assert_eq!(&file_of(&disk), other, "{number}");
        assert_eq!(vault.pending(), 1, "{number}");
        drop(vault);
        put(&disk, &own);
        let mut vault = opened(&disk, "a", 1, later(200)).unwrap();
        assert_eq!(
            (vault.pending(), vault.take_notices()),
            (0, vec![]),
            "{number}"
        );
        drop(vault);
        let vault = opened(&disk, "z", 1, later(300)).unwrap();
        assert!(titles(&vault).contains(&"meanwhile".to_owned()), "{number}");
    }
}

/// Attack A31: one command takes in a bounded number of copies, the next goes on, and all of it comes.
#[test]
fn a_flood_of_conflict_copies_is_taken_in_by_and_by() {
    const FLOOD: usize = 10_000;
    let (disk, _) = versions();
    let other = Disk::default();
    put(&other, &file_of(&disk));
    let mut rng = StdRng::seed_from_u64(4);
    let mut vault = opened(&other, "b", 1, later(50)).unwrap();
    add(&mut vault, "in the flood", "x", later(51), &mut rng).unwrap();
    drop(vault);
    let file = file_of(&other);
    for number in 0..FLOOD {
        let name = format!(
            "vault.sync-conflict-2026{:04}-{:06}-ABCDEFG.keyfold",
            number / 1000 + 101,
            number
        );
        disk.place(&Path::new("/drive").join(name), &file);
    }
    let left = |disk: &Disk| {
        disk.files()
            .into_iter()
            .filter(|path| path.starts_with("/drive"))
            .count()
            - 1
    };
    let vault = opened(&disk, "a", 1, later(100)).unwrap();
    assert!(titles(&vault).contains(&"in the flood".to_owned()));
    drop(vault);
    let after_one = left(&disk);
    assert!((FLOOD - 64..FLOOD).contains(&after_one), "{after_one}");
    drop(opened(&disk, "a", 1, later(110)).unwrap());
    assert!(left(&disk) < after_one);
}

// ------------------------------------------------------------------------------------------------ real files

/// A folder of its own, removed afterwards, with a vault in `drive` that is open on device `a`.
struct Real {
    folder: PathBuf,
}

impl Drop for Real {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Real {
    fn new(name: &str) -> (Self, Vec<u8>) {
        let folder =
            std::env::temp_dir().join(format!("keyfold-drive-{}-{name}", std::process::id()));
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(folder.join("drive")).unwrap();
        let real = Self { folder };
        let mut rng = StdRng::seed_from_u64(1);
        let new = keyfold::vault::NewVault {
            secrets: vec![new_secret(1, &mut rng)],
            device_name: "laptop".to_owned(),
        };
        let mut vault =
            keyfold::vault::create(Arc::new(RealStorage), &real.places("a"), new, NOW, &mut rng)
                .unwrap();
        add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
        drop(vault);
        let other = Disk::default();
        put(&other, &std::fs::read(real.places("a").vault_file).unwrap());
        let mut vault = opened(&other, "b", 1, later(10)).unwrap();
        add(&mut vault, "from b", "x", later(11), &mut rng).unwrap();
        drop(vault);
        (real, file_of(&other))
    }

    fn places(&self, device: &str) -> Places {
        Places {
            vault_file: self.folder.join("drive/vault.keyfold"),
            state_folder: self.folder.join(device),
        }
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder.join("drive").join(name)
    }

    /// Opens long after everything was written, by the machine's clock.
    fn open(&self) -> Vault {
        let mut rng = StdRng::seed_from_u64(5);
        let located = locate(Arc::new(RealStorage), &self.places("a")).unwrap();
        let (keys, slot) = located.unlock(&recovery(1), &mut PlainMemory).unwrap();
        let now = keyfold::model::moment::Moment(4_000_000_000_000);
        located.open(keys, Some(slot), "a", now, &mut rng).unwrap()
    }
}

/// Attack A32: what is no regular file is never followed, waited for, read or removed, whatever its name.
#[test]
fn nothing_beside_the_vault_is_followed_waited_for_or_removed_unless_it_is_a_copy() {
    let (real, copy) = Real::new("a32");
    let elsewhere = real.folder.join("elsewhere");
    std::fs::write(&elsewhere, &copy).unwrap();
    let name =
        |number: usize| format!("vault.sync-conflict-20261125-07000{number}-ABCDEFG.keyfold");
    symlink(&elsewhere, real.beside(&name(0))).unwrap();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        real.beside(&name(1)),
        rustix::fs::Mode::from_raw_mode(0o600),
    )
    .unwrap();
    std::fs::create_dir(real.beside(&name(2))).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(real.beside(&name(3))).unwrap();
    symlink("/dev/zero", real.beside(&name(4))).unwrap();
    let before = names(&real);
    let vault = real.open();
    assert_eq!(titles(&vault), ["mail"], "no link was followed");
    assert_eq!(names(&real), before);
    drop((vault, socket));
    // A file that has a second name elsewhere is read, and stays.
    std::fs::hard_link(&elsewhere, real.beside(&name(5))).unwrap();
    let hostile = "vault \u{202e}\n\u{1b}[2J.keyfold";
    std::fs::write(real.beside(hostile), &copy).unwrap();
    let before = names(&real);
    let vault = real.open();
    assert_eq!(titles(&vault), ["from b", "mail"]);
    assert_eq!(names(&real), before);
    assert_eq!(std::fs::read(&elsewhere).unwrap(), copy);
}

/// Attack A32: the same content as an ordinary conflict copy is taken in and moved away, so the test above can fail.
#[test]
fn an_ordinary_copy_is_taken_in_and_moved_away_on_a_real_disk() {
    let (real, copy) = Real::new("ordinary");
    std::fs::write(real.beside(CONFLICT_COPY), &copy).unwrap();
    let mut vault = real.open();
    assert_eq!(titles(&vault), ["from b", "mail"]);
    assert_eq!(
        vault.take_notices(),
        [Notice::Merged(1), Notice::CopiesMoved(1)]
    );
    assert_eq!(names(&real), ["vault.keyfold"]);
}

/// Attack A31: a file of a tebibyte that holds nothing costs nothing, beside the vault or in its place.
#[test]
fn a_sparse_tebibyte_is_neither_read_nor_believed() {
    let (real, copy) = Real::new("sparse");
    let sparse = |path: &Path| {
        std::fs::write(path, &copy).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(1 << 40).is_ok()
    };
    // Not every file system can hold one; where it can't, nobody can be attacked with it.
    if sparse(&real.beside(CONFLICT_COPY)) {
        let vault = real.open();
        assert_eq!(titles(&vault), ["mail"]);
        assert!(real.beside(CONFLICT_COPY).exists());
    }
    std::fs::remove_file(real.beside(CONFLICT_COPY)).unwrap();
    if sparse(&real.places("a").vault_file) {
        let mut vault = real.open();
        assert!(matches!(&vault.take_notices()[..], [Notice::Unusable(_)]));
        assert_eq!(titles(&vault), ["mail"]);
    }
}

fn names(real: &Real) -> Vec<String> {
    let listing = RealStorage.list(&real.folder.join("drive"), 1000).unwrap();
    let names = listing
        .entries
        .into_iter()
        .map(|entry| entry.name.into_string().unwrap());
    names.collect()
}
