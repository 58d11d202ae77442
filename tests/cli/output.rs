//! What is printed where: JSON shapes, pipes, help, usage errors.

use crate::program::{Home, keys};
use std::process::Stdio;

#[test]
fn listings_and_items_have_the_shapes_that_scripts_rely_on() {
    let home = Home::new();
    home.add(
        "work/mail",
        "hunter2",
        &["-u", "me", "--url", "https://a.example", "--tag", "t"],
    );
    home.add("bare", "x", &[]);
    let item = [
        "conflicts",
        "folder",
        "id",
        "kind",
        "path",
        "tags",
        "title",
        "trashed",
        "urls",
        "username",
    ];
    let listed = home.run(&["--json", "ls"]).ok().json();
    assert_eq!(
        (keys(&listed), &listed["schema"]),
        (vec!["items", "schema"], &1.into())
    );
    let bare = &listed["items"][0];
    assert_eq!(
        (keys(bare), &bare["username"]),
        (item.to_vec(), &serde_json::Value::Null)
    );
    assert_eq!(
        (&bare["kind"], &bare["trashed"], &bare["conflicts"]),
        (&"login".into(), &false.into(), &0.into())
    );
    let found = home.run(&["find", "mail", "--json"]).ok().json();
    assert_eq!(keys(&found["items"][0]), item);
    let shown = home.run(&["--json", "show", "work/mail"]).ok().json();
    for key in item.iter().chain(&["schema", "fields"]) {
        assert!(shown.get(key).is_some(), "{key}: {shown}");
    }
    for key in ["id", "name", "kind", "secret", "value"] {
        assert!(shown["fields"][0].get(key).is_some(), "{key}: {shown}");
    }
    let password = shown["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|field| field["name"] == "password")
        .unwrap();
    assert_eq!(
        (&password["secret"], &password["value"]),
        (&true.into(), &serde_json::Value::Null)
    );
    let got = home.run(&["--json", "get", "work/mail"]).ok().json();
    assert_eq!(
        (keys(&got), &got["value"]),
        (vec!["schema", "value"], &"hunter2".into())
    );
}

#[test]
fn every_command_that_changes_items_answers_in_json_with_them() {
    let home = Home::new();
    let path = |args: &[&str]| {
        let all = [&["--json"], args].concat();
        home.run(&all).ok().json()["items"][0]["path"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(path(&["add", "a", "-g"]), "a");
    assert_eq!(path(&["edit", "a", "-u", "me"]), "a");
    assert_eq!(path(&["mv", "a", "b"]), "b");
    assert_eq!(path(&["cp", "b", "c"]), "c");
    assert_eq!(path(&["rm", "b"]), "b");
    assert_eq!(path(&["restore", "b"]), "b");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let home = Home::empty();
    let mut child = home
        .command()
        .args(["gen", "--count", "100000", "-q"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_listing_to_a_pipe_is_one_path_a_line_without_colour() {
    let home = Home::new();
    home.add("a", "x", &["-u", "me"]);
    assert_eq!(home.run(&["ls"]).ok().out, "a\n");
    home.run_with(&["add", "new\nline", "--secret-stdin"], "x")
        .ok();
    assert_eq!(home.ls(), "a\nnew line\n");
    let quiet = home.run(&["-q", "rm", "a"]).ok();
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}

#[test]
fn usage_errors_are_2_and_json_where_json_is_wanted() {
    let home = Home::empty();
    home.bare(&["ls", "--nonsense"], "")
        .exits(2)
        .says("--nonsense");
    home.bare(&["add"], "").exits(2).says("NAME");
    home.bare(&["a", "b"], "").exits(2);
    let error = home
        .bare(&["--json", "ls", "--nonsense"], "")
        .exits(2)
        .error();
    assert_eq!(
        (&error["code"], &error["exit"]),
        (&"usage".into(), &2.into())
    );
    assert!(
        error["message"].as_str().unwrap().contains("--nonsense"),
        "{error}"
    );
    let error = home.run(&["--json", "add", "x/"]).exits(2).error();
    assert_eq!(error["code"], "usage");
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    let home = Home::new();
    let password = home.arg("password");
    home.bare(
        &["ls", "--password-file", &password, "--json", "--no-input"],
        "",
    )
    .ok()
    .json();
    home.bare(
        &["--password-file", &password, "--json", "--no-input", "ls"],
        "",
    )
    .ok()
    .json();
}

#[test]
fn help_version_completions_and_the_manual_need_no_vault() {
    let home = Home::empty();
    let help = home.bare(&["--help"], "").ok().out;
    for command in ["init", "add", "get", "otp", "passwd", "tour"] {
        assert!(help.contains(&format!("\n  {command}")), "{help}");
    }
    assert!(
        help.lines().all(|line| line.chars().count() <= 100),
        "{help}"
    );
    assert_eq!(
        home.bare(&["--version"], "").ok().out,
        format!("keyfold {}\n", env!("CARGO_PKG_VERSION"))
    );
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            home.bare(&["completions", shell], "")
                .ok()
                .out
                .contains("keyfold")
        );
    }
    home.bare(&["completions", "abacus"], "").exits(2);
    assert!(
        home.bare(&["man"], "").ok().out.starts_with(".ie")
            || home.bare(&["man"], "").ok().out.contains(".TH")
    );
    assert!(
        std::fs::read_dir(home.path("")).unwrap().count() == 1,
        "nothing was written"
    );
}

#[test]
fn the_tour_needs_no_prompt_and_leaves_nothing() {
    let home = Home::empty();
    std::fs::create_dir(home.path("tmp")).unwrap();
    let mut command = home.command();
    command.env("TMPDIR", home.path("tmp")).arg("tour");
    let tour = crate::program::finish(command, "").ok();
    assert!(tour.out.contains("commands did what they should"));
    assert!(
        tour.out.lines().all(|line| line.chars().count() <= 100),
        "{}",
        tour.out
    );
    assert_eq!(std::fs::read_dir(home.path("tmp")).unwrap().count(), 0);
    assert!(!home.vault().exists());
}

#[test]
fn a_tour_that_is_ended_leaves_nothing_either() {
    let home = Home::empty();
    std::fs::create_dir(home.path("tmp")).unwrap();
    let mut command = home.command();
    command.env("TMPDIR", home.path("tmp")).arg("tour");
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    while std::fs::read_dir(home.path("tmp")).unwrap().count() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    let kill = std::process::Command::new("sh")
        .args(["-c", &format!("kill -TERM {}", child.id())])
        .status();
    assert!(kill.unwrap().success());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(std::fs::read_dir(home.path("tmp")).unwrap().count(), 0);
}
