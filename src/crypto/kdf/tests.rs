//! Tests of the password key: known answers, limits, wiping, tuning.

use super::*;
use argon2::{AssociatedData, ParamsBuilder};
use data_encoding::HEXLOWER;
use std::time::{Duration, Instant};

const GIB: u64 = 1024 * 1024 * 1024;

fn password(text: &str) -> NormalizedPassword {
    NormalizedPassword::new(&Secret::new(text.to_owned()))
}

fn counting_salt() -> [u8; SALT_LEN] {
    std::array::from_fn(|at| u8::try_from(at).unwrap())
}

fn derive_hex(text: &str, cost: KdfCost) -> String {
    let key =
        derive_password_key_in(&password(text), &counting_salt(), cost, &mut PlainMemory).unwrap();
    HEXLOWER.encode(key.as_slice())
}

fn is_wiped(memory: &[Block]) -> bool {
    memory
        .iter()
        .all(|block| block.as_ref().iter().all(|word| *word == 0))
}

/// Memory full of ones, so that nothing is zero by chance.
fn dirty_memory(blocks: usize) -> Vec<Block> {
    let mut dirty = Block::new();
    dirty.as_mut().fill(u64::MAX);
    vec![dirty; blocks]
}

// ----- known answers

#[test]
fn the_crate_gives_the_answer_of_rfc_9106_section_5_3() {
    let params = ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(AssociatedData::new(&[4; 12]).unwrap())
        .build()
        .unwrap();
    let argon2 =
        Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
    let mut memory = vec![Block::new(); argon2.params().block_count()];
    let mut tag = [0; 32];
    argon2
        .hash_password_into_with_memory(&[1; 32], &[2; 16], &mut tag, &mut memory)
        .unwrap();
    let expected = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659";
    assert_eq!(HEXLOWER.encode(&tag), expected);
}

// Both answers below were computed with two other implementations, OpenSSL's (Python's `cryptography` 48:
// `Argon2id(salt=bytes(range(32)), length=32, iterations=2, lanes=p, memory_cost=19456).derive(password)`) and the
// reference one (libargon2's `argon2id_hash_raw(2, 19456, p, …)`), which agree.

#[test]
fn the_floor_gives_a_known_key() {
    let expected = "092d6e91987840e63e2fac5e187ac5d29b489f05597971fd6554555a1a20ce2a";
    assert_eq!(
        derive_hex("correct horse battery staple", KdfCost::FLOOR),
        expected
    );
}

#[test]
fn four_lanes_and_a_decomposed_password_give_a_known_key() {
    let cost = KdfCost::new(MIN_MEMORY_KIB, 2, 4).unwrap();
    let expected = "f38765a7b52ef2d70769e3286217f14ec016dbcd10afe60e2ecdf1b0408d56c9";
    assert_eq!(derive_hex("Cafe\u{301} A\u{30a}", cost), expected);
}

// ----- passwords

#[test]
fn composed_and_decomposed_passwords_are_the_same() {
    assert_eq!(
        *password("Caf\u{e9} \u{212b}").0,
        *password("Cafe\u{301} A\u{30a}").0
    );
}

#[test]
fn compatibility_forms_case_and_spaces_stay_apart() {
    assert_eq!(*password(" \u{fb01}X ").0, " \u{fb01}X ");
}

#[test]
fn a_normalised_password_never_outgrows_its_buffer() {
    // U+1D160 takes four bytes and its composed form twelve, the most that NFC can grow a text.
    for text in [
        "",
        "plain",
        "e\u{301}",
        "\u{1d160}\u{1d160}\u{1d160}",
        "\u{390}",
    ] {
        let normal = password(text);
        assert_eq!(normal.0.capacity(), normal.0.len(), "{text:?}");
    }
}

// ----- limits (A4, A5)

#[test]
fn costs_on_the_limits_are_taken() {
    for (memory, passes, lanes) in [
        (MIN_MEMORY_KIB, 2, 1),
        (MAX_MEMORY_KIB, 4, 16),
        (512 * 1024, 16, 16),
        (256 * 1024, 3, 4),
    ] {
        let cost = KdfCost::new(memory, passes, lanes).unwrap();
        assert_eq!(
            (cost.memory_kib(), cost.passes(), cost.lanes()),
            (memory, passes, lanes)
        );
    }
    assert_eq!(KdfCost::new(262_144, 3, 4), Ok(KdfCost::DEFAULT));
    assert_eq!(KdfCost::new(19_456, 2, 1), Ok(KdfCost::FLOOR));
}

