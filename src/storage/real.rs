//! The real file system of a Unix-like system.
//!
//! Every path is looked at before it is opened, so that no device is woken by being opened, and the open file is looked
//! at again, so that a name swapped in between gains nothing. It never follows the last part of a path and never blocks
//! on a FIFO. File systems without permissions (FAT, some network drives) cannot keep a file private; there the mount
//! decides, and creation still works.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::num::NonZeroU64;
use std::os::unix::fs::{
    DirBuilderExt, FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::lock::lock_file;
use super::{
    Entry, FileKind, Listing, Lock, LockKind, Stamp, Storage, StorageError, StoredFile, folder_of,
};

/// Permission bits of every file and folder that keyfold makes.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
const PERMISSION_BITS: u32 = 0o777;

/// Bytes from which a write is one of many, so that the disk had better begin at once.
const LARGE_WRITE: usize = 512 << 10;

/// The file system of this machine. Relative paths start at the process's current folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RealStorage;

impl Storage for RealStorage {
    fn open_read(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        let mut options = OpenOptions::new();
        options.read(true);
        let file = open_existing(path, &mut options)?;
        Ok(file.map(|file| RealFile::boxed(path, file)))
    }

    fn open_write(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let file = open_existing(path, &mut options)?;
        Ok(file.map(|file| RealFile::boxed(path, file)))
    }

    fn create(&self, path: &Path) -> Result<Box<dyn StoredFile>, StorageError> {
        Ok(RealFile::boxed(path, create_private(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        refuse_irregular(from)?;
        refuse_irregular(to)?;
        fs::rename(from, to).map_err(|cause| StorageError::new("put a new file at", to, cause))
    }

    fn rename_new(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        let refused = |cause| StorageError::new("put a new file at", to, cause);
        refuse_irregular(from)?;
        if look_at(to)?.is_some() {
            return Err(refused(io::ErrorKind::AlreadyExists.into()));
        }
        rename_unless_taken(from, to).map_err(refused)
    }

    fn remove(&self, path: &Path) -> Result<(), StorageError> {
        refuse_irregular(path)?;
        fs::remove_file(path).map_err(|cause| StorageError::new("remove", path, cause))
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), StorageError> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(flags(OFlags::DIRECTORY | OFlags::CLOEXEC));
        let synced = options
            .open(here_if_empty(folder))
            .and_then(|open| sync(&open));
        match synced {
            // Some network and user-space file systems have no such call for folders; more cannot be done there.
            Err(cause) if is_any_of(&cause, &[Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS]) => {
                Ok(())
            }
            other => other.map_err(|cause| StorageError::new("save the folder", folder, cause)),
        }
    }

    fn make_folder(&self, folder: &Path) -> Result<(), StorageError> {
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|part| !part.as_os_str().is_empty() && !part.exists())
            .collect();
        for part in missing.into_iter().rev() {
            make_private_folder(part)
                .map_err(|cause| StorageError::new("make the folder", part, cause))?;
            self.sync_folder(&folder_of(part))?;
        }
        if here_if_empty(folder).is_dir() {
            Ok(())
        } else {
            let cause = io::Error::from(io::ErrorKind::AlreadyExists);
            Err(StorageError::new("make the folder", folder, cause))
        }
    }

    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, StorageError> {
        Ok(look_at(path)?.as_ref().map(stamp_of))
    }

    fn list(&self, folder: &Path, limit: usize) -> Result<Listing, StorageError> {
        let refused = |cause| StorageError::new("list the folder", folder, cause);
        let mut entries = Vec::new();
        let mut complete = true;
        for (count, entry) in fs::read_dir(here_if_empty(folder))
            .map_err(refused)?
            .enumerate()
        {
            if count == limit {
                complete = false;
                break;
            }
            let entry = entry.map_err(refused)?;
            match entry.metadata() {
                Ok(metadata) => entries.push(Entry {
                    name: entry.file_name(),
                    stamp: stamp_of(&metadata),
                }),
                // The drive removes files whenever it likes.
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(refused(cause)),
            }
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Listing { entries, complete })
    }

    fn lock(
        &self,
        path: &Path,
        kind: LockKind,
        wait: Duration,
    ) -> Result<Box<dyn Lock>, StorageError> {
        Ok(Box::new(lock_file(path, kind, wait)?))
    }
}

/// Opens what is there with the given access; `None` where there is nothing.
pub(super) fn open_existing(
    path: &Path,
    options: &mut OpenOptions,
) -> Result<Option<File>, StorageError> {
    if look_at_regular(path)?.is_none() {
        return Ok(None);
    }
    open_unfollowed(path, options)
}

/// Creates a file that is private from its first moment. Whatever the umask takes away is given back to the owner.
pub(super) fn create_private(path: &Path) -> Result<File, StorageError> {
    let refused = |cause| StorageError::new("create", path, cause);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .custom_flags(flags(guarding_flags()))
        .open(path)
        .map_err(refused)?;
    match make_private(&file) {
        Ok(()) => Ok(file),
        Err(cause) => {
            // It is empty and new; leaving it would make the next attempt fail with "exists".
            let _ = fs::remove_file(path);
            Err(refused(cause))
        }
    }
}

/// In one step where the system and the file system can; elsewhere the look that the caller had must do.
fn rename_unless_taken(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            outcome => return outcome.map_err(io::Error::from),
        }
    }
    fs::rename(from, to)
}

