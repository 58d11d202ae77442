//! What is told about an item without opening any secret: the row of a listing.

use super::field::ItemKind;
use super::ids::ItemId;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One item in a listing. Holds nothing that is sealed a second time; borrows from the vault what nobody has to keep.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ItemRow<'a> {
    /// The item.
    pub id: ItemId,
    /// Title; empty only for a fragment that a purge on another device left.
    pub title: Cow<'a, str>,
    /// Folder, segments joined by `/`, empty at the top.
    pub folder: Cow<'a, str>,
    /// Kind.
    pub kind: ItemKind,
    /// User name, empty where there is none.
    pub username: Cow<'a, str>,
    /// Addresses.
    pub urls: Vec<Cow<'a, str>>,
    /// Tags, sorted.
    pub tags: Vec<Cow<'a, str>>,
    /// Remarks, for searching.
    pub notes: Cow<'a, str>,
    /// Whether the user marked it.
    pub favourite: bool,
    /// Whether it lies in the trash.
    pub trashed: bool,
    /// How many of its fields hold more than one value because devices changed them apart.
    pub conflicts: usize,
}

/// A row that owns its texts.
pub type ItemSummary = ItemRow<'static>;

impl<'a> ItemRow<'a> {
    /// The row of a new item of a kind, with nothing in it.
    #[must_use]
    pub fn empty(id: ItemId, kind: ItemKind) -> Self {
        Self {
            id,
            title: Cow::Borrowed(""),
            folder: Cow::Borrowed(""),
            kind,
            username: Cow::Borrowed(""),
            urls: Vec::new(),
            tags: Vec::new(),
            notes: Cow::Borrowed(""),
            favourite: false,
            trashed: false,
            conflicts: 0,
        }
    }

    /// `folder/title`, a slash inside the title written `\/`.
    #[must_use]
    pub fn path(&self) -> String {
        join_path(&self.folder, &self.title)
    }

    /// The same row with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> ItemSummary {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        ItemRow {
            id: self.id,
            title: own(self.title),
            folder: own(self.folder),
            kind: self.kind,
            username: own(self.username),
            urls: self.urls.into_iter().map(own).collect(),
            tags: self.tags.into_iter().map(own).collect(),
            notes: own(self.notes),
            favourite: self.favourite,
            trashed: self.trashed,
            conflicts: self.conflicts,
        }
    }
}

/// What an item is called: all that most names are looked up by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemName<'a> {
    /// The item.
    pub id: ItemId,
    /// Its title.
    pub title: Cow<'a, str>,
    /// Its folder.
    pub folder: Cow<'a, str>,
    /// Whether it lies in the trash.
    pub trashed: bool,
}

impl ItemName<'_> {
    /// `folder/title`, a slash inside the title written `\/`.
    #[must_use]
    pub fn path(&self) -> String {
        join_path(&self.folder, &self.title)
    }
}

/// `folder/title`, a slash inside the title written `\/`, and a backslash before it doubled.
#[must_use]
pub fn join_path(folder: &str, title: &str) -> String {
    let mut path = String::with_capacity(folder.len() + 1 + title.len());
    if !folder.is_empty() {
        path.push_str(folder);
        path.push('/');
    }
    for part in title.split_inclusive(['\\', '/']) {
        let plain = part.trim_end_matches(['\\', '/']);
        path.push_str(plain);
        if let Some(mark) = part.get(plain.len()..).and_then(|mark| mark.chars().next()) {
            path.extend(['\\', mark]);
        }
    }
    path
}

/// Splits a path at its last unescaped slash into folder and title; the title is unescaped.
#[must_use]
pub fn split_path(path: &str) -> (String, String) {
    let mut escaped = false;
    let mut cut = None;
    for (at, character) in path.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '/' => cut = Some(at),
            _ => {}
        }
    }
    let (folder, title) = match cut {
        Some(at) => (
            path.get(..at).unwrap_or_default(),
            path.get(at + 1..).unwrap_or_default(),
        ),
        None => ("", path),
    };
    (folder.trim_matches('/').to_owned(), unescape(title))
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some('/' | '\\')) => out.extend(characters.next()),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_round_trip() {
        for (folder, title) in [
            ("", "a"),
            ("work/acme", "mail"),
            ("", "a/b"),
            ("x", "https://h/p"),
            ("", "c:\\dir"),
            ("", "\\/"),
        ] {
            let path = join_path(folder, title);
            assert_eq!(
                split_path(&path),
                (folder.to_owned(), title.to_owned()),
                "{path}"
            );
        }
        assert_eq!(split_path("/a/b"), ("a".to_owned(), "b".to_owned()));
        assert_eq!(split_path("b\\c"), (String::new(), "b\\c".to_owned()));
    }
}
