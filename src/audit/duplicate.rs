//! Items that are for the same account and hold the same secret.

use super::marks::Mark;
use super::subject::Subject;
use super::{Audit, Finding, FindingKind};
use crate::model::field::ItemKind;
use std::collections::BTreeMap;

/// What makes two items one: kind, secret, user, and the site, or the title where there is none.
type Account<'a> = (ItemKind, &'a Mark, String, String);

pub(super) fn check(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    let mut accounts: BTreeMap<Account<'_>, Vec<&Subject>> = BTreeMap::new();
    for seen in audit.seen.iter().filter(|seen| !seen.is_empty) {
        let Some(subject) = audit.subjects.get(seen.subject) else {
            continue;
        };
        // Only what stands in the same field of both is the same.
        if subject.secrets.first().map(|first| first.id) != Some(seen.field) {
            continue;
        }
        let place = subject.sites.first().unwrap_or(&subject.title);
        let account = (
            subject.kind,
            &seen.mark,
            subject.username.to_lowercase(),
            place.to_lowercase(),
        );
        accounts.entry(account).or_default().push(subject);
    }
    for group in accounts.into_values().filter(|group| group.len() > 1) {
        for subject in &group {
            let others = group.iter().copied();
            let others: Vec<&Subject> = others.filter(|other| other.id != subject.id).collect();
            let mut finding =
                Finding::new(FindingKind::Duplicate, subject, None, "").shared_with(&others);
            finding.what = format!(
                "the same account and secret as {}",
                finding.others_in_words()
            );
            findings.push(finding);
        }
    }
}
