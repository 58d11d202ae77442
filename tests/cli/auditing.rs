//! `audit` from the command line: its exit codes, its JSON, its page, lists from the disk, and what `add` and `edit` tell at once.

use crate::program::{Home, keys, mode};
use crate::pty::Terminal;
use sha1::{Digest, Sha1};
use std::collections::BTreeSet;

const GOOD: &str = "v9#Kd!2xLq@8Zr5&Tn1w";

/// A list of breached passwords as it can be downloaded.
fn list_of(passwords: &[&str]) -> String {
    let lines: BTreeSet<String> = passwords
        .iter()
        .map(|password| {
            let hash = data_encoding::HEXUPPER.encode(&Sha1::digest(password));
            format!("{hash}:5\r\n")
        })
        .collect();
    lines.into_iter().collect()
}

/// A home with a few items in which not all is well.
fn home() -> Home {
    let home = Home::new();
    home.add(
        "acme/mail",
        "hunter2",
        &["--no-check", "--url", "http://mail.example.com"],
    );
    home.add(
        "acme/shop",
        GOOD,
        &["--no-check", "--url", "https://github.com"],
    );
    home.add("other/shop", GOOD, &["--no-check"]);
    home
}

#[test]
fn an_audit_tells_what_it_found_in_text_and_json() {
    let home = home();
    let ran = home.run(&["audit"]).ok();
    for text in [
        "3 items, 3 passwords",
        "reused",
        "weak",
        "http",
        "no-2fa",
        "acme/mail",
    ] {
        assert!(ran.out.contains(text), "{text}\n{}", ran.out);
    }
    assert!(!ran.out.contains("hunter2") && !ran.out.contains(GOOD));
    let report = home.run(&["audit", "--json"]).ok().json();
    assert_eq!(
        keys(&report),
        [
            "ages",
            "at",
            "breach_list",
            "counts",
            "estimate",
            "findings",
            "folder",
            "ignored",
            "items",
            "passwords",
            "ratings",
            "schema",
            "score",
            "two_factor_list",
            "unreadable",
        ]
    );
    assert_eq!(
        (report["schema"].as_u64(), report["items"].as_u64()),
        (Some(1), Some(3))
    );
    assert_eq!(report["counts"]["reused"], 2);
    assert_eq!(report["counts"]["breached"], 0);
    let finding = &report["findings"][0];
    assert_eq!(
        keys(finding),
        [
            "field", "id", "kind", "others", "path", "severity", "what", "with"
        ]
    );
}

#[test]
fn an_audit_fails_with_9_only_for_kinds_that_are_named_and_found() {
    let home = home();
    home.run(&["audit"]).ok();
    home.run(&["audit", "--fail-on", "reused"]).exits(9);
    home.run(&["audit", "--fail-on", "any", "--json"]).exits(9);
    home.run(&["audit", "--fail-on", "expired,conflict"]).ok();
    home.run(&["audit", "--fail-on", "breached", "--fail-on", "weak"])
        .exits(9);
    home.run(&["audit", "--fail-on", "nonsense"]).exits(2);
    let home = Home::new();
    home.add("good", GOOD, &[]);
    home.run(&["audit", "--fail-on", "any"]).ok();
}

#[test]
fn an_audit_of_a_client_s_folder_names_no_other() {
    let home = home();
    let ran = home.run(&["audit", "--client", "acme"]).ok();
    assert!(
        ran.out.contains("2 items") && ran.out.contains("1 other item"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("other/shop"), "{}", ran.out);
    let report = home
        .run(&["audit", "--client", "acme/", "--json"])
        .ok()
        .json();
    assert_eq!(report["folder"], "acme/");
    assert!(!report.to_string().contains("other/shop"));
    home.run(&["audit", "--client", "nobody"]).exits(3);
}

#[test]
fn the_page_is_new_private_and_without_secrets() {
    let home = home();
    home.run(&["audit", "--html", "report.html"])
        .ok()
        .says("report.html");
    let path = home.path("report.html");
    assert_eq!(mode(&path), 0o600);
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert!(page.contains("acme/mail") && page.contains("<svg"));
    assert!(!page.contains("hunter2") && !page.contains(GOOD) && !page.contains("<script"));
    home.run(&["audit", "--html", "report.html"])
        .exits(1)
        .says("already");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), page);
}

