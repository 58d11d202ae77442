//! `edit`: items changed by flags, or one of them in an editor.

use crate::cli::{Edit as Args, ItemFlags};
use crate::commands::add::{self, Asks, Wishes, wishes};
use crate::commands::checking::Chosen;
use crate::commands::ls::{self, item_kind};
use crate::context::Context;
use crate::editor;
use crate::failure::Failure;
use crate::session::Session;
use keyfold::model::draft::{DraftValue, FieldName};
use keyfold::model::field::{self, FieldKind, ItemKind};
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::item::{ItemSummary, split_path};
use keyfold::model::query::Scope;
use keyfold::secret::Secret;
use keyfold::service::Request;
use keyfold::state::change::Edit;
use keyfold::state::view::{ItemView, Value};

pub(crate) fn run(context: &mut Context, args: Args) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let items = session.pick_several(context, &args.names, args.query.as_deref(), Scope::Live)?;
    if args.rename.is_some() && items.len() > 1 {
        return Err(Failure::usage("several items cannot share one new path"));
    }
    if let (Some(path), [item]) = (&args.rename, items.as_slice()) {
        add::refuse_taken(context, &mut session, path, item.id)?;
    }
    if !has_wishes(&args) {
        let [item] = items.as_slice() else {
            return Err(Failure::usage("several items can only be changed by flags")
                .hint("keyfold edit --help lists them"));
        };
        return editor::edit(context, &mut session, item);
    }
    // Secrets are asked for once and given to every item that was named; each has a generated one to itself.
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
        let removed = &args.remove_field;
        all.extend(generated(
            context,
            &mut session,
            item.id,
            &args.item,
            removed,
        )?);
        edits.push((item.id, all));
    }
    let drawn = drawn_field(&args.item, kind);
    commit(context, &mut session, edits, &args.item, drawn)
}

/// Changes one item by the flags of `add`: for `add --or-update`.
pub(crate) fn apply_flags(
    context: &mut Context,
    session: &mut Session,
    item: ItemId,
    flags: &ItemFlags,
) -> Result<(), Failure> {
    let kind = session.item(context, item)?.kind();
    let mut edits = Wanted::collect(context, flags, kind)?.to_edits();
    edits.extend(generated(context, session, item, flags, &[])?);
    let drawn = drawn_field(flags, kind);
    commit(context, session, vec![(item, edits)], flags, drawn)
}

/// The standard field that flags have generated.
fn drawn_field(flags: &ItemFlags, kind: ItemKind) -> Option<u8> {
    let kind = flags
        .kind
        .as_deref()
        .and_then(|kind| item_kind(kind).ok())
        .unwrap_or(kind);
    add::drawn_field(flags, kind)
}

/// The edit that gives an item what flags want drawn, by the rules that the item remembers unless they go now.
fn generated(
    context: &mut Context,
    session: &mut Session,
    item: ItemId,
    flags: &ItemFlags,
    removed: &[String],
) -> Result<Option<Edit>, Failure> {
    if !flags.generates() {
        return Ok(None);
    }
    let view = session.item(context, item)?;
    let rules = view.field(FieldId::Standard(field::PASSWORD_RULES));
    let rules = match rules.map(|field| &field.current.value) {
        Some(Value::Plain(text)) if !names_rules(removed) => Some(text.clone()),
        _ => None,
    };
    let kind = flags.kind.as_deref().map(item_kind).transpose()?;
    let template = kind.unwrap_or(view.kind()).template();
    let main = template.first().copied().unwrap_or(field::PASSWORD);
    let drawn = add::generated(context, flags, rules.as_deref())?;
    Ok(drawn.map(|secret| {
        let kind = field::standard_field(main).map_or(FieldKind::Secret, |row| row.1);
        Edit::Set(FieldName::Standard(main), kind, DraftValue::Secret(secret))
    }))
}

