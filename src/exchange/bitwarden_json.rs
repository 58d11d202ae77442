//! Bitwarden's unencrypted JSON, of a person's vault or an organisation's, all kinds of item.
//!
//! The tree is taken apart by ownership: whatever a known rule does not take is kept as a custom field named after its
//! place, so a member that Bitwarden adds tomorrow is not lost. Only what says nothing (null, empty, Bitwarden's
//! defaults for switches) goes unmentioned.

use super::json::{Json, Object};
use super::place::{
    folder_path, plain_kind, push_named, push_tag, push_url, settle_note, settle_title,
};
use super::{
    Format, ImportError, Imported, ImportedItem, MAX_FIELDS, MAX_ROWS, RowProblem, Skipped,
};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind, ItemKind};
use std::collections::{HashMap, HashSet};

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::BitwardenJson,
        reason,
    };
    let Json::Object(mut root) = Json::parse(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    if root.take_flag("encrypted") || root.has("encKeyValidation_DO_NOT_EDIT") {
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
    let typed = |item: &Json| matches!(item, Json::Object(item) if item.has("type"));
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
    list: Option<Vec<Json>>,
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
    mut item: Object,
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
            keep_rest(&mut draft, &format!("{name}."), body);
        }
    }
    draft.push_standard(field::NOTES, item.take_text("notes").unwrap_or_default());
    settle_note(&mut draft);
    read_custom_fields(&mut draft, &mut item, row)?;
    read_former_passwords(&mut draft, &mut item);
    read_times(&mut draft, &mut item);
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
    imported.drafts.push(ImportedItem { row, draft });
    Ok(())
}

type KindReader = fn(&mut Draft, &mut Object);

/// Where an item keeps what belongs to its kind. All are tried, since one may have more than its own.
const KIND_READERS: [(&str, KindReader); 5] = [
    ("login", read_login),
    ("card", read_card),
    ("identity", read_identity),
    ("sshKey", read_ssh_key),
    ("secureNote", read_secure_note),
];

fn read_place(draft: &mut Draft, item: &mut Object, places: &mut Places) {
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

fn read_login(draft: &mut Draft, login: &mut Object) {
    for (name, number) in [
        ("username", field::USERNAME),
        ("password", field::PASSWORD),
        ("totp", field::OTP),
    ] {
        draft.push_standard(number, login.take_text(name).unwrap_or_default());
    }
    let uris = login.take_list("uris").unwrap_or_default();
    for (uri, at) in uris.into_iter().zip(1_usize..) {
        match uri {
            Json::Object(mut uri) => {
                push_url(draft, &uri.take_text("uri").unwrap_or_default());
                if let Some(rule) = uri.take_text("match") {
                    let rule = match_rule(&rule).to_owned();
                    push_text(draft, &format!("match of url {at}"), rule);
                }
                // A checksum of the address against a tampering server; nothing of the user's.
                drop(uri.take("uriChecksum"));
                keep_rest(draft, &format!("uri {at}."), uri);
            }
            other => match other.into_text() {
                Ok(text) => push_url(draft, &text),
                Err(other) => keep(draft, &format!("uri {at}"), other),
            },
        }
    }
    if let Some(uri) = login.take_text("uri") {
        push_url(draft, &uri);
    }
    for passkey in login.take_list("fido2Credentials").unwrap_or_default() {
        if !passkey.is_nothing() {
            draft.push_custom("passkey", FieldKind::Secret, passkey.to_compact());
        }
    }
    push_date(
        draft,
        "password changed",
        login.take_text("passwordRevisionDate"),
    );
}

/// Bitwarden's numbers for how an address is compared.
fn match_rule(number: &str) -> &str {
    match number {
        "0" => "domain",
        "1" => "host",
        "2" => "starts with",
        "3" => "exact",
        "4" => "regular expression",
        "5" => "never",
        other => other,
    }
}

fn read_card(draft: &mut Draft, card: &mut Object) {
    for (name, number) in [
        ("number", field::NUMBER),
        ("cardholderName", field::HOLDER),
        ("brand", field::BRAND),
        ("code", field::VERIFICATION_CODE),
    ] {
        draft.push_standard(number, card.take_text(name).unwrap_or_default());
    }
    let month = card.take_text("expMonth").unwrap_or_default();
    let year = card.take_text("expYear").unwrap_or_default();
    match expiry(&year, &month) {
        Some(date) => draft.push_standard(field::EXPIRES, date),
        None => {
            push_text(draft, "expiry month", month);
            push_text(draft, "expiry year", year);
        }
    }
}

/// `YYYY-MM`; a year of two digits is of this century.
fn expiry(year: &str, month: &str) -> Option<String> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let year = year.trim();
    let year = match year.len() {
        4 if digits(year) => year.to_owned(),
        2 if digits(year) => format!("20{year}"),
        _ => return None,
    };
    let month = month.trim();
    let number: u8 = month.parse().ok().filter(|_| digits(month))?;
    (1..=12)
        .contains(&number)
        .then(|| format!("{year}-{number:02}"))
}

