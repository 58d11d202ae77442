//! What two devices changed apart: `conflicts`, `resolve`, and what `show` tells of it.

use crate::program::{FLOOR, Home, keys};

/// A vault on this device, which is called laptop, and on a phone.
fn shared() -> Home {
    let home = Home::empty();
    home.write("config.toml", "device = \"laptop\"\n");
    let mut args = vec!["init"];
    args.extend(FLOOR);
    home.run(&args).ok();
    home.add("work/mail", "first", &["-u", "me"]);
    home.run_on("phone", &["ls"], "").ok().prints("work/mail\n");
    home
}

/// Password, user name and title of one item were changed on both.
fn apart() -> Home {
    let home = shared();
    let change = ["edit", "mail", "--secret-stdin", "-u"];
    home.run_with(&[&change[..], &["laptop user"]].concat(), "from laptop")
        .ok();
    home.run_on(
        "phone",
        &[&change[..], &["phone user"]].concat(),
        "from phone",
    )
    .ok();
    home.meet("phone");
    home
}

#[test]
fn conflicts_lists_every_value_and_masks_secrets_until_told() {
    let home = apart();
    let text = home.run(&["conflicts"]).ok().says("--reveal shows secrets");
    let lines: Vec<&str> = text.out.lines().collect();
    assert_eq!(lines.len(), 6, "{}", text.out);
    assert_eq!(lines[0], "work/mail  username");
    assert!(lines[1].starts_with("  1  phone user  ") && lines[1].ends_with(" on phone"));
    assert!(lines[2].starts_with("  2  laptop user  ") && lines[2].ends_with(" on laptop"));
    assert_eq!(lines[3], "work/mail  password");
    assert!(!text.out.contains("from "), "{}", text.out);
    let revealed = home.run(&["conflicts", "--reveal"]).ok().out;
    assert!(revealed.contains("  1  from phone  ") && revealed.contains("  2  from laptop  "));
    home.add("other", "x", &[]);
    home.run(&["conflicts", "other"]).ok().says("No conflicts.");
    let listed = home.run(&["--json", "ls", "mail"]).ok().json();
    assert_eq!(listed["items"][0]["conflicts"], 2);
}

#[test]
fn conflicts_have_the_shape_that_scripts_rely_on() {
    let home = apart();
    let masked = home.run(&["--json", "conflicts"]).ok().json();
    assert_eq!(keys(&masked), ["conflicts", "schema"]);
    let conflict = &masked["conflicts"][1];
    assert_eq!(
        keys(conflict),
        [
            "field", "id", "item", "kind", "path", "secret", "trashed", "values"
        ]
    );
    assert_eq!(
        (&conflict["field"], &conflict["kind"], &conflict["secret"]),
        (&"password".into(), &"secret".into(), &true.into())
    );
    let value = &conflict["values"][1];
    assert_eq!(keys(value), ["changed", "device", "number", "value"]);
    assert_eq!(
        (&value["number"], &value["device"], &value["value"]),
        (&2.into(), &"laptop".into(), &serde_json::Value::Null)
    );
    assert_eq!(masked["conflicts"][0]["values"][0]["value"], "phone user");
    let open = home.run(&["--json", "conflicts", "--reveal"]).ok().json();
    assert_eq!(open["conflicts"][1]["values"][1]["value"], "from laptop");
    let none = Home::new().run(&["--json", "conflicts"]).ok().json();
    assert_eq!(none["conflicts"].as_array().unwrap().len(), 0);
}

#[test]
fn show_marks_what_was_changed_apart_and_tells_how_to_decide() {
    let home = apart();
    let shown = home.run(&["show", "mail"]).ok().out;
    assert!(shown.contains("username (1 of 2, "), "{shown}");
    assert!(shown.contains(" on laptop): laptop user"), "{shown}");
    assert!(shown.contains("password (2 of 2, "), "{shown}");
    assert!(
        shown.contains("changed apart: username, password. keyfold resolve NAME FIELD --take N"),
        "{shown}"
    );
    assert!(!shown.contains("from "), "{shown}");
    let revealed = home.run(&["show", "mail", "--reveal"]).ok().out;
    assert!(revealed.contains("from laptop") && revealed.contains("from phone"));
    assert_eq!(
        home.run(&["--json", "show", "mail"]).ok().json()["life"],
        "alive"
    );
}

