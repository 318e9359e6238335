//! How much memory a simulated process holds (O4), measured and not guessed: an allocator that charges what a process
//! allocates between its calls to that process. What the harness itself allocates counts for nobody.
//!
//! A binary installs it by [`crate::count_memory!`]; without it O4 says "not measured". Each block carries 16 bytes in
//! front that say whom it was charged to. The figures feed no choice, no hash and no trace: only the verdict of O4.
#![allow(unsafe_code)]

use crate::stack;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Processes of a world that have an account of their own; all others share the last.
const ACCOUNTS: usize = 64;

static INSTALLED: AtomicBool = AtomicBool::new(false);
static RUNS: AtomicU32 = AtomicU32::new(1);

thread_local! {
    /// The run that is charged on this OS thread; 0: none.
    static RUN: Cell<u32> = const { Cell::new(0) };
    /// The process whose code runs.
    static PROCESS: Cell<u32> = const { Cell::new(0) };
    static HELD: [Cell<i64>; ACCOUNTS] = const { [const { Cell::new(0) }; ACCOUNTS] };
}

/// The system's allocator, with accounts.
pub struct CountingAllocator;

/// Whom a block was charged to; in front of it.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Header {
    run: u32,
    process: u32,
    size: u64,
}

/// Installs the allocator that measures the memory of simulated processes. Once, in a binary or a test.
#[macro_export]
macro_rules! count_memory {
    () => {
        #[global_allocator]
        static EAGAIN_COUNTING_ALLOCATOR: $crate::CountingAllocator = $crate::CountingAllocator;
    };
}

/// A run begins on this OS thread: all accounts are empty.
pub(crate) fn begin_run() {
    RUN.set(RUNS.fetch_add(1, Relaxed).max(1));
    HELD.with(|accounts| accounts.iter().for_each(|account| account.set(0)));
}

/// The run is over: nobody is charged.
pub(crate) fn end_run() {
    RUN.set(0);
}

/// The code of this process runs from now on.
#[inline]
pub(crate) fn charge(process: u32) {
    PROCESS.set(process.min(ACCOUNTS as u32 - 1));
}

/// Bytes that a process holds; `None`: not measured.
pub(crate) fn held(process: u32) -> Option<u64> {
    let account = process.min(ACCOUNTS as u32 - 1) as usize;
    INSTALLED.load(Relaxed).then(|| HELD.with(|accounts| accounts[account].get().max(0) as u64))
}

fn account(header: Header, sign: i64) {
    // An OS thread that is ending has no accounts any more.
    let _ = HELD.try_with(|accounts| {
        let account = &accounts[header.process as usize];
        account.set(account.get() + sign * header.size as i64);
    });
}

/// The layout with room for the header in front, and how far in front of the block it begins.
fn with_header(layout: Layout) -> Option<(Layout, usize)> {
    let front = layout.align().max(size_of::<Header>());
    let size = layout.size().checked_add(front)?;
    Some((Layout::from_size_align(size, front).ok()?, front))
}

/// Writes the header and charges whose code runs; the block behind the header.
///
/// # Safety
/// `start` is null, or begins a block that is `front + size` long and aligned to `front`, of which `front` is a multiple of
/// the header's size.
unsafe fn hand_out(start: *mut u8, front: usize, size: usize) -> *mut u8 {
    if start.is_null() {
        return start;
    }
    if !INSTALLED.load(Relaxed) {
        INSTALLED.store(true, Relaxed);
    }
    let run = if stack::runs_a_program() { RUN.try_with(Cell::get).unwrap_or(0) } else { 0 };
    let header = Header { run, process: PROCESS.try_with(Cell::get).unwrap_or(0), size: size as u64 };
    if run != 0 {
        account(header, 1);
    }
    // SAFETY: the header fits in front, at a multiple of its own alignment, as the caller promises.
    unsafe {
        let block = start.add(front);
        block.sub(size_of::<Header>()).cast::<Header>().write(header);
        block
    }
}

// SAFETY: every block is one of `System` with the same or a larger alignment, longer by `front`, and the pointer handed
// out lies `front` behind its start, which keeps the alignment asked for; `dealloc` computes the same from the same layout.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((whole, front)) = with_header(layout) else { return std::ptr::null_mut() };
        // SAFETY: `whole` is not of size 0, since `front` is not 0; the block is `front` longer than `layout`.
        unsafe { hand_out(System.alloc(whole), front, layout.size()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some((whole, front)) = with_header(layout) else { return std::ptr::null_mut() };
        // SAFETY: as in `alloc`; only the header is written, so what is handed out stays zero.
        unsafe { hand_out(System.alloc_zeroed(whole), front, layout.size()) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some((whole, front)) = with_header(layout) else { return std::ptr::null_mut() };
        let Some(new_whole) = size.checked_add(front) else { return std::ptr::null_mut() };
        // SAFETY: `block` was handed out `front` behind the start of a block of layout `whole`, whose header keeps its
        // place when the block moves; the new size is at least `front`, so not 0.
        unsafe {
            let start = System.realloc(block.sub(front), whole, new_whole);
            if start.is_null() {
                return start;
            }
            let block = start.add(front);
            let place = block.sub(size_of::<Header>()).cast::<Header>();
            let mut header = place.read();
            let counts = header.run != 0 && RUN.try_with(Cell::get) == Ok(header.run);
            if counts {
                account(header, -1);
            }
            header.size = size as u64;
            place.write(header);
            if counts {
                account(header, 1);
            }
            block
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((whole, front)) = with_header(layout) else { return };
        // SAFETY: `alloc` wrote the header right in front of the block.
        let header = unsafe { block.sub(size_of::<Header>()).cast::<Header>().read() };
        if header.run != 0 && RUN.try_with(Cell::get) == Ok(header.run) {
            account(header, -1);
        }
        // SAFETY: the block was made by `alloc` with this layout, so its whole began `front` before.
        unsafe { System.dealloc(block.sub(front), whole) }
    }
}
