//! `SimKernel`: the simulated kernel as a program sees it. It implements the traits of `eagain_net::kernel` and nothing
//! else: each method names its call and hands over to `crate::syscall`; the steps that all calls share are in `door`.

mod completion;
mod door;
mod impls;
mod storage;

pub use completion::SimRing;
pub(crate) use door::{Frame, REAL_SLEEP_NS, SYNC_NS, control};

/// The kernel of the simulated host that the running thread is on: a token. It finds its world through the cell that
/// the stack switch owns, so it can be taken into every thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimKernel;
