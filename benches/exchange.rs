//! What a move costs: 10,000 items of another program into a vault, and one large file into it and out again.
//!
//! Each beside its floor in the same run: a database of KeePass opened by the keepass crate, a file copied through the bare
//! AEAD in pieces of the same size, read, sealed, written and synced. The promises are 250 ms for 10,000 items of Bitwarden,
//! 1.3 times the crate for a database, 1.5 times the copy for a file of 1 GiB.
//!
//! `cargo bench --bench exchange` takes some minutes and 6 GiB of disk; `-- 64` takes a file of 64 MiB.
#![allow(
    clippy::ok_expect,
    clippy::print_stdout,
    reason = "what holds a secret has no Debug to print it with; a benchmark prints its table"
)]

mod scene;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use keepass::config::{CompressionConfig, DatabaseConfig, KdfConfig, OuterCipherConfig};
use keepass::db::fields;
use keepass::{Database, DatabaseKey};
use keyfold::exchange::{Credentials, read};
use keyfold::model::draft::Draft;
use keyfold::model::ids::ItemId;
use keyfold::secret::{Secret, SecretBytes};
use keyfold::service::import::import;
use keyfold::state::change::{Attached, Edit};
use keyfold::storage::{RealStorage, Storage};
use keyfold::vault::{PIECE_LIMIT, Places, Vault};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{later, make_vault, median, milliseconds};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

const ITEMS: usize = 10_000;
const ROUNDS: usize = 7;
const MEBIBYTES: usize = 1024;
const FILE_ROUNDS: usize = 3;
const PASSWORD: &str = "correct horse";

