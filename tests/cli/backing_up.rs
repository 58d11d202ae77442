//! `backup` from the command line: places, timers, rules, exit codes, and the shapes of its JSON.

use crate::program::{FLOOR, Home, Ran, keys, mode};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A vault with an item and a file, and two folders for backups that the configuration names.
fn home() -> Home {
    let home = Home::new();
    home.add("mail", "first secret", &[]);
    fs::write(home.path("a.bin"), vec![7; 3_000_000]).unwrap();
    home.run(&["attach", "add", "mail", "a.bin"]).ok();
    for place in ["usb", "nas"] {
        fs::create_dir(home.path(place)).unwrap();
        let key = format!("backups.{place}");
        home.run(&["config", "set", &key, place]).ok();
    }
    home
}

fn files(home: &Home, folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.path(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn only(home: &Home, folder: &str) -> PathBuf {
    let files = files(home, folder);
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn targets(ran: &Ran) -> Vec<Value> {
    let report = ran.json();
    assert_eq!(keys(&report), ["dry_run", "schema", "targets", "vault"]);
    report["targets"].as_array().unwrap().clone()
}

#[test]
fn every_place_of_the_configuration_gets_a_private_backup_and_its_path_is_printed() {
    let home = home();
    let ran = home.run(&["backup"]).ok();
    let (usb, nas) = (only(&home, "usb"), only(&home, "nas"));
    assert_eq!(ran.out, format!("{}\n{}\n", text(&nas), text(&usb)));
    assert_eq!((mode(&usb), mode(&nas)), (0o600, 0o600));
    assert!(ran.err.contains("all of it read back and authenticated"));
    let listed = home.bare(&["backup", "ls"], "").ok().out;
    let mut listed: Vec<&str> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!(listed, [text(&nas), text(&usb)]);
    let listed = home.bare(&["backup", "ls", "--json"], "").ok().json();
    assert_eq!(keys(&listed), ["backups", "schema", "unreachable"]);
    let row = &listed["backups"][0];
    assert_eq!(
        keys(row),
        [
            "bytes",
            "file",
            "in_the_future",
            "made",
            "state",
            "verified"
        ]
    );
    assert_eq!(row["state"], "verified");
}

#[test]
fn a_place_that_is_not_there_fails_and_the_others_get_theirs() {
    let home = home();
    fs::remove_dir(home.path("usb")).unwrap();
    let ran = home.run(&["backup"]).exits(1);
    assert_eq!(ran.out, format!("{}\n", text(&only(&home, "nas"))));
    assert!(ran.err.contains("1 of 2 places"), "{}", ran.err);
    assert!(
        ran.err.contains("there is no such file or folder"),
        "{}",
        ran.err
    );
    assert!(!home.path("usb").exists(), "a folder is never made");
    let rows = targets(&home.run(&["backup", "--json"]).exits(1));
    assert_eq!(
        keys(&rows[0]),
        [
            "bytes",
            "error",
            "file",
            "folder",
            "kept_because",
            "made",
            "missing_pieces",
            "name",
            "outcome",
            "pieces",
            "records",
            "removed"
        ]
    );
    let outcomes: Vec<&str> = rows
        .iter()
        .map(|row| row["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["made", "failed"]);
    std::os::unix::fs::symlink(home.path("nas"), home.path("link")).unwrap();
    let before = files(&home, "nas");
    home.run(&["backup", "--to", "./link"])
        .exits(1)
        .says("symbolic link");
    assert_eq!(files(&home, "nas"), before, "no link is followed");
    let report = home.bare(&["doctor"], "").ok();
    assert!(
        report.out.contains("a place for backups is not there"),
        "{}",
        report.out
    );
}

#[test]
fn a_timer_does_nothing_and_asks_nobody_while_the_newest_backup_is_young() {
    let home = home();
    let timer = ["--no-input", "--no-agent", "backup", "--if-older", "1d"];
    home.bare(&timer, "").exits(5);
    home.run(&["backup", "--if-older", "1d"]).ok();
    let quiet = home.bare(&timer, "").ok();
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
    let rows = targets(&home.bare(&[&timer[..], &["--json"]].concat(), "").ok());
    assert!(rows.iter().all(|row| row["outcome"] == "young"), "{rows:?}");
    // One that is not there any more, or is another file, is no backup.
    fs::remove_file(only(&home, "usb")).unwrap();
    let nas = only(&home, "nas");
    fs::write(&nas, vec![0; fs::read(&nas).unwrap().len()]).unwrap();
    let dry = [&timer[..], &["--dry-run"]].concat();
    let told = home.bare(&dry, "").ok();
    let due = |name| format!("would back up to {}\n", text(&home.path(name)));
    assert_eq!(told.out, format!("{}{}", due("nas"), due("usb")));
    home.run(&["backup", "--if-older", "1d"]).ok();
    assert_eq!(
        (files(&home, "usb").len(), files(&home, "nas").len()),
        (1, 2)
    );
    for wrong in ["soon", "1x", "0d"] {
        home.bare(&["backup", "--if-older", wrong], "").exits(2);
    }
}

#[test]
fn a_backup_of_the_future_keeps_no_timer_from_another() {
    let home = home();
    let made = home.run(&["backup", "--to", "usb"]).ok().out;
    let name = Path::new(made.trim())
        .file_name()
        .unwrap()
        .to_str()
        .unwrap();
    let time = name.split('.').nth(1).unwrap();
    let future = home
        .path("usb")
        .join(name.replace(time, "20990101T000000Z"));
    fs::rename(made.trim(), &future).unwrap();
    // By verifying it becomes one that this device knows.
    home.run(&["backup", "verify", "usb"])
        .exits(3)
        .says("is gone");
    let listed = home
        .bare(&["backup", "ls", "usb", "--json"], "")
        .ok()
        .json();
    assert_eq!(listed["backups"][0]["in_the_future"], true);
    let status = home.run(&["status", "--json"]).ok().json();
    assert_eq!(status["backup"], Value::Null, "it is no measure of age");
    let told = home.bare(&["doctor"], "").ok().out;
    assert!(told.contains("a backup is dated in the future"), "{told}");
    assert!(told.contains("no backup was made yet"), "{told}");
    home.run(&[
        "backup",
        "--to",
        "usb",
        "--if-older",
        "1d",
        "--keep-last",
        "1",
    ])
    .ok();
    assert_eq!(
        files(&home, "usb").len(),
        2,
        "neither kept back nor removed"
    );
}

#[test]
fn rules_remove_old_backups_after_a_new_one_and_a_failed_one_removes_nothing() {
    let home = home();
    let first = home.run(&["backup", "--to", "usb"]).ok().out;
    let second = home.run(&["backup", "--to", "usb"]).ok().out;
    assert_eq!(files(&home, "usb").len(), 2, "without a rule all stay");
    fs::write(home.path("usb/letter.txt"), "x").unwrap();
    home.run(&["config", "set", "backup_keep_last", "2"]).ok();
    let dry = home.bare(&["backup", "--to", "usb", "--dry-run"], "").ok();
    let name = |made: &str| {
        let path = Path::new(made.trim()).file_name().unwrap();
        path.to_str().unwrap().to_owned()
    };
    assert!(
        dry.err.contains(&format!("would remove {}", name(&first))),
        "{}",
        dry.err
    );
    let ran = home.run(&["backup", "--to", "usb", "--json"]).ok();
    assert_eq!(
        targets(&ran)[0]["removed"],
        serde_json::json!([name(&first)])
    );
    assert_eq!(files(&home, "usb").len(), 3);
    // An option takes the place of the configuration's rules.
    let ran = home
        .run(&["backup", "--to", "usb", "--keep-last", "9", "--json"])
        .ok();
    assert_eq!(targets(&ran)[0]["removed"], serde_json::json!([]));
    // No way to write there: nothing goes.
    let before = files(&home, "usb");
    let wrong = home.write("wrong", "not it\n");
    home.bare(
        &[
            "--password-file",
            text(&wrong),
            "backup",
            "--to",
            "usb",
            "--keep-last",
            "1",
        ],
        "",
    )
    .exits(5);
    assert_eq!(files(&home, "usb"), before);
    assert!(Path::new(second.trim()).exists());
    home.run(&["config", "set", "backup_keep_last", "none"])
        .ok();
    home.run(&["backup", "--to", "usb"])
        .exits(2)
        .says("is no count");
    home.run(&["backup", "--keep-last", "0"]).exits(2);
}

#[test]
fn verify_tells_damage_by_its_exit_code_and_what_is_gone_once() {
    let home = home();
    home.run(&["backup"]).ok();
    let usb = only(&home, "usb");
    let report = home.run(&["backup", "verify", "--json"]).ok().json();
    assert_eq!(
        keys(&report),
        ["backups", "gone", "ok", "schema", "unreachable"]
    );
    let rows = report["backups"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        keys(&rows[0]),
        [
            "behind",
            "bytes",
            "changed_since",
            "damage",
            "error",
            "file",
            "made",
            "missing_pieces",
            "news",
            "ok",
            "opens_with",
            "pieces",
            "records"
        ]
    );
    assert_eq!(
        (&rows[0]["ok"], &rows[0]["opens_with"]),
        (&true.into(), &"current".into())
    );
    let mut bytes = fs::read(&usb).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&usb, &bytes).unwrap();
    let ran = home.run(&["backup", "verify"]).exits(7);
    assert!(ran.err.contains("1 backup is not good"), "{}", ran.err);
    assert!(ran.err.contains("damaged in 1 place"), "{}", ran.err);
    assert!(
        ran.out.contains("whole"),
        "the other one is told: {}",
        ran.out
    );
    home.run(&["backup", "verify", text(&usb)]).exits(7);
    home.run(&["backup", "verify", "nas"]).ok();
    let report = home.run(&["backup", "verify", "--json"]).exits(7).json();
    assert_eq!(report["ok"], false);
    fs::remove_file(&usb).unwrap();
    assert!(
        home.bare(&["doctor"], "")
            .ok()
            .out
            .contains("a verified backup is gone")
    );
    // Where nothing is said, nobody is told.
    for _ in 0..2 {
        home.run(&["--quiet", "backup", "verify"]).exits(3);
    }
    home.run(&["backup", "verify"])
        .exits(3)
        .says("was verified once and is gone");
    let told = home.run(&["backup", "verify"]).ok();
    assert!(!told.err.contains("is gone"), "{}", told.err);
}

#[test]
fn an_unlocked_agent_backs_up_and_verifies_without_the_password_and_restoring_asks_for_it() {
    let home = home();
    home.run(&["unlock"]).ok();
    home.bare(&["backup", "--no-input"], "").ok();
    home.bare(&["backup", "verify", "--no-input"], "").ok();
    let usb = only(&home, "usb");
    home.bare(&["backup", "restore", text(&usb), "--no-input"], "")
        .exits(5);
    home.bare(&["backup", "drill", "--no-input"], "").exits(5);
    home.run(&["lock"]).ok();
    home.bare(&["backup", "--no-input"], "").exits(5);
}

#[test]
fn restoring_shows_what_it_would_bring_and_brings_it_and_loses_nothing_newer() {
    let home = home();
    let made = home.run(&["backup", "--to", "usb"]).ok().out;
    let backup = home.write("kept", "");
    fs::copy(made.trim(), &backup).unwrap();
    home.add("newer", "x", &[]);
    let none = home.run(&["backup", "restore", text(&backup)]).ok();
    assert!(
        none.out.contains("nothing that is not here"),
        "{}",
        none.out
    );
    // The device goes back to an earlier state: its vault lost what the backup has, and gained something.
    let fresh = Home::empty();
    let target = fresh.arg("vault.keyfold");
    let args = [
        "backup",
        "restore",
        text(&backup),
        "--replace-into",
        &target,
    ];
    fresh.run(&args).ok().prints(&format!("{target}\n"));
    assert_eq!(fresh.ls(), "mail\n");
    assert_eq!(mode(&fresh.vault()), 0o600);
    fresh.run(&args).exits(1).says("exists already");
    fresh.run(&["attach", "get", "mail", "--output", "-"]).ok();
    let newer = home.run(&["backup", "--to", "nas"]).ok().out;
    let newer = newer.trim();
    let dry = fresh
        .run(&["backup", "restore", newer, "--dry-run", "--json"])
        .ok()
        .json();
    assert_eq!(
        (&dry["dry_run"], &dry["records"]),
        (&true.into(), &1.into())
    );
    assert_eq!(dry["items"][0]["path"], "newer");
    assert_eq!(fresh.ls(), "mail\n");
    fresh.add("mine", "y", &[]);
    fresh
        .run(&["backup", "restore", newer, "--no-input"])
        .exits(1)
        .says("nothing was restored");
    fresh.run(&["backup", "restore", newer, "--yes"]).ok();
    assert_eq!(fresh.ls(), "mail\nmine\nnewer\n");
}

#[test]
fn another_vaults_backup_is_refused_and_a_backup_is_never_opened_as_a_vault() {
    let home = home();
    let made = home.run(&["backup", "--to", "usb"]).ok().out;
    let made = made.trim();
    let other = Home::new();
    other
        .run(&["backup", "restore", made, "--yes"])
        .exits(7)
        .says("another vault");
    other
        .run(&["backup", "verify", made])
        .exits(7)
        .says("another vault");
    other
        .run(&["backup", "drill", made])
        .exits(7)
        .says("another vault");
    let before = fs::read(made).unwrap();
    home.run(&["--vault", made, "ls"])
        .exits(1)
        .says("that is a backup");
    assert_eq!(fs::read(made).unwrap(), before);
    other.run(&["backup", "restore", "nowhere"]).exits(1);
    other
        .run(&["backup", "verify"])
        .exits(3)
        .says("no backup that is known");
    other.run(&["backup"]).exits(2).says("no place for backups");
}

#[test]
fn a_drill_proves_the_newest_backup_and_leaves_nothing() {
    let home = home();
    home.run(&["backup", "drill"]).exits(3);
    home.run(&["backup", "--to", "usb"]).ok();
    home.add("newer", "x", &[]);
    let states = |home: &Home| files(home, "state");
    let before = states(&home);
    let report = home.run(&["backup", "drill", "--json"]).ok().json();
    assert_eq!(
        keys(&report),
        [
            "behind",
            "erased_since",
            "file",
            "file_bytes",
            "files",
            "files_elsewhere",
            "items",
            "made",
            "news",
            "ok",
            "records",
            "schema",
            "secrets",
            "wrong",
            "wrong_count"
        ]
    );
    assert_eq!(report["ok"], true);
    assert_eq!((&report["items"], &report["files"]), (&1.into(), &1.into()));
    assert_eq!(
        (&report["file_bytes"], &report["behind"]),
        (&3_000_000.into(), &1.into())
    );
    assert_eq!(states(&home), before);
    let told = home.run(&["backup", "drill"]).ok();
    assert!(told.out.contains("all of it is the same"), "{}", told.out);
    // The password of its time is needed after a change.
    home.write("new", "another password\n");
    home.write("old", &fs::read_to_string(home.path("password")).unwrap());
    let passwd = ["passwd", "--new-password-file", "new"];
    home.run(&[&passwd[..], &FLOOR].concat())
        .ok()
        .says("password of their time only");
    home.write("password", "another password\n");
    let verified = home.run(&["backup", "verify"]).ok();
    assert!(
        verified.out.contains("password of its time only"),
        "{}",
        verified.out
    );
    home.run(&["backup", "drill"])
        .exits(5)
        .says("before the password was changed");
    home.run(&["backup", "drill", "--source-password-file", "old"])
        .ok();
    assert_eq!(states(&home), before);
    home.run(&["backup", "--to", "usb"]).ok();
    home.run(&["backup", "drill"]).ok();
    let bad = files(&home, "usb").pop().unwrap();
    let mut bytes = fs::read(&bad).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&bad, bytes).unwrap();
    home.run(&["backup", "drill", text(&bad)])
        .exits(7)
        .says("not good");
}

#[test]
fn a_backup_under_a_former_key_is_verified_and_merged_and_one_under_an_unknown_key_explained() {
    let home = home();
    let old = home.run(&["backup", "--to", "usb"]).ok().out;
    home.write("new", "another password\n");
    let rekey = ["rekey", "--yes", "--new-password-file", "new"];
    home.run(&[&rekey[..], &FLOOR].concat()).ok();
    home.write("password", "another password\n");
    let report = home.run(&["backup", "verify", "--json"]).ok().json();
    assert_eq!(report["backups"][0]["opens_with"], "former-key");
    home.run(&["backup", "restore", old.trim(), "--yes"]).ok();
    let new = home.run(&["backup", "--to", "usb"]).ok().out;
    // A device that knows nothing of the new key.
    let fresh = Home::empty();
    let args = [
        "backup",
        "restore",
        old.trim(),
        "--replace-into",
        "vault.keyfold",
    ];
    fresh.run(&args).ok();
    fresh
        .run(&["backup", "verify", new.trim()])
        .exits(5)
        .says("its own password opens it");
}

#[test]
fn status_tells_the_age_of_the_last_verified_backup() {
    let home = home();
    let status = home.run(&["status", "--json"]).ok().json();
    assert_eq!(status["backup"], Value::Null);
    assert!(
        home.run(&["status"])
            .ok()
            .out
            .contains("backup      none that is known")
    );
    home.run(&["backup", "--to", "usb"]).ok();
    let status = home.run(&["status", "--json"]).ok().json();
    let backup = &status["backup"];
    assert_eq!(
        keys(backup),
        [
            "age_secs",
            "file",
            "last_verified",
            "made",
            "target",
            "there"
        ]
    );
    assert_eq!(backup["target"], home.arg("usb"));
    assert!(backup["age_secs"].as_u64().unwrap() < 600);
    assert_eq!(backup["there"], true);
    fs::rename(home.path("usb"), home.path("away")).unwrap();
    let status = home.run(&["status", "--json"]).ok().json();
    assert_eq!(status["backup"]["there"], false);
    fs::rename(home.path("away"), home.path("usb")).unwrap();
    fs::remove_file(only(&home, "usb")).unwrap();
    let status = home.run(&["status", "--json"]).ok().json();
    assert_eq!(status["backup"], Value::Null, "what is gone is no backup");
}

#[test]
fn doctor_tells_of_old_missing_and_never_made_backups() {
    let home = Home::new();
    let found = |home: &Home| {
        let report = home.bare(&["doctor", "--json"], "").ok().json();
        let findings = report["findings"].as_array().unwrap().iter();
        let of_kind = findings.filter(|finding| finding["kind"] == "backup");
        let text = of_kind.map(|finding| {
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            format!("{}: {}", text("severity"), text("what"))
        });
        text.collect::<Vec<String>>()
    };
    assert!(found(&home)[0].starts_with("information: keyfold knows of no backup"));
    fs::create_dir(home.path("usb")).unwrap();
    home.run(&["config", "set", "backups.usb", "usb"]).ok();
    assert!(
        found(&home)[0].starts_with("advice: no backup was made yet"),
        "{:?}",
        found(&home)
    );
    let made = home.run(&["backup"]).ok().out;
    let told = found(&home);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("information: backups lie on the disk"),
        "{told:?}"
    );
    home.bare(&["doctor", "--fail-on", "backup"], "").ok();
    // Three weeks old, by its name.
    let name = Path::new(made.trim())
        .file_name()
        .unwrap()
        .to_str()
        .unwrap();
    let time = name.split('.').nth(1).unwrap();
    let old = home
        .path("usb")
        .join(name.replace(time, "20260101T000000Z"));
    fs::rename(made.trim(), &old).unwrap();
    home.run(&["backup", "verify"]).exits(3).says("is gone");
    let told = found(&home);
    let advice = told.iter().find(|line| line.starts_with("advice")).unwrap();
    assert!(
        advice.starts_with("advice: the newest verified backup was made"),
        "{told:?}"
    );
    home.bare(&["doctor", "--fail-on", "backup"], "").exits(9);
}

#[test]
fn what_is_printed_for_timers_runs_as_it_stands() {
    let home = Home::new();
    let odd = "it's a \"place\" with 5% $HOME";
    fs::create_dir(home.path(odd)).unwrap();
    home.run(&["config", "set", "backups.odd", odd]).ok();
    fs::rename(home.path("password"), home.path("pass word $x")).unwrap();
    let password = home.arg("pass word $x");
    let printed = home
        .bare(
            &["--password-file", &password, "backup", "schedule", "cron"],
            "",
        )
        .ok()
        .out;
    let line = printed.strip_prefix("17 * * * * ").unwrap().trim_end();
    // As cron hands it to the shell.
    let line = line.replace("\\%", "%");
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .env_clear()
        .env("PATH", "/nowhere")
        .env("HOME", home.path(""));
    shell.current_dir("/").args(["-c", &line]);
    crate::program::finish(shell, "").ok();
    let backups = files(&home, odd);
    assert_eq!(backups.len(), 1);
    let unit = home
        .bare(
            &[
                "--password-file",
                &password,
                "backup",
                "schedule",
                "systemd",
            ],
            "",
        )
        .ok()
        .out;
    assert!(unit.contains("\"--password-file\""), "{unit}");
    assert!(unit.contains("pass word $$x\""), "{unit}");
    assert!(unit.contains("OnCalendar=hourly\n"), "{unit}");
    home.bare(&["--password-file", "-", "backup", "schedule", "cron"], "")
        .exits(2);
}

/// The whole day of loss, as a user lives it.
#[test]
fn after_ransomware_a_replica_and_after_a_lost_device_a_backup_brings_all_of_it_back() {
    let home = home();
    let backup = home.run(&["backup", "--to", "usb"]).ok().out;
    let whole = |home: &Home| {
        home.run(&["get", "mail"]).ok().prints("first secret");
        home.run(&["attach", "get", "mail", "--output", "out"]).ok();
        let file = fs::read(home.path("out/a.bin")).unwrap();
        assert_eq!(file, vec![7; 3_000_000]);
        fs::remove_dir_all(home.path("out")).unwrap();
        fs::create_dir(home.path("out")).unwrap();
    };
    fs::create_dir(home.path("out")).unwrap();
    let noise: Vec<u8> = fs::read(home.vault())
        .unwrap()
        .iter()
        .map(|byte| byte ^ 0x5a)
        .collect();
    fs::write(home.vault(), &noise).unwrap();
    whole(&home);
    home.run(&["sync", "--replace"]).ok();
    // A device that has nothing of its own finds it all again.
    fs::remove_dir_all(home.path("state")).unwrap();
    whole(&home);
    // Now the drive is overwritten and the device is gone.
    fs::remove_dir_all(home.path("state")).unwrap();
    fs::write(home.vault(), &noise).unwrap();
    home.run(&["ls"])
        .exits(7)
        .says("keyfold backup restore FILE --replace-into PATH");
    fs::remove_file(home.vault()).unwrap();
    home.run(&["ls"]).exits(6);
    let vault = home.arg("vault.keyfold");
    home.run(&["backup", "restore", backup.trim(), "--replace-into", &vault])
        .ok();
    whole(&home);
}

#[test]
fn what_a_killed_drill_left_goes_at_the_next_one_and_with_the_vault() {
    let home = home();
    home.run(&["backup", "--to", "usb"]).ok();
    let left = home.path("state/drill-0123456789abcdef");
    let notes = home.path("state/drill-notes");
    fs::create_dir(&notes).unwrap();
    for command in [&["backup", "drill"][..], &["forget", "--yes"]] {
        fs::create_dir_all(left.join("state")).unwrap();
        fs::write(left.join("vault.keyfold"), "x").unwrap();
        home.run(command).ok();
        assert!(!left.exists(), "{command:?}");
        assert!(notes.exists());
    }
}

/// The newest backup leaves out what this device has lost: the one before may be all that is left of it.
#[test]
fn no_rule_removes_older_backups_while_pieces_are_missing() {
    let home = home();
    let first = home.run(&["backup", "--to", "usb"]).ok().out;
    let state = fs::read_dir(home.path("state")).unwrap();
    let replicas = state.map(|entry| entry.unwrap().path().join("replica"));
    let replica = replicas.into_iter().find(|path| path.exists()).unwrap();
    for path in [&replica, &home.vault()] {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    let pruning = ["backup", "--to", "usb", "--keep-last", "1"];
    let json = [&pruning[..], &["--json"]].concat();
    let row = targets(&home.run(&json).ok()).remove(0);
    assert!(row["missing_pieces"].as_u64().unwrap() > 0, "{row}");
    assert_eq!(row["removed"], serde_json::json!([]));
    assert_eq!(row["kept_because"], "missing_pieces");
    home.run(&pruning).ok().says("No older backup was removed");
    assert_eq!(files(&home, "usb").len(), 3);
    assert!(Path::new(first.trim()).exists());
}

#[test]
fn what_looks_gone_where_a_disk_is_not_mounted_is_known_again_when_it_is() {
    let home = home();
    let made = home.run(&["backup", "--to", "usb"]).ok().out;
    fs::rename(home.path("usb"), home.path("unmounted")).unwrap();
    fs::create_dir(home.path("usb")).unwrap();
    let report = home.run(&["backup", "verify", "--json"]).exits(3).json();
    assert_eq!(report["ok"], false);
    assert_eq!(report["gone"], serde_json::json!([made.trim()]));
    home.run(&["backup", "verify"])
        .exits(3)
        .says("no backup that is known");
    fs::remove_dir(home.path("usb")).unwrap();
    fs::rename(home.path("unmounted"), home.path("usb")).unwrap();
    let timer = ["backup", "--to", "usb", "--if-older", "1d"];
    assert_eq!(home.run(&timer).ok().out, "", "it is young");
    let pruning = ["backup", "--to", "usb", "--keep-last", "1"];
    home.run(&pruning).ok().says("removed");
    assert!(!Path::new(made.trim()).exists(), "made here, as before");
}
