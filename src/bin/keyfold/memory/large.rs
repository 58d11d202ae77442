//! Large pieces of the program's memory: mappings of their own, on huge pages.

use super::wipe;
use rustix::mm::{
    Advice, MapFlags, MremapFlags, ProtFlags, madvise, mmap_anonymous, mremap, munmap,
};
use std::alloc::Layout;
use std::ffi::c_void;
use std::ptr::null_mut;

/// Size and alignment of a huge page. Where the machine's are larger, the pages are small and all else holds.
pub(super) const HUGE_PAGE_LEN: usize = 2 * 1024 * 1024;
/// Mappings are cut and aligned by this: no machine's small pages are larger.
const PAGE_LEN_MAX: usize = 64 * 1024;

/// Whether a piece of the program's memory gets a mapping of its own.
pub(super) fn is_large(layout: Layout) -> bool {
    layout.size() >= HUGE_PAGE_LEN && layout.align() <= 4096
}

/// Bytes of the mapping for a piece of so many: whole huge pages where that wastes less than half of one.
fn mapped_length(size: usize) -> Option<usize> {
    let length = size.checked_next_multiple_of(PAGE_LEN_MAX)?;
    if length % HUGE_PAGE_LEN > HUGE_PAGE_LEN / 2 {
        length.checked_next_multiple_of(HUGE_PAGE_LEN)
    } else {
        Some(length)
    }
}

/// A mapping of zeros that begins at a huge page; null where the system refuses.
pub(super) fn map_large(size: usize) -> *mut u8 {
    let total = mapped_length(size).and_then(|length| length.checked_add(HUGE_PAGE_LEN));
    let Some(total) = total.filter(|total| isize::try_from(*total).is_ok()) else {
        return null_mut();
    };
    let length = total - HUGE_PAGE_LEN;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice aliases nothing.
    let mapped = unsafe {
        mmap_anonymous(
            null_mut(),
            total,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )
    };
    let Ok(start) = mapped else {
        return null_mut();
    };
    let aligned = start.map_addr(|address| address.next_multiple_of(HUGE_PAGE_LEN));
    let before = aligned.addr() - start.addr();
    // SAFETY: the three ranges lie next to each other in the mapping, and nobody has the address of any yet. Advice
    // changes no content. An end that the system does not cut off stays mapped and unused.
    unsafe {
        if before > 0 {
            let _kept = munmap(start, before);
        }
        if before < HUGE_PAGE_LEN {
            let _kept = munmap(aligned.wrapping_byte_add(length), HUGE_PAGE_LEN - before);
        }
        let _refused = madvise(aligned, length, Advice::LinuxHugepage);
    }
    aligned.cast()
}

/// Gives a piece back.
///
/// # Safety
/// It came from [`map_large`] or [`remap_large`] with this size, and nobody uses it any more.
pub(super) unsafe fn unmap_large(pointer: *mut u8, size: usize) {
    if let Some(length) = mapped_length(size) {
        // SAFETY: exactly what was mapped. It cannot fail for such a range; if it did, it would only stay mapped.
        let _unmapped = unsafe { munmap(pointer.cast(), length) };
    }
}

/// Makes a piece longer or shorter, at another address if need be; null where the system refuses, and then the
/// piece is as it was.
///
/// # Safety
/// As for [`unmap_large`].
pub(super) unsafe fn remap_large(pointer: *mut u8, size: usize, new_size: usize) -> *mut u8 {
    let (Some(length), Some(new_length)) = (mapped_length(size), mapped_length(new_size)) else {
        return null_mut();
    };
    // SAFETY: the old range is a mapping of its own, and the kernel chooses where the new one lies. Pages are moved, not
    // copied. Of a piece that became shorter, what lies behind its end on the last page is still mapped.
    unsafe {
        let moved = mremap(pointer.cast(), length, new_length, MremapFlags::MAYMOVE);
        let moved = moved.map_or(null_mut(), <*mut c_void>::cast::<u8>);
        if !moved.is_null() && new_size < size {
            wipe(moved.add(new_size), size.min(new_length) - new_size);
        }
        moved
    }
}
