//! The I/O unit's pure half: bytes in, requests out; replies in, bytes out.
//!
//! [`connection`] is the one state machine under every I/O model and pattern, with [`inbox`] and [`outbox`] as its
//! two buffers. It knows neither sockets nor clocks: a loop hands it bytes and the time, and asks it what it wants.

pub mod connection;
pub mod inbox;
pub mod outbox;

pub use connection::{CloseReason, Connection, Phase};
