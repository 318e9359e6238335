//! A link between servers that forgets a request that timed out: the reply that comes after all goes to whoever asked next.
//! Repaired: the place of such a request stays taken until its reply has come.

use crate::cluster::run::run;
use crate::durability::replaced::with_links;
use crate::durability::server::{SHIPPED, Serve};
use eagain_server::cluster::link::{Answers, Link};
use eagain_server::cluster::permanent_connection::{Answer, LinkOptions, PermanentConnection};
use eagain_server::cluster::reply_span::NoReply;
use eagain_server::resp::Protocol;
use eagain_sim::Sim;
use eagain_sim::fault::Family;
use std::collections::VecDeque;

crate::bugs::planted!(
    "reply-mix-up",
    "B78",
    'o',
    ["O1", "O2", "O7", "O8"],
    "a link gives the place of a request that timed out to the next"
);

const SLOW: &[Family] = &[Family::DiskSlow, Family::Partition];

/// Gives each reply to the first of those who still wait.
#[derive(Debug)]
struct ForgetsTimedOut {
    connection: PermanentConnection,
    /// Requests in their order, and until when each waits.
    waiting: VecDeque<(u64, u64)>,
}

impl Link for ForgetsTimedOut {
    fn connection(&self) -> &PermanentConnection {
        &self.connection
    }

    fn connection_mut(&mut self) -> &mut PermanentConnection {
        &mut self.connection
    }

    fn offer(&mut self, id: u64, bytes: &[u8], protocol: Protocol, deadline_ns: u64, now_ns: u64) -> bool {
        let is_taken = self.connection.offer(id, bytes, protocol, u64::MAX, now_ns);
        if is_taken {
            self.waiting.push_back((id, deadline_ns));
        }
        is_taken
    }

    fn received(&mut self, bytes: &[u8], now_ns: u64, answer: Answers<'_>) -> Result<(), NoReply> {
        let waiting = &mut self.waiting;
        self.connection.received(bytes, now_ns, |_, reply| {
            if let Some((id, _)) = waiting.pop_front() {
                answer(id, reply);
            }
        })
    }

    fn lost(&mut self, now_ns: u64, answer: Answers<'_>) {
        let waiting = &mut self.waiting;
        self.connection.lost(now_ns, |id, fate| {
            if let Some(at) = waiting.iter().position(|(waits, _)| *waits == id) {
                waiting.remove(at);
                answer(id, fate);
            }
        });
    }

    fn deadline(&self) -> u64 {
        let own = self.waiting.iter().map(|(_, deadline_ns)| *deadline_ns);
        own.fold(self.connection.deadline(), u64::min)
    }

    fn tick(&mut self, now_ns: u64, answer: Answers<'_>) -> bool {
        self.waiting.retain(|(id, deadline_ns)| {
            let waits = *deadline_ns > now_ns;
            if !waits {
                answer(*id, Answer::Unknown);
            }
            waits
        });
        self.connection.tick(now_ns, |_, _| {})
    }
}

/// Makes such a link.
pub fn forgets_timed_out(options: LinkOptions, seed: u64) -> Box<dyn Link> {
    let connection = PermanentConnection::new(options, seed);
    Box::new(ForgetsTimedOut { connection, waiting: VecDeque::new() })
}

fn build(sim: &mut Sim, defect: bool) {
    let broken: Serve = |k, config, log| with_links(k, config, log, forgets_timed_out);
    run(sim, SLOW, if defect { broken } else { SHIPPED }, |_, _| {});
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_reply_goes_to_whoever_asked_next() {
        let mut link = forgets_timed_out(LinkOptions::default(), 1);
        link.connection_mut().begin_connect(0);
        link.connection_mut().connected(0);
        let mut answers = Vec::new();
        let sent = |link: &mut dyn Link| {
            let count = link.connection().output().len();
            link.connection_mut().sent(count);
        };
        assert!(link.offer(1, b"one", Protocol::Resp2, 10, 0));
        sent(&mut *link);
        assert_eq!(link.deadline(), 10);
        assert!(link.tick(10, &mut |id, answer| answers.push((id, answer))));
        assert!(link.offer(2, b"two", Protocol::Resp2, 100, 11));
        sent(&mut *link);
        link.received(b"+one\r\n", 12, &mut |id, answer| answers.push((id, answer))).expect("it is a reply");
        assert_eq!(answers, [(1, Answer::Unknown), (2, Answer::Reply(b"+one\r\n".to_vec()))]);
    }
}
