//! `attach`: files in, out, shown and taken away, by people who mistype and by devices that lie.

use crate::program::{Home, Ran};
use crate::pty::Terminal;
use crate::waiting;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A home with an item and a file of this name beside it.
fn home(name: &str, content: &[u8]) -> Home {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    fs::write(home.path(name), content).unwrap();
    home
}

fn names_in(home: &Home, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(home.path(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_goes_in_and_comes_out_as_it_was() {
    let content: Vec<u8> = (0..=250_u8).cycle().take(2_500_000).collect();
    let home = home("plan.bin", &content);
    fs::write(home.path("empty"), b"").unwrap();
    home.run(&["attach", "add", "mail", "plan.bin", "empty"])
        .ok()
        .says("Attached 2 files to mail.");
    let listed = home.run(&["--json", "attach", "ls", "mail"]).ok().json();
    assert_eq!(listed["files"][0]["name"], "empty");
    assert_eq!(listed["files"][1]["bytes"], 2_500_000);
    let listed = home.run(&["attach", "ls", "mail"]).ok().out;
    assert!(listed.contains("2.3 MiB"), "{listed}");
    let shown = home.run(&["--json", "show", "mail"]).ok().json();
    assert_eq!(shown["files"][1]["name"], "plan.bin");
    let shown = home.run(&["show", "mail"]).ok().out;
    assert!(shown.contains("plan.bin (2.3 MiB)"), "{shown}");
    fs::create_dir(home.path("out")).unwrap();
    home.run(&["attach", "get", "mail", "--output", "out"])
        .ok()
        .says("Wrote 2 files of mail, in clear, to out.");
    assert_eq!(fs::read(home.path("out/plan.bin")).unwrap(), content);
    assert_eq!(fs::read(home.path("out/empty")).unwrap(), b"");
    let mode = fs::metadata(home.path("out/plan.bin")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    // The whole of it once more, through a pipe and from one.
    let mut command = home.command();
    command
        .args(["--password-file", &home.arg("password")])
        .args(["attach", "get", "mail", "plan.bin", "--output", "-"]);
    assert_eq!(command.output().unwrap().stdout, content);
    let text = "from a pipe\n";
    home.run_with(&["attach", "add", "mail", "-", "--as", "notes.txt"], text)
        .ok();
    home.run(&["attach", "get", "mail", "notes.txt", "-o", "-"])
        .ok()
        .prints(text);
}

#[test]
fn nothing_is_written_over_and_nothing_stays_half_written() {
    let home = home("a.txt", b"new");
    home.run(&["attach", "add", "mail", "a.txt"]).ok();
    fs::create_dir(home.path("out")).unwrap();
    fs::write(home.path("out/a.txt"), b"mine").unwrap();
    home.run(&["attach", "get", "mail", "-o", "out"])
        .exits(1)
        .says("exists");
    assert_eq!(fs::read(home.path("out/a.txt")).unwrap(), b"mine");
    // Nor through a link that somebody put there.
    fs::remove_file(home.path("out/a.txt")).unwrap();
    symlink(home.path("elsewhere"), home.path("out/a.txt")).unwrap();
    home.run(&["attach", "get", "mail", "-o", "out"]).exits(1);
    assert!(!home.path("elsewhere").exists());
    home.run(&["attach", "get", "mail", "-o", "nowhere"])
        .exits(3)
        .says("no folder");
}

/// B17: the names come from whoever attached the files, with whatever program.
#[test]
fn hostile_names_stay_in_the_chosen_folder_and_reach_no_terminal() {
    let home = home("x", b"content");
    let hostile = [
        "../../escaped",
        "/tmp/escaped",
        ".bashrc",
        "a\u{1b}]52;c;eA==\u{7}b",
        "CON",
    ];
    for name in hostile {
        home.run(&["attach", "add", "mail", "x", "--as", name]).ok();
    }
    let listed = home.run(&["attach", "ls", "mail"]).ok();
    let shown = home.run(&["show", "mail"]).ok();
    fs::create_dir_all(home.path("deep/er/out")).unwrap();
    let got = home
        .run(&["attach", "get", "mail", "-o", "deep/er/out"])
        .ok();
    for ran in [listed, shown, got] {
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'));
    }
    assert_eq!(
        names_in(&home, "deep/er/out"),
        [
            "_.bashrc",
            "_CON",
            "a_]52;c;eA==_b",
            "escaped",
            "escaped (2)"
        ]
    );
    assert_eq!(names_in(&home, "deep"), ["er"]);
    assert_eq!(names_in(&home, "deep/er"), ["out"]);
}

#[test]
fn a_name_that_is_taken_is_told_and_replaced_on_request() {
    let home = home("a.txt", b"old");
    home.run(&["attach", "add", "mail", "a.txt"]).ok();
    fs::write(home.path("a.txt"), b"new").unwrap();
    home.run(&["attach", "add", "mail", "a.txt"])
        .exits(1)
        .says("--replace");
    home.run(&["attach", "add", "mail", "a.txt", "--replace"])
        .ok();
    let printed = |text: &str| {
        home.run(&["attach", "get", "mail", "a.txt", "-o", "-"])
            .ok()
            .prints(text);
    };
    printed("new");
    home.run(&["undo"]).ok();
    printed("old");
    home.run(&["attach", "rm", "mail", "a.txt"]).ok();
    home.run(&["attach", "ls", "mail"]).ok().says("No files");
    home.run(&["attach", "get", "mail"]).exits(3);
    home.run(&["undo"]).ok();
    printed("old");
}

#[test]
fn what_cannot_be_attached_is_told_and_leaves_nothing_behind() {
    let home = home("a.txt", b"x");
    let size = || fs::metadata(home.vault()).unwrap().len();
    let before = size();
    for (args, code, text) in [
        (&["attach", "add", "mail", "gone"][..], 3, "no file gone"),
        (&["attach", "add", "nobody", "a.txt"], 3, "no item nobody"),
        (&["attach", "add", "mail", "."], 2, "is no file"),
        (&["attach", "add", "mail", "-"], 2, "--as"),
        (
            &["attach", "add", "mail", "a.txt", "--as", ""],
            2,
            "1 to 255",
        ),
        (
            &["attach", "add", "mail", "a.txt", "a.txt"],
            2,
            "two of the files",
        ),
        (
            &["attach", "add", "mail", "a.txt", "a.txt", "--as", "c"],
            2,
            "one file",
        ),
        (&["attach", "rm", "mail", "b"], 3, "no file b"),
        (&["attach", "get", "mail", "b"], 3, "no file b"),
        (&["attach", "open", "mail"], 2, "no terminal"),
    ] {
        home.run(args).exits(code).says(text);
    }
    assert_eq!(size(), before);
    home.run(&["check"]).ok();
}

#[test]
fn a_file_travels_to_another_device_and_through_the_agent() {
    let home = home("a.txt", b"content");
    home.run(&["unlock"]).ok();
    home.bare(&["--no-input", "attach", "add", "mail", "a.txt"], "")
        .ok();
    home.bare(&["--no-input", "attach", "get", "mail", "-o", "-"], "")
        .ok()
        .prints("content");
    home.run_on("phone", &["attach", "get", "mail", "-o", "-"], "")
        .ok()
        .prints("content");
}

#[test]
fn open_shows_a_private_copy_that_is_gone_afterwards() {
    let home = home("a.txt", b"content");
    home.run(&["attach", "add", "mail", "a.txt"]).ok();
    // Stands for the desktop's own.
    let seen = home.arg("seen");
    let opener = home.write(
        "xdg-open",
        &format!("#!/bin/sh\ncp \"$1\" {seen}.part && ls -l \"$1\" > {seen}.mode && mv {seen}.part {seen}\n"),
    );
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(home.path("run")).unwrap();
    let mut command = home.command();
    let path = std::env::var("PATH").unwrap();
    command
        .env("PATH", format!("{}:{path}", home.path("").display()))
        .env("XDG_RUNTIME_DIR", home.path("run"))
        .args(["--no-agent", "--password-file", &home.arg("password")])
        .args(["attach", "open", "mail"]);
    let mut terminal = Terminal::start(command);
    terminal.sees("Press Enter");
    waiting::until("the opener ran", || home.path("seen").exists());
    assert_eq!(fs::read(home.path("seen")).unwrap(), b"content");
    assert!(
        fs::read_to_string(home.path("seen.mode"))
            .unwrap()
            .starts_with("-rw-------")
    );
    assert_eq!(names_in(&home, "run").len(), 1);
    terminal.types("\n");
    assert_eq!(terminal.ends().0, 0);
    assert_eq!(names_in(&home, "run"), [""; 0]);
}

/// The largest resident set that a process had so far, in bytes.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

static PIECE: [u8; 1 << 20] = [0xa7; 1 << 20];

/// Starts `attach` with these arguments, its input and output in pipes.
fn start(home: &Home, args: &[&str]) -> Child {
    let mut command: Command = home.command();
    command
        .args(["--password-file", &home.arg("password"), "attach"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command.spawn().unwrap()
}

/// Attaches that many mebibytes and writes them out again; the most memory that either took.
fn peaks(home: &Home, name: &str, mebibytes: usize) -> [u64; 2] {
    let mut child = start(home, &["add", "mail", "-", "--as", name]);
    let mut input = child.stdin.take().unwrap();
    for _ in 0..mebibytes {
        input.write_all(&PIECE).unwrap();
    }
    let added = peak(&child);
    drop(input);
    assert!(child.wait().unwrap().success());
    let mut child = start(home, &["get", "mail", name, "--output", "-"]);
    let mut output = child.stdout.take().unwrap();
    let mut read = vec![0; PIECE.len()];
    for _ in 1..mebibytes {
        output.read_exact(&mut read).unwrap();
        assert!(read == PIECE);
    }
    // It waits for somebody who takes the last piece.
    let got = peak(&child);
    output.read_exact(&mut read).unwrap();
    assert!(read == PIECE && output.read(&mut read).unwrap() == 0);
    assert!(child.wait().unwrap().success());
    [added, got]
}

#[cfg(target_os = "linux")]
fn memory_does_not_grow_to(mebibytes: usize) {
    let home = Home::new();
    home.add("mail", "hunter2", &[]);
    let small = peaks(&home, "small", 2);
    let large = peaks(&home, "large", mebibytes);
    for (small, large) in small.into_iter().zip(large) {
        assert!(large < small.max(32 << 20) + (16 << 20), "{small}, {large}");
    }
    home.run(&["check"]).ok();
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_file() {
    memory_does_not_grow_to(64);
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "needs minutes and 7 GiB of disk"]
fn memory_does_not_grow_with_a_file_of_two_gibibytes() {
    memory_does_not_grow_to(2048);
}

/// What a process that is killed while it stores leaves is no file, and in nobody's way.
#[test]
fn killed_while_it_stores_it_has_attached_nothing() {
    let home = home("a.txt", b"x");
    let mut child = start(&home, &["add", "mail", "-", "--as", "big"]);
    let mut input = child.stdin.take().unwrap();
    for _ in 0..8 {
        input.write_all(&PIECE).unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let nothing: Ran = home.run(&["attach", "ls", "mail"]).ok();
    nothing.says("No files");
    home.run(&["attach", "add", "mail", "a.txt"]).ok();
    home.run(&["attach", "get", "mail", "-o", "-"])
        .ok()
        .prints("x");
    home.run(&["check"]).ok();
}

/// Bytes of all files below a folder.
fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let sizes = entries.map(|entry| match entry.metadata().unwrap() {
        found if found.is_dir() => bytes_below(&entry.path()),
        found => found.len(),
    });
    sizes.sum()
}

fn interrupt(child: &Child) {
    let pid = Pid::from_child(child);
    kill_process(pid, Signal::INT).unwrap();
}

/// Ctrl-C takes the pieces back that were stored already: nobody would miss them for months.
#[test]
fn interrupted_while_it_stores_it_leaves_nothing() {
    let home = home("a.txt", b"x");
    home.run(&["attach", "add", "mail", "a.txt"]).ok();
    let before = bytes_below(&home.path(""));
    let mut child = start(&home, &["add", "mail", "-", "--as", "big"]);
    let mut input = child.stdin.take().unwrap();
    for _ in 0..8 {
        input.write_all(&PIECE).unwrap();
    }
    assert!(bytes_below(&home.path("")) > before + (4 << 20));
    interrupt(&child);
    // A pipe is waited for, but not for long; whatever comes meanwhile is not stored.
    while input.write_all(&PIECE).is_ok() {}
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let after = bytes_below(&home.path(""));
    assert!(after < before + (1 << 20), "{before}, {after}");
    let listed = home.run(&["attach", "ls", "mail"]).ok();
    assert!(!listed.out.contains("big"), "{}", listed.out);
    home.run(&["check"]).ok();
}

/// A file that was written halfway is not to be taken for the whole.
#[test]
fn interrupted_while_it_writes_out_it_leaves_no_half_of_a_file() {
    let length = 64 << 20;
    let home = home("big", &vec![7; length]);
    home.run(&["attach", "add", "mail", "big"]).ok();
    fs::create_dir(home.path("out")).unwrap();
    let mut child = start(&home, &["get", "mail", "-o", &home.arg("out")]);
    waiting::until("a file appears", || !names_in(&home, "out").is_empty());
    interrupt(&child);
    match child.wait().unwrap().code() {
        Some(130) => assert_eq!(names_in(&home, "out"), [""; 0]),
        // It was done before the signal came.
        code => {
            assert_eq!(code, Some(0));
            let written = fs::metadata(home.path("out/big")).unwrap();
            assert_eq!(written.len(), length as u64);
        }
    }
}
