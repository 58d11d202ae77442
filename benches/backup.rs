//! What a backup costs, made and verified again: a vault of 10,000 items, and one with 1 GiB of attached files.
//!
//! Each row in turns with two floors in the same run: the file copied and synced, as `cp` and `sync` do, which proves
//! nothing; and copied, synced, and read once more through the bare cipher and SHA-256, which is the least that
//! authenticating every byte and naming every piece takes. Machines drift: compare within a run.
//!
//! `cargo bench --bench backup` takes a minute and 5 GiB of disk; `-- 64` takes 64 MiB of files.
#![allow(
    clippy::ok_expect,
    reason = "what holds a secret has no Debug to print it with"
)]
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod scene;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use keyfold::model::draft::Draft;
use keyfold::model::field;
use keyfold::state::change::{Attached, Edit};
use keyfold::storage::RealStorage;
use keyfold::vault::{PIECE_LIMIT, Places, Vault};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{add_all, later, length, make_vault, median, milliseconds};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ITEMS: usize = 10_000;
const ROUNDS: usize = 15;
const FILE_ROUNDS: usize = 3;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let mebibytes = words.iter().find_map(|word| word.parse().ok());
    let folder = std::env::temp_dir().join(format!("keyfold-backup-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("backups")).expect("there is room");
    println!(
        "medians in milliseconds; in brackets the ratios to a copy, and to a copy that is read once more"
    );
    let mut rng = StdRng::seed_from_u64(7);
    let mut vault = new_vault(&folder.join("items"), &mut rng);
    add_all(&mut vault, (0..ITEMS).map(login), &mut rng);
    measure(
        &format!("{ITEMS} items"),
        &mut vault,
        &folder,
        ROUNDS,
        &mut rng,
    );
    let mebibytes = mebibytes.unwrap_or(1024);
    let mut vault = new_vault(&folder.join("files"), &mut rng);
    attach(&mut vault, mebibytes, &mut rng);
    measure(
        &format!("{mebibytes} MiB of files"),
        &mut vault,
        &folder,
        FILE_ROUNDS,
        &mut rng,
    );
    std::fs::remove_dir_all(&folder).expect("the folder is this run's own");
}

fn new_vault(folder: &Path, rng: &mut StdRng) -> Vault {
    let places = Places {
        vault_file: folder.join("drive/vault.keyfold"),
        state_folder: folder.join("state"),
    };
    make_vault(Arc::new(RealStorage), &places, "bench", rng)
}

fn login(number: usize) -> Draft {
    let mut draft = Draft {
        title: format!("Account {number}"),
        urls: vec![format!("https://host{number}.example.com/login")],
        ..Draft::default()
    };
    draft.push_standard(field::USERNAME, format!("person{number}@example.com"));
    draft.push_standard(field::PASSWORD, format!("{number:032}"));
    draft
}

fn attach(vault: &mut Vault, mebibytes: usize, rng: &mut StdRng) {
    add_all(vault, std::iter::once(login(0)), rng);
    let item = *vault.state().item_ids().first().expect("it was added");
    let piece: Vec<u8> = (0..=250_u8).cycle().take(PIECE_LIMIT).collect();
    let mut attached = Attached {
        name: "file".to_owned(),
        length: (mebibytes * PIECE_LIMIT) as u64,
        pieces: Vec::new(),
    };
    for _ in 0..mebibytes {
        let stored = vault.store_piece(&piece, later(), rng);
        attached.pieces.push(stored.expect("there is room"));
    }
    let edit = Edit::Attach(None, attached);
    let added = vault.update(later(), rng, |plan, rng| plan.edit(item, vec![edit], rng));
    added.expect("there is room");
}

fn measure(what: &str, vault: &mut Vault, folder: &Path, rounds: usize, rng: &mut StdRng) {
    let backups = folder.join("backups");
    let (mut copies, mut reads) = (Vec::new(), Vec::new());
    let (mut made, mut verified) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..rounds {
        let (time, backup) = milliseconds(|| vault.back_up(&backups, later(), rng));
        made.push(time);
        let path = backups.join(backup.expect("there is room").name);
        bytes = length(&path);
        let (time, check) = milliseconds(|| vault.verify_backup(&path, later(), rng));
        verified.push(time);
        assert!(check.expect("it is there").ok, "it was just made");
        let target = folder.join("copy");
        let copied = milliseconds(|| copy(&path, &target)).0;
        copies.push(copied);
        reads.push(copied + milliseconds(|| read_sealed(&target)).0);
        for file in [path, target] {
            std::fs::remove_file(file).expect("it was written");
        }
    }
    let (copied, read) = (median(&mut copies), median(&mut reads));
    let shown = |times: &mut Vec<f64>| {
        let time = median(times);
        format!("{time:.0} ({:.2}, {:.2})", time / copied, time / read)
    };
    println!(
        "{what}, {} KiB: copied {copied:.0}, copied and read {read:.0}, backed up {}, verified {}",
        bytes / 1024,
        shown(&mut made),
        shown(&mut verified)
    );
}

/// The floor of all copies: every byte once, and the name.
fn copy(from: &Path, to: &PathBuf) {
    std::fs::copy(from, to).expect("there is room");
    let file = File::open(to).expect("it was written");
    file.sync_all().expect("there is room");
    let folder = File::open(to.parent().expect("it has one")).expect("it is there");
    folder.sync_all().expect("it is there");
}

/// The floor of all that proves something: every byte through the cipher, and through the hash that names pieces.
fn read_sealed(path: &Path) {
    let cipher = XChaCha20Poly1305::new(&[7; 32].into());
    let mut file = File::open(path).expect("it was written");
    let mut buffer = vec![0; PIECE_LIMIT];
    loop {
        let read = file.read(&mut buffer).expect("it was written");
        let piece = buffer.get_mut(..read).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        let tag = cipher.encrypt_inout_detached(&XNonce::from([0; 24]), b"", (&mut *piece).into());
        black_box(tag.expect("it is short"));
        black_box(Sha256::digest(piece));
    }
}
