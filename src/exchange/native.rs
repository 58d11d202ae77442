//! keyfold's own export: everything of some items, complete with history (vault-format.md, section 8).
//!
//! Writing puts the one form down that the section describes; reading refuses what contradicts it. Values are secrets
//! here, whatever their kind: they are copied into [`Secret`] from the input and written into one buffer that never
//! grows. Nothing here knows a vault, and no error carries a value.

use super::encoding::Text;
use super::{Format, ImportError, JsonProblem, MAX_ROWS, RowProblem};
use crate::model::field::{self, FieldKind};
use crate::model::ids::{FieldId, ItemId};
use crate::model::item::join_path;
use crate::model::moment::Moment;
use crate::secret::{Secret, SecretBytes};
use data_encoding::BASE64;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use zeroize::Zeroizing;

/// Largest document that is read, in bytes: a full record of 64 MiB takes some four times as much in this form.
pub const MAX_DOCUMENT_BYTES: usize = 512 << 20;
/// Most members of one list inside an item: tags, addresses, fields, conflicts or former values.
pub const MAX_LIST: usize = 1_000_000;
/// Largest single text, in bytes: no record could hold a larger one.
pub const MAX_TEXT_BYTES: usize = 64 << 20;

const SCHEMA: u64 = 1;
const FORMAT: &str = "keyfold-export";
const OTHER_SCHEMA: &str = "another schema";
const OTHER_FORMAT: &str = "another format";

/// An export file.
#[derive(Default, Serialize, Deserialize)]
pub struct Document {
    /// The items; sorted by id where keyfold wrote them.
    pub items: Vec<DocumentItem>,
    /// Files that are attached to them.
    pub files: Vec<DocumentFile>,
    /// Attached files whose content lies beside the document. Whoever reads one brings their content into `files`.
    #[serde(skip)]
    pub elsewhere: Vec<FileElsewhere>,
}

/// One item with all that is known of it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentItem {
    /// The item.
    #[serde(serialize_with = "write_item_id", deserialize_with = "read_item_id")]
    pub id: ItemId,
    /// Folder and title, for people; readers ignore it.
    pub path: String,
    /// Whether it lies in the trash.
    pub trashed: bool,
    /// Tags, sorted.
    #[serde(deserialize_with = "read_list")]
    pub tags: Vec<String>,
    /// Addresses in their order.
    #[serde(deserialize_with = "read_list")]
    pub urls: Vec<DocumentUrl>,
    /// Fields that have a value, title, folder and kind among them.
    #[serde(deserialize_with = "read_list")]
    pub fields: Vec<DocumentField>,
    /// Former values, newest first.
    #[serde(deserialize_with = "read_list")]
    pub history: Vec<DocumentFormer>,
}

impl DocumentItem {
    /// The text of a standard field that is not secret, empty where there is none.
    #[must_use]
    pub fn text(&self, number: u8) -> &str {
        let id = FieldId::Standard(number);
        let mut plain = self.fields.iter().filter(|field| !field.kind.is_secret());
        let found = plain.find(|field| field.id == id);
        // EXPOSE: the field's kind is not secret.
        found.map_or("", |field| field.value.expose())
    }

    /// Folder and title as `path` has them.
    #[must_use]
    pub fn derive_path(&self) -> String {
        join_path(self.text(field::FOLDER), self.text(field::TITLE))
    }
}

/// An address.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentUrl {
    /// Its register; an address that was changed apart stands twice under one id.
    #[serde(serialize_with = "write_field_id", deserialize_with = "read_field_id")]
    pub id: FieldId,
    /// The address.
    pub value: String,
}

/// A field with its value.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentField {
    /// Its register.
    #[serde(serialize_with = "write_field_id", deserialize_with = "read_field_id")]
    pub id: FieldId,
    /// The name as shown.
    pub name: String,
    /// What the value is.
    #[serde(serialize_with = "write_kind", deserialize_with = "read_kind")]
    pub kind: FieldKind,
    /// Whether the kind is a secret one.
    pub secret: bool,
    /// The value.
    #[serde(serialize_with = "write_value", deserialize_with = "read_value")]
    pub value: Secret,
    /// When it came to be.
    #[serde(serialize_with = "write_moment", deserialize_with = "read_moment")]
    pub changed: Moment,
    /// Count of an HOTP seed.
    pub counter: Option<u64>,
    /// Other values that devices wrote apart, newest first.
    #[serde(deserialize_with = "read_list")]
    pub conflicts: Vec<DocumentConflict>,
}

