//! A store of pass or gopass: a folder of files that gpg opens, one after another, with the user's own key and pinentry.

use crate::context::Context;
use crate::failure::{Failure, Kind};
use keyfold::exchange::{Imported, MAX_FILE_BYTES, PassEntry, import_pass};
use keyfold::secret::SecretBytes;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

/// Entries of one store.
const ENTRIES: usize = 20_000;
const DEPTH: usize = 32;
const ENDING: &str = "gpg";

pub(super) fn load(context: &Context, folder: &Path) -> Result<Imported, Failure> {
    let mut files = Vec::new();
    collect(folder, 0, &mut files)?;
    if files.is_empty() {
        let text = format!("{} holds no entries of pass", folder.display());
        return Err(Failure::failed(text).hint("a store has files that end in .gpg"));
    }
    files.sort();
    let _progress = context.output.progress("Decrypting");
    let mut entries = Vec::new();
    let mut bytes = 0;
    for file in &files {
        let content = decrypt(file)?;
        bytes += content.len();
        if bytes > MAX_FILE_BYTES {
            return Err(Failure::failed(
                "the store holds more than one import takes (64 MiB)",
            ));
        }
        entries.push(PassEntry {
            path: name_of(folder, file),
            content: SecretBytes::from(content),
        });
    }
    let failed = |error| Failure::failed(format!("{}: {error}", folder.display()));
    import_pass(entries).map_err(|error| failed(error).hint("nothing was imported"))
}

/// Files of entries below a folder. Links are not followed, hidden folders (git's) are left alone.
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("{}: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let path = entry.path();
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if kind.is_dir() && !is_hidden && depth < DEPTH {
            collect(&path, depth + 1, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|ending| ending == ENDING) {
            files.push(path);
        }
        if files.len() > ENTRIES {
            return Err(Failure::failed(
                "the store holds more entries than one import takes",
            ));
        }
    }
    Ok(())
}

/// An entry's path in the store.
fn name_of(folder: &Path, file: &Path) -> String {
    let inner = file.strip_prefix(folder).unwrap_or(file).with_extension("");
    let segments = inner.components();
    let names: Vec<String> = segments
        .map(|segment| segment.as_os_str().to_string_lossy().into_owned())
        .collect();
    names.join("/")
}

/// What gpg makes of a file. It asks for the key's passphrase itself, where it needs one.
fn decrypt(file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let path = std::path::absolute(file)?;
    let mut child = Command::new("gpg")
        .args(["--quiet", "--decrypt", "--"])
        .arg(&path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| {
            Failure::failed(format!("gpg does not start: {error}"))
                .hint("a store of pass is opened by GnuPG, which is to be installed")
        })?;
    // More than that would be refused; a vector that grows would leave copies behind.
    let room = fs::metadata(&path).map_or(0, |data| data.len());
    let room = usize::try_from(room).unwrap_or(0).saturating_mul(8);
    let mut content = Zeroizing::new(Vec::with_capacity(room.clamp(64 << 10, MAX_FILE_BYTES)));
    if let Some(output) = child.stdout.take() {
        output
            .take(MAX_FILE_BYTES as u64 + 1)
            .read_to_end(&mut content)?;
    }
    if child.wait()?.success() {
        return Ok(content);
    }
    let text = format!("gpg does not open {}", file.display());
    Err(Failure::new(Kind::Locked, text).hint("nothing was imported"))
}
