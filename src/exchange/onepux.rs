//! 1Password's 1PUX: an archive of `export.attributes`, `export.data` (accounts of vaults of items) and `files/`, whose
//! names begin with the id that items have for them.

use super::authenticator::{Tally, say_looks, skip_field};
use super::dates::from_epoch;
use super::encoding::Text;
use super::json::{Json, Object};
use super::labelled::{is_overfull, push_free};
use super::onepux_fields::{ItemReader, Wanted};
use super::place::{
    SharedNames, folder_path, keep, keep_rest, push_date, push_tag, push_text, push_url,
    settle_note, settle_title,
};
use super::zipped::Archive;
use super::{Format, ImportError, Imported, MAX_FIELDS, MAX_ROWS, RowProblem, Skipped};
use crate::model::draft::{Draft, DraftFile, DraftFormer, DraftValue, FieldName};
use crate::model::field::{self, FieldKind, ItemKind};
use crate::model::moment::Moment;
use crate::secret::SecretBytes;
use std::collections::{HashMap, HashSet};

/// The entry that holds all items.
pub(super) const DATA: &str = "export.data";
const ATTRIBUTES: &str = "export.attributes";
/// The newest version of the format that is known.
const NEWEST_VERSION: u64 = 3;

/// What 1Password works out of an item, as the line below its title (a part of a card's number, the beginning of a note),
/// and what it warns of.
const OF_OVERVIEW: [&str; 7] = [
    "subtitle",
    "icons",
    "ps",
    "pbe",
    "pgrng",
    "b5UserUUID",
    "watchtowerExclusions",
];

const fn not_this(reason: &'static str) -> ImportError {
    ImportError::NotThisFormat {
        format: Format::OnePux,
        reason,
    }
}

/// Reads the export, which lies in this folder of the archive.
pub(super) fn import(mut archive: Archive<'_>, folder: &str) -> Result<Imported, ImportError> {
    let content = archive.take(&format!("{folder}{DATA}"))?;
    let content = content.ok_or(not_this("it has no export.data"))?;
    let text = Text::parse(&content)?;
    let Json::Object(mut root) = Json::parse(&text)? else {
        return Err(not_this("its export.data is not a JSON object"));
    };
    let accounts = root
        .take_list("accounts")
        .ok_or(not_this("it has no accounts"))?;
    let mut imported = Imported::default();
    check_version(&mut archive, folder, &mut imported)?;
    let mut reader = ExportReader {
        imported,
        tally: Tally::default(),
        names: SharedNames::default(),
        row: 0,
        files: Files::new(archive, folder),
    };
    let is_one = accounts.len() == 1;
    for account in accounts {
        reader.read_account(account, is_one)?;
    }
    reader.warn_of_rest("beside the accounts", root);
    reader.finish()
}

/// The version of the format, which stands in a file of its own.
fn check_version(
    archive: &mut Archive<'_>,
    folder: &str,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    let Some(content) = archive.take(&format!("{folder}{ATTRIBUTES}"))? else {
        return Ok(());
    };
    let text = Text::parse(&content)?;
    let Json::Object(mut attributes) = Json::parse(&text)? else {
        return Err(not_this("its export.attributes is not a JSON object"));
    };
    let version = attributes.take_text("version").unwrap_or_default();
    if version
        .parse()
        .is_ok_and(|version: u64| version > NEWEST_VERSION)
    {
        let newer = format!("the export is of version {version}, newer than this reader");
        imported.warnings.push(newer);
    }
    Ok(())
}

/// How far the export is read.
struct ExportReader<'a> {
    imported: Imported,
    tally: Tally,
    names: SharedNames,
    row: usize,
    files: Files<'a>,
}

