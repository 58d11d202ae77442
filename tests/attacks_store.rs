//! Attacks on the store, row by row as SECURITY.md numbers them, over whole vaults. Rows that smaller tests prove stand
//! beside what they test: A6 and parts of A4, A5, A9, A29 in src/crypto and src/state/codec.rs, A2 and A3 in
//! tests/damage.rs, A20 in tests/crash.rs.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use argon2::Block;
use keyfold::crypto::kdf::{KdfCost, KdfError, PlainMemory, WorkMemory};
use keyfold::log::frame::{FrameHeader, FrameKind, parse_header, write_frame};
use keyfold::model::ids::{ItemId, KeyId};
use keyfold::model::moment::Moment;
use keyfold::secret::Secret;
use keyfold::state::fold::Oddity;
use keyfold::state::view::{Life, Value};
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{
    Credential, NewSecret, NewVault, Notice, Replacement, UnlockError, Vault, VaultError, create,
    locate,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scene::{
    NOW, add, dump, later, login, made, new_secret, opened, password, places, set_password, titles,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BLOCK: usize = 1024;

fn file_of(storage: &SimulatedStorage) -> Vec<u8> {
    storage.content(&places("a").vault_file).unwrap()
}

fn put(storage: &SimulatedStorage, file: &[u8]) {
    storage.place(&places("a").vault_file, file);
}

fn word(text: &str) -> Credential {
    Credential::Password {
        password: Secret::new(text.to_owned()),
        key_file: None,
    }
}

/// A vault whose only way in is a password at the floor of the costs.
fn made_with_password(storage: &Arc<SimulatedStorage>, rng: &mut StdRng) -> Vault {
    let secret = NewSecret::make(
        &word("correct horse"),
        KdfCost::FLOOR,
        "p",
        &mut PlainMemory,
        rng,
    );
    let new = NewVault {
        secrets: vec![secret.unwrap()],
        device_name: "laptop".to_owned(),
    };
    create(storage.clone(), &places("a"), new, NOW, rng).unwrap()
}

/// Counts how often Argon2 asks for its memory.
#[derive(Default)]
struct Counted(usize);

impl WorkMemory for Counted {
    fn with_blocks(
        &mut self,
        blocks: usize,
        work: &mut dyn FnMut(&mut [Block]),
    ) -> Result<(), KdfError> {
        self.0 += 1;
        PlainMemory.with_blocks(blocks, work)
    }
}

/// Tries a password on what lies there; returns how it went and how often Argon2 ran.
fn try_word(
    storage: &Arc<SimulatedStorage>,
    device: &str,
    text: &str,
) -> (Result<Vault, VaultError>, usize) {
    let mut memory = Counted::default();
    let mut rng = StdRng::seed_from_u64(9);
    let outcome = locate(storage.clone(), &places(device)).and_then(|located| {
        let (keys, slot) = located.unlock(&word(text), &mut memory)?;
        located.open(keys, Some(slot), device, later(100), &mut rng)
    });
    (outcome, memory.0)
}

/// Writes a header's checksum anew, as an attacker does.
fn fix_checksum(frame: &mut [u8]) {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(&frame[..56]);
    frame[56..64].copy_from_slice(&digest[..8]);
}

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
    draft.push_custom(
        "canary-name",
        keyfold::model::field::FieldKind::Text,
        "canary-value".to_owned(),
    );
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

/// Where the KDF's costs lie in the one slot of a file.
const COSTS: usize = BLOCK + 64 + 4;

fn with_costs(file: &[u8], memory: u32, passes: u32, lanes: u32) -> Vec<u8> {
    let mut file = file.to_vec();
    for (at, number) in [memory, passes, lanes].into_iter().enumerate() {
        file[COSTS + 4 * at..][..4].copy_from_slice(&number.to_le_bytes());
    }
    file
}

/// Attack A4: lowered or raised costs within the limits never unlock, and no rewrite copies them.
#[test]
fn changed_costs_never_unlock_and_are_never_copied() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made_with_password(&storage, &mut rng);
    add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    drop(vault);
    let file = file_of(&storage);
    for (memory, passes, lanes) in [(19_456, 3, 1), (20_000, 2, 1), (19_456, 2, 2)] {
        let lowered = with_costs(&file, memory, passes, lanes);
        let fresh = Arc::new(SimulatedStorage::new());
        put(&fresh, &lowered);
        let (refused, _) = try_word(&fresh, "fresh", "correct horse");
        assert!(matches!(
            refused.err(),
            Some(VaultError::Unlock(UnlockError::WrongSecret))
        ));
        put(&storage, &lowered);
        let (vault, runs) = try_word(&storage, "a", "correct horse");
        let mut vault = vault.unwrap();
        assert_eq!(runs, 1);
        vault.compact(later(101), &mut rng).unwrap();
        let rewritten = file_of(&storage);
        assert_eq!(
            rewritten[BLOCK..2 * BLOCK],
            file[BLOCK..2 * BLOCK],
            "the true slot is back"
        );
    }
}

/// Attack A5: terabytes of memory or years of passes are refused before anything is asked for.
#[test]
fn a_kdf_bomb_is_refused_at_once_without_argon2() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    drop(made_with_password(&storage, &mut rng));
    let file = file_of(&storage);
    for (memory, passes, lanes) in [
        (u32::MAX, 2, 1),
        (19_456, u32::MAX, 1),
        (19_456, 2, u32::MAX),
        (2_097_152, 16, 1),
        (0, 0, 0),
        (8, 1, 1),
    ] {
        let fresh = Arc::new(SimulatedStorage::new());
        put(&fresh, &with_costs(&file, memory, passes, lanes));
        let begun = std::time::Instant::now();
        let (refused, runs) = try_word(&fresh, "fresh", "correct horse");
        assert!(matches!(
            refused.err(),
            Some(VaultError::Unlock(UnlockError::NoUsableSlot))
        ));
        assert_eq!(runs, 0, "Argon2 ran");
        assert!(begun.elapsed().as_millis() < 50);
    }
}