fn main() {
    let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let folder = std::env::temp_dir().join(format!("keyfold-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a new folder");
    println!("medians in milliseconds; in brackets the ratio to the floor of the same run");
    bitwarden(&folder);
    database();
    attachment(&folder, asked.unwrap_or(MEBIBYTES));
    std::fs::remove_dir_all(&folder).expect("the folder is this run's own");
}

fn new_vault(folder: &Path, rng: &mut StdRng) -> Vault {
    let places = Places {
        vault_file: folder.join("vault.keyfold"),
        state_folder: folder.join("state"),
    };
    make_vault(Arc::new(RealStorage), &places, "bench", rng)
}

fn bitwarden(folder: &Path) {
    let items: Vec<String> = (0..ITEMS)
        .map(|number| {
            format!(
                r#"{{"id":"{number:08x}-0000-4000-8000-000000000000","folderId":"f{}","type":1,"reprompt":0,"name":"Account {number}",
                "notes":null,"favorite":false,"fields":[{{"name":"pin","value":"{number}","type":1}}],
                "login":{{"uris":[{{"match":null,"uri":"https://www.site{number}.example.com/login"}}],"username":"user{number}@example.com",
                "password":"{number:032x}","totp":"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}},
                "passwordHistory":[{{"lastUsedDate":"2024-01-02T03:04:05.000Z","password":"{number:016x}"}}],
                "revisionDate":"2025-01-02T03:04:05.000Z","creationDate":"2023-01-02T03:04:05.000Z","deletedDate":null}}"#,
                number % 20
            )
        })
        .collect();
    let folders: Vec<String> = (0..20)
        .map(|number| format!(r#"{{"id":"f{number}","name":"Folder {number}"}}"#))
        .collect();
    let text = format!(
        r#"{{"encrypted":false,"folders":[{}],"items":[{}]}}"#,
        folders.join(","),
        items.join(",")
    );
    let mut rng = StdRng::seed_from_u64(7);
    let (mut reading, mut whole, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let place = folder.join(format!("bitwarden-{round}"));
        let mut vault = new_vault(&place, &mut rng);
        let parse = || read(text.as_bytes(), None, None, &Credentials::default());
        let (read_time, source) = milliseconds(parse);
        let source = source.ok().expect("it is an export");
        let (import_time, ledger) =
            milliseconds(|| import(&mut vault, source, None, later(), &mut rng));
        assert_eq!(ledger.expect("there is room").items.created, ITEMS);
        reading.push(read_time);
        whole.push(read_time + import_time);
        let (again_time, ledger) = milliseconds(|| {
            let source = parse().ok().expect("it is an export");
            import(&mut vault, source, None, later(), &mut rng)
        });
        assert_eq!(ledger.expect("there is room").items.identical, ITEMS);
        again.push(again_time);
    }
    println!(
        "Bitwarden JSON, {ITEMS} items, {:.1} MB: read {:.0}, into a vault {:.0}, once more {:.0}",
        text.len() as f64 / 1e6,
        median(&mut reading),
        median(&mut whole),
        median(&mut again)
    );
}

fn database() {
    let mut config = DatabaseConfig::default();
    config.outer_cipher_config = OuterCipherConfig::ChaCha20;
    config.compression_config = CompressionConfig::GZip;
    config.kdf_config = KdfConfig::Aes { rounds: 1 };
    let mut database = Database::with_config(config);
    let mut root = database.root_mut();
    for number in 0..ITEMS {
        let mut entry = root.add_entry();
        entry.set_unprotected(fields::TITLE, format!("Account {number}"));
        entry.set_unprotected(fields::USERNAME, format!("user{number}@example.com"));
        entry.set_protected(fields::PASSWORD, format!("{number:032x}"));
        entry.set_unprotected(fields::URL, format!("https://site{number}.example.com"));
        entry.set_protected("pin", format!("{number}"));
    }
    let key = || DatabaseKey::new().with_password(PASSWORD);
    let mut bytes = Vec::new();
    database.save(&mut bytes, key()).expect("it is written");
    let password = Secret::new(PASSWORD.to_owned());
    let credentials = Credentials {
        password: Some(&password),
        ..Credentials::default()
    };
    let (mut floor, mut own) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (time, opened) = milliseconds(|| Database::open(&mut bytes.as_slice(), key()));
        assert!(opened.is_ok());
        floor.push(time);
        let (time, source) = milliseconds(|| read(&bytes, None, None, &credentials));
        assert!(source.is_ok());
        own.push(time);
    }
    let (floor, own) = (median(&mut floor), median(&mut own));
    println!(
        "KDBX 4, {ITEMS} entries: the keepass crate {floor:.0}, keyfold to drafts {own:.0} ({:.2})",
        own / floor
    );
}

fn attachment(folder: &Path, mebibytes: usize) {
    let source = folder.join("source");
    let piece: Vec<u8> = (0..=250_u8).cycle().take(PIECE_LIMIT).collect();
    let mut file = File::create(&source).expect("there is room");
    for _ in 0..mebibytes {
        file.write_all(&piece).expect("there is room");
    }
    file.sync_all().expect("there is room");
    let mut rng = StdRng::seed_from_u64(7);
    let target = folder.join("copy");
    let (mut floors, mut stores, mut reads) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..FILE_ROUNDS {
        touch(folder, mebibytes);
        floors.push(milliseconds(|| copy_sealed(&source, &target)).0);
        std::fs::remove_file(&target).expect("it was written");
        // A vault of its own, gone afterwards, so that no round leaves the next one less memory.
        let place = folder.join("files");
        let (mut vault, item) = vault_with_item(&place, &mut rng);
        touch(folder, 2 * mebibytes);
        stores.push(milliseconds(|| store(&mut vault, item, &source, &mut rng)).0);
        touch(folder, mebibytes);
        reads.push(milliseconds(|| read_back(&vault, item, &target)).0);
        let length = std::fs::metadata(&target).expect("it was written").len();
        assert_eq!(length, (mebibytes * PIECE_LIMIT) as u64);
        std::fs::remove_file(&target).expect("it was written");
        std::fs::remove_dir_all(&place).expect("it was made here");
    }
    let floor = median(&mut floors);
    let ratio = |times: &mut Vec<f64>| {
        let time = median(times);
        format!("{time:.0} ({:.2})", time / floor)
    };
    println!(
        "a file of {mebibytes} MiB: copied through the AEAD {floor:.0}, attached (to replica and vault file) {}, written out {}",
        ratio(&mut stores),
        ratio(&mut reads)
    );
}

/// Writes a file as long as those to come and removes it again, so that the memory they are cached in was touched before. A
/// virtual machine has none of it from its host until then, and waits for it longer than for the disk: that would be measured,
/// in one phase more than in another.
fn touch(folder: &Path, mebibytes: usize) {
    let path = folder.join("touched");
    let mut file = File::create(&path).expect("there is room");
    let bytes = vec![1; 1 << 20];
    for _ in 0..mebibytes {
        file.write_all(&bytes).expect("there is room");
    }
    std::fs::remove_file(&path).expect("it was written");
}

fn vault_with_item(place: &Path, rng: &mut StdRng) -> (Vault, ItemId) {
    let mut vault = new_vault(place, rng);
    let draft = Draft {
        title: "files".to_owned(),
        ..Draft::default()
    };
    scene::add_all(&mut vault, std::iter::once(draft), rng);
    let item = *vault.state().item_ids().first().expect("it was added");
    (vault, item)
}

/// The floor: read, sealed, written, synced.
fn copy_sealed(source: &Path, target: &Path) {
    let cipher = XChaCha20Poly1305::new(&[7; 32].into());
    let mut from = File::open(source).expect("it is there");
    let mut to = File::create(target).expect("there is room");
    let mut buffer = vec![0; PIECE_LIMIT];
    for number in 0_u64.. {
        let read = read_full(&mut from, &mut buffer);
        if read == 0 {
            break;
        }
        let mut nonce = [0; 24];
        nonce[..8].copy_from_slice(&number.to_le_bytes());
        let piece = buffer.get_mut(..read).expect("it was read");
        let tag = cipher
            .encrypt_inout_detached(&XNonce::from(nonce), b"", piece.into())
            .expect("it is short");
        to.write_all(piece).expect("there is room");
        to.write_all(&tag).expect("there is room");
    }
    to.sync_all().expect("there is room");
}

fn read_full(from: &mut File, buffer: &mut [u8]) -> usize {
    let mut read = 0;
    while read < buffer.len() {
        match from.read(buffer.get_mut(read..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) => panic!("{error}"),
        }
    }
    read
}

fn store(vault: &mut Vault, item: ItemId, source: &Path, rng: &mut StdRng) {
    let mut from = File::open(source).expect("it is there");
    let mut buffer = vec![0; PIECE_LIMIT];
    let mut attached = Attached {
        name: "file".to_owned(),
        length: 0,
        pieces: Vec::new(),
    };
    loop {
        let read = read_full(&mut from, &mut buffer);
        if read == 0 {
            break;
        }
        let piece = buffer.get(..read).expect("it was read");
        let stored = vault.store_piece(piece, later(), rng);
        attached.pieces.push(stored.expect("there is room"));
        attached.length += read as u64;
    }
    let edit = Edit::Attach(None, attached);
    let done = vault.update(later(), rng, |plan, rng| plan.edit(item, vec![edit], rng));
    done.expect("there is room");
}

fn read_back(vault: &Vault, item: ItemId, target: &Path) {
    let view = vault.state().item(item).expect("it is there");
    let file = view.attachments.first().expect("it was attached");
    let to = RealStorage.create(target).expect("there is room");
    // As the program does: while one piece is written, the next is opened.
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel::<SecretBytes>(1);
        scope.spawn(move || {
            let mut end = 0;
            for piece in receiver {
                // EXPOSE: it is written out.
                to.write_at(end, piece.expose()).expect("there is room");
                end += piece.len() as u64;
            }
            to.sync().expect("there is room");
        });
        for number in 0..file.pieces {
            let piece = vault.read_piece(item, file.dot, number);
            let sent = sender.send(piece.expect("it is there"));
            sent.expect("it is written");
        }
    });
}
