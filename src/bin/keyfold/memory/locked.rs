//! Where the keys of an open vault lie: a few pages that are locked, stay out of core dumps and child processes, and have
//! a page on either side that nobody can read or write (attacks.md, B1 and B2).
//!
//! The pages are mapped when the first keys come. Keys that find no room here, or no such pages, lie in ordinary memory;
//! that works as well and is less private.

use super::wipe;
use keyfold::crypto::keys::KEYS_ALIGNMENT;
#[cfg(target_os = "linux")]
use rustix::mm::{Advice, madvise};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mlock, mmap_anonymous, mprotect};
use std::alloc::Layout;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Keys of so many vaults, a bit each: an open vault has one set, a merge a few more for moments.
const PLACES: usize = 64;
/// Bytes of all places: within what every distribution lets a user lock.
const LENGTH: usize = PLACES * KEYS_ALIGNMENT;
/// No machine's pages are larger, so this much on either side is a page at least.
const GUARD: usize = 64 * 1024;

static ARENA: OnceLock<Option<Arena>> = OnceLock::new();

/// The pages, and which places in them are taken.
struct Arena {
    start: AtomicPtr<u8>,
    taken: AtomicU64,
    protection: KeyProtection,
}

/// What the system granted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyProtection {
    /// Never written to swap.
    pub(crate) is_locked: bool,
    /// Part of no core dump.
    pub(crate) is_undumped: bool,
}

/// Whether a piece of memory is for keys.
pub(super) fn is_for_keys(layout: Layout) -> bool {
    layout.align() == KEYS_ALIGNMENT && layout.size() <= KEYS_ALIGNMENT
}

/// How keys are protected in memory.
pub(crate) fn key_protection() -> KeyProtection {
    match arena() {
        Some(arena) => arena.protection,
        None => KeyProtection {
            is_locked: false,
            is_undumped: false,
        },
    }
}

/// A place of zeros for keys; `None` where there is none left, or none at all.
pub(super) fn take() -> Option<*mut u8> {
    let arena = arena()?;
    let mut taken = arena.taken.load(Ordering::Relaxed);
    loop {
        let free = taken.trailing_ones();
        if free >= u64::BITS {
            return None;
        }
        let with = taken | 1 << free;
        // Acquire: whoever gave the place back has wiped it.
        match arena
            .taken
            .compare_exchange_weak(taken, with, Ordering::Acquire, Ordering::Relaxed)
        {
            Ok(_) => return Some(arena.place(free as usize)),
            Err(now) => taken = now,
        }
    }
}

/// Takes a place back and wipes it; no, where the piece does not lie here.
///
/// # Safety
/// Nobody uses the piece any more.
pub(super) unsafe fn give_back(pointer: *mut u8) -> bool {
    let Some(arena) = arena() else { return false };
    let start = arena.start.load(Ordering::Relaxed).addr();
    let Some(offset) = pointer.addr().checked_sub(start) else {
        return false;
    };
    if offset >= LENGTH {
        return false;
    }
    // SAFETY: one of our places, and the caller gives it up.
    unsafe { wipe(pointer, KEYS_ALIGNMENT) };
    let place = offset / KEYS_ALIGNMENT;
    arena.taken.fetch_and(!(1 << place), Ordering::Release);
    true
}

fn arena() -> Option<&'static Arena> {
    // It asks the system alone for memory, so no allocation waits for itself here.
    ARENA.get_or_init(Arena::map).as_ref()
}

impl Arena {
    fn map() -> Option<Self> {
        // SAFETY: a new anonymous mapping at an address of the kernel's choice aliases nothing.
        let mapped = unsafe {
            mmap_anonymous(
                null_mut(),
                GUARD + LENGTH.next_multiple_of(GUARD) + GUARD,
                ProtFlags::empty(),
                MapFlags::PRIVATE,
            )
        };
        let start = mapped.ok()?.wrapping_byte_add(GUARD);
        // SAFETY: the range lies within the mapping, whose addresses nobody else has. Neither advice nor locking changes
        // content, and both may be refused (RLIMIT_MEMLOCK).
        let protection = unsafe {
            mprotect(start, LENGTH, MprotectFlags::READ | MprotectFlags::WRITE).ok()?;
            protect(start)
        };
        Some(Self {
            start: AtomicPtr::new(start.cast()),
            taken: AtomicU64::new(0),
            protection,
        })
    }

