//! Fields that lie in titled sections of an item. A label that several sections have is told apart by their titles; any
//! other stays what it is, since most titles are those of a form and say nothing.

use super::generic_csv::{is_secret_name, meaning};
use super::json::{Json, Object};
use super::labelled::push_labelled;
use super::place::{plain_kind, push_url, short_name};
use super::table::Target;
use crate::model::draft::Draft;
use crate::model::field::{self, FieldKind};
use std::collections::HashMap;

/// The labels of an item: in which section each is first, and whether another has it too.
#[derive(Default)]
pub(super) struct Labels(HashMap<String, (usize, bool)>);

impl Labels {
    /// The labels of sections by the members' names: the list of fields, a field's label, and its value.
    pub(super) fn of(sections: &[Json<'_>], [fields, label, value]: [&str; 3]) -> Self {
        let mut labels = Self::default();
        for (section, at) in sections.iter().zip(0..) {
            let Json::Object(section) = section else {
                continue;
            };
            let Some(Json::List(fields)) = section.member(fields) else {
                continue;
            };
            for custom in fields {
                if let Json::Object(custom) = custom
                    && custom.says(value)
                {
                    labels.note(at, custom, label);
                }
            }
        }
        labels
    }

    /// Takes in that a section has a field, whose label is the member of this name.
    pub(super) fn note(&mut self, section: usize, custom: &Object<'_>, label: &str) {
        if let Some(Json::Text(label)) = custom.member(label) {
            let seen = self.0.entry(key(label)).or_insert((section, false));
            seen.1 |= seen.0 != section;
        }
    }

    /// The name of a field that is to bear its section's title.
    fn titled(&self, title: &str, label: &str) -> Option<String> {
        let title = title.trim();
        let (_, repeats) = self.0.get(&key(label))?;
        (*repeats && !title.is_empty()).then(|| format!("{}: {}", short_name(title), label.trim()))
    }

    /// Whether fields with this label bear this title.
    pub(super) fn bears(&self, title: &str, label: &str) -> bool {
        self.titled(title, label).is_some()
    }

    /// Adds a field of a section as [`push_labelled`] does, except that it bears the title where it has to.
    pub(super) fn push(
        &self,
        draft: &mut Draft,
        title: &str,
        label: &str,
        kind: Option<FieldKind>,
        text: String,
    ) {
        let Some(name) = self.titled(title, label) else {
            return push_labelled(draft, label, kind, text);
        };
        let hidden = kind.is_some_and(FieldKind::is_secret);
        // An address is for matching, wherever it stands.
        if meaning(label) == Some(Target::Url) && !hidden {
            text.lines().for_each(|line| push_url(draft, line));
            return;
        }
        let kind = kind.unwrap_or_else(|| kind_of(label, title, &text));
        draft.push_custom(&name, kind, text);
    }
}

/// The kind that a label without its title means.
fn kind_of(label: &str, title: &str, text: &str) -> FieldKind {
    if is_secret_name(label) || is_secret_name(title) {
        return FieldKind::Secret;
    }
    match meaning(label) {
        Some(Target::Standard(number)) => {
            field::standard_field(number).map_or(FieldKind::Text, |row| row.1)
        }
        _ => plain_kind(text),
    }
}

fn key(label: &str) -> String {
    label.trim().to_lowercase()
}
