//! What Keeper's CSV and JSON share: folders, and custom fields whose names begin with their type.

use super::dates::from_epoch;
use super::labelled::{push_free, push_labelled, push_untold, words_of};
use super::place::{folder_path, push_url};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind};

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

/// Adds a custom field. Its name is the user's own, or `$type:label:number` of which all but the type may be absent.
pub(super) fn push_field(draft: &mut Draft, name: &str, text: String) {
    let Some(typed) = name.strip_prefix('$') else {
        if name == "TFC:Keeper" {
            return push_free(draft, field::OTP, None, text);
        }
        return push_untold(draft, name, text);
    };
    let (kind, label) = typed.split_once(':').unwrap_or((typed, ""));
    let label = match label.rsplit_once(':') {
        Some((label, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => label,
        _ => label,
    };
    let words = words_of(kind);
    let name = if label.is_empty() { &words } else { label };
    match kind {
        "oneTimeCode" | "otp" => push_free(draft, field::OTP, None, text),
        "url" if !text.is_empty() => text.lines().for_each(|line| push_url(draft, line)),
        "text" | "multiline" | "login" | "phone" => push_labelled(draft, name, None, text),
        "email" => push_labelled(draft, name, Some(FieldKind::Email), text),
        "date" | "birthDate" | "expirationDate" => {
            let date = from_epoch(&text).unwrap_or(text);
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
