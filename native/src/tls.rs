//! The TLS blocks of simulated threads: `sim` makes them, here are those that are free. They are kept by OS thread and not in a
//! static, which would be swapped with the programs'.

use crate::raw;
use eagain_sim::native::Block;
use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};

/// Blocks that are free.
#[derive(Default)]
pub struct Pool {
    free: RefCell<Vec<Block>>,
    /// Where libc keeps the number of a thread, from its thread pointer; `None`: not asked yet.
    number_at: Cell<Option<usize>>,
}

impl Pool {
    /// A block as new.
    pub fn take(&self) -> Block {
        let free = self.free.borrow_mut().pop();
        let block = free.map(Block::renewed).or_else(Block::new);
        block.unwrap_or_else(|| raw::fatal("no memory for the TLS block of a simulated thread"))
    }

    /// A block that no thread uses any more.
    pub fn give(&self, block: Block) {
        self.free.borrow_mut().push(block);
    }

    /// The thread on this block has this number, as `gettid(2)` gives it.
    pub fn number(&self, block: &Block, tid: i32) {
        let at = self.number_at.get().unwrap_or_else(|| {
            let at = find_number();
            self.number_at.set(Some(at));
            at
        });
        if at != 0 {
            // SAFETY: libc's field of this block, which the caller's thread alone uses.
            unsafe { ((block.thread_pointer() + at) as *mut i32).write(tid) };
        }
    }
}

// Thread-local variables of an executable lie in front of the thread pointer, and compiled code knows how far. Those of a program in
// a file of its own would lie where this executable's do. A variable whose alignment is a page makes the linker place all others a
// page away: what is left in between, wherever it puts the variable, is free.
#[repr(align(4096))]
struct Page;

thread_local! {
    static ROOM: Page = const { Page };
}

/// How many bytes in front of the thread pointer are nobody's.
pub fn room() -> usize {
    unsafe extern "C" fn each(info: *mut libc::dl_phdr_info, _: usize, room: *mut c_void) -> c_int {
        // SAFETY: the loader hands over a valid description; `room` is what is passed below.
        unsafe {
            let headers = std::slice::from_raw_parts((*info).dlpi_phdr, usize::from((*info).dlpi_phnum));
            if let Some(own) = headers.iter().find(|header| header.p_type == libc::PT_TLS) {
                let (length, align) = (own.p_memsz as usize, (own.p_align as usize).max(1));
                *room.cast::<usize>() = length.next_multiple_of(align) - length;
            }
        }
        // The first is the executable.
        1
    }
    // The linker keeps what is used.
    ROOM.with(|page| std::hint::black_box(std::ptr::from_ref(page)));
    let mut room = 0usize;
    // SAFETY: `each` takes what dl_iterate_phdr(3) passes, and `room` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut room).cast()) };
    room
}

/// As libc describes it to debuggers (`libthread_db`): its size in bits, how many there are, its offset. 0: it does not.
fn find_number() -> usize {
    // SAFETY: dlvsym(3) with valid names; the description is three words.
    unsafe {
        let name = c"_thread_db_pthread_tid".as_ptr();
        let field = libc::dlvsym(libc::RTLD_DEFAULT, name, c"GLIBC_PRIVATE".as_ptr()).cast::<[u32; 3]>();
        if field.is_null() || (*field)[0] != 32 { 0 } else { (*field)[2] as usize }
    }
}

/// Whether this machine lets a program set its thread pointer, and libc has what makes blocks; else a line that says why.
pub fn check() -> Result<(), &'static str> {
    let block = Block::new().ok_or(
        "unmodified programs need Linux 5.9 on a processor with FSGSBASE, and glibc, whose _dl_allocate_tls makes TLS \
         blocks: a dynamically linked executable, and no sanitizer",
    )?;
    crate::state::state().pool.give(block);
    Ok(())
}