impl ExportReader<'_> {
    fn read_account(&mut self, account: Json<'_>, is_one: bool) -> Result<(), ImportError> {
        let Json::Object(mut account) = account else {
            self.warn("an account is not an object");
            return Ok(());
        };
        // Whose account it is says nothing of an item, unless there are several.
        let mut attributes = account.take_object("attrs").unwrap_or_default();
        let names = ["accountName", "name", "email"].into_iter();
        let name = names.filter_map(|name| attributes.take_text(name)).next();
        self.files.note_picture(attributes.take_text("avatar"));
        let outer = if is_one {
            String::new()
        } else {
            folder_path(&name.unwrap_or_default(), &[])
        };
        for vault in account.take_list("vaults").unwrap_or_default() {
            self.read_vault(vault, &outer)?;
        }
        self.warn_of_rest("beside the vaults", account);
        Ok(())
    }

    fn read_vault(&mut self, vault: Json<'_>, outer: &str) -> Result<(), ImportError> {
        let Json::Object(mut vault) = vault else {
            self.warn("a vault is not an object");
            return Ok(());
        };
        let mut attributes = vault.take_object("attrs").unwrap_or_default();
        let name = attributes.take_text("name").unwrap_or_default();
        let inner = folder_path(&name, &[]);
        let folder = match (outer, inner.as_str()) {
            ("", inner) => inner.to_owned(),
            (outer, "") => outer.to_owned(),
            (outer, inner) => format!("{outer}/{inner}"),
        };
        self.files.note_picture(attributes.take_text("avatar"));
        if attributes.take_text("desc").is_some() {
            let said = format!("what vault {name:?} is described as is left out");
            self.imported.warnings.push(said);
        }
        for item in vault.take_list("items").unwrap_or_default() {
            self.row += 1;
            if self.row > MAX_ROWS {
                return Err(ImportError::TooManyRows);
            }
            self.names.count(&folder)?;
            match item {
                Json::Object(item) => self.read_item(item, &folder)?,
                _ => self.imported.skipped.push(Skipped {
                    row: self.row,
                    item: None,
                    field: None,
                    reason: "not an object, so not an item".to_owned(),
                }),
            }
        }
        self.warn_of_rest("beside the items", vault);
        Ok(())
    }

    fn read_item(&mut self, item: Object<'_>, folder: &str) -> Result<(), ImportError> {
        let (draft, wanted) = read_draft(item, folder);
        let files = self.take_files(&draft, wanted)?;
        self.tally.push(self.row, draft, &mut self.imported)?;
        self.tally.push_files(files, &mut self.imported)
    }

    fn take_files(
        &mut self,
        draft: &Draft,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<DraftFile>, ImportError> {
        if wanted.len() > MAX_FIELDS {
            return Err(ImportError::Row {
                row: self.row,
                line: None,
                problem: RowProblem::TooManyFields,
            });
        }
        let mut files = Vec::new();
        for file in wanted {
            match self.files.take(&file)? {
                Some(file) => files.push(file),
                None => {
                    let field = format!("file {}", file.name);
                    let reason = "the export does not hold it";
                    skip_field(draft, &field, reason, self.row, &mut self.imported);
                }
            }
        }
        Ok(files)
    }

    fn warn(&mut self, said: &str) {
        self.imported.warnings.push(said.to_owned());
    }

    fn warn_of_rest(&mut self, place: &str, rest: Object<'_>) {
        for (name, value) in rest.into_members() {
            if !value.is_nothing() {
                self.warn(&format!("{name:?} {place} is left out"));
            }
        }
    }

    fn finish(mut self) -> Result<Imported, ImportError> {
        for name in self.files.archive.finish()? {
            let file = name.rsplit('/').next().unwrap_or_default();
            if self.files.pictures.contains(file) {
                say_looks(&mut self.imported);
            } else {
                let said = format!("{name:?} belongs to no item and is left out");
                self.imported.warnings.push(said);
            }
        }
        Ok(self.imported)
    }
}

/// The files of the archive, by the ids that items have for them.
struct Files<'a> {
    archive: Archive<'a>,
    by_id: HashMap<String, String>,
    /// Names of what accounts and vaults are shown by.
    pictures: HashSet<String>,
}

impl<'a> Files<'a> {
    fn new(archive: Archive<'a>, folder: &str) -> Self {
        let place = format!("{folder}files/");
        let named = archive.names().filter_map(|name| {
            let (id, _) = name.strip_prefix(&place)?.split_once("__")?;
            Some((id.to_owned(), name.to_owned()))
        });
        Self {
            by_id: named.collect(),
            pictures: HashSet::new(),
            archive,
        }
    }

    fn note_picture(&mut self, name: Option<String>) {
        self.pictures.extend(name);
    }

    fn take(&mut self, wanted: &Wanted) -> Result<Option<DraftFile>, ImportError> {
        let Some(place) = self.by_id.get(&wanted.id) else {
            return Ok(None);
        };
        let content = self.archive.take(place)?;
        let own_name = place.split_once("__").map_or("", |(_, name)| name);
        let name = match wanted.name.as_str() {
            "" => own_name.trim_start_matches('_'),
            name => name,
        };
        Ok(content.map(|content| DraftFile {
            name: name.to_owned(),
            content: SecretBytes::from(content),
        }))
    }
}

