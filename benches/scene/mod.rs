//! What the benches share: a vault that opens with a recovery key, so that no Argon2 hides the rest, and how times are taken.
#![allow(dead_code, reason = "each bench uses a part of it")]

use keyfold::crypto::kdf::{KdfCost, PlainMemory};
use keyfold::crypto::recovery::RecoveryKey;
use keyfold::model::draft::Draft;
use keyfold::model::moment::Moment;
use keyfold::storage::Storage;
use keyfold::vault::{Credential, NewSecret, NewVault, Places, Vault, create, locate};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Long after every file of this run was written: each may be trusted by its stamp.
const LATER_MILLISECONDS: u64 = 60_000;

/// The same key in every process.
pub(crate) fn recovery_key() -> RecoveryKey {
    RecoveryKey::make(&mut StdRng::seed_from_u64(1))
}

fn credential() -> Credential {
    Credential::RecoveryKey(recovery_key())
}

/// A new vault; the folder of its file is made.
pub(crate) fn make_vault(
    storage: Arc<dyn Storage>,
    places: &Places,
    device: &str,
    rng: &mut StdRng,
) -> Vault {
    let memory = &mut PlainMemory;
    let secret = NewSecret::make(&credential(), KdfCost::FLOOR, "paper", memory, rng);
    let new = NewVault {
        secrets: vec![secret.ok().expect("a recovery key is not stretched")],
        device_name: device.to_owned(),
    };
    let folder = places.vault_file.parent().expect("it lies in a folder");
    std::fs::create_dir_all(folder).expect("there is room");
    create(storage, places, new, now(), rng).expect("the folder is new")
}

/// Opens a vault, so much later that its files are trusted.
pub(crate) fn open(storage: Arc<dyn Storage>, places: &Places, device: &str) -> Vault {
    let located = locate(storage, places).expect("the vault is there");
    let (keys, slot) = located
        .unlock(&credential(), &mut PlainMemory)
        .ok()
        .expect("the key is right");
    let mut rng = StdRng::seed_from_u64(later().0);
    located
        .open(keys, Some(slot), device, later(), &mut rng)
        .ok()
        .expect("the vault is whole")
}

/// Adds items in one record.
pub(crate) fn add_all(vault: &mut Vault, drafts: impl Iterator<Item = Draft>, rng: &mut StdRng) {
    vault
        .update(later(), rng, |plan, rng| {
            for draft in drafts {
                plan.add(draft, &mut *rng);
            }
            Ok(())
        })
        .expect("the disk takes it");
}

/// The replica of the only vault in a state folder.
pub(crate) fn find_replica(state_folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(state_folder).expect("the state folder is there");
    let replicas = entries.filter_map(|entry| Some(entry.ok()?.path().join("replica")));
    let mut there = replicas.filter(|path| path.exists());
    there.next().expect("there is one vault")
}

pub(crate) fn length(path: &Path) -> u64 {
    std::fs::metadata(path).expect("it is there").len()
}

/// What this very program prints when it is run for one task in the folder of a scene.
pub(crate) fn run_child(what: &str, places: &Places) -> String {
    let place = places.state_folder.parent().expect("it lies in a folder");
    let program = std::env::current_exe().expect("this program knows its path");
    let mut command = Command::new(program);
    command
        .arg("--child")
        .arg(format!("{what}:{}", place.display()));
    let output = command.stderr(Stdio::inherit()).output();
    String::from_utf8_lossy(&output.expect("it runs").stdout).into_owned()
}

/// The task of a child and its folder, where this process is one.
pub(crate) fn child_task(words: &[String]) -> Option<(&str, &Path)> {
    let at = words.iter().position(|word| word == "--child")?;
    let task = words.get(at + 1).and_then(|task| task.split_once(':'));
    let (what, place) = task.expect("a task");
    Some((what, Path::new(place)))
}

/// Prints a line of this process's status, in KiB.
pub(crate) fn print_status(names: &[&str]) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for name in names {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        println!("{}", line.unwrap_or_default().replace("kB", "").trim());
    }
}

pub(crate) fn milliseconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let result = black_box(work());
    (started.elapsed().as_secs_f64() * 1000.0, result)
}

/// The middle of the times, which are sorted afterwards.
pub(crate) fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(crate) fn later() -> Moment {
    Moment(now().0 + LATER_MILLISECONDS)
}

pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let milliseconds = since.expect("the clock is right").as_millis();
    Moment(u64::try_from(milliseconds).expect("for the next million years"))
}
