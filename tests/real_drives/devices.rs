//! Two devices, each with a state folder and a folder that a drive syncs, and what both do between two syncs.

use crate::real::Home;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What other devices wrote is put back only where the vault file has been still this long, so people wait too.
const STILL: Duration = Duration::from_millis(2200);
/// After so many looks on both devices everything must be as it stays.
const ROUNDS: u32 = 5;
/// How long any program may take for one thing that it was asked for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A program that makes two folders alike, as far as it can.
pub(crate) trait Carrier {
    /// Lets it work until it has nothing more to do.
    fn carry(&mut self);
}

/// Two devices with one vault, of which the second has seen nothing yet.
pub(crate) struct Devices {
    pub(crate) one: Home,
    pub(crate) other: Home,
    /// The file of the password that opens the vault now.
    pub(crate) password: &'static str,
}

impl Devices {
    /// One device has made a vault with a few items. Both folders hold other files too, as folders do.
    pub(crate) fn new() -> Self {
        let devices = Self {
            one: Home::with_vault(),
            other: Home::new(),
            password: "old",
        };
        for title in ["shared", "first", "second", "kept"] {
            devices.one.ok(&["add", title, "-u", "nobody", "-g"]);
        }
        for number in 0..8 {
            let name = format!("drive/unrelated-{number}.txt");
            std::fs::write(devices.one.path(&name), format!("{number}")).unwrap();
        }
        devices
    }

    pub(crate) fn both(&self) -> [&Home; 2] {
        [&self.one, &self.other]
    }

    pub(crate) fn folders(&self) -> [PathBuf; 2] {
        self.both().map(|home| home.path("drive"))
    }

    /// Each adds, edits and deletes, and both edit one item.
    pub(crate) fn write_apart(&self) {
        self.one.ok(&["add", "from/one", "-g"]);
        self.one.ok(&["edit", "shared", "-u", "ada"]);
        self.one.ok(&["rm", "first"]);
        self.other.ok(&["add", "from/other", "-g"]);
        self.other.ok(&["edit", "shared", "--tag", "daily"]);
        self.other.ok(&["rm", "second"]);
    }

    /// What both must show after [`Self::write_apart`].
    pub(crate) fn assert_both_have_what_was_written_apart(&self) {
        self.assert_both_list(&["kept", "shared", "from/one", "from/other"]);
        for home in self.both() {
            let shown = home.ok_with(self.password, &["show", "shared"]);
            assert!(shown.contains("ada") && shown.contains("daily"), "{shown}");
        }
    }

    /// Both list exactly these, and so does a device that has nothing but one of the vault files.
    pub(crate) fn assert_both_list(&self, paths: &[&str]) {
        for home in self.both() {
            let listed = home.ok_with(self.password, &["ls"]);
            assert_eq!(listed.lines().collect::<Vec<_>>(), paths);
            let fresh = home.export_of_fresh_device(self.password);
            assert_eq!(
                fresh.status.code(),
                Some(0),
                "{}",
                crate::real::told(&fresh)
            );
            let export: Value = serde_json::from_slice(&fresh.stdout).unwrap();
            assert_eq!(live_titles(&export).len(), paths.len(), "{export}");
        }
        let [one, other] = self
            .both()
            .map(|home| home.ok_with(self.password, &["export"]));
        let [one, other]: [Value; 2] =
            [&one, &other].map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(one["items"], other["items"]);
        for home in self.both() {
            let check = home.ok_with(self.password, &["--json", "check"]);
            let check: Value = serde_json::from_str(&check).unwrap();
            assert_eq!(check["ok"], true, "{check}");
        }
    }

    /// Files beside the vault that look as if they were made out of it.
    pub(crate) fn copies(&self) -> Vec<String> {
        let folders = self.folders();
        let names = folders.iter().flat_map(|folder| names_in(folder));
        names
            .filter(|name| name.contains("vault") && name != "vault.keyfold")
            .collect()
    }

    /// Both devices look at their vault between two runs of the drive, until nothing changes any more.
    #[track_caller]
    pub(crate) fn look_until_all_is_equal(&self, drive: &mut dyn Carrier) {
        for _ in 0..ROUNDS {
            drive.carry();
            self.both_look();
            drive.carry();
            if self.is_all_equal() {
                return;
            }
        }
        panic!("after {ROUNDS} rounds: {}", self.describe());
    }

    /// The same for a drive that takes two equal new files for a conflict: it runs after each look.
    #[track_caller]
    pub(crate) fn look_in_turn_until_all_is_equal(&self, drive: &mut dyn Carrier) {
        for _ in 0..ROUNDS {
            for home in self.both() {
                drive.carry();
                sleep(STILL);
                home.ok_with(self.password, &["ls"]);
            }
            drive.carry();
            if self.is_all_equal() {
                return;
            }
        }
        panic!("after {ROUNDS} rounds: {}", self.describe());
    }

    /// Both look when their vault file has been still.
    pub(crate) fn both_look(&self) {
        sleep(STILL);
        for home in self.both() {
            home.ok_with(self.password, &["ls"]);
        }
    }

    fn is_all_equal(&self) -> bool {
        let [one, other] = self
            .both()
            .map(|home| std::fs::read(home.vault_file()).ok());
        one.is_some() && one == other && self.copies().is_empty()
    }

    /// Once all is equal nobody writes, however often somebody looks.
    #[track_caller]
    pub(crate) fn assert_silence(&self, drive: &mut dyn Carrier) {
        let before = self.folders().map(|folder| contents(&folder));
        for _ in 0..2 {
            self.both_look();
            drive.carry();
        }
        let after = self.folders().map(|folder| contents(&folder));
        assert!(before == after, "{}", self.describe());
    }

    /// Names and lengths in both folders, for a test that fails.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::new();
        for home in self.both() {
            let folder = home.path("drive");
            text.push_str(&format!("\n{}\n", folder.display()));
            for (name, content) in contents(&folder) {
                text.push_str(&format!("  {:>8} {name}\n", content.len()));
            }
            let listed = home.keyfold_with(self.password, &["ls"]).output().unwrap();
            text.push_str(&String::from_utf8_lossy(&listed.stdout));
            text.push_str(&crate::real::told(&listed));
        }
        text
    }
}

/// Titles of what is not in the trash.
fn live_titles(export: &Value) -> Vec<String> {
    let items = export["items"].as_array().unwrap();
    let live = items.iter().filter(|item| item["trashed"] == false);
    live.map(|item| crate::real::value(item, "title")).collect()
}

/// Names of the files in a folder, sorted; what a program keeps there for itself is not among them.
pub(crate) fn names_in(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            ![".stfolder", ".syncthing."]
                .iter()
                .any(|own| name.starts_with(own))
        })
        .collect();
    names.sort();
    names
}

/// What lies in a folder; a file that vanishes meanwhile is not there.
pub(crate) fn contents(folder: &std::path::Path) -> BTreeMap<String, Vec<u8>> {
    let read = |name: String| Some((name.clone(), std::fs::read(folder.join(name)).ok()?));
    names_in(folder).into_iter().filter_map(read).collect()
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> Result<(), String>) {
    let start = Instant::now();
    loop {
        match holds() {
            Ok(()) => return,
            Err(why) if start.elapsed() > PATIENCE => panic!("{what}: not within a minute: {why}"),
            Err(_) => sleep(Duration::from_millis(150)),
        }
    }
}
