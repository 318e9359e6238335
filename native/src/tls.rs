//! TLS blocks for simulated threads, as glibc makes them for its own: `_dl_allocate_tls` of ld.so, found by its name.

use crate::raw;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;

/// A TLS block: what its thread pointer points to, and what lies in front of that.
pub struct Block {
    /// The thread pointer.
    pub base: usize,
}

/// Blocks that are free.
#[derive(Default)]
pub struct Pool {
    free: RefCell<Vec<Block>>,
    segment: Cell<Option<Segment>>,
}

/// The TLS segment of the executable.
#[derive(Clone, Copy)]
struct Segment {
    /// Its initial content.
    image: usize,
    /// How many bytes of it are not zero.
    file: usize,
    /// How many bytes it has.
    memory: usize,
    /// How far in front of the thread pointer it begins.
    distance: usize,
}

/// Words of glibc's `tcbhead_t`.
const SELF: usize = 2;
/// Half a word: whether the OS process has more than one thread; see `sim`'s `stack/storage.rs`.
const MULTIPLE_THREADS: usize = 3;
const STACK_GUARD: usize = 5;
const POINTER_GUARD: usize = 6;

impl Pool {
    /// A block as new.
    pub fn take(&self) -> Block {
        let segment = self.segment();
        let free = self.free.borrow_mut().pop();
        match free {
            Some(block) => {
                // SAFETY: the segment of a block that no thread uses; the addresses are the loader's.
                unsafe {
                    let at = (block.base - segment.distance) as *mut u8;
                    std::ptr::copy_nonoverlapping(segment.image as *const u8, at, segment.file);
                    std::ptr::write_bytes(at.add(segment.file), 0, segment.memory - segment.file);
                }
                block
            }
            None => make(),
        }
    }

    /// A block that no thread uses any more.
    pub fn give(&self, block: Block) {
        self.free.borrow_mut().push(block);
    }

    fn segment(&self) -> Segment {
        if self.segment.get().is_none() {
            self.segment.set(Some(find_segment()));
        }
        self.segment.get().unwrap_or_else(|| raw::fatal("the executable has no TLS segment"))
    }
}

/// Whether this machine lets a program set its thread pointer, and libc has what makes blocks; else a line that says why.
pub fn check() -> Result<(), &'static str> {
    const FSGSBASE: u64 = 2;
    // SAFETY: it has no preconditions.
    if unsafe { libc::getauxval(libc::AT_HWCAP2) } & FSGSBASE == 0 {
        return Err("unmodified programs need Linux 5.9 on a processor with FSGSBASE");
    }
    if raw::symbol(c"_dl_allocate_tls").is_null() || raw::symbol(c"__ctype_init").is_null() {
        return Err(
            "unmodified programs need glibc, whose _dl_allocate_tls makes TLS blocks: a dynamically linked \
                    executable, and no sanitizer",
        );
    }
    Ok(())
}

fn make() -> Block {
    // SAFETY: `_dl_allocate_tls(NULL)` returns a new block with its TLS initialised, or null; the words written are those
    // that pthread_create(3) writes: the block's own address, and the guards that compiled code compares with.
    unsafe {
        let block = raw::real!(_dl_allocate_tls as fn(std::ptr::null_mut() => *mut c_void) -> *mut c_void)
            .cast::<usize>();
        if block.is_null() {
            raw::fatal("no memory for the TLS block of a simulated thread");
        }
        let mine = own_thread_pointer() as *const usize;
        *block = block as usize;
        *block.add(SELF) = block as usize;
        block.add(MULTIPLE_THREADS).cast::<u32>().write(1);
        *block.add(STACK_GUARD) = *mine.add(STACK_GUARD);
        *block.add(POINTER_GUARD) = *mine.add(POINTER_GUARD);
        Block { base: block as usize }
    }
}

/// On a new block: the tables of ctype.h, which C code finds through thread-local storage.
pub fn initialise_libc() {
    // SAFETY: it has no preconditions.
    unsafe { raw::real!(__ctype_init as fn() -> ()) };
}

fn own_thread_pointer() -> usize {
    let base: usize;
    // SAFETY: word 0 of the block holds its own address.
    unsafe { std::arch::asm!("mov {}, fs:[0]", out(reg) base, options(nostack, preserves_flags, readonly)) };
    base
}

fn find_segment() -> Segment {
    extern "C" fn each(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> i32 {
        // SAFETY: the loader hands over a valid description; `found` is what is passed below.
        unsafe {
            let info = &*info;
            for i in 0..usize::from(info.dlpi_phnum) {
                let header = &*info.dlpi_phdr.add(i);
                if header.p_type == libc::PT_TLS {
                    *found.cast::<Option<Segment>>() = Some(Segment {
                        image: (info.dlpi_addr + header.p_vaddr) as usize,
                        file: header.p_filesz as usize,
                        memory: header.p_memsz as usize,
                        distance: own_thread_pointer() - info.dlpi_tls_data as usize,
                    });
                }
            }
        }
        // The first is the executable.
        1
    }
    let mut found: Option<Segment> = None;
    // SAFETY: `each` takes what dl_iterate_phdr(3) passes, and `found` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(each_as_libc(each)), (&raw mut found).cast()) };
    found.unwrap_or_else(|| raw::fatal("the executable has no TLS segment"))
}

type Each = extern "C" fn(*mut libc::dl_phdr_info, usize, *mut c_void) -> i32;

pub fn each_as_libc(each: Each) -> unsafe extern "C" fn(*mut libc::dl_phdr_info, usize, *mut c_void) -> i32 {
    each
}
