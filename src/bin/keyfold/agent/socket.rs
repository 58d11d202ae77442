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
#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

const SOCKET: &str = "agent.sock";
const LOCK: &str = "agent.lock";
/// What every system takes as a socket's address; longer ones go by way of the folder's descriptor.
const ADDRESS_LIMIT: usize = 100;
/// How long an agent that begins or ends is waited for.
const LOCK_LOOKS: u32 = 500;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

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
        let path = self.socket();
        if let Some(there) = metadata(&path)? {
            self.refuse_foreign_socket(&there)?;
            // Its agent is gone, or it would have the lock.
            std::fs::remove_file(&path)?;
        }
        let (address, _folder) = self.address()?;
        let before = umask(Mode::from_raw_mode(0o077));
        let listener = UnixListener::bind(address);
        umask(before);
        let listener = listener.map_err(|error| self.failed(&error))?;
        let Some(there) = metadata(&path)? else {
            return Err(self.foreign(&path));
        };
        Ok(Listening {
            listener,
            socket: BoundSocket {
                path,
                id: (there.dev(), there.ino()),
            },
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

    /// The lock that makes an agent the one of this folder. Who has it without answering is just beginning or ending.
    fn lock(&self) -> Result<OwnedFd, Failure> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = self.0.join(LOCK);
        let file = open(&path, flags, Mode::from_raw_mode(0o600));
        let file = file.map_err(|error| {
            let error = io::Error::from(error);
            Failure::failed(format!("{}: {error}", path.display()))
        })?;
        for _ in 0..LOCK_LOOKS {
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                return Ok(file);
            }
            if self.connect()?.is_some() {
                break;
            }
            sleep(BETWEEN_LOOKS);
        }
        Err(Failure::new(Kind::Busy, "an agent runs already")
            .hint("keyfold agent status tells of it, keyfold agent stop ends it"))
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
    pub(super) socket: BoundSocket,
    _lock: OwnedFd,
}

/// The name of a socket that this process made.
#[derive(Clone)]
pub(super) struct BoundSocket {
    path: PathBuf,
    id: (u64, u64),
}

impl BoundSocket {
    /// Whether the name still leads here.
    pub(super) fn is_there(&self) -> bool {
        let there = std::fs::symlink_metadata(&self.path);
        there.is_ok_and(|there| (there.dev(), there.ino()) == self.id)
    }

    /// Takes the name away, if it is this process's own. Its lock is still held, so no other agent has made one since.
    pub(super) fn remove(&self) {
        if self.is_there() {
            let _removed = std::fs::remove_file(&self.path);
        }
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
