//! Attached files: they travel, heal and go like everything else in a vault, and lie in it a piece at a time.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod scene;

use keyfold::crypto::kdf::PlainMemory;
use keyfold::crypto::seal::seal_chunk;
use keyfold::log::BLOCK;
use keyfold::log::frame::{FrameKind, HEADER_LENGTH, parse_header};
use keyfold::model::ids::ItemId;
use keyfold::service::{Request, Response, answer};
use keyfold::state::change::{Attached, Edit};
use keyfold::storage::Storage;
use keyfold::storage::simulated::SimulatedStorage;
use keyfold::vault::{Notice, PIECE_LIMIT, Replacement, Vault, VaultError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use scene::{
    add, attach, content_of, file_of, later, made, new_secret, only_file, opened, places, put,
    recovery, set_clock,
};
use std::path::Path;
use std::sync::Arc;

static LONG: [u8; 70_000] = [0x5a; 70_000];

/// A device's disk with a vault, an item and a file of three pieces.
fn with_file() -> (Arc<SimulatedStorage>, Vault, ItemId, StdRng) {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let item = add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    let pieces: [&[u8]; 3] = [b"first ", &LONG, b" last"];
    attach(&mut vault, item, "a.txt", &pieces, later(2), &mut rng).unwrap();
    (storage, vault, item, rng)
}

fn content() -> Vec<u8> {
    [b"first ", &LONG[..], b" last"].concat()
}

fn replica(storage: &SimulatedStorage, vault: &Vault, device: &str) -> Vec<u8> {
    let path = format!("/{device}/{}/replica", vault.id());
    storage.content(Path::new(&path)).unwrap()
}

fn chunks_in(file: &[u8]) -> usize {
    let headers = file.chunks(BLOCK).filter_map(parse_header);
    headers
        .filter(|header| header.kind == FrameKind::Chunk)
        .count()
}

/// Flips a bit in the body of the first chunk.
fn damage_a_chunk(file: &mut [u8]) {
    let at = file
        .chunks(BLOCK)
        .position(|block| parse_header(block).is_some_and(|it| it.kind == FrameKind::Chunk));
    file[at.unwrap() * BLOCK + HEADER_LENGTH] ^= 1;
}

#[test]
fn both_files_hold_what_is_attached_and_another_device_takes_it_over() {
    let (storage, mut vault, ..) = with_file();
    assert_eq!(vault.take_notices(), []);
    assert_eq!(only_file(&vault, "mail").unwrap(), content());
    assert_eq!(chunks_in(&file_of(&storage)), 3);
    assert_eq!(chunks_in(&replica(&storage, &vault, "a")), 3);
    let other = opened(&storage, "b", 1, later(100)).unwrap();
    assert_eq!(only_file(&other, "mail").unwrap(), content());
    assert_eq!(chunks_in(&replica(&storage, &other, "b")), 3);
    drop(other);
    // What was complete is not read again: nothing but the replica holds the file now.
    let again = opened(&storage, "a", 1, later(200)).unwrap();
    assert_eq!(only_file(&again, "mail").unwrap(), content());
}

#[test]
fn names_and_sizes_of_files_show_in_no_file_and_frames_are_padded() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let item = add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    let before = file_of(&storage).len();
    attach(
        &mut vault,
        item,
        "canary.txt",
        &[&[1; 60_000]],
        later(2),
        &mut rng,
    )
    .unwrap();
    let after = file_of(&storage);
    assert!(!after.windows(6).any(|bytes| bytes == b"canary"));
    let mut longer = opened(&storage, "b", 1, later(100)).unwrap();
    let start = file_of(&storage).len();
    attach(
        &mut longer,
        item,
        "other",
        &[&[1; 60_100]],
        later(101),
        &mut rng,
    )
    .unwrap();
    assert_eq!(file_of(&storage).len() - start, after.len() - before);
}

