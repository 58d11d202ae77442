//! Keeps the habits of ARCHITECTURE.md that the compiler cannot keep: which room may know which, where secrets are
//! exposed, what stands in one file only, how long a file may be. Every rule names what it found and where.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Which room of `src/` may use which; ARCHITECTURE.md draws the same. An arrow that nothing uses any more goes.
const ARROWS: [(&str, &[&str]); 14] = [
    ("secret", &[]),
    ("model", &["secret"]),
    ("otp", &["secret"]),
    ("generate", &["secret"]),
    ("drive", &[]),
    // Ids only: which vault, which key.
    ("log", &["model"]),
    // Associated data is made of preambles, headers and ids.
    ("crypto", &["log", "model", "secret"]),
    ("state", &["model", "secret"]),
    ("audit", &["generate", "model", "secret", "state"]),
    ("storage", &[]),
    ("exchange", &["model", "otp", "secret"]),
    (
        "vault",
        &[
            "crypto", "drive", "log", "model", "secret", "state", "storage",
        ],
    ),
    (
        "service",
        &[
            "audit", "exchange", "model", "otp", "secret", "state", "vault",
        ],
    ),
    // Keys on their way to the agent, and every question to a vault.
    ("wire", &["crypto", "model", "secret", "service", "vault"]),
];

/// Files that may expose a secret; each use there says why.
const EXPOSING: &[&str] = &[
    "src/audit/breach/hash.rs",
    "src/audit/marks.rs",
    "src/audit/strength.rs",
    "src/bin/keyfold/clipboard/osc52.rs",
    "src/bin/keyfold/clipboard/pasteboard.rs",
    "src/bin/keyfold/clipboard/wayland.rs",
    "src/bin/keyfold/clipboard/x11.rs",
    "src/bin/keyfold/commands/add.rs",
    "src/bin/keyfold/commands/attach/get.rs",
    "src/bin/keyfold/commands/conflicts.rs",
    "src/bin/keyfold/commands/cp.rs",
    "src/bin/keyfold/commands/export/beside.rs",
    "src/bin/keyfold/commands/generate.rs",
    "src/bin/keyfold/commands/get.rs",
    "src/bin/keyfold/commands/history.rs",
    "src/bin/keyfold/commands/import.rs",
    "src/bin/keyfold/commands/otp.rs",
    "src/bin/keyfold/commands/otp/watch.rs",
    "src/bin/keyfold/commands/recovery_key.rs",
    "src/bin/keyfold/commands/recovery_key/combine.rs",
    "src/bin/keyfold/commands/recovery_key/split.rs",
    "src/bin/keyfold/commands/show.rs",
    "src/bin/keyfold/editor.rs",
    "src/bin/keyfold/keyring.rs",
    "src/bin/keyfold/output.rs",
    "src/bin/keyfold/paper/html.rs",
    "src/bin/keyfold/paper/pdf.rs",
    "src/bin/keyfold/prompt.rs",
    "src/crypto/kdf.rs",
    "src/crypto/keys.rs",
    "src/crypto/recovery.rs",
    "src/crypto/seal.rs",
    "src/crypto/shares.rs",
    "src/crypto/slot.rs",
    "src/exchange/export/bitwarden.rs",
    "src/exchange/export/bitwarden_kinds.rs",
    "src/exchange/export/entry.rs",
    "src/exchange/export/kdbx.rs",
    "src/exchange/export/otpauth.rs",
    "src/exchange/kdbx/key.rs",
    "src/exchange/native.rs",
    "src/exchange/pass.rs",
    "src/exchange/picture.rs",
    "src/exchange/unlock.rs",
    "src/generate/strength.rs",
    "src/otp/mod.rs",
    "src/otp/qr.rs",
    "src/service/export.rs",
    "src/service/import/carried.rs",
    "src/service/import/files.rs",
    "src/service/import/matching.rs",
    "src/service/import/native.rs",
    "src/service/mod.rs",
    "src/vault/commit.rs",
    "src/vault/merge.rs",
    "src/vault/rekey.rs",
];

/// Keys that the crypto room hands to a primitive in the same line; a comment could only repeat it.
const KEYS: [&str; 6] = ["data", "nonce", "record", "secret", "slot_key", "slot_mac"];

/// Nobody reads a longer file in one go.
const LONGEST_FILE: usize = 800;

/// One text file of the tree.
struct Source {
    path: String,
    text: String,
    is_test: bool,
}

