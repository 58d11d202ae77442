//! `cp`: a copy of an item, without its history; another vault is [`to_vault`]'s, and gets the history too.

use crate::cli::Cp;
use crate::commands::{add, ls, to_vault};
use crate::context::Context;
use crate::failure::Failure;
use crate::session::{Session, unexpected};
use keyfold::model::draft::{Draft, DraftField, DraftValue, FieldName};
use keyfold::model::field;
use keyfold::model::ids::FieldId;
use keyfold::model::item::split_path;
use keyfold::model::query::Scope;
use keyfold::service::{Request, Response};

pub(crate) fn run(context: &mut Context, args: &Cp) -> Result<(), Failure> {
    if let Some(other) = &args.to_vault.0 {
        let query = args.query.as_deref();
        return to_vault::run(context, &args.names, query, other, to_vault::Source::Kept);
    }
    let [name, to] = args.names.as_slice() else {
        return Err(Failure::usage("cp takes an item and the copy's path")
            .hint("keyfold cp NAME NEW-PATH, or keyfold cp NAME… --to-vault VAULT"));
    };
    let mut session = Session::open(context)?;
    let from = session.pick(context, name, Scope::Live)?;
    let (folder, title) = split_path(to);
    let title = if title.is_empty() {
        from.title.to_string()
    } else {
        title
    };
    if add::same_path(context, &mut session, &folder, &title)?.is_some() {
        return Err(add::taken(&folder, &title).hint("give the copy another path"));
    }
    let view = session.item(context, from.id)?;
    let mut draft = Draft {
        kind: from.kind,
        title,
        folder,
        favourite: from.favourite,
        urls: from.urls.iter().map(ToString::to_string).collect(),
        tags: from.tags.iter().map(ToString::to_string).collect(),
        ..Draft::default()
    };
    for field in view.fields {
        let name = match field.id {
            FieldId::Standard(number) if number < field::USERNAME => continue,
            FieldId::Standard(number) => FieldName::Standard(number),
            FieldId::Custom(_) => FieldName::Custom(field.name.clone()),
        };
        let secret = session.reveal(context, from.id, field.id, None)?;
        let value = if field.kind.is_secret() {
            DraftValue::Secret(secret)
        } else {
            // EXPOSE: the field is not secret; it came through the same door.
            DraftValue::Plain(secret.expose().to_owned())
        };
        draft.fields.push(DraftField {
            name,
            kind: field.kind,
            value,
        });
    }
    let path = keyfold::model::item::join_path(&draft.folder, &draft.title);
    let Response::Added(ids) = session.ask(context, Request::Add(vec![draft]))? else {
        return Err(unexpected());
    };
    if context.output.json {
        let copies = session.items(context, Request::Rows(ids))?;
        return ls::print(context, &copies);
    }
    context.output.note(&format!("Copied to {path}"));
    Ok(())
}
