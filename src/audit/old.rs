//! Secrets that were not changed for long. Information only: a good password that nobody saw does not age (NIST SP 800-63B-4,
//! section 3.1.1.2, advises against changing passwords for their age), and keys and tokens do more than passwords.

use super::{Audit, Finding, FindingKind};
use crate::model::field::{self, ItemKind};
use crate::model::ids::FieldId;

/// A day in milliseconds.
pub(super) const DAY: u64 = 24 * 60 * 60 * 1000;
/// After how many days the main secret of an item of a kind is old; kinds that are not here never are.
const LIMITS: [(ItemKind, u64); 5] = [
    (ItemKind::Login, 3 * 365),
    (ItemKind::Custom, 3 * 365),
    (ItemKind::Wifi, 5 * 365),
    (ItemKind::SshKey, 2 * 365),
    (ItemKind::ApiToken, 365),
];

pub(super) fn check(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    for subject in &audit.subjects {
        let limit = LIMITS.iter().find(|(kind, _)| *kind == subject.kind);
        let Some((_, limit)) = limit else {
            continue;
        };
        for secret in &subject.secrets {
            // The passphrase of a key is no secret that others hold.
            if secret.id == FieldId::Standard(field::PASSPHRASE) {
                continue;
            }
            let days = audit.options.now.0.saturating_sub(secret.changed.0) / DAY;
            if days > *limit {
                let what = format!("not changed for {}", span(days));
                let name = Some(secret.name.clone());
                findings.push(Finding::new(FindingKind::Old, subject, name, what));
            }
        }
    }
}

/// Days in words.
pub(super) fn span(days: u64) -> String {
    match days {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        2..60 => format!("{days} days"),
        60..730 => format!("{} months", days / 30),
        _ => format!("{} years", days / 365),
    }
}
