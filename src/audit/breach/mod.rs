//! Lists of passwords that were seen in breaches, asked on this machine alone: whether a password's hash stands in one.
//!
//! What people can download is read as it lies there: ordered text, a folder of range files, sorted binary; and keyfold's own
//! filter, which [`build`] makes of any of them. A list is another's file: every number in it has a limit, and one that is not
//! what it must be (unordered, cut off, changed) is refused, because it would answer "not seen" to what was. A wrong
//! list can only say wrong things: nothing of it is kept, and nothing of a password goes into it.

mod binary;
mod build;
mod filter;
mod hash;
mod ranges;
mod search;
mod text;

pub use build::{Built, build};
pub use hash::HashKind;

use crate::model::moment::Moment;
use crate::secret::Secret;
use hash::PasswordHash;
use std::fmt;
use std::io;

/// A file of a list. It may be read by several threads at once.
pub trait ListFile: Send + Sync {
    /// Its length in bytes.
    fn length(&self) -> u64;

    /// Reads from an offset, as many bytes as there are; 0 at the end.
    ///
    /// # Errors
    /// What the disk says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl ListFile for Vec<u8> {
    fn length(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.get(start..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

/// A folder of range files.
pub trait ListFolder: Send + Sync {
    /// The file of this name, `None` where there is none.
    ///
    /// # Errors
    /// What the disk says.
    fn open(&self, name: &str) -> io::Result<Option<Box<dyn ListFile>>>;
}

/// Where a list lies.
pub enum Place {
    /// In one file.
    File(Box<dyn ListFile>),
    /// In a folder of range files.
    Folder(Box<dyn ListFolder>),
}

/// Why a list cannot be read.
#[derive(Debug)]
pub enum BreachError {
    /// What the disk says.
    Read(io::Error),
    /// Nothing is in it.
    Empty,
    /// It is an archive.
    Packed,
    /// It is none of the forms that are read.
    Unknown,
    /// It is text, and this place is no line of a hash, a colon and a number.
    Line {
        /// Where the line begins, in bytes.
        offset: u64,
    },
    /// Its hashes do not ascend.
    Unordered,
    /// Hashes are missing: they are not spread evenly, as hashes are.
    Uneven,
    /// A range file is missing.
    NoRange {
        /// The five hexadecimal digits that it is named by.
        prefix: String,
    },
    /// A range file is empty, or has far fewer hashes than the others.
    CutRange {
        /// The five hexadecimal digits that it is named by.
        prefix: String,
    },
    /// A filter that a newer version made.
    Newer,
    /// A filter that was changed or cut off.
    Damaged,
    /// A filter is to be made of a filter.
    IsFilter,
    /// No filter comes of these hashes: they are not spread as hashes are.
    NoFilter,
}

impl fmt::Display for BreachError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(out, "it cannot be read: {error}"),
            Self::Empty => out.write_str("there is nothing in it"),
            Self::Packed => out.write_str("it is an archive: unpack it first"),
            Self::Unknown => out.write_str(
                "it is no list that is read: text of hashes, range files, sorted binary, or a filter of keyfold",
            ),
            Self::Line { offset } => write!(
                out,
                "at byte {offset} there is no line of a SHA-1 or NTLM hash, or the file is cut off there"
            ),
            Self::Unordered => out.write_str(
                "its hashes do not ascend: take the list that is ordered by hash, not the one ordered by count",
            ),
            Self::Uneven => out.write_str(
                "hashes are missing in it: it is cut off, or the download was not finished",
            ),
            Self::NoRange { prefix } => write!(
                out,
                "the range file {prefix} is missing: the download was not finished"
            ),
            Self::CutRange { prefix } => write!(
                out,
                "the range file {prefix} is empty or cut off: the download was not finished"
            ),
            Self::Newer => out.write_str("it is a filter of a newer version of keyfold"),
            Self::Damaged => out.write_str("it is a filter that was changed or cut off"),
            Self::IsFilter => out.write_str("it is a filter already, and hashes cannot be had from one"),
            Self::NoFilter => {
                out.write_str("its hashes are not spread as hashes are, and no filter comes of them")
            }
        }
    }
}

impl std::error::Error for BreachError {}

impl From<io::Error> for BreachError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// A list that may be asked.
pub struct BreachList {
    form: Form,
}

enum Form {
    Text(text::Text),
    Ranges(ranges::Ranges),
    Binary(binary::Binary),
    Filter(filter::Filter),
}

