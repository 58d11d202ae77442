//! A drill: a vault that was restored from a backup, compared with the one that runs.
//!
//! Compared are records, not what is shown: what a vault means is a function of its records, so where every record is the
//! same, with every secret opened on both sides, everything is. Both may lie under different keys.

use crate::crypto::seal::{ValuePlace, open_value};
use crate::model::ids::{ItemId, RecordId};
use crate::state::op::Operation;
use crate::vault::Vault;
use crate::vault::error::VaultError;
use std::collections::BTreeSet;

/// Differences that are named; more are only counted.
const NAMED: usize = 20;

/// What a drill proved.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Drill {
    /// Items that the backup brings back, those in the trash among them.
    pub items: usize,
    /// Records that were compared.
    pub records: usize,
    /// Secret values that were opened in both vaults and are the same.
    pub secrets: usize,
    /// Attached files that were read whole.
    pub files: usize,
    /// Bytes of them.
    pub file_bytes: u64,
    /// Files of which pieces are in neither vault: they had not arrived when the backup was made.
    pub files_elsewhere: usize,
    /// Operations whose content was erased for good since.
    pub erased_since: usize,
    /// Records of the running vault that came after the backup.
    pub behind: usize,
    /// Records of the backup that the running vault does not have.
    pub news: usize,
    /// What is different, in words: nothing where the backup is good.
    pub wrong: Vec<String>,
    /// How many differences there are.
    pub wrong_count: usize,
}

impl Drill {
    /// Whether the backup brings back all that it should.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.wrong_count == 0
    }

    fn found(&mut self, what: String) {
        self.wrong_count += 1;
        if self.wrong.len() < NAMED {
            self.wrong.push(what);
        }
    }
}

impl Vault {
    /// Compares with a vault that was restored from a backup of this one. Writes nothing.
    ///
    /// # Errors
    /// What the disk says.
    pub fn compare_with_restored(&self, restored: &Self) -> Result<Drill, VaultError> {
        let (ours, theirs) = (&self.state, &restored.state);
        let mut drill = Drill {
            items: theirs.item_ids().len(),
            behind: ours.record_ids().filter(|id| !theirs.contains(*id)).count(),
            ..Drill::default()
        };
        if restored.keys.vault != self.keys.vault {
            drill.found("it is another vault".to_owned());
            return Ok(drill);
        }
        // Of an id that came with several contents another one may count since.
        let twins: BTreeSet<RecordId> = ours.twin_ids();
        for id in theirs.record_ids_in_order() {
            if !ours.contains(id) {
                drill.news += 1;
            } else if !twins.contains(&id) {
                drill.records += 1;
                self.compare_record(restored, id, &mut drill);
            }
        }
        for item in theirs.item_ids() {
            self.compare_files(restored, item, &mut drill)?;
        }
        Ok(drill)
    }

    fn compare_record(&self, restored: &Self, id: RecordId, drill: &mut Drill) {
        let (Some((our_head, ours)), Some((their_head, theirs))) = (
            self.state.record_operations(id),
            restored.state.record_operations(id),
        ) else {
            drill.found(format!("a record does not read: {id}"));
            return;
        };
        if our_head != their_head || ours.len() != theirs.len() {
            drill.found(format!("a record is another one: {id}"));
            return;
        }
        for (our, their) in ours.iter().zip(&theirs) {
            if is_erased(our, their) || is_erased(their, our) {
                drill.erased_since += 1;
                continue;
            }
            let place = ValuePlace {
                item: our.item,
                field: our.field,
            };
            let is_same = our.tag == their.tag
                && (our.item, our.field) == (their.item, their.field)
                && our.replaces == their.replaces
                && our.body == their.body
                && our.chunks == their.chunks
                && our.sealed.len() == their.sealed.len();
            let opened = our.sealed.iter().zip(&their.sealed).map(|(one, other)| {
                let one = open_value(&self.keys, place, one);
                let other = open_value(&restored.keys, place, other);
                one.zip(other).is_some_and(|(one, other)| *one == *other)
            });
            let opened: Vec<bool> = opened.collect();
            drill.secrets += opened.iter().filter(|same| **same).count();
            if !is_same || opened.contains(&false) {
                let item = their.item.map(|item| restored.path_of(item));
                drill.found(match item {
                    Some(path) => format!("{path}: a value is another one, or does not open"),
                    None => format!("the vault's own settings are others: {id}"),
                });
            }
        }
    }

    fn compare_files(
        &self,
        restored: &Self,
        item: ItemId,
        drill: &mut Drill,
    ) -> Result<(), VaultError> {
        let Some(view) = restored.state.item(item) else {
            return Ok(());
        };
        for file in &view.attachments {
            let mut bytes = 0;
            let mut is_here = true;
            let mut is_elsewhere = false;
            for number in 0..file.pieces {
                match restored.read_piece(item, file.dot, number) {
                    Ok(piece) => bytes += piece.len() as u64,
                    Err(VaultError::NoPiece) => {
                        is_here = false;
                        let here = self.read_piece(item, file.dot, number);
                        is_elsewhere |= matches!(here, Err(VaultError::NoPiece));
                    }
                    Err(error) => return Err(error),
                }
            }
            if is_here {
                drill.files += 1;
                drill.file_bytes += bytes;
            } else if is_elsewhere {
                drill.files_elsewhere += 1;
            } else {
                let path = restored.path_of(item);
                drill.found(format!("{path}: the file {} is not whole", file.name));
            }
        }
        Ok(())
    }

    fn path_of(&self, item: ItemId) -> String {
        let summary = self.state.summary(item);
        summary.map_or_else(|| item.to_string(), |summary| summary.path())
    }
}

/// Whether one is what an erasure leaves of the other.
fn is_erased(without: &Operation, with: &Operation) -> bool {
    with.tag.is_erasable() && without != with && *without == with.clone().without_content()
}
