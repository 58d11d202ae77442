//! Proton Pass's unencrypted JSON, the `data.json` of its zip: vaults of items, each with a type, its content and the
//! user's own fields.

use super::authenticator::{Tally, skip_field};
use super::dates::{card_expiry, from_epoch};
use super::folders::Folders;
use super::json::{Json, Object};
use super::labelled::{is_overfull, push_free, words_of};
use super::place::{
    SharedNames, folder_path, has_standard, keep, keep_rest, plain_kind, push_date, push_named,
    push_text, push_url, settle_note, settle_title,
};
use super::sections::Labels;
use super::{Format, ImportError, Imported, MAX_ROWS, Skipped};
use crate::model::draft::{Draft, DraftFile};
use crate::model::field::{self, FieldKind, ItemKind};
use zeroize::Zeroizing;

/// Members that are plainly a standard field.
const STANDARD: &[(&str, u8)] = &[
    ("itemUsername", field::USERNAME),
    ("username", field::USERNAME),
    ("password", field::PASSWORD),
    ("totpUri", field::OTP),
    ("cardholderName", field::HOLDER),
    ("number", field::NUMBER),
    ("verificationNumber", field::VERIFICATION_CODE),
    ("pin", field::PIN),
    ("email", field::EMAIL),
    ("phoneNumber", field::PHONE),
    ("birthdate", field::BIRTH_DATE),
    ("company", field::COMPANY),
    ("socialSecurityNumber", field::SOCIAL_NUMBER),
    ("passportNumber", field::PASSPORT_NUMBER),
    ("licenseNumber", field::LICENCE_NUMBER),
    ("privateKey", field::PRIVATE_KEY),
    ("publicKey", field::PUBLIC_KEY),
    ("ssid", field::NETWORK),
];

/// The lines of a postal address, in the order of an envelope.
const ADDRESS: [&str; 7] = [
    "streetAddress",
    "floor",
    "zipOrPostalCode",
    "city",
    "county",
    "stateOrProvince",
    "countryOrRegion",
];

/// What else a person has, shown openly.
const PERSONAL: [&str; 17] = [
    "firstName",
    "middleName",
    "lastName",
    "gender",
    "organization",
    "jobTitle",
    "website",
    "personalWebsite",
    "secondPhoneNumber",
    "workPhoneNumber",
    "workEmail",
    "xHandle",
    "linkedin",
    "reddit",
    "facebook",
    "yahoo",
    "instagram",
];

/// Lists of the user's own fields beside a person's parts.
const EXTRAS: [&str; 4] = [
    "extraPersonalDetails",
    "extraAddressDetails",
    "extraContactDetails",
    "extraWorkDetails",
];

/// An ending that is longer is no file's own, but what Proton Pass tells files apart by.
const LONGEST_ENDING: usize = 15;

/// The file that the archive has for what an item says of one.
pub(super) type Attached<'f> = &'f mut dyn FnMut(&str) -> Result<Option<DraftFile>, ImportError>;

/// How far the file is read.
struct Reading<'f> {
    row: usize,
    names: SharedNames,
    tally: Tally,
    attached: Option<Attached<'f>>,
}

/// Reads the export; without the archive around it its files are not there.
pub(super) fn import(text: &str, attached: Option<Attached<'_>>) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::ProtonPassJson,
        reason,
    };
    let Json::Object(mut root) = Json::parse(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    if root.take_flag("encrypted") {
        return Err(ImportError::Encrypted {
            format: Format::ProtonPassJson,
        });
    }
    let vaults = root
        .take_object("vaults")
        .ok_or_else(|| not_this("it has no vaults"))?;
    let mut imported = Imported::default();
    let mut reading = Reading {
        row: 0,
        names: SharedNames::default(),
        tally: Tally::default(),
        attached,
    };
    for (id, vault) in vaults.into_members() {
        match vault {
            Json::Object(vault) => read_vault(vault, &mut reading, &mut imported)?,
            _ => imported
                .warnings
                .push(format!("vault {id:?} is not an object")),
        }
    }
    // Whose export it is and what wrote it says nothing of an item.
    drop((root.take("version"), root.take("userId")));
    for (name, value) in root.into_members() {
        if !value.is_nothing() && !matches!(value, Json::Bool(false)) {
            imported
                .warnings
                .push(format!("{name:?} beside the vaults is left out"));
        }
    }
    Ok(imported)
}

