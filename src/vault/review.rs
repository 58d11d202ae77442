//! What cannot be merged unseen is kept whole in the local state, for the user to look at.

use super::error::VaultError;
use super::{Notice, Vault};
use crate::storage::{Stamp, StorageError, StoredFile, replace_file};
use rand::CryptoRng;

impl Vault {
    /// Copies the vault file as it is to the local state, before it is replaced.
    pub(super) fn keep_for_review(
        &mut self,
        file: &dyn StoredFile,
        stamp: Stamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), VaultError> {
        self.storage.make_folder(&self.local.review)?;
        let length = stamp.length;
        let mut name = [0; 8];
        rng.fill_bytes(&mut name);
        let target = self
            .local
            .review
            .join(data_encoding::HEXLOWER.encode(&name));
        let mut at = 0;
        let mut parts = std::iter::from_fn(|| {
            if at >= length {
                return None;
            }
            let left = usize::try_from(length - at).unwrap_or(usize::MAX);
            let mut part = vec![0; left.min(1 << 20)];
            let read = file.read_at(at, &mut part);
            Some(read.map(|read| {
                part.truncate(read);
                at = if read == 0 { length } else { at + read as u64 };
                part
            }))
        });
        replace_file::<Vec<u8>, StorageError>(&*self.storage, &target, &mut parts, rng)?;
        let text = "the vault file lay under a former key and held unknown changes; it was kept in the review folder";
        self.notices.push(Notice::Odd(text.to_owned()));
        Ok(())
    }
}
