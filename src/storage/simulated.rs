//! A disk in memory that forgets what was not synced, for crash tests in plain Rust.
//!
//! It is deterministic: no clock, no randomness, inode numbers count up. It is no stand-in for a disk in production.
//!
//! # The model
//!
//! Every file has a *live* content, which calls see at once, and a *durable* one, which a power cut leaves. The same
//! holds for the names. What was done but not synced stands in a journal, in order:
//!
//! - *Content* (a write, a change of length) is durable after [`StoredFile::sync`] of that file. Until then a power cut
//!   keeps or loses each step by itself, in whatever combination, also a later one without an earlier. A kept write may
//!   be torn: only its head, only its tail (sectors need not arrive in order), or nothing but the length it gave to the
//!   file, which then reads as zeros there. Bytes that no unsynced step touched never change.
//! - *Names* (created, renamed, removed, folders too) are durable after [`Storage::sync_folder`] of their folder; a
//!   rename between two folders after both. Until then each may be kept or lost by itself. A rename is never half done.
//!   Neither kind of sync helps the other: a file that was synced may lose its name, and a rename may survive without
//!   the content of the file it moved. (ext4 is kinder: it syncs files that are renamed over others. Others are not.)
//! - A *failed* sync makes nothing durable, and no later sync does so either for what was written before it: those
//!   steps stay uncertain for ever. (Linux reports a lost page once, then counts it as clean.)
//! - Stamps keep their last live times after a power cut, even where the content was lost: the same length and times do
//!   not prove the same content.
//!
//! A process that is killed loses nothing but its locks and handles: [`SimulatedStorage::fork`] is what the next one
//! finds, and a later power cut may still take from it what was not synced.
//!
//! Not modelled: folders renamed or removed, hard links beyond their count. Bytes rot where a test says so.

mod crash;
mod disk;
mod journal;

use std::ffi::OsString;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Entry, FileKind, Listing, Lock, LockKind, Stamp, Storage, StorageError, StoredFile};
pub use crash::{CrashImage, crash_everywhere, fail_everywhere};
use disk::{Access, Disk};
use journal::Inode;

/// What goes wrong at one step, see [`SimulatedStorage::fail_at`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The machine stops before the step; every later call fails.
    Crash,
    /// The disk refuses the step with an input/output error.
    Io,
    /// The disk is full; a write still writes its first bytes.
    Full {
        /// How many bytes a write manages before that.
        written: usize,
    },
    /// The step is not permitted.
    Denied,
}

/// A handle to a simulated disk. A clone shares the disk; [`SimulatedStorage::fork`] copies it.
#[derive(Clone)]
pub struct SimulatedStorage {
    disk: Arc<Mutex<Disk>>,
}

impl Default for SimulatedStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SimulatedStorage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SimulatedStorage")
            .field("steps", &self.step_count())
            .finish_non_exhaustive()
    }
}

impl SimulatedStorage {
    /// An empty disk that holds the root folder (and `.`, for relative paths) and knows no limits.
    #[must_use]
    pub fn new() -> Self {
        Self::from_disk(Disk::new())
    }

    /// A copy of the disk as a new process finds it: unsynced steps are still unsynced; faults, locks, handles, a crash
    /// and the count of steps are gone.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::from_disk(self.disk().restarted())
    }

    /// How many changing calls were made: creations, writes, changes of length, syncs, renames, removals, new folders.
    #[must_use]
    pub fn step_count(&self) -> u64 {
        self.disk().step_count()
    }

    /// Lets the step of this number (the first is 0) go wrong. Several steps may.
    pub fn fail_at(&self, step: u64, fault: Fault) {
        self.disk().fail_at(step, fault);
    }

    /// Whether a [`Fault::Crash`] was reached.
    #[must_use]
    pub fn has_crashed(&self) -> bool {
        self.disk().has_crashed()
    }

    /// The disks that a power cut may leave now: nothing of the unsynced steps, each prefix of them, each but up to
    /// three, each of up to three alone, and each write torn at sector borders and odd places, all without repetitions.
    ///
    /// At most `limit` combinations are tried: prefixes always come first, the others are thinned out evenly.
    pub fn crash_images(&self, limit: usize) -> impl Iterator<Item = CrashImage> + use<> {
        crash::images(&self.disk(), limit)
    }

    /// The unsynced steps in words, oldest first.
    #[must_use]
    pub fn unsynced_steps(&self) -> Vec<String> {
        self.disk().unsynced_in_words()
    }

    /// Sets the clock that stamps are taken from, in nanoseconds since 1970. It stands still otherwise.
    pub fn set_time_ns(&self, now_ns: i128) {
        self.disk().set_time_ns(now_ns);
    }

    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        self.disk().advance(duration);
    }

    /// Limits the sum of all file lengths in bytes. What is there already stays.
    pub fn limit_capacity(&self, bytes: u64) {
        self.disk().set_capacity(Some(bytes));
    }

    /// Lifts that limit.
    pub fn lift_capacity(&self) {
        self.disk().set_capacity(None);
    }

    /// Makes a file, or a folder and all in it, read-only for everything opened from now on.
    pub fn make_read_only(&self, path: &Path) {
        self.disk().protect(normal(path));
    }

    /// Takes that back.
    pub fn make_writable(&self, path: &Path) {
        self.disk().unprotect(&normal(path));
    }

    /// Puts a file there from outside, as a cloud drive does: at once, durably, under a new inode, with its folders. It
    /// counts as no step and knows no faults or limits.
    pub fn place(&self, path: &Path, content: &[u8]) {
        self.disk().place(&normal(path), FileKind::Regular, content);
    }

    /// Puts something there that is no regular file, likewise.
    pub fn place_special(&self, path: &Path, kind: FileKind) {
        self.disk().place(&normal(path), kind, &[]);
    }

    /// Takes a file away from outside, at once and durably; returns its content, or `None` where there was none.
    pub fn take(&self, path: &Path) -> Option<Vec<u8>> {
        self.disk().take(&normal(path))
    }

    /// Changes what a file holds under its stamp, as a disk does whose bits rot. Does nothing where there is no such file.
    pub fn rot(&self, path: &Path, content: &[u8]) {
        self.disk().rot(&normal(path), content);
    }

    /// The live content of a regular file, whatever faults there are.
    #[must_use]
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        self.disk().content(&normal(path))
    }

    /// All live regular files, sorted.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.disk().files()
    }

    /// Sets when a file's content changed last, as a drive does that keeps the times of what it copies. Does nothing where
    /// there is no such file.
    pub fn set_modified_ns(&self, path: &Path, modified_ns: i128) {
        self.disk().set_modified_ns(&normal(path), modified_ns);
    }

    /// Gives a file to another user id. Does nothing where there is no such file.
    pub fn set_owner(&self, path: &Path, owner: u32) {
        self.disk().set_owner(&normal(path), owner);
    }

    /// Pretends that a file has this many names. Does nothing where there is no such file.
    pub fn set_links(&self, path: &Path, links: u64) {
        self.disk().set_links(&normal(path), links);
    }

    fn from_disk(disk: Disk) -> Self {
        Self {
            disk: Arc::new(Mutex::new(disk)),
        }
    }

    /// A test that panicked with the lock held has failed already; the others may go on.
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, path: &Path, inode: Inode) -> Box<dyn StoredFile> {
        Box::new(SimulatedFile {
            path: path.to_path_buf(),
            inode,
            storage: self.clone(),
        })
    }
}

