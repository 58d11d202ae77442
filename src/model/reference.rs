//! References to one field of one item, as scripts and templates hold them: `keyfold://folder/title/field`, or
//! `keyfold://id:…/field`, which a rename does not break.
//!
//! A slash inside a title, a field name or a segment of a folder is written `\/`, a backslash in a title or a field
//! name `\\`. An item whose path begins with `id:` is written with one slash more (`keyfold:///id:x/field`). Nothing
//! is guessed: a reference names exactly one place.

use std::fmt;

use super::ids::ItemId;

/// What every reference begins with.
pub const REFERENCE_PREFIX: &str = "keyfold://";
/// What an item's id is written after, in a reference and wherever an item is named.
pub const ID_PREFIX: &str = "id:";
/// Longest reference that is read, in bytes.
pub const REFERENCE_LIMIT: usize = 64 * 1024;
/// Fewest digits of a shortened id.
pub const ID_DIGITS_MIN: usize = 6;
/// Digits of a whole id.
pub const ID_DIGITS_MAX: usize = 32;

/// Why a text is not a reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReferenceError {
    /// Longer than [`REFERENCE_LIMIT`].
    TooLong,
    /// Does not begin with [`REFERENCE_PREFIX`].
    NoPrefix,
    /// No item, no field, or nothing between two slashes.
    EmptyPart,
    /// `id:` without 6 to 32 hexadecimal digits.
    BadId,
}

impl fmt::Display for ReferenceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::TooLong => "the reference is longer than 64 KiB",
            Self::NoPrefix => "a reference begins with keyfold://",
            Self::EmptyPart => {
                "a reference names an item and a field, as in keyfold://folder/title/field"
            }
            Self::BadId => "after id: come 6 to 32 hexadecimal digits and then the field",
        })
    }
}

impl std::error::Error for ReferenceError {}

/// An item's id, or at least 6 of its first digits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdPrefix {
    digits: String,
}

impl IdPrefix {
    /// Reads `id:` and 6 to 32 hexadecimal digits of either case; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(ID_PREFIX)?;
        let fits = (ID_DIGITS_MIN..=ID_DIGITS_MAX).contains(&digits.len());
        (fits && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| Self {
            digits: digits.to_ascii_lowercase(),
        })
    }

    /// The first [`ID_DIGITS_MIN`] digits as a number.
    pub(super) fn leading_digits(&self) -> Option<u32> {
        u32::from_str_radix(self.digits.get(..ID_DIGITS_MIN)?, 16).ok()
    }

    /// Whether the id begins so.
    #[must_use]
    pub fn matches(&self, id: ItemId) -> bool {
        let halves = id.0.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
        let digits = self.digits.chars().map(|digit| digit.to_digit(16));
        digits
            .zip(halves)
            .all(|(digit, half)| digit == Some(u32::from(half)))
    }
}

impl From<ItemId> for IdPrefix {
    fn from(id: ItemId) -> Self {
        Self {
            digits: id.to_string(),
        }
    }
}

impl fmt::Display for IdPrefix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{ID_PREFIX}{}", self.digits)
    }
}

/// Which item a reference is to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// The item at exactly this place.
    Path {
        /// Folder as it is stored, empty at the top.
        folder: String,
        /// Title, unescaped.
        title: String,
    },
    /// The item whose id begins so.
    Id(IdPrefix),
}

/// A field of an item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    /// The item.
    pub item: Target,
    /// Name of the field, unescaped.
    pub field: String,
}

impl Reference {
    /// Reads a whole text as a reference.
    ///
    /// # Errors
    /// Whatever [`ReferenceError`] names.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > REFERENCE_LIMIT {
            return Err(ReferenceError::TooLong);
        }
        let rest = text
            .strip_prefix(REFERENCE_PREFIX)
            .ok_or(ReferenceError::NoPrefix)?;
        let is_id = rest.starts_with(ID_PREFIX);
        let mut segments = split_segments(rest.strip_prefix('/').unwrap_or(rest));
        if segments.iter().any(|segment| segment.is_empty()) {
            return Err(ReferenceError::EmptyPart);
        }
        let (Some(field), Some(title)) = (segments.pop(), segments.pop()) else {
            return Err(ReferenceError::EmptyPart);
        };
        let item = if is_id {
            let id = IdPrefix::parse(title).filter(|_| segments.is_empty());
            Target::Id(id.ok_or(ReferenceError::BadId)?)
        } else {
            Target::Path {
                folder: segments.join("/"),
                title: unescape(title),
            }
        };
        Ok(Self {
            item,
            field: unescape(field),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(REFERENCE_PREFIX)?;
        match &self.item {
            Target::Id(id) => write!(out, "{id}")?,
            Target::Path { folder, title } => {
                let first = if folder.is_empty() { title } else { folder };
                if first.starts_with(ID_PREFIX) {
                    out.write_str("/")?;
                }
                if !folder.is_empty() {
                    write!(out, "{folder}/")?;
                }
                out.write_str(&escape(title))?;
            }
        }
        write!(out, "/{}", escape(&self.field))
    }
}

