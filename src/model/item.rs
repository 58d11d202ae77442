//! What is told about an item without opening any secret: the row of a listing.

use super::field::ItemKind;
use super::ids::ItemId;

/// One item in a listing. Holds nothing that is sealed a second time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ItemSummary {
    /// The item.
    pub id: ItemId,
    /// Title; empty only for a fragment that a purge on another device left.
    pub title: String,
    /// Folder, segments joined by `/`, empty at the top.
    pub folder: String,
    /// Kind.
    pub kind: ItemKind,
    /// User name, empty where there is none.
    pub username: String,
    /// Addresses.
    pub urls: Vec<String>,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Remarks, for searching.
    pub notes: String,
    /// Whether the user marked it.
    pub favourite: bool,
    /// Whether it lies in the trash.
    pub trashed: bool,
    /// How many of its fields hold more than one value because devices changed them apart.
    pub conflicts: usize,
}

impl ItemSummary {
    /// `folder/title`, a slash inside the title written `\/`.
    #[must_use]
    pub fn path(&self) -> String {
        join_path(&self.folder, &self.title)
    }
}

/// `folder/title`, a slash inside the title written `\/`, and a backslash before it doubled.
#[must_use]
pub fn join_path(folder: &str, title: &str) -> String {
    let escaped = title.replace('\\', "\\\\").replace('/', "\\/");
    if folder.is_empty() {
        escaped
    } else {
        format!("{folder}/{escaped}")
    }
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
