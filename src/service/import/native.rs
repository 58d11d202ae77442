//! keyfold's own export into a vault: items come back under their own ids, with history and conflicts
//! (vault-format.md, section 8).
//!
//! A vault that knows an item already gains what it lacks: values that it never had become the current ones, former
//! values join its history. A value that the vault had once and has left behind stays behind, so that an old export
//! takes nothing back. Nothing of the vault is removed.

use super::carried::Carried;
use super::ledger::{Ledger, Outcome, Row};
use crate::exchange::native::{
    Document, DocumentConflict, DocumentField, DocumentFormer, DocumentItem, DocumentUrl,
};
use crate::model::field::{self, FieldKind};
use crate::model::ids::{Dot, FieldId, ItemId, RecordId};
use crate::model::moment::Moment;
use crate::secret::Secret;
use crate::service::export::derive_count;
use crate::state::change::{ChangeError, Plan, PlannedValue};
use crate::state::codec::{self, FormerBody, SetBody, UrlBody};
use crate::state::op::Tag;
use crate::state::view::{FieldView, ItemView, Life, Value};
use crate::vault::Revealer;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};

const KNOWN: &str = "the vault had this value and has another one since";

/// Plans the items of keyfold's own export, with files that were carried over.
///
/// # Errors
/// [`ChangeError`]; the plan must then be dropped.
pub fn plan_document(
    plan: &mut Plan<'_>,
    revealer: Revealer<'_>,
    document: Document,
    carried: &Carried,
) -> Result<Ledger, ChangeError> {
    let mut ledger = Ledger::default();
    for (item, number) in document.items.into_iter().zip(1..) {
        let title = item.text(field::TITLE).to_owned();
        let mut row = ledger.row(number, &title);
        let id = item.id;
        match revealer.state().item(item.id) {
            None => {
                recreate(plan, item, &mut row);
                carried.attach(plan, id, &mut row);
                row.close_created();
            }
            Some(view) => {
                let life = view.life;
                Merge::new(plan, revealer, view, &mut row).run(item);
                if carried.attach(plan, id, &mut row) && life != Life::Trashed {
                    plan.put_life(id, Life::Alive);
                }
                row.close_matched();
            }
        }
    }
    Ok(ledger)
}

/// An item that the vault does not have, as the document has it.
fn recreate(plan: &mut Plan<'_>, item: DocumentItem, row: &mut Row<'_>) {
    let id = item.id;
    let life = if item.trashed {
        Life::Trashed
    } else {
        Life::Alive
    };
    plan.put_life(id, life);
    // Order in the record is order in the document turned round: what comes last is the newest.
    for former in item.history.into_iter().rev() {
        row.field(&former_name(&former), Outcome::Created, None);
        put_former(plan, id, former);
    }
    for mut field in item.fields {
        for conflict in std::mem::take(&mut field.conflicts).into_iter().rev() {
            row.field(&conflict_name(&field.name), Outcome::Created, None);
            let (body, values) = write_set(&field, None, conflict.value, conflict.changed);
            plan.put_prepared(id, field.id, Tag::SET, body, values);
        }
        row.field(&field.name, Outcome::Created, None);
        let origin = derive_seed_dot(id, &field);
        let counted = (field.id, field.counter);
        let starts_at = derive_count(&field.value, None);
        let value = std::mem::replace(&mut field.value, Secret::new(String::new()));
        let (body, values) = write_set(&field, origin.as_ref(), value, field.changed);
        plan.put_prepared(id, field.id, Tag::SET, body, values);
        if let ((register, Some(count)), Some(seed)) = (counted, origin)
            && starts_at.is_some_and(|start| count > start)
        {
            plan.count(id, register, seed, count);
        }
    }
    for (url, rank) in item.urls.into_iter().zip(0..) {
        row.field("url", Outcome::Created, None);
        let body = codec::write_url(&UrlBody {
            rank,
            address: &url.value,
        });
        plan.put_prepared(id, url.id, Tag::URL, body, Vec::new());
    }
    for tag in &item.tags {
        row.field("tag", Outcome::Created, None);
        plan.tag(id, tag);
    }
}

/// What is known of an item and its past, and what goes into the plan beside it.
struct Merge<'m, 'p, 's, 'r> {
    plan: &'m mut Plan<'p>,
    revealer: Revealer<'s>,
    view: ItemView,
    row: &'m mut Row<'r>,
    /// Every value that any register had or has, by register and time.
    past: HashMap<(FieldId, u64), Vec<Value>>,
    /// Every address that an address register had.
    past_urls: HashSet<(FieldId, String)>,
    revives: bool,
}

