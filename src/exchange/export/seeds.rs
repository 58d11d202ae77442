//! The one-time password seeds of items, for authenticators, which keep nothing else.

use super::Order;
use super::entry::{Entry, Remarks};
use crate::exchange::native::{DocumentField, DocumentItem};
use crate::model::field::{self, FieldKind};
use crate::model::ids::FieldId;
use crate::otp::Seed;

const NO_SEED: &str = "it has no one-time password seed";
const TRASHED: &str = "it lies in the trash";
/// Why anything else of an item is not there.
pub(super) const SEEDS_ALONE: &str = "an authenticator keeps seeds alone";
const UNREADABLE: &str = "its text is no seed";
const OWN_NAMES: &str = "the seed has names of its own";

/// A seed and whose it is.
pub(super) struct Account<'d> {
    pub(super) item: &'d DocumentItem,
    /// Where it stands in the item.
    pub(super) field: FieldId,
    /// With its count, and with the item's names where it has none.
    pub(super) seed: Seed,
}

/// The seeds of all items. `is_held` names fields that the format keeps beside a seed.
pub(super) fn accounts<'d>(
    order: &Order<'d>,
    remarks: &mut Remarks,
    is_held: impl Fn(FieldId) -> bool,
) -> Vec<Account<'d>> {
    let mut accounts = Vec::new();
    for item in &order.document.items {
        let fields = Entry::new(item).into_rest();
        let is_seed = |field: &DocumentField| field.kind == FieldKind::Otp;
        if item.trashed {
            remarks.leave_item_out(item, TRASHED);
        } else if !fields.iter().any(|field| is_seed(field)) {
            remarks.leave_item_out(item, NO_SEED);
        } else {
            remarks.leave_history_out(item, |_| false);
            remarks.leave_conflicts_out(item);
            for field in fields {
                if is_seed(field) {
                    accounts.extend(account(item, field, remarks));
                } else if field.id != USERNAME && !is_held(field.id) {
                    remarks.leave_out(item, &field.name, SEEDS_ALONE);
                }
            }
            if !item.urls.is_empty() {
                remarks.leave_out(item, "url", SEEDS_ALONE);
            }
            if !item.text(field::FOLDER).is_empty() {
                remarks.leave_out(item, "folder", SEEDS_ALONE);
            }
        }
    }
    remarks.leave_files_out(order);
    remarks.seeds = Some(accounts.len());
    accounts
}

const USERNAME: FieldId = FieldId::Standard(field::USERNAME);

fn account<'d>(
    item: &'d DocumentItem,
    field: &'d DocumentField,
    remarks: &mut Remarks,
) -> Option<Account<'d>> {
    let Ok(seed) = Seed::parse(&field.value) else {
        remarks.leave_out(item, &field.name, UNREADABLE);
        return None;
    };
    let (title, username) = (item.text(field::TITLE), item.text(field::USERNAME));
    let seed = seed.with_counter(field.counter).labelled(title, username);
    let names = [
        ("title", title, seed.issuer()),
        ("username", username, seed.account()),
    ];
    for (name, _, _) in names
        .iter()
        .filter(|(_, own, held)| own != held && !own.is_empty())
    {
        remarks.leave_out(item, name, OWN_NAMES);
    }
    Some(Account {
        item,
        field: field.id,
        seed,
    })
}
