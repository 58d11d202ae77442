//! Passwords that a list of breached ones has.

use super::{Audit, Finding, FindingKind, Role};

pub(super) fn check(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    for seen in audit.seen.iter().filter(|seen| seen.is_breached) {
        debug_assert!(seen.role == Role::Password, "only passwords are looked up");
        let Some(subject) = audit.subjects.get(seen.subject) else {
            continue;
        };
        let what = "its password was seen in breaches and stands in the lists that attackers try";
        let field = subject.name_of(seen.field);
        findings.push(Finding::new(FindingKind::Breached, subject, field, what));
    }
}
