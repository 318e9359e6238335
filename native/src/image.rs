//! The statics of programs: each simulated process has its own, in place when its code runs ([`Images`]). They are the writable
//! part of the executable, which is small (about 5 KB with tokio, hyper, axum and reqwest).
//!
//! A process begins with the image from before any code ran, taken in `.preinit_array`. The harness's statics are in there
//! too: what it needs while a program's image is in place must not be in a static (or not mind to be as at the start).

mod processes;
#[cfg(test)]
mod tests;

pub use processes::Images;

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU8, AtomicUsize};

/// Where the pristine image is kept: an address, since a static would be swapped.
const KEPT: usize = 0x0f00_0000_0000;
const KEPT_BYTES: usize = 16 << 20;
/// Executables have two or three writable segments.
const PARTS_MAX: usize = 32;

/// In front of the pristine image.
#[repr(C)]
struct Kept {
    taken: usize,
    /// How many parts the executable has.
    count: usize,
    /// With those of libc: [`also`].
    count_with_libc: usize,
    /// What Linux looks at: `crate::dispatch`.
    switch: AtomicU8,
    /// What the worker's signal handlers look at: nothing that they use may be swapped.
    cells: [AtomicUsize; CELLS],
    /// Address and length of what is swapped.
    parts: [(usize, usize); PARTS_MAX],
}

const CELLS: usize = 13;

/// The cell that says whether libc's parts are swapped too.
const WITH_LIBC: usize = CELLS - 1;

/// Words that are never swapped, zero at first. [`check`] comes first.
pub fn cells() -> &'static [AtomicUsize; CELLS] {
    // SAFETY: `check` has seen that it is there.
    unsafe { &(*(KEPT as *const Kept)).cells }
}

/// A byte that is never swapped. [`check`] comes first.
#[inline(always)]
pub fn switch() -> &'static AtomicU8 {
    // SAFETY: `check` has seen that it is there.
    unsafe { &(*(KEPT as *const Kept)).switch }
}

/// Runs after the loader has relocated, and before anything else of the program.
#[used]
#[unsafe(link_section = ".preinit_array")]
static TAKE: extern "C" fn() = take;

extern "C" fn take() {
    // SAFETY: the mapping is new and at this address or not there; the parts are the executable's own writable memory, which
    // nobody else touches this early.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        if libc::mmap(KEPT as *mut c_void, KEPT_BYTES, protection, flags, -1, 0) as usize != KEPT {
            return;
        }
        let kept = &mut *(KEPT as *mut Kept);
        libc::dl_iterate_phdr(Some(find_parts), (&raw mut *kept).cast());
        let total: usize = kept.parts[..kept.count].iter().map(|part| part.1).sum();
        if size_of::<Kept>() + total > KEPT_BYTES {
            return;
        }
        let mut to = pristine();
        for &(at, length) in &kept.parts[..kept.count] {
            std::ptr::copy_nonoverlapping(at as *const u8, to, length);
            to = to.add(length);
        }
        kept.taken = 1;
    }
}

/// The writable segments of the executable without what the loader has made read-only since.
unsafe extern "C" fn find_parts(info: *mut libc::dl_phdr_info, _: usize, kept: *mut c_void) -> i32 {
    // SAFETY: the loader hands over a valid description; `kept` is what is passed above.
    unsafe {
        let (info, kept) = (&*info, &mut *kept.cast::<Kept>());
        let headers = std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
        let range = |header: &libc::Elf64_Phdr| {
            let start = (info.dlpi_addr + header.p_vaddr) as usize;
            (start, start + header.p_memsz as usize)
        };
        let (from, to) =
            headers.iter().find(|header| header.p_type == libc::PT_GNU_RELRO).map_or((0, 0), range);
        for header in headers.iter().filter(|h| h.p_type == libc::PT_LOAD && h.p_flags & libc::PF_W != 0) {
            let (start, end) = range(header);
            for (start, end) in [(start, end.min(from.max(start))), (start.max(to), end)] {
                if start < end && kept.count < PARTS_MAX && (end <= from || start >= to) {
                    kept.parts[kept.count] = (start, end - start);
                    kept.count += 1;
                }
            }
        }
    }
    // The first is the executable.
    1
}

fn pristine() -> *mut u8 {
    (KEPT + size_of::<Kept>()) as *mut u8
}

thread_local! {
    /// [`check`] has seen it.
    static SEEN: Cell<bool> = const { Cell::new(false) };
}

