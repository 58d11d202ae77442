//! What a Bitwarden item keeps for its kind: login, card, identity, SSH key, bank account, papers, secure note.

use super::dates::expiry;
use super::json::{Json, Object};
use super::labelled::words_of;
use super::place::{keep, keep_rest, push_date, push_person, push_text, push_url};
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind};

/// Moves what one kind's object holds into a draft.
pub(super) type KindReader = fn(&mut Draft, &mut Object<'_>);

/// Where an item keeps what belongs to its kind. All are tried, since one may have more than its own.
pub(super) const KIND_READERS: [(&str, KindReader); 8] = [
    ("login", read_login),
    ("card", read_card),
    ("identity", read_identity),
    ("sshKey", read_ssh_key),
    ("bankAccount", read_bank_account),
    ("driversLicense", read_licence),
    ("passport", read_passport),
    ("secureNote", read_secure_note),
];

fn read_login(draft: &mut Draft, login: &mut Object<'_>) {
    let standard = [
        ("username", field::USERNAME),
        ("password", field::PASSWORD),
        ("totp", field::OTP),
    ];
    read_standard(draft, login, &standard);
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
                keep_rest(draft, &format!("uri {at}"), uri);
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

fn read_card(draft: &mut Draft, card: &mut Object<'_>) {
    let standard = [
        ("number", field::NUMBER),
        ("cardholderName", field::HOLDER),
        ("brand", field::BRAND),
        ("code", field::VERIFICATION_CODE),
    ];
    read_standard(draft, card, &standard);
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

fn read_identity(draft: &mut Draft, identity: &mut Object<'_>) {
    push_text(
        draft,
        "salutation",
        identity.take_text("title").unwrap_or_default(),
    );
    push_person(
        draft,
        ["firstName", "middleName", "lastName"].map(|name| identity.take_text(name)),
    );
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
    let standard = [
        ("username", field::USERNAME),
        ("email", field::EMAIL),
        ("phone", field::PHONE),
        ("company", field::COMPANY),
        ("ssn", field::SOCIAL_NUMBER),
        ("passportNumber", field::PASSPORT_NUMBER),
        ("licenseNumber", field::LICENCE_NUMBER),
    ];
    read_standard(draft, identity, &standard);
}

fn read_ssh_key(draft: &mut Draft, key: &mut Object<'_>) {
    let standard = [
        ("privateKey", field::PRIVATE_KEY),
        ("publicKey", field::PUBLIC_KEY),
        ("keyFingerprint", field::FINGERPRINT),
    ];
    read_standard(draft, key, &standard);
}

fn read_bank_account(draft: &mut Draft, account: &mut Object<'_>) {
    let standard = [
        ("accountNumber", field::NUMBER),
        ("nameOnAccount", field::HOLDER),
        ("iban", field::IBAN),
        ("swiftCode", field::BIC),
        ("bankName", field::BANK),
        ("pin", field::PIN),
        ("bankContactPhone", field::PHONE),
    ];
    read_standard(draft, account, &standard);
    read_texts(draft, account, &["accountType"]);
    read_numbers(draft, account, &["routingNumber", "branchNumber"]);
}

fn read_licence(draft: &mut Draft, licence: &mut Object<'_>) {
    push_text(draft, "type", "Driver License".to_owned());
    push_person(
        draft,
        ["firstName", "middleName", "lastName"].map(|name| licence.take_text(name)),
    );
    let standard = [
        ("licenseNumber", field::LICENCE_NUMBER),
        ("dateOfBirth", field::BIRTH_DATE),
        ("expirationDate", field::EXPIRES),
    ];
    read_standard(draft, licence, &standard);
    push_date(draft, "issue date", licence.take_text("issueDate"));
    let texts = [
        "issuingCountry",
        "issuingState",
        "issuingAuthority",
        "licenseClass",
    ];
    read_texts(draft, licence, &texts);
}

fn read_passport(draft: &mut Draft, passport: &mut Object<'_>) {
    push_text(draft, "type", "Passport".to_owned());
    let [given, last] = ["givenName", "surname"].map(|name| passport.take_text(name));
    push_person(draft, [given, None, last]);
    let standard = [
        ("passportNumber", field::PASSPORT_NUMBER),
        ("dateOfBirth", field::BIRTH_DATE),
        ("expirationDate", field::EXPIRES),
    ];
    read_standard(draft, passport, &standard);
    push_date(draft, "issue date", passport.take_text("issueDate"));
    let texts = [
        "sex",
        "birthPlace",
        "nationality",
        "issuingCountry",
        "passportType",
        "issuingAuthority",
    ];
    read_texts(draft, passport, &texts);
    read_numbers(draft, passport, &["nationalIdentificationNumber"]);
}

/// Members that are standard fields.
fn read_standard(draft: &mut Draft, object: &mut Object<'_>, members: &[(&str, u8)]) {
    for (name, number) in members {
        draft.push_standard(*number, object.take_text(name).unwrap_or_default());
    }
}

/// Members that are shown openly, under their own names.
fn read_texts(draft: &mut Draft, object: &mut Object<'_>, names: &[&str]) {
    for name in names {
        let text = object.take_text(name).unwrap_or_default();
        push_text(draft, &words_of(name), text);
    }
}

/// Numbers that keyfold has no standard field for, hidden, under their own names.
fn read_numbers(draft: &mut Draft, object: &mut Object<'_>, names: &[&str]) {
    for name in names {
        if let Some(number) = object.take_text(name) {
            draft.push_custom(&words_of(name), FieldKind::Secret, number);
        }
    }
}

/// A secure note's only member is its type, of which there is one, 0.
fn read_secure_note(draft: &mut Draft, note: &mut Object<'_>) {
    let kind = note.take_text("type").filter(|text| text != "0");
    push_text(draft, "secure note type", kind.unwrap_or_default());
}
