//! Refinement: with delays, splits and small buffers on, a simulated run cannot equal one on a quiet loopback; but each
//! thing that it shows must be explainable as Linux with later arrivals, and each `EAGAIN` and each short count must be
//! followed by its edge. The checker knows what was sent and shut, and what has been *seen* to have arrived; between the two
//! everything is allowed. It is run on Linux too, which must satisfy it as well.

use super::sides::in_adversity;
use super::sweep::Report;
use eagain_net::{
    Clock, Domain, EpollEvent, EpollOp, Errno, Events, Fd, PollFd, Readiness, RecvFlags, SendFlags,
    ShutdownHow, SocketFlags, SocketOption, Sockets, any_port,
};
use eagain_sim::choice::{Base, Choices, Distribution, Domain as Key, Overrides, Stream};
use std::time::Duration;

/// The families that a checked program uses.
pub trait Checked: Sockets + Readiness + Clock {}
impl<K: Sockets + Readiness + Clock> Checked for K {}

const KEY: Key = Key("conform.refinement");
const PAIRS: usize = 2;
const STEPS: u64 = 120;
/// Nothing that is due takes longer than this once nobody holds it up.
const TIMEOUT: Duration = Duration::from_secs(600);
/// What a real machine is given.
pub const TIMEOUT_ON_LINUX: Duration = Duration::from_secs(10);

/// One end of a connection, as the checker knows it.
struct End {
    fd: Fd,
    /// Bytes that went in, and bytes of the other end that came out.
    written: u64,
    read: u64,
    /// At least so many bytes of the other end are here.
    seen: u64,
    shut_wr: bool,
    shut_rd: bool,
    /// The end of the other's bytes was seen.
    seen_end: bool,
    /// A short count or `EAGAIN` of a send is open: an `OUT` edge is owed.
    owed: bool,
    /// `EAGAIN` of a receive: an `IN` edge is owed for what comes.
    dry: bool,
}

/// Byte `at` of what end `from` writes.
fn byte(from: usize, at: u64) -> u8 {
    (at.wrapping_mul(31).wrapping_add(at >> 8) as u8) ^ (from as u8).wrapping_mul(89)
}

struct Checker<K: Checked> {
    k: K,
    ends: Vec<End>,
    epoll: Fd,
    choices: Choices,
    stream: Stream,
    timeout: Duration,
}

/// The other end of the connection.
fn other(end: usize) -> usize {
    end ^ 1
}

impl<K: Checked> Checker<K> {
    fn below(&mut self, n: u64) -> u64 {
        let any = Distribution::uniform(0, n - 1);
        self.choices.choose(&mut self.stream, KEY, true, any, || "steps".to_owned())
    }

    /// Bytes that `end` could have by now.
    fn possible(&self, end: usize) -> u64 {
        self.ends[other(end)].written - self.ends[end].read
    }

    fn check_mask(&mut self, end: usize, mask: Events, what: &str) {
        let possible = self.possible(end);
        let End { shut_wr: peer_shut, written, .. } = self.ends[other(end)];
        let me = &mut self.ends[end];
        assert!(!mask.intersects(Events::ERR | Events::PRI), "{what}: {mask:?}, and nothing was reset");
        let readable = possible > 0 || peer_shut || me.shut_rd;
        assert!(!mask.contains(Events::IN) || readable, "{what}: IN of nothing");
        let ended = peer_shut || me.shut_rd;
        assert!(!mask.contains(Events::RDHUP) || ended, "{what}: RDHUP, and nobody has shut");
        assert!(!mask.contains(Events::HUP) || ended && me.shut_wr, "{what}: HUP, and one direction is open");
        let must = me.seen > me.read || me.seen_end || me.shut_rd;
        assert!(mask.contains(Events::IN) || !must, "{what}: what was there is not there any more");
        assert!(
            mask.contains(Events::RDHUP) || !me.seen_end && !me.shut_rd,
            "{what}: the end was taken back"
        );
        if mask.contains(Events::RDHUP) && !me.shut_rd {
            me.seen_end = true;
            me.seen = written;
        } else if mask.contains(Events::IN) && possible > 0 && !peer_shut && !me.shut_rd {
            me.seen = me.seen.max(me.read + 1);
        }
    }

