//! Attacks on the program from outside: who can see a secret in its arguments, environment, files, system calls and
//! permissions (SECURITY.md, rows A10, B6, B8, B20, B22). Each detector first proves that it sees the attack.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod attacked;
mod other_user;
mod scene;

use attacked::{
    Bench, CANARIES, EDITED, ITEM, commands_in_help, every_command, exit_code, finish, with_floor,
};
use keyfold::storage::simulated::SimulatedStorage;
use other_user::{NOBODY, as_user};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Every file and folder below, itself included.
fn everything_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything_in(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

// ---- B8: editor files ----

/// What the editor saw: the file must be 0600 in a folder of 0700; both are given.
fn edited_file(bench: &Bench) -> (PathBuf, PathBuf) {
    let log = fs::read_to_string(bench.path("editor.log")).unwrap();
    let lines: Vec<(&str, &str)> = log
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    let [(file_mode, file), (folder_mode, folder)] = lines.as_slice() else {
        panic!("{log}")
    };
    assert_eq!((*file_mode, *folder_mode), ("600", "700"), "{log}");
    (PathBuf::from(file), PathBuf::from(folder))
}

fn assert_no_editor_file(bench: &Bench) {
    let (file, folder) = edited_file(bench);
    assert!(folder.starts_with(bench.path("runtime")), "{folder:?}");
    assert!(
        !file.exists() && !folder.exists(),
        "{file:?} is still there"
    );
}

#[test]
fn the_editor_s_file_is_private_and_gone_after_success() {
    let bench = Bench::with_vault();
    bench.run(&["add", "mail", "--secret-stdin"], ITEM);
    bench.editor(&format!(
        "sed -i 's/{ITEM}/{EDITED}/' \"$1\"; cp \"$1\" \"$1.swp\""
    ));
    let outcome = bench.run(&["edit", "mail"], "");
    assert!(outcome.status.success(), "{outcome:?}");
    assert_eq!(bench.run(&["get", "mail"], "").stdout, EDITED.as_bytes());
    assert_no_editor_file(&bench);
}

#[test]
fn the_editor_s_file_is_gone_after_a_failing_editor_and_nothing_changed() {
    let bench = Bench::with_vault();
    bench.run(&["add", "mail", "--secret-stdin"], ITEM);
    bench.editor(&format!("sed -i 's/{ITEM}/{EDITED}/' \"$1\"; exit 3"));
    assert_eq!(bench.run(&["edit", "mail"], "").status.code(), Some(1));
    assert_no_editor_file(&bench);
    assert_eq!(bench.run(&["get", "mail"], "").stdout, ITEM.as_bytes());
}

#[test]
fn the_editor_s_file_is_gone_when_it_can_no_longer_be_read() {
    let bench = Bench::with_vault();
    bench.run(&["add", "mail", "--secret-stdin"], ITEM);
    bench.editor("echo '= not a document' >> \"$1\"");
    assert_eq!(bench.run(&["edit", "mail"], "").status.code(), Some(2));
    assert_no_editor_file(&bench);
}

/// Runs `edit`, sends the signal while the editor is open, gives the exit code.
fn interrupted(bench: &Bench, signal: &str) -> Option<i32> {
    bench.run(&["add", "mail", "--secret-stdin"], ITEM);
    // Waits like somebody who types, and never longer than the test.
    bench.editor("for i in 1 2 3 4 5 6 7 8 9 10; do [ -e \"$1\" ] || exit 0; sleep 1; done");
    let mut command = bench.prepare(env!("CARGO_BIN_EXE_keyfold"));
    // The waiting editor must not hold the test's pipes open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command
        .args(bench.options())
        .args(["edit", "mail"])
        .spawn()
        .unwrap();
    let limit = Instant::now() + Duration::from_secs(60);
    let log = bench.path("editor.log");
    while fs::read_to_string(&log).map_or(0, |text| text.lines().count()) < 2 {
        assert!(Instant::now() < limit, "the editor never came");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The shell's own `kill`: there may be no program of that name.
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -s {signal} {}", child.id())])
        .status()
        .unwrap();
    assert!(sent.success());
    child.wait().unwrap().code()
}

#[test]
fn the_editor_s_file_is_gone_after_a_termination() {
    let bench = Bench::with_vault();
    assert_eq!(interrupted(&bench, "TERM"), Some(130));
    assert_no_editor_file(&bench);
}

#[test]
fn the_editor_s_file_is_gone_after_an_interrupt() {
    let bench = Bench::with_vault();
    assert_eq!(interrupted(&bench, "INT"), Some(130));
    assert_no_editor_file(&bench);
}

#[test]
fn the_editor_s_file_is_gone_when_the_terminal_hangs_up() {
    let bench = Bench::with_vault();
    assert_eq!(interrupted(&bench, "HUP"), Some(130));
    assert_no_editor_file(&bench);
}

// ---- B9: links in the place of files ----

#[test]
fn nothing_is_written_or_read_through_a_link_that_waits_for_it() {
    let bench = Bench::with_vault();
    bench.run(&["add", "mail", "--secret-stdin"], ITEM);
    let link = |name: &str, target: &str| {
        symlink(bench.path(target), bench.path(name)).unwrap();
    };
    // What is made anew: one link that leads nowhere yet, one to a file that somebody wants overwritten.
    fs::write(bench.path("input/precious"), "precious").unwrap();
    for (name, target) in [
        ("drive/new.json", "input/made"),
        ("drive/over.json", "input/precious"),
    ] {
        link(name, target);
        let outcome = bench.run(&["export", "--output", name], "");
        assert_eq!(outcome.status.code(), Some(1), "{name}: {outcome:?}");
    }
    link("drive/key", "input/made");
    let passwd = ["passwd", "--new-password-file", "input/password"];
    let with_key = [&passwd[..], &["--new-key-file", "drive/key"]].concat();
    assert!(!bench.run(&with_floor(&with_key), "").status.success());
    assert!(!bench.path("input/made").exists());
    let precious = fs::read(bench.path("input/precious")).unwrap();
    assert_eq!(precious, b"precious");

    // An editor, or who meddles with it, leaves a link where the file was.
    fs::write(bench.path("input/other.toml"), "path = \"stolen\"\n").unwrap();
    bench.editor(&format!(
        "rm \"$1\"; ln -s {} \"$1\"",
        bench.path("input/other.toml").display()
    ));
    assert_eq!(bench.run(&["edit", "mail"], "").status.code(), Some(1));
    assert_no_editor_file(&bench);
    assert!(bench.path("input/other.toml").exists());
    assert_eq!(bench.run(&["ls"], "").stdout, b"mail\n");
}

// ---- B10: the configuration ----

/// Every setting there is, with the reason why whoever can write the configuration gets no secret by it.
const HARMLESS: [(&str, &str); 16] = [
    (
        "vault",
        "a path or a name; another vault asks for its own password",
    ),
    ("vaults.NAME", "a path, as above"),
    ("device", "a text that is shown in the history"),
    (
        "agent",
        "none is used, or one that still wants the password",
    ),
    (
        "lock_after",
        "whoever writes here can ask an unlocked agent anyway; a locked one stays locked",
    ),
    ("lock_at_latest", "as above"),
    ("lock_with_screen", "as above"),
    (
        "clipboard_timeout",
        "what is copied stays longer, and only what the user copies; who writes here can read the clipboard at once",
    ),
    (
        "backups.NAME",
        "a folder that gets another copy of the vault, as encrypted as the vault file",
    ),
    (
        "backup_keep_last",
        "removes older backups after a new one was verified, never the newest; who writes here can remove them anyway",
    ),
    ("backup_keep_daily", "as above"),
    ("backup_keep_weekly", "as above"),
    ("backup_keep_monthly", "as above"),
    (
        "breach_list",
        "a file that is read and asked for hashes; a wrong one can only say wrong things of passwords",
    ),
    (
        "two_factor_list",
        "names of sites that are read; a wrong one can only say wrong things of items",
    ),
    (
        "check_passwords",
        "takes warnings away; nothing is stored or shown otherwise",
    ),
];

#[test]
fn no_setting_exports_runs_or_reveals_anything() {
    let bench = Bench::with_vault();
    let refused = bench.run(&["--json", "config", "set", "nonsense", "1"], "");
    let error: serde_json::Value = serde_json::from_slice(&refused.stderr).unwrap();
    let listed = error["error"]["candidates"].as_array().unwrap().iter();
    let names: Vec<&str> = listed
        .map(|line| line.as_str().unwrap().split(':').next().unwrap())
        .collect();
    assert_eq!(
        names,
        HARMLESS.map(|(name, _)| name),
        "say why a new one is harmless"
    );
}

#[test]
fn what_the_configuration_says_beyond_that_does_nothing() {
    let bench = Bench::with_vault();
    bench.run(&["add", "mail", "--secret-stdin"], ITEM);
    let marker = bench.path("ran");
    let command = format!("touch {}", marker.display());
    let lines = [
        "editor",
        "password-command",
        "pinentry",
        "export",
        "on-open",
        "trigger",
    ];
    let text: String = lines.map(|name| format!("{name} = {command:?}\n")).concat();
    fs::write(bench.path("config.toml"), text).unwrap();
    for arguments in [vec!["ls"], vec!["get", "mail"], vec!["export"]] {
        assert!(bench.run(&arguments, "").status.success(), "{arguments:?}");
    }
    assert!(!marker.exists());
}

#[test]
fn an_export_wants_the_password_itself() {
    let bench = Bench::with_vault();
    bench.run(&["add", "mail", "--secret-stdin"], ITEM);
    let mut export = bench.prepare(env!("CARGO_BIN_EXE_keyfold"));
    export.args(["--no-input", "export"]);
    let outcome = finish(export.spawn().unwrap(), "");
    assert_eq!(outcome.status.code(), Some(5), "{outcome:?}");
    assert!(outcome.stdout.is_empty());
}

// ---- Other users ----

fn made_under(umask: &str) -> Bench {
    let bench = Bench::new();
    for arguments in [
        with_floor(&["init"]),
        vec!["add", "mail", "-g"],
        vec!["add", "bank", "-g"],
        with_floor(&["passwd", "--new-password-file", "input/password"]),
        vec!["compact"],
        vec!["export", "--output", "drive/export.json"],
        vec!["config", "set", "device", "laptop"],
    ] {
        let mut command = bench.prepare("sh");
        command
            .arg("-c")
            .arg(format!("umask {umask}; exec \"$0\" \"$@\""));
        command.arg(env!("CARGO_BIN_EXE_keyfold"));
        command.args(bench.options()).args(&arguments);
        let outcome = finish(command.spawn().unwrap(), "");
        assert!(outcome.status.success(), "{arguments:?}: {outcome:?}");
    }
    bench
}

fn assert_private(bench: &Bench) {
    let mut looked = 0;
    let mut all = everything_in(&bench.path("state"));
    all.push(bench.path("drive/vault.keyfold"));
    all.push(bench.path("drive/export.json"));
    for path in all {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), wanted, "{}", path.display());
        looked += 1;
    }
    assert!(looked >= 5, "only {looked} files and folders");
}