#[test]
fn costs_one_past_a_limit_are_refused_by_name() {
    use CostError::*;
    for (memory, passes, lanes, reason) in [
        (MIN_MEMORY_KIB - 1, 2, 1, MemoryTooSmall),
        (0, 2, 1, MemoryTooSmall),
        (MIN_MEMORY_KIB, 1, 1, TooFewPasses),
        (MAX_MEMORY_KIB, 0, 1, TooFewPasses),
        (MIN_MEMORY_KIB, 2, 0, NoLane),
        (MAX_MEMORY_KIB + 1, 2, 1, MemoryTooLarge),
        (MIN_MEMORY_KIB, MAX_PASSES + 1, 1, TooManyPasses),
        (MIN_MEMORY_KIB, 2, MAX_LANES + 1, TooManyLanes),
        (MAX_MEMORY_KIB, 5, 1, TooMuchWork),
        (512 * 1024 + 1, 16, 1, TooMuchWork),
        (u32::MAX, u32::MAX, u32::MAX, MemoryTooLarge),
    ] {
        assert_eq!(
            KdfCost::new(memory, passes, lanes),
            Err(reason),
            "{memory} {passes} {lanes}"
        );
    }
}

/// Fails the test when it is asked for memory.
struct NoMemory;

impl WorkMemory for NoMemory {
    fn with_blocks(
        &mut self,
        blocks: usize,
        _work: &mut dyn FnMut(&mut [Block]),
    ) -> Result<(), KdfError> {
        panic!("{blocks} blocks were asked for")
    }
}

#[test]
fn a_kdf_bomb_is_refused_at_once_before_memory_is_asked_for() {
    let started = Instant::now();
    let extremes = [
        0,
        1,
        15,
        17,
        19_455,
        MAX_MEMORY_KIB + 1,
        u32::MAX - 1,
        u32::MAX,
    ];
    for memory_kib in extremes {
        for passes in extremes {
            for lanes in extremes {
                let stated = UnverifiedKdfCost {
                    memory_kib,
                    passes,
                    lanes,
                };
                let refused = stated.check().map(|cost| {
                    derive_password_key_in(&password("x"), &counting_salt(), cost, &mut NoMemory)
                        .map(drop)
                });
                assert!(refused.is_err(), "{stated:?}");
            }
        }
    }
    assert!(started.elapsed() < Duration::from_millis(50));
}

// ----- work memory (B3)

#[test]
fn work_memory_is_zero_after_a_key_was_derived() {
    let mut memory = dirty_memory(KdfCost::FLOOR.block_count() + 3);
    derive_password_key(
        &password("x"),
        &counting_salt(),
        KdfCost::FLOOR,
        &mut memory,
    )
    .unwrap();
    assert!(is_wiped(&memory));
}

#[test]
fn too_little_work_memory_is_an_error_and_wiped_too() {
    let mut memory = dirty_memory(KdfCost::FLOOR.block_count() - 1);
    let outcome = derive_password_key(
        &password("x"),
        &counting_salt(),
        KdfCost::FLOOR,
        &mut memory,
    );
    assert_eq!(outcome.map(drop), Err(KdfError::WorkMemoryTooSmall));
    assert!(is_wiped(&memory));
}

#[test]
fn what_was_in_the_work_memory_does_not_matter() {
    let mut memory = dirty_memory(KdfCost::FLOOR.block_count());
    let key = derive_password_key(
        &password("x"),
        &counting_salt(),
        KdfCost::FLOOR,
        &mut memory,
    )
    .unwrap();
    assert_eq!(
        HEXLOWER.encode(key.as_slice()),
        derive_hex("x", KdfCost::FLOOR)
    );
}

#[test]
fn plain_memory_gives_exactly_what_was_asked_for() {
    let mut given = None;
    PlainMemory
        .with_blocks(77, &mut |memory| {
            given = Some((memory.len(), is_wiped(memory)))
        })
        .unwrap();
    assert_eq!(given, Some((77, true)));
}

