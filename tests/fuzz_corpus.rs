//! Runs every kept input of the fuzz targets through the code that the targets run. An input that once broke something
//! is put into `fuzz/corpus/<target>/` together with the repair.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod fuzz_entries;

use fuzz_entries::TARGETS;
use keyfold::wire::{Answer, Question, parse_body};
use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn every_kept_input_passes_its_target() {
    for (target, entry) in TARGETS {
        let folder = fuzz_folder().join("corpus").join(target);
        let inputs = names_in(&folder);
        assert!(inputs.len() >= 5, "{target} has {} inputs", inputs.len());
        for name in inputs {
            let bytes = fs::read(folder.join(&name)).unwrap();
            assert!(
                bytes.len() <= 64 << 10,
                "{target}/{name}: the corpus is kept small"
            );
            assert!(
                catch_unwind(|| entry(&bytes)).is_ok(),
                "{target}/{name} stopped the target"
            );
        }
    }
}

#[test]
fn every_target_is_run_here() {
    let here: BTreeSet<String> = TARGETS
        .iter()
        .map(|(target, _)| (*target).to_owned())
        .collect();
    let files = names_in(&fuzz_folder().join("fuzz_targets"));
    let targets: BTreeSet<String> = files
        .iter()
        .filter_map(|name| name.strip_suffix(".rs"))
        .map(str::to_owned)
        .collect();
    assert_eq!(targets, here);
}

/// Whoever changes what is said makes the inputs anew: one that is refused at its first byte tests little.
#[test]
fn the_inputs_of_the_wire_are_the_questions_and_answers_that_their_names_say() {
    let folder = fuzz_folder().join("corpus/wire");
    for name in names_in(&folder) {
        let bytes = fs::read(folder.join(&name)).unwrap();
        match name.split_once('-') {
            Some(("ask", _)) => assert!(parse_body::<Question>(&bytes).is_ok(), "{name}"),
            Some(("answer", _)) => assert!(parse_body::<Answer>(&bytes).is_ok(), "{name}"),
            _ => {}
        }
    }
}
