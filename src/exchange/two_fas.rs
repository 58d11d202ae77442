//! 2FAS's backup: `{services, groups, schemaVersion, …}`, schema versions 1 to 4.
//!
//! An encrypted one has the services as `servicesEncrypted`: ciphertext, salt and nonce in base64, joined by colons,
//! AES-256-GCM under PBKDF2. `reference` is a known text under the same key, which says nothing more.
//! Until version 2 there were TOTP entries only, and no kind in them.

use super::authenticator::{
    Account, push_group, read_entries, read_groups, take_key, take_looks, warn_of_rest,
};
use super::encoding::Text;
use super::json::{Json, Object};
use super::place::{keep_rest, push_named};
use super::unlock::{Credentials, Hash, Opener};
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field::FieldKind;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// What the file says of itself.
const ABOUT_FILE: [&str; 6] = [
    "schemaVersion",
    "appVersionCode",
    "appVersionName",
    "appOrigin",
    "updatedAt",
    "account",
];

/// Reads the backup.
pub(super) fn import(text: &str, credentials: &Credentials<'_>) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::TwoFas,
        reason,
    };
    let Json::Object(mut root) = Json::parse_long(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    let mut imported = Imported::default();
    let services = root.take_list("services");
    drop(root.take("reference"));
    if let Some(sealed) = root.take_text("servicesEncrypted") {
        let opener = Opener::new(Format::TwoFas, credentials)?;
        let plain = open_services(&opener, &sealed)?;
        let text = Text::parse(&plain)?;
        let Json::List(services) = Json::parse(&text)? else {
            return Err(not_this("what was encrypted is not a list"));
        };
        read_services(services, root, &mut imported)?;
    } else {
        let services = services.ok_or_else(|| not_this("it has no list of services"))?;
        read_services(services, root, &mut imported)?;
    }
    Ok(imported)
}

/// Rounds of PBKDF2, which no version ever wrote down.
const ROUNDS: u32 = 10_000;

fn open_services(opener: &Opener<'_>, sealed: &str) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let parts: Vec<&str> = sealed.split(':').collect();
    let [sealed, salt, nonce] = parts.as_slice() else {
        return Err(opener.damaged());
    };
    let [sealed, salt, nonce] = [sealed, salt, nonce].map(|text| opener.decode_base64(text));
    let key = opener.derive_pbkdf2(Hash::Sha256, &salt?, ROUNDS)?;
    opener.open_gcm(&key, &nonce?, b"", &sealed?)
}

fn read_services(
    services: Vec<Json<'_>>,
    mut root: Object<'_>,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let groups = read_groups(root.take_list("groups"), "id", "name");
    read_entries(services, imported, |service, row, imported| {
        read_service(service, &groups, row, imported)
    })?;
    for name in ABOUT_FILE {
        drop(root.take(name));
    }
    warn_of_rest(root, imported);
    Ok(())
}

fn read_service(
    service: &mut Object<'_>,
    groups: &HashMap<String, String>,
    row: usize,
    imported: &mut Imported,
) -> Option<Draft> {
    let mut otp = service.take_object("otp").unwrap_or_default();
    let name = service.take_text("name").unwrap_or_default();
    let issuer = otp.take_text("issuer").unwrap_or_default();
    let label = otp.take_text("label").unwrap_or_default();
    let account = otp.take_text("account").unwrap_or_default();
    let settings = Account {
        issuer: if name.is_empty() {
            issuer.clone()
        } else {
            name.clone()
        },
        name: if account.is_empty() {
            label.clone()
        } else {
            account.clone()
        },
        kind: otp.take_text("tokenType").unwrap_or_default(),
        key: take_key(service, "secret"),
        algorithm: otp.take_text("algorithm"),
        digits: otp.take_text("digits"),
        period: otp.take_text("period"),
        counter: otp.take_text("counter"),
    };
    let mut draft = settings.into_draft(row, imported)?;
    // What the user called the service is the title; what its QR code said stays beside it where it differs.
    if !name.is_empty() && issuer != name {
        keep_text(&mut draft, "issuer", issuer.clone());
    }
    let is_told = label == account || label == format!("{issuer}:{account}");
    if !account.is_empty() && !is_told {
        keep_text(&mut draft, "label", label);
    }
    // The seed's URI and where it came from: all of it is in the seed.
    drop(otp.take("link"));
    drop(otp.take("source"));
    if let Some(id) = service.take_text("groupId") {
        push_group(&mut draft, groups, id);
    }
    // When the app last stored it, in milliseconds, and the catalogue's number of a known site.
    for name in ["updatedAt", "type", "serviceTypeID"] {
        drop(service.take(name));
    }
    take_looks(service, &["icon", "order", "badge"], imported);
    keep_rest(&mut draft, "otp", otp);
    Some(draft)
}

fn keep_text(draft: &mut Draft, name: &str, text: String) {
    if !text.is_empty() {
        push_named(draft, name, FieldKind::Text, text);
    }
}
