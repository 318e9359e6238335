//! The heap of programs: a region for each process, at the same addresses in every run, forgotten as a whole. So an address
//! that a program hashes or orders by is the same in every run, and what a killed process held is not lost.
//!
//! Blocks have size classes, four to a doubling; a freed block is used again by the next of its class. The state of a region
//! lies at its beginning. Harness code allocates from the system, also in the middle of a call.

use crate::context;
use crate::raw;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::c_void;

const BASE: usize = 0x1000_0000_0000;
/// Addresses of a process's heap; memory is used as it is touched.
const REGION_BYTES: usize = 1 << 32;
const REGIONS_MAX: usize = 4096;
const END: usize = BASE + REGION_BYTES * REGIONS_MAX;
/// What a region keeps from world to world; the rest goes back to the system.
const KEPT_BYTES: usize = 1 << 20;
const CLASSES: usize = 128;
const HEADER: usize = 4096;

/// The allocator of an executable with unmodified programs: an arena for each of them, the system's for everything else.
pub struct ArenaAllocator;

/// The beginning of a region.
pub struct Region {
    /// The first byte that was never used.
    top: Cell<usize>,
    /// Bytes in use.
    used: Cell<usize>,
    /// So many bytes at the beginning hold what an earlier world has left; each block is cleared when it is first used.
    kept: Cell<usize>,
    /// The first free block of each class, which holds the address of the next.
    free: [Cell<usize>; CLASSES],
}

/// The regions of an OS process.
#[derive(Default)]
pub struct Heaps {
    mapped: Cell<usize>,
}

impl Heaps {
    /// The region of a process, empty the first time in a world.
    pub fn region(&self, process: u32) -> *const Region {
        let index = process as usize;
        if index >= REGIONS_MAX {
            raw::fatal("more than 4096 processes in a world, restarts included");
        }
        while self.mapped.get() <= index {
            let at = BASE + self.mapped.get() * REGION_BYTES;
            let flags =
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: a new mapping, which replaces nothing.
            if unsafe { libc::mmap(at as *mut c_void, REGION_BYTES, protection, flags, -1, 0) } as usize != at
            {
                raw::fatal(
                    "no addresses for the heap of a simulated process (see RLIMIT_AS in getrlimit(2))",
                );
            }
            self.mapped.set(self.mapped.get() + 1);
        }
        let region = (BASE + index * REGION_BYTES) as *const Region;
        // SAFETY: mapped, zero or as it was left; the header fits.
        unsafe {
            if (*region).top.get() == 0 {
                (*region).top.set(region as usize + HEADER);
            }
        }
        region
    }

    /// All regions are empty.
    pub fn forget(&self) {
        for index in 0..self.mapped.get() {
            let at = BASE + index * REGION_BYTES;
            // SAFETY: mapped, and no program uses it: the world is over.
            unsafe {
                let region = &*(at as *const Region);
                let top = region.top.get();
                if top == 0 {
                    continue;
                }
                let kept = at + HEADER + KEPT_BYTES;
                if top > kept {
                    libc::madvise(kept as *mut c_void, top - kept, libc::MADV_DONTNEED);
                }
                let dirty = (top.min(kept) - at - HEADER).max(region.kept.get());
                std::ptr::write_bytes(at as *mut u8, 0, size_of::<Region>());
                region.kept.set(dirty);
            }
        }
    }
}

/// The class of a size from 1, and how many bytes its blocks have.
fn class(size: usize) -> Option<(usize, usize)> {
    let size = size.max(16).checked_next_multiple_of(16)?;
    if size <= 128 {
        return Some((size / 16 - 1, size));
    }
    // Four classes from one power of two to the next: 160, 192, 224, 256.
    let power = (size - 1).ilog2();
    let step = 1usize << (power - 2);
    let rounded = size.checked_next_multiple_of(step)?;
    let quarter = (rounded - (1 << power)) / step;
    let class = 8 + (power as usize - 7) * 4 + quarter - 1;
    (class < CLASSES).then_some((class, rounded))
}

