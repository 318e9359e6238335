//! A rewritten log that was renamed, in a directory that was not synced: after a power failure the old log is back. Repaired:
//! fsync(2) of the directory.

use crate::durability::replaced::{FileDefect, with_files};
use crate::durability::rewrite;
use crate::durability::server::SHIPPED;
use eagain_net::{Fd, Files, Result};
use eagain_sim::{Sim, SimKernel};

crate::bugs::planted!(
    "missing-directory-fsync",
    "B69",
    'n',
    ["O8", "O9", "O2"],
    "a rewritten log has its name, and the name is not synced"
);

/// fsync(2) of a directory does nothing, and says that it has.
#[derive(Clone, Copy)]
struct Skipped;

impl FileDefect for Skipped {
    fn fsync(k: SimKernel, fd: Fd) -> Result<()> {
        if k.fstat(fd)?.is_dir { Ok(()) } else { k.fsync(fd) }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    rewrite::run(sim, if defect { with_files::<Skipped> } else { SHIPPED });
}
