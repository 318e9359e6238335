//! What is to come, and in which order.

mod event_queue;
pub(crate) use event_queue::{Event, EventQueue};