/// A24: neither compression nor deduplication tells whether two files have something in common.
#[test]
fn the_same_file_twice_is_stored_twice_and_a_guess_beside_a_secret_changes_no_size() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let item = add(&mut vault, "mail", "hunter2 hunter2", later(1), &mut rng).unwrap();
    let mut grown = |vault: &mut Vault, name: &str, bytes: &[u8]| {
        let before = file_of(&storage).len();
        attach(vault, item, name, &[bytes], later(2), &mut rng).unwrap();
        file_of(&storage).len() - before
    };
    let once = grown(&mut vault, "one", &LONG);
    assert_eq!(grown(&mut vault, "two", &LONG), once);
    let guess = b"hunter2 ".repeat(64);
    let other = b"hunter3 ".repeat(64);
    assert_eq!(
        grown(&mut vault, "guess", &guess),
        grown(&mut vault, "other", &other)
    );
    assert_eq!(chunks_in(&file_of(&storage)), 4);
}

#[test]
fn a_conflict_copy_brings_its_files() {
    let (storage, vault, item, mut rng) = with_file();
    drop(vault);
    let elsewhere = Arc::new(SimulatedStorage::new());
    elsewhere.place(&places("b").vault_file, &file_of(&storage));
    let mut other = opened(&elsewhere, "b", 1, later(100)).unwrap();
    attach(
        &mut other,
        item,
        "b.txt",
        &[b"theirs"],
        later(101),
        &mut rng,
    )
    .unwrap();
    drop(other);
    let copy = Path::new("/drive/vault (b's conflicted copy 2026-11-25).keyfold");
    storage.place(copy, &file_of(&elsewhere));
    let mut vault = opened(&storage, "a", 1, later(200)).unwrap();
    vault.sync(later(300), &mut rng).unwrap();
    let view = vault.state().item(item).unwrap();
    let [mine, theirs] = view.attachments.as_slice() else {
        panic!("{:?}", view.attachments);
    };
    assert_eq!(content_of(&vault, item, mine).unwrap(), content());
    assert_eq!(content_of(&vault, item, theirs).unwrap(), b"theirs");
    assert!(storage.content(copy).is_none(), "the copy is moved away");
    assert_eq!(chunks_in(&file_of(&storage)), 4);
    // Appended, not written anew.
    assert!(!vault.take_notices().contains(&Notice::Replaced));
}

#[test]
fn a_vault_file_that_went_back_gets_its_files_again() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let item = add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    let old = file_of(&storage);
    attach(&mut vault, item, "a.txt", &[&LONG], later(2), &mut rng).unwrap();
    drop(vault);
    set_clock(&storage, later(10));
    put(&storage, &old);
    drop(opened(&storage, "a", 1, later(100)).unwrap());
    assert_eq!(chunks_in(&file_of(&storage)), 1);
    let other = opened(&storage, "b", 1, later(200)).unwrap();
    assert_eq!(only_file(&other, "mail").unwrap(), LONG);
}

#[test]
fn a_piece_that_was_damaged_on_the_drive_comes_back_from_the_replica() {
    let (storage, vault, _, mut rng) = with_file();
    drop(vault);
    let mut file = file_of(&storage);
    damage_a_chunk(&mut file);
    put(&storage, &file);
    // A device that never had it says so, and nothing else is lost to it.
    let mut other = opened(&storage, "b", 1, later(100)).unwrap();
    assert!(matches!(
        only_file(&other, "mail"),
        Err(VaultError::NoPiece)
    ));
    assert!(!other.check().unwrap().ok);
    let mut vault = opened(&storage, "a", 1, later(200)).unwrap();
    assert_eq!(only_file(&vault, "mail").unwrap(), content());
    vault.compact(later(201), &mut rng).unwrap();
    other.look_again(later(300), &mut rng).unwrap();
    assert_eq!(only_file(&other, "mail").unwrap(), content());
    assert!(other.check().unwrap().ok);
}