/// The kind of a type of Proton Pass; a type that keyfold does not have is kept as text.
pub(super) fn kind_of(draft: &mut Draft, name: &str) -> ItemKind {
    let kind = match name {
        "login" => return ItemKind::Login,
        "note" => return ItemKind::Note,
        "creditCard" => return ItemKind::Card,
        "identity" => return ItemKind::Identity,
        "sshKey" => return ItemKind::SshKey,
        "wifi" => return ItemKind::Wifi,
        "alias" => ItemKind::Login,
        _ => ItemKind::Custom,
    };
    push_text(draft, "type", name.to_owned());
    kind
}

/// Takes what an item's content has into a draft; what it does not know stays.
pub(super) fn read_content(draft: &mut Draft, content: &mut Object<'_>, kind: &str) {
    for (name, number) in STANDARD {
        push_free(
            draft,
            *number,
            None,
            content.take_text(name).unwrap_or_default(),
        );
    }
    let email = content.take_text("itemEmail").unwrap_or_default();
    let has_name = has_standard(draft, field::USERNAME);
    let number = if has_name {
        field::EMAIL
    } else {
        field::USERNAME
    };
    push_free(draft, number, None, email);
    let expiry = content.take_text("expirationDate").unwrap_or_default();
    push_free(
        draft,
        field::EXPIRES,
        None,
        card_expiry(&expiry).unwrap_or(expiry),
    );
    // Newer exports have all addresses here, each with the way it is compared, and below only those of the default.
    for name in ["autofillUrls", "urls"] {
        let urls = content.take_list(name).unwrap_or_default();
        urls.into_iter().for_each(|url| read_url(draft, url));
    }
    for passkey in content.take_list("passkeys").unwrap_or_default() {
        if !passkey.is_nothing() {
            draft.push_custom("passkey", FieldKind::Secret, passkey.to_compact());
        }
    }
    if kind == "identity" {
        read_person(draft, content);
    }
    if kind == "wifi" {
        let security = content.take_text("security").unwrap_or_default();
        push_free(draft, field::SECURITY, None, security_of(security));
    }
    for name in EXTRAS {
        read_fields(draft, content.take_list(name));
    }
    for name in ["extraSections", "sections"] {
        read_sections(draft, content.take_list(name));
    }
    let brand = content.take_text("cardType").filter(|number| number != "0");
    push_text(draft, "card type", brand.unwrap_or_default());
}

/// An address, alone or with the way it is compared.
pub(super) fn read_url(draft: &mut Draft, url: Json<'_>) {
    match url {
        Json::Object(mut url) => {
            push_url(draft, &url.take_text("url").unwrap_or_default());
            // The way to compare that every address has unless the user chose another.
            let mode = url.take_text("mode");
            if let Some(mode) = mode.filter(|mode| mode != "0" && mode != "default") {
                keep(draft, "match of url", Json::Text(Zeroizing::new(mode)));
            }
            keep_rest(draft, "url", url);
        }
        other => match other.into_text() {
            Ok(text) => push_url(draft, &text),
            Err(other) => keep(draft, "url", other),
        },
    }
}

/// Proton Pass's numbers for the security of a wireless network, 0 where nobody chose.
fn security_of(number: String) -> String {
    match number.as_str() {
        "0" => String::new(),
        "1" => "WPA".to_owned(),
        "2" => "WPA2".to_owned(),
        "3" => "WPA3".to_owned(),
        "4" => "WEP".to_owned(),
        _ => number,
    }
}

