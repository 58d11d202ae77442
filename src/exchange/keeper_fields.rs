//! What Keeper's CSV and JSON share: folders, and custom fields whose names begin with their type.

use super::dates::{card_expiry, day_from_epoch};
use super::json::{Json, Object};
use super::labelled::{push_free, push_labelled, push_untold, words_of};
use super::place::{folder_path, keep, keep_rest, push_person, push_text, push_url};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind, ItemKind};

/// The folder of a path inside a shared folder; either may be empty. Keeper separates by a backslash and doubles one that
/// belongs to a name.
pub(super) fn folder_of(shared: &str, path: &str) -> String {
    let names = split_path(shared).into_iter().chain(split_path(path));
    let names: Vec<String> = names.map(|name| folder_path(&name, &[])).collect();
    names.join("/")
}

fn split_path(path: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut characters = path.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\\' && characters.next_if_eq(&'\\').is_none() {
            names.push(String::new());
        } else if let Some(name) = names.last_mut() {
            name.push(character);
        }
    }
    names.retain(|name| !name.trim().is_empty());
    names
}

/// The kind of a record; a type that keyfold does not have is kept as text.
pub(super) fn kind_of(draft: &mut Draft, name: &str) -> ItemKind {
    let kind = match name {
        "login" | "" => return ItemKind::Login,
        "encryptedNotes" => return ItemKind::Note,
        "bankCard" => return ItemKind::Card,
        "bankAccount" => return ItemKind::BankAccount,
        "sshKeys" => return ItemKind::SshKey,
        "softwareLicense" => return ItemKind::Licence,
        "wifiCredentials" => return ItemKind::Wifi,
        "databaseCredentials" | "serverCredentials" | "membership" | "general" => ItemKind::Login,
        "contact" | "address" | "passport" | "driverLicense" | "ssnCard" | "birthCertificate" => {
            ItemKind::Identity
        }
        _ => ItemKind::Custom,
    };
    push_text(draft, "type", name.to_owned());
    kind
}

