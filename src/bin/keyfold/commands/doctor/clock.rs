//! The machine's clock, against the vault's newest change or, where it is closed, the time of its file.

use super::{Finding, FindingKind, Scene, Severity};
use keyfold::service::ClockCheck;
use std::time::UNIX_EPOCH;

/// Milliseconds that a file may be ahead: drives keep the other device's time.
const TOLERATED: u64 = 24 * 60 * 60 * 1000;

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let what = match &scene.opened {
        Some(opened) => match opened.clock {
            ClockCheck::Plausible => None,
            ClockCheck::Behind => Some("the clock is behind the newest change in the vault"),
            ClockCheck::ChangeAhead => Some("a change in the vault is dated in the future"),
        },
        None => is_file_ahead(scene).then_some("the vault file is dated in the future"),
    };
    let told = what.map(|what| {
        Finding::new(
            FindingKind::Clock,
            Severity::Advice,
            format!("{what}: this machine's clock is wrong, or another device's"),
            "set the clocks right; one-time codes need them, and keyfold devices tells whose is ahead",
        )
    });
    told.into_iter().collect()
}

fn is_file_ahead(scene: &Scene) -> bool {
    let metadata = std::fs::metadata(&scene.places.vault_file);
    let modified = metadata.and_then(|metadata| metadata.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.is_some_and(|since| since.as_millis() > u128::from(scene.now.0 + TOLERATED))
}
