//! What an audit costs: 10,000 items as whole processes of the program, and 10,000 passwords looked up in lists of ten million.
//!
//! The promises are 2 s without zxcvbn and 8 s with it, and 1 s for the lookups in every form of a list. Half of the passwords are
//! generated, half are as people choose them. The floor of the audits is `ls` of the same vault in the same way; that of the
//! lookups is hashing alone.
//!
//! `cargo bench --bench audit` takes a minute and 1.6 GiB of the temporary folder; `-- 1000` takes so many items and a list a
//! thousand times as long.
#![allow(
    clippy::ok_expect,
    reason = "what holds a secret has no Debug to print it with"
)]
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod scene;

use keyfold::audit::breach::{BreachList, ListFile, ListFolder, Place, build};
use keyfold::model::draft::Draft;
use keyfold::model::field;
use keyfold::secret::Secret;
use keyfold::storage::RealStorage;
use keyfold::vault::Places;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scene::{add_all, make_vault, median, milliseconds, recovery_key};
use sha1::{Digest, Sha1};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

const ROUNDS: usize = 5;
const PROGRAM: &str = env!("CARGO_BIN_EXE_keyfold");
/// What people make passwords of.
const WORDS: [&str; 12] = [
    "sunflower",
    "Dragon",
    "letmein",
    "princess",
    "Baseball",
    "monkey",
    "Shadow",
    "master",
    "Summer",
    "hunter",
    "coffee",
    "Liverpool",
];

fn main() {
    let words = std::env::args().skip(1);
    let asked: Option<usize> = words.filter_map(|word| word.parse().ok()).next();
    let items = asked.unwrap_or(10_000);
    let folder = std::env::temp_dir().join(format!("keyfold-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a new folder");
    audits(&folder, items);
    lookups(&folder, items);
    std::fs::remove_dir_all(&folder).expect("the folder is this run's own");
}

/// Whole processes, each with the vault opened by a recovery key, which needs no Argon2, or held by an agent.
fn audits(folder: &Path, items: usize) {
    fill(folder, items);
    let key = folder.join("recovery-key");
    let key = key.to_str().expect("a plain path");
    let opened = ["--no-agent", "--recovery-key-file", key];
    println!(
        "audits of {items} items, whole processes, best and median of {ROUNDS} in milliseconds"
    );
    println!("{:<34}{:>9}{:>9}", "", "best", "median");
    for (name, args) in [
        ("ls (floor)", ["ls", "--json"].as_slice()),
        ("audit --fast", &["audit", "--fast", "--json"]),
        ("audit", &["audit", "--json"]),
    ] {
        print_row(name, || command(folder, &[&opened[..], args].concat()));
    }
    let mut unlock = command(folder, &["--recovery-key-file", key, "unlock"]);
    assert!(unlock.status().expect("it runs").success());
    for (name, args) in [
        ("through the agent: ls (floor)", ["ls", "--json"].as_slice()),
        (
            "through the agent: audit --fast",
            &["audit", "--fast", "--json"],
        ),
        ("through the agent: audit", &["audit", "--json"]),
    ] {
        print_row(name, || command(folder, args));
    }
    print_row("through the agent: add, checked", || {
        let mut add = command(
            folder,
            &["--quiet", "add", "new", "--duplicate", "--secret-stdin"],
        );
        add.stdin(File::open(folder.join("password")).expect("it is there"));
        add
    });
    let mut stop = command(folder, &["agent", "stop"]);
    assert!(stop.status().expect("it runs").success());
}

fn print_row(name: &str, command: impl Fn() -> Command) {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let mut command = command();
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let (time, status) = milliseconds(|| command.status());
            assert!(status.expect("it runs").success(), "{name}");
            time
        })
        .collect();
    let middle = median(&mut times);
    let best = times.first().copied().unwrap_or(f64::NAN);
    println!("{name:<34}{best:>9.1}{middle:>9.1}");
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(args)
        .current_dir(folder)
        .env("HOME", folder)
        .env("XDG_RUNTIME_DIR", folder)
        .env("KEYFOLD_VAULT", folder.join("vault.keyfold"))
        .env("KEYFOLD_STATE_DIR", folder.join("state"))
        .env("KEYFOLD_CONFIG", folder.join("config.toml"));
    command
}