/// The type and the label in a custom field's name, `$type:label:number`, of which all but the type may be absent.
/// `None` where the name is the user's own.
fn split_name(name: &str) -> Option<(&str, &str)> {
    let typed = name.strip_prefix('$')?;
    let (kind, label) = typed.split_once(':').unwrap_or((typed, ""));
    let label = match label.rsplit_once(':') {
        Some((label, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => label,
        _ => label,
    };
    Some((kind, label))
}

/// Whether a custom field is the text of a note.
pub(super) fn is_note(name: &str) -> bool {
    split_name(name) == Some(("note", ""))
}

/// Adds the value of a custom field.
pub(super) fn read_value(draft: &mut Draft, name: &str, value: Json<'_>) {
    let (kind, label) = split_name(name).unwrap_or(("", name));
    // A label says which paper the number or name belongs to.
    match (kind, label, value) {
        (_, _, value) if value.is_nothing() => {}
        ("accountNumber", "identityNumber", Json::Text(text)) => {
            push_free(draft, field::SOCIAL_NUMBER, None, text.to_string());
        }
        ("accountNumber", "passportNumber", Json::Text(text)) => {
            push_free(draft, field::PASSPORT_NUMBER, None, text.to_string());
        }
        ("accountNumber", "dlNumber", Json::Text(text)) => {
            push_free(draft, field::LICENCE_NUMBER, None, text.to_string());
        }
        ("text", "cardholderName", Json::Text(text)) => {
            push_free(draft, field::HOLDER, None, text.to_string());
        }
        ("text", "SSID", Json::Text(text)) => {
            push_free(draft, field::NETWORK, None, text.to_string());
        }
        ("note", "", Json::Text(text)) if draft.kind == ItemKind::Note => {
            push_free(draft, field::TEXT, None, text.to_string());
        }
        (_, _, Json::Object(object)) => read_parts(draft, kind, label, object),
        (_, _, value) => match value.into_text() {
            Ok(text) => push_field(draft, name, text),
            Err(other) => keep(draft, name, other),
        },
    }
}

/// A value of several parts.
fn read_parts(draft: &mut Draft, kind: &str, label: &str, mut parts: Object<'_>) {
    let mut take = |name: &str| parts.take_text(name).unwrap_or_default();
    match kind {
        "paymentCard" => {
            push_free(draft, field::NUMBER, None, take("cardNumber"));
            let expiry = take("cardExpirationDate");
            push_free(
                draft,
                field::EXPIRES,
                None,
                card_expiry(&expiry).unwrap_or(expiry),
            );
            push_free(
                draft,
                field::VERIFICATION_CODE,
                None,
                take("cardSecurityCode"),
            );
        }
        "bankAccount" => {
            push_free(draft, field::NUMBER, None, take("accountNumber"));
            push_text(draft, "account type", take("accountType"));
            draft_hidden(draft, "routing number", take("routingNumber"));
        }
        "keyPair" => {
            push_free(draft, field::PRIVATE_KEY, None, take("privateKey"));
            push_free(draft, field::PUBLIC_KEY, None, take("publicKey"));
        }
        "name" => {
            let names = ["first", "middle", "last"].map(|name| parts.take_text(name));
            push_person(draft, names);
        }
        "address" => {
            let names = ["street1", "street2", "zip", "city", "state", "country"];
            let lines: Vec<String> = names
                .iter()
                .filter_map(|name| parts.take_text(name))
                .collect();
            push_free(draft, field::ADDRESS, None, lines.join("\n"));
        }
        "host" => {
            push_text(draft, "host", take("hostName"));
            push_text(draft, "port", take("port"));
        }
        "phone" => push_free(draft, field::PHONE, None, take("number")),
        _ => {}
    }
    let place = match (label, kind) {
        ("", "") => "field".to_owned(),
        ("", kind) => words_of(kind),
        (label, _) => label.to_owned(),
    };
    keep_rest(draft, &place, parts);
}

fn draft_hidden(draft: &mut Draft, name: &str, text: String) {
    if !text.is_empty() {
        draft.push_custom(name, FieldKind::Secret, text);
    }
}

/// Adds a custom field that is one text.
pub(super) fn push_field(draft: &mut Draft, name: &str, text: String) {
    let Some((kind, label)) = split_name(name) else {
        if name == "TFC:Keeper" {
            return push_free(draft, field::OTP, None, text);
        }
        return push_untold(draft, name, text);
    };
    let words = words_of(kind);
    let name = if label.is_empty() { &words } else { label };
    match kind {
        "oneTimeCode" | "otp" => push_free(draft, field::OTP, None, text),
        "url" if !text.is_empty() => text.lines().for_each(|line| push_url(draft, line)),
        "text" | "multiline" | "login" | "phone" => push_labelled(draft, name, None, text),
        "email" => push_labelled(draft, name, Some(FieldKind::Email), text),
        "date" | "birthDate" | "expirationDate" => {
            let date = day_from_epoch(&text).unwrap_or(text);
            match kind {
                "birthDate" => push_free(draft, field::BIRTH_DATE, None, date),
                "expirationDate" => push_free(draft, field::EXPIRES, None, date),
                _ => push_labelled(draft, name, Some(FieldKind::Date), date),
            }
        }
        "pinCode" => push_free(draft, field::PIN, None, text),
        "licenseNumber" => push_free(draft, field::LICENCE_KEY, None, text),
        _ => push_labelled(draft, name, Some(FieldKind::Secret), text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_at_single_backslashes() {
        assert_eq!(folder_of("", ""), "");
        assert_eq!(folder_of("Team", ""), "Team");
        assert_eq!(folder_of("", "a\\b"), "a/b");
        assert_eq!(folder_of("Team", "a/b\\c\\\\d\\"), "Team/a\\/b/c\\\\d");
    }

    #[test]
    fn types_in_names_decide_what_a_field_is() {
        let mut draft = Draft::default();
        for (name, text) in [
            ("$oneTimeCode::1", "otpauth://totp/x?secret=AAAA"),
            ("$url::1", "https://a.example"),
            ("$text:Colour:2", "red"),
            ("$hidden:Colour", "blue"),
            ("$birthDate", "648597600000"),
            ("$date:Issued:1", "soon"),
            ("$someThing", "x"),
            ("Own: name", "y"),
            ("TFC:Keeper", "AAAA"),
        ] {
            push_field(&mut draft, name, text.to_owned());
        }
        assert_eq!(draft.urls, ["https://a.example"]);
        let fields: Vec<(&str, FieldKind)> = draft
            .fields
            .iter()
            .map(|field| (field.name.as_text(), field.kind))
            .collect();
        assert_eq!(
            fields,
            [
                ("otp", FieldKind::Otp),
                ("Colour", FieldKind::Text),
                ("Colour", FieldKind::Secret),
                ("birth-date", FieldKind::Date),
                ("Issued", FieldKind::Date),
                ("some thing", FieldKind::Secret),
                ("Own: name", FieldKind::Secret),
                ("otp 2", FieldKind::Otp),
            ]
        );
    }
}
