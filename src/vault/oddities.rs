//! What is odd about records and ways in, each told once (vault-format.md, sections 5.8 and 5.9).

use super::{Notice, Vault};
use crate::model::ids::{DeviceId, SlotId};
use crate::state::fold::Oddity;
use std::collections::{BTreeMap, BTreeSet};

/// So many are told in words, the others in number: a state that was copied long ago brings thousands.
const WORDS: usize = 8;

impl Vault {
    /// Tells once what is odd about the records, and what devices did to the ways in apart.
    pub(super) fn note_oddities(&mut self) {
        let new = self.local.untold(&*self.storage, self.state.oddities());
        let mut texts: Vec<String> = new
            .iter()
            .take(WORDS)
            .map(|oddity| self.in_words(oddity))
            .collect();
        if new.len() > WORDS {
            texts.push(format!("and {} more of that kind", new.len() - WORDS));
        }
        self.notices.extend(texts.into_iter().map(Notice::Odd));
        self.note_ways_in();
    }

    fn in_words(&self, oddity: &Oddity) -> String {
        let names = self.state.device_names();
        let name = |device: &DeviceId| {
            let name = names.get(device).cloned();
            name.unwrap_or_else(|| device.to_string())
        };
        match oddity {
            Oddity::SameId(id) => {
                format!("two different records carry the id {id}; one of them counts")
            }
            Oddity::SameSeq(device, seq) => format!(
                "the device {} wrote two records number {seq}; its state may have been copied",
                name(device)
            ),
            Oddity::Gap(device, count) => {
                format!(
                    "{count} changes of the device {} have not arrived",
                    name(device)
                )
            }
        }
    }

    /// Devices that change the password apart leave several; devices that close ways in apart may leave none, and then
    /// one counts all the same.
    fn note_ways_in(&mut self) {
        let retirements = self.state.retirements();
        let live: BTreeSet<SlotId> = self.live_slots().iter().map(|slot| slot.id).collect();
        let mut successors: BTreeMap<SlotId, BTreeSet<SlotId>> = BTreeMap::new();
        for retirement in &retirements {
            let successor = self.slot_in(retirement).map(|slot| slot.id);
            let successor = successor.filter(|id| *id != retirement.slot && live.contains(id));
            let of_one = successors.entry(retirement.slot).or_default();
            of_one.extend(successor);
        }
        let apart: Vec<BTreeSet<SlotId>> = successors
            .into_values()
            .filter(|of_one| of_one.len() > 1)
            .collect();
        let told = self.local.untold(&*self.storage, apart);
        self.notices
            .extend(told.iter().map(|slots| Notice::PasswordsApart(slots.len())));
        let retired: BTreeSet<SlotId> = retirements.iter().map(|row| row.slot).collect();
        let revived = live.intersection(&retired).copied().collect();
        let told = self.local.untold::<SlotId>(&*self.storage, revived);
        if !told.is_empty() {
            self.notices.push(Notice::LastWayIn);
        }
    }
}
