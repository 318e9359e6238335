//! A scenario that is declared in a file of its own; its hosts are made elsewhere.

use eagain_sim::sometimes;

eagain_sim::scenarios! {
    pub const ALL;

    /// A client asks once, and never again.
    asks_once(sim) {
        crate::shared::build(sim, || sometimes!("asked", true));
        if sim.failed() {
            ask_again();
        }
    }
}

fn ask_again() {
    sometimes!("asked again", true);
}
