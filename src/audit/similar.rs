//! Passwords that differ only in what people change when they must: case, a number or a sign at the end, signs for letters.

use super::{Audit, Finding, FindingKind, reused};

pub(super) fn check(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    for group in reused::groups(audit, |seen| seen.similar.as_ref()) {
        for seen in &group {
            let Some(subject) = audit.subjects.get(seen.subject) else {
                continue;
            };
            // What is equal is reused, and told there.
            let others = group.iter().filter(|other| other.mark != seen.mark);
            let others: Vec<_> = others
                .filter_map(|other| audit.subjects.get(other.subject))
                .collect();
            if others.is_empty() {
                continue;
            }
            let field = subject.name_of(seen.field);
            let mut finding =
                Finding::new(FindingKind::Similar, subject, field, "").shared_with(&others);
            finding.what = format!("nearly the same password as {}", finding.others_in_words());
            findings.push(finding);
        }
    }
}
