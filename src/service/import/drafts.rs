//! Another program's items against the vault's: each draft finds its item or becomes one.
//!
//! A draft's item is the one with its origin, else one with its folder, title and user name whose addresses agree. Where
//! several could be meant, the one that says the same already comes first, and no item is taken twice: two rows that
//! look alike become two items, and a second import finds each its own.

use super::ledger::{Ledger, Outcome, Row};
use crate::exchange::{Imported, ImportedItem};
use crate::model::draft::{Draft, DraftField, DraftValue, FieldName};
use crate::model::field::{self, FieldKind};
use crate::model::ids::{FieldId, ItemId};
use crate::model::origin::host_text;
use crate::secret::Secret;
use crate::state::change::{ChangeError, Edit, Mark, Plan};
use crate::state::view::{FieldView, ItemView, Value};
use crate::vault::Revealer;
use rand::CryptoRng;
use std::collections::{HashMap, HashSet};

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
                let edits = compare(revealer, &view, item.draft, &mut row, rng);
                row.close_matched();
                if !edits.is_empty() {
                    plan.edit(view.id, edits, rng)?;
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

type Identity = (String, String, String);

/// The vault's items, by what a draft may know them by.
struct Known<'a> {
    revealer: Revealer<'a>,
    by_origin: HashMap<String, Vec<ItemId>>,
    by_identity: HashMap<Identity, Vec<ItemId>>,
    views: HashMap<ItemId, ItemView>,
    claimed: HashSet<ItemId>,
}

impl<'a> Known<'a> {
    fn new(revealer: Revealer<'a>, items: &[ImportedItem]) -> Self {
        let state = revealer.state();
        let mut known = Self {
            revealer,
            by_origin: HashMap::new(),
            by_identity: HashMap::new(),
            views: HashMap::new(),
            claimed: HashSet::new(),
        };
        let wanted: HashSet<Identity> = items.iter().map(|item| identity_of(&item.draft)).collect();
        let origins: HashSet<&str> = items
            .iter()
            .filter_map(|item| item.draft.origin.as_deref())
            .collect();
        // Items in the trash come last, so that a live one is taken before them.
        let mut rows = state.summaries();
        rows.sort_by_key(|row| row.trashed);
        for row in rows {
            let identity = (row.folder, row.title, row.username);
            let is_wanted = wanted.contains(&identity);
            // An origin is told by the whole view alone, which only a source with origins is worth.
            if !is_wanted && origins.is_empty() {
                continue;
            }
            let Some(view) = state.item(row.id) else {
                continue;
            };
            let origin = view.text(field::ORIGIN);
            let is_origin = origins.contains(origin);
            if is_origin {
                known
                    .by_origin
                    .entry(origin.to_owned())
                    .or_default()
                    .push(row.id);
            }
            if is_wanted {
                known.by_identity.entry(identity).or_default().push(row.id);
            }
            if is_wanted || is_origin {
                known.views.insert(row.id, view);
            }
        }
        known
    }

    /// The item of each draft, in the drafts' order.
    fn match_all(mut self, items: &[ImportedItem]) -> Vec<Option<ItemView>> {
        let mut found: Vec<Option<ItemId>> = vec![None; items.len()];
        // Whatever says the same already goes first, over all drafts: no other draft may take it.
        for fits in [Self::says_the_same, Self::may_be] {
            for (item, place) in items.iter().zip(&mut found) {
                if place.is_none() {
                    *place = self.claim(&item.draft, fits);
                }
            }
        }
        found
            .into_iter()
            .map(|id| self.views.remove(&id?))
            .collect()
    }

    fn claim(
        &mut self,
        draft: &Draft,
        fits: fn(&Self, &ItemView, &Draft) -> bool,
    ) -> Option<ItemId> {
        let id = self.candidates(draft).into_iter().find(|id| {
            self.views
                .get(id)
                .is_some_and(|view| fits(self, view, draft))
        })?;
        self.claimed.insert(id);
        Some(id)
    }

