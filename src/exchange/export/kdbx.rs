//! A database of KeePass: groups for folders, the recycle bin for the trash, protected values for secrets, KeePassXC's `otp`
//! for seeds, former versions for former values, files. By keepass.info/help/kb/kdbx_4.html.

use super::entry::{Entry, Remarks, Shown, say_parted_tags, say_plain_kinds, split_folder};
use super::keepass_attributes::{Attribute, attributes, is_printable, printable, unique};
use super::keepass_history::{Row, Version, former_versions, is_held};
use super::{AttachedFile, Buffer, Order, WriteError};
use crate::exchange::kdbx::Writer;
use crate::exchange::keepass_xml::FAVOURITE;
use crate::exchange::native::{DocumentField, DocumentItem};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::ids::{FieldId, ItemId};
use crate::model::moment::Moment;
use data_encoding::{BASE64, HEXLOWER};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use zeroize::Zeroizing;

/// Seconds from the first day of year 1, which KDBX 4 counts from, to 1970.
const YEAR_ONE: i64 = 62_135_596_800;
const ORIGIN: &str = "keepass:";
/// Folders that lie in each other; what is deeper shares one name, as no program shows so many.
const MAX_DEPTH: usize = 60;
const ROOT: &str = "keyfold";
const BIN: &str = "Recycle Bin";

/// Writes the items.
pub(super) fn write(
    order: &Order<'_>,
    remarks: &mut Remarks,
    rng: &mut dyn CryptoRng,
) -> Result<Zeroizing<Vec<u8>>, WriteError> {
    let password = order.password.ok_or(WriteError::PasswordNeeded)?;
    let mut xml = Xml {
        buffer: Buffer::default(),
        writer: Writer::make(rng)?,
        files: Vec::new(),
        ids: HashSet::new(),
        order,
        remarks,
    };
    xml.write_document();
    let Xml {
        buffer,
        writer,
        files,
        ..
    } = xml;
    let files: Vec<&[u8]> = files.iter().map(|file| file.content.as_slice()).collect();
    let bytes = writer.finish(buffer.as_slice(), &files, password, &order.stretching, rng)?;
    Ok(bytes)
}

/// Items and folders in a folder.
#[derive(Default)]
struct Group<'d> {
    items: Vec<&'d DocumentItem>,
    groups: BTreeMap<String, Group<'d>>,
}

impl<'d> Group<'d> {
    fn of(items: impl Iterator<Item = &'d DocumentItem>) -> Self {
        let mut root = Self::default();
        for item in items {
            let mut names = split_folder(item.text(field::FOLDER));
            if names.len() > MAX_DEPTH {
                let rest = names.split_off(MAX_DEPTH - 1).join("/");
                names.push(rest);
            }
            let mut group = &mut root;
            for name in names {
                group = group.groups.entry(name).or_default();
            }
            group.items.push(item);
        }
        root
    }
}

struct Xml<'o, 'd> {
    buffer: Buffer,
    writer: Writer,
    /// In the order in which entries name them by number.
    files: Vec<&'o AttachedFile>,
    /// Ids of entries that are taken.
    ids: HashSet<[u8; 16]>,
    order: &'o Order<'d>,
    remarks: &'o mut Remarks,
}

