//! A rewritten log that was renamed, in a directory that was not synced: after a power failure the old log is back. Repaired:
//! fsync(2) of the directory.

use crate::durability::rewrite;
use eagain_server::flaws::Flaws;
use eagain_sim::Sim;

super::planted!(
    "missing-directory-fsync",
    "B69",
    'n',
    ["O8", "O9", "O2"],
    "a rewritten log has its name, and the name is not synced"
);

fn build(sim: &mut Sim, defect: bool) {
    let flaws = Flaws { skips_directory_sync: defect, ..Flaws::default() };
    rewrite::run(sim, flaws);
}
