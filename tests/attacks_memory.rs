//! What is left in memory: of passwords, seeds, notes and keys, when a command has done its work (SECURITY.md, B1 and B2).
//!
//! Every scan is first shown to find: the same secrets, in the same program, a moment before it is done.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod attacked;
mod memory;

use attacked::{
    Bench, EDITED, HIDDEN, IMPORTED, ITEM, NEW_PASSWORD, PASSWORD, SEED, commands_in_help,
    every_command, finish,
};
use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER, HEXUPPER};
use memory::keys::keys_of;
use memory::stopped::Stopped;
use memory::{Canary, Found, names, scan};
use std::collections::BTreeSet;
use std::fs;
use std::process::Output;
use std::time::{Duration, Instant};

fn texts() -> Vec<Canary> {
    let seed = BASE32_NOPAD.decode(&SEED.as_bytes()[..40]).unwrap();
    [
        ("master password", PASSWORD),
        ("new master password", NEW_PASSWORD),
        ("password", ITEM),
        ("edited password", EDITED),
        ("imported password", IMPORTED),
        ("secret field", HIDDEN),
        ("seed", SEED),
    ]
    .map(|(name, text)| Canary::new(name, text))
    .into_iter()
    .chain([Canary::new("decoded seed", seed)])
    .collect()
}

/// What is in memory when the command is about to do one of these system calls.
fn found_at(
    calls: &str,
    bench: &Bench,
    arguments: &[&str],
    input: &str,
    canaries: &[Canary],
) -> Vec<Found> {
    let mut command = bench.prepare(env!("CARGO_BIN_EXE_keyfold"));
    command.args(bench.options()).args(arguments);
    fs::write(bench.path("input/stdin"), input).unwrap();
    let (input, output) = (bench.path("input/stdin"), bench.path("output"));
    let stopped = Stopped::at(calls, &command, &input, &output);
    scan(stopped.pid, canaries)
}

// ---- The finder ----

/// Text in the memory of this very process, kept from being optimised away.
fn found_of(held: &[u8], canary: &Canary) -> BTreeSet<&'static str> {
    let held = std::hint::black_box(held.to_vec());
    let found = scan(std::process::id(), std::slice::from_ref(canary));
    let range = held.as_ptr().addr()..held.as_ptr().addr() + held.len();
    let here = found.iter().filter(|found| range.contains(&found.address));
    here.map(|found| found.encoding).collect()
}

#[test]
fn every_form_of_a_secret_is_found() {
    let secret = "find-me-Yc7Lw4Kx9Rt2 Bq8";
    let canary = Canary::new("secret", secret);
    let utf16 = |bytes: fn(u16) -> [u8; 2]| secret.encode_utf16().flat_map(bytes).collect();
    let shifted = |by: usize| BASE64.encode(&[&vec![b'x'; by], secret.as_bytes()].concat());
    let reversed: String = secret.chars().rev().collect();
    let forms: [(&str, Vec<u8>); 9] = [
        ("clear", secret.into()),
        ("UTF-16LE", utf16(u16::to_le_bytes)),
        ("UTF-16BE", utf16(u16::to_be_bytes)),
        ("hex", HEXLOWER.encode(secret.as_bytes()).into()),
        ("HEX", HEXUPPER.encode(secret.as_bytes()).into()),
        ("base64", shifted(0).into()),
        ("base64", shifted(1).into()),
        ("base64", shifted(2).into()),
        ("reversed", reversed.into()),
    ];
    for (encoding, held) in forms {
        assert!(found_of(&held, &canary).contains(encoding), "{encoding}");
    }
}

#[test]
fn half_of_a_long_secret_is_found_and_another_text_is_not() {
    let canary = Canary::new("long", ITEM);
    assert!(found_of(&ITEM.as_bytes()[..20], &canary).contains("clear"));
    assert!(found_of(&ITEM.as_bytes()[14..], &canary).contains("clear"));
    assert!(found_of(b"item-Zk9vRm2cTz4 uHb6NsXq8Lx", &canary).is_empty());
}

// ---- Every command, when it has done its work ----

#[test]
#[ignore = "needs gdb, and root to read another program's memory"]
fn secrets_and_keys_are_seen_in_memory_while_they_are_used() {
    let bench = Bench::with_vault();
    bench.run(&["add", "mail", "--secret-stdin"], ITEM);
    let keys = keys_of(&bench.path("drive/vault.keyfold"), PASSWORD);
    let canaries = [texts(), keys].concat();
    let seen_at = |calls: &str| names(&found_at(calls, &bench, &["get", "mail"], "", &canaries));
    // The threads of Argon2 are started with the password in hand.
    assert!(seen_at("clone3 clone").contains("master password"));
    let printing = seen_at("write");
    for open in [
        "password",
        "data key",
        "record key",
        "secret key",
        "slot mac key",
        "nonce key",
    ] {
        assert!(printing.contains(open), "no {open} in {printing:?}");
    }
}

#[test]
#[ignore = "needs gdb, and root to read another program's memory"]
fn no_command_leaves_a_secret_or_a_key_in_memory() {
    let bench = Bench::for_every_command();
    let vault_file = bench.path("drive/vault.keyfold");
    let mut canaries = texts();
    let mut left = Vec::new();
    let mut done = BTreeSet::new();
    for (arguments, input) in every_command() {
        bench.before(&arguments);
        let found = found_at("exit_group", &bench, &arguments, input, &canaries);
        let errors = fs::read_to_string(bench.path("output.err")).unwrap();
        assert!(!errors.contains("error"), "{arguments:?}: {errors}");
        left.extend(
            found
                .iter()
                .map(|found| format!("{}: {found:?}", arguments.join(" "))),
        );
        bench.after(&arguments);
        if ["init", "rekey", "passwd"].contains(&arguments[0]) {
            let password = fs::read_to_string(&bench.password_file).unwrap();
            canaries.extend(keys_of(&vault_file, password.trim()));
        }
        done.insert(arguments[0].to_owned());
    }
    assert!(left.is_empty(), "{}", left.join("\n"));
    let listed = commands_in_help(&bench);
    let missing: Vec<_> = listed.difference(&done).collect();
    assert_eq!(missing, [""; 0], "not looked at yet");
}

