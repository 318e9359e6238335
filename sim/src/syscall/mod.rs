//! What each call does to the state of the world: arguments checked in Linux's order, errno values as Linux returns them.
//! A function is an attempt: it may say that it waits, and is attempted again when the thread is woken. A file has the name of
//! its trait in `eagain_net::kernel`, or of what the calls are about where a trait has several of these:
//!
//! ```text
//!   Readiness     epoll (and eventfd), poll (and select)          Datagrams    udp
//!   Completion    ring/                                           Files        file, stat, names (paths), lock
//!   Descriptors   descriptor, device                              Signals      signal, stopping (SIGSTOP, SIGCONT)
//!   Sockets       socket: TCP; address_family: what is none of TCP, handed to udp and unix
//! ```

pub(crate) mod address_family;
pub(crate) mod aio;
pub(crate) mod clock;
pub(crate) mod descriptor;
mod device;
pub(crate) mod epoll;
pub(crate) mod file;
pub(crate) mod limit;
pub(crate) mod lock;
pub(crate) mod names;
pub(crate) mod pipe;
pub(crate) mod poll;
pub(crate) mod posix_timer;
pub(crate) mod ring;
pub(crate) mod signal;
pub(crate) mod socket;
pub(crate) mod stat;
mod stopping;
pub(crate) mod thread;
pub(crate) mod timer;
pub(crate) mod udp;
pub(crate) mod unix;

pub(crate) use ring::Entering;
