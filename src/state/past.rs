//! The vault as it was: a fold of the records up to a moment. What was erased since stays erased. Never writes.

use super::fold::State;
use crate::model::moment::Moment;

impl State {
    /// What the records meant whose clock is not past `moment`, by the clocks of the devices that wrote them. Later
    /// erasures hold: what they took is in no past.
    #[must_use]
    pub fn at(&self, moment: Moment) -> Self {
        let mut past = Self::default();
        past.take_erasures_of(self);
        let entries = self.records.iter();
        for entry in entries.filter(|entry| entry.clock.moment() <= moment) {
            if let Some(bytes) = self.record_bytes(entry.id) {
                let whole = 0..bytes.len();
                // It was read before, so it reads again; one that did not would be missing here and nowhere else.
                drop(past.absorb(bytes, &[whole]));
            }
        }
        past
    }
}
