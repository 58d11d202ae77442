//! A drive that acts in the middle of a command: at every call it puts the version of another device in the vault
//! file's place. Nothing that either device wrote may be lost.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::crypto::kdf::PlainMemory;
use keyfold::model::moment::Moment;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{Replacement, Vault, VaultError, locate};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::meddler::Meddler;
use scene::{
    NOW, add, later, made, new_secret, opened, places, recovery, set_clock, set_password, titles,
};
use std::sync::Arc;

type Command = fn(&mut Vault, Moment, &mut StdRng) -> Result<(), VaultError>;

/// Lets the drive act before every call of a command. `windows` is how many of these moments may take the other
/// device's version out of the vault file until that device comes back: the ones between the last look and the rename.
fn interfere(run: Command, secret_after: u64, expected: &[&str], windows: usize) {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    set_clock(&storage, NOW);
    let mut vault = made(&storage, &mut rng);
    for title in ["mail", "doomed"] {
        add(&mut vault, title, "x", later(1), &mut rng).unwrap();
    }
    drop(vault);
    drop(opened(&storage, "b", 1, later(10)).unwrap());
    drop(opened(&storage, "a", 1, later(20)).unwrap());
    // Device b goes on from here apart, and the drive brings its version at some moment.
    let apart = Arc::new(storage.fork());
    set_clock(&apart, later(100));
    let mut b = opened(&apart, "b", 1, later(100)).unwrap();
    add(&mut b, "from b", "y", later(100), &mut rng).unwrap();
    drop(b);
    let version = apart.content(&places("b").vault_file).unwrap();
    let mut taken_out = 0;
    for at in 0.. {
        let disk = storage.fork();
        set_clock(&disk, later(100));
        let brought = version.clone();
        let drive = Meddler::new(disk.clone(), move |disk, call| {
            if call == at {
                disk.place(&places("a").vault_file, &brought);
            }
        });
        let outcome = command(&drive, run);
        if drive.calls() <= at {
            break;
        }
        assert!(outcome.is_ok(), "call {at}: {outcome:?}");
        let disk = Arc::new(disk);
        set_clock(&disk, later(120));
        for second in [200, 300] {
            drop(opened(&disk, "a", secret_after, later(second)).unwrap());
        }
        let vault = opened(&disk, "a", secret_after, later(400)).unwrap();
        let mut all = titles(&vault);
        drop(vault);
        if all.iter().all(|title| title != "from b") {
            taken_out += 1;
            all.push("from b".to_owned());
        } else {
            let seen = titles(&opened(&disk, "z", secret_after, later(500)).unwrap());
            assert_eq!(seen, all, "call {at}: a third device");
        }
        all.sort();
        assert_eq!(all, expected, "call {at}");
    }
    assert!(
        taken_out <= windows,
        "{taken_out} moments lose what the drive brought"
    );
}

fn command(drive: &Meddler, run: Command) -> Result<(), VaultError> {
    let mut rng = StdRng::seed_from_u64(5);
    let located = locate(Arc::new(drive.clone()), &places("a"))?;
    let (keys, slot) = located.unlock(&recovery(1), &mut PlainMemory)?;
    let mut vault = located.open(keys, Some(slot), "a", later(100), &mut rng)?;
    run(&mut vault, later(100), &mut rng)
}

#[test]
fn an_edit_loses_nothing_that_the_drive_brings_meanwhile() {
    let edit: Command = |vault, now, rng| {
        let rows = vault.state().summaries();
        let mail = rows.iter().find(|row| row.title == "mail").unwrap().id;
        vault.update(now, rng, set_password(mail, "new"))?;
        add(vault, "from a", "x", now, rng).map(drop)
    };
    interfere(edit, 1, &["doomed", "from a", "from b", "mail"], 0);
}

#[test]
fn a_purge_loses_nothing_that_the_drive_brings_meanwhile() {
    let purge: Command = |vault, now, rng| {
        let rows = vault.state().summaries();
        let doomed = rows.iter().find(|row| row.title == "doomed").unwrap().id;
        vault.update(now, rng, |plan, _| {
            plan.purge(doomed);
            Ok(())
        })?;
        vault.compact(now, rng).map(drop)
    };
    interfere(purge, 1, &["from b", "mail"], 2);
}

#[test]
fn a_compact_loses_nothing_that_the_drive_brings_meanwhile() {
    let compact: Command = |vault, now, rng| vault.compact(now, rng).map(drop);
    interfere(compact, 1, &["doomed", "from b", "mail"], 1);
}

#[test]
fn a_changed_password_loses_nothing_that_the_drive_brings_meanwhile() {
    let change: Command = |vault, now, rng| {
        let old = vault.opened_with().unwrap();
        let new = new_secret(2, rng);
        vault.replace_slot(old, new, now, rng).map(drop)
    };
    interfere(change, 2, &["doomed", "from b", "mail"], 1);
}

/// What comes after the new key was made lies under a former one and is kept for review, never merged unseen.
#[test]
fn a_rekey_keeps_what_the_drive_brings_meanwhile_for_review() {
    let rekey: Command = |vault, now, rng| {
        let secrets = vec![new_secret(2, rng)];
        vault.rekey(Replacement { secrets }, now, rng)
    };
    interfere(rekey, 2, &["doomed", "from b", "mail"], usize::MAX);
}
