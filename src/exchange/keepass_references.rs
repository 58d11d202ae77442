//! References between entries of KeePass: `{REF:P@I:…}` in a value stands for the password of the entry with that id
//! (KeePass's help page "Field References"). Items of a vault have no such thing, so each gets the value itself.

use super::authenticator::MAX_DRAFT_BYTES;
use super::xml::Element;
use super::{ImportError, Imported};
use data_encoding::{BASE64, HEXUPPER};
use std::collections::HashMap;
use zeroize::Zeroizing;

const OPENING: &str = "{REF:";
/// How far references are followed that lead to others, as KeePass does.
const MAX_STEPS: usize = 10;

/// What a reference asks for, or finds its entry by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Title,
    UserName,
    Password,
    Url,
    Notes,
    Id,
}

impl Part {
    fn of(letter: char) -> Option<Self> {
        Some(match letter.to_ascii_uppercase() {
            'T' => Self::Title,
            'U' => Self::UserName,
            'P' => Self::Password,
            'A' => Self::Url,
            'N' => Self::Notes,
            'I' => Self::Id,
            _ => return None,
        })
    }

    fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "Title" => Self::Title,
            "UserName" => Self::UserName,
            "Password" => Self::Password,
            "URL" => Self::Url,
            "Notes" => Self::Notes,
            _ => return None,
        })
    }

    /// Whether entries are found by it: nobody looks for a password or a note.
    fn is_searched(self) -> bool {
        !matches!(self, Self::Password | Self::Notes)
    }
}

/// A reference in a text.
struct Reference<'t> {
    wanted: Part,
    by: Part,
    sought: &'t str,
}

impl<'t> Reference<'t> {
    /// Reads what stands between the opening and the closing brace.
    fn parse(inner: &'t str) -> Option<Self> {
        let (parts, sought) = inner.split_once(':')?;
        let (wanted, by) = parts.split_once('@')?;
        let part = |text: &str| {
            let mut letters = text.chars();
            Part::of(letters.next()?).filter(|_| letters.next().is_none())
        };
        Some(Self {
            wanted: part(wanted)?,
            by: part(by)?,
            sought,
        })
    }
}

/// Whether an element is a value with a reference in it.
pub(super) fn is_in(element: &Element) -> bool {
    element.name == "Value" && holds_opening(&element.text)
}

/// Puts values in the place of references to them, in all entries and their former versions, and says so. A reference whose
/// entry is not there stays as it is.
///
/// # Errors
/// [`ImportError::TooManyValues`] where references to references grow beyond what an import may take.
pub(super) fn resolve(root: &mut Element, imported: &mut Imported) -> Result<(), ImportError> {
    let mut entries = Entries::default();
    entries.note(root);
    let mut resolver = Resolver {
        entries: &entries,
        taken: 0,
        resolved: 0,
        unknown: 0,
    };
    resolver.resolve_below(root, false)?;
    if resolver.resolved > 0 {
        imported.warnings.push(format!(
            "{} that stood in other entries ({OPENING}…}}) are copied from there, and change with them no more",
            values(resolver.resolved)
        ));
    }
    if resolver.unknown > 0 {
        imported.warnings.push(format!(
            "{} in entries that are not there ({OPENING}…}}): the references are kept as text",
            values(resolver.unknown)
        ));
    }
    Ok(())
}

fn values(count: usize) -> String {
    format!("{count} value{}", if count == 1 { "" } else { "s" })
}

fn find_opening(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    bytes
        .windows(OPENING.len())
        .position(|window| window.eq_ignore_ascii_case(OPENING.as_bytes()))
}

fn holds_opening(text: &str) -> bool {
    text.contains('{') && find_opening(text).is_some()
}

/// The entries that references may mean.
#[derive(Default)]
struct Entries {
    rows: Vec<HashMap<Part, Zeroizing<String>>>,
    /// The first of them with a value, in capitals.
    by_value: HashMap<(Part, String), usize>,
}

