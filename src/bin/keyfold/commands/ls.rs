//! `ls`: items by path, folder, tag and kind; also how a list of items is printed.

use crate::cli::Ls;
use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;
use crate::table;
use keyfold::model::field::ItemKind;
use keyfold::model::item::ItemSummary;
use keyfold::model::origin::host_text;
use keyfold::model::query::{Filter, Pattern, Scope};
use serde::Serialize;

/// An item in the JSON of listings.
#[derive(Serialize)]
pub(crate) struct JsonItem {
    id: String,
    path: String,
    title: String,
    folder: String,
    kind: &'static str,
    username: Option<String>,
    urls: Vec<String>,
    tags: Vec<String>,
    trashed: bool,
    conflicts: usize,
}

impl From<&ItemSummary> for JsonItem {
    fn from(item: &ItemSummary) -> Self {
        Self {
            id: item.id.to_string(),
            path: item.path(),
            title: item.title.clone(),
            folder: item.folder.clone(),
            kind: item.kind.name(),
            username: (!item.username.is_empty()).then(|| item.username.clone()),
            urls: item.urls.clone(),
            tags: item.tags.clone(),
            trashed: item.trashed,
            conflicts: item.conflicts,
        }
    }
}

pub(crate) fn run(context: &mut Context, args: Ls) -> Result<(), Failure> {
    let filter = filter(
        args.pattern.as_deref(),
        args.tag,
        args.kind.as_deref(),
        args.trash,
    )?;
    let session = Session::open_at(context, &args.past)?;
    let mut items: Vec<ItemSummary> = session
        .items()
        .into_iter()
        .filter(|item| filter.accepts(item))
        .collect();
    items.sort_by_cached_key(|item| {
        (
            item.folder.to_lowercase(),
            item.title.to_lowercase(),
            item.id,
        )
    });
    print(context, &items)
}

/// A filter from the flags that `ls` and `find` share.
pub(crate) fn filter(
    pattern: Option<&str>,
    tags: Vec<String>,
    kind: Option<&str>,
    trash: bool,
) -> Result<Filter, Failure> {
    Ok(Filter {
        pattern: pattern.map(Pattern::parse),
        tags,
        kind: kind.map(item_kind).transpose()?,
        folder: None,
        scope: if trash { Scope::Trash } else { Scope::Live },
    })
}

/// The kind of a name on the command line.
pub(crate) fn item_kind(name: &str) -> Result<ItemKind, Failure> {
    ItemKind::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = ItemKind::TABLE.iter().map(|row| row.1).collect();
        Failure::usage(format!("there is no kind {name}"))
            .hint(format!("kinds: {}", names.join(", ")))
    })
}

/// Prints items: JSON, a table on a terminal, one path a line in a pipe.
pub(crate) fn print(context: &Context, items: &[ItemSummary]) -> Result<(), Failure> {
    if context.output.json {
        #[derive(Serialize)]
        struct List {
            schema: u32,
            items: Vec<JsonItem>,
        }
        return context.output.json(&List {
            schema: 1,
            items: items.iter().map(JsonItem::from).collect(),
        });
    }
    if !context.output.to_terminal() {
        let lines: String = items
            .iter()
            .map(|item| one_line(&item.path()) + "\n")
            .collect();
        return context.output.raw(lines.as_bytes());
    }
    let rows: Vec<Vec<String>> = items.iter().map(cells).collect();
    if rows.is_empty() {
        context.output.note("No items.");
        return Ok(());
    }
    let lines = table::render(
        &["item", "user", "host", "tags"],
        &rows,
        context.output.width(),
    );
    for (line, at) in lines.iter().zip(0..) {
        let style = if at == 0 {
            anstyle::Style::new().bold()
        } else {
            anstyle::Style::new()
        };
        context.output.styled(style, line)?;
    }
    Ok(())
}

fn cells(item: &ItemSummary) -> Vec<String> {
    let mark = if item.conflicts > 0 {
        " (conflict)"
    } else {
        ""
    };
    let star = if item.favourite { "* " } else { "" };
    let host = item
        .urls
        .first()
        .map(|url| host_text(url).into_owned())
        .unwrap_or_default();
    vec![
        format!("{star}{}{mark}", item.path()),
        item.username.clone(),
        host,
        item.tags.join(" "),
    ]
}

/// A path that stays on its line: scripts read one a line.
fn one_line(path: &str) -> String {
    path.replace(['\n', '\r'], " ")
}
