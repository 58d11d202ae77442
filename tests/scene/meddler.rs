//! A disk under the hands of somebody else: before the calls that a test names it does what the test says, it refuses to
//! move files out of their folder or to read on in a file, and it counts which files were opened.

use keyfold::storage::simulated::SimulatedStorage;
use keyfold::storage::{Listing, Lock, LockKind, Stamp, Storage, StorageError, StoredFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Act = dyn Fn(&SimulatedStorage, u64) + Send + Sync;

/// The disk, seen by the program.
#[derive(Clone)]
pub(crate) struct Meddler {
    pub(crate) disk: SimulatedStorage,
    hands: Arc<Hands>,
}

struct Hands {
    calls: AtomicU64,
    act: Box<Act>,
    /// Whether folders lie on file systems of their own, so that nothing is renamed between them.
    is_split: bool,
    /// A file of which only the first block can be read.
    unreadable: Option<PathBuf>,
    opened: Mutex<Vec<PathBuf>>,
    /// A file that cannot be looked at the next time.
    unstamped: Mutex<Option<PathBuf>>,
}

impl Meddler {
    /// `act` is called before every call on the disk, with the call's number.
    pub(crate) fn new(
        disk: SimulatedStorage,
        act: impl Fn(&SimulatedStorage, u64) + Send + Sync + 'static,
    ) -> Self {
        let hands = Hands {
            calls: AtomicU64::new(0),
            act: Box::new(act),
            is_split: false,
            unreadable: None,
            opened: Mutex::default(),
            unstamped: Mutex::default(),
        };
        Self {
            disk,
            hands: Arc::new(hands),
        }
    }

    /// Each folder on a file system of its own.
    pub(crate) fn split(mut self) -> Self {
        Arc::get_mut(&mut self.hands).unwrap().is_split = true;
        self
    }

    /// A file that opens, and cannot be read behind its first block.
    pub(crate) fn with_unreadable(mut self, path: &Path) -> Self {
        Arc::get_mut(&mut self.hands).unwrap().unreadable = Some(path.to_owned());
        self
    }

    /// The next look at what a path is fails, once.
    pub(crate) fn refuse_one_stamp(&self, path: &Path) {
        *self.hands.unstamped.lock().unwrap() = Some(path.to_owned());
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.hands.calls.load(Ordering::SeqCst)
    }

    /// How often files below such a folder were opened for reading.
    pub(crate) fn opened_below(&self, part: &str) -> usize {
        let opened = self.hands.opened.lock().unwrap();
        let below = opened
            .iter()
            .filter(|path| path.to_str().unwrap().contains(part));
        below.count()
    }

    fn tick(&self) -> &SimulatedStorage {
        let call = self.hands.calls.fetch_add(1, Ordering::SeqCst);
        (self.hands.act)(&self.disk, call);
        &self.disk
    }

    fn wrap(&self, file: Box<dyn StoredFile>) -> Box<dyn StoredFile> {
        let disk = self.clone();
        Box::new(Wrapped { disk, file })
    }

    fn check_folders(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        if self.hands.is_split && from.parent() != to.parent() {
            let cause = io::Error::from(io::ErrorKind::CrossesDevices);
            return Err(StorageError::new("move", from, cause));
        }
        Ok(())
    }
}

struct Wrapped {
    disk: Meddler,
    file: Box<dyn StoredFile>,
}

impl std::fmt::Debug for Wrapped {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.file.fmt(out)
    }
}

impl StoredFile for Wrapped {
    fn path(&self) -> &Path {
        self.file.path()
    }
    fn stamp(&self) -> Result<Stamp, StorageError> {
        self.disk.tick();
        self.file.stamp()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        self.disk.tick();
        let is_unreadable = self.disk.hands.unreadable.as_deref() == Some(self.path());
        if is_unreadable && (offset > 0 || buffer.len() > 1024) {
            let cause = io::Error::from(io::ErrorKind::TimedOut);
            return Err(StorageError::new("read", self.path(), cause));
        }
        self.file.read_at(offset, buffer)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        self.disk.tick();
        self.file.write_at(offset, bytes)
    }
    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        self.disk.tick();
        self.file.truncate(length)
    }
    fn sync(&self) -> Result<(), StorageError> {
        self.disk.tick();
        self.file.sync()
    }
    fn evict(&self) {
        self.file.evict();
    }
}

impl Storage for Meddler {
    fn open_read(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        self.hands.opened.lock().unwrap().push(path.to_owned());
        Ok(self.tick().open_read(path)?.map(|file| self.wrap(file)))
    }
    fn open_write(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        Ok(self.tick().open_write(path)?.map(|file| self.wrap(file)))
    }
    fn create(&self, path: &Path) -> Result<Box<dyn StoredFile>, StorageError> {
        Ok(self.wrap(self.tick().create(path)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        self.check_folders(from, to)?;
        self.tick().rename(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        self.check_folders(from, to)?;
        self.tick().rename_new(from, to)
    }
    fn remove(&self, path: &Path) -> Result<(), StorageError> {
        self.tick().remove(path)
    }
    fn sync_folder(&self, folder: &Path) -> Result<(), StorageError> {
        self.tick().sync_folder(folder)
    }
    fn make_folder(&self, folder: &Path) -> Result<(), StorageError> {
        self.tick().make_folder(folder)
    }
    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, StorageError> {
        let mut unstamped = self.hands.unstamped.lock().unwrap();
        if unstamped.take_if(|refused| refused == path).is_some() {
            let cause = io::Error::from(io::ErrorKind::TimedOut);
            return Err(StorageError::new("look at", path, cause));
        }
        drop(unstamped);
        self.tick().stamp(path)
    }
    fn list(&self, folder: &Path, limit: usize) -> Result<Listing, StorageError> {
        self.tick().list(folder, limit)
    }
    fn lock(
        &self,
        path: &Path,
        kind: LockKind,
        wait: Duration,
    ) -> Result<Box<dyn Lock>, StorageError> {
        self.tick().lock(path, kind, wait)
    }
}
