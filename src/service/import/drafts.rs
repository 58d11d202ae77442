//! Another program's items into the vault: each draft becomes an item, or changes the one that it is.

use super::ledger::{Ledger, Outcome, Row};
use super::matching::{Known, Pair, pair_fields};
use crate::exchange::Imported;
use crate::model::draft::{Draft, DraftValue, FieldName};
use crate::model::field::{self, FieldKind};
use crate::model::ids::FieldId;
use crate::secret::Secret;
use crate::state::change::{ChangeError, Edit, Mark, Plan};
use crate::state::view::{ItemView, Life};
use crate::vault::Revealer;
use rand::CryptoRng;

const TRASHED: &str = "the item lies in the trash and stays there";

/// Plans the items of another program's export; `into` is the folder they go under.
///
/// # Errors
/// [`ChangeError`]; the plan must then be dropped.
pub fn plan_drafts(
    plan: &mut Plan<'_>,
    revealer: Revealer<'_>,
    imported: Imported,
    into: Option<&str>,
    rng: &mut dyn CryptoRng,
) -> Result<Ledger, ChangeError> {
    let mut ledger = Ledger::default();
    let mut items = imported.drafts;
    for item in &mut items {
        put_under(&mut item.draft, into);
    }
    let matches = Known::new(revealer, &items).match_all(&items);
    for (item, known) in items.into_iter().zip(matches) {
        let mut row = ledger.row(item.row, &item.draft.title);
        match known {
            None => {
                enter_created(&item.draft, &mut row);
                row.close_created();
                plan.add(item.draft, rng);
            }
            Some(view) => {
                let rests = view.life == Life::Trashed && item.draft.trashed;
                let edits = compare(revealer, &view, item.draft, &mut row, rng);
                row.close_matched();
                if !edits.is_empty() {
                    plan.edit(view.id, edits, rng)?;
                    if rests {
                        // An edit revives an item; this one is in the trash on both sides.
                        plan.set_life(view.id, Life::Trashed)?;
                    }
                }
            }
        }
    }
    for skipped in imported.skipped {
        ledger.skip(skipped);
    }
    ledger.sort();
    Ok(ledger)
}

fn put_under(draft: &mut Draft, into: Option<&str>) {
    let into = into.unwrap_or_default().trim_matches('/');
    if into.is_empty() {
        return;
    }
    draft.folder = if draft.folder.is_empty() {
        into.to_owned()
    } else {
        format!("{into}/{}", draft.folder)
    };
}

fn enter_created(draft: &Draft, row: &mut Row<'_>) {
    for name in described(draft) {
        row.field(name, Outcome::Created, None);
    }
    for _ in &draft.urls {
        row.field("url", Outcome::Created, None);
    }
    for _ in &draft.tags {
        row.field("tag", Outcome::Created, None);
    }
    for field in &draft.fields {
        row.field(field.name.as_text(), Outcome::Created, None);
    }
}

/// What a draft says of the item itself.
fn described(draft: &Draft) -> Vec<&'static str> {
    let mut names = vec!["title"];
    if !draft.folder.is_empty() {
        names.push("folder");
    }
    if draft.favourite {
        names.push("favourite");
    }
    names
}

/// The edits that bring an item to what a draft says, each entered.
fn compare(
    revealer: Revealer<'_>,
    view: &ItemView,
    draft: Draft,
    row: &mut Row<'_>,
    rng: &mut dyn CryptoRng,
) -> Vec<Edit> {
    let mut edits = Vec::new();
    let resting = (view.summary().trashed && !draft.trashed).then_some(TRASHED);
    describe(view, &draft, row, &mut edits, resting);
    let addresses: Vec<&str> = view.urls.iter().map(|url| url.address.as_str()).collect();
    for url in draft.urls {
        let is_new = !addresses.contains(&url.as_str());
        enter_addition(row, "url", is_new, resting);
        if is_new {
            edits.push(Edit::AddUrl(url));
        }
    }
    for tag in draft.tags {
        let is_new = !view.tags.contains(&tag);
        enter_addition(row, "tag", is_new, resting);
        if is_new {
            edits.push(Edit::AddTag(tag));
        }
    }
    let pairs = pair_fields(revealer, view, &draft.fields);
    for (wanted, pair) in draft.fields.into_iter().zip(pairs) {
        let name = wanted.name.as_text().to_owned();
        match pair {
            Pair::Same => row.field(&name, Outcome::Identical, resting),
            Pair::Counted(id, count) => {
                edits.push(Edit::Count(id, count));
                row.field(&name, Outcome::Updated, None);
            }
            Pair::Other(id, known) => {
                // What the user made secret stays secret.
                let (kind, value) = if known.is_secret() {
                    (known, into_secret(wanted.value))
                } else {
                    (wanted.kind, wanted.value)
                };
                edits.push(Edit::SetAt(id, wanted.name, kind, value));
                row.field(&name, Outcome::Updated, None);
            }
            Pair::New => {
                let id = match wanted.name {
                    FieldName::Standard(number) => FieldId::Standard(number),
                    FieldName::Custom(_) => FieldId::make(rng),
                };
                edits.push(Edit::SetAt(id, wanted.name, wanted.kind, wanted.value));
                row.field(&name, Outcome::Created, None);
            }
        }
    }
    edits
}

fn enter_addition(row: &mut Row<'_>, name: &str, is_new: bool, resting: Option<&str>) {
    if is_new {
        row.field(name, Outcome::Created, None);
    } else {
        row.field(name, Outcome::Identical, resting);
    }
}

/// Title, folder, mark, kind and origin. What a source says of the trash never trashes an item that lives here.
fn describe(
    view: &ItemView,
    draft: &Draft,
    row: &mut Row<'_>,
    edits: &mut Vec<Edit>,
    resting: Option<&str>,
) {
    let mut enter = |name: &str, is_same: bool| {
        if is_same {
            row.field(name, Outcome::Identical, resting);
        } else {
            row.field(name, Outcome::Updated, None);
        }
        !is_same
    };
    let moves = enter("title", view.text(field::TITLE) == draft.title);
    let mut folder = draft.folder.clone();
    if folder.is_empty() {
        // A source without folders leaves the item where it is.
        view.text(field::FOLDER).clone_into(&mut folder);
    } else if enter("folder", view.text(field::FOLDER) == folder) || moves {
        edits.push(Edit::Move {
            folder: folder.clone(),
            title: draft.title.clone(),
        });
    }
    if moves && draft.folder.is_empty() {
        let title = draft.title.clone();
        edits.push(Edit::Move { folder, title });
    }
    if draft.favourite && enter("favourite", view.text(field::FAVOURITE) == "yes") {
        edits.push(Edit::Favourite(Mark::Favourite));
    }
    if view.kind() != draft.kind {
        enter("kind", false);
        edits.push(Edit::Kind(draft.kind));
    }
    let origin = draft.origin.as_deref().unwrap_or_default();
    if !origin.is_empty() && view.text(field::ORIGIN) != origin {
        enter("origin", false);
        edits.push(Edit::SetAt(
            FieldId::Standard(field::ORIGIN),
            FieldName::Standard(field::ORIGIN),
            FieldKind::Text,
            DraftValue::Plain(origin.to_owned()),
        ));
    }
}

fn into_secret(value: DraftValue) -> DraftValue {
    match value {
        DraftValue::Plain(text) => DraftValue::Secret(Secret::new(text)),
        secret @ DraftValue::Secret(_) => secret,
    }
}
