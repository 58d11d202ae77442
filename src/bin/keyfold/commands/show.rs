//! `show`: a whole item, secrets masked.

use crate::cli::Show;
use crate::commands::get::is_about_the_item;
use crate::commands::ls::JsonItem;
use crate::context::Context;
use crate::escape::{escape, escape_multiline};
use crate::failure::{Failure, Kind};
use crate::prompt;
use crate::session::Session;
use anstyle::{AnsiColor, Style};
use keyfold::model::ids::{Dot, FieldId};
use keyfold::model::item::ItemSummary;
use keyfold::model::query::Scope;
use keyfold::secret::Secret;
use keyfold::state::view::{FieldView, ItemView, Life};
use serde::Serialize;

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
struct JsonShown {
    schema: u32,
    #[serde(flatten)]
    item: JsonItem,
    favourite: bool,
    created: String,
    changed: String,
    fields: Vec<JsonField>,
}

pub(crate) fn run(context: &mut Context, args: &Show) -> Result<(), Failure> {
    let mut session = Session::open_at(context, &args.past)?;
    let item = match &args.name {
        Some(name) => session.pick(context, name, Scope::All)?,
        None => pick_any(context, &session)?,
    };
    let view = session.item(context, item.id)?;
    if context.output.json {
        json(context, &mut session, &item, view, args)
    } else {
        text(context, &mut session, &item, &view, args)
    }
}

fn pick_any(context: &Context, session: &Session) -> Result<ItemSummary, Failure> {
    if !context.may_ask() {
        return Err(Failure::usage("which item?").hint("keyfold --help lists all commands"));
    }
    let mut items: Vec<ItemSummary> = session
        .items()
        .into_iter()
        .filter(|item| !item.trashed)
        .collect();
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
    picked.ok_or_else(|| Failure::new(Kind::Interrupted, "nothing was picked"))
}

/// The value as it may be shown: `None` where it stays masked.
fn shown(
    context: &mut Context,
    session: &mut Session,
    view: &ItemView,
    field: &FieldView,
    dot: Option<Dot>,
    args: &Show,
) -> Result<Option<Secret>, Failure> {
    if field.kind.is_secret() && !args.reveal {
        return Ok(None);
    }
    session.reveal(context, view.id, field.id, dot).map(Some)
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
        let value = shown(context, session, &view, field, None, args)?;
        let mut conflicts = Vec::new();
        for other in &field.others {
            let value = shown(context, session, &view, field, Some(other.dot), args)?;
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
        created: view.created.to_rfc3339(),
        changed: view.changed.to_rfc3339(),
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
            "deleted on one device, kept on another",
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
    for field in view
        .fields
        .iter()
        .filter(|field| !is_about_the_item(field.id))
    {
        let value = shown(context, session, view, field, None, args)?;
        row(
            context,
            &field.name,
            // EXPOSE: shown because it is not secret or --reveal was given.
            value.as_ref().map_or(MASK, |value| value.expose()),
        )?;
        for other in &field.others {
            let value = shown(context, session, view, field, Some(other.dot), args)?;
            let name = format!(
                "{} (also, since {})",
                field.name,
                other.changed.to_rfc3339()
            );
            row(
                context,
                &name,
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
    row(context, "changed", &view.changed.to_rfc3339())
}
