//! cotp's database in clear, as `cotp export` writes it: `{version, elements}`.

use super::authenticator::{Account, read_entries, take_key, warn_of_rest};
use super::json::{Json, Object};
use super::{Format, ImportError, Imported};
use crate::model::draft::Draft;
use crate::model::field;

/// Reads the export.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::Cotp,
        reason,
    };
    let mut imported = Imported::default();
    match Json::parse(text)? {
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
        _ => return Err(not_this("it is neither a JSON object nor a list")),
    }
    Ok(imported)
}

fn read_element(element: &mut Object<'_>, row: usize, imported: &mut Imported) -> Option<Draft> {
    let account = Account {
        issuer: element.take_text("issuer").unwrap_or_default(),
        name: element.take_text("label").unwrap_or_default(),
        kind: element.take_text("type").unwrap_or_default(),
        key: take_key(element, "secret"),
        algorithm: element.take_text("algorithm"),
        digits: element.take_text("digits"),
        period: element.take_text("period"),
        counter: element.take_text("counter"),
    };
    let mut draft = account.into_draft(row, imported)?;
    draft.push_standard(field::PIN, element.take_text("pin").unwrap_or_default());
    Some(draft)
}