impl<'m, 'p, 's, 'r> Merge<'m, 'p, 's, 'r> {
    fn new(
        plan: &'m mut Plan<'p>,
        revealer: Revealer<'s>,
        view: ItemView,
        row: &'m mut Row<'r>,
    ) -> Self {
        let mut past: HashMap<(FieldId, u64), Vec<Value>> = HashMap::new();
        let mut past_urls = HashSet::new();
        for former in revealer.state().history(view.id) {
            if let (FieldKind::Url, Value::Plain(address)) = (former.kind, &former.value.value) {
                past_urls.insert((former.id, address.clone()));
            }
            let time = time_key(former.value.changed);
            past.entry((former.id, time))
                .or_default()
                .push(former.value.value);
        }
        for field in &view.fields {
            for head in [&field.current].into_iter().chain(&field.others) {
                let time = time_key(head.changed);
                past.entry((field.id, time))
                    .or_default()
                    .push(head.value.clone());
            }
        }
        Self {
            plan,
            revealer,
            view,
            row,
            past,
            past_urls,
            revives: false,
        }
    }

    fn run(mut self, item: DocumentItem) {
        for former in item.history.into_iter().rev() {
            self.former(former);
        }
        for field in item.fields {
            self.field(field);
        }
        let mut rank = self
            .view
            .urls
            .last()
            .map_or(0, |url| url.rank.saturating_add(1));
        for url in item.urls {
            self.url(&url, &mut rank);
        }
        for tag in &item.tags {
            let is_known = self.view.tags.contains(tag);
            self.enter("tag", is_known, Outcome::Created);
            if !is_known {
                self.plan.tag(self.view.id, tag);
                self.revives = true;
            }
        }
        if self.revives {
            // An item that is in the trash on both sides stays there.
            let life = if self.view.life == Life::Trashed && item.trashed {
                Life::Trashed
            } else {
                Life::Alive
            };
            self.plan.put_life(self.view.id, life);
        }
    }

    fn enter(&mut self, name: &str, is_known: bool, otherwise: Outcome) {
        let outcome = if is_known {
            Outcome::Identical
        } else {
            otherwise
        };
        self.row.field(name, outcome, None);
    }

    /// Whether the register ever had this value at this time.
    fn knows(&self, id: FieldId, value: &Secret, changed: Moment) -> bool {
        let found = self.past.get(&(id, time_key(changed)));
        let mut same_time = found.into_iter().flatten();
        same_time.any(|known| self.is_same(id, known, value))
    }

    fn is_same(&self, id: FieldId, known: &Value, value: &Secret) -> bool {
        let known = self.revealer.reveal(self.view.id, id, known);
        known.is_some_and(|known| known.same_as(value))
    }

    fn former(&mut self, former: DocumentFormer) {
        let was_address = former.kind == FieldKind::Url && {
            // EXPOSE: an address is not secret.
            let address = former.value.expose().to_owned();
            self.past_urls.contains(&(former.id, address))
        };
        let is_known = was_address || self.knows(former.id, &former.value, former.changed);
        self.enter(&former_name(&former), is_known, Outcome::Created);
        if !is_known {
            put_former(self.plan, self.view.id, former);
        }
    }

    fn field(&mut self, mut field: DocumentField) {
        for conflict in std::mem::take(&mut field.conflicts).into_iter().rev() {
            self.conflict(&field, conflict);
        }
        let known = self.view.field(field.id).cloned();
        if let Some(known) = &known
            && known.kind == field.kind
            && known.name == field.name
            && self.is_same(field.id, &known.current.value, &field.value)
        {
            self.count(known, &field);
            return;
        }
        if self.knows(field.id, &field.value, field.changed) {
            self.row.field(&field.name, Outcome::Identical, Some(KNOWN));
            return;
        }
        let outcome = if known.is_some() {
            Outcome::Updated
        } else {
            Outcome::Created
        };
        self.row.field(&field.name, outcome, None);
        let item = self.view.id;
        let origin = derive_seed_dot(item, &field);
        let starts_at = derive_count(&field.value, None);
        let value = std::mem::replace(&mut field.value, Secret::new(String::new()));
        let (body, values) = write_set(&field, origin.as_ref(), value, field.changed);
        self.plan
            .replace_prepared(item, field.id, Tag::SET, body, values);
        self.revives = true;
        if let (Some(count), Some(seed)) = (field.counter, origin)
            && starts_at.is_some_and(|start| count > start)
        {
            self.plan.count(item, field.id, seed, count);
        }
    }

    /// A field whose value is the same: an HOTP count moves forward, never back.
    fn count(&mut self, known: &FieldView, field: &DocumentField) {
        let ours = derive_count(&field.value, known.counter);
        match (ours, field.counter) {
            (Some(ours), Some(theirs)) if theirs > ours => {
                self.plan.count(self.view.id, field.id, known.seed, theirs);
                self.row.field(&field.name, Outcome::Updated, None);
            }
            _ => self.row.field(&field.name, Outcome::Identical, None),
        }
    }

