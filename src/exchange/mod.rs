//! What other programs export, read into drafts: one file a format, bytes in, [`Imported`] out; and keyfold's own
//! export, a [`native::Document`] in and out.
//!
//! Every value of the source comes out in a draft, in [`Imported::skipped`] or in [`Imported::warnings`]; nothing is
//! dropped unsaid. A file that is cut off or not understood is refused whole. Nothing here writes a vault, reads a
//! file, or puts a value of the source into an error, since any value may be a password.
//!
//! What is wiped: values move into [`crate::secret::Secret`] without a second copy wherever their kind is secret, and
//! every buffer made here is wiped when dropped. What cannot be: the caller's input bytes (the caller wipes them),
//! serde_json's scratch buffer for JSON strings that contain escapes, and texts of plain kinds.

mod aegis;
mod age;
mod andotp;
mod apple;
mod authenticator;
mod bitwarden_csv;
mod bitwarden_encrypted;
mod bitwarden_json;
mod bitwarden_kinds;
mod buttercup;
mod chrome;
mod cotp;
mod dashlane;
mod dates;
mod delimited;
mod encoding;
mod enpass_csv;
mod enpass_json;
mod ente_auth;
mod error;
pub mod export;
mod firefox;
mod folders;
mod format;
mod freeotp;
mod freeotp_backup;
mod generic_csv;
mod google_auth;
mod json;
mod kdbx;
mod keepass1;
mod keepass_references;
mod keepass_seed;
mod keepass_xml;
mod keepassxc;
mod keeper_csv;
mod keeper_fields;
mod keeper_json;
mod labelled;
mod lastpass;
mod lastpass_forms;
mod lastpass_notes;
mod mapping;
pub mod native;
mod nordpass;
mod onepassword_csv;
mod onepux;
mod onepux_fields;
mod otpauth_uris;
mod pass;
mod picture;
mod place;
mod protobuf;
mod proton_authenticator;
mod protonpass_csv;
mod protonpass_json;
mod raivo;
mod roboform;
mod row;
mod secretstream;
mod sections;
mod stratum;
mod table;
mod two_fas;
mod unlock;
mod xml;
mod zip_exports;
mod zipped;
mod zoho;

#[cfg(test)]
mod tests;

pub use error::{ImportError, JsonProblem, RowProblem};
pub use format::{Format, detect};
pub use google_auth::Transfers;
pub use kdbx::MAX_UNPACKED_BYTES;
pub use mapping::{Mapping, MappingError};
pub use pass::{PassEntry, import_pass};
pub use unlock::{
    Credentials, MAX_KDF_LANES, MAX_KDF_MEMORY_BYTES, MAX_KDF_WORK_BYTES, MAX_PBKDF2_ROUNDS,
};
pub use xml::XmlProblem;
pub use zipped::ZipProblem;

use crate::model::draft::{Draft, DraftFile};
use crate::otp::picture::is_picture;
use encoding::Text;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Largest file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;
/// Most rows or items of one file.
pub const MAX_ROWS: usize = 1_000_000;
/// Most fields of one row or item.
pub const MAX_FIELDS: usize = 1000;
/// Most values of one file, empty CSV cells not counted; keeps memory within a small multiple of the file's size.
pub const MAX_VALUES: usize = 4_000_000;
/// Largest single value, in bytes.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// Deepest nesting of JSON.
pub const MAX_JSON_DEPTH: usize = 64;

/// What one file brought.
#[derive(Default, Serialize, Deserialize)]
pub struct Imported {
    /// The items, in the file's order.
    pub drafts: Vec<ImportedItem>,
    /// What was left out, with the reason.
    pub skipped: Vec<Skipped>,
    /// What the user should know of the file as a whole.
    pub warnings: Vec<String>,
    /// Transfers of Google Authenticator of which codes were read; some may lie in other files.
    #[serde(skip)]
    pub transfers: Transfers,
}

impl Imported {
    /// Adds what another reader found, its rows behind those that are there.
    fn append(&mut self, other: Self) {
        let before = self.rows_read();
        self.drafts.extend(other.drafts.into_iter().map(|mut item| {
            item.row += before;
            item
        }));
        self.skipped
            .extend(other.skipped.into_iter().map(|mut skipped| {
                skipped.row += before;
                skipped
            }));
        self.warnings.extend(other.warnings);
        self.transfers.add(&other.transfers);
    }

    /// How many rows or items the file had: those that became drafts and those left out whole.
    #[must_use]
    pub fn rows_read(&self) -> usize {
        let left_out = self.skipped.iter().filter(|entry| entry.field.is_none());
        self.drafts.len() + left_out.count()
    }
}

/// One item and where it stood.
#[derive(Serialize, Deserialize)]
pub struct ImportedItem {
    /// Data row of a CSV (the header not counted) or position in the list of items, from 1.
    pub row: usize,
    /// The item; its title is never empty.
    pub draft: Draft,
    /// Its files.
    pub files: Vec<DraftFile>,
}

