//! Probes: of a window that is shut (RFC 9293 3.8.6.1, `tcp_probe_timer`), and with `SO_KEEPALIVE` of a peer from which nothing
//! has come for long (tcp(7), `tcp_keepalive_timer`). A probe that is answered changes nothing. So it is made only where it
//! is not: while a host is down or out of reach, or knows nothing of the connection any more.

use super::Net;
use super::partition::{RETRIES, retry_after};
use super::socket::Tcp;
use crate::NONE;
use crate::scheduler::Event;
use eagain_net::Errno;

impl Net<'_> {
    /// Something has come between hosts, or one has forgotten its connections: whoever waits for the other side probes.
    pub fn begin_probing(&mut self) {
        for conn in self.net.conns.iter().map(|(conn, _)| conn as u32).collect::<Vec<_>>() {
            for side in 0..2 {
                self.begin_probing_of(conn, side);
            }
        }
    }

    /// The same of one direction.
    pub(super) fn begin_probing_of(&mut self, conn: u32, side: usize) {
        let c = &self.net.conns[conn as usize];
        let [f, back] = [&c.flows[side], &c.flows[1 - side]];
        // What is on its way is sent again anyhow.
        if c.socks[side] == NONE || c.lost[side] || f.dead || f.probing || f.wire.front().is_some() {
            return;
        }
        if !c.lost[1 - side] && self.way_to_peer(conn, side).is_none() {
            return;
        }
        let s = &self.net.socks[c.socks[side] as usize];
        let (now, generation) = (self.run.now(), c.generation);
        let at = if f.window_closed {
            now + retry_after(1)
        } else if s.options.keep_alive && !matches!(s.tcp, Tcp::SynSent | Tcp::SynRecv | Tcp::Close) {
            // The timer goes off so long after something last came; probes that were answered count as that.
            let idle = s.options.keep_idle;
            let last = f.last_at.max(back.last_at);
            last + (now.saturating_sub(last) / idle + 1) * idle
        } else {
            return;
        };
        let f = &mut self.net.conns[conn as usize].flows[side];
        (f.probing, f.retries, f.tried_from) = (true, 0, now);
        self.scheduler.plan(at, Event::Probe(conn, generation, side as u8));
    }

    /// What keeps a probe, or its answer, from arriving.
    fn way_to_peer(&self, conn: u32, side: usize) -> Option<u64> {
        let hosts = self.net.conns[conn as usize].hosts;
        let (here, there) = (hosts[side], hosts[1 - side]);
        self.obstacle(here, there).or_else(|| self.obstacle(there, here))
    }

    /// It is time for a probe.
    pub fn probe(&mut self, conn: u32, generation: u32, side: usize) {
        let Some(c) = self.conn(conn, generation) else { return };
        let (sock, lost) = (c.socks[side], c.lost[1 - side]);
        let f = &mut c.flows[side];
        f.probing = false;
        if f.dead || f.wire.front().is_some() || sock == NONE {
            return;
        }
        let (shut, since) = (f.window_closed, f.tried_from);
        let options = &self.net.socks[sock as usize].options;
        if !shut && !options.keep_alive {
            return;
        }
        let (count, interval, user) = (options.keep_count, options.keep_interval, options.user_timeout);
        let Some(cause) = self.way_to_peer(conn, side) else {
            if lost {
                self.answer_for_the_lost(conn, side);
            }
            return;
        };
        let now = self.run.now();
        let f = &mut self.net.conns[conn as usize].flows[side];
        let unanswered = f.retries;
        f.retries += 1;
        let over = match user {
            0 if shut => unanswered >= RETRIES,
            0 => unanswered >= count,
            user => unanswered > 0 && now - since >= user,
        };
        if over {
            self.run.blame(cause);
            self.give_up(sock);
            return;
        }
        let wait = if shut { retry_after(f.retries + 1) } else { interval };
        f.probing = true;
        self.scheduler.plan(now + wait, Event::Probe(conn, generation, side as u8));
    }

    /// Nobody has answered for too long (`tcp_write_err`).
    pub(super) fn give_up(&mut self, sock: u32) {
        self.net.socks[sock as usize].error = Some(Errno::ETIMEDOUT);
        self.connection_over(sock);
    }
}
