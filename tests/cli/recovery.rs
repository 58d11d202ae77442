//! The way back in on paper: the emergency kit, and the recovery key in shares.

use crate::program::{FLOOR, Home, PASSWORD, keys, mode};
use std::process::Command;

/// A home whose vault has a recovery key, which lies in the file `paper`.
fn with_key() -> (Home, String) {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let made = home.run(&["recovery-key", "make"]).ok().out;
    home.write("paper", &made);
    let key = made.trim().to_owned();
    (home, key)
}

fn by_paper(home: &Home, args: &[&str]) -> crate::program::Ran {
    let paper = home.arg("paper");
    home.bare(&[args, &["--recovery-key-file", &paper]].concat(), "")
}

#[test]
fn the_kit_is_a_private_page_that_names_the_vault() {
    let (home, key) = with_key();
    let ran = by_paper(&home, &["recovery-key", "kit", "kit.html"]).ok();
    assert!(!ran.out.contains(&key) && !ran.err.contains(&key));
    let ran = ran.says("print it");
    drop(ran);
    let page = std::fs::read_to_string(home.path("kit.html")).unwrap();
    assert_eq!(mode(&home.path("kit.html")), 0o600);
    for group in key.split('-') {
        assert!(page.contains(&format!("<li>{group}</li>")), "{page}");
    }
    let id = home.run(&["--json", "status"]).ok().json();
    let id = id["id"].as_str().map(str::to_owned);
    assert!(page.contains(home.vault().to_str().unwrap()));
    assert!(id.is_none_or(|id| page.contains(&id)));
    assert!(!page.contains(PASSWORD) && !page.contains("hunter2"));
    // Never over a file, and not where the key is another one.
    by_paper(&home, &["recovery-key", "kit", "kit.html"])
        .exits(1)
        .says("there already");
    by_paper(&home, &["recovery-key", "kit", "kit.txt"]).exits(2);
    home.run(&["recovery-key", "make"]).ok();
    by_paper(&home, &["recovery-key", "kit", "again.html"]).exits(5);
    assert!(!home.path("again.html").exists());
}

#[test]
fn a_new_key_goes_straight_onto_its_page() {
    let home = Home::empty();
    let ran = home
        .run(&[&["init", "--kit", "kit.html"][..], &FLOOR].concat())
        .ok();
    assert!(ran.out.is_empty(), "{}", ran.out);
    let key_on = |name: &str| {
        let page = std::fs::read_to_string(home.path(name)).unwrap();
        let list = page.split_once("<ol class=\"pieces\">").unwrap().1;
        let list = list.split_once("</ol>").unwrap().0;
        let groups = list.split("<li>").skip(1);
        let groups: Vec<&str> = groups
            .map(|group| group.trim_end_matches("</li>"))
            .collect();
        groups.join("-")
    };
    home.write("paper", &key_on("kit.html"));
    by_paper(&home, &["recovery-key", "test"]).ok();
    let made = home
        .run(&["--json", "recovery-key", "make", "--kit", "second.html"])
        .ok()
        .json();
    assert_eq!(keys(&made), ["kit", "recovery_key", "schema"]);
    assert!(made["recovery_key"].is_null());
    by_paper(&home, &["recovery-key", "test"]).exits(5);
    home.write("paper", &key_on("second.html"));
    by_paper(&home, &["recovery-key", "test"]).ok();
    // A page that cannot be written leaves the former key as it is.
    home.run(&["recovery-key", "make", "--kit", "no/such/folder/kit.html"])
        .exits(1);
    home.run(&["recovery-key", "make", "--kit", "second.html"])
        .exits(1);
    by_paper(&home, &["recovery-key", "test"]).ok();
}

#[test]
fn shares_make_the_key_again() {
    let (home, key) = with_key();
    let args = [
        "--json",
        "recovery-key",
        "split",
        "--shares",
        "5",
        "--threshold",
        "3",
    ];
    let split = by_paper(&home, &args).ok().json();
    assert_eq!(keys(&split), ["schema", "shares", "split", "threshold"]);
    let shares: Vec<&str> = split["shares"]
        .as_array()
        .unwrap()
        .iter()
        .map(|share| share["words"].as_str().unwrap())
        .collect();
    assert_eq!(shares.len(), 5);
    assert!(shares.iter().all(|share| share.split(' ').count() == 14));
    home.write("two", &[shares[4], shares[1]].join("\n"));
    home.write("third", &format!("\n  {}  \n", shares[2].to_uppercase()));
    let combined = home
        .bare(
            &[
                "recovery-key",
                "combine",
                "--share-file",
                "two",
                "--share-file",
                "third",
            ],
            "",
        )
        .ok()
        .says("It opens the vault");
    combined.prints(&format!("{key}\n"));
    home.bare(&["recovery-key", "combine", "--share-file", "two"], "")
        .exits(5)
        .says("3 different shares");
    let shown = home
        .bare(
            &["--json", "recovery-key", "combine", "--share-file", "-"],
            &shares.join("\n"),
        )
        .ok()
        .json();
    assert_eq!(
        (&shown["recovery_key"], &shown["opens"]),
        (&key.as_str().into(), &true.into())
    );
    // Without a vault the key is shown all the same.
    let mut command = home.command();
    command.env("KEYFOLD_VAULT", home.path("nowhere/vault.keyfold"));
    command.args(["--json", "recovery-key", "combine", "--share-file", "-"]);
    let shown = crate::program::finish(command, &shares.join("\n"))
        .ok()
        .json();
    assert!(shown["opens"].is_null(), "{shown}");
}

