//! Somebody's own small server, tested with eagain: it depends on `eagain-net` and `eagain-sim` and on nothing else.
//! `README.md` beside this crate is the tutorial: it finds the bug of the first version, shrinks it, and fixes it.

pub mod scenarios;
pub mod server;