#[test]
fn a_piece_that_rotted_in_the_replica_comes_back_from_the_vault_file() {
    let (storage, vault, item, mut rng) = with_file();
    let path = format!("/a/{}/replica", vault.id());
    let path = Path::new(&path);
    drop(vault);
    let mut bytes = storage.content(path).unwrap();
    damage_a_chunk(&mut bytes);
    storage.place(path, &bytes);
    let mut vault = opened(&storage, "a", 1, later(100)).unwrap();
    let report = vault.check().unwrap();
    assert!(report.ok && report.replica_damage == 1 && report.incomplete_files.is_empty());
    let dot = vault.state().item(item).unwrap().attachments[0].dot;
    assert!(matches!(
        vault.read_piece(item, dot, 0),
        Err(VaultError::NoPiece)
    ));
    let request = Request::ReadPiece {
        item,
        dot,
        number: 0,
    };
    let answered = answer(&mut vault, request, later(101), &mut rng);
    let Ok(Response::Piece(piece)) = answered else {
        panic!("the vault file has it");
    };
    // EXPOSE: a test compares what came back.
    assert_eq!(piece.expose(), b"first ");
    drop(vault);
    let again = opened(&storage, "a", 1, later(200)).unwrap();
    assert_eq!(only_file(&again, "mail").unwrap(), content());
}

#[test]
fn what_is_in_neither_file_is_told_by_a_check_also_after_a_rewrite() {
    let (storage, vault, _, mut rng) = with_file();
    drop(vault);
    let mut file = file_of(&storage);
    damage_a_chunk(&mut file);
    put(&storage, &file);
    let mut other = opened(&storage, "b", 1, later(100)).unwrap();
    other.compact(later(101), &mut rng).unwrap();
    let report = other.check().unwrap();
    assert!(report.damage.is_empty() && !report.ok);
    assert_eq!(report.incomplete_files.len(), 1);
}

/// Large enough that it waits while the next is sealed.
static LARGE: [u8; 200_000] = [0xa5; 200_000];

#[test]
fn large_pieces_are_written_one_behind_the_other_whoever_writes_between() {
    let (storage, mut vault, item, mut rng) = with_file();
    let mut pieces = vec![vault.store_piece(&LARGE, later(3), &mut rng).unwrap()];
    // Another process of this device commits while the piece waits.
    let mut beside = opened(&storage, "a", 1, later(4)).unwrap();
    add(&mut beside, "beside", "y", later(5), &mut rng).unwrap();
    for piece in [&LARGE[..], b"small", &LARGE] {
        pieces.push(vault.store_piece(piece, later(6), &mut rng).unwrap());
    }
    let attached = Attached {
        name: "large".to_owned(),
        length: 600_005,
        pieces,
    };
    let edit = vec![Edit::Attach(None, attached)];
    let done = vault.update(later(7), &mut rng, |plan, rng| plan.edit(item, edit, rng));
    done.unwrap();
    let expected = [&LARGE[..], &LARGE, b"small", &LARGE].concat();
    let view = vault.state().item(item).unwrap();
    let file = view.attachments.iter().find(|file| file.name == "large");
    assert_eq!(content_of(&vault, item, file.unwrap()).unwrap(), expected);
    let other = opened(&storage, "b", 1, later(100)).unwrap();
    assert_eq!(content_of(&other, item, file.unwrap()).unwrap(), expected);
    assert_eq!(other.check().unwrap().incomplete_files, []);
    assert!(other.check().unwrap().ok);
}