/// A vault of that many logins, and its recovery key in a file.
fn fill(folder: &Path, size: usize) {
    let mut rng = StdRng::seed_from_u64(7);
    // EXPOSE: the key of a vault that is gone in a minute.
    std::fs::write(
        folder.join("recovery-key"),
        recovery_key().to_text().expose(),
    )
    .expect("there is room");
    std::fs::write(folder.join("password"), "Sunflower-2026").expect("there is room");
    let places = Places {
        vault_file: folder.join("vault.keyfold"),
        state_folder: folder.join("state"),
    };
    let mut vault = make_vault(Arc::new(RealStorage), &places, "bench", &mut rng);
    let mut passwords = StdRng::seed_from_u64(8);
    let drafts = (0..size).map(|number| login(number, &mut passwords));
    add_all(&mut vault, drafts, &mut rng);
}

fn login(number: usize, rng: &mut StdRng) -> Draft {
    let mut draft = Draft {
        title: format!("Account {number}"),
        folder: format!("clients/{}", number % 50),
        urls: vec![format!("https://www.site{number}.example.com/login")],
        ..Draft::default()
    };
    draft.push_standard(field::USERNAME, format!("user{number}@example.com"));
    draft.push_standard(field::PASSWORD, password(number, rng));
    draft
}

fn password(number: usize, rng: &mut StdRng) -> String {
    if number.is_multiple_of(2) {
        let letters =
            (0..20).map(|_| char::from(b'!' + u8::try_from(rng.next_u32() % 94).unwrap_or(0)));
        return letters.collect();
    }
    let word = WORDS.get(number / 2 % WORDS.len()).unwrap_or(&"word");
    format!("{word}{}!", rng.next_u32() % 3000)
}

/// A file on the disk, as the program reads it.
struct Disk(File, u64);

impl Disk {
    fn open(path: &Path) -> Box<Self> {
        let file = File::open(path).expect("it was just written");
        let length = file.metadata().expect("it is a file").len();
        Box::new(Self(file, length))
    }
}

