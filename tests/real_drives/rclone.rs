//! rclone's bisync between the folders of two devices. Where both changed a file, its name vanishes on both sides.

use crate::devices::{Carrier, Devices};
use crate::real::{needs, ok};
use std::path::PathBuf;
use std::process::Command;

struct Rclone {
    folders: [PathBuf; 2],
    /// Where it keeps what it saw last.
    own: PathBuf,
}

impl Rclone {
    fn between(devices: &Devices) -> Self {
        needs("rclone");
        let rclone = Self {
            folders: devices.folders(),
            own: devices.one.path("rclone"),
        };
        std::fs::create_dir_all(&rclone.own).unwrap();
        std::fs::write(rclone.own.join("config"), "").unwrap();
        ok(rclone.bisync().arg("--resync"));
        rclone
    }

    fn bisync(&self) -> Command {
        let mut command = Command::new("timeout");
        command
            .args(["60", "rclone", "bisync"])
            .args(&self.folders)
            .arg("--workdir")
            .arg(self.own.join("work"))
            .arg("--config")
            .arg(self.own.join("config"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.own);
        command
    }
}

impl Carrier for Rclone {
    fn carry(&mut self) {
        ok(&mut self.bisync());
    }
}

#[test]
#[ignore = "needs rclone"]
fn bisync_carries_what_one_device_writes_at_a_time() {
    let devices = Devices::new();
    let mut rclone = Rclone::between(&devices);
    devices.other.ok(&["ls"]);
    devices.other.ok(&["add", "from/other", "-g"]);
    devices.other.ok(&["rm", "second"]);
    rclone.carry();
    devices.one.ok(&["ls"]);
    devices.one.ok(&["edit", "shared", "-u", "ada"]);
    devices.one.ok(&["rm", "first"]);
    devices.look_until_all_is_equal(&mut rclone);
    devices.assert_both_list(&["kept", "shared", "from/other"]);
    devices.assert_silence(&mut rclone);
}

#[test]
#[ignore = "needs rclone"]
fn what_both_wrote_between_two_bisyncs_is_merged() {
    let devices = Devices::new();
    let mut rclone = Rclone::between(&devices);
    devices.other.ok(&["ls"]);
    devices.write_apart();
    rclone.carry();
    // Both versions under other names on both sides, and nothing under the vault's.
    assert_eq!(devices.copies().len(), 4, "{}", devices.describe());
    assert!(
        devices
            .both()
            .iter()
            .all(|home| !home.vault_file().exists())
    );
    // Where both look before the next bisync, both have everything at once, and make the vault file anew.
    devices.both_look();
    devices.assert_both_have_what_was_written_apart();
    assert!(devices.copies().is_empty(), "{}", devices.describe());
    let [one, other] = devices
        .both()
        .map(|home| std::fs::read(home.vault_file()).unwrap());
    assert!(one == other, "{}", devices.describe());
    // rclone 1.60 does not compare what is new on both sides, so these two become copies again, though they are equal.
    devices.look_in_turn_until_all_is_equal(&mut rclone);
    devices.assert_both_have_what_was_written_apart();
    devices.assert_silence(&mut rclone);
}

#[test]
#[ignore = "needs rclone"]
fn one_device_heals_after_bisync_and_the_other_looks_later() {
    let devices = Devices::new();
    let mut rclone = Rclone::between(&devices);
    devices.other.ok(&["ls"]);
    devices.write_apart();
    rclone.carry();
    devices.one.ok(&["ls"]);
    rclone.carry();
    devices.look_in_turn_until_all_is_equal(&mut rclone);
    devices.assert_both_have_what_was_written_apart();
    devices.assert_silence(&mut rclone);
}