#[test]
fn a_large_piece_that_finds_no_room_attaches_nothing() {
    let (storage, mut vault, item, mut rng) = with_file();
    let used: usize = storage
        .files()
        .iter()
        .map(|path| storage.content(path).unwrap().len())
        .sum();
    storage.limit_capacity((used + 100_000) as u64);
    // It is sealed and waits; that there is no room shows with the next, or with the change that names it.
    let name = vault.store_piece(&LARGE, later(3), &mut rng).unwrap();
    let attached = Attached {
        name: "large".to_owned(),
        length: 200_000,
        pieces: vec![name],
    };
    let edit = || vec![Edit::Attach(None, attached.clone())];
    for _ in 0..2 {
        let done = vault.update(later(4), &mut rng, |plan, rng| plan.edit(item, edit(), rng));
        assert!(done.is_err());
    }
    vault.store_piece(&LARGE, later(5), &mut rng).unwrap();
    assert!(vault.store_piece(&LARGE, later(6), &mut rng).is_err());
    vault.discard_pieces(&[name], later(7), &mut rng).unwrap();
    assert_eq!(only_file(&vault, "mail").unwrap(), content());
    storage.lift_capacity();
    add(&mut vault, "after", "z", later(8), &mut rng).unwrap();
    assert!(
        opened(&storage, "a", 1, later(9))
            .unwrap()
            .check()
            .unwrap()
            .ok
    );
}

#[test]
fn a_piece_that_rotted_in_the_vault_file_is_healed_by_who_has_it() {
    let (storage, vault, item, mut rng) = with_file();
    drop(vault);
    let mut file = file_of(&storage);
    damage_a_chunk(&mut file);
    put(&storage, &file);
    // A device that lacks the piece writes behind it; the file is another one then, and the damage shows in no record.
    let mut other = opened(&storage, "b", 1, later(100)).unwrap();
    assert!(only_file(&other, "mail").is_err());
    attach(&mut other, item, "b.txt", &[b"more"], later(101), &mut rng).unwrap();
    // The device that has it takes the news in, finds what rotted and puts its own piece behind it.
    drop(opened(&storage, "a", 1, later(100_000)).unwrap());
    other.look_again(later(200_000), &mut rng).unwrap();
    let report = other.check().unwrap();
    assert_eq!(report.incomplete_files, []);
    let newcomer = opened(&storage, "c", 1, later(300_000)).unwrap();
    assert_eq!(newcomer.check().unwrap().incomplete_files, []);
}

#[test]
fn a_check_names_the_files_that_are_not_all_here() {
    let (storage, vault, item, mut rng) = with_file();
    let whole = vault.check().unwrap();
    assert_eq!((whole.ok, whole.incomplete_files.len()), (true, 0));
    // A device that has nothing but a damaged vault file: records are whole, and still something is lost.
    let mut file = file_of(&storage);
    damage_a_chunk(&mut file);
    put(&storage, &file);
    drop(vault);
    let mut other = opened(&storage, "b", 1, later(100)).unwrap();
    let report = other.check().unwrap();
    assert!(!report.healed && !report.ok);
    let [lost] = report.incomplete_files.as_slice() else {
        panic!("{:?}", report.incomplete_files);
    };
    assert_eq!(
        (lost.item, lost.path.as_str(), lost.name.as_str()),
        (item, "mail", "a.txt")
    );
    assert_eq!((lost.pieces, lost.missing), (3, 1));
    // The device that has the piece heals the vault file, and from there the other one.
    let mut vault = opened(&storage, "a", 1, later(200)).unwrap();
    vault.compact(later(201), &mut rng).unwrap();
    other.look_again(later(300), &mut rng).unwrap();
    assert_eq!(other.check().unwrap().incomplete_files, []);
}

#[test]
fn files_come_along_through_compact_and_a_new_key() {
    let (storage, mut vault, _, mut rng) = with_file();
    vault.compact(later(3), &mut rng).unwrap();
    assert_eq!(only_file(&vault, "mail").unwrap(), content());
    let secrets = vec![new_secret(2, &mut rng)];
    vault
        .rekey(Replacement { secrets }, later(4), &mut rng)
        .unwrap();
    assert_eq!(only_file(&vault, "mail").unwrap(), content());
    assert_eq!(chunks_in(&file_of(&storage)), 3);
    let other = opened(&storage, "b", 2, later(100)).unwrap();
    assert_eq!(only_file(&other, "mail").unwrap(), content());
}

