//! `malloc(3)` and its relatives: blocks of the arena of the process ([`crate::arena`]), with their length in front of them.
//! Blocks that libc has made for a program, by `asprintf(3)` for one, are libc's, and go back to it.

use crate::arena::{ArenaAllocator, is_of_a_process};
use crate::raw;
use libc::{ENOENT, ENOMEM, size_t};
use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;

/// In front of each block: how long it is, and how far it is from the beginning of the arena's.
#[repr(C)]
struct Head {
    length: usize,
    /// From the beginning of the arena's block to that of the program's.
    distance: usize,
}

const HEAD: usize = size_of::<Head>();
/// No block is longer, so that no sum overflows.
const LENGTH_MAX: usize = 1 << 40;

fn layout(bytes: usize) -> Layout {
    // SAFETY: 16 is a power of two, and `bytes` is far below the limit.
    unsafe { Layout::from_size_align_unchecked(bytes, 16) }
}

/// # Safety
/// `align` is a power of two.
unsafe fn block(length: usize, align: usize) -> *mut c_void {
    let align = align.max(16);
    if crate::context::region().is_null() {
        let mut made = null_mut();
        libc::posix_memalign(&mut made, align, length);
        return made;
    }
    if length > LENGTH_MAX || align > LENGTH_MAX {
        raw::set_errno(ENOMEM);
        return null_mut();
    }
    let length = length.max(1).next_multiple_of(16);
    let more = if align > 16 { align } else { HEAD };
    let start = ArenaAllocator.alloc(layout(length + more)) as usize;
    if start == 0 {
        raw::set_errno(ENOMEM);
        return null_mut();
    }
    let at = (start + HEAD).next_multiple_of(align);
    let head = (at - HEAD) as *mut Head;
    head.write(Head { length: start + length + more - at, distance: at - start });
    at as *mut c_void
}

unsafe fn head(block: *mut c_void) -> *mut Head {
    (block as usize - HEAD) as *mut Head
}

pub unsafe extern "C" fn malloc(length: size_t) -> *mut c_void {
    block(length, 16)
}

pub unsafe extern "C" fn free(block: *mut c_void) {
    if !is_of_a_process(block) {
        return libc::free(block);
    }
    let Head { length, distance } = head(block).read();
    ArenaAllocator.dealloc((block as usize - distance) as *mut u8, layout(length + distance));
}

pub unsafe extern "C" fn calloc(count: size_t, each: size_t) -> *mut c_void {
    let made = reallocarray(null_mut(), count, each);
    if !made.is_null() {
        std::ptr::write_bytes(made.cast::<u8>(), 0, count * each);
    }
    made
}

pub unsafe extern "C" fn realloc(old: *mut c_void, length: size_t) -> *mut c_void {
    if old.is_null() {
        return malloc(length);
    }
    if !is_of_a_process(old) {
        return libc::realloc(old, length);
    }
    if length == 0 {
        free(old);
        return null_mut();
    }
    let had = malloc_usable_size(old);
    // A block stays where it is if what it would leave unused is less than half of it.
    if length <= had && length >= had / 2 {
        return old;
    }
    let new = malloc(length);
    if !new.is_null() {
        std::ptr::copy_nonoverlapping(old.cast::<u8>(), new.cast::<u8>(), had.min(length));
        free(old);
    }
    new
}

pub unsafe extern "C" fn reallocarray(old: *mut c_void, count: size_t, each: size_t) -> *mut c_void {
    match count.checked_mul(each) {
        Some(length) => realloc(old, length.max(usize::from(old.is_null()))),
        None => {
            raw::set_errno(ENOMEM);
            null_mut()
        }
    }
}

pub unsafe extern "C" fn aligned_alloc(align: size_t, length: size_t) -> *mut c_void {
    if align.is_power_of_two() {
        return block(length, align);
    }
    raw::set_errno(libc::EINVAL);
    null_mut()
}

pub unsafe extern "C" fn posix_memalign(to: *mut *mut c_void, align: size_t, length: size_t) -> c_int {
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<usize>()) {
        return libc::EINVAL;
    }
    let made = block(length, align);
    if made.is_null() {
        return ENOMEM;
    }
    *to = made;
    0
}

pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> size_t {
    match block {
        block if block.is_null() => 0,
        block if is_of_a_process(block) => (*head(block)).length,
        block => libc::malloc_usable_size(block),
    }
}

pub unsafe extern "C" fn malloc_trim(_: size_t) -> c_int {
    0
}

/// jemalloc's: it knows no name, as one that is built without statistics.
pub unsafe extern "C" fn mallctl(
    _: *const c_char,
    _: *mut c_void,
    _: *mut size_t,
    _: *mut c_void,
    _: size_t,
) -> c_int {
    ENOENT
}

/// jemalloc's: how long a block of this length will be.
pub unsafe extern "C" fn nallocx(length: size_t, _: c_int) -> size_t {
    length.max(1).checked_next_multiple_of(16).unwrap_or(0)
}

/// jemalloc's: there are none.
pub unsafe extern "C" fn malloc_stats_print(_: *const c_void, _: *mut c_void, _: *const c_char) {}
