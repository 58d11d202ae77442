//! cotp's database, in clear as `cotp export` writes it: `{version, elements}`; or its own file, `{version, nonce, salt,
//! cipher}` in base64, the same under XChaCha20-Poly1305 and Argon2id with costs that are not written down.

use super::authenticator::{Account, read_entries, take_account, warn_of_rest};
use super::encoding::Text;
use super::json::{Json, Object};
use super::unlock::{ArgonCost, Credentials, Opener};
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field;

/// Reads the export.
pub(super) fn import(text: &str, credentials: &Credentials<'_>) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::Cotp,
        reason,
    };
    let mut root = match Json::parse_long(text)? {
        Json::Object(root) => root,
        list @ Json::List(_) => return read_database(list),
        _ => return Err(not_this("it is neither a JSON object nor a list")),
    };
    let parts = ["salt", "nonce", "cipher"].map(|name| root.take_text(name));
    if let [Some(salt), Some(nonce), Some(sealed)] = &parts {
        let opener = Opener::new(Format::Cotp, credentials)?;
        let [salt, nonce, sealed] = [salt, nonce, sealed].map(|text| opener.decode_base64(text));
        let key = opener.derive_argon2id(&salt?, &COST)?;
        let plain = opener.open_xchacha(&key, &nonce?, &sealed?)?;
        let text = Text::parse(&plain)?;
        return read_database(Json::parse(&text)?);
    }
    read_database(Json::Object(root))
}

const COST: ArgonCost = ArgonCost {
    memory_kib: 32 * 1024,
    passes: 4,
    lanes: 4,
};

fn read_database(database: Json<'_>) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::Cotp,
        reason,
    };
    let mut imported = Imported::default();
    match database {
        // Its first version was the bare list.
        Json::List(elements) => read_entries(elements, &mut imported, read_element)?,
        Json::Object(mut root) => {
            let elements = root
                .take_list("elements")
                .ok_or_else(|| not_this("it has no list of elements"))?;
            read_entries(elements, &mut imported, read_element)?;
            drop(root.take("version"));
            warn_of_rest(root, &mut imported);
        }
        _ => return Err(not_this("it has no list of elements")),
    }
    Ok(imported)
}

fn read_element(element: &mut Object<'_>, row: usize, imported: &mut Imported) -> Option<Draft> {
    let account = Account {
        issuer: element.take_text("issuer").unwrap_or_default(),
        name: element.take_text("label").unwrap_or_default(),
        ..take_account(element, "type", "period")
    };
    let mut draft = account.into_draft(row, imported)?;
    draft.push_standard(field::PIN, element.take_text("pin").unwrap_or_default());
    Some(draft)
}