impl<'d> Xml<'_, 'd> {
    fn write_document(&mut self) {
        let items = &self.order.document.items;
        let living = Group::of(items.iter().filter(|item| !item.trashed));
        let trashed = Group::of(items.iter().filter(|item| item.trashed));
        self.buffer
            .push("<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\n<KeePassFile>");
        self.open("Meta");
        self.leaf("Generator", "keyfold");
        self.open("MemoryProtection");
        for (name, is_protected) in [
            ("ProtectTitle", "False"),
            ("ProtectUserName", "False"),
            ("ProtectPassword", "True"),
            ("ProtectURL", "False"),
            ("ProtectNotes", "False"),
        ] {
            self.leaf(name, is_protected);
        }
        self.close("MemoryProtection");
        self.leaf("RecycleBinEnabled", "True");
        self.leaf("RecycleBinUUID", &BASE64.encode(&group_id(BIN, "")));
        // No version is too many or too large.
        self.leaf("HistoryMaxItems", "-1");
        self.leaf("HistoryMaxSize", "-1");
        self.close("Meta");
        self.open("Root");
        self.begin_group(ROOT, &group_id(ROOT, ""));
        self.write_members(&living, ROOT, "");
        self.begin_group(BIN, &group_id(BIN, ""));
        self.write_members(&trashed, BIN, "");
        self.close("Group");
        self.close("Group");
        self.leaf("DeletedObjects", "");
        self.close("Root");
        self.close("KeePassFile");
    }

    fn write_members(&mut self, group: &Group<'d>, top: &str, path: &str) {
        for item in &group.items {
            self.write_item(item);
        }
        for (name, inner) in &group.groups {
            // A name may have a slash in it, and none has this.
            let path = format!("{path}\0{name}");
            self.begin_group(name, &group_id(top, &path));
            self.write_members(inner, top, &path);
            self.close("Group");
        }
    }

    fn begin_group(&mut self, name: &str, id: &[u8]) {
        self.open("Group");
        self.leaf("UUID", &BASE64.encode(id));
        self.leaf("Name", &printable(name));
        self.leaf("IconID", if name == BIN { "43" } else { "48" });
        self.leaf("IsExpanded", "True");
    }

    fn write_item(&mut self, item: &'d DocumentItem) {
        self.remarks.leave_history_out(item, is_held);
        self.remarks.leave_conflicts_out(item);
        let shape = Shape::of(item, self.remarks);
        let id = self.id_of(item);
        let addresses = item.urls.iter().map(|url| url.value.as_str());
        let values = attributes(&shape, addresses, Some(self.remarks));
        let times = [shape.created, shape.modified];
        self.begin_entry(&id, item, &times, shape.expires);
        self.write_attributes(&values);
        self.write_files(item);
        self.open("History");
        for version in former_versions(item) {
            let former = Shape::of_version(&shape, &version);
            let addresses = version.rows.iter().filter(|row| row.is_address());
            let addresses: Vec<Shown<'_>> = addresses.map(Row::shown).collect();
            let present = item.urls.iter().map(|url| url.value.as_str());
            let present = present.filter(|_| addresses.is_empty());
            let addresses = addresses.iter().map(Shown::text).chain(present);
            // What is said of the present version holds for the former ones.
            let values = attributes(&former, addresses, None);
            self.begin_entry(&id, item, &[version.at; 2], None);
            self.write_attributes(&values);
            self.close("Entry");
        }
        self.close("History");
        self.close("Entry");
    }

    /// The id that an entry had in KeePass, else the item's own.
    fn id_of(&mut self, item: &DocumentItem) -> [u8; 16] {
        let known = item.text(field::ORIGIN).strip_prefix(ORIGIN);
        let known = known.and_then(|hex| HEXLOWER.decode(hex.as_bytes()).ok());
        let known = known.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        let ItemId(own) = item.id;
        let id = known.filter(|id| !self.ids.contains(id)).unwrap_or(own);
        self.ids.insert(id);
        id
    }

    fn begin_entry(
        &mut self,
        id: &[u8; 16],
        item: &DocumentItem,
        [created, modified]: &[Moment; 2],
        expires: Option<Moment>,
    ) {
        self.open("Entry");
        self.leaf("UUID", &BASE64.encode(id));
        let favourite = Entry::new(item).is_favourite().then_some(FAVOURITE);
        let tags: Vec<Cow<'_, str>> = item
            .tags
            .iter()
            .map(String::as_str)
            .chain(favourite)
            .map(printable)
            .collect();
        self.leaf("Tags", &tags.join(";"));
        self.open("Times");
        self.leaf("CreationTime", &time(*created));
        self.leaf("LastModificationTime", &time(*modified));
        self.leaf("LastAccessTime", &time(*modified));
        self.leaf("ExpiryTime", &time(expires.unwrap_or(*created)));
        let expires = if expires.is_some() { "True" } else { "False" };
        self.leaf("Expires", expires);
        self.leaf("UsageCount", "0");
        self.leaf("LocationChanged", &time(*modified));
        self.close("Times");
    }

    fn write_attributes(&mut self, attributes: &[Attribute<'_>]) {
        for attribute in attributes {
            self.open("String");
            self.leaf("Key", &attribute.name);
            let text = attribute.value.text();
            if attribute.is_protected || !is_printable(text) {
                let covered = self.writer.cover(text);
                self.buffer.push("<Value Protected=\"True\">");
                self.buffer.push(&covered);
                self.buffer.push("</Value>");
            } else {
                self.leaf("Value", text);
            }
            self.close("String");
        }
    }

    fn write_files(&mut self, item: &DocumentItem) {
        let mut names = BTreeSet::new();
        let order = self.order;
        for file in order.files.iter().filter(|file| file.item == item.id) {
            let name = unique(printable(&file.name).into_owned(), &names);
            self.open("Binary");
            self.leaf("Key", &name);
            let number = self.files.len();
            self.buffer.push(&format!("<Value Ref=\"{number}\"/>"));
            self.close("Binary");
            self.files.push(file);
            names.insert(name);
        }
    }

    fn open(&mut self, name: &str) {
        self.tag("<", name);
    }

    fn close(&mut self, name: &str) {
        self.tag("</", name);
    }

    fn tag(&mut self, begin: &str, name: &str) {
        for part in [begin, name, ">"] {
            self.buffer.push(part);
        }
    }

    fn leaf(&mut self, name: &str, text: &str) {
        self.open(name);
        for part in text.split_inclusive(['<', '>', '&', '\r']) {
            let plain = part.trim_end_matches(['<', '>', '&', '\r']);
            self.buffer.push(plain);
            self.buffer.push(match part.get(plain.len()..) {
                Some("<") => "&lt;",
                Some(">") => "&gt;",
                Some("&") => "&amp;",
                Some("\r") => "&#13;",
                _ => "",
            });
        }
        self.close(name);
    }
}

