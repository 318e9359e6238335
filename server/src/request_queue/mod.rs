//! What travels between the I/O unit and the logic unit: numbered requests one way, numbered replies the other.
//!
//! [`request`] is what a worker takes, [`reply`] what it gives back. When logic runs on the I/O thread itself,
//! neither exists: requests are then views into the inbox, and replies go straight to the outbox.

pub mod reply;
pub mod request;

pub use reply::{After, ReplyBatch, Wait};
pub use request::RequestBatch;
