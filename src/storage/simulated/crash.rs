//! The disks that a power cut may leave, and the two loops that stop or fail an operation at each of its steps.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hasher};

use super::disk::Disk;
use super::journal::{Change, Fate};
use super::{Fault, SimulatedStorage};

/// Disks write sectors of this many bytes; a torn write is cut at their borders, and at a few odd places.
const SECTOR: usize = 512;

/// At most so many sector borders of one write are tried, spread evenly.
const MOST_SECTOR_CUTS: usize = 16;

/// A disk as a crash left it.
#[derive(Debug)]
pub struct CrashImage {
    /// The disk, with everything on it durable (or, after a kill, as live as it was).
    pub storage: SimulatedStorage,
    /// What became of each unsynced step, in words, for a failing test's message.
    pub fate: String,
}

/// Runs an operation on copies of a disk, stopping it before its first step, its second and so on, and once not at all;
/// each time `check` sees every disk that a power cut at that moment may leave (at most `limit` tried), and the one that
/// a mere kill leaves, together with what the operation returned. Returns how many disks were checked.
pub fn crash_everywhere<T>(
    base: &SimulatedStorage,
    limit: usize,
    run: impl Fn(&SimulatedStorage) -> T,
    mut check: impl FnMut(&CrashImage, &T),
) -> usize {
    let mut checked = 0;
    for step in 0.. {
        let storage = base.fork();
        storage.fail_at(step, Fault::Crash);
        let outcome = run(&storage);
        let killed = CrashImage {
            storage: storage.fork(),
            fate: "killed, nothing lost".to_owned(),
        };
        for mut image in storage.crash_images(limit).chain([killed]) {
            image.fate = format!("stopped before step {step}: {}", image.fate);
            check(&image, &outcome);
            checked += 1;
        }
        if !storage.has_crashed() {
            break;
        }
    }
    checked
}

/// Runs an operation on copies of a disk, letting its first step go wrong, then its second and so on; each time `check`
/// sees the disk and what the operation returned. Returns how many steps were tried. Not for [`Fault::Crash`].
pub fn fail_everywhere<T>(
    base: &SimulatedStorage,
    fault: Fault,
    run: impl Fn(&SimulatedStorage) -> T,
    mut check: impl FnMut(&SimulatedStorage, &T),
) -> usize {
    let mut tried = 0;
    for step in 0.. {
        let storage = base.fork();
        storage.fail_at(step, fault);
        let outcome = run(&storage);
        if storage.step_count() <= step {
            break;
        }
        check(&storage, &outcome);
        tried += 1;
    }
    tried
}

/// See [`SimulatedStorage::crash_images`].
pub(super) fn images(disk: &Disk, limit: usize) -> impl Iterator<Item = CrashImage> + use<> {
    let disk = disk.clone();
    let mut seen = HashSet::new();
    choices(&disk, limit).into_iter().filter_map(move |choice| {
        let after = disk.after_power_cut(|ordinal| choice.fate(ordinal));
        seen.insert(fingerprint(&after)).then(|| CrashImage {
            fate: choice.in_words(&disk),
            storage: SimulatedStorage::from_disk(after),
        })
    })
}

/// One combination of fates; numbers count the unsynced steps from 0.
#[derive(Clone, Debug)]
enum Choice {
    First(usize),
    AllBut(Vec<usize>),
    Only(Vec<usize>),
    Torn {
        ordinal: usize,
        fate: Fate,
        others: Others,
    },
}

#[derive(Clone, Copy, Debug)]
enum Others {
    EarlierKept,
    AllKept,
    AllLost,
}

impl Choice {
    fn fate(&self, ordinal: usize) -> Fate {
        let is_kept = match self {
            Self::First(count) => ordinal < *count,
            Self::AllBut(lost) => !lost.contains(&ordinal),
            Self::Only(kept) => kept.contains(&ordinal),
            Self::Torn {
                ordinal: torn,
                fate,
                others,
            } => {
                if ordinal == *torn {
                    return *fate;
                }
                match others {
                    Others::EarlierKept => ordinal < *torn,
                    Others::AllKept => true,
                    Others::AllLost => false,
                }
            }
        };
        if is_kept { Fate::Kept } else { Fate::Lost }
    }

