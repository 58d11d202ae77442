//! `export --files-beside`: attached files in a folder beside the document, one piece at a time, so that they may be of any size;
//! and the way back.

use crate::context::Context;
use crate::failure::{Failure, Kind};
use crate::interrupt::{self, Unfinished};
use data_encoding::HEXLOWER;
use keyfold::exchange::native::{Document, DocumentFile, FileElsewhere};
use keyfold::model::file_name;
use keyfold::model::ids::ItemId;
use keyfold::secret::SecretBytes;
use keyfold::state::attachment::AttachmentView;
use keyfold::storage::{StoredFile, folder_of, read_whole};
use keyfold::vault::Vault;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Most bytes of files that come back in one import: they are in memory until they are in the vault.
const READ_LIMIT: u64 = 512 << 20;

/// The folder that was made, with what is in it.
pub(super) struct Beside {
    folder: PathBuf,
    files: Vec<PathBuf>,
    /// Without the document they are worth nothing.
    _unfinished: Unfinished,
}

impl Beside {
    /// Takes it away again: the export failed after all.
    pub(super) fn remove(&self, context: &Context) {
        for file in &self.files {
            drop(context.storage.remove(file));
        }
        drop(std::fs::remove_dir(&self.folder));
    }
}

/// Writes the files of a document's items into a new folder beside it, and says in the document where they are. `None` where
/// there are no files.
pub(super) fn write(
    context: &Context,
    vault: &Vault,
    document: &mut Document,
    output: &Path,
) -> Result<Option<Beside>, Failure> {
    let views = document.items.iter();
    let views: Vec<_> = views
        .filter_map(|item| vault.state().item(item.id))
        .filter(|view| !view.attachments.is_empty())
        .collect();
    if views.is_empty() {
        return Ok(None);
    }
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    let name = format!("{stem}-files");
    let folder = folder_of(output).join(&name);
    for taken in [output, &folder] {
        if std::fs::symlink_metadata(taken).is_ok() {
            let text = format!("{} is there already", taken.display());
            return Err(Failure::failed(text));
        }
    }
    context.storage.make_folder(&folder)?;
    let mut beside = Beside {
        _unfinished: interrupt::guard_unfinished(&folder),
        folder,
        files: Vec::new(),
    };
    let _progress = context.output.progress("Writing files");
    let mut taken = BTreeSet::new();
    for view in &views {
        for file in &view.attachments {
            let plain = file_name::sanitise(&file.name);
            let own = file_name::number_until(&plain, |name| taken.insert(name.to_lowercase()));
            let target = beside.folder.join(&own);
            match write_one(context, vault, (view.id, file), &target) {
                Ok(sha256) => document.elsewhere.push(FileElsewhere {
                    item: view.id,
                    id: file.id,
                    name: file.name.clone(),
                    file: format!("{name}/{own}"),
                    length: file.length,
                    sha256,
                }),
                Err(failure) => {
                    beside.remove(context);
                    return Err(failure);
                }
            }
            beside.files.push(target);
        }
    }
    context.storage.sync_folder(&beside.folder)?;
    Ok(Some(beside))
}

/// Writes one file anew; its hash. Nothing of it stays if that fails.
fn write_one(
    context: &Context,
    vault: &Vault,
    (item, file): (ItemId, &AttachmentView),
    target: &Path,
) -> Result<String, Failure> {
    let created = context.storage.create(target)?;
    let written = write_pieces(&*created, vault, item, file);
    if written.is_err() {
        drop(context.storage.remove(target));
    }
    written
}

fn write_pieces(
    target: &dyn StoredFile,
    vault: &Vault,
    item: ItemId,
    file: &AttachmentView,
) -> Result<String, Failure> {
    let mut hash = Sha256::new();
    let mut end = 0;
    for number in 0..file.pieces {
        let piece = vault.read_piece(item, file.dot, number)?;
        // EXPOSE: the user asked for the files.
        let bytes = piece.expose();
        hash.update(bytes);
        target.write_at(end, bytes)?;
        end += bytes.len() as u64;
    }
    target.sync()?;
    Ok(HEXLOWER.encode(&hash.finalize()))
}

/// Brings the content of files that lie beside a document into it, all or nothing.
pub(crate) fn read(context: &Context, document: &mut Document, path: &Path) -> Result<(), Failure> {
    let mut left = READ_LIMIT;
    for file in std::mem::take(&mut document.elsewhere) {
        let place = place_of(&file.file).ok_or_else(|| {
            let text = format!("{} is no place beside an export", file.file);
            Failure::new(Kind::Damaged, text)
        })?;
        let place = folder_of(path).join(place);
        if file.length > left {
            return Err(Failure::failed(
                "the files beside the export are more than one import takes (512 MiB)",
            )
            .hint("keyfold attach add takes files of any size"));
        }
        left -= file.length;
        let content = read_one(context, &file, &place)?;
        document.files.push(DocumentFile {
            item: file.item,
            id: file.id,
            name: file.name,
            content,
        });
    }
    Ok(())
}

fn read_one(context: &Context, file: &FileElsewhere, place: &Path) -> Result<SecretBytes, Failure> {
    let not_it = |what: &str| {
        let text = format!("{} {what}", place.display());
        Failure::new(Kind::Damaged, text).hint("the folder of files belongs beside the export")
    };
    let opened = context.storage.open_read(place)?;
    let opened = opened.ok_or_else(|| not_it("is not there"))?;
    if opened.stamp()?.length != file.length {
        return Err(not_it("is not as long as the export says"));
    }
    let limit = usize::try_from(file.length).map_err(|_| not_it("is too large"))?;
    let content = SecretBytes::new(read_whole(&*opened, limit)?);
    // EXPOSE: hashed, to know it again.
    if HEXLOWER.encode(&Sha256::digest(content.expose())) != file.sha256 {
        return Err(not_it("is not what the export says"));
    }
    Ok(content)
}

/// A path of plain names; `None` for one that leads anywhere else.
fn place_of(text: &str) -> Option<&Path> {
    let path = Path::new(text);
    let mut parts = path.components();
    let is_plain = parts.all(|part| matches!(part, Component::Normal(_)));
    (is_plain && !text.is_empty() && !text.contains('\\')).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_lead_to_a_file() {
        assert!(place_of("all-files/scan.pdf").is_some());
        for text in ["", "/etc/passwd", "../x", "a/../../x", "./x", "a\\..\\x"] {
            assert!(place_of(text).is_none(), "{text}");
        }
    }
}
