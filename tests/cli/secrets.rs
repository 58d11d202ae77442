//! Where passwords and other secrets come from: files, commands, standard input; never an argument.

use crate::program::{FLOOR, Home, PASSWORD};

#[test]
fn standard_input_brings_the_password_first_and_then_the_secret() {
    let home = Home::new();
    let input = format!("{PASSWORD}\nline one\nline two\n\n");
    home.bare(
        &["--password-file", "-", "add", "note", "--secret-stdin"],
        &input,
    )
    .ok();
    home.run(&["get", "note"])
        .ok()
        .prints("line one\nline two\n");
    let input = format!("{PASSWORD}\r\n");
    home.bare(&["get", "note", "--password-file", "-"], &input)
        .ok();
}

#[test]
fn a_secret_is_kept_byte_for_byte_less_one_newline() {
    let home = Home::new();
    for (name, typed, kept) in [
        ("a", "x", "x"),
        ("b", "x\n", "x"),
        ("c", " x \n\n", " x \n"),
        ("d", "pässwörd\t", "pässwörd\t"),
    ] {
        home.run_with(&["add", name, "--secret-stdin"], typed).ok();
        home.run(&["get", name]).ok().prints(kept);
    }
}

#[test]
fn a_password_command_is_as_good_as_a_file() {
    let home = Home::new();
    let command = format!("echo '{PASSWORD}'; echo ignored");
    home.bare(&["--password-command", &command, "ls"], "").ok();
    home.bare(&["--password-command", "false", "ls"], "")
        .exits(5);
    home.bare(
        &["--password-command", "true", "--password-file", "x", "ls"],
        "",
    )
    .exits(2);
}

#[test]
fn without_a_password_and_without_a_terminal_it_is_locked() {
    let home = Home::new();
    home.bare(&["ls"], "").exits(5).says("--password-file");
    let error = home
        .bare(&["--json", "--no-input", "ls"], "")
        .exits(5)
        .error();
    assert_eq!(
        (&error["code"], &error["exit"]),
        (&"locked".into(), &5.into())
    );
    assert!(
        error["message"].is_string() && error["hint"].is_string(),
        "{error}"
    );
    assert_eq!(error["candidates"], serde_json::json!([]));
    home.run(&["--no-input", "add", "x", "--secret-field", "pin"])
        .exits(5)
        .says("pin is needed");
    assert_eq!(home.ls(), "");
}

#[test]
fn a_wrong_password_opens_nothing() {
    let home = Home::new();
    home.write("wrong", "correct horse\n");
    home.bare(&["--password-file", &home.arg("wrong"), "ls"], "")
        .exits(5)
        .says("caps lock");
    home.bare(&["--password-file", &home.arg("nowhere"), "ls"], "")
        .exits(1)
        .says("nowhere");
    home.write("empty", "");
    home.bare(&["--password-file", &home.arg("empty"), "ls"], "")
        .exits(5);
}

#[test]
fn no_vault_is_made_with_an_empty_password() {
    let home = Home::empty();
    home.write("password", "\n");
    home.run(&[&["init"][..], &FLOOR].concat())
        .exits(2)
        .says("empty");
    assert!(!home.vault().exists());
}

#[test]
fn notes_come_from_a_file_or_from_standard_input() {
    let home = Home::new();
    home.write("note.txt", "from a file\n");
    home.run(&["add", "a", "--note-file", "note.txt"]).ok();
    home.run(&["get", "a", "notes"])
        .ok()
        .prints("from a file\n");
    home.run_with(&["add", "b", "--note-file", "-"], "typed\n")
        .ok();
    home.run(&["get", "b", "notes"]).ok().prints("typed");
    home.run_with(&["add", "c", "--note-file", "-", "--secret-stdin"], "typed")
        .exits(2);
    home.run(&["add", "d", "--note-file", "nowhere"]).exits(1);
    home.run(&["add", "e", "--note-file", "note.txt", "--note", "x"])
        .exits(2);
}

#[test]
fn secrets_that_are_not_text_are_refused() {
    let home = Home::new();
    let mut command = home.command();
    let password = home.arg("password");
    command.args(["--password-file", &password, "add", "x", "--secret-stdin"]);
    command
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"\xff\xfe").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("UTF-8"));
}