/// An attached file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentFile {
    /// The item that has it.
    #[serde(serialize_with = "write_item_id", deserialize_with = "read_item_id")]
    pub item: ItemId,
    /// Its register.
    #[serde(serialize_with = "write_field_id", deserialize_with = "read_field_id")]
    pub id: FieldId,
    /// What it is called.
    pub name: String,
    /// All of it, in base64.
    #[serde(serialize_with = "write_content", deserialize_with = "read_content")]
    pub content: SecretBytes,
}

/// An attached file whose content lies beside the document, in a file of its own.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileElsewhere {
    /// The item that has it.
    #[serde(serialize_with = "write_item_id", deserialize_with = "read_item_id")]
    pub item: ItemId,
    /// Its register.
    #[serde(serialize_with = "write_field_id", deserialize_with = "read_field_id")]
    pub id: FieldId,
    /// What it is called.
    pub name: String,
    /// Where it lies, from the document's folder: names joined by `/`, none of them `.` or `..`.
    pub file: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// A value that stands beside the shown one.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentConflict {
    /// The value.
    #[serde(serialize_with = "write_value", deserialize_with = "read_value")]
    pub value: Secret,
    /// When it came to be.
    #[serde(serialize_with = "write_moment", deserialize_with = "read_moment")]
    pub changed: Moment,
}

/// A former value.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentFormer {
    /// Its register.
    #[serde(serialize_with = "write_field_id", deserialize_with = "read_field_id")]
    pub id: FieldId,
    /// The name as it was; empty for an address.
    pub name: String,
    /// What the value was.
    #[serde(serialize_with = "write_kind", deserialize_with = "read_kind")]
    pub kind: FieldKind,
    /// The value.
    #[serde(serialize_with = "write_value", deserialize_with = "read_value")]
    pub value: Secret,
    /// When it came to be.
    #[serde(serialize_with = "write_moment", deserialize_with = "read_moment")]
    pub changed: Moment,
    /// Name of the device that wrote it.
    pub device: String,
}

#[derive(Serialize)]
struct OuterWriting<'a> {
    schema: u64,
    format: &'static str,
    items: &'a [DocumentItem],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    files: &'a [DocumentFile],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    elsewhere: &'a [FileElsewhere],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OuterReading {
    #[serde(rename = "schema", deserialize_with = "read_schema")]
    _schema: u64,
    #[serde(rename = "format", deserialize_with = "read_format")]
    _format: (),
    #[serde(deserialize_with = "read_list")]
    items: Vec<DocumentItem>,
    #[serde(default, deserialize_with = "read_list")]
    files: Vec<DocumentFile>,
    #[serde(default, deserialize_with = "read_list")]
    elsewhere: Vec<FileElsewhere>,
}

/// Writes the document in its one form, a newline at the end.
#[must_use]
pub fn write_document(document: &Document) -> Zeroizing<Vec<u8>> {
    let outer = OuterWriting {
        schema: SCHEMA,
        format: FORMAT,
        items: &document.items,
        files: &document.files,
        elsewhere: &document.elsewhere,
    };
    // Two passes: a vector that grows would leave copies of what it holds behind.
    let mut count = Counting(1);
    let counted = serde_json::to_writer_pretty(&mut count, &outer);
    let mut bytes = Zeroizing::new(Vec::with_capacity(count.0));
    let written = serde_json::to_writer_pretty(&mut *bytes, &outer);
    debug_assert!(counted.is_ok() && written.is_ok());
    bytes.push(b'\n');
    bytes
}

/// Reads a document, wholly or not at all.
///
/// # Errors
/// [`ImportError`], without any value of the document.
pub fn parse_document(bytes: &[u8]) -> Result<Document, ImportError> {
    let text = Text::parse_up_to(bytes, MAX_DOCUMENT_BYTES)?;
    let outer: OuterReading = serde_json::from_str(&text).map_err(|error| refusal(&error))?;
    let document = Document {
        items: outer.items,
        files: outer.files,
        elsewhere: outer.elsewhere,
    };
    check(&document)?;
    Ok(document)
}

/// Whether a beginning of a JSON text says that it is such a document.
pub(super) fn names_itself(head: &str, outer_names: &[&str]) -> bool {
    outer_names.contains(&"format") && head.contains("\"keyfold-export\"")
}