#[test]
fn memory_that_no_machine_has_is_an_error() {
    let outcome =
        PlainMemory.with_blocks(usize::MAX / 2048, &mut |_| panic!("there is not that much"));
    assert_eq!(outcome, Err(KdfError::OutOfMemory));
}

#[test]
fn block_count_is_memory_rounded_down_to_whole_segments() {
    assert_eq!(KdfCost::DEFAULT.block_count(), 262_144);
    assert_eq!(KdfCost::new(19_999, 2, 16).unwrap().block_count(), 19_968);
}

/// Reads this process's own memory as a debugger would.
#[cfg(target_os = "linux")]
mod residue {
    use super::*;
    use crate::secret::SCRUBBED_STACK;
    use std::fs::File;
    use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
    use std::sync::{Mutex, MutexGuard};

    /// Kept inverted, so that the search itself leaves no match.
    const INVERTED_CANARY: [u8; 24] = [
        0x9c, 0x9e, 0x91, 0x9e, 0x8d, 0x86, 0xd2, 0xce, 0xc6, 0xcb, 0xcd, 0xc9, 0xd2, 0x91, 0x90,
        0x88, 0x97, 0x9a, 0x8d, 0x9a, 0xd2, 0xc8, 0xc8, 0xce,
    ];

    /// Both tests look for the same bytes in the same process, so they take turns.
    fn alone() -> MutexGuard<'static, ()> {
        static TURN: Mutex<()> = Mutex::new(());
        TURN.lock().unwrap()
    }

    fn canary() -> Secret {
        Secret::from_utf8(INVERTED_CANARY.iter().map(|byte| !byte).collect()).unwrap()
    }

    /// How many writable mappings of this process hold the canary.
    fn mappings_with_canary() -> usize {
        let mut memory = File::open("/proc/self/mem").unwrap();
        let maps = BufReader::new(File::open("/proc/self/maps").unwrap());
        let mut found = 0;
        for line in maps.lines().map(Result::unwrap) {
            let mut words = line.split(' ');
            let range = words.next().unwrap();
            if !words.next().unwrap().starts_with("rw") {
                continue;
            }
            let (start, end) = range.split_once('-').unwrap();
            let start = u64::from_str_radix(start, 16).unwrap();
            let length = u64::from_str_radix(end, 16).unwrap() - start;
            let mut bytes = Zeroizing::new(Vec::new());
            bytes.reserve_exact(usize::try_from(length).unwrap());
            memory.seek(SeekFrom::Start(start)).unwrap();
            // Mappings of other tests come and go; what cannot be read any more holds nothing.
            let _gone = (&mut memory).take(length).read_to_end(&mut bytes);
            found += usize::from(holds_canary(&bytes));
        }
        found
    }

    fn holds_canary(bytes: &[u8]) -> bool {
        const ZEROS: [u8; 4096] = [0; 4096];
        let starts = bytes
            .chunks(ZEROS.len())
            .enumerate()
            .filter(|(_, page)| *page != ZEROS)
            .flat_map(|(at, page)| {
                let first = page
                    .iter()
                    .enumerate()
                    .filter(|(_, byte)| **byte == !INVERTED_CANARY[0]);
                first.map(move |(offset, _)| at * ZEROS.len() + offset)
            });
        starts
            .filter_map(|start| bytes.get(start..start + INVERTED_CANARY.len()))
            .any(|found| {
                found
                    .iter()
                    .zip(INVERTED_CANARY)
                    .all(|(byte, inverted)| *byte == !inverted)
            })
    }

    /// Leaves the canary far enough down the stack that the search does not tread on it.
    #[inline(never)]
    fn leave_canary_on_the_stack() {
        let mut local = [0_u8; SCRUBBED_STACK / 2];
        for (byte, inverted) in local.iter_mut().zip(INVERTED_CANARY) {
            *byte = !inverted;
        }
        std::hint::black_box(&mut local);
    }

    #[test]
    fn scrubbing_overwrites_what_a_call_left_on_the_stack() {
        let _alone = alone();
        leave_canary_on_the_stack();
        assert!(
            mappings_with_canary() > 0,
            "the search must find a password that is there"
        );
        scrub_stack();
        assert_eq!(mappings_with_canary(), 0);
    }

    #[test]
    fn no_copy_of_the_password_is_left_in_the_process() {
        let _alone = alone();
        let normal = NormalizedPassword::new(&canary());
        assert!(
            mappings_with_canary() > 0,
            "the search must find a password that is there"
        );
        derive_password_key_in(&normal, &counting_salt(), KdfCost::FLOOR, &mut PlainMemory)
            .unwrap();
        drop(normal);
        assert_eq!(mappings_with_canary(), 0);
    }
}

