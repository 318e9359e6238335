//! A log that goes on behind a torn batch, where the next recovery finds nothing. Repaired: the torn batch is cut off first.

use crate::durability::replaced::{FileDefect, with_files};
use crate::durability::run::{POWER, run};
use crate::durability::server::SHIPPED;
use eagain_net::{Fd, Files, Result};
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::{Sim, SimKernel};

crate::bugs::planted!(
    "append-behind-torn",
    "B70",
    'n',
    ["O8", "O9", "O2"],
    "new batches go behind a torn one, where nobody finds them"
);

/// A file that was opened with `O_APPEND`, which pwrite(2) heeds more than its offset, and is never cut.
#[derive(Clone, Copy)]
struct Appends;

impl FileDefect for Appends {
    fn pwrite(k: SimKernel, fd: Fd, bytes: &[u8], _: u64) -> Result<usize> {
        k.pwrite(fd, bytes, k.fstat(fd)?.len)
    }

    fn ftruncate(_: SimKernel, _: Fd, _: u64) -> Result<()> {
        Ok(())
    }
}

fn build(sim: &mut Sim, defect: bool) {
    run(sim, Log, POWER, if defect { with_files::<Appends> } else { SHIPPED });
}
