//! Why an import was refused. No variant carries a value of the source: any of them may be a password.

use super::format::Format;
use super::xml::XmlProblem;
use super::zipped::ZipProblem;
use super::{MAX_FIELDS, MAX_FILE_BYTES, MAX_JSON_DEPTH, MAX_ROWS, MAX_VALUE_BYTES, MAX_VALUES};
use std::fmt;

/// Why nothing was imported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImportError {
    /// There is nothing in the file.
    Empty,
    /// More than [`MAX_FILE_BYTES`], or what keyfold's own export may have.
    TooLarge {
        /// The file's size.
        bytes: usize,
    },
    /// Neither UTF-8 nor UTF-16 with a byte order mark, or with zero bytes.
    NotText {
        /// Where the first byte stands that is not text, from 0.
        offset: usize,
    },
    /// No known export looks like this.
    UnknownFormat,
    /// The export is encrypted, and this format is read only in clear.
    Encrypted {
        /// The format that the file has.
        format: Format,
    },
    /// The export is encrypted, and no password was given.
    SourcePasswordNeeded {
        /// The format that the file has.
        format: Format,
    },
    /// The password does not open the export, or the export was changed; the two look the same.
    SourcePasswordWrong {
        /// The format that the file has.
        format: Format,
    },
    /// Opening the export would take more memory or work than any honest one does, or more than there is.
    SourceTooCostly {
        /// The format that the file has.
        format: Format,
    },
    /// The file is not what the format promises.
    NotThisFormat {
        /// The format that was asked for or found.
        format: Format,
        /// What is missing.
        reason: &'static str,
    },
    /// No column of the first line is known, so there may be no header at all.
    NoKnownColumn,
    /// The mapping names a column that the first line does not have.
    NoSuchColumn {
        /// The name as the mapping has it.
        column: String,
    },
    /// A mapping was given for a format whose columns are known.
    MappingNotForFormat {
        /// That format.
        format: Format,
    },
    /// A row cannot be read.
    Row {
        /// Data row or position of the item, from 1; 0 is the header.
        row: usize,
        /// Line of the file where the row begins, from 1; absent for JSON.
        line: Option<usize>,
        /// What is wrong.
        problem: RowProblem,
    },
    /// The JSON cannot be read.
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        problem: JsonProblem,
    },
    /// The XML cannot be read.
    Xml(XmlProblem),
    /// The zip archive cannot be read.
    Zip(ZipProblem),
    /// More than [`MAX_ROWS`].
    TooManyRows,
    /// More than [`MAX_VALUES`].
    TooManyValues,
}

/// What is wrong with one row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowProblem {
    /// A quoted cell has no end: the file is cut off, or a quote is not doubled.
    UnterminatedQuote,
    /// Text follows a closing quote, so a quote inside the cell was not doubled.
    StrayQuote,
    /// The last row has too few cells and no line end: the file is cut off.
    CutOff,
    /// More than [`MAX_FIELDS`].
    TooManyFields,
    /// A value is longer than [`MAX_VALUE_BYTES`].
    ValueTooLong,
    /// An id comes twice, or a field's name, kind and secrecy do not go together.
    Contradiction,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JsonProblem {
    /// The text ends too early.
    CutOff,
    /// Not JSON.
    Syntax,
    /// Deeper than [`MAX_JSON_DEPTH`].
    TooDeep,
    /// One object has a name twice; which of the values counts is anyone's guess.
    RepeatedName,
    /// More than [`MAX_VALUES`].
    TooManyValues,
    /// A text is longer than [`MAX_VALUE_BYTES`].
    ValueTooLong,
    /// JSON, but not of the shape that the format has at this place.
    Shape,
}

impl fmt::Display for ImportError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("the file is empty"),
            Self::TooLarge { bytes } => {
                let own = super::native::MAX_DOCUMENT_BYTES;
                let limit = if *bytes > own { own } else { MAX_FILE_BYTES };
                write!(out, "the file has {bytes} bytes, the limit is {limit}")
            }
            Self::NotText { offset } => write!(
                out,
                "byte {offset} is not UTF-8 text; save the file as UTF-8 and try again"
            ),
            Self::UnknownFormat => out.write_str("no known export looks like this file"),
            Self::Encrypted { format } => write!(
                out,
                "the {} export is encrypted; export it unencrypted",
                format.name()
            ),
            Self::SourcePasswordNeeded { format } => write!(
                out,
                "the {} export is encrypted, and its password is needed",
                format.name()
            ),
            Self::SourcePasswordWrong { format } => write!(
                out,
                "the password does not open the {} export, or the file was changed",
                format.name()
            ),
            Self::SourceTooCostly { format } => write!(
                out,
                "opening the {} export would take too much memory or time",
                format.name()
            ),
            Self::NotThisFormat { format, reason } => {
                write!(out, "not a {} export: {reason}", format.name())
            }
            Self::NoKnownColumn => {
                out.write_str("no column of the first line is known; name the columns by a mapping")
            }
            Self::NoSuchColumn { column } => {
                write!(out, "the first line has no column named {column:?}")
            }
            Self::MappingNotForFormat { format } => write!(
                out,
                "a mapping goes with csv; the columns of {} are known",
                format.name()
            ),
            Self::Row { row, line, problem } => {
                match row {
                    0 => out.write_str("the header")?,
                    row => write!(out, "row {row}")?,
                }
                if let Some(line) = line {
                    write!(out, " (line {line})")?;
                }
                write!(out, ": {problem}")
            }
            Self::Json {
                line,
                column,
                problem,
            } => write!(out, "line {line}, column {column}: {problem}"),
            Self::Xml(problem) => problem.fmt(out),
            Self::Zip(problem) => problem.fmt(out),
            Self::TooManyRows => write!(out, "more than {MAX_ROWS} rows"),
            Self::TooManyValues => write!(out, "more than {MAX_VALUES} values"),
        }
    }
}

impl fmt::Display for RowProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnterminatedQuote => out.write_str("a quote is opened and never closed; the file may be cut off"),
            Self::StrayQuote => out.write_str("text after a closing quote; a quote inside a value must be doubled"),
            Self::CutOff => out.write_str(
                "the file ends in the middle of this row; if the row is complete, end it with a line end",
            ),
            Self::TooManyFields => write!(out, "more than {MAX_FIELDS} fields"),
            Self::ValueTooLong => write!(out, "a value is longer than {MAX_VALUE_BYTES} bytes"),
            Self::Contradiction => out.write_str("an id stands twice, or a field contradicts itself"),
        }
    }
}

impl fmt::Display for JsonProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutOff => out.write_str("the file is cut off"),
            Self::Syntax => out.write_str("not JSON"),
            Self::TooDeep => write!(out, "nested more than {MAX_JSON_DEPTH} deep"),
            Self::RepeatedName => out.write_str("a name stands twice in one object"),
            Self::TooManyValues => write!(out, "more than {MAX_VALUES} values"),
            Self::ValueTooLong => write!(out, "a text is longer than {MAX_VALUE_BYTES} bytes"),
            Self::Shape => out.write_str("not what the format has at this place"),
        }
    }
}

impl std::error::Error for ImportError {}
