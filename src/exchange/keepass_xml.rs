//! The XML of KeePass 2: what it exports in clear, and what is inside its databases.
//!
//! Taken apart by ownership: what no rule takes is kept as a custom field named after its place. Groups are folders, the
//! recycle bin is the trash, former versions of an entry give the values that it had.

use super::authenticator::{MAX_DRAFT_BYTES, Tally, push_seed, say_looks, skip_field};
use super::keepass_references;
use super::keepass_seed::{self, SeedSource};
use super::place::{
    folder_path, has_standard, plain_kind, push_date, push_named, push_tag, push_text, push_url,
    settle_note, settle_title,
};
use super::xml::Element;
use super::{Format, ImportError, Imported, MAX_FIELDS, MAX_ROWS, MAX_UNPACKED_BYTES, Skipped};
use crate::model::draft::{Draft, DraftField, DraftFile, DraftFormer, DraftValue, FieldName};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::moment::Moment;
use crate::secret::SecretBytes;
use data_encoding::{BASE64, HEXLOWER};
use flate2::read::GzDecoder;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use zeroize::Zeroizing;

/// Seconds from the first day of year 1, which KDBX 4 counts from, to 1970.
const YEAR_ONE: i64 = 62_135_596_800;
/// Strongbox's tag for a favourite, and keyfold's in a database that it writes.
pub(super) const FAVOURITE: &str = "Favorite";
/// The value that says what an item is in a database that keyfold writes.
pub(super) const KIND: &str = "kind";

/// Reads an export in clear.
pub(super) fn import(text: &str) -> Result<Imported, ImportError> {
    if !text.contains("<KeePassFile") {
        return Err(not_this(Format::KeePassXml));
    }
    let mut root = Element::parse(text)?;
    let mut has_references = false;
    root.visit(&mut |element| has_references |= keepass_references::is_in(element));
    read(root, Files::default(), Format::KeePassXml, has_references)
}

fn not_this(format: Format) -> ImportError {
    ImportError::NotThisFormat {
        format,
        reason: "it does not begin with KeePassFile",
    }
}

/// Reads a document whose protected values are in clear; `files` are those that stand before it, and whether it has references
/// its caller has seen.
pub(super) fn read(
    mut root: Element,
    files: Files,
    format: Format,
    has_references: bool,
) -> Result<Imported, ImportError> {
    if root.name != "KeePassFile" {
        return Err(not_this(format));
    }
    let mut imported = Imported::default();
    if has_references {
        keepass_references::resolve(&mut root, &mut imported)?;
    }
    let mut meta = root.take("Meta").unwrap_or_default();
    let refused = |reason| ImportError::NotThisFormat { format, reason };
    let mut top = root.take("Root").unwrap_or_default();
    let group = top.take("Group");
    let group = group.ok_or(refused("it has no group of entries"))?;
    // One of them alone would be read by other programs, each its own.
    if top.child("Group").is_some() || root.child("Root").is_some() {
        return Err(refused("it has several groups at its top"));
    }
    let mut reader = DocumentReader {
        imported,
        tally: Tally::default(),
        row: 0,
        recycle_bin: recycle_bin(&mut meta),
        folders: HashMap::new(),
        folder_bytes: 0,
        files,
    };
    reader.note_meta(&mut meta)?;
    // The root group has the database's name; its entries lie at the top.
    let mut top = Place::default();
    reader.note_folders(&group, &top.folder)?;
    reader.read_group(group, &mut top)?;
    Ok(reader.imported)
}

fn recycle_bin(meta: &mut Element) -> Option<String> {
    let is_used = meta.take_text("RecycleBinEnabled");
    let id = meta.take_text("RecycleBinUUID")?;
    is_used
        .is_none_or(|used| used.eq_ignore_ascii_case("true"))
        .then_some(id)
}

/// Where entries lie.
#[derive(Clone, Default)]
struct Place {
    folder: String,
    tags: Vec<String>,
    is_trash: bool,
}

