//! Bitwarden's JSON in clear, of a person's vault or an organisation's, all kinds of item.
//!
//! The tree is taken apart by ownership: whatever a known rule does not take is kept as a custom field named after its
//! place, so a member that Bitwarden adds tomorrow is not lost. Only what says nothing (null, empty, Bitwarden's
//! defaults for switches) goes unmentioned.

use super::bitwarden_kinds::KIND_READERS;
use super::json::{Json, Object};
use super::place::{
    folder_path, keep, keep_rest, plain_kind, push_date, push_named, push_tag, push_text,
    settle_note, settle_title,
};
use super::{
    Format, ImportError, Imported, ImportedItem, MAX_FIELDS, MAX_ROWS, RowProblem, Skipped,
};
use crate::model::draft::{Draft, DraftField, DraftFormer, DraftValue, FieldName};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::moment::Moment;
use crate::secret::Secret;
use std::collections::{HashMap, HashSet};

/// Kinds that Bitwarden has.
const OWN_KINDS: [ItemKind; 5] = [
    ItemKind::Login,
    ItemKind::Note,
    ItemKind::Card,
    ItemKind::Identity,
    ItemKind::SshKey,
];
/// The fields in which keyfold writes what Bitwarden has no place for, and what stands between two tags there.
pub(super) const KIND: &str = "kind";
pub(super) const TAGS: &str = "tags";
pub(super) const BETWEEN_TAGS: &str = ", ";

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::BitwardenJson,
        reason,
    };
    let Json::Object(mut root) = Json::parse(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    if root.take_flag("encrypted") {
        return Err(ImportError::Encrypted {
            format: Format::BitwardenJson,
        });
    }
    let items = root
        .take_list("items")
        .ok_or_else(|| not_this("it has no list of items"))?;
    if items.len() > MAX_ROWS {
        return Err(ImportError::TooManyRows);
    }
    let typed = |item: &Json<'_>| matches!(item, Json::Object(item) if item.has("type"));
    if !items.is_empty() && !items.iter().any(typed) {
        return Err(not_this("no item has a type"));
    }
    let mut imported = Imported::default();
    let mut places = Places {
        folders: parse_names(root.take_list("folders"), "folders", &mut imported),
        collections: parse_names(root.take_list("collections"), "collections", &mut imported),
        used: HashSet::new(),
    };
    for (item, row) in items.into_iter().zip(1..) {
        match item {
            Json::Object(item) => read_item(item, row, &mut places, &mut imported)?,
            _ => imported.skipped.push(Skipped {
                row,
                item: None,
                field: None,
                reason: "not an object, so not an item".to_owned(),
            }),
        }
    }
    places.warn_of_unused(&mut imported);
    for (name, value) in root.into_members() {
        if !value.is_nothing() {
            imported
                .warnings
                .push(format!("{name:?} beside the items is left out"));
        }
    }
    Ok(imported)
}

/// Folders and collections by id.
struct Places {
    folders: HashMap<String, String>,
    collections: HashMap<String, String>,
    used: HashSet<String>,
}

impl Places {
    /// A vault of keyfold has no folder without an item.
    fn warn_of_unused(&self, imported: &mut Imported) {
        let all = self.folders.iter().chain(&self.collections);
        let mut unused: Vec<&str> = all
            .filter(|(id, _)| !self.used.contains(*id))
            .map(|(_, name)| name.as_str())
            .collect();
        unused.sort_unstable();
        for name in unused {
            imported
                .warnings
                .push(format!("folder {name:?} has no items and is left out"));
        }
    }
}

/// Names by id out of a list of `{id, name}`.
fn parse_names(
    list: Option<Vec<Json<'_>>>,
    what: &str,
    imported: &mut Imported,
) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for entry in list.unwrap_or_default() {
        let Json::Object(mut entry) = entry else {
            continue;
        };
        match (entry.take_text("id"), entry.take_text("name")) {
            (Some(id), Some(name)) => {
                names.insert(id, name);
            }
            (None, None) => {}
            _ => imported
                .warnings
                .push(format!("an entry of {what:?} lacks its id or its name")),
        }
    }
    names
}

