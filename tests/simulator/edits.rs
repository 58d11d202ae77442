//! What a user does to items, each value a text that nothing else has.

use super::ledger::Values;
use super::steps::{Dice, Edit};
use keyfold::model::draft::{Draft, DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::moment::Moment;
use keyfold::state::change;
use keyfold::state::view::Life;
use keyfold::vault::{Vault, VaultError};

/// Makes one change, on an item that chance picks.
pub(crate) fn edit(
    vault: &mut Vault,
    kind: Edit,
    now: Moment,
    dice: &mut Dice,
    values: &mut Values,
) -> Result<(), VaultError> {
    let ids = vault.state().item_ids();
    let chosen = dice.pick(&ids).copied();
    if let Edit::Undo = kind {
        let own = vault.undoable_records();
        let Some(record) = dice.pick(&own).copied() else {
            return Ok(());
        };
        return vault.update(now, &mut dice.0, |plan, _| plan.undo(record));
    }
    let item = match (kind, chosen) {
        (Edit::Add, _) | (_, None) => {
            let draft = draft(values);
            return vault.update(now, &mut dice.0, |plan, rng| {
                plan.add(draft, rng);
                Ok(())
            });
        }
        (_, Some(item)) => item,
    };
    let edits = match kind {
        Edit::Attach => vec![attach(vault, item, now, dice, values)?],
        Edit::Detach => {
            let files = vault.state().item(item).map(|view| view.attachments);
            let files = files.unwrap_or_default();
            match dice.pick(&files) {
                Some(file) => vec![change::Edit::Detach(file.id)],
                None => vec![attach(vault, item, now, dice, values)?],
            }
        }
        Edit::Trash => return live(vault, item, Life::Trashed, now, dice),
        Edit::Restore => return live(vault, item, Life::Alive, now, dice),
        Edit::Purge | Edit::Prune => {
            return vault.update(now, &mut dice.0, |plan, _| {
                match kind {
                    Edit::Purge => plan.purge(item),
                    _ => plan.prune_history(item),
                }
                Ok(())
            });
        }
        _ => item_edit(vault, item, kind, dice, values),
    };
    vault.update(now, &mut dice.0, |plan, rng| plan.edit(item, edits, rng))
}

/// What is in a file of this name: as long as its number says, in one piece or several.
pub(crate) fn content_of(name: &str) -> Vec<u8> {
    let number: usize = name.bytes().map(usize::from).sum();
    name.bytes().cycle().take(1 + number * 7 % 5_000).collect()
}

/// Stores a file's pieces, for a change that attaches it in the place of another or beside it.
fn attach(
    vault: &mut Vault,
    item: ItemId,
    now: Moment,
    dice: &mut Dice,
    values: &mut Values,
) -> Result<change::Edit, VaultError> {
    let files = vault.state().item(item).map(|view| view.attachments);
    let files = files.unwrap_or_default();
    let replaced = match dice.below(4) {
        0 => dice.pick(&files).map(|file| file.id),
        _ => None,
    };
    let name = values.make("file");
    let content = content_of(&name);
    let mut attached = change::Attached {
        name,
        length: u64::try_from(content.len()).unwrap(),
        pieces: Vec::new(),
    };
    for piece in content.chunks(1 + dice.below(3_000)) {
        attached
            .pieces
            .push(vault.store_piece(piece, now, &mut dice.0)?);
    }
    Ok(change::Edit::Attach(replaced, attached))
}

fn live(
    vault: &mut Vault,
    item: ItemId,
    life: Life,
    now: Moment,
    dice: &mut Dice,
) -> Result<(), VaultError> {
    vault.update(now, &mut dice.0, |plan, _| plan.set_life(item, life))
}

fn draft(values: &mut Values) -> Draft {
    let mut draft = Draft {
        title: values.make("title"),
        urls: vec![values.make("https://url")],
        tags: vec![values.make("tag")],
        ..Draft::default()
    };
    draft.push_standard(field::USERNAME, values.make("user"));
    draft.push_standard(field::PASSWORD, values.make("password"));
    draft.push_standard(
        field::OTP,
        values.make("otpauth://hotp/me?secret=JBSWY3DPEHPK3PXP&issuer="),
    );
    draft
}

fn item_edit(
    vault: &Vault,
    item: ItemId,
    kind: Edit,
    dice: &mut Dice,
    values: &mut Values,
) -> Vec<change::Edit> {
    let standard = FieldName::Standard;
    let mut set = |name, kind, text: &str| {
        change::Edit::Set(name, kind, DraftValue::new(kind, values.make(text)))
    };
    let edit = match kind {
        Edit::Username => set(standard(field::USERNAME), FieldKind::Text, "user"),
        Edit::Otp => set(
            standard(field::OTP),
            FieldKind::Otp,
            "otpauth://hotp/me?secret=JBSWY3DPEHPK3PXP&issuer=",
        ),
        Edit::Custom => set(
            FieldName::Custom("mine".to_owned()),
            FieldKind::Multiline,
            "text",
        ),
        Edit::Tag => change::Edit::AddTag(values.make("tag")),
        Edit::Untag => {
            let tags = vault.state().item(item).map(|view| view.tags);
            let tags: Vec<String> = tags.into_iter().flatten().collect();
            match dice.pick(&tags) {
                Some(tag) => change::Edit::RemoveTag(tag.clone()),
                None => change::Edit::AddTag(values.make("tag")),
            }
        }
        Edit::Url => change::Edit::AddUrl(values.make("https://url")),
        Edit::Move => change::Edit::Move {
            folder: values.make("folder"),
            title: values.make("title"),
        },
        Edit::Count => change::Edit::Count(
            FieldId::Standard(field::OTP),
            u64::try_from(dice.below(1000)).unwrap(),
        ),
        _ => set(standard(field::PASSWORD), FieldKind::Secret, "password"),
    };
    vec![edit]
}