fn read_vault(
    mut vault: Object<'_>,
    reading: &mut Reading<'_>,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let name = vault.take_text("name").unwrap_or_default();
    let outer = folder_path(&name, &[]);
    let mut folders = Folders::read(
        vault.take_list("folders"),
        ["folderId", "name", "parentFolderId"],
    );
    for item in vault.take_list("items").unwrap_or_default() {
        reading.row += 1;
        let row = reading.row;
        if row > MAX_ROWS {
            return Err(ImportError::TooManyRows);
        }
        match item {
            Json::Object(mut item) => {
                let id = item.take_text("folderId");
                let inner = match &id {
                    Some(id) => folders.path(id)?,
                    None => None,
                };
                let folder = match &inner {
                    Some(inner) if outer.is_empty() => inner.clone(),
                    Some(inner) => format!("{outer}/{inner}"),
                    None => outer.clone(),
                };
                reading.names.count(&folder)?;
                let (mut draft, files) = read_item(item, folder);
                if inner.is_none() {
                    push_text(&mut draft, "folder id", id.unwrap_or_default());
                }
                let files = match (files, &mut reading.attached) {
                    (Some(files), Some(attached)) => {
                        take_files(&mut draft, files, attached, row, imported)?
                    }
                    (Some(files), None) => {
                        keep(&mut draft, "attachments", files);
                        let reason = "attached files lie in the zip of the export; what it says of them is kept as text";
                        skip_field(&draft, "files", reason, row, imported);
                        Vec::new()
                    }
                    (None, _) => Vec::new(),
                };
                reading.tally.push(row, draft, imported)?;
                reading.tally.push_files(files, imported)?;
            }
            _ => imported.skipped.push(Skipped {
                row,
                item: None,
                field: None,
                reason: "not an object, so not an item".to_owned(),
            }),
        }
    }
    drop(vault.take("display"));
    let rest = vault.into_members().into_iter();
    let rest: Vec<String> = rest
        .filter(|member| !member.1.is_nothing())
        .map(|member| format!("{:?}", member.0))
        .collect();
    if !rest.is_empty() {
        let rest = rest.join(", ");
        imported
            .warnings
            .push(format!("of vault {name:?} this is left out: {rest}"));
    }
    Ok(())
}

/// An item, and what it says of its files.
fn read_item(mut item: Object<'_>, folder: String) -> (Draft, Option<Json<'_>>) {
    let mut draft = Draft {
        folder,
        origin: item
            .take_text("itemId")
            .map(|id| format!("protonpass:{id}")),
        favourite: item.take_flag("pinned"),
        ..Draft::default()
    };
    // The vault's id, and how the content is written.
    drop((item.take("shareId"), item.take("contentFormatVersion")));
    match item.take_text("state").as_deref() {
        Some("2") => draft.trashed = true,
        Some("1") | None => {}
        Some(other) => push_text(&mut draft, "state", other.to_owned()),
    }
    if let Some(mut data) = item.take_object("data") {
        read_data(&mut draft, &mut data);
        keep_rest(&mut draft, "data", data);
    }
    push_free(
        &mut draft,
        field::EMAIL,
        None,
        item.take_text("aliasEmail").unwrap_or_default(),
    );
    for (name, field) in [("createTime", "created"), ("modifyTime", "modified")] {
        let time = item.take_text(name).filter(|time| time != "0");
        let time = time.map(|time| from_epoch(&time).unwrap_or(time));
        if field == "created" {
            push_free(&mut draft, field::CREATED, None, time.unwrap_or_default());
        } else {
            push_date(&mut draft, field, time);
        }
    }
    // With how many people it is shared.
    let shares = item.take_text("shareCount").filter(|count| count != "0");
    push_text(&mut draft, "share count", shares.unwrap_or_default());
    let files = item.take("files").filter(|files| !files.is_nothing());
    keep_rest(&mut draft, "", item);
    settle_note(&mut draft);
    settle_title(&mut draft);
    (draft, files)
}

/// The files that an item names.
fn take_files(
    draft: &mut Draft,
    names: Json<'_>,
    attached: &mut Attached<'_>,
    row: usize,
    imported: &mut Imported,
) -> Result<Vec<DraftFile>, ImportError> {
    let names = match names {
        Json::List(names) => names,
        other => vec![other],
    };
    let mut files = Vec::new();
    for name in names {
        let name = match name.into_text() {
            Ok(name) => name,
            Err(other) => {
                keep(draft, "attachments", other);
                continue;
            }
        };
        match attached(&name)? {
            Some(file) => files.push(file),
            None => {
                let field = format!("file {name}");
                skip_field(draft, &field, "the export does not hold it", row, imported);
            }
        }
    }
    Ok(files)
}

