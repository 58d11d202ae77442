//! Former values as former versions of an entry, which is how KeePass keeps them: each version has all that the entry held
//! at that time, as far as it is known.

use super::entry::Shown;
use crate::exchange::native::{DocumentField, DocumentFormer, DocumentItem};
use crate::model::field::{self, FieldKind};
use crate::model::ids::FieldId;
use crate::model::moment::Moment;
use crate::otp::Seed;
use crate::secret::Secret;
use std::collections::BTreeMap;

/// A value in a version of an entry.
#[derive(Clone, Copy)]
pub(super) struct Row<'d> {
    pub(super) id: FieldId,
    pub(super) name: &'d str,
    pub(super) kind: FieldKind,
    value: &'d Secret,
    /// The field as it is now, if it is this one.
    current: Option<&'d DocumentField>,
    changed: Moment,
}

impl<'d> Row<'d> {
    pub(super) fn of(field: &'d DocumentField) -> Self {
        Self {
            id: field.id,
            name: &field.name,
            kind: field.kind,
            value: &field.value,
            current: Some(field),
            changed: field.changed,
        }
    }

    fn former(former: &'d DocumentFormer) -> Self {
        Self {
            id: former.id,
            name: &former.name,
            kind: former.kind,
            value: &former.value,
            current: None,
            changed: former.changed,
        }
    }

    pub(super) fn shown(&self) -> Shown<'d> {
        self.current.map_or(Shown::Same(self.value), Shown::of)
    }

    pub(super) fn is_former(&self) -> bool {
        self.current.is_none()
    }

    /// The seed that it is, going on with its count.
    pub(super) fn seed(&self) -> Option<Seed> {
        let seed = Seed::parse(self.value).ok()?;
        let count = self.current.and_then(|field| field.counter);
        Some(seed.with_counter(count))
    }

    pub(super) fn is_address(&self) -> bool {
        matches!(self.id, FieldId::Custom(_)) && self.name.is_empty() && self.kind == FieldKind::Url
    }
}

/// Whether a version of an entry has a place for a former value: not for what says where the item lies and what it is.
pub(super) fn is_held(former: &DocumentFormer) -> bool {
    let places = [field::FOLDER, field::KIND, field::FAVOURITE, field::ORIGIN];
    !matches!(former.id, FieldId::Standard(number) if places.contains(&number))
}

/// What an entry held at a time.
pub(super) struct Version<'d> {
    pub(super) at: Moment,
    pub(super) rows: Vec<Row<'d>>,
}

/// The versions before the present one, oldest first. Each former value is in the version of the time at which it came to be.
pub(super) fn former_versions(item: &DocumentItem) -> Vec<Version<'_>> {
    let formers = item.history.iter().filter(|former| is_held(former));
    let mut formers: Vec<Row<'_>> = formers.map(Row::former).collect();
    formers.sort_by_key(|row| row.changed);
    let mut current: Vec<Row<'_>> = item.fields.iter().map(Row::of).collect();
    current.sort_by_key(|row| row.changed);
    let mut current = current.into_iter().peekable();
    let mut held: BTreeMap<FieldId, Row<'_>> = BTreeMap::new();
    let mut versions: Vec<Version<'_>> = Vec::new();
    let mut in_version: Vec<FieldId> = Vec::new();
    for former in formers {
        let at = former.changed;
        while let Some(row) = current.next_if(|row| row.changed <= at) {
            held.insert(row.id, row);
        }
        held.insert(former.id, former);
        let rows = held.values().copied().collect();
        // Two values of one field and one time need a version each.
        let joins = versions.last().is_some_and(|last| last.at == at);
        if joins && !in_version.contains(&former.id) {
            versions.pop();
        } else {
            in_version.clear();
        }
        in_version.push(former.id);
        versions.push(Version { at, rows });
    }
    versions
}
