//! Everything of some items as a document that leaves the vault (vault-format.md, section 8). Never writes a vault.
//!
//! Every secret is opened here; who calls has asked for the password again.

use crate::exchange::native::{
    Document, DocumentConflict, DocumentField, DocumentFile, DocumentFormer, DocumentItem,
    DocumentUrl,
};
use crate::model::field::FieldKind;
use crate::model::ids::{DeviceId, FieldId, ItemId};
use crate::model::item::ItemSummary;
use crate::otp::{Kind, Seed};
use crate::secret::Secret;
use crate::state::view::{FieldView, FormerView, ItemView, ValueView};
use crate::vault::{Revealer, Vault, VaultError};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// Why an export cannot be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExportError {
    /// A sealed value does not open in its place.
    Unreadable {
        /// The item.
        item: ItemId,
        /// The field, by name.
        field: String,
    },
}

impl fmt::Display for ExportError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { item, field } => write!(
                out,
                "the value of {field:?} in item {item} was damaged or moved and cannot be opened"
            ),
        }
    }
}

impl std::error::Error for ExportError {}

/// Most bytes of files that go into one export: they are in memory as a whole, unlike everywhere else.
pub const MAX_FILE_BYTES: u64 = 128 << 20;

/// Puts the files of its items into a document.
///
/// # Errors
/// [`VaultError::Refused`] where they are more than [`MAX_FILE_BYTES`], [`VaultError::NoPiece`] where one is not all here; what the
/// disk says.
pub fn load_files(vault: &Vault, document: &mut Document) -> Result<(), VaultError> {
    let mut bytes = 0_u64;
    for item in &document.items {
        let view = vault.state().item(item.id);
        for file in view.into_iter().flat_map(|view| view.attachments) {
            bytes = bytes.saturating_add(file.length);
            if bytes > MAX_FILE_BYTES {
                return Err(VaultError::Refused(
                    "the files of these items are more than an export holds (128 MiB)",
                ));
            }
            let mut content = Zeroizing::new(Vec::new());
            for number in 0..file.pieces {
                let piece = vault.read_piece(item.id, file.dot, number)?;
                // EXPOSE: the export holds the file.
                content.extend_from_slice(piece.expose());
            }
            document.files.push(DocumentFile {
                item: item.id,
                id: file.id,
                name: file.name,
                content: content.into(),
            });
        }
    }
    Ok(())
}

/// Names of the files of a document's items, for who leaves them out.
#[must_use]
pub fn file_names(vault: &Vault, document: &Document) -> Vec<(ItemId, String)> {
    let views = document.items.iter();
    let views = views.filter_map(|item| vault.state().item(item.id));
    let names = views.flat_map(|view| {
        let files = view.attachments.into_iter();
        files.map(move |file| (view.id, file.name))
    });
    names.collect()
}

/// The items that a selection takes, trash included where it says so, complete with history.
///
/// # Errors
/// [`ExportError`]; an export that leaves something out unsaid would be worse than none.
pub fn export(
    vault: &Vault,
    selection: &dyn Fn(&ItemSummary) -> bool,
) -> Result<Document, ExportError> {
    let revealer = vault.revealer();
    let state = revealer.state();
    let devices = state.device_names();
    let ids = state.item_ids().into_iter();
    let wanted = ids.filter(|id| state.summary(*id).is_some_and(|row| selection(&row)));
    let views = wanted.filter_map(|id| state.item(id));
    let items = views.map(|view| export_item(revealer, &view, &devices));
    Ok(Document {
        items: items.collect::<Result<_, _>>()?,
        files: Vec::new(),
        elsewhere: Vec::new(),
    })
}

fn export_item(
    revealer: Revealer<'_>,
    view: &ItemView,
    devices: &BTreeMap<DeviceId, String>,
) -> Result<DocumentItem, ExportError> {
    let fields = view.fields.iter();
    let history = revealer.state().history(view.id).into_iter();
    let mut item = DocumentItem {
        id: view.id,
        path: String::new(),
        trashed: view.summary().trashed,
        tags: view.tags.clone(),
        urls: view
            .urls
            .iter()
            .map(|url| DocumentUrl {
                id: url.id,
                value: url.address.clone(),
            })
            .collect(),
        fields: fields
            .map(|field| export_field(revealer, view.id, field))
            .collect::<Result<_, _>>()?,
        history: history
            .map(|former| export_former(revealer, view.id, former, devices))
            .collect::<Result<_, _>>()?,
    };
    item.tags.dedup();
    item.path = item.derive_path();
    Ok(item)
}

fn export_field(
    revealer: Revealer<'_>,
    item: ItemId,
    field: &FieldView,
) -> Result<DocumentField, ExportError> {
    let value = open(revealer, item, field.id, &field.name, &field.current)?;
    let mut conflicts = Vec::new();
    for other in &field.others {
        let other_value = open(revealer, item, field.id, &field.name, other)?;
        if !other_value.same_as(&value) {
            conflicts.push(DocumentConflict {
                value: other_value,
                changed: other.changed,
            });
        }
    }
    Ok(DocumentField {
        id: field.id,
        name: field.name.clone(),
        kind: field.kind,
        secret: field.kind.is_secret(),
        counter: (field.kind == FieldKind::Otp)
            .then(|| derive_count(&value, field.counter))
            .flatten(),
        value,
        changed: field.current.changed,
        conflicts,
    })
}

/// The count of an HOTP seed: the larger of its own start and what was stored; `None` for any other text.
pub(super) fn derive_count(seed: &Secret, stored: Option<u64>) -> Option<u64> {
    match Seed::parse(seed).ok()?.kind() {
        Kind::Hotp { counter } => Some(stored.map_or(counter, |stored| stored.max(counter))),
        Kind::Totp { .. } | Kind::Steam => None,
    }
}

fn export_former(
    revealer: Revealer<'_>,
    item: ItemId,
    former: FormerView,
    devices: &BTreeMap<DeviceId, String>,
) -> Result<DocumentFormer, ExportError> {
    let value = open(revealer, item, former.id, &former.name, &former.value)?;
    let written_by = || devices.get(&former.value.device).cloned();
    Ok(DocumentFormer {
        id: former.id,
        value,
        changed: former.value.changed,
        kind: former.kind,
        device: former
            .imported_device
            .clone()
            .or_else(written_by)
            .unwrap_or_default(),
        name: former.name,
    })
}

fn open(
    revealer: Revealer<'_>,
    item: ItemId,
    field: FieldId,
    name: &str,
    view: &ValueView,
) -> Result<Secret, ExportError> {
    revealer
        .reveal(item, field, &view.value)
        .ok_or_else(|| ExportError::Unreadable {
            item,
            field: name.to_owned(),
        })
}
