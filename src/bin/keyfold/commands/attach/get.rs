//! `attach get`: files out of the vault, only ever new ones inside the chosen folder.

use super::{count, each_piece, wanted};
use crate::cli::AttachOut;
use crate::context::Context;
use crate::escape::escape;
use crate::failure::{Failure, Kind};
use crate::interrupt;
use crate::session::Session;
use keyfold::model::file_name;
use keyfold::model::ids::ItemId;
use keyfold::model::query::Scope;
use keyfold::secret::SecretBytes;
use keyfold::state::attachment::AttachmentView;
use keyfold::storage::{StoredFile, folder_of};
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// Pieces that are opened ahead of being written.
const PIECES_AHEAD: usize = 1;

pub(super) fn run(context: &mut Context, args: &AttachOut) -> Result<(), Failure> {
    let is_printed = args.output == Path::new("-");
    if !is_printed && !args.output.is_dir() {
        let text = format!("there is no folder {}", args.output.display());
        return Err(Failure::new(Kind::NotFound, text));
    }
    let mut session = Session::open(context)?;
    let (item, view) = session.pick_whole(context, &args.name, Scope::All)?;
    let files = if args.files.is_empty() {
        view.attachments.iter().collect()
    } else {
        wanted(&item, &view, &args.files)?
    };
    if files.is_empty() {
        let text = format!("{} has no files", item.path());
        return Err(Failure::new(Kind::NotFound, text));
    }
    if is_printed {
        let [file] = files.as_slice() else {
            return Err(Failure::usage("one file is printed: which?"));
        };
        return print(context, &mut session, item.id, file);
    }
    let targets = targets(&args.output, &files);
    for (file, target) in &targets {
        write(context, &mut session, item.id, file, target)?;
        let shown = target.file_name().unwrap_or_default().to_string_lossy();
        if shown != file.name {
            let text = format!("{} is written as {shown}.", escape(&file.name));
            context.output.note(&text);
        }
    }
    let text = format!(
        "Wrote {} of {}, in clear, to {}.",
        count(targets.len()),
        item.path(),
        args.output.display()
    );
    context.output.note(&text);
    Ok(())
}

/// Where each file goes: a plain name in the folder, each another one.
fn targets<'v>(folder: &Path, files: &[&'v AttachmentView]) -> Vec<(&'v AttachmentView, PathBuf)> {
    let mut taken = BTreeSet::new();
    let targets = files.iter().map(|file| {
        let plain = file_name::sanitise(&file.name);
        let name = file_name::number_until(&plain, |name| taken.insert(name.to_lowercase()));
        (*file, folder.join(name))
    });
    targets.collect()
}

/// Writes one file anew; nothing of it stays if that fails.
pub(super) fn write(
    context: &mut Context,
    session: &mut Session,
    item: ItemId,
    file: &AttachmentView,
    target: &Path,
) -> Result<(), Failure> {
    let created = context.storage.create(target)?;
    let _unfinished = interrupt::guard_unfinished(target);
    // While one piece is written, the next is opened.
    let written = thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(PIECES_AHEAD);
        let writing = thread::Builder::new()
            .spawn_scoped(scope, move || write_pieces(&*created, receiver))?;
        let read = each_piece(context, session, item, file, |_, piece| {
            let sent = sender.send(piece);
            sent.map_err(|_| Failure::failed("the file was not written"))
        });
        drop(sender);
        let stopped = |_| Failure::failed("the file was not written");
        // Where writing failed, that is why reading stopped.
        writing.join().map_err(stopped).flatten().and(read)
    });
    let synced = written.and_then(|()| Ok(context.storage.sync_folder(&folder_of(target))?));
    if synced.is_err() {
        drop(context.storage.remove(target));
    }
    synced
}

fn write_pieces(file: &dyn StoredFile, pieces: Receiver<SecretBytes>) -> Result<(), Failure> {
    let mut end = 0;
    for piece in pieces {
        // EXPOSE: the user asked for this file.
        let bytes = piece.expose();
        file.write_at(end, bytes)?;
        end += bytes.len() as u64;
    }
    Ok(file.sync()?)
}

fn print(
    context: &mut Context,
    session: &mut Session,
    item: ItemId,
    file: &AttachmentView,
) -> Result<(), Failure> {
    if std::io::stdout().is_terminal() {
        return Err(Failure::usage("a file is not printed to a terminal")
            .hint("--output FOLDER writes it, a pipe takes it"));
    }
    each_piece(context, session, item, file, |context, piece| {
        // EXPOSE: the user asked for this file.
        context.output.raw(piece.expose())
    })
}