#[test]
fn a_value_is_taken_by_its_number_and_undo_takes_that_back() {
    let home = apart();
    home.run(&["resolve", "mail", "Password", "--take", "2"])
        .ok()
        .says("password of work/mail is what was set at")
        .says("on laptop now");
    home.run(&["get", "mail"]).ok().prints("from laptop");
    let open = home.run(&["--json", "conflicts"]).ok().json();
    assert_eq!(open["conflicts"].as_array().unwrap().len(), 1);
    let history = home.run(&["history", "mail", "--reveal"]).ok().out;
    assert!(history.contains("from phone"), "{history}");
    home.meet("phone");
    home.run_on("phone", &["get", "mail"], "")
        .ok()
        .prints("from laptop");
    home.run(&["undo"]).ok();
    let open = home.run(&["--json", "conflicts"]).ok().json();
    assert_eq!(open["conflicts"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_not_there_to_be_decided_is_said() {
    let home = apart();
    for number in ["0", "3", "18446744073709551615"] {
        home.run(&["resolve", "mail", "password", "--take", number])
            .exits(2)
            .says("has the values 1 to 2");
    }
    home.run(&["resolve", "mail", "notes", "--take", "1"])
        .exits(3)
        .says("work/mail has no conflict in notes");
    home.run(&["resolve", "mail", "life", "--take", "1"])
        .exits(3);
    home.run(&["resolve", "nothing", "password", "--take", "1"])
        .exits(3);
    home.run(&["resolve", "mail", "password"]).exits(2);
    home.run(&["resolve", "mail", "password", "--take", "1"])
        .ok();
    home.run(&["resolve", "mail", "password", "--take", "1"])
        .exits(3)
        .says("keyfold conflicts lists");
}

#[test]
fn an_item_deleted_on_one_device_and_changed_on_the_other_is_decided_by_its_life() {
    for (number, listed, said) in [("1", "work/mail\n", "Kept: "), ("2", "", "To the trash: ")] {
        let home = shared();
        home.run(&["rm", "mail"]).ok();
        home.run_on("phone", &["edit", "mail", "-g"], "").ok();
        home.meet("phone");
        let shown = home.run(&["show", "mail"]).ok().out;
        assert!(
            shown.contains("deleted on one device, changed on another")
                && shown.contains("changed apart: life."),
            "{shown}"
        );
        let open = home.run(&["--json", "conflicts"]).ok().json();
        let life = &open["conflicts"][0];
        assert_eq!(
            (&life["field"], &life["kind"]),
            (&"life".into(), &"life".into())
        );
        assert_eq!(
            (&life["values"][0]["value"], &life["values"][0]["device"]),
            (&"kept".into(), &"phone".into())
        );
        assert_eq!(
            (&life["values"][1]["value"], &life["values"][1]["device"]),
            (&"trash".into(), &"laptop".into())
        );
        home.run(&["resolve", "mail", "life", "--take", number])
            .ok()
            .says(said);
        assert_eq!(home.ls(), listed);
        home.run(&["conflicts"]).ok().says("No conflicts.");
    }
}

#[test]
fn fields_that_a_name_does_not_tell_apart_are_named_by_id() {
    let home = shared();
    let set = |value: &str| [format!("hint={value}"), format!("Hint={value}")];
    let edit = |value: &str, device: Option<&str>| {
        let [one, other] = set(value);
        let args = ["edit", "mail", "--field", &one, "--field", &other];
        match device {
            Some(device) => home.run_on(device, &args, "").ok(),
            None => home.run(&args).ok(),
        };
    };
    edit("0", None);
    home.meet("phone");
    edit("1", None);
    edit("2", Some("phone"));
    home.meet("phone");
    let open = home.run(&["--json", "conflicts"]).ok().json();
    let id = open["conflicts"][0]["id"].as_str().unwrap().to_owned();
    let name = open["conflicts"][0]["field"].as_str().unwrap().to_owned();
    home.run(&["resolve", "mail", "HINT", "--take", "1"])
        .exits(4)
        .says(&format!("{name}  id:{id}"));
    home.run(&["resolve", "mail", &format!("id:{id}"), "--take", "2"])
        .ok()
        .says(&format!("{name} of work/mail"));
    home.run(&["resolve", "mail", "HINT", "--take", "2"]).ok();
    home.run(&["conflicts"]).ok().says("No conflicts.");
    home.run(&["get", "mail", "Hint"]).ok().prints("1");
}

#[test]
fn a_title_that_was_changed_apart_shows_both_ways() {
    let home = shared();
    home.run(&["mv", "mail", "a"]).ok();
    home.run_on("phone", &["mv", "mail", "b"], "").ok();
    home.meet("phone");
    let shown = home.run(&["show", "b"]).ok().out;
    assert!(
        shown.contains("title (1 of 2, ") && shown.contains("): a"),
        "{shown}"
    );
    home.run(&["resolve", "b", "title", "--take", "2"]).ok();
    assert_eq!(home.ls(), "a\n");
}

#[test]
fn a_value_that_another_device_sealed_stays_masked_under_a_plain_one() {
    let home = shared();
    home.run(&["edit", "mail", "--field", "hint=plain"]).ok();
    home.meet("phone");
    home.run_on(
        "phone",
        &["edit", "mail", "--json-stdin"],
        r#"{"hint": {"kind": "secret", "value": "sealed"}}"#,
    )
    .ok();
    home.run(&["edit", "mail", "--field", "hint=plainer"]).ok();
    home.meet("phone");
    for args in [
        &["show", "mail"][..],
        &["--json", "show", "mail"],
        &["conflicts"],
        &["--json", "conflicts"],
    ] {
        let text = home.run(args).ok().out;
        assert!(
            text.contains("plainer") && !text.contains("sealed"),
            "{text}"
        );
    }
    let open = home.run(&["conflicts", "--reveal"]).ok().out;
    assert!(
        open.contains("sealed") && open.contains("plainer"),
        "{open}"
    );
}

#[test]
fn names_of_a_hostile_vault_command_no_terminal() {
    let home = shared();
    let name = "x\u{1b}[2J";
    home.run(&["edit", "mail", "--field", &format!("{name}=0")])
        .ok();
    home.meet("phone");
    home.run(&["edit", "mail", "--field", &format!("{name}=1\u{7}")])
        .ok();
    home.run_on(
        "phone",
        &["edit", "mail", "--field", &format!("{name}=2\u{202e}")],
        "",
    )
    .ok();
    home.meet("phone");
    home.run(&["devices", "rename", "phone", "\u{1b}]0;phone\u{7}"])
        .ok();
    for args in [
        &["conflicts"][..],
        &["show", "mail"],
        &["resolve", "mail", name, "--take", "9"],
        &["resolve", "mail", name, "--take", "1"],
    ] {
        let ran = home.run(args);
        for text in [&ran.out, &ran.err] {
            assert!(
                !text.contains(['\u{1b}', '\u{7}', '\u{202e}']),
                "{args:?}: {text}"
            );
        }
    }
    home.run(&["conflicts"]).ok().says("No conflicts.");
}