struct DocumentReader {
    imported: Imported,
    tally: Tally,
    row: usize,
    recycle_bin: Option<String>,
    /// Folders by the ids of their groups: an entry in the recycle bin may say where it came from.
    folders: HashMap<String, String>,
    /// What they take: a long name comes out again in every folder below it.
    folder_bytes: usize,
    files: Files,
}

impl DocumentReader {
    /// What describes the database and no entry.
    fn note_meta(&mut self, meta: &mut Element) -> Result<(), ImportError> {
        // KDBX 3 keeps files here.
        let binaries = meta.take("Binaries").unwrap_or_default();
        for binary in binaries.children {
            self.files.add_encoded(binary)?;
        }
        if meta
            .take("CustomIcons")
            .is_some_and(|icons| !icons.children.is_empty())
        {
            say_looks(&mut self.imported);
        }
        for name in ["DatabaseName", "DatabaseDescription"] {
            if let Some(text) = meta.take_text(name) {
                self.imported
                    .warnings
                    .push(format!("the database's {name} {text:?} is left out"));
            }
        }
        Ok(())
    }

    fn note_folders(&mut self, group: &Element, folder: &str) -> Result<(), ImportError> {
        for child in &group.children {
            if child.name == "Group" {
                let folder = below(folder, child);
                self.folder_bytes += folder.len();
                if self.folder_bytes > MAX_DRAFT_BYTES {
                    return Err(ImportError::TooManyValues);
                }
                if let Some(id) = child.child("UUID") {
                    self.folders
                        .insert(id.text.trim().to_owned(), folder.clone());
                }
                self.note_folders(child, &folder)?;
            }
        }
        Ok(())
    }

    fn read_group(&mut self, mut group: Element, place: &mut Place) -> Result<(), ImportError> {
        self.note_group(&mut group, place);
        for entry in group.take_all("Entry") {
            self.read_entry(entry, place)?;
        }
        for child in group.take_all("Group") {
            let id = child.child("UUID").map(|id| id.text.trim().to_owned());
            let mut inner = place.clone();
            if id.is_some() && id == self.recycle_bin {
                inner.is_trash = true;
                inner.folder = String::new();
            } else if !place.is_trash || !is_bare(&child) {
                inner.folder = below(&place.folder, &child);
            }
            self.read_group(child, &mut inner)?;
        }
        Ok(())
    }

    /// What a group says beside its name: tags go to its entries; remarks have no place.
    fn note_group(&mut self, group: &mut Element, place: &mut Place) {
        place.tags.extend(split_tags(group.take_text("Tags")));
        let is_empty = group.child("Entry").is_none() && group.child("Group").is_none();
        let is_bin = group.child("UUID").map(|id| id.text.trim()) == self.recycle_bin.as_deref();
        if is_empty && !is_bin && !place.folder.is_empty() {
            self.imported.warnings.push(format!(
                "folder {:?} has no items and is left out",
                place.folder
            ));
        }
        if group.take_text("Notes").is_some() {
            self.imported.warnings.push(format!(
                "remarks about the group {:?} are left out",
                place.folder
            ));
        }
    }