impl BreachList {
    /// Finds out what a list is and whether it can be believed.
    ///
    /// # Errors
    /// As [`BreachError`] says: what would answer wrongly is refused.
    pub fn open(place: Place) -> Result<Self, BreachError> {
        let file = match place {
            Place::Folder(folder) => {
                let form = Form::Ranges(ranges::Ranges::open(folder)?);
                return Ok(Self { form });
            }
            Place::File(file) => file,
        };
        let mut start = [0; 64];
        let read = read_full(&*file, 0, &mut start)?;
        let start = start.get(..read).unwrap_or_default();
        if start.is_empty() {
            return Err(BreachError::Empty);
        }
        let form = if filter::is_filter(start) {
            Form::Filter(filter::Filter::open(file)?)
        } else if text::is_text(start) {
            Form::Text(text::Text::open(file)?)
        } else if is_packed(start) {
            return Err(BreachError::Packed);
        } else {
            Form::Binary(binary::Binary::open(file)?)
        };
        Ok(Self { form })
    }

    /// Whether the password is in the list. A filter may say so of one that is not, as often as
    /// [`BreachList::false_positive_rate`] tells.
    ///
    /// # Errors
    /// What the disk says, and whatever shows that the list cannot be believed.
    pub fn contains(&self, password: &Secret) -> Result<bool, BreachError> {
        self.contains_hash(&PasswordHash::of(self.hash_kind(), password))
    }

    fn contains_hash(&self, hash: &PasswordHash) -> Result<bool, BreachError> {
        match &self.form {
            Form::Text(list) => list.contains(hash),
            Form::Ranges(list) => list.contains(hash),
            Form::Binary(list) => list.contains(hash),
            Form::Filter(list) => list.contains(hash),
        }
    }

    /// What its hashes are.
    #[must_use]
    pub fn hash_kind(&self) -> HashKind {
        match &self.form {
            Form::Text(list) => list.kind(),
            Form::Ranges(list) => list.kind(),
            Form::Binary(list) => list.kind(),
            Form::Filter(list) => list.kind(),
        }
    }

    /// The form in a word: `text`, `ranges`, `binary`, `filter`.
    #[must_use]
    pub fn form(&self) -> &'static str {
        match &self.form {
            Form::Text(_) => "text",
            Form::Ranges(_) => "ranges",
            Form::Binary(_) => "binary",
            Form::Filter(_) => "filter",
        }
    }

    /// How many hashes it has; of text and ranges about so many.
    #[must_use]
    pub fn entries(&self) -> u64 {
        match &self.form {
            Form::Text(list) => list.entries(),
            Form::Ranges(list) => list.entries(),
            Form::Binary(list) => list.entries(),
            Form::Filter(list) => list.entries(),
        }
    }

    /// When a filter was made; nothing says so of the other forms.
    #[must_use]
    pub fn made(&self) -> Option<Moment> {
        match &self.form {
            Form::Filter(list) => Some(list.made()),
            Form::Text(_) | Form::Ranges(_) | Form::Binary(_) => None,
        }
    }

    /// How often it takes a password for breached that is not: 0 but for a filter.
    #[must_use]
    pub fn false_positive_rate(&self) -> f64 {
        match &self.form {
            Form::Filter(_) => filter::FALSE_POSITIVE_RATE,
            Form::Text(_) | Form::Ranges(_) | Form::Binary(_) => 0.0,
        }
    }

    /// Hands out the first eight bytes of every hash, ascending and each once, with how far the reading is, from 0 to 1.
    fn for_each(
        &self,
        take: &mut dyn FnMut(u64, f64) -> Result<(), BreachError>,
    ) -> Result<(), BreachError> {
        match &self.form {
            Form::Text(list) => list.for_each(take),
            Form::Ranges(list) => list.for_each(take),
            Form::Binary(list) => list.for_each(take),
            Form::Filter(_) => Err(BreachError::IsFilter),
        }
    }
}

fn is_packed(start: &[u8]) -> bool {
    let marks: [&[u8]; 5] = [
        b"7z\xBC\xAF\x27\x1C",
        b"PK\x03\x04",
        b"\x1F\x8B",
        b"\xFD7zXZ",
        b"\x28\xB5\x2F\xFD",
    ];
    marks.iter().any(|mark| start.starts_with(mark))
}

/// Reads until the buffer is full or the file ends, and says how much that is.
fn read_full(file: &dyn ListFile, offset: u64, buffer: &mut [u8]) -> Result<usize, BreachError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        match file.read_at(at, rest)? {
            0 => break,
            count => filled += count.min(rest.len()),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;
