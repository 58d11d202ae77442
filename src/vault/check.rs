//! `check`: every frame of both files authenticated, chunks included.

use super::Vault;
use super::chunks::nonce_of;
use super::error::VaultError;
use super::open::{OnPath, look};
use super::read::{Depth, count_unknown, read_into};
use crate::log::frame::Nonce;
use crate::log::scan::Reason;
use crate::model::ids::ItemId;
use crate::state::fold::{Oddity, State};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;

/// A stretch of the vault file that could not be used.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DamageFound {
    /// Where it begins.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
    /// Why, in words.
    pub reason: Cow<'static, str>,
}

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CheckReport {
    /// Whether nothing is lost: no damage, or only what the replica makes good.
    pub ok: bool,
    /// Frames that were looked at in the vault file.
    pub frames: usize,
    /// Records that the vault file holds.
    pub records: usize,
    /// Records of the vault file that only a whole reading finds: a forged chunk lay over them. The next rewrite brings
    /// them back.
    pub hidden: usize,
    /// Operations of newer versions, which are carried.
    pub unknown: usize,
    /// What could not be used.
    pub damage: Vec<DamageFound>,
    /// Whether the replica holds every record that the vault file lacks, so that nothing is lost by the damage.
    pub healed: bool,
    /// Slots in the vault file whose MAC is not right.
    pub forged_slots: usize,
    /// Records of other devices that have not arrived, in all.
    pub missing: u64,
    /// Why the vault file could not be read at all.
    pub unusable: Option<String>,
    /// Attached files of which a piece is in neither file.
    pub incomplete_files: Vec<IncompleteFile>,
    /// Places of the replica that are damaged, but for what a crash tore off at its end.
    pub replica_damage: usize,
}

/// An attached file that is not all here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IncompleteFile {
    /// The item.
    pub item: ItemId,
    /// Its folder and title.
    pub path: String,
    /// The file's name.
    pub name: String,
    /// Pieces that it has.
    pub pieces: usize,
    /// How many of them are missing.
    pub missing: usize,
}

impl Vault {
    /// Authenticates every record and chunk of the vault file and of the replica. Writes nothing.
    ///
    /// # Errors
    /// What the disk says.
    pub fn check(&self) -> Result<CheckReport, VaultError> {
        let mut report = CheckReport {
            unknown: count_unknown(&self.state),
            ..CheckReport::default()
        };
        report.missing = self
            .state
            .oddities()
            .iter()
            .map(|oddity| {
                if let Oddity::Gap(_, count) = oddity {
                    *count
                } else {
                    0
                }
            })
            .fold(0, u64::saturating_add);
        let mut replica_whole = true;
        let mut pieces: HashSet<Nonce> = HashSet::new();
        if let Some(file) = self.storage.open_read(&self.local.replica)? {
            let stamp = file.stamp()?;
            let contents = read_into(
                &mut State::default(),
                &self.keys,
                &*file,
                &stamp,
                Depth::Everything,
            )?;
            pieces.extend(contents.chunks.iter().map(|place| place.header.nonce));
            let damage = contents.damage.iter();
            let damage = damage.filter(|damage| damage.reason != Reason::Torn);
            report.replica_damage = damage.count();
            replica_whole = report.replica_damage == 0;
        }
        match look(&*self.storage, &self.places, Some(self.keys.vault)).1 {
            OnPath::Vault(file, stamp) => {
                let contents = read_into(
                    &mut State::default(),
                    &self.keys,
                    &*file,
                    &stamp,
                    Depth::Everything,
                )?;
                pieces.extend(contents.chunks.iter().map(|place| place.header.nonce));
                report.incomplete_files = self.incomplete_files(&pieces);
                report.frames = contents.frames;
                report.records = contents.records.len();
                let found = contents.records.iter();
                report.hidden = found.filter(|id| !self.state.contains(**id)).count();
                report.forged_slots = contents.forged_slots;
                let complete = self
                    .state
                    .record_ids()
                    .all(|id| contents.records.contains(&id));
                report.healed = complete
                    && replica_whole
                    && report.missing == 0
                    && report.incomplete_files.is_empty();
                report.damage = contents
                    .damage
                    .iter()
                    .map(|damage| DamageFound {
                        offset: damage.offset,
                        length: damage.length,
                        reason: Cow::Borrowed(damage.reason.as_text()),
                    })
                    .collect();
                let only_torn = contents
                    .damage
                    .iter()
                    .all(|damage| damage.reason == Reason::Torn);
                let is_lost = !report.incomplete_files.is_empty();
                report.ok = !is_lost
                    && (contents.damage.is_empty()
                        || report.healed && (only_torn || self.had_replica));
            }
            OnPath::Absent => report.unusable = Some("the vault file is not there".to_owned()),
            OnPath::Unusable(reason) => report.unusable = Some(reason),
        }
        Ok(report)
    }

    /// The files that are attached now and lack one of these pieces.
    fn incomplete_files(&self, here: &HashSet<Nonce>) -> Vec<IncompleteFile> {
        let mut found = Vec::new();
        if self.state.referenced_chunks().is_empty() {
            return found;
        }
        let views = self.state.item_ids().into_iter();
        for view in views.filter_map(|id| self.state.item(id)) {
            for file in &view.attachments {
                let names = self.state.pieces_of(view.id, file.dot);
                let names = names.unwrap_or_default();
                let lacking = names.iter().filter(|name| !here.contains(&nonce_of(name)));
                let missing = lacking.count();
                if missing > 0 {
                    found.push(IncompleteFile {
                        item: view.id,
                        path: view.summary().path(),
                        name: file.name.clone(),
                        pieces: names.len(),
                        missing,
                    });
                }
            }
        }
        found
    }
}
