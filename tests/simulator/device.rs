//! One device: its disk, its clock, the secrets its user has, and the only place where the simulator calls the vault.

use super::edits::edit;
use super::failure::{Failure, fail};
use super::ledger::{Forged, Ledger};
use super::steps::{Command, Dice, Edit, Forgery, Trouble};
use crate::scene::{new_secret, recovery};
use keyfold::crypto::kdf::PlainMemory;
use keyfold::model::ids::RecordId;
use keyfold::model::moment::Moment;
use keyfold::storage::StorageError;
use keyfold::storage::simulated::{Fault, SimulatedStorage};
use keyfold::vault::{
    Places, Relation, Replacement, UnlockError, Vault, VaultError, known_vault, locate,
};
use rand::rngs::StdRng;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) const DRIVE: &str = "/drive";
pub(crate) const STATE: &str = "/state";
pub(crate) const VAULT_NAME: &str = "vault.keyfold";

pub(crate) fn vault_path() -> PathBuf {
    Path::new(DRIVE).join(VAULT_NAME)
}

pub(crate) fn places() -> Places {
    Places {
        vault_file: vault_path(),
        state_folder: PathBuf::from(STATE),
    }
}

/// Files of a folder, with what they hold.
pub(crate) type Files = Vec<(PathBuf, Vec<u8>)>;

pub(crate) struct Device {
    pub(crate) name: &'static str,
    pub(crate) disk: Arc<SimulatedStorage>,
    /// How far its clock is off, in milliseconds.
    pub(crate) skew: i64,
    /// A vault that the program keeps open between commands.
    session: Option<Vault>,
    /// The secret that opened here last.
    secret: u64,
    /// What the secrets that were tried last came to, for messages.
    pub(crate) refusals: Vec<String>,
    /// Records that this device's own state must hold.
    pub(crate) held: BTreeSet<RecordId>,
    pub(crate) snapshot: Option<Snapshot>,
    /// Whether a command was killed since the last that wrote: then what is read need not outlive a power cut.
    may_hold_unsynced: bool,
    /// Whether something is wrong with the disk on purpose: it is full, or may only be read.
    pub(crate) is_limited: bool,
}

/// A device as it was.
pub(crate) enum Snapshot {
    /// Its state folder alone.
    State(Files, BTreeSet<RecordId>),
    /// All of it, stamps and inodes too, as a virtual machine is brought back.
    Machine(SimulatedStorage, BTreeSet<RecordId>),
}

impl Device {
    pub(crate) fn new(name: &'static str, secret: u64) -> Self {
        Self {
            name,
            disk: Arc::new(SimulatedStorage::new()),
            skew: 0,
            session: None,
            secret,
            refusals: Vec::new(),
            held: BTreeSet::new(),
            snapshot: None,
            may_hold_unsynced: false,
            is_limited: false,
        }
    }

    /// The device's own idea of the time.
    pub(crate) fn now(&self, world: u64) -> Moment {
        Moment(world.saturating_add_signed(self.skew))
    }

    pub(crate) fn set_clock(&self, world: u64) -> Moment {
        let now = self.now(world);
        self.disk.set_time_ns(i128::from(now.0) * 1_000_000);
        now
    }

    /// Whether the device holds a replica, so that nothing on the drive can keep it from opening.
    pub(crate) fn has_replica(&self) -> bool {
        let files = self.disk.files();
        let is_replica = |path: &PathBuf| path.starts_with(STATE) && path.ends_with("replica");
        files.iter().any(is_replica) && matches!(known_vault(&*self.disk, &places()), Ok(Some(_)))
    }

    pub(crate) fn put_disk(&mut self, disk: SimulatedStorage) {
        self.session = None;
        self.disk = Arc::new(disk);
    }

    pub(crate) fn close(&mut self) {
        self.session = None;
    }

    pub(crate) fn vault_file(&self) -> Option<Vec<u8>> {
        self.disk.content(&vault_path())
    }

    pub(crate) fn files_in(&self, folder: &str) -> Files {
        files_in(&self.disk, folder)
    }

