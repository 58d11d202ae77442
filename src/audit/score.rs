//! One number for all: what is left of each item's hundred points in the mean.

use super::{Finding, FindingKind};
use std::collections::BTreeSet;

/// From 0 to 100, rounded down, so that 100 means that nothing was found. A kind counts once for an item, and an item that has lost
/// all its points loses no more.
pub(super) fn score(items: usize, findings: &[Finding]) -> u8 {
    let Some(items) = u64::try_from(items).ok().filter(|items| *items > 0) else {
        return 100;
    };
    let once: BTreeSet<(usize, FindingKind)> = findings
        .iter()
        .map(|finding| (finding.subject, finding.kind))
        .collect();
    let mut lost = 0_u64;
    let mut item: Option<(usize, u64)> = None;
    for (subject, kind) in once {
        let weight = u64::from(kind.weight());
        match &mut item {
            Some((same, points)) if *same == subject => *points += weight,
            _ => {
                lost += item.map_or(0, |(_, points)| points.min(100));
                item = Some((subject, weight));
            }
        }
    }
    lost += item.map_or(0, |(_, points)| points.min(100));
    let left = (items * 100).saturating_sub(lost) / items;
    u8::try_from(left).unwrap_or(100)
}
