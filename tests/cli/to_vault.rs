//! `cp` and `mv` with `--to-vault`: items go into another vault of the same person, complete, and nothing is ever lost.

use crate::program::{FLOOR, Home, Ran, finish, keys};
use serde_json::Value;
use std::process::Command;

const OTHER: [&str; 4] = [
    "--vault",
    "other.keyfold",
    "--password-file",
    "other-password",
];

/// A home with two vaults, each with a password of its own.
fn two_vaults() -> Home {
    let home = Home::new();
    home.write("other-password", "the other one's password\n");
    home.bare(&[&OTHER[..], &["init"], &FLOOR].concat(), "")
        .ok();
    home
}

/// Runs a command in the other vault.
fn there(home: &Home, args: &[&str]) -> Ran {
    home.bare(&[&OTHER[..], args].concat(), "")
}

/// Sends: what, then where to in the other vault.
fn send<'a>(home: &Home, what: &[&'a str], to: &[&'a str]) -> Ran {
    home.run(&sending(what, to))
}

fn sending<'a>(what: &[&'a str], to: &[&'a str]) -> Vec<&'a str> {
    let opens = ["--to-password-file", "other-password"];
    [what, &opens, &["--to-vault", "other.keyfold"], to].concat()
}

fn items_here(home: &Home) -> Value {
    home.run(&["export"]).ok().json()["items"].take()
}

fn items_there(home: &Home) -> Value {
    there(home, &["export"]).ok().json()["items"].take()
}

/// An item with something of everything, and a past.
fn add_full(home: &Home) {
    let fields = r#"{"username": "me", "password": "one", "notes": "first\nsecond", "urls": ["https://a.example", "https://b.example"],
        "tags": ["work", "x"], "otp": "otpauth://hotp/site:me?secret=JBSWY3DPEHPK3PXP&counter=5", "plan": "gold",
        "pin": {"kind": "secret", "value": "1234"}, "since": {"kind": "date", "value": "2020-01-01"},
        "where": {"kind": "url", "value": "https://c.example"}, "poem": {"kind": "multiline", "value": "a\nb"}}"#;
    home.run_with(&["add", "acme/mail", "--json-stdin"], fields)
        .ok();
    for password in ["two", "three"] {
        let edit = ["edit", "acme/mail", "--secret-stdin"];
        home.run_with(&edit, password).ok();
    }
    let edit = [
        "edit",
        "acme/mail",
        "-u",
        "you",
        "--remove-url",
        "https://b.example",
        "--remove-field",
        "plan",
    ];
    home.run(&edit).ok();
    home.run(&["otp", "acme/mail"]).ok();
    home.run(&["otp", "acme/mail"]).ok();
}

#[test]
fn a_full_item_arrives_with_its_history_and_a_second_time_changes_nothing() {
    let home = two_vaults();
    add_full(&home);
    let before = items_here(&home);
    assert!(
        before[0]["history"].as_array().unwrap().len() >= 5,
        "{before}"
    );
    let ledger = send(&home, &["--json", "cp", "acme/mail"], &[]).ok().json();
    assert_eq!(
        keys(&ledger),
        [
            "created",
            "entries",
            "fields",
            "identical",
            "read",
            "revived",
            "schema",
            "skipped",
            "trashed",
            "updated",
            "vault"
        ]
    );
    assert_eq!(
        (&ledger["created"], &ledger["trashed"]),
        (&1.into(), &0.into())
    );
    assert_eq!(items_there(&home), before);
    assert_eq!(items_here(&home), before, "a copy changes nothing here");
    let length = || std::fs::metadata(home.path("other.keyfold")).unwrap().len();
    let written = length();
    let again = send(&home, &["--json", "cp", "acme/mail"], &[]).ok().json();
    assert_eq!(
        (&again["identical"], &again["fields"]["updated"]),
        (&1.into(), &0.into()),
        "{again}"
    );
    send(&home, &["cp", "acme/mail"], &[])
        .ok()
        .says("Nothing new for acme/mail");
    assert_eq!((length(), items_there(&home)), (written, before));
    // The counter goes on where it stood: 5 and 6 were given here, so 7 is next.
    there(&home, &["otp", "acme/mail"]).ok();
    assert_eq!(
        items_there(&home)[0]["fields"]
            .as_array()
            .unwrap()
            .iter()
            .find(|field| field["id"] == "otp")
            .unwrap()["counter"],
        8
    );
    // What changed meanwhile is brought up to date, and the other vault's own change is not taken back.
    home.run_with(&["edit", "acme/mail", "--secret-stdin"], "four")
        .ok();
    let updated = send(&home, &["--json", "cp", "acme/mail"], &[]).ok().json();
    assert_eq!(
        (&updated["updated"], &updated["created"]),
        (&1.into(), &0.into())
    );
    there(&home, &["get", "acme/mail"]).ok().prints("four");
    there(&home, &["edit", "acme/mail", "-u", "theirs"]).ok();
    send(&home, &["cp", "acme/mail"], &[])
        .ok()
        .says("username: the vault had this value");
    there(&home, &["get", "acme/mail", "username"])
        .ok()
        .prints("theirs");
}

