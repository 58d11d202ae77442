//! Where backups go: folders that the command names, or those of the configuration.

use crate::cli::KeepFlags;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use keyfold::model::ids::VaultId;
use keyfold::vault::{Keep, NotedBackup, locate, noted_backups};
use std::path::{Path, PathBuf};

/// A folder for backups.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// What the configuration calls it.
    pub(crate) name: Option<String>,
    pub(crate) folder: PathBuf,
}

impl Place {
    /// What went wrong there, with what to do about a folder that is not there: it is never made, or a disk that is not
    /// plugged in would be backed up beside.
    pub(super) fn explain(&self, context: &Context, failure: Failure) -> Failure {
        match context.storage.stamp(&self.folder) {
            Ok(None) => failure.hint("plug the disk in, or make the folder: keyfold makes none"),
            _ => failure,
        }
    }
}

/// The places of the configuration, sorted by name.
pub(crate) fn configured(context: &mut Context) -> Result<Vec<Place>, Failure> {
    let mut places = Vec::new();
    for (name, folder) in context.table("backups")? {
        let folder = PathBuf::from(folder);
        if !folder.is_absolute() {
            return Err(Failure::usage(format!(
                "the setting backups.{name} is no absolute path: {}",
                folder.display()
            )));
        }
        places.push(Place {
            name: Some(name),
            folder: tidied(&folder)?,
        });
    }
    places.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(places)
}

/// One place, named by a path or by a name of the configuration.
pub(super) fn named(context: &mut Context, text: &str) -> Result<Place, Failure> {
    let is_name = !text.is_empty() && !text.contains(['.', '/']);
    if is_name {
        let mut places = configured(context)?;
        if let Some(at) = places
            .iter()
            .position(|place| place.name.as_deref() == Some(text))
        {
            return Ok(places.swap_remove(at));
        }
    }
    Ok(Place {
        name: None,
        folder: tidied(Path::new(text))?,
    })
}

/// One spelling for one folder, as far as it can be told without following links.
pub(super) fn tidied(path: &Path) -> Result<PathBuf, Failure> {
    // The agent, and a timer, work in other folders.
    Ok(std::path::absolute(path)?.components().collect())
}

/// The places that were named, else all of the configuration, each once.
pub(super) fn chosen(context: &mut Context, named_here: &[String]) -> Result<Vec<Place>, Failure> {
    let mut places: Vec<Place> = Vec::new();
    if named_here.is_empty() {
        places = configured(context)?;
    }
    for text in named_here {
        places.push(named(context, text)?);
    }
    let mut seen = Vec::new();
    places.retain(|place| {
        let is_new = !seen.contains(&place.folder);
        seen.push(place.folder.clone());
        is_new
    });
    if places.is_empty() {
        return Err(Failure::usage("no place for backups is named")
            .hint("--to FOLDER names one; keyfold config set backups.NAME FOLDER does for good"));
    }
    Ok(places)
}

/// The places of the configuration, and the folders where this device has verified a backup of the vault.
pub(super) fn known(context: &mut Context, noted: &[NotedBackup]) -> Result<Vec<Place>, Failure> {
    let mut places = configured(context)?;
    for backup in noted {
        if !places.iter().any(|place| place.folder == backup.folder) {
            places.push(Place {
                name: None,
                folder: backup.folder.clone(),
            });
        }
    }
    Ok(places)
}

/// The vault of this run, found without opening it.
pub(super) fn vault(context: &mut Context) -> Result<VaultId, Failure> {
    let places = context.places()?;
    Ok(locate(context.storage.clone(), &places)?.id())
}

/// What this device knows of the vault's backups.
pub(super) fn noted(context: &mut Context) -> Result<(VaultId, Vec<NotedBackup>), Failure> {
    let vault = vault(context)?;
    let places = context.places()?;
    Ok((vault, noted_backups(&*context.storage, &places, vault)))
}

/// The rules that options name, else those of the configuration.
pub(super) fn keep(context: &mut Context, flags: &KeepFlags) -> Result<Keep, Failure> {
    let count =
        |count: Option<u32>| count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let given = Keep {
        last: count(flags.keep_last),
        daily: count(flags.keep_daily),
        weekly: count(flags.keep_weekly),
        monthly: count(flags.keep_monthly),
    };
    if !given.is_empty() {
        return Ok(given);
    }
    Ok(Keep {
        last: setting(context, "backup_keep_last")?,
        daily: setting(context, "backup_keep_daily")?,
        weekly: setting(context, "backup_keep_weekly")?,
        monthly: setting(context, "backup_keep_monthly")?,
    })
}

fn setting(context: &mut Context, name: &str) -> Result<Option<usize>, Failure> {
    let Some(text) = context.setting(name)? else {
        return Ok(None);
    };
    let count = text.trim().parse::<usize>().ok().filter(|count| *count > 0);
    count.map(Some).ok_or_else(|| {
        Failure::new(
            Kind::Usage,
            format!("the setting {name} is no count: {text}"),
        )
        .hint("for instance 7; empty takes it away")
    })
}
