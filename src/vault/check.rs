//! `check`: every frame of both files authenticated, chunks included.

use super::Vault;
use super::error::VaultError;
use super::open::{OnPath, look};
use super::read::{Depth, count_unknown, read_into};
use crate::log::scan::Reason;
use crate::state::fold::{Oddity, State};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

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
        if let Some(file) = self.storage.open_read(&self.local.replica)? {
            let stamp = file.stamp()?;
            let contents = read_into(
                &mut State::default(),
                &self.keys,
                &*file,
                &stamp,
                Depth::Everything,
            )?;
            replica_whole = contents
                .damage
                .iter()
                .all(|damage| damage.reason == Reason::Torn);
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
                report.frames = contents.frames;
                report.records = contents.records.len();
                let found = contents.records.iter();
                report.hidden = found.filter(|id| !self.state.contains(**id)).count();
                report.forged_slots = contents.forged_slots;
                let complete = self
                    .state
                    .record_ids()
                    .all(|id| contents.records.contains(&id));
                report.healed = complete && replica_whole && report.missing == 0;
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
                report.ok =
                    contents.damage.is_empty() || report.healed && (only_torn || self.had_replica);
            }
            OnPath::Absent => report.unusable = Some("the vault file is not there".to_owned()),
            OnPath::Unusable(reason) => report.unusable = Some(reason),
        }
        Ok(report)
    }
}