impl Entries {
    /// Former versions are no entries.
    fn note(&mut self, group: &Element) {
        for child in &group.children {
            match &*child.name {
                "Group" | "Root" => self.note(child),
                "Entry" => self.note_entry(child),
                _ => {}
            }
        }
    }

    fn note_entry(&mut self, entry: &Element) {
        let mut row = HashMap::new();
        if let Some(id) = entry.child("UUID") {
            let id = id.text.trim();
            let bytes = BASE64.decode(id.as_bytes());
            let id = bytes.map_or_else(|_| id.to_owned(), |bytes| HEXUPPER.encode(&bytes));
            row.insert(Part::Id, Zeroizing::new(id));
        }
        for string in &entry.children {
            let part = string.child("Key").and_then(|key| Part::of_name(&key.text));
            if let (Some(part), Some(value)) = (part, string.child("Value")) {
                row.insert(part, value.text.clone());
            }
        }
        for (part, value) in row.iter().filter(|(part, _)| part.is_searched()) {
            let key = (*part, value.to_uppercase());
            self.by_value.entry(key).or_insert(self.rows.len());
        }
        self.rows.push(row);
    }

    /// What a reference means; an entry without the value has an empty one.
    fn find(&self, reference: &Reference<'_>) -> Option<&str> {
        let key = (reference.by, reference.sought.to_uppercase());
        let row = self.rows.get(*self.by_value.get(&key)?)?;
        Some(row.get(&reference.wanted).map_or("", |value| value))
    }
}

struct Resolver<'e> {
    entries: &'e Entries,
    /// Bytes that were put in, and a step each.
    taken: usize,
    resolved: usize,
    unknown: usize,
}

impl Resolver<'_> {
    fn resolve_below(&mut self, element: &mut Element, is_former: bool) -> Result<(), ImportError> {
        for child in &mut element.children {
            match &*child.name {
                "String" => self.resolve_in(child, is_former)?,
                "History" => self.resolve_below(child, true)?,
                _ => self.resolve_below(child, is_former)?,
            }
        }
        Ok(())
    }

    fn resolve_in(&mut self, string: &mut Element, is_former: bool) -> Result<(), ImportError> {
        let value = string.children.iter_mut();
        let Some(value) = value.into_iter().find(|child| child.name == "Value") else {
            return Ok(());
        };
        if !holds_opening(&value.text) {
            return Ok(());
        }
        let mut found = Found::default();
        let mut text = Zeroizing::default();
        self.expand(&value.text, MAX_STEPS, &mut text, &mut found)?;
        value.text = text;
        if found.has_password {
            value.set_flag("Protected");
        }
        if !is_former {
            self.resolved += usize::from(found.any);
            self.unknown += usize::from(found.lacks_any);
        }
        Ok(())
    }

    fn expand(
        &mut self,
        text: &str,
        steps: usize,
        out: &mut Zeroizing<String>,
        found: &mut Found,
    ) -> Result<(), ImportError> {
        let mut rest = text;
        while let Some(at) = find_opening(rest) {
            let (before, reference) = rest.split_at(at);
            out.push_str(before);
            let (whole, after) = match reference.find('}') {
                Some(end) => reference.split_at(end + 1),
                None => (reference, ""),
            };
            let inner = whole
                .get(OPENING.len()..)
                .and_then(|rest| rest.strip_suffix('}'));
            let parsed = inner.and_then(Reference::parse).filter(|_| steps > 0);
            match parsed.and_then(|parsed| Some((self.entries.find(&parsed)?, parsed.wanted))) {
                Some((value, wanted)) => {
                    self.taken += value.len() + 1;
                    if self.taken > MAX_DRAFT_BYTES {
                        return Err(ImportError::TooManyValues);
                    }
                    found.any = true;
                    found.has_password |= wanted == Part::Password;
                    self.expand(value, steps - 1, out, found)?;
                }
                None => {
                    found.lacks_any = true;
                    out.push_str(whole);
                }
            }
            rest = after;
        }
        out.push_str(rest);
        Ok(())
    }
}

/// What references a value held.
#[derive(Default)]
struct Found {
    any: bool,
    has_password: bool,
    lacks_any: bool,
}
