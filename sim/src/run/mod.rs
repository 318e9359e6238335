//! What makes a run a run, whatever world it happens in: its choices and faults, its trace and hash, its verdict and
//! what it printed. The simulated kernel (`crate::world`) and worlds of other runtimes ([`External`]) drive the same
//! `Run`; neither has a second way to choose, to inject a fault or to fail.
//!
//! ```text
//!   spec      what a run is made of and what is left of it: plain values for the runner, the shrinker and the reports
//!   state     `Run`: time, choices, trace, verdict, output
//!   inject    the one place where a fault is drawn, applied, recorded and counted
//!   feedback  what a run did, counted coarsely, for a guided search
//!   external  a handle on a `Run` for a world that is not this crate's kernel
//! ```

mod external;
mod feedback;
mod inject;
mod spec;
mod state;

pub use external::{Actor, Clock, External};
pub use feedback::Feature;
pub use spec::{
    CUT_OFF, Empty, Failure, INTERRUPTED, Knob, KnobValues, RunReport, RunSpec, Scenario, Settings,
};

pub use crate::trace::{Record, TraceLog};

pub(crate) use inject::Effect;
pub(crate) use state::Run;
