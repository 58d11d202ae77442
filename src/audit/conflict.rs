//! What devices changed apart and nobody has decided.

use super::{Audit, Finding, FindingKind};
use std::collections::BTreeSet;

pub(super) fn check(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    for subject in audit
        .subjects
        .iter()
        .filter(|subject| !subject.conflicts.is_empty())
    {
        let names: BTreeSet<&str> = subject.conflicts.iter().map(String::as_str).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let what = format!("changed apart on two devices: {}", names.join(", "));
        findings.push(Finding::new(FindingKind::Conflict, subject, None, what));
    }
}
