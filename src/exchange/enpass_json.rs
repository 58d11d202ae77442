//! Enpass's JSON: folders by id, and items of labelled fields with their former values.

use super::authenticator::{Tally, skip_field};
use super::dates::{card_expiry, from_epoch};
use super::folders::Folders;
use super::json::{Json, Object};
use super::labelled::{is_overfull, push_free, push_labelled};
use super::place::{
    has_standard, keep, keep_rest, push_date, push_tag, push_text, push_url, settle_note,
    settle_title, short_name,
};
use super::sections::Labels;
use super::{Format, ImportError, Imported, MAX_FIELDS, MAX_ROWS, Skipped};
use crate::model::draft::{Draft, DraftFile, DraftFormer, DraftValue, FieldName};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::moment::Moment;
use crate::secret::SecretBytes;
use data_encoding::BASE64;
use zeroize::Zeroizing;

/// What an item has for Enpass's own use: its picture, its order, its form.
const OF_ENPASS: [&str; 4] = ["icon", "auto_submit", "order", "template_type"];
/// The same of a field.
const OF_FIELD: [&str; 4] = ["order", "uid", "updated_at", "value_updated_at"];

/// The same of a file.
const OF_FILE: [&str; 3] = ["kind", "order", "updated_at"];

/// Types of fields that are addresses.
const URLS: [&str; 2] = ["url", ".Android#"];

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::EnpassJson,
        reason,
    };
    // Files stand in it as texts.
    let Json::Object(mut root) = Json::parse_long(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    let items = root
        .take_list("items")
        .ok_or_else(|| not_this("it has no list of items"))?;
    if items.len() > MAX_ROWS {
        return Err(ImportError::TooManyRows);
    }
    let of_enpass = |item: &Json<'_>| matches!(item, Json::Object(item) if item.has("uuid"));
    if !items.is_empty() && !items.iter().any(of_enpass) {
        return Err(not_this("no item has a uuid"));
    }
    let mut folders = Folders::read(root.take_list("folders"), ["uuid", "title", "parent_uuid"]);
    let mut imported = Imported::default();
    let mut tally = Tally::default();
    for (item, row) in items.into_iter().zip(1..) {
        match item {
            Json::Object(item) => read_item(item, row, &mut folders, &mut tally, &mut imported)?,
            _ => imported.skipped.push(Skipped {
                row,
                item: None,
                field: None,
                reason: "not an object, so not an item".to_owned(),
            }),
        }
    }
    for (name, value) in root.into_members() {
        if !value.is_nothing() {
            imported
                .warnings
                .push(format!("{name:?} beside the items is left out"));
        }
    }
    Ok(imported)
}

fn read_item(
    mut item: Object<'_>,
    row: usize,
    folders: &mut Folders,
    tally: &mut Tally,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let mut draft = Draft {
        title: item.take_text("title").unwrap_or_default(),
        origin: item.take_text("uuid").map(|id| format!("enpass:{id}")),
        favourite: take_number_flag(&mut item, "favorite"),
        trashed: take_number_flag(&mut item, "trashed"),
        ..Draft::default()
    };
    let category = item.take_text("category").unwrap_or_default();
    draft.kind = kind_of(&mut draft, &category);
    for name in OF_ENPASS {
        drop(item.take(name));
    }
    read_folders(&mut draft, &mut item, folders)?;
    push_free(
        &mut draft,
        field::NOTES,
        None,
        item.take_text("note").unwrap_or_default(),
    );
    read_fields(&mut draft, item.take_list("fields").unwrap_or_default());
    if take_number_flag(&mut item, "archived") {
        push_text(&mut draft, "archived", "yes".to_owned());
    }
    read_times(&mut draft, &mut item);
    // Mostly the user name once more.
    let subtitle = item.take_text("subtitle").unwrap_or_default();
    if !says_already(&draft, &subtitle) {
        push_text(&mut draft, "subtitle", subtitle);
    }
    let files = item.take("attachments").filter(|files| !files.is_nothing());
    keep_rest(&mut draft, "", item);
    settle_note(&mut draft);
    settle_title(&mut draft);
    let files = take_files(&mut draft, files, row, imported);
    tally.push(row, draft, imported)?;
    tally.push_files(files, imported)
}

/// The kind of a category; what keyfold does not have is kept as text.
fn kind_of(draft: &mut Draft, category: &str) -> ItemKind {
    let kind = match category {
        "login" | "password" => return ItemKind::Login,
        "note" => return ItemKind::Note,
        "creditcard" => return ItemKind::Card,
        "identity" => return ItemKind::Identity,
        _ => ItemKind::Custom,
    };
    push_text(draft, "category", category.to_owned());
    kind
}

