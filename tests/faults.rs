//! Real files and a system that fails: each write, sync, rename and open of a command fails or is its last.
//!
//! `strace` counts a command's calls on vault file and local state in a run that goes well; then each of them, in a run of
//! its own on a copy of the same folders, fails with EIO, fails with ENOSPC, or kills the process.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop, and says what it tried"
)]

mod real;

use real::{FLOOR, Home, length, needs, ok, titles, told};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// The calls that are made to fail. `openat` is taken where it may write; an open that reads is failed once, not killed.
const CALLS: &str =
    "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,openat,mkdir,ftruncate,unlink";

/// One call of a command on its files.
struct Step {
    call: String,
    /// The how-manieth call of this name by the main thread it is, the first being 1.
    number: usize,
    line: String,
}

impl Step {
    /// Such a call comes after a rename; whoever fails there cannot take the rename back.
    fn is_sync_of_a_folder(&self) -> bool {
        let path = self
            .line
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'));
        let is_folder = path.is_some_and(|(path, _)| Path::new(path).is_dir());
        self.call == "openat" && self.line.contains("O_DIRECTORY")
            || self.call == "fsync" && is_folder
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    Io,
    /// This call fails, and every later one of its name too.
    Broken,
    Full,
    Kill,
}

impl Fault {
    /// The option that makes strace do it at a step.
    fn inject(self, step: &Step) -> String {
        let (what, later) = match self {
            Self::Io => ("error=EIO", ""),
            Self::Broken => ("error=EIO", "+"),
            Self::Full => ("error=ENOSPC", ""),
            Self::Kill => ("signal=SIGKILL", ""),
        };
        format!("inject={}:{what}:when={}{later}", step.call, step.number)
    }

    /// Which faults a step gets: what only reads cannot run out of room, and being killed there is being killed later.
    fn of(step: &Step) -> &'static [Self] {
        let reads = step.call == "openat"
            && !["O_CREAT", "O_RDWR", "O_WRONLY"]
                .iter()
                .any(|flag| step.line.contains(flag));
        if reads {
            &[Self::Io]
        } else if step.call == "openat" {
            &[Self::Io, Self::Full, Self::Kill]
        } else {
            &[Self::Io, Self::Broken, Self::Full, Self::Kill]
        }
    }
}

/// A home whose files can be put back to how they were.
struct Bench {
    home: Home,
    arguments: Vec<String>,
    /// The password that opens the vault when the command is done.
    after: &'static str,
}

impl Bench {
    fn new(home: Home, arguments: &[&str], after: &'static str) -> Self {
        let bench = Self {
            home,
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            after,
        };
        for name in ["drive", "state"] {
            copy(&bench.home.path(name), &bench.home.path("kept").join(name));
        }
        bench
    }

    fn put_back(&self) {
        for name in ["drive", "state"] {
            drop(std::fs::remove_dir_all(self.home.path(name)));
            copy(&self.home.path("kept").join(name), &self.home.path(name));
        }
    }

    /// The command under strace, and strace's log.
    fn traced(&self, options: &[&str]) -> (Output, String) {
        let log = self.home.path("log");
        let mut command = self.home.environment("strace");
        command.args(["-f", "-y", "-o"]).arg(&log).args(options);
        command
            .arg(env!("CARGO_BIN_EXE_keyfold"))
            .args(["--no-input", "--password-file"])
            .arg(self.home.path("old"))
            .args(&self.arguments);
        let output = command.output().unwrap();
        (output, std::fs::read_to_string(log).unwrap())
    }

    /// Every call on vault file and local state in a run that goes well.
    fn steps(&self) -> Vec<Step> {
        self.put_back();
        let (output, log) = self.traced(&["-e", &format!("trace={CALLS}")]);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let places = ["drive", "state"].map(|name| self.home.path(name).display().to_string());
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        let mut steps = Vec::new();
        for line in of_main_thread(&log) {
            let Some((call, _)) = line.split_once('(') else {
                continue;
            };
            let number = numbers.entry(call.to_owned()).or_default();
            *number += 1;
            if places.iter().any(|place| line.contains(place)) {
                steps.push(Step {
                    call: call.to_owned(),
                    number: *number,
                    line: line.to_owned(),
                });
            }
        }
        steps
    }

    /// What the vault means to this device with this password, or how that failed.
    fn meaning(&self, password: &str) -> Result<Value, Output> {
        let output = self.home.keyfold_with(password, &["export"]).output();
        meaning_of(output.unwrap())
    }

