//! What leaves the vault for other programs: selections, files, and what is told of it.

use crate::program::{FLOOR, Home, finish, keys, mode};

/// A home with something of several kinds.
fn stocked() -> Home {
    let home = Home::new();
    home.add("work/mail", "one", &["-u", "me", "--tag", "daily"]);
    home.run_with(&["edit", "work/mail", "--secret-stdin"], "two")
        .ok();
    home.add("work/vpn", "=cmd|' /C calc'!A1", &["--tag", "daily"]);
    home.add("flat/wifi", "x", &["--kind", "wifi"]);
    home
}

#[test]
fn every_selection_holds_for_every_format() {
    let home = stocked();
    for (selection, titles) in [
        (vec![], vec!["mail", "vpn", "wifi"]),
        (vec!["--folder", "work"], vec!["mail", "vpn"]),
        (vec!["--folder", "wor"], vec![]),
        (vec!["--kind", "wifi"], vec!["wifi"]),
        (vec!["--tag", "daily", "--query", "mail"], vec!["mail"]),
        (vec!["--tag", "daily", "--kind", "wifi"], vec![]),
    ] {
        let args = [&["export"][..], &selection].concat();
        let all = home.run(&args).ok().json();
        let paths = all["items"].as_array().unwrap().iter();
        let mut paths: Vec<&str> = paths.map(|item| item["path"].as_str().unwrap()).collect();
        paths.sort_by_key(|path| path.rsplit('/').next());
        let found: Vec<&str> = paths
            .iter()
            .map(|path| path.rsplit('/').next().unwrap())
            .collect();
        assert_eq!(found, titles, "{selection:?}");
        let table = home
            .run(&[&args[..], &["--format", "csv"]].concat())
            .ok()
            .out;
        let mut rows: Vec<&str> = table
            .lines()
            .skip(1)
            .map(|row| row.split(',').next().unwrap())
            .collect();
        rows.sort_unstable();
        assert_eq!(rows, titles, "{selection:?}");
    }
    home.run(&["export", "--kind", "nonsense"])
        .exits(2)
        .says("kinds:");
}

#[test]
fn a_table_goes_into_a_new_private_file_and_back_in() {
    let home = stocked();
    let ran = home
        .run(&["export", "--format", "csv", "-o", "all.csv"])
        .ok();
    ran.says("work/mail, password: left out: a former value of it")
        .says("Exported 3 items to all.csv, in clear")
        .prints("");
    assert_eq!(mode(&home.path("all.csv")), 0o600);
    home.run(&["export", "--format", "csv", "-o", "all.csv"])
        .exits(1);
    home.run(&["import", "all.csv", "--into", "again"]).ok();
    home.run(&["get", "again/work/vpn"])
        .ok()
        .prints("=cmd|' /C calc'!A1");
    home.run(&["get", "again/flat/wifi"]).ok().prints("x");
    let kinds = home.run(&["ls", "--kind", "wifi"]).ok().out;
    assert_eq!(kinds, "again/flat/wifi\nflat/wifi\n");
}

#[test]
fn a_table_for_a_spreadsheet_runs_nothing() {
    let home = stocked();
    let args = ["export", "--format", "csv", "--for-spreadsheet"];
    let ran = home
        .run(&args)
        .ok()
        .says("work/vpn, password: changed: it begins like a formula");
    assert!(ran.out.contains("\"'=cmd|' /C calc'!A1\""), "{}", ran.out);
    home.run(&["export", "--for-spreadsheet"])
        .exits(2)
        .says("--format csv");
}

#[test]
fn what_was_left_out_has_a_shape_for_scripts_and_no_value_in_it() {
    let home = stocked();
    let args = ["export", "--format", "csv", "-o", "all.csv", "--json"];
    let json = home.run(&args).ok().json();
    assert_eq!(
        keys(&json),
        ["entries", "file", "format", "items", "schema"]
    );
    assert_eq!(
        (&json["items"], &json["format"]),
        (&3.into(), &"csv".into())
    );
    let entry = &json["entries"][0];
    assert_eq!(keys(entry), ["field", "id", "item", "outcome", "reason"]);
    assert_eq!(entry["item"], "work/mail");
    assert_eq!(entry["field"], "password");
    assert_eq!(entry["outcome"], "left out");
    assert!(!json.to_string().contains("\"one\""));
    home.run(&["export", "--format", "csv", "--json"])
        .exits(2)
        .says("--output");
}

