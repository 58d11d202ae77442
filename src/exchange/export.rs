//! Items on their way into other programs: a [`Document`] and attached files in, one file of another format out.
//!
//! Each writer takes an item's fields out by ownership: what no rule of the format takes is kept under its name, and what
//! has no place there at all comes out as a [`Remark`], one for each field; nothing is dropped unsaid. What only keyfold itself
//! uses (ids, where an import found an item) is in its own document alone. Nothing here writes a file.
//!
//! Everything written is in a buffer that is wiped when it grows and when it is dropped.

mod aegis;
mod age;
mod bitwarden;
mod bitwarden_kinds;
mod buffer;
mod csv;
mod entry;
mod kdbx;
mod keepass_attributes;
mod keepass_history;
mod otpauth;
mod seeds;

pub use super::age::Recipient;
pub use entry::{Remark, What};

use super::ImportError;
use super::native::{Document, write_document};
use crate::model::ids::ItemId;
use crate::secret::Secret;
use buffer::Buffer;
use entry::Remarks;
use rand::CryptoRng;
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
    /// A database of KeePass, KDBX 4.1, under a password of its own.
    Kdbx,
    /// One-time password seeds as otpauth URIs, one a line.
    Otpauth,
    /// One-time password seeds in Aegis's JSON.
    Aegis,
    /// The same under a password of its own.
    AegisSealed,
    /// keyfold's own document in a file of age.
    Age,
}

impl ExportFormat {
    /// Every format with its name on the command line.
    pub const TABLE: [(Self, &'static str); 8] = [
        (Self::Keyfold, "keyfold"),
        (Self::Csv, "csv"),
        (Self::Bitwarden, "bitwarden"),
        (Self::Kdbx, "kdbx"),
        (Self::Otpauth, "otpauth"),
        (Self::Aegis, "aegis"),
        (Self::AegisSealed, "aegis-encrypted"),
        (Self::Age, "age"),
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

    /// Whether it is written under a password of its own.
    #[must_use]
    pub fn is_sealed(self) -> bool {
        matches!(self, Self::Kdbx | Self::AegisSealed | Self::Age)
    }

    /// Whether it is no text.
    #[must_use]
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Kdbx | Self::Age)
    }

    /// Whether it has room for attached files.
    #[must_use]
    pub fn holds_files(self) -> bool {
        matches!(self, Self::Keyfold | Self::Age | Self::Kdbx)
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

/// What guessing a password takes, in the terms of Argon2id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretching {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes at once.
    pub lanes: u32,
}

impl Default for Stretching {
    /// About half a second, and no more memory than a telephone gives to a program.
    fn default() -> Self {
        Self {
            memory_kib: 64 << 10,
            passes: 10,
            lanes: 2,
        }
    }
}

/// What is to be written.
pub struct Order<'a> {
    /// The items.
    pub document: &'a Document,
    /// Files of any of them; keyfold's own document has its own.
    pub files: &'a [AttachedFile],
    /// Files that were not to come along, by item and name.
    pub left_out: &'a [(ItemId, String)],
    /// The format.
    pub format: ExportFormat,
    /// Who will read it, where it is a table.
    pub reader: Reader,
    /// The export's own password, where the format is sealed.
    pub password: Option<&'a Secret>,
    /// Whom it is for instead, where the format knows recipients.
    pub recipients: &'a [Recipient],
    /// What guessing that password shall cost, where the format leaves the choice.
    pub stretching: Stretching,
}

/// What was written.
pub struct Exported {
    /// The file.
    pub bytes: Zeroizing<Vec<u8>>,
    /// What it does not hold, or holds in another way.
    pub remarks: Vec<Remark>,
    /// How many one-time password seeds are in it, where it holds nothing else.
    pub seeds: Option<usize>,
}

/// Why nothing was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteError {
    /// What was put together is no text of the format; a mistake of this program.
    Unwritable,
    /// The format is sealed, and there is no password.
    PasswordNeeded,
    /// A file or all of it is larger than the format can say, or there is no memory for its derivation.
    TooLarge,
}

impl From<ImportError> for WriteError {
    /// What reader and writer of a format share reports as the reader does.
    fn from(_: ImportError) -> Self {
        Self::TooLarge
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unwritable => out.write_str("the export cannot be written; please report this"),
            Self::PasswordNeeded => out.write_str("the export needs a password of its own"),
            Self::TooLarge => {
                out.write_str("the export is too large for its format, or for this machine")
            }
        }
    }
}

impl std::error::Error for WriteError {}

/// Writes items and their files in a format.
///
/// # Errors
/// [`WriteError`]; then there is nothing.
pub fn write(order: &Order<'_>, rng: &mut dyn CryptoRng) -> Result<Exported, WriteError> {
    let mut remarks = Remarks::default();
    remarks.tell_left_out(order);
    let bytes = match order.format {
        ExportFormat::Keyfold => {
            remarks.leave_files_out(order);
            write_document(order.document)
        }
        ExportFormat::Csv => csv::write(order, &mut remarks)?,
        ExportFormat::Bitwarden => bitwarden::write(order, &mut remarks)?,
        ExportFormat::Kdbx => kdbx::write(order, &mut remarks, rng)?,
        ExportFormat::Otpauth => otpauth::write(order, &mut remarks),
        ExportFormat::Aegis => aegis::write(order, &mut remarks)?,
        ExportFormat::AegisSealed => aegis::write_sealed(order, &mut remarks, rng)?,
        ExportFormat::Age => age::write(order, &mut remarks, rng)?,
    };
    Ok(Exported {
        bytes,
        remarks: remarks.list,
        seeds: remarks.seeds,
    })
}
