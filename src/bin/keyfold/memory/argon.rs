//! Argon2's work memory, mapped for one derivation and unmapped after it.
//!
//! Ordinary memory costs Argon2 a quarter of its time in page faults, may be swapped out and may land in a core dump.
//! This memory lies on huge pages, is locked as far as the machine allows, and stays out of dumps and of child
//! processes. Whatever the system refuses, the derivation still works: without a mapping in a plain vector, and
//! quietly, since the user can do nothing about it. Whoever works in it has wiped it before it is unmapped
//! (attacks.md, B3).

use argon2::Block;
use keyfold::crypto::kdf::{KdfError, PlainMemory, WorkMemory};

/// Work memory on huge pages, locked and never dumped where the system can do that, otherwise plain memory.
#[derive(Debug, Default)]
pub(crate) struct MappedMemory;

impl WorkMemory for MappedMemory {
    fn with_blocks(
        &mut self,
        blocks: usize,
        work: &mut dyn FnMut(&mut [Block]),
    ) -> Result<(), KdfError> {
        #[cfg(target_os = "linux")]
        if let Some(mut mapping) = linux::Mapping::new(blocks) {
            work(mapping.as_blocks());
            return Ok(());
        }
        PlainMemory.with_blocks(blocks, work)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::super::large::HUGE_PAGE_LEN;
    use argon2::Block;
    use rustix::mm::{
        Advice, MapFlags, MlockFlags, ProtFlags, madvise, mlock_with, mmap_anonymous, munmap,
    };
    use std::ffi::c_void;
    use std::ptr::null_mut;

    /// A private anonymous mapping with blocks at its first huge-page boundary. Its bytes are zero at first.
    pub(super) struct Mapping {
        start: *mut c_void,
        length: usize,
        blocks: *mut Block,
        count: usize,
    }

    impl Mapping {
        /// Maps `count` blocks, or `None` where the system refuses.
        pub(super) fn new(count: usize) -> Option<Self> {
            let used = count
                .checked_mul(Block::SIZE)?
                .checked_next_multiple_of(HUGE_PAGE_LEN)?;
            // One huge page more than needed, so that a boundary is inside; pages that nobody touches cost nothing.
            let length = used.checked_add(HUGE_PAGE_LEN)?;
            if count == 0 || isize::try_from(length).is_err() {
                return None;
            }
            // SAFETY: a new anonymous mapping at an address of the kernel's choice aliases nothing.
            let start = unsafe {
                mmap_anonymous(
                    null_mut(),
                    length,
                    ProtFlags::READ | ProtFlags::WRITE,
                    MapFlags::PRIVATE,
                )
            }
            .ok()?;
            let aligned = start.map_addr(|address| address.next_multiple_of(HUGE_PAGE_LEN));
            // SAFETY: `aligned` is at most one huge page after `start`, and `used` bytes after that are still mapped.
            // Advice of these kinds changes no content, and locking none either. Each of them may be refused
            // (kernels without huge pages, RLIMIT_MEMLOCK): then the memory is slower or less private, and works.
            // Locked on fault rather than at once, since then all lanes populate it, not this thread alone.
            unsafe {
                for advice in [
                    Advice::LinuxHugepage,
                    Advice::LinuxDontDump,
                    Advice::LinuxDontFork,
                ] {
                    let _refused = madvise(aligned, used, advice);
                }
                let _refused = mlock_with(aligned, used, MlockFlags::ONFAULT);
            }
            Some(Self {
                start,
                length,
                blocks: aligned.cast(),
                count,
            })
        }

        pub(super) fn as_blocks(&mut self) -> &mut [Block] {
            // SAFETY: `count` blocks lie within the mapping, aligned to a huge page and so to a block; all bytes are
            // initialised (the kernel's zeros, or blocks) and every pattern of them is a block. The mapping lives as
            // long as `self`, which is borrowed exclusively; nobody else has its address.
            unsafe { std::slice::from_raw_parts_mut(self.blocks, self.count) }
        }
    }

    impl Drop for Mapping {
        fn drop(&mut self) {
            // SAFETY: exactly the range that `new` mapped, and no reference into it outlives `self`.
            // It cannot fail for such a range; if it did, the memory would only stay mapped until the end.
            let _unmapped = unsafe { munmap(self.start, self.length) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyfold::crypto::kdf::{
        KdfCost, NormalizedPassword, derive_password_key, derive_password_key_in,
    };
    use keyfold::secret::Secret;

    fn password() -> NormalizedPassword {
        NormalizedPassword::new(&Secret::new("correct horse".to_owned()))
    }

    fn is_wiped(memory: &[Block]) -> bool {
        memory
            .iter()
            .all(|block| block.as_ref().iter().all(|word| *word == 0))
    }

    #[test]
    fn mapped_and_plain_memory_give_the_same_key() {
        let cost = KdfCost::new(KdfCost::FLOOR.memory_kib() + 1021, 2, 4).unwrap();
        let mapped =
            derive_password_key_in(&password(), &[7; 32], cost, &mut MappedMemory).unwrap();
        let plain = derive_password_key_in(&password(), &[7; 32], cost, &mut PlainMemory).unwrap();
        assert_eq!(*mapped, *plain);
    }

    #[test]
    fn mapped_memory_is_wiped_before_it_is_unmapped() {
        let cost = KdfCost::FLOOR;
        let mut looked = false;
        let mut work = |memory: &mut [Block]| {
            memory.iter_mut().for_each(|block| block.as_mut().fill(1));
            derive_password_key(&password(), &[7; 32], cost, memory).unwrap();
            assert!(is_wiped(memory));
            looked = true;
        };
        MappedMemory
            .with_blocks(cost.block_count(), &mut work)
            .unwrap();
        assert!(looked);
    }

    #[test]
    fn memory_that_no_machine_has_is_an_error() {
        for blocks in [usize::MAX / 2048, usize::MAX / 1024, usize::MAX] {
            let outcome =
                MappedMemory.with_blocks(blocks, &mut |_| panic!("there is not that much"));
            assert_eq!(outcome, Err(KdfError::OutOfMemory));
        }
    }

    #[test]
    fn every_count_is_given_exactly() {
        for blocks in [0, 1, 2047, 2048, 2049] {
            let mut given = None;
            MappedMemory
                .with_blocks(blocks, &mut |memory| {
                    given = Some((memory.len(), is_wiped(memory)))
                })
                .unwrap();
            assert_eq!(given, Some((blocks, true)));
        }
    }

    #[cfg(target_os = "linux")]
    mod linux {
        use super::*;
        use std::fs::read_to_string;

        /// What the kernel says of the mapping that holds an address: its `VmFlags` line.
        fn flags_of_mapping(address: usize) -> String {
            let smaps = read_to_string("/proc/self/smaps").unwrap();
            let mut inside = false;
            for line in smaps.lines() {
                let first = line.split(' ').next().unwrap();
                if let Some((start, end)) = first.split_once('-') {
                    let range = usize::from_str_radix(start, 16).unwrap()
                        ..usize::from_str_radix(end, 16).unwrap();
                    inside = range.contains(&address);
                } else if inside && first == "VmFlags:" {
                    return line.to_owned();
                }
            }
            panic!("{address:x} is not mapped");
        }

        /// Kilobytes of a line of /proc/self/status.
        fn status_kib(name: &str) -> u64 {
            let status = read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        }

        #[test]
        fn mapped_memory_stays_out_of_dumps_and_children() {
            let look = &mut |memory: &mut [Block]| {
                assert_eq!(memory.as_ptr().addr() % (2 * 1024 * 1024), 0);
                for end in [memory.first().unwrap(), memory.last().unwrap()] {
                    let flags = flags_of_mapping(std::ptr::from_ref(end).addr());
                    assert!(flags.contains(" dd") && flags.contains(" dc"), "{flags}");
                }
            };
            MappedMemory.with_blocks(5000, look).unwrap();
        }

        #[test]
        fn a_plain_vector_is_in_dumps_so_that_the_test_above_can_fail() {
            let look = &mut |memory: &mut [Block]| {
                assert!(!flags_of_mapping(memory.as_ptr().addr()).contains(" dd"));
            };
            PlainMemory.with_blocks(5000, look).unwrap();
        }

        #[test]
        fn memory_that_may_be_locked_is_locked() {
            // 1 MiB is within the limit that every distribution sets; where there is none, this is no test.
            let limits = read_to_string("/proc/self/limits").unwrap();
            let line = limits
                .lines()
                .find(|line| line.starts_with("Max locked memory"))
                .unwrap();
            let soft = line.split_whitespace().nth(3).unwrap();
            if soft != "unlimited" && soft.parse::<u64>().unwrap() < 4 * 1024 * 1024 {
                return;
            }
            let look = &mut |memory: &mut [Block]| {
                assert!(flags_of_mapping(memory.as_ptr().addr()).contains(" lo"));
            };
            MappedMemory.with_blocks(1024, look).unwrap();
        }

        #[test]
        fn nothing_stays_mapped() {
            let before = status_kib("VmSize:");
            for _ in 0..64 {
                MappedMemory.with_blocks(64 * 1024, &mut |_| ()).unwrap();
            }
            // Without the unmapping it would be 4 GiB more; other tests take some tens of MiB meanwhile.
            assert!(status_kib("VmSize:") < before + 1024 * 1024);
        }
    }
}