#[test]
fn a_very_long_title_is_cut_where_people_read_it_and_whole_for_scripts() {
    let home = Home::new();
    let title = "long ".repeat(40);
    let title = title.trim_end();
    home.add(title, "x", &[]);
    let args = ["export", "--format", "otpauth", "-o", "seeds"];
    let ran = home.run(&args).ok().says("long…: left out: it has no");
    assert!(!ran.err.contains(title), "{}", ran.err);
    let args = ["--json", "export", "--format", "otpauth", "-o", "more"];
    let json = home.run(&args).ok().json();
    assert_eq!(json["entries"][0]["item"], title);
}

#[test]
fn no_format_takes_anything_out_without_the_password() {
    let home = stocked();
    for format in [
        "keyfold",
        "csv",
        "bitwarden",
        "kdbx",
        "otpauth",
        "aegis",
        "age",
    ] {
        let args = ["--no-input", "export", "--format", format, "-o", "all"];
        home.bare(&args, "").exits(5);
        assert!(!home.path("all").exists());
    }
}

#[test]
fn a_database_goes_under_a_password_of_its_own() {
    let home = stocked();
    home.write("theirs", "another one\n");
    let args = ["export", "--format", "kdbx", "-o", "all.kdbx"];
    home.run(&args).exits(5).says("--export-password-file");
    let sealed = [&args[..], &["--export-password-file", "theirs"]].concat();
    home.run(&sealed)
        .ok()
        .says("Exported 3 items to all.kdbx, under its own password.");
    assert_eq!(mode(&home.path("all.kdbx")), 0o600);
    let import = [
        "import",
        "all.kdbx",
        "--into",
        "again",
        "--source-password-file",
    ];
    home.run(&[&import[..], &["password"]].concat()).exits(5);
    home.run(&[&import[..], &["theirs"]].concat()).ok();
    home.run(&["get", "again/work/mail"]).ok().prints("two");
    let plain = [
        "export",
        "--format",
        "csv",
        "--export-password-file",
        "theirs",
    ];
    home.run(&plain).exits(2);
}

#[test]
fn kinds_favourites_and_tags_come_back_once_and_a_second_import_changes_nothing() {
    let home = stocked();
    home.write(
        "star.csv",
        "title,username,password,favourite\nstar,me,p,yes\n",
    );
    home.run(&["import", "star.csv"]).ok();
    home.write("theirs", "another one\n");
    let sealed = ["--export-password-file", "theirs"];
    let opened = ["--source-password-file", "theirs"];
    for (format, options, credentials) in
        [("kdbx", &sealed[..], &opened[..]), ("bitwarden", &[], &[])]
    {
        let file = format!("all.{format}");
        let export = ["export", "--format", format, "-o", &file];
        home.run(&[&export[..], options].concat()).ok();
        let vault = format!("{format}.keyfold");
        let other = ["--vault", vault.as_str()];
        home.run(&[&other[..], &["init"], &FLOOR].concat()).ok();
        let import = [&other[..], &["--json", "import", &file], credentials].concat();
        let first = home.run(&import).ok().json();
        assert_eq!(first["created"], 4, "{format}: {first}");
        let list = |option: [&str; 2]| home.run(&[&other[..], &["ls"], &option].concat()).ok().out;
        assert_eq!(list(["--kind", "wifi"]), "flat/wifi\n", "{format}");
        assert_eq!(
            list(["--tag", "daily"]),
            "work/mail\nwork/vpn\n",
            "{format}"
        );
        let again = home.run(&import).ok().json();
        assert_eq!(again["identical"], 4, "{format}: {again}");
        let all = home.run(&[&other[..], &["export"]].concat()).ok().out;
        assert!(all.contains("\"favourite\"") && !all.contains("Favorite"));
    }
}

