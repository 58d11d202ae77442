//! The machine around the journal: what is live, what is open and locked, what goes wrong.

mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Fault;
use super::journal::{Change, Fate, Image, Inode, Journal, Subject, is_root, parent_of};
use crate::storage::{FileKind, Stamp, StorageError};
use calls::{denied, error_of, length_of, refused};

/// The user id of files that are created, and the only device number.
const OWNER: u32 = 1000;
const DEVICE: u64 = 1;

/// What a file is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

#[derive(Clone)]
struct Node {
    kind: FileKind,
    owner: u32,
    links: u64,
    modified_ns: i128,
    changed_ns: i128,
    /// Handles and locks that keep it alive without a name.
    open: usize,
}

#[derive(Clone, Default)]
struct Holders {
    shared: usize,
    exclusive: bool,
}

#[derive(Clone)]
pub(super) struct Disk {
    live: Image,
    journal: Journal,
    nodes: BTreeMap<Inode, Node>,
    next_inode: Inode,
    now_ns: i128,
    capacity: Option<u64>,
    protected: BTreeSet<PathBuf>,
    locks: BTreeMap<Inode, Holders>,
    steps: u64,
    faults: BTreeMap<u64, Fault>,
    has_crashed: bool,
}

/// What the tests set up and look at.
impl Disk {
    pub(super) fn new() -> Self {
        Self {
            live: Image::default(),
            journal: Journal::default(),
            nodes: BTreeMap::new(),
            next_inode: 2,
            now_ns: 1_700_000_000_000_000_000,
            capacity: None,
            protected: BTreeSet::new(),
            locks: BTreeMap::new(),
            steps: 0,
            faults: BTreeMap::new(),
            has_crashed: false,
        }
    }

    /// The same disk for a new process.
    pub(super) fn restarted(&self) -> Self {
        let mut disk = self.clone();
        disk.locks.clear();
        disk.faults.clear();
        disk.steps = 0;
        disk.has_crashed = false;
        for node in disk.nodes.values_mut() {
            node.open = 0;
        }
        disk
    }

    /// The disk after a power cut in which the unsynced changes, counted from 0, met these fates.
    pub(super) fn after_power_cut(&self, fate: impl Fn(usize) -> Fate) -> Self {
        let mut image = self.journal.image(fate);
        let named: BTreeSet<Inode> = image.names.values().copied().collect();
        image.contents.retain(|inode, _| named.contains(inode));
        let mut disk = self.restarted();
        disk.nodes.retain(|inode, _| named.contains(inode));
        for node in disk.nodes.values_mut() {
            // A name that was lost live may be back.
            node.links = node.links.max(1);
        }
        disk.live = image.clone();
        disk.journal = Journal::starting_from(image);
        disk
    }

    /// Feeds in what a new process can see, but for numbers and times.
    pub(super) fn hash_names_and_contents(&self, hasher: &mut impl Hasher) {
        for (path, inode) in &self.live.names {
            path.hash(hasher);
            self.nodes.get(inode).map(|node| node.kind).hash(hasher);
            self.live_content(*inode).hash(hasher);
        }
    }

    pub(super) fn unsettled(&self) -> impl Iterator<Item = &Change> {
        self.journal.unsettled()
    }

    pub(super) fn unsynced_in_words(&self) -> Vec<String> {
        self.unsettled().map(ToString::to_string).collect()
    }

    pub(super) fn step_count(&self) -> u64 {
        self.steps
    }

    pub(super) fn fail_at(&mut self, step: u64, fault: Fault) {
        self.faults.insert(step, fault);
    }

    pub(super) fn has_crashed(&self) -> bool {
        self.has_crashed
    }

    pub(super) fn set_time_ns(&mut self, now_ns: i128) {
        self.now_ns = now_ns;
    }

    pub(super) fn advance(&mut self, duration: Duration) {
        let passed = i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
        self.now_ns = self.now_ns.saturating_add(passed);
    }

