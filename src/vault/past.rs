//! Reading the vault as it was. The present state stays where it is, so nothing that is written can lose a record: only
//! what [`Vault::state`] shows is another one.

use super::Vault;
use super::error::VaultError;
use crate::model::moment::Moment;

impl Vault {
    /// From now on shows what the vault meant at that moment, and takes no changes.
    pub fn rewind(&mut self, to: Moment) {
        self.past = Some(Box::new(self.state.at(to)));
    }

    /// Shows the present again.
    pub fn return_to_now(&mut self) {
        self.past = None;
    }

    /// # Errors
    /// [`VaultError::Rewound`] where the past is shown: a change planned on it would undo what came after.
    pub(super) fn refuse_in_the_past(&self) -> Result<(), VaultError> {
        match self.past {
            Some(_) => Err(VaultError::Rewound),
            None => Ok(()),
        }
    }
}
