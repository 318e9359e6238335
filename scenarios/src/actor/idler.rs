//! Says nothing for a while, and notes when the server loses patience.

use super::{Client, End, Stage, tag};
use crate::workload::Request;
use eagain_net::{Instant, Kernel, now};

/// What an idler has seen.
#[derive(Clone, Copy, Debug)]
pub struct Idled {
    /// When it last asked: the server heard of it later.
    pub asked: Instant,
    /// When the reply came: the server sent it earlier.
    pub answered: Instant,
    /// When the server ended the connection.
    pub until: Instant,
}

/// One request, and then silence until the server ends the connection.
pub fn idler<K: Kernel>(k: K, stage: &Stage, number: u64) -> Result<Idled, End> {
    let mut client = Client::connect(k, stage, number, tag(number, 0));
    let asked = now(k);
    client.ask(&Request::Ping(b"still here".to_vec()))?;
    let answered = now(k);
    loop {
        match client.receive(64) {
            Ok(()) => {}
            Err(End::Closed) => return Ok(Idled { asked, answered, until: now(k) }),
            Err(end) => return Err(end),
        }
    }
}
