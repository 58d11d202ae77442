//! Keeper's JSON: `records`, whose custom fields are named by their type, and the folders that each lies in. Its command
//! line writes the list of records alone too.

use super::authenticator::Tally;
use super::dates::from_epoch;
use super::json::{Json, Object};
use super::keeper_fields::{folder_of, is_note, kind_of, read_value};
use super::labelled::{is_overfull, push_free};
use super::place::{
    SharedNames, keep, keep_rest, push_date, push_tag, push_url, settle_note, settle_title,
    short_name,
};
use super::{Format, ImportError, Imported, MAX_ROWS, Skipped};
use crate::model::draft::Draft;
use crate::model::field::{self, ItemKind};
use std::borrow::Cow;

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::KeeperJson,
        reason,
    };
    let (records, root) = match Json::parse(text)? {
        Json::List(records) => (records, Object::default()),
        Json::Object(mut root) => {
            let records = root.take_list("records");
            (records.ok_or_else(|| not_this("it has no records"))?, root)
        }
        _ => return Err(not_this("it is neither a JSON object nor a list")),
    };
    if records.len() > MAX_ROWS {
        return Err(ImportError::TooManyRows);
    }
    let mut imported = Imported::default();
    let mut shared = SharedNames::default();
    let mut tally = Tally::default();
    for (record, row) in records.into_iter().zip(1..) {
        match record {
            Json::Object(record) => {
                let draft = read_record(record, &mut shared)?;
                tally.push(row, draft, &mut imported)?;
            }
            _ => imported.skipped.push(Skipped {
                row,
                item: None,
                field: None,
                reason: "not an object, so not a record".to_owned(),
            }),
        }
    }
    for (name, value) in root.into_members() {
        if !value.is_nothing() {
            imported.warnings.push(match name.as_ref() {
                "shared_folders" => "who may see a shared folder is left out".to_owned(),
                _ => format!("{name:?} beside the records is left out"),
            });
        }
    }
    Ok(imported)
}

fn read_record(mut record: Object<'_>, shared: &mut SharedNames) -> Result<Draft, ImportError> {
    let mut draft = Draft {
        title: record.take_text("title").unwrap_or_default(),
        origin: record.take_text("uid").map(|id| format!("keeper:{id}")),
        ..Draft::default()
    };
    let kind = record.take_text("$type").unwrap_or_default();
    draft.kind = kind_of(&mut draft, &kind);
    for (name, number) in [
        ("login", field::USERNAME),
        ("password", field::PASSWORD),
        ("notes", field::NOTES),
    ] {
        push_free(
            &mut draft,
            number,
            None,
            record.take_text(name).unwrap_or_default(),
        );
    }
    push_url(
        &mut draft,
        &record.take_text("login_url").unwrap_or_default(),
    );
    read_custom_fields(&mut draft, &mut record);
    for (folder, first) in record
        .take_list("folders")
        .unwrap_or_default()
        .into_iter()
        .zip(std::iter::once(true).chain(std::iter::repeat(false)))
    {
        read_folder(&mut draft, folder, first, shared)?;
    }
    let modified = record.take_text("last_modified").filter(|time| time != "0");
    let modified = modified.map(|time| from_epoch(&time).unwrap_or(time));
    push_date(&mut draft, "modified", modified);
    // Which fields a form of this type offers.
    drop(record.take("schema"));
    keep_rest(&mut draft, "", record);
    settle_note(&mut draft);
    settle_title(&mut draft);
    Ok(draft)
}

/// A record in several folders lies in the first; the others become tags.
fn read_folder(
    draft: &mut Draft,
    folder: Json<'_>,
    first: bool,
    shared: &mut SharedNames,
) -> Result<(), ImportError> {
    let Json::Object(mut folder) = folder else {
        keep(draft, "folder", folder);
        return Ok(());
    };
    let outer = folder.take_text("shared_folder").unwrap_or_default();
    let inner = folder.take_text("folder").unwrap_or_default();
    let path = folder_of(&outer, &inner);
    shared.count(&path)?;
    if first {
        draft.folder = path;
    } else {
        push_tag(draft, &path);
    }
    // What others may do with the record.
    drop((folder.take("can_edit"), folder.take("can_share")));
    keep_rest(draft, "folder", folder);
    Ok(())
}

/// Custom fields by name; of one name there may be several.
fn read_custom_fields(draft: &mut Draft, record: &mut Object<'_>) {
    let Some(fields) = record.take_object("custom_fields") else {
        return;
    };
    let (notes, others): (Vec<_>, Vec<_>) = fields
        .into_members()
        .into_iter()
        .partition(|(name, _)| draft.kind == ItemKind::Note && is_note(name));
    read_members(draft, notes);
    // What a note is comes before a field that only has such a name.
    settle_note(draft);
    read_members(draft, others);
}

fn read_members(draft: &mut Draft, members: Vec<(Cow<'_, str>, Json<'_>)>) {
    for (name, value) in members {
        let (name, values) = match value {
            Json::List(values) => (short_name(&name), values),
            value => (name.as_ref(), vec![value]),
        };
        for value in values {
            if is_overfull(draft) {
                return;
            }
            read_value(draft, name, value);
        }
    }
}
