//! Passwords that several items share.

use super::marks::Mark;
use super::{Audit, Finding, FindingKind, Role, Seen};
use std::collections::BTreeMap;

pub(super) fn check(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    for group in groups(audit, |seen| Some(&seen.mark)) {
        for (at, seen) in group.iter().enumerate() {
            let Some(subject) = audit.subjects.get(seen.subject) else {
                continue;
            };
            let others = group.iter().enumerate().filter(|(other, _)| *other != at);
            let others: Vec<_> = others
                .filter_map(|(_, other)| audit.subjects.get(other.subject))
                .collect();
            let field = subject.name_of(seen.field);
            let mut finding =
                Finding::new(FindingKind::Reused, subject, field, "").shared_with(&others);
            finding.what = format!("the same password as {}", finding.others_in_words());
            findings.push(finding);
        }
    }
}

/// Passwords that share a mark, one of each item; marks that only one item has are left out.
pub(super) fn groups<'a>(
    audit: &'a Audit<'_>,
    mark: impl Fn(&'a Seen) -> Option<&'a Mark>,
) -> Vec<Vec<&'a Seen>> {
    let mut by_mark: BTreeMap<&Mark, Vec<&Seen>> = BTreeMap::new();
    let passwords = audit.seen.iter();
    for seen in passwords.filter(|seen| seen.role == Role::Password && !seen.is_empty) {
        if let Some(mark) = mark(seen) {
            let group = by_mark.entry(mark).or_default();
            // A second field of the same item is no second place that it is used at.
            if group.last().is_none_or(|last| last.subject != seen.subject) {
                group.push(seen);
            }
        }
    }
    let mut groups: Vec<Vec<&Seen>> = by_mark.into_values().collect();
    groups.retain(|group| group.len() > 1);
    groups
}