/// An item or a former version of one, with what has a place of its own in an entry taken out.
pub(super) struct Shape<'d> {
    pub(super) item: &'d DocumentItem,
    pub(super) rows: Vec<Row<'d>>,
    /// A note with nothing but its text, which then stands where an entry's remarks do.
    pub(super) is_note: bool,
    created: Moment,
    modified: Moment,
    expires: Option<Moment>,
}

impl<'d> Shape<'d> {
    fn of(item: &'d DocumentItem, remarks: &mut Remarks) -> Self {
        let mut entry = Entry::new(item);
        let times = || item.fields.iter().map(|field| field.changed);
        let created = entry.take_if(field::CREATED, |field| moment_of(field).is_some());
        let modified = entry.take_custom("modified", |field| moment_of(field).is_some());
        let expires = entry.take_if(field::EXPIRES, |field| moment_of(field).is_some());
        let kind = entry.kind;
        let rest = entry.into_rest();
        let is_note = is_plain_note(kind, item, rest.iter().map(|field| field.id));
        say_tags(item, remarks);
        say_plain_kinds(item, &rest, remarks);
        if kind != ItemKind::Login && !is_note {
            remarks.change(item, "kind", "KeePass has no kinds; it is a field");
        }
        let title = item.fields.iter().filter(|field| field.id == TITLE);
        Self {
            item,
            rows: title.chain(rest).map(Row::of).collect(),
            is_note,
            created: created
                .and_then(moment_of)
                .or(times().min())
                .unwrap_or(Moment(0)),
            modified: modified
                .and_then(moment_of)
                .or(times().max())
                .unwrap_or(Moment(0)),
            expires: expires.and_then(moment_of),
        }
    }

    /// A former version; what the present one has a place for beside its values, no version repeats as a value.
    fn of_version(present: &Self, version: &Version<'d>) -> Self {
        let describes = |id: FieldId| matches!(id, FieldId::Standard(number) if number < field::USERNAME && id != TITLE);
        let is_there = |id: FieldId| present.rows.iter().any(|row| row.id == id);
        let rows = version.rows.iter().filter(|row| {
            let is_value = !describes(row.id) && !row.is_address();
            is_value && (row.is_former() || is_there(row.id))
        });
        Self {
            rows: rows.copied().collect(),
            created: version.at,
            modified: version.at,
            expires: None,
            ..*present
        }
    }
}

const TITLE: FieldId = FieldId::Standard(field::TITLE);

/// Whether the reader of exchange/ sees a note in it again.
fn is_plain_note(
    kind: ItemKind,
    item: &DocumentItem,
    mut ids: impl Iterator<Item = FieldId>,
) -> bool {
    let belongs = |id| {
        [field::TEXT, field::CREATED]
            .map(FieldId::Standard)
            .contains(&id)
    };
    kind == ItemKind::Note && item.urls.is_empty() && ids.all(belongs)
}

fn say_tags(item: &DocumentItem, remarks: &mut Remarks) {
    say_parted_tags(item, remarks);
    if Entry::new(item).is_favourite() {
        remarks.change(item, "favourite", "KeePass has no favourites; it is a tag");
    }
    // Title and values may be covered, where every sign has a place; these cannot be.
    let mut tags = item.tags.iter();
    let texts = [
        ("tags", tags.all(|tag| is_printable(tag))),
        ("folder", is_printable(item.text(field::FOLDER))),
    ];
    for (name, _) in texts.iter().filter(|row| !row.1) {
        remarks.change(item, name, "signs that XML has no place for are replaced");
    }
}

/// The same folder has the same id in every export.
fn group_id(top: &str, path: &str) -> [u8; 16] {
    let digest = Sha256::new()
        .chain_update(top)
        .chain_update([0])
        .chain_update(path)
        .finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

fn moment_of(field: &DocumentField) -> Option<Moment> {
    if field.kind != FieldKind::Date {
        return None;
    }
    // EXPOSE: the kind is not secret.
    let text = field.value.expose();
    let moment = Moment::parse_rfc3339(text)?;
    // Whole seconds alone: nothing of it gets lost.
    (moment.0 % 1000 == 0).then_some(moment)
}

/// Base64 of the seconds since year 1.
fn time(moment: Moment) -> String {
    let seconds = i64::try_from(moment.seconds()).unwrap_or(0);
    BASE64.encode(&seconds.saturating_add(YEAR_ONE).to_le_bytes())
}