/// Cuts at every slash that no backslash stands before.
fn split_segments(text: &str) -> Vec<&str> {
    let mut escaped = false;
    text.split(|character: char| {
        let cut = character == '/' && !escaped;
        escaped = character == '\\' && !escaped;
        cut
    })
    .collect()
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('/', "\\/")
}

/// The text meant by an escaped segment; a backslash before anything else stands for itself.
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
    use crate::model::item::join_path;
    use proptest::prelude::*;

    fn path(folder: &str, title: &str, field: &str) -> Reference {
        Reference {
            item: Target::Path {
                folder: folder.to_owned(),
                title: title.to_owned(),
            },
            field: field.to_owned(),
        }
    }

    #[test]
    fn references_name_folder_title_and_field() {
        for (text, meant) in [
            ("keyfold://mail/password", path("", "mail", "password")),
            (
                "keyfold://work/acme/mail/otp",
                path("work/acme", "mail", "otp"),
            ),
            ("keyfold:///work/mail/otp", path("work", "mail", "otp")),
            (r"keyfold://work/a\/b/otp", path("work", "a/b", "otp")),
            (
                r"keyfold://x\/y/t/my\/field",
                path(r"x\/y", "t", "my/field"),
            ),
            (r"keyfold://c:\\dir/otp", path("", r"c:\dir", "otp")),
            (r"keyfold://c:\dir/otp", path("", r"c:\dir", "otp")),
            ("keyfold:///id:abcdef/otp", path("", "id:abcdef", "otp")),
            (
                "keyfold://my bank/security code",
                path("", "my bank", "security code"),
            ),
        ] {
            assert_eq!(Reference::parse(text), Ok(meant), "{text}");
        }
    }

    #[test]
    fn ids_may_be_shortened_to_six_digits() {
        let id = ItemId([0xAB; 16]);
        for text in ["id:ababab", "id:ABABAB", &format!("id:{id}")] {
            let found = Reference::parse(&format!("keyfold://{text}/otp")).unwrap();
            let Target::Id(prefix) = found.item else {
                panic!("{text} is an id")
            };
            assert!(prefix.matches(id));
            assert!(!prefix.matches(ItemId([0xAC; 16])));
        }
        let whole = Reference {
            item: Target::Id(id.into()),
            field: "otp".to_owned(),
        };
        assert_eq!(whole.to_string(), format!("keyfold://id:{id}/otp"));
        assert_eq!(Reference::parse(&whole.to_string()), Ok(whole));
    }

    #[test]
    fn what_names_no_place_is_refused() {
        let long = format!("keyfold://{}/otp", "a".repeat(REFERENCE_LIMIT));
        for (text, error) in [
            ("", ReferenceError::NoPrefix),
            ("mail/password", ReferenceError::NoPrefix),
            ("KEYFOLD://mail/password", ReferenceError::NoPrefix),
            ("keyfold://", ReferenceError::EmptyPart),
            ("keyfold://mail", ReferenceError::EmptyPart),
            ("keyfold://mail/", ReferenceError::EmptyPart),
            ("keyfold:///mail", ReferenceError::EmptyPart),
            ("keyfold:////mail/otp", ReferenceError::EmptyPart),
            ("keyfold://work//otp", ReferenceError::EmptyPart),
            ("keyfold://id:abcde/otp", ReferenceError::BadId),
            ("keyfold://id:abcdeg/otp", ReferenceError::BadId),
            ("keyfold://id:abcdef/x/otp", ReferenceError::BadId),
            ("keyfold://id:/otp", ReferenceError::BadId),
            (&long, ReferenceError::TooLong),
        ] {
            assert_eq!(Reference::parse(text), Err(error), "{text}");
        }
        let digits = format!("{ID_PREFIX}{}", "a".repeat(ID_DIGITS_MAX + 1));
        assert_eq!(IdPrefix::parse(&digits), None);
    }

    proptest! {
        #[test]
        fn written_references_read_back(
            folder in prop::collection::vec(r"(id:)?([^/\\]|\\/){1,6}", 0..3),
            title in r"(id:)?([/\\a]|.){1,8}",
            field in r"([/\\a]|.){1,8}",
        ) {
            let reference = path(&folder.join("/"), &title, &field);
            prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
        }

        #[test]
        fn a_path_and_a_field_make_a_reference(folder in "[a-z]{0,3}", title in r"[/\\a-z]{1,6}") {
            let text = format!("keyfold://{}/otp", join_path(&folder, &title));
            prop_assert_eq!(Reference::parse(&text), Ok(path(&folder, &title, "otp")));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in r"(keyfold://)?([/\\:]|id:|.){0,40}") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
            }
        }
    }
}
