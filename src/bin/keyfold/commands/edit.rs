//! `edit`: items changed by flags, or one of them in an editor.

use crate::cli::{Edit as Args, ItemFlags};
use crate::commands::add::{Asks, Wishes, wishes};
use crate::commands::ls::{self, item_kind};
use crate::context::Context;
use crate::editor;
use crate::failure::Failure;
use crate::session::Session;
use keyfold::model::draft::FieldName;
use keyfold::model::field::ItemKind;
use keyfold::model::ids::ItemId;
use keyfold::model::item::split_path;
use keyfold::model::query::Scope;
use keyfold::service::Request;
use keyfold::state::change::Edit;

pub(crate) fn run(context: &mut Context, args: Args) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let items = session.pick_several(context, &args.names, args.query.as_deref(), Scope::Live)?;
    if args.rename.is_some() && items.len() > 1 {
        return Err(Failure::usage("several items cannot share one new path"));
    }
    if !has_wishes(&args) {
        let [item] = items.as_slice() else {
            return Err(Failure::usage("several items can only be changed by flags")
                .hint("keyfold edit --help lists them"));
        };
        return editor::edit(context, &mut session, item);
    }
    // Secrets are asked for or generated once, and given to every item that was named.
    let kind = items.first().map(|item| item.kind).unwrap_or_default();
    let wanted = Wanted::collect(context, &args.item, kind)?;
    let mut edits = Vec::new();
    for item in &items {
        let mut all = removals(&args);
        if let Some(path) = &args.rename {
            let (folder, title) = split_path(path);
            all.push(Edit::Move { folder, title });
        }
        all.extend(wanted.to_edits());
        edits.push((item.id, all));
    }
    session.ask(context, Request::Edit(edits))?;
    tell(
        context,
        &session,
        &items.iter().map(|item| item.id).collect::<Vec<_>>(),
    )
}

/// Changes one item by the flags of `add`: for `add --or-update`.
pub(crate) fn apply_flags(
    context: &mut Context,
    session: &mut Session,
    item: ItemId,
    flags: &ItemFlags,
) -> Result<(), Failure> {
    let kind = session.item(context, item)?.kind();
    let edits = Wanted::collect(context, flags, kind)?.to_edits();
    session.ask(context, Request::Edit(vec![(item, edits)]))?;
    tell(context, session, &[item])
}

fn tell(context: &Context, session: &Session, ids: &[ItemId]) -> Result<(), Failure> {
    let items: Vec<_> = ids
        .iter()
        .filter_map(|id| session.vault.state().summary(*id))
        .collect();
    if context.output.json {
        return ls::print(context, &items);
    }
    for item in items {
        context.output.note(&format!("Changed {}", item.path()));
    }
    Ok(())
}

fn has_wishes(args: &Args) -> bool {
    let ItemFlags {
        kind,
        username,
        url,
        generate,
        words,
        secret_stdin,
        otp_stdin,
        field,
        secret_field,
        tag,
        note,
        note_file,
        json_stdin,
    } = &args.item;
    let given = kind.is_some()
        || username.is_some()
        || generate.is_some()
        || words.is_some()
        || note.is_some();
    let lists = !url.is_empty() || !field.is_empty() || !secret_field.is_empty() || !tag.is_empty();
    let read = *secret_stdin || *otp_stdin || *json_stdin || note_file.is_some();
    let removed =
        !args.remove_field.is_empty() || !args.remove_url.is_empty() || !args.remove_tag.is_empty();
    given || lists || read || removed || args.rename.is_some()
}

fn removals(args: &Args) -> Vec<Edit> {
    let fields = args
        .remove_field
        .iter()
        .map(|name| Edit::Remove(FieldName::from_text(name)));
    let urls = args
        .remove_url
        .iter()
        .map(|url| Edit::RemoveUrl(url.clone()));
    let tags = args
        .remove_tag
        .iter()
        .map(|tag| Edit::RemoveTag(tag.clone()));
    fields.chain(urls).chain(tags).collect()
}

/// What the flags want of each item.
struct Wanted {
    kind: Option<ItemKind>,
    wishes: Wishes,
}

impl Wanted {
    fn collect(context: &mut Context, flags: &ItemFlags, kind: ItemKind) -> Result<Self, Failure> {
        let new_kind = flags.kind.as_deref().map(item_kind).transpose()?;
        let wishes = wishes(context, flags, new_kind.unwrap_or(kind), Asks::Nothing)?;
        Ok(Self {
            kind: new_kind,
            wishes,
        })
    }

    fn to_edits(&self) -> Vec<Edit> {
        let fields = self.wishes.fields.iter();
        let fields =
            fields.map(|field| Edit::Set(field.name.clone(), field.kind, field.value.duplicate()));
        let urls = self.wishes.urls.iter().cloned().map(Edit::AddUrl);
        let tags = self.wishes.tags.iter().cloned().map(Edit::AddTag);
        self.kind
            .map(Edit::Kind)
            .into_iter()
            .chain(fields)
            .chain(urls)
            .chain(tags)
            .collect()
    }
}