/// Has the system begin to write out what was just written, and wait for nothing: a sync at the end of a large file then waits
/// for little, and the machine's memory is not full of what is still to be written. To the advice the kernel of Linux answers
/// so first; it then drops what is clean already, which is cheap to read again from a disk that was so quick. What cannot be
/// written out is told by the sync.
fn begin_writing_out(file: &File, offset: u64, length: usize) {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        let_go(file, offset, NonZeroU64::new(length as u64));
    }
}

/// Tells the system that a part of a file, or all that follows, is not needed in its memory. A file system that keeps no such
/// memory refuses, and no harm is done.
fn let_go(file: &File, offset: u64, length: Option<NonZeroU64>) {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    let _ = rustix::fs::fadvise(file, offset, length, rustix::fs::Advice::DontNeed);
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    let _ = (file, offset, length);
}

/// What lies at the path, unless it is something else than a regular file.
pub(super) fn look_at_regular(path: &Path) -> Result<Option<Metadata>, StorageError> {
    match look_at(path)? {
        Some(metadata) if !metadata.is_file() => Err(StorageError::NotRegular {
            path: path.to_path_buf(),
            kind: kind_of(&metadata),
        }),
        other => Ok(other),
    }
}

fn open_unfollowed(path: &Path, options: &mut OpenOptions) -> Result<Option<File>, StorageError> {
    let refused = |cause| StorageError::new("open", path, cause);
    let file = match options.custom_flags(flags(guarding_flags())).open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => {
            // It may have become a link, a socket or a folder since it was looked at; that says more than the error.
            look_at_regular(path)?;
            return Err(refused(cause));
        }
    };
    let metadata = file.metadata().map_err(refused)?;
    if metadata.is_file() {
        Ok(Some(file))
    } else {
        Err(StorageError::NotRegular {
            path: path.to_path_buf(),
            kind: kind_of(&metadata),
        })
    }
}

/// No link is followed, no FIFO waited for, no terminal taken over, no child inherits it.
fn guarding_flags() -> OFlags {
    OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC
}

/// The standard library takes the flags as C's signed int: the same bits.
fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

fn refuse_irregular(path: &Path) -> Result<(), StorageError> {
    look_at_regular(path).map(|_| ())
}

fn look_at(path: &Path) -> Result<Option<Metadata>, StorageError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(StorageError::new("look at", path, cause)),
    }
}

fn make_private(file: &File) -> io::Result<()> {
    let wanted = Permissions::from_mode(FILE_MODE);
    if file.metadata()?.mode() & PERMISSION_BITS == FILE_MODE {
        return Ok(());
    }
    match file.set_permissions(wanted) {
        // The file is new and ours, so only a file system without permissions can refuse.
        Err(cause) if is_any_of(&cause, &[Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS]) => Ok(()),
        other => other,
    }
}

