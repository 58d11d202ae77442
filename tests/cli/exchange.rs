//! Import and export through the program.

use crate::program::{FLOOR, Home, mode};

const CHROME: &str = "name,url,username,password,note\n\
    GitHub,https://github.com/login,octo,hunter2,work\n\
    Shop,https://shop.example,me,pass\"\"word,\n";

#[test]
fn an_import_accounts_for_everything_it_read() {
    let home = Home::new();
    home.write("chrome.csv", CHROME);
    let rehearsed = home
        .run(&["--json", "import", "--dry-run", "chrome.csv"])
        .ok()
        .json();
    assert_eq!(
        (&rehearsed["created"], &rehearsed["read"]),
        (&2.into(), &2.into()),
        "{rehearsed}"
    );
    assert_eq!(home.ls(), "");
    let ledger = home
        .run(&["--json", "import", "chrome.csv", "--into", "web"])
        .ok()
        .json();
    let count = |name: &str| ledger[name].as_u64().unwrap();
    assert_eq!(
        count("read"),
        count("created") + count("updated") + count("identical") + count("skipped")
    );
    assert!(ledger["entries"].is_array());
    assert_eq!(home.ls(), "web/GitHub\nweb/Shop\n");
    home.run(&["get", "web/GitHub"]).ok().prints("hunter2");
    let again = home
        .run(&["--json", "import", "chrome.csv", "--into", "web"])
        .ok()
        .json();
    assert_eq!(again["identical"], 2, "{again}");
    home.run(&["undo"]).ok();
    assert_eq!(home.ls(), "", "one import is one change");
}

#[test]
fn what_cannot_be_imported_is_refused_as_a_whole() {
    let home = Home::new();
    home.write("odd.csv", "name,password\n\"open,x\n");
    home.run(&["import", "odd.csv"])
        .exits(1)
        .says("nothing was imported");
    home.run(&["import", "gone.csv"]).exits(1).says("gone.csv");
    home.run(&["import", "odd.csv", "--format", "nonsense"])
        .exits(2)
        .says("formats:");
    home.run(&["import"]).exits(2);
    assert_eq!(home.ls(), "");
}

#[test]
fn an_export_goes_back_in_with_its_history() {
    let home = Home::new();
    home.add("work/mail", "one", &["-u", "me", "--tag", "t"]);
    home.run_with(&["edit", "work/mail", "--secret-stdin"], "two")
        .ok();
    home.add("home/wifi", "x", &["--kind", "wifi"]);
    home.run(&["export", "-o", "all.json"])
        .ok()
        .says("in clear");
    assert_eq!(mode(&home.path("all.json")), 0o600);
    home.run(&["export", "-o", "all.json"])
        .exits(1)
        .says("all.json");
    home.run(&["export", "--format", "nonsense"]).exits(2);
    let part = home.run(&["export", "--folder", "work"]).ok().json();
    assert_eq!(part["items"].as_array().unwrap().len(), 1);
    let other = ["--vault", "second.keyfold"];
    home.run(&[&other[..], &["init"], &FLOOR].concat()).ok();
    home.run(&[&other[..], &["import", "all.json"]].concat())
        .ok();
    let one = home.run(&["export"]).ok().json();
    let two = home.run(&[&other[..], &["export"]].concat()).ok().json();
    assert_eq!(one["items"], two["items"]);
    home.bare(&["export"], "").exits(5);
}

#[test]
fn the_ledger_has_the_published_shape_and_no_value_in_it() {
    let home = Home::new();
    home.write("some.csv", "title,password\na,s3cr3t\n,\n");
    let ran = home.run(&["import", "some.csv", "--json"]).ok();
    let json = ran.json();
    for name in ["read", "created", "updated", "identical", "skipped"] {
        assert!(
            json[name].is_u64() && json["fields"][name].is_u64(),
            "{json}"
        );
    }
    let entry = &json["entries"][0];
    assert_eq!(entry["row"], 1);
    assert_eq!(entry["item"], "a");
    assert_eq!(entry["outcome"], "created");
    assert!(entry["reason"].is_null() && entry["field"].is_string());
    assert_eq!(json["skipped"], 1);
    assert!(!json.to_string().contains("s3cr3t"));
}