#[test]
fn files_are_private_under_a_umask_that_hides_nothing() {
    assert_private(&made_under("000"));
}

#[test]
fn files_are_private_and_usable_under_a_umask_that_hides_all_from_others() {
    assert_private(&made_under("077"));
}

#[test]
#[ignore = "needs setpriv, and root to drop from"]
fn another_user_reads_nothing() {
    let bench = made_under("000");
    let as_other = |program: &str, path: &Path| {
        let mut command = as_user(NOBODY);
        command.arg(program).arg(path).output().unwrap()
    };
    let vault = bench.path("drive/vault.keyfold");
    // Without the modes it could: the folders above are open to everybody.
    let bare = bench.path("drive/bare");
    fs::write(&bare, fs::read(&vault).unwrap()).unwrap();
    fs::set_permissions(&bare, Permissions::from_mode(0o644)).unwrap();
    let seen = as_other("cat", &bare);
    assert!(
        seen.status.success(),
        "setpriv must work and reach the folder: {seen:?}"
    );
    assert_eq!(seen.stdout, fs::read(&bare).unwrap());

    assert!(!as_other("cat", &vault).status.success());
    assert!(
        !as_other("cat", &bench.path("drive/export.json"))
            .status
            .success()
    );
    for path in everything_in(&bench.path("state")) {
        let program = if path.is_dir() { "ls" } else { "cat" };
        let seen = as_other(program, &path);
        assert!(
            !seen.status.success() && seen.stdout.is_empty(),
            "{}",
            path.display()
        );
    }
}

