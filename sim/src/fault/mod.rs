//! What can go wrong, as one table: a family a row. A fault changes state and never lies: an injected `EAGAIN` *is* a
//! segment that has not arrived, a short write *is* a nearly full buffer, `EINTR` *is* a signal that was delivered.
//! So whatever a program sees is what Linux could have shown it.
//!
//! Per seed a *swarm* switches whole families off and weights the others wildly; all of that are keyed choices too.

mod swarm;
mod table;

pub use table::{Family, Row, TABLE};

pub(crate) use swarm::Swarm;