    fn read_entry(&mut self, mut entry: Element, place: &Place) -> Result<(), ImportError> {
        self.row += 1;
        if self.row > MAX_ROWS {
            return Err(ImportError::TooManyRows);
        }
        let mut draft = Draft {
            kind: ItemKind::Login,
            folder: place.folder.clone(),
            trashed: place.is_trash,
            ..Draft::default()
        };
        draft.origin = entry.take_text("UUID").map(|id| origin_of(&id));
        let former_place = entry.take_text("PreviousParentGroup");
        if place.is_trash
            && let Some(folder) = former_place.and_then(|id| self.folders.get(id.trim()))
        {
            draft.folder.clone_from(folder);
        }
        let (marks, tags): (Vec<String>, Vec<String>) =
            split_tags(entry.take_text("Tags")).partition(|tag| tag == FAVOURITE);
        draft.favourite = !marks.is_empty();
        for tag in tags.iter().chain(&place.tags) {
            push_tag(&mut draft, tag);
        }
        let mut values = Values::take(&mut entry);
        let kind = values.take_kind();
        let mut history = entry.take("History").unwrap_or_default();
        let binaries = entry.take_all("Binary");
        self.skip_former_files(&draft, &values, &history, &binaries);
        draft.former = former_values(&mut history, &values);
        let seed = keepass_seed::take(&mut values.0);
        put_values(&mut draft, values);
        self.put_seed(&mut draft, seed);
        read_times(&mut draft, entry.take("Times").unwrap_or_default());
        read_autotype(&mut draft, entry.take("AutoType").unwrap_or_default());
        read_custom_data(&mut draft, entry.take("CustomData").unwrap_or_default());
        match kind {
            Some(kind) => draft.kind = kind,
            None => settle_kind(&mut draft),
        }
        settle_title(&mut draft);
        let files = self.take_files(&draft, binaries)?;
        self.drop_looks(&mut entry);
        keep_rest(&mut draft, "", entry);
        self.tally.push(self.row, draft, &mut self.imported)?;
        self.tally.push_files(files, &mut self.imported)
    }

    fn put_seed(&mut self, draft: &mut Draft, seed: Option<SeedSource>) {
        let Some(source) = seed else { return };
        match source.make() {
            Ok(seed) => push_seed(draft, &seed, self.row, &mut self.imported),
            Err((error, values)) => {
                let reason = format!("{error}; its settings are kept as fields");
                for value in values {
                    // Not as a seed: none could be made of it.
                    let name = format!("seed {}", value.name);
                    draft.push_custom(&name, FieldKind::Secret, value.text);
                }
                skip_field(draft, "otp", &reason, self.row, &mut self.imported);
            }
        }
    }

    fn take_files(
        &mut self,
        draft: &Draft,
        binaries: Vec<Element>,
    ) -> Result<Vec<DraftFile>, ImportError> {
        let mut files = Vec::new();
        for mut binary in binaries {
            let name = binary.take_text("Key").unwrap_or_default();
            let value = binary.take("Value").unwrap_or_default();
            match self.files.take(value)? {
                Some(content) => files.push(DraftFile { name, content }),
                None => {
                    let field = format!("file {name}");
                    let reason = "the database does not hold it";
                    skip_field(draft, &field, reason, self.row, &mut self.imported);
                }
            }
        }
        Ok(files)
    }

    /// Files that only former versions of an entry have: keyfold keeps those that were attached here alone.
    fn skip_former_files(
        &mut self,
        draft: &Draft,
        values: &Values,
        history: &Element,
        binaries: &[Element],
    ) {
        if history.children.is_empty() {
            return;
        }
        let title = values
            .by_name()
            .get("Title")
            .map(|title| (*title).to_owned());
        let current: BTreeSet<Option<&str>> = binaries.iter().map(reference).collect();
        let versions = history.children.iter();
        let former = versions.flat_map(|version| version.children.iter());
        let former = former.filter(|child| child.name == "Binary");
        let mut told = BTreeSet::new();
        for binary in former.filter(|binary| !current.contains(&reference(binary))) {
            let name = binary.child("Key").map_or("", |key| key.text.as_str());
            if told.insert((name, reference(binary))) && told.len() <= MAX_FIELDS {
                self.imported.skipped.push(Skipped {
                    row: self.row,
                    item: title.clone().or_else(|| Some(draft.title.clone())),
                    field: Some(format!("file {name}")),
                    reason: "a former version of the entry had it".to_owned(),
                });
            }
        }
    }

    /// What only says how a program shows an entry, or counts its use.
    fn drop_looks(&mut self, entry: &mut Element) {
        let mut looks = entry.take_all("IconID").len();
        for name in ["CustomIconUUID", "ForegroundColor", "BackgroundColor"] {
            looks += usize::from(entry.take_text(name).is_some());
        }
        if looks > 0 {
            say_looks(&mut self.imported);
        }
        // Whether the program rates the password: it does unless told not to.
        entry.take("QualityCheck");
    }
}