// ---- B6 and A10: every command under a system-call trace ----

/// The system calls of one command line and of everything that it starts.
fn traced(bench: &Bench, program: &str, arguments: &[String], input: &str) -> (String, Output) {
    let outcome = finish(start_traced(bench, "trace", program, arguments), input);
    (calls_in(bench, "trace"), outcome)
}

/// Starts a command line whose system calls go to a file of the bench.
fn start_traced(bench: &Bench, log: &str, program: &str, arguments: &[String]) -> Child {
    let mut command = bench.prepare("strace");
    command
        .args(["-f", "-v", "-y", "-s", "1000000", "-o"])
        .arg(bench.path(log))
        .args(["-e", "trace=execve,execveat,socket,socketpair,connect,open,openat,creat,mkdir,mkdirat,write,writev,pwrite64,pwritev,sendto,sendmsg"])
        .arg(program)
        .args(arguments);
    let started = command.spawn();
    started.unwrap_or_else(|error| panic!("strace: {error}"))
}

fn calls_in(bench: &Bench, log: &str) -> String {
    let log = bench.path(log);
    let calls = String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
    assert!(calls.contains("execve("), "nothing was traced");
    fs::remove_file(log).unwrap();
    calls
}

/// Unlocks the vault in an agent, both traced until the agent ends. What is asked through it then is traced too.
fn unlock_traced(bench: &Bench) -> Child {
    let all = [bench.options(), vec!["unlock".to_owned()]].concat();
    let unlock = start_traced(bench, "agent-trace", env!("CARGO_BIN_EXE_keyfold"), &all);
    let limit = Instant::now() + Duration::from_secs(120);
    while !through_agent(bench, &["get", "mail"]).status.success() {
        assert!(Instant::now() < limit, "it was never unlocked");
        std::thread::sleep(Duration::from_millis(20));
    }
    let get = ["--no-input", "get", "mail"].map(str::to_owned);
    let (calls, outcome) = traced(bench, env!("CARGO_BIN_EXE_keyfold"), &get, "");
    assert!(outcome.status.success(), "{outcome:?}");
    assert!(calls.contains(" connect("), "it did not ask the agent");
    assert_quiet(bench, &calls, "get through the agent");
    unlock
}

