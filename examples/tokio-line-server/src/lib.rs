//! Somebody's own small server on tokio, tested under turmoil with eagain's stream layer. `README.md` beside this crate is
//! the tutorial: it finds the bug of the first version, shrinks it, and fixes it.

pub mod scenarios;
pub mod server;
