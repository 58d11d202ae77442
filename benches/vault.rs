//! How long an open vault takes to be there, beyond Argon2: opening, listing, searching, adding, importing; and how
//! many bytes it costs.
//!
//! Vaults are opened with a recovery key, which needs no Argon2, so that the rest is visible. All ways run in turns
//! within one run, beside their floor: the replica read from the disk and put through XChaCha20-Poly1305 once, nothing
//! else. Machines drift: compare within a table, never across two.
//!
//! `cargo bench --bench vault` takes half a minute; `cargo bench --bench vault -- full` goes up to 100,000 items, and
//! `-- 5000` measures that size alone.
#![allow(
    clippy::ok_expect,
    reason = "what holds a secret has no Debug to print it with"
)]
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod scene;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use keyfold::exchange;
use keyfold::log::frame::{FrameKind, HEADER_LENGTH, parse_header};
use keyfold::log::{BLOCK, preamble};
use keyfold::model::draft::Draft;
use keyfold::model::field;
use keyfold::model::ids::{FieldId, ItemId};
use keyfold::model::search;
use keyfold::storage::{
    Listing, Lock, LockKind, RealStorage, Stamp, Storage, StorageError, StoredFile,
};
use keyfold::vault::{Places, Vault};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{add_all, find_replica, length, make_vault, median, milliseconds, open, run_child};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const TITLE_SEARCHED: &str = "Account 77";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some((what, place)) = scene::child_task(&words) {
        return child(what, place);
    }
    let full = words.iter().any(|word| word == "full");
    let asked: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let sizes: &[usize] = match (asked.as_slice(), full) {
        ([], false) => &[100, 1_000, 10_000],
        ([], true) => &[100, 1_000, 10_000, 100_000],
        (asked, _) => asked,
    };
    let folder = std::env::temp_dir().join(format!("keyfold-bench-{}", std::process::id()));
    let rounds = 15;
    table(&folder, sizes, rounds);
    imports(&folder, sizes, 5);
    std::fs::remove_dir_all(&folder).expect("the folder is this run's own");
}

// ---------------------------------------------------------------------------------------------- tables