impl Source {
    /// Numbered lines that are built into the library or the program: what stands before `mod tests` at the end.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = if self.is_test {
            0
        } else {
            let end = self.text.find("#[cfg(test)]\nmod tests {");
            end.unwrap_or(self.text.len())
        };
        let text = self.text.get(..end).unwrap_or_default();
        text.lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line))
    }

    /// The same lines without their comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines()
            .map(|(number, line)| (number, without_comment(line)))
    }

    /// Lines of code that hold one of these texts, as "file:line: text".
    fn lines_with(&self, wanted: &[&str]) -> Vec<String> {
        let code = self.code();
        let found = code.filter(|(_, line)| wanted.iter().any(|text| line.contains(text)));
        found
            .map(|(number, line)| format!("{}:{number}: {}", self.path, line.trim()))
            .collect()
    }

    fn is(&self, path: &str) -> bool {
        self.path == path
    }
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        return "";
    }
    line.split(" // ").next().unwrap_or(line)
}

/// Every text file below `folder`, sorted. What is built or kept by other tools is not part of the tree.
fn tree(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")), folder, &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!found.is_empty(), "{folder} has no files");
    found
}

fn collect(root: &Path, folder: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        // `.git` is a file in a second work tree.
        let built = ["target", ".git", "__pycache__", "corpus", "artifacts"];
        if built.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            collect(root, &path, found);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            let is_test = path.starts_with("tests/");
            found.push(Source {
                path,
                text,
                is_test,
            });
        }
    }
}

