//! A world of devices and a drive: what happens step by step, and what must be true in the end.

use super::device::{
    DRIVE, Device, Key, STATE, Snapshot, forge, key_of, places, reviews, vault_path,
};
use super::drive::{Drive, Habit, put};
use super::failure::{Failure, fail};
use super::ledger::Ledger;
use super::steps::{Cast, Command, DAY, Deed, Dice, Fate, Forgery, Step, Trouble};
use crate::scene::{NOW, dump, new_secret};
use keyfold::model::ids::RecordId;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{NewVault, Vault, create};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const NAMES: [&str; 5] = ["ada", "bob", "cleo", "dan", "eve"];
/// Rounds that all devices may take until nobody writes any more.
const ROUNDS: usize = 12;
/// Times that the user may have to decide which key counts.
const DECISIONS: usize = 24;
/// Time between the commands of these, in milliseconds: longer than a file has to lie still.
const CALM: u64 = 3_000;

pub(crate) struct World {
    now: u64,
    devices: Vec<Device>,
    habit: Habit,
    drive: Drive,
    ledger: Ledger,
    /// What the vault's files begin with.
    preamble: Vec<u8>,
    /// Files as they were looked at last, for what is new.
    looked_at: BTreeMap<(usize, PathBuf), (u64, i128, u64)>,
    /// What happened, for a failure's message.
    log: Vec<String>,
}

/// What somebody saw who opened a vault a while later.
struct Visit {
    vault: Vault,
    wrote: bool,
    notices: Vec<String>,
}

/// Tells the story to its end; what does not hold is the failure. A panic is one too.
pub(crate) fn tell(cast: Cast, steps: &[Step]) -> Result<(), Failure> {
    let told = std::panic::catch_unwind(|| {
        let mut world = World::new(cast)?;
        let mut play = || {
            for step in steps {
                world.log.push(format!("{step:?}"));
                world.take(step)?;
            }
            world.log.push("the fair drive returns".to_owned());
            world.settle()
        };
        let played = play();
        played.map_err(|failure| Failure {
            log: std::mem::take(&mut world.log),
            ..failure
        })
    });
    told.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        fail("panic", text.unwrap_or_default())
    })
}

impl World {
    /// One device has a vault with an item; it is in the cloud, and the others have what is there.
    fn new(cast: Cast) -> Result<Self, Failure> {
        let count = cast.devices;
        let mut ledger = Ledger::new();
        let secret = ledger.make_secret();
        let devices: Vec<Device> = NAMES[..count]
            .iter()
            .map(|name| Device::new(name, secret))
            .collect();
        let mut world = Self {
            now: NOW.0,
            drive: Drive::new(count, foreign_vault()),
            devices,
            habit: cast.habit,
            ledger,
            preamble: Vec::new(),
            looked_at: BTreeMap::new(),
            log: Vec::new(),
        };
        let mut dice = Dice::new(1);
        let now = world.devices[0].set_clock(world.now);
        let second = world.ledger.make_secret();
        let new = NewVault {
            secrets: vec![
                new_secret(secret, &mut dice.0),
                new_secret(second, &mut dice.0),
            ],
            device_name: NAMES[0].to_owned(),
        };
        let made = create(
            world.devices[0].disk.clone(),
            &places(),
            new,
            now,
            &mut dice.0,
        );
        drop(made.expect("nothing is in the way"));
        world.preamble = world.devices[0].vault_file().expect("it was just made");
        world.preamble.truncate(1024);
        for device in 0..count {
            world.now += CALM;
            if let Some(file) = world.devices[0].vault_file() {
                world.drive.publish(file.clone());
                world.devices[device].set_clock(world.now);
                put(&world.devices[device], &vault_path(), &file);
            }
            let edit = Command::Edit(super::steps::Edit::Add);
            let command = if device == 0 { edit } else { Command::Open };
            world.command(device, command, Trouble::Nothing, &mut dice)?;
        }
        Ok(world)
    }

