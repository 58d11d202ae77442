//! The program on a terminal: a pseudo-terminal stands in for it.

use crate::program::{FLOOR, Home, PASSWORD};
use crate::pty::Terminal;

/// The program with its password in a file, so that it needs no prompt.
fn shown(home: &Home, args: &[&str]) -> (i32, String) {
    let mut command = home.command();
    command
        .args(["--password-file", &home.arg("password")])
        .args(args);
    Terminal::start(command).ends()
}

#[test]
fn nothing_from_a_vault_commands_the_terminal() {
    let home = Home::new();
    let hostile = "a\u{1b}]52;c;ZXZpbA==\u{7}\u{202e}b\u{9b}31m";
    home.run(&[&["--vault", "b.keyfold", "init"][..], &FLOOR].concat())
        .ok();
    home.add(
        hostile,
        hostile,
        &[
            "-u",
            hostile,
            "--note",
            hostile,
            "--tag",
            hostile,
            "--field",
            &format!("x{hostile}={hostile}"),
        ],
    );
    for args in [
        &["ls"][..],
        &["ls", "--color", "always"],
        &["find", "a"],
        &["show", "a", "--reveal"],
        &["get", "a"],
        &["get", "a", "username"],
        &["history", "a", "--reveal"],
        &["undo", "--list"],
        &["audit"],
        &["audit", "--color", "always"],
        &["get", "a", hostile],
        &["rm", "a"],
        &["get", hostile],
        &["restore", "a"],
        &[
            "cp",
            "a",
            "--to-vault",
            "b.keyfold",
            "--to-password-file",
            "password",
        ],
        &[
            "mv",
            "a",
            "--to-vault",
            "b.keyfold",
            "--to-password-file",
            "password",
        ],
    ] {
        let (_, text) = shown(&home, args);
        for forbidden in ["\u{1b}]", "\u{7}", "\u{202e}", "\u{9b}"] {
            assert!(!text.contains(forbidden), "{args:?}: {text:?}");
        }
    }
    let (code, text) = shown(&home, &["ls", "--trash"]);
    assert_eq!(code, 0);
    assert!(text.contains("52;c;"), "escaped, not swallowed: {text:?}");
    let moved = home.run(&["--vault", "b.keyfold", "ls"]).ok().out;
    assert!(!moved.is_empty(), "the other vault has it");
}

#[test]
fn a_terminal_gets_tables_and_a_newline() {
    let home = Home::new();
    home.add(
        "work/mail",
        "hunter2",
        &["-u", "me", "--url", "https://mail.example.com/x"],
    );
    let (_, table) = shown(&home, &["ls"]);
    assert!(
        table.contains("user") && table.contains("mail.example.com"),
        "{table}"
    );
    let (_, value) = shown(&home, &["get", "work/mail"]);
    assert_eq!(value, "hunter2\r\n");
    let (_, empty) = shown(&home, &["ls", "nothing"]);
    assert!(empty.contains("No items"), "{empty}");
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn a_new_password_is_asked_for_twice_masked_and_rated() {
    let home = Home::empty();
    let mut terminal = Terminal::attached(&home, &[&["init"][..], &FLOOR].concat());
    terminal.sees("New master password for ");
    terminal.types("password\r");
    terminal.sees("weak");
    terminal.sees("[y/N]");
    terminal.types("n\r");
    terminal.sees("New master password");
    terminal.types("correct horse battery staple\r");
    terminal.sees("bits");
    terminal.sees("Once more: ");
    terminal.types("something else\r");
    terminal.sees("differ");
    terminal.sees("New master password");
    terminal.types("correct horse battery staple\r");
    terminal.sees("Once more: ");
    terminal.types("correct horse battery staple\r");
    terminal.sees("Made a vault");
    let (code, seen) = terminal.ends();
    assert_eq!(code, 0, "{seen}");
    assert!(!seen.contains("correct") && seen.contains("****"), "{seen}");
    home.run(&["ls"]).ok();
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn who_has_no_vault_is_asked_until_the_answer_is_one() {
    let home = Home::empty();
    let mut terminal = Terminal::attached(&home, &["ls"]);
    terminal.sees("There is no vault at ");
    terminal.sees("[j]oin");
    terminal.types("my password, typed too early\r");
    terminal.sees("n or j, please.");
    terminal.sees("[j]oin");
    terminal.types("j\r");
    terminal.sees("wait for your drive");
    assert_eq!(terminal.ends().0, 6);
    assert!(!home.vault().exists());
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn a_wrong_password_may_be_typed_again_and_the_prompt_names_the_vault() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let mut terminal = Terminal::attached(&home, &["get", "mail"]);
    terminal.sees("Master password of ");
    terminal.sees("vault.keyfold: ");
    terminal.types("wrong\r");
    terminal.sees("Try again");
    terminal.sees("vault.keyfold: ");
    terminal.types(&format!("{PASSWORD}\r"));
    terminal.sees("hunter2");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn ctrl_c_at_a_prompt_leaves_the_terminal_as_it_was() {
    let home = Home::new();
    let mut terminal = Terminal::attached(&home, &["ls"]);
    terminal.sees("vault.keyfold: ");
    terminal.types("half");
    terminal.sees("****");
    terminal.types("\u{3}");
    let code = terminal.child.wait().unwrap().code();
    assert!(terminal.echoes());
    assert_eq!(code, Some(130));
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn an_ambiguous_name_is_picked_from_a_list() {
    let home = Home::new();
    home.add("a/mail", "one", &["-u", "anna"]);
    home.add("b/mail", "two", &["-u", "bert"]);
    let password = home.arg("password");
    let mut terminal = Terminal::attached(&home, &["get", "mail", "--password-file", &password]);
    terminal.sees("Several items match mail");
    terminal.sees("b/mail");
    terminal.types("bert");
    terminal.types("\r");
    terminal.sees("two");
    assert_eq!(terminal.ends().0, 0);
    let mut terminal = Terminal::attached(&home, &["get", "mail", "--password-file", &password]);
    terminal.sees("b/mail");
    terminal.types("\u{3}");
    let code = terminal.child.wait().unwrap().code();
    assert!(terminal.echoes());
    assert_eq!(code, Some(130));
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn each_vault_s_password_is_asked_for_by_its_name() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    home.write("other-password", "the other one\n");
    let other = [
        "--vault",
        "other.keyfold",
        "--password-file",
        "other-password",
    ];
    home.bare(&[&other[..], &["init"], &FLOOR].concat(), "")
        .ok();
    let mut terminal = Terminal::attached(&home, &["cp", "mail", "--to-vault", "other.keyfold"]);
    terminal.sees("vault.keyfold: ");
    terminal.types(&format!("{PASSWORD}\r"));
    terminal.sees("Master password of ");
    terminal.sees("other.keyfold: ");
    terminal.types("not it\r");
    terminal.sees("does not open the other vault");
    terminal.sees("other.keyfold: ");
    terminal.types("the other one\r");
    terminal.sees("Copied to mail in ");
    assert_eq!(terminal.ends().0, 0);
    home.bare(&[&other[..], &["get", "mail"]].concat(), "")
        .ok()
        .prints("hunter2");
}
