//! Ways into a vault and what rewrites it: passwd, slots, recovery-key, key files, rekey, compact, check, fingerprint.

use crate::program::{FLOOR, Home, Ran, mode};
use std::io::{Seek, SeekFrom, Write};

fn with_floor<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [args, &FLOOR].concat()
}

fn by(home: &Home, file: &str, args: &[&str]) -> Ran {
    home.bare(&[&["--password-file", &home.arg(file)], args].concat(), "")
}

#[test]
fn after_passwd_the_old_password_opens_nothing() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    home.write("new", "another password\n");
    home.run(&with_floor(&["passwd", "--new-password-file", "new"]))
        .ok()
        .says("keyfold rekey");
    home.run(&["get", "mail"]).exits(5);
    by(&home, "new", &["get", "mail"]).ok().prints("hunter2");
    assert_eq!(
        by(&home, "new", &["--json", "check"]).ok().json()["ok"],
        true
    );
    home.write("void", "\n");
    by(&home, "new", &["passwd", "--new-password-file", "void"]).exits(2);
    by(
        &home,
        "new",
        &["passwd", "--new-password-file", "new", "--kdf-memory", "8"],
    )
    .exits(2);
    by(&home, "new", &["passwd"])
        .exits(5)
        .says("--new-password-file");
    by(&home, "new", &["get", "mail"]).ok();
}

#[test]
fn both_passwords_may_come_from_standard_input() {
    let home = Home::new();
    let input = "correct horse battery staple\nthe second one\n";
    home.bare(
        &with_floor(&["passwd", "--password-file", "-", "--new-password-file", "-"]),
        input,
    )
    .ok();
    home.bare(&["--password-file", "-", "ls"], "the second one\n")
        .ok();
}