    pub(super) fn set_capacity(&mut self, capacity: Option<u64>) {
        self.capacity = capacity;
    }

    pub(super) fn protect(&mut self, path: PathBuf) {
        self.protected.insert(path);
    }

    pub(super) fn unprotect(&mut self, path: &Path) {
        self.protected.remove(path);
    }

    pub(super) fn place(&mut self, path: &Path, kind: FileKind, content: &[u8]) {
        let folders: Vec<PathBuf> = path
            .ancestors()
            .skip(1)
            .filter(|folder| !self.is_folder(folder))
            .map(Path::to_path_buf)
            .collect();
        for folder in folders.into_iter().rev() {
            self.place_one(&folder, FileKind::Folder, &[]);
        }
        self.place_one(path, kind, content);
    }

    pub(super) fn take(&mut self, path: &Path) -> Option<Vec<u8>> {
        let content = self.content(path)?;
        self.unlink_live(path);
        self.journal.record_settled(Change::Unname {
            path: path.to_path_buf(),
        });
        Some(content)
    }

    pub(super) fn rot(&mut self, path: &Path, content: &[u8]) {
        if let Some(inode) = self.live.names.get(path).copied() {
            let content = Arc::new(content.to_vec());
            self.journal.place(inode, Arc::clone(&content));
            self.live.contents.insert(inode, content);
        }
    }

    pub(super) fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let inode = self.live.names.get(path)?;
        let is_file = self.nodes.get(inode)?.kind == FileKind::Regular;
        is_file.then(|| self.live_content(*inode).to_vec())
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        let is_file = |inode| {
            self.nodes
                .get(inode)
                .is_some_and(|node| node.kind == FileKind::Regular)
        };
        let files = self.live.names.iter().filter(|(_, inode)| is_file(inode));
        files.map(|(path, _)| path.clone()).collect()
    }

    pub(super) fn set_modified_ns(&mut self, path: &Path, modified_ns: i128) {
        if let Some(node) = self.node_at_mut(path) {
            node.modified_ns = modified_ns;
        }
    }

    pub(super) fn set_owner(&mut self, path: &Path, owner: u32) {
        if let Some(node) = self.node_at_mut(path) {
            node.owner = owner;
        }
    }

    pub(super) fn set_links(&mut self, path: &Path, links: u64) {
        if let Some(node) = self.node_at_mut(path) {
            node.links = links;
        }
    }

    fn place_one(&mut self, path: &Path, kind: FileKind, content: &[u8]) {
        self.unlink_live(path);
        let inode = self.make_node(kind);
        let content = Arc::new(content.to_vec());
        self.journal.place(inode, Arc::clone(&content));
        self.live.contents.insert(inode, content);
        let change = Change::Name {
            path: path.to_path_buf(),
            inode,
        };
        self.live.apply(&change, Fate::Kept);
        self.journal.record_settled(change);
    }
}

/// What the calls are made of.
impl Disk {
    /// Counts a step and says what goes wrong with it.
    fn step(&mut self) -> Result<(), Fault> {
        if self.has_crashed {
            return Err(Fault::Crash);
        }
        let fault = self.faults.remove(&self.steps);
        self.steps += 1;
        match fault {
            None => Ok(()),
            Some(fault) => {
                self.has_crashed = fault == Fault::Crash;
                Err(fault)
            }
        }
    }

    fn begin(&mut self, doing: &'static str, path: &Path) -> Result<(), StorageError> {
        self.step().map_err(|fault| error_of(fault, doing, path))
    }

    fn check_running(&self, doing: &'static str, path: &Path) -> Result<(), StorageError> {
        if self.has_crashed {
            Err(error_of(Fault::Crash, doing, path))
        } else {
            Ok(())
        }
    }

    /// A sync that failed while the machine runs says nothing good; one that a power cut cut short says nothing at all.
    fn journal_doom(&mut self, subject: &Subject) {
        if !self.has_crashed {
            self.journal.doom(subject);
        }
    }

