//! How long one guess of the password takes, against the argon2 crate as it comes and against libargon2.
//!
//! All ways run in turns within one run, since machines drift: compare within a table, never across two. The ratios
//! are to libargon2, where Python and the library are there. Run with `cargo bench --bench kdf [ROUNDS]`.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

#[allow(
    dead_code,
    unused_imports,
    reason = "its tests have no harness here; they run with the program's"
)]
#[path = "../src/bin/keyfold/memory/mod.rs"]
mod memory;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use keyfold::crypto::kdf::{
    KdfCost, NormalizedPassword, PlainMemory, WorkMemory, derive_password_key_in,
};
use keyfold::secret::Secret;
use memory::MappedMemory;
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

const PASSWORD: &str = "correct horse battery staple";
const SALT: [u8; 32] = [7; 32];

/// Milliseconds of one run at a cost; nothing where this machine cannot do it.
type Way = fn(KdfCost) -> Option<f64>;

const WAYS: [(&str, Way); 5] = [
    ("libargon2 (through Python's ctypes)", libargon2),
    (
        "argon2 crate, hash_password_into, not wiped",
        crate_as_shipped,
    ),
    (
        "floor: argon2 in resident memory, not wiped",
        resident_memory,
    ),
    ("keyfold, plain memory", |cost| {
        Some(keyfold(cost, &mut PlainMemory))
    }),
    ("keyfold, mapped memory", |cost| {
        Some(keyfold(cost, &mut MappedMemory))
    }),
];

fn main() {
    let rounds = std::env::args()
        .filter_map(|word| word.parse().ok())
        .next()
        .unwrap_or(11);
    for (memory_kib, passes, lanes) in [(256 * 1024, 3, 4), (64 * 1024, 3, 4), (19 * 1024, 2, 1)] {
        let cost = KdfCost::new(memory_kib, passes, lanes).expect("within the limits");
        table(cost, rounds);
    }
}

fn table(cost: KdfCost, rounds: usize) {
    let mut times = WAYS.map(|_| Vec::new());
    for round in 0..rounds {
        // Another one first each time, since a run changes what the next finds in caches and free pages.
        for turn in 0..WAYS.len() {
            let at = (round + turn) % WAYS.len();
            times[at].extend(WAYS[at].1(cost));
        }
    }
    let (mib, passes, lanes) = (cost.memory_kib() / 1024, cost.passes(), cost.lanes());
    println!("\n{mib} MiB, {passes} passes, {lanes} lanes; milliseconds in {rounds} rounds");
    println!(
        "  {:45} {:>7}  ratio    {:>7}  ratio",
        "", "median", "least"
    );
    let reference = middle_and_least(&mut times[0]);
    for ((name, _), times) in WAYS.iter().zip(&mut times) {
        let Some((middle, least)) = middle_and_least(times) else {
            println!("  {name:45} not on this machine");
            continue;
        };
        let (per_middle, per_least) = reference.unwrap_or((f64::NAN, f64::NAN));
        let (middle_ratio, least_ratio) = (middle / per_middle, least / per_least);
        println!("  {name:45} {middle:7.1}  {middle_ratio:5.2}    {least:7.1}  {least_ratio:5.2}");
    }
}

/// The median, and the least: what other work on the machine disturbs least.
fn middle_and_least(times: &mut [f64]) -> Option<(f64, f64)> {
    times.sort_by(f64::total_cmp);
    Some((*times.get(times.len() / 2)?, *times.first()?))
}

fn milliseconds(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64() * 1000.0
}

fn keyfold(cost: KdfCost, memory: &mut dyn WorkMemory) -> f64 {
    let password = NormalizedPassword::new(&Secret::new(PASSWORD.to_owned()));
    milliseconds(|| {
        black_box(
            derive_password_key_in(&password, &SALT, cost, memory).expect("there is enough memory"),
        );
    })
}

fn argon2(cost: KdfCost) -> Argon2<'static> {
    let params = Params::new(cost.memory_kib(), cost.passes(), cost.lanes(), Some(32))
        .expect("within the limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn crate_as_shipped(cost: KdfCost) -> Option<f64> {
    let mut key = [0; 32];
    Some(milliseconds(|| {
        argon2(cost)
            .hash_password_into(PASSWORD.as_bytes(), &SALT, &mut key)
            .expect("there is enough memory");
        black_box(&key);
    }))
}

fn resident_memory(cost: KdfCost) -> Option<f64> {
    let mut key = [0; 32];
    let mut took = None;
    let work = &mut |blocks: &mut [Block]| {
        blocks.fill(Block::new());
        took = Some(milliseconds(|| {
            argon2(cost)
                .hash_password_into_with_memory(PASSWORD.as_bytes(), &SALT, &mut key, &mut *blocks)
                .expect("there is enough memory");
            black_box(&key);
        }));
    };
    MappedMemory
        .with_blocks(cost.block_count(), work)
        .expect("there is enough memory");
    took
}

/// The reference implementation in a process of its own, which times nothing but the call.
fn libargon2(cost: KdfCost) -> Option<f64> {
    let script = format!(
        "import ctypes, time\n\
         hash = ctypes.CDLL('libargon2.so.1').argon2id_hash_raw\n\
         length = ctypes.c_size_t\n\
         key = ctypes.create_string_buffer(32)\n\
         start = time.perf_counter()\n\
         assert hash({}, {}, {}, b'{PASSWORD}', length({}), b'\\7' * 32, length(32), key, length(32)) == 0\n\
         print((time.perf_counter() - start) * 1000)",
        cost.passes(),
        cost.memory_kib(),
        cost.lanes(),
        PASSWORD.len(),
    );
    let output = Command::new("python3")
        .args(["-c", &script])
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
