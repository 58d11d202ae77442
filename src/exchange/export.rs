//! Items on their way into other programs: a [`Document`] and attached files in, one file of another format out.
//!
//! Each writer takes an item's fields out by ownership: what no rule of the format takes is kept under its name, and what
//! has no place there at all comes out as a [`Remark`], one for each field; nothing is dropped unsaid. What only keyfold itself
//! uses (ids, where an import found an item) is in its own document alone. Nothing here writes a file.
//!
//! Everything written is in a buffer that is wiped when it grows and when it is dropped.

mod bitwarden;
mod bitwarden_kinds;
mod buffer;
mod csv;
mod entry;

pub use entry::{Remark, What};

use super::native::{Document, write_document};
use crate::model::ids::ItemId;
use buffer::Buffer;
use entry::Remarks;
use std::fmt;
use zeroize::Zeroizing;

/// A format that can be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExportFormat {
    /// keyfold's own document, complete.
    Keyfold,
    /// A table.
    Csv,
    /// Bitwarden's unencrypted JSON.
    Bitwarden,
}

impl ExportFormat {
    /// Every format with its name on the command line.
    pub const TABLE: [(Self, &'static str); 3] = [
        (Self::Keyfold, "keyfold"),
        (Self::Csv, "csv"),
        (Self::Bitwarden, "bitwarden"),
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = Self::TABLE.iter().find(|row| row.0 == self);
        found.map_or("keyfold", |row| row.1)
    }

    /// The format of a name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let found = Self::TABLE
            .iter()
            .find(|row| row.1.eq_ignore_ascii_case(name));
        found.map(|row| row.0)
    }

    /// The names, in the order of the table.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        Self::TABLE.iter().map(|row| row.1).collect()
    }
}

/// A file that is attached to an item.
pub struct AttachedFile {
    /// The item.
    pub item: ItemId,
    /// Its name.
    pub name: String,
    /// What is in it.
    pub content: Zeroizing<Vec<u8>>,
}

/// Who will read a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reader {
    /// A program that takes every cell as it is.
    #[default]
    Program,
    /// A spreadsheet, which runs what begins like a formula.
    Spreadsheet,
}

/// What is to be written.
pub struct Order<'a> {
    /// The items.
    pub document: &'a Document,
    /// Files of any of them.
    pub files: &'a [AttachedFile],
    /// The format.
    pub format: ExportFormat,
    /// Who will read it, where it is a table.
    pub reader: Reader,
}

/// What was written.
pub struct Exported {
    /// The file.
    pub bytes: Zeroizing<Vec<u8>>,
    /// What it does not hold, or holds in another way.
    pub remarks: Vec<Remark>,
}

/// Why nothing was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteError {
    /// What was put together is no text of the format; a mistake of this program.
    Unwritable,
}

impl fmt::Display for WriteError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unwritable => out.write_str("the export cannot be written; please report this"),
        }
    }
}

impl std::error::Error for WriteError {}

/// Writes items and their files in a format.
///
/// # Errors
/// [`WriteError`]; then there is nothing.
pub fn write(order: &Order<'_>) -> Result<Exported, WriteError> {
    let mut remarks = Remarks::default();
    let bytes = match order.format {
        ExportFormat::Keyfold => {
            remarks.leave_files_out(order);
            write_document(order.document)
        }
        ExportFormat::Csv => csv::write(order, &mut remarks)?,
        ExportFormat::Bitwarden => bitwarden::write(order, &mut remarks)?,
    };
    Ok(Exported {
        bytes,
        remarks: remarks.list,
    })
}