fn read_item(
    mut item: Object<'_>,
    row: usize,
    places: &mut Places,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let mut draft = Draft::default();
    let number = item.take_text("type");
    draft.kind = match number.as_deref() {
        Some("1") => ItemKind::Login,
        Some("2") => ItemKind::Note,
        Some("3") => ItemKind::Card,
        Some("4") => ItemKind::Identity,
        Some("5") => ItemKind::SshKey,
        Some("6") => ItemKind::BankAccount,
        Some("7" | "8") => ItemKind::Identity,
        _ => ItemKind::Custom,
    };
    if draft.kind == ItemKind::Custom {
        let number = number.unwrap_or_default();
        push_text(&mut draft, "bitwarden type", number.clone());
        imported.warnings.push(format!(
            "item {row} is of a kind that this version does not know ({number:?}); it is kept as custom fields"
        ));
    }
    draft.title = item.take_text("name").unwrap_or_default();
    draft.origin = item.take_text("id").map(|id| format!("bitwarden:{id}"));
    draft.favourite = item.take_flag("favorite");
    read_place(&mut draft, &mut item, places);
    for (name, read) in KIND_READERS {
        if let Some(mut body) = item.take_object(name) {
            read(&mut draft, &mut body);
            keep_rest(&mut draft, name, body);
        }
    }
    drop_repeated_name(&mut draft);
    draft.push_standard(field::NOTES, item.take_text("notes").unwrap_or_default());
    settle_note(&mut draft);
    // Before the user's own fields, which may have the names of these.
    read_times(&mut draft, &mut item);
    read_custom_fields(&mut draft, &mut item, row)?;
    read_former_passwords(&mut draft, &mut item);
    let reprompt = item.take_text("reprompt").filter(|text| text != "0");
    push_text(&mut draft, "reprompt", reprompt.unwrap_or_default());
    let attachments = item.take("attachments").filter(|list| !list.is_nothing());
    // `bw list items` names the type of every object.
    let object = item.take_text("object").filter(|text| text != "item");
    push_text(&mut draft, "object", object.unwrap_or_default());
    keep_rest(&mut draft, "", item);
    settle_title(&mut draft);
    if let Some(attachments) = attachments {
        draft.push_custom("attachments", FieldKind::Secret, attachments.to_compact());
        imported.skipped.push(Skipped {
            row,
            item: Some(draft.title.clone()),
            field: Some("attachments".to_owned()),
            reason: "the export has only the names of attached files; they are kept as text"
                .to_owned(),
        });
    }
    imported.drafts.push(ImportedItem::new(row, draft));
    Ok(())
}

fn read_place(draft: &mut Draft, item: &mut Object<'_>, places: &mut Places) {
    if let Some(id) = item.take_text("folderId") {
        match places.folders.get(&id) {
            Some(name) => draft.folder = folder_path(name, &['/']),
            None => push_text(draft, "folder id", id.clone()),
        }
        places.used.insert(id);
    }
    push_text(
        draft,
        "organization id",
        item.take_text("organizationId").unwrap_or_default(),
    );
    // An organisation has collections instead of folders; an item may lie in several.
    for id in item.take_list("collectionIds").unwrap_or_default() {
        let Ok(id) = id.into_text() else { continue };
        match places.collections.get(&id) {
            Some(name) if draft.folder.is_empty() => draft.folder = folder_path(name, &['/']),
            Some(name) => push_tag(draft, name),
            None => push_text(draft, "collection id", id.clone()),
        }
        places.used.insert(id);
    }
}

fn read_custom_fields(
    draft: &mut Draft,
    item: &mut Object<'_>,
    row: usize,
) -> Result<(), ImportError> {
    let fields = item.take_list("fields").unwrap_or_default();
    if fields.len() > MAX_FIELDS {
        return Err(ImportError::Row {
            row,
            line: None,
            problem: RowProblem::TooManyFields,
        });
    }
    for custom in fields {
        let Json::Object(mut custom) = custom else {
            keep(draft, "field", custom);
            continue;
        };
        let name = custom.take_text("name");
        let value = custom.take_text("value");
        let linked = custom.take_text("linkedId");
        let kind = match custom.take_text("type").as_deref() {
            Some("0" | "2" | "3") => value.as_deref().map_or(FieldKind::Text, plain_kind),
            _ => FieldKind::Secret,
        };
        let value = match (value, linked) {
            (value, None) => value,
            (None, Some(id)) => Some(format!("linked to {}", linked_field(&id))),
            (Some(value), Some(id)) => {
                push_text(draft, "linked field", id);
                Some(value)
            }
        };
        let is_put_back = match (&name, &value) {
            (Some(name), Some(text)) if !kind.is_secret() => put_back(draft, name, text),
            _ => false,
        };
        if !is_put_back && (name.is_some() || value.is_some()) {
            let name = name.unwrap_or_else(|| "field".to_owned());
            push_named(draft, &name, kind, value.unwrap_or_default());
        }
        keep_rest(draft, "field", custom);
    }
    Ok(())
}

