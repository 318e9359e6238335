//! A server on a completion ring that answers lines and closes who is idle. How it receives, and into which buffers, is each
//! bug's own.

use super::common::{Lines, PORT, connect, listen, pause, retry_when_full};
use super::common_lines::ask;
use eagain_net::*;
use eagain_sim::fail;
use std::collections::BTreeMap;
use std::time::Duration;

/// After so long a connection counts as idle.
const IDLE: Duration = Duration::from_millis(20);
const LISTENER: u64 = u64::MAX;
/// What is submitted and needs no answer.
pub const OTHER: u64 = u64::MAX - 1;

/// The error of a submission that was refused.
pub fn pushed(result: std::result::Result<(), (Errno, Submission)>) -> Result<()> {
    result.map_err(|(errno, _)| errno)
}

/// Submits what was pushed, and waits for `least` completions, for a time at most.
pub fn enter<K: Kernel>(ring: &mut Ring<K>, least: u32, timeout: Option<Duration>) -> Result<()> {
    match ring.enter(least, timeout) {
        Ok(_) | Err(Errno::EINTR | Errno::ETIME) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// How a server receives. Each session has one receive at a time, with the session's number as its `user_data`.
pub trait Receiving<K: Kernel> {
    /// Begins to receive.
    fn begin(&mut self, ring: &mut Ring<K>, session: u64, fd: Fd) -> Result<()>;

    /// A receive has completed, of a session that is open or not: what it has received.
    fn completed(&mut self, ring: &mut Ring<K>, completed: Completed, is_open: bool) -> Result<Vec<u8>>;

    /// A session was closed, and its receive has not completed.
    fn closed(&mut self, ring: &mut Ring<K>, session: u64) -> Result<()>;

    /// All that has completed was handled.
    fn turn_ends(&mut self) {}
}

struct Session<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    deadline: Instant,
}

/// Answers each line with the same line.
pub fn serve<K: Kernel>(k: K, mut receiving: impl Receiving<K>) -> Result<()> {
    let listener = listen(k)?;
    let params = RingParams { entries: 32, cq_entries: 0, defer_taskrun: false };
    let mut ring = retry_when_full(k, || Ring::new(k, params))?;
    pushed(ring.accept_multishot(LISTENER, listener.fd(), SocketFlags::CLOEXEC))?;
    let mut sessions: BTreeMap<u64, Session<K>> = BTreeMap::new();
    let mut last = 0;
    let mut done = Vec::new();
    loop {
        let at = now(k);
        let is_idle = |(&id, session): (&u64, &Session<K>)| (session.deadline <= at).then_some(id);
        let idle: Vec<u64> = sessions.iter().filter_map(is_idle).collect();
        if !idle.is_empty() {
            // A receive that is not submitted yet names a descriptor, which is another's once it is closed.
            enter(&mut ring, 0, None)?;
        }
        for id in idle {
            receiving.closed(&mut ring, id)?;
            sessions.remove(&id);
        }
        let timeout = sessions.values().map(|session| session.deadline - at).min();
        enter(&mut ring, 1, timeout)?;
        ring.reap(&mut done);
        for completed in done.drain(..) {
            let id = completed.user_data;
            if id == LISTENER {
                if let Ok(fd) = completed.value() {
                    last += 1;
                    let stream = TcpStream::from(OwnedFd::from_raw(k, Fd(fd as i32)));
                    receiving.begin(&mut ring, last, stream.fd())?;
                    let deadline = now(k) + IDLE;
                    sessions.insert(last, Session { stream, lines: Lines::default(), deadline });
                }
                if !completed.flags.contains(CompletedFlags::MORE) {
                    pushed(ring.accept_multishot(LISTENER, listener.fd(), SocketFlags::CLOEXEC))?;
                }
            } else if id != OTHER {
                let received = receiving.completed(&mut ring, completed, sessions.contains_key(&id));
                let Some(session) = sessions.get_mut(&id) else { continue };
                if session.received(k, received) {
                    receiving.begin(&mut ring, id, session.stream.fd())?;
                } else {
                    sessions.remove(&id);
                }
            }
        }
        receiving.turn_ends();
    }
}

impl<K: Kernel> Session<K> {
    /// Answers what was received. `false`: the session is over.
    fn received(&mut self, k: K, received: Result<Vec<u8>>) -> bool {
        match received {
            Ok(bytes) if !bytes.is_empty() => self.lines.feed(&bytes),
            // Others had all the buffers.
            Err(Errno::ENOBUFS | Errno::EINTR) => return true,
            _ => return false,
        }
        self.deadline = now(k) + IDLE;
        while let Some(line) = self.lines.next() {
            // A line is short, and the client waits for it.
            if self.stream.write_all(format!("{line}\n").as_bytes()).is_err() {
                return false;
            }
        }
        true
    }
}

/// A client that thinks between its questions, and asks again where it was hung up on.
pub fn converse<K: Kernel>(k: K, server: SocketAddr) {
    let mut stream = connect(k, server);
    for round in 0..6 {
        pause(k, "think", IDLE * 2);
        let question = format!("round {round}");
        loop {
            match ask(&stream, &question) {
                Some(answer) if answer == question => break,
                None => stream = connect(k, server),
                Some(answer) => {
                    return fail("O1", "wrong answer", format!("{question:?} was answered by {answer:?}"));
                }
            }
        }
    }
}

/// The server on a host of its own, and four clients.
pub fn build(
    sim: &mut eagain_sim::Sim,
    serve: impl FnOnce(eagain_sim::SimKernel) -> Result<()> + Send + 'static,
) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k).unwrap());
    super::common::clients(sim, 4, move |k| converse(k, address));
}