    /// Fails the command at each step in each way, and looks at what is left.
    fn fail_everywhere(&self) {
        let before = self.meaning("old").unwrap();
        let steps = self.steps();
        let after = self.meaning(self.after).unwrap();
        let mut runs = 0;
        for step in &steps {
            for &fault in Fault::of(step) {
                self.put_back();
                let inject = fault.inject(step);
                let (output, log) =
                    self.traced(&["-e", &format!("trace={}", step.call), "-e", &inject]);
                let which = format!("{fault:?} at {}, the command {}", step.line, told(&output));
                let fired = log.contains("(INJECTED)") || log.contains("killed by SIGKILL");
                assert!(fired, "nothing was injected: {which}");
                self.survives(&output, step, &before, &after, &which);
                runs += 1;
            }
        }
        eprintln!(
            "{}: {} steps, {runs} faults",
            self.arguments.join(" "),
            steps.len()
        );
        assert!(runs > 10);
    }

    fn survives(&self, output: &Output, step: &Step, before: &Value, after: &Value, which: &str) {
        let code = output.status.code();
        // A wrong password looks like damage to nobody: exactly one of the two opens.
        let (password, found) = match self.meaning(self.after) {
            Ok(found) => (self.after, found),
            Err(refused) if self.after != "old" => {
                assert_eq!(
                    refused.status.code(),
                    Some(5),
                    "{which}; then {}",
                    told(&refused)
                );
                let found = self.meaning("old");
                (
                    "old",
                    found.unwrap_or_else(|failed| panic!("{which}; then {}", told(&failed))),
                )
            }
            Err(failed) => panic!("{which}; then {}", told(&failed)),
        };
        match code {
            Some(0) => {
                assert_eq!(password, self.after, "{which}");
                assert_eq!(&found, after, "{which}");
            }
            // strace ends by the signal that ended the program.
            None => assert!(&found == before || &found == after, "{which}: {found}"),
            // The new file is in place, and only whether it is there after a power cut is unknown.
            Some(_) if step.is_sync_of_a_folder() => {
                assert!(&found == before || &found == after, "{which}: {found}");
            }
            Some(_) => {
                if self.after != "old" {
                    assert_eq!(password, "old", "{which}");
                }
                assert_eq!(&found, before, "{which}");
                assert!(!output.stderr.is_empty(), "{which}");
            }
        }
        let probe = self
            .home
            .keyfold_with(password, &["add", "probe"])
            .output()
            .unwrap();
        assert_eq!(
            probe.status.code(),
            Some(0),
            "{which}; then {}",
            told(&probe)
        );
        let fresh = meaning_of(self.home.export_of_fresh_device(password));
        let fresh = fresh.unwrap_or_else(|failed| panic!("{which}; then afresh {}", told(&failed)));
        let with_probe = self.meaning(password).unwrap();
        assert_eq!(fresh, with_probe, "{which}: the vault file lacks something");
        assert_eq!(without_probe(with_probe), found, "{which}");
    }
}

/// Lines of the first process in strace's log, its number cut off.
fn of_main_thread(log: &str) -> impl Iterator<Item = &str> {
    let main = log.split_whitespace().next().unwrap_or_default().to_owned();
    log.lines().filter_map(move |line| {
        let (process, rest) = line.split_once(' ')?;
        (process == main).then(|| rest.trim_start())
    })
}

fn meaning_of(output: Output) -> Result<Value, Output> {
    if output.status.code() != Some(0) {
        return Err(output);
    }
    Ok(plain(serde_json::from_slice(&output.stdout).unwrap()))
}

/// An export without what differs between two runs of one command: ids and times. Lists are sorted.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(name, _)| {
                !["id", "changed", "replaced", "device"].contains(&name.as_str())
            });
            Value::Object(
                kept.map(|(name, value)| (name, plain(value)))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(plain).collect();
            list.sort_by_key(Value::to_string);
            Value::Array(list)
        }
        other => other,
    }
}

fn without_probe(mut export: Value) -> Value {
    let items = export["items"].as_array_mut().unwrap();
    let before = items.len();
    items.retain(|item| item["path"] != "probe");
    assert_eq!(items.len() + 1, before, "the probe is not there once");
    export
}

