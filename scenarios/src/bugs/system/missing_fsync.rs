//! A log that says that it has synced, and has not: what was acknowledged is gone when the power fails. Repaired: fsync(2) before
//! any reply.

use crate::durability::replaced::{FileDefect, with_files};
use crate::durability::run::{POWER, run};
use crate::durability::server::SHIPPED;
use eagain_net::{Fd, Result};
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::{Sim, SimKernel};

crate::bugs::planted!(
    "missing-fsync",
    "B68",
    'n',
    ["O8", "O9", "O2"],
    "the log says that it has synced, and has not"
);

/// fdatasync(2) does nothing, and says that it has.
#[derive(Clone, Copy)]
struct Skipped;

impl FileDefect for Skipped {
    fn fdatasync(_: SimKernel, _: Fd) -> Result<()> {
        Ok(())
    }
}

fn build(sim: &mut Sim, defect: bool) {
    run(sim, Log, POWER, if defect { with_files::<Skipped> } else { SHIPPED });
}
