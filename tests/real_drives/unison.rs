//! Unison in batch mode, keeping what it would overwrite as a copy.

use crate::devices::{Carrier, Devices};
use crate::real::{needs, ok};
use std::path::PathBuf;
use std::process::Command;

struct Unison {
    folders: [PathBuf; 2],
    /// Where it keeps what it saw last.
    own: PathBuf,
}

impl Unison {
    fn between(devices: &Devices) -> Self {
        needs("unison");
        Self {
            folders: devices.folders(),
            own: devices.one.path("unison"),
        }
    }
}

impl Carrier for Unison {
    fn carry(&mut self) {
        let mut command = Command::new("timeout");
        command
            .args(["60", "unison"])
            .args(&self.folders)
            .args([
                "-ui",
                "text",
                "-batch",
                "-auto",
                "-copyonconflict",
                "-prefer",
                "newer",
            ])
            .arg("-logfile")
            .arg(self.own.with_extension("log"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.own)
            .env("UNISON", &self.own);
        ok(&mut command);
    }
}

#[test]
#[ignore = "needs unison"]
fn unison_carries_what_one_device_writes_at_a_time() {
    let devices = Devices::new();
    let mut unison = Unison::between(&devices);
    unison.carry();
    devices.other.ok(&["ls"]);
    devices.other.ok(&["add", "from/other", "-g"]);
    devices.other.ok(&["rm", "second"]);
    unison.carry();
    devices.one.ok(&["ls"]);
    devices.one.ok(&["edit", "shared", "-u", "ada"]);
    devices.one.ok(&["rm", "first"]);
    devices.look_until_all_is_equal(&mut unison);
    devices.assert_both_list(&["kept", "shared", "from/other"]);
    devices.assert_silence(&mut unison);
}

#[test]
#[ignore = "needs unison"]
fn what_both_wrote_between_two_runs_of_unison_is_merged() {
    let devices = Devices::new();
    let mut unison = Unison::between(&devices);
    unison.carry();
    devices.other.ok(&["ls"]);
    devices.write_apart();
    unison.carry();
    let copies = devices.copies();
    assert!(
        !copies.is_empty() && copies.iter().all(|name| name.contains(" (conflict_on_")),
        "{copies:?}"
    );
    devices.look_until_all_is_equal(&mut unison);
    devices.assert_both_have_what_was_written_apart();
    devices.assert_silence(&mut unison);
}
