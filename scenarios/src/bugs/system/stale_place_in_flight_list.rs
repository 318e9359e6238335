//! A place in a list that is remembered across a write that would block (memcached's proxy 2023): requests to a backend are a
//! linked list, and what was flushed is skipped by a pointer to the last such entry, taken before the write. The write gives
//! `EAGAIN`; meanwhile replies free entries, and new requests use them again. The next flush goes on behind one of those: what
//! lies before is never sent, and its callers get the replies to what lies behind. Repaired: the place is taken anew.

use crate::bugs::common::{Lines, PORT, clients, connect, wait};
use crate::bugs::common_lines::{ask_all, echo};
use crate::bugs::common_sessions::each_in_a_thread;
use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "stale-place-in-flight-list",
    "B74",
    'o',
    ["O1", "O7", "O6"],
    "after EAGAIN a flush goes on behind an entry that was used again meanwhile"
);

/// A request on its way: who gets the reply, what is sent, how much of it was.
struct Request<K: Kernel> {
    from: Arc<TcpStream<K>>,
    bytes: Vec<u8>,
    sent: usize,
    next: Option<usize>,
}

/// The requests to a backend, in their order.
struct InFlight<K: Kernel> {
    entries: Vec<Request<K>>,
    free: Vec<usize>,
    first: Option<usize>,
    last: Option<usize>,
    /// The last one that was sent, as long as no reply has come.
    flushed: Option<usize>,
    /// Of a flush that would have blocked: where it began.
    place: Option<Option<usize>>,
}

struct Proxy<K: Kernel> {
    backend: TcpStream<K>,
    epoll: Epoll<K>,
    in_flight: Mutex<K, InFlight<K>>,
    defect: bool,
}

impl<K: Kernel> InFlight<K> {
    fn push(&mut self, from: Arc<TcpStream<K>>, bytes: Vec<u8>) {
        let request = Request { from, bytes, sent: 0, next: None };
        let entry = match self.free.pop() {
            Some(entry) => {
                self.entries[entry] = request;
                entry
            }
            None => {
                self.entries.push(request);
                self.entries.len() - 1
            }
        };
        match self.last.replace(entry) {
            Some(last) => self.entries[last].next = Some(entry),
            None => self.first = Some(entry),
        }
    }

    /// The first one is answered: who asked.
    fn pop(&mut self) -> Option<Arc<TcpStream<K>>> {
        let entry = self.first?;
        let Request { from, next, .. } = &self.entries[entry];
        let (from, next) = (from.clone(), *next);
        self.first = next;
        self.last = self.last.filter(|&last| last != entry);
        self.flushed = self.flushed.filter(|&flushed| flushed != entry);
        self.free.push(entry);
        Some(from)
    }
}

impl<K: Kernel> Proxy<K> {
    /// Sends what was not sent, as far as it goes.
    fn flush(&self, in_flight: &mut InFlight<K>) -> Result<()> {
        let place = in_flight.place.take().filter(|_| self.defect).unwrap_or(in_flight.flushed);
        let mut at = place.map_or(in_flight.first, |entry| in_flight.entries[entry].next);
        while let Some(entry) = at {
            let request = &mut in_flight.entries[entry];
            match self.backend.write(&request.bytes[request.sent..]) {
                Ok(n) => request.sent += n,
                Err(Errno::EAGAIN) => {
                    in_flight.place = Some(in_flight.flushed);
                    return self.epoll.modify(self.backend.fd(), Events::IN | Events::OUT, 0);
                }
                Err(errno) => return Err(errno),
            }
            if request.sent == request.bytes.len() {
                at = request.next;
                in_flight.flushed = Some(entry);
            }
        }
        self.epoll.modify(self.backend.fd(), Events::IN, 0)
    }

    /// Passes on what a client asks.
    fn client(&self, stream: Arc<TcpStream<K>>) -> Result<()> {
        let mut lines = Lines::default();
        let mut bytes = [0; 2048];
        loop {
            match stream.read(&mut bytes) {
                Ok(0) | Err(Errno::ECONNRESET) => return Ok(()),
                Ok(n) => lines.feed(&bytes[..n]),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
            let mut in_flight = self.in_flight.lock();
            while let Some(line) = lines.next() {
                in_flight.push(stream.clone(), format!("{line}\n").into_bytes());
            }
            // Who waits for room has a turn of the loop's when there is.
            if in_flight.place.is_none() {
                self.flush(&mut in_flight)?;
            }
        }
    }

    /// Passes on what the backend answers.
    fn run(&self) -> Result<()> {
        let mut lines = Lines::default();
        let mut events = [EpollEvent::default(); 4];
        loop {
            wait(&self.epoll, &mut events)?;
            let mut bytes = [0; 2048];
            match self.backend.read(&mut bytes) {
                Ok(n) => lines.feed(&bytes[..n]),
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(errno),
            }
            while let Some(line) = lines.next() {
                let Some(client) = self.in_flight.lock().pop() else { continue };
                let _ = client.write_all(format!("{line}\n").as_bytes());
            }
            if events[0].events.intersects(Events::OUT) {
                let mut in_flight = self.in_flight.lock();
                sometimes!("a flush went on", in_flight.first.is_some());
                self.flush(&mut in_flight)?;
            }
        }
    }
}

fn proxy<K: Kernel>(k: K, backend: SocketAddr, defect: bool) -> Result<()> {
    let (backend, epoll) = (connect(k, backend), Epoll::new(k)?);
    backend.set_nonblocking(true)?;
    epoll.add(backend.fd(), Events::IN, 0)?;
    let empty =
        InFlight { entries: vec![], free: vec![], first: None, last: None, flushed: None, place: None };
    let proxy = Arc::new(Proxy { backend, epoll, in_flight: Mutex::new(k, empty), defect });
    let of_loop = proxy.clone();
    thread::spawn(k, "loop", move || of_loop.run().unwrap())?;
    each_in_a_thread(k, PORT, move |stream| proxy.client(Arc::new(stream)).unwrap())
}

/// Asks several questions at once, and wants their answers in order.
fn client<K: Kernel>(k: K, server: SocketAddr) -> Result<()> {
    let (stream, mut lines) = (connect(k, server), Lines::default());
    let me = stream.local_addr()?;
    for round in 0..5 {
        let questions: Vec<_> = (0..choose("questions", 1, 4))
            .map(|n| format!("{me} {round}.{n} {}", "x".repeat(choose("length", 1, 600) as usize)))
            .collect();
        if !ask_all(&stream, &mut lines, &questions) {
            break;
        }
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("backend");
    let behind = sim.address(host, PORT);
    sim.server(host, "backend", move |k| echo(k, Duration::from_millis(1)).unwrap());
    let host = sim.host("proxy");
    let address = sim.address(host, PORT);
    sim.server(host, "proxy", move |k| proxy(k, behind, defect).unwrap());
    clients(sim, 3, move |k| client(k, address).unwrap());
}
