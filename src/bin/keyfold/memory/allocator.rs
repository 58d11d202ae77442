//! The program's own memory: nothing stays in a piece that is given back, and large pieces lie on huge pages.
//!
//! Passwords pass through buffers that know nothing of secrets: of a parser, of a growing text, of a serializer. Each of
//! them is wiped here when it is freed or moved, so that neither a dump nor the next owner of the piece sees it (attacks.md,
//! B1 and B2). Large pieces are pages of the system's own, which it wipes. Keys lie in pages of their own (`locked`).

#[cfg(target_os = "linux")]
use super::large;
use super::{locked, wipe};
use std::alloc::{GlobalAlloc, Layout, System};

/// The program's memory. A vault of ten thousand items is read into megabytes that are touched once: on small pages the
/// faults cost more than the decryption.
pub(crate) struct ProgramMemory;

// SAFETY: pieces that are neither large nor for keys are the system allocator's own. A place for keys has their size and
// alignment, and knows by its address where it is to go back to. A large piece is a mapping of its own, aligned to a
// small page at least and so to everything that `is_large` lets through; whether a piece is large is told by its layout
// alone, which is the same when it is given back.
unsafe impl GlobalAlloc for ProgramMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        #[cfg(target_os = "linux")]
        if large::is_large(layout) {
            return large::map_large(layout.size());
        }
        if locked::is_for_keys(layout)
            && let Some(place) = locked::take()
        {
            return place;
        }
        // SAFETY: the caller's promises about the layout are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        #[cfg(target_os = "linux")]
        if large::is_large(layout) {
            return large::map_large(layout.size()); // fresh pages are zeros
        }
        if locked::is_for_keys(layout)
            && let Some(place) = locked::take()
        {
            return place; // wiped when it was given back
        }
        // SAFETY: the caller's promises about the layout are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        #[cfg(target_os = "linux")]
        if large::is_large(layout) {
            // SAFETY: a large piece of this size came from `map_large` or `remap_large`, and nobody uses it any more.
            unsafe { large::unmap_large(pointer, layout.size()) };
            return;
        }
        // SAFETY: nobody uses the piece any more.
        if locked::is_for_keys(layout) && unsafe { locked::give_back(pointer) } {
            return;
        }
        // SAFETY: any other piece came from the system allocator, with this layout, and nobody uses it any more.
        unsafe {
            wipe(pointer, layout.size());
            System.dealloc(pointer, layout);
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(resized) = Layout::from_size_align(size, layout.align()) else {
            return std::ptr::null_mut();
        };
        #[cfg(target_os = "linux")]
        if large::is_large(layout) && large::is_large(resized) {
            // SAFETY: as for `dealloc`; the piece is given up for the one that is returned, unless it is null.
            return unsafe { large::remap_large(pointer, layout.size(), size) };
        }
        // The system allocator would leave what the piece held where it was.
        // SAFETY: the layouts are valid, and what both can hold is copied between two separate pieces.
        unsafe {
            let moved = self.alloc(resized);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(pointer, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pieces_of_the_programs_memory_keep_what_they_hold_as_they_grow_and_shrink() {
        const LARGE: usize = 2 * 1024 * 1024;
        let layout = |size| Layout::from_size_align(size, 8).unwrap();
        let memory = ProgramMemory;
        // SAFETY: each piece is read and written within its size, and given back once with its own layout.
        unsafe {
            let mut size = LARGE - 1;
            let mut piece = memory.alloc_zeroed(layout(size));
            for next in [LARGE, 3 * LARGE + 5, LARGE + 1, LARGE - 1, 100, 5 * LARGE] {
                std::slice::from_raw_parts_mut(piece, size).fill(7);
                piece = memory.realloc(piece, layout(size), next);
                assert!(!piece.is_null());
                let kept = std::slice::from_raw_parts(piece, size.min(next));
                assert!(kept.iter().all(|byte| *byte == 7));
                size = next;
            }
            memory.dealloc(piece, layout(size));
            let zeros = memory.alloc_zeroed(layout(LARGE + 3));
            let held = std::slice::from_raw_parts(zeros, LARGE + 3);
            assert!(held.iter().all(|byte| *byte == 0));
            memory.dealloc(zeros, layout(LARGE + 3));
        }
    }

    #[test]
    fn a_large_piece_that_no_machine_has_is_null() {
        for size in [usize::MAX >> 1, usize::MAX >> 2] {
            let layout = Layout::from_size_align(size, 1).unwrap();
            // SAFETY: nothing is done with what comes back.
            assert!(unsafe { ProgramMemory.alloc(layout) }.is_null());
        }
    }

    #[cfg(target_os = "linux")]
    mod what_stays_behind {
        use super::*;
        use std::fs::File;
        use std::os::unix::fs::FileExt;

        /// Fewer bytes than the system's allocator keeps for this thread alone: nobody else takes the piece meanwhile.
        const SMALL: usize = 1000;
        /// Marks that the system's allocator writes into a free piece.
        const MARKS: usize = 16;
        const LARGE: usize = 3 * 1024 * 1024;

        fn layout(size: usize) -> Layout {
            Layout::from_size_align(size, 8).unwrap()
        }

        /// A piece of a memory, full of sevens.
        fn sevens(memory: &impl GlobalAlloc, size: usize) -> *mut u8 {
            // SAFETY: the piece is written within its size.
            unsafe {
                let piece = memory.alloc(layout(size));
                assert!(!piece.is_null());
                piece.write_bytes(7, size);
                piece
            }
        }

        /// How many sevens lie where a piece was, read past the compiler as a dump would. Asks for no memory.
        fn sevens_at(memory: &File, address: usize) -> usize {
            let mut bytes = [0; SMALL];
            let mut left = &mut bytes[MARKS..];
            memory
                .read_exact_at(left, (address + MARKS) as u64)
                .unwrap();
            left = &mut bytes[MARKS..];
            left.iter().filter(|byte| **byte == 7).count()
        }

        fn own_memory() -> File {
            File::open("/proc/self/mem").unwrap()
        }

        #[test]
        fn the_systems_allocator_leaves_what_was_there_so_that_the_tests_below_can_fail() {
            let memory = own_memory();
            let piece = sevens(&System, SMALL);
            // SAFETY: given back once, with its own layout; only its address is used afterwards.
            unsafe { System.dealloc(piece, layout(SMALL)) };
            assert_eq!(sevens_at(&memory, piece.addr()), SMALL - MARKS);
        }

        #[test]
        fn a_piece_is_wiped_before_it_is_given_back() {
            let memory = own_memory();
            let piece = sevens(&ProgramMemory, SMALL);
            // SAFETY: given back once, with its own layout; only its address is used afterwards.
            unsafe { ProgramMemory.dealloc(piece, layout(SMALL)) };
            assert_eq!(sevens_at(&memory, piece.addr()), 0);
        }

        #[test]
        fn a_piece_that_grows_or_shrinks_leaves_nothing_where_it_was() {
            let memory = own_memory();
            for next in [SMALL + 1, 3 * SMALL, SMALL - 1, 100, LARGE] {
                let piece = sevens(&ProgramMemory, SMALL);
                // SAFETY: each piece is given back once, with its own layout; only its address is used afterwards.
                unsafe {
                    let moved = ProgramMemory.realloc(piece, layout(SMALL), next);
                    assert_eq!(sevens_at(&memory, piece.addr()), 0, "{next}");
                    ProgramMemory.dealloc(moved, layout(next));
                }
            }
        }

        #[test]
        fn a_large_piece_that_shrinks_keeps_nothing_behind_its_end() {
            let end = LARGE - 5000;
            let piece = sevens(&ProgramMemory, LARGE);
            // SAFETY: the mapping goes on to the end of its page, and nobody else has its address.
            unsafe {
                let piece = ProgramMemory.realloc(piece, layout(LARGE), end);
                assert_eq!(piece.add(end - 1).read(), 7);
                assert_eq!(sevens_at(&own_memory(), piece.addr() + end), 0);
                ProgramMemory.dealloc(piece, layout(end));
            }
        }
    }
}
