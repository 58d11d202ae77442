//! The disk: one small trait, the real file system behind it, and a simulated one that loses what was not synced.
//!
//! Bytes only: nothing here knows what a vault is, and nothing here reads the clock, the environment or the network.
//! Nothing here ever follows a symbolic link as the last part of a path, waits for the other end of a FIFO, or makes a
//! file that others may read. A call that returned `Ok` is durable only where its description says so.

mod error;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod real;
pub mod simulated;
mod whole;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::{Failure, StorageError};
#[cfg(unix)]
pub use real::RealStorage;
pub use whole::{
    append, create_file, is_temporary_name, name_behind_temporary, read_parts, read_whole,
    replace_file, replace_file_after, temporary_path,
};

/// Every way in which keyfold touches a disk. Threads and handles may share one.
pub trait Storage: Send + Sync {
    /// Opens a regular file for reading; `None` where there is nothing of that name.
    ///
    /// # Errors
    /// `NotRegular` for a link, FIFO, device, socket or folder, without ever waiting for it.
    fn open_read(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError>;

    /// Opens a regular file for reading and writing, as it is; `None` where there is nothing of that name.
    ///
    /// # Errors
    /// `NotRegular` as in [`Storage::open_read`]; `Denied` for a file that may only be read.
    fn open_write(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError>;

    /// Creates a file for reading and writing, private to its owner (0600 whatever the umask).
    ///
    /// The name is durable after [`Storage::sync_folder`], the content after [`StoredFile::sync`]; each needs its own.
    ///
    /// # Errors
    /// `Exists` where anything has that name, a dangling link included; `NotFound` where the folder is missing.
    fn create(&self, path: &Path) -> Result<Box<dyn StoredFile>, StorageError>;

    /// Moves a file within one file system in one step, replacing the regular file that has the new name.
    ///
    /// Durable after [`Storage::sync_folder`] of both folders.
    ///
    /// # Errors
    /// `NotRegular` where either name belongs to something that is no regular file; `NotFound` without the former.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), StorageError>;

    /// As [`Storage::rename`], where nothing has the new name yet, so that nothing is ever replaced.
    ///
    /// # Errors
    /// `Exists` where anything has the new name; as [`Storage::rename`] else.
    fn rename_new(&self, from: &Path, to: &Path) -> Result<(), StorageError>;

    /// Removes a regular file. Durable after [`Storage::sync_folder`].
    ///
    /// # Errors
    /// `NotFound` where there is none; `NotRegular` for anything else of that name, which stays.
    fn remove(&self, path: &Path) -> Result<(), StorageError>;

    /// Makes the names in a folder durable: what was created, renamed and removed in it until now.
    ///
    /// # Errors
    /// After an error nothing is known about what of that is durable, whatever a later call says.
    fn sync_folder(&self, folder: &Path) -> Result<(), StorageError>;

    /// Makes a folder and its missing parents, private to the owner (0700 whatever the umask), durably.
    ///
    /// A folder that exists is left as it is.
    ///
    /// # Errors
    /// `Exists` where the name belongs to something else.
    fn make_folder(&self, folder: &Path) -> Result<(), StorageError>;

    /// What lies at a path, looked at without opening or following it; `None` where nothing does.
    ///
    /// # Errors
    /// `Denied` or `Io` where the folder cannot be searched.
    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, StorageError>;

    /// What lies in a folder, sorted by name. At most `limit` entries are looked at, in no order that means anything.
    ///
    /// # Errors
    /// `NotFound` where there is no such folder.
    fn list(&self, folder: &Path, limit: usize) -> Result<Listing, StorageError>;

    /// Takes an advisory lock on the file at `path`, which is created (0600) where it is missing and stays afterwards.
    ///
    /// Two locks exclude each other within one process as well as between processes, never between machines. The wait
    /// is counted in sleeps, so a process that was stopped meanwhile may wait longer.
    ///
    /// # Errors
    /// `Busy` when another holder kept it for the whole `wait`.
    fn lock(
        &self,
        path: &Path,
        kind: LockKind,
        wait: Duration,
    ) -> Result<Box<dyn Lock>, StorageError>;
}

/// An open file. It goes on meaning the same file when that is renamed, replaced or removed.
pub trait StoredFile: Send + fmt::Debug {
    /// The path it was opened or created by, for messages.
    fn path(&self) -> &Path;

    /// What the file is now.
    ///
    /// # Errors
    /// `Io`.
    fn stamp(&self) -> Result<Stamp, StorageError>;

    /// Reads from `offset` until the buffer is full or the file ends; the number of bytes read says which.
    ///
    /// # Errors
    /// `Io`; what the buffer holds then means nothing.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError>;

    /// Writes all bytes at `offset`, making the file longer as needed (a gap reads as zeros). Durable after
    /// [`StoredFile::sync`].
    ///
    /// # Errors
    /// `Full` or `Io`; any part of the bytes may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageError>;

    /// Cuts the file to `length` bytes, or fills it up to that with zeros. Durable after [`StoredFile::sync`].
    ///
    /// # Errors
    /// `Full` or `Io`.
    fn truncate(&self, length: u64) -> Result<(), StorageError>;

    /// Makes the content durable, though not the name of a file that was just created.
    ///
    /// # Errors
    /// After an error nothing is known about what was written since the last success, whatever a later call says: the
    /// kernel reports a lost page once and then forgets it.
    fn sync(&self) -> Result<(), StorageError>;

    /// Lets go of what the machine's memory holds of the content, as far as the system can, so that the next read asks the
    /// disk: a stick that keeps less than it says is found out in no other way. What was not synced stays. Where nothing stands
    /// between reader and disk there is nothing to do.
    fn evict(&self) {}
}

/// A lock that is held until it is dropped.
pub trait Lock: Send + fmt::Debug {}

/// How a lock is shared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockKind {
    /// With other readers.
    Shared,
    /// With nobody.
    Exclusive,
}

/// What the file system says about one entry. Equal stamps suggest the same content, see [`Stamp::modified_ns`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The device that holds it.
    pub device: u64,
    /// Its number on that device. A replaced file has another one, though a number may come back after a removal.
    pub inode: u64,
    /// What it is.
    pub kind: FileKind,
    /// Its length in bytes.
    pub length: u64,
    /// When its content changed last, in nanoseconds since 1970. File systems round this (FAT to 2 s), and programs set
    /// it at will: two changes may share one.
    pub modified_ns: i128,
    /// When its content, name or attributes changed last, in nanoseconds since 1970, by the kernel's own clock.
    pub changed_ns: i128,
    /// The user id of its owner.
    pub owner: u32,
    /// How many names it has.
    pub links: u64,
}

impl Stamp {
    /// Whether it is an ordinary file, the only kind that keyfold opens.
    #[must_use]
    pub fn is_regular(&self) -> bool {
        self.kind == FileKind::Regular
    }
}

/// What a name in a folder stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FileKind {
    /// An ordinary file.
    Regular,
    /// A folder.
    Folder,
    /// A symbolic link, whatever it points to.
    Symlink,
    /// A FIFO.
    Fifo,
    /// A socket, a device or something that this platform alone knows.
    Other,
}

impl fmt::Display for FileKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Regular => "a regular file",
            Self::Folder => "a folder",
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a FIFO",
            Self::Other => "a device or socket",
        })
    }
}

/// One name in a folder. The name may be hostile: any bytes but `/` and zero.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The name, without its folder.
    pub name: OsString,
    /// What it stands for.
    pub stamp: Stamp,
}

/// The entries of a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    /// Sorted by name.
    pub entries: Vec<Entry>,
    /// Whether these are all; otherwise the limit was reached first.
    pub complete: bool,
}

/// The folder that holds `path`: `.` for a bare name, and the path itself where it has no parent.
#[must_use]
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_path_buf(),
        None => path.to_path_buf(),
    }
}
