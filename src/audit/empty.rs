//! Items in which nothing is that a password manager is for.

use super::{Audit, Finding, FindingKind};
use crate::model::field::{self, ItemKind};
use std::collections::HashSet;

pub(super) fn check(audit: &Audit<'_>, findings: &mut Vec<Finding>) {
    let seen = audit.seen.iter().filter(|seen| !seen.is_empty);
    let full: HashSet<usize> = seen.map(|seen| seen.subject).collect();
    for subject in &audit.subjects {
        let has_secret = full.contains(&subject.number) || subject.has_other_secret;
        if has_secret || subject.has_seed {
            continue;
        }
        let what = if !subject.has_anything {
            "nothing in it but its title".to_owned()
        } else if is_for_a_secret(subject.kind) && !subject.has_notes {
            let main = subject.kind.template().first().copied();
            let name = main
                .and_then(field::standard_field)
                .map_or("secret", |row| row.0);
            format!("no {name} in it")
        } else {
            continue;
        };
        findings.push(Finding::new(FindingKind::Empty, subject, None, what));
    }
}

/// Whether an item of the kind is of no use without its secret. A network may be open, an account be known by its IBAN.
fn is_for_a_secret(kind: ItemKind) -> bool {
    matches!(
        kind,
        ItemKind::Login
            | ItemKind::Card
            | ItemKind::SshKey
            | ItemKind::ApiToken
            | ItemKind::Licence
            | ItemKind::Note
    )
}
