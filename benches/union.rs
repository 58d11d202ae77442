//! What a synced folder costs an opening, beyond Argon2: an unchanged vault file and unchanged things beside it, a change
//! of another device, and the merge of two copies that went apart.
//!
//! Every row is measured in turns with its floor, in the same run: an opening that has the replica alone, since the
//! drive's folder is not there. Machines drift: compare within a run.
//!
//! `cargo bench --bench union` takes a minute.
#![allow(
    clippy::ok_expect,
    reason = "what holds a secret has no Debug to print it with"
)]
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod scene;

use keyfold::model::draft::{Draft, DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::state::change::Edit;
use keyfold::storage::RealStorage;
use keyfold::vault::{Places, Vault};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{add_all, later, length, make_vault, median, milliseconds, open};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ITEMS: usize = 10_000;
/// Changes that each of two devices made apart.
const CHANGES: usize = 1_000;
/// Other files in the synced folder.
const OTHERS: usize = 1_000;
const ROUNDS: usize = 15;
const CONFLICT_COPY: &str = "vault.sync-conflict-20261125-070000-ABCDEFG.keyfold";

fn main() {
    let folder = std::env::temp_dir().join(format!("keyfold-union-{}", std::process::id()));
    let scene = Scene::make(&folder);
    println!(
        "{ITEMS} items; medians of {ROUNDS}, milliseconds; the ratio is to an opening of the replica alone"
    );
    scene.unchanged();
    scene.changed();
    scene.merged();
    std::fs::remove_dir_all(&folder).expect("the folder is this run's own");
}

/// Two devices, `laptop` and `phone`, each with a folder that a drive keeps in step and a state of its own.
struct Scene {
    folder: PathBuf,
}

impl Scene {
    fn make(folder: &Path) -> Self {
        let scene = Self {
            folder: folder.to_owned(),
        };
        let places = scene.places("laptop");
        std::fs::create_dir_all(scene.drive("laptop")).expect("the folder is new");
        std::fs::create_dir_all(scene.drive("phone")).expect("the folder is new");
        let mut rng = StdRng::seed_from_u64(7);
        let mut vault = make_vault(Arc::new(RealStorage), &places, "laptop", &mut rng);
        add_all(&mut vault, (0..ITEMS).map(login), &mut rng);
        drop(vault);
        std::fs::copy(&places.vault_file, scene.places("phone").vault_file).expect("there is room");
        drop(scene.open("laptop"));
        drop(scene.open("phone"));
        scene
    }

    fn drive(&self, device: &str) -> PathBuf {
        self.folder.join(device).join("drive")
    }

    fn places(&self, device: &str) -> Places {
        Places {
            vault_file: self.drive(device).join("vault.keyfold"),
            state_folder: self.folder.join(device).join("state"),
        }
    }

    fn open(&self, device: &str) -> Vault {
        open(Arc::new(RealStorage), &self.places(device), device)
    }

    /// An opening while the drive's folder is away.
    fn replica_alone(&self, device: &str) -> f64 {
        let (there, away) = (self.drive(device), self.folder.join(device).join("away"));
        std::fs::rename(&there, &away).expect("it is this run's own");
        let (time, vault) = milliseconds(|| self.open(device));
        drop(vault);
        std::fs::rename(&away, &there).expect("it is this run's own");
        time
    }

    /// Nothing happened since the last opening, with and without other files in the folder.
    fn unchanged(&self) {
        for (name, others) in [
            ("vault file unchanged", 0),
            ("the same among 1,000 other files", OTHERS),
        ] {
            for number in 0..others {
                let path = self.drive("laptop").join(format!("letter {number}.txt"));
                std::fs::write(path, [b'x'; 4096]).expect("there is room");
            }
            drop(self.open("laptop"));
            let (mut alone, mut whole) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                alone.push(self.replica_alone("laptop"));
                whole.push(milliseconds(|| self.open("laptop")).0);
            }
            print_row(name, median(&mut whole), median(&mut alone));
        }
        for number in 0..OTHERS {
            let path = self.drive("laptop").join(format!("letter {number}.txt"));
            std::fs::remove_file(path).expect("it is this run's own");
        }
    }

    /// Another device changed something in the vault file, which must be authenticated again.
    fn changed(&self) {
        let (mut alone, mut whole) = (Vec::new(), Vec::new());
        let before = length(&self.places("phone").vault_file);
        for round in 0..ROUNDS {
            edit(&mut self.open("phone"), &[round]);
            std::fs::copy(
                self.places("phone").vault_file,
                self.places("laptop").vault_file,
            )
            .expect("there is room");
            alone.push(self.replica_alone("laptop"));
            whole.push(milliseconds(|| self.open("laptop")).0);
        }
        let grown = length(&self.places("phone").vault_file) - before;
        assert_eq!(grown, 1024 * ROUNDS as u64, "a change is one block");
        print_row(
            "one change of another device",
            median(&mut whole),
            median(&mut alone),
        );
    }

    /// Both devices changed a thousand items apart, and the drive made a conflict copy.
    fn merged(&self) {
        for device in ["laptop", "phone"] {
            let mut vault = self.open(device);
            for number in 0..CHANGES {
                edit(&mut vault, &[number]);
            }
        }
        drop(self.open("laptop"));
        let (state, drive) = (self.folder.join("laptop"), self.folder.join("before"));
        copy_folder(&state, &drive);
        let (mut alone, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            std::fs::remove_dir_all(&state).expect("it is this run's own");
            copy_folder(&drive, &state);
            drop(self.open("laptop"));
            alone.push(self.replica_alone("laptop"));
            let copy = self.drive("laptop").join(CONFLICT_COPY);
            std::fs::copy(self.places("phone").vault_file, &copy).expect("there is room");
            let (time, vault) = milliseconds(|| self.open("laptop"));
            whole.push(time);
            assert!(!copy.exists(), "it is taken in");
            assert!(vault.state().record_count() > 2 * CHANGES);
        }
        print_row(
            "two copies, 1,000 changes each, delivered",
            median(&mut whole),
            median(&mut alone),
        );
    }
}

fn edit(vault: &mut Vault, numbers: &[usize]) {
    let items = vault.state().item_ids();
    let device = vault.device().0.map(u64::from).iter().sum::<u64>();
    let mut rng = StdRng::seed_from_u64(device << 32 | vault.state().record_count() as u64);
    vault
        .update(later(), &mut rng, |plan, rng| {
            for number in numbers {
                let item = items[number * 7 % items.len()];
                let value = DraftValue::new(
                    FieldKind::Secret,
                    format!("changed {number} on this device"),
                );
                let edit = Edit::Set(
                    FieldName::Standard(field::PASSWORD),
                    FieldKind::Secret,
                    value,
                );
                plan.edit(item, vec![edit], &mut *rng)?;
            }
            Ok(())
        })
        .expect("there is room");
}

fn login(number: usize) -> Draft {
    let mut draft = Draft {
        title: format!("Account {number}"),
        urls: vec![format!("https://host{number}.example.com/login")],
        ..Draft::default()
    };
    draft.push_standard(field::USERNAME, format!("person{number}@example.com"));
    draft.push_standard(field::PASSWORD, format!("{number:032}"));
    draft
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("there is room");
    for entry in std::fs::read_dir(from).expect("it is there") {
        let entry = entry.expect("it is there");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("there is room");
        }
    }
}

fn print_row(name: &str, whole: f64, alone: f64) {
    println!(
        "{name:45} {whole:8.2}   replica alone {alone:8.2}   ratio {:5.2}",
        whole / alone
    );
}