/// Makes one folder. The umask can only have taken bits away, so it is never wider than 0700, not for a moment.
fn make_private_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        // Another process was quicker.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other?,
    }
    let mode = fs::symlink_metadata(folder)?.mode() & PERMISSION_BITS;
    if mode & FOLDER_MODE == FOLDER_MODE {
        return Ok(());
    }
    fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE))
}

/// Makes a file durable. On Apple's systems the standard library asks the disk itself to flush, which some network file
/// systems refuse; there an ordinary fsync is the most there is.
fn sync(file: &File) -> io::Result<()> {
    let synced = file.sync_all();
    #[cfg(target_vendor = "apple")]
    if let Err(cause) = &synced
        && is_any_of(
            cause,
            &[Errno::OPNOTSUPP, Errno::NOTSUP, Errno::NOTTY, Errno::INVAL],
        )
    {
        return rustix::fs::fsync(file).map_err(io::Error::from);
    }
    synced
}

fn is_any_of(cause: &io::Error, errors: &[Errno]) -> bool {
    errors
        .iter()
        .any(|error| cause.raw_os_error() == Some(error.raw_os_error()))
}

fn here_if_empty(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

fn stamp_of(metadata: &Metadata) -> Stamp {
    const SECOND: i128 = 1_000_000_000;
    Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        kind: kind_of(metadata),
        length: metadata.len(),
        modified_ns: i128::from(metadata.mtime()) * SECOND + i128::from(metadata.mtime_nsec()),
        changed_ns: i128::from(metadata.ctime()) * SECOND + i128::from(metadata.ctime_nsec()),
        owner: metadata.uid(),
        links: metadata.nlink(),
    }
}

fn kind_of(metadata: &Metadata) -> FileKind {
    let kind = metadata.file_type();
    if kind.is_file() {
        FileKind::Regular
    } else if kind.is_dir() {
        FileKind::Folder
    } else if kind.is_symlink() {
        FileKind::Symlink
    } else if kind.is_fifo() {
        FileKind::Fifo
    } else {
        FileKind::Other
    }
}

#[derive(Debug)]
struct RealFile {
    path: PathBuf,
    file: File,
}

impl RealFile {
    fn boxed(path: &Path, file: File) -> Box<dyn StoredFile> {
        Box::new(Self {
            path: path.to_path_buf(),
            file,
        })
    }

    fn refused(&self, doing: &'static str) -> impl Fn(io::Error) -> StorageError {
        move |cause| StorageError::new(doing, &self.path, cause)
    }
}

impl StoredFile for RealFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn stamp(&self) -> Result<Stamp, StorageError> {
        let metadata = self.file.metadata().map_err(self.refused("look at"))?;
        Ok(stamp_of(&metadata))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        let mut filled = 0usize;
        while let Some(space) = buffer.get_mut(filled..).filter(|space| !space.is_empty()) {
            let at = u64::try_from(filled)
                .ok()
                .and_then(|filled| offset.checked_add(filled));
            let Some(at) = at.filter(|at| i64::try_from(*at).is_ok()) else {
                // No file reaches beyond 2^63 bytes.
                break;
            };
            match self.file.read_at(space, at) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(self.refused("read")(cause)),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        let end = u64::try_from(bytes.len())
            .ok()
            .and_then(|length| offset.checked_add(length))
            .and_then(|end| i64::try_from(end).ok());
        if end.is_none() {
            let cause = io::Error::from(io::ErrorKind::FileTooLarge);
            return Err(self.refused("write to")(cause));
        }
        // Goes on after short writes and interruptions.
        self.file
            .write_all_at(bytes, offset)
            .map_err(self.refused("write to"))?;
        if bytes.len() >= LARGE_WRITE {
            begin_writing_out(&self.file, offset, bytes.len());
        }
        Ok(())
    }

    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        self.file
            .set_len(length)
            .map_err(self.refused("change the length of"))
    }

    fn sync(&self) -> Result<(), StorageError> {
        sync(&self.file).map_err(self.refused("save"))
    }

    fn evict(&self) {
        let_go(&self.file, 0, None);
    }
}

#[cfg(test)]
pub(super) mod tests;