fn copy(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from) else {
        return;
    };
    std::fs::create_dir_all(to).unwrap();
    for entry in entries {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A vault with three items, one with history.
fn lived_in() -> Home {
    let home = Home::with_vault();
    for title in ["mail", "bank"] {
        home.ok(&["add", title, "-u", "me", "-g"]);
    }
    home.ok(&["edit", "mail", "-g"]);
    home
}

fn fail_everywhere(arguments: &[&str], after: &'static str) {
    needs("strace");
    Bench::new(lived_in(), arguments, after).fail_everywhere();
}

#[test]
#[ignore = "needs strace"]
fn add_survives_every_fault() {
    fail_everywhere(
        &["add", "work/new", "-u", "you", "--url", "https://x.example"],
        "old",
    );
}

#[test]
#[ignore = "needs strace"]
fn edit_survives_every_fault() {
    fail_everywhere(&["edit", "mail", "-u", "changed", "--note", "noted"], "old");
}

#[test]
#[ignore = "needs strace"]
fn import_survives_every_fault() {
    needs("strace");
    let home = lived_in();
    let rows: String = (0..100)
        .map(|row| format!("row {row},me,secret {row},https://{row}.example\n"))
        .collect();
    let file = home.path("rows.csv");
    std::fs::write(&file, format!("title,username,password,url\n{rows}")).unwrap();
    let file = file.to_str().unwrap().to_owned();
    Bench::new(home, &["import", &file], "old").fail_everywhere();
}

#[test]
#[ignore = "needs strace"]
fn compact_survives_every_fault() {
    fail_everywhere(&["compact"], "old");
}

/// The command with a new password at the lowest cost.
fn with_new_password(command: &[&str]) {
    needs("strace");
    let home = lived_in();
    let new = home.path("new").to_str().unwrap().to_owned();
    let arguments = [command, &["--new-password-file", &new], &FLOOR].concat();
    Bench::new(home, &arguments, "new").fail_everywhere();
}

#[test]
#[ignore = "needs strace"]
fn passwd_survives_every_fault() {
    with_new_password(&["passwd"]);
}

#[test]
#[ignore = "needs strace"]
fn rekey_survives_every_fault() {
    with_new_password(&["rekey", "--yes"]);
}

#[test]
#[ignore = "needs strace"]
fn init_survives_every_fault() {
    needs("strace");
    let bench = Bench::new(Home::new(), &[&["init"][..], &FLOOR].concat(), "old");
    let steps = bench.steps();
    for step in &steps {
        for &fault in Fault::of(step) {
            bench.put_back();
            std::fs::create_dir_all(bench.home.path("drive")).unwrap();
            let inject = fault.inject(step);
            let (output, _) = bench.traced(&["-e", &format!("trace={}", step.call), "-e", &inject]);
            let which = format!("{fault:?} at {}, init {}", step.line, told(&output));
            match bench.meaning("old") {
                Ok(found) => assert_eq!(found["items"], Value::Array(Vec::new()), "{which}"),
                Err(none) => {
                    assert_ne!(
                        output.status.code(),
                        Some(0),
                        "{which}; then {}",
                        told(&none)
                    );
                    assert_eq!(none.status.code(), Some(6), "{which}; then {}", told(&none));
                    bench.home.ok(&[&["init"][..], &FLOOR].concat());
                }
            }
            bench.home.ok(&["add", "probe"]);
            let fresh = meaning_of(bench.home.export_of_fresh_device("old"));
            let fresh = fresh.unwrap_or_else(|failed| panic!("{which}; then {}", told(&failed)));
            assert_eq!(titles(&fresh), ["probe"], "{which}");
        }
    }
    eprintln!("init: {} steps", steps.len());
}

/// Issue: one add costs one Argon2, one block of the vault file, and a sync each of replica and vault file.
#[test]
#[ignore = "needs strace"]
fn an_add_writes_one_block_to_the_vault_file_syncs_twice_and_runs_argon2_once() {
    needs("strace");
    let home = lived_in();
    home.ok(&["ls"]);
    let size = length(&home.vault_file());
    let arguments = ["add", "one", "-u", "me", "--url", "https://x.example", "-g"];
    let bench = Bench {
        home,
        arguments: arguments.map(str::to_owned).to_vec(),
        after: "old",
    };
    let calls = "trace=write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,fsync,fdatasync,sync,syncfs,sync_file_range,msync,mmap";
    let (output, log) = bench.traced(&["-e", calls]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let vault = bench.home.vault_file().display().to_string();
    let result = |line: &str| -> u64 {
        let value = line.rsplit_once("= ").unwrap().1;
        value
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap_or(0)
    };
    let (mut written, mut syncs, mut synced, mut large) = (0, 0, Vec::new(), 0);
    for line in log.lines().filter(|line| line.contains('(')) {
        let call = line.split_whitespace().nth(1).unwrap();
        let call = call.split('(').next().unwrap();
        if call.contains("write") && line.contains(&vault) {
            written += result(line);
        }
        if call.contains("sync") {
            syncs += 1;
            synced.push(line.to_owned());
        }
        // The work memory at the lowest cost is 19 MiB; nothing else is that large.
        let length = line
            .split(", ")
            .nth(1)
            .and_then(|word| word.parse::<u64>().ok());
        let is_used = line.contains("PROT_READ|PROT_WRITE") && line.contains("MAP_ANONYMOUS");
        if call == "mmap" && is_used && length.is_some_and(|length| length >= 19 << 20) {
            large += 1;
        }
    }
    assert_eq!(written, 1024, "{log}");
    assert_eq!(length(&bench.home.vault_file()), size + 1024);
    assert_eq!(syncs, 2, "{synced:?}");
    assert!(
        synced[0].contains("/replica>") && synced[1].contains(&vault),
        "{synced:?}"
    );
    assert_eq!(large, 1, "{log}");
}

/// A small disk, gone afterwards.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(path: PathBuf) -> Self {
        std::fs::create_dir_all(&path).unwrap();
        ok(Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"])
            .arg(&path));
        Self(path)
    }

    fn make_room(&self) {
        ok(Command::new("mount")
            .args(["-o", "remount,size=4m"])
            .arg(&self.0));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Adds items, large ones at first and then small ones, until `enough` says so; their titles.
fn fill(home: &Home, enough: &dyn Fn(&Output) -> bool) -> (Vec<String>, Output) {
    let note = home.path("note");
    std::fs::write(&note, "n".repeat(60_000)).unwrap();
    let large = ["--note-file", note.to_str().unwrap()];
    let mut added = Vec::new();
    let mut is_large = true;
    for number in 0..300 {
        let title = format!("item {number}");
        let arguments = ["add", &title];
        let output = match is_large {
            true => home
                .keyfold(&[&arguments[..], &large].concat())
                .output()
                .unwrap(),
            false => home.keyfold(&arguments).output().unwrap(),
        };
        let done = enough(&output);
        if output.status.code() == Some(0) {
            added.push(title);
        }
        if done && !is_large {
            return (added, output);
        }
        is_large &= !done;
    }
    panic!("the disk does not get full");
}

fn exported_titles(export: &str) -> Vec<String> {
    let mut titles = titles(&serde_json::from_str(export).unwrap());
    titles.sort();
    titles
}

#[test]
#[ignore = "needs mount"]
fn a_full_drive_keeps_changes_waiting_until_there_is_room() {
    let home = Home::new();
    let disk = SmallDisk::new(home.path("drive"));
    home.ok(&[&["init"][..], &FLOOR].concat());
    let is_pending = |output: &Output| {
        assert_eq!(output.status.code(), Some(0), "{}", told(output));
        !String::from_utf8_lossy(&output.stderr)
            .trim()
            .starts_with("Added")
    };
    let (mut added, last) = fill(&home, &is_pending);
    added.sort();
    let words = String::from_utf8_lossy(&last.stderr).to_lowercase();
    assert!(words.contains("full") || words.contains("space"), "{words}");
    assert_eq!(exported_titles(&home.ok(&["export"])), added);
    let fresh = home.export_of_fresh_device("old");
    assert_eq!(fresh.status.code(), Some(0), "{}", told(&fresh));
    let there = exported_titles(&String::from_utf8(fresh.stdout).unwrap());
    assert!(there.len() < added.len(), "nothing was waiting");
    disk.make_room();
    // What is not this command's own change is put back when the file has been still for two seconds.
    std::thread::sleep(Duration::from_millis(2500));
    home.ok(&["ls"]);
    let fresh = String::from_utf8(home.export_of_fresh_device("old").stdout).unwrap();
    assert_eq!(exported_titles(&fresh), added);
}

#[test]
#[ignore = "needs mount"]
fn a_full_disk_under_the_local_state_refuses_a_change_and_says_so() {
    let home = Home::new();
    let disk = SmallDisk::new(home.path("state"));
    home.ok(&[&["init"][..], &FLOOR].concat());
    let is_refused = |output: &Output| output.status.code() != Some(0);
    let (mut added, last) = fill(&home, &is_refused);
    added.sort();
    assert_eq!(last.status.code(), Some(1), "{}", told(&last));
    let words = String::from_utf8_lossy(&last.stderr).to_lowercase();
    assert!(words.contains("full") || words.contains("space"), "{words}");
    assert_eq!(exported_titles(&home.ok(&["export"])), added);
    let size = length(&home.vault_file());
    let again = home.keyfold(&["add", "refused"]).output().unwrap();
    assert_eq!(again.status.code(), Some(1), "{}", told(&again));
    assert_eq!(length(&home.vault_file()), size);
    disk.make_room();
    home.ok(&["add", "item with room"]);
    added.push("item with room".to_owned());
    added.sort();
    let fresh = String::from_utf8(home.export_of_fresh_device("old").stdout).unwrap();
    assert_eq!(exported_titles(&fresh), added);
}
