//! Typed handles on descriptors, with std's names: what a server author writes against. Each owns its descriptor,
//! closes it when dropped, and turns a method into the one call that it stands for; nothing is retried or hidden
//! except where a method says so. On Linux they cost nothing: the kernel is a zero-sized token, the call is direct.
//!
//! | handle | stands for |
//! |---|---|
//! | [`OwnedFd`] | any descriptor: read, write, flags, dup |
//! | [`TcpListener`], [`TcpStream`] | `socket(7)`, `tcp(7)` |
//! | [`Epoll`], [`EventFd`], [`TimerFd`], [`SignalFd`] | the interface of that name |
//! | [`Ring`] | `io_uring(7)` |
//! | [`File`] | a regular file or a directory |
//! | [`now`], [`sleep`] | the monotonic clock |

mod clock;
mod epoll;
mod eventfd;
mod fd;
mod file;
mod listener;
mod ring;
mod signalfd;
mod stream;
mod timerfd;

pub use clock::{now, sleep};
pub use epoll::Epoll;
pub use eventfd::EventFd;
pub use fd::OwnedFd;
pub use file::File;
pub use listener::{ListenOptions, TcpListener};
pub use ring::Ring;
pub use signalfd::SignalFd;
pub use stream::TcpStream;
pub use timerfd::TimerFd;