#[test]
fn shares_that_are_wrong_are_named() {
    let (home, _) = with_key();
    let args = [
        "--json",
        "recovery-key",
        "split",
        "--shares",
        "3",
        "--threshold",
        "2",
    ];
    let words = |split: &serde_json::Value, at: usize| {
        split["shares"][at]["words"].as_str().unwrap().to_owned()
    };
    let split = by_paper(&home, &args).ok().json();
    let other = by_paper(&home, &args).ok().json();
    home.write("apart", &[words(&split, 0), words(&other, 1)].join("\n"));
    home.bare(&["recovery-key", "combine", "--share-file", "apart"], "")
        .exits(5)
        .says("do not belong together");
    let misread = words(&split, 0).replacen(' ', " zoom ", 1);
    home.write("misread", &[words(&split, 1), misread].join("\n"));
    home.bare(&["recovery-key", "combine", "--share-file", "misread"], "")
        .exits(1)
        .says("share 2");
    home.bare(&["--no-input", "recovery-key", "combine"], "")
        .exits(5)
        .says("--share-file");
    for numbers in [["1", "1"], ["2", "3"], ["17", "2"], ["3", "1"]] {
        let args = [
            "recovery-key",
            "split",
            "--shares",
            numbers[0],
            "--threshold",
            numbers[1],
        ];
        by_paper(&home, &args).exits(2);
    }
}

#[test]
fn each_share_has_a_page_of_its_own_or_none_has() {
    let (home, key) = with_key();
    std::fs::create_dir(home.path("out")).unwrap();
    let args = [
        "recovery-key",
        "split",
        "--shares",
        "3",
        "--threshold",
        "2",
        "--output",
        "out",
    ];
    let ran = by_paper(&home, &args).ok();
    assert!(ran.out.is_empty(), "{}", ran.out);
    let pages: Vec<_> = std::fs::read_dir(home.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(pages.len(), 3);
    for page in &pages {
        assert_eq!(mode(page), 0o600);
        let text = std::fs::read_to_string(page).unwrap();
        assert_eq!(text.matches("Split</dt>").count(), 1);
        assert!(!text.contains(key.split('-').next().unwrap()));
    }
    let args = [
        "recovery-key",
        "split",
        "--shares",
        "3",
        "--threshold",
        "2",
        "--output",
        "nowhere",
    ];
    by_paper(&home, &args).exits(1);
    let args = [
        "recovery-key",
        "split",
        "--shares",
        "3",
        "--threshold",
        "2",
        "--qr",
    ];
    let shown = by_paper(&home, &args).ok();
    assert!(shown.out.contains('█'));
}

#[test]
#[ignore = "needs pdftotext, pdftoppm and zbarimg"]
fn the_pdf_shows_the_key_as_text_and_as_code() {
    let (home, key) = with_key();
    by_paper(&home, &["recovery-key", "kit", "kit.pdf"]).ok();
    assert_eq!(mode(&home.path("kit.pdf")), 0o600);
    let run = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        home.enter(&mut command);
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run("pdftotext", &["-layout", "kit.pdf", "-"]);
    for group in key.split('-') {
        assert!(text.contains(group), "{text}");
    }
    assert!(
        text.contains("Emergency kit") && text.contains("passwd"),
        "{text}"
    );
    run(
        "pdftoppm",
        &["-r", "150", "-png", "-singlefile", "kit.pdf", "kit"],
    );
    let seen = run("zbarimg", &["--raw", "-q", "kit.png"]);
    assert_eq!(seen.trim(), key);
    std::fs::create_dir(home.path("out")).unwrap();
    let args = [
        "recovery-key",
        "split",
        "--shares",
        "2",
        "--threshold",
        "2",
        "--output",
        "out",
        "--format",
        "pdf",
    ];
    by_paper(&home, &args).ok();
    let mut shares = Vec::new();
    for entry in std::fs::read_dir(home.path("out")).unwrap() {
        let page = entry.unwrap().path();
        run(
            "pdftoppm",
            &[
                "-r",
                "200",
                "-png",
                "-singlefile",
                page.to_str().unwrap(),
                "share",
            ],
        );
        shares.push(run("zbarimg", &["--raw", "-q", "share.png"]));
    }
    home.write("shares", &shares.concat());
    home.bare(&["recovery-key", "combine", "--share-file", "shares"], "")
        .ok()
        .prints(&format!("{key}\n"));
}