/// A command that gets no password.
fn through_agent(bench: &Bench, arguments: &[&str]) -> Output {
    let mut command = bench.prepare(env!("CARGO_BIN_EXE_keyfold"));
    command.arg("--no-input").args(arguments);
    finish(command.spawn().unwrap(), "")
}

/// No secret, no connection and no file for others in these calls.
#[track_caller]
fn assert_quiet(bench: &Bench, calls: &str, what: &str) {
    assert_eq!(leaks(bench, calls), [""; 0], "{what}");
    assert_eq!(connections(bench, calls), [""; 0], "{what}");
    assert_eq!(open_to_others(bench, calls), [""; 0], "{what}");
}

/// Calls that give a secret away: in arguments or environment, or written anywhere but to standard output (where the
/// user asked for it) or to the editor's private file.
fn leaks(bench: &Bench, calls: &str) -> Vec<String> {
    let private = format!("<{}/keyfold-", bench.path("runtime").display());
    let mut found = Vec::new();
    for line in calls
        .lines()
        .filter(|line| CANARIES.iter().any(|canary| line.contains(canary)))
    {
        let call = line
            .split_once(' ')
            .map_or(line, |(_, call)| call.trim_start());
        let to_the_user = call.starts_with("write(1<pipe:");
        let to_the_editor = call.starts_with("pwrite64(") && call.contains(&private);
        // The editor of this test is a script: what it writes is its own business.
        let by_the_editor = call.starts_with("write(") && call.contains(&private);
        // The only sockets are those between a command and the agent, see `connections`.
        let to_the_agent = ["write(", "sendto("]
            .iter()
            .any(|name| call.starts_with(name))
            && call.contains("<socket:");
        if !(to_the_user || to_the_editor || by_the_editor || to_the_agent) {
            found.push(call.to_owned());
        }
    }
    found
}