fn read_identity(draft: &mut Draft, identity: &mut Object) {
    push_text(
        draft,
        "salutation",
        identity.take_text("title").unwrap_or_default(),
    );
    read_person(draft, identity);
    // One part a line, in the order of an envelope.
    let lines = [
        "address1",
        "address2",
        "address3",
        "city",
        "state",
        "postalCode",
        "country",
    ];
    let lines: Vec<String> = lines
        .iter()
        .filter_map(|name| identity.take_text(name))
        .collect();
    draft.push_standard(field::ADDRESS, lines.join("\n"));
    for (name, number) in [
        ("username", field::USERNAME),
        ("email", field::EMAIL),
        ("phone", field::PHONE),
        ("company", field::COMPANY),
        ("ssn", field::SOCIAL_NUMBER),
        ("passportNumber", field::PASSPORT_NUMBER),
        ("licenseNumber", field::LICENCE_NUMBER),
    ] {
        draft.push_standard(number, identity.take_text(name).unwrap_or_default());
    }
}

/// The name as one text. Where that text alone no longer tells which part is which, the parts are kept beside it.
fn read_person(draft: &mut Draft, identity: &mut Object) {
    let parts = [
        ("first name", identity.take_text("firstName")),
        ("middle name", identity.take_text("middleName")),
        ("last name", identity.take_text("lastName")),
    ];
    let whole: Vec<&str> = parts.iter().filter_map(|part| part.1.as_deref()).collect();
    let [(_, first), _, (_, last)] = &parts;
    let one_word_each = whole.iter().all(|part| !part.contains(char::is_whitespace));
    let clear = one_word_each && first.is_some() && last.is_some();
    draft.push_standard(field::FULL_NAME, whole.join(" "));
    if !clear {
        for (name, part) in parts {
            push_text(draft, name, part.unwrap_or_default());
        }
    }
}

fn read_ssh_key(draft: &mut Draft, key: &mut Object) {
    for (name, number) in [
        ("privateKey", field::PRIVATE_KEY),
        ("publicKey", field::PUBLIC_KEY),
        ("keyFingerprint", field::FINGERPRINT),
    ] {
        draft.push_standard(number, key.take_text(name).unwrap_or_default());
    }
}

/// A secure note's only member is its type, of which there is one, 0.
fn read_secure_note(draft: &mut Draft, note: &mut Object) {
    let kind = note.take_text("type").filter(|text| text != "0");
    push_text(draft, "secure note type", kind.unwrap_or_default());
}

fn read_custom_fields(draft: &mut Draft, item: &mut Object, row: usize) -> Result<(), ImportError> {
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
        if name.is_some() || value.is_some() {
            let name = name.unwrap_or_else(|| "field".to_owned());
            push_named(draft, &name, kind, value.unwrap_or_default());
        }
        keep_rest(draft, "field.", custom);
    }
    Ok(())
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

fn read_former_passwords(draft: &mut Draft, item: &mut Object) {
    for former in item.take_list("passwordHistory").unwrap_or_default() {
        let Json::Object(mut former) = former else {
            keep(draft, "former password", former);
            continue;
        };
        let name = match former.take_text("lastUsedDate") {
            Some(date) => format!("former password {date}"),
            None => "former password".to_owned(),
        };
        if let Some(password) = former.take_text("password") {
            draft.push_custom(&name, FieldKind::Secret, password);
        } else if name.len() > "former password".len() {
            draft.push_custom(&name, FieldKind::Secret, String::new());
        }
        keep_rest(draft, "former password.", former);
    }
}

fn read_times(draft: &mut Draft, item: &mut Object) {
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

fn push_date(draft: &mut Draft, name: &str, date: Option<String>) {
    if let Some(date) = date {
        draft.push_custom(name, FieldKind::Date, date);
    }
}

fn push_text(draft: &mut Draft, name: &str, text: String) {
    if !text.is_empty() {
        draft.push_custom(name, plain_kind(&text), text);
    }
}

/// Keeps every member that no rule took.
fn keep_rest(draft: &mut Draft, prefix: &str, object: Object) {
    for (name, value) in object.into_members() {
        keep(draft, &format!("{prefix}{name}"), value);
    }
}

/// Keeps a value that no rule knows, hidden, since nobody knows what it is; a switch that is off says nothing.
fn keep(draft: &mut Draft, name: &str, value: Json) {
    if value.is_nothing() || matches!(value, Json::Bool(false)) {
        return;
    }
    let text = match value {
        Json::Text(_) => value.into_text().unwrap_or_default(),
        other => other.to_compact(),
    };
    push_named(draft, name, FieldKind::Secret, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_dates_are_months_or_left_alone() {
        for (year, month, date) in [
            ("2029", "6", Some("2029-06")),
            ("29", "12", Some("2029-12")),
            ("2029", "13", None),
            ("2029", "0", None),
            ("2029", "+6", None),
            ("", "6", None),
            ("202", "6", None),
            ("٢٠", "6", None),
        ] {
            assert_eq!(expiry(year, month).as_deref(), date, "{year}/{month}");
        }
    }
}