#[test]
fn an_authenticator_gets_seeds_and_is_told_of_items_without_one() {
    let home = stocked();
    let uri = "otpauth://totp/?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    home.run_with(&["otp", "add", "work/mail", "--otp-stdin"], uri)
        .ok();
    let list = home.run(&["export", "--format", "otpauth"]).ok();
    assert!(
        list.out
            .starts_with("otpauth://totp/mail:me?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&")
    );
    let list =
        list.says("2 items (flat/wifi, work/vpn): left out: it has no one-time password seed");
    list.says("tags: left out: an authenticator keeps seeds alone");
    home.run(&["export", "--format", "aegis", "-o", "aegis.json"])
        .ok()
        .says("Exported 1 one-time password seed to aegis.json, in clear");
    home.run(&["import", "aegis.json", "--into", "again"]).ok();
    let code = home.run(&["otp", "work/mail"]).ok().out;
    assert!(
        [code, home.run(&["otp", "work/mail"]).ok().out]
            .contains(&home.run(&["otp", "again/mail"]).ok().out)
    );
    let json = home
        .run(&["export", "--format", "aegis", "-o", "two.json", "--json"])
        .ok()
        .json();
    assert_eq!(json["items"], 1 + 1, "work/mail and its copy");
    let entries = json["entries"].as_array().unwrap();
    assert!(
        entries
            .iter()
            .any(|entry| entry["item"] == "work/vpn" && entry["field"].is_null())
    );
}

const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
const RECIPIENT: &str = "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef";

#[test]
fn a_file_of_age_brings_everything_into_another_vault() {
    let home = stocked();
    home.write("theirs", "another one\n");
    home.write("identity", &format!("# mine\n{IDENTITY}\n"));
    let export = ["export", "--format", "age", "-o"];
    let by_password = ["one.age", "--export-password-file", "theirs"];
    home.run(&[&export[..], &by_password].concat())
        .ok()
        .says("under its own password");
    let for_recipient = ["two.age", "--recipient", RECIPIENT];
    home.run(&[&export[..], &for_recipient].concat())
        .ok()
        .says("for its recipients alone");
    home.run(&[&export[..], &["three.age", "--recipient", "age1x"]].concat())
        .exits(2);
    home.run(&["export", "--recipient", RECIPIENT]).exits(2);
    let both = [&export[..], &for_recipient, &by_password[1..]].concat();
    home.run(&both).exits(2);
    let original = home.run(&["export"]).ok().json();
    for (file, option, path) in [
        ("one.age", "--source-password-file", "theirs"),
        ("two.age", "--source-key-file", "identity"),
    ] {
        let vault = format!("{file}.keyfold");
        let other = ["--vault", vault.as_str()];
        home.run(&[&other[..], &["init"], &FLOOR].concat()).ok();
        home.run(&[&other[..], &["import", file]].concat())
            .exits(if option.contains("key") { 1 } else { 5 });
        home.run(&[&other[..], &["import", file, option, path]].concat())
            .ok();
        let copied = home.run(&[&other[..], &["export"]].concat()).ok().json();
        assert_eq!(copied["items"], original["items"]);
    }
}

#[test]
#[ignore = "needs age"]
fn the_program_age_opens_what_was_exported_and_its_files_are_imported() {
    let home = stocked();
    home.write("identity", &format!("{IDENTITY}\n"));
    home.run(&[
        "export",
        "--format",
        "age",
        "-o",
        "ours.age",
        "--recipient",
        RECIPIENT,
    ])
    .ok();
    let age = |args: &[&str]| {
        let mut command = std::process::Command::new("age");
        home.enter(&mut command);
        command.args(args);
        finish(command, "").ok()
    };
    age(&["-d", "-i", "identity", "-o", "ours.json", "ours.age"]);
    let opened = std::fs::read_to_string(home.path("ours.json")).unwrap();
    assert_eq!(opened, home.run(&["export"]).ok().out);
    age(&["-r", RECIPIENT, "-o", "theirs.age", "ours.json"]);
    let args = [
        "--json",
        "import",
        "theirs.age",
        "--source-key-file",
        "identity",
    ];
    let ledger = home.run(&args).ok().json();
    assert_eq!(ledger["identical"], 3, "{ledger}");
}

