//! The I/O unit: bytes in, requests out; replies in, bytes out.
//!
//! [`connection`] is the one state machine under every I/O model and pattern, with [`inbox`] and [`outbox`] as its
//! two buffers. It knows neither sockets nor clocks: a loop hands it bytes and the time, and asks it what it wants.
//!
//! The loops are written over the kernel's traits. [`reactor`] runs on every model that tells of readiness; a `peer` is
//! a connection with its socket, [`peers`] all of them, [`acceptor`] the listening socket, [`deadlines`] the timers,
//! `signals` what SIGTERM does, and [`units`] what the threads of a server share.

pub mod acceptor;
pub mod connection;
pub mod deadlines;
pub mod inbox;
pub mod outbox;
mod peer;
pub mod peers;
pub mod reactor;
mod signals;
pub mod units;

pub use connection::{CloseReason, Connection, Phase};
pub use peer::Peer;
