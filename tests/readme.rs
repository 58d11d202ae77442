//! Every command that README.md shows is run here, in its order, in one home: it succeeds and prints what is shown.
//!
//! A `console` block has commands (`$ …`) and what they print, both streams together; `...` stands for anything. What a
//! person would type at a prompt comes from files, which a wrapper on the path adds; it also takes the cheapest key
//! derivation. Blocks of `sh` are for cargo: what they hand to keyfold runs here too, cargo itself does not.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod program;

use program::{FLOOR, Home};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// What cargo commands may be shown without being run here.
const CARGO: [&str; 2] = ["cargo test --locked", "cargo install --locked --path ."];

#[test]
fn every_command_shown_does_what_is_shown() {
    let readme = include_str!("../README.md");
    let home = prepared();
    let mut count = 0;
    for (language, block) in blocks(readme) {
        match language {
            "console" => {
                for (command, expected) in commands(block) {
                    count += 1;
                    check(&home, command, &expected);
                }
            }
            "sh" => {
                for line in block.lines().filter(|line| !CARGO.contains(line)) {
                    let args = line.strip_prefix("cargo run --release --locked -- ");
                    check(&home, &format!("keyfold {}", args.unwrap()), "...\n");
                }
            }
            other => panic!("a block of {other:?} is not run"),
        }
    }
    assert!(count > 40, "only {count} commands were found");
}

/// A home with a wrapper named keyfold, the files that the commands name, and the answers to prompts.
fn prepared() -> Home {
    let home = Home::empty();
    home.write("new-password", "another password\n");
    home.write(
        "export.csv",
        "name,url,username,password,note\nForum,https://forum.example.org,ada,secret,\n",
    );
    std::fs::create_dir(home.path("bin")).unwrap();
    let wrapper = format!(
        r#"#!/bin/sh
case " $* " in
    *" init "*) set -- "$@" {floor} ;;
    *" passwd "*) set -- "$@" {floor} --new-password-file new-password; changed=yes ;;
    *" conflicts "*) [ -e phone-drive ] || sh change-apart ;;
    *" rekey "*) set -- "$@" {floor} --new-password-file new-password --yes ;;
    *" --to-vault "*) set -- "$@" --to-password-file password ;;
esac
case " $* " in
    *" --password-file "*) ;;
    *) set -- --password-file password --no-input "$@" ;;
esac
'{keyfold}' "$@"
code=$?
if [ "$changed" = yes ]; then cp new-password password; fi
exit $code
"#,
        floor = FLOOR.join(" "),
        keyfold = env!("CARGO_BIN_EXE_keyfold"),
    );
    home.write("change-apart", &change_apart());
    let path = home.write("bin/keyfold", &wrapper);
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    home
}

/// What happened before conflicts are listed: a second device and this one changed the same, and the drive brought it.
fn change_apart() -> String {
    format!(
        r#"set -e
exec > change-apart.log 2>&1
edit() {{ '{keyfold}' --password-file password edit private/mail -u "$1"; }}
mkdir phone-drive
cp vault.keyfold phone-drive/vault.keyfold
echo 'device = "phone"' > phone.toml
edit me@laptop.example
(KEYFOLD_VAULT=phone-drive/vault.keyfold KEYFOLD_STATE_DIR=phone KEYFOLD_CONFIG=phone.toml; edit me@phone.example)
tail -c +1025 phone-drive/vault.keyfold >> vault.keyfold
'{keyfold}' --password-file password ls
"#,
        keyfold = env!("CARGO_BIN_EXE_keyfold"),
    )
}

fn check(home: &Home, shown: &str, expected: &str) {
    let mut command = Command::new("sh");
    home.enter(&mut command);
    let path = format!("{}:{}", home.arg("bin"), std::env::var("PATH").unwrap());
    command.env("PATH", path).env("EDITOR", "true");
    command.args(["-c", &format!("{{ {shown} ; }} 2>&1")]);
    let ran = program::finish(command, "");
    assert_eq!(ran.code, 0, "$ {shown}\n{}", ran.out);
    assert!(
        fits(expected, &ran.out),
        "$ {shown}\n--- README.md\n{expected}\n--- printed\n{}",
        ran.out
    );
}

/// Whether a text fits a pattern in which `...` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.trim_end(), text.trim_end());
    let mut parts = pattern.split("...");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The fenced blocks of a text, each with its language.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    text.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').unwrap())
        .collect()
}

/// The commands of a console block, each with what it prints.
fn commands(block: &str) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push((command, String::new())),
            (None, Some((_, output))) => {
                output.push_str(line);
                output.push('\n');
            }
            (None, None) => panic!("a block begins with {line}"),
        }
    }
    found
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let source = include_str!("../src/bin/keyfold/failure.rs");
    let rows = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("(Self::"));
    let mut codes: Vec<&str> = rows.filter_map(|row| row.split(", ").nth(1)).collect();
    codes.insert(0, "0");
    let section = include_str!("../README.md")
        .split("## Exit codes")
        .nth(1)
        .unwrap();
    let table = section.split("\n## ").next().unwrap();
    let cells = table.lines().filter_map(|line| line.strip_prefix("| "));
    let first = cells.filter_map(|line| line.split(" |").next());
    let shown: Vec<&str> = first.filter(|cell| cell.parse::<u8>().is_ok()).collect();
    assert!(codes.len() > 10, "{codes:?}");
    assert_eq!(shown, codes);
}

#[test]
fn a_pattern_fits_only_what_it_shows() {
    assert!(fits("a ... c\n", "a b c\n"));
    assert!(fits("...\n", "\n"));
    assert!(!fits("a\n", "a b\n"));
    assert!(!fits("a ... c", "a b d"));
}