/// Slots that keep every rule and that nobody's password opens.
fn fake_slots(file: &[u8], count: usize) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(77);
    let fakes = (0..count).map(|_| {
        let mut slot = file[BLOCK..2 * BLOCK].to_vec();
        rng.fill_bytes(&mut slot[32..56]);
        rng.fill_bytes(&mut slot[64 + 16..64 + 176]);
        fix_checksum(&mut slot);
        slot
    });
    fakes.collect::<Vec<_>>().concat()
}

/// Attack A7: fake slots before and behind the true one.
#[test]
fn forty_fake_slots_cost_a_bounded_number_of_argon2_runs() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made_with_password(&storage, &mut rng);
    add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    drop(vault);
    let file = file_of(&storage);
    let fakes = fake_slots(&file, 40);
    let behind = [file.clone(), fakes.clone()].concat();
    let before = [&file[..BLOCK], &fakes, &file[BLOCK..]].concat();
    let fresh = Arc::new(SimulatedStorage::new());
    put(&fresh, &behind);
    let (vault, runs) = try_word(&fresh, "fresh", "correct horse");
    let mut vault = vault.unwrap();
    assert!(runs <= 32, "{runs}");
    assert!(vault.take_notices().contains(&Notice::ForgedSlots(40)));
    // Forty in front of the true one: a stranger's device gives up in bounded time, the user's own opens at once.
    let fresh = Arc::new(SimulatedStorage::new());
    put(&fresh, &before);
    let (refused, runs) = try_word(&fresh, "fresh", "correct horse");
    assert!(refused.is_err() && runs <= 32, "{runs}");
    put(&storage, &before);
    let (vault, runs) = try_word(&storage, "a", "correct horse");
    assert_eq!((titles(&vault.unwrap()).len(), runs), (1, 1));
}

/// Attack A7: garbage that would be carried for ever.
#[test]
fn only_authentic_frames_are_copied_by_a_rewrite() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    let clean = vault.compact(later(2), &mut rng).unwrap();
    drop(vault);
    let file = file_of(&storage);
    let key = parse_header(&file[BLOCK..]).unwrap().key;
    let mut garbage = fake_slots(&file, 10);
    for (kind, key) in [
        (FrameKind::Record, key),
        (FrameKind::Pack, key),
        (FrameKind::Chunk, key),
        (FrameKind::Record, KeyId([9; 16])),
    ] {
        for content in [10, 5000] {
            let mut nonce = [0; 24];
            rng.fill_bytes(&mut nonce);
            let header = FrameHeader::for_content(kind, key, nonce, content);
            let mut body = vec![0; header.body_length()];
            rng.fill_bytes(&mut body);
            garbage.extend(write_frame(&header, &body));
        }
    }
    garbage.extend_from_slice(&[0x55; 3 * BLOCK]);
    put(
        &storage,
        &[&file[..BLOCK], &garbage, &file[BLOCK..], &garbage].concat(),
    );
    let mut vault = opened(&storage, "a", 1, later(10)).unwrap();
    add(&mut vault, "goes on", "x", later(11), &mut rng).unwrap();
    let saved = vault.compact(later(12), &mut rng).unwrap();
    assert!(saved.before > 40_000);
    assert!(saved.after <= clean.after + 1024, "{saved:?} {clean:?}");
    let report = vault.check().unwrap();
    assert!(
        report.ok && report.damage.is_empty() && report.forged_slots == 0,
        "{report:?}"
    );
    assert_eq!(file_of(&storage)[BLOCK..2 * BLOCK], file[BLOCK..2 * BLOCK]);
}

