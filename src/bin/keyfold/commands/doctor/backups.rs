//! Copies of the vault elsewhere: how old the newest verified one is, and whether the places for them are there.

use super::{Finding, FindingKind, Scene, Severity};
use crate::commands::backup::{Place, configured, describe_age};
use crate::context::Context;
use crate::failure::Failure;
use keyfold::model::ids::VaultId;
use keyfold::storage::Storage;
use keyfold::vault::{NotedBackup, Presence, known_vault, noted_backups};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A backup that is older than this is worth a word, in days.
const OLD_DAYS: u64 = 14;
const DAY_MILLISECONDS: u64 = 24 * 60 * 60 * 1000;

/// What the configuration and this device's state know of backups.
pub(super) struct Backups {
    places: Vec<Place>,
    vault: Option<VaultId>,
    /// The newest first.
    noted: Vec<NotedBackup>,
}

pub(super) fn look(context: &mut Context) -> Result<Backups, Failure> {
    let own = context.places()?;
    let vault = known_vault(&*context.storage, &own).unwrap_or_default();
    let noted = vault.map(|vault| noted_backups(&*context.storage, &own, vault));
    Ok(Backups {
        places: configured(context)?,
        vault,
        noted: noted.unwrap_or_default(),
    })
}

pub(super) fn check(storage: &dyn Storage, scene: &Scene) -> Vec<Finding> {
    let Backups {
        places,
        vault,
        noted,
    } = &scene.backups;
    let mut found = Vec::new();
    for place in places {
        let folder = place.folder.display();
        if !place.folder.is_dir() {
            found.push(advice(
                format!("a place for backups is not there: {folder}"),
                "plug the disk in, or make the folder; config set backups.NAME names another",
            ));
        } else if Some(place.folder.as_path()) == scene.places.vault_file.parent() {
            found.push(Finding::new(
                FindingKind::Backup,
                Severity::Information,
                format!("backups lie beside the vault: {folder}"),
                "what befalls the one folder befalls both; a disk of its own is better",
            ));
        } else if is_on_one_disk(place, &scene.places.state_folder) {
            found.push(Finding::new(
                FindingKind::Backup,
                Severity::Information,
                format!("backups lie on the disk that has this device's own copy: {folder}"),
                "one more place on another disk, best one that is not always plugged in",
            ));
        }
    }
    let presence = |backup: &NotedBackup| vault.map(|vault| backup.presence(storage, vault));
    let mut lost = noted
        .iter()
        .filter(|backup| matches!(presence(backup), Some(Presence::Gone | Presence::Changed)));
    if let Some(backup) = lost.next() {
        found.push(advice(
            format!(
                "a verified backup is gone or is another file: {}",
                backup.path().display()
            ),
            "keyfold backup verify looks at all of them; if nobody here removed it, look who did",
        ));
    }
    let is_left =
        |backup: &&NotedBackup| matches!(presence(backup), Some(Presence::There | Presence::Away));
    let mut future = noted
        .iter()
        .filter(is_left)
        .filter(|backup| backup.is_of_the_future(scene.now));
    if let Some(backup) = future.next() {
        found.push(advice(
            format!(
                "a backup is dated in the future: {}",
                backup.path().display()
            ),
            "a clock was wrong, now or then; such a backup counts for none",
        ));
    }
    let credible = |backup: &&NotedBackup| !backup.is_of_the_future(scene.now);
    found.extend(match noted.iter().filter(is_left).find(credible) {
        Some(newest) => {
            let limit = OLD_DAYS * DAY_MILLISECONDS;
            let is_old = scene.now.0.saturating_sub(newest.made.0) > limit;
            is_old.then(|| {
                advice(
                    format!(
                        "the newest verified backup was made {}",
                        describe_age(newest.made, scene.now)
                    ),
                    "keyfold backup makes another; backup schedule prints a timer that does",
                )
            })
        }
        None if places.is_empty() => Some(Finding::new(
            FindingKind::Backup,
            Severity::Information,
            "keyfold knows of no backup: a drive and this device's own copy are none",
            "keyfold backup --to FOLDER makes one, in a place that no drive syncs",
        )),
        None => Some(advice(
            "no backup was made yet in the places of the configuration",
            "keyfold backup makes one in each",
        )),
    });
    found
}

fn is_on_one_disk(place: &Place, state_folder: &Path) -> bool {
    let disk = |path: &Path| std::fs::metadata(path).ok().map(|found| found.dev());
    let backups = disk(&place.folder);
    backups.is_some() && backups == disk(state_folder)
}

fn advice(what: impl Into<String>, todo: &str) -> Finding {
    Finding::new(FindingKind::Backup, Severity::Advice, what, todo)
}