impl ImportedItem {
    /// One without files.
    #[must_use]
    pub fn new(row: usize, draft: Draft) -> Self {
        Self {
            row,
            draft,
            files: Vec::new(),
        }
    }
}

/// A row, or one field of a row, that was left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Skipped {
    /// Data row or position, from 1.
    pub row: usize,
    /// Title of the item; absent where the row has none.
    pub item: Option<String>,
    /// The source's name of the field; absent where the whole row was left out.
    pub field: Option<String>,
    /// Why, in words for the user.
    pub reason: String,
}

/// What a file is read as.
#[derive(Serialize, Deserialize)]
pub enum Source {
    /// Another program's export.
    Foreign(Imported),
    /// keyfold's own export.
    Native(native::Document),
}

/// Reads an export of another program or of keyfold itself. Without a format it is told from the content; a mapping
/// means generic CSV. Credentials open an encrypted one, and are not looked at for any other.
///
/// # Errors
/// As [`import`].
pub fn read(
    bytes: &[u8],
    format: Option<Format>,
    mapping: Option<&Mapping>,
    credentials: &Credentials<'_>,
) -> Result<Source, ImportError> {
    let is_sealed_by_age = age::is_age(bytes) && format.is_none_or(|format| format == Format::Age);
    if is_sealed_by_age {
        let opened = age::open(bytes, credentials)?;
        if age::is_age(&opened) {
            return Err(ImportError::UnknownFormat);
        }
        return read(&opened, None, mapping, credentials);
    }
    let is_native = match format {
        Some(format) => format == Format::Keyfold,
        None => format::is_native(bytes),
    };
    if !is_native {
        return import_with(bytes, format, mapping, credentials).map(Source::Foreign);
    }
    if mapping.is_some() {
        return Err(ImportError::MappingNotForFormat {
            format: Format::Keyfold,
        });
    }
    native::parse_document(bytes).map(Source::Native)
}

/// Reads another program's export that is in clear. Without a format it is told from the content; a mapping means generic
/// CSV.
///
/// # Errors
/// [`ImportError`]; then nothing was imported. No error carries a value of the source.
pub fn import(
    bytes: &[u8],
    format: Option<Format>,
    mapping: Option<&Mapping>,
) -> Result<Imported, ImportError> {
    import_with(bytes, format, mapping, &Credentials::default())
}

/// As [`import`], with what opens an encrypted export.
fn import_with(
    bytes: &[u8],
    format: Option<Format>,
    mapping: Option<&Mapping>,
    credentials: &Credentials<'_>,
) -> Result<Imported, ImportError> {
    let imported = match binary_format(bytes, format)? {
        Some(format) if mapping.is_some() => {
            return Err(ImportError::MappingNotForFormat { format });
        }
        Some(Format::Kdbx) => kdbx::import(bytes, credentials)?,
        Some(Format::QrPicture) => picture::import(bytes)?,
        Some(Format::FreeOtp) => freeotp_backup::import(bytes, credentials)?,
        Some(format) => zip_exports::import(bytes, format)?,
        None => import_text(bytes, format, mapping, credentials)?,
    };
    check_limits(&imported)?;
    Ok(imported)
}

/// The format of an export that is no text even when it is opened.
fn binary_format(bytes: &[u8], asked: Option<Format>) -> Result<Option<Format>, ImportError> {
    if kdbx::generation(bytes).is_some() {
        let seen = Some(Format::Kdbx);
        return Ok(seen.filter(|seen| asked.is_none_or(|asked| asked == *seen)));
    }
    if is_picture(bytes) {
        let seen = Some(Format::QrPicture);
        return Ok(seen.filter(|seen| asked.is_none_or(|asked| asked == *seen)));
    }
    if zipped::is_zip(bytes) {
        return zip_exports::format_of(bytes, asked).map(Some);
    }
    Ok(sealed_format(bytes, asked).filter(|seen| *seen == Format::FreeOtp))
}

