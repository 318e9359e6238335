//! The TLS blocks of simulated threads: `sim` makes them, here are those that are free. They are kept by OS thread and not in a
//! static, which would be swapped with the programs'.

use crate::raw;
use eagain_sim::native::Block;
use std::cell::{Cell, RefCell};

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
        // A program in a file of its own initializes what it needs of the room when a thread of it begins.
        let block = free.map(|block| block.renewed(room())).or_else(Block::new);
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

// Thread-local variables of an executable end at the thread pointer, and compiled code knows how far from it each is. Those of a
// program in a file of its own would lie where this executable's do: so the last ones here are nobody's. A section of its own name
// comes behind those that linkers know (`.tbss`), of which the first is here too, so that it was seen before.
std::arch::global_asm!(
    r#"
    .section .tbss.eagain_in_front,"awT",@nobits
    .p2align 6
    .type eagain_in_front, @tls_object
    .globl eagain_in_front
eagain_in_front:
    .zero 64
    .size eagain_in_front, 64
    .section .teagain_room,"awT",@nobits
    .p2align 6
    .type eagain_room, @tls_object
    .globl eagain_room
eagain_room:
    .zero 49152
    .size eagain_room, 49152
    .text
"#
);

const ROOM: usize = 49_152;

/// How many bytes in front of the thread pointer are nobody's. 0: this linker has put something else there.
pub fn room() -> usize {
    let (room, _in_front): (isize, isize);
    // SAFETY: reads two words that the linker has filled in.
    unsafe {
        std::arch::asm!(
            "mov {}, qword ptr [rip + eagain_room@gottpoff]",
            "mov {}, qword ptr [rip + eagain_in_front@gottpoff]",
            out(reg) room, out(reg) _in_front, options(nostack, readonly)
        );
    }
    if room == -(ROOM as isize) { ROOM } else { 0 }
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
