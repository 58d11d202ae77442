//! Frames added at the end of a file, and what is known of the file afterwards (vault-format.md, section 1.6).

use super::Vault;
use super::error::VaultError;
use super::local::{Seen, is_still};
use crate::crypto::seal::seal_frame;
use crate::crypto::slot::Slot;
use crate::log::frame::{FrameKind, Nonce};
use crate::log::{FILE_LIMIT, next_boundary};
use crate::model::ids::RecordId;
use crate::model::moment::Moment;
use crate::storage::{Stamp, append};

/// Room that attached files leave for everything else.
const RESERVED: u64 = 1 << 30;

/// Refuses chunks that would make a file too long to be a vault any more.
pub(super) fn refuse_if_full(length: u64, more: usize) -> Result<(), VaultError> {
    let after = length.saturating_add(more as u64);
    if after > FILE_LIMIT - RESERVED {
        return Err(VaultError::Refused(
            "a vault with its attached files may have no more than 15 GiB",
        ));
    }
    Ok(())
}

impl Vault {
    /// Appends records to the replica: alone where they are few, in packs where they are many.
    pub(super) fn append_to_replica(&mut self, records: &[RecordId]) -> Result<(), VaultError> {
        let (bytes, loose) = self.frames_of(records);
        self.extend_replica(&bytes, loose)?;
        self.replicated.extend(records);
        Ok(())
    }

    /// Appends whole frames to the replica and syncs. On failure what may have arrived is cut off again.
    pub(super) fn extend_replica(&mut self, bytes: &[u8], loose: usize) -> Result<(), VaultError> {
        let Some(facts) = self.replica else {
            return Err(VaultError::Inconsistent("there is no replica"));
        };
        let missing = || VaultError::Inconsistent("the replica is gone");
        let file = self
            .storage
            .open_write(&self.local.replica)?
            .ok_or_else(missing)?;
        let at = next_boundary(facts.stamp.length);
        match append(&*file, at, bytes) {
            Ok(stamp) => {
                self.replica = Some(super::ReplicaFacts {
                    stamp,
                    loose: facts.loose + loose,
                    ..facts
                });
                Ok(())
            }
            Err(error) => {
                // The lock is held and nobody else appends here, so cutting the replica back is safe.
                let cut = file
                    .truncate(facts.stamp.length)
                    .and_then(|()| file.sync())
                    .and_then(|()| file.stamp());
                self.replica = cut.ok().map(|stamp| super::ReplicaFacts { stamp, ..facts });
                Err(error.into())
            }
        }
    }

    /// Appends slots and records to the vault file at its physical end and syncs; before them the chunks that they may
    /// name.
    pub(super) fn append_to_vault(
        &self,
        seen: Stamp,
        records: &[RecordId],
        slots: &[Slot],
        chunks: &[Nonce],
    ) -> Result<Stamp, VaultError> {
        let seen = self.append_chunks_to_vault(seen, chunks)?;
        if records.is_empty() && slots.is_empty() {
            return Ok(seen);
        }
        let mut bytes: Vec<u8> = slots
            .iter()
            .flat_map(|slot| slot.frame.iter().copied())
            .collect();
        for id in records {
            let content = self.state.record_bytes(*id).unwrap_or_default();
            bytes.extend_from_slice(&seal_frame(&self.keys, FrameKind::Record, &content));
        }
        self.append_bytes_to_vault(seen, &bytes)
    }

    /// Appends whole frames to the vault file, if it is still the file that was seen.
    pub(super) fn append_bytes_to_vault(
        &self,
        seen: Stamp,
        bytes: &[u8],
    ) -> Result<Stamp, VaultError> {
        self.append_parts_to_vault(seen, &mut std::iter::once(Ok(bytes.to_vec())))
    }

    /// The same for frames that come one after another.
    pub(super) fn append_parts_to_vault(
        &self,
        seen: Stamp,
        parts: &mut dyn Iterator<Item = Result<Vec<u8>, VaultError>>,
    ) -> Result<Stamp, VaultError> {
        let file = self
            .storage
            .open_write(&self.places.vault_file)?
            .ok_or(VaultError::Changing)?;
        let before = file.stamp()?;
        if before != seen {
            return Err(VaultError::Changing);
        }
        let mut end = next_boundary(before.length);
        for part in parts {
            let part = part?;
            file.write_at(end, &part)?;
            end = end.saturating_add(part.len() as u64);
        }
        file.sync()?;
        let after = file.stamp()?;
        if after.length != end && after != before {
            return Err(VaultError::Changing); // somebody else appended at the same moment
        }
        // The drive may have put another file at the path meanwhile; then that one lacks what was written.
        let at_path = self.storage.stamp(&self.places.vault_file)?;
        if at_path.is_none_or(|stamp| (stamp.device, stamp.inode) != (after.device, after.inode)) {
            return Err(VaultError::Changing);
        }
        Ok(after)
    }

    /// This device's own write to a file that was known: known too.
    pub(super) fn trust(&mut self, vault: Stamp) {
        self.vault_current = Some(vault);
        self.lacking = Some(0);
        if self.lacks_chunks {
            return; // it is to be read again, for what the replica has no room for now
        }
        self.vault_seen = Some(vault);
        let replica = self.replica.filter(|facts| !facts.is_damaged);
        if let Some(replica) = replica.filter(|_| self.is_replica_complete()) {
            self.remember(Some((vault, replica.stamp)));
        }
    }

    /// After an append of this device to a file that lacks nothing else: known, if what was there before was.
    pub(super) fn trust_append(&mut self, before: Stamp, after: Stamp, now: Moment) {
        if self.vault_seen == Some(before) || is_still(&before, now) {
            self.trust(after);
        } else {
            self.vault_current = Some(after);
            self.lacking = Some(0);
            self.remember_delivered();
        }
    }

    /// Whatever was known of the vault file is to be read again.
    pub(super) fn distrust(&mut self) {
        self.vault_seen = None;
        self.vault_current = None;
        self.lacking = None;
        self.remember(None);
    }

    /// Notes how much the vault file holds now, so that what it lacks later is told once. It may have to be read again
    /// before anything is relied on.
    pub(super) fn remember_delivered(&self) {
        let complete = self
            .local
            .seen(&*self.storage)
            .and_then(|seen| seen.complete);
        let is_current = |pair: &(Stamp, Stamp)| {
            self.vault_current == Some(pair.0)
                && self.replica.is_some_and(|facts| facts.stamp == pair.1)
        };
        self.remember(complete.filter(is_current));
    }

    fn remember(&self, complete: Option<(Stamp, Stamp)>) {
        let seen = Seen {
            complete,
            key: self.keys.id,
            delivered: self
                .state
                .record_count()
                .saturating_sub(self.lacking.unwrap_or_default()),
        };
        if self.local.seen(&*self.storage) != Some(seen) {
            self.local.remember(&*self.storage, &seen);
        }
    }
}
