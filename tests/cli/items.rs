//! Items: add, get, show, edit, mv, cp, rm, restore, purge, history, undo.

use crate::program::Home;

#[test]
fn an_item_comes_back_field_by_field() {
    let home = Home::new();
    home.add(
        "work/mail",
        "hunter2",
        &[
            "-u",
            "me@example.com",
            "--url",
            "https://mail.example.com",
            "--tag",
            "daily",
            "--field",
            "plan=gold",
            "--note",
            "two\nlines",
        ],
    );
    let value = |field: &str| home.run(&["get", "work/mail", field]).ok().out;
    assert_eq!(home.run(&["get", "work/mail"]).ok().out, "hunter2");
    assert_eq!(value("username"), "me@example.com");
    assert_eq!(value("url"), "https://mail.example.com");
    assert_eq!(value("plan"), "gold");
    assert_eq!(value("PLAN"), "gold");
    assert_eq!(value("notes"), "two\nlines");
    assert_eq!(value("title"), "mail");
    home.run(&["get", "work/mail", "pin"])
        .exits(3)
        .says("work/mail has no pin")
        .says("it has: username");
    home.run(&["get", "nothing"]).exits(3).says("keyfold ls");
}

#[test]
fn show_masks_secrets_until_it_is_told_to_reveal_them() {
    let home = Home::new();
    home.add("mail", "hunter2", &["-u", "me"]);
    let masked = home.run(&["show", "mail"]).ok();
    assert!(
        !masked.out.contains("hunter2") && masked.out.contains("me"),
        "{}",
        masked.out
    );
    let revealed = home.run(&["show", "mail", "--reveal"]).ok();
    assert!(revealed.out.contains("hunter2"), "{}", revealed.out);
    let bare = home.run(&["mail"]).ok();
    assert_eq!(bare.out, masked.out);
}

#[test]
fn a_name_that_is_a_command_goes_after_two_dashes() {
    let home = Home::new();
    home.add("ls", "hunter2", &[]);
    let shown = home.run(&["--", "ls"]).ok();
    assert!(shown.out.contains("password"), "{}", shown.out);
    home.run(&["get", "ls"]).ok().prints("hunter2");
    home.run(&["otp", "--", "uri"])
        .exits(3)
        .says("there is no item uri");
}

#[test]
fn a_path_is_added_once_unless_a_duplicate_is_wanted() {
    let home = Home::new();
    home.add("work/mail", "one", &[]);
    home.run_with(&["add", "work/mail", "--secret-stdin"], "two")
        .exits(1)
        .says("--or-update");
    home.run(&["get", "work/mail"]).ok().prints("one");
    home.add("work/mail", "two", &["--duplicate"]);
    assert_eq!(home.ls(), "work/mail\nwork/mail\n");
    home.run(&["add", "work/mail", "--duplicate", "--or-update"])
        .exits(2);
    home.run(&["add", "work/"]).exits(2).says("title");
}

#[test]
fn or_update_may_be_repeated_and_writes_nothing_the_second_time() {
    let home = Home::new();
    let script = [
        "add",
        "ci/token",
        "--or-update",
        "--secret-stdin",
        "-u",
        "bot",
        "--tag",
        "ci",
    ];
    home.run_with(&script, "s3cret\n").ok();
    let first = std::fs::read(home.vault()).unwrap();
    home.run_with(&script, "s3cret\n").ok();
    assert!(
        std::fs::read(home.vault()).unwrap() == first,
        "the same again was written"
    );
    home.run_with(&script, "changed").ok();
    assert_eq!(home.ls(), "ci/token\n");
    home.run(&["get", "ci/token"]).ok().prints("changed");
    let history = home
        .run(&["--json", "history", "ci/token", "--reveal"])
        .ok()
        .json();
    assert_eq!(history["history"].as_array().unwrap().len(), 1);
    assert_eq!(history["history"][0]["value"], "s3cret");
}

#[test]
fn generated_passwords_and_passphrases_have_the_length_that_was_asked_for() {
    let home = Home::new();
    home.run(&["add", "one", "-g"]).ok().says("bits");
    assert_eq!(home.run(&["get", "one"]).ok().out.len(), 20);
    home.run(&["add", "two", "--generate=33"]).ok();
    assert_eq!(home.run(&["get", "two"]).ok().out.len(), 33);
    home.run(&["add", "three", "--words", "7"]).ok();
    assert!(home.run(&["get", "three"]).ok().out.split('-').count() >= 7);
    home.run(&["add", "four", "--generate", "--words", "7"])
        .exits(2);
}

