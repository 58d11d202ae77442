//! The JSON of FreeOTP+ and of converters for FreeOTP: `{tokens, tokenOrder}`, keys as lists of signed bytes.
//!
//! Both count HOTP from one below what a QR code says, and give that code first. The count is taken as it stands, since
//! it is what the program itself would use next.

use super::authenticator::{
    Account, Key, NO_ICONS, read_entries, skip_field, take_key, take_looks, warn_of_rest,
};
use super::json::{Json, Object};
use super::place::push_text;
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use zeroize::Zeroizing;

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::FreeOtp,
        reason,
    };
    let Json::Object(mut root) = Json::parse(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    let tokens = root
        .take_list("tokens")
        .ok_or_else(|| not_this("it has no list of tokens"))?;
    let mut imported = Imported::default();
    read_entries(tokens, &mut imported, |token, row, imported| {
        let key = match take_bytes(token, "secret") {
            Some(bytes) => Key::Bytes(bytes),
            None => take_key(token, "secret"),
        };
        read_token(token, key, row, imported)
    })?;
    take_looks(&mut root, &["tokenOrder"], &mut imported);
    warn_of_rest(root, &mut imported);
    Ok(imported)
}

/// Reads one token, whose seed stands elsewhere in a backup.
pub(super) fn read_token(
    token: &mut Object<'_>,
    key: Key,
    row: usize,
    imported: &mut Imported,
) -> Option<Draft> {
    // What the user called it, else what stood before the label, else what the parameter said.
    let [alt, external, internal] =
        ["issuerAlt", "issuerExt", "issuerInt"].map(|name| token.take_text(name));
    let issuers = [&alt, &external, &internal];
    let issuer = issuers.into_iter().flatten().next().cloned();
    let [label_alt, label] = ["labelAlt", "label"].map(|name| token.take_text(name));
    let kind = token.take_text("type").unwrap_or_default();
    let is_steam = issuer.as_deref() == Some("Steam") && kind.eq_ignore_ascii_case("totp");
    let account = Account {
        issuer: issuer.clone().unwrap_or_default(),
        name: label_alt.clone().or(label.clone()).unwrap_or_default(),
        kind: if is_steam { "steam".to_owned() } else { kind },
        key,
        algorithm: token.take_text("algo"),
        digits: token.take_text("digits"),
        period: token.take_text("period"),
        // A count of zero is stored as -1.
        counter: token
            .take_text("counter")
            .map(|count| if count == "-1" { "0".to_owned() } else { count }),
    };
    let mut draft = account.into_draft(row, imported)?;
    for (name, value) in [("issuer", external), ("issuer", internal)] {
        if value != issuer
            && !draft
                .fields
                .iter()
                .any(|entry| entry.name.as_text() == name)
        {
            push_text(&mut draft, name, value.unwrap_or_default());
        }
    }
    if label_alt.is_some() {
        push_text(&mut draft, "label", label.unwrap_or_default());
    }
    for name in ["image", "imageAlt"] {
        if token.take_text(name).is_some() {
            skip_field(&draft, name, NO_ICONS, row, imported);
        }
    }
    Some(draft)
}

/// Takes a list of bytes out, from -128 to 127 as Java has them, or to 255 as some converters write them; `None` where it
/// is no such list.
pub(super) fn take_bytes(object: &mut Object<'_>, name: &str) -> Option<Zeroizing<Vec<u8>>> {
    let list = object.take_list(name)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(list.len()));
    for value in list {
        let number: i16 = value.into_text().ok()?.parse().ok()?;
        if !(-128..=255).contains(&number) {
            return None;
        }
        let [_, byte] = number.to_be_bytes();
        bytes.push(byte);
    }
    Some(bytes)
}
