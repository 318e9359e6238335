//! A generation that comes round (tokio 2023): readiness is kept in user space. After `EAGAIN` a task clears it, unless the
//! driver has set it again meanwhile, which shows in the driver's tick; but only the last bits of the tick are kept (here 2 of
//! them, there 8). After just so many turns of the driver the old tick looks like the new one, a fresh readiness is cleared, and
//! with edges no other comes. Repaired: the whole tick is kept.

use crate::bugs::common::{Lines, clients, listen, retry_when_full, wait};
use crate::bugs::common_replies::{converse, server};
use eagain_net::sync::{Condvar, Mutex};
use eagain_net::*;
use eagain_sim::{Sim, sometimes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "readiness-tick-wraps",
    "B01",
    'a',
    ["O6"],
    "a fresh readiness is cleared because the tick has come round"
);

const LISTENER: u64 = 0;
/// As many ticks look different.
const TICKS: u64 = 4;

/// What the driver knows of a socket.
struct Readiness {
    ready: bool,
    /// The driver's tick when it was last set.
    tick: u64,
}

struct Socket<K: Kernel> {
    stream: TcpStream<K>,
    readiness: Mutex<K, Readiness>,
    changed: Condvar<K>,
}

impl<K: Kernel> Socket<K> {
    /// By the driver: an edge has come.
    fn set_ready(&self, tick: u64) {
        *self.readiness.lock() = Readiness { ready: true, tick };
        self.changed.notify_all();
    }

    /// By a task: waits until the socket is ready; the tick at which it was set.
    fn ready(&self) -> u64 {
        let mut readiness = self.readiness.lock();
        while !readiness.ready {
            readiness = self.changed.wait(readiness);
        }
        readiness.tick
    }

    /// By a task: not ready after all, unless it was set again since `seen`.
    fn clear_ready(&self, seen: u64) {
        let mut readiness = self.readiness.lock();
        if readiness.tick == seen {
            readiness.ready = false;
        } else {
            sometimes!("an edge came between EAGAIN and the clearing", true);
        }
    }

    fn read(&self, bytes: &mut [u8]) -> Result<usize> {
        loop {
            let seen = self.ready();
            match self.stream.recv(bytes, RecvFlags::DONTWAIT) {
                Err(Errno::EAGAIN) => self.clear_ready(seen),
                read => return read,
            }
        }
    }

    /// A task: answers each line with the same line.
    fn echo(&self) -> Result<()> {
        let mut lines = Lines::default();
        let mut bytes = [0; 64];
        loop {
            match self.read(&mut bytes)? {
                0 => return Ok(()),
                n => lines.feed(&bytes[..n]),
            }
            while let Some(line) = lines.next() {
                self.stream.write_all(format!("{line}\n").as_bytes())?;
            }
        }
    }
}

/// The driver: takes connections in, each into a task of its own, and wakes tasks at edges.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut sockets: BTreeMap<u64, Arc<Socket<K>>> = BTreeMap::new();
    let mut events = [EpollEvent::default(); 16];
    let mut last = LISTENER;
    for turn in 1.. {
        let tick = if defect { turn % TICKS } else { turn };
        let n = wait(&epoll, &mut events)?;
        for event in &events[..n] {
            if event.data != LISTENER {
                sockets[&event.data].set_ready(tick);
                continue;
            }
            let stream = match listener.accept() {
                Err(Errno::EAGAIN) => continue,
                accepted => accepted?.0,
            };
            last += 1;
            let readiness = Mutex::new(k, Readiness { ready: false, tick });
            let socket = Arc::new(Socket { stream, readiness, changed: Condvar::new(k) });
            epoll.add(socket.stream.fd(), Events::IN | Events::RDHUP | Events::ET, last)?;
            sockets.insert(last, socket.clone());
            thread::spawn(k, "task", move || socket.echo().unwrap())?;
        }
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let address = server(sim, move |k| serve(k, defect));
    clients(sim, 4, move |k| converse(k, address, 12, Duration::from_micros(300)));
}