/// Reads an export that is text, or was text before it was encrypted as a whole.
fn import_text(
    bytes: &[u8],
    format: Option<Format>,
    mapping: Option<&Mapping>,
    credentials: &Credentials<'_>,
) -> Result<Imported, ImportError> {
    let sealed = sealed_format(bytes, format);
    let opened = sealed
        .map(|format| open_whole(bytes, format, credentials))
        .transpose()?;
    let bytes = opened.as_ref().map_or(bytes, |opened| opened.as_slice());
    let format = sealed.or(format);
    let text = Text::parse(bytes)?;
    let format = match (format, mapping) {
        (Some(format), _) => format,
        (None, Some(_)) if !format::looks_like_json(&text) => Format::GenericCsv,
        (None, _) => format::detect_text(&text, None)?,
    };
    if mapping.is_some() && format != Format::GenericCsv {
        return Err(ImportError::MappingNotForFormat { format });
    }
    Ok(match format {
        Format::Keyfold => {
            return Err(ImportError::NotThisFormat {
                format,
                reason: "its items are complete with ids and history, which drafts cannot hold",
            });
        }
        Format::Chrome => chrome::import(&text)?,
        Format::KeePassXc | Format::KeePassX => keepassxc::import(&text, format)?,
        Format::KeePass1 => keepass1::import(&text)?,
        Format::Kdbx => {
            return Err(ImportError::NotThisFormat {
                format,
                reason: "it does not begin as a database of KeePass does",
            });
        }
        Format::Pass => {
            return Err(ImportError::NotThisFormat {
                format,
                reason: "a store of pass is a folder",
            });
        }
        Format::QrPicture => {
            return Err(ImportError::NotThisFormat {
                format,
                reason: "it is no picture in PNG or JPEG",
            });
        }
        Format::Age => {
            return Err(ImportError::NotThisFormat {
                format,
                reason: "it does not begin as a file of age does",
            });
        }
        Format::KeePassXml => keepass_xml::import(&text)?,
        Format::OnePux => {
            return Err(ImportError::NotThisFormat {
                format,
                reason: "it is no zip archive",
            });
        }
        Format::BitwardenJson if bitwarden_encrypted::is_sealed(&text) => {
            let opened = bitwarden_encrypted::open(&text, credentials)?;
            bitwarden_json::import(&Text::parse(&opened)?)?
        }
        Format::BitwardenJson => bitwarden_json::import(&text)?,
        Format::BitwardenCsv => bitwarden_csv::import(&text)?,
        Format::Apple => apple::import(&text)?,
        Format::Buttercup => buttercup::import(&text)?,
        Format::Dashlane => dashlane::import(&text)?,
        Format::EnpassCsv => enpass_csv::import(&text)?,
        Format::EnpassJson => enpass_json::import(&text)?,
        Format::Firefox => firefox::import(&text)?,
        Format::KeeperCsv => keeper_csv::import(&text)?,
        Format::KeeperJson => keeper_json::import(&text)?,
        Format::LastPass => lastpass::import(&text)?,
        Format::NordPass => nordpass::import(&text)?,
        Format::OnePasswordCsv => onepassword_csv::import(&text)?,
        Format::ProtonPassCsv => protonpass_csv::import(&text)?,
        Format::ProtonPassJson => protonpass_json::import(&text, None)?,
        Format::RoboForm => roboform::import(&text)?,
        Format::Zoho => zoho::import(&text)?,
        Format::GenericCsv => generic_csv::import(&text, mapping)?,
        // Authenticators.
        Format::Aegis => aegis::import(&text, credentials)?,
        Format::AndOtp => andotp::import(&text)?,
        Format::Cotp => cotp::import(&text, credentials)?,
        Format::EnteAuth if format::looks_like_json(&text) => {
            let list = ente_auth::open(&text, credentials)?;
            otpauth_uris::import(&Text::parse(&list)?, format)?
        }
        Format::EnteAuth | Format::OtpauthUris => otpauth_uris::import(&text, format)?,
        Format::FreeOtp => freeotp::import(&text)?,
        Format::GoogleAuthenticator => google_auth::import(&text)?,
        Format::ProtonAuthenticator => proton_authenticator::import(&text, credentials)?,
        Format::Raivo => raivo::import(&text)?,
        Format::Stratum => stratum::import(&text)?,
        Format::TwoFas => two_fas::import(&text, credentials)?,
    })
}

/// The format of an export that is encrypted as a whole, so that it is no text.
fn sealed_format(bytes: &[u8], asked: Option<Format>) -> Option<Format> {
    match asked {
        // It has no mark: whoever names it says what it is.
        Some(Format::AndOtp) => (!andotp::is_clear(bytes)).then_some(Format::AndOtp),
        Some(asked) => format::detect_sealed(bytes, None).filter(|seen| *seen == asked),
        None => format::detect_sealed(bytes, None),
    }
}

/// What such an export holds, which is text.
fn open_whole(
    bytes: &[u8],
    format: Format,
    credentials: &Credentials<'_>,
) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    match format {
        Format::AndOtp => andotp::open(bytes, credentials),
        _ => stratum::open(bytes, credentials),
    }
}

/// Combined values (an address, a passkey's JSON) can pass the limit although each part kept it.
fn check_limits(imported: &Imported) -> Result<(), ImportError> {
    for item in &imported.drafts {
        let draft = &item.draft;
        let lists = draft.fields.len() + draft.urls.len() + draft.tags.len();
        let values = lists + draft.former.len();
        let former = draft.former.iter().map(|former| former.value.len());
        let longest = draft
            .fields
            .iter()
            .map(|field| field.value.len())
            .chain(former)
            .chain(draft.urls.iter().map(String::len))
            .chain([draft.title.len(), draft.folder.len()])
            .max();
        let problem = if values > MAX_FIELDS {
            Some(RowProblem::TooManyFields)
        } else if longest > Some(MAX_VALUE_BYTES) {
            Some(RowProblem::ValueTooLong)
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(ImportError::Row {
                row: item.row,
                line: None,
                problem,
            });
        }
    }
    Ok(())
}
