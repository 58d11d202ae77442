//! Which item of the vault a draft is, and which field of it each of the draft's fields.
//!
//! A draft's item is the one with its origin, else one with its folder, title and user name whose addresses agree. Where
//! several could be meant, the one that is equal or says the same already comes first, and no item is taken twice: two rows that
//! look alike become two items, and a second import finds each its own. Nothing here plans anything.

use crate::exchange::ImportedItem;
use crate::model::draft::{Draft, DraftField, DraftValue, FieldName};
use crate::model::field::{self, FieldKind};
use crate::model::ids::{FieldId, ItemId};
use crate::model::item::ItemRow;
use crate::model::origin::host_text;
use crate::otp::Seed;
use crate::service::export::derive_count;
use crate::state::view::{FieldView, ItemView, Life, Value};
use crate::vault::Revealer;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

type Identity = (String, String, String);
type Comparison = fn(Revealer<'_>, &ItemView, &Draft) -> bool;

/// The vault's items, by what a draft may know them by. Live items stand before those in the trash.
pub(super) struct Known<'a> {
    revealer: Revealer<'a>,
    by_origin: HashMap<String, VecDeque<ItemId>>,
    by_identity: HashMap<Identity, VecDeque<ItemId>>,
    /// By keyed hashes of field and value: thousands of items that differ in one secret alone must not each be
    /// compared with thousands of rows.
    by_value: HashMap<u64, VecDeque<ItemId>>,
    hasher: RandomState,
    views: HashMap<ItemId, ItemView>,
    claimed: HashSet<ItemId>,
}