    fn take(&mut self, step: &Step) -> Result<(), Failure> {
        self.now += step.wait;
        let device = step.device;
        let mut dice = Dice::new(step.chance);
        self.devices[device].set_clock(self.now);
        match step.deed {
            Deed::Run(command, trouble) => self.command(device, command, trouble, &mut dice),
            Deed::Drive(act) => {
                self.drive
                    .act(act, device, &self.devices[device], &mut dice);
                Ok(())
            }
            Deed::Machine(fate) => {
                self.meet_fate(device, fate, &mut dice);
                Ok(())
            }
            Deed::Forge(forgery) => self.forge(device, forgery, &mut dice),
        }
    }

    fn command(
        &mut self,
        device: usize,
        command: Command,
        trouble: Trouble,
        dice: &mut Dice,
    ) -> Result<(), Failure> {
        let now = self.devices[device].set_clock(self.now);
        let ran = self.devices[device].run(command, trouble, now, dice, &mut self.ledger);
        self.look_at_disk(device)?;
        self.log.push(format!("    {}", ran?));
        Ok(())
    }

    /// Every frame that is new on a disk is noted, and every version of the vault file.
    fn look_at_disk(&mut self, number: usize) -> Result<(), Failure> {
        let disk = Arc::clone(&self.devices[number].disk);
        for path in disk.files() {
            let Ok(Some(stamp)) = keyfold::storage::Storage::stamp(&*disk, &path) else {
                continue;
            };
            let seen = (stamp.inode, stamp.changed_ns, stamp.length);
            if self.looked_at.insert((number, path.clone()), seen) == Some(seen) {
                continue;
            }
            let content = disk.content(&path).unwrap_or_default();
            self.ledger.note_frames(&content)?;
            if path == vault_path() {
                self.drive.note(content);
            }
        }
        Ok(())
    }

    fn meet_fate(&mut self, number: usize, fate: Fate, dice: &mut Dice) {
        let now = self.now;
        let device = &mut self.devices[number];
        match fate {
            Fate::CloneState => {
                let files = device.files_in(STATE);
                let held = device.held.clone();
                let other = dice.below(self.devices.len());
                if other != number {
                    self.devices[other].set_clock(now);
                    put_state(&mut self.devices[other], files, held);
                }
            }
            Fate::Snapshot => {
                let held = device.held.clone();
                device.snapshot = Some(match dice.below(2) {
                    0 => Snapshot::State(device.files_in(STATE), held),
                    _ => Snapshot::Machine(device.disk.fork(), held),
                });
            }
            Fate::Restore => match device.snapshot.take() {
                Some(Snapshot::State(files, held)) => put_state(device, files, held),
                Some(Snapshot::Machine(disk, held)) => {
                    device.put_disk(disk);
                    device.held = held;
                    self.looked_at.retain(|(of, _), _| *of != number);
                }
                None => {}
            },
            Fate::Clock => {
                let years = 365 * DAY;
                let off = match dice.below(4) {
                    0 => 0,
                    1 => dice.below(10_000),
                    2 => dice.below(usize::try_from(3 * DAY).unwrap()),
                    _ => dice.below(usize::try_from(5 * years).unwrap()),
                };
                let off = i64::try_from(off).unwrap();
                device.skew = if dice.one_in(2) { off } else { -off };
            }
            Fate::Fill => {
                let used: usize = device
                    .files_in("/")
                    .iter()
                    .map(|(_, content)| content.len())
                    .sum();
                let room = dice.below(12_000);
                device
                    .disk
                    .limit_capacity(u64::try_from(used + room).unwrap());
                device.is_limited = true;
            }
            Fate::Clear => clear(device),
            Fate::ReadOnly => {
                device.disk.make_read_only(Path::new(DRIVE));
                device.is_limited = true;
            }
        }
    }

    /// Somebody has an old version of the file and a secret that opens it, and publishes what they make of it.
    fn forge(&mut self, number: usize, forgery: Forgery, dice: &mut Dice) -> Result<(), Failure> {
        let Some(version) = self.drive.version(dice) else {
            return Ok(());
        };
        let made = forge(
            &version,
            forgery,
            self.devices[number].now(self.now),
            dice,
            &mut self.ledger,
        );
        let Some(file) = made else { return Ok(()) };
        self.ledger.note_frames(&file)?;
        let device = &self.devices[number];
        match dice.below(3) {
            0 => self.drive.publish(file),
            1 => put(device, &vault_path(), &file),
            _ => {
                let name = "vault.sync-conflict-20261125-080000-HIJKLMN.keyfold";
                put(device, &Path::new(DRIVE).join(name), &file);
            }
        }
        Ok(())
    }