// ---- The agent ----

/// Keys of an open vault: all that an agent may hold when nobody asks it anything.
const OPEN: [&str; 5] = [
    "data key",
    "record key",
    "secret key",
    "slot mac key",
    "nonce key",
];
/// Looks at an agent at rest: the first may meet it while it looks at the vault's file, as it does now and then.
const LOOKS: usize = 3;

/// Runs a command that gets no password: the agent has to answer.
fn through_agent(bench: &Bench, arguments: &[&str]) -> Output {
    let mut command = bench.prepare(env!("CARGO_BIN_EXE_keyfold"));
    command.arg("--no-input").args(arguments);
    let outcome = finish(command.spawn().unwrap(), "");
    assert!(outcome.status.success(), "{arguments:?}: {outcome:?}");
    outcome
}

/// Waits until the agent has no client any more: no end of a connection that is its own, by the name of its socket.
fn wait_for_rest(agent: u32) {
    let limit = Instant::now() + Duration::from_secs(120);
    let serves = || {
        let table = fs::read_to_string(format!("/proc/{agent}/net/unix")).unwrap();
        let sockets: Vec<&str> = table
            .lines()
            .filter(|line| line.ends_with("/agent.sock"))
            .collect();
        assert!(!sockets.is_empty(), "the agent does not listen");
        // The sixth column is the state; one that is connected has 03.
        let is_connected = |line: &&str| line.split_whitespace().nth(5) == Some("03");
        let inodes = sockets.into_iter().filter(is_connected);
        let inodes: Vec<&str> = inodes
            .filter_map(|line| line.split_whitespace().nth(6))
            .collect();
        let descriptors = fs::read_dir(format!("/proc/{agent}/fd")).unwrap();
        let mut targets = descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        targets.any(|target| {
            let target = target.to_string_lossy().into_owned();
            inodes
                .iter()
                .any(|inode| target == format!("socket:[{inode}]"))
        })
    };
    while serves() {
        assert!(Instant::now() < limit, "a client never left");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What is wrong with an agent's memory: more than these, less than these, or keys in more than one small piece of it.
fn wrong_at_rest(found: &[Found], allowed: &[&str]) -> Option<String> {
    let names = names(found);
    let places = || found.iter().map(|found| found.address);
    let spread = places().max().unwrap_or(0) - places().min().unwrap_or(0);
    let is_right = names.iter().eq(allowed.iter().collect::<BTreeSet<_>>()) && spread < 16 * 1024;
    (!is_right).then(|| format!("{found:?}"))
}

#[track_caller]
fn assert_at_rest(agent: u32, canaries: &[Canary], allowed: &[&str], state: &str) {
    wait_for_rest(agent);
    let looks = (0..LOOKS).map(|_| wrong_at_rest(&scan(agent, canaries), allowed));
    let wrong: Option<Vec<String>> = looks.collect();
    assert!(
        wrong.is_none(),
        "{state}: {}",
        wrong.unwrap_or_default().join("\n")
    );
}

#[test]
#[ignore = "needs gdb, and root to read another program's memory"]
fn an_agent_at_rest_holds_keys_alone_and_a_locked_one_nothing() {
    let bench = Bench::with_vault();
    bench.run(&["add", "mail", "--secret-stdin"], ITEM);
    let uri = format!("otpauth://totp/canary?secret={SEED}");
    bench.run(&["otp", "add", "mail", "--otp-stdin"], &uri);
    let keys = keys_of(&bench.path("drive/vault.keyfold"), PASSWORD);
    let canaries = [texts(), keys].concat();

    assert!(bench.run(&["unlock"], "").status.success());
    let status = through_agent(&bench, &["agent", "status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    let agent = u32::try_from(status["pid"].as_u64().unwrap()).unwrap();
    assert_at_rest(agent, &canaries, &OPEN, "unlocked and idle");

    for arguments in [
        &["get", "mail"][..],
        &["otp", "mail"],
        &["show", "mail", "--reveal"],
        &["edit", "mail", "--username", "anna"],
    ] {
        through_agent(&bench, arguments);
        assert_at_rest(agent, &canaries, &OPEN, arguments[0]);
    }
    let edit = bench.run(&["edit", "mail", "--secret-stdin"], EDITED);
    assert!(edit.status.success());
    assert_eq!(
        through_agent(&bench, &["get", "mail"]).stdout,
        EDITED.as_bytes()
    );
    assert_at_rest(agent, &canaries, &OPEN, "edited elsewhere");

    // Whoever asks the agent leaves nothing either.
    let mut get = bench.prepare(env!("CARGO_BIN_EXE_keyfold"));
    get.args(["--no-input", "get", "mail"]);
    fs::write(bench.path("input/stdin"), "").unwrap();
    let (input, output) = (bench.path("input/stdin"), bench.path("output"));
    let stopped = Stopped::at("exit_group", &get, &input, &output);
    assert_eq!(fs::read(&output).unwrap(), EDITED.as_bytes());
    assert_eq!(scan(stopped.pid, &canaries), []);
    drop(stopped);

    through_agent(&bench, &["lock"]);
    assert_at_rest(agent, &canaries, &[], "locked");
    through_agent(&bench, &["agent", "stop"]);
}
