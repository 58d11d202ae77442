//! The disk, for work that takes long and must end when the vault is locked: from then on every call is refused, but for
//! what clears away. The work fails as by any other refusal of a disk, and its keys go with it.

use keyfold::storage::{
    Listing, Lock, LockKind, RealStorage, Stamp, Storage, StorageError, StoredFile,
};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A disk that can be taken away.
#[derive(Clone, Debug, Default)]
pub(super) struct Stoppable {
    is_stopped: Arc<AtomicBool>,
}

impl Stoppable {
    /// Refuses everything from now on.
    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    /// Whether both are one.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.is_stopped, &other.is_stopped)
    }

    fn go_on(&self, path: &Path) -> Result<RealStorage, StorageError> {
        if self.is_stopped() {
            let cause = io::Error::other("the vault was locked meanwhile");
            return Err(StorageError::new("go on with", path, cause));
        }
        Ok(RealStorage)
    }

    fn wrap(&self, file: Box<dyn StoredFile>) -> Box<dyn StoredFile> {
        let disk = self.clone();
        Box::new(StoppableFile { disk, file })
    }
}

impl Storage for Stoppable {
    fn open_read(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        let file = self.go_on(path)?.open_read(path)?;
        Ok(file.map(|file| self.wrap(file)))
    }

    fn open_write(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        let file = self.go_on(path)?.open_write(path)?;
        Ok(file.map(|file| self.wrap(file)))
    }

    fn create(&self, path: &Path) -> Result<Box<dyn StoredFile>, StorageError> {
        Ok(self.wrap(self.go_on(path)?.create(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        self.go_on(to)?.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        self.go_on(to)?.rename_new(from, to)
    }

    /// Also when all else is refused: what was half-written goes.
    fn remove(&self, path: &Path) -> Result<(), StorageError> {
        RealStorage.remove(path)
    }

    /// Also then: whoever renamed a file must make it last.
    fn sync_folder(&self, folder: &Path) -> Result<(), StorageError> {
        RealStorage.sync_folder(folder)
    }

    fn make_folder(&self, folder: &Path) -> Result<(), StorageError> {
        self.go_on(folder)?.make_folder(folder)
    }

    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, StorageError> {
        self.go_on(path)?.stamp(path)
    }

    fn list(&self, folder: &Path, limit: usize) -> Result<Listing, StorageError> {
        self.go_on(folder)?.list(folder, limit)
    }

    fn lock(
        &self,
        path: &Path,
        kind: LockKind,
        wait: Duration,
    ) -> Result<Box<dyn Lock>, StorageError> {
        self.go_on(path)?.lock(path, kind, wait)
    }
}

#[derive(Debug)]
struct StoppableFile {
    disk: Stoppable,
    file: Box<dyn StoredFile>,
}

impl StoredFile for StoppableFile {
    fn path(&self) -> &Path {
        self.file.path()
    }

    fn stamp(&self) -> Result<Stamp, StorageError> {
        self.disk.go_on(self.path())?;
        self.file.stamp()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        self.disk.go_on(self.path())?;
        self.file.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        self.disk.go_on(self.path())?;
        self.file.write_at(offset, bytes)
    }

    /// Also when all else is refused: what was half-appended goes.
    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        self.file.truncate(length)
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.disk.go_on(self.path())?;
        self.file.sync()
    }

    fn evict(&self) {
        self.file.evict();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_stopped_nothing_is_read_or_written_and_what_is_half_done_can_be_removed() {
        let folder = std::env::temp_dir().join(format!("keyfold-stoppable-{}", std::process::id()));
        let disk = Stoppable::default();
        disk.make_folder(&folder).expect("there is room");
        let path = folder.join("file");
        let file = disk.create(&path).expect("there is room");
        file.write_at(0, b"half").expect("there is room");
        disk.stop();
        assert!(file.write_at(4, b"rest").is_err());
        assert!(file.read_at(0, &mut [0]).is_err());
        assert!(file.sync().is_err());
        assert!(disk.rename_new(&path, &folder.join("name")).is_err());
        assert!(disk.open_read(&path).is_err());
        disk.remove(&path).expect("it was made");
        assert!(!path.exists());
        std::fs::remove_dir(&folder).expect("it is empty");
    }
}
