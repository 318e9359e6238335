//! `TCP_CORK` (tcp(7)): only full segments leave, until it is taken away, or for 200 ms.

use super::Net;
use super::connection::Flow;
use crate::scheduler::Event;
use eagain_net::NumberOption;

/// `TCP_RTO_MIN`: after so long what is held leaves as a probe of the window (`tcp_check_probe_timer`).
const HELD_NS: u64 = 200_000_000;

/// Of one direction of a connection.
#[derive(Default)]
pub(super) struct Cork {
    on: bool,
    /// No segment is held that begins before here (`TCP_NAGLE_PUSH`).
    pushed: u64,
    /// What is held leaves then; 0: nothing is.
    until: u64,
}

impl Flow {
    pub(super) fn set_cork(&mut self, on: bool) {
        if on || self.cork.is_some() {
            self.cork.get_or_insert_default().on = on;
        }
    }
}

impl Net<'_> {
    /// The option was set or taken away; `push`: what is there leaves, as when it is taken away, or `TCP_NODELAY` is set
    /// (`__tcp_sock_set_nodelay`).
    pub(super) fn cork(&mut self, sock: u32, push: bool) {
        let s = &self.net.socks[sock as usize];
        let on = s.options.numbers.has(NumberOption::Cork);
        let Some((conn, side)) = s.conn else { return };
        self.net.conns[conn as usize].flows[side as usize].set_cork(on);
        if push {
            self.push_corked(conn, side as usize);
        }
    }

    /// What is there leaves. A sender that waits for room does so.
    pub(super) fn push_corked(&mut self, conn: u32, side: usize) {
        let f = &mut self.net.conns[conn as usize].flows[side];
        if let Some(cork) = &mut f.cork {
            (cork.pushed, cork.until) = (f.written, 0);
            self.transmit(conn, side);
        }
    }

    /// How many of the `n` bytes that could leave now may: what fills segments, or was pushed, or has been held for its time.
    #[cold]
    pub(super) fn corked(&mut self, conn: u32, side: usize, n: u64) -> u64 {
        let c = &self.net.conns[conn as usize];
        let to = c.addresses[1 - side].ip();
        let segment = self.segment(c.hosts[side], to) as u64;
        let (now, generation) = (self.run.now(), c.generation);
        let f = &mut self.net.conns[conn as usize].flows[side];
        let Some(cork) = f.cork.as_mut().filter(|cork| cork.on) else { return n };
        let full = n - n % segment;
        if full > 0 {
            return full;
        }
        // What was written behind it is in the same segment.
        if cork.pushed > f.sent {
            return n;
        }
        match cork.until {
            0 => {
                cork.until = now + HELD_NS;
                self.scheduler.plan(cork.until, Event::Transmit(conn, generation, side as u8));
                0
            }
            until if until > now => 0,
            _ => {
                cork.until = 0;
                n
            }
        }
    }
}