/// Calls that reach beyond this machine, or to any program but the agent.
fn connections(bench: &Bench, calls: &str) -> Vec<String> {
    let agent = format!(
        "{{sa_family=AF_UNIX, sun_path=\"{}/",
        bench.path("runtime/keyfold").display()
    );
    let outward = |line: &&str| {
        (line.contains(" connect(") && !line.contains(&agent))
            || (line.contains(" socket(") && !line.contains("socket(AF_UNIX"))
    };
    calls.lines().filter(outward).map(str::to_owned).collect()
}

/// The calls but for those that look for the desktop's buses, which the agent alone listens to.
fn without_buses(bench: &Bench, calls: &str) -> String {
    let session = bench.path("runtime/bus").display().to_string();
    let buses = ["/run/dbus/system_bus_socket", session.as_str()]
        .map(|path| format!("{{sa_family=AF_UNIX, sun_path=\"{path}\"}}"));
    let is_other = |line: &&str| {
        !line.contains(" connect(") || !buses.iter().any(|address| line.contains(address))
    };
    let others: Vec<&str> = calls.lines().filter(is_other).collect();
    assert!(others.len() < calls.lines().count(), "it does not listen");
    others.join("\n")
}

/// Files and folders that are made for others to look into, outside of folders that were just made private. What the
/// editor of this test makes is its own business.
fn open_to_others(bench: &Bench, calls: &str) -> Vec<String> {
    let editor_log = bench.path("editor.log").display().to_string();
    let mut closed: Vec<String> = Vec::new();
    let mut open = Vec::new();
    for line in calls.lines() {
        let call = line
            .split_once(' ')
            .map_or("", |(_, call)| call.trim_start());
        let path = call.split('"').nth(1).unwrap_or_default();
        let is_inside = |folder: &String| path.starts_with(&format!("{folder}/"));
        let is_private = if call.starts_with("mkdir") {
            call.contains(", 0700")
        } else {
            !call.starts_with("open") || !call.contains("O_CREAT") || call.contains(", 0600")
        };
        if call.starts_with("mkdir") && is_private {
            closed.push(path.to_owned());
        } else if !is_private && path != editor_log && !closed.iter().any(is_inside) {
            open.push(line.to_owned());
        }
    }
    open
}

#[test]
#[ignore = "needs strace"]
fn no_command_shows_a_secret_to_the_system_or_opens_a_connection() {
    let bench = Bench::for_every_command();

    // The detectors see what they look for.
    let shell = |script: String| vec!["-c".to_owned(), script];
    let argv = shell(format!(": {ITEM}"));
    assert_eq!(
        leaks(&bench, &traced(&bench, "sh", &argv, "").0).len(),
        1,
        "argv"
    );
    let environment = shell("read -r X; export X; exec env true".to_owned());
    let exported = traced(&bench, "sh", &environment, &format!("{ITEM}\n")).0;
    assert!(!leaks(&bench, &exported).is_empty(), "environment");
    let file = shell("cat > tmp/leaked".to_owned());
    assert!(
        !leaks(&bench, &traced(&bench, "sh", &file, ITEM).0).is_empty(),
        "file"
    );
    let made = traced(
        &bench,
        "sh",
        &shell(": > tmp/open; mkdir tmp/folder".to_owned()),
        "",
    )
    .0;
    assert_eq!(open_to_others(&bench, &made).len(), 2, "modes");
    fs::remove_dir(bench.path("tmp/folder")).unwrap();
    fs::remove_file(bench.path("tmp/leaked")).unwrap();
    let dial = shell("exec 3<>/dev/tcp/127.0.0.1/9".to_owned());
    let dialled = traced(&bench, "bash", &dial, "").0;
    assert!(connections(&bench, &dialled).len() >= 2, "connection");

    let mut seen = BTreeSet::new();
    let mut agent = None;
    for (arguments, input) in every_command() {
        bench.before(&arguments);
        seen.extend(arguments.first().map(|name| (*name).to_owned()));
        if arguments == ["unlock"] {
            agent = Some(unlock_traced(&bench));
            continue;
        }
        let mut all = bench.options();
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let (calls, outcome) = traced(&bench, env!("CARGO_BIN_EXE_keyfold"), &all, input);
        let code = outcome.status.code();
        assert_eq!(
            code,
            Some(exit_code(&arguments)),
            "{arguments:?}: {outcome:?}"
        );
        assert_quiet(&bench, &calls, &arguments.join(" "));
        assert!(
            !CANARIES
                .iter()
                .any(|canary| contains(&outcome.stderr, canary)),
            "{arguments:?}"
        );
        if arguments == ["edit", "mail"] {
            assert_edit_is_private(&calls);
        }
        bench.after(&arguments);
        if arguments == ["agent", "stop"] {
            let unlock = agent.take().unwrap().wait_with_output().unwrap();
            assert!(unlock.status.success(), "{unlock:?}");
            let calls = calls_in(&bench, "agent-trace");
            assert_quiet(&bench, &without_buses(&bench, &calls), "the agent");
        }
    }
    let listed = commands_in_help(&bench);
    assert!(listed.len() > 20, "{listed:?}");
    assert_eq!(
        listed.difference(&seen).collect::<Vec<_>>(),
        [""; 0],
        "not traced yet"
    );

    // Nothing was left in clear in any folder that the program could write to.
    for path in everything_in(&bench.folder) {
        if path.is_file() && !path.starts_with(bench.path("input")) {
            let bytes = fs::read(&path).unwrap();
            for canary in CANARIES {
                assert!(!contains(&bytes, canary), "{}: {canary}", path.display());
            }
        }
    }
}

