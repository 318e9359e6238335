//! A signal for a watcher that is closed (libuv 2019): the handler writes whom it is for into a pipe, which the loop reads later.
//! Who closes a watcher meanwhile leaves a message that names it, and its place may be another's by then. Repaired: the place is
//! free when as many messages were read as were written.

use crate::bugs::common::{Lines, PORT, connect, listen, retry_when_full, wait};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

crate::bugs::planted!(
    "signal-of-a-closed-watcher",
    "B52",
    'k',
    ["O7", "O16"],
    "a signal that waits in the pipe reaches whoever has the place of its watcher by then"
);

const SIGNALS: [Signal; 2] = [Signal::SIGUSR1, Signal::SIGUSR2];
const LISTENER: u64 = 0;
const PIPE: u64 = 1;
const PLACES: usize = 8;

/// A place for a watcher, which the handler reads.
#[derive(Default)]
struct Place {
    /// The signal that is watched for; 0: none.
    signal: AtomicI32,
    /// Messages that were written for it.
    caught: AtomicU32,
}

struct Server<K: Kernel> {
    epoll: Epoll<K>,
    places: Arc<[Place; PLACES]>,
    /// Messages that were read, by place.
    dispatched: [u32; PLACES],
    /// Who watches, by place.
    watchers: [Option<u64>; PLACES],
    clients: BTreeMap<u64, (TcpStream<K>, Lines)>,
    defect: bool,
}

impl<K: Kernel> Server<K> {
    fn watch(&mut self, client: u64, signal: i32) {
        let is_free = |&at: &usize| {
            let in_flight = self.places[at].caught.load(SeqCst) != self.dispatched[at];
            self.watchers[at].is_none() && (self.defect || !in_flight)
        };
        if let Some(at) = (0..PLACES).find(is_free) {
            self.watchers[at] = Some(client);
            self.places[at].signal.store(signal, SeqCst);
        }
    }

    fn close(&mut self, at: usize) -> Option<u64> {
        self.places[at].signal.store(0, SeqCst);
        sometimes!(
            "closed with a signal in flight",
            self.places[at].caught.load(SeqCst) != self.dispatched[at],
        );
        self.watchers[at].take()
    }

    /// A message from the handler: reports it to the watcher at that place, once.
    fn dispatch(&mut self, at: usize, signal: u8) {
        self.dispatched[at] = self.dispatched[at].wrapping_add(1);
        if let Some(client) = self.close(at)
            && let Some((stream, _)) = self.clients.get(&client)
        {
            // A few bytes for who waits for them.
            let _ = stream.write(&[signal, b'\n']);
        }
    }

    /// Something has come from a client: the signal that it waits for, or its end.
    fn client(&mut self, client: u64) -> Result<()> {
        let Some((stream, lines)) = self.clients.get_mut(&client) else { return Ok(()) };
        let mut bytes = [0; 16];
        match stream.read(&mut bytes) {
            Ok(n) if n > 0 => lines.feed(&bytes[..n]),
            Err(Errno::EAGAIN) => return Ok(()),
            _ => {
                self.clients.remove(&client);
                let own = (0..PLACES).find(|&at| self.watchers[at] == Some(client));
                own.map(|at| self.close(at));
                return Ok(());
            }
        }
        while let Some((_, lines)) = self.clients.get_mut(&client)
            && let Some(line) = lines.next()
        {
            self.watch(client, line.parse().unwrap_or(0));
        }
        Ok(())
    }
}

/// Reports to clients the signals that they wait for.
fn serve<K: Kernel>(k: K, pid: &AtomicI32, defect: bool) -> Result<()> {
    let (read, write) = retry_when_full(k, || k.pipe2(SocketFlags::NONBLOCK | SocketFlags::CLOEXEC))?;
    let pipe = OwnedFd::from_raw(k, read);
    let places: Arc<[Place; PLACES]> = Arc::default();
    for signal in SIGNALS {
        let places = places.clone();
        let handler = move |info: &SigInfo| {
            for (at, place) in (0..).zip(places.iter()) {
                if place.signal.load(SeqCst) == info.signal.0
                    && k.write(write, &[at, info.signal.0 as u8]) == Ok(2)
                {
                    place.caught.fetch_add(1, SeqCst);
                }
            }
        };
        k.sigaction(signal, SigAction::handler(true, handler))?;
    }
    pid.store(k.getpid(), SeqCst);
    let (listener, epoll) = (listen(k)?, retry_when_full(k, || Epoll::new(k))?);
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    epoll.add(pipe.fd(), Events::IN, PIPE)?;
    let (dispatched, watchers) = ([0; PLACES], [None; PLACES]);
    let mut server = Server { epoll, places, dispatched, watchers, clients: BTreeMap::new(), defect };
    let mut last = PIPE;
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = wait(&server.epoll, &mut events)?;
        for event in &events[..n] {
            match event.data {
                LISTENER => {
                    let (stream, _) = match listener.accept_nonblocking() {
                        Err(Errno::EAGAIN) => continue,
                        accepted => accepted?,
                    };
                    last += 1;
                    server.epoll.add(stream.fd(), Events::IN, last)?;
                    server.clients.insert(last, (stream, Lines::default()));
                }
                PIPE => {
                    let mut messages = [0; 32];
                    if let Ok(n) = pipe.read(&mut messages) {
                        messages[..n].chunks(2).for_each(|m| server.dispatch(usize::from(m[0]), m[1]));
                    }
                }
                client => server.client(client)?,
            }
        }
    }
}

/// Waits for one signal or the other, for a while, and wants no other.
fn client<K: Kernel>(k: K, server: SocketAddr) -> Result<()> {
    for _ in 0..8 {
        let stream = connect(k, server);
        let signal = SIGNALS[choose("signal", 0, 1) as usize].0;
        stream.set_read_timeout(Some(Duration::from_micros(choose("patience", 100, 2_000))))?;
        stream.write_all(format!("{signal}\n").as_bytes())?;
        let mut reported = [0; 1];
        if stream.read(&mut reported) == Ok(1) && i32::from(reported[0]) != signal {
            let message = format!("the watcher of signal {signal} was called for signal {}", reported[0]);
            fail("O7", "signal of another watcher", message);
        }
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    let pid = Arc::new(AtomicI32::new(0));
    let known = pid.clone();
    sim.server(host, "server", move |k| serve(k, &known, defect).unwrap());
    for _ in 0..3 {
        sim.client(host, "client", move |k| client(k, address).unwrap());
    }
    sim.server(host, "operator", move |k| {
        loop {
            sleep(k, Duration::from_micros(choose("between", 50, 500)));
            if pid.load(SeqCst) != 0 {
                k.kill(pid.load(SeqCst), SIGNALS[choose("which", 0, 1) as usize]).unwrap();
            }
        }
    });
}
