//! The server as machines: the same units, with permanent connections between them.
//!
//! ```text
//!   clients ──► access ──► logic ──► storage        --role access  --backends LOGIC,LOGIC
//!                     ╲  ╱      ╲  ╱                --role logic   --backends STORAGE,STORAGE
//!                     ╱  ╲      ╱  ╲                --role storage (a server of its own, or any that speaks RESP)
//!   clients ──► access ──► logic ──► storage
//! ```
//!
//! An access server balances: any logic server can take any request. A logic server knows which storage server has which
//! key, splits what concerns several, and puts the answers together; it keeps nothing. Both are one [`proxy`], free of
//! sockets and clocks, that differs in its [`plan`]:
//!
//! | file | what it is |
//! |---|---|
//! | [`permanent_connection`] | one link: pipelined, bounded, with deadlines; what becomes of requests when it breaks |
//! | [`link`] | the same as the proxy sees it, and where something may stand around it |
//! | [`reply_span`] | where a reply ends, without taking it apart |
//! | [`ring`] | consistent hashing: which server is for which key |
//! | [`plan`] | what is to be done with a request |
//! | [`merge`] | several replies merged into one, partial failures included |
//! | [`proxy`] | requests under way: who asked, who answers, what is tried again |
//! | [`feeds`] | channels: from whom messages come, and who has confirmed what |
//! | [`driver`] | the sockets and the clock, over any readiness model |
//!
//! On tokio sockets and clock are [`crate::tokio_driver`]'s, around the same proxy.
//!
//! What cannot be known is said: `-UNKNOWN` where a request may have been executed, `-CLUSTERDOWN` where it was not.

pub mod driver;
pub mod feeds;
pub mod link;
pub mod merge;
pub mod permanent_connection;
pub mod plan;
pub mod proxy;
pub mod reply_span;
pub mod ring;