    /// A value that stood beside the shown one joins the history of an item that lacks it.
    fn conflict(&mut self, field: &DocumentField, conflict: DocumentConflict) {
        let is_head = self.view.field(field.id).is_some_and(|known| {
            let mut heads = [&known.current].into_iter().chain(&known.others);
            heads.any(|head| self.is_same(field.id, &head.value, &conflict.value))
        });
        let is_known = is_head || self.knows(field.id, &conflict.value, conflict.changed);
        self.enter(&conflict_name(&field.name), is_known, Outcome::Created);
        if !is_known {
            let former = DocumentFormer {
                id: field.id,
                name: field.name.clone(),
                kind: field.kind,
                value: conflict.value,
                changed: conflict.changed,
                device: String::new(),
            };
            put_former(self.plan, self.view.id, former);
        }
    }

    fn url(&mut self, url: &DocumentUrl, rank: &mut u32) {
        let item = self.view.id;
        let known = &self.view.urls;
        if known.iter().any(|ours| ours.address == url.value) {
            return self.enter("url", true, Outcome::Identical);
        }
        if self.past_urls.contains(&(url.id, url.value.clone())) {
            return self.row.field("url", Outcome::Identical, Some(KNOWN));
        }
        let ours = known.iter().find(|ours| ours.id == url.id);
        let (outcome, place) = match ours {
            Some(ours) => (Outcome::Updated, ours.rank),
            None => {
                let place = *rank;
                *rank = rank.saturating_add(1);
                (Outcome::Created, place)
            }
        };
        self.row.field("url", outcome, None);
        let body = codec::write_url(&UrlBody {
            rank: place,
            address: &url.value,
        });
        self.plan
            .replace_prepared(item, url.id, Tag::URL, body, Vec::new());
        self.revives = true;
    }
}

fn former_name(former: &DocumentFormer) -> String {
    let name = match former.kind {
        FieldKind::Url if former.name.is_empty() => "url",
        _ => &former.name,
    };
    format!("{name} (former)")
}

fn conflict_name(name: &str) -> String {
    format!("{name} (conflict)")
}

/// Times as a document can tell them; 0 is not a time in SET and FORMER, so the first millisecond stands for it.
fn stored_time(changed: Moment) -> Moment {
    Moment(changed.0.max(1))
}

fn time_key(changed: Moment) -> u64 {
    let written = Moment::parse_rfc3339(&changed.to_rfc3339());
    stored_time(written.unwrap_or(changed)).0
}

/// The name as SET and FORMER store it: standard fields have none.
fn stored_name(id: FieldId, name: &str) -> &str {
    match id {
        FieldId::Standard(_) => "",
        FieldId::Custom(_) => name,
    }
}

fn write_set(
    field: &DocumentField,
    origin: Option<&Dot>,
    value: Secret,
    changed: Moment,
) -> (Vec<u8>, Vec<PlannedValue>) {
    let name = stored_name(field.id, &field.name);
    let write = |text: &str| {
        let at = stored_time(changed);
        codec::write_set(&SetBody::new(field.kind.number(), name, text, at, origin))
    };
    if field.kind.is_secret() {
        (write(""), vec![PlannedValue::Secret(value)])
    } else {
        // EXPOSE: the field's kind is not secret, it is stored as plain text.
        (write(value.expose()), Vec::new())
    }
}

fn put_former(plan: &mut Plan<'_>, item: ItemId, former: DocumentFormer) {
    let is_secret = former.kind.is_secret();
    let body = codec::write_former(&FormerBody {
        kind: former.kind.number(),
        name: stored_name(former.id, &former.name),
        // EXPOSE: plain kinds are stored as plain text.
        text: if is_secret { "" } else { former.value.expose() },
        at: stored_time(former.changed).0,
        device: &former.device,
    });
    let values = if is_secret {
        vec![PlannedValue::Secret(former.value)]
    } else {
        Vec::new()
    };
    plan.put_prepared(item, former.id, Tag::FORMER, body, values);
}

/// The dot that the counter of an imported HOTP seed belongs to: that of a seed before all records, which the SET says
/// it goes on with. It follows from place and time, so two devices that import one file apart share the counter.
fn derive_seed_dot(item: ItemId, field: &DocumentField) -> Option<Dot> {
    field.counter?;
    let digest = Sha256::new()
        .chain_update(b"keyfold v1 imported seed")
        .chain_update(item.0)
        .chain_update(match field.id {
            FieldId::Standard(number) => vec![number],
            FieldId::Custom(bytes) => bytes.to_vec(),
        })
        .chain_update(field.changed.0.to_le_bytes())
        .finalize();
    let record = RecordId::from_slice(digest.get(..16)?)?;
    Some(Dot { record, index: 0 })
}
