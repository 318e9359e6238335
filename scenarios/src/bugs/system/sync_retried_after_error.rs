//! A sync that is tried again after an error (PostgreSQL 2018, and others since): fsync(2) reports `EIO` once, the kernel has
//! given the pages up, and the second call succeeds without having written them. Repaired: after an error nothing that was
//! not synced counts as written.

use crate::durability::replaced::{FileDefect, with_files};
use crate::durability::run::{FAILING_SYNC, run};
use crate::durability::server::SHIPPED;
use eagain_net::{Fd, Files, Result};
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::{Sim, SimKernel};

crate::bugs::planted!(
    "sync-retried-after-error",
    "B71",
    'n',
    ["O8", "O9", "O2"],
    "a sync that failed is tried again, and its success is taken for that of the data"
);

/// A sync is tried twice.
#[derive(Clone, Copy)]
struct TriesAgain;

impl FileDefect for TriesAgain {
    fn fsync(k: SimKernel, fd: Fd) -> Result<()> {
        k.fsync(fd).or_else(|_| k.fsync(fd))
    }

    fn fdatasync(k: SimKernel, fd: Fd) -> Result<()> {
        k.fdatasync(fd).or_else(|_| k.fdatasync(fd))
    }
}

fn build(sim: &mut Sim, defect: bool) {
    run(sim, Log, FAILING_SYNC, if defect { with_files::<TriesAgain> } else { SHIPPED });
}
