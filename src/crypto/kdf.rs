//! Argon2id version 1.3 (RFC 9106): a password and a salt become 32 bytes of key, at a cost that was checked first.
//!
//! Costs read from a file are hostile until [`UnverifiedKdfCost::check`] has passed them; only then is there a
//! [`KdfCost`], and only with one can memory be asked for. The work memory comes from the caller and is wiped on
//! every way out, and so are the stacks that the lanes ran on. This module must never choose a cost by what a file
//! says, and has no weaker mode for tests: they run at the floor.

use crate::secret::{Secret, scrub_stack};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::fmt;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Least memory, in KiB: 19 MiB, OWASP's minimum beside two passes.
pub const MIN_MEMORY_KIB: u32 = 19 * 1024;
/// Fewest passes over the memory.
pub const MIN_PASSES: u32 = 2;
/// Most memory, in KiB: 2 GiB.
pub const MAX_MEMORY_KIB: u32 = 2 * 1024 * 1024;
/// Most passes.
pub const MAX_PASSES: u32 = 16;
/// Most lanes.
pub const MAX_LANES: u32 = 16;
/// Most memory times passes, in KiB: 8 GiB, so that no file can hold a machine up for minutes.
pub const MAX_WORK_KIB: u64 = 8 * 1024 * 1024;
/// Length of the salt in bytes.
pub const SALT_LEN: usize = 32;
/// Length of the derived key in bytes.
pub const KEY_LEN: usize = 32;

/// What one guess of the password costs. Always within the limits above; there is no other way to make one.
///
/// ```compile_fail
/// let bomb = keyfold::crypto::kdf::KdfCost { memory_kib: u32::MAX, passes: 1, lanes: 1 };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl KdfCost {
    /// What a new vault gets where nothing was measured: 256 MiB, three passes, four lanes.
    pub const DEFAULT: Self = Self {
        memory_kib: 256 * 1024,
        passes: 3,
        lanes: 4,
    };
    /// The least that is ever accepted: 19 MiB, two passes, one lane.
    pub const FLOOR: Self = Self {
        memory_kib: MIN_MEMORY_KIB,
        passes: MIN_PASSES,
        lanes: 1,
    };

    /// A cost for a new slot: memory in KiB, passes, lanes.
    ///
    /// # Errors
    /// Says which limit it is under or over.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CostError> {
        UnverifiedKdfCost {
            memory_kib,
            passes,
            lanes,
        }
        .check()
    }

    /// Memory in KiB (RFC 9106: m).
    #[must_use]
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory (RFC 9106: t).
    #[must_use]
    pub fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes that can run at the same time (RFC 9106: p).
    #[must_use]
    pub fn lanes(self) -> u32 {
        self.lanes
    }

    /// How many blocks of 1,024 bytes of work memory this needs (RFC 9106, section 3.2, step 3: m').
    #[must_use]
    pub fn block_count(self) -> usize {
        self.params().block_count()
    }

    fn params(self) -> Params {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_LEN))
            .expect("our limits are narrower than Argon2's")
    }
}

/// A cost as a file states it, not yet checked: memory in KiB, passes, lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnverifiedKdfCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl UnverifiedKdfCost {
    /// Takes the cost as it is if every number is within the limits. Allocates nothing.
    ///
    /// # Errors
    /// Says which limit it is under or over.
    pub fn check(self) -> Result<KdfCost, CostError> {
        let Self {
            memory_kib,
            passes,
            lanes,
        } = self;
        if memory_kib > MAX_MEMORY_KIB {
            Err(CostError::MemoryTooLarge)
        } else if passes > MAX_PASSES {
            Err(CostError::TooManyPasses)
        } else if lanes > MAX_LANES {
            Err(CostError::TooManyLanes)
        } else if u64::from(memory_kib) * u64::from(passes) > MAX_WORK_KIB {
            Err(CostError::TooMuchWork)
        } else if memory_kib < MIN_MEMORY_KIB {
            Err(CostError::MemoryTooSmall)
        } else if passes < MIN_PASSES {
            Err(CostError::TooFewPasses)
        } else if lanes == 0 {
            Err(CostError::NoLane)
        } else {
            Ok(KdfCost {
                memory_kib,
                passes,
                lanes,
            })
        }
    }
}

/// The limit that a cost breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostError {
    /// Under [`MIN_MEMORY_KIB`].
    MemoryTooSmall,
    /// Under [`MIN_PASSES`].
    TooFewPasses,
    /// No lane at all.
    NoLane,
    /// Over [`MAX_MEMORY_KIB`].
    MemoryTooLarge,
    /// Over [`MAX_PASSES`].
    TooManyPasses,
    /// Over [`MAX_LANES`].
    TooManyLanes,
    /// Memory times passes over [`MAX_WORK_KIB`].
    TooMuchWork,
}