#[test]
fn a_picture_of_a_seed_goes_into_a_new_private_file() {
    let home = stocked();
    let uri = "otpauth://totp/?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    home.run_with(&["otp", "add", "work/mail", "--otp-stdin"], uri)
        .ok();
    let args = ["otp", "qr", "work/mail", "--output", "seed.png"];
    home.run(&args).ok().says("in clear").prints("");
    assert_eq!(mode(&home.path("seed.png")), 0o600);
    home.run(&args).exits(1).says("seed.png");
    assert!(
        std::fs::read(home.path("seed.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
}

#[test]
#[ignore = "needs zbarimg"]
fn a_reader_of_pictures_finds_the_seed_in_one() {
    let home = stocked();
    let uri = "otpauth://totp/?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    home.run_with(&["otp", "add", "work/mail", "--otp-stdin"], uri)
        .ok();
    home.run(&["otp", "qr", "work/mail", "-o", "seed.png"]).ok();
    let mut command = std::process::Command::new("zbarimg");
    home.enter(&mut command);
    command.args(["-q", "--raw", "seed.png"]);
    let read = finish(command, "").ok().out;
    let written = home.run(&["otp", "uri", "work/mail"]).ok().out;
    assert_eq!(read, written);
}

/// A home whose item has two files.
fn with_files() -> Home {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    home.write("a.txt", "first");
    home.write("b.txt", &"second ".repeat(300_000));
    home.run(&["attach", "add", "mail", "a.txt", "b.txt"]).ok();
    home
}

#[test]
fn keyfold_s_own_document_has_the_files_and_brings_them_back_once() {
    let home = with_files();
    home.run(&["export", "-o", "all.json"]).ok();
    let text = std::fs::read_to_string(home.path("all.json")).unwrap();
    let mut init = vec!["init", "--vault", "other.keyfold"];
    init.extend(crate::program::FLOOR);
    home.run(&init).ok();
    let other = |args: &[&str]| home.run(&[&["--vault", "other.keyfold"], args].concat());
    let ledger = other(&["--json", "import", "all.json"]).ok().json();
    assert_eq!(ledger["created"], 1);
    other(&["attach", "get", "mail", "a.txt", "-o", "-"])
        .ok()
        .prints("first");
    let again = other(&["--json", "import", "all.json"]).ok().json();
    assert_eq!(again["identical"], 1);
    other(&["export", "-o", "again.json"]).ok();
    assert_eq!(
        std::fs::read_to_string(home.path("again.json")).unwrap(),
        text
    );
    home.run(&["export", "--no-files", "-o", "small.json"])
        .ok()
        .says("file a.txt")
        .says("as asked");
    let small = std::fs::read_to_string(home.path("small.json")).unwrap();
    assert!(!small.contains("\"files\"") && small.len() < 10_000);
    // A document that says of a file what cannot be is refused whole.
    let item = text.split("\"id\": \"").nth(1).unwrap();
    let item = &item[..32];
    let stray = text.replacen(
        &format!("\"item\": \"{item}\""),
        "\"item\": \"00000000000000000000000000000001\"",
        1,
    );
    home.write("stray.json", &stray);
    other(&["import", "stray.json"]).exits(1);
}

#[test]
fn a_database_of_keepass_takes_the_files_and_other_formats_say_that_they_do_not() {
    let home = with_files();
    home.write("kdbx-password", "another\n");
    home.run(&[
        "export",
        "--format",
        "kdbx",
        "--export-password-file",
        "kdbx-password",
        "-o",
        "all.kdbx",
    ])
    .ok();
    let ledger = home
        .run(&[
            "--json",
            "import",
            "all.kdbx",
            "--source-password-file",
            "kdbx-password",
            "--into",
            "back",
        ])
        .ok()
        .json();
    assert_eq!(ledger["created"], 1, "{ledger}");
    home.run(&["attach", "get", "back/mail", "a.txt", "-o", "-"])
        .ok()
        .prints("first");
    home.run(&["export", "--format", "bitwarden", "-o", "b.json"])
        .ok()
        .says("file a.txt");
}

/// Adds an item with a seed.
fn with_seed(home: &Home, name: &str) {
    home.run_with(
        &["add", name, "-u", "me", "--otp-stdin"],
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    )
    .ok();
}

#[test]
fn seeds_are_shown_as_codes_or_drawn_into_pictures() {
    let home = Home::new();
    with_seed(&home, "work/mail");
    with_seed(&home, "home/mail");
    home.add("plain", "x", &[]);
    let shown = home.run(&["export", "--format", "qr"]).ok();
    assert_eq!(shown.out.matches("mail me\n").count(), 2);
    assert!(shown.out.contains('█') && !shown.out.contains("GEZDGNBV"));
    shown.says("2 QR codes");
    std::fs::create_dir(home.path("codes")).unwrap();
    let args = ["--json", "export", "--format", "qr", "-o", "codes"];
    let drawn = home.run(&args).ok().json();
    assert_eq!(keys(&drawn), ["codes", "entries", "format", "schema"]);
    let files: Vec<&str> = drawn["codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code["file"].as_str().unwrap())
        .collect();
    assert_eq!(files, ["codes/mail me.png", "codes/mail me (2).png"]);
    // What was drawn is what an authenticator takes, and keyfold itself.
    let code = home.run(&["--json", "otp", "work/mail"]).ok().json();
    let other = Home::new();
    for file in files {
        assert_eq!(mode(&home.path(file)), 0o600);
        let picture = home.arg(file);
        other.run(&["import", &picture]).ok();
    }
    let again = other.run(&["--json", "otp", "mail"]).ok().json();
    assert!([&code["code"], &code["next"]].contains(&&again["code"]));
    // Never over a file, and then none of them stays.
    home.run(&["export", "--format", "qr", "-o", "codes"])
        .exits(1);
    assert_eq!(std::fs::read_dir(home.path("codes")).unwrap().count(), 2);
    home.run(&["export", "--format", "qr", "-o", "nowhere"])
        .exits(3);
    home.run(&["--json", "export", "--format", "qr"]).exits(2);
    home.run(&["export", "--format", "qr", "--for-spreadsheet"])
        .exits(2);
}

#[test]
fn files_lie_beside_an_export_and_come_back_with_it() {
    let home = Home::new();
    home.add("work/mail", "x", &[]);
    home.add("work/plain", "y", &[]);
    home.write("scan.pdf", "first scan");
    std::fs::create_dir(home.path("other")).unwrap();
    home.write("other/scan.pdf", "another scan");
    home.run(&["attach", "add", "work/mail", "scan.pdf"]).ok();
    home.run(&["attach", "add", "work/plain", "other/scan.pdf"])
        .ok();
    std::fs::create_dir(home.path("out")).unwrap();
    let args = ["export", "--files-beside", "-o", "out/all.json"];
    home.run(&args).ok();
    let text = std::fs::read_to_string(home.path("out/all.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(document.get("files").is_none());
    let elsewhere = document["elsewhere"].as_array().unwrap();
    assert_eq!(elsewhere.len(), 2);
    for file in elsewhere {
        let place = home.path("out").join(file["file"].as_str().unwrap());
        assert_eq!(mode(&place), 0o600);
        let length = std::fs::metadata(&place).unwrap().len();
        assert_eq!(file["length"], length);
    }
    // Never over anything.
    home.run(&args).exits(1).says("there already");
    let other = Home::new();
    let export = home.arg("out/all.json");
    other.run(&["import", &export]).ok();
    let back = other
        .run(&["attach", "get", "work/plain", "--output", "-"])
        .ok();
    back.prints("another scan");
    let again = other.run(&["--json", "import", &export]).ok().json();
    assert_eq!(
        (&again["created"], &again["updated"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn an_export_whose_files_are_missing_changed_or_elsewhere_is_refused_whole() {
    let home = Home::new();
    home.add("mail", "x", &[]);
    home.write("scan.pdf", "first scan");
    home.run(&["attach", "add", "mail", "scan.pdf"]).ok();
    home.run(&["export", "--files-beside", "-o", "all.json"])
        .ok();
    let text = std::fs::read_to_string(home.path("all.json")).unwrap();
    let refused = |what: &str| {
        let other = Home::new();
        let export = home.arg("all.json");
        other.run(&["import", &export]).exits(7).says(what);
        assert_eq!(other.ls(), "");
    };
    home.write("all-files/scan.pdf", "first scam");
    refused("not what the export says");
    home.write("all-files/scan.pdf", "first scan and more");
    refused("not as long");
    std::fs::remove_file(home.path("all-files/scan.pdf")).unwrap();
    refused("not there");
    home.write(
        "all.json",
        &text.replace("all-files/scan.pdf", "../scan.pdf"),
    );
    refused("no place beside");
    std::os::unix::fs::symlink(home.path("scan.pdf"), home.path("all-files/scan.pdf")).unwrap();
    home.write("all.json", &text);
    let other = Home::new();
    other.run(&["import", &home.arg("all.json")]).exits(1);
    assert_eq!(other.ls(), "");
}

#[test]
fn files_beside_go_with_one_format_and_a_file_of_its_own() {
    let home = Home::new();
    home.run(&["export", "--files-beside"]).exits(2);
    for format in ["csv", "kdbx", "age", "qr"] {
        let args = ["export", "--files-beside", "-o", "x", "--format", format];
        home.run(&args).exits(2);
    }
    // Without files there is no folder.
    home.add("mail", "x", &[]);
    home.run(&["export", "--files-beside", "-o", "all.json"])
        .ok();
    assert!(!home.path("all-files").exists());
}
