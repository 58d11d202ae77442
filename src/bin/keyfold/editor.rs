//! An item in the user's editor: a private file in memory where there is some, gone on every way out.

use crate::commands::checking::Chosen;
use crate::commands::edit::set_fields;
use crate::commands::value::is_about_the_item;
use crate::context::{Context, variable};
use crate::failure::Failure;
use crate::interrupt;
use crate::session::Session;
use keyfold::model::draft::{DraftValue, FieldName};
use keyfold::model::field;
use keyfold::model::ids::FieldId;
use keyfold::model::item::{ItemSummary, split_path};
use keyfold::secret::Secret;
use keyfold::service::Request;
use keyfold::state::change::Edit;
use keyfold::state::view::ItemView;
use rand::Rng;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml_edit::{Array, DocumentMut, Item, Table, value};
use zeroize::Zeroizing;

/// A file that comes back from an editor is no larger than this.
const FILE_LIMIT: usize = 1 << 20;

const HELP: &str = "\
# Change, save, close. A field that is taken away is removed; a new one under [fields] is plain,
# under [secrets] secret. Nothing changes if the file stays as it is.
";

/// Lets the user change an item in an editor, and commits what differs as one change.
pub(crate) fn edit(
    context: &mut Context,
    session: &mut Session,
    item: &ItemSummary,
) -> Result<(), Failure> {
    let view = session.item(context, item.id)?;
    let before = write(context, session, item, &view)?;
    let folder = private_folder(context)?;
    let outcome = in_editor(context, &folder, &before);
    interrupt::remove_files();
    let Some(after) = outcome? else {
        context.output.note("Nothing changed.");
        return Ok(());
    };
    let edits = differences(&before, &after)?;
    if edits.is_empty() {
        context.output.note("Nothing changed.");
        return Ok(());
    }
    let chosen = Chosen::of(set_fields(edits.iter()), None);
    session.ask(context, Request::Edit(vec![(item.id, edits)]))?;
    context.output.note(&format!("Changed {}", item.path()));
    chosen.tell(context, session, &[item.id]);
    Ok(())
}

