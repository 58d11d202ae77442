//! A world of devices and a drive: what happens step by step, and what must be true in the end.

use super::device::{DRIVE, Device, STATE, Snapshot, forge, places, vault_path};
use super::drive::{Drive, Habit};
use super::failure::{Failure, fail};
use super::ledger::Ledger;
use super::steps::{Cast, Command, DAY, Deed, Dice, Fate, Forgery, Step, Trouble};
use crate::scene::{NOW, new_secret};
use keyfold::model::ids::RecordId;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{NewVault, create};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const NAMES: [&str; 5] = ["ada", "bob", "cleo", "dan", "eve"];
/// Time enough for a file to lie still, in milliseconds.
pub(super) const CALM: u64 = 3_000;

pub(crate) struct World {
    pub(super) now: u64,
    pub(super) devices: Vec<Device>,
    pub(super) habit: Habit,
    pub(super) drive: Drive,
    pub(super) ledger: Ledger,
    /// What the vault's files begin with.
    pub(super) preamble: Vec<u8>,
    /// Files as they were looked at last, for what is new.
    looked_at: BTreeMap<(usize, PathBuf), (u64, i128, u64)>,
    /// Whether a device was harmed.
    pub(super) is_disturbed: bool,
    /// What happened, for a failure's message.
    pub(super) log: Vec<String>,
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
            drive: Drive::new(cast, foreign_vault()),
            devices,
            habit: cast.habit,
            ledger,
            preamble: Vec::new(),
            looked_at: BTreeMap::new(),
            is_disturbed: false,
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
                world
                    .drive
                    .put(&world.devices[device], &vault_path(), &file);
            }
            let edit = Command::Edit(super::steps::Edit::Add);
            let command = if device == 0 { edit } else { Command::Open };
            world.command(device, command, Trouble::Nothing, &mut dice)?;
        }
        Ok(world)
    }

    fn take(&mut self, step: &Step) -> Result<(), Failure> {
        self.now += step.wait;
        self.is_disturbed |= step.is_disturbance();
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
    pub(super) fn look_at_disk(&mut self, number: usize) -> Result<(), Failure> {
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
                self.drive.note(&self.devices[number]);
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
            1 => self.drive.put(device, &vault_path(), &file),
            _ => {
                let name = "vault.sync-conflict-20261125-080000-HIJKLMN.keyfold";
                self.drive.put(device, &Path::new(DRIVE).join(name), &file);
            }
        }
        Ok(())
    }
}

/// Takes away whatever is wrong with the disk on purpose.
pub(super) fn clear(device: &mut Device) {
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
