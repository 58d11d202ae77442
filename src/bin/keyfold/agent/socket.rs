//! Where the agent listens: a socket that nobody else can reach, and that is never taken from somebody else.
//!
//! The folder is the user's own and closed to everybody else, checked and not assumed. A lock file beside the socket says
//! who the agent is: whoever has the lock may remove a socket that was left behind, and two never start at once.

use crate::context::Context;
use crate::failure::{Failure, Kind};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::process::{geteuid, umask};
use std::fs::{DirBuilder, File, Metadata};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

const SOCKET: &str = "agent.sock";
const LOCK: &str = "agent.lock";
/// What every system takes as a socket's address; longer ones go by way of the folder's descriptor.
const ADDRESS_LIMIT: usize = 100;

/// Where the agent of this run listens, or would.
pub(crate) fn socket(context: &Context) -> Result<PathBuf, Failure> {
    Ok(RuntimeFolder::of(context)?.socket())
}

/// The folder of the socket.
pub(super) struct RuntimeFolder(PathBuf);

impl RuntimeFolder {
    pub(super) fn of(context: &Context) -> Result<Self, Failure> {
        Ok(Self(std::path::absolute(context.runtime_folder()?)?))
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.0.join(SOCKET)
    }

    /// Connects to who listens; `None` where nobody does. What is not the user's own is refused.
    pub(super) fn connect(&self) -> Result<Option<UnixStream>, Failure> {
        let Some(folder) = metadata(&self.0)? else {
            return Ok(None);
        };
        self.refuse_foreign_folder(&folder)?;
        let Some(there) = metadata(&self.socket())? else {
            return Ok(None);
        };
        self.refuse_foreign_socket(&there)?;
        let (address, _folder) = self.address()?;
        let stream = match UnixStream::connect(address) {
            Ok(stream) => stream,
            Err(error) if is_nobody(&error) => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        if !is_own_peer(&stream) {
            return Err(self.foreign(&self.socket()));
        }
        Ok(Some(stream))
    }

    /// Listens, if nobody does yet.
    pub(super) fn listen(&self) -> Result<Listening, Failure> {
        self.make()?;
        let lock = self.lock()?;
        let socket = self.socket();
        if let Some(there) = metadata(&socket)? {
            self.refuse_foreign_socket(&there)?;
            // Its agent is gone, or it would have the lock.
            std::fs::remove_file(&socket)?;
        }
        let (address, _folder) = self.address()?;
        let before = umask(Mode::from_raw_mode(0o077));
        let listener = UnixListener::bind(address);
        umask(before);
        Ok(Listening {
            listener: listener.map_err(|error| self.failed(&error))?,
            socket,
            _lock: lock,
        })
    }

    fn make(&self) -> Result<(), Failure> {
        if let Some(parent) = self.0.parent() {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700).create(parent)?;
        }
        match DirBuilder::new().mode(0o700).create(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(self.failed(&error));
            }
            _ => {}
        }
        match metadata(&self.0)? {
            Some(folder) => self.refuse_foreign_folder(&folder),
            None => Err(self.foreign(&self.0)),
        }
    }

    fn lock(&self) -> Result<OwnedFd, Failure> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = self.0.join(LOCK);
        let file = open(&path, flags, Mode::from_raw_mode(0o600));
        let file = file.map_err(|error| self.failed(&error.into()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(_) => Err(Failure::new(Kind::Busy, "an agent runs already")
                .hint("keyfold agent status tells of it, keyfold agent stop ends it")),
        }
    }

    /// The socket's address, and what it needs to stay good.
    fn address(&self) -> Result<(PathBuf, Option<File>), Failure> {
        let socket = self.socket();
        if !cfg!(target_os = "linux") || socket.as_os_str().len() <= ADDRESS_LIMIT {
            return Ok((socket, None));
        }
        let folder = File::open(&self.0)?;
        let through = format!("/proc/self/fd/{}", folder.as_raw_fd());
        Ok((Path::new(&through).join(SOCKET), Some(folder)))
    }

    fn refuse_foreign_folder(&self, folder: &Metadata) -> Result<(), Failure> {
        let is_closed = folder.mode() & 0o077 == 0;
        if folder.is_dir() && folder.uid() == geteuid().as_raw() && is_closed {
            Ok(())
        } else {
            Err(self.foreign(&self.0))
        }
    }

    fn refuse_foreign_socket(&self, there: &Metadata) -> Result<(), Failure> {
        if there.file_type().is_socket() && there.uid() == geteuid().as_raw() {
            Ok(())
        } else {
            Err(self.foreign(&self.socket()))
        }
    }

    fn foreign(&self, path: &Path) -> Failure {
        Failure::failed(format!(
            "{} is not a private folder or socket of this user; no agent is used there",
            path.display()
        ))
        .hint("look who made it, and remove it; --no-agent does without an agent")
    }

    fn failed(&self, error: &io::Error) -> Failure {
        Failure::failed(format!("{}: {error}", self.socket().display()))
    }
}

/// A socket that is listened on. The lock beside it lasts as long.
pub(super) struct Listening {
    pub(super) listener: UnixListener,
    socket: PathBuf,
    _lock: OwnedFd,
}

impl Listening {
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }
}

/// Whether who is at the other end is the same user.
#[cfg(target_os = "linux")]
pub(super) fn is_own_peer(stream: &UnixStream) -> bool {
    rustix::net::sockopt::socket_peercred(stream.as_fd()).is_ok_and(|peer| peer.uid == geteuid())
}

/// Elsewhere the folder alone keeps others out.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_own_peer(_stream: &UnixStream) -> bool {
    true
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

/// What lies there itself, no link followed.
fn metadata(path: &Path) -> Result<Option<Metadata>, Failure> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::failed(format!("{}: {error}", path.display()))),
    }
}