/// The names that every entry has; any other may be called as keyfold calls these.
const OWN_NAMES: [&str; 5] = ["Title", "UserName", "Password", "Notes", "URL"];

fn put_values(draft: &mut Draft, mut values: Values) {
    values
        .0
        .sort_by_key(|value| !OWN_NAMES.contains(&value.name.as_str()));
    for value in values.0 {
        let kind = value.kind();
        let Value { name, text, .. } = value;
        match name.as_str() {
            "Title" => draft.title = text,
            "UserName" => draft.push_standard(field::USERNAME, text),
            "Password" => draft.push_standard(field::PASSWORD, text),
            "Notes" => draft.push_standard(field::NOTES, text),
            "URL" => {
                // The entry's own one stands first, wherever the others came.
                let others = std::mem::take(&mut draft.urls);
                push_url(draft, &text);
                others.iter().for_each(|url| push_url(draft, url));
            }
            name if name.starts_with("KP2A_URL") => push_url(draft, &text),
            name if text.is_empty() && name.is_empty() => {}
            name => push_named(draft, name, kind, text),
        }
    }
}

/// A group in the recycle bin that has no name of its own adds nothing.
fn is_bare(group: &Element) -> bool {
    group
        .child("Name")
        .is_none_or(|name| name.text.trim().is_empty())
}

fn below(folder: &str, group: &Element) -> String {
    let name = group.child("Name").map_or("", |name| name.text.as_str());
    // One segment, whatever signs are in it.
    let segment = folder_path(name, &[]);
    match (folder, segment.as_str()) {
        (_, "") => folder.to_owned(),
        ("", _) => segment,
        _ => format!("{folder}/{segment}"),
    }
}

fn split_tags(text: Option<String>) -> impl Iterator<Item = String> {
    let tags: Vec<String> = text
        .unwrap_or_default()
        .split([';', ','])
        .map(|tag| tag.trim().to_owned())
        .filter(|tag| !tag.is_empty())
        .collect();
    tags.into_iter()
}

/// `keepass:` and the entry's id, as programs show it.
fn origin_of(id: &str) -> String {
    match BASE64.decode(id.trim().as_bytes()) {
        Ok(bytes) => format!("keepass:{}", HEXLOWER.encode(&bytes)),
        Err(_) => format!("keepass:{}", id.trim()),
    }
}

/// One value of an entry.
pub(super) struct Value {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) is_secret: bool,
}

impl Value {
    fn kind(&self) -> FieldKind {
        if self.is_secret {
            FieldKind::Secret
        } else {
            plain_kind(&self.text)
        }
    }
}

/// The kind that a database written by keyfold names: an entry is a login without that.
pub(super) fn written_kind(text: &str) -> Option<ItemKind> {
    ItemKind::from_name(text).filter(|kind| *kind != ItemKind::Login)
}

struct Values(Vec<Value>);

impl Values {
    fn take(entry: &mut Element) -> Self {
        let values = entry.take_all("String").into_iter().map(|mut string| {
            let name = string.take_text("Key").unwrap_or_default();
            let value = string.take("Value").unwrap_or_default();
            let is_secret =
                value.flag("Protected") || value.flag("ProtectInMemory") || name == "Password";
            Value {
                name,
                is_secret,
                text: value.into_text(),
            }
        });
        Self(values.collect())
    }

    /// Takes what keyfold wrote of an item's kind; anything else of that name is a value like others.
    fn take_kind(&mut self) -> Option<ItemKind> {
        let kind_of = |value: &Value| written_kind(&value.text).filter(|_| !value.is_secret);
        let at = self.0.iter().position(|value| value.name == KIND)?;
        let kind = self.0.get(at).and_then(kind_of)?;
        self.0.remove(at);
        Some(kind)
    }

    fn by_name(&self) -> BTreeMap<&str, &str> {
        let rows = self.0.iter();
        rows.map(|value| (value.name.as_str(), value.text.as_str()))
            .collect()
    }
}