/// A file's name without the id that Proton Pass puts before its ending: `scan.x7d…f2.pdf` is `scan.pdf`.
pub(super) fn own_name(name: &str) -> String {
    let Some((base, ending)) = name.rsplit_once('.') else {
        return name.to_owned();
    };
    if ending.len() >= LONGEST_ENDING {
        return base.to_owned();
    }
    match base.rsplit_once('.') {
        Some((base, _)) => format!("{base}.{ending}"),
        None => name.to_owned(),
    }
}

fn read_data(draft: &mut Draft, data: &mut Object<'_>) {
    let kind = data.take_text("type").unwrap_or_default();
    draft.kind = kind_of(draft, &kind);
    if let Some(mut metadata) = data.take_object("metadata") {
        draft.title = metadata.take_text("name").unwrap_or_default();
        push_free(
            draft,
            field::NOTES,
            None,
            metadata.take_text("note").unwrap_or_default(),
        );
        drop(metadata.take("itemUuid"));
        keep_rest(draft, "metadata", metadata);
    }
    if let Some(mut content) = data.take_object("content") {
        read_content(draft, &mut content, &kind);
        keep_rest(draft, "", content);
    }
    read_fields(draft, data.take_list("extraFields"));
}

fn read_person(draft: &mut Draft, content: &mut Object<'_>) {
    push_free(
        draft,
        field::FULL_NAME,
        None,
        content.take_text("fullName").unwrap_or_default(),
    );
    let lines: Vec<String> = ADDRESS
        .iter()
        .filter_map(|name| content.take_text(name))
        .collect();
    push_free(draft, field::ADDRESS, None, lines.join("\n"));
    for name in PERSONAL {
        push_text(
            draft,
            &words_of(name),
            content.take_text(name).unwrap_or_default(),
        );
    }
}

fn read_sections(draft: &mut Draft, sections: Option<Vec<Json<'_>>>) {
    let sections = sections.unwrap_or_default();
    let labels = Labels::of(&sections, ["sectionFields", "fieldName", "data"]);
    for section in sections {
        let Json::Object(mut section) = section else {
            keep(draft, "section", section);
            continue;
        };
        let title = section.take_text("sectionName").unwrap_or_default();
        push_text(draft, "section", title.clone());
        read_titled(draft, section.take_list("sectionFields"), &labels, &title);
        keep_rest(draft, "section", section);
    }
}

/// The user's own fields: `{fieldName, type, data}`.
fn read_fields(draft: &mut Draft, fields: Option<Vec<Json<'_>>>) {
    read_titled(draft, fields, &Labels::default(), "");
}

/// The same in a section.
fn read_titled(draft: &mut Draft, fields: Option<Vec<Json<'_>>>, labels: &Labels, title: &str) {
    for custom in fields.unwrap_or_default() {
        if is_overfull(draft) {
            return;
        }
        let Json::Object(mut custom) = custom else {
            keep(draft, "field", custom);
            continue;
        };
        let name = custom.take_text("fieldName");
        let name = name.unwrap_or_else(|| "field".to_owned());
        let kind = custom.take_text("type").unwrap_or_default();
        if let Some(mut data) = custom.take_object("data") {
            let mut members = ["content", "totpUri", "timestamp"].into_iter();
            let text = members.find_map(|member| data.take_text(member));
            let text = text.unwrap_or_default();
            let kind = match kind.as_str() {
                "text" => plain_kind(&text),
                "totp" => FieldKind::Otp,
                "timestamp" => FieldKind::Date,
                _ => FieldKind::Secret,
            };
            if labels.bears(title, &name) {
                labels.push(draft, title, &name, Some(kind), text);
            } else {
                push_named(draft, &name, kind, text);
            }
            keep_rest(draft, &name, data);
        }
        keep_rest(draft, &name, custom);
    }
}
