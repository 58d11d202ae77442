//! `show`: a whole item, secrets masked.

use crate::cli::Show;
use crate::commands::attach::{FileRow, describe_size, rows};
use crate::commands::conflicts::ask;
use crate::commands::ls::JsonItem;
use crate::commands::value::is_about_the_item;
use crate::context::Context;
use crate::escape::{escape, escape_multiline};
use crate::failure::{Failure, Kind};
use crate::prompt;
use crate::session::Session;
use anstyle::{AnsiColor, Style};
use keyfold::model::ids::{DeviceId, FieldId};
use keyfold::model::item::ItemSummary;
use keyfold::model::query::Scope;
use keyfold::secret::Secret;
use keyfold::service::Request;
use keyfold::state::conflict::Conflict;
use keyfold::state::view::{FieldView, ItemView, Life, Value, ValueView};
use serde::Serialize;
use std::collections::BTreeMap;

const MASK: &str = "••••••••";

#[derive(Serialize)]
struct JsonField {
    id: String,
    name: String,
    kind: &'static str,
    secret: bool,
    value: Option<String>,
    conflicts: Vec<Option<String>>,
}

#[derive(Serialize)]
struct JsonShown<'a> {
    schema: u32,
    #[serde(flatten)]
    item: JsonItem<'a>,
    favourite: bool,
    life: &'static str,
    created: String,
    changed: String,
    files: Vec<FileRow>,
    fields: Vec<JsonField>,
}

pub(crate) fn run(context: &mut Context, args: &Show) -> Result<(), Failure> {
    let mut session = Session::open_at(context, &args.past)?;
    let (item, view) = match &args.name {
        Some(name) => session.pick_whole(context, name, Scope::All)?,
        None => pick_any(context, &mut session)?,
    };
    if context.output.json {
        json(context, &mut session, &item, view, args)
    } else {
        text(context, &mut session, &item, &view, args)
    }
}

fn pick_any(
    context: &mut Context,
    session: &mut Session,
) -> Result<(ItemSummary, ItemView), Failure> {
    if !context.may_ask() {
        return Err(Failure::usage("which item?").hint("keyfold --help lists all commands"));
    }
    let mut items = session.items(context, Request::Items)?;
    items.retain(|item| !item.trashed);
    if items.is_empty() {
        return Err(Failure::new(Kind::NotFound, "the vault has no items yet")
            .hint("keyfold add NAME adds one"));
    }
    items.sort_by_cached_key(ItemSummary::path);
    let paths: Vec<String> = items
        .iter()
        .map(|item| format!("{}  {}", item.path(), item.username))
        .collect();
    let picked = prompt::pick("Item", &paths)?.and_then(|at| items.get(at).cloned());
    let item = picked.ok_or_else(|| Failure::new(Kind::Interrupted, "nothing was picked"))?;
    let view = session.item(context, item.id)?;
    Ok((item, view))
}

/// The value as it may be shown: `None` where it stays masked.
fn shown(
    context: &mut Context,
    session: &mut Session,
    view: &ItemView,
    field: &FieldView,
    head: &ValueView,
    args: &Show,
) -> Result<Option<Secret>, Failure> {
    // Another device may have given the field another kind: what is sealed is a secret, whatever shows.
    let is_secret = field.kind.is_secret() || matches!(head.value, Value::Sealed(_));
    if is_secret && !args.reveal {
        return Ok(None);
    }
    session
        .reveal(context, view.id, field.id, Some(head.dot))
        .map(Some)
}

fn json(
    context: &mut Context,
    session: &mut Session,
    item: &ItemSummary,
    view: ItemView,
    args: &Show,
) -> Result<(), Failure> {
    let mut fields = Vec::new();
    for field in view
        .fields
        .iter()
        .filter(|field| !is_about_the_item(field.id))
    {
        let value = shown(context, session, &view, field, &field.current, args)?;
        let mut conflicts = Vec::new();
        for other in &field.others {
            let value = shown(context, session, &view, field, other, args)?;
            // EXPOSE: shown because it is not secret or --reveal was given.
            conflicts.push(value.map(|value| value.expose().to_owned()));
        }
        fields.push(JsonField {
            id: field_id(field.id, &field.name),
            name: field.name.clone(),
            kind: field.kind.name(),
            secret: field.kind.is_secret(),
            // EXPOSE: shown because it is not secret or --reveal was given.
            value: value.map(|value| value.expose().to_owned()),
            conflicts,
        });
    }
    context.output.json(&JsonShown {
        schema: 1,
        item: JsonItem::from(item),
        favourite: item.favourite,
        life: match view.life {
            Life::Alive => "alive",
            Life::Trashed => "trashed",
            Life::Back => "back",
        },
        created: view.created.to_rfc3339(),
        changed: view.changed.to_rfc3339(),
        files: rows(&view),
        fields,
    })
}