    /// Runs one command as the user does: opens with what is known, newest secret first or the one that worked last here.
    pub(crate) fn run(
        &mut self,
        command: Command,
        trouble: Trouble,
        now: Moment,
        dice: &mut Dice,
        ledger: &mut Ledger,
    ) -> Result<String, Failure> {
        let had_replica = self.has_replica();
        self.arm(trouble, dice);
        let ran = self.open_and_act(command, now, dice, ledger);
        let crashed = self.disk.has_crashed();
        let outcome = match ran {
            Ok((acknowledged, mut vault)) => {
                let notices = vault.take_notices();
                let notices: Vec<String> =
                    notices.iter().map(|notice| format!("{notice:?}")).collect();
                let is_pending = notices.iter().any(|text| text.starts_with("Pending"));
                self.held.extend(&acknowledged);
                self.may_hold_unsynced &= acknowledged.is_empty();
                if !is_pending && !crashed && !self.may_hold_unsynced {
                    self.held.extend(vault.state().record_ids());
                }
                if trouble == Trouble::Nothing && dice.one_in(3) {
                    self.session = Some(vault);
                }
                format!("done, {} records, {notices:?}", acknowledged.len())
            }
            Err(_) if crashed => "crashed".to_owned(),
            Err(error) => {
                self.judge(&error, command, trouble, had_replica)?;
                error.to_string()
            }
        };
        self.disarm(trouble, dice);
        Ok(outcome)
    }

