mod event_queue;
pub(crate) use event_queue::{Event, EventQueue};