#[test]
fn mv_leaves_the_trash_here_and_the_item_there() {
    let home = two_vaults();
    add_full(&home);
    home.add("stays", "x", &[]);
    let before = items_here(&home);
    let moved = before
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["path"] == "acme/mail")
        .unwrap();
    send(&home, &["mv", "acme/mail"], &[])
        .ok()
        .says("Moved to acme/mail in ");
    assert_eq!(home.ls(), "stays\n");
    assert_eq!(home.run(&["ls", "--trash"]).ok().out, "acme/mail\n");
    assert_eq!(&items_there(&home)[0], moved);
    // And back: it lives again in this vault, not in both trashes.
    let opens = [
        "--to-password-file",
        "password",
        "--to-vault",
        "vault.keyfold",
    ];
    there(&home, &[&["mv", "mail"], &opens[..]].concat()).ok();
    assert_eq!(home.ls(), "stays\nacme/mail\n");
    assert_eq!(there(&home, &["ls", "--trash"]).ok().out, "acme/mail\n");
    assert_eq!(items_here(&home), before);
    let third = send(&home, &["--json", "mv", "acme/mail"], &[]).ok().json();
    assert_eq!(
        (&third["identical"], &third["revived"], &third["trashed"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(there(&home, &["ls"]).ok().out, "acme/mail\n");
    home.run(&["undo"]).ok();
    assert_eq!(home.ls(), "stays\nacme/mail\n", "the move is undone here");
    // What was purged there may come again.
    there(&home, &["purge", "acme/mail", "--yes"]).ok();
    send(&home, &["cp", "acme/mail"], &[]).ok();
    assert_eq!(&items_there(&home)[0], moved);
}

#[test]
fn several_items_a_search_and_a_folder_go_where_they_shall() {
    let home = two_vaults();
    for name in ["acme/mail", "acme/deep/ftp", "bank", "old/shop"] {
        home.add(
            name,
            name,
            &["--tag", if name == "bank" { "money" } else { "none" }],
        );
    }
    home.add("acme/gone", "x", &[]);
    home.run(&["rm", "acme/gone"]).ok();
    send(&home, &["cp", "bank", "--query", "shop"], &["clients/"]).ok();
    assert_eq!(
        there(&home, &["ls"]).ok().out,
        "clients/bank\nclients/shop\n"
    );
    send(&home, &["cp", "acme/", "bank"], &[])
        .ok()
        .says("Copied to acme/deep/ftp in ");
    let listed = "acme/mail\nacme/deep/ftp\nclients/bank\nclients/shop\n";
    assert_eq!(
        there(&home, &["ls"]).ok().out,
        listed,
        "what is there stays where it is"
    );
    send(&home, &["mv", "acme/"], &["clients/acme/"]).ok();
    let listed = there(&home, &["ls"]).ok().out;
    assert!(
        listed.contains("clients/acme/deep/ftp\n") && listed.contains("clients/acme/mail\n"),
        "{listed}"
    );
    assert_eq!(home.ls(), "bank\nold/shop\n");
    send(&home, &["cp", "bank"], &["new/name"]).ok();
    there(&home, &["get", "new/name"]).ok().prints("bank");
    let history = there(&home, &["--json", "history", "new/name"]).ok().json();
    let former: Vec<&str> = history["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["value"].as_str().unwrap_or_default())
        .collect();
    assert!(former.contains(&"clients"), "{history}");
    send(&home, &["cp", "bank"], &["/"]).ok();
    assert!(there(&home, &["ls"]).ok().out.contains("bank\n"));
    send(&home, &["cp", "bank", "shop"], &["one-path"])
        .exits(2)
        .says("folder");
    send(&home, &["cp", "bank"], &["clients/shop"])
        .exits(1)
        .says("already in");
    send(&home, &["cp", "nothing"], &[]).exits(3);
    send(&home, &["cp", "gone"], &[]).exits(3);
    send(&home, &["cp", "nowhere/"], &[]).exits(3);
}

#[test]
fn names_are_never_taken_for_a_place() {
    let home = two_vaults();
    home.add("mail", "one", &[]);
    home.add("bank", "two", &[]);
    let opens = ["--to-password-file", "other-password"];
    let first = [
        &["cp", "--to-vault", "other.keyfold", "mail", "bank"],
        &opens[..],
    ]
    .concat();
    home.run(&first)
        .exits(2)
        .says("names stand before --to-vault");
    let joined = [
        &["cp", "--to-vault=other.keyfold", "mail", "bank"],
        &opens[..],
    ]
    .concat();
    home.run(&joined).ok();
    assert_eq!(there(&home, &["ls"]).ok().out, "bank\nmail\n");
    home.run(&["cp", "mail"]).exits(2).says("NEW-PATH");
    home.run(&["cp", "mail", "bank", "three"]).exits(2);
    home.run(&["cp", "mail", "--query", "b"]).exits(2);
    home.run(&["mv", "mail", "x", "--to-password-file", "other-password"])
        .exits(2);
    home.run(&["mv", "--to-vault", "other.keyfold"]).exits(2);
}

#[test]
fn what_cannot_be_is_refused_before_any_password_and_changes_nothing() {
    let home = two_vaults();
    home.add("mail", "one", &[]);
    let before = (items_here(&home), items_there(&home));
    let bare = |to: &[&str]| {
        home.bare(
            &[&["--no-input", "mv", "mail", "--to-vault"], to].concat(),
            "",
        )
    };
    bare(&["vault.keyfold"]).exits(2).says("this very vault");
    std::fs::copy(home.vault(), home.path("elsewhere.keyfold")).unwrap();
    bare(&["elsewhere.keyfold"])
        .exits(2)
        .says("this very vault");
    let missing = bare(&["gone.keyfold"]).exits(6).says("gone.keyfold");
    missing.says("init makes one");
    home.write("text.keyfold", "no vault at all");
    bare(&["text.keyfold"]).exits(7);
    let stdin = ["--password-file", "-", "--to-password-file", "-"];
    home.bare(
        &[&["mv", "mail", "--to-vault", "other.keyfold"], &stdin[..]].concat(),
        "a\nb\n",
    )
    .exits(2)
    .says("both vaults");
    home.run(&["--no-input", "mv", "mail", "--to-vault", "other.keyfold"])
        .exits(5)
        .says("--to-password-file");
    let wrong = [
        "mv",
        "mail",
        "--to-vault",
        "other.keyfold",
        "--to-password-file",
        "password",
    ];
    home.run(&wrong)
        .exits(5)
        .says("other.keyfold: that does not open");
    let error = home
        .run(&[&["--json"], &wrong[..]].concat())
        .exits(5)
        .error();
    assert_eq!(error["code"], "locked");
    let wrong_here = sending(&["--password-file", "other-password", "mv", "mail"], &[]);
    home.bare(&wrong_here, "").exits(5);
    assert_eq!((items_here(&home), items_there(&home)), before);
}

#[test]
fn the_other_vault_opens_with_what_it_wants() {
    let home = two_vaults();
    home.add("mail", "one", &[]);
    home.run(&["config", "set", "vaults.client", &home.arg("other.keyfold")])
        .ok();
    let stdin = [
        "cp",
        "mail",
        "--to-vault",
        "client",
        "--to-password-file",
        "-",
    ];
    home.run_with(&stdin, "the other one's password\n").ok();
    assert_eq!(there(&home, &["ls"]).ok().out, "mail\n");
    let paper = there(&home, &["recovery-key", "make"]).ok().out;
    home.write("paper", &paper);
    home.run(&[
        "cp",
        "mail",
        "--to-vault",
        "client",
        "--to-recovery-key-file",
        "paper",
    ])
    .ok();
    let third = ["--vault", "third.keyfold", "--key-file", "usb.key"];
    home.run(&[&third[..], &["init"], &FLOOR].concat()).ok();
    let to = [
        "cp",
        "mail",
        "--to-vault",
        "third.keyfold",
        "--to-password-file",
        "password",
    ];
    home.run(&to).exits(5).says("--to-key-file");
    home.run(&[&to[..], &["--to-key-file", "usb.key"]].concat())
        .ok();
    home.run(&[&third[..], &["get", "mail"]].concat())
        .ok()
        .prints("one");
}

/// Runs `mv` under a limit of 50 to 100 KiB for every file that it writes; past it a write fails, or kills.
fn move_limited(home: &Home, trap: &str) -> Ran {
    let mut command = Command::new("sh");
    home.enter(&mut command);
    let script = format!("{trap} ulimit -f 100; exec \"$0\" \"$@\"");
    command.args([
        "-c",
        &script,
        env!("CARGO_BIN_EXE_keyfold"),
        "--password-file",
        "password",
    ]);
    command.args(sending(&["mv", "mail"], &[]));
    finish(command, "")
}

/// Text that no limited file has room for.
fn long_note(home: &Home) {
    home.write("note", &"a long note\n".repeat(30_000));
}

const AS_AN_ERROR: &str = "trap '' XFSZ;";

#[test]
fn a_full_target_loses_nothing_and_neither_does_a_kill_while_it_is_written() {
    let home = two_vaults();
    home.add("mail", "one", &[]);
    long_note(&home);
    there(&home, &["add", "long", "--note-file", "note"]).ok();
    let before = (items_here(&home), items_there(&home));
    move_limited(&home, AS_AN_ERROR).exits(1);
    assert_eq!((items_here(&home), items_there(&home)), before);
    assert_eq!(move_limited(&home, "").code, -1, "killed");
    assert_eq!((items_here(&home), items_there(&home)), before);
    send(&home, &["mv", "mail"], &[]).ok();
    assert_eq!(
        (home.ls().as_str(), there(&home, &["ls"]).ok().out.as_str()),
        ("", "long\nmail\n")
    );
}

#[test]
fn a_kill_between_the_two_vaults_leaves_the_item_in_both() {
    let home = two_vaults();
    home.add("mail", "one", &[]);
    long_note(&home);
    home.run(&["add", "long", "--note-file", "note"]).ok();
    let failed = move_limited(&home, AS_AN_ERROR).exits(1);
    failed.says("the same command again");
    there(&home, &["purge", "mail", "--yes"]).ok();
    assert_eq!(move_limited(&home, "").code, -1, "killed");
    assert_eq!(home.ls(), "long\nmail\n");
    there(&home, &["get", "mail"]).ok().prints("one");
    send(&home, &["mv", "mail"], &[]).ok();
    assert_eq!(home.ls(), "long\n");
    there(&home, &["get", "mail"]).ok().prints("one");
}

#[test]
fn a_target_whose_folder_takes_nothing_has_it_on_this_device_and_delivers_later() {
    let home = two_vaults();
    home.add("mail", "one", &[]);
    std::fs::rename(home.path("other.keyfold"), home.path("away")).unwrap();
    std::fs::create_dir(home.path("other.keyfold")).unwrap();
    send(&home, &["mv", "mail"], &[])
        .ok()
        .says("Moved to mail in ")
        .says("other.keyfold:\n");
    assert_eq!(home.ls(), "");
    std::fs::remove_dir(home.path("other.keyfold")).unwrap();
    std::fs::rename(home.path("away"), home.path("other.keyfold")).unwrap();
    there(&home, &["get", "mail"]).ok().prints("one");
    // A second device, which has the file alone, has it too.
    let mut command = home.command();
    command.env("KEYFOLD_STATE_DIR", home.path("second"));
    command.args(OTHER).args(["get", "mail"]);
    finish(command, "").ok().prints("one");
}
