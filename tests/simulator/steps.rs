//! What may happen: steps that are drawn from a seed. Each carries its own chance, so that leaving others out does not
//! change what it does, which is what makes a failure small.

use super::drive::{HABITS, Habit};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Random numbers, all from one seed.
pub(crate) struct Dice(pub(crate) StdRng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap();
        usize::try_from(self.0.next_u64() % bound).unwrap()
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }

    /// One of several, each as likely as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, all: &[(usize, T)]) -> T {
        let sum = all.iter().map(|(weight, _)| weight).sum();
        let mut at = self.below(sum);
        for (weight, one) in all {
            if at < *weight {
                return *one;
            }
            at -= weight;
        }
        all[0].1
    }
}

/// One thing that happens, to or near one device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) device: usize,
    /// Milliseconds that pass before it.
    pub(crate) wait: u64,
    /// What all the rest of it is drawn from.
    pub(crate) chance: u64,
    pub(crate) deed: Deed,
}

impl Step {
    /// Whether it harms a device, so that the device need not know afterwards what it wrote itself.
    pub(crate) fn is_disturbance(&self) -> bool {
        match self.deed {
            Deed::Run(_, trouble) => trouble != Trouble::Nothing,
            Deed::Machine(_) => true,
            Deed::Drive(_) | Deed::Forge(_) => false,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    /// A command on the device, and what goes wrong meanwhile.
    Run(Command, Trouble),
    /// The drive does something to the device's synced folder.
    Drive(Act),
    /// The device itself changes under the program.
    Machine(Fate),
    /// Somebody with an old secret publishes a file.
    Forge(Forgery),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    Open,
    Sync,
    Edit(Edit),
    Compact,
    /// Puts a new secret in the place of the one in use.
    Passwd,
    AddSlot,
    RemoveSlot,
    Rekey,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Edit {
    Add,
    Password,
    Username,
    Otp,
    Custom,
    Tag,
    Untag,
    Url,
    Move,
    Count,
    Trash,
    Restore,
    Purge,
    Prune,
    Undo,
    /// A file; in stories with files alone.
    Attach,
    Detach,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    Nothing,
    /// The machine stops at some step of the disk, and the disk keeps some of what was not synced.
    Crash,
    /// The process is killed there; nothing that was written is lost.
    Kill,
    Io,
    Full,
    Denied,
}

/// What the drive does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    /// The device's file goes up, whatever was there.
    Push,
    /// As far as some place in it.
    PushTorn,
    /// What is there comes down, whatever the device had.
    Pull,
    /// As far as some place in it.
    PullTorn,
    /// As an honest drive does, with conflict copies.
    Sync,
    /// The file becomes one that was there before.
    Rollback,
    /// It is cut somewhere.
    Cut,
    /// Bytes of it rot.
    Rot,
    /// Old frames stand behind it once more.
    Replay,
    Delete,
    DeleteFolder,
    /// Something else lies in its place.
    Substitute,
    /// Something lies beside it under some name.
    Plant,
}

/// What becomes of a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Its state folder is copied to another device.
    CloneState,
    /// Its state folder, or its whole disk, is remembered.
    Snapshot,
    /// That comes back.
    Restore,
    /// Its clock is set.
    Clock,
    /// Nearly no room is left.
    Fill,
    /// There is room again.
    Clear,
    /// Its synced folder can only be read.
    ReadOnly,
}

/// What an ex-holder of a secret publishes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Forgery {
    /// A file under the old key with new records.
    OldKey,
    /// A vault that was rekeyed from the old key.
    Rekeyed,
}

/// What a seed is mostly about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Rewrites, changes of ways in and rekeys, apart and at once.
    Rewrites,
    /// A drive that does what it likes.
    Drive,
    /// Devices that crash, fill up, go back in time and are copied.
    Machines,
}

/// Who takes part, and how the drive of the end treats those who come late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast {
    pub(crate) devices: usize,
    pub(crate) habit: Habit,
    /// Whether the drive keeps the times of the files that it copies.
    pub(crate) keeps_times: bool,
}

/// The whole story of a seed.
pub(crate) fn story(seed: u64) -> (Cast, Vec<Step>) {
    let mut dice = Dice::new(seed);
    let kind = match seed % 10 {
        0..=5 => Kind::Rewrites,
        6 | 7 => Kind::Drive,
        _ => Kind::Machines,
    };
    let cast = Cast {
        devices: 2 + dice.below(4),
        habit: dice.weighted(&HABITS),
        keeps_times: dice.one_in(2),
    };
    let is_calm = dice.one_in(4);
    let count = 8 + dice.below(if is_calm { 20 } else { 40 });
    let mut steps: Vec<Step> = (0..count)
        .map(|_| step(kind, cast.devices, &mut dice))
        .collect();
    if is_calm {
        steps.retain(|step| !step.is_disturbance());
    }
    // Every fourth ten of seeds. Nothing more is drawn for it, so that the others stay the stories that they were.
    if seed / 10 % 4 == 1 {
        steps.iter_mut().for_each(bring_files);
    }
    (cast, steps)
}

