//! Locks between the processes of one machine, on a file that holds nothing and stays.
//!
//! Advisory, and per open file: threads of one process exclude each other too. Never to be relied on between machines.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::real::{create_private, look_at_regular, open_existing};
use super::{Lock, LockKind, StorageError};

const FIRST_SLEEP: Duration = Duration::from_millis(1);
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

/// How often the lock file may vanish or appear between two looks before that is an error.
const MOST_ATTEMPTS: usize = 100;

/// A held lock; closing the file gives it up.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl Lock for FileLock {}

/// Takes the lock, waiting at most `wait` for other holders.
pub(super) fn lock_file(
    path: &Path,
    kind: LockKind,
    wait: Duration,
) -> Result<FileLock, StorageError> {
    let mut patience = Patience {
        left: wait,
        next: FIRST_SLEEP,
    };
    for _ in 0..MOST_ATTEMPTS {
        let Some(file) = open_or_create(path, kind)? else {
            continue;
        };
        while !try_lock(&file, path, kind)? {
            if !patience.sleep() {
                return Err(StorageError::Busy {
                    path: path.to_path_buf(),
                });
            }
        }
        // Whoever removed the folder in the meantime left us a lock that nobody else can see.
        if is_still_at(&file, path)? {
            return Ok(FileLock { _file: file });
        }
    }
    Err(StorageError::Busy {
        path: path.to_path_buf(),
    })
}

/// Network file systems emulate these locks by ones that need the access they stand for, hence writing for an exclusive
/// one; a shared one needs none, so that a read-only copy of the local state can be read.
fn open_or_create(path: &Path, kind: LockKind) -> Result<Option<File>, StorageError> {
    let mut options = OpenOptions::new();
    options.read(true).write(kind == LockKind::Exclusive);
    if let Some(file) = open_existing(path, &mut options)? {
        return Ok(Some(file));
    }
    match create_private(path) {
        Ok(file) => Ok(Some(file)),
        // Another process was quicker: open what it made.
        Err(StorageError::Exists(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the lock is ours now.
fn try_lock(file: &File, path: &Path, kind: LockKind) -> Result<bool, StorageError> {
    let tried = match kind {
        LockKind::Shared => file.try_lock_shared(),
        LockKind::Exclusive => file.try_lock(),
    };
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(cause)) if cause.kind() == std::io::ErrorKind::Interrupted => {
            Ok(false)
        }
        Err(TryLockError::Error(cause)) => Err(StorageError::new("lock", path, cause)),
    }
}

fn is_still_at(file: &File, path: &Path) -> Result<bool, StorageError> {
    let held = file
        .metadata()
        .map_err(|cause| StorageError::new("lock", path, cause))?;
    let named = look_at_regular(path)?;
    Ok(named.is_some_and(|named| named.dev() == held.dev() && named.ino() == held.ino()))
}

/// What is left of the wait, spent in sleeps that grow; nothing here reads a clock.
struct Patience {
    left: Duration,
    next: Duration,
}

impl Patience {
    /// Sleeps once; false, without sleeping, when the wait is over.
    fn sleep(&mut self) -> bool {
        let sleep = self.next.min(self.left);
        if sleep.is_zero() {
            return false;
        }
        std::thread::sleep(sleep);
        self.left = self.left.saturating_sub(sleep);
        self.next = (self.next * 2).min(LONGEST_SLEEP);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::real::tests::Folder;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const NO_WAIT: Duration = Duration::ZERO;

    #[test]
    fn an_exclusive_lock_keeps_everybody_else_out() {
        let folder = Folder::new();
        let path = folder.path("lock");
        let held = lock_file(&path, LockKind::Exclusive, NO_WAIT).unwrap();
        for kind in [LockKind::Exclusive, LockKind::Shared] {
            let refused = lock_file(&path, kind, Duration::from_millis(5));
            assert!(
                matches!(refused, Err(StorageError::Busy { .. })),
                "{kind:?}"
            );
        }
        drop(held);
        lock_file(&path, LockKind::Exclusive, NO_WAIT).unwrap();
    }

    #[test]
    fn readers_share_and_keep_a_writer_out() {
        let folder = Folder::new();
        let path = folder.path("lock");
        let _one = lock_file(&path, LockKind::Shared, NO_WAIT).unwrap();
        let _two = lock_file(&path, LockKind::Shared, NO_WAIT).unwrap();
        let refused = lock_file(&path, LockKind::Exclusive, NO_WAIT);
        assert!(matches!(refused, Err(StorageError::Busy { .. })));
    }

    #[test]
    fn a_waiting_process_gets_the_lock_when_it_is_free() {
        let folder = Folder::new();
        let path = folder.path("lock");
        let held = lock_file(&path, LockKind::Exclusive, NO_WAIT).unwrap();
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || lock_file(&path, LockKind::Exclusive, Duration::from_secs(60)).is_ok()
        });
        std::thread::sleep(Duration::from_millis(20));
        drop(held);
        assert!(waiting.join().unwrap());
    }

    #[test]
    fn a_lock_on_a_removed_file_does_not_count() {
        let folder = Folder::new();
        let path = folder.path("lock");
        let first = lock_file(&path, LockKind::Exclusive, NO_WAIT).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!is_still_at(&first._file, &path).unwrap());
        let second = lock_file(&path, LockKind::Exclusive, NO_WAIT).unwrap();
        assert!(is_still_at(&second._file, &path).unwrap());
    }

    #[test]
    fn the_lock_file_is_private_and_a_link_is_refused() {
        let folder = Folder::new();
        let path = folder.path("lock");
        lock_file(&path, LockKind::Shared, NO_WAIT).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let link = folder.path("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let refused = lock_file(&link, LockKind::Exclusive, NO_WAIT);
        assert!(matches!(refused, Err(StorageError::NotRegular { .. })));
    }
}