    /// A fair drive returns and everybody syncs until nothing changes; then all must be well.
    fn settle(&mut self) -> Result<(), Failure> {
        let mut dice = Dice::new(2);
        for device in &mut self.devices {
            clear(device);
            device.close();
            leave_the_vault_only(device, &self.preamble);
        }
        self.drive.leave_the_vault_only(&self.preamble);
        self.calm_down(&mut dice)?;
        let mut vaults = Vec::new();
        for number in 0..self.devices.len() {
            match self.visit(number, &mut dice)? {
                Some(visit) => vaults.push(visit.vault),
                None => return fail("cannot open", format!("{} got nothing", NAMES[number])),
            }
        }
        let dumps: Vec<String> = vaults.iter().map(dump).collect();
        for (number, text) in dumps.iter().enumerate() {
            if *text != dumps[0] {
                let (one, other) = (NAMES[0], NAMES[number]);
                return fail(
                    "states",
                    format!(
                        "{one} and {other} differ:\n{}",
                        differences(&dumps[0], text)
                    ),
                );
            }
        }
        self.check_kept(&vaults)?;
        for vault in &vaults {
            self.ledger.check(vault)?;
        }
        drop(vaults);
        self.check_silence(&mut dice)
    }

    fn calm_down(&mut self, dice: &mut Dice) -> Result<(), Failure> {
        let (mut rounds, mut decisions) = (0, 0);
        while rounds < ROUNDS && decisions < DECISIONS {
            rounds += 1;
            let mut is_quiet = true;
            let mut keys: BTreeSet<Option<Key>> = BTreeSet::new();
            let mut puzzled = Vec::new();
            for number in 0..self.devices.len() {
                is_quiet &= !self.sync(number, dice);
                let visit = self.visit(number, dice)?;
                keys.insert(visit.as_ref().map(|visit| key_of(&visit.vault)));
                if let Some(visit) = visit {
                    is_quiet &= !visit.wrote;
                    if visit.notices.contains(&"OtherKey".to_owned()) {
                        puzzled.push(number);
                    }
                }
                is_quiet &= !self.sync(number, dice);
            }
            if !is_quiet {
                continue;
            }
            match &puzzled[..] {
                [] if keys.len() == 1 => return Ok(()),
                [] => self.part(dice)?,
                puzzled => self.decide(puzzled, dice)?,
            }
            (rounds, decisions) = (0, decisions + 1);
        }
        fail(
            "noise",
            format!("after {rounds} rounds and {decisions} decisions somebody still writes"),
        )
    }

    fn sync(&mut self, number: usize, dice: &mut Dice) -> bool {
        self.now += CALM;
        let device = &self.devices[number];
        device.set_clock(self.now);
        self.drive.sync(number, device, self.habit, dice)
    }

    /// Two keys that went apart lie in one file, which only a drive makes that joins files: a rewrite parts them.
    fn part(&mut self, dice: &mut Dice) -> Result<(), Failure> {
        let file = self.devices[0].vault_file().unwrap_or_default();
        if self.ledger.keys_of(&file).len() < 2 {
            return fail(
                "keys",
                "devices live under several keys, and nobody says so".to_owned(),
            );
        }
        self.now += CALM;
        self.command(0, Command::Compact, Trouble::Nothing, dice)
    }

    /// One of those who are told that a file lies under another key does something about it.
    fn decide(&mut self, puzzled: &[usize], dice: &mut Dice) -> Result<(), Failure> {
        for number in puzzled {
            self.now += CALM;
            let now = self.devices[*number].set_clock(self.now);
            let decided = self.devices[*number].decide(now, dice, &mut self.ledger);
            self.look_at_disk(*number)?;
            match decided {
                Ok(None) => {}
                Ok(Some(text)) => {
                    self.log.push(format!("  {text}"));
                    return Ok(());
                }
                Err(error) => {
                    return fail(
                        "cannot decide",
                        format!("{}: {error} ({error:?})", NAMES[*number]),
                    );
                }
            }
        }
        self.log
            .push("  copies that nothing opens are taken away".to_owned());
        self.devices[puzzled[0]].clear_copies(&self.preamble);
        Ok(())
    }

