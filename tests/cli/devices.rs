//! Devices: listed, renamed, retired.

use crate::program::{Home, PASSWORD, keys};
use keyfold::crypto::kdf::PlainMemory;
use keyfold::model::draft::Draft;
use keyfold::model::moment::Moment;
use keyfold::secret::Secret;
use keyfold::storage::RealStorage;
use keyfold::vault::{Credential, Places, locate};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::Arc;

/// A vault on this device, which is called laptop, and on a phone, which added an item.
fn shared() -> Home {
    let home = Home::empty();
    home.write("config.toml", "device = \"laptop\"\n");
    let mut args = vec!["init"];
    args.extend(crate::program::FLOOR);
    home.run(&args).ok();
    home.add("mail", "hunter2", &[]);
    home.run_on("phone", &["add", "from phone", "-g"], "").ok();
    home.meet("phone");
    home
}

#[test]
fn every_device_is_listed_and_this_one_is_marked() {
    let home = shared();
    let listed = home.run(&["--json", "devices"]).ok().json();
    assert_eq!(keys(&listed), ["devices", "schema"]);
    let devices = listed["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 2);
    assert_eq!(
        keys(&devices[0]),
        [
            "ahead",
            "behind",
            "clock_ahead_secs",
            "clock_behind_secs",
            "id",
            "last_change",
            "name",
            "records",
            "retired",
            "this_device"
        ]
    );
    assert_eq!(
        (&devices[0]["name"], &devices[0]["this_device"]),
        (&"phone".into(), &false.into())
    );
    assert_eq!(
        (&devices[1]["name"], &devices[1]["this_device"]),
        (&"laptop".into(), &true.into())
    );
    assert_eq!(
        (
            &devices[0]["records"],
            &devices[0]["behind"],
            &devices[0]["ahead"]
        ),
        (&1.into(), &0.into(), &0.into())
    );
    let text = home.run(&["devices"]).ok().out;
    assert!(
        text.contains("this device") && text.contains("phone"),
        "{text}"
    );
    assert_eq!(home.run(&["devices", "list"]).ok().out, text);
}

#[test]
fn a_device_is_renamed_by_name_or_id_and_history_tells_the_new_name() {
    let home = shared();
    home.run_on("phone", &["edit", "mail", "-g"], "").ok();
    home.run_on("phone", &["edit", "mail", "-g"], "").ok();
    home.meet("phone");
    home.run(&["devices", "rename", "phone", "old phone"])
        .ok()
        .says("phone is called old phone now");
    let history = home.run(&["history", "mail"]).ok().out;
    assert!(history.contains("old phone"), "{history}");
    let listed = home.run(&["--json", "devices"]).ok().json();
    let phone = listed["devices"].as_array().unwrap().iter();
    let phone = phone.clone().find(|device| device["name"] == "old phone");
    let id = phone.unwrap()["id"].as_str().unwrap().to_owned();
    home.run(&["devices", "rename", &id[..8], "pocket"]).ok();
    home.run(&["devices", "rename", &format!("id:{id}"), "laptop"])
        .ok()
        .says("pocket is called laptop now");
    home.run(&["devices", "rename", "laptop", "x"])
        .exits(4)
        .says(&format!("id:{}", &id[..8]));
    home.run(&["devices", "rename", "nobody", "x"])
        .exits(3)
        .says("keyfold devices lists them");
    home.run(&["devices", "rename", "laptop", " "])
        .exits(2)
        .says("devices retire");
}

#[test]
fn a_retired_device_is_listed_as_such_until_it_writes_again() {
    let home = shared();
    home.run(&["devices", "retire", "phone"])
        .ok()
        .says("phone is retired");
    home.run(&["devices", "retire", "phone"])
        .ok()
        .says("retired already");
    let retired = |home: &Home| {
        let listed = home.run(&["--json", "devices"]).ok().json();
        let devices = listed["devices"].as_array().unwrap().clone();
        let phone = devices.into_iter().find(|device| device["name"] == "phone");
        phone.unwrap()["retired"].as_bool().unwrap()
    };
    assert!(retired(&home));
    assert!(home.run(&["devices"]).ok().out.contains("retired"));
    home.meet("phone");
    home.run_on("phone", &["add", "again", "-g"], "").ok();
    home.meet("phone");
    assert!(!retired(&home));
    home.run(&["devices", "retire", "laptop"])
        .ok()
        .says("its next change brings it back");
}

#[test]
fn what_a_device_is_called_commands_no_terminal() {
    let home = shared();
    home.run(&[
        "devices",
        "rename",
        "phone",
        "a\u{1b}]52;c;x\u{7}\nb\u{202e}",
    ])
    .ok();
    let listed = home.run(&["devices"]).ok();
    let named = home
        .run(&["devices", "retire", "a\u{1b}]52;c;x\u{7}\nb\u{202e}"])
        .ok();
    for text in [&listed.out, &listed.err, &named.err] {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text}");
    }
    assert_eq!(named.err.lines().count(), 1, "{}", named.err);
}

/// Attack A34, as a person sees it.
#[test]
fn a_device_whose_clock_says_2099_is_told_by_name() {
    let home = shared();
    let places = Places {
        vault_file: home.vault(),
        state_folder: home.path("far-state"),
    };
    let password = Credential::Password {
        password: Secret::new(PASSWORD.to_owned()),
        key_file: None,
    };
    let far = Moment(4_070_908_800_000);
    let mut rng = StdRng::seed_from_u64(34);
    let located = locate(Arc::new(RealStorage), &places).unwrap();
    let (keys, slot) = located.unlock(&password, &mut PlainMemory).unwrap();
    let mut vault = located
        .open(keys, Some(slot), "tablet", far, &mut rng)
        .unwrap();
    let draft = Draft {
        title: "from 2099".to_owned(),
        ..Draft::default()
    };
    vault
        .update(far, &mut rng, |plan, rng| Ok(plan.add(draft, rng)))
        .unwrap();
    let listed = home.run(&["devices"]).ok().says("dated in the future");
    let line = listed.out.lines().find(|line| line.starts_with("tablet"));
    assert!(
        line.unwrap().contains("clock is ahead by "),
        "{}",
        listed.out
    );
    let rows = home.run(&["--json", "devices"]).ok().json();
    assert_eq!(rows["devices"][0]["name"], "tablet");
    assert!(rows["devices"][0]["clock_ahead_secs"].as_u64().unwrap() > 1_000_000_000);
    assert_eq!(
        rows["devices"][1]["clock_ahead_secs"],
        serde_json::Value::Null
    );
    assert_eq!(home.ls().lines().count(), 3);
}