/// An item in several folders lies in the first; the others become tags.
fn read_folders(
    draft: &mut Draft,
    item: &mut Object<'_>,
    folders: &mut Folders,
) -> Result<(), ImportError> {
    for id in item.take_list("folders").unwrap_or_default() {
        let Ok(id) = id.into_text() else { continue };
        match folders.path(&id)? {
            Some(path) if draft.folder.is_empty() => draft.folder = path,
            Some(path) => push_tag(draft, &path),
            None => push_text(draft, "folder id", id),
        }
    }
    Ok(())
}

/// The fields, among which headings stand; what follows one is a section.
fn read_fields(draft: &mut Draft, fields: Vec<Json<'_>>) {
    let mut labels = Labels::default();
    let mut section = 0;
    for custom in &fields {
        if let Json::Object(custom) = custom {
            if is_heading(custom) {
                section += 1;
            } else if custom.says("value") {
                labels.note(section, custom, "label");
            }
        }
    }
    let mut title = String::new();
    for custom in fields {
        if is_overfull(draft) {
            return;
        }
        match custom {
            Json::Object(custom) => {
                if is_heading(&custom) {
                    title = heading(&custom);
                }
                read_field(draft, custom, &labels, &title);
            }
            other => keep(draft, "field", other),
        }
    }
    // Those of one field follow each other, oldest first.
    draft.former.sort_by_key(|former| former.set);
}

fn is_heading(custom: &Object<'_>) -> bool {
    matches!(custom.member("type"), Some(Json::Text(kind)) if kind.as_str() == "section")
}

/// The label of a heading.
fn heading(custom: &Object<'_>) -> String {
    match custom.member("label") {
        Some(Json::Text(label)) => label.to_string(),
        _ => String::new(),
    }
}

fn read_field(draft: &mut Draft, mut custom: Object<'_>, labels: &Labels, title: &str) {
    let label = custom.take_text("label").unwrap_or_default();
    let kind = custom.take_text("type").unwrap_or_default();
    let sensitive = take_number_flag(&mut custom, "sensitive");
    let deleted = take_number_flag(&mut custom, "deleted");
    for name in OF_FIELD {
        drop(custom.take(name));
    }
    let before = draft.fields.len();
    // A template's field that the user left empty, or the heading of a section, says nothing.
    if let Some(value) = custom.take_text("value") {
        if deleted {
            let name = format!("deleted {label}");
            draft.push_custom(&name, FieldKind::Secret, value);
        } else {
            push_value(draft, &kind, &label, sensitive, value, (labels, title));
        }
    }
    // The values that it had are the history of what it became; without a value now, of a field of its label.
    let became = draft.fields.get(before).map(|now| (&now.name, now.kind));
    let (name, own_kind) = match became {
        Some((FieldName::Standard(number), kind)) => (FieldName::Standard(*number), kind),
        Some((FieldName::Custom(name), kind)) => {
            (FieldName::Custom(short_name(name).to_owned()), kind)
        }
        None => (
            FieldName::Custom(short_name(&label).to_owned()),
            FieldKind::Secret,
        ),
    };
    read_history(draft, &name, own_kind, &mut custom);
    keep_rest(draft, &label, custom);
}

fn push_value(
    draft: &mut Draft,
    kind: &str,
    label: &str,
    sensitive: bool,
    value: String,
    (labels, title): (&Labels, &str),
) {
    let number = match kind {
        // What several sections have is told apart by their titles.
        kind if labels.bears(title, label) && !URLS.contains(&kind) => {
            let kind = kind_in_section(kind, sensitive);
            return labels.push(draft, title, label, kind, value);
        }
        "username" => field::USERNAME,
        "password" => field::PASSWORD,
        "totp" => field::OTP,
        "ccName" => field::HOLDER,
        "ccNumber" => field::NUMBER,
        "ccCvc" => field::VERIFICATION_CODE,
        "ccPin" => field::PIN,
        "ccType" => field::BRAND,
        "ccBankname" => field::BANK,
        "ccExpiry" => {
            let date = card_expiry(&value).unwrap_or(value);
            return push_free(draft, field::EXPIRES, None, date);
        }
        "url" if !sensitive => return push_url(draft, &value),
        ".Android#" => return push_url(draft, &android_url(&value)),
        _ => {
            let kind = match kind {
                _ if sensitive => Some(FieldKind::Secret),
                "pin" => Some(FieldKind::Secret),
                "email" => Some(FieldKind::Email),
                "date" => Some(FieldKind::Date),
                _ => None,
            };
            return push_labelled(draft, label, kind, value);
        }
    };
    // A second one is known by the label that the user gave it.
    if has_standard(draft, number) {
        let own = field::standard_field(number).map(|row| row.1);
        let hidden = sensitive || own.is_some_and(FieldKind::is_secret);
        let kind = match own {
            Some(FieldKind::Otp) => Some(FieldKind::Otp),
            _ => hidden.then_some(FieldKind::Secret),
        };
        return push_labelled(draft, label, kind, value);
    }
    push_free(draft, number, sensitive.then_some(FieldKind::Secret), value);
}