/// Puts back what keyfold wrote as a field because Bitwarden has no place for it, where it is that to the letter.
fn put_back(draft: &mut Draft, name: &str, text: &str) -> bool {
    match name {
        KIND if draft.kind == ItemKind::Login => {
            let kind = written_kind(text);
            draft.kind = kind.unwrap_or_default();
            kind.is_some()
        }
        TAGS if draft.tags.is_empty() => {
            let tags = written_tags(text);
            draft.tags = tags.unwrap_or_default();
            !draft.tags.is_empty()
        }
        _ => false,
    }
}

/// The kind that keyfold writes into a field: one that Bitwarden has not.
pub(super) fn written_kind(text: &str) -> Option<ItemKind> {
    ItemKind::from_name(text).filter(|kind| !OWN_KINDS.contains(kind))
}

/// The tags that keyfold writes into a field, if writing them again gives the same text.
pub(super) fn written_tags(text: &str) -> Option<Vec<String>> {
    let mut draft = Draft::default();
    text.split(BETWEEN_TAGS)
        .for_each(|tag| push_tag(&mut draft, tag));
    let tags = draft.tags;
    (!tags.is_empty() && tags.join(BETWEEN_TAGS) == text).then_some(tags)
}

/// A first name that is the whole name says nothing more, unless it has two or three words: then it says that they are not
/// first and last name.
fn drop_repeated_name(draft: &mut Draft) {
    let text_of = |field: &DraftField| match &field.value {
        DraftValue::Plain(text) => text.clone(),
        DraftValue::Secret(_) => String::new(),
    };
    let full = FieldName::Standard(field::FULL_NAME);
    let name = draft.fields.iter().find(|field| field.name == full);
    let Some(name) = name.map(text_of) else {
        return;
    };
    if !(2..=3).contains(&name.split(' ').count()) {
        let part = FieldName::Custom("first name".to_owned());
        draft
            .fields
            .retain(|field| field.name != part || text_of(field) != name);
    }
}

/// Bitwarden's numbers for the fields that a linked custom field may stand for.
fn linked_field(id: &str) -> &str {
    match id {
        "100" => "username",
        "101" => "password",
        "300" => "cardholder name",
        "301" => "expiry month",
        "302" => "expiry year",
        "303" => "code",
        "304" => "brand",
        "305" => "number",
        other => other,
    }
}

fn read_former_passwords(draft: &mut Draft, item: &mut Object<'_>) {
    for former in item.take_list("passwordHistory").unwrap_or_default() {
        let Json::Object(mut former) = former else {
            keep(draft, "former password", former);
            continue;
        };
        let date = former.take_text("lastUsedDate");
        let set = date.as_deref().and_then(Moment::parse_rfc3339);
        if let Some(date) = date.filter(|_| set.is_none()) {
            push_text(draft, "former password until", date);
        }
        if let Some(password) = former.take_text("password").filter(|text| !text.is_empty()) {
            draft.former.push(DraftFormer {
                name: FieldName::Standard(field::PASSWORD),
                kind: FieldKind::Secret,
                value: DraftValue::Secret(Secret::new(password)),
                set: set.unwrap_or(Moment(0)),
            });
        }
        keep_rest(draft, "former password", former);
    }
    // The newest stands first there.
    draft.former.reverse();
}

fn read_times(draft: &mut Draft, item: &mut Object<'_>) {
    draft.push_standard(
        field::CREATED,
        item.take_text("creationDate").unwrap_or_default(),
    );
    push_date(draft, "modified", item.take_text("revisionDate"));
    push_date(draft, "archived", item.take_text("archivedDate"));
    let deleted = item.take_text("deletedDate");
    draft.trashed = deleted.is_some();
    push_date(draft, "deleted", deleted);
}