/// Rust files of the library and the program.
fn rust() -> Vec<Source> {
    let mut files = tree("src");
    files.retain(|file| file.path.ends_with(".rs"));
    let tests: Vec<String> = files.iter().flat_map(modules_for_tests).collect();
    for file in &mut files {
        let module = file.path.trim_end_matches(".rs");
        file.is_test = tests.iter().any(|test| {
            module
                .strip_prefix(test.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
    }
    files
}

/// The files, without `.rs`, of the modules that a file declares for tests only.
fn modules_for_tests(file: &Source) -> Vec<String> {
    let module = file.path.trim_end_matches(".rs");
    let folder = ["/mod", "/lib", "/main"]
        .iter()
        .find_map(|name| module.strip_suffix(name));
    let folder = folder.unwrap_or(module);
    let declared = file.text.split("#[cfg(test)]\n").skip(1);
    let names = declared.filter_map(|rest| {
        let (declaration, _) = rest.split_once(';')?;
        let (_, name) = declaration.rsplit_once("mod ")?;
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        name.chars().all(is_name).then_some(name)
    });
    names.map(|name| format!("{folder}/{name}")).collect()
}

fn library() -> Vec<Source> {
    let mut files = rust();
    files.retain(|file| !file.path.starts_with("src/bin/"));
    files
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}\n  {}", found.join("\n  "));
}

/// Fails if `wanted` stands in code outside the files of `allowed`, and if one of those has it no more.
#[track_caller]
fn assert_only_in(wanted: &[&str], allowed: &[&str], files: &[Source], rule: &str) {
    let mut elsewhere = Vec::new();
    let mut used = BTreeSet::new();
    for file in files {
        let lines = file.lines_with(wanted);
        match allowed.iter().find(|path| file.is(path)) {
            Some(path) if !lines.is_empty() => drop(used.insert(*path)),
            Some(_) => {}
            None => elsewhere.extend(lines),
        }
    }
    assert_none(&elsewhere, rule);
    let unused = allowed.iter().filter(|path| !used.contains(*path));
    let unused: Vec<String> = unused.map(|path| (*path).to_owned()).collect();
    assert_none(&unused, "listed, but no longer needed there");
}

/// The room of a file of the library: `src/room.rs` or `src/room/…`; `lib` for the map.
fn room(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    let first = inside.split('/').next().unwrap_or(inside);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// Names that follow `crate::` in a line.
fn rooms_named(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|after| {
        let end = after.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        after.get(..end.unwrap_or(after.len())).unwrap_or(after)
    })
}

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    let files = library();
    for file in &files {
        let from = room(&file.path);
        if from == "lib" {
            continue;
        }
        let Some(arrows) = allowed.get(from) else {
            wrong.push(format!("{}: the room is not in the table", file.path));
            continue;
        };
        for (number, line) in file.code() {
            for to in rooms_named(line).filter(|to| *to != from) {
                if arrows.contains(&to) {
                    used.insert((from, to.to_owned()));
                } else {
                    wrong.push(format!("{}:{number}: {from} -> {to}", file.path));
                }
            }
        }
    }
    assert_none(&wrong, "an arrow that ARCHITECTURE.md does not have");
    let listed = ARROWS
        .iter()
        .flat_map(|(from, arrows)| arrows.iter().map(move |to| (*from, (*to).to_owned())));
    let unused: Vec<String> = listed
        .filter(|arrow| !used.contains(arrow))
        .map(|(from, to)| format!("{from} -> {to}"))
        .collect();
    assert_none(&unused, "an arrow that nothing uses");
}

#[test]
fn the_architecture_page_draws_the_same_arrows() {
    let page = read("ARCHITECTURE.md");
    let lines = page.lines().filter_map(|line| line.split_once("->"));
    let drawn: BTreeSet<(String, BTreeSet<String>)> = lines
        .map(|(from, to)| (from.trim().to_owned(), to))
        .filter(|(from, _)| ARROWS.iter().any(|(room, _)| room == from))
        .map(|(from, to)| {
            let rooms = to.split(',').map(|room| room.trim().to_owned());
            (from, rooms.filter(|room| !room.is_empty()).collect())
        })
        .collect();
    let listed = ARROWS.iter().map(|(from, to)| {
        let rooms = to.iter().map(|room| (*room).to_owned()).collect();
        ((*from).to_owned(), rooms)
    });
    assert_eq!(drawn, listed.collect());
}

#[test]
fn secrets_are_exposed_in_listed_files_and_each_use_says_why() {
    assert_only_in(
        &[".expose()"],
        EXPOSING,
        &rust(),
        "secrets are not exposed here",
    );
    let mut silent = Vec::new();
    for file in rust() {
        let lines: Vec<(usize, &str)> = file.lines().collect();
        for (at, (number, line)) in lines.iter().enumerate() {
            let code = without_comment(line);
            let is_key = |name: &&str| code.contains(&format!("{name}.expose()"));
            let goes_into_a_primitive =
                file.path.starts_with("src/crypto/") && KEYS.iter().any(is_key);
            if !code.contains(".expose()") || goes_into_a_primitive {
                continue;
            }
            let near = lines.get(at.saturating_sub(3)..=at).unwrap();
            if !near.iter().any(|(_, line)| line.contains("EXPOSE:")) {
                silent.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    assert_none(&silent, "no `EXPOSE:` here or in the three lines before");
}

/// A struct or enum: where it stands, its name, its attributes, its body without comments.
struct Shape {
    place: String,
    name: String,
    attributes: String,
    body: String,
}

fn shapes(file: &Source) -> Vec<Shape> {
    let mut found = Vec::new();
    let mut attributes = String::new();
    let lines: Vec<(usize, &str)> = file.code().collect();
    for (at, (number, line)) in lines.iter().enumerate() {
        let text = line.trim();
        let bare = text.strip_prefix("pub").map_or(text, |rest| {
            rest.trim_start_matches(|letter| !matches!(letter, ' '))
                .trim_start()
        });
        let name = ["struct ", "enum "]
            .iter()
            .find_map(|word| bare.strip_prefix(word));
        if let Some(rest) = name {
            let end = rest.find(['<', '(', '{', ';', ' ']).unwrap_or(rest.len());
            let mut body = String::new();
            let mut depth = 0_i32;
            for (_, line) in lines.iter().skip(at) {
                body.push_str(line);
                body.push('\n');
                for letter in line.chars() {
                    depth += i32::from("({".contains(letter)) - i32::from(")}".contains(letter));
                }
                if depth == 0 && (line.contains(';') || line.contains('}')) {
                    break;
                }
            }
            found.push(Shape {
                place: format!("{}:{number}", file.path),
                name: rest.get(..end).unwrap_or(rest).to_owned(),
                attributes: std::mem::take(&mut attributes),
                body,
            });
        } else if text.starts_with("#[") || text.ends_with(")]") {
            attributes.push_str(text);
        } else if !text.is_empty() {
            attributes.clear();
        }
    }
    found
}

/// Whether a body names a type where a type stands: after `:`, `(`, `<`, `&`, an attribute or a path.
fn holds(body: &str, name: &str) -> bool {
    body.match_indices(name).any(|(at, _)| {
        let before = body.get(..at).unwrap_or_default();
        let after = body.get(at + name.len()..).unwrap_or_default();
        let ends = !after.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        // `Secret(…)` and `Secret,` on a line of their own are variants of an enum.
        let begins = before
            .trim_end_matches(' ')
            .ends_with([':', '(', '<', '&', ']']);
        begins && ends
    })
}

#[test]
fn what_holds_a_secret_cannot_be_printed() {
    let files = rust();
    let all: Vec<Shape> = files.iter().flat_map(shapes).collect();
    // The keys' types are made by a macro, which is seen as `$name`.
    let mut secret: BTreeSet<&str> = ["Secret", "Zeroizing", "DataKey", "SlotKey"].into();
    loop {
        let more: BTreeSet<&str> = all
            .iter()
            .filter(|shape| !secret.contains(shape.name.as_str()))
            .filter(|shape| {
                shape.attributes.contains("Zeroize")
                    || secret.iter().any(|name| holds(&shape.body, name))
            })
            .map(|shape| shape.name.as_str())
            .collect();
        if more.is_empty() {
            break;
        }
        secret.extend(more);
    }
    for known in ["$name", "RecoveryKey", "Keys", "Seed", "Vault", "Draft"] {
        assert!(
            secret.contains(known),
            "{known} is not seen as a secret: {secret:?}"
        );
    }
    let mut printable: Vec<String> = all
        .iter()
        .filter(|shape| secret.contains(shape.name.as_str()) && shape.attributes.contains("Debug"))
        .map(|shape| format!("{}: {} derives Debug", shape.place, shape.name))
        .collect();
    for file in &files {
        for (number, line) in file.code() {
            for name in &secret {
                let shown = ["Debug", "Display"].iter().any(|shown| {
                    line.contains(&format!("{shown} for {name} "))
                        || line.contains(&format!("{shown} for {name}<"))
                });
                if shown && !name.starts_with('$') {
                    printable.push(format!("{}:{number}: {}", file.path, line.trim()));
                }
            }
        }
    }
    assert_none(&printable, "a secret could reach a log");
}

#[test]
fn no_file_is_longer_than_anybody_reads() {
    let mut files = rust();
    files.extend(tree("tests"));
    files.extend(tree("benches"));
    files.retain(|file| file.path.ends_with(".rs"));
    let long: Vec<String> = files
        .iter()
        .map(|file| (&file.path, file.text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert_none(&long, "split it where the code tells you");
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = [
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("TO", "DO"),
    ];
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches"] {
        for file in tree(folder) {
            for (number, line) in file.text.lines().enumerate() {
                if file.path.ends_with(".rs") && marks.iter().any(|mark| line.contains(mark)) {
                    found.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
                }
            }
        }
    }
    for file in rust() {
        let calls = ["todo!(", "unimplemented!(", "dbg!(", ".unwrap()"];
        found.extend(file.lines_with(&calls));
    }
    assert_none(&found, "finish it, or open an issue");
}

#[test]
fn one_file_prints_errors_and_one_prints_the_rest() {
    let words = ["println!(", "eprintln!(", "print!(", "eprint!("];
    assert_only_in(&words, &[], &rust(), "print through Output or Failure");
}

#[test]
fn unsafe_code_stands_in_one_folder_and_says_why_it_is_sound() {
    let folder = "src/bin/keyfold/memory";
    let module = format!("{folder}/mod.rs");
    let allowances = ["allow(unsafe_code", "expect(unsafe_code"];
    assert_only_in(&allowances, &[&module], &rust(), "no unsafe code here");
    assert!(read("src/lib.rs").contains("#![forbid(unsafe_code)]"));
    let words = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"];
    let (inside, outside): (Vec<Source>, Vec<Source>) = rust()
        .into_iter()
        .partition(|file| file.path.starts_with(&format!("{folder}/")));
    assert!(
        inside
            .iter()
            .any(|file| !file.lines_with(&words).is_empty())
    );
    assert_only_in(&words, &[], &outside, "no unsafe code here");
    let unsaid: Vec<String> = inside.iter().flat_map(unsafe_without_reason).collect();
    assert_none(&unsaid, "no SAFETY: above");
}

/// Unsafe blocks without a comment above that says why they are sound.
fn unsafe_without_reason(file: &Source) -> Vec<String> {
    let lines: Vec<&str> = file.text.lines().collect();
    let blocks = lines.iter().enumerate();
    let silent = blocks.filter(|(at, line)| {
        let mut before = lines.iter().take(*at).rev();
        let above = before.find(|line| !line.trim().starts_with("//") || line.contains("SAFETY:"));
        without_comment(line).contains("unsafe {")
            && !above.is_some_and(|line| line.contains("SAFETY:"))
    });
    silent
        .map(|(at, _)| format!("{}:{}", file.path, at + 1))
        .collect()
}

#[test]
fn what_must_stand_in_one_file_does() {
    let files = rust();
    assert_only_in(
        &["bincode::", "use bincode"],
        &["src/state/codec.rs"],
        &files,
        "only the codec knows bincode",
    );
    assert_only_in(
        &["rpassword::"],
        &["src/bin/keyfold/prompt.rs"],
        &files,
        "only prompt.rs reads passwords",
    );
    assert_only_in(
        &["\"keyfold v1 "],
        // The field of a tag and the dot of an imported seed are names, not keys.
        &[
            "src/crypto/keys.rs",
            "src/model/ids.rs",
            "src/service/import/native.rs",
        ],
        &files,
        "labels stand in one file",
    );
}

#[test]
fn only_the_program_knows_environment_clock_and_network() {
    let outside = [
        "std::env",
        "env::var",
        "SystemTime::now",
        "Instant::now",
        "std::process",
        "std::io::stdin",
        "std::io::stdout",
        "SysRng",
    ];
    let found: Vec<String> = library()
        .iter()
        .flat_map(|file| file.lines_with(&outside))
        .collect();
    assert_none(
        &found,
        "time, randomness and paths come into the library as arguments",
    );
    assert_only_in(
        &["std::env", "env::var"],
        // output.rs asks for NO_COLOR.
        &["src/bin/keyfold/context.rs", "src/bin/keyfold/output.rs"],
        &rust(),
        "the environment is read in context.rs",
    );
    assert_only_in(
        &["SystemTime::now"],
        &["src/bin/keyfold/context.rs"],
        &rust(),
        "context.rs reads the clock",
    );
    let network = [
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "ToSocketAddrs",
        "UnixDatagram",
        "net::socket",
    ];
    assert_only_in(&network, &[], &rust(), "nothing talks to a network");
    assert_only_in(
        &["UnixStream", "UnixListener"],
        &[
            "src/bin/keyfold/agent/client.rs",
            "src/bin/keyfold/agent/server.rs",
            "src/bin/keyfold/agent/socket.rs",
            "src/bin/keyfold/agent/stream.rs",
        ],
        &rust(),
        "the agent's socket is the only one",
    );
}

#[test]
fn every_dependency_has_its_reason_beside_it() {
    let manifest = read("Cargo.toml");
    let mut inside = false;
    let mut count = 0;
    let mut silent = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.contains("dependencies]");
        } else if inside && line.contains(" = ") && !line.starts_with('#') {
            count += 1;
            let reason = line.split_once(" # ").map_or("", |(_, reason)| reason);
            if reason.len() < 5 {
                silent.push(line.to_owned());
            }
        }
    }
    assert!(count > 20, "only {count} dependencies were seen");
    assert_none(&silent, "a dependency has a reason beside it");
}

#[test]
fn a_test_is_ignored_only_for_what_it_needs() {
    let mut files = tree("src");
    files.extend(tree("tests"));
    let mut unreasoned = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        for (number, line) in file.text.lines().enumerate() {
            // .ci/run runs those that need something; those that others run take part in the suite.
            let rest = line.trim().strip_prefix("#[ignore");
            let is_told =
                |rest: &str| rest.starts_with(" = \"needs ") || rest.starts_with(" = \"run by ");
            if rest.is_some_and(|rest| !is_told(rest)) {
                unreasoned.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert_none(&unreasoned, "say what it needs");
}

#[test]
fn no_file_names_a_machine() {
    // Taken apart, or this file would find itself.
    let places = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/sha"),
        concat!("/wo", "rk/main"),
        concat!("/Us", "ers/"),
        concat!("artif", "actory"),
        concat!("index.", "crates.io:"),
    ];
    let mut found = Vec::new();
    for file in tree("") {
        for (number, line) in file.text.lines().enumerate() {
            if places.iter().any(|place| line.contains(place)) {
                found.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert_none(&found, "an absolute path or a registry of one machine");
}