/// Whether the image was taken; else a line that says what is wrong.
pub fn check() -> Result<(), &'static str> {
    if SEEN.get() {
        return Ok(());
    }
    // Nobody maps this address but `take`: asked of the kernel, since it may not be there.
    // SAFETY: mincore(2) reads no memory of ours; the byte is valid.
    let there = unsafe {
        let mut byte = 0u8;
        libc::mincore(KEPT as *mut c_void, 4096, &raw mut byte) == 0
    };
    // SAFETY: it is there, zero or as `take` left it.
    if there && unsafe { (*(KEPT as *const Kept)).taken } == 1 {
        SEEN.set(true);
        return Ok(());
    }
    Err(
        "the image of the program's statics could not be taken: .preinit_array did not run, or the address was not free",
    )
}

/// A piece of the statics, and where it begins in an image of all of them.
#[derive(Clone, Copy)]
struct Piece {
    at: usize,
    length: usize,
    offset: usize,
}

impl Piece {
    /// What it holds now.
    #[inline(always)]
    fn now(&self) -> &'static [u8] {
        // SAFETY: a part of the executable's writable memory, which one OS thread uses; nobody writes it while this is looked at.
        unsafe { std::slice::from_raw_parts(self.at as *const u8, self.length) }
    }

    /// What it held before any code ran.
    #[inline(always)]
    fn pristine(&self) -> &'static [u8] {
        // SAFETY: `check` has seen that it was taken: all pieces, one behind the other.
        unsafe { std::slice::from_raw_parts(pristine().add(self.offset), self.length) }
    }

    /// It holds this from now on.
    ///
    /// # Panics
    /// Where it has another length.
    #[inline(always)]
    fn put(&self, bytes: &[u8]) {
        assert_eq!(bytes.len(), self.length);
        // SAFETY: as in `now`; as many bytes as it has.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at as *mut u8, self.length) };
    }
}

/// All statics.
fn pieces() -> impl Iterator<Item = Piece> {
    parts().iter().scan(0, |next, &(at, length)| {
        let offset = *next;
        *next += length;
        Some(Piece { at, length, offset })
    })
}

/// Whether libc's variables are among the statics in this world.
fn is_with_libc() -> bool {
    cells()[WITH_LIBC].load(Relaxed) != 0
}

fn parts() -> &'static [(usize, usize)] {
    // SAFETY: `check` has seen that it is there; it is not written after `take` and `also`.
    let kept = unsafe { &*(KEPT as *const Kept) };
    &kept.parts[..if is_with_libc() { kept.count_with_libc } else { kept.count }]
}

/// In a worker, before its first world: variables of libc that belong to a process where programs use them. What they hold
/// now is what a process begins with. [`check`] comes first.
pub fn also(variables: impl Iterator<Item = (usize, usize)>) {
    // SAFETY: it is there, one OS thread runs, and no world has begun; the variables are libc's own.
    unsafe {
        let kept = &mut *(KEPT as *mut Kept);
        let mut to = pristine().add(kept.parts[..kept.count].iter().map(|part| part.1).sum());
        kept.count_with_libc = kept.count;
        for (at, length) in variables.take(PARTS_MAX - kept.count) {
            std::ptr::copy_nonoverlapping(at as *const u8, to, length);
            to = to.add(length);
            kept.parts[kept.count_with_libc] = (at, length);
            kept.count_with_libc += 1;
        }
    }
}

/// In a worker, before its first world: processes begin with what `f` writes into statics, answers that are the same for all of them.
/// Each would ask by itself otherwise. [`check`] comes first.
pub fn keep<R>(f: impl FnOnce() -> R) -> R {
    let before: Vec<u8> = pieces().flat_map(|piece| piece.now()).copied().collect();
    let result = f();
    let after = pieces().flat_map(|piece| piece.now());
    // SAFETY: `check` has seen that it was taken, as many bytes as there are of all pieces; nobody reads it meanwhile.
    let pristine = unsafe { std::slice::from_raw_parts_mut(pristine(), before.len()) };
    for (kept, (before, after)) in pristine.iter_mut().zip(before.iter().zip(after)) {
        if before != after {
            *kept = *after;
        }
    }
    result
}

/// The processes of this world have libc's variables of their own too. Before the first of them has begun.
pub fn with_libc() {
    cells()[WITH_LIBC].store(1, Relaxed);
}