    fn commit(&mut self, change: Change) {
        self.live.apply(&change, Fate::Kept);
        self.journal.record(change);
    }

    fn make_node(&mut self, kind: FileKind) -> Inode {
        let inode = self.next_inode;
        self.next_inode += 1;
        let node = Node {
            kind,
            owner: OWNER,
            links: 1,
            modified_ns: self.now_ns,
            changed_ns: self.now_ns,
            open: 0,
        };
        self.nodes.insert(inode, node);
        inode
    }

    fn touch(&mut self, inode: Inode) {
        let now_ns = self.now_ns;
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.modified_ns = now_ns;
            node.changed_ns = now_ns;
        }
    }

    fn hold(&mut self, inode: Inode) {
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.open += 1;
        }
    }

    /// Takes a name away from what has it now, if anything has.
    fn unlink_live(&mut self, path: &Path) {
        let Some(inode) = self.live.names.remove(path) else {
            return;
        };
        let now_ns = self.now_ns;
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.links = node.links.saturating_sub(1);
            node.changed_ns = now_ns;
        }
    }

    fn regular_at(&self, path: &Path) -> Result<Option<Inode>, StorageError> {
        let not_regular = |kind| StorageError::NotRegular {
            path: path.to_path_buf(),
            kind,
        };
        if is_root(path) {
            return Err(not_regular(FileKind::Folder));
        }
        let Some(inode) = self.live.names.get(path) else {
            return Ok(None);
        };
        match self.nodes.get(inode) {
            Some(node) if node.kind != FileKind::Regular => Err(not_regular(node.kind)),
            _ => Ok(Some(*inode)),
        }
    }

    fn is_folder(&self, path: &Path) -> bool {
        let node = self
            .live
            .names
            .get(path)
            .and_then(|inode| self.nodes.get(inode));
        is_root(path) || node.is_some_and(|node| node.kind == FileKind::Folder)
    }

    fn check_folder_of(&self, path: &Path, doing: &'static str) -> Result<(), StorageError> {
        let folder = parent_of(path);
        if !self.is_folder(folder) {
            return Err(refused(doing, path, ErrorKind::NotFound));
        }
        if self.is_protected(folder) {
            return Err(denied(doing, path));
        }
        Ok(())
    }

    fn is_protected(&self, path: &Path) -> bool {
        path.ancestors().any(|part| self.protected.contains(part))
    }

    fn node_at_mut(&mut self, path: &Path) -> Option<&mut Node> {
        let inode = self.live.names.get(path)?;
        self.nodes.get_mut(inode)
    }

    fn live_content(&self, inode: Inode) -> &[u8] {
        self.live
            .contents
            .get(&inode)
            .map_or(&[], |content| content.as_slice())
    }

    fn stamp(&self, inode: Inode) -> Option<Stamp> {
        let node = self.nodes.get(&inode)?;
        Some(Stamp {
            device: DEVICE,
            inode,
            kind: node.kind,
            length: length_of(self.live_content(inode)),
            modified_ns: node.modified_ns,
            changed_ns: node.changed_ns,
            owner: node.owner,
            links: node.links,
        })
    }

    /// Forgets files that have neither a name nor a handle nor a way back.
    fn collect(&mut self) {
        let named: BTreeSet<Inode> = self.live.names.values().copied().collect();
        let nodes = &mut self.nodes;
        let is_live = |inode: Inode, nodes: &BTreeMap<Inode, Node>| {
            named.contains(&inode) || nodes.get(&inode).is_some_and(|node| node.open > 0)
        };
        self.journal.collect(|inode| is_live(inode, nodes));
        let journal = &self.journal;
        nodes.retain(|inode, node| node.open > 0 || named.contains(inode) || journal.knows(*inode));
        self.live
            .contents
            .retain(|inode, _| nodes.contains_key(inode));
    }
}
