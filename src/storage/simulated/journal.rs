//! What is durable, and the unsynced steps that may or may not become so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The number of a file or folder.
pub(super) type Inode = u64;

/// Names and contents, live or durable.
#[derive(Clone, Default)]
pub(super) struct Image {
    pub(super) names: BTreeMap<PathBuf, Inode>,
    pub(super) contents: BTreeMap<Inode, Arc<Vec<u8>>>,
}

/// One change of names or of one file's content.
#[derive(Clone)]
pub(super) enum Change {
    Write {
        inode: Inode,
        offset: usize,
        bytes: Arc<[u8]>,
    },
    Length {
        inode: Inode,
        length: usize,
    },
    Name {
        path: PathBuf,
        inode: Inode,
    },
    Move {
        from: PathBuf,
        to: PathBuf,
        inode: Inode,
    },
    Unname {
        path: PathBuf,
    },
}

/// What a power cut makes of one change. The last three are for writes only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Kept,
    Lost,
    /// The first bytes of it, so many.
    Head(usize),
    /// All but the first bytes of it, so many.
    Tail(usize),
    /// The length that it gave to the file, with zeros in place of new bytes.
    Hollow,
}

/// What is synced at once.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Content(Inode),
    Folder(PathBuf),
}

#[derive(Clone)]
struct Step {
    change: Change,
    /// What still has to be synced before this is durable.
    awaits: Vec<Subject>,
    /// A sync of it failed, so that no later one says anything about it.
    doomed: bool,
}

impl Step {
    fn is_settled(&self) -> bool {
        self.awaits.is_empty()
    }
}

/// The durable image and what is not in it yet, oldest first. Settled steps stay as long as an earlier one that they
/// must come after is not.
#[derive(Clone, Default)]
pub(super) struct Journal {
    durable: Image,
    steps: Vec<Step>,
}

impl Journal {
    pub(super) fn starting_from(durable: Image) -> Self {
        Self {
            durable,
            steps: Vec::new(),
        }
    }

    /// Notes a change that waits for its syncs.
    pub(super) fn record(&mut self, change: Change) {
        let awaits = change.subjects();
        self.steps.push(Step {
            change,
            awaits,
            doomed: false,
        });
    }

    /// Notes a change that is durable already.
    pub(super) fn record_settled(&mut self, change: Change) {
        self.steps.push(Step {
            change,
            awaits: Vec::new(),
            doomed: false,
        });
        self.fold();
    }

    /// Gives a new file a durable content from outside.
    pub(super) fn place(&mut self, inode: Inode, content: Arc<Vec<u8>>) {
        self.durable.contents.insert(inode, content);
    }

    /// Makes durable what only waited for this sync.
    pub(super) fn settle(&mut self, subject: &Subject) {
        for step in self.steps.iter_mut().filter(|step| !step.doomed) {
            step.awaits.retain(|awaited| awaited != subject);
        }
        self.fold();
    }

    /// Remembers that this sync failed.
    pub(super) fn doom(&mut self, subject: &Subject) {
        for step in &mut self.steps {
            step.doomed |= step.awaits.contains(subject);
        }
    }

    /// The changes whose fate is open.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = &Change> {
        self.steps
            .iter()
            .filter(|step| !step.is_settled())
            .map(|step| &step.change)
    }

    /// What a power cut leaves when the open changes, counted from 0, meet these fates.
    pub(super) fn image(&self, fate: impl Fn(usize) -> Fate) -> Image {
        let mut image = self.durable.clone();
        let mut open = 0;
        for step in &self.steps {
            if step.is_settled() {
                image.apply(&step.change, Fate::Kept);
            } else {
                image.apply(&step.change, fate(open));
                open += 1;
            }
        }
        image.drop_orphans();
        image
    }

    /// Forgets the contents that neither a name nor a step nor the caller wants.
    pub(super) fn collect(&mut self, mut is_wanted: impl FnMut(Inode) -> bool) {
        let named: BTreeSet<Inode> = self.durable.names.values().copied().collect();
        let noted: BTreeSet<Inode> = self
            .steps
            .iter()
            .filter_map(|step| step.change.inode())
            .collect();
        self.durable
            .contents
            .retain(|inode, _| named.contains(inode) || noted.contains(inode) || is_wanted(*inode));
    }

    /// Whether anything may still bring this file back.
    pub(super) fn knows(&self, inode: Inode) -> bool {
        self.durable.contents.contains_key(&inode)
            || self.durable.names.values().any(|named| *named == inode)
            || self
                .steps
                .iter()
                .any(|step| step.change.inode() == Some(inode))
    }

    /// Moves settled steps into the durable image, each only when nothing open stands before it on the same content, or
    /// on any name.
    fn fold(&mut self) {
        let mut open_contents = BTreeSet::new();
        let mut open_names = false;
        let durable = &mut self.durable;
        self.steps.retain(|step| {
            let content = step.change.content_inode();
            let is_blocked = match content {
                Some(inode) => open_contents.contains(&inode),
                None => open_names,
            };
            if step.is_settled() && !is_blocked {
                durable.apply(&step.change, Fate::Kept);
                return false;
            }
            if !step.is_settled() {
                match content {
                    Some(inode) => _ = open_contents.insert(inode),
                    None => open_names = true,
                }
            }
            true
        });
    }
}

