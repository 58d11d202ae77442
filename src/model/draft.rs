//! An item as somebody wants it: what `add` and every import hand to the vault. Nothing here is stored as it is.

use super::field::{self, FieldKind, ItemKind};
use super::moment::Moment;
use crate::secret::{Secret, SecretBytes};
use serde::{Deserialize, Serialize};

/// Fields that are looked at for a free number: more than an item may have.
const MAX_COMPARED: usize = 1024;

/// A value on its way in.
#[derive(Serialize, Deserialize)]
pub enum DraftValue {
    /// For kinds that are not secret.
    Plain(String),
    /// For secret kinds.
    Secret(#[serde(with = "crate::secret::in_transit")] Secret),
}

impl DraftValue {
    /// The right variant for a kind.
    #[must_use]
    pub fn new(kind: FieldKind, text: String) -> Self {
        if kind.is_secret() {
            Self::Secret(Secret::new(text))
        } else {
            Self::Plain(text)
        }
    }

    /// The same value once more, for another item.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        match self {
            Self::Plain(text) => Self::Plain(text.clone()),
            Self::Secret(secret) => Self::Secret(secret.duplicate()),
        }
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Plain(text) => text.len(),
            Self::Secret(secret) => secret.len(),
        }
    }

    /// Whether both hide the same text, or show it.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(text), Self::Plain(other)) => text == other,
            (Self::Secret(secret), Self::Secret(other)) => secret.same_as(other),
            _ => false,
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which field is meant: by number where it is standard, else by the name the user gave it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum FieldName {
    /// A standard field's number.
    Standard(u8),
    /// A custom field's name.
    Custom(String),
}

impl FieldName {
    /// The standard field of this name (16 and above), else a custom one.
    #[must_use]
    pub fn from_text(name: &str) -> Self {
        match field::standard_number(name) {
            Some(number) if number >= field::USERNAME => Self::Standard(number),
            _ => Self::Custom(name.to_owned()),
        }
    }

    /// The name as shown.
    #[must_use]
    pub fn as_text(&self) -> &str {
        match self {
            Self::Standard(number) => field::standard_field(*number).map_or("unknown", |row| row.0),
            Self::Custom(name) => name,
        }
    }
}

/// One field of a draft. URLs and tags are not fields here, they have their own lists.
#[derive(Serialize, Deserialize)]
pub struct DraftField {
    /// Which field.
    pub name: FieldName,
    /// What its value is; for standard fields the table's kind.
    pub kind: FieldKind,
    /// The value; secret kinds carry `DraftValue::Secret`.
    pub value: DraftValue,
}

/// A value that a field had before.
#[derive(Serialize, Deserialize)]
pub struct DraftFormer {
    /// Which field.
    pub name: FieldName,
    /// What the value was.
    pub kind: FieldKind,
    /// The value; secret kinds carry `DraftValue::Secret`.
    pub value: DraftValue,
    /// When it was set; 0 where nobody knows.
    pub set: Moment,
}

/// A file that an item is to have.
#[derive(Serialize, Deserialize)]
pub struct DraftFile {
    /// What it is called: anything, by anybody.
    pub name: String,
    /// All of it.
    #[serde(with = "crate::secret::in_transit::bytes")]
    pub content: SecretBytes,
}

/// An item as it should become.
#[derive(Default, Serialize, Deserialize)]
pub struct Draft {
    /// Kind of the item.
    pub kind: ItemKind,
    /// Title; never empty once checked.
    pub title: String,
    /// Folder, segments joined by `/`, empty at the top; `\/` is a slash inside a segment.
    pub folder: String,
    /// Whether the user marked it.
    pub favourite: bool,
    /// Whether it lies in the trash.
    pub trashed: bool,
    /// Where an import found it, for instance `bitwarden:3f2a…`.
    pub origin: Option<String>,
    /// Addresses, the first one first.
    pub urls: Vec<String>,
    /// Tags without duplicates.
    pub tags: Vec<String>,
    /// All other fields; several custom ones may share a name.
    pub fields: Vec<DraftField>,
    /// Values that fields had before, oldest first.
    pub former: Vec<DraftFormer>,
}

impl Draft {
    /// Adds a standard field unless the text is empty. An item has one value of each: a second one becomes a custom
    /// field of the name with a number, and the same once more is nothing new.
    pub fn push_standard(&mut self, number: u8, text: String) {
        if text.is_empty() {
            return;
        }
        let (name, kind) = field::standard_field(number).unwrap_or(("field", FieldKind::Text));
        let value = DraftValue::new(kind, text);
        let standard = FieldName::Standard(number);
        let mut known = self.fields.iter().filter(|entry| entry.name == standard);
        let name = match known.next() {
            None => standard,
            Some(known) if known.value.same_as(&value) => return,
            Some(_) => FieldName::Custom(self.numbered(name)),
        };
        self.fields.push(DraftField { name, kind, value });
    }

    /// A name with a number, counted from 2, as other fields of the name have.
    #[must_use]
    pub fn numbered(&self, name: &str) -> String {
        let taken = self.fields.iter().take(MAX_COMPARED).filter(|entry| {
            let rest = entry.name.as_text().strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(' '))
        });
        format!("{name} {}", taken.count() + 2)
    }

    /// Adds a custom field, an empty one too.
    pub fn push_custom(&mut self, name: &str, kind: FieldKind, text: String) {
        self.fields.push(DraftField {
            name: FieldName::Custom(name.to_owned()),
            kind,
            value: DraftValue::new(kind, text),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_value_of_a_standard_field_has_a_name_of_its_own_and_the_same_is_one() {
        let mut draft = Draft::default();
        for text in ["one", "", "one", "two", "three"] {
            draft.push_standard(field::PASSWORD, text.to_owned());
        }
        let names: Vec<(&str, FieldKind)> = draft
            .fields
            .iter()
            .map(|field| (field.name.as_text(), field.kind))
            .collect();
        let expected = ["password", "password 2", "password 3"];
        assert_eq!(names, expected.map(|name| (name, FieldKind::Secret)));
        let standard = draft.fields.iter();
        let standard = standard.filter(|field| matches!(field.name, FieldName::Standard(_)));
        assert_eq!(standard.count(), 1);
    }
}
