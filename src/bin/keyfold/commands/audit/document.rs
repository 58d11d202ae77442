//! A report as JSON.

use keyfold::audit::{AGE_STEPS, Finding, Report};
use keyfold::model::moment::Moment;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
pub(super) struct Document<'a> {
    schema: u32,
    at: String,
    folder: Option<&'a str>,
    score: u8,
    items: usize,
    passwords: usize,
    unreadable: usize,
    estimate: &'static str,
    breach_list: Option<BreachList>,
    two_factor_list: TwoFactorList<'a>,
    counts: BTreeMap<&'static str, usize>,
    ratings: BTreeMap<&'static str, usize>,
    ages: BTreeMap<&'static str, usize>,
    ignored: usize,
    findings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct BreachList {
    form: &'static str,
    hash: &'static str,
    made: Option<String>,
    entries: u64,
    false_positive_rate: f64,
}

#[derive(Serialize)]
struct TwoFactorList<'a> {
    date: Option<&'a str>,
    sites: usize,
}

#[derive(Serialize)]
struct Row<'a> {
    kind: &'static str,
    severity: &'static str,
    id: String,
    path: &'a str,
    field: Option<&'a str>,
    what: &'a str,
    with: &'a [String],
    others: usize,
}

impl<'a> From<&'a Finding> for Row<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            kind: finding.kind.name(),
            severity: finding.kind.severity().name(),
            id: finding.item.to_string(),
            path: &finding.path,
            field: finding.field.as_deref(),
            what: &finding.what,
            with: &finding.with,
            others: finding.others,
        }
    }
}

pub(super) fn of(report: &Report) -> Document<'_> {
    let counts = report.counts().into_iter();
    let ratings = report.ratings.iter();
    let ages = AGE_STEPS.iter().zip(report.ages);
    let list = report.breaches.as_ref();
    Document {
        schema: 1,
        at: report.at.to_rfc3339(),
        folder: report.folder.as_deref(),
        score: report.score,
        items: report.items,
        passwords: report.passwords,
        unreadable: report.unreadable,
        estimate: report.estimate.name(),
        breach_list: list.map(|list| BreachList {
            form: list.form,
            hash: list.hash,
            made: list.made.map(Moment::to_rfc3339),
            entries: list.entries,
            false_positive_rate: list.false_positive_rate,
        }),
        two_factor_list: TwoFactorList {
            date: report.two_factor_date.as_deref(),
            sites: report.two_factor_sites,
        },
        counts: counts.map(|(kind, count)| (kind.name(), count)).collect(),
        ratings: ratings
            .map(|(rating, count)| (rating.words(), *count))
            .collect(),
        ages: ages.map(|((_, label), count)| (*label, count)).collect(),
        ignored: report.excused,
        findings: report.findings.iter().map(Row::from).collect(),
    }
}
