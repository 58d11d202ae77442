//! `login` at a terminal, on an X server without a screen.

use crate::held::{self, SECRET, Screen};
use crate::memory::{Canary, scan};
use crate::program::{Home, PASSWORD};
use crate::pty::Terminal;
use crate::waiting::until;
use crate::x11::Xvfb;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// The seed of RFC 6238, appendix B.
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn home() -> Home {
    let home = held::home();
    home.run_with(&["otp", "add", "mail", "--otp-stdin"], SEED)
        .ok();
    home
}

fn login(home: &Home, screen: &Xvfb, args: &[&str]) -> Terminal {
    let password = home.arg("password");
    let args = [&["--password-file", &password, "login"], args].concat();
    Terminal::attached_with(home, &args, |command| screen.send(command))
}

fn is_code(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[test]
#[ignore = "needs Xvfb, xclip and setsid (util-linux)"]
fn user_name_password_and_code_come_one_after_another_and_nothing_stays() {
    let (home, screen) = (home(), Xvfb::start());
    let mut terminal = login(&home, &screen, &["mail"]);
    terminal.sees("user name is copied");
    assert_eq!(screen.content(None).as_deref(), Some("anna"));
    terminal.types(" ");
    terminal.sees("password is copied");
    assert_eq!(screen.content(None).as_deref(), Some(SECRET));
    terminal.types("r");
    terminal.sees("password is copied");
    assert_eq!(screen.content(None).as_deref(), Some(SECRET));
    until("one holder alone", || screen.holders().len() == 1);
    terminal.types("\r");
    terminal.sees("code is copied, good for ");
    assert!(is_code(&screen.content(None).unwrap()));
    terminal.types("\r");
    terminal.sees("cleared");
    let (code, seen) = terminal.ends();
    assert_eq!(code, 0);
    assert!(!seen.contains(SECRET), "{seen}");
    screen.waits_for_no_holder();
    assert_eq!(screen.content(None), None);
}

#[test]
#[ignore = "needs Xvfb, xclip and setsid (util-linux)"]
fn q_ctrl_c_and_a_kill_each_clear_what_was_copied() {
    let (home, screen) = (home(), Xvfb::start());
    for (typed, expected) in [("q", 0), ("\u{3}", 130), ("", -1)] {
        let mut terminal = login(&home, &screen, &["mail", "--timeout", "never"]);
        terminal.sees("user name is copied");
        terminal.types(" ");
        terminal.sees("password is copied");
        assert_eq!(screen.content(None).as_deref(), Some(SECRET));
        if typed.is_empty() {
            terminal.kills();
        } else {
            terminal.types(typed);
        }
        screen.waits_for_no_holder();
        assert_eq!(screen.content(None), None);
        let is_restored = typed.is_empty() || terminal.comes_back();
        assert!(is_restored, "{typed:?}");
        assert_eq!(terminal.ends().0, expected, "{typed:?}");
    }
}

#[test]
#[ignore = "needs Xvfb, xclip and setsid (util-linux)"]
fn a_value_goes_after_its_time_and_the_last_one_ends_it() {
    let (home, screen) = (held::home(), Xvfb::start());
    let mut terminal = login(&home, &screen, &["mail", "--timeout", "1s"]);
    terminal.sees("user name is copied");
    terminal.sees("cleared after 1 s");
    screen.waits_for_no_holder();
    assert_eq!(screen.content(None), None);
    terminal.types("r");
    terminal.sees("user name is copied");
    assert_eq!(screen.content(None).as_deref(), Some("anna"));
    terminal.types(" ");
    terminal.sees("password is copied");
    assert_eq!(terminal.ends().0, 0);
    screen.waits_for_no_holder();
}

#[test]
#[ignore = "needs Xvfb, xclip and setsid (util-linux)"]
fn a_code_is_copied_only_with_five_seconds_left() {
    let (home, screen) = (Home::new(), Xvfb::start());
    let uri = format!("otpauth://totp/short?secret={SEED}&period=7");
    home.run_with(&["add", "short", "--otp-stdin"], &uri).ok();
    for _ in 0..3 {
        let mut terminal = login(&home, &screen, &["short"]);
        terminal.sees("code is copied, good for ");
        terminal.sees(" s");
        terminal.types("q");
        let (code, seen) = terminal.ends();
        assert_eq!(code, 0);
        let (_, left) = seen.split_once("good for ").unwrap();
        let left: u32 = left.split_once(' ').unwrap().0.parse().unwrap();
        assert!((5..=7).contains(&left), "{seen}");
        let waited = seen.contains("a fresh code comes in");
        assert!(!waited || left >= 6, "{seen}");
    }
}

#[test]
#[ignore = "needs Xvfb, xclip and setsid (util-linux)"]
fn a_vault_that_is_locked_meanwhile_gives_no_further_value() {
    let (home, screen) = (home(), Xvfb::start());
    let mut terminal =
        Terminal::attached_with(&home, &["login", "mail"], |command| screen.send(command));
    terminal.sees("vault.keyfold: ");
    terminal.types(&format!("{PASSWORD}\r"));
    terminal.sees("user name is copied");
    home.bare(&["lock"], "").ok();
    terminal.types(" ");
    terminal.sees("locked");
    assert_eq!(terminal.ends().0, 5);
    screen.waits_for_no_holder();
    assert_eq!(screen.content(None), None);
}

#[test]
#[ignore = "needs Xvfb, xclip and setsid (util-linux), and root to read another program's memory"]
fn while_it_waits_neither_a_typed_password_nor_a_copied_one_is_in_its_memory() {
    let (home, screen) = (home(), Xvfb::start());
    let canaries = [
        Canary::new("the master password", PASSWORD),
        Canary::new("the item's password", SECRET),
    ];
    for agent in [&["--no-agent"][..], &[]] {
        let args = [agent, &["login", "mail"]].concat();
        let mut terminal = Terminal::attached_with(&home, &args, |command| screen.send(command));
        terminal.sees("vault.keyfold: ");
        terminal.types(&format!("{PASSWORD}\r"));
        for turn in ["user name is copied", "password is copied"] {
            terminal.sees(turn);
            let pid = terminal.child.id();
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
            assert_eq!(name, "keyfold\n");
            assert_eq!(scan(pid, &canaries), [], "{turn}");
            terminal.types(" ");
        }
        terminal.sees("code is copied");
        terminal.types("q");
        assert_eq!(terminal.ends().0, 0);
    }
    home.bare(&["agent", "stop"], "").ok();
    screen.waits_for_no_holder();
}

#[test]
#[ignore = "needs Xvfb, xclip and setsid (util-linux)"]
fn the_address_is_opened_first_where_it_is_one_for_a_browser() {
    let (home, screen) = (Home::new(), Xvfb::start());
    let web = "https://mail.example.com/login?a=b&c=d";
    let file = ["--url", "file:///etc/passwd"];
    home.add("file", "one", &file);
    home.add("web", "two", &[&file[..], &["--url", web]].concat());
    let browser = home.path("xdg-open");
    fs::write(
        &browser,
        "#!/bin/sh\nprintf %s \"$*\" > opened.part\nmv opened.part opened\n",
    )
    .unwrap();
    fs::set_permissions(&browser, Permissions::from_mode(0o755)).unwrap();
    let password = home.arg("password");
    let open = |name: &str| {
        let args = ["--password-file", &password, "login", name, "--open"];
        Terminal::attached_with(&home, &args, |command| {
            screen.send(command);
            let path = std::env::var("PATH").unwrap();
            let own = home.path("").display().to_string();
            command.env("PATH", format!("{own}:{path}"));
        })
    };
    let mut terminal = open("file");
    terminal.sees("no address that a browser opens");
    assert_eq!(terminal.ends().0, 3);
    assert!(!home.path("opened").exists());
    let mut terminal = open("web");
    terminal.sees("password is copied");
    terminal.types("q");
    assert_eq!(terminal.ends().0, 0);
    until("a browser", || home.path("opened").exists());
    assert_eq!(fs::read_to_string(home.path("opened")).unwrap(), web);
    screen.waits_for_no_holder();
}