/// A device that was away during a `rekey`, and attached something meanwhile.
#[test]
fn what_a_device_attached_before_it_learnt_of_a_new_key_comes_along() {
    let (storage, vault, item, mut rng) = with_file();
    drop(vault);
    let elsewhere = Arc::new(SimulatedStorage::new());
    elsewhere.place(&places("b").vault_file, &file_of(&storage));
    let mut other = opened(&elsewhere, "b", 1, later(50)).unwrap();
    attach(&mut other, item, "b.txt", &[b"theirs"], later(51), &mut rng).unwrap();
    drop(other);
    let mut vault = opened(&storage, "a", 1, later(60)).unwrap();
    let secrets = vec![new_secret(2, &mut rng)];
    vault
        .rekey(Replacement { secrets }, later(61), &mut rng)
        .unwrap();
    drop(vault);
    set_clock(&elsewhere, later(70));
    elsewhere.place(&places("b").vault_file, &file_of(&storage));
    let other = opened(&elsewhere, "b", 2, later(100)).unwrap();
    let view = other.state().item(item).unwrap();
    let contents: Vec<Vec<u8>> = view
        .attachments
        .iter()
        .map(|file| content_of(&other, item, file).unwrap())
        .collect();
    assert_eq!(contents, [content(), b"theirs".to_vec()]);
    drop(other);
    storage.place(&places("a").vault_file, &file_of(&elsewhere));
    let vault = opened(&storage, "c", 2, later(200)).unwrap();
    assert_eq!(vault.state().item(item).unwrap().attachments.len(), 2);
    assert_eq!(chunks_in(&replica(&storage, &vault, "c")), 4);
}

#[test]
fn a_merge_of_another_file_brings_its_files() {
    let (storage, vault, item, mut rng) = with_file();
    drop(vault);
    let elsewhere = Arc::new(SimulatedStorage::new());
    elsewhere.place(&places("b").vault_file, &file_of(&storage));
    let mut other = opened(&elsewhere, "b", 1, later(50)).unwrap();
    let secrets = vec![new_secret(2, &mut rng)];
    other
        .rekey(Replacement { secrets }, later(51), &mut rng)
        .unwrap();
    attach(&mut other, item, "b.txt", &[b"theirs"], later(52), &mut rng).unwrap();
    drop(other);
    let mut vault = opened(&storage, "a", 1, later(60)).unwrap();
    let secrets = vec![new_secret(3, &mut rng)];
    vault
        .rekey(Replacement { secrets }, later(61), &mut rng)
        .unwrap();
    let path = Path::new("/elsewhere/theirs.keyfold");
    storage.make_folder(Path::new("/elsewhere")).unwrap();
    storage.place(path, &file_of(&elsewhere));
    let credential = recovery(2);
    let mut memory = PlainMemory;
    let source = vault
        .read_merge_source(path, Some((&credential, &mut memory)))
        .unwrap();
    vault.merge(&source, later(100), &mut rng).unwrap();
    let view = vault.state().item(item).unwrap();
    let contents: Vec<Vec<u8>> = view
        .attachments
        .iter()
        .map(|file| content_of(&vault, item, file).unwrap())
        .collect();
    assert_eq!(contents, [content(), b"theirs".to_vec()]);
    assert_eq!(chunks_in(&file_of(&storage)), 4);
}

#[test]
fn taking_a_file_away_can_be_undone_and_purging_erases_it() {
    let (storage, mut vault, item, mut rng) = with_file();
    let register = vault.state().item(item).unwrap().attachments[0].id;
    let detach = |plan: &mut keyfold::state::change::Plan<'_>, rng: &mut dyn rand::CryptoRng| {
        plan.edit(item, vec![Edit::Detach(register)], rng)
    };
    vault.update(later(3), &mut rng, detach).unwrap();
    assert!(vault.state().item(item).unwrap().attachments.is_empty());
    vault.compact(later(4), &mut rng).unwrap();
    let last = vault.undoable_records()[0];
    vault
        .update(later(5), &mut rng, |plan, _| plan.undo(last))
        .unwrap();
    assert_eq!(only_file(&vault, "mail").unwrap(), content());
    vault
        .update(later(6), &mut rng, |plan, _| {
            plan.purge(item);
            Ok(())
        })
        .unwrap();
    vault.compact(later(7), &mut rng).unwrap();
    assert_eq!(chunks_in(&file_of(&storage)), 0);
    assert_eq!(chunks_in(&replica(&storage, &vault, "a")), 0);
    // Nor from an old file.
    let other = opened(&storage, "b", 1, later(100)).unwrap();
    assert!(other.state().item(item).is_none());
}

