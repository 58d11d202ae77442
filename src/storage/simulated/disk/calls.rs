//! The storage calls, on one simulated disk. Paths are in their one spelling.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use super::{Access, Disk};
use crate::storage::simulated::Fault;
use crate::storage::simulated::journal::{Change, Inode, Subject, is_root, parent_of};
use crate::storage::{FileKind, LockKind, Stamp, StorageError};

/// Longest simulated file; beyond it a test would only fill the memory.
const LONGEST_FILE: u64 = 1 << 30;

impl Disk {
    pub(in crate::storage::simulated) fn open(
        &mut self,
        path: &Path,
        access: Access,
    ) -> Result<Option<Inode>, StorageError> {
        self.check_running("open", path)?;
        let Some(inode) = self.regular_at(path)? else {
            return Ok(None);
        };
        if access == Access::Write && self.is_protected(path) {
            return Err(denied("open", path));
        }
        self.hold(inode);
        Ok(Some(inode))
    }

    pub(in crate::storage::simulated) fn close(&mut self, inode: Inode) {
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.open = node.open.saturating_sub(1);
        }
    }

    pub(in crate::storage::simulated) fn create(
        &mut self,
        path: &Path,
    ) -> Result<Inode, StorageError> {
        self.begin("create", path)?;
        if self.live.names.contains_key(path) || is_root(path) {
            return Err(refused("create", path, io::ErrorKind::AlreadyExists));
        }
        self.check_folder_of(path, "create")?;
        let inode = self.make_node(FileKind::Regular);
        self.commit(Change::Name {
            path: path.to_path_buf(),
            inode,
        });
        self.hold(inode);
        Ok(inode)
    }

    pub(in crate::storage::simulated) fn rename(
        &mut self,
        from: &Path,
        to: &Path,
    ) -> Result<(), StorageError> {
        const DOING: &str = "put a new file at";
        self.begin(DOING, to)?;
        let Some(inode) = self.regular_at(from)? else {
            return Err(refused(DOING, to, io::ErrorKind::NotFound));
        };
        self.regular_at(to)?;
        self.check_folder_of(from, DOING)?;
        self.check_folder_of(to, DOING)?;
        if from == to {
            return Ok(());
        }
        self.unlink_live(to);
        self.commit(Change::Move {
            from: from.to_path_buf(),
            to: to.to_path_buf(),
            inode,
        });
        let now_ns = self.now_ns;
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.changed_ns = now_ns;
        }
        Ok(())
    }

    pub(in crate::storage::simulated) fn remove(
        &mut self,
        path: &Path,
    ) -> Result<(), StorageError> {
        self.begin("remove", path)?;
        if self.regular_at(path)?.is_none() {
            return Err(refused("remove", path, io::ErrorKind::NotFound));
        }
        self.check_folder_of(path, "remove")?;
        self.unlink_live(path);
        self.journal.record(Change::Unname {
            path: path.to_path_buf(),
        });
        Ok(())
    }

    pub(in crate::storage::simulated) fn sync_folder(
        &mut self,
        folder: &Path,
    ) -> Result<(), StorageError> {
        const DOING: &str = "save the folder";
        let subject = Subject::Folder(folder.to_path_buf());
        self.begin(DOING, folder)
            .inspect_err(|_| self.journal_doom(&subject))?;
        if !self.is_folder(folder) {
            return Err(refused(DOING, folder, io::ErrorKind::NotFound));
        }
        self.journal.settle(&subject);
        self.collect();
        Ok(())
    }

    pub(in crate::storage::simulated) fn make_folder(
        &mut self,
        folder: &Path,
    ) -> Result<(), StorageError> {
        const DOING: &str = "make the folder";
        self.check_running(DOING, folder)?;
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|part| !self.is_folder(part))
            .collect();
        for part in missing.into_iter().rev() {
            self.begin(DOING, part)?;
            if self.live.names.contains_key(part) {
                return Err(refused(DOING, part, io::ErrorKind::AlreadyExists));
            }
            self.check_folder_of(part, DOING)?;
            let inode = self.make_node(FileKind::Folder);
            self.commit(Change::Name {
                path: part.to_path_buf(),
                inode,
            });
            self.sync_folder(parent_of(part))?;
        }
        Ok(())
    }

    pub(in crate::storage::simulated) fn stamp_at(
        &self,
        path: &Path,
    ) -> Result<Option<Stamp>, StorageError> {
        self.check_running("look at", path)?;
        let inode = self.live.names.get(path);
        Ok(inode.and_then(|inode| self.stamp(*inode)))
    }

    pub(in crate::storage::simulated) fn stamp_of(
        &self,
        path: &Path,
        inode: Inode,
    ) -> Result<Stamp, StorageError> {
        self.check_running("look at", path)?;
        self.stamp(inode)
            .ok_or_else(|| refused("look at", path, io::ErrorKind::Other))
    }

    pub(in crate::storage::simulated) fn list(
        &self,
        folder: &Path,
    ) -> Result<Vec<(OsString, Stamp)>, StorageError> {
        const DOING: &str = "list the folder";
        self.check_running(DOING, folder)?;
        if !self.is_folder(folder) {
            let kind = match self.live.names.get(folder) {
                Some(_) => io::ErrorKind::NotADirectory,
                None => io::ErrorKind::NotFound,
            };
            return Err(refused(DOING, folder, kind));
        }
        let held = self.live.names.iter();
        let held = held.filter(|(path, _)| path.parent() == Some(folder));
        Ok(held
            .filter_map(|(path, inode)| Some((path.file_name()?.into(), self.stamp(*inode)?)))
            .collect())
    }

    pub(in crate::storage::simulated) fn read_at(
        &self,
        path: &Path,
        inode: Inode,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StorageError> {
        self.check_running("read", path)?;
        let content = self.live_content(inode);
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| content.get(offset..))
            .unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (place, byte) in buffer.iter_mut().zip(rest) {
            *place = *byte;
        }
        Ok(count)
    }

    pub(in crate::storage::simulated) fn write_at(
        &mut self,
        path: &Path,
        inode: Inode,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        const DOING: &str = "write to";
        let allowed = match self.step() {
            Ok(()) => self.room_for(path, inode, offset, bytes.len())?,
            Err(Fault::Full { written }) => self
                .room_for(path, inode, offset, bytes.len())?
                .min(written)
                .min(bytes.len().saturating_sub(1)),
            Err(fault) => return Err(error_of(fault, DOING, path)),
        };
        let part = bytes.get(..allowed).unwrap_or(bytes);
        if !part.is_empty() {
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            self.commit(Change::Write {
                inode,
                offset,
                bytes: part.into(),
            });
            self.touch(inode);
        }
        if part.len() == bytes.len() {
            Ok(())
        } else {
            Err(refused(DOING, path, io::ErrorKind::StorageFull))
        }
    }

    pub(in crate::storage::simulated) fn truncate(
        &mut self,
        path: &Path,
        inode: Inode,
        length: u64,
    ) -> Result<(), StorageError> {
        const DOING: &str = "change the length of";
        self.begin(DOING, path)?;
        // A hole takes no room on a real disk either.
        let length = checked_length(DOING, path, Some(length))?;
        self.commit(Change::Length { inode, length });
        self.touch(inode);
        Ok(())
    }

    pub(in crate::storage::simulated) fn sync_file(
        &mut self,
        path: &Path,
        inode: Inode,
    ) -> Result<(), StorageError> {
        let subject = Subject::Content(inode);
        self.begin("save", path)
            .inspect_err(|_| self.journal_doom(&subject))?;
        self.journal.settle(&subject);
        Ok(())
    }

    pub(in crate::storage::simulated) fn lock(
        &mut self,
        path: &Path,
        kind: LockKind,
    ) -> Result<Inode, StorageError> {
        let access = match kind {
            LockKind::Shared => Access::Read,
            LockKind::Exclusive => Access::Write,
        };
        let inode = match self.open(path, access)? {
            Some(inode) => inode,
            None => self.create(path)?,
        };
        let holders = self.locks.entry(inode).or_default();
        let is_free = match kind {
            LockKind::Shared => !holders.exclusive,
            LockKind::Exclusive => !holders.exclusive && holders.shared == 0,
        };
        if !is_free {
            self.close(inode);
            return Err(StorageError::Busy {
                path: path.to_path_buf(),
            });
        }
        match kind {
            LockKind::Shared => holders.shared += 1,
            LockKind::Exclusive => holders.exclusive = true,
        }
        Ok(inode)
    }

    pub(in crate::storage::simulated) fn unlock(&mut self, inode: Inode, kind: LockKind) {
        if let Some(holders) = self.locks.get_mut(&inode) {
            match kind {
                LockKind::Shared => holders.shared = holders.shared.saturating_sub(1),
                LockKind::Exclusive => holders.exclusive = false,
            }
        }
        self.close(inode);
    }

    /// How many of the bytes the disk has room for.
    fn room_for(
        &self,
        path: &Path,
        inode: Inode,
        offset: u64,
        count: usize,
    ) -> Result<usize, StorageError> {
        let added = u64::try_from(count).unwrap_or(u64::MAX);
        checked_length("write to", path, offset.checked_add(added))?;
        let Some(capacity) = self.capacity else {
            return Ok(count);
        };
        let named = self.live.names.values();
        let used: u64 = named
            .map(|inode| length_of(self.live_content(*inode)))
            .sum();
        let reach =
            length_of(self.live_content(inode)).saturating_add(capacity.saturating_sub(used));
        let room = usize::try_from(reach.saturating_sub(offset)).unwrap_or(usize::MAX);
        Ok(count.min(room))
    }
}