impl Storage for SimulatedStorage {
    fn open_read(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        let inode = self.disk().open(&normal(path), Access::Read)?;
        Ok(inode.map(|inode| self.handle(path, inode)))
    }

    fn open_write(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        let inode = self.disk().open(&normal(path), Access::Write)?;
        Ok(inode.map(|inode| self.handle(path, inode)))
    }

    fn create(&self, path: &Path) -> Result<Box<dyn StoredFile>, StorageError> {
        let inode = self.disk().create(&normal(path))?;
        Ok(self.handle(path, inode))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        self.disk().rename(&normal(from), &normal(to))
    }

    fn rename_new(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        let mut disk = self.disk();
        if disk.stamp_at(&normal(to))?.is_some() {
            let taken = std::io::ErrorKind::AlreadyExists.into();
            return Err(StorageError::new("put a new file at", to, taken));
        }
        disk.rename(&normal(from), &normal(to))
    }

    fn remove(&self, path: &Path) -> Result<(), StorageError> {
        self.disk().remove(&normal(path))
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), StorageError> {
        self.disk().sync_folder(&normal(folder))
    }

    fn make_folder(&self, folder: &Path) -> Result<(), StorageError> {
        self.disk().make_folder(&normal(folder))
    }

    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, StorageError> {
        self.disk().stamp_at(&normal(path))
    }

    fn list(&self, folder: &Path, limit: usize) -> Result<Listing, StorageError> {
        let found = self.disk().list(&normal(folder))?;
        let complete = found.len() <= limit;
        let entries = found
            .into_iter()
            .take(limit)
            .map(|(name, stamp): (OsString, Stamp)| Entry { name, stamp })
            .collect();
        Ok(Listing { entries, complete })
    }

    /// No time passes here, so a lock that is held stays held: the answer is `Busy` at once.
    fn lock(
        &self,
        path: &Path,
        kind: LockKind,
        _wait: Duration,
    ) -> Result<Box<dyn Lock>, StorageError> {
        let inode = self.disk().lock(&normal(path), kind)?;
        Ok(Box::new(SimulatedLock {
            inode,
            kind,
            storage: self.clone(),
        }))
    }
}

#[derive(Debug)]
struct SimulatedFile {
    path: PathBuf,
    inode: Inode,
    storage: SimulatedStorage,
}

impl StoredFile for SimulatedFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn stamp(&self) -> Result<Stamp, StorageError> {
        self.storage.disk().stamp_of(&self.path, self.inode)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        self.storage
            .disk()
            .read_at(&self.path, self.inode, offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        self.storage
            .disk()
            .write_at(&self.path, self.inode, offset, bytes)
    }

    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        self.storage.disk().truncate(&self.path, self.inode, length)
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.storage.disk().sync_file(&self.path, self.inode)
    }
}

impl Drop for SimulatedFile {
    fn drop(&mut self) {
        self.storage.disk().close(self.inode);
    }
}

#[derive(Debug)]
struct SimulatedLock {
    inode: Inode,
    kind: LockKind,
    storage: SimulatedStorage,
}

impl Lock for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.storage.disk().unlock(self.inode, self.kind);
    }
}

/// One spelling for each path: without `.`; the current folder is the empty path.
fn normal(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| !matches!(part, Component::CurDir))
        .collect()
}

#[cfg(test)]
mod tests;