/// The kind of a field that is known by its label alone.
fn kind_in_section(kind: &str, sensitive: bool) -> Option<FieldKind> {
    match kind {
        "totp" => Some(FieldKind::Otp),
        "password" | "pin" | "ccNumber" | "ccCvc" | "ccPin" => Some(FieldKind::Secret),
        _ if sensitive => Some(FieldKind::Secret),
        "email" => Some(FieldKind::Email),
        "date" => Some(FieldKind::Date),
        _ => None,
    }
}

/// An app on Android as an address, which other programs write too.
fn android_url(value: &str) -> String {
    if value.contains("://") {
        value.to_owned()
    } else {
        format!("androidapp://{value}")
    }
}

/// Values that a field had before.
fn read_history(draft: &mut Draft, name: &FieldName, kind: FieldKind, custom: &mut Object<'_>) {
    for former in custom.take_list("history").unwrap_or_default() {
        let Json::Object(mut former) = former else {
            keep(draft, "former value", former);
            continue;
        };
        // An item with more is refused.
        if is_overfull(draft) || draft.former.len() > MAX_FIELDS {
            return;
        }
        drop(former.take("encrypted"));
        let date = former.take_text("updated_at").unwrap_or_default();
        let set = from_epoch(&date).and_then(|date| Moment::parse_rfc3339(&date));
        if set.is_none() {
            push_text(draft, "time of a former value", date);
        }
        if let Some(value) = former.take_text("value") {
            draft.former.push(DraftFormer {
                name: name.clone(),
                kind,
                value: DraftValue::new(kind, value),
                set: set.unwrap_or(Moment(0)),
            });
        }
        keep_rest(draft, "former value", former);
    }
}

fn read_times(draft: &mut Draft, item: &mut Object<'_>) {
    let mut take = |name: &str| {
        let time = item.take_text(name).filter(|time| time != "0")?;
        Some(from_epoch(&time).unwrap_or(time))
    };
    let created = take("createdAt").or_else(|| take("created_at"));
    let modified = take("updated_at");
    push_free(draft, field::CREATED, None, created.unwrap_or_default());
    push_date(draft, "modified", modified);
}

/// Whether a field shows this text already.
fn says_already(draft: &Draft, text: &str) -> bool {
    let mut fields = draft.fields.iter();
    fields.any(|field| matches!(&field.value, DraftValue::Plain(plain) if plain == text))
        || draft.urls.iter().any(|url| url == text)
}

/// Attached files, whose content is base64.
fn take_files(
    draft: &mut Draft,
    list: Option<Json<'_>>,
    row: usize,
    imported: &mut Imported,
) -> Vec<DraftFile> {
    let list = match list {
        Some(Json::List(list)) => list,
        Some(other) => vec![other],
        None => Vec::new(),
    };
    let mut files = Vec::new();
    for file in list {
        let Json::Object(mut file) = file else {
            keep(draft, "attachments", file);
            continue;
        };
        let name = file.take_text("name").unwrap_or_default();
        // A type of content, which the name says too, and what Enpass counts files by.
        for name in OF_FILE {
            drop(file.take(name));
        }
        let field = format!("file {name}");
        match file.take("data").map(Json::into_text) {
            Some(Ok(text)) => match decode(&Zeroizing::new(text)) {
                Ok(content) => files.push(DraftFile { name, content }),
                Err(text) => {
                    let reason = "its content is no base64, and kept as text";
                    skip_field(draft, &field, reason, row, imported);
                    draft.push_custom(&field, FieldKind::Secret, text);
                }
            },
            Some(Err(other)) => keep(draft, &field, other),
            None => skip_field(draft, &field, "the export does not hold it", row, imported),
        }
        keep_rest(draft, "attachment", file);
    }
    files
}

/// What a text of base64 stands for, wherever its lines break; else the text.
fn decode(text: &str) -> Result<SecretBytes, String> {
    let encoded: Zeroizing<String> = Zeroizing::new(text.split_ascii_whitespace().collect());
    let content = BASE64.decode(encoded.as_bytes()).map(Zeroizing::new);
    content.map(SecretBytes::from).map_err(|_| text.to_owned())
}

/// Enpass writes 0 and 1 for no and yes.
fn take_number_flag(object: &mut Object<'_>, name: &str) -> bool {
    match object.take(name) {
        Some(Json::Number(number)) => number.as_u64() != Some(0),
        Some(Json::Bool(flag)) => flag,
        _ => false,
    }
}
