//! Another program's items into the vault: each draft becomes an item, or changes the one that it is.

use super::files::Files;
use super::ledger::{Ledger, Outcome, Row};
use super::matching::{Known, Pair, pair_fields};
use crate::exchange::Imported;
use crate::model::draft::{Draft, DraftFormer, DraftValue, FieldName};
use crate::model::field::{self, FieldKind};
use crate::model::ids::FieldId;
use crate::secret::Secret;
use crate::state::change::{ChangeError, Edit, Mark, Plan};
use crate::state::view::{FormerView, ItemView, Life};
use crate::vault::Revealer;
use rand::CryptoRng;

const TRASHED: &str = "the item lies in the trash and stays there";

/// Plans the items of another program's export, each already in its folder, with those of their files that were stored.
///
/// # Errors
/// [`ChangeError`]; the plan must then be dropped. [`ChangeError::NotAsSeen`] where a file would have to be stored first that
/// was not: the vault changed since [`super::files::Files::find`].
pub(super) fn plan_drafts(
    plan: &mut Plan<'_>,
    revealer: Revealer<'_>,
    imported: Imported,
    files: &Files,
    rng: &mut dyn CryptoRng,
) -> Result<Ledger, ChangeError> {
    let mut ledger = Ledger::default();
    let items = imported.drafts;
    let matches = Known::new(revealer, &items).match_all(&items);
    for ((item, known), number) in items.into_iter().zip(matches).zip(0..) {
        let mut row = ledger.row(item.row, &item.draft.title);
        match known {
            None => {
                enter_created(&item.draft, &mut row);
                let attached = files.attach(number, None, &mut row)?;
                row.close_created();
                let id = plan.add(item.draft, rng);
                if !attached.is_empty() {
                    plan.edit(id, attached, rng)?;
                }
            }
            Some(view) => {
                let rests = view.life == Life::Trashed && item.draft.trashed;
                let mut draft = item.draft;
                let former = std::mem::take(&mut draft.former);
                let mut edits = compare(revealer, &view, draft, &mut row, rng);
                edits.extend(files.attach(number, Some(&view), &mut row)?);
                add_former(plan, revealer, &view, former, &mut row, rng);
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

pub(super) fn put_under(draft: &mut Draft, into: Option<&str>) {
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
    for former in &draft.former {
        row.field(&former_name(&former.name), Outcome::Created, None);
    }
}

fn former_name(name: &FieldName) -> String {
    format!("former {}", name.as_text())
}

/// Puts those former values into an item's history that are not there.
fn add_former(
    plan: &mut Plan<'_>,
    revealer: Revealer<'_>,
    view: &ItemView,
    former: Vec<DraftFormer>,
    row: &mut Row<'_>,
    rng: &mut dyn CryptoRng,
) {
    if former.is_empty() {
        return;
    }
    let past = revealer.state().history(view.id);
    for wanted in former {
        let name = former_name(&wanted.name);
        let register = register_of(view, &past, &wanted.name);
        let mut alike = past.iter().filter(|known| {
            // Without a time of its own it has that of its import, so the value alone tells.
            let is_time = wanted.set.0 == 0 || known.value.changed == wanted.set;
            is_time && Some(known.id) == register
        });
        let is_known = alike.any(|known| {
            let value = revealer.reveal(view.id, known.id, &known.value.value);
            value.is_some_and(|value| is_text(&value, &wanted.value))
        });
        if is_known {
            row.field(&name, Outcome::Identical, None);
        } else {
            row.field(&name, Outcome::Created, None);
            let register = register.unwrap_or_else(|| FieldId::make(rng));
            plan.former(view.id, register, wanted);
        }
    }
}

/// The register that a former value belongs to: that of a field which is there, or was.
fn register_of(view: &ItemView, past: &[FormerView], name: &FieldName) -> Option<FieldId> {
    let name = match name {
        FieldName::Standard(number) => return Some(FieldId::Standard(*number)),
        FieldName::Custom(name) => name,
    };
    let current = view.fields.iter().map(|field| (field.id, &field.name));
    let former = past.iter().map(|former| (former.id, &former.name));
    let mut custom = current
        .chain(former)
        .filter(|row| matches!(row.0, FieldId::Custom(_)));
    custom.find(|row| row.1 == name).map(|row| row.0)
}

fn is_text(known: &Secret, value: &DraftValue) -> bool {
    match value {
        DraftValue::Plain(text) => known.same_as(&Secret::new(text.clone())),
        DraftValue::Secret(secret) => known.same_as(secret),
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
