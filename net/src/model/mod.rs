//! The five I/O models, written once over the kernel's traits, so that each runs on every kernel and is chosen when
//! the program runs ([`ModelKind`]).
//!
//! | model | names | here |
//! |---|---|---|
//! | blocking | `blocking` | nothing to write: a thread per connection, and calls that wait |
//! | non-blocking | `nonblocking` | [`ScanPoller`]: try everything, again and again |
//! | multiplexing | `select` `poll` `epoll` `epoll-edge` `epoll-oneshot` | [`SelectPoller`], [`PollPoller`], [`EpollPoller`] |
//! | signal-driven | `sigio` | [`SigioPoller`]: a real-time signal names the descriptor |
//! | asynchronous | `aio` `io_uring` | [`AioCompleter`], [`RingCompleter`]: what is done, instead of what could be |
//!
//! The models that report readiness share one contract, [`Poller`], under which one reactor runs on all of them;
//! [`AnyPoller`] is any of them. Those that report completion share [`Completer`], and [`AnyCompleter`]. What is left to
//! the server: what the bytes mean.

mod aio;
mod any;
mod completer;
mod epoll;
mod kind;
mod poll;
mod poller;
mod ring;
mod scan;
mod select;
mod sigio;
mod table;
mod waker;

pub use aio::{AioCompleter, AioKernel};
pub use any::{AnyCompleter, AnyPoller, Refusal};
pub use completer::{Completer, Finish, Finished, Refused};
pub use epoll::{EpollMode, EpollPoller};
pub use kind::{ModelKind, UnknownModel};
pub use poll::PollPoller;
pub use poller::{Event, Interest, Outcome, Poller};
pub use ring::RingCompleter;
pub use scan::ScanPoller;
pub use select::SelectPoller;
pub use sigio::{SigioPoller, SigioSignals};
pub use waker::Waker;
