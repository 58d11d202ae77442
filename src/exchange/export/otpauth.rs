//! otpauth URIs, one a line, every setting written out: what nearly every authenticator reads.

use super::entry::{Entry, Remarks};
use super::seeds::{SEEDS_ALONE, accounts};
use super::{Buffer, Order};
use zeroize::Zeroizing;

/// Writes the seeds of the items.
pub(super) fn write(order: &Order<'_>, remarks: &mut Remarks) -> Zeroizing<Vec<u8>> {
    let mut buffer = Buffer::default();
    let accounts = accounts(order, remarks, |_| false);
    for same in accounts.chunk_by(|one, other| one.item.id == other.item.id) {
        for account in same {
            // EXPOSE: an export holds every value in clear.
            buffer.push(account.seed.write_uri().expose());
            buffer.push("\n");
        }
        let Some(item) = same.first().map(|account| account.item) else {
            continue;
        };
        if !item.tags.is_empty() {
            remarks.leave_out(item, "tags", SEEDS_ALONE);
        }
        if Entry::new(item).is_favourite() {
            remarks.leave_out(item, "favourite", SEEDS_ALONE);
        }
    }
    buffer.into_bytes()
}
