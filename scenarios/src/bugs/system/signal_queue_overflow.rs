//! A queue of signals that is full (servers that are driven by SIGIO, since 2000): each change of a connection queues a real-time
//! signal that names it; beyond the limit the kernel sends a plain SIGIO that names nobody. A server that takes that for noise
//! never looks at the connections whose signals were lost. Repaired: after a plain SIGIO everything is looked at.

use crate::bugs::common::{Lines, PORT, clients, connect, listen, pause};
use crate::bugs::common_lines::ask_all;
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};
use std::collections::BTreeMap;
use std::time::Duration;

crate::bugs::planted!(
    "signal-queue-overflow",
    "B55",
    'k',
    ["O6"],
    "connections whose signals did not fit into the queue are never looked at"
);

/// Names a descriptor.
const READY: Signal = Signal(Signal::SIGRTMIN.0 + 1);
/// So many signals can be queued; Linux has thousands.
const QUEUE: usize = 4;

struct Peer<K: Kernel> {
    stream: TcpStream<K>,
    lines: Lines,
    pending: Vec<u8>,
}

struct Server<K: Kernel> {
    kernel: K,
    listener: TcpListener<K>,
    peers: BTreeMap<i32, Peer<K>>,
}

impl<K: Kernel> Server<K> {
    /// Lets this thread have the signals of a descriptor.
    fn arm(&self, fd: Fd) -> Result<()> {
        self.kernel.fcntl_setown(fd, Owner::ThisThread)?;
        self.kernel.fcntl_setsig(fd, Some(READY))?;
        self.kernel.fcntl_setfl(fd, StatusFlags::NONBLOCK | StatusFlags::ASYNC)
    }

    /// Something may have happened to this descriptor.
    fn look(&mut self, fd: Fd) -> Result<()> {
        if fd == self.listener.fd() {
            return self.accept();
        }
        let Some(peer) = self.peers.get_mut(&fd.0) else { return Ok(()) };
        if !peer.turn(self.kernel)? {
            self.peers.remove(&fd.0);
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let (stream, _) = match self.listener.accept_nonblocking() {
                Err(Errno::EAGAIN) => return Ok(()),
                accepted => accepted?,
            };
            let fd = stream.fd();
            self.arm(fd)?;
            self.peers.insert(fd.0, Peer { stream, lines: Lines::default(), pending: Vec::new() });
            self.look(fd)?;
        }
    }

    fn look_at_all(&mut self) -> Result<()> {
        let all: Vec<i32> = self.peers.keys().copied().collect();
        all.into_iter().try_for_each(|fd| self.look(Fd(fd)))?;
        self.accept()
    }
}

impl<K: Kernel> Peer<K> {
    /// Reads, answers each line with the same line, and sends, all as far as it goes. `false`: the peer has ended.
    fn turn(&mut self, k: K) -> Result<bool> {
        let mut bytes = [0; 256];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
                Ok(n) => self.lines.feed(&bytes[..n]),
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        while let Some(line) = self.lines.next() {
            pause(k, "work", Duration::from_micros(400));
            self.pending.extend_from_slice(format!("{line}\n").as_bytes());
        }
        while !self.pending.is_empty() {
            match self.stream.write(&self.pending) {
                Ok(n) => drop(self.pending.drain(..n)),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EPIPE | Errno::ECONNRESET) => return Ok(false),
                Err(errno) => return Err(errno),
            }
        }
        Ok(true)
    }
}

fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let set = SigSet::of(&[READY, Signal::SIGIO]);
    k.sigprocmask(MaskHow::Block, set)?;
    let mut server = Server { kernel: k, listener: listen(k)?, peers: BTreeMap::new() };
    server.arm(server.listener.fd())?;
    server.accept()?;
    loop {
        match k.sigtimedwait(set, None) {
            Ok(info) if info.signal == READY => server.look(info.fd)?,
            Ok(_) => {
                sometimes!("the queue overflowed", true);
                if !defect {
                    server.look_at_all()?;
                }
            }
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Asks several lines at once, and reads their answers.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    let mut lines = Lines::default();
    for round in 0..4 {
        let questions: Vec<_> = (0..choose("questions", 1, 3)).map(|n| format!("{round}.{n}")).collect();
        if !ask_all(&stream, &mut lines, &questions) {
            break;
        }
        pause(k, "think", Duration::from_millis(2));
    }
}

fn build(sim: &mut Sim, defect: bool) {
    sim.knobs().sigpending_limit = QUEUE;
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    clients(sim, 5, move |k| ask(k, address));
}
