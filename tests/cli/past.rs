//! `--at`: the vault as it was.

use crate::program::Home;

/// A vault in which mail's password was `old` at the time that is returned, and changed after it.
fn changed() -> (Home, String) {
    let home = Home::new();
    home.add("mail", "old", &["--tag", "t"]);
    home.run_with(&["edit", "mail", "--secret-stdin"], "middle")
        .ok();
    let shown = home.run(&["--json", "show", "mail"]).ok().json();
    let then = shown["changed"].as_str().unwrap().to_owned();
    home.run_with(&["edit", "mail", "--secret-stdin", "-u", "me"], "new")
        .ok();
    home.add("later", "x", &[]);
    home.run(&["mv", "mail", "post"]).ok();
    (home, then)
}

#[test]
fn what_reads_shows_the_vault_as_it_was() {
    let (home, then) = changed();
    let at = |args: &[&str]| home.run(&[args, &["--at", then.as_str()]].concat()).ok();
    let listed = at(&["ls"]);
    assert_eq!(listed.out, "mail\n");
    assert!(
        listed.err.contains(&format!("As it was at {then}.")),
        "{}",
        listed.err
    );
    assert_eq!(at(&["get", "mail"]).out, "middle");
    let shown = at(&["show", "mail", "--reveal"]).out;
    assert!(
        shown.contains("middle") && !shown.contains("username"),
        "{shown}"
    );
    let history = at(&["--json", "history", "mail", "--reveal"]).json();
    assert_eq!(history["history"].as_array().unwrap().len(), 1);
    assert_eq!(history["history"][0]["value"], "old");
    let document = at(&["export"]).json();
    assert_eq!(document["items"].as_array().unwrap().len(), 1);
    assert_eq!(document["items"][0]["path"], "mail");
    // The present is as it was.
    assert_eq!(home.ls(), "later\npost\n");
    home.run(&["get", "post"]).ok().prints("new");
}

#[test]
fn times_are_read_in_words_and_what_is_no_time_is_said_before_a_password_is_asked_for() {
    let (home, _) = changed();
    assert_eq!(home.run(&["ls", "--at", "now"]).ok().out, "later\npost\n");
    assert_eq!(home.run(&["ls", "--at", "today"]).ok().out, "later\npost\n");
    for past in [
        "yesterday",
        "3d",
        "2 weeks ago",
        "2020-01-01",
        "2020-01-01 12:00",
    ] {
        home.run(&["ls", "--at", past]).ok().prints("");
    }
    home.run(&["get", "post", "--at", "3 days ago"])
        .exits(3)
        .says("As it was at");
    home.bare(&["--no-input", "ls", "--at", "a while ago"], "")
        .exits(2)
        .says("times are UTC");
}

#[test]
fn the_past_gives_no_codes_and_is_not_restored_from_by_number() {
    let (home, then) = changed();
    let uri = "otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQ&counter=5";
    home.run_with(&["otp", "add", "post", "--otp-stdin"], uri)
        .ok();
    home.run(&["get", "post", "otp", "--at", "now"])
        .exits(2)
        .says("codes are of now");
    home.run(&["history", "mail", "--restore", "1", "--at", &then])
        .exits(2);
}
