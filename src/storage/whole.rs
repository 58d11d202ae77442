//! Files as wholes, over any storage: replaced in one step, added to at the end, read within a limit.
//!
//! Why a replacement is safe: the new content is synced before its name changes, so the name stands for the old content
//! or for the whole new one at every moment, and after the folder is synced for the new one whatever happens.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rand::CryptoRng;

use super::{Stamp, Storage, StorageError, StoredFile, folder_of};

/// Most bytes of the old name that the temporary one repeats, so that it stays below the usual 255.
const TEMPORARY_STEM_LIMIT: usize = 200;
const TEMPORARY_MARK: &str = ".keyfold-";
const TEMPORARY_END: &str = ".tmp";
const TEMPORARY_HEX_DIGITS: usize = 16;

/// How much is read at once.
const READ_STEP: usize = 1 << 20;

/// Replaces the file at `path`, or creates it, with the given parts one after another: wholly or not at all.
///
/// The caller's iterator may fail with its own error at any point; the old file then stays. Returns the new file's
/// stamp; it is durable.
///
/// # Errors
/// The old file is in place and the temporary one is gone, with one exception: when the folder could not be synced at
/// the very end, the new file is in place and only its durability is unknown.
pub fn replace_file<B, E>(
    storage: &dyn Storage,
    path: &Path,
    parts: &mut dyn Iterator<Item = Result<B, E>>,
    rng: &mut dyn CryptoRng,
) -> Result<Stamp, E>
where
    B: AsRef<[u8]>,
    E: From<StorageError>,
{
    replace_file_after(storage, path, parts, &mut || Ok(()), rng)
}

/// The same, with a last look when all is written and synced, just before the new file takes the old one's place:
/// where it fails, the old file stays.
///
/// # Errors
/// As [`replace_file`], or what the last look says.
pub fn replace_file_after<B, E>(
    storage: &dyn Storage,
    path: &Path,
    parts: &mut dyn Iterator<Item = Result<B, E>>,
    last_look: &mut dyn FnMut() -> Result<(), E>,
    rng: &mut dyn CryptoRng,
) -> Result<Stamp, E>
where
    B: AsRef<[u8]>,
    E: From<StorageError>,
{
    // The rename would refuse it as well, but only after all the writing.
    if let Some(stamp) = storage.stamp(path)?.filter(|stamp| !stamp.is_regular()) {
        let refused = StorageError::NotRegular {
            path: path.to_path_buf(),
            kind: stamp.kind,
        };
        return Err(refused.into());
    }
    let folder = folder_of(path);
    let temporary = temporary_path(path, rng);
    let file = storage.create(&temporary)?;
    let renamed = write_parts(file.as_ref(), parts)
        .and_then(|()| Ok(file.sync()?))
        .and_then(|()| last_look())
        .and_then(|()| Ok(storage.rename(&temporary, path)?));
    if let Err(error) = renamed {
        // The first error is the one to tell; a temporary file that stays is only litter, and known by its name.
        let _ = storage.remove(&temporary);
        return Err(error);
    }
    storage.sync_folder(&folder)?;
    Ok(file.stamp()?)
}

/// Makes a file that is never seen half-written: under the name there is nothing, or all of it. Returns its stamp; it is
/// durable.
///
/// # Errors
/// `Exists` where anything has the name, which stays as it is; after any error nothing of ours has it.
pub fn create_file(
    storage: &dyn Storage,
    path: &Path,
    bytes: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Stamp, StorageError> {
    let temporary = temporary_path(path, rng);
    let file = storage.create(&temporary)?;
    let placed = file
        .write_at(0, bytes)
        .and_then(|()| file.sync())
        .and_then(|()| storage.rename_new(&temporary, path));
    if let Err(error) = placed {
        // As above: what stays is litter that its name tells.
        let _ = storage.remove(&temporary);
        return Err(error);
    }
    let durable = storage
        .sync_folder(&folder_of(path))
        .and_then(|()| file.stamp());
    if durable.is_err() {
        let _ = storage.remove(path);
    }
    durable
}

/// Writes bytes at the offset and syncs; returns the file's stamp afterwards.
///
/// After a crash the bytes before the offset are as they were; those from it on may be absent, torn, zeros or whole.
/// A file that was just created needs its folder synced as well.
///
/// # Errors
/// As after a crash.
pub fn append(file: &dyn StoredFile, offset: u64, bytes: &[u8]) -> Result<Stamp, StorageError> {
    file.write_at(offset, bytes)?;
    file.sync()?;
    file.stamp()
}

/// The first `length` bytes of a file, a part at a time; fewer where it became shorter meanwhile.
pub fn read_parts(
    file: &dyn StoredFile,
    length: u64,
) -> impl Iterator<Item = Result<Vec<u8>, StorageError>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= length {
            return None;
        }
        let left = usize::try_from(length - at).unwrap_or(usize::MAX);
        let mut part = vec![0; left.min(READ_STEP)];
        let read = file.read_at(at, &mut part);
        Some(read.map(|read| {
            part.truncate(read);
            at = if read == 0 { length } else { at + read as u64 };
            part
        }))
    })
}

