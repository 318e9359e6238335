//! The TLS blocks of simulated threads: `sim` makes them, here are those that are free. They are kept by OS thread and not in a
//! static, which would be swapped with the programs'.

use crate::raw;
use eagain_sim::native::Block;
use std::cell::RefCell;

/// Blocks that are free.
#[derive(Default)]
pub struct Pool(RefCell<Vec<Block>>);

impl Pool {
    /// A block as new.
    pub fn take(&self) -> Block {
        let free = self.0.borrow_mut().pop();
        let block = free.map(Block::renewed).or_else(Block::new);
        block.unwrap_or_else(|| raw::fatal("no memory for the TLS block of a simulated thread"))
    }

    /// A block that no thread uses any more.
    pub fn give(&self, block: Block) {
        self.0.borrow_mut().push(block);
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