/// A standard field's id is its name; others have 32 hexadecimal digits.
pub(crate) fn field_id(id: FieldId, name: &str) -> String {
    match id {
        FieldId::Standard(_) => name.to_owned(),
        FieldId::Custom(bytes) => data_encoding::HEXLOWER.encode(&bytes),
    }
}

fn text(
    context: &mut Context,
    session: &mut Session,
    item: &ItemSummary,
    view: &ItemView,
    args: &Show,
) -> Result<(), Failure> {
    let star = if item.favourite { " *" } else { "" };
    let title = if item.title.is_empty() {
        "(a fragment: its title was erased)".to_owned()
    } else {
        item.path()
    };
    context
        .output
        .styled(Style::new().bold(), &format!("{}{star}", escape(&title)))?;
    match view.life {
        Life::Alive => {}
        Life::Trashed => context
            .output
            .styled(AnsiColor::Yellow.on_default(), "in the trash")?,
        Life::Back => context.output.styled(
            AnsiColor::Yellow.on_default(),
            "deleted on one device, changed on another",
        )?,
    }
    let row = |context: &Context, name: &str, value: &str| {
        let name = context
            .output
            .paint(AnsiColor::Cyan.on_default(), &escape(name));
        let indented = escape_multiline(value).replace('\n', "\n    ");
        context
            .output
            .raw(format!("  {name}: {indented}\n").as_bytes())
    };
    row(context, "kind", item.kind.name())?;
    let names = session.device_names(context)?;
    let open = ask(context, session, Some(item.id))?;
    for field in &view.fields {
        let apart = open.iter().find(|one| one.field == Some(field.id));
        // What describes the item shows in its path, but for what was changed apart.
        if is_about_the_item(field.id) && apart.is_none() {
            continue;
        }
        let heads = apart.map_or(std::slice::from_ref(&field.current), |apart| &apart.values);
        for (head, number) in heads.iter().zip(1..) {
            let value = shown(context, session, view, field, head, args)?;
            row(
                context,
                &label(field, head, (number, heads.len()), &names),
                // EXPOSE: shown because it is not secret or --reveal was given.
                value.as_ref().map_or(MASK, |value| value.expose()),
            )?;
        }
    }
    for url in &view.urls {
        row(context, "url", &url.address)?;
    }
    if !view.tags.is_empty() {
        row(context, "tags", &view.tags.join(" "))?;
    }
    for file in &view.attachments {
        let text = format!("{} ({})", file.name, describe_size(file.length));
        row(context, "file", &text)?;
    }
    row(context, "changed", &view.changed.to_rfc3339())?;
    if open.is_empty() {
        return Ok(());
    }
    let style = AnsiColor::Yellow.on_default();
    context.output.styled(style, &undecided(&open))
}

/// A field's name; where its value was changed apart, which of them this is, since when and on which device.
fn label(
    field: &FieldView,
    head: &ValueView,
    (number, count): (usize, usize),
    names: &BTreeMap<DeviceId, String>,
) -> String {
    if count == 1 {
        return field.name.clone();
    }
    let device = names.get(&head.device).map(|name| format!(" on {name}"));
    format!(
        "{} ({number} of {count}, {}{})",
        field.name,
        head.changed.to_rfc3339(),
        device.unwrap_or_default()
    )
}

fn undecided(open: &[Conflict]) -> String {
    let names: Vec<&str> = open.iter().map(|conflict| conflict.name.as_str()).collect();
    format!(
        "changed apart: {}. keyfold resolve NAME FIELD --take N decides, keyfold conflicts --reveal shows the values",
        escape(&names.join(", "))
    )
}
