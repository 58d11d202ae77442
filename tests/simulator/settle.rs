//! The end of every story: a fair drive returns, everybody syncs until nothing changes, and then all must be well.

use super::device::{DRIVE, Device, Key, key_of, reviews, vault_path};
use super::failure::{Failure, fail};
use super::steps::{DAY, Dice};
use super::world::{CALM, World, clear};
use crate::scene::dump;
use keyfold::model::ids::RecordId;
use keyfold::vault::Vault;
use std::collections::BTreeSet;

/// Rounds that all devices may take until nobody writes any more.
const ROUNDS: usize = 12;
/// Times that the user may have to decide which key counts.
const DECISIONS: usize = 24;

/// What somebody saw who opened a vault a while later.
struct Visit {
    vault: Vault,
    wrote: bool,
    notices: Vec<String>,
}

impl Visit {
    fn is_told_of_another_key(&self) -> bool {
        self.notices.iter().any(|notice| notice == "OtherKey")
    }
}

impl World {
    /// Everybody syncs; then all devices mean the same, nothing is lost or invented, and nobody writes any more.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
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
            vaults.push(self.must_visit(number, &mut dice)?.vault);
        }
        let meaning = self.check_equal(&vaults)?;
        self.check_kept(&vaults)?;
        for (vault, device) in vaults.iter().zip(&self.devices) {
            self.ledger.check(vault)?;
            // A device that was harmed may have been the only one with a piece.
            if !self.is_disturbed {
                self.ledger.check_files(vault, device.name)?;
            }
        }
        drop(vaults);
        self.check_silence(&mut dice)?;
        self.check_newcomer(&meaning, &mut dice)
    }

    /// Rounds until nobody writes and the drive moves nothing. Where keys went apart, the user decides.
    fn calm_down(&mut self, dice: &mut Dice) -> Result<(), Failure> {
        let (mut rounds, mut decisions, mut has_waited) = (0, 0, false);
        // A stranger's frames behind the own ones are told of once, when they come.
        let mut told: BTreeSet<usize> = BTreeSet::new();
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
                    puzzled.extend(visit.is_told_of_another_key().then_some(number));
                }
                is_quiet &= !self.sync(number, dice);
            }
            told.extend(&puzzled);
            if !is_quiet {
                continue;
            }
            match &puzzled[..] {
                [] if keys.len() == 1 && has_waited => return Ok(()),
                [] if keys.len() == 1 => {
                    // Times that a drive kept may lie ahead of a device's clock by as much, and count as fresh until then.
                    self.now += DAY;
                    has_waited = true;
                }
                [] if told.is_empty() => {
                    return fail("keys", format!("{keys:?}, and nobody says so"));
                }
                [] => self.decide(&told.iter().copied().collect::<Vec<_>>(), dice)?,
                puzzled => self.decide(puzzled, dice)?,
            }
            (rounds, decisions) = (0, decisions + 1);
        }
        let text = format!("after {rounds} rounds and {decisions} decisions somebody still writes");
        fail("noise", text)
    }

    fn sync(&mut self, number: usize, dice: &mut Dice) -> bool {
        self.now += CALM;
        let device = &self.devices[number];
        device.set_clock(self.now);
        self.drive.sync(number, device, self.habit, dice)
    }

    /// One of those who are told that a file lies under another key does something about it.
    fn decide(&mut self, puzzled: &[usize], dice: &mut Dice) -> Result<(), Failure> {
        for number in puzzled {
            self.now += CALM;
            let device = &mut self.devices[*number];
            let now = device.set_clock(self.now);
            let decided = device.decide(now, dice, &mut self.ledger);
            let name = device.name;
            self.look_at_disk(*number)?;
            match decided {
                Ok(None) => {}
                Ok(Some(text)) => {
                    self.log.push(format!("  {text}"));
                    return Ok(());
                }
                Err(error) => {
                    return fail("cannot decide", format!("{name}: {error} ({error:?})"));
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
        let name = device.name;
        let now = device.set_clock(self.now);
        let before = device.files_in(DRIVE);
        let had_replica = device.has_replica();
        let (vault, notices) = match device.open_patiently(now, dice, &mut self.ledger) {
            Ok(opened) => opened,
            Err(_) if !had_replica => return Ok(None),
            Err(error) => {
                let text = format!("{name}: {error} ({error:?}); {:?}", device.refusals);
                return fail("cannot open", text);
            }
        };
        device.held.extend(vault.state().record_ids());
        let wrote = device.files_in(DRIVE) != before;
        self.log
            .push(format!("  {name} wrote: {wrote}, says {notices:?}"));
        self.look_at_disk(number)?;
        Ok(Some(Visit {
            vault,
            wrote,
            notices,
        }))
    }

    fn must_visit(&mut self, number: usize, dice: &mut Dice) -> Result<Visit, Failure> {
        match self.visit(number, dice)? {
            Some(visit) => Ok(visit),
            None => fail("cannot open", format!("device {number} got nothing")),
        }
    }

    /// All devices mean the same. Returns what.
    fn check_equal(&self, vaults: &[Vault]) -> Result<String, Failure> {
        let mut dumps = vaults.iter().map(dump).zip(&self.devices);
        let (first, one) = dumps.next().expect("there are devices");
        for (text, other) in dumps {
            if text != first {
                let (one, other, lines) = (one.name, other.name, differences(&first, &text));
                return fail("states", format!("{one} and {other} differ:\n{lines}"));
            }
        }
        Ok(first)
    }

    /// What a device's own state held is there, or waits for the user. Where no device was harmed, nothing that was
    /// acknowledged has to wait.
    fn check_kept(&self, vaults: &[Vault]) -> Result<(), Failure> {
        let waiting: BTreeSet<RecordId> = vaults.iter().flat_map(reviews).collect();
        for device in &self.devices {
            for (vault, other) in vaults.iter().zip(&self.devices) {
                let missing = device.held.iter();
                let missing = missing.filter(|id| !vault.state().contains(**id));
                let mut missing = missing.filter(|id| !self.ledger.is_about_keys_alone(**id));
                let may_wait = |id: &RecordId| {
                    waiting.contains(id) && (self.is_disturbed || !self.ledger.is_acknowledged(*id))
                };
                if let Some(lost) = missing.find(|id| !may_wait(id)) {
                    let (one, other, waits) = (device.name, other.name, waiting.contains(lost));
                    let text = format!("{one} had {lost}, {other} has not; it waits: {waits}");
                    return fail("lost", text);
                }
            }
        }
        Ok(())
    }

    fn check_silence(&mut self, dice: &mut Dice) -> Result<(), Failure> {
        for _ in 0..2 {
            for number in 0..self.devices.len() {
                let visit = self.must_visit(number, dice)?;
                if visit.wrote || !visit.notices.is_empty() {
                    let (name, wrote) = (self.devices[number].name, visit.wrote);
                    let text = format!("{name} wrote: {wrote}, says {:?}", visit.notices);
                    return fail("noise", text);
                }
            }
        }
        Ok(())
    }

    /// Somebody who has the vault file and a secret and no more sees all of it, and writes nothing there.
    fn check_newcomer(&mut self, meaning: &str, dice: &mut Dice) -> Result<(), Failure> {
        let mut newcomer = Device::new("newcomer", 0);
        let now = newcomer.set_clock(self.now + CALM);
        let file = self.devices[0].vault_file().unwrap_or_default();
        newcomer.disk.place(&vault_path(), &file);
        match newcomer.open_patiently(now, dice, &mut self.ledger) {
            Ok((vault, _)) if dump(&vault) == meaning => {}
            Ok((vault, _)) => {
                let lines = differences(meaning, &dump(&vault));
                return fail("newcomer", format!("sees another vault:\n{lines}"));
            }
            Err(error) => {
                let text = format!("{error} ({error:?}); {:?}", newcomer.refusals);
                return fail("newcomer", text);
            }
        }
        if newcomer.vault_file() != Some(file) {
            return fail("newcomer", "writes".to_owned());
        }
        Ok(())
    }
}

/// The user takes away what is no vault of theirs, as the program told them.
fn leave_the_vault_only(device: &Device, preamble: &[u8]) {
    let file = device.vault_file();
    if file.is_some_and(|file| !file.starts_with(preamble)) {
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