impl Image {
    /// Applies what is left of a change.
    pub(super) fn apply(&mut self, change: &Change, fate: Fate) {
        if fate == Fate::Lost {
            return;
        }
        match change {
            Change::Write {
                inode,
                offset,
                bytes,
            } => {
                let content = Arc::make_mut(self.contents.entry(*inode).or_default());
                write_part(content, *offset, bytes, fate);
            }
            Change::Length { inode, length } => {
                Arc::make_mut(self.contents.entry(*inode).or_default()).resize(*length, 0);
            }
            Change::Name { path, inode } => {
                self.names.insert(path.clone(), *inode);
            }
            Change::Move { from, to, inode } => {
                self.names.remove(from);
                self.names.insert(to.clone(), *inode);
            }
            Change::Unname { path } => {
                self.names.remove(path);
            }
        }
    }

    /// Removes names whose folder is not there. Folders sort before what they hold.
    fn drop_orphans(&mut self) {
        let mut kept: BTreeSet<PathBuf> = BTreeSet::new();
        self.names.retain(|path, _| {
            let folder = parent_of(path);
            let is_held = is_root(folder) || kept.contains(folder);
            if is_held {
                kept.insert(path.clone());
            }
            is_held
        });
    }
}

impl Change {
    fn subjects(&self) -> Vec<Subject> {
        let folder = |path: &Path| Subject::Folder(parent_of(path).to_path_buf());
        match self {
            Self::Write { inode, .. } | Self::Length { inode, .. } => {
                vec![Subject::Content(*inode)]
            }
            Self::Name { path, .. } | Self::Unname { path } => vec![folder(path)],
            Self::Move { from, to, .. } => {
                let mut both = vec![folder(from), folder(to)];
                both.dedup();
                both
            }
        }
    }

    fn content_inode(&self) -> Option<Inode> {
        match self {
            Self::Write { inode, .. } | Self::Length { inode, .. } => Some(*inode),
            Self::Name { .. } | Self::Move { .. } | Self::Unname { .. } => None,
        }
    }

    fn inode(&self) -> Option<Inode> {
        match self {
            Self::Name { inode, .. } | Self::Move { inode, .. } => Some(*inode),
            other => other.content_inode(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write {
                inode,
                offset,
                bytes,
            } => write!(out, "write {} bytes at {offset} of #{inode}", bytes.len()),
            Self::Length { inode, length } => write!(out, "set #{inode} to {length} bytes"),
            Self::Name { path, inode } => write!(out, "make {} #{inode}", path.display()),
            Self::Move { from, to, inode } => write!(
                out,
                "rename {} to {} #{inode}",
                from.display(),
                to.display()
            ),
            Self::Unname { path } => write!(out, "remove {}", path.display()),
        }
    }
}

/// The folder of a path in its one spelling; a root is its own.
pub(super) fn parent_of(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Whether it is a folder that is always there: `/`, or the current one.
pub(super) fn is_root(path: &Path) -> bool {
    path.parent().is_none()
}

fn write_part(content: &mut Vec<u8>, offset: usize, bytes: &[u8], fate: Fate) {
    let (start, end) = match fate {
        Fate::Head(count) => (0, count.min(bytes.len())),
        Fate::Tail(count) => (count.min(bytes.len()), bytes.len()),
        Fate::Hollow => (bytes.len(), bytes.len()),
        Fate::Kept | Fate::Lost => (0, bytes.len()),
    };
    let reach = offset.saturating_add(end);
    if content.len() < reach {
        content.resize(reach, 0);
    }
    let part = bytes.get(start..end).unwrap_or_default();
    let place = content
        .get_mut(offset.saturating_add(start)..reach)
        .unwrap_or_default();
    place.copy_from_slice(part);
}
