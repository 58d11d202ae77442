//! Many processes on one vault, and processes that are killed: what was acknowledged is there.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod real;

use real::{Home, titles, told};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How long a process waits for another before it says busy, less a margin.
const BUSY_AFTER: Duration = Duration::from_secs(1);

/// `processes` at once, each adding `adds` items one after another: none lost, none that was refused is there.
fn add_at_once(processes: usize, adds: usize) {
    let home = Home::with_vault();
    let outcomes: Vec<(String, Option<i32>, Duration, String)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..processes)
            .map(|process| {
                let home = &home;
                scope.spawn(move || {
                    let one = |number: usize| {
                        let title = format!("item-{process}-{number}");
                        let start = Instant::now();
                        let output = home.keyfold(&["add", &title, "-g"]).output().unwrap();
                        (title, output.status.code(), start.elapsed(), told(&output))
                    };
                    (0..adds).map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut acknowledged = BTreeSet::new();
    for (title, code, elapsed, told) in outcomes {
        match code {
            Some(0) => drop(acknowledged.insert(title)),
            // Only a machine under great load makes a process wait that long.
            Some(8) => assert!(elapsed >= BUSY_AFTER, "{title}: {told}"),
            _ => panic!("{title}: {told}"),
        }
    }
    // Eight adds that hold the lock for milliseconds do not starve each other.
    assert!(acknowledged.len() * 10 >= processes * adds * 9);
    for export in [
        home.ok(&["export"]),
        String::from_utf8(home.export_of_fresh_device("old").stdout).unwrap(),
    ] {
        let export: Value = serde_json::from_str(&export).unwrap();
        let found = titles(&export);
        assert_eq!(found.len(), acknowledged.len(), "an item is there twice");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), acknowledged);
    }
    let check = home.json(&["check"]);
    assert_eq!(check["ok"], true, "{check}");
}

#[test]
fn eight_processes_that_add_at_once_lose_nothing() {
    add_at_once(8, 10);
}

#[test]
#[ignore = "needs minutes"]
fn eight_processes_that_add_a_thousand_items_lose_nothing() {
    add_at_once(8, 125);
}

/// Adds that are killed at moments around their end; those that were done before are there.
fn add_and_kill(adds: u32) {
    let home = Home::with_vault();
    let start = Instant::now();
    home.ok(&["add", "calm", "-g"]);
    let mut pace = start.elapsed();
    let (mut acknowledged, mut killed) = (BTreeSet::from(["calm".to_owned()]), 0);
    for number in 0..adds {
        let title = format!("item-{number}");
        let mut child = home
            .keyfold(&["add", &title, "-g"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The pace follows the machine's, so that the kills gather around the moment when an add is done.
        std::thread::sleep(pace * (80 + number * 7 % 40) / 100);
        // What has ended already cannot be killed, and says how it ended.
        drop(child.kill());
        match child.wait().unwrap().code() {
            Some(0) => {
                acknowledged.insert(title);
                pace = pace * 9 / 10;
            }
            None => {
                killed += 1;
                pace = pace * 11 / 10;
            }
            code => panic!("{title} ended with {code:?}"),
        }
    }
    assert!(
        killed > 0 && acknowledged.len() > 1,
        "the moments do not spread"
    );
    home.ok(&["add", "after", "-g"]);
    acknowledged.insert("after".to_owned());
    let export: Value = serde_json::from_str(&home.ok(&["export"])).unwrap();
    let here: BTreeSet<String> = titles(&export).into_iter().collect();
    assert!(acknowledged.is_subset(&here), "{acknowledged:?} {here:?}");
    let fresh = home.export_of_fresh_device("old");
    let export: Value = serde_json::from_slice(&fresh.stdout).unwrap();
    let there: BTreeSet<String> = titles(&export).into_iter().collect();
    assert!(acknowledged.is_subset(&there), "{acknowledged:?} {there:?}");
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there() {
    add_and_kill(40);
}

#[test]
#[ignore = "needs minutes"]
fn what_was_acknowledged_before_any_of_many_kills_is_there() {
    add_and_kill(400);
}
