//! Uniting with what a drive brought, stopped or failed at each step on the disk: afterwards everything that was
//! acknowledged is there or waits for review, the next opening finishes the job, and nothing that holds something else is
//! moved or removed (vault-format.md, sections 5.10 and 7).
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::crypto::kdf::PlainMemory;
use keyfold::storage::is_temporary_name;
use keyfold::storage::simulated::{
    CrashImage, Fault, SimulatedStorage, crash_everywhere, fail_everywhere,
};
use keyfold::vault::{Replacement, Vault, VaultError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{add, file_of, later, made, new_secret, opened, places, put, recovery, titles};
use std::path::Path;
use std::sync::Arc;

type Disk = Arc<SimulatedStorage>;

/// Combinations of lost and kept writes that are tried at each step.
const IMAGES: usize = 24;
const FAULTS: [Fault; 3] = [Fault::Io, Fault::Full { written: 700 }, Fault::Denied];

/// Secrets by what they open: the first key, and those that `a` and `b` make.
const FIRST: u64 = 1;
const OF_A: u64 = 2;
const OF_B: u64 = 3;

const COPY: &str = "/drive/vault.sync-conflict-20261125-070000-ABCDEFG.keyfold";
const ELSEWHERE: &str = "/elsewhere/of b.keyfold";
const FOREIGN: [u8; 5000] = [7; 5000];

/// What is done on a disk, with which secret, and what must be found afterwards.
struct Case {
    base: Disk,
    device: &'static str,
    secret: u64,
    run: fn(&mut Vault, &mut StdRng) -> Result<(), VaultError>,
    /// Titles after all is done, with what waits for review taken in.
    all: &'static [&'static str],
    /// Further rules for what a crash left, before anything else looks at it.
    left: fn(&SimulatedStorage),
}

impl Case {
    fn opening(
        base: Disk,
        device: &'static str,
        secret: u64,
        all: &'static [&'static str],
    ) -> Self {
        Self {
            base,
            device,
            secret,
            run: |_, _| Ok(()),
            all,
            left: |_| (),
        }
    }

    fn command(&self, storage: &SimulatedStorage, second: u64) -> Result<Vault, VaultError> {
        let mut rng = StdRng::seed_from_u64(second);
        let disk = Arc::new(storage.clone());
        let mut vault = opened(&disk, self.device, self.secret, later(second))?;
        (self.run)(&mut vault, &mut rng)?;
        Ok(vault)
    }

    /// The same again finishes the job; then the vault file alone holds all of it, and nothing else lies beside it.
    fn check(&self, storage: &SimulatedStorage, fate: &str) {
        (self.left)(storage);
        let mut rng = StdRng::seed_from_u64(9);
        let again = self.command(storage, 200).map(drop);
        assert!(again.is_ok(), "{fate}: {again:?}");
        let disk = Arc::new(storage.clone());
        let mut vault = opened(&disk, self.device, self.secret, later(300)).unwrap();
        for review in vault.reviews().unwrap() {
            let source = vault.read_merge_source(&review.path, None).unwrap();
            vault.merge(&source, later(310), &mut rng).unwrap();
        }
        assert_eq!(titles(&vault), self.all, "{fate}");
        let live = vault.slot_rows().len();
        let (made, closed) = (vault.state().slot_labels(), vault.state().retirements());
        let open = made
            .keys()
            .filter(|slot| closed.iter().all(|row| row.slot != **slot));
        assert_eq!(open.count(), live, "{fate}: ways in that nobody has");
        drop(vault);
        drop(opened(&disk, self.device, self.secret, later(320)).unwrap());
        let stranger = opened(&disk, "z", self.secret, later(330)).unwrap();
        assert_eq!(titles(&stranger), self.all, "{fate}: another device");
        let beside: Vec<_> = disk
            .files()
            .into_iter()
            .filter(|path| path.starts_with("/drive") && *path != places("a").vault_file)
            .filter(|path| !is_temporary_name(path.file_name().unwrap()))
            .collect();
        assert!(beside.is_empty(), "{fate}: {beside:?}");
    }

    fn crash(&self) {
        let images = crash_everywhere(
            &self.base,
            IMAGES,
            |storage| self.command(storage, 100).map(drop).is_ok(),
            |CrashImage { storage, fate }, _| self.check(storage, fate),
        );
        assert!(images > 40, "{images}");
    }

    fn fail(&self) {
        for fault in FAULTS {
            let steps = fail_everywhere(
                &self.base,
                fault,
                |storage| self.command(storage, 100).map(drop),
                |storage, outcome| self.check(storage, &format!("{fault:?}, {outcome:?}")),
            );
            assert!(steps > 5, "{steps}");
        }
    }
}