    /// Items with the draft's origin, else with its identity and no other origin; none that is taken.
    fn candidates(&self, draft: &Draft) -> Vec<ItemId> {
        let free = |ids: Option<&Vec<ItemId>>| -> Vec<ItemId> {
            let ids = ids.into_iter().flatten().copied();
            ids.filter(|id| !self.claimed.contains(id)).collect()
        };
        let origin = draft.origin.as_deref();
        let same = free(origin.and_then(|origin| self.by_origin.get(origin)));
        if !same.is_empty() {
            return same;
        }
        let mut alike = free(self.by_identity.get(&identity_of(draft)));
        alike.retain(|id| {
            let known = self
                .views
                .get(id)
                .map_or("", |view| view.text(field::ORIGIN));
            origin.is_none() || known.is_empty() || Some(known) == origin
        });
        alike
    }

    fn says_the_same(&self, view: &ItemView, draft: &Draft) -> bool {
        let has_url = |url: &String| view.urls.iter().any(|known| known.address == *url);
        draft.title == view.text(field::TITLE)
            && draft.folder == view.text(field::FOLDER)
            && draft.urls.iter().all(has_url)
            && pair_fields(self.revealer, view, &draft.fields)
                .iter()
                .all(|pair| matches!(pair, Pair::Same))
    }

    /// Whether the addresses let the draft be this item: one of them has none, or the draft's first host is known.
    fn may_be(&self, view: &ItemView, draft: &Draft) -> bool {
        let by_origin =
            draft.origin.is_some() && draft.origin.as_deref() == Some(view.text(field::ORIGIN));
        let first = draft.urls.first().map(|url| host_text(url));
        let mut hosts = view.urls.iter().map(|url| host_text(&url.address));
        by_origin
            || view.urls.is_empty()
            || first.is_none_or(|first| hosts.any(|host| host.eq_ignore_ascii_case(&first)))
    }
}

fn identity_of(draft: &Draft) -> Identity {
    let mut fields = draft.fields.iter();
    let user = fields.find(|field| field.name == FieldName::Standard(field::USERNAME));
    let user = match user.map(|field| &field.value) {
        Some(DraftValue::Plain(text)) => text.clone(),
        _ => String::new(),
    };
    (draft.folder.clone(), draft.title.clone(), user)
}

/// What a draft's field is to an item.
enum Pair {
    /// The item says the same.
    Same,
    /// The item has another value in this register, of this kind.
    Other(FieldId, FieldKind),
    /// The item has no such field.
    New,
}

/// Finds each field of a draft its register: custom fields that share a name by their values first, then in order.
fn pair_fields(revealer: Revealer<'_>, view: &ItemView, fields: &[DraftField]) -> Vec<Pair> {
    let mut taken: HashSet<FieldId> = HashSet::new();
    let mut pairs: Vec<Pair> = fields.iter().map(|_| Pair::New).collect();
    for (wanted, pair) in fields.iter().zip(&mut pairs) {
        let mut same = view
            .fields
            .iter()
            .filter(|known| is_called(known, &wanted.name));
        let found = same.find(|known| {
            !taken.contains(&known.id) && says(revealer, view.id, known, &wanted.value)
        });
        if let Some(known) = found {
            taken.insert(known.id);
            *pair = Pair::Same;
        }
    }
    for (wanted, pair) in fields.iter().zip(&mut pairs) {
        if matches!(pair, Pair::Same) {
            continue;
        }
        let mut others = view
            .fields
            .iter()
            .filter(|known| is_called(known, &wanted.name));
        if let Some(known) = others.find(|known| !taken.contains(&known.id)) {
            taken.insert(known.id);
            *pair = Pair::Other(known.id, known.kind);
        }
    }
    pairs
}

fn is_called(field: &FieldView, name: &FieldName) -> bool {
    match (field.id, name) {
        (FieldId::Standard(number), FieldName::Standard(wanted)) => number == *wanted,
        (FieldId::Custom(_), FieldName::Custom(wanted)) => field.name == *wanted,
        _ => false,
    }
}

/// Whether any head of the field has the value: a conflict that knows it needs no third value.
fn says(revealer: Revealer<'_>, item: ItemId, field: &FieldView, wanted: &DraftValue) -> bool {
    let mut heads = [&field.current].into_iter().chain(&field.others);
    heads.any(|head| match (&head.value, wanted) {
        (Value::Plain(known), DraftValue::Plain(wanted)) => known == wanted,
        (value, wanted) => {
            revealer
                .reveal(item, field.id, value)
                .is_some_and(|known| match wanted {
                    DraftValue::Secret(wanted) => known.same_as(wanted),
                    // EXPOSE: a plain value of the source is compared with a field that the user made secret.
                    DraftValue::Plain(wanted) => known.expose() == wanted,
                })
        }
    })
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