#[test]
fn pieces_that_nothing_names_are_taken_back_and_cost_nothing_meanwhile() {
    let (storage, mut vault, item, mut rng) = with_file();
    let file = file_of(&storage);
    let before = replica(&storage, &vault, "a");
    let pieces: Vec<_> = (0..3)
        .map(|_| vault.store_piece(&LONG, later(3), &mut rng).unwrap())
        .collect();
    assert_eq!(file_of(&storage), file, "nobody else sees them");
    // Another process opens and changes the vault meanwhile.
    let mut second = opened(&storage, "a", 1, later(4)).unwrap();
    assert_eq!(second.take_notices(), []);
    assert_eq!(only_file(&second, "mail").unwrap(), content());
    drop(second);
    vault.discard_pieces(&pieces, later(5), &mut rng).unwrap();
    assert_eq!(replica(&storage, &vault, "a"), before);
    attach(&mut vault, item, "b", &[b"x"], later(6), &mut rng).unwrap();
    // Those that something names are not taken back, nor what lies before something else.
    let kept = vault.state().item(item).unwrap().attachments[1].clone();
    let names = vault.state().pieces_of(item, kept.dot).unwrap();
    let orphan = vault.store_piece(b"orphan", later(7), &mut rng).unwrap();
    add(&mut vault, "behind", "x", later(8), &mut rng).unwrap();
    let all: Vec<_> = names.into_iter().chain([orphan]).collect();
    vault.discard_pieces(&all, later(9), &mut rng).unwrap();
    assert_eq!(content_of(&vault, item, &kept).unwrap(), b"x");
    let again = opened(&storage, "a", 1, later(10)).unwrap();
    assert_eq!(again.state().item(item).unwrap().attachments.len(), 2);
}

#[test]
fn pieces_that_nothing_names_leave_with_a_rewrite_once_they_are_old() {
    let (storage, mut vault, _, mut rng) = with_file();
    vault.store_piece(b"orphan", later(3), &mut rng).unwrap();
    vault.compact(later(4), &mut rng).unwrap();
    assert_eq!(chunks_in(&replica(&storage, &vault, "a")), 4);
    let day = 24 * 60 * 60;
    add(&mut vault, "later", "x", later(91 * day), &mut rng).unwrap();
    vault.compact(later(91 * day + 1), &mut rng).unwrap();
    assert_eq!(chunks_in(&replica(&storage, &vault, "a")), 3);
    assert_eq!(only_file(&vault, "mail").unwrap(), content());
}

#[test]
fn a_change_that_names_a_piece_which_is_not_there_is_refused() {
    let (storage, mut vault, item, mut rng) = with_file();
    let piece = vault.store_piece(b"x", later(3), &mut rng).unwrap();
    vault.discard_pieces(&[piece], later(4), &mut rng).unwrap();
    let before = file_of(&storage);
    let attached = keyfold::state::change::Attached {
        name: "b".to_owned(),
        length: 1,
        pieces: vec![piece],
    };
    let refused = vault.update(later(5), &mut rng, |plan, rng| {
        plan.edit(item, vec![Edit::Attach(None, attached)], rng)
    });
    assert!(matches!(refused, Err(VaultError::NoPiece)), "{refused:?}");
    assert_eq!(file_of(&storage), before);
    for size in [0, PIECE_LIMIT + 1] {
        let refused = vault.store_piece(&vec![0; size], later(6), &mut rng);
        assert!(matches!(refused, Err(VaultError::Refused(_))), "{size}");
    }
}