impl Region {
    fn allocate(&self, layout: Layout) -> *mut u8 {
        // A block of a larger alignment is as long as that, and so are all of its class that begin at a multiple.
        let Some((class, bytes)) = class(layout.size().max(1)) else { return std::ptr::null_mut() };
        self.used.set(self.used.get() + bytes);
        if layout.align() <= 16 {
            let first = self.free[class].get();
            if first != 0 {
                // SAFETY: a free block of this region, which holds the address of the next.
                self.free[class].set(unsafe { *(first as *const usize) });
                return first as *mut u8;
            }
        }
        let at = self.top.get().next_multiple_of(layout.align().max(16));
        let end = (std::ptr::from_ref(self) as usize) + REGION_BYTES;
        if bytes > end - at {
            return std::ptr::null_mut();
        }
        self.top.set(at + bytes);
        let dirty = std::ptr::from_ref(self) as usize + HEADER + self.kept.get();
        if at < dirty {
            // SAFETY: the block is within the region, and nobody's yet.
            unsafe { std::ptr::write_bytes(at as *mut u8, 0, bytes.min(dirty - at)) };
        }
        at as *mut u8
    }

    /// # Safety
    /// The block was handed out by this region for this size.
    unsafe fn free(&self, block: *mut u8, size: usize) {
        let Some((class, bytes)) = class(size.max(1)) else { return };
        self.used.set(self.used.get().saturating_sub(bytes));
        // SAFETY: the block is at least 16 bytes, aligned to 16, and nobody's any more.
        unsafe { *block.cast::<usize>() = self.free[class].get() };
        self.free[class].set(block as usize);
    }
}

/// The region that a block is of.
fn region_of(block: *mut u8) -> Option<&'static Region> {
    let at = block as usize;
    // SAFETY: a block in this range was handed out by a region, which stays mapped.
    (BASE..END).contains(&at).then(|| unsafe { &*((at & !(REGION_BYTES - 1)) as *const Region) })
}

/// Whether a block is of the heap of a process.
pub fn is_of_a_process(block: *mut c_void) -> bool {
    (BASE..END).contains(&(block as usize))
}

// SAFETY: a block is the system's, or one of a region that is at least as long as asked for and aligned as asked for; by its
// address it finds which. A region is used by one OS thread.
unsafe impl GlobalAlloc for ArenaAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let region = context::region();
        if region.is_null() {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(layout) };
        }
        // SAFETY: it points to the region of the process that runs.
        unsafe { &*region }.allocate(layout)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if context::region().is_null() {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: the block is as long as the layout says.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() {
                std::ptr::write_bytes(block, 0, layout.size());
            }
            block
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match region_of(block) {
            // SAFETY: the caller's promise; this region handed the block out.
            Some(region) => unsafe { region.free(block, layout.size()) },
            // SAFETY: the caller's promise; no region did.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let in_region = region_of(block).is_some();
        if !in_region && context::region().is_null() {
            // SAFETY: the caller's promise.
            return unsafe { System.realloc(block, layout, size) };
        }
        if in_region && class(layout.size().max(1)) == class(size.max(1)) {
            return block;
        }
        // SAFETY: the new block is another one; as much is copied as both have.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(block, new, layout.size().min(size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::class;

    #[test]
    fn a_class_holds_its_sizes_and_wastes_less_than_a_quarter() {
        let mut last = class(1).unwrap();
        for size in 1..100_000 {
            let (class, bytes) = class(size).unwrap();
            assert!(bytes >= size && (size <= 64 || bytes - size < size / 4 + 16), "{size}: {bytes}");
            assert!((class, bytes) >= last && (class == last.0) == (bytes == last.1), "{size}");
            last = (class, bytes);
        }
    }
}