/// The editor's folder is new and 0700, the file in it is made with O_EXCL and 0600.
fn assert_edit_is_private(calls: &str) {
    let folder = calls
        .lines()
        .find(|line| line.contains("mkdir") && line.contains("/runtime/keyfold-"));
    assert!(
        folder.is_some_and(|line| line.ends_with("0700) = 0")),
        "{folder:?}"
    );
    let mut files = calls
        .lines()
        .filter(|line| line.contains("item.toml") && line.contains("O_CREAT"));
    let made = files.next().unwrap();
    for wanted in ["O_EXCL", "O_NOFOLLOW", "0600"] {
        assert!(made.contains(wanted), "{made}");
    }
}

// ---- B20: the clock ----

#[test]
fn a_clock_behind_the_newest_record_is_noticed() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(20);
    let mut vault = scene::made(&storage, &mut rng);
    scene::add(&mut vault, "mail", "hunter2", scene::later(3600), &mut rng).unwrap();
    assert!(vault.is_clock_behind(scene::NOW));
    assert!(!vault.is_clock_behind(scene::later(3601)));
    drop(vault);
    // A later session notices it as well.
    let vault = scene::opened(&storage, "a", 1, scene::NOW).unwrap();
    assert!(vault.is_clock_behind(scene::NOW));
}

// ---- B22: constant time ----

/// The part of a source file between two texts.
fn part<'a>(source: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = source
        .split_once(begin)
        .unwrap_or_else(|| panic!("no {begin:?}"));
    rest.split_once(end)
        .unwrap_or_else(|| panic!("no {end:?} after {begin:?}"))
        .0
}

#[test]
fn commitment_mac_and_checksum_are_compared_in_constant_time() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let slot = read("src/crypto/slot.rs");
    let slot = slot.split("#[cfg(test)]").next().unwrap();
    // Before the wrapped key is opened, so that a slot valid under several keys opens under one.
    let before_the_aead = part(slot, "fn open", "seal::open(");
    assert!(before_the_aead.contains("commitment.ct_eq("));
    assert!(slot.contains("mac.ct_eq("));
    let recovery = read("src/crypto/recovery.rs");
    assert!(recovery.contains("derive_checksum(key).ct_eq("));
    let secret = read("src/secret.rs");
    assert!(part(&secret, "fn same_as", "}").contains(".ct_eq("));
    for (path, source) in [
        ("slot.rs", slot),
        ("recovery.rs", &recovery),
        ("secret.rs", &secret),
    ] {
        let source = source.split("#[cfg(test)]").next().unwrap();
        for wrong in [
            "commitment ==",
            "commitment !=",
            "mac ==",
            "mac !=",
            "checksum ==",
            "self.0 ==",
        ] {
            assert!(!source.contains(wrong), "{path}: {wrong}");
        }
    }
}
