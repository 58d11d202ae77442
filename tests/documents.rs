//! Keeps the pages in step with the code: tables that stand in both, and tests that SECURITY.md names.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use keyfold::model::field::STANDARD_FIELDS;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the first table after `place`, each cut into its cells.
fn table_after(page: &str, place: &str) -> Vec<Vec<String>> {
    let (_, after) = page
        .split_once(place)
        .unwrap_or_else(|| panic!("the page has no {place:?}"));
    let is_row = |line: &&str| line.contains('|');
    let lines = after.lines().skip_while(|line| !is_row(line));
    let cells = |line: &str| -> Vec<String> {
        let bare = line.trim().trim_start_matches('|').trim_end_matches('|');
        bare.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    // Heading and rule are no rows.
    lines.take_while(is_row).skip(2).map(cells).collect()
}

#[test]
fn the_format_page_lists_every_standard_field() {
    let page = read("vault-format.md");
    let rows = table_after(&page, "<!-- standard fields:");
    let written: Vec<(String, String, String)> = rows
        .into_iter()
        .map(|row| <[String; 3]>::try_from(row).unwrap().into())
        .collect();
    let built: Vec<(String, String, String)> = STANDARD_FIELDS
        .iter()
        .map(|(number, name, kind)| {
            (
                number.to_string(),
                (*name).to_owned(),
                kind.name().to_owned(),
            )
        })
        .collect();
    assert_eq!(written, built);
}

/// Exit codes that the program's table of failures gives, read from its source: the program is no library.
fn codes_of_failures() -> BTreeSet<u8> {
    let source = read("src/bin/keyfold/failure.rs");
    let (_, table) = source.split_once("const TABLE").unwrap();
    let (table, _) = table.split_once("];").unwrap();
    let rows = table.lines().filter(|line| line.contains("(Self::"));
    rows.map(|row| row.split(',').nth(1).unwrap().trim().parse().unwrap())
        .collect()
}

#[test]
fn the_readme_lists_every_exit_code() {
    let page = read("README.md");
    let rows = table_after(&page, "## Exit codes");
    let written: Vec<u8> = rows
        .iter()
        .map(|row| row[0].replace('`', "").parse().unwrap())
        .collect();
    // Success is no failure, and 9 is kept for findings, which no command has yet.
    let mut all = codes_of_failures();
    all.insert(0);
    if written.contains(&9) {
        all.insert(9);
    }
    assert_eq!(written, all.iter().copied().collect::<Vec<_>>());
    for row in &rows {
        assert!(row[1].len() > 3, "{row:?}");
    }
}

/// The files of tests: name to content.
fn sources() -> BTreeMap<String, String> {
    fn collect(folder: &Path, name: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder.join(name)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{name}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                collect(folder, &path, found);
            } else if let Ok(text) = fs::read_to_string(entry.path()) {
                found.insert(path, text);
            }
        }
    }
    let mut found = BTreeMap::new();
    for name in ["src", "tests"] {
        collect(Path::new(env!("CARGO_MANIFEST_DIR")), name, &mut found);
    }
    found
}

/// Texts between backquotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_the_security_page_names_is_there() {
    let page = read("SECURITY.md");
    let files = sources();
    let mut named = 0;
    let mut missing = Vec::new();
    for row in table_after(&page, "## Attacks") {
        let id = row.first().unwrap();
        let tests = row.get(3).unwrap_or_else(|| panic!("{id}: no cell"));
        if tests == "not yet" {
            continue;
        }
        let before = named;
        for reference in quoted(tests) {
            named += 1;
            // `file.rs::name`, or `file` alone where no test but a whole file or page is the proof.
            let (path, name) = reference.split_once("::").unwrap_or((reference, ""));
            let is_there = match files.get(path) {
                Some(text) => name.is_empty() || text.contains(&format!("fn {name}(")),
                None => {
                    name.is_empty() && Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists()
                }
            };
            if !is_there {
                missing.push(format!("{id}: {reference}"));
            }
        }
        assert!(named > before, "{id} names no test: {tests}");
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(named > 30, "only {named} tests are named");
}

#[test]
fn the_security_page_has_every_known_attack_once() {
    let page = read("SECURITY.md");
    let rows = table_after(&page, "## Attacks");
    let ids: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
    // What applies to this version; a row may gain a test later, none may go.
    for id in [
        "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A12", "A20", "A21", "A23",
        "A29", "B3", "B6", "B8", "B14", "B18", "B19", "B20", "B21", "B22", "B25",
    ] {
        let row = rows.iter().find(|row| row[0] == id);
        let row = row.unwrap_or_else(|| panic!("no row {id}"));
        assert_ne!(row[3], "not yet", "{id}");
    }
}