/// Somebody who once had the key and has the drive: another content sealed under the nonce of a true piece.
#[test]
fn another_content_under_a_true_nonce_is_not_taken() {
    let (storage, vault, ..) = with_file();
    let mut file = file_of(&storage);
    let at = file
        .chunks(BLOCK)
        .position(|block| parse_header(block).is_some_and(|it| it.kind == FrameKind::Chunk));
    let at = at.unwrap() * BLOCK;
    let header = parse_header(&file[at..]).unwrap();
    let content = [&later(2).0.to_le_bytes()[..], b"forged"].concat();
    let forged = seal_chunk(vault.keys(), header.nonce, &content);
    file[at..at + forged.len()].copy_from_slice(&forged);
    drop(vault);
    let other = Arc::new(SimulatedStorage::new());
    other.place(&places("b").vault_file, &file);
    let mut rng = StdRng::seed_from_u64(3);
    let mut vault = opened(&other, "b", 1, later(100)).unwrap();
    assert!(matches!(
        only_file(&vault, "mail"),
        Err(VaultError::NoPiece)
    ));
    assert_eq!(chunks_in(&replica(&other, &vault, "b")), 2);
    add(&mut vault, "goes on", "x", later(101), &mut rng).unwrap();
}

/// The same behind the true one: it hides nothing.
#[test]
fn another_content_under_a_true_nonce_hides_no_true_piece() {
    let (storage, vault, ..) = with_file();
    let mut file = file_of(&storage);
    let headers = file.chunks(BLOCK).filter_map(parse_header);
    let chunks = headers.filter(|header| header.kind == FrameKind::Chunk);
    let nonces: Vec<_> = chunks.map(|header| header.nonce).collect();
    for nonce in nonces {
        let content = [&later(2).0.to_le_bytes()[..], b"forged"].concat();
        file.extend(seal_chunk(vault.keys(), nonce, &content));
    }
    drop(vault);
    let other = Arc::new(SimulatedStorage::new());
    other.place(&places("b").vault_file, &file);
    let mut rng = StdRng::seed_from_u64(3);
    let mut vault = opened(&other, "b", 1, later(100)).unwrap();
    assert_eq!(only_file(&vault, "mail").unwrap(), content());
    assert_eq!(chunks_in(&replica(&other, &vault, "b")), 3);
    vault.compact(later(101), &mut rng).unwrap();
    assert_eq!(chunks_in(&file_of(&other)), 3);
}

/// And for a device that has a replica, and gets both in one file.
#[test]
fn a_device_that_knows_the_vault_takes_the_true_piece_too() {
    let storage = Arc::new(SimulatedStorage::new());
    let mut rng = StdRng::seed_from_u64(1);
    let mut vault = made(&storage, &mut rng);
    let item = add(&mut vault, "mail", "x", later(1), &mut rng).unwrap();
    let other = Arc::new(SimulatedStorage::new());
    other.place(&places("b").vault_file, &file_of(&storage));
    drop(opened(&other, "b", 1, later(50)).unwrap());
    attach(&mut vault, item, "a.txt", &[b"true"], later(60), &mut rng).unwrap();
    let mut file = file_of(&storage);
    let mut headers = file.chunks(BLOCK).filter_map(parse_header);
    let header = headers.find(|header| header.kind == FrameKind::Chunk);
    let content = [&later(2).0.to_le_bytes()[..], b"forged"].concat();
    let nonce = header.unwrap().nonce;
    file.extend(seal_chunk(vault.keys(), nonce, &content));
    set_clock(&other, later(70));
    put(&other, &file);
    let vault = opened(&other, "b", 1, later(100)).unwrap();
    assert_eq!(only_file(&vault, "mail").unwrap(), b"true");
}
