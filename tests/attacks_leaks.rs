//! What a thief, a drive that watches, and a cloned machine learn: nothing but sizes and times (rows A1, A12, A21, A23).
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::log::frame::{FrameKind, parse_header};
use keyfold::model::field::{self, FieldKind};
use keyfold::model::ids::ItemId;
use keyfold::model::moment::Moment;
use keyfold::state::fold::Oddity;
use keyfold::state::view::{Life, Value};
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::Replacement;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scene::{
    NOW, add, dump, file_of, later, login, made, new_secret, opened, places, put, set_password,
    titles,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BLOCK: usize = 1024;

/// Attack A1: two vaults with equal numbers of changes cannot be told apart.
#[test]
fn two_vaults_with_as_many_changes_differ_in_nothing_but_random_bytes() {
    let vault_of = |seed: u64, title: &str, text: &str| {
        let storage = Arc::new(SimulatedStorage::new());
        let mut rng = StdRng::seed_from_u64(seed);
        let mut vault = made(&storage, &mut rng);
        for number in 0..200 {
            add(
                &mut vault,
                &format!("{title} {number}"),
                text,
                later(number),
                &mut rng,
            )
            .unwrap();
        }
        file_of(&storage)
    };
    let one = vault_of(1, "swordfish-title", "swordfish-password");
    let two = vault_of(2, "t", "");
    assert_eq!(one.len(), two.len());
    let shape = |file: &[u8]| -> Vec<(FrameKind, usize)> {
        let blocks = file.chunks_exact(BLOCK).skip(1);
        let headers = blocks.map(|block| parse_header(block).unwrap());
        headers
            .map(|header| (header.kind, header.frame_length()))
            .collect()
    };
    assert_eq!(shape(&one), shape(&two));
    for file in [&one, &two] {
        let mut counts = [0_u32; 256];
        let sealed = file.chunks_exact(BLOCK).skip(2);
        sealed
            .flat_map(|block| &block[64..])
            .for_each(|byte| counts[usize::from(*byte)] += 1);
        let all: u32 = counts.iter().sum();
        let expected = f64::from(all) / 256.0;
        let chi: f64 = counts
            .iter()
            .map(|count| (f64::from(*count) - expected).powi(2) / expected)
            .sum();
        // 255 degrees of freedom: 99.99 % lie between 178 and 347.
        assert!((178.0..347.0).contains(&chi), "{chi}");
    }
}

/// Attack A1: nothing that was typed lies in any file, in any encoding.
#[test]
fn no_text_of_the_vault_lies_in_a_file_in_any_encoding() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let mut draft = login("canary-title", "canary-password");
    draft.urls = vec!["https://canary-url.example".to_owned()];
    draft.tags = vec!["canary-tag".to_owned()];
    draft.folder = "canary-folder".to_owned();
    draft.push_custom("canary-name", FieldKind::Text, "canary-value".to_owned());
    let id = vault
        .update(NOW, &mut rng, |plan, rng| Ok(plan.add(draft, rng)))
        .unwrap();
    vault
        .update(later(1), &mut rng, set_password(id, "canary-second"))
        .unwrap();
    vault.compact(later(2), &mut rng).unwrap();
    let secrets = vec![new_secret(2, &mut rng)];
    vault
        .rekey(Replacement { secrets }, later(3), &mut rng)
        .unwrap();
    add(&mut vault, "canary-last", "x", later(4), &mut rng).unwrap();
    let device = vault.device().0;
    let tokens: Vec<Vec<u8>> = ["canary", "laptop", "login", "paper", "example"]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .chain([id.0.to_vec(), device.to_vec()])
        .collect();
    for path in storage.files() {
        let content = storage.content(&path).unwrap();
        let is_sealed = path.ends_with("replica") || path == places("a").vault_file;
        assert!(is_sealed || content.len() < 4096, "{}", path.display());
        if !is_sealed {
            continue; // the device's own id and stamps, outside every synced folder
        }
        for token in &tokens {
            let wide: Vec<u8> = token.iter().flat_map(|byte| [*byte, 0]).collect();
            let hex = data_encoding::HEXLOWER.encode(token).into_bytes();
            let bases = (0..3).map(|shift| {
                // Base64 of the token at each alignment, without its blurred ends.
                let padded = [vec![b' '; shift], token.clone()].concat();
                let text = data_encoding::BASE64_NOPAD.encode(&padded).into_bytes();
                let end = padded.len() / 3 * 4;
                text[if shift == 0 { 0 } else { 4 }..end].to_vec()
            });
            for needle in [token.clone(), wide, hex].into_iter().chain(bases) {
                assert!(
                    !content.windows(needle.len()).any(|window| window == needle),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// Attack A12: there is one place that decrypts, so there is nothing to be downgraded to. What opens other programs' exports
/// stands apart from it, in a room that no vault knows (tests/tidy.rs draws the arrows), and in three files of it.
#[test]
fn one_decrypt_path_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let (foreign, files): (Vec<PathBuf>, Vec<PathBuf>) = files
        .into_iter()
        .partition(|path| path.starts_with(root.join("exchange")));
    let count = |needle: &str| -> usize {
        files
            .iter()
            .map(|path| {
                std::fs::read_to_string(path)
                    .unwrap()
                    .matches(needle)
                    .count()
            })
            .sum()
    };
    assert_eq!(count("decrypt_inout_detached"), 1);
    assert_eq!(count(".encrypt_inout_detached"), 1);
    for other in [
        ".decrypt(",
        ".decrypt_in_place",
        "Aes256",
        "ChaCha20Poly1305::new(&",
        "ChaCha12",
        "apply_keystream",
    ] {
        assert_eq!(count(other), 0, "{other}");
    }
    let opens = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let ciphers = ["decrypt_", "apply_keystream"];
        ciphers.iter().any(|needle| text.contains(needle))
    };
    let tests = root.join("exchange/tests");
    let foreign = foreign.iter().filter(|path| !path.starts_with(&tests));
    let names: BTreeSet<&str> = foreign
        .filter(|path| opens(path))
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect();
    let known = [
        "bitwarden_encrypted.rs",
        "kdbx.rs",
        "secretstream.rs",
        "unlock.rs",
    ];
    assert_eq!(names, known.into());
}

/// Attack A21: two clones of one device's state, with the same random generator even, append apart.
#[test]
fn clones_of_one_device_never_seal_two_texts_under_one_nonce() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let id = add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    drop(vault);
    let mut nonces: BTreeMap<[u8; 24], Vec<u8>> = BTreeMap::new();
    let mut files = Vec::new();
    for text in ["left", "right"] {
        let clone = Arc::new(storage.fork());
        let mut vault = opened(&clone, "a", 1, later(10)).unwrap();
        let mut rng = StdRng::seed_from_u64(4); // the same one for both
        vault
            .update(later(11), &mut rng, set_password(id, text))
            .unwrap();
        for number in 0..20 {
            add(
                &mut vault,
                &format!("{text} {number}"),
                text,
                later(12),
                &mut rng,
            )
            .unwrap();
        }
        // Values sealed inside records as well as frames.
        for item in vault.state().item_ids() {
            for field in vault.state().item(item).unwrap().fields {
                if let Value::Sealed(sealed) = field.current.value {
                    let (nonce, body) = sealed.split_first_chunk::<24>().unwrap();
                    let held = nonces.entry(*nonce).or_insert_with(|| body.to_vec());
                    assert_eq!(held, body, "one nonce, two texts");
                }
            }
        }
        let file = file_of(&clone);
        for frame in file.chunks_exact(BLOCK).skip(2) {
            let header = parse_header(frame).unwrap();
            let held = nonces
                .entry(header.nonce)
                .or_insert_with(|| frame[64..].to_vec());
            assert_eq!(held, &frame[64..], "one nonce, two texts");
        }
        files.push(file);
    }
    // What both wrote comes together: both kept, reported, the same everywhere.
    let both = [files[0].clone(), files[1][BLOCK..].to_vec()].concat();
    let swapped = [files[1].clone(), files[0][BLOCK..].to_vec()].concat();
    let mut dumps = BTreeSet::new();
    for file in [both, swapped] {
        let fresh = Arc::new(SimulatedStorage::new());
        put(&fresh, &file);
        let vault = opened(&fresh, "fresh", 1, later(50)).unwrap();
        let odd = vault.state().oddities();
        assert!(
            odd.iter()
                .any(|odd| matches!(odd, Oddity::SameSeq(..) | Oddity::SameId(_))),
            "{odd:?}"
        );
        dumps.insert(dump(&vault));
    }
    assert_eq!(dumps.len(), 1);
}

/// Attack A21: with generators of their own, as real clones have, nothing of either is lost.
#[test]
fn what_two_clones_wrote_is_all_kept_and_reported() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    drop(made(&storage, &mut rng));
    let mut files = Vec::new();
    for seed in [4, 5] {
        let clone = Arc::new(storage.fork());
        let mut vault = opened(&clone, "a", 1, later(10)).unwrap();
        let mut rng = StdRng::seed_from_u64(seed);
        add(
            &mut vault,
            &format!("from {seed}"),
            "x",
            later(11),
            &mut rng,
        )
        .unwrap();
        files.push(file_of(&clone));
    }
    put(
        &storage,
        &[files[0].clone(), files[1][BLOCK..].to_vec()].concat(),
    );
    let vault = opened(&storage, "fresh", 1, later(50)).unwrap();
    assert_eq!(titles(&vault), ["from 4", "from 5"]);
    assert!(matches!(
        vault.state().oddities()[..],
        [Oddity::SameSeq(_, 2)]
    ));
}

/// Attack A23: of two thousand random single changes, edits and deletions alike, 99 % add exactly one block.
#[test]
fn almost_every_single_change_adds_exactly_one_block() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let mut length = file_of(&storage).len();
    let mut growths: BTreeMap<usize, usize> = BTreeMap::new();
    let mut ids: Vec<ItemId> = Vec::new();
    for number in 0..1000_u64 {
        let now = Moment(later(100).0 + number * 5000);
        let random = usize::try_from(rng.next_u32()).unwrap();
        let text = "p".repeat(8 + random % 56);
        if ids.is_empty() || number % 4 == 0 {
            let mut draft = login(&format!("site number {number}"), &text);
            draft
                .urls
                .push("https://accounts.example.org/login".to_owned());
            draft.push_standard(
                field::OTP,
                "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned(),
            );
            draft.push_standard(field::NOTES, "n".repeat(random % 120));
            ids.push(
                vault
                    .update(now, &mut rng, |plan, rng| Ok(plan.add(draft, rng)))
                    .unwrap(),
            );
        } else {
            let id = ids[random % ids.len()];
            let life = if number % 2 == 0 {
                Life::Trashed
            } else {
                Life::Alive
            };
            match number % 3 {
                0 => vault
                    .update(now, &mut rng, |plan, _| plan.set_life(id, life))
                    .unwrap(),
                _ => vault
                    .update(now, &mut rng, set_password(id, &text))
                    .unwrap(),
            }
        }
        let grown = file_of(&storage).len();
        *growths.entry(grown - length).or_default() += 1;
        length = grown;
    }
    assert!(growths[&BLOCK] >= 990, "{growths:?}");
}