    /// Opens a vault a while later. A device that lost everything waits for the drive.
    fn visit(&mut self, number: usize, dice: &mut Dice) -> Result<Option<Visit>, Failure> {
        self.now += CALM;
        let device = &mut self.devices[number];
        let now = device.set_clock(self.now);
        let before = device.files_in(DRIVE);
        let had_replica = device.has_replica();
        let (vault, notices) = match device.open_patiently(now, dice, &mut self.ledger) {
            Ok(opened) => opened,
            Err(_) if !had_replica => return Ok(None),
            Err(error) => {
                return fail(
                    "cannot open",
                    format!(
                        "{}: {error} ({error:?}); {:?}",
                        device.name, device.refusals
                    ),
                );
            }
        };
        device.held.extend(vault.state().record_ids());
        let wrote = device.files_in(DRIVE) != before;
        self.log.push(format!(
            "  {} wrote: {wrote}, says {notices:?}",
            device.name
        ));
        self.look_at_disk(number)?;
        Ok(Some(Visit {
            vault,
            wrote,
            notices,
        }))
    }

    /// What a device's own state held is there, or waits for the user.
    fn check_kept(&self, vaults: &[Vault]) -> Result<(), Failure> {
        let waiting: BTreeSet<RecordId> = vaults.iter().flat_map(reviews).collect();
        for device in &self.devices {
            for (vault, other) in vaults.iter().zip(&self.devices) {
                let held = device.held.iter();
                let lost = held.filter(|id| !vault.state().contains(**id) && !waiting.contains(id));
                let lost = lost.filter(|id| !self.ledger.is_about_keys_alone(**id));
                let lost: Vec<String> = lost.map(ToString::to_string).collect();
                if !lost.is_empty() {
                    return fail(
                        "lost",
                        format!("{} had {lost:?}, {} has not", device.name, other.name),
                    );
                }
            }
        }
        Ok(())
    }

    fn check_silence(&mut self, dice: &mut Dice) -> Result<(), Failure> {
        for _ in 0..2 {
            for number in 0..self.devices.len() {
                let Some(Visit { wrote, notices, .. }) = self.visit(number, dice)? else {
                    return fail("cannot open", format!("{} got nothing", NAMES[number]));
                };
                if wrote || !notices.is_empty() {
                    return fail(
                        "noise",
                        format!("{} wrote: {wrote}, says {notices:?}", NAMES[number]),
                    );
                }
            }
        }
        Ok(())
    }
}

fn clear(device: &mut Device) {
    device.disk.lift_capacity();
    device.disk.make_writable(Path::new(DRIVE));
    device.is_limited = false;
}

fn put_state(device: &mut Device, files: Vec<(PathBuf, Vec<u8>)>, held: BTreeSet<RecordId>) {
    device.close();
    for (path, _) in device.files_in(STATE) {
        device.disk.take(&path);
    }
    for (path, content) in files {
        device.disk.place(&path, &content);
    }
    device.held = held;
}

/// The user takes away what is no vault of theirs, as the program told them.
fn leave_the_vault_only(device: &Device, preamble: &[u8]) {
    if device
        .vault_file()
        .is_some_and(|file| !file.starts_with(preamble))
    {
        device.disk.take(&vault_path());
    }
}

fn differences(one: &str, other: &str) -> String {
    let lines = |from: &str, without: &str, mark: &str| -> String {
        let held: BTreeSet<&str> = without.lines().collect();
        let only = from.lines().filter(|line| !held.contains(line));
        only.map(|line| format!("{mark} {line}\n")).collect()
    };
    lines(one, other, "-") + &lines(other, one, "+")
}

/// The vault of somebody else.
fn foreign_vault() -> Vec<u8> {
    let storage = Arc::new(SimulatedStorage::new());
    let mut dice = Dice::new(3);
    let new = NewVault {
        secrets: vec![new_secret(99_999, &mut dice.0)],
        device_name: "stranger".to_owned(),
    };
    drop(create(storage.clone(), &places(), new, NOW, &mut dice.0).expect("nothing is in the way"));
    storage.content(&vault_path()).expect("it was just made")
}