impl<'a> Known<'a> {
    pub(super) fn new(revealer: Revealer<'a>, items: &[ImportedItem]) -> Self {
        let state = revealer.state();
        let mut known = Self {
            revealer,
            by_origin: HashMap::new(),
            by_identity: HashMap::new(),
            by_value: HashMap::new(),
            hasher: RandomState::new(),
            views: HashMap::new(),
            claimed: HashSet::new(),
        };
        if state.rows().next().is_none() {
            return known;
        }
        let wanted: HashSet<Identity> = items.iter().map(|item| identity_of(&item.draft)).collect();
        let origins: HashSet<&str> = items
            .iter()
            .filter_map(|item| item.draft.origin.as_deref())
            .collect();
        let mut rows: Vec<ItemRow<'_>> = state.rows().collect();
        rows.sort_unstable_by_key(|row| (row.trashed, row.id));
        for row in rows {
            let identity = (
                row.folder.into_owned(),
                row.title.into_owned(),
                row.username.into_owned(),
            );
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
                let same = known.by_origin.entry(origin.to_owned()).or_default();
                same.push_back(row.id);
            }
            if is_wanted {
                let alike = known.by_identity.entry(identity).or_default();
                alike.push_back(row.id);
            }
            if is_wanted || is_origin {
                known.index_values(&view);
                known.views.insert(row.id, view);
            }
        }
        known
    }

    fn index_values(&mut self, view: &ItemView) {
        for field in view.fields.iter().filter(|field| is_of_drafts(field.id)) {
            for head in [&field.current].into_iter().chain(&field.others) {
                let key = match (&head.value, field.id) {
                    (Value::Plain(text), id) => hash_value(&self.hasher, id, &field.name, text),
                    (sealed, id) => match self.revealer.reveal(view.id, id, sealed) {
                        // EXPOSE: hashed under a key of this process, to find equal values.
                        Some(text) => hash_value(&self.hasher, id, &field.name, text.expose()),
                        None => continue,
                    },
                };
                let same = self.by_value.entry(key).or_default();
                if same.back() != Some(&view.id) {
                    same.push_back(view.id);
                }
            }
        }
    }

    /// The item of each draft, in the drafts' order.
    pub(super) fn match_all(mut self, items: &[ImportedItem]) -> Vec<Option<ItemView>> {
        if self.views.is_empty() {
            return items.iter().map(|_| None).collect();
        }
        // What is equal goes first, then what says all that a draft does and more, over all drafts and the richest
        // before the others: no poorer draft may take a richer one's item.
        let mut found: Vec<Option<ItemId>> = vec![None; items.len()];
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_key(|at| Reverse(items.get(*at).map(|item| richness(&item.draft))));
        for fits in [is_equal, says_the_same] {
            for at in &order {
                if let (Some(item), Some(place @ None)) = (items.get(*at), found.get_mut(*at)) {
                    *place = self.claim_same(&item.draft, fits);
                }
            }
        }
        for list in self
            .by_origin
            .values_mut()
            .chain(self.by_identity.values_mut())
        {
            list.retain(|id| !self.claimed.contains(id));
        }
        for (item, place) in items.iter().zip(&mut found) {
            if place.is_none() {
                *place = self.claim_alike(&item.draft);
            }
        }
        found
            .into_iter()
            .map(|id| self.views.remove(&id?))
            .collect()
    }

    fn claim_same(&mut self, draft: &Draft, fits: Comparison) -> Option<ItemId> {
        let keys = draft.fields.iter().map(|field| {
            let (id, name) = match &field.name {
                FieldName::Standard(number) => (FieldId::Standard(*number), ""),
                FieldName::Custom(name) => (FieldId::Custom([0; 16]), name.as_str()),
            };
            match &field.value {
                DraftValue::Plain(text) => hash_value(&self.hasher, id, name, text),
                DraftValue::Secret(text) => {
                    // EXPOSE: hashed under a key of this process, to find equal values.
                    hash_value(&self.hasher, id, name, text.expose())
                }
            }
        });
        let keys: Vec<u64> = keys.collect();
        let rarest = keys
            .iter()
            .min_by_key(|key| self.by_value.get(key).map_or(0, VecDeque::len));
        let identity = identity_of(draft);
        let list = match (rarest, draft.origin.as_deref()) {
            (Some(key), _) => self.by_value.get_mut(key),
            (None, Some(origin)) if self.by_origin.contains_key(origin) => {
                self.by_origin.get_mut(origin)
            }
            (None, _) => self.by_identity.get_mut(&identity),
        }?;
        while list.front().is_some_and(|id| self.claimed.contains(id)) {
            list.pop_front();
        }
        let list = &*list;
        let mut fitting = list
            .iter()
            .filter(|id| !self.claimed.contains(id))
            .filter_map(|id| self.views.get(id))
            .filter(|view| is_candidate(view, draft, &identity))
            .filter(|view| fits(self.revealer, view, draft));
        let by_origin =
            |view: &&ItemView| draft.origin.as_deref() == Some(view.text(field::ORIGIN));
        let first = fitting.next()?;
        let best = if draft.origin.is_none() || by_origin(&first) {
            first
        } else {
            fitting.find(by_origin).unwrap_or(first)
        };
        let id = best.id;
        drop(fitting);
        self.claimed.insert(id);
        Some(id)
    }

    /// An item with the draft's origin, else one with its identity whose addresses agree.
    fn claim_alike(&mut self, draft: &Draft) -> Option<ItemId> {
        let origin = draft.origin.as_deref();
        if let Some(list) = origin.and_then(|origin| self.by_origin.get_mut(origin)) {
            while let Some(id) = list.pop_front() {
                if self.claimed.insert(id) {
                    return Some(id);
                }
            }
        }
        let identity = identity_of(draft);
        let list = self.by_identity.get_mut(&identity)?;
        let place = list.iter().position(|id| {
            let view = self.views.get(id);
            !self.claimed.contains(id)
                && view.is_some_and(|view| {
                    is_candidate(view, draft, &identity) && addresses_agree(view, draft)
                })
        })?;
        let id = list.remove(place)?;
        self.claimed.insert(id);
        Some(id)
    }
}

/// How much a draft says; one that says where it comes from stands before all that do not.
fn richness(draft: &Draft) -> (bool, usize) {
    let lists = draft.fields.len() + draft.urls.len() + draft.tags.len();
    (draft.origin.is_some(), lists + usize::from(draft.favourite))
}

/// Whether the item has all that a draft says and nothing else.
fn is_equal(revealer: Revealer<'_>, view: &ItemView, draft: &Draft) -> bool {
    let fields = view.fields.iter().filter(|field| is_of_drafts(field.id));
    draft.origin.as_deref().unwrap_or_default() == view.text(field::ORIGIN)
        && fields.count() == draft.fields.len()
        && view.urls.len() == draft.urls.len()
        && view.tags.len() == draft.tags.len()
        && (view.text(field::FAVOURITE) == "yes") == draft.favourite
        && (view.life == Life::Trashed) == draft.trashed
        && says_the_same(revealer, view, draft)
}