    fn send(&mut self, end: usize, count: u64) {
        let me = &self.ends[end];
        let bytes: Vec<u8> = (0..count).map(|at| byte(end, me.written + at)).collect();
        let result = self.k.send(me.fd, &bytes, SendFlags::NOSIGNAL);
        let in_flight = me.written > 0;
        let me = &mut self.ends[end];
        match result {
            Ok(n) => {
                assert!(!me.shut_wr, "a send after SHUT_WR went in");
                assert!(n as u64 <= count && (n > 0 || count == 0), "a send of {count} returned {n}");
                me.written += n as u64;
                me.owed |= (n as u64) < count;
            }
            Err(Errno::EAGAIN) => {
                assert!(!me.shut_wr && in_flight && count > 0, "EAGAIN, and nothing fills the buffer");
                me.owed = true;
            }
            Err(Errno::EPIPE) => assert!(me.shut_wr, "EPIPE, and nobody has shut"),
            Err(errno) => panic!("a send failed with {errno}"),
        }
    }

    fn recv(&mut self, end: usize, count: usize, peek: bool) {
        let flags = if peek { RecvFlags::PEEK } else { RecvFlags::NONE };
        let mut buffer = vec![0; count];
        let possible = self.possible(end);
        let peer_shut = self.ends[other(end)].shut_wr;
        let me = &mut self.ends[end];
        match self.k.recv(me.fd, &mut buffer, flags) {
            Ok(0) if count == 0 => {}
            Ok(0) => {
                assert!(
                    peer_shut && possible == 0 || me.shut_rd && me.seen <= me.read,
                    "an end that is none"
                );
                me.seen_end |= !me.shut_rd;
            }
            Ok(n) => {
                assert!(n as u64 <= possible, "{n} bytes of {possible}");
                let sent = |at: usize| byte(other(end), me.read + at as u64);
                assert!(
                    buffer[..n].iter().enumerate().all(|(at, b)| *b == sent(at)),
                    "other bytes than were sent"
                );
                let least = (me.seen - me.read).min(count as u64);
                assert!(n as u64 >= least, "{n} bytes, and {least} were there");
                me.seen = me.seen.max(me.read + n as u64);
                if !peek {
                    me.read += n as u64;
                }
                // A short read means that all was taken; an end that was seen is reported once.
                me.dry = !peek && n < count && !me.seen_end;
            }
            Err(Errno::EAGAIN) => {
                assert!(me.seen <= me.read && !me.seen_end && !me.shut_rd, "EAGAIN, and something was there");
                me.dry = true;
            }
            Err(errno) => panic!("a receive failed with {errno}"),
        }
    }

    fn poll(&mut self, end: usize, timeout: Duration) {
        let mut fds = [PollFd::new(self.ends[end].fd, Events::IN | Events::OUT | Events::RDHUP)];
        if self.k.poll(&mut fds, Some(timeout), None).is_ok() {
            self.check_mask(end, fds[0].revents, "poll");
        }
    }

    /// What the edge-triggered set reports; an edge reports what was owed.
    fn edges(&mut self, timeout: Duration) -> usize {
        let mut events = [EpollEvent::default(); 8];
        let count = self.k.epoll_wait(self.epoll, &mut events, Some(timeout), None).unwrap_or(0);
        for event in &events[..count] {
            let end = event.data as usize;
            self.check_mask(end, event.events, "epoll");
            let me = &mut self.ends[end];
            me.owed &= !event.events.contains(Events::OUT);
            me.dry &= !event.events.contains(Events::IN);
        }
        count
    }

    fn shutdown(&mut self, end: usize) {
        let me = &mut self.ends[end];
        match self.k.shutdown(me.fd, ShutdownHow::Write) {
            Ok(()) => me.shut_wr = true,
            Err(errno) => assert!(errno == Errno::ENOTCONN && me.shut_wr, "a shutdown failed with {errno}"),
        }
        // The own shutdown is an edge (`own_shut_wr_is_an_edge`).
        me.owed = false;
    }

    fn step(&mut self) {
        let end = self.below(self.ends.len() as u64) as usize;
        match self.below(20) {
            0..=5 => {
                let count = match self.below(4) {
                    0 => self.below(10),
                    1 | 2 => self.below(3_000),
                    _ => self.below(100_000),
                };
                self.send(end, count);
            }
            6..=11 => {
                let count = [1, 100, 5_000, 100_000][self.below(4) as usize];
                let peek = self.below(8) == 0;
                self.recv(end, count, peek);
            }
            12..=14 => self.poll(end, Duration::ZERO),
            15..=17 => {
                self.edges(Duration::ZERO);
            }
            18 if self.below(6) == 0 => self.shutdown(end),
            _ => {
                self.edges(Duration::from_micros(100));
            }
        }
    }

