//! Where a device stands, and files of the vault that come from elsewhere: `status`, `sync`, `merge`, `review`.

use crate::program::{FLOOR, Home, keys};

const CONFLICT_COPY: &str = "vault.sync-conflict-20261125-070000-ABCDEFG.keyfold";

/// A vault on this device, which is called laptop, and on a phone; each added an item apart.
fn apart() -> Home {
    let home = Home::empty();
    home.write("config.toml", "device = \"laptop\"\n");
    let mut args = vec!["init"];
    args.extend(FLOOR);
    home.run(&args).ok();
    home.run_on("phone", &["ls"], "").ok();
    home.run_on("phone", &["add", "from phone", "--secret-stdin"], "p")
        .ok();
    home.add("from laptop", "l", &[]);
    home
}

/// The vault on the phone gets a new key and the password `other password`.
fn rekey_on_phone(home: &Home) {
    home.write("other", "other password\n");
    let mut args = vec!["rekey", "--yes", "--new-password-file", "other"];
    args.extend(FLOOR);
    home.run_on("phone", &args, "").ok();
}

#[test]
fn a_conflict_copy_is_taken_in_on_sight_and_told_on_one_line() {
    let home = apart();
    std::fs::copy(home.vault_of("phone"), home.path(CONFLICT_COPY)).unwrap();
    let ran = home.run(&["sync"]).ok();
    assert_eq!(
        ran.err,
        "Merged 1 change from the drive; took in 1 conflict copy.\n"
    );
    assert!(!home.path(CONFLICT_COPY).exists());
    home.run(&["ls"]).ok().prints("from laptop\nfrom phone\n");
    home.run(&["sync"]).ok().says("Everything is in step.");
}

#[test]
fn sync_as_json_has_it_all() {
    let home = apart();
    std::fs::copy(home.vault_of("phone"), home.path(CONFLICT_COPY)).unwrap();
    let synced = home.run(&["--json", "sync"]).ok().json();
    assert_eq!(
        keys(&synced),
        [
            "copies", "merged", "notices", "pending", "put_back", "schema"
        ]
    );
    assert_eq!(
        (&synced["merged"], &synced["copies"]),
        (&1.into(), &1.into())
    );
    assert_eq!(synced["pending"], 0);
}

