//! `eagain-server`: a Redis-protocol key-value server in four units.
//!
//! | folder | what it is |
//! |---|---|
//! | [`resp`] | the protocol, without I/O: requests and replies as bytes |
//! | [`io_unit`] | one connection as a state machine: bytes in, requests out; replies in, bytes out |
//! | [`request_queue`] | what travels between the I/O unit and the logic unit |
//! | [`logic_unit`] | what a request means: sessions, the command table, the commands |
//! | [`storage_unit`] | the data, its lifetimes, and the promise to keep it |
//! | [`cluster`] | the same units as machines: access, logic and storage servers, and the links between them |
//! | `tokio_driver` | both as tasks of tokio |
//!
//! Everything here is a pure function of what it is handed: bytes, the time, a seed. Sockets, clocks and threads
//! belong to the loops that drive these units, which are written over the kernel traits of `eagain-net`.

pub mod cluster;
pub mod config;
pub mod error;
pub mod io_unit;
pub mod limits;
pub mod logic_unit;
mod names;
pub mod observe;
pub mod random;
pub mod request_queue;
pub mod resp;
pub mod server;
pub mod storage_unit;
#[cfg(feature = "tokio")]
pub mod tokio_driver;
