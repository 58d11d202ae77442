//! Copying without a display: what is refused, and what goes through the terminal. With displays: tests/clipboard/.

use crate::program::Home;
use crate::pty::Terminal;
use data_encoding::BASE64;

#[test]
fn without_a_display_copy_says_what_else_there_is_before_a_password_is_needed() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    for args in [
        &["--no-input", "copy", "mail"][..],
        &["--no-input", "otp", "mail", "--copy"],
        &["gen", "--copy"],
    ] {
        let ran = home.bare(args, "").exits(1);
        let ran = ran.says("there is no display").says("keyfold get NAME");
        ran.says("--osc52").prints("");
    }
    let error = home.bare(&["--json", "copy", "mail"], "").exits(1).error();
    assert_eq!(error["code"], "failed");
}

#[test]
fn login_refuses_where_nobody_can_press_a_key_before_a_password_is_needed() {
    let home = Home::new();
    home.add("mail", "hunter2", &["-u", "anna"]);
    for args in [&["login", "mail"][..], &["--no-input", "login", "mail"]] {
        let mut command = home.command();
        command.env("DISPLAY", ":0").args(args);
        let ran = crate::program::finish(command, "").exits(2);
        ran.says("no terminal").says("keyfold copy").prints("");
    }
}

#[test]
fn a_display_of_another_machine_gets_nothing() {
    let home = Home::new();
    for display in ["localhost:10.0", "192.0.2.1:0"] {
        let mut command = home.command();
        command.env("DISPLAY", display).args(["copy", "mail"]);
        let ran = crate::program::finish(command, "").exits(1);
        ran.says("no display of this machine");
    }
}

#[test]
fn times_are_told_as_everywhere_and_what_is_none_is_bad_usage() {
    let home = Home::new();
    for time in ["0", "soon", "-1s", "1h30m"] {
        let timeout = format!("--timeout={time}");
        let ran = home.bare(&["copy", "mail", &timeout], "").exits(2);
        ran.says("--timeout is no time").says("30s, 2m, never");
    }
    for time in ["90s", "2m", "never"] {
        let timeout = format!("--timeout={time}");
        home.bare(&["copy", "mail", &timeout], "").exits(1);
    }
    home.bare(&["config", "set", "clipboard_timeout", "soon"], "")
        .ok();
    let ran = home.bare(&["copy", "mail"], "").exits(2);
    ran.says("clipboard_timeout is no time");
    home.bare(&["copy", "mail", "--timeout", "1s", "--osc52"], "")
        .exits(2);
    home.bare(&["gen", "--timeout", "1s"], "").exits(2);
}

#[test]
fn several_passwords_are_not_copied() {
    let home = Home::new();
    let ran = home.bare(&["gen", "--copy", "--count", "2"], "").exits(2);
    ran.says("one, not several");
}

/// What the terminal was asked to copy.
fn copied(seen: &str) -> String {
    let (_, rest) = seen.split_once("\u{1b}]52;c;").expect("no OSC 52");
    let (content, _) = rest.split_once('\u{7}').expect("no end");
    String::from_utf8(BASE64.decode(content.as_bytes()).unwrap()).unwrap()
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn a_copy_through_the_terminal_reaches_it_even_where_standard_output_does_not() {
    let home = Home::new();
    home.add("mail", "hünter2", &[]);
    let password = home.arg("password");
    let options = ["--password-file", password.as_str()];
    let (code, seen) = Terminal::attached(
        &home,
        &[&options[..], &["copy", "mail", "--osc52"]].concat(),
    )
    .ends();
    assert_eq!((code, copied(&seen).as_str()), (0, "hünter2"), "{seen:?}");
    assert!(seen.contains("can neither mark it as a secret nor clear it"));
    assert!(!seen.contains("hünter2") && !seen.contains("tmux"));

    let mut command = std::process::Command::new("setsid");
    let line = "\"$0\" \"$@\" > out";
    command.args(["--ctty", "--wait", "sh", "-c", line]);
    command.arg(env!("CARGO_BIN_EXE_keyfold")).args(options);
    command.args(["copy", "mail", "--osc52", "--json"]);
    home.enter(&mut command);
    command.env("TMUX", "/tmp/tmux,1,0");
    let (code, seen) = Terminal::start(command).ends();
    assert_eq!((code, copied(&seen).as_str()), (0, "hünter2"), "{seen:?}");
    assert!(seen.contains("tmux set -g set-clipboard on"), "{seen:?}");
    assert_eq!(
        std::fs::read_to_string(home.path("out")).unwrap(),
        "{\"schema\":1,\"item\":\"mail\",\"field\":\"password\",\"clears_in_secs\":null}\n"
    );
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn what_no_terminal_takes_is_refused() {
    let home = Home::new();
    home.add("long", &"x".repeat(74_995), &[]);
    let password = home.arg("password");
    let args = ["--password-file", &password, "copy", "long", "--osc52"];
    let (code, seen) = Terminal::attached(&home, &args).ends();
    assert_eq!(code, 1, "{seen:?}");
    assert!(seen.contains("no more than 74994 bytes") && !seen.contains("]52;"));
}

#[test]
#[ignore = "needs setsid (util-linux)"]
fn without_a_terminal_nothing_is_copied_through_it() {
    let home = Home::new();
    let mut command = std::process::Command::new("setsid");
    command.args([
        "--wait",
        env!("CARGO_BIN_EXE_keyfold"),
        "gen",
        "-c",
        "--osc52",
    ]);
    home.enter(&mut command);
    let ran = crate::program::finish(command, "").exits(1);
    ran.says("no terminal to copy through");
}
