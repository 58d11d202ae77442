//! Aegis's vault as it exports it: `{version, header, db: {version, entries, groups}}` (its docs/vault.md).
//!
//! Of an encrypted one `db` is a text, under a master key; the header has slots with that key, each under a credential of
//! its own, and a password is one. A fingerprint's key never leaves its phone.
//! The content's version 3 names groups by id; before, an entry had one group's name.

use super::authenticator::{
    Account, NO_ICONS, push_group, read_entries, read_groups, skip_field, take_key, warn_of_rest,
};
use super::encoding::Text;
use super::json::{Json, Object};
use super::place::{keep_rest, push_tag};
use super::unlock::{Credentials, GCM_TAG, Key, Opener, ScryptCost};
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// Reads the export.
pub(super) fn import(text: &str, credentials: &Credentials<'_>) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::Aegis,
        reason,
    };
    let Json::Object(mut root) = Json::parse_long(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    let header = root.take_object("header").unwrap_or_default();
    drop(root.take("version"));
    let mut imported = Imported::default();
    match root.take("db") {
        Some(Json::Object(content)) => read_content(content, &mut imported)?,
        Some(Json::Text(sealed)) => {
            let opener = Opener::new(Format::Aegis, credentials)?;
            let plain = open_content(&opener, header, &sealed)?;
            let text = Text::parse(&plain)?;
            let Json::Object(content) = Json::parse(&text)? else {
                return Err(not_this("its db is not an object"));
            };
            read_content(content, &mut imported)?;
        }
        _ => return Err(not_this("it has no db")),
    }
    warn_of_rest(root, &mut imported);
    Ok(imported)
}

/// Slots that are tried; nobody has so many passwords.
const MAX_SLOTS: usize = 16;
const PASSWORD_SLOT: &str = "1";

fn open_content(
    opener: &Opener<'_>,
    mut header: Object<'_>,
    sealed: &str,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let mut master = None;
    let mut slots = header.take_list("slots").unwrap_or_default();
    slots.retain_mut(|slot| match slot {
        Json::Object(slot) => slot.take_text("type").as_deref() == Some(PASSWORD_SLOT),
        _ => false,
    });
    if slots.is_empty() || slots.len() > MAX_SLOTS {
        return Err(ImportError::NotThisFormat {
            format: Format::Aegis,
            reason: "it has no slot for a password, or too many of them",
        });
    }
    for slot in slots {
        let Json::Object(slot) = slot else { continue };
        match open_slot(opener, slot) {
            Ok(key) => master = Some(key),
            Err(ImportError::SourcePasswordWrong { .. }) => continue,
            Err(error) => return Err(error),
        }
        break;
    }
    let master = master.ok_or_else(|| opener.wrong())?;
    let params = header.take_object("params").unwrap_or_default();
    let sealed = opener.decode_base64(sealed)?;
    open_under(opener, &master, params, sealed)
}

fn open_slot(opener: &Opener<'_>, mut slot: Object<'_>) -> Result<Key, ImportError> {
    let mut number = |name| -> Option<u64> { slot.take_text(name)?.parse().ok() };
    let cost = match (number("n"), number("r"), number("p")) {
        (Some(n), Some(r), Some(p)) => (n, u32::try_from(r), u32::try_from(p)),
        _ => return Err(opener.damaged()),
    };
    let (n, Ok(r), Ok(p)) = cost else {
        return Err(opener.damaged());
    };
    let salt = opener.decode_hex(&slot.take_text("salt").unwrap_or_default())?;
    let wrapped = opener.decode_hex(&slot.take_text("key").unwrap_or_default())?;
    let params = slot.take_object("key_params").unwrap_or_default();
    let key = opener.derive_scrypt(&salt, &ScryptCost { n, r, p })?;
    let master = open_under(opener, &key, params, wrapped)?;
    let bytes = <[u8; 32]>::try_from(master.as_slice()).map_err(|_| opener.damaged())?;
    Ok(Zeroizing::new(bytes))
}

/// Opens AES-GCM whose nonce and tag stand apart.
fn open_under(
    opener: &Opener<'_>,
    key: &Key,
    mut params: Object<'_>,
    mut sealed: Vec<u8>,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let nonce = opener.decode_hex(&params.take_text("nonce").unwrap_or_default())?;
    let tag = opener.decode_hex(&params.take_text("tag").unwrap_or_default())?;
    if tag.len() != GCM_TAG {
        return Err(opener.damaged());
    }
    sealed.extend_from_slice(&tag);
    opener.open_gcm(key, &nonce, b"", &sealed)
}

fn read_content(mut content: Object<'_>, imported: &mut Imported) -> Result<(), ImportError> {
    drop(content.take("version"));
    let entries = content
        .take_list("entries")
        .ok_or(ImportError::NotThisFormat {
            format: Format::Aegis,
            reason: "its db has no entries",
        })?;
    let groups = read_groups(content.take_list("groups"), "uuid", "name");
    read_entries(entries, imported, |entry, row, imported| {
        read_entry(entry, &groups, row, imported)
    })?;
    // Whether the icons of a pack were preferred says nothing of an entry.
    drop(content.take("icons_optimized"));
    warn_of_rest(content, imported);
    Ok(())
}

fn read_entry(
    entry: &mut Object<'_>,
    groups: &HashMap<String, String>,
    row: usize,
    imported: &mut Imported,
) -> Option<Draft> {
    let mut info = entry.take_object("info").unwrap_or_default();
    let account = Account {
        issuer: entry.take_text("issuer").unwrap_or_default(),
        name: entry.take_text("name").unwrap_or_default(),
        kind: entry.take_text("type").unwrap_or_default(),
        key: take_key(&mut info, "secret"),
        algorithm: info.take_text("algo"),
        digits: info.take_text("digits"),
        period: info.take_text("period"),
        counter: info.take_text("counter"),
    };
    let mut draft = account.into_draft(row, imported)?;
    draft.origin = entry.take_text("uuid").map(|id| format!("aegis:{id}"));
    draft.favourite = entry.take_flag("favorite");
    draft.push_standard(field::NOTES, entry.take_text("note").unwrap_or_default());
    draft.push_standard(field::PIN, info.take_text("pin").unwrap_or_default());
    for group in entry.take_list("groups").unwrap_or_default() {
        if let Ok(id) = group.into_text() {
            push_group(&mut draft, groups, id);
        }
    }
    push_tag(&mut draft, &entry.take_text("group").unwrap_or_default());
    // Its MIME type and hash go with it.
    let icon = ["icon", "icon_mime", "icon_hash"].map(|name| entry.take(name));
    if matches!(icon.first(), Some(Some(_))) {
        skip_field(&draft, "icon", NO_ICONS, row, imported);
    }
    keep_rest(&mut draft, "info", info);
    Some(draft)
}
