//! `ls`: items by path, folder, tag and kind; also how a list of items is printed.

use crate::cli::Ls;
use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;
use crate::table;
use keyfold::model::field::ItemKind;
use keyfold::model::item::ItemRow;
use keyfold::model::origin::host_text;
use keyfold::model::query::{Filter, Pattern, Scope};
use serde::Serialize;
use std::borrow::Cow;
use std::cmp::Ordering;

/// An item in the JSON of listings.
#[derive(Serialize)]
pub(crate) struct JsonItem<'a> {
    id: String,
    path: String,
    title: &'a str,
    folder: &'a str,
    kind: &'static str,
    username: Option<&'a str>,
    urls: &'a [Cow<'a, str>],
    tags: &'a [Cow<'a, str>],
    trashed: bool,
    conflicts: usize,
}

impl<'a> From<&'a ItemRow<'a>> for JsonItem<'a> {
    fn from(item: &'a ItemRow<'a>) -> Self {
        Self {
            id: item.id.to_string(),
            path: item.path(),
            title: &item.title,
            folder: &item.folder,
            kind: item.kind.name(),
            username: (!item.username.is_empty()).then_some(&item.username),
            urls: &item.urls,
            tags: &item.tags,
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
    let mut session = Session::open_at(context, &args.past)?;
    let mut items = session.listing(context, &filter)?;
    items.sort_by_cached_key(|item| {
        (
            SortedText::new(&item.folder),
            SortedText::new(&item.title),
            item.id,
        )
    });
    print(context, &items)
}

/// A text in lower case, sorted by its bytes. Its beginning stands apart, so that most pairs are told apart without a
/// look at the texts themselves, which lie all over the memory.
#[derive(PartialEq, Eq)]
struct SortedText {
    beginning: [u8; Self::BEGINNING],
    text: String,
}

impl SortedText {
    const BEGINNING: usize = 16;

    fn new(text: &str) -> Self {
        let text = text.to_lowercase();
        let mut beginning = [0; Self::BEGINNING];
        for (to, byte) in beginning.iter_mut().zip(text.bytes()) {
            *to = byte;
        }
        Self { beginning, text }
    }
}

impl Ord for SortedText {
    fn cmp(&self, other: &Self) -> Ordering {
        let beginnings = [self, other].map(|text| u128::from_be_bytes(text.beginning));
        let lengths = [self, other].map(|text| text.text.len());
        beginnings[0].cmp(&beginnings[1]).then_with(|| {
            if lengths.iter().all(|length| *length <= Self::BEGINNING) {
                lengths[0].cmp(&lengths[1]) // one is the other with zeros behind it
            } else {
                self.text.cmp(&other.text)
            }
        })
    }
}

impl PartialOrd for SortedText {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
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
pub(crate) fn print(context: &Context, items: &[ItemRow<'_>]) -> Result<(), Failure> {
    if context.output.json {
        #[derive(Serialize)]
        struct List<'a> {
            schema: u32,
            items: Vec<JsonItem<'a>>,
        }
        return context.output.json(&List {
            schema: 1,
            items: items.iter().map(JsonItem::from).collect(),
        });
    }
    if !context.output.to_terminal() {
        let mut lines = String::new();
        for item in items {
            lines.push_str(&one_line(item.path()));
            lines.push('\n');
        }
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

fn cells(item: &ItemRow<'_>) -> Vec<String> {
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
        item.username.to_string(),
        host,
        item.tags.join(" "),
    ]
}

/// A path that stays on its line: scripts read one a line.
fn one_line(path: String) -> String {
    if path.contains(['\n', '\r']) {
        path.replace(['\n', '\r'], " ")
    } else {
        path
    }
}