fn refusal(error: &serde_json::Error) -> ImportError {
    // The message may quote a value: it is looked at and never shown.
    let message = Zeroizing::new(error.to_string());
    let not_this = |reason| ImportError::NotThisFormat {
        format: Format::Keyfold,
        reason,
    };
    if message.starts_with(OTHER_SCHEMA) {
        return not_this("its schema is not 1; a newer keyfold may have written it");
    }
    if message.starts_with(OTHER_FORMAT) {
        return not_this("its format is not keyfold-export");
    }
    let problem = if error.is_eof() {
        JsonProblem::CutOff
    } else if message.starts_with("duplicate field") {
        JsonProblem::RepeatedName
    } else if error.is_data() {
        JsonProblem::Shape
    } else {
        JsonProblem::Syntax
    };
    ImportError::Json {
        line: error.line(),
        column: error.column(),
        problem,
    }
}

/// What the shape alone does not say: ids come once, names and secrecy agree with them.
fn check(document: &Document) -> Result<(), ImportError> {
    if document.items.len() > MAX_ROWS {
        return Err(ImportError::TooManyRows);
    }
    let mut items = HashSet::with_capacity(document.items.len());
    for (item, row) in document.items.iter().zip(1..) {
        let fits = items.insert(item.id) && item.id != ItemId([0; 16]) && is_consistent(item);
        if !fits {
            return Err(ImportError::Row {
                row,
                line: None,
                problem: RowProblem::Contradiction,
            });
        }
    }
    let registers: HashSet<(ItemId, FieldId)> = document
        .items
        .iter()
        .flat_map(|item| {
            let fields = item.fields.iter().map(|field| field.id);
            let urls = item.urls.iter().map(|url| url.id);
            fields.chain(urls).map(|id| (item.id, id))
        })
        .collect();
    let fits = |(item, id): (ItemId, FieldId)| {
        let is_apart = !registers.contains(&(item, id));
        items.contains(&item) && matches!(id, FieldId::Custom(_)) && is_apart
    };
    let inside = document.files.iter().map(|file| (file.item, file.id));
    let elsewhere = document.elsewhere.iter().map(|file| (file.item, file.id));
    match inside.chain(elsewhere).position(|place| !fits(place)) {
        None => Ok(()),
        Some(place) => Err(ImportError::Row {
            row: document.items.len() + place + 1,
            line: None,
            problem: RowProblem::Contradiction,
        }),
    }
}

fn is_consistent(item: &DocumentItem) -> bool {
    let mut registers: HashSet<FieldId> = item.fields.iter().map(|field| field.id).collect();
    let once = registers.len() == item.fields.len();
    let tags: HashSet<&str> = item.tags.iter().map(String::as_str).collect();
    let fields = item.fields.iter().all(|field| {
        let counts = field.counter.is_none() || field.kind == FieldKind::Otp;
        field.secret == field.kind.is_secret() && is_named_so(field.id, &field.name) && counts
    });
    let urls = item
        .urls
        .iter()
        .all(|url| matches!(url.id, FieldId::Custom(_)) && !registers.contains(&url.id));
    // A tag's register follows from its text; no field or address may lie in it.
    registers.extend(item.urls.iter().map(|url| url.id));
    let apart = item
        .tags
        .iter()
        .all(|tag| !registers.contains(&FieldId::derive_for_tag(tag)));
    let mut history = item.history.iter();
    once && fields
        && urls
        && apart
        && tags.len() == item.tags.len()
        && history.all(|former| is_named_so(former.id, &former.name))
}

fn is_named_so(id: FieldId, name: &str) -> bool {
    matches!(id, FieldId::Custom(_)) || parse_field_id(name) == Some(id)
}

/// A field's id as the document has it: a standard field's name, `#` and a number, or 32 hexadecimal digits.
#[must_use]
pub fn write_field_id_text(id: FieldId) -> String {
    match id {
        FieldId::Standard(number) => match field::standard_field(number) {
            Some((name, _)) => name.to_owned(),
            None => format!("#{number}"),
        },
        FieldId::Custom(bytes) => data_encoding::HEXLOWER.encode(&bytes),
    }
}