/// Which of the database's files an entry means.
fn reference(binary: &Element) -> Option<&str> {
    binary
        .child("Value")
        .and_then(|value| value.attribute("Ref"))
}

/// Values that an entry had and has no more, each with the time that it was set, oldest first.
fn former_values(history: &mut Element, current: &Values) -> Vec<DraftFormer> {
    let versions: Vec<(Moment, Values)> = history
        .take_all("Entry")
        .into_iter()
        .map(|mut version| {
            let mut times = version.take("Times").unwrap_or_default();
            let changed = times.take_text("LastModificationTime");
            let changed = changed.and_then(|text| date_of(&text));
            let changed = changed.and_then(|date| Moment::parse_rfc3339(&date));
            (changed.unwrap_or(Moment(0)), Values::take(&mut version))
        })
        .collect();
    let next = versions.iter().skip(1).map(|version| &version.1);
    let mut former = Vec::new();
    for ((set, values), next) in versions.iter().zip(next.chain([current])) {
        let next = next.by_name();
        for value in &values.0 {
            let is_same = next.get(value.name.as_str()) == Some(&value.text.as_str());
            if is_same || value.text.is_empty() || former.len() >= MAX_FIELDS {
                continue;
            }
            let (name, kind) = former_field(value);
            former.push(DraftFormer {
                name,
                kind,
                value: DraftValue::new(kind, value.text.clone()),
                set: *set,
            });
        }
    }
    former
}

fn former_field(value: &Value) -> (FieldName, FieldKind) {
    let number = match value.name.as_str() {
        "Title" => field::TITLE,
        "UserName" => field::USERNAME,
        "Password" => field::PASSWORD,
        "Notes" => field::NOTES,
        "URL" => return (FieldName::Custom("url".to_owned()), FieldKind::Url),
        name => return (FieldName::Custom(name.to_owned()), value.kind()),
    };
    let kind = field::standard_field(number).map_or(FieldKind::Text, |row| row.1);
    (FieldName::Standard(number), kind)
}

/// Files of a database, by what entries call them.
#[derive(Default)]
pub(super) struct Files {
    contents: HashMap<String, Zeroizing<Vec<u8>>>,
    /// Bytes that packed ones took.
    unpacked: u64,
}

impl Files {
    /// One that stands before the document, called by its number.
    pub(super) fn add(&mut self, content: &[u8]) {
        let number = self.contents.len().to_string();
        self.contents
            .insert(number, Zeroizing::new(content.to_vec()));
    }

    fn add_encoded(&mut self, binary: Element) -> Result<(), ImportError> {
        let id = binary.attribute("ID").unwrap_or_default().to_owned();
        if let Some(content) = self.decode(&binary)? {
            self.contents.insert(id, content);
        }
        Ok(())
    }

    /// A file of an entry: one of the database's, or one that stands there itself.
    fn take(&mut self, value: Element) -> Result<Option<SecretBytes>, ImportError> {
        let content = match value.attribute("Ref") {
            Some(id) => self.contents.get(id.trim()).cloned(),
            None => self.decode(&value)?,
        };
        Ok(content.map(SecretBytes::from))
    }

    fn decode(&mut self, element: &Element) -> Result<Option<Zeroizing<Vec<u8>>>, ImportError> {
        let text: Zeroizing<String> =
            Zeroizing::new(element.text.split_ascii_whitespace().collect());
        let Ok(bytes) = BASE64.decode(text.as_bytes()).map(Zeroizing::new) else {
            return Ok(None);
        };
        if !element.flag("Compressed") {
            return Ok(Some(bytes));
        }
        let left = MAX_UNPACKED_BYTES.saturating_sub(self.unpacked);
        let mut unpacked = Zeroizing::new(Vec::new());
        let mut source = GzDecoder::new(bytes.as_slice()).take(left + 1);
        if source.read_to_end(&mut unpacked).is_err() {
            return Ok(None);
        }
        self.unpacked += unpacked.len() as u64;
        if unpacked.len() as u64 > left {
            return Err(ImportError::TooManyValues);
        }
        Ok(Some(unpacked))
    }
}