/// Two devices with disks of their own and one vault, both in step.
fn two() -> (Disk, Disk, StdRng) {
    let a = Disk::default();
    let mut rng = StdRng::seed_from_u64(1);
    drop(made(&a, &mut rng));
    write(&a, "a", FIRST, "shared", 1, &mut rng);
    let b = Disk::default();
    put(&b, &file_of(&a));
    drop(opened(&a, "a", FIRST, later(10)).unwrap());
    drop(opened(&b, "b", FIRST, later(10)).unwrap());
    (a, b, rng)
}

fn write(disk: &Disk, name: &str, secret: u64, title: &str, second: u64, rng: &mut StdRng) {
    let mut vault = opened(disk, name, secret, later(second)).unwrap();
    add(&mut vault, title, "x", later(second), rng).unwrap();
}

fn rekey(disk: &Disk, name: &str, new: u64, second: u64, rng: &mut StdRng) {
    let mut vault = opened(disk, name, FIRST, later(second)).unwrap();
    let secrets = vec![new_secret(new, rng)];
    vault
        .rekey(Replacement { secrets }, later(second), rng)
        .unwrap();
}

/// A copy brings news; each device wrote apart.
fn a_copy() -> Case {
    let (a, b, mut rng) = two();
    write(&a, "a", FIRST, "from a", 20, &mut rng);
    write(&b, "b", FIRST, "from b", 20, &mut rng);
    drop(opened(&a, "a", FIRST, later(30)).unwrap());
    a.place(Path::new(COPY), &file_of(&b));
    Case::opening(a, "a", FIRST, &["from a", "from b", "shared"])
}

/// The drive went back to a version before the last changes.
fn a_rollback() -> Case {
    let (a, _, mut rng) = two();
    let early = file_of(&a);
    for title in ["one", "two"] {
        write(&a, "a", FIRST, title, 20, &mut rng);
    }
    drop(opened(&a, "a", FIRST, later(30)).unwrap());
    put(&a, &early);
    Case::opening(a, "a", FIRST, &["one", "shared", "two"])
}

/// Another device gave the vault a new key; this one wrote meanwhile, and holds what a third one wrote.
fn a_new_key() -> Case {
    let (a, b, mut rng) = two();
    let c = Disk::default();
    put(&c, &file_of(&b));
    write(&c, "c", FIRST, "from c", 15, &mut rng);
    put(&b, &file_of(&c));
    drop(opened(&b, "b", FIRST, later(20)).unwrap());
    write(&b, "b", FIRST, "from b", 21, &mut rng);
    rekey(&a, "a", OF_A, 20, &mut rng);
    write(&a, "a", OF_A, "from a", 22, &mut rng);
    put(&b, &file_of(&a));
    Case::opening(b, "b", OF_A, &["from a", "from b", "from c", "shared"])
}

/// The drive brings what somebody wrote under the former key.
fn a_former_key() -> Case {
    let (a, b, mut rng) = two();
    rekey(&a, "a", OF_A, 20, &mut rng);
    write(&a, "a", OF_A, "from a", 22, &mut rng);
    write(&b, "b", FIRST, "from b", 22, &mut rng);
    put(&a, &file_of(&b));
    Case::opening(a, "a", OF_A, &["from a", "from b", "shared"])
}

