//! Proton Authenticator's export: `{version, entries: [{id, content: {uri, entry_type, name}, note}]}`.
//!
//! One under a password is `{version, salt, content}`: nonce and ciphertext of the same in base64, AES-256-GCM under
//! Argon2id with costs that are not written down.

use super::authenticator::{
    NO_ICONS, draft_of_uri, push_other, read_entries, skip_field, warn_of_rest,
};
use super::encoding::Text;
use super::json::{Json, Object};
use super::place::{keep_rest, push_named, settle_title};
use super::unlock::{ArgonCost, Credentials, Opener};
use super::{Format, ImportError, Imported};
use crate::model::draft::{Draft, DraftValue, FieldName};
use crate::model::field::{self, FieldKind};
use crate::secret::Secret;
use zeroize::Zeroizing;

/// Reads the export.
pub(super) fn import(text: &str, credentials: &Credentials<'_>) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::ProtonAuthenticator,
        reason,
    };
    let Json::Object(mut root) = Json::parse_long(text)? else {
        return Err(not_this("it is not a JSON object"));
    };
    if let (Some(salt), Some(sealed)) = (root.take_text("salt"), root.take_text("content")) {
        let opener = Opener::new(Format::ProtonAuthenticator, credentials)?;
        let plain = open_content(&opener, &salt, &sealed)?;
        let text = Text::parse(&plain)?;
        return match Json::parse(&text)? {
            Json::Object(root) => read_root(root),
            _ => Err(not_this("what was encrypted is not an object")),
        };
    }
    read_root(root)
}

const COST: ArgonCost = ArgonCost {
    memory_kib: 19 * 1024,
    passes: 2,
    lanes: 1,
};
const ASSOCIATED: &[u8] = b"proton.authenticator.export.v1";
const NONCE_LENGTH: usize = 12;

fn open_content(
    opener: &Opener<'_>,
    salt: &str,
    sealed: &str,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let salt = opener.decode_base64(salt)?;
    let sealed = opener.decode_base64(sealed)?;
    let (nonce, sealed) = sealed
        .split_at_checked(NONCE_LENGTH)
        .ok_or_else(|| opener.damaged())?;
    let key = opener.derive_argon2id(&salt, &COST)?;
    opener.open_gcm(&key, nonce, ASSOCIATED, sealed)
}

fn read_root(mut root: Object<'_>) -> Result<Imported, ImportError> {
    let entries = root
        .take_list("entries")
        .ok_or(ImportError::NotThisFormat {
            format: Format::ProtonAuthenticator,
            reason: "it has no list of entries",
        })?;
    drop(root.take("version"));
    let mut imported = Imported::default();
    read_entries(entries, &mut imported, read_entry)?;
    warn_of_rest(root, &mut imported);
    Ok(imported)
}

fn read_entry(entry: &mut Object<'_>, row: usize, imported: &mut Imported) -> Option<Draft> {
    let mut content = entry.take_object("content").unwrap_or_default();
    let uri = Secret::new(content.take_text("uri").unwrap_or_default());
    let name = content.take_text("name").unwrap_or_default();
    let (mut draft, others) = draft_of_uri(&uri, row, imported)?;
    for (parameter, value) in others {
        push_other(&mut draft, &parameter, value);
    }
    name_by_user(&mut draft, name);
    draft.origin = entry
        .take_text("id")
        .map(|id| format!("proton-authenticator:{id}"));
    draft.push_standard(field::NOTES, entry.take_text("note").unwrap_or_default());
    // It says again what the URI says.
    drop(content.take("entry_type"));
    keep_rest(&mut draft, "content", content);
    if let Some(icon) = entry.take("icon")
        && !icon.is_nothing()
    {
        skip_field(&draft, "icon", NO_ICONS, row, imported);
    }
    Some(draft)
}

/// The name that the user gave the entry is the account, or the title of one that has neither site nor account, as
/// Steam's.
fn name_by_user(draft: &mut Draft, name: String) {
    let mut fields = draft.fields.iter();
    let has_account = fields.any(|entry| entry.name == FieldName::Standard(field::USERNAME));
    let is_said = draft
        .fields
        .iter()
        .any(|entry| matches!(&entry.value, DraftValue::Plain(text) if *text == name));
    if name.is_empty() || is_said || draft.title == name {
        return;
    }
    if has_account {
        push_named(draft, "name", FieldKind::Text, name);
    } else if draft.title == "untitled" {
        draft.title = name;
    } else {
        draft.push_standard(field::USERNAME, name);
    }
    settle_title(draft);
}