#[test]
fn status_tells_where_this_device_stands() {
    let home = apart();
    home.meet("phone");
    home.run(&["ls"]).ok();
    let status = home.run(&["--json", "status"]).ok().json();
    assert_eq!(
        keys(&status),
        [
            "backup",
            "conflicts",
            "devices",
            "events",
            "file",
            "file_bytes",
            "file_reason",
            "gaps",
            "generation",
            "pending",
            "records",
            "reviews",
            "schema",
            "vault"
        ]
    );
    assert_eq!(status["file"], "complete");
    assert_eq!(status["vault"], home.arg("vault.keyfold"));
    let names: Vec<&str> = status["devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["laptop", "phone"]);
    let text = home.run(&["status"]).ok().out;
    assert!(text.contains("file        holds everything"), "{text}");
    assert!(text.contains("laptop (this device)"), "{text}");
    assert!(text.contains("merged 1 change from the drive"), "{text}");
}

#[test]
fn what_waits_for_a_drive_that_is_away_is_told_and_delivered() {
    let home = apart();
    let there = std::fs::read(home.vault()).unwrap();
    std::fs::write(home.vault(), b"").unwrap();
    let waiting = home
        .run_with(&["add", "offline", "--secret-stdin"], "o")
        .ok();
    waiting.says("The vault file cannot be used: the file is empty");
    let status = home.run(&["--json", "status"]).ok().json();
    assert_eq!(
        (&status["file"], &status["pending"]),
        (&"unusable".into(), &1.into())
    );
    std::fs::write(home.vault(), there).unwrap();
    home.run(&["ls"]).ok().prints("from laptop\noffline\n");
    let status = home.run(&["--json", "status"]).ok().json();
    assert_eq!(
        (&status["file"], &status["pending"]),
        (&"complete".into(), &0.into())
    );
}

#[test]
fn something_else_at_the_path_is_replaced_only_when_told_so_and_kept() {
    let home = apart();
    std::fs::write(home.vault(), [7; 5000]).unwrap();
    home.run(&["ls"]).ok().says("the file is not a vault");
    home.run(&["sync"]).ok().says("the file is not a vault");
    assert_eq!(std::fs::read(home.vault()).unwrap(), [7; 5000]);
    home.run(&["sync", "--replace"])
        .ok()
        .says("The vault lies at its path again");
    home.run(&["ls"]).ok().prints("from laptop\n");
    assert!(
        home.run(&["check"])
            .ok()
            .out
            .contains("everything is whole")
    );
    home.run(&["sync", "--replace"])
        .exits(1)
        .says("there is nothing to replace");
}

#[test]
fn merge_shows_what_it_would_change_and_takes_it_in() {
    let home = apart();
    let phone = home.vault_of("phone");
    let file = phone.to_str().unwrap();
    let shown = home.run(&["merge", file, "--dry-run"]).ok();
    assert_eq!(shown.out, "Would merge 1 change to 1 item\n");
    shown.says("from phone: new");
    home.run(&["ls"]).ok().prints("from laptop\n");
    let done = home.run(&["--json", "merge", file]).ok().json();
    assert_eq!(
        keys(&done),
        [
            "damaged", "dry_run", "items", "key", "records", "refused", "schema"
        ]
    );
    assert_eq!(done["items"][0]["path"], "from phone");
    home.run(&["merge", file])
        .ok()
        .prints("It holds nothing that is not here\n");
    home.run(&["get", "from phone"]).ok().prints("p");
    home.run(&["merge", "password"]).exits(7);
    home.run(&["merge", "nothing"])
        .exits(1)
        .says("there is no such file");
}

#[test]
fn a_device_that_was_away_during_a_rekey_is_told_and_goes_on_with_the_new_password() {
    let home = apart();
    rekey_on_phone(&home);
    std::fs::copy(home.vault_of("phone"), home.vault()).unwrap();
    home.run(&["ls"])
        .ok()
        .says("open it once with the new password")
        .prints("from laptop\n");
    home.write("password", "other password\n");
    home.run(&["ls"])
        .ok()
        .says("1 change of its own came along")
        .prints("from laptop\nfrom phone\n");
    home.run(&["get", "from laptop"]).ok().prints("l");
    home.run(&["status"]).ok();
}

#[test]
fn a_file_that_was_rekeyed_apart_is_merged_by_its_own_password_and_the_own_one_counts() {
    let home = apart();
    rekey_on_phone(&home);
    home.write("mine", "my new password\n");
    let mut args = vec!["rekey", "--yes", "--new-password-file", "mine"];
    args.extend(FLOOR);
    home.run(&args).ok();
    home.write("password", "my new password\n");
    let phone = home.vault_of("phone");
    let file = phone.to_str().unwrap();
    home.run(&["--no-input", "merge", file])
        .exits(5)
        .says("--source-password-file");
    let with = ["merge", file, "--source-password-file", "other"];
    home.run(&with)
        .exits(1)
        .says("apart from this vault's")
        .says("--yes");
    home.run(&["ls"]).ok().prints("from laptop\n");
    home.run(&[&with[..], &["--yes"]].concat())
        .ok()
        .prints("Merged 2 changes to 1 item\n");
    home.run(&["get", "from phone"]).ok().prints("p");
    let slots = home.run(&["--json", "slots", "list"]).ok().json();
    assert_eq!(slots["slots"].as_array().unwrap().len(), 1);
}

#[test]
fn what_a_former_key_brings_is_reviewed() {
    let home = apart();
    let offline = std::fs::read(home.vault_of("phone")).unwrap();
    home.write("mine", "my new password\n");
    let mut args = vec!["rekey", "--yes", "--new-password-file", "mine"];
    args.extend(FLOOR);
    home.run(&args).ok();
    home.write("password", "my new password\n");
    std::fs::write(home.vault(), &offline).unwrap();
    home.run(&["ls"])
        .ok()
        .says("keyfold review shows them")
        .prints("from laptop\n");
    let listed = home.run(&["--json", "review"]).ok().json();
    assert_eq!(listed["reviews"][0]["items"][0], "from phone");
    let name = listed["reviews"][0]["name"].as_str().unwrap().to_owned();
    home.run(&["review"]).ok().says("from phone: new");
    home.run(&["review", "take", "nonsense"]).exits(3);
    home.run(&["review", "take", &name])
        .ok()
        .prints("Merged 1 change to 1 item\n");
    home.run(&["review"]).ok().says("Nothing waits for review.");
    home.run(&["ls"]).ok().prints("from laptop\nfrom phone\n");
}

/// What comes can be undone, what is erased cannot: nothing from under a former key erases unseen.
#[test]
fn a_review_that_erases_is_taken_only_by_a_word_more() {
    let home = apart();
    home.meet("phone");
    home.run_on("phone", &["purge", "from laptop", "--yes"], "")
        .ok();
    let offline = std::fs::read(home.vault_of("phone")).unwrap();
    home.write("mine", "my new password\n");
    let mut args = vec!["rekey", "--yes", "--new-password-file", "mine"];
    args.extend(FLOOR);
    home.run(&args).ok();
    home.write("password", "my new password\n");
    std::fs::write(home.vault(), &offline).unwrap();
    home.run(&["ls"]).ok().prints("from laptop\nfrom phone\n");
    let listed = home.run(&["--json", "review"]).ok().json();
    let name = listed["reviews"][0]["name"].as_str().unwrap().to_owned();
    home.run(&["review"]).ok().says("from laptop: erases");
    home.run(&["--no-input", "review", "take", &name])
        .exits(1)
        .says("from laptop: erases")
        .says("--yes");
    home.run(&["get", "from laptop"]).ok().prints("l");
    home.run(&["review", "take", &name, "--yes"]).ok();
    home.run(&["ls"]).ok().prints("from phone\n");
}

#[test]
fn a_password_that_was_closed_on_another_device_is_refused_with_date_and_device() {
    let home = apart();
    home.write("other", "other password\n");
    let mut args = vec!["passwd", "--new-password-file", "other"];
    args.extend(FLOOR);
    home.run_on("phone", &args, "").ok();
    std::fs::copy(home.vault_of("phone"), home.vault()).unwrap();
    home.run(&["ls"])
        .exits(5)
        .says("that way in was closed on 20")
        .says(" on phone")
        .says("use the newer password");
    home.write("password", "other password\n");
    home.run(&["ls"]).ok().prints("from laptop\nfrom phone\n");
}

/// Passwords changed apart leave two, and say so; once on each device.
#[test]
fn passwords_that_were_changed_apart_are_told_in_words() {
    let home = apart();
    home.write("other", "other password\n");
    home.write("mine", "my new password\n");
    for (device, file) in [(None, "mine"), (Some("phone"), "other")] {
        let mut args = vec!["passwd", "--new-password-file", file];
        args.extend(FLOOR);
        match device {
            Some(device) => home.run_on(device, &args, "").ok(),
            None => home.run(&args).ok(),
        };
    }
    std::fs::copy(home.vault_of("phone"), home.path(CONFLICT_COPY)).unwrap();
    home.write("password", "my new password\n");
    let told = "Passwords were changed on devices that did not know of each other: 2 ways in";
    home.run(&["ls"]).ok().says(told);
    let again = home.run(&["ls"]).ok();
    assert!(!again.err.contains(told), "{}", again.err);
    home.write("password", "other password\n");
    home.run(&["ls"]).ok().prints("from laptop\nfrom phone\n");
    let status = home.run(&["status"]).ok().out;
    assert!(status.contains("changed apart are all good"), "{status}");
}