#[test]
fn lists_and_filters_made_of_them_are_asked_by_option_and_by_setting() {
    let home = home();
    let list = home.write("list.txt", &list_of(&["hunter2", "letmein"]));
    let list = list.to_str().unwrap();
    home.run(&["audit", "--breach-list", list, "--fail-on", "breached"])
        .exits(9);
    let built = home.bare(
        &[
            "audit",
            "breach-list",
            "build",
            list,
            "--output",
            "list.kff",
            "--json",
        ],
        "",
    );
    let built = built.ok().json();
    assert_eq!(
        keys(&built),
        [
            "bytes",
            "entries",
            "false_positive_rate",
            "file",
            "hash",
            "schema"
        ]
    );
    assert_eq!(
        (&built["entries"], &built["hash"]),
        (&2.into(), &"sha1".into())
    );
    home.bare(
        &[
            "audit",
            "breach-list",
            "build",
            list,
            "--output",
            "list.kff",
        ],
        "",
    )
    .exits(1);
    home.bare(&["config", "set", "breach_list", "list.kff"], "")
        .ok();
    let report = home.run(&["audit", "--json"]).ok().json();
    assert_eq!(report["counts"]["breached"], 1);
    assert_eq!(report["breach_list"]["form"], "filter");
    let rate = report["breach_list"]["false_positive_rate"]
        .as_f64()
        .unwrap();
    assert!(rate > 0.0 && rate < 0.0001);
    let shown = home.bare(&["config"], "").ok().out;
    assert!(shown.contains("breach_list = /"), "{shown}");
}

#[test]
fn a_list_that_cannot_be_believed_is_an_error_before_a_password_is_asked_for() {
    let home = home();
    let mut lines: Vec<String> = (0..200)
        .map(|at| format!("{:040X}:1\n", at * 7919 % 200))
        .collect();
    lines.reverse();
    home.write("unordered.txt", &lines.concat());
    home.bare(
        &["audit", "--no-input", "--breach-list", "unordered.txt"],
        "",
    )
    .exits(1)
    .says("cannot be used");
    home.bare(&["audit", "--no-input", "--breach-list", "nowhere.txt"], "")
        .exits(1);
    home.write("words.txt", "password\nletmein\n");
    let failed = home.bare(
        &[
            "audit",
            "breach-list",
            "build",
            "words.txt",
            "--output",
            "out",
        ],
        "",
    );
    failed.exits(1);
    assert!(!home.path("out").exists());
}

#[test]
fn a_fuller_list_of_sites_may_be_given() {
    let home = home();
    home.write("sites.txt", "# mine\nexample.org\n");
    let report = home
        .run(&["audit", "--two-factor-list", "sites.txt", "--json"])
        .ok()
        .json();
    assert_eq!(
        (
            &report["two_factor_list"]["sites"],
            &report["counts"]["no-2fa"]
        ),
        (&1.into(), &0.into())
    );
    home.write("sites.txt", "<html>\n");
    home.run(&["audit", "--two-factor-list", "sites.txt"])
        .exits(1)
        .says("line 1");
}

#[test]
fn an_audit_through_the_agent_finds_the_same() {
    let home = home();
    home.run(&["unlock"]).ok();
    let here = home.run(&["audit", "--json"]).ok().json();
    let there = home
        .bare(&["audit", "--json", "--no-input"], "")
        .ok()
        .json();
    assert_eq!(here["findings"], there["findings"]);
    assert_eq!(here["score"], there["score"]);
    let ran = home
        .bare(&["add", "third", "--secret-stdin", "--no-input"], "hunter2")
        .ok();
    ran.says("reused: this password is that of acme/mail too.");
}

