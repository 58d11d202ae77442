//! What can go wrong with a disk, cut by who is to blame, each with the path and what the system said.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::FileKind;

/// Why a storage call failed.
#[derive(Debug)]
pub enum StorageError {
    /// Nothing has that name, or its folder is missing.
    NotFound(Failure),
    /// Something has that name already.
    Exists(Failure),
    /// What has that name is no regular file, and so is neither opened, replaced nor removed.
    NotRegular {
        /// Where it lies.
        path: PathBuf,
        /// What it is.
        kind: FileKind,
    },
    /// The user may not do that there, or the file system is read-only.
    Denied(Failure),
    /// The disk or quota is full, or the file would be longer than the system allows.
    Full(Failure),
    /// Another process held the lock for the whole wait.
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// The file is longer than the caller was ready to read.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
        /// The caller's limit in bytes.
        limit: u64,
    },
    /// Anything else, a failing disk above all.
    Io(Failure),
}

/// A system call that failed.
#[derive(Debug)]
pub struct Failure {
    /// What was being done, as an infinitive: "open", "write to".
    pub doing: &'static str,
    /// To what.
    pub path: PathBuf,
    /// What the system said.
    pub cause: io::Error,
}

impl StorageError {
    /// Sorts what the system said.
    #[must_use]
    pub fn new(doing: &'static str, path: &Path, cause: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let kind = cause.kind();
        let failure = Failure {
            doing,
            path: path.to_path_buf(),
            cause,
        };
        match kind {
            Kind::NotFound => Self::NotFound(failure),
            Kind::AlreadyExists => Self::Exists(failure),
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Self::Denied(failure),
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Self::Full(failure),
            _ => Self::Io(failure),
        }
    }

    /// The path that it is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::NotFound(failure)
            | Self::Exists(failure)
            | Self::Denied(failure)
            | Self::Full(failure)
            | Self::Io(failure) => &failure.path,
            Self::NotRegular { path, .. } | Self::Busy { path } | Self::TooLarge { path, .. } => {
                path
            }
        }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(failure) => write!(out, "{failure}: there is no such file or folder"),
            Self::Exists(failure) => write!(out, "{failure}: something of that name exists"),
            Self::NotRegular {
                path,
                kind: FileKind::Symlink,
            } => write!(
                out,
                "{} is a symbolic link, which is never followed here: name the file that it points to",
                path.display()
            ),
            Self::NotRegular { path, kind } => {
                write!(out, "{} is {kind}, not a regular file", path.display())
            }
            Self::Denied(failure) => match failure.cause.kind() {
                io::ErrorKind::ReadOnlyFilesystem => {
                    write!(out, "{failure}: the file system is read-only")
                }
                _ => write!(out, "{failure}: permission denied"),
            },
            Self::Full(failure) => match failure.cause.kind() {
                io::ErrorKind::QuotaExceeded => write!(out, "{failure}: the disk quota is used up"),
                io::ErrorKind::FileTooLarge => {
                    write!(out, "{failure}: the file would be too large")
                }
                _ => write!(out, "{failure}: the disk is full"),
            },
            Self::Busy { path } => {
                write!(out, "{} is locked by another process", path.display())
            }
            Self::TooLarge {
                path,
                length,
                limit,
            } => write!(
                out,
                "{} is {length} bytes long, more than the {limit} that are read",
                path.display()
            ),
            Self::Io(failure) if is_device_error(&failure.cause) => write!(
                out,
                "{failure}: the disk reports an error, it may be failing ({})",
                failure.cause
            ),
            Self::Io(failure) => write!(out, "{failure}: {}", failure.cause),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "cannot {} {}", self.doing, self.path.display())
    }
}

impl std::error::Error for StorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotFound(failure)
            | Self::Exists(failure)
            | Self::Denied(failure)
            | Self::Full(failure)
            | Self::Io(failure) => Some(&failure.cause),
            Self::NotRegular { .. } | Self::Busy { .. } | Self::TooLarge { .. } => None,
        }
    }
}

/// EIO, which the standard library has no name for.
fn is_device_error(cause: &io::Error) -> bool {
    #[cfg(unix)]
    {
        cause.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
    }
    #[cfg(not(unix))]
    {
        let _ = cause;
        false
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::io::Errno;

    fn after(errno: Errno) -> StorageError {
        let cause = io::Error::from_raw_os_error(errno.raw_os_error());
        StorageError::new("write to", Path::new("/v"), cause)
    }

    #[test]
    fn system_errors_are_sorted_by_blame() {
        assert!(matches!(after(Errno::NOENT), StorageError::NotFound(_)));
        assert!(matches!(after(Errno::EXIST), StorageError::Exists(_)));
        for errno in [Errno::ACCESS, Errno::PERM, Errno::ROFS] {
            assert!(matches!(after(errno), StorageError::Denied(_)), "{errno}");
        }
        for errno in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
            assert!(matches!(after(errno), StorageError::Full(_)), "{errno}");
        }
        assert!(matches!(after(Errno::IO), StorageError::Io(_)));
        assert!(matches!(after(Errno::XDEV), StorageError::Io(_)));
    }

    #[test]
    fn full_and_failing_disks_are_told_apart_in_words() {
        assert_eq!(
            after(Errno::NOSPC).to_string(),
            "cannot write to /v: the disk is full"
        );
        assert_eq!(
            after(Errno::DQUOT).to_string(),
            "cannot write to /v: the disk quota is used up"
        );
        let failing = after(Errno::IO).to_string();
        assert!(
            failing.starts_with("cannot write to /v: the disk reports an error"),
            "{failing}"
        );
    }
}
