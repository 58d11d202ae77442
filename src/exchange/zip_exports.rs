//! Exports that are zip archives: which program's, and the ones that hold files of formats that are read elsewhere, be it
//! one text alone that somebody packed.

use super::authenticator::Tally;
use super::encoding::Text;
use super::zipped::Archive;
use super::{
    Format, ImportError, Imported, bitwarden_json, dashlane, format, onepux, protonpass_json,
};
use crate::model::draft::DraftFile;
use crate::secret::SecretBytes;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// Formats of which some exports are archives.
const ZIPPED: [Format; 4] = [
    Format::OnePux,
    Format::BitwardenJson,
    Format::Dashlane,
    Format::ProtonPassJson,
];

/// The items of Bitwarden and Proton Pass, and the latter's when they are encrypted.
const ITEMS: &str = "data.json";
const PROTON_SEALED: &str = "data.pgp";

/// The format of an archive: the one that is asked for, if it may be one, else told from what is in it.
pub(super) fn format_of(bytes: &[u8], asked: Option<Format>) -> Result<Format, ImportError> {
    match asked {
        Some(asked) if ZIPPED.contains(&asked) => Ok(asked),
        Some(asked) if detect(bytes) == Ok(asked) => Ok(asked),
        Some(format) => Err(ImportError::NotThisFormat {
            format,
            reason: "it is a zip archive",
        }),
        None => detect(bytes),
    }
}

/// The program that makes archives with such names in them.
pub(super) fn detect(bytes: &[u8]) -> Result<Format, ImportError> {
    let mut archive = Archive::open(bytes)?;
    if folder_of(&archive, onepux::DATA).is_some() {
        return Ok(Format::OnePux);
    }
    if folder_of(&archive, PROTON_SEALED).is_some() {
        return Ok(Format::ProtonPassJson);
    }
    if let Some(folder) = folder_of(&archive, ITEMS) {
        let content = archive.take(&format!("{folder}{ITEMS}"))?;
        let content = content.unwrap_or_default();
        let format = Text::parse(&content).and_then(|text| format::detect_text(&text, None));
        if let Ok(format @ (Format::ProtonPassJson | Format::BitwardenJson)) = format {
            return Ok(format);
        }
    }
    for name in tables(&archive) {
        let content = archive.take(&name)?.unwrap_or_default();
        if let Ok(text) = Text::parse(&content)
            && format::detect_text(&text, None) == Ok(Format::Dashlane)
        {
            return Ok(Format::Dashlane);
        }
    }
    let content = take_only(&mut archive)?;
    detect_inside(&content.unwrap_or_default()).ok_or(ImportError::UnknownFormat)
}

/// What is in an archive of one file: somebody packed an export that is a text itself.
fn take_only(archive: &mut Archive<'_>) -> Result<Option<Zeroizing<Vec<u8>>>, ImportError> {
    let mut names = archive.names();
    let (Some(name), None) = (names.next().map(str::to_owned), names.next()) else {
        return Ok(None);
    };
    drop(names);
    Ok(archive.take(&name)?)
}

/// The format of the only file of an archive, by its content alone; one that is read otherwise than as a text is none.
fn detect_inside(content: &[u8]) -> Option<Format> {
    let text = Text::parse(content).ok()?;
    let format = format::detect_text(&text, None).ok()?;
    // keyfold's own is no draft, and FreeOTP's name means its encrypted backup where it is no text.
    let is_read = ![Format::Keyfold, Format::FreeOtp].contains(&format);
    is_read.then_some(format)
}

/// Reads the only file of an archive, which is as [`detect_inside`] found it.
fn import_only(mut archive: Archive<'_>, format: Format) -> Result<Imported, ImportError> {
    let content = take_only(&mut archive)?.unwrap_or_default();
    if detect_inside(&content) != Some(format) {
        let reason = "it is a zip archive of something else";
        return Err(ImportError::NotThisFormat { format, reason });
    }
    let mut imported =
        super::import(&content, Some(format), None).map_err(|error| match error {
            // Nobody hands a password on to here.
            ImportError::SourcePasswordNeeded { format } => ImportError::NotThisFormat {
                format,
                reason: "it is encrypted, and inside a zip archive; unpack the archive first",
            },
            error => error,
        })?;
    say_left(archive, &mut imported)?;
    Ok(imported)
}

/// Reads an archive of this format.
pub(super) fn import(bytes: &[u8], format: Format) -> Result<Imported, ImportError> {
    let archive = Archive::open(bytes)?;
    let not_this = |reason| ImportError::NotThisFormat { format, reason };
    match format {
        Format::OnePux => {
            let folder = folder_of(&archive, onepux::DATA);
            onepux::import(
                archive,
                &folder.ok_or_else(|| not_this("it has no export.data"))?,
            )
        }
        Format::ProtonPassJson if folder_of(&archive, PROTON_SEALED).is_some() => {
            Err(ImportError::Encrypted { format })
        }
        Format::ProtonPassJson | Format::BitwardenJson => {
            let folder = folder_of(&archive, ITEMS);
            let folder = folder.ok_or_else(|| not_this("it has no data.json"))?;
            match format {
                Format::BitwardenJson => import_bitwarden(archive, &folder),
                _ => import_proton(archive, &folder),
            }
        }
        Format::Dashlane => import_dashlane(archive),
        _ => import_only(archive, format),
    }
}

/// The folder, with a slash at its end, in which an entry of this name lies: none, or one at the top.
fn folder_of(archive: &Archive<'_>, wanted: &str) -> Option<String> {
    let mut folders = archive.names().filter_map(|name| {
        let folder = name.strip_suffix(wanted)?;
        let is_folder = folder.is_empty() || folder.find('/') == Some(folder.len() - 1);
        is_folder.then_some(folder)
    });
    folders.next().map(str::to_owned)
}