/// A fresh folder, 0700, where the runtime folder or memory is; editors put their own swap files beside the file.
pub(crate) fn private_folder(context: &mut Context) -> Result<PathBuf, Failure> {
    let runtime = variable("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_dir());
    let memory = Some(PathBuf::from("/dev/shm")).filter(|path| path.is_dir());
    let base = match runtime.or(memory) {
        Some(base) => base,
        None => PathBuf::from(context.state_folder()?.value),
    };
    let mut name = [0; 16];
    context.rng.fill_bytes(&mut name);
    let folder = base.join(format!("keyfold-{}", data_encoding::HEXLOWER.encode(&name)));
    context.storage.make_folder(&folder)?;
    interrupt::guard(&folder);
    Ok(folder)
}

/// Runs the editor; `None` where the file stayed as it was.
fn in_editor(context: &Context, folder: &Path, before: &Secret) -> Result<Option<Secret>, Failure> {
    let path = folder.join("item.toml");
    let file = context.storage.create(&path)?;
    // EXPOSE: the item goes to the user's editor.
    file.write_at(0, before.expose().as_bytes())?;
    let editor = variable("VISUAL")
        .or_else(|| variable("EDITOR"))
        .unwrap_or_else(|| "vi".into());
    // As git does: the setting may carry options, so a shell takes it apart; the path is an argument of its own.
    let status = Command::new("sh")
        .arg("-c")
        .arg("eval \"$0 \\\"\\$1\\\"\"")
        .arg(&editor)
        .arg(&path)
        .status();
    let status =
        status.map_err(|error| Failure::failed(format!("the editor did not start: {error}")))?;
    if !status.success() {
        return Err(Failure::failed("the editor failed; nothing was changed")
            .hint("VISUAL or EDITOR names another"));
    }
    // Many editors replace the file: it is opened anew.
    let file = context
        .storage
        .open_read(&path)?
        .ok_or_else(|| Failure::failed("the editor took the file away"))?;
    let bytes = Zeroizing::new(keyfold::storage::read_whole(&*file, FILE_LIMIT)?);
    let after = Secret::from_utf8(bytes.to_vec())
        .ok_or_else(|| Failure::failed("the file is not UTF-8 any more"))?;
    Ok((!after.same_as(before)).then_some(after))
}

fn write(
    context: &mut Context,
    session: &mut Session,
    item: &ItemSummary,
    view: &ItemView,
) -> Result<Secret, Failure> {
    let mut document = DocumentMut::new();
    document.insert("path", value(item.path()));
    let mut tables = [("fields", Table::new()), ("secrets", Table::new())];
    for field in view
        .fields
        .iter()
        .filter(|field| !is_about_the_item(field.id))
    {
        let secret = session.reveal(context, item.id, field.id, None)?;
        // EXPOSE: the item goes to the user's editor.
        let text = value(secret.expose());
        match field.id {
            FieldId::Standard(_) => drop(document.insert(&field.name, text)),
            FieldId::Custom(_) => {
                let [(_, plain), (_, hidden)] = &mut tables;
                let table = if field.kind.is_secret() {
                    hidden
                } else {
                    plain
                };
                drop(table.insert(&field.name, text));
            }
        }
    }
    document.insert(
        "urls",
        value(
            view.urls
                .iter()
                .map(|url| url.address.as_str())
                .collect::<Array>(),
        ),
    );
    document.insert(
        "tags",
        value(view.tags.iter().map(String::as_str).collect::<Array>()),
    );
    for (name, table) in tables {
        if !table.is_empty() {
            document.insert(name, Item::Table(table));
        }
    }
    Ok(Secret::new(format!("{HELP}{document}")))
}

/// What the user changed, as wishes.
fn differences(before: &Secret, after: &Secret) -> Result<Vec<Edit>, Failure> {
    let before = parse(before)?;
    let after = parse(after)?;
    let mut edits = Vec::new();
    if let Some(path) = text_of(&after, "path")?
        && text_of(&before, "path")?.as_ref() != Some(&path)
    {
        let (folder, title) = split_path(&path);
        if title.is_empty() {
            return Err(Failure::usage("an item needs a title"));
        }
        edits.push(Edit::Move { folder, title });
    }
    for (name, _) in after
        .iter()
        .filter(|(name, _)| !["path", "urls", "tags", "fields", "secrets"].contains(name))
    {
        let number = field::standard_number(name).filter(|number| *number >= field::USERNAME);
        let number = number.ok_or_else(|| {
            Failure::usage(format!("there is no field {name}"))
                .hint("new fields go under [fields] or [secrets]")
        })?;
        let kind = field::standard_field(number).map_or(field::FieldKind::Text, |row| row.1);
        change(
            &mut edits,
            FieldName::Standard(number),
            kind,
            text_of(&before, name)?,
            text_of(&after, name)?,
        );
    }
    for (name, _) in before
        .iter()
        .filter(|(name, item)| item.is_str() && *name != "path" && !after.contains_key(name))
    {
        edits.push(Edit::Remove(FieldName::from_text(name)));
    }
    for (table, kind) in [
        ("fields", field::FieldKind::Text),
        ("secrets", field::FieldKind::Secret),
    ] {
        let (old, new) = (table_of(&before, table), table_of(&after, table));
        for (name, text) in &new {
            let was = old
                .iter()
                .find(|row| row.0 == *name)
                .map(|row| row.1.clone());
            change(
                &mut edits,
                FieldName::Custom(name.clone()),
                kind,
                was,
                Some(text.clone()),
            );
        }
        for (name, _) in old
            .iter()
            .filter(|row| !new.iter().any(|other| other.0 == row.0))
        {
            edits.push(Edit::Remove(FieldName::Custom(name.clone())));
        }
    }
    let (old, new) = (list_of(&before, "urls")?, list_of(&after, "urls")?);
    edits.extend(
        old.iter()
            .filter(|url| !new.contains(url))
            .cloned()
            .map(Edit::RemoveUrl),
    );
    edits.extend(
        new.iter()
            .filter(|url| !old.contains(url))
            .cloned()
            .map(Edit::AddUrl),
    );
    let (old, new) = (list_of(&before, "tags")?, list_of(&after, "tags")?);
    edits.extend(
        old.iter()
            .filter(|tag| !new.contains(tag))
            .cloned()
            .map(Edit::RemoveTag),
    );
    edits.extend(
        new.iter()
            .filter(|tag| !old.contains(tag))
            .cloned()
            .map(Edit::AddTag),
    );
    Ok(edits)
}

fn change(
    edits: &mut Vec<Edit>,
    name: FieldName,
    kind: field::FieldKind,
    before: Option<String>,
    after: Option<String>,
) {
    match after {
        Some(text) if before.as_ref() != Some(&text) => {
            edits.push(Edit::Set(name, kind, DraftValue::new(kind, text)))
        }
        _ => {}
    }
}

fn parse(text: &Secret) -> Result<DocumentMut, Failure> {
    // EXPOSE: the edited item is taken apart here.
    let parsed = text.expose().parse::<DocumentMut>();
    // The parser's own message would quote a line of the item.
    parsed.map_err(|_| Failure::usage("the file is not TOML any more; nothing was changed"))
}

fn text_of(document: &DocumentMut, key: &str) -> Result<Option<String>, Failure> {
    match document.get(key) {
        None => Ok(None),
        Some(item) => match item.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(Failure::usage(format!("{key} must be a text"))),
        },
    }
}

fn list_of(document: &DocumentMut, key: &str) -> Result<Vec<String>, Failure> {
    let Some(item) = document.get(key) else {
        return Ok(Vec::new());
    };
    let list = item
        .as_array()
        .ok_or_else(|| Failure::usage(format!("{key} must be a list")))?;
    let texts = list.iter().map(|value| value.as_str().map(str::to_owned));
    texts
        .collect::<Option<_>>()
        .ok_or_else(|| Failure::usage(format!("{key} must be a list of texts")))
}

fn table_of(document: &DocumentMut, key: &str) -> Vec<(String, String)> {
    let table = document.get(key).and_then(Item::as_table_like);
    let rows = table.into_iter().flat_map(|table| {
        table
            .iter()
            .map(|(name, item)| (name.to_owned(), item.as_str().map(str::to_owned)))
    });
    rows.filter_map(|(name, text)| Some((name, text?)))
        .collect()
}
