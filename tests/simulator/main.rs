//! Any cloud drive, any number of devices: whole worlds are played from seeds, and in the end nothing that was acknowledged
//! is lost, all devices mean the same, and nobody writes any more. `KEYFOLD_SIM_SEED=1234 cargo test --test simulator --
//! replay` plays one seed again; `KEYFOLD_SIM_SEEDS=100000 cargo test --test simulator -- --ignored` plays many.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

#[path = "../scene/mod.rs"]
mod scene;

mod device;
mod drive;
mod edits;
mod failure;
mod ledger;
mod settle;
mod steps;
mod world;

use failure::minimise;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use steps::story;
use world::tell;

/// As many as two idle cores play in a quarter of a minute.
const SEEDS: u64 = 2_000;
const THREADS: usize = 2;

#[test]
fn whatever_devices_and_drive_do_nothing_acknowledged_is_lost_and_all_agree() {
    play(0, SEEDS);
}

/// Stories beyond those that once ended badly, as long as steps are drawn as they are now.
#[test]
fn what_went_wrong_once_goes_right() {
    play(43_116, 1); // an ERASE stayed behind what it had taken
    play(129_624, 1); // a way in without its vault opened an empty one
    play(112_644, 1); // and what it had taken waited on when it had come
}

#[test]
#[ignore = "needs minutes"]
fn many_more_seeds() {
    let first = number("KEYFOLD_SIM_SEED").unwrap_or(SEEDS);
    play(first, number("KEYFOLD_SIM_SEEDS").unwrap_or(20_000));
}

#[test]
fn replay() {
    if let Some(seed) = number("KEYFOLD_SIM_SEED") {
        play(seed, 1);
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Plays seeds on two threads until one fails.
fn play(first: u64, count: u64) {
    let next = AtomicU64::new(first);
    let failed: Mutex<Option<u64>> = Mutex::new(None);
    // A panic inside a story is a finding, told once it is small.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || failed.lock().unwrap().is_some() {
                        return;
                    }
                    let (cast, steps) = story(seed);
                    if tell(cast, &steps).is_err() {
                        failed.lock().unwrap().get_or_insert(seed);
                    }
                }
            });
        }
    });
    let report = failed.lock().unwrap().map(report);
    std::panic::set_hook(hook);
    if let Some(report) = report {
        panic!("{report}");
    }
}

/// The seed, its smallest story and how to play it again.
fn report(seed: u64) -> String {
    let (cast, steps) = story(seed);
    let Err(failure) = tell(cast, &steps) else {
        return format!("seed {seed} fails only sometimes");
    };
    let (steps, failure) = minimise(steps, failure, |steps| tell(cast, steps));
    let mut out = format!("seed {seed}, {cast:?}: {failure}\n");
    for line in steps.iter().map(|step| format!("{step:?}")) {
        writeln!(out, "  {line}").unwrap();
    }
    if std::env::var_os("KEYFOLD_SIM_LOG").is_some() {
        writeln!(out, "what happened:\n{}", failure.log.join("\n")).unwrap();
    }
    write!(
        out,
        "play it again: KEYFOLD_SIM_SEED={seed} cargo test --test simulator -- replay"
    )
    .unwrap();
    out
}
