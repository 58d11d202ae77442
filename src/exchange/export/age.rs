//! keyfold's own document in a file of age: complete as the document is, under a passphrase or for
//! recipients.

use super::entry::Remarks;
use super::{Order, Stretching, WriteError};
use crate::exchange::age::{seal_for, seal_under_password};
use crate::exchange::native::write_document;
use rand::CryptoRng;
use zeroize::Zeroizing;

/// Writes the items.
pub(super) fn write(
    order: &Order<'_>,
    remarks: &mut Remarks,
    rng: &mut dyn CryptoRng,
) -> Result<Zeroizing<Vec<u8>>, WriteError> {
    remarks.leave_files_out(order);
    let document = write_document(order.document);
    let sealed = if order.recipients.is_empty() {
        let password = order.password.ok_or(WriteError::PasswordNeeded)?;
        seal_under_password(&document, password, scrypt_n(&order.stretching), rng)?
    } else {
        seal_for(&document, order.recipients, rng)?
    };
    Ok(Zeroizing::new(sealed))
}

/// scrypt goes over its memory twice, Argon2 several times: four times the memory takes about as long. What there is by default
/// comes to age's own default.
fn scrypt_n(stretching: &Stretching) -> u64 {
    // A block of eight times 128 bytes is a KiB.
    let wanted = u64::from(stretching.memory_kib).saturating_mul(4).max(2);
    1 << wanted.ilog2()
}