/// An item, and the files that it names.
fn read_draft(mut item: Object<'_>, folder: &str) -> (Draft, Vec<Wanted>) {
    // At first an item and its file stood side by side in an object.
    let mut beside = Object::default();
    if let Some(inner) = item.take_object("item") {
        beside = std::mem::replace(&mut item, inner);
    }
    let mut draft = Draft {
        folder: folder.to_owned(),
        origin: item.take_text("uuid").map(|id| format!("1password:{id}")),
        favourite: item.take_text("favIndex").is_some_and(|index| index != "0"),
        trashed: item.take_flag("trashed"),
        ..Draft::default()
    };
    let category = item.take_text("categoryUuid").unwrap_or_default();
    draft.kind = kind_of(&mut draft, &category);
    match item.take_text("state").as_deref() {
        Some("archived") => push_text(&mut draft, "archived", "yes".to_owned()),
        Some("trashed" | "deleted") => draft.trashed = true,
        Some("active") | None => {}
        Some(other) => push_text(&mut draft, "state", other.to_owned()),
    }
    let overview = item.take_object("overview").unwrap_or_default();
    read_overview(&mut draft, overview);
    let mut reader = ItemReader::new(draft, category);
    reader.read_details(item.take_object("details").unwrap_or_default());
    reader.read_file_beside(beside.take_object("file"));
    let (mut draft, wanted) = reader.finish();
    let mut time = |name: &str| {
        let time = item.take_text(name).filter(|time| time != "0");
        time.map(|time| from_epoch(&time).unwrap_or(time))
    };
    let (created, modified) = (time("createdAt"), time("updatedAt"));
    push_free(
        &mut draft,
        field::CREATED,
        None,
        created.unwrap_or_default(),
    );
    push_date(&mut draft, "modified", modified);
    keep_rest(&mut draft, "", item);
    keep_rest(&mut draft, "", beside);
    settle_note(&mut draft);
    settle_title(&mut draft);
    (draft, wanted)
}

/// The kind of a category; what says more than keyfold's kind is kept as text.
fn kind_of(draft: &mut Draft, category: &str) -> ItemKind {
    let (kind, name) = match category {
        "001" => return ItemKind::Login,
        "002" => return ItemKind::Card,
        "003" => return ItemKind::Note,
        "004" => return ItemKind::Identity,
        "100" => return ItemKind::Licence,
        "101" => return ItemKind::BankAccount,
        "109" => return ItemKind::Wifi,
        "112" => return ItemKind::ApiToken,
        "114" => return ItemKind::SshKey,
        "005" => (ItemKind::Login, "Password"),
        "102" => (ItemKind::Login, "Database"),
        "110" => (ItemKind::Login, "Server"),
        "111" => (ItemKind::Login, "Email Account"),
        "103" => (ItemKind::Identity, "Driver License"),
        "104" => (ItemKind::Identity, "Outdoor License"),
        "106" => (ItemKind::Identity, "Passport"),
        "108" => (ItemKind::Identity, "Social Security Number"),
        "006" => (ItemKind::Custom, "Document"),
        "105" => (ItemKind::Custom, "Membership"),
        "107" => (ItemKind::Custom, "Reward Program"),
        "113" => (ItemKind::Custom, "Medical Record"),
        "115" => (ItemKind::Custom, "Crypto Wallet"),
        other => (ItemKind::Custom, other),
    };
    push_text(draft, "type", name.to_owned());
    kind
}

/// Title, addresses and tags.
fn read_overview(draft: &mut Draft, mut overview: Object<'_>) {
    draft.title = overview.take_text("title").unwrap_or_default();
    push_url(draft, &overview.take_text("url").unwrap_or_default());
    for address in overview.take_list("urls").unwrap_or_default() {
        if is_overfull(draft) {
            break;
        }
        let Json::Object(mut address) = address else {
            keep(draft, "url", address);
            continue;
        };
        push_url(draft, &address.take_text("url").unwrap_or_default());
        let label = address.take_text("label").unwrap_or_default();
        if label != "website" {
            push_text(draft, "label of an address", label);
        }
        let mode = address.take_text("mode").filter(|mode| mode != "default");
        push_text(draft, "use of an address", mode.unwrap_or_default());
        keep_rest(draft, "url", address);
    }
    for tag in overview.take_list("tags").unwrap_or_default() {
        match tag.into_text() {
            Ok(tag) => push_tag(draft, &tag),
            Err(other) => keep(draft, "tag", other),
        }
    }
    for name in OF_OVERVIEW {
        drop(overview.take(name));
    }
    keep_rest(draft, "overview", overview);
}

/// Passwords that an item had, oldest first.
pub(super) fn read_former(draft: &mut Draft, list: Option<Vec<Json<'_>>>) {
    for former in list.unwrap_or_default() {
        if is_overfull(draft) || draft.former.len() > MAX_FIELDS {
            return;
        }
        let Json::Object(mut former) = former else {
            keep(draft, "former password", former);
            continue;
        };
        let set = former.take_text("time").unwrap_or_default();
        let moment = from_epoch(&set).and_then(|time| Moment::parse_rfc3339(&time));
        if moment.is_none() {
            push_text(draft, "time of a former password", set);
        }
        if let Some(value) = former.take_text("value") {
            draft.former.push(DraftFormer {
                name: FieldName::Standard(field::PASSWORD),
                kind: FieldKind::Secret,
                value: DraftValue::new(FieldKind::Secret, value),
                set: moment.unwrap_or(Moment(0)),
            });
        }
        keep_rest(draft, "former password", former);
    }
    draft.former.sort_by_key(|former| former.set);
}