impl fmt::Display for CostError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::MemoryTooSmall => "Argon2 memory is under 19 MiB",
            Self::TooFewPasses => "Argon2 makes fewer than 2 passes",
            Self::NoLane => "Argon2 has no lane",
            Self::MemoryTooLarge => "Argon2 memory is over 2 GiB",
            Self::TooManyPasses => "Argon2 makes more than 16 passes",
            Self::TooManyLanes => "Argon2 has more than 16 lanes",
            Self::TooMuchWork => "Argon2 memory times passes is over 8 GiB",
        })
    }
}

impl std::error::Error for CostError {}

/// Why no key could be derived. None of these says anything about the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KdfError {
    /// The machine did not give the work memory.
    OutOfMemory,
    /// The machine did not give a thread for the lanes.
    OutOfThreads,
    /// The caller's memory has fewer blocks than [`KdfCost::block_count`].
    WorkMemoryTooSmall,
    /// The password is over 4 GiB.
    PasswordTooLong,
}

impl fmt::Display for KdfError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::OutOfMemory => "not enough memory for Argon2",
            Self::OutOfThreads => "could not start threads for Argon2",
            Self::WorkMemoryTooSmall => "too little work memory was given to Argon2",
            Self::PasswordTooLong => "the password is too long",
        })
    }
}

impl std::error::Error for KdfError {}

/// A password as it is hashed: UTF-8 in Unicode's composed form (NFC), so that it is the same on every keyboard.
///
/// Wiped when dropped.
pub struct NormalizedPassword(Zeroizing<String>);

impl NormalizedPassword {
    /// The composed form of a password. The text is measured first, so that no growing buffer leaves copies behind.
    #[must_use]
    pub fn new(password: &Secret) -> Self {
        // EXPOSE: the password is normalised here and nowhere else.
        let typed = password.expose();
        let length = typed.nfc().map(char::len_utf8).sum();
        let mut composed = Zeroizing::new(String::with_capacity(length));
        composed.extend(typed.nfc());
        Self(composed)
    }
}

/// Who gives Argon2 its work memory: the library's [`PlainMemory`], or the program's memory from the operating system.
pub trait WorkMemory {
    /// Calls `work` once with exactly `blocks` blocks, aligned and of any content.
    ///
    /// Whoever works in them wipes them: [`derive_password_key`] does, before `work` returns.
    ///
    /// # Errors
    /// [`KdfError::OutOfMemory`] where there is not that much; `work` is not called then.
    fn with_blocks(
        &mut self,
        blocks: usize,
        work: &mut dyn FnMut(&mut [Block]),
    ) -> Result<(), KdfError>;
}

/// Work memory from the program's heap: works everywhere, may be swapped out.
#[derive(Debug, Default)]
pub struct PlainMemory;

impl WorkMemory for PlainMemory {
    fn with_blocks(
        &mut self,
        blocks: usize,
        work: &mut dyn FnMut(&mut [Block]),
    ) -> Result<(), KdfError> {
        let mut memory = Vec::new();
        memory
            .try_reserve_exact(blocks)
            .map_err(|_| KdfError::OutOfMemory)?;
        // The first touch of each page is what costs, so the cores share it.
        let workers = thread_pool(MAX_LANES)?;
        workers.install(|| memory.par_extend((0..blocks).into_par_iter().map(|_| Block::new())));
        work(&mut memory);
        Ok(())
    }
}

/// Derives the 32 bytes that a password slot's keys are made from, in memory that `memory` gives.
///
/// # Errors
/// [`KdfError::OutOfMemory`] and [`KdfError::OutOfThreads`] where the machine is short of them.
pub fn derive_password_key_in(
    password: &NormalizedPassword,
    salt: &[u8; SALT_LEN],
    cost: KdfCost,
    memory: &mut dyn WorkMemory,
) -> Result<Zeroizing<[u8; KEY_LEN]>, KdfError> {
    let mut derived = Err(KdfError::OutOfMemory);
    memory.with_blocks(cost.block_count(), &mut |blocks| {
        derived = derive_password_key(password, salt, cost, blocks);
    })?;
    derived
}

/// Derives the 32 bytes that a password slot's keys are made from: Argon2id version 1.3, no secret, no associated data.
///
/// `memory` needs [`KdfCost::block_count`] blocks of any content; all of it is zero afterwards, whatever happens.
///
/// # Errors
/// [`KdfError::WorkMemoryTooSmall`] where there are fewer blocks.
pub fn derive_password_key(
    password: &NormalizedPassword,
    salt: &[u8; SALT_LEN],
    cost: KdfCost,
    memory: &mut [Block],
) -> Result<Zeroizing<[u8; KEY_LEN]>, KdfError> {
    let workers = thread_pool(cost.lanes).inspect_err(|_| wipe(memory))?;
    let mut key = Zeroizing::new([0; KEY_LEN]);
    let outcome = workers.install(|| {
        let wiped = WipedOnExit(memory);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params())
            .hash_password_into_with_memory(
                password.0.as_bytes(),
                salt,
                key.as_mut_slice(),
                &mut *wiped.0,
            )
    });
    // The password went through a hash state on one worker's stack, blocks of work memory through all of them.
    workers.broadcast(|_| scrub_stack());
    match outcome {
        Ok(()) => Ok(key),
        Err(argon2::Error::MemoryTooLittle) => Err(KdfError::WorkMemoryTooSmall),
        // Salt, output and cost are right by their types, so the password is all that is left to complain about.
        Err(_) => Err(KdfError::PasswordTooLong),
    }
}

