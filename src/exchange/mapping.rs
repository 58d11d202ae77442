//! What the user says about a CSV's columns: `title=Name,password=Pass`.

use super::table::Target;
use crate::model::draft::FieldName;
use std::fmt;

/// Most pairs of one mapping.
const MAX_PAIRS: usize = 100;

/// Which column goes where; columns that it does not name are recognised as ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mapping {
    pairs: Vec<(Target, String)>,
}

/// Why a mapping's text cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MappingError {
    /// A part without `=`, or with nothing on one side of it.
    NotAPair {
        /// The part.
        part: String,
    },
    /// What stands before `=` is none of keyfold's fields.
    UnknownField {
        /// The name.
        name: String,
    },
    /// A field that holds one value stands twice.
    FieldTwice {
        /// The name.
        name: String,
    },
    /// A column stands twice.
    ColumnTwice {
        /// The column.
        column: String,
    },
    /// More than a hundred pairs.
    TooManyPairs,
}

impl Mapping {
    /// Reads `field=Column,field=Column`. Fields: title, folder, url, tags, favourite, kind, and every standard
    /// field's name (username, password, otp, notes, email …); url and tags may stand more than once. A comma inside a
    /// column's name is written `\,`.
    ///
    /// # Errors
    /// [`MappingError`] names the part that is wrong.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let mut pairs: Vec<(Target, String)> = Vec::new();
        for part in split_parts(text) {
            if pairs.len() == MAX_PAIRS {
                return Err(MappingError::TooManyPairs);
            }
            let (name, column) = match part.split_once('=') {
                Some((name, column)) if !name.trim().is_empty() && !column.trim().is_empty() => {
                    (name.trim(), column.trim().to_owned())
                }
                _ => return Err(MappingError::NotAPair { part }),
            };
            let target = parse_target(name)?;
            let many = matches!(target, Target::Url | Target::Tags);
            if !many && pairs.iter().any(|pair| pair.0 == target) {
                let name = name.to_owned();
                return Err(MappingError::FieldTwice { name });
            }
            if pairs.iter().any(|pair| pair.1 == column) {
                return Err(MappingError::ColumnTwice { column });
            }
            pairs.push((target, column));
        }
        Ok(Self { pairs })
    }

    /// The pairs in the order given.
    pub(super) fn pairs(&self) -> &[(Target, String)] {
        &self.pairs
    }
}

impl fmt::Display for MappingError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPair { part } => write!(out, "{part:?} is not FIELD=COLUMN"),
            Self::UnknownField { name } => write!(out, "{name:?} is no field of keyfold"),
            Self::FieldTwice { name } => write!(out, "{name:?} stands twice"),
            Self::ColumnTwice { column } => write!(out, "column {column:?} stands twice"),
            Self::TooManyPairs => write!(out, "more than {MAX_PAIRS} columns"),
        }
    }
}

impl std::error::Error for MappingError {}

fn parse_target(name: &str) -> Result<Target, MappingError> {
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "title" => Ok(Target::Title),
        "folder" => Ok(Target::Folder(&['/'])),
        "url" | "urls" => Ok(Target::Url),
        "tag" | "tags" => Ok(Target::Tags),
        "favourite" | "favorite" => Ok(Target::Favourite),
        "kind" => Ok(Target::Kind),
        lower => match FieldName::from_text(lower) {
            FieldName::Standard(number) => Ok(Target::Standard(number)),
            FieldName::Custom(_) => Err(MappingError::UnknownField {
                name: name.to_owned(),
            }),
        },
    }
}

fn split_parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some(',')) => {
                if let Some(part) = parts.last_mut() {
                    part.extend(characters.next());
                }
            }
            (',', _) => parts.push(String::new()),
            _ => {
                if let Some(part) = parts.last_mut() {
                    part.push(character);
                }
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::field;

    #[test]
    fn pairs_are_read_with_blanks_and_escapes() {
        let mapping =
            Mapping::parse("title=Name, Password = My\\, pass=word ,url=A,url=B").unwrap();
        let expected = [
            (Target::Title, "Name"),
            (Target::Standard(field::PASSWORD), "My, pass=word"),
            (Target::Url, "A"),
            (Target::Url, "B"),
        ];
        for ((target, column), pair) in expected.iter().zip(mapping.pairs()) {
            assert_eq!((target, *column), (&pair.0, pair.1.as_str()));
        }
        assert_eq!(mapping.pairs().len(), expected.len());
    }

    #[test]
    fn every_mistake_has_its_error() {
        let owned = str::to_owned;
        for (text, error) in [
            ("", MappingError::NotAPair { part: owned("") }),
            (
                "title",
                MappingError::NotAPair {
                    part: owned("title"),
                },
            ),
            (
                "title=",
                MappingError::NotAPair {
                    part: owned("title="),
                },
            ),
            (
                "titel=A",
                MappingError::UnknownField {
                    name: owned("titel"),
                },
            ),
            (
                "otp=A,OTP=B",
                MappingError::FieldTwice { name: owned("OTP") },
            ),
            (
                "otp=A,title=A",
                MappingError::ColumnTwice { column: owned("A") },
            ),
        ] {
            assert_eq!(Mapping::parse(text), Err(error), "{text}");
        }
        let long: Vec<String> = (0..=MAX_PAIRS).map(|n| format!("url=c{n}")).collect();
        assert_eq!(
            Mapping::parse(&long.join(",")),
            Err(MappingError::TooManyPairs)
        );
    }
}