#[test]
fn add_and_edit_tell_at_once_what_is_wrong_with_a_chosen_password() {
    let home = home();
    home.write("list.txt", &list_of(&["letmein99", "hunter2"]));
    home.bare(&["config", "set", "breach_list", "list.txt"], "")
        .ok();
    let ran = home
        .run_with(&["add", "new", "--secret-stdin"], "hunter2")
        .ok();
    let ran = ran.says("reused: this password is that of acme/mail too.");
    ran.says("weak: this password is very weak")
        .says("breached: this password");
    let ran = home
        .run_with(&["edit", "new", "--secret-stdin"], "letmein99")
        .ok();
    let ran = ran.says("breached: this password");
    assert!(!ran.err.contains("reused"), "{}", ran.err);
    // The same again changes nothing, and there is nothing to tell.
    let ran = home
        .run_with(&["edit", "new", "--secret-stdin"], "letmein99")
        .ok();
    assert!(!ran.err.contains("breached"), "{}", ran.err);
    let ran = home
        .run_with(
            &["edit", "new", "--json-stdin"],
            r#"{"password": "hunter2"}"#,
        )
        .ok();
    ran.says("reused: this password is that of acme/mail too.");
    let ran = home
        .run_with(
            &["edit", "acme/shop", "--secret-stdin"],
            "Quite-a-good-1-9153",
        )
        .ok();
    assert_eq!(ran.err, "Changed acme/shop\n");
}

#[test]
fn nothing_is_told_of_generated_passwords_and_where_nobody_wants_to_hear_it() {
    let home = home();
    for args in [
        ["add", "a", "--generate=4"].as_slice(),
        &["add", "b", "--secret-stdin", "--no-check"],
        &["--quiet", "add", "c", "--secret-stdin"],
    ] {
        let ran = home.run_with(args, "hunter2").ok();
        assert!(
            !ran.err.contains("weak") && !ran.err.contains("reused"),
            "{}",
            ran.err
        );
    }
    home.bare(&["config", "set", "check_passwords", "never"], "")
        .ok();
    let ran = home
        .run_with(&["add", "d", "--secret-stdin"], "hunter2")
        .ok();
    assert_eq!(ran.err, "Added d\n");
}

#[test]
fn a_list_that_is_gone_keeps_nobody_from_changing_a_password() {
    let home = home();
    home.bare(&["config", "set", "breach_list", "gone.txt"], "")
        .ok();
    let ran = home
        .run_with(&["add", "new", "--secret-stdin"], "hunter2")
        .ok();
    ran.says("reused").says("gone.txt cannot be used");
    home.run(&["get", "new"]).ok().prints("hunter2");
    home.run(&["audit"]).exits(1);
}

#[test]
fn a_terminal_shows_ten_findings_of_a_kind_unless_all_are_wanted() {
    let home = Home::new();
    let rows = (0..12).map(|at| format!("site {at:02},me,1234{at:02}\n"));
    let rows: String = rows.collect();
    home.write("logins.csv", &format!("name,username,password\n{rows}"));
    home.run(&["import", "logins.csv"]).ok();
    let shown = |more: &[&str]| {
        let mut command = home.command();
        command.args(["--password-file", &home.arg("password"), "audit"]);
        let (code, shown) = Terminal::start({
            command.args(more);
            command
        })
        .ends();
        assert_eq!(code, 0, "{shown}");
        shown
    };
    let ten = shown(&[]);
    assert!(ten.contains("and 2 more; --all lists them"), "{ten}");
    assert!(ten.contains("\u{1b}["), "no colour on a terminal");
    let all = shown(&["--all", "--color", "never"]);
    assert!(
        !all.contains("lists them") && all.contains("site 11"),
        "{all}"
    );
    assert!(!all.contains("\u{1b}["), "colour where none is wanted");
}