/// Finds the dearest cost that one guess can have within `target_ms` milliseconds on this machine.
///
/// Memory grows first, to at most 1 GiB and a quarter of the machine's memory, then passes; the floor always holds, on
/// a slow machine against the target. `measure` runs Argon2 at a cost and says how many milliseconds it took; it is
/// called twice at most.
pub fn tune(
    target_ms: u64,
    machine_memory_bytes: u64,
    lanes: u32,
    measure: &mut dyn FnMut(KdfCost) -> u64,
) -> KdfCost {
    let lanes = lanes.clamp(1, MAX_LANES);
    let cap_kib = u32::try_from(machine_memory_bytes / 1024 / 4)
        .unwrap_or(u32::MAX)
        .clamp(MIN_MEMORY_KIB, TUNED_MEMORY_CAP_KIB);
    let at = |memory_kib| KdfCost {
        memory_kib,
        passes: TUNED_PASSES,
        lanes,
    };
    // Time is proportional to memory, nearly: a small run tells where to look, a run there tells the rest.
    let scaled = |from: KdfCost, took_ms: u64| {
        let kib = u64::from(from.memory_kib).saturating_mul(target_ms) / took_ms;
        let whole_mib = u32::try_from(kib).unwrap_or(u32::MAX) / 1024 * 1024;
        at(whole_mib.clamp(MIN_MEMORY_KIB, cap_kib))
    };

    let probe = at(PROBE_MEMORY_KIB.min(cap_kib));
    let probe_ms = measure(probe).max(1);
    let guess = scaled(probe, probe_ms);
    let guess_ms = if guess == probe {
        probe_ms
    } else {
        measure(guess).max(1)
    };
    let tuned = scaled(guess, guess_ms);

    // One pass over the tuned memory, in milliseconds, times the memory and passes that were measured.
    let one_pass = u64::from(tuned.memory_kib).saturating_mul(guess_ms);
    let measured = u64::from(guess.memory_kib) * u64::from(guess.passes);
    let affordable = target_ms.saturating_mul(measured) / one_pass.max(1);
    let allowed = (MAX_WORK_KIB / u64::from(tuned.memory_kib)).min(u64::from(MAX_PASSES));
    let passes = if tuned.memory_kib == cap_kib || tuned.memory_kib == MIN_MEMORY_KIB {
        u32::try_from(affordable.min(allowed))
            .unwrap_or(MAX_PASSES)
            .max(MIN_PASSES)
    } else {
        TUNED_PASSES
    };
    KdfCost { passes, ..tuned }
}

/// Where tuning stops to grow memory, in KiB: 1 GiB.
const TUNED_MEMORY_CAP_KIB: u32 = 1024 * 1024;
/// Passes while memory grows (RFC 9106, section 4, second recommendation).
const TUNED_PASSES: u32 = 3;
/// Memory of the first measurement, in KiB: large enough to be out of every cache.
const PROBE_MEMORY_KIB: u32 = 64 * 1024;

/// A pool of its own with a thread a core, at most `most`.
///
/// Not the pool that rayon shares: its size comes from the environment, it aborts where it cannot start, and its threads
/// stay. How many threads there are changes the time that a key takes, never the key.
fn thread_pool(most: u32) -> Result<ThreadPool, KdfError> {
    let cores = available_parallelism().map_or(1, NonZeroUsize::get);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    ThreadPoolBuilder::new()
        .num_threads(cores.min(most))
        .build()
        .map_err(|_| KdfError::OutOfThreads)
}

/// Work memory that is zero when this goes, also when something panics; on all threads of the pool that it is in.
struct WipedOnExit<'a>(&'a mut [Block]);

impl Drop for WipedOnExit<'_> {
    fn drop(&mut self) {
        self.0.par_chunks_mut(1024).for_each(wipe);
    }
}

/// Zeros at the speed of memory; word by word, as `zeroize` writes, it costs some per cent of a derivation more.
fn wipe(blocks: &mut [Block]) {
    blocks.fill(Block::new());
    // Whoever gets a look at this memory here could read it, so the zeros must be there.
    std::hint::black_box(&mut *blocks);
}

#[cfg(test)]
mod tests;
