//! Clients with a character. Each is a function over a [`Stage`]; `client` is the connection under all of them. They are
//! generic over the kernel: on Linux they would visit a real server in the same way.
//!
//! | actor | character |
//! |---|---|
//! | [`steady`] | asks, waits for the reply, asks again |
//! | [`pipeliner`] | asks many things at once, and reads while it writes |
//! | [`slow_reader`] | asks for a lot, and takes it in sips |
//! | [`half_closer`] | asks, ends its writing side, and expects every reply all the same |
//! | [`one_byte_writer`] | sends every byte by itself |
//! | [`resetter`] | leaves in the middle of a request, slamming the door |
//! | [`idler`] | says nothing for a while |
//! | [`flooder`] | asks without a pause, as fast as it can |

mod client;
mod flooder;
mod half_closer;
mod idler;
mod one_byte_writer;
mod pipeliner;
mod resetter;
mod slow_reader;
mod steady;

pub use client::{Client, End};
pub use flooder::flooder;
pub use half_closer::half_closer;
pub use idler::{Idled, idler};
pub use one_byte_writer::one_byte_writer;
pub use pipeliner::pipeliner;
pub use resetter::resetter;
pub use slow_reader::slow_reader;
pub use steady::steady;

use crate::history::History;
use crate::workload::Plan;
use eagain_net::SocketAddr;
use eagain_sim::{choose, fail};

/// What a client needs to play its part.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Where the server listens.
    pub server: SocketAddr,
    /// Where everything is written down.
    pub history: History,
}

/// A plan whose choices are the workload's. `connection` counts the connections of `client`.
fn plan(client: u64, connection: u64, value_max: u64) -> Plan<impl FnMut(&'static str, u64, u64) -> u64> {
    Plan { tag: tag(client, connection), value_max, draw: choose }
}

/// What every key and value of a connection begins with. A connection has keys of its own: what became of the requests
/// of one that broke is nobody's business afterwards.
fn tag(client: u64, connection: u64) -> String {
    format!("<{client}.{connection}>")
}

/// For stories in which no connection ends before its client does: an end is the server's fault.
pub fn must(number: u64, done: Result<(), End>) {
    if let Err(end) = done {
        fail("O1", "connection lost", format!("client {number}: {end:?} with replies to come"));
    }
}
