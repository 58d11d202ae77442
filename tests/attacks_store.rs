//! Attacks on the store, row by row as SECURITY.md numbers them, over whole vaults. Rows that smaller tests prove stand
//! beside what they test: A6 and parts of A4, A5, A9, A29 in src/crypto and src/state/codec.rs, A2 and A3 in
//! tests/damage.rs, A20 in tests/crash.rs.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use argon2::Block;
use keyfold::crypto::kdf::{KdfCost, KdfError, PlainMemory, WorkMemory};
use keyfold::crypto::seal::seal_frame;
use keyfold::log::frame::{FrameHeader, FrameKind, parse_header, write_frame};
use keyfold::model::field;
use keyfold::model::ids::{FieldId, ItemId, KeyId};
use keyfold::secret::Secret;
use keyfold::state::view::Value;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{
    Credential, NewSecret, NewVault, Notice, UnlockError, Vault, VaultError, create, locate,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use scene::{
    NOW, add, dump, file_of, later, made, new_secret, opened, password, places, put, recovery,
    titles,
};
use std::sync::Arc;

const BLOCK: usize = 1024;

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
    let field = FieldId::Standard(field::PASSWORD);
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
            .reveal(bank, FieldId::Standard(field::USERNAME), &value)
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

/// Attack A29: records that a holder of the key seals against the rules are damage, never another reading.
#[test]
fn no_second_encoding_of_a_record_is_read() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    let expected = dump(&vault);
    let id = vault.state().record_ids_in_order()[1];
    let good = vault.state().record_bytes(id).unwrap().to_vec();
    drop(vault);
    let located = locate(storage.clone(), &places("a")).unwrap();
    let (keys, _) = located.unlock(&recovery(1), &mut PlainMemory).unwrap();
    let file = file_of(&storage);
    let prefix = |bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        [&length, bytes].concat()
    };
    let longer = [&good[..], &[0]].concat();
    let mut clumsy = vec![251, 16, 0]; // the length of the id, not in its shortest form
    clumsy.extend_from_slice(&good[1..]);
    for (kind, content) in [
        (FrameKind::Record, longer.clone()),
        (FrameKind::Record, clumsy),
        (FrameKind::Record, good[..good.len() - 1].to_vec()),
        (FrameKind::Record, Vec::new()),
        (FrameKind::Pack, Vec::new()),
        (FrameKind::Pack, prefix(&longer)),
        (FrameKind::Pack, [prefix(&good), vec![0]].concat()),
        (
            FrameKind::Pack,
            [u32::MAX.to_le_bytes().to_vec(), good.clone()].concat(),
        ),
    ] {
        let bad = seal_frame(&keys, kind, &content);
        let fresh = Arc::new(SimulatedStorage::new());
        put(&fresh, &[file.clone(), bad].concat());
        let vault = opened(&fresh, "fresh", 1, later(9)).unwrap();
        assert_eq!(dump(&vault), expected);
        let damage = vault.check().unwrap().damage;
        assert!(
            matches!(&damage[..], [only] if only.reason.contains("breaks a rule")),
            "{damage:?}"
        );
    }
    // The same record again, alone or in a pack, is no second encoding: a set holds it once.
    for (kind, content) in [
        (FrameKind::Record, good.clone()),
        (FrameKind::Pack, prefix(&good)),
    ] {
        let fresh = Arc::new(SimulatedStorage::new());
        put(
            &fresh,
            &[file.clone(), seal_frame(&keys, kind, &content)].concat(),
        );
        let vault = opened(&fresh, "fresh", 1, later(9)).unwrap();
        assert_eq!(dump(&vault), expected);
        assert_eq!(vault.check().unwrap().damage, []);
    }
}