pub(super) fn error_of(fault: Fault, doing: &'static str, path: &Path) -> StorageError {
    let cause = match fault {
        Fault::Crash => io::Error::other("the simulated machine has stopped"),
        Fault::Io => io_error(),
        Fault::Full { .. } => io::Error::from(io::ErrorKind::StorageFull),
        Fault::Denied => io::Error::from(io::ErrorKind::PermissionDenied),
    };
    StorageError::new(doing, path, cause)
}

fn io_error() -> io::Error {
    #[cfg(unix)]
    {
        io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error())
    }
    #[cfg(not(unix))]
    {
        io::Error::other("simulated input/output error")
    }
}

pub(super) fn refused(doing: &'static str, path: &Path, kind: io::ErrorKind) -> StorageError {
    StorageError::new(doing, path, io::Error::from(kind))
}

pub(super) fn denied(doing: &'static str, path: &Path) -> StorageError {
    refused(doing, path, io::ErrorKind::PermissionDenied)
}

pub(super) fn length_of(content: &[u8]) -> u64 {
    u64::try_from(content.len()).unwrap_or(u64::MAX)
}

fn checked_length(
    doing: &'static str,
    path: &Path,
    length: Option<u64>,
) -> Result<usize, StorageError> {
    length
        .filter(|length| *length <= LONGEST_FILE)
        .and_then(|length| usize::try_from(length).ok())
        .ok_or_else(|| refused(doing, path, io::ErrorKind::FileTooLarge))
}
