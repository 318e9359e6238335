//! `SimKernel`: the simulated kernel as a program sees it. It implements the traits of `eagain_net::kernel` and nothing
//! else: a file for each trait, under the same name, in which each method names its call and calls
//! `crate::syscall`. The steps that all calls share are in `entry`.

mod aio;
mod clock;
mod completion;
mod datagram;
mod descriptor;
mod entropy;
mod entry;
mod file;
mod limit;
mod outcome;
mod pipe;
mod posix_timer;
mod readiness;
mod signal;
mod socket;
mod thread;
mod timer;
mod unix;
mod words;

pub use completion::SimRing;
pub(crate) use entry::control;

/// The kernel of the simulated host that the running thread is on. A token without content: copy it into every thread of the
/// simulated process. Programs get it from [`Sim::server`](crate::Sim::server) and [`Sim::client`](crate::Sim::client).
///
/// # Panics
///
/// A call outside of a simulated thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimKernel;
