//! Where this device stands: what `status` tells.

use super::Vault;
use super::error::VaultError;
use super::events::Event;
use super::lineage::former_keys;
use super::open::{OnPath, look};
use super::review::Review;
use crate::model::ids::DeviceId;
use serde::{Deserialize, Serialize};

/// How the vault file stands to what this device knows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FileState {
    /// It holds everything.
    Complete,
    /// It lacks changes that this device has.
    Behind,
    /// It lies under a key that this device does not hold.
    OtherKey,
    /// It is not there.
    Absent,
    /// It cannot be used, and why.
    Unusable(String),
}

/// Where this device stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// How often the vault was given a new key.
    pub generation: usize,
    /// Records in all.
    pub records: usize,
    /// Bytes that the records need when they lie packed.
    pub packed: u64,
    /// The vault file.
    pub file: FileState,
    /// Bytes of the vault file, where it is there.
    pub file_length: Option<u64>,
    /// Changes that wait for delivery.
    pub pending: usize,
    /// Devices of which changes are known to be missing, and how many.
    pub gaps: Vec<(DeviceId, u64)>,
    /// What waits for the user's word.
    pub reviews: Vec<Review>,
    /// Items with a field that has several values.
    pub conflicts: usize,
    /// What happened lately, oldest first.
    pub events: Vec<Event>,
}

impl Vault {
    /// Where this device stands after the last look.
    ///
    /// # Errors
    /// What the disk says of the local state.
    pub fn status(&self) -> Result<Status, VaultError> {
        let (file, file_length) = match look(&*self.storage, &self.places, Some(self.keys.vault)).1
        {
            OnPath::Absent => (FileState::Absent, None),
            OnPath::Unusable(reason) => (FileState::Unusable(reason), None),
            OnPath::Vault(_, stamp) => {
                let state = match self.lacking {
                    Some(0) => FileState::Complete,
                    Some(_) => FileState::Behind,
                    None if self.holds_other_key() => FileState::OtherKey,
                    None => FileState::Behind,
                };
                (state, Some(stamp.length))
            }
        };
        Ok(Status {
            generation: former_keys(&self.state, &self.keys).len(),
            records: self.state.record_count(),
            packed: self
                .state
                .record_ids()
                .filter_map(|id| self.state.record_bytes(id))
                .map(|bytes| bytes.len() as u64)
                .sum(),
            file,
            file_length,
            pending: self.pending(),
            gaps: self.state.gaps().into_iter().collect(),
            reviews: self.reviews()?,
            conflicts: self
                .state
                .summaries()
                .iter()
                .filter(|row| row.conflicts > 0)
                .count(),
            events: self.events(),
        })
    }

    /// Changes that the vault file lacks; where it cannot be read, those since it was last known to hold all.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.lacking.unwrap_or_else(|| {
            let seen = self.local.seen(&*self.storage);
            let seen = seen.filter(|seen| seen.key == self.keys.id);
            let delivered = seen.map_or(0, |seen| seen.delivered);
            self.state.record_count().saturating_sub(delivered)
        })
    }

    fn holds_other_key(&self) -> bool {
        let file = self.storage.open_read(&self.places.vault_file);
        let keys = file
            .ok()
            .flatten()
            .and_then(|file| super::read::leading_keys(&*file).ok());
        keys.is_some_and(|keys| !keys.is_empty() && !keys.contains(&self.keys.id))
    }
}