/// A file under a key that went apart is merged by name.
fn a_sibling() -> Case {
    let (a, b, mut rng) = two();
    rekey(&a, "a", OF_A, 20, &mut rng);
    rekey(&b, "b", OF_B, 20, &mut rng);
    write(&a, "a", OF_A, "from a", 22, &mut rng);
    write(&b, "b", OF_B, "from b", 22, &mut rng);
    drop(opened(&a, "a", OF_A, later(30)).unwrap());
    a.place(Path::new(ELSEWHERE), &file_of(&b));
    Case {
        run: |vault, rng| {
            let secret = (&recovery(OF_B), &mut PlainMemory as &mut _);
            let source = vault.read_merge_source(Path::new(ELSEWHERE), Some(secret))?;
            vault.merge(&source, later(100), rng).map(drop)
        },
        ..Case::opening(a, "a", OF_A, &["from a", "from b", "shared"])
    }
}

/// Something that is no vault lies at the path and is replaced by command.
fn a_foreign_file() -> Case {
    let (a, _, mut rng) = two();
    write(&a, "a", FIRST, "from a", 20, &mut rng);
    put(&a, &FOREIGN);
    Case {
        run: |vault, rng| match vault.replace_foreign_file(later(100), rng) {
            Err(VaultError::Refused(_)) => Ok(()), // it was replaced before
            outcome => outcome,
        },
        left: |storage| {
            let files = storage.files();
            let mut contents = files.iter().filter_map(|path| storage.content(path));
            assert!(contents.any(|content| content == FOREIGN));
        },
        ..Case::opening(a, "a", FIRST, &["from a", "shared"])
    }
}

#[test]
fn taking_in_a_copy_survives_a_crash_at_every_step() {
    a_copy().crash();
}

#[test]
fn taking_in_a_copy_survives_a_refusal_at_every_step() {
    a_copy().fail();
}

#[test]
fn healing_a_rollback_survives_a_crash_at_every_step() {
    a_rollback().crash();
}

#[test]
fn healing_a_rollback_survives_a_refusal_at_every_step() {
    a_rollback().fail();
}

#[test]
fn going_on_under_a_new_key_survives_a_crash_at_every_step() {
    a_new_key().crash();
}

#[test]
fn going_on_under_a_new_key_survives_a_refusal_at_every_step() {
    a_new_key().fail();
}

#[test]
fn reviewing_and_replacing_a_file_under_a_former_key_survives_a_crash_at_every_step() {
    a_former_key().crash();
}

#[test]
fn reviewing_and_replacing_a_file_under_a_former_key_survives_a_refusal_at_every_step() {
    a_former_key().fail();
}

#[test]
fn merging_a_sibling_survives_a_crash_at_every_step() {
    a_sibling().crash();
}

#[test]
fn merging_a_sibling_survives_a_refusal_at_every_step() {
    a_sibling().fail();
}

/// A merge that fails has merged nothing, and the session goes on as if it had not been tried.
#[test]
fn a_merge_that_fails_changes_nothing() {
    let case = a_sibling();
    for fault in FAULTS {
        fail_everywhere(
            &case.base,
            fault,
            |storage| {
                let disk = Arc::new(storage.clone());
                let mut rng = StdRng::seed_from_u64(7);
                let Ok(mut vault) = opened(&disk, "a", OF_A, later(100)) else {
                    return;
                };
                let outcome = (case.run)(&mut vault, &mut rng).map_err(|error| error.to_string());
                let expected: &[&str] = match &outcome {
                    Ok(()) => case.all,
                    Err(_) => &["from a", "shared"],
                };
                assert_eq!(titles(&vault), expected, "{fault:?}, {outcome:?}");
                drop(vault);
                let vault = opened(&disk, "a", OF_A, later(110)).unwrap();
                assert_eq!(titles(&vault), expected, "{fault:?}, {outcome:?}");
            },
            |_, ()| (),
        );
    }
}

#[test]
fn replacing_a_foreign_file_survives_a_crash_at_every_step() {
    a_foreign_file().crash();
}

#[test]
fn replacing_a_foreign_file_survives_a_refusal_at_every_step() {
    a_foreign_file().fail();
}
