//! SYN, SYN-ACK, ACK. A listener takes `backlog + 1` connections; a further SYN is not answered, and the caller asks
//! again five times after 1 s, then after 2 s, 4 s, and so on (`tcp(7)`, `tcp_syn_retries`; `tcp_syn_linear_timeouts`).

use super::address_word;
use super::connection::{Conn, Flow, Segment, SegmentKind};
use super::socket::{Port, SEND, SHUT, Sock, SocketState, Tcp};
use super::{ALL, Caller, Net};
use crate::NONE;
use crate::choice::{Domain, Group, Lane, Words};
use crate::fault::Family;
use crate::run::Effect;
use crate::scheduler::Event;
use crate::trace::Kind;
use eagain_net::{Errno, Events, Fd, NumberOption, SigCode, SocketAddr};

/// What is chosen once about each direction: send buffer, receive buffer, bandwidth.
const CONNECTION: Group = Group { domain: Domain("wire.connection") };

/// `tcp_syn_retries` and `tcp_syn_linear_timeouts`: so often is a SYN sent again, and so many times of them without doubling.
const SYN_RETRIES: u32 = 6 + SYN_LINEAR;
const SYN_LINEAR: u32 = 4;
const SYN_RETRY_NS: u64 = 1_000_000_000;

/// How long after it was sent for the `times`-th time a SYN is sent again, or given up.
fn syn_wait(times: u32) -> u64 {
    SYN_RETRY_NS << times.saturating_sub(SYN_LINEAR + 1)
}

