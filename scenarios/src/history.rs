//! What clients sent and saw, recorded as it happens and checked after the run: the oracles look at this, not at the
//! server's own word. Times are the client's monotonic clock.

use crate::resp::Frame;
use crate::workload::Request;
use eagain_net::Instant;
use std::sync::{Arc, Mutex};

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Which client.
    pub client: u64,
    /// What was asked.
    pub request: Request,
    /// When the first byte of it was sent.
    pub asked: Instant,
    /// When the reply was whole, and the reply; `None`: the connection ended before.
    pub answered: Option<(Instant, Frame)>,
}

/// The history of a run, shared by all its clients.
#[derive(Clone, Default, Debug)]
pub struct History {
    // A std mutex: nobody makes a call while it is held, so that nobody ever waits here.
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

impl History {
    /// Notes a request that is being sent; its number.
    pub fn ask(&self, client: u64, request: &Request, asked: Instant) -> usize {
        let mut exchanges = self.exchanges.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        exchanges.push(Exchange { client, request: request.clone(), asked, answered: None });
        exchanges.len() - 1
    }

    /// Notes the reply to request `number`.
    pub fn answer(&self, number: usize, at: Instant, reply: &Frame) {
        let mut exchanges = self.exchanges.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        exchanges[number].answered = Some((at, reply.clone()));
    }

    /// All of it, in the order of asking.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}
