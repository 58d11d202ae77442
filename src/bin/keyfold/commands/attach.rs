//! `attach`: files of items, a piece at a time, so that none is ever in memory as a whole.

mod add;
mod get;
mod open;

use crate::cli::{Attach, AttachAction};
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::session::{Session, unexpected};
use crate::table;
use keyfold::model::ids::ItemId;
use keyfold::model::item::ItemSummary;
use keyfold::model::query::Scope;
use keyfold::secret::SecretBytes;
use keyfold::service::{Request, Response};
use keyfold::state::attachment::AttachmentView;
use keyfold::state::change::Edit;
use keyfold::state::view::ItemView;
use serde::Serialize;

pub(crate) fn run(context: &mut Context, args: Attach) -> Result<(), Failure> {
    match args.action {
        AttachAction::Add(args) => add::run(context, &args),
        AttachAction::Get(args) => get::run(context, &args),
        AttachAction::Ls { name } => list(context, &name),
        AttachAction::Rm { name, files } => remove(context, &name, &files),
        AttachAction::Open { name, file } => open::run(context, &name, file.as_deref()),
    }
}

fn list(context: &mut Context, name: &str) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let (item, view) = session.pick_whole(context, name, Scope::All)?;
    if context.output.json {
        #[derive(Serialize)]
        struct Listed {
            schema: u32,
            item: String,
            files: Vec<FileRow>,
        }
        return context.output.json(&Listed {
            schema: 1,
            item: item.path(),
            files: rows(&view),
        });
    }
    if view.attachments.is_empty() {
        context.output.note("No files are attached.");
        return Ok(());
    }
    let names = session.device_names(context)?;
    let files = view.attachments.iter();
    let cells: Vec<Vec<String>> = files
        .map(|file| {
            let device = names.get(&file.device).cloned().unwrap_or_default();
            let size = describe_size(file.length);
            vec![file.name.clone(), size, file.attached.to_rfc3339(), device]
        })
        .collect();
    let headings = ["file", "size", "attached", "on"];
    for line in table::render(&headings, &cells, context.output.width()) {
        context.output.raw(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}

fn remove(context: &mut Context, name: &str, files: &[String]) -> Result<(), Failure> {
    let mut session = Session::open(context)?;
    let (item, view) = session.pick_whole(context, name, Scope::Live)?;
    let found = wanted(&item, &view, files)?;
    let edits = found.iter().map(|file| Edit::Detach(file.id)).collect();
    session.ask(context, Request::Edit(vec![(item.id, edits)]))?;
    let text = format!("Took {} away from {}.", count(found.len()), item.path());
    context.output.note(&text);
    Ok(())
}

/// A file of an item, as JSON has it.
#[derive(Serialize)]
pub(super) struct FileRow {
    name: String,
    bytes: u64,
    attached: String,
}

/// An item's files.
pub(super) fn rows(view: &ItemView) -> Vec<FileRow> {
    let files = view.attachments.iter();
    let rows = files.map(|file| FileRow {
        name: file.name.clone(),
        bytes: file.length,
        attached: file.attached.to_rfc3339(),
    });
    rows.collect()
}

/// The files of these names, each once; several of one name are an ambiguity that `--replace` or `rm` of both ends.
fn wanted<'v>(
    item: &ItemSummary,
    view: &'v ItemView,
    names: &[String],
) -> Result<Vec<&'v AttachmentView>, Failure> {
    let mut found: Vec<&AttachmentView> = Vec::new();
    for name in names {
        let mut alike = view.attachments.iter().filter(|file| file.name == *name);
        let newest = alike.next().ok_or_else(|| {
            let known: Vec<&str> = view.attachments.iter().map(|file| &*file.name).collect();
            let failure = Failure::new(
                Kind::NotFound,
                format!("{} has no file {name}", item.path()),
            );
            if known.is_empty() {
                failure
            } else {
                failure.hint(format!("it has: {}", known.join(", ")))
            }
        })?;
        for file in std::iter::once(newest).chain(alike) {
            if !found.iter().any(|known| known.dot == file.dot) {
                found.push(file);
            }
        }
    }
    Ok(found)
}

/// Gives the pieces of a file away, one after another.
fn each_piece(
    context: &mut Context,
    session: &mut Session,
    item: ItemId,
    file: &AttachmentView,
    mut take: impl FnMut(&Context, SecretBytes) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let dot = file.dot;
    let mut length = 0;
    for number in 0..file.pieces {
        let request = Request::ReadPiece { item, dot, number };
        let Response::Piece(piece) = session.ask(context, request)? else {
            return Err(unexpected());
        };
        length += piece.len() as u64;
        take(context, piece)?;
    }
    if length == file.length {
        return Ok(());
    }
    // Whoever holds the key could have written that; no honest program does.
    let text = format!("{} is not as long as it says", file.name);
    Err(Failure::new(Kind::Damaged, text))
}

fn count(files: usize) -> String {
    match files {
        1 => "one file".to_owned(),
        _ => format!("{files} files"),
    }
}

/// A size for people.
pub(crate) fn describe_size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["bytes", "KiB", "MiB", "GiB"];
    let mut unit = 0;
    let mut whole = bytes;
    let mut tenths = 0;
    while whole >= 1024 && unit + 1 < UNITS.len() {
        tenths = whole % 1024 * 10 / 1024;
        whole /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).unwrap_or(&"");
    if unit == 0 || whole >= 10 {
        format!("{whole} {name}")
    } else {
        format!("{whole}.{tenths} {name}")
    }
}

#[cfg(test)]
mod tests {
    use super::describe_size;

    #[test]
    fn sizes_read_well() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1600, "1.5 KiB"),
            (20 << 10, "20 KiB"),
            (3 << 20, "3.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (5 << 40, "5120 GiB"),
        ] {
            assert_eq!(describe_size(bytes), text);
        }
    }
}
