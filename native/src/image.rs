//! The statics of programs: each simulated process has its own, in place when its code runs. They are the writable part of
//! the executable, which is small (about 5 KB with tokio, hyper, axum and reqwest), so they are copied.
//!
//! A process begins with the image from before any code ran, taken in `.preinit_array`. The harness's statics are in there
//! too: what it needs while a program's image is in place must not be in a static (or not mind to be as at the start).

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_void};
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

const CELLS: usize = 11;

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

/// Whether the image was taken; else a line that says what is wrong.
pub fn check() -> Result<(), &'static str> {
    // Nobody maps this address but `take`: asked of the kernel, since it may not be there.
    // SAFETY: mincore(2) reads no memory of ours; the byte is valid.
    let there = unsafe {
        let mut byte = 0u8;
        libc::mincore(KEPT as *mut c_void, 4096, &raw mut byte) == 0
    };
    // SAFETY: it is there, zero or as `take` left it.
    if there && unsafe { (*(KEPT as *const Kept)).taken } == 1 {
        return Ok(());
    }
    Err(
        "the image of the program's statics could not be taken: .preinit_array did not run, or the address was not free",
    )
}

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// The statics of one process.
#[derive(Clone)]
struct Image {
    bytes: Vec<u8>,
    /// libc's own variable, not the executable's: it belongs to the process all the same.
    environment: *mut *mut c_char,
}

/// The images of the processes of a world.
#[derive(Default)]
pub struct Images {
    /// The process whose image is in place; `None`: the harness's.
    current: Cell<Option<u32>>,
    harness: RefCell<Option<Image>>,
    images: RefCell<Vec<Option<Image>>>,
    spare: RefCell<Vec<Image>>,
}

impl Images {
    /// The statics of `process` are in place from now on: those that it left, or as new.
    #[inline]
    pub fn enter(&self, process: u32) {
        if self.current.get() != Some(process) {
            self.swap(process);
        }
    }

    #[cold]
    fn swap(&self, process: u32) {
        self.keep();
        let mut images = self.images.borrow_mut();
        let index = process as usize;
        if images.len() <= index {
            images.resize(index + 1, None);
        }
        match &images[index] {
            Some(image) => image.put(),
            None => {
                let mut image = self.spare.borrow_mut().pop().unwrap_or_else(Image::empty);
                image.bytes.clear();
                // SAFETY: `check` has seen that it was taken: as many bytes as there are parts of.
                image.bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(pristine(), bytes()) });
                image.environment = std::ptr::null_mut();
                image.put();
                images[index] = Some(image);
            }
        }
        self.current.set(Some(process));
    }

    /// The harness's statics are in place from now on.
    pub fn leave(&self) {
        if self.current.get().is_some() {
            self.keep();
            if let Some(image) = &*self.harness.borrow() {
                image.put();
            }
            self.current.set(None);
        }
    }

    /// Takes what is in place.
    fn keep(&self) {
        match self.current.get() {
            None => self.harness.borrow_mut().get_or_insert_with(Image::empty).take(),
            Some(process) => {
                if let Some(Some(image)) = self.images.borrow_mut().get_mut(process as usize) {
                    image.take();
                }
            }
        }
    }

    /// Every process of the next world begins as new. The harness's statics must be in place.
    pub fn forget(&self) {
        cells()[WITH_LIBC].store(0, Relaxed);
        self.spare.borrow_mut().extend(self.images.borrow_mut().drain(..).flatten());
    }
}

/// Bytes of an image.
pub fn bytes() -> usize {
    parts().iter().map(|part| part.1).sum()
}

fn parts() -> &'static [(usize, usize)] {
    // SAFETY: `check` has seen that it is there; it is not written after `take` and `also`.
    let kept = unsafe { &*(KEPT as *const Kept) };
    let with_libc = kept.cells[WITH_LIBC].load(Relaxed) != 0;
    &kept.parts[..if with_libc { kept.count_with_libc } else { kept.count }]
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

/// In a worker, before anybody has asked std what the processor can do: processes begin with the answer, which std keeps in a static.
/// Each would ask by itself otherwise, and in a virtual machine a question (`CPUID`) takes tens of microseconds. [`check`] comes first.
pub fn keep_processor_features() {
    let mut before = Image::empty();
    before.take();
    std::hint::black_box(std::is_x86_feature_detected!("avx2"));
    let mut after = Image::empty();
    after.take();
    // SAFETY: `check` has seen that it was taken, as many bytes as there are parts of; nobody reads it meanwhile.
    let pristine = unsafe { std::slice::from_raw_parts_mut(pristine(), bytes()) };
    for (kept, (before, after)) in pristine.iter_mut().zip(before.bytes.iter().zip(&after.bytes)) {
        if before != after {
            *kept = *after;
        }
    }
}

/// The processes of this world have libc's variables of their own too. Before the first of them has begun.
pub fn with_libc() {
    cells()[WITH_LIBC].store(1, Relaxed);
}

impl Image {
    fn empty() -> Image {
        Image { bytes: Vec::with_capacity(bytes()), environment: std::ptr::null_mut() }
    }

    fn take(&mut self) {
        self.bytes.clear();
        for &(at, length) in parts() {
            // SAFETY: a part of the executable's writable memory, which one OS thread uses; nothing in it is borrowed here.
            self.bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(at as *const u8, length) });
        }
        // SAFETY: one OS thread of programs; libc's variable.
        self.environment = unsafe { environ };
    }

    fn put(&self) {
        let mut rest = &self.bytes[..];
        for &(at, length) in parts() {
            // SAFETY: as in `take`; an image is as long as all parts.
            unsafe { std::ptr::copy_nonoverlapping(rest.as_ptr(), at as *mut u8, length) };
            rest = &rest[length..];
        }
        // SAFETY: one OS thread of programs; null, or what the process had.
        unsafe { environ = self.environment };
    }
}
