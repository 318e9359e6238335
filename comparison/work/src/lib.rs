//! What every simulator of the comparison is given to do: the same clients and servers, written once over a trait with a
//! listener, a stream and a clock, and the command that measures them.
//!
//! | file | holds |
//! |---|---|
//! | [`net`] | the trait: what a peer has to offer |
//! | [`speed`] | echo round trips, small worlds, bulk |
//! | [`bugs`] | planted bugs of programs on streams, each with its repaired twin |
//! | [`command`] | the command line of every peer's program |

pub mod bugs;
pub mod command;
pub mod net;
pub mod speed;