/// Some of the changes to items become changes to their files.
fn bring_files(step: &mut Step) {
    if let Deed::Run(Command::Edit(edit), _) = &mut step.deed {
        match step.chance % 7 {
            0 | 1 => *edit = Edit::Attach,
            2 => *edit = Edit::Detach,
            _ => {}
        }
    }
}

fn step(kind: Kind, devices: usize, dice: &mut Dice) -> Step {
    let deed = deed(kind, dice);
    Step {
        device: dice.below(devices),
        wait: match dice.below(10) {
            0 => 0,
            1..=3 => 1 + dice.0.next_u64() % 2_000,
            4..=8 => 2_000 + dice.0.next_u64() % 60_000,
            _ => dice.0.next_u64() % (40 * DAY),
        },
        chance: dice.0.next_u64(),
        deed,
    }
}

pub(crate) const DAY: u64 = 24 * 60 * 60 * 1000;

fn deed(kind: Kind, dice: &mut Dice) -> Deed {
    let [run, drive, machine, forge] = match kind {
        Kind::Rewrites => [60, 32, 5, 3],
        Kind::Drive => [45, 50, 3, 2],
        Kind::Machines => [55, 22, 22, 1],
    };
    match dice.weighted(&[(run, 0), (drive, 1), (machine, 2), (forge, 3)]) {
        0 => Deed::Run(command(kind, dice), trouble(kind, dice)),
        1 => Deed::Drive(act(kind, dice)),
        2 => Deed::Machine(dice.weighted(&[
            (2, Fate::CloneState),
            (3, Fate::Snapshot),
            (3, Fate::Restore),
            (3, Fate::Clock),
            (2, Fate::Fill),
            (2, Fate::Clear),
            (1, Fate::ReadOnly),
        ])),
        _ => Deed::Forge(dice.weighted(&[(1, Forgery::OldKey), (1, Forgery::Rekeyed)])),
    }
}

fn command(kind: Kind, dice: &mut Dice) -> Command {
    let rewrites = if kind == Kind::Rewrites { 6 } else { 1 };
    let chosen = dice.weighted(&[
        (6, Command::Open),
        (2, Command::Sync),
        (24, Command::Edit(Edit::Add)),
        (rewrites, Command::Compact),
        (rewrites, Command::Passwd),
        (rewrites / 3, Command::AddSlot),
        (rewrites / 3, Command::RemoveSlot),
        (rewrites, Command::Rekey),
    ]);
    match chosen {
        Command::Edit(_) => Command::Edit(dice.weighted(&[
            (6, Edit::Add),
            (6, Edit::Password),
            (2, Edit::Username),
            (2, Edit::Otp),
            (1, Edit::Custom),
            (1, Edit::Tag),
            (1, Edit::Untag),
            (1, Edit::Url),
            (1, Edit::Move),
            (1, Edit::Count),
            (2, Edit::Trash),
            (1, Edit::Restore),
            (2, Edit::Purge),
            (1, Edit::Prune),
            (2, Edit::Undo),
        ])),
        other => other,
    }
}

fn trouble(kind: Kind, dice: &mut Dice) -> Trouble {
    let often = if kind == Kind::Machines { 4 } else { 1 };
    dice.weighted(&[
        (24, Trouble::Nothing),
        (2 * often, Trouble::Crash),
        (often, Trouble::Kill),
        (often, Trouble::Io),
        (often, Trouble::Full),
        (often, Trouble::Denied),
    ])
}

fn act(kind: Kind, dice: &mut Dice) -> Act {
    let hostile = if kind == Kind::Drive { 3 } else { 1 };
    dice.weighted(&[
        (6, Act::Push),
        (8, Act::Pull),
        (12, Act::Sync),
        (hostile, Act::PushTorn),
        (hostile, Act::PullTorn),
        (2 * hostile, Act::Rollback),
        (hostile, Act::Cut),
        (hostile, Act::Rot),
        (hostile, Act::Replay),
        (hostile, Act::Delete),
        (hostile, Act::DeleteFolder),
        (hostile, Act::Substitute),
        (hostile, Act::Plant),
    ])
}