impl ListFile for Disk {
    fn length(&self) -> u64 {
        self.1
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}

/// A folder on the disk, as the program reads it.
struct Folder(PathBuf);

impl ListFolder for Folder {
    fn open(&self, name: &str) -> io::Result<Option<Box<dyn ListFile>>> {
        let path = self.0.join(name);
        Ok(path
            .is_file()
            .then(|| Disk::open(&path) as Box<dyn ListFile>))
    }
}

fn lookups(folder: &Path, passwords: usize) {
    let entries = passwords * 1000;
    let mut rng = StdRng::seed_from_u64(9);
    let asked: Vec<Secret> = (0..passwords)
        .map(|at| Secret::new(password(at, &mut rng)))
        .collect();
    let [text, binary, filter] = ["list.txt", "list.bin", "list.kff"].map(|name| folder.join(name));
    let (making, known) = milliseconds(|| {
        let hashes = make_hashes(entries, &asked, &mut rng);
        write_lists(&hashes, &text, &binary);
        write_ranges(&hashes, &asked, &folder.join("ranges"));
        asked.iter().step_by(3).count()
    });
    println!(
        "\n{passwords} passwords, {known} of them in a list of {entries} hashes (made in {:.0} s)",
        making / 1000.0
    );
    let (building, _) = milliseconds(|| {
        let list = BreachList::open(Place::File(Disk::open(&text))).expect("it is in order");
        let mut out =
            BufWriter::with_capacity(1 << 20, File::create(&filter).expect("there is room"));
        build(&list, &mut out, scene::now(), &mut |_| ()).expect("it is whole")
    });
    println!(
        "filter built in {:.1} s: {:.1} MB, {:.1} bits a hash, {:.0} hashes a second",
        building / 1000.0,
        megabytes(&filter),
        megabytes(&filter) * 8e6 / number(entries),
        number(entries) / building * 1000.0
    );
    println!(
        "{:<22}{:>9}{:>9}{:>9}{:>9}",
        "milliseconds", "MB", "open", "best", "found"
    );
    print_lookups("hashing (floor)", &asked, None, |password| {
        // EXPOSE: made up by this bench.
        let digest = Sha1::digest(password.expose());
        digest.first().is_some_and(|byte| *byte == 0)
    });
    let ranges = Place::Folder(Box::new(Folder(folder.join("ranges"))));
    let (opening, list) = milliseconds(|| BreachList::open(ranges));
    let list = list.expect("what is looked at is there");
    print_lookups(list.form(), &asked, Some((0.0, opening)), |password| {
        list.contains(password).expect("what is asked for is there")
    });
    for path in [&text, &binary, &filter] {
        let (opening, list) = milliseconds(|| BreachList::open(Place::File(Disk::open(path))));
        let list = list.expect("it is a list");
        print_lookups(
            list.form(),
            &asked,
            Some((megabytes(path), opening)),
            |password| list.contains(password).expect("it is in order"),
        );
    }
}

fn print_lookups(
    name: &str,
    asked: &[Secret],
    list: Option<(f64, f64)>,
    contains: impl Fn(&Secret) -> bool,
) {
    let mut best = f64::INFINITY;
    let mut found = 0;
    for _ in 0..ROUNDS {
        let (time, count) = milliseconds(|| asked.iter().filter(|one| contains(one)).count());
        best = best.min(time);
        found = count;
    }
    let (size, opening) = list.unwrap_or_default();
    println!("{name:<22}{size:>9.1}{opening:>9.1}{best:>9.1}{found:>9}");
}

/// Hashes of nothing in particular and of every third password, ascending.
fn make_hashes(entries: usize, asked: &[Secret], rng: &mut StdRng) -> Vec<[u8; 20]> {
    let mut hashes: Vec<[u8; 20]> = Vec::with_capacity(entries);
    hashes.extend(asked.iter().step_by(3).map(hash_of));
    while hashes.len() < entries {
        let mut hash = [0; 20];
        rng.fill_bytes(&mut hash);
        hashes.push(hash);
    }
    hashes.sort_unstable();
    hashes
}

fn hash_of(password: &Secret) -> [u8; 20] {
    // EXPOSE: made up by this bench.
    Sha1::digest(password.expose()).into()
}

fn write_lists(hashes: &[[u8; 20]], text: &Path, binary: &Path) {
    let create =
        |path| BufWriter::with_capacity(1 << 20, File::create(path).expect("there is room"));
    let (mut text, mut binary) = (create(text), create(binary));
    let mut write = || -> io::Result<()> {
        for (at, hash) in hashes.iter().enumerate() {
            text.write_all(data_encoding::HEXUPPER.encode(hash).as_bytes())?;
            write!(text, ":{}\r\n", at % 97 + 1)?;
            binary.write_all(hash)?;
        }
        text.flush()?;
        binary.flush()
    };
    write().expect("there is room");
}

/// Those of a million range files that are looked at, each with two thousand lines more than ten million hashes
/// give it: about as many as the files that can be downloaded have.
fn write_ranges(hashes: &[[u8; 20]], asked: &[Secret], folder: &Path) {
    std::fs::create_dir(folder).expect("a new folder");
    let prefix = |hash: &[u8; 20]| data_encoding::HEXUPPER.encode(hash)[..5].to_owned();
    let looked_at = (0..64_u32).flat_map(|at| [at, at << 14]);
    let mut names: BTreeSet<String> = looked_at
        .chain([0xF_FFFF])
        .map(|at| format!("{at:05X}"))
        .collect();
    names.extend(asked.iter().map(|one| prefix(&hash_of(one))));
    for name in names {
        let begin = hashes.partition_point(|hash| prefix(hash) < name);
        let own = hashes
            .iter()
            .skip(begin)
            .take_while(|hash| prefix(hash) == name);
        let own = own.map(|hash| data_encoding::HEXUPPER.encode(hash)[5..].to_owned());
        let more = (0..2000_u32).map(|at| format!("{:035X}", u128::from(at) << 90));
        let lines: String = own
            .chain(more)
            .map(|line| format!("{line}:3\r\n"))
            .collect();
        std::fs::write(folder.join(name), lines).expect("there is room");
    }
}

fn megabytes(path: &Path) -> f64 {
    number(usize::try_from(scene::length(path)).unwrap_or(0)) / 1e6
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