fn table(folder: &Path, sizes: &[usize], rounds: usize) {
    println!(
        "median of {rounds}; milliseconds, in brackets the ratio to the floor (replica read, one XChaCha20-Poly1305 pass)"
    );
    println!(
        "{:>7} {:10} {:>8} {:>15} {:>15} {:>9} {:>9} {:>8} {:>8} {:>9} {:>9} {:>12}",
        "items",
        "made by",
        "floor",
        "open+reveal",
        "reread file",
        "rows",
        "find",
        "add",
        "add wr.",
        "process",
        "RSS MiB",
        "bytes/item"
    );
    for size in sizes {
        for way in [Way::Import, Way::Adds] {
            let scene = Scene::make(folder, *size, way);
            scene.print_row(rounds);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// All items in one record.
    Import,
    /// Each item in a record of its own; the replica holds packs.
    Adds,
}

struct Scene {
    size: usize,
    way: Way,
    places: Places,
}

impl Scene {
    fn make(folder: &Path, size: usize, way: Way) -> Self {
        let name = match way {
            Way::Import => "import",
            Way::Adds => "adds",
        };
        let places = places(&folder.join(format!("{name}-{size}")));
        let mut rng = StdRng::seed_from_u64(7);
        // What is measured later is reading; the thousands of writes before need not reach the disk one by one.
        let mut vault = make_vault(Disk::unsynced(), &places, "bench", &mut rng);
        match way {
            Way::Import => add_all(&mut vault, (0..size).map(login), &mut rng),
            Way::Adds => {
                for number in 0..size {
                    add_all(&mut vault, std::iter::once(login(number)), &mut rng);
                }
            }
        }
        Self { size, way, places }
    }

    fn print_row(&self, rounds: usize) {
        let disk = Disk::synced();
        let replica = find_replica(&self.places.state_folder);
        let seen = replica.with_file_name("seen");
        drop(self.open(&disk));
        let bytes = length(&self.places.vault_file);
        let mut times: [Vec<f64>; 8] = Default::default();
        for _ in 0..rounds {
            times[0].push(milliseconds(|| floor(&replica)).0);
            let (open, vault) = milliseconds(|| {
                let vault = self.open(&disk);
                reveal_last(&vault);
                vault
            });
            times[1].push(open);
            times[2].push(milliseconds(|| vault.state().rows().count()).0);
            let find = || black_box(search::find(TITLE_SEARCHED, vault.state().rows()).len());
            times[3].push(milliseconds(find).0);
            drop(vault);
            std::fs::remove_file(&seen).expect("opening leaves a note of what was seen");
            times[4].push(milliseconds(|| self.open(&disk)).0);
            times[5].push(self.process("open") - self.process("nothing"));
        }
        let memory = self.resident("open") - self.resident("nothing");
        let mut rng = StdRng::seed_from_u64(8);
        let mut vault = self.open(&disk);
        let synced = disk.synced_files();
        for number in 0..rounds {
            let draft = std::iter::once(login(self.size + number));
            times[6].push(milliseconds(|| add_all(&mut vault, draft, &mut rng)).0);
        }
        let synced = disk.synced_files() - synced;
        let grown = length(&self.places.vault_file) - bytes;
        assert_eq!(
            grown,
            (BLOCK * rounds) as u64,
            "one change is one block, at any size"
        );
        assert!(
            self.size > 200 || synced == 2 * rounds as u64,
            "one change syncs two files"
        );
        let mut unsynced = self.open(&Disk::unsynced());
        for number in 0..rounds {
            let draft = std::iter::once(login(self.size + rounds + number));
            times[7].push(milliseconds(|| add_all(&mut unsynced, draft, &mut rng)).0);
        }

        let [
            floor,
            open,
            summaries,
            find,
            reread,
            process,
            add,
            add_unsynced,
        ] = times.map(|mut times| median(&mut times));
        let ratio = |time: f64| format!("{time:8.2} ({:4.1})", time / floor);
        println!(
            "{:>7} {:10} {floor:8.2} {:>15} {:>15} {summaries:9.2} {find:9.2} {add:8.2} {add_unsynced:8.2} {process:9.2} {memory:9.1} {:12.0}",
            self.size,
            match self.way {
                Way::Import => "one import",
                Way::Adds => "adds",
            },
            ratio(open),
            ratio(reread),
            bytes as f64 / self.size as f64,
        );
    }

    fn open(&self, disk: &Arc<Disk>) -> Vault {
        open(Arc::<Disk>::clone(disk), &self.places, "bench")
    }

    /// Milliseconds of a whole process that opens the vault, or does nothing.
    fn process(&self, what: &str) -> f64 {
        milliseconds(|| run_child(what, &self.places)).0
    }

    /// The largest resident set of such a process, in MiB.
    fn resident(&self, what: &str) -> f64 {
        let kib: f64 = run_child(what, &self.places)
            .trim()
            .parse()
            .unwrap_or(f64::NAN);
        kib / 1024.0
    }
}

/// One process that opens a vault and reveals one password, or only starts.
fn child(what: &str, place: &Path) {
    if what == "open" {
        let vault = open(Disk::synced(), &places(place), "bench");
        reveal_last(&vault);
    }
    scene::print_status(&["VmHWM:"]);
}

/// Importing a CSV: reading it, planning, sealing, writing both files.
fn imports(folder: &Path, sizes: &[usize], rounds: usize) {
    println!(
        "\nimport of a CSV; median of {rounds}, milliseconds (with both fsyncs), bytes of the vault file for each item"
    );
    println!(
        "{:>7} {:>9} {:>9} {:>9} {:>11} {:>11}",
        "items", "read CSV", "plan+write", "total", "bytes/item", "CSV bytes"
    );
    for size in sizes {
        let csv = csv(*size);
        let mut times: [Vec<f64>; 3] = Default::default();
        let mut bytes = 0;
        for round in 0..rounds {
            let place = folder.join(format!("csv-{size}-{round}"));
            let mut rng = StdRng::seed_from_u64(9);
            let disk = Disk::synced();
            let mut vault = make_vault(disk, &places(&place), "bench", &mut rng);
            let before = length(&places(&place).vault_file);
            let (read, imported) = milliseconds(|| {
                exchange::import(csv.as_bytes(), None, None)
                    .ok()
                    .expect("the CSV is well formed")
            });
            let drafts = imported.drafts.into_iter().map(|item| item.draft);
            let (written, ()) = milliseconds(|| add_all(&mut vault, drafts, &mut rng));
            times[0].push(read);
            times[1].push(written);
            times[2].push(read + written);
            bytes = length(&places(&place).vault_file) - before;
            assert!(size % 1000 != 0 || vault.state().summaries().len() == *size);
        }
        let [read, written, total] = times.map(|mut times| median(&mut times));
        println!(
            "{size:>7} {read:9.2} {written:9.2} {total:9.2} {:11.0} {:11.0}",
            bytes as f64 / *size as f64,
            csv.len() as f64 / *size as f64
        );
    }
}

// ---------------------------------------------------------------------------------------------- vaults

fn places(folder: &Path) -> Places {
    Places {
        vault_file: folder.join("vault.keyfold"),
        state_folder: folder.join("state"),
    }
}

fn reveal_last(vault: &Vault) {
    let id = last_item(vault);
    let item = vault.state().item(id).expect("it is there");
    let password = FieldId::Standard(field::PASSWORD);
    let value = &item.field(password).expect("it has one").current.value;
    black_box(vault.reveal(id, password, value).expect("it is authentic"));
}

fn last_item(vault: &Vault) -> ItemId {
    *vault.state().item_ids().last().expect("it has items")
}

fn login(number: usize) -> Draft {
    let mut draft = Draft {
        title: format!("Account {number}"),
        urls: vec![format!("https://www.site{number}.example.com/login")],
        ..Draft::default()
    };
    draft.push_standard(field::USERNAME, format!("user{number}@example.com"));
    draft.push_standard(field::PASSWORD, format!("{number:032x}"));
    draft.push_standard(field::NOTES, note(number));
    if number.is_multiple_of(10) {
        draft.push_standard(field::OTP, seed());
    }
    draft
}

fn note(number: usize) -> String {
    format!("Opened in the spring; the contract has number {number:08} today")
}

fn seed() -> String {
    "otpauth://totp/Site:me?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Site".to_owned()
}

/// What KeePassXC writes.
fn csv(size: usize) -> String {
    let mut text = String::from(
        "\"Group\",\"Title\",\"Username\",\"Password\",\"URL\",\"Notes\",\"TOTP\",\"Icon\",\"Last Modified\",\"Created\"\n",
    );
    for number in 0..size {
        let totp = if number.is_multiple_of(10) {
            seed()
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "\"Root\",\"Account {number}\",\"user{number}@example.com\",\"{number:032x}\",\"https://www.site{number}.example.com/login\",\"{}\",\"{totp}\",\"0\",\"2025-01-02T03:04:05Z\",\"2024-01-02T03:04:05Z\"",
            note(number)
        );
    }
    text
}

// ---------------------------------------------------------------------------------------------- floor

/// Reads the file and puts each frame's body through the cipher once; under any key that costs what opening costs.
fn floor(path: &Path) -> usize {
    let mut file = std::fs::read(path).expect("the replica is there");
    let cipher = XChaCha20Poly1305::new(&[7; 32].into());
    let mut at = BLOCK;
    let mut frames = 0;
    while let Some(header) = file.get(at..).and_then(parse_header) {
        let end = at + HEADER_LENGTH + header.body_length();
        let body = file.get_mut(at + HEADER_LENGTH..end).expect("it is whole");
        if header.kind != FrameKind::Slot {
            let associated = [0; preamble_context() + HEADER_LENGTH];
            let nonce = XNonce::from(header.nonce);
            let tag = cipher.encrypt_inout_detached(&nonce, &associated, InOutBuf::from(body));
            black_box(tag.expect("the body is short"));
        }
        at += header.frame_length();
        frames += 1;
    }
    black_box(frames)
}

const fn preamble_context() -> usize {
    size_of::<preamble::Context>()
}

// ---------------------------------------------------------------------------------------------- disk

/// The real disk that counts, or leaves out, what is synced.
struct Disk {
    syncs: bool,
    synced: Arc<AtomicU64>,
}

impl Disk {
    fn synced() -> Arc<Self> {
        let synced = Arc::default();
        Arc::new(Self {
            syncs: true,
            synced,
        })
    }

    fn unsynced() -> Arc<Self> {
        let synced = Arc::default();
        Arc::new(Self {
            syncs: false,
            synced,
        })
    }

    fn synced_files(&self) -> u64 {
        self.synced.load(Ordering::Relaxed)
    }

    fn wrap(&self, file: Box<dyn StoredFile>) -> Box<dyn StoredFile> {
        let (syncs, synced) = (self.syncs, Arc::clone(&self.synced));
        Box::new(DiskFile {
            file,
            syncs,
            synced,
        })
    }
}

impl Storage for Disk {
    fn open_read(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        RealStorage.open_read(path)
    }
    fn open_write(&self, path: &Path) -> Result<Option<Box<dyn StoredFile>>, StorageError> {
        Ok(RealStorage.open_write(path)?.map(|file| self.wrap(file)))
    }
    fn create(&self, path: &Path) -> Result<Box<dyn StoredFile>, StorageError> {
        Ok(self.wrap(RealStorage.create(path)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        RealStorage.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> Result<(), StorageError> {
        RealStorage.rename_new(from, to)
    }
    fn remove(&self, path: &Path) -> Result<(), StorageError> {
        RealStorage.remove(path)
    }
    fn sync_folder(&self, folder: &Path) -> Result<(), StorageError> {
        if self.syncs {
            RealStorage.sync_folder(folder)
        } else {
            Ok(())
        }
    }
    fn make_folder(&self, folder: &Path) -> Result<(), StorageError> {
        RealStorage.make_folder(folder)
    }
    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, StorageError> {
        RealStorage.stamp(path)
    }
    fn list(&self, folder: &Path, limit: usize) -> Result<Listing, StorageError> {
        RealStorage.list(folder, limit)
    }
    fn lock(
        &self,
        path: &Path,
        kind: LockKind,
        wait: Duration,
    ) -> Result<Box<dyn Lock>, StorageError> {
        RealStorage.lock(path, kind, wait)
    }
}

#[derive(Debug)]
struct DiskFile {
    file: Box<dyn StoredFile>,
    syncs: bool,
    synced: Arc<AtomicU64>,
}

impl StoredFile for DiskFile {
    fn path(&self) -> &Path {
        self.file.path()
    }
    fn stamp(&self) -> Result<Stamp, StorageError> {
        self.file.stamp()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        self.file.read_at(offset, buffer)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageError> {
        self.file.write_at(offset, bytes)
    }
    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        self.file.truncate(length)
    }
    fn sync(&self) -> Result<(), StorageError> {
        self.synced.fetch_add(1, Ordering::Relaxed);
        if self.syncs { self.file.sync() } else { Ok(()) }
    }
}