#[test]
fn a_second_password_is_a_way_in_until_it_is_removed() {
    let home = Home::new();
    home.write("second", "a second one\n");
    home.run(&with_floor(&[
        "slots",
        "add",
        "--label",
        "phone",
        "--new-password-file",
        "second",
    ]))
    .ok();
    by(&home, "second", &["ls"]).ok();
    let listed = home.run(&["--json", "slots", "list"]).ok().json();
    let slots = listed["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 2, "{listed}");
    let phone = slots.iter().find(|slot| slot["label"] == "phone").unwrap();
    assert_eq!(
        (&phone["memory_mib"], &phone["in_use"]),
        (&19.into(), &false.into())
    );
    let id = phone["id"].as_str().unwrap();
    home.run(&["slots"]).ok();
    home.run(&["slots", "remove", "ffffffffff"])
        .exits(3)
        .says("keyfold slots");
    home.run(&["slots", "remove", &id[..8]]).ok();
    by(&home, "second", &["ls"]).exits(5);
    let own = home.run(&["--json", "slots"]).ok().json()["slots"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    home.run(&["slots", "remove", &own]).exits(1);
    home.run(&["ls"]).ok();
}

/// Adds a second password, which lies in the file `second`; the id of its way in.
fn with_second(home: &Home) -> String {
    home.write("second", "a second one\n");
    let args = [
        "--json",
        "slots",
        "add",
        "--label",
        "phone",
        "--new-password-file",
        "second",
    ];
    let added = home.run(&with_floor(&args)).ok().json();
    assert_eq!(crate::program::keys(&added), ["id", "label", "schema"]);
    added["id"].as_str().unwrap().to_owned()
}

#[test]
fn removing_a_way_in_gives_the_vault_a_new_key() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let id = with_second(&home);
    let before = home.run(&["fingerprint"]).ok().out;
    // Who has it may have a copy of the file.
    let copy = std::fs::read(home.vault()).unwrap();
    home.run(&["slots", "remove", &id]).ok().says("new key");
    assert_ne!(home.run(&["fingerprint"]).ok().out, before);
    home.run(&["get", "mail"]).ok().prints("hunter2");
    by(&home, "second", &["ls"]).exits(5);
    let rows = home.run(&["--json", "slots"]).ok().json();
    assert_eq!(rows["slots"].as_array().unwrap().len(), 1);
    assert_eq!(rows["slots"][0]["label"], "password");
    home.add("later", "x", &[]);
    let mut command = home.command();
    command
        .env("KEYFOLD_STATE_DIR", home.path("thief"))
        .env("KEYFOLD_VAULT", home.path("thief.keyfold"))
        .args(["--password-file", &home.arg("second"), "ls"]);
    std::fs::write(home.path("thief.keyfold"), copy).unwrap();
    crate::program::finish(command, "").ok().prints("mail\n");
}

#[test]
fn a_way_in_can_be_closed_under_the_same_key() {
    let home = Home::new();
    let id = with_second(&home);
    let before = home.run(&["fingerprint"]).ok().out;
    let removed = home
        .run(&["--json", "slots", "remove", &id, "--keep-key"])
        .ok()
        .json();
    assert_eq!(removed["removed"], id.as_str());
    assert_eq!(home.run(&["fingerprint"]).ok().out, before);
    by(&home, "second", &["ls"]).exits(5);
}

#[test]
fn other_ways_in_are_named_before_they_go_too() {
    let home = Home::new();
    let id = with_second(&home);
    home.write("third", "a third one\n");
    let args = [
        "slots",
        "add",
        "--label",
        "tablet",
        "--new-password-file",
        "third",
    ];
    home.run(&with_floor(&args)).ok();
    let paper = home.run(&["recovery-key", "make"]).ok().out;
    home.run(&["slots", "remove", &id])
        .exits(2)
        .says("This way in will be gone too: tablet");
    by(&home, "second", &["ls"]).ok();
    let removed = home
        .run(&["--json", "slots", "remove", &id, "--yes"])
        .ok()
        .json();
    assert_eq!(removed["lost"].as_array().unwrap().len(), 2);
    by(&home, "second", &["ls"]).exits(5);
    by(&home, "third", &["ls"]).exits(5);
    home.run(&["ls"]).ok();
    home.write("paper", &paper);
    let by_paper = |name: &str| home.bare(&["--recovery-key-file", &home.arg(name), "ls"], "");
    by_paper("paper").exits(5);
    home.write("paper", removed["recovery_key"].as_str().unwrap());
    by_paper("paper").ok();
    // What a new key would stand on must be a password that stays.
    let id = with_second(&home);
    by(&home, "second", &["slots", "remove", &id])
        .exits(1)
        .says("--keep-key");
    let paper = home.arg("paper");
    home.bare(&["--recovery-key-file", &paper, "slots", "remove", &id], "")
        .exits(1);
}

#[test]
fn slots_tell_the_day_on_which_each_was_used_here() {
    let home = Home::new();
    with_second(&home);
    let used = |file: &str, label: &str| {
        let rows = by(&home, file, &["--json", "slots"]).ok().json();
        let rows = rows["slots"].as_array().unwrap().clone();
        let row = rows.iter().find(|row| row["label"] == label).unwrap();
        row["last_used"].clone()
    };
    assert!(used("password", "phone").is_null());
    let today = used("password", "password");
    assert_eq!(today.as_str().unwrap().len(), 10, "{today}");
    assert_eq!(used("second", "phone"), today);
    // Another device has uses of its own.
    let rows = home.run_on("phone", &["--json", "slots"], "").ok().json();
    let rows = rows["slots"].as_array().unwrap().clone();
    let row = rows.iter().find(|row| row["label"] == "phone").unwrap();
    assert!(row["last_used"].is_null());
}

#[test]
fn a_key_file_is_changed_and_removed_with_the_password() {
    let home = Home::empty();
    // Any file will do.
    home.write("photo.jpg", "not really a photo");
    home.run(&with_floor(&["init", "--key-file", "photo.jpg"]))
        .ok();
    home.run(&["ls", "--key-file", "photo.jpg"]).ok();
    let change = |old: &str, more: &[&str]| {
        let password = home.arg("password");
        let args = [
            "passwd",
            "--new-password-file",
            &password,
            "--key-file",
            old,
        ];
        home.run(&with_floor(&[&args[..], more].concat())).ok();
    };
    change("photo.jpg", &["--new-key-file", "made.key"]);
    home.run(&["ls", "--key-file", "photo.jpg"]).exits(5);
    home.run(&["ls", "--key-file", "made.key"]).ok();
    change("made.key", &[]);
    home.run(&["ls"]).ok();
    home.run(&["ls", "--key-file", "made.key"]).exits(5);
}

#[test]
fn a_recovery_key_opens_the_vault_and_the_next_one_takes_its_place() {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let first = home
        .run(&["recovery-key", "make"])
        .ok()
        .says("shown this once")
        .out;
    home.write("paper", &first);
    let paper = home.arg("paper");
    home.bare(&["recovery-key", "test", "--recovery-key-file", &paper], "")
        .ok()
        .says("opens the vault");
    home.bare(&["--recovery-key-file", &paper, "get", "mail"], "")
        .ok()
        .prints("hunter2");
    home.write("lower", &first.to_lowercase());
    home.bare(
        &[
            "recovery-key",
            "test",
            "--recovery-key-file",
            &home.arg("lower"),
        ],
        "",
    )
    .ok();
    let wrong = first.replacen(
        first.chars().next().unwrap(),
        if first.starts_with('A') { "B" } else { "A" },
        1,
    );
    home.write("wrong", &wrong);
    home.bare(
        &[
            "recovery-key",
            "test",
            "--recovery-key-file",
            &home.arg("wrong"),
        ],
        "",
    )
    .exits(5)
    .says("symbol");
    let second = home.run(&["--json", "recovery-key", "make"]).ok().json();
    home.bare(&["recovery-key", "test", "--recovery-key-file", &paper], "")
        .exits(5);
    home.write("paper", second["recovery_key"].as_str().unwrap());
    home.bare(&["recovery-key", "test", "--recovery-key-file", &paper], "")
        .ok();
    // The day it is for: a new password by the paper alone.
    home.write("new", "remembered this time\n");
    home.bare(
        &with_floor(&[
            "passwd",
            "--recovery-key-file",
            &paper,
            "--new-password-file",
            "new",
        ]),
        "",
    )
    .ok();
    by(&home, "new", &["get", "mail"]).ok().prints("hunter2");
}

#[test]
fn init_makes_a_recovery_key_where_one_is_wanted() {
    let home = Home::empty();
    let made = home.run(&with_floor(&["init", "--recovery-key"])).ok();
    home.write("paper", &made.out);
    home.bare(&["--recovery-key-file", &home.arg("paper"), "ls"], "")
        .ok();
}

#[test]
fn a_vault_with_a_key_file_wants_both() {
    let home = Home::empty();
    home.run(&with_floor(&["init", "--key-file", "usb.key"]))
        .ok()
        .says("Made the key file");
    assert_eq!(mode(&home.path("usb.key")), 0o600);
    home.run(&["ls", "--key-file", "usb.key"]).ok();
    home.run(&["ls"]).exits(5).says("--key-file");
    home.write("other.key", "something else");
    home.run(&["ls", "--key-file", "other.key"]).exits(5);
    home.run(&["ls", "--key-file", "gone.key"])
        .exits(1)
        .says("gone.key");
    home.write("empty.key", "");
    home.run(&["ls", "--key-file", "empty.key"])
        .exits(1)
        .says("empty");
}

#[test]
fn rekey_keeps_everything_and_closes_every_other_way_in() {
    let home = Home::new();
    home.add("mail", "one", &[]);
    home.run_with(&["edit", "mail", "--secret-stdin"], "two")
        .ok();
    home.write("second", "a second one\n");
    home.run(&with_floor(&[
        "slots",
        "add",
        "--new-password-file",
        "second",
    ]))
    .ok();
    let paper = home.run(&["recovery-key", "make"]).ok().out;
    let before = home.run(&["fingerprint"]).ok().out;
    home.write("new", "the new one\n");
    let rekeyed = home
        .run(&with_floor(&[
            "rekey",
            "--yes",
            "--new-password-file",
            "new",
        ]))
        .ok();
    let rekeyed = rekeyed.says("This way in will be gone").says("new key");
    assert!(
        !rekeyed.out.trim().is_empty() && rekeyed.out != paper,
        "a new recovery key is shown"
    );
    home.run(&["ls"]).exits(5);
    by(&home, "second", &["ls"]).exits(5);
    by(&home, "new", &["get", "mail"]).ok().prints("two");
    let history = by(&home, "new", &["--json", "history", "mail", "--reveal"])
        .ok()
        .json();
    assert_eq!(history["history"][0]["value"], "one");
    assert_ne!(by(&home, "new", &["fingerprint"]).ok().out, before);
    home.write("paper", &rekeyed.out);
    home.bare(&["--recovery-key-file", &home.arg("paper"), "ls"], "")
        .ok();
    assert_eq!(
        by(&home, "new", &["--json", "check"]).ok().json()["ok"],
        true
    );
}

#[test]
fn compact_makes_the_file_smaller_and_changes_nothing_else() {
    let home = Home::new();
    home.add("mail", "0", &[]);
    for next in 1..6 {
        home.run_with(&["edit", "mail", "--secret-stdin"], &next.to_string())
            .ok();
    }
    let before = home.run(&["export"]).ok().json();
    let length = std::fs::metadata(home.vault()).unwrap().len();
    let saved = home.run(&["--json", "compact"]).ok().json();
    let after = std::fs::metadata(home.vault()).unwrap().len();
    assert_eq!(
        (saved["before"].as_u64(), saved["after"].as_u64()),
        (Some(length), Some(after))
    );
    assert!(after < length, "{length} {after}");
    assert_eq!(home.run(&["export"]).ok().json()["items"], before["items"]);
}

#[test]
fn check_finds_a_damaged_record_and_reading_goes_on() {
    let home = Home::new();
    home.add("mail", "one", &[]);
    home.run_with(&["edit", "mail", "--secret-stdin"], "two")
        .ok();
    let checked = home.run(&["--json", "check"]).ok().json();
    for key in ["schema", "ok", "frames", "records", "unknown", "damage"] {
        assert!(checked.get(key).is_some(), "{checked}");
    }
    assert_eq!(
        (&checked["ok"], &checked["damage"]),
        (&true.into(), &serde_json::json!([]))
    );
    home.run(&["check"]).ok();
    // One byte inside the last record.
    let length = std::fs::metadata(home.vault()).unwrap().len();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(home.vault())
        .unwrap();
    file.seek(SeekFrom::Start(length - 500)).unwrap();
    file.write_all(&[0xA5; 8]).unwrap();
    drop(file);
    // A second device that has only the file: the record is lost, the rest is read.
    let ran = {
        let mut command = home.command();
        let password = home.arg("password");
        command.env("KEYFOLD_STATE_DIR", home.path("other-state"));
        command.args(["--password-file", &password, "--json", "check"]);
        crate::program::finish(command, "")
    };
    let report = ran.exits(7).json();
    assert_eq!(report["ok"], false);
    let damage = &report["damage"][0];
    assert!(
        damage["offset"].is_u64() && damage["length"].is_u64() && damage["reason"].is_string(),
        "{report}"
    );
    // This device has it still.
    home.run(&["get", "mail"]).ok().prints("two");
}

#[test]
fn a_fingerprint_is_six_words() {
    let home = Home::new();
    let words = home.run(&["fingerprint"]).ok().out;
    assert_eq!(words.split_whitespace().count(), 6);
    let shown = home.run(&["--json", "fingerprint"]).ok().json();
    assert_eq!(shown["words"].as_array().unwrap().len(), 6);
}