/// Commits what is news, and tells it. A script that says the same again writes nothing and leaves no history.
fn commit(
    context: &mut Context,
    session: &mut Session,
    edits: Vec<(ItemId, Vec<Edit>)>,
    flags: &ItemFlags,
    generated: Option<u8>,
) -> Result<(), Failure> {
    let mut news = Vec::new();
    let mut told = Vec::new();
    for (id, wanted) in edits {
        let view = session.item(context, id)?;
        let mut fresh = Vec::new();
        for edit in wanted {
            if is_news(context, session, &view, &edit)? {
                fresh.push(edit);
            }
        }
        told.push((id, !fresh.is_empty()));
        if !fresh.is_empty() {
            news.push((id, fresh));
        }
    }
    let changed: Vec<ItemId> = news.iter().map(|(id, _)| *id).collect();
    let chosen = match flags.no_check {
        true => Chosen::default(),
        false => Chosen::of(
            set_fields(news.iter().flat_map(|(_, edits)| edits)),
            generated,
        ),
    };
    if !news.is_empty() {
        session.ask(context, Request::Edit(news))?;
    }
    let ids = told.iter().map(|(id, _)| *id).collect();
    let items = session.items(context, Request::Rows(ids))?;
    if context.output.json {
        ls::print(context, &items)?;
        chosen.tell(context, session, &changed);
        return Ok(());
    }
    for (id, is_changed) in told {
        let item = items.iter().find(|item| item.id == id);
        let path = item.map(ItemSummary::path).unwrap_or_default();
        let what = if is_changed {
            "Changed"
        } else {
            "No change in"
        };
        context.output.note(&format!("{what} {path}"));
    }
    chosen.tell(context, session, &changed);
    Ok(())
}

/// Fields that edits set, with their values.
pub(crate) fn set_fields<'a>(
    edits: impl Iterator<Item = &'a Edit>,
) -> impl Iterator<Item = (&'a FieldName, FieldKind, &'a DraftValue)> {
    edits.filter_map(|edit| match edit {
        Edit::Set(name, kind, value) => Some((name, *kind, value)),
        _ => None,
    })
}

/// Whether the item does not say so already.
fn is_news(
    context: &mut Context,
    session: &mut Session,
    view: &ItemView,
    edit: &Edit,
) -> Result<bool, Failure> {
    Ok(match edit {
        Edit::Set(name, kind, value) => {
            let field = view.fields.iter().find(|field| match name {
                FieldName::Standard(number) => field.id == FieldId::Standard(*number),
                FieldName::Custom(name) => {
                    matches!(field.id, FieldId::Custom(_)) && field.name == *name
                }
            });
            // Setting a field settles its conflict: that is news even where the value is the one shown.
            let Some(field) = field.filter(|field| field.kind == *kind && field.others.is_empty())
            else {
                return Ok(true);
            };
            let current = session.reveal(context, view.id, field.id, None)?;
            match value {
                DraftValue::Plain(text) => !current.same_as(&Secret::new(text.clone())),
                DraftValue::Secret(secret) => !current.same_as(secret),
            }
        }
        Edit::AddTag(tag) => !view.tags.contains(tag),
        Edit::AddUrl(address) => !view.urls.iter().any(|url| url.address == *address),
        Edit::Kind(kind) => view.kind() != *kind,
        _ => true,
    })
}

fn names_rules(fields: &[String]) -> bool {
    let rules = field::standard_field(field::PASSWORD_RULES);
    rules.is_some_and(|rules| fields.iter().any(|name| name == rules.0))
}

fn has_wishes(args: &Args) -> bool {
    let ItemFlags {
        kind,
        username,
        url,
        generate,
        rules,
        words,
        secret_stdin,
        otp_stdin,
        field,
        secret_field,
        tag,
        note,
        note_file,
        json_stdin,
        no_check: _,
    } = &args.item;
    let given = kind.is_some()
        || username.is_some()
        || generate.is_some()
        || rules.is_some()
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
