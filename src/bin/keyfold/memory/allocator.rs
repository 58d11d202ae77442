//! The program's own memory: large pieces on huge pages.

#[cfg(target_os = "linux")]
use super::large;
use std::alloc::{GlobalAlloc, Layout, System};

/// The program's memory. A vault of ten thousand items is read into megabytes that are touched once: on small pages the
/// faults cost more than the decryption.
pub(crate) struct ProgramMemory;

// SAFETY: pieces that are not large are the system allocator's own. A large piece is a mapping of its own, aligned to a
// small page at least and so to everything that `is_large` lets through; whether a piece is large is told by its layout
// alone, which is the same when it is given back.
unsafe impl GlobalAlloc for ProgramMemory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        #[cfg(target_os = "linux")]
        if large::is_large(layout) {
            return large::map_large(layout.size());
        }
        // SAFETY: the caller's promises about the layout are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        #[cfg(target_os = "linux")]
        if large::is_large(layout) {
            return large::map_large(layout.size()); // fresh pages are zeros
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
        // SAFETY: a piece that is not large came from the system allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        #[cfg(target_os = "linux")]
        if let Ok(resized) = Layout::from_size_align(size, layout.align()) {
            match (large::is_large(layout), large::is_large(resized)) {
                (false, false) => {}
                (true, true) => {
                    // SAFETY: as for `dealloc`; the piece is given up for the one that is returned, unless it is null.
                    return unsafe { large::remap_large(pointer, layout.size(), size) };
                }
                _ => {
                    // SAFETY: the layouts are valid, and what both can hold is copied between two separate pieces.
                    return unsafe {
                        let moved = self.alloc(resized);
                        if !moved.is_null() {
                            moved.copy_from_nonoverlapping(pointer, layout.size().min(size));
                            self.dealloc(pointer, layout);
                        }
                        moved
                    };
                }
            }
        }
        // SAFETY: a piece that is not large came from the system allocator, and is not to become large.
        unsafe { System.realloc(pointer, layout, size) }
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
}