impl Net<'_> {
    /// Begins a connection from `sock`; the SYN leaves.
    pub(super) fn send_syn(
        &mut self,
        caller: u32,
        sock: u32,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<(), Errno> {
        let now = self.run.now();
        let host = self.net.socks[sock as usize].host;
        let target = self.host_of(host, remote.ip()).ok_or(Errno::ENETUNREACH)?;
        let latency = if target == host { self.knobs.loopback_latency_ns } else { self.knobs.latency_ns };
        let ordinal = {
            let counts = &mut self.net.callers[caller as usize].connects;
            match counts.iter_mut().find(|(to, _)| *to == remote) {
                Some((_, count)) => {
                    *count += 1;
                    *count
                }
                None => {
                    counts.push((remote, 1));
                    1
                }
            }
        };
        self.net.generation += 1;
        let generation = self.net.generation;
        let conn = self.net.conns.insert(Conn {
            generation,
            socks: [sock, NONE],
            flows: [Flow::default(), Flow::default()],
            hosts: [host, target],
            addresses: [local, remote],
            words: [address_word(local), address_word(remote)],
            latency,
            caller,
            ordinal,
            syns: 1,
            last_syn: false,
            lost: [false; 2],
        }) as u32;
        let s = &mut self.net.socks[sock as usize];
        s.join(conn, 0);
        s.local = Some(local);
        s.remote = Some(remote);
        s.tcp = Tcp::SynSent;
        // `tcp_connect_init`.
        s.error = None;
        s.done = false;
        self.size_buffers(conn, sock, 0);
        self.scheduler.plan(now + latency, Event::Syn(conn, generation));
        Ok(())
    }

    /// What a tight buffer holds where `drawn` was chosen, if that is less than `size`, which the program has set.
    fn tightened(&self, drawn: u64, size: u64) -> Option<u64> {
        let tight = drawn.max(u64::from(self.knobs.tight_buffer_min));
        (drawn != 0 && tight < size).then_some(tight)
    }

    /// The buffers of what `sock`, on `side`, sends and receives; knobs and choices may make them small.
    fn size_buffers(&mut self, conn: u32, sock: u32, side: usize) {
        let options = &self.net.socks[sock as usize].options;
        let (send, recv) = (u64::from(options.send_buffer), u64::from(options.recv_buffer));
        let corked = options.numbers.has(NumberOption::Cork);
        let c = &mut self.net.conns[conn as usize];
        c.flows[side].set_cork(corked);
        c.flows[side].send_buffer = send;
        c.flows[1 - side].recv_buffer = recv;
        if !self.run.may_fault_connections() {
            return;
        }
        let sender_name = self.flow_name_if_needed(conn, side, &[Family::SendBuffer, Family::Bandwidth]);
        let (mut words, mut back) = (Words::default(), Words::default());
        let drawn = self.choose_for_connection(&mut words, Family::SendBuffer, &sender_name);
        if let Some(tight) = self.tightened(drawn, send) {
            let cause = self.connection_fault(conn, side, Family::SendBuffer, tight, 0);
            let f = &mut self.net.conns[conn as usize].flows[side];
            f.send_buffer = tight;
            f.small_buffer_cause = cause;
        }
        let receiver_name = self.flow_name_if_needed(conn, 1 - side, &[Family::RecvBuffer]);
        let drawn = self.choose_for_connection(&mut back, Family::RecvBuffer, &receiver_name);
        if let Some(tight) = self.tightened(drawn, recv) {
            let cause = self.connection_fault(conn, 1 - side, Family::RecvBuffer, tight, 1);
            let f = &mut self.net.conns[conn as usize].flows[1 - side];
            f.recv_buffer = tight;
            f.small_buffer_cause = cause;
        }
        let bandwidth = self.choose_for_connection(&mut words, Family::Bandwidth, &sender_name);
        if bandwidth != 0 {
            let cause = self.connection_fault(conn, side, Family::Bandwidth, bandwidth, 0);
            let f = &mut self.net.conns[conn as usize].flows[side];
            f.bandwidth = bandwidth;
            f.bandwidth_cause = cause;
        }
    }

    /// The name of a direction, where one of these families may choose; names are not made for nothing.
    fn flow_name_if_needed(&self, conn: u32, side: usize, families: &[Family]) -> String {
        if !families.iter().any(|&family| self.run.may(family)) {
            return String::new();
        }
        let c = &self.net.conns[conn as usize];
        super::flow_name(&self.net.callers[c.caller as usize].name, c.ordinal, c.addresses[1], side)
    }

    /// A choice that is made once for a direction of a connection.
    fn choose_for_connection(&mut self, words: &mut Words, family: Family, name: &str) -> u64 {
        let lane = family.lane();
        let source = Lane { words, group: CONNECTION, lane, ordinal: 0 };
        self.run.draw(family, source, || name.to_owned())
    }

    /// The SYN is at the other host.
    pub fn syn_arrives(&mut self, conn: u32, generation: u32) {
        let now = self.run.now();
        let Some(c) = self.conn(conn, generation) else { return };
        let sock = c.socks[0];
        if sock == NONE {
            return;
        }
        if c.last_syn {
            return self.give_up(sock);
        }
        let (target, latency, [from, to]) = (c.hosts[1], c.latency, c.addresses);
        let words = [c.words[0], c.words[1], 0, 0];
        if self.network_is_broken() {
            let from = self.net.conns[conn as usize].hosts[0];
            if let Some(cause) = self.obstacle(from, target) {
                self.run.blame(cause);
                self.run.completion(NONE, Kind::SynDropped, words);
                self.retry_syn(conn, generation);
                return;
            }
        }
        self.run.event(NONE, Kind::Syn, words);
        if let Some(other) = self.caller_of(target, to, from) {
            self.cross(conn, other);
            self.scheduler.plan(now + latency, Event::SynAnswer(conn, generation, false));
            return;
        }
        let Some(listener) = self.listener(target, to, from) else {
            self.run.event(NONE, Kind::Refused, words);
            self.scheduler.plan(now + latency, Event::SynAnswer(conn, generation, true));
            return;
        };
        let parent = &mut self.net.socks[listener as usize];
        let (host, domain, options, local) =
            (parent.host, parent.domain, parent.options.inherited(), parent.local);
        let (parent_port, shut) = (parent.port, parent.shutdown);
        let Some(listen) = &mut parent.listen else { return };
        if listen.queue.len() + listen.half_open > listen.backlog {
            let cause = listen.short_backlog_cause;
            self.run.blame(cause);
            self.run.completion(NONE, Kind::SynDropped, words);
            self.retry_syn(conn, generation);
            return;
        }
        listen.half_open += 1;
        let mut child = Sock::new(host, domain, options);
        child.state = SocketState::Connected;
        child.tcp = Tcp::SynRecv;
        // `sk_clone_lock` copies what was shut before the listener listened.
        child.shutdown = shut;
        child.local = local.map(|mut at| {
            if at.ip().is_unspecified() {
                at.set_ip(to.ip());
            }
            at
        });
        child.remote = Some(from);
        child.join(conn, 1);
        child.parent = listener;
        child.port = Port { held: true, inherited: true, ..parent_port };
        child.port.port_locked = false;
        let child = self.net.socks.insert(child) as u32;
        self.inherit_port(child);
        self.net.conns[conn as usize].socks[1] = child;
        self.size_buffers(conn, child, 1);
        self.scheduler.plan(now + latency, Event::SynAnswer(conn, generation, false));
    }

    /// The socket of `host` that is calling `remote` from `local`: its SYN crosses one that comes the other way.
    fn caller_of(&self, host: u32, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
        let bound = self.net.hosts[host as usize].bound.iter();
        let mut socks = bound.filter(|(at, _)| at.port() == local.port()).map(|&(_, sock)| sock);
        socks.find(|&sock| {
            let s = self.net.socks.get(sock as usize);
            s.is_some_and(|s| s.tcp == Tcp::SynSent && (s.local, s.remote) == (Some(local), Some(remote)))
        })
    }

    /// A SYN meets a socket that has sent one (RFC 9293 3.5, simultaneous open): the two are one connection, the one whose SYN has
    /// arrived. A socket that has called itself is both ends of it.
    fn cross(&mut self, conn: u32, other: u32) {
        let c = &mut self.net.conns[conn as usize];
        c.socks[1] = other;
        let s = &mut self.net.socks[other as usize];
        if s.conn == Some((conn, 0)) {
            s.incoming = 0;
            let [own, back] = &mut c.flows;
            own.recv_buffer = back.recv_buffer;
            own.small_buffer_cause = own.small_buffer_cause.max(back.small_buffer_cause);
            return;
        }
        s.tcp = Tcp::SynRecv;
        if let Some((given_up, _)) = s.conn {
            self.net.conns.remove(given_up as usize);
        }
        self.net.socks[other as usize].join(conn, 1);
        self.size_buffers(conn, other, 1);
    }

    /// How much of a backlog a listener of `process` gets, and the event of the fault where that is less than was asked for.
    #[cold]
    pub(super) fn grant_backlog(&mut self, process: u32, fd: Fd, asked: usize) -> (usize, u64) {
        let (now, thread) = (self.run.now(), self.scheduler.current());
        let Caller { listens, name, .. } = &mut self.net.callers[process as usize];
        let granted = self.run.inject(
            Family::Backlog,
            listens,
            || name.clone(),
            |room| {
                // A backlog of 0 has room for one.
                let args = [fd.0 as u64, room - 1, 0, 0];
                (room <= asked as u64).then_some(Effect { time: now, thread, args })
            },
        );
        granted.map_or((asked, 0), |(room, event)| (room as usize - 1, event))
    }

    fn retry_syn(&mut self, conn: u32, generation: u32) {
        let latency = self.net.conns[conn as usize].latency;
        let at = self.run.now() + self.next_attempt(conn).saturating_sub(latency).max(1);
        self.scheduler.plan(at, Event::Syn(conn, generation));
    }

    /// The answer to a SYN does not get through: it is sent again, until the caller gives up.
    fn answer_again(&mut self, conn: u32, generation: u32, refused: bool) {
        let at = self.run.now() + self.next_attempt(conn);
        self.scheduler.plan(at, Event::SynAnswer(conn, generation, refused));
    }

    /// After how long the caller tries again, or gives up.
    fn next_attempt(&mut self, conn: u32) -> u64 {
        let c = &mut self.net.conns[conn as usize];
        let user = self.net.socks.get(c.socks[0] as usize).map_or(0, |s| s.options.user_timeout);
        let (tried, wait): (u64, u64) = ((1..c.syns).map(syn_wait).sum(), syn_wait(c.syns));
        c.syns += 1;
        let ends = user != 0 && tried + wait >= user;
        c.last_syn = ends || c.syns > SYN_RETRIES + 1;
        if ends { user.saturating_sub(tried).max(1) } else { wait }
    }

    /// The answer is at the caller.
    pub fn syn_answer(&mut self, conn: u32, generation: u32, refused: bool) {
        let now = self.run.now();
        let Some(c) = self.conn(conn, generation) else { return };
        let (sock, latency, [from, to]) = (c.socks[0], c.latency, c.addresses);
        if sock == NONE || self.net.socks[sock as usize].tcp != Tcp::SynSent {
            // The caller has given up: its host answers with a reset.
            if let Some(child) =
                self.conn(conn, generation).map(|c| c.socks[1]).filter(|&child| child != NONE)
            {
                self.net.socks[child as usize].error = Some(Errno::ECONNRESET);
                self.connection_over(child);
            }
            return;
        }
        let words = [address_word(from), address_word(to), 0, 0];
        if self.conn(conn, generation).is_some_and(|c| c.last_syn) {
            return self.give_up(sock);
        }
        if self.network_is_broken() {
            let [caller, called] = self.net.conns[conn as usize].hosts;
            if self.obstacle(called, caller).is_some() {
                self.answer_again(conn, generation, refused);
                return;
            }
        }
        if refused {
            let s = &mut self.net.socks[sock as usize];
            s.error = Some(Errno::ECONNREFUSED);
            s.shutdown = SHUT;
            let file = s.file;
            self.set_closed(sock);
            self.notify(file, ALL, Some(SigCode::PollErr));
            self.notify_again(file, Events::ERR);
            return;
        }
        self.run.event(NONE, Kind::Established, words);
        let s = &mut self.net.socks[sock as usize];
        s.tcp = Tcp::Established;
        // Who has called itself was in SYN_RECV as well (`tcp_rcv_state_process`, as in `handshake_done`).
        let (file, ends) = (s.file, s.incoming == 0 && s.shutdown & SEND != 0);
        let f = &mut self.net.conns[conn as usize].flows[0];
        let at = now + latency;
        f.last_at = at;
        f.wire.push_back(Segment { at, end: 0, kind: SegmentKind::Open, cause: 0 });
        f.arriving = true;
        self.scheduler.plan(at, Event::Arrive(conn, generation, 0));
        if ends {
            self.send_fin(sock, conn, 0);
        }
        self.notify(file, ALL, Some(SigCode::PollOut));
    }

    /// The last step: the connection is ready to be accepted.
    pub(super) fn handshake_done(&mut self, conn: u32) {
        let child = self.net.conns[conn as usize].socks[1];
        if child == NONE {
            // The listener was closed meanwhile.
            self.send_rst(conn, 1);
            return;
        }
        let s = &mut self.net.socks[child as usize];
        if s.tcp != Tcp::SynRecv {
            return;
        }
        s.tcp = Tcp::Established;
        let (parent, shut) = (s.parent, s.shutdown & SEND != 0);
        if shut {
            // `tcp_rcv_state_process`: what was shut while it was made ends at once.
            self.send_fin(child, conn, 1);
        }
        if parent == NONE {
            // It was no listener that was called (see `cross`).
            let file = self.net.socks[child as usize].file;
            return self.notify(file, ALL, Some(SigCode::PollOut));
        }
        self.forget_half_open(parent);
        let listener = &mut self.net.socks[parent as usize];
        let file = listener.file;
        if let Some(listen) = &mut listener.listen {
            listen.queue.push_back(child);
        }
        self.notify(file, Events::IN, Some(SigCode::PollIn));
    }

    pub(super) fn forget_half_open(&mut self, listener: u32) {
        if let Some(listen) = self.net.socks.get_mut(listener as usize).and_then(|s| s.listen.as_mut()) {
            listen.half_open = listen.half_open.saturating_sub(1);
        }
    }
}