fn tables(archive: &Archive<'_>) -> Vec<String> {
    let names = archive.names().map(str::to_owned);
    let names = names.filter(|name| name.to_ascii_lowercase().ends_with(".csv"));
    names.collect()
}

fn import_proton(mut archive: Archive<'_>, folder: &str) -> Result<Imported, ImportError> {
    let content = archive.take(&format!("{folder}{ITEMS}"))?;
    let content = content.unwrap_or_default();
    let place = format!("{folder}files/");
    let by_id = proton_files(&archive, &place);
    let mut attached = |name: &str| take_proton_file(&mut archive, &place, &by_id, name);
    let mut imported = protonpass_json::import(&Text::parse(&content)?, Some(&mut attached))?;
    say_left(archive, &mut imported)?;
    Ok(imported)
}

/// What the names of older exports' files begin with: an id of so many bytes, and a sign.
const PROTON_ID_BYTES: usize = 16;

/// Files whose names begin with an id, by which items call them: the place in the archive.
fn proton_files(archive: &Archive<'_>, place: &str) -> HashMap<String, String> {
    let named = archive.names().filter_map(|name| {
        let (id, own_name) = name
            .strip_prefix(place)?
            .split_at_checked(PROTON_ID_BYTES)?;
        own_name.starts_with('-').then_some((id, name))
    });
    let named = named.map(|(id, name)| (id.to_owned(), name.to_owned()));
    named.collect()
}

/// The file that an item calls so. Proton Pass cleans names for the archive, but not where items have them.
fn take_proton_file(
    archive: &mut Archive<'_>,
    place: &str,
    by_id: &HashMap<String, String>,
    name: &str,
) -> Result<Option<DraftFile>, ImportError> {
    let clean = name.replace(['/', '\\'], "_");
    for inside in [name, &clean] {
        if let Some(content) = archive.take(&format!("{place}{inside}"))? {
            return Ok(Some(DraftFile {
                name: protonpass_json::own_name(name),
                content: SecretBytes::from(content),
            }));
        }
    }
    let Some(whole) = by_id.get(name).or_else(|| by_id.get(&clean)) else {
        return Ok(None);
    };
    let own_name = whole.get(place.len() + PROTON_ID_BYTES + 1..);
    let own_name = own_name.filter(|own_name| !own_name.is_empty());
    let content = archive.take(whole)?;
    Ok(content.map(|content| DraftFile {
        name: own_name.unwrap_or(name).to_owned(),
        content: SecretBytes::from(content),
    }))
}

/// Bitwarden's files lie in folders named after the items that have them.
fn import_bitwarden(mut archive: Archive<'_>, folder: &str) -> Result<Imported, ImportError> {
    let content = archive.take(&format!("{folder}{ITEMS}"))?;
    let mut imported = bitwarden_json::import(&Text::parse(&content.unwrap_or_default())?)?;
    let place = format!("{folder}attachments/");
    let mut by_item: HashMap<String, Vec<String>> = HashMap::new();
    for name in archive.names() {
        let inside = name
            .strip_prefix(&place)
            .and_then(|name| name.split_once('/'));
        if let Some((id, _)) = inside {
            by_item
                .entry(format!("bitwarden:{id}"))
                .or_default()
                .push(name.to_owned());
        }
    }
    for item in &mut imported.drafts {
        let origin = item.draft.origin.as_deref().unwrap_or_default();
        for name in by_item.remove(origin).unwrap_or_default() {
            if let Some(content) = archive.take(&name)? {
                let own_name = name.get(place.len() + origin.len() - "bitwarden:".len() + 1..);
                item.files.push(DraftFile {
                    name: own_name.unwrap_or_default().to_owned(),
                    content: SecretBytes::from(content),
                });
            }
        }
    }
    say_left(archive, &mut imported)?;
    Ok(imported)
}

/// Reads every table of the archive; rows are counted through.
fn import_dashlane(mut archive: Archive<'_>) -> Result<Imported, ImportError> {
    let mut all = Imported::default();
    let mut tally = Tally::default();
    let mut tables_read = 0;
    let mut rows = 0;
    for name in tables(&archive) {
        let content = archive.take(&name)?.unwrap_or_default();
        let read = Text::parse(&content).and_then(|text| dashlane::import(&text));
        let mut one = match read {
            Ok(one) => one,
            // A kind of which there is nothing.
            Err(ImportError::Empty) => continue,
            Err(ImportError::NotThisFormat { .. } | ImportError::NotText { .. }) => {
                let said = format!("{name:?} is no table of Dashlane's and is left out");
                all.warnings.push(said);
                continue;
            }
            Err(error) => return Err(error),
        };
        tables_read += 1;
        let before = rows;
        for item in &mut one.drafts {
            item.row += before;
            rows = rows.max(item.row);
            tally.count(&item.draft)?;
        }
        for entry in &mut one.skipped {
            entry.row += before;
            rows = rows.max(entry.row);
        }
        all.drafts.append(&mut one.drafts);
        all.skipped.append(&mut one.skipped);
        let warnings = one.warnings.into_iter();
        all.warnings
            .extend(warnings.map(|warning| format!("{name:?}: {warning}")));
    }
    if tables_read == 0 {
        return Err(ImportError::NotThisFormat {
            format: Format::Dashlane,
            reason: "it has no table that Dashlane writes",
        });
    }
    say_left(archive, &mut all)?;
    Ok(all)
}

/// Sees that the rest is whole, and says what of it is no part of an item.
fn say_left(archive: Archive<'_>, imported: &mut Imported) -> Result<(), ImportError> {
    for name in archive.finish()? {
        let said = format!("{name:?} belongs to no item and is left out");
        imported.warnings.push(said);
    }
    Ok(())
}
