//! The cluster's defects, found over turmoil too: the same flaws of its links as in `crate::cluster`, in the cluster on
//! tokio.

use crate::bugs::planted;
use crate::tokio_world::cluster::{Tale, told};
use eagain_server::flaws::Flaws;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

fn tell(sim: &mut Sim, faults: &'static [Family], flaws: Flaws) {
    told(sim, Tale { clients: 2, operations: 12, faults, flaws, looks_last: false });
}

/// A reply goes to whoever asked next.
pub mod reply_mix_up {
    use super::*;

    const FAULTS: &[Family] = &[Family::StreamStall, Family::NetHold];

    fn build(sim: &mut Sim, defect: bool) {
        tell(sim, FAULTS, Flaws { forgets_timed_out: defect, ..Flaws::default() });
    }

    planted!(
        @named "turmoil-reply-mix-up", "turmoil-reply-mix-up-twin", "B78", 'o', ["O1", "O2", "O7", "O8"],
        "a link gives the place of a request that timed out to the next"
    );
}

/// What may have been executed is executed again.
pub mod double_apply {
    use super::*;

    const FAULTS: &[Family] =
        &[Family::StreamReset, Family::NetPartition, Family::NetOneWay, Family::HostCrash];

    fn build(sim: &mut Sim, defect: bool) {
        tell(sim, FAULTS, Flaws { sends_again: defect, ..Flaws::default() });
    }

    planted!(
        @named "turmoil-double-apply", "turmoil-double-apply-twin", "B77", 'o', ["O1", "O2", "O7", "O8"],
        "a link sends again what may have been executed"
    );
}