/// A note is what has nothing but its text.
fn settle_kind(draft: &mut Draft) {
    let is_note = |entry: &DraftField| match &entry.name {
        FieldName::Standard(number) => [field::NOTES, field::CREATED].contains(number),
        FieldName::Custom(name) => name == "modified",
    };
    let has_notes = has_standard(draft, field::NOTES);
    if has_notes && draft.urls.is_empty() && draft.fields.iter().all(is_note) {
        draft.kind = ItemKind::Note;
        settle_note(draft);
    }
}

fn read_times(draft: &mut Draft, mut times: Element) {
    let read = |text: String| date_of(&text).unwrap_or(text);
    let created = times.take_text("CreationTime").map(read);
    draft.push_standard(field::CREATED, created.unwrap_or_default());
    push_date(
        draft,
        "modified",
        times.take_text("LastModificationTime").map(read),
    );
    let expiry = times.take_text("ExpiryTime");
    let expires = times.take_text("Expires");
    if expires.is_some_and(|expires| expires.eq_ignore_ascii_case("true")) {
        draft.push_standard(field::EXPIRES, expiry.map(read).unwrap_or_default());
    }
    // When and how often it was used, and moved, says nothing of it.
    for name in ["LastAccessTime", "UsageCount", "LocationChanged"] {
        times.take(name);
    }
    keep_rest(draft, "times.", times);
}

/// A time of KDBX 4 (base64 of seconds since year 1) or of older ones and XML (ISO 8601), in one form.
fn date_of(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some(moment) = Moment::parse_rfc3339(text) {
        return Some(moment.to_rfc3339());
    }
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    let seconds = i64::from_le_bytes(bytes.try_into().ok()?);
    let seconds = u64::try_from(seconds.checked_sub(YEAR_ONE)?).ok()?;
    Some(Moment(seconds.checked_mul(1000)?).to_rfc3339())
}

fn read_autotype(draft: &mut Draft, mut autotype: Element) {
    let enabled = autotype.take_text("Enabled");
    if enabled.is_some_and(|enabled| enabled.eq_ignore_ascii_case("false")) {
        push_text(draft, "autotype", "off".to_owned());
    }
    // How keystrokes are hidden from key loggers: a setting of that program's own.
    autotype.take("DataTransferObfuscation");
    let sequence = autotype.take_text("DefaultSequence");
    push_text(draft, "autotype sequence", sequence.unwrap_or_default());
    for mut association in autotype.take_all("Association") {
        let window = association.take_text("Window").unwrap_or_default();
        let sequence = association
            .take_text("KeystrokeSequence")
            .unwrap_or_default();
        let text = format!("{window} {sequence}").trim().to_owned();
        push_text(draft, "autotype window", text);
    }
    keep_rest(draft, "autotype.", autotype);
}

fn read_custom_data(draft: &mut Draft, mut data: Element) {
    for mut item in data.take_all("Item") {
        let name = item.take_text("Key").unwrap_or_default();
        let value = item.take_text("Value").unwrap_or_default();
        item.take("LastModificationTime");
        if !value.is_empty() {
            push_named(draft, &name, plain_kind(&value), value);
        }
        keep_rest(draft, "custom data.", item);
    }
    keep_rest(draft, "custom data.", data);
}

/// Keeps every text that no rule took, hidden, since nobody knows what it is; a switch that is off says nothing.
fn keep_rest(draft: &mut Draft, place: &str, rest: Element) {
    for child in rest.children {
        if draft.fields.len() > MAX_FIELDS {
            return;
        }
        let name = format!("{place}{}", child.name);
        if !child.children.is_empty() {
            keep_rest(draft, &format!("{name}."), child);
        } else if !child.text.trim().is_empty() && !child.text.eq_ignore_ascii_case("false") {
            push_named(draft, &name, FieldKind::Secret, child.into_text());
        }
    }
}