/// Reads what [`write_field_id_text`] writes; a number that is known by now is read too.
#[must_use]
pub fn parse_field_id(text: &str) -> Option<FieldId> {
    if let Some(number) = field::standard_number(text) {
        return Some(FieldId::Standard(number));
    }
    if let Some(digits) = text.strip_prefix('#') {
        let number: u8 = digits.parse().ok()?;
        return (number.to_string() == digits).then_some(FieldId::Standard(number));
    }
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
    bytes.try_into().ok().map(FieldId::Custom)
}

struct Counting(usize);

impl io::Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_item_id<S: Serializer>(id: &ItemId, writer: S) -> Result<S::Ok, S::Error> {
    writer.collect_str(id)
}

fn write_field_id<S: Serializer>(id: &FieldId, writer: S) -> Result<S::Ok, S::Error> {
    writer.serialize_str(&write_field_id_text(*id))
}

fn write_kind<S: Serializer>(kind: &FieldKind, writer: S) -> Result<S::Ok, S::Error> {
    writer.serialize_str(kind.name())
}

fn write_moment<S: Serializer>(moment: &Moment, writer: S) -> Result<S::Ok, S::Error> {
    writer.serialize_str(&moment.to_rfc3339())
}

fn write_value<S: Serializer>(value: &Secret, writer: S) -> Result<S::Ok, S::Error> {
    // EXPOSE: an export holds every value in clear; it goes straight into the one buffer.
    writer.serialize_str(value.expose())
}

fn write_content<S: Serializer>(content: &SecretBytes, writer: S) -> Result<S::Ok, S::Error> {
    // EXPOSE: an export holds every file in clear; it goes straight into the one buffer.
    let text = Zeroizing::new(BASE64.encode(content.expose()));
    writer.serialize_str(&text)
}

fn read_content<'de, D: Deserializer<'de>>(reader: D) -> Result<SecretBytes, D::Error> {
    read_text(reader, |text| {
        BASE64.decode(text.as_bytes()).ok().map(SecretBytes::new)
    })
}

fn read_schema<'de, D: Deserializer<'de>>(reader: D) -> Result<u64, D::Error> {
    let schema = u64::deserialize(reader)?;
    if schema == SCHEMA {
        Ok(schema)
    } else {
        Err(D::Error::custom(OTHER_SCHEMA))
    }
}

fn read_format<'de, D: Deserializer<'de>>(reader: D) -> Result<(), D::Error> {
    let name = read_text(reader, |text| Some(text == FORMAT))?;
    if name {
        Ok(())
    } else {
        Err(D::Error::custom(OTHER_FORMAT))
    }
}

fn read_item_id<'de, D: Deserializer<'de>>(reader: D) -> Result<ItemId, D::Error> {
    read_text(reader, ItemId::from_hex)
}

fn read_field_id<'de, D: Deserializer<'de>>(reader: D) -> Result<FieldId, D::Error> {
    read_text(reader, parse_field_id)
}

fn read_kind<'de, D: Deserializer<'de>>(reader: D) -> Result<FieldKind, D::Error> {
    read_text(reader, FieldKind::from_name)
}

fn read_moment<'de, D: Deserializer<'de>>(reader: D) -> Result<Moment, D::Error> {
    read_text(reader, Moment::parse_rfc3339)
}

fn read_value<'de, D: Deserializer<'de>>(reader: D) -> Result<Secret, D::Error> {
    read_text(reader, |text| {
        (text.len() <= MAX_TEXT_BYTES).then(|| Secret::new(text.to_owned()))
    })
}

/// A text that a parser understands; read from the input itself, so that no other copy is made.
fn read_text<'de, D: Deserializer<'de>, T>(
    reader: D,
    parse: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct TextVisitor<T>(fn(&str) -> Option<T>);
    impl<T> Visitor<'_> for TextVisitor<T> {
        type Value = T;
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a text of this format")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            (self.0)(text).ok_or_else(|| E::custom("no text of this format"))
        }
    }
    reader.deserialize_str(TextVisitor(parse))
}

fn read_list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    reader: D,
) -> Result<Vec<T>, D::Error> {
    struct ListVisitor<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
        type Value = Vec<T>;
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a list")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<T>, A::Error> {
            let mut values = Vec::new();
            while let Some(value) = access.next_element()? {
                if values.len() == MAX_LIST {
                    return Err(A::Error::custom("a list that is too long"));
                }
                values.push(value);
            }
            Ok(values)
        }
    }
    reader.deserialize_seq(ListVisitor(PhantomData))
}

#[cfg(test)]
mod tests;