#[test]
fn json_brings_several_fields_at_once() {
    let home = Home::new();
    let fields = r#"{"username": "me", "password": "hunter2", "urls": ["https://a.example"], "tags": ["x"],
        "pin": {"kind": "secret", "value": "1234"}, "otp": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}"#;
    home.run_with(&["add", "bank", "--json-stdin"], fields).ok();
    let shown = home.run(&["--json", "show", "bank"]).ok().json();
    let field = |name: &str| {
        let fields = shown["fields"].as_array().unwrap();
        fields
            .iter()
            .find(|field| field["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(field("pin")["secret"], true);
    assert_eq!(field("pin")["value"], serde_json::Value::Null);
    assert_eq!(field("otp")["kind"], "otp");
    assert_eq!(shown["tags"][0], "x");
    home.run(&["get", "bank", "pin"]).ok().prints("1234");
    let text = home.run_with(&["add", "other", "--json-stdin"], "\"hunter2\"");
    let refused = text.exits(2).says("at line 1 column 9");
    assert!(!refused.err.contains("hunter2"), "{}", refused.err);
    home.run_with(&["add", "other", "--json-stdin"], "[1]")
        .exits(2)
        .says("JSON");
    home.run_with(
        &["add", "other", "--json-stdin"],
        r#"{"otp": "not base32!"}"#,
    )
    .exits(1);
    assert_eq!(home.ls(), "bank\n");
}

#[test]
fn every_kind_of_item_has_its_main_secret() {
    let home = Home::new();
    for (kind, title) in [
        ("note", "n"),
        ("api-token", "t"),
        ("wifi", "w"),
        ("card", "c"),
    ] {
        home.add(title, "s3cret", &["--kind", kind]);
        home.run(&["get", title]).ok().prints("s3cret");
    }
    assert_eq!(home.run(&["ls", "--kind", "wifi"]).ok().out, "w\n");
    home.run(&["add", "x", "--kind", "sword"])
        .exits(2)
        .says("kinds: login");
}

#[test]
fn edit_changes_what_the_flags_name_and_nothing_else() {
    let home = Home::new();
    home.add(
        "mail",
        "one",
        &[
            "-u",
            "me",
            "--url",
            "https://a.example",
            "--tag",
            "old",
            "--field",
            "plan=gold",
        ],
    );
    home.run_with(&["edit", "mail", "--secret-stdin"], "two\n")
        .ok()
        .says("Changed mail");
    home.run(&[
        "edit",
        "mail",
        "-u",
        "you",
        "--url",
        "https://b.example",
        "--remove-url",
        "https://a.example",
        "--tag",
        "new",
        "--remove-tag",
        "old",
        "--remove-field",
        "plan",
        "--rename",
        "work/post",
    ])
    .ok();
    let shown = home
        .run(&["--json", "show", "work/post", "--reveal"])
        .ok()
        .json();
    assert_eq!(shown["username"], "you");
    assert_eq!(shown["urls"], serde_json::json!(["https://b.example"]));
    assert_eq!(shown["tags"], serde_json::json!(["new"]));
    let names: Vec<&str> = shown["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["name"].as_str().unwrap())
        .collect();
    assert!(!names.contains(&"plan"), "{names:?}");
    home.run(&["get", "work/post"]).ok().prints("two");
    home.run(&["edit", "work/post", "--remove-field", "nothing"])
        .exits(3);
    home.run(&["edit", "work/post", "--field", "password=x"])
        .exits(2)
        .says("--secret-field password");
    home.run(&["edit", "work/post", "--field", "plan"])
        .exits(2)
        .says("NAME=VALUE");
}

#[test]
fn several_items_are_edited_by_names_and_by_search() {
    let home = Home::new();
    for name in ["a/one", "a/two", "b/three"] {
        home.add(name, "x", &["--tag", "batch"]);
    }
    home.run(&["edit", "a/one", "b/three", "--tag", "seen"])
        .ok();
    assert_eq!(
        home.run(&["ls", "--tag", "seen"]).ok().out,
        "a/one\nb/three\n"
    );
    home.run(&["edit", "--query", "batch", "--tag", "all"]).ok();
    assert_eq!(
        home.run(&["ls", "--tag", "all"]).ok().out.lines().count(),
        3
    );
    home.run(&["edit", "a/one", "a/two", "--rename", "x"])
        .exits(2);
    home.run(&["edit", "a/one", "--rename", "a/two"])
        .exits(1)
        .says("already");
    home.run(&["edit", "a/one", "a/two"]).exits(2).says("flags");
    // One name that is not there, and none is changed.
    home.run(&["edit", "a/one", "nothing", "--tag", "late"])
        .exits(3);
    assert_eq!(home.run(&["ls", "--tag", "late"]).ok().out, "");
}

#[test]
fn mv_renames_an_item_and_moves_several_and_whole_folders() {
    let home = Home::new();
    for name in ["one", "two", "work/deep/three"] {
        home.add(name, name, &[]);
    }
    home.run(&["mv", "one", "work/first"])
        .ok()
        .says("Moved to work/first");
    home.run(&["mv", "work/first", "two", "box/"]).ok();
    home.run(&["mv", "work/", "old/"]).ok();
    assert_eq!(home.ls(), "box/first\nbox/two\nold/deep/three\n");
    home.run(&["mv", "box/first", "box/two", "plain"])
        .exits(2)
        .says("slash");
    home.run(&["mv", "nowhere/", "box/"])
        .exits(3)
        .says("no folder");
    home.run(&["mv", "box/first"]).exits(2);
    home.run(&["mv", "box/first", "box/two"])
        .exits(1)
        .says("already");
    home.run(&["mv", "old/deep/three", "/"]).ok();
    assert_eq!(home.ls(), "three\nbox/first\nbox/two\n");
}

#[test]
fn a_folder_moves_without_what_lies_in_the_trash() {
    let home = Home::new();
    home.add("box/kept", "one", &[]);
    home.add("box/gone", "two", &[]);
    home.run(&["rm", "box/gone"]).ok();
    home.run(&["mv", "box/", "old/"]).ok();
    assert_eq!(home.ls(), "old/kept\n");
    assert_eq!(home.run(&["ls", "--trash"]).ok().out, "box/gone\n");
    home.run(&["mv", "box/", "old/"]).exits(3);
}

#[test]
fn cp_makes_an_item_of_its_own() {
    let home = Home::new();
    home.add(
        "mail",
        "hunter2",
        &["-u", "me", "--field", "plan=gold", "--tag", "t"],
    );
    home.run(&["cp", "mail", "copies/mail"])
        .ok()
        .says("Copied to copies/mail");
    home.run_with(&["edit", "copies/mail", "--secret-stdin"], "other")
        .ok();
    home.run(&["get", "mail"]).ok();
    let one = home.run(&["--json", "show", "copies/mail"]).ok().json();
    assert_eq!(
        (&one["username"], &one["tags"][0]),
        (&"me".into(), &"t".into())
    );
    home.run(&["get", "--", "copies/mail", "plan"])
        .ok()
        .prints("gold");
    let taken = home
        .run(&["cp", "mail", "copies/"])
        .exits(1)
        .says("already");
    assert!(
        !taken.err.contains("--or-update"),
        "cp has no such option: {}",
        taken.err
    );
    home.run(&["cp", "nothing", "x"]).exits(3);
}

#[test]
fn rm_is_a_move_to_the_trash_and_restore_brings_back() {
    let home = Home::new();
    home.add("a", "one", &[]);
    home.add("b", "two", &[]);
    home.run(&["rm", "a", "b"]).ok().says("To the trash: a");
    assert_eq!(home.ls(), "");
    assert_eq!(home.run(&["ls", "--trash"]).ok().out, "a\nb\n");
    home.run(&["get", "a"]).exits(3);
    home.run(&["rm", "a"]).exits(3);
    home.run(&["restore", "a"]).ok();
    home.run(&["restore", "a"]).exits(3).says("--trash");
    home.run(&["get", "a"]).ok().prints("one");
    home.run(&["rm"]).exits(2);
}

#[test]
fn purge_asks_first_and_leaves_nothing() {
    let home = Home::new();
    home.add("secret-plan", "one", &[]);
    home.run(&["rm", "secret-plan"]).ok();
    home.run(&["purge", "secret-plan"]).exits(1).says("--yes");
    assert_eq!(home.run(&["ls", "--trash"]).ok().out, "secret-plan\n");
    home.run(&["purge", "secret-plan", "--yes"])
        .ok()
        .says("Erased");
    assert_eq!(home.run(&["ls", "--trash"]).ok().out, "");
    home.run(&["history", "secret-plan"]).exits(3);
    let check = home.run(&["--json", "check"]).ok().json();
    assert_eq!(check["ok"], true);
}

#[test]
fn history_shows_former_values_and_brings_one_back() {
    let home = Home::new();
    home.add("mail", "one", &[]);
    home.run(&["history", "mail"]).ok().says("No former values");
    for next in ["two", "three"] {
        home.run_with(&["edit", "mail", "--secret-stdin"], next)
            .ok();
    }
    let masked = home.run(&["history", "mail"]).ok();
    assert!(!masked.out.contains("two"), "{}", masked.out);
    let history = home
        .run(&["--json", "history", "mail", "--reveal"])
        .ok()
        .json();
    let rows = history["history"].as_array().unwrap();
    let values: Vec<&str> = rows
        .iter()
        .map(|row| row["value"].as_str().unwrap())
        .collect();
    assert_eq!(values, ["two", "one"], "the newest first");
    let number = rows[1]["number"].to_string();
    home.run(&["history", "mail", "--restore", &number])
        .ok()
        .says("Brought password");
    home.run(&["get", "mail"]).ok().prints("one");
    home.run(&["history", "mail", "--restore", "99"]).exits(3);
    home.run(&["history", "mail", "--restore", "0"]).exits(3);
}

#[test]
fn undo_takes_back_the_last_changes_of_this_device() {
    let home = Home::new();
    home.run(&["undo"]).exits(1).says("nothing to undo");
    home.add("mail", "one", &[]);
    home.run_with(&["edit", "mail", "--secret-stdin"], "two")
        .ok();
    home.run(&["rm", "mail"]).ok();
    let list = home.run(&["--json", "undo", "--list"]).ok().json();
    assert_eq!(list["changes"].as_array().unwrap().len(), 3);
    home.run(&["undo"]).ok().says("Taken back");
    home.run(&["get", "mail"]).ok().prints("two");
    home.run(&["undo"]).ok();
    home.run(&["get", "mail"]).ok();
    home.run(&["undo", "--count", "0"]).exits(2);
}
