//! Replies that leave before the sync that they wait for. Repaired: a reply is held until its batch is on the disk.

use crate::durability::replaced::{Log, LogDefect, with_log};
use crate::durability::run::{POWER, run};
use crate::durability::server::SHIPPED;
use eagain_net::Result;
use eagain_server::storage_unit::Engine;
use eagain_server::storage_unit::durable::Backend;
use eagain_sim::Sim;

crate::bugs::planted!(
    "reply-before-sync",
    "B68",
    'n',
    ["O8", "O9", "O2"],
    "replies leave before the sync that they wait for"
);

/// A batch counts as safe once it is written; it is synced before the next one is.
#[derive(Default)]
struct Late {
    owes_a_sync: bool,
}

impl LogDefect for Late {
    fn append(&mut self, log: &mut Log, batch: &mut [u8]) -> Result<()> {
        if std::mem::take(&mut self.owes_a_sync) {
            log.sync()?;
        }
        log.append(batch)
    }

    fn sync(&mut self, _: &mut Log) -> Result<()> {
        self.owes_a_sync = true;
        Ok(())
    }
}

fn build(sim: &mut Sim, defect: bool) {
    run(sim, Engine::Log, POWER, if defect { with_log::<Late> } else { SHIPPED });
}