    fn in_words(&self, disk: &Disk) -> String {
        let steps: Vec<String> = disk
            .unsettled()
            .enumerate()
            .map(|(ordinal, change)| format!("{change}: {:?}", self.fate(ordinal)))
            .collect();
        if steps.is_empty() {
            "everything was synced".to_owned()
        } else {
            steps.join("; ")
        }
    }
}

/// At most `limit` choices: the prefixes, then the others, thinned out evenly.
fn choices(disk: &Disk, limit: usize) -> Vec<Choice> {
    let tears: Vec<Vec<Fate>> = disk.unsettled().map(tears).collect();
    let count = tears.len();
    let mut chosen: Vec<Choice> = (0..=count).map(Choice::First).take(limit).collect();
    let left = limit.saturating_sub(chosen.len());
    if left > 0 {
        let mut stride = irregular(&tears).count().div_ceil(left).max(1);
        // The choices come in twos and threes of a kind; a stride that 2 or 3 divides would only ever meet one of them.
        while stride.is_multiple_of(2) || stride.is_multiple_of(3) {
            stride += 1;
        }
        chosen.extend(irregular(&tears).step_by(stride));
    }
    chosen
}

/// All choices that are no prefixes.
fn irregular(tears: &[Vec<Fate>]) -> impl Iterator<Item = Choice> {
    let torn = tears.iter().enumerate().flat_map(|(ordinal, fates)| {
        fates.iter().flat_map(move |fate| {
            [Others::EarlierKept, Others::AllKept, Others::AllLost].map(|others| Choice::Torn {
                ordinal,
                fate: *fate,
                others,
            })
        })
    });
    let subsets = subsets_up_to_three(tears.len())
        .flat_map(|subset| [Choice::AllBut(subset.clone()), Choice::Only(subset)]);
    torn.chain(subsets)
}

fn subsets_up_to_three(count: usize) -> impl Iterator<Item = Vec<usize>> {
    let singles = (0..count).map(|one| vec![one]);
    let pairs = (0..count).flat_map(move |one| (one + 1..count).map(move |two| vec![one, two]));
    let triples = (0..count).flat_map(move |one| {
        (one + 1..count)
            .flat_map(move |two| (two + 1..count).map(move |three| vec![one, two, three]))
    });
    singles.chain(pairs).chain(triples)
}

/// The ways in which a change may be half done: none but for writes.
fn tears(change: &Change) -> Vec<Fate> {
    let Change::Write { offset, bytes, .. } = change else {
        return Vec::new();
    };
    let length = bytes.len();
    let first_border = SECTOR - offset % SECTOR;
    let borders: Vec<usize> = (first_border..length).step_by(SECTOR).collect();
    let stride = borders.len().div_ceil(MOST_SECTOR_CUTS).max(1);
    let borders: BTreeSet<usize> = borders.into_iter().step_by(stride).collect();
    let odd_places = [1, length / 2, length.saturating_sub(1)];
    let cuts: BTreeSet<usize> = borders
        .iter()
        .copied()
        .chain(odd_places)
        .filter(|cut| (1..length).contains(cut))
        .collect();
    let heads = cuts.into_iter().map(Fate::Head);
    let tails = borders.into_iter().map(Fate::Tail);
    heads.chain(tails).chain([Fate::Hollow]).collect()
}

/// Equal for disks that hold the same names and contents. Inodes are left out: they say nothing to a new process.
fn fingerprint(disk: &Disk) -> u64 {
    let mut hasher = DefaultHasher::new();
    disk.hash_names_and_contents(&mut hasher);
    hasher.finish()
}
