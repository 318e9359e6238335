//! How much memory a simulated process holds (O4), measured and not guessed: an allocator that charges what a process
//! allocates between its calls to that process. What the harness itself allocates counts for nobody.
//!
//! A binary installs it by [`crate::count_memory!`]; without it O4 says "not measured". Each block carries 16 bytes in
//! front that say whom it was charged to. The figures feed no choice, no hash and no trace: only the verdict of O4.
#![allow(unsafe_code)]

use crate::stack;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// The first processes of a world have an account of their own; all others share the last, which says nothing of one of them.
const ACCOUNTS: usize = 64;

static INSTALLED: AtomicBool = AtomicBool::new(false);
static RUNS: AtomicU32 = AtomicU32::new(1);

/// What the run on an OS thread is charged for. Simulated threads share it, whosever thread-local storage is loaded.
pub(crate) struct Accounts {
    /// The run; 0: none.
    run: Cell<u32>,
    /// The process whose code runs.
    process: Cell<u32>,
    held: [Cell<i64>; ACCOUNTS],
}

thread_local! {
    static OWN: Accounts =
        const { Accounts { run: Cell::new(0), process: Cell::new(0), held: [const { Cell::new(0) }; ACCOUNTS] } };
    /// Those of the OS thread once a run has begun on it, else null.
    static SHARED: Cell<*const Accounts> = const { Cell::new(null()) };
}

/// Those of this OS thread, to be [shared](share) with a simulated thread; null: there are none yet.
pub(crate) fn accounts() -> *const Accounts {
    SHARED.get()
}

/// In thread-local storage that is a simulated thread's own: whom it is charged to. `accounts` are those of the OS thread
/// that it runs on.
pub(crate) fn share(accounts: *const Accounts) {
    SHARED.set(accounts);
}

fn with_accounts<R>(f: impl FnOnce(&Accounts) -> R) -> Option<R> {
    let accounts = SHARED.try_with(Cell::get).unwrap_or(null());
    // SAFETY: null, or in the thread-local storage of the OS thread that runs, which needs no destructor; a simulated thread
    // does not leave it.
    unsafe { accounts.as_ref() }.map(f)
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
    OWN.with(|own| {
        own.run.set(RUNS.fetch_add(1, Relaxed).max(1));
        own.held.iter().for_each(|account| account.set(0));
        SHARED.set(own);
    });
}

/// The run is over: nobody is charged.
pub(crate) fn end_run() {
    OWN.with(|own| own.run.set(0));
}

/// The code of this process runs from now on.
#[inline]
pub(crate) fn charge(process: u32) {
    OWN.with(|own| own.process.set(process.min(ACCOUNTS as u32 - 1)));
}

/// Bytes that a process holds; `None`: not measured, or not apart from others.
pub(crate) fn held(process: u32) -> Option<u64> {
    let account = usize::try_from(process).ok().filter(|&account| account < ACCOUNTS - 1)?;
    let held = || with_accounts(|accounts| accounts.held[account].get().max(0) as u64).unwrap_or(0);
    INSTALLED.load(Relaxed).then(held)
}

impl Accounts {
    /// Adds a block, or takes it off, where it is of the run that is charged now.
    fn count(&self, header: Header, sign: i64) {
        if header.run == self.run.get() {
            let account = &self.held[header.process as usize];
            account.set(account.get() + sign * header.size as i64);
        }
    }
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
    let size = size as u64;
    let charged = with_accounts(|accounts| {
        let run = if stack::runs_a_program() { accounts.run.get() } else { 0 };
        let header = Header { run, process: accounts.process.get(), size };
        if run != 0 {
            accounts.count(header, 1);
        }
        header
    });
    let header = charged.unwrap_or(Header { run: 0, process: 0, size });
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
            let old = place.read();
            let new = Header { size: size as u64, ..old };
            place.write(new);
            if old.run != 0 {
                with_accounts(|accounts| {
                    accounts.count(old, -1);
                    accounts.count(new, 1);
                });
            }
            block
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((whole, front)) = with_header(layout) else { return };
        // SAFETY: `alloc` wrote the header right in front of the block.
        let header = unsafe { block.sub(size_of::<Header>()).cast::<Header>().read() };
        if header.run != 0 {
            with_accounts(|accounts| accounts.count(header, -1));
        }
        // SAFETY: the block was made by `alloc` with this layout, so its whole began `front` before.
        unsafe { System.dealloc(block.sub(front), whole) }
    }
}