/// Attack A8: slots reordered, doubled, replayed after they were retired, added from another vault.
#[test]
fn no_way_in_comes_to_be_that_the_user_did_not_make() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    let before = file_of(&storage);
    let old = vault.opened_with().unwrap();
    vault
        .replace_slot(old, new_secret(2, &mut rng), later(2), &mut rng)
        .unwrap();
    drop(vault);
    let after = file_of(&storage);
    let other = Arc::new(SimulatedStorage::new());
    drop(made(&other, &mut StdRng::seed_from_u64(5)));
    let foreign = file_of(&other)[BLOCK..2 * BLOCK].to_vec();
    let retired = before[BLOCK..2 * BLOCK].to_vec();
    // The retired slot replayed in front, behind, twice, with another vault's slot under the same secret.
    for file in [
        [&after[..BLOCK], &retired, &after[BLOCK..]].concat(),
        [&after[..], &retired, &retired, &foreign].concat(),
        [&after[..BLOCK], &foreign, &retired, &after[BLOCK..]].concat(),
    ] {
        for device in ["a", "fresh"] {
            put(&storage, &file);
            let refused = opened(&storage, device, 1, later(10)).err();
            assert!(
                matches!(refused, Some(VaultError::Unlock(_))),
                "{refused:?}"
            );
            let vault = opened(&storage, device, 2, later(20)).unwrap();
            assert_eq!(vault.slot_rows().len(), 1);
            assert_eq!(password(&vault, "mail"), "x");
            drop(vault);
            let left = file_of(&storage);
            assert!(
                !left.chunks_exact(BLOCK).any(|block| block == retired),
                "the retired slot is gone"
            );
        }
    }
}

/// Attack A9: a sealed value that is moved to another item, field or vault does not open.
#[test]
fn a_sealed_value_opens_in_its_own_place_alone() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let mine = add(&mut vault, "mine", "x", later(1), &mut rng).unwrap();
    let bank = add(&mut vault, "bank", "top secret", later(1), &mut rng).unwrap();
    let field = keyfold::model::ids::FieldId::Standard(keyfold::model::field::PASSWORD);
    let sealed = |vault: &Vault, item: ItemId| {
        vault
            .state()
            .item(item)
            .unwrap()
            .field(field)
            .unwrap()
            .current
            .value
            .clone()
    };
    let value = sealed(&vault, bank);
    assert!(matches!(value, Value::Sealed(_)));
    assert_eq!(
        vault.reveal(bank, field, &value).unwrap().expose(),
        "top secret"
    );
    assert!(vault.reveal(mine, field, &value).is_none());
    assert!(
        vault
            .reveal(
                bank,
                keyfold::model::ids::FieldId::Standard(keyfold::model::field::USERNAME),
                &value
            )
            .is_none()
    );
    // The whole record of one vault in the file of another adds nothing.
    let other = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(2);
    let vault_b = made(&other, &mut rng);
    assert!(vault_b.reveal(bank, field, &value).is_none());
    drop(vault_b);
    let spliced = [file_of(&other), file_of(&storage)[BLOCK..].to_vec()].concat();
    put(&other, &spliced);
    assert_eq!(
        titles(&opened(&other, "fresh", 1, later(9)).unwrap()),
        Vec::<String>::new()
    );
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

/// Attack A12: there is one place that decrypts, so there is nothing to be downgraded to.
#[test]
fn one_decrypt_path_exists() {
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
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
                keyfold::model::field::OTP,
                "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned(),
            );
            draft.push_standard(keyfold::model::field::NOTES, "n".repeat(random % 120));
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

/// Attack A29: what a holder of the key seals against the rules is damage, never another reading.
#[test]
fn no_second_encoding_of_a_slot_is_read() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    drop(made(&storage, &mut rng));
    let file = file_of(&storage);
    for at in (BLOCK + 64 + 1..BLOCK + 64 + 4).chain(BLOCK + 64 + 176..2 * BLOCK) {
        let mut changed = file.clone();
        changed[at] = 1;
        let fresh = Arc::new(SimulatedStorage::new());
        put(&fresh, &changed);
        let refused = opened(&fresh, "fresh", 1, later(9)).err();
        assert!(
            matches!(refused, Some(VaultError::Unlock(UnlockError::NoUsableSlot))),
            "byte {at}"
        );
    }
}
