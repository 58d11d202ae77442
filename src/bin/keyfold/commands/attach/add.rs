//! `attach add`: files into the vault. All of one command's are one change.

use super::count;
use crate::cli::AttachFiles;
use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::interrupt::Stoppable;
use crate::session::{Session, unexpected};
use keyfold::model::item::ItemSummary;
use keyfold::model::query::Scope;
use keyfold::secret::SecretBytes;
use keyfold::service::{Request, Response};
use keyfold::state::change::{Attached, Edit};
use keyfold::state::op::ChunkName;
use keyfold::state::view::ItemView;
use keyfold::vault::PIECE_LIMIT;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Names that are longer could not be written out again by every system.
const NAME_LIMIT: usize = 255;

pub(super) fn run(context: &mut Context, args: &AttachFiles) -> Result<(), Failure> {
    // Whatever cannot be read is told before anything is asked for.
    let mut sources = Vec::new();
    for path in &args.paths {
        sources.push(open(path)?);
    }
    let names = names(args)?;
    let mut session = Session::open(context)?;
    let (item, view) = session.pick_whole(context, &args.name, Scope::Live)?;
    refuse_taken(args, &item, &view, &names)?;
    let mut pieces = Vec::new();
    let stoppable = Stoppable::begin();
    let mut store = Store {
        context,
        session: &mut session,
        stoppable: &stoppable,
        pieces: &mut pieces,
    };
    let stored = store.all(&view, sources, &names);
    let done = stored.and_then(|edits| {
        session
            .ask(context, Request::Edit(vec![(item.id, edits)]))
            .map(drop)
    });
    if let Err(failure) = done {
        // What is left then goes with a later compact.
        let _ = session.ask(context, Request::DiscardPieces(pieces));
        return Err(failure);
    }
    let text = format!("Attached {} to {}.", count(names.len()), item.path());
    context.output.note(&text);
    Ok(())
}

fn names(args: &AttachFiles) -> Result<Vec<String>, Failure> {
    if args.file_name.is_some() && args.paths.len() > 1 {
        return Err(Failure::usage("--as is for one file"));
    }
    let mut names: Vec<String> = Vec::new();
    for path in &args.paths {
        let own = path.file_name().map(|name| name.to_string_lossy());
        let name = match (&args.file_name, own) {
            (Some(name), _) => name.clone(),
            (None, Some(name)) if path != Path::new("-") => name.into_owned(),
            _ => {
                let failure = Failure::usage(format!("what is {} called?", path.display()));
                return Err(failure.hint("--as FILE names it"));
            }
        };
        if name.is_empty() || name.len() > NAME_LIMIT {
            return Err(Failure::usage("a file's name has 1 to 255 bytes"));
        }
        if names.contains(&name) {
            return Err(Failure::usage(format!(
                "two of the files are called {name}"
            )));
        }
        names.push(name);
    }
    Ok(names)
}

fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Failure::new(
            Kind::NotFound,
            format!("there is no file {}", path.display()),
        ),
        _ => Failure::failed(format!("{}: {error}", path.display())),
    };
    // A pipe would be waited for before anything is said.
    let kind = std::fs::metadata(path).map_err(failed)?;
    if !kind.is_file() {
        return Err(Failure::usage(format!(
            "{} is no file; a folder is attached as an archive",
            path.display()
        )));
    }
    Ok(Box::new(File::open(path).map_err(failed)?))
}

fn refuse_taken(
    args: &AttachFiles,
    item: &ItemSummary,
    view: &ItemView,
    names: &[String],
) -> Result<(), Failure> {
    let is_taken = |name: &&String| view.attachments.iter().any(|file| file.name == **name);
    match names.iter().find(is_taken) {
        Some(name) if !args.replace => {
            let text = format!("{} has a file {name} already", item.path());
            Err(Failure::failed(text)
                .hint("--replace takes its place, --as FILE names it otherwise"))
        }
        _ => Ok(()),
    }
}

/// Files on their way into the vault.
struct Store<'a> {
    context: &'a mut Context,
    session: &'a mut Session,
    stoppable: &'a Stoppable,
    pieces: &'a mut Vec<ChunkName>,
}

impl Store<'_> {
    fn all(
        &mut self,
        view: &ItemView,
        sources: Vec<Box<dyn Read>>,
        names: &[String],
    ) -> Result<Vec<Edit>, Failure> {
        let _progress = self.context.output.progress("Attaching");
        let mut edits = Vec::new();
        for (mut source, name) in sources.into_iter().zip(names) {
            let before = self.pieces.len();
            let length = self.one(&mut *source, name)?;
            let attached = Attached {
                name: name.clone(),
                length,
                pieces: self.pieces.iter().skip(before).copied().collect(),
            };
            let mut former = view.attachments.iter().filter(|file| file.name == *name);
            edits.push(Edit::Attach(former.next().map(|file| file.id), attached));
            // Several of one name were attached apart: one is left.
            edits.extend(former.map(|file| Edit::Detach(file.id)));
        }
        Ok(edits)
    }

    /// Stores a file; its length.
    fn one(&mut self, source: &mut dyn Read, name: &str) -> Result<u64, Failure> {
        let mut length = 0;
        loop {
            let mut piece = Zeroizing::new(Vec::with_capacity(PIECE_LIMIT));
            let mut rest = Read::take(&mut *source, PIECE_LIMIT as u64);
            let read = rest.read_to_end(&mut piece);
            self.stoppable.go_on()?;
            read.map_err(|error| Failure::failed(format!("{name}: {error}")))?;
            if piece.is_empty() {
                return Ok(length);
            }
            length += piece.len() as u64;
            let request = Request::StorePiece(SecretBytes::from(piece));
            match self.session.ask(self.context, request)? {
                Response::Stored(stored) => self.pieces.push(stored),
                _ => return Err(unexpected()),
            }
        }
    }
}
