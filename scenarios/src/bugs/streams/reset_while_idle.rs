//! A reset of a connection that nobody reads (seastar 2023): the reactor leaves interest in the set for a while after a read, and
//! takes out what fired with nobody waiting. A reset of an idle connection is reported as ERR and HUP, which no mask holds back;
//! when there is no interest left to take out, they are reported for ever. Repaired: without interest the descriptor leaves the
//! set.

use crate::bugs::common::{Lines, PORT, connect, retry_when_full};
use crate::bugs::common_replies::server;
use crate::bugs::common_sessions::sessions;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::time::Duration;

crate::bugs::planted!(
    "reset-while-idle",
    "B23",
    'e',
    ["O3"],
    "the reset of an idle connection is reported without end"
);

/// A connection of the pool.
struct Pooled<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    /// Somebody waits for a line.
    awaited: bool,
    /// What epoll has been asked for. `None`: it is not in the set.
    in_set: Option<Events>,
}

/// A client with one thread, and connections to the same server.
struct Reactor<K: Kernel> {
    epoll: Epoll<K>,
    server: SocketAddr,
    pool: Vec<Pooled<K>>,
    defect: bool,
}

impl<K: Kernel> Reactor<K> {
    /// Handles events until `deadline`, or until connection `at` has a line or its end.
    fn run(&mut self, deadline: Option<Instant>, at: Option<usize>) -> Result<Option<String>> {
        let mut events = [EpollEvent::default(); 16];
        loop {
            if let Some(line) = at.and_then(|at| self.pool[at].lines.next()) {
                return Ok(Some(line));
            }
            let left = deadline.map(|deadline| deadline - now(self.epoll.kernel()));
            let n = match self.epoll.wait(&mut events, left) {
                Err(Errno::EINTR) => continue,
                n => n?,
            };
            if n == 0 && deadline.is_some_and(|deadline| deadline <= now(self.epoll.kernel())) {
                return Ok(None);
            }
            for event in &events[..n] {
                if self.event(event)? && at == Some(event.data as usize) {
                    return Ok(None);
                }
            }
        }
    }

    /// One event; whether the connection has ended.
    fn event(&mut self, event: &EpollEvent) -> Result<bool> {
        let connection = &mut self.pool[event.data as usize];
        if connection.awaited {
            let mut bytes = [0; 64];
            match connection.stream.recv(&mut bytes, RecvFlags::DONTWAIT) {
                Ok(n) if n > 0 => connection.lines.feed(&bytes[..n]),
                Err(Errno::EAGAIN) => {}
                _ => return Ok(true),
            }
            return Ok(false);
        }
        // Nobody waits for it: what fired is taken out of the set, late, so that most reads need no `epoll_ctl`.
        sometimes!("an idle connection was reset", event.events.intersects(Events::ERR | Events::HUP));
        let Some(mask) = connection.in_set else { return Ok(false) };
        let fd = connection.stream.fd();
        let rest = mask.without(event.events);
        connection.in_set = Some(rest);
        if rest == Events::NONE && !self.defect {
            connection.in_set = None;
            self.epoll.delete(fd)?;
        } else if rest != mask {
            self.epoll.modify(fd, rest, event.data)?;
        }
        Ok(false)
    }

    /// Asks over connection `at`; makes it anew, and asks again, where it has ended.
    fn ask(&mut self, at: usize, question: &str) -> Result<String> {
        loop {
            let connection = &mut self.pool[at];
            let (fd, id) = (connection.stream.fd(), at as u64);
            match connection.in_set {
                Some(Events::IN) => {}
                Some(_) => self.epoll.modify(fd, Events::IN, id)?,
                None => self.epoll.add(fd, Events::IN, id)?,
            }
            connection.in_set = Some(Events::IN);
            connection.awaited = true;
            let sent = connection.stream.write_all(format!("{question}\n").as_bytes());
            let answer = if sent.is_ok() { self.run(None, Some(at))? } else { None };
            self.pool[at].awaited = false;
            match answer {
                Some(answer) => return Ok(answer),
                None => self.pool[at] = self.open()?,
            }
        }
    }

    fn open(&self) -> Result<Pooled<K>> {
        let stream = connect(self.epoll.kernel(), self.server);
        Ok(Pooled { stream, lines: Lines::default(), awaited: false, in_set: None })
    }
}

fn client<K: Kernel>(k: K, server: SocketAddr, defect: bool) -> Result<()> {
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    let mut reactor = Reactor { epoll, server, pool: Vec::new(), defect };
    for _ in 0..2 {
        reactor.pool.push(reactor.open()?);
    }
    for round in 0..5 {
        let question = format!("question {round}");
        let answer = reactor.ask(choose("connection", 0, 1) as usize, &question)?;
        if answer != question {
            fail("O1", "wrong reply", format!("{question:?} was answered by {answer:?}"));
        }
        let idle = Duration::from_millis(choose("idle", 0, 3000));
        reactor.run(Some(now(k) + idle), None)?;
    }
    Ok(())
}

/// Answers each line with the same line; resets a connection that says nothing for two seconds.
fn session<K: Kernel>(stream: &TcpStream<K>) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_linger(Some(0))?;
    let mut lines = Lines::default();
    while let Some(line) = lines.read(stream)? {
        stream.write_all(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, |k| sessions(k, PORT, |_, stream| session(stream)));
    let host = sim.host("client");
    sim.client(host, "client", move |k| client(k, address, defect).unwrap());
}