    /// Everything that was written arrives, and every edge that is owed comes.
    fn receive_the_rest(&mut self) {
        for end in 0..self.ends.len() {
            if !self.ends[end].shut_wr {
                self.shutdown_when_written(end);
            }
        }
        let deadline = self.k.clock_gettime(eagain_net::ClockId::Monotonic) + self.timeout;
        while (0..self.ends.len()).any(|end| !self.ends[end].seen_end || self.possible(end) > 0) {
            let now = self.k.clock_gettime(eagain_net::ClockId::Monotonic);
            assert!(now < deadline, "something that was written never arrived");
            for end in 0..self.ends.len() {
                // After EAGAIN or a short read only an edge says that there is more.
                if !self.ends[end].dry && (self.possible(end) > 0 || !self.ends[end].seen_end) {
                    self.recv(end, 60_000, false);
                }
            }
            self.edges(Duration::from_millis(10));
        }
    }

    /// Reads at the other end until nothing is owed any more, then shuts.
    fn shutdown_when_written(&mut self, end: usize) {
        let deadline = self.k.clock_gettime(eagain_net::ClockId::Monotonic) + self.timeout;
        while self.ends[end].owed {
            let now = self.k.clock_gettime(eagain_net::ClockId::Monotonic);
            assert!(now < deadline, "a short count or EAGAIN, and no OUT edge though the peer has read");
            if self.possible(other(end)) > 0 && !self.ends[other(end)].dry {
                self.recv(other(end), 60_000, false);
            }
            self.edges(Duration::from_millis(10));
        }
        self.shutdown(end);
    }
}

/// Runs the program of `seed` and checks it; panics where something cannot be explained.
pub fn check<K: Checked>(k: K, seed: u64, timeout: Option<Duration>) {
    let choices = Choices::new(Base::Seed(seed), &Overrides::new());
    let epoll = k.epoll_create().expect("a set can be made");
    let timeout = timeout.unwrap_or(TIMEOUT);
    let mut checker = Checker { k, ends: Vec::new(), epoll, choices, stream: Stream::default(), timeout };
    let small = checker.below(3) > 0;
    for _ in 0..PAIRS {
        let size = small.then(|| 2_000 << checker.below(5));
        for fd in pair(k, size) {
            let data = checker.ends.len() as u64;
            let mask = Events::IN | Events::OUT | Events::RDHUP | Events::ET;
            k.epoll_ctl(epoll, EpollOp::Add, fd, mask, data).expect("a socket can be watched");
            let end = End {
                fd,
                written: 0,
                read: 0,
                seen: 0,
                shut_wr: false,
                shut_rd: false,
                seen_end: false,
                owed: false,
                dry: false,
            };
            checker.ends.push(end);
        }
    }
    for _ in 0..STEPS {
        checker.step();
    }
    checker.receive_the_rest();
    for end in &checker.ends {
        let _ = k.setsockopt(end.fd, SocketOption::Linger(Some(0)));
        let _ = k.close(end.fd);
    }
    let _ = k.close(epoll);
}

fn pair<K: Checked>(k: K, size: Option<u32>) -> [Fd; 2] {
    let made = || -> eagain_net::Result<[Fd; 2]> {
        let listener = k.socket(Domain::Inet, SocketFlags::NONBLOCK)?;
        let client = k.socket(Domain::Inet, SocketFlags::NONE)?;
        for fd in [listener, client] {
            k.setsockopt(fd, SocketOption::NoDelay(true))?;
            if let Some(size) = size {
                k.setsockopt(fd, SocketOption::SendBuffer(size))?;
                k.setsockopt(fd, SocketOption::RecvBuffer(size))?;
            }
        }
        k.bind(listener, any_port())?;
        k.listen(listener, 1)?;
        k.connect(client, k.getsockname(listener)?)?;
        k.poll(&mut [PollFd::new(listener, Events::IN)], None, None)?;
        let (server, _) = k.accept4(listener, SocketFlags::NONBLOCK)?;
        k.fcntl_setfl(client, eagain_net::StatusFlags::NONBLOCK)?;
        k.close(listener)?;
        Ok([client, server])
    };
    made().expect("a connection can be made")
}

/// Checks the programs `from` to `from + programs` under adversity. A violation is printed with its seed, which runs it
/// again.
pub fn sweep(programs: u64, from: u64) -> Report {
    let mut engine = eagain_sim::Engine::new();
    let mut report = Report::default();
    for seed in from..from.saturating_add(programs) {
        let run = in_adversity(&mut engine, seed, move |k| check(k, seed, None));
        report.programs += 1;
        report.calls += run.calls;
        if let Some(failure) = run.failure {
            report.differences += 1;
            say!("program {seed}: {} {}: {}", failure.oracle, failure.site, failure.message);
        }
    }
    report
}
