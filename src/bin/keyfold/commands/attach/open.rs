//! `attach open`: a file in its own program, from a private copy in memory where there is some.

use super::{get, wanted};
use crate::context::Context;
use crate::editor::private_folder;
use crate::failure::{Failure, Kind};
use crate::interrupt;
use crate::prompt;
use crate::session::Session;
use keyfold::model::file_name;
use keyfold::model::ids::ItemId;
use keyfold::model::query::Scope;
use keyfold::state::attachment::AttachmentView;

pub(super) fn run(context: &mut Context, name: &str, file: Option<&str>) -> Result<(), Failure> {
    if !context.may_ask() {
        return Err(
            Failure::usage("attach open waits for a key, and there is no terminal")
                .hint("keyfold attach get NAME writes the files out"),
        );
    }
    let mut session = Session::open(context)?;
    let (item, view) = session.pick_whole(context, name, Scope::All)?;
    let named: Vec<String> = file.map(str::to_owned).into_iter().collect();
    let files = match named.as_slice() {
        [] => view.attachments.iter().collect(),
        named => wanted(&item, &view, named)?,
    };
    let file = match files.as_slice() {
        [] => {
            let text = format!("{} has no files", item.path());
            return Err(Failure::new(Kind::NotFound, text));
        }
        [file] => *file,
        several => {
            let names: Vec<String> = several.iter().map(|file| file.name.clone()).collect();
            let picked = prompt::pick("File", &names)?;
            let picked = picked.and_then(|at| several.get(at).copied());
            picked.ok_or_else(|| Failure::new(Kind::Interrupted, "nothing was picked"))?
        }
    };
    let shown = show(context, &mut session, item.id, file);
    interrupt::remove_files();
    shown
}

fn show(
    context: &mut Context,
    session: &mut Session,
    item: ItemId,
    file: &AttachmentView,
) -> Result<(), Failure> {
    let folder = private_folder(context)?;
    let path = folder.join(file_name::sanitise(&file.name));
    get::write(context, session, item, file, &path)?;
    open::that_detached(&path)
        .map_err(|error| Failure::failed(format!("no program opens it: {error}")))?;
    // Whether the program is done with it nobody can tell but who looks at it.
    prompt::line("Press Enter when you are done with it; the copy is removed then. ").map(drop)
}