    fn place(&self, number: usize) -> *mut u8 {
        let start = self.start.load(Ordering::Relaxed);
        start.wrapping_add(number * KEYS_ALIGNMENT)
    }
}

/// Locks the pages and keeps them out of dumps and children.
///
/// # Safety
/// So many bytes are mapped there, and nobody uses them yet.
unsafe fn protect(start: *mut c_void) -> KeyProtection {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(target_os = "linux")]
        let is_undumped = {
            // A child has no use for them: it runs another program at once.
            let _refused = madvise(start, LENGTH, Advice::LinuxWipeOnFork);
            madvise(start, LENGTH, Advice::LinuxDontDump).is_ok()
        };
        #[cfg(not(target_os = "linux"))]
        let is_undumped = false;
        KeyProtection {
            is_locked: mlock(start, LENGTH).is_ok(),
            is_undumped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::ProgramMemory;
    use std::alloc::GlobalAlloc;

    /// A set of keys as the library asks for it.
    fn layout() -> Layout {
        Layout::new::<keyfold::crypto::keys::KeyTree>()
    }

    /// Other tests may open vaults meanwhile; nobody else takes so many.
    #[test]
    fn keys_that_find_no_room_lie_elsewhere_and_places_are_used_again() {
        let memory = ProgramMemory;
        let is_here = |piece: *mut u8| {
            let start = arena().unwrap().start.load(Ordering::Relaxed).addr();
            (start..start + LENGTH).contains(&piece.addr())
        };
        for _ in 0..3 {
            // SAFETY: each piece is written within its size, and given back once with its own layout.
            unsafe {
                let pieces: Vec<*mut u8> = (0..PLACES + 1)
                    .map(|_| memory.alloc_zeroed(layout()))
                    .collect();
                assert!(pieces.iter().filter(|piece| is_here(**piece)).count() > PLACES / 2);
                assert!(pieces.iter().any(|piece| !is_here(*piece)));
                for piece in &pieces {
                    assert_eq!(piece.addr() % KEYS_ALIGNMENT, 0);
                    let bytes = std::slice::from_raw_parts(*piece, KEYS_ALIGNMENT);
                    assert!(bytes.iter().all(|byte| *byte == 0));
                    piece.write_bytes(7, KEYS_ALIGNMENT);
                }
                pieces
                    .iter()
                    .for_each(|piece| memory.dealloc(*piece, layout()));
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn keys_lie_between_closed_pages_out_of_dumps_and_locked_where_that_is_allowed() {
        let place = take().unwrap();
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mapping = |address: usize| {
            let mut blocks = smaps.split("VmFlags:").zip(smaps.split("VmFlags:").skip(1));
            let found = blocks.find_map(|(head, flags)| {
                let line = head
                    .lines()
                    .rev()
                    .find(|line| line.contains(" ---p ") || line.contains(" rw-p "))?;
                let (start, rest) = line.split_once('-')?;
                let (end, rest) = rest.split_once(' ')?;
                let range =
                    usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
                let flags = flags.lines().next()?.to_owned();
                range
                    .contains(&address)
                    .then(|| (rest.get(..4).unwrap_or_default().to_owned(), flags))
            });
            found.unwrap_or_else(|| panic!("{address:x} is not mapped"))
        };
        let (modes, flags) = mapping(place.addr());
        assert_eq!(modes, "rw-p");
        assert!(flags.contains(" dd") && flags.contains(" wf"), "{flags}");
        assert_eq!(flags.contains(" lo"), key_protection().is_locked);
        assert!(key_protection().is_undumped);
        let start = arena().unwrap().start.load(Ordering::Relaxed).addr();
        assert_eq!(mapping(start - 1).0, "---p");
        assert_eq!(
            mapping(start + LENGTH.next_multiple_of(64 * 1024)).0,
            "---p"
        );
        // SAFETY: it was taken above and nobody used it.
        assert!(unsafe { give_back(place) });
    }
}