    /// Opens as somebody does who was told that another secret counts now: tries them all, newest first, and takes the
    /// first that leaves nothing under another key.
    pub(crate) fn open_patiently(
        &mut self,
        now: Moment,
        dice: &mut Dice,
        ledger: &mut Ledger,
    ) -> Result<(Vault, Vec<String>), VaultError> {
        self.session = None;
        let secrets: Vec<u64> = ledger.secrets.iter().rev().copied().collect();
        let mut refused = None;
        self.refusals.clear();
        let mut works = None;
        let mut told: BTreeSet<Key> = BTreeSet::new();
        for secret in secrets.repeat(2) {
            match self.open_with(secret, now, &mut dice.0, ledger) {
                Ok(mut vault) => {
                    let mut notices = in_words(&mut vault);
                    let key = key_of(&vault);
                    if !notices.contains(&"OtherKey".to_owned()) {
                        // What is told of once was told at the first of these attempts.
                        if told.contains(&key) {
                            notices.push("OtherKey".to_owned());
                        }
                        return Ok((vault, notices));
                    }
                    told.insert(key);
                    works = Some(secret);
                }
                Err(error @ VaultError::Unlock(_)) => {
                    self.refusals.push(format!("{secret}: {error:?}"));
                    refused = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let Some(secret) = works else {
            return Err(refused.expect("there is a secret"));
        };
        let mut vault = self.open_with(secret, now, &mut dice.0, ledger)?;
        let notices = in_words(&mut vault);
        Ok((vault, notices))
    }

    /// What somebody does who is told that a file lies under another key which takes no other's place: takes it in where
    /// a secret opens it, else puts the own vault in its place; `None` where neither can be.
    pub(crate) fn decide(
        &mut self,
        now: Moment,
        dice: &mut Dice,
        ledger: &mut Ledger,
    ) -> Result<Option<String>, VaultError> {
        let (mut vault, _) = self.open_patiently(now, dice, ledger)?;
        let mut files = self.files_in(DRIVE);
        files.sort_by_key(|(path, _)| *path != vault_path());
        let secrets: Vec<u64> = ledger.secrets.iter().rev().copied().collect();
        for (path, _) in &files {
            for secret in &secrets {
                let credential = recovery(*secret);
                let source = vault.read_merge_source(path, Some((&credential, &mut PlainMemory)));
                let Ok(source) = source else { continue };
                if source.relation() != Relation::Apart {
                    break;
                }
                vault.merge(&source, now, &mut dice.0)?;
                ledger.forgeries.excuse(&vault);
                return Ok(Some(format!("{} merges {}", self.name, path.display())));
            }
        }
        if vault.replace_foreign_file(now, &mut dice.0).is_ok() {
            return Ok(Some(format!(
                "{} puts its vault in the place of another",
                self.name
            )));
        }
        // Frames of a stranger behind the own ones: a rewrite leaves them out.
        let length = self.vault_file().map(|file| file.len());
        vault.compact(now, &mut dice.0)?;
        let is_shorter = self.vault_file().map(|file| file.len()) < length;
        Ok(is_shorter.then(|| format!("{} compacts", self.name)))
    }

    /// Takes away every copy of the vault that lies beside it.
    pub(crate) fn clear_copies(&self, preamble: &[u8]) {
        for (path, content) in self.files_in(DRIVE) {
            if path != vault_path() && content.starts_with(preamble) {
                self.disk.take(&path);
            }
        }
    }

    fn arm(&mut self, trouble: Trouble, dice: &mut Dice) {
        let fault = match trouble {
            Trouble::Nothing => return,
            Trouble::Crash | Trouble::Kill => Fault::Crash,
            Trouble::Io => Fault::Io,
            Trouble::Full => {
                let written = dice.below(3000);
                Fault::Full { written }
            }
            Trouble::Denied => Fault::Denied,
        };
        self.session = None;
        let far = if dice.one_in(2) { 8 } else { 40 };
        let after = u64::try_from(dice.below(far)).unwrap();
        self.disk.fail_at(self.disk.step_count() + after, fault);
    }

    /// What the disk looks like to the next command.
    fn disarm(&mut self, trouble: Trouble, dice: &mut Dice) {
        if trouble == Trouble::Nothing {
            return;
        }
        self.may_hold_unsynced = trouble == Trouble::Kill;
        let mut next = self.disk.fork();
        if trouble == Trouble::Crash && self.disk.has_crashed() {
            let limit = 1 + dice.below(24);
            next = self
                .disk
                .crash_images(limit)
                .last()
                .map_or(next, |image| image.storage);
        }
        if matches!(trouble, Trouble::Io | Trouble::Full | Trouble::Denied) {
            // What a failed sync left uncertain, a shutdown in order makes certain; `faults` has the other case.
            let all = self.files_in("/");
            let mut images = self.disk.crash_images(200).map(|image| image.storage);
            let whole = images.find(|disk| files_in(disk, "/") == all);
            next = whole.unwrap_or(next);
        }
        self.put_disk(next);
    }

    fn open_and_act(
        &mut self,
        command: Command,
        now: Moment,
        dice: &mut Dice,
        ledger: &mut Ledger,
    ) -> Result<(BTreeSet<RecordId>, Vault), VaultError> {
        let mut vault = match self.session.take() {
            Some(mut vault) => {
                vault.sync(now, &mut dice.0)?;
                vault
            }
            None => self.open_any(now, dice, ledger)?,
        };
        let before: BTreeSet<RecordId> = vault.state().record_ids().collect();
        // Both write anew what they found: what was forged becomes the device's own.
        if matches!(command, Command::Rekey | Command::Edit(Edit::Undo)) {
            ledger.forgeries.excuse(&vault);
        }
        act(&mut vault, command, now, dice, ledger)?;
        // Nobody else touched the disk meanwhile: what is new is the command's own.
        let fresh = vault.state().record_ids().filter(|id| !before.contains(id));
        let acknowledged: BTreeSet<RecordId> = fresh.collect();
        ledger.acknowledge(&acknowledged, &vault);
        Ok((acknowledged, vault))
    }

    fn open_any(
        &mut self,
        now: Moment,
        dice: &mut Dice,
        ledger: &mut Ledger,
    ) -> Result<Vault, VaultError> {
        let mut secrets: Vec<u64> = ledger.secrets.iter().rev().copied().collect();
        if dice.one_in(2) {
            secrets.retain(|secret| *secret != self.secret);
            secrets.insert(0, self.secret);
        }
        let mut refused = None;
        self.refusals.clear();
        // What an old secret brings to light, a newer one may open: so all once more.
        for secret in secrets.repeat(2) {
            match self.open_with(secret, now, &mut dice.0, ledger) {
                Ok(vault) => {
                    self.secret = secret;
                    return Ok(vault);
                }
                Err(error @ VaultError::Unlock(_)) => {
                    self.refusals.push(format!("{secret}: {error:?}"));
                    refused = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(refused.expect("there is a secret"))
    }

    fn open_with(
        &self,
        secret: u64,
        now: Moment,
        rng: &mut StdRng,
        ledger: &mut Ledger,
    ) -> Result<Vault, VaultError> {
        let located = locate(self.disk.clone(), &places())?;
        let (keys, slot) = located.unlock(&recovery(secret), &mut PlainMemory)?;
        if !ledger.knows_key(keys.id) {
            ledger.note_key(located.unlock(&recovery(secret), &mut PlainMemory)?.0);
        }
        located.open(keys, Some(slot), self.name, now, rng)
    }

    /// Which errors a user may see, and when.
    fn judge(
        &self,
        error: &VaultError,
        command: Command,
        trouble: Trouble,
        had_replica: bool,
    ) -> Result<(), Failure> {
        let is_disturbed = self.is_limited || trouble != Trouble::Nothing;
        let is_rewrite = matches!(command, Command::Compact | Command::Rekey);
        let is_expected = match error {
            VaultError::Storage(StorageError::Busy { .. }) => false,
            VaultError::Storage(_) => is_disturbed,
            VaultError::NoVault(_) | VaultError::Unreadable { .. } => !had_replica,
            VaultError::Unlock(UnlockError::OtherKey) => {
                command == Command::Compact || !had_replica
            }
            // On a full disk what closed the old way in cannot be kept, and with it not the new one that it carries.
            VaultError::Unlock(UnlockError::Retired { .. }) => is_disturbed || !had_replica,
            // Some secret of all that were ever made opens what the device has.
            VaultError::Unlock(_) => !had_replica,
            VaultError::Change(_) => true,
            VaultError::Slots(_) => matches!(
                command,
                Command::AddSlot | Command::RemoveSlot | Command::Passwd
            ),
            // A rewrite leaves alone what is no vault of ours.
            VaultError::Inconsistent(_) => is_disturbed || is_rewrite,
            _ => false,
        };
        if is_expected {
            return Ok(());
        }
        fail(
            "error",
            format!(
                "{}: {command:?} says: {error} ({error:?}); {:?}",
                self.name, self.refusals
            ),
        )
    }
}

/// What somebody who has a version of the file and a secret that opens it makes of them; `None` where no secret does.
pub(crate) fn forge(
    version: &[u8],
    forgery: Forgery,
    now: Moment,
    dice: &mut Dice,
    ledger: &mut Ledger,
) -> Option<Vec<u8>> {
    let thief = Device::new("thief", 0);
    thief.disk.place(&vault_path(), version);
    let secrets = ledger.secrets.clone();
    let opened = secrets
        .into_iter()
        .find_map(|secret| thief.open_with(secret, now, &mut dice.0, ledger).ok());
    let mut vault = opened?;
    let before: BTreeSet<RecordId> = vault.state().record_ids().collect();
    let first = ledger.values.len();
    for _ in 0..1 + dice.below(3) {
        drop(edit(&mut vault, Edit::Add, now, dice, &mut ledger.values));
        drop(edit(
            &mut vault,
            Edit::Password,
            now,
            dice,
            &mut ledger.values,
        ));
    }
    let mut key = key_of(&vault);
    if forgery == Forgery::Rekeyed {
        // A secret that nobody else has.
        let secrets = vec![new_secret(
            90_000 + ledger.secrets.len() as u64,
            &mut dice.0,
        )];
        drop(vault.rekey(Replacement { secrets }, now, &mut dice.0));
        key = key_of(&vault);
    }
    ledger.forgeries.add(Forged {
        key,
        records: vault
            .state()
            .record_ids()
            .filter(|id| !before.contains(id))
            .collect(),
        values: first..ledger.values.len(),
        is_excused: false,
    });
    drop(vault);
    thief.vault_file()
}

fn act(
    vault: &mut Vault,
    command: Command,
    now: Moment,
    dice: &mut Dice,
    ledger: &mut Ledger,
) -> Result<(), VaultError> {
    match command {
        Command::Open => Ok(()),
        Command::Sync => vault.sync(now, &mut dice.0),
        Command::Edit(kind) => edit(vault, kind, now, dice, &mut ledger.values),
        Command::Compact => vault.compact(now, &mut dice.0).map(drop),
        Command::Passwd => {
            let secret = ledger.make_secret();
            let new = new_secret(secret, &mut dice.0);
            let old = vault.opened_with().expect("it was opened with a slot");
            vault.replace_slot(old, new, now, &mut dice.0).map(drop)
        }
        Command::AddSlot => {
            let secret = ledger.make_secret();
            let new = new_secret(secret, &mut dice.0);
            vault.add_slot(new, now, &mut dice.0).map(drop)
        }
        Command::RemoveSlot => {
            let rows = vault.slot_rows();
            let Some(row) = dice.pick(&rows) else {
                return Ok(());
            };
            vault.remove_slot(row.id, now, &mut dice.0)
        }
        Command::Rekey => {
            let secret = ledger.make_secret();
            let secrets = vec![new_secret(secret, &mut dice.0)];
            vault.rekey(Replacement { secrets }, now, &mut dice.0)
        }
    }
}

fn in_words(vault: &mut Vault) -> Vec<String> {
    let notices = vault.take_notices();
    notices.iter().map(|notice| format!("{notice:?}")).collect()
}

fn files_in(disk: &SimulatedStorage, folder: &str) -> Files {
    let paths = disk.files().into_iter();
    let inside = paths.filter(|path| path.starts_with(folder));
    inside
        .map(|path| {
            let content = disk.content(&path).unwrap();
            (path, content)
        })
        .collect()
}

/// Records that wait for the user under other keys.
pub(crate) fn reviews(vault: &Vault) -> BTreeSet<RecordId> {
    let reviews = vault.reviews().unwrap_or_default();
    let missing = reviews.into_iter().filter_map(|review| review.missing);
    missing.flatten().collect()
}

/// Names a key.
pub(crate) type Key = [usize; 6];

pub(crate) fn key_of(vault: &Vault) -> Key {
    vault.fingerprint(u16::MAX)
}
