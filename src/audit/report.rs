//! What an audit came to: findings, the worst first, and what is drawn of all. It holds no secret.

use super::strength::Estimate;
use super::{Audit, CHECKS, Finding, FindingKind, Severity, score};
use crate::generate::Rating;
use crate::model::moment::Moment;
use std::collections::{BTreeMap, HashSet};

/// The steps of age that are counted: years up to which, and what they are called.
pub const AGE_STEPS: [(u64, &str); 5] = [
    (1, "under 1 year"),
    (2, "1 to 2 years"),
    (3, "2 to 3 years"),
    (5, "3 to 5 years"),
    (u64::MAX, "over 5 years"),
];

/// A list that was asked.
#[derive(Clone, PartialEq, Debug)]
pub struct Listed {
    /// Its form: `text`, `ranges`, `binary`, `filter`.
    pub form: &'static str,
    /// Its hashes: `sha1`, `ntlm`.
    pub hash: &'static str,
    /// When it was made, where it says so.
    pub made: Option<Moment>,
    /// How many it has, of text and ranges about so many.
    pub entries: u64,
    /// How often it takes a password for breached that is not.
    pub false_positive_rate: f64,
}

/// What an audit came to.
#[derive(Clone, PartialEq)]
pub struct Report {
    /// When.
    pub at: Moment,
    /// Of which folder, where one was named.
    pub folder: Option<String>,
    /// From 0 to 100; 100 means that nothing was found.
    pub score: u8,
    /// How many items were audited.
    pub items: usize,
    /// How many passwords they have.
    pub passwords: usize,
    /// Secrets that do not open in their place.
    pub unreadable: usize,
    /// How they were rated.
    pub estimate: Estimate,
    /// How many passwords have which rating, the worst first.
    pub ratings: [(Rating, usize); 5],
    /// How many passwords are how old, by [`AGE_STEPS`].
    pub ages: [usize; 5],
    /// The list of breached passwords, where there was one.
    pub breaches: Option<Listed>,
    /// When the list of sites with one-time codes was made, where it says so.
    pub two_factor_date: Option<String>,
    /// How many sites it has.
    pub two_factor_sites: usize,
    /// The worst first, by path.
    pub findings: Vec<Finding>,
    /// Findings that tags excused.
    pub excused: usize,
}

impl Report {
    /// How many items have a finding of each kind, in the order of [`FindingKind::TABLE`].
    #[must_use]
    pub fn counts(&self) -> Vec<(FindingKind, usize)> {
        let mut items: BTreeMap<FindingKind, HashSet<usize>> = BTreeMap::new();
        for finding in &self.findings {
            items
                .entry(finding.kind)
                .or_default()
                .insert(finding.subject);
        }
        let kinds = FindingKind::TABLE.iter().map(|row| row.0);
        kinds
            .map(|kind| (kind, items.get(&kind).map_or(0, HashSet::len)))
            .collect()
    }

    /// How many items have nothing that is more than information.
    #[must_use]
    pub fn items_without_trouble(&self) -> usize {
        let trouble = self.findings.iter();
        let trouble = trouble.filter(|finding| finding.kind.severity() < Severity::Information);
        let troubled: HashSet<usize> = trouble.map(|finding| finding.subject).collect();
        self.items.saturating_sub(troubled.len())
    }
}

pub(super) fn make(audit: &Audit<'_>) -> Report {
    let mut findings = Vec::new();
    for check in CHECKS {
        check(audit, &mut findings);
    }
    let audited = |number: usize| audit.subjects.get(number).filter(|one| one.is_audited);
    findings.retain(|finding| audited(finding.subject).is_some());
    let all = findings.len();
    findings.retain(|finding| {
        audited(finding.subject).is_some_and(|subject| !subject.is_excused(finding.kind))
    });
    findings.sort_by(|one, other| {
        let order = |finding: &Finding| (finding.kind.severity(), finding.kind);
        let by_path = one.path.cmp(&other.path);
        order(one).cmp(&order(other)).then(by_path)
    });
    let items = audit.subjects.iter().filter(|one| one.is_audited).count();
    let mut report = Report {
        at: audit.options.now,
        folder: audit.options.folder.clone(),
        score: score::score(items, &findings),
        items,
        passwords: 0,
        unreadable: audit.unreadable,
        estimate: audit.options.estimate,
        ratings: [
            (Rating::VeryWeak, 0),
            (Rating::Weak, 0),
            (Rating::Fair, 0),
            (Rating::Good, 0),
            (Rating::Strong, 0),
        ],
        ages: [0; 5],
        breaches: audit.options.breaches.map(|list| Listed {
            form: list.form(),
            hash: list.hash_kind().name(),
            made: list.made(),
            entries: list.entries(),
            false_positive_rate: list.false_positive_rate(),
        }),
        two_factor_date: audit.options.two_factor.date().map(str::to_owned),
        two_factor_sites: audit.options.two_factor.len(),
        excused: all - findings.len(),
        findings,
    };
    count_passwords(audit, &mut report);
    report
}

fn count_passwords(audit: &Audit<'_>, report: &mut Report) {
    for seen in &audit.seen {
        let subject = audit.subjects.get(seen.subject);
        let (Some(subject), Some(rated)) = (subject.filter(|one| one.is_audited), &seen.strength)
        else {
            continue;
        };
        report.passwords += 1;
        for (rating, count) in &mut report.ratings {
            *count += usize::from(*rating == rated.rating);
        }
        let dated = subject
            .secrets
            .iter()
            .find(|secret| secret.id == seen.field);
        let changed = dated.map_or(Moment(0), |secret| secret.changed);
        let years = audit.options.now.0.saturating_sub(changed.0) / (365 * super::old::DAY);
        let step = AGE_STEPS.iter().position(|(limit, _)| years < *limit);
        if let Some(count) = step.and_then(|step| report.ages.get_mut(step)) {
            *count += 1;
        }
    }
}