// ----- tuning

/// A machine that needs `ns_per_kib` nanoseconds for one KiB in one pass.
fn machine(ns_per_kib: u64) -> impl Fn(KdfCost) -> u64 {
    move |cost| u64::from(cost.memory_kib) * u64::from(cost.passes) * ns_per_kib / 1_000_000
}

fn tuned(target_ms: u64, memory_bytes: u64, ns_per_kib: u64) -> (KdfCost, Vec<KdfCost>) {
    let mut asked = Vec::new();
    let cost = tune(target_ms, memory_bytes, 4, &mut |cost| {
        asked.push(cost);
        machine(ns_per_kib)(cost)
    });
    (cost, asked)
}

#[test]
fn tuning_spends_the_target_on_memory_first() {
    let (cost, _) = tuned(1000, 64 * GIB, 450);
    assert_eq!(cost.passes(), 3);
    assert!((900..=1000).contains(&machine(450)(cost)), "{cost:?}");
    assert!(cost.memory_kib() > 600 * 1024, "{cost:?}");
}

#[test]
fn tuning_on_a_fast_machine_stops_at_one_gib_and_adds_passes() {
    let (cost, _) = tuned(1000, 64 * GIB, 200);
    assert_eq!((cost.memory_kib(), cost.passes()), (1024 * 1024, 4));
}

#[test]
fn tuning_takes_at_most_a_quarter_of_the_machine() {
    let (cost, asked) = tuned(1000, GIB / 2, 450);
    assert_eq!(cost.memory_kib(), 128 * 1024);
    assert!(cost.passes() > 10, "{cost:?}");
    assert!(asked.iter().all(|cost| cost.memory_kib() <= 128 * 1024));
}

#[test]
fn tuning_never_goes_below_the_floor() {
    for (target, memory, speed) in [
        (1000, GIB, 1_000_000),
        (0, GIB, 450),
        (1000, 0, 1_000_000),
        (1, 64 * GIB, u64::from(u32::MAX)),
    ] {
        let (cost, _) = tuned(target, memory, speed);
        assert_eq!(
            (cost.memory_kib(), cost.passes()),
            (MIN_MEMORY_KIB, MIN_PASSES),
            "{target} {memory} {speed}"
        );
    }
}

#[test]
fn tuning_never_goes_past_the_ceiling_or_measures_more_than_twice() {
    for (memory, speed) in [
        (u64::MAX, 0),
        (GIB, 0),
        (GIB, 1),
        (0, 0),
        (3 * GIB, 17),
        (u64::MAX, 100),
    ] {
        let (cost, asked) = tuned(u64::MAX, memory, speed);
        assert_eq!(
            KdfCost::new(cost.memory_kib(), cost.passes(), cost.lanes()),
            Ok(cost)
        );
        assert!(asked.len() <= 2, "{asked:?}");
        assert!(asked.iter().all(|cost| cost.memory_kib() <= 1024 * 1024));
    }
}

#[test]
fn tuning_forgives_a_first_measurement_that_is_far_off() {
    let mut calls = 0;
    let cost = tune(1000, 64 * GIB, 4, &mut |cost| {
        calls += 1;
        machine(450)(cost) * if calls == 1 { 3 } else { 1 }
    });
    assert!((900..=1000).contains(&machine(450)(cost)), "{cost:?}");
}

#[test]
fn tuning_takes_lanes_that_are_allowed() {
    assert_eq!(tune(1000, GIB, 0, &mut machine(450)).lanes(), 1);
    assert_eq!(tune(1000, GIB, 99, &mut machine(450)).lanes(), MAX_LANES);
}
