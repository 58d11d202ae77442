//! The drive: a cloud folder that devices are synced with, honestly or not.

use super::device::{DRIVE, Device, VAULT_NAME, vault_path};
use super::steps::{Act, Cast, Dice};
use keyfold::storage::Storage;
use rand::Rng;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

const BLOCK: usize = 1024;
/// Versions of the vault file that the drive remembers.
const VERSIONS: usize = 48;

type Content = Rc<Vec<u8>>;

#[derive(Default)]
pub(crate) struct Drive {
    /// The folder as it lies in the cloud, by name.
    cloud: BTreeMap<String, Content>,
    /// What each device and the cloud had in common last.
    common: Vec<BTreeMap<String, Content>>,
    /// Names that stay on their device.
    kept_local: BTreeSet<(usize, String)>,
    /// Every version of the vault file that was ever seen.
    versions: Vec<Content>,
    /// The vault of somebody else.
    foreign: Content,
    /// When contents came to be, on a drive that keeps the times of files.
    times: Option<HashMap<Content, i128>>,
}

/// What a drive does with the copy that lost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Habit {
    /// The copy stands beside, the name tells who and when.
    Copy(&'static str),
    /// The same, and the cloud never gets it (Nextcloud).
    LocalCopy(&'static str),
    /// Both get new names and the old one is gone (rclone bisync).
    BothRenamed,
    /// The last writer wins (Google Drive, iCloud, MEGA).
    LastWriterWins,
}

pub(crate) const HABITS: [(usize, Habit); 9] = [
    (
        4,
        Habit::Copy("vault.sync-conflict-20261125-0700%%-ABCDEFG.keyfold"),
    ),
    (
        2,
        Habit::Copy("vault (conflicted copy 2026-11-25 0700%%).keyfold"),
    ),
    (
        1,
        Habit::Copy("vault (laptop's conflicted copy 2026-11-25 %%).keyfold"),
    ),
    (
        1,
        Habit::Copy("vault (SFConflict me@example.com 2026-11-25-07-00-%%).keyfold"),
    ),
    (1, Habit::Copy("vault (conflict_on_2026-11-25_%%).keyfold")),
    (1, Habit::Copy("vault-LAPTOP-%%.keyfold")),
    (
        1,
        Habit::LocalCopy("vault (conflicted copy 2026-11-25 0700%%).keyfold"),
    ),
    (3, Habit::BothRenamed),
    (6, Habit::LastWriterWins),
];

impl Drive {
    pub(crate) fn new(cast: Cast, foreign: Vec<u8>) -> Self {
        Self {
            times: cast.keeps_times.then(HashMap::new),
            common: vec![BTreeMap::new(); cast.devices],
            foreign: Rc::new(foreign),
            ..Self::default()
        }
    }

    /// Remembers what lies at a device's vault path now.
    pub(crate) fn note(&mut self, device: &Device) {
        let Some(file) = device.vault_file() else {
            return;
        };
        let stamp = device.disk.stamp(&vault_path()).ok().flatten();
        let file = Rc::new(file);
        if let (Some(times), Some(stamp)) = (&mut self.times, stamp) {
            times.entry(Rc::clone(&file)).or_insert(stamp.modified_ns);
        }
        self.remember(file);
    }

    fn remember(&mut self, file: Content) {
        if self.versions.last().is_none_or(|last| *last != file) {
            if self.versions.len() == VERSIONS {
                self.versions.remove(VERSIONS / 2);
            }
            self.versions.push(file);
        }
    }

    /// Puts a file into a synced folder, unless it lies there just so.
    pub(crate) fn put(&self, device: &Device, path: &Path, content: &[u8]) {
        if device.disk.content(path).as_deref() == Some(content) {
            return;
        }
        device.disk.place(path, content);
        let time = self
            .times
            .as_ref()
            .and_then(|times| times.get(&Rc::new(content.to_vec())));
        if let Some(time) = time {
            device.disk.set_modified_ns(path, *time);
        }
    }

    pub(crate) fn version(&self, dice: &mut Dice) -> Option<Vec<u8>> {
        dice.pick(&self.versions).map(|version| version.to_vec())
    }

    /// What a newer program of the drive's owner puts there for everybody.
    pub(crate) fn publish(&mut self, file: Vec<u8>) {
        let file = Rc::new(file);
        self.remember(Rc::clone(&file));
        self.cloud.insert(VAULT_NAME.to_owned(), file);
    }

    pub(crate) fn act(&mut self, act: Act, number: usize, device: &Device, dice: &mut Dice) {
        let disk = &device.disk;
        let path = vault_path();
        let own = device.vault_file();
        match act {
            Act::Push | Act::PushTorn => {
                if let Some(own) = own {
                    let sent = if act == Act::Push {
                        own
                    } else {
                        cut(own, dice)
                    };
                    let sent = Rc::new(sent);
                    self.cloud.insert(VAULT_NAME.to_owned(), Rc::clone(&sent));
                    self.common[number].insert(VAULT_NAME.to_owned(), sent);
                }
            }
            Act::Pull | Act::PullTorn => {
                if let Some(there) = self.cloud.get(VAULT_NAME).cloned() {
                    let got = there.to_vec();
                    let got = if act == Act::Pull {
                        got
                    } else {
                        cut(got, dice)
                    };
                    self.put(device, &path, &got);
                    self.common[number].insert(VAULT_NAME.to_owned(), there);
                }
            }
            Act::Sync => {
                let habit = dice.weighted(&HABITS);
                self.sync(number, device, habit, dice);
            }
            Act::Rollback => {
                if let Some(version) = self.version(dice) {
                    self.put(device, &path, &version);
                }
            }
            Act::Cut => {
                if let Some(own) = own {
                    self.put(device, &path, &cut(own, dice));
                }
            }
            Act::Rot => {
                if let Some(own) = own {
                    self.put(device, &path, &rotten(own, dice));
                }
            }
            Act::Replay => {
                if let (Some(own), Some(old)) = (own, self.version(dice)) {
                    self.put(device, &path, &replayed(own, &old, dice));
                }
            }
            Act::Delete => drop(disk.take(&path)),
            Act::DeleteFolder => {
                for (path, _) in device.files_in(DRIVE) {
                    disk.take(&path);
                }
            }
            Act::Substitute => self.put(device, &path, &self.something_else(dice)),
            Act::Plant => {
                let names = ["backup of vault.keyfold", "notes.txt", "vault.keyfold.bak"];
                let name = match dice.below(2) {
                    0 => (*dice.pick(&names).unwrap()).to_owned(),
                    _ => match dice.weighted(&HABITS) {
                        Habit::Copy(name) | Habit::LocalCopy(name) => named(name, dice),
                        _ => format!("{VAULT_NAME}..path{}", 1 + dice.below(2)),
                    },
                };
                let content = match self.version(dice) {
                    Some(version) if dice.one_in(2) => version,
                    Some(version) => cut(version, dice),
                    None => self.something_else(dice),
                };
                self.put(device, &Path::new(DRIVE).join(name), &content);
            }
        }
    }

    fn something_else(&self, dice: &mut Dice) -> Vec<u8> {
        match dice.below(3) {
            0 => Vec::new(),
            1 => {
                let mut garbage = vec![0; dice.below(5000)];
                dice.0.fill_bytes(&mut garbage);
                garbage
            }
            _ => self.foreign.to_vec(),
        }
    }

    /// Both ways, as drives do: each name by itself, against what both sides had in common last. Returns whether anything
    /// went either way.
    pub(crate) fn sync(
        &mut self,
        number: usize,
        device: &Device,
        habit: Habit,
        dice: &mut Dice,
    ) -> bool {
        let local: BTreeMap<String, Content> = names_of(device);
        let all: BTreeSet<&String> = local.keys().chain(self.cloud.keys()).collect();
        let all: Vec<String> = all.into_iter().cloned().collect();
        let mut moved = false;
        for name in all {
            let here = local.get(&name).cloned();
            let there = self.cloud.get(&name).cloned();
            let before = self.common[number].get(&name).cloned();
            if there.is_none() && self.kept_local.contains(&(number, name.clone())) {
                continue;
            }
            moved |= here != there;
            if here == there {
                self.agree(number, &name, here);
            } else if here == before {
                self.bring(number, device, &name, there);
            } else if there == before || there.is_none() {
                self.send(number, &name, here);
            } else if let (Some(here), Some(there)) = (here, there.clone()) {
                self.conflict(number, device, &name, here, there, habit, dice);
            } else {
                self.bring(number, device, &name, there);
            }
        }
        moved
    }

    /// Takes away from the cloud what is no vault of ours at the vault's name.
    pub(crate) fn leave_the_vault_only(&mut self, preamble: &[u8]) {
        let there = self.cloud.get(VAULT_NAME);
        if there.is_some_and(|file| !file.starts_with(preamble)) {
            self.cloud.remove(VAULT_NAME);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "two sides, a name, a habit")]
    fn conflict(
        &mut self,
        number: usize,
        device: &Device,
        name: &str,
        here: Content,
        there: Content,
        habit: Habit,
        dice: &mut Dice,
    ) {
        let habit = if name == VAULT_NAME {
            habit
        } else {
            Habit::LastWriterWins
        };
        match habit {
            Habit::Copy(pattern) | Habit::LocalCopy(pattern) => {
                let copy = named(pattern, dice);
                self.put(device, &Path::new(DRIVE).join(&copy), &here);
                if let Habit::Copy(_) = habit {
                    self.send(number, &copy, Some(here));
                } else {
                    self.kept_local.insert((number, copy));
                }
                self.bring(number, device, name, Some(there));
            }
            Habit::BothRenamed => {
                for (end, content) in [("..path1", here), ("..path2", there)] {
                    let copy = format!("{name}{end}");
                    self.send(number, &copy, Some(Rc::clone(&content)));
                    self.put(device, &Path::new(DRIVE).join(&copy), &content);
                }
                self.send(number, name, None);
                device.disk.take(&Path::new(DRIVE).join(name));
            }
            Habit::LastWriterWins => {
                if dice.one_in(2) {
                    self.send(number, name, Some(here));
                } else {
                    self.bring(number, device, name, Some(there));
                }
            }
        }
    }

    fn send(&mut self, number: usize, name: &str, content: Option<Content>) {
        match &content {
            Some(content) => drop(self.cloud.insert(name.to_owned(), Rc::clone(content))),
            None => drop(self.cloud.remove(name)),
        }
        self.agree(number, name, content);
    }

    fn bring(&mut self, number: usize, device: &Device, name: &str, content: Option<Content>) {
        let path = Path::new(DRIVE).join(name);
        match &content {
            Some(content) => self.put(device, &path, content),
            None => drop(device.disk.take(&path)),
        }
        self.agree(number, name, content);
    }

    fn agree(&mut self, number: usize, name: &str, content: Option<Content>) {
        match content {
            Some(content) => drop(self.common[number].insert(name.to_owned(), content)),
            None => drop(self.common[number].remove(name)),
        }
    }
}

fn names_of(device: &Device) -> BTreeMap<String, Content> {
    let files = device.files_in(DRIVE).into_iter();
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    files
        .map(|(path, content)| (name(path), Rc::new(content)))
        .collect()
}

fn named(pattern: &str, dice: &mut Dice) -> String {
    pattern.replace("%%", &format!("{:02}", dice.below(60)))
}

/// The first part of a file, cut at a block or anywhere.
fn cut(mut file: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    let mut end = dice.below(file.len() + 1);
    if dice.one_in(3) {
        end -= end % BLOCK;
    }
    file.truncate(end);
    file
}

fn rotten(mut file: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    let start = dice.below(file.len());
    let end = (start + 1 + dice.below(2000)).min(file.len());
    dice.0.fill_bytes(&mut file[start..end]);
    file
}

fn replayed(mut file: Vec<u8>, old: &[u8], dice: &mut Dice) -> Vec<u8> {
    if !dice.one_in(4) {
        file.resize(file.len().next_multiple_of(BLOCK), 0);
    }
    let start = dice.below(old.len()) / BLOCK * BLOCK;
    let end = (start + BLOCK * (1 + dice.below(20))).min(old.len());
    file.extend_from_slice(&old[start..end]);
    file
}