/// Whether the item has all that a draft says, so that nothing would have to be changed.
fn says_the_same(revealer: Revealer<'_>, view: &ItemView, draft: &Draft) -> bool {
    let has_url = |url: &String| view.urls.iter().any(|known| known.address == *url);
    draft.title == view.text(field::TITLE)
        && draft.folder == view.text(field::FOLDER)
        && draft.kind == view.kind()
        && (!draft.favourite || view.text(field::FAVOURITE) == "yes")
        && draft.urls.iter().all(has_url)
        && draft.tags.iter().all(|tag| view.tags.contains(tag))
        && pair_fields(revealer, view, &draft.fields)
            .iter()
            .all(|pair| matches!(pair, Pair::Same))
}

/// Whether an item may be a draft's at all: it has the same origin, or the same identity and no other origin.
fn is_candidate(view: &ItemView, draft: &Draft, identity: &Identity) -> bool {
    let known = view.text(field::ORIGIN);
    match draft.origin.as_deref() {
        Some(origin) if origin == known => true,
        Some(_) if !known.is_empty() => false,
        _ => {
            identity.0 == view.text(field::FOLDER)
                && identity.1 == view.text(field::TITLE)
                && identity.2 == view.text(field::USERNAME)
        }
    }
}

/// Whether the addresses let the draft be this item: one of them has none, or the item knows the draft's first host.
fn addresses_agree(view: &ItemView, draft: &Draft) -> bool {
    let first = draft.urls.first().map(|url| host_text(url));
    let mut hosts = view.urls.iter().map(|url| host_text(&url.address));
    view.urls.is_empty()
        || first.is_none_or(|first| hosts.any(|host| host.eq_ignore_ascii_case(&first)))
}

/// Whether drafts have such a field: not what describes the item itself.
fn is_of_drafts(id: FieldId) -> bool {
    match id {
        FieldId::Standard(number) => number >= field::USERNAME,
        FieldId::Custom(_) => true,
    }
}

fn hash_value(hasher: &RandomState, id: FieldId, name: &str, text: &str) -> u64 {
    match id {
        FieldId::Standard(number) => hasher.hash_one((number, text)),
        FieldId::Custom(_) => hasher.hash_one((name, text)),
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
pub(super) enum Pair {
    /// The item says the same.
    Same,
    /// The item has the same HOTP seed in this register, and this is how far the draft has counted beyond it.
    Counted(FieldId, u64),
    /// The item has another value in this register, of this kind.
    Other(FieldId, FieldKind),
    /// The item has no such field.
    New,
}

/// Finds each field of a draft its register: custom fields that share a name by their values first, then in order.
pub(super) fn pair_fields(
    revealer: Revealer<'_>,
    view: &ItemView,
    fields: &[DraftField],
) -> Vec<Pair> {
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
            *pair = match count_beyond(revealer, view.id, known, &wanted.value) {
                Some(Some(count)) => Pair::Counted(known.id, count),
                Some(None) => Pair::Same,
                None => Pair::Other(known.id, known.kind),
            };
        }
    }
    pairs
}

/// Where both are one HOTP seed: the draft's count if it is beyond the item's. A source that lags behind must not turn
/// the counter back, which a new seed with its own start would do.
fn count_beyond(
    revealer: Revealer<'_>,
    item: ItemId,
    field: &FieldView,
    wanted: &DraftValue,
) -> Option<Option<u64>> {
    let DraftValue::Secret(wanted) = wanted else {
        return None;
    };
    let known = revealer.reveal(item, field.id, &field.current.value)?;
    let ours = derive_count(&known, field.counter)?;
    let theirs = derive_count(wanted, None)?;
    let uris = [Seed::parse(&known).ok()?, Seed::parse(wanted).ok()?].map(|seed| seed.write_uri());
    let [one, other] = uris.each_ref().map(|uri| {
        // EXPOSE: compared without their counters, which stand last.
        uri.expose().rsplit_once("&counter=")
    });
    (one?.0 == other?.0).then_some((theirs > ours).then_some(theirs))
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