/// Reads a file from its start to its end.
///
/// # Errors
/// `TooLarge` above `limit` bytes, before anything is allocated, and also where the file grows past it meanwhile.
pub fn read_whole(file: &dyn StoredFile, limit: usize) -> Result<Vec<u8>, StorageError> {
    let limit_bytes = u64::try_from(limit).unwrap_or(u64::MAX);
    let too_large = |length| StorageError::TooLarge {
        path: file.path().to_path_buf(),
        length,
        limit: limit_bytes,
    };
    let length = file.stamp()?.length;
    if length > limit_bytes {
        return Err(too_large(length));
    }
    let mut expected = usize::try_from(length).unwrap_or(limit);
    let mut content = Vec::with_capacity(expected.saturating_add(1));
    loop {
        let filled = content.len();
        // One byte more than expected finds the end, or growth, without another call.
        let step = expected.saturating_sub(filled).saturating_add(1);
        content.resize(filled + step.min(READ_STEP), 0);
        let space = content.get_mut(filled..).unwrap_or_default();
        let asked = space.len();
        let read = file.read_at(u64::try_from(filled).unwrap_or(u64::MAX), space)?;
        content.truncate(filled + read);
        if content.len() > limit {
            let length = file.stamp()?.length;
            return Err(too_large(length.max(limit_bytes.saturating_add(1))));
        }
        if read < asked {
            return Ok(content);
        }
        expected = expected.max(content.len().saturating_add(READ_STEP));
    }
}

/// Whether a name is one that [`replace_file`] gives its temporary files, on this machine or on another that syncs the
/// same folder.
#[must_use]
pub fn is_temporary_name(name: &OsStr) -> bool {
    let Some(rest) = name.as_encoded_bytes().strip_prefix(b".") else {
        return false;
    };
    let Some(rest) = rest.strip_suffix(TEMPORARY_END.as_bytes()) else {
        return false;
    };
    let Some(at) = rest.len().checked_sub(TEMPORARY_HEX_DIGITS) else {
        return false;
    };
    let (stem, digits) = rest.split_at(at);
    stem.ends_with(TEMPORARY_MARK.as_bytes())
        && digits
            .iter()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// The name of the file that a temporary one was to become, if it was short enough to stand there whole; `None` where
/// [`is_temporary_name`] does not know the name.
#[must_use]
pub fn name_behind_temporary(name: &OsStr) -> Option<&OsStr> {
    if !is_temporary_name(name) {
        return None;
    }
    let rest = name.to_str()?.strip_prefix('.')?;
    let marks = TEMPORARY_MARK.len() + TEMPORARY_HEX_DIGITS + TEMPORARY_END.len();
    let behind = rest.get(..rest.len().checked_sub(marks)?)?;
    Some(OsStr::new(behind))
}

fn write_parts<B, E>(
    file: &dyn StoredFile,
    parts: &mut dyn Iterator<Item = Result<B, E>>,
) -> Result<(), E>
where
    B: AsRef<[u8]>,
    E: From<StorageError>,
{
    let mut offset = 0u64;
    for part in parts {
        let part = part?;
        let bytes = part.as_ref();
        file.write_at(offset, bytes)?;
        // No file is longer than 2^63 bytes, so the sum cannot wrap before the write has failed.
        offset = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// A hidden name beside `path` that nothing has, and that [`is_temporary_name`] knows.
#[must_use]
pub fn temporary_path(path: &Path, rng: &mut dyn CryptoRng) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let mut hidden = OsString::from(".");
    if name.len() <= TEMPORARY_STEM_LIMIT {
        hidden.push(name);
    } else {
        // A cut may not split a letter, so letters that are not ASCII go; the name is for people's eyes only.
        let stem: String = name
            .to_string_lossy()
            .chars()
            .filter(char::is_ascii)
            .collect();
        hidden.push(stem.get(..TEMPORARY_STEM_LIMIT).unwrap_or(&stem));
    }
    hidden.push(TEMPORARY_MARK);
    hidden.push(format!("{:016x}", rng.next_u64()));
    hidden.push(TEMPORARY_END);
    path.with_file_name(hidden)
}
