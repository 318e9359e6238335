//! `SimKernel`: the simulated kernel as a program sees it. It implements the traits of `eagain_net::kernel` and nothing
//! else: a file for each trait, under the same name, in which each method names its call and hands over to
//! `crate::syscall`. The steps that all calls share are in `entry`.

mod aio;
mod clock;
mod completion;
mod datagram;
mod descriptor;
mod entropy;
mod entry;
mod file;
mod outcome;
mod pipe;
mod readiness;
mod signal;
mod socket;
mod thread;
mod timer;
mod unix;
mod words;

pub use completion::SimRing;
pub(crate) use entry::control;

/// The kernel of the simulated host that the running thread is on: a token. It finds its world through the cell that
/// the stack switch owns, so it can be taken into every thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimKernel;
