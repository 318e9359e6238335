//! One epoll set for all threads, descriptors that belong to one of them (HAProxy 2018): what is ready wakes whoever waits; a
//! thread that does not own it passes it over and waits again, and a level-triggered set reports it again at once, until the
//! owner has come round to it. Repaired: a set for each thread, with what that thread owns.

use crate::bugs::common::{Lines, PORT, clients, listen, retry_when_full, visit, wait};
use crate::bugs::common_services::echo_once;
use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::Sim;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "shared-epoll-spin",
    "B28",
    'f',
    ["O3"],
    "threads are woken again and again by what only another one may handle"
);

const WORKERS: u64 = 3;
/// How long a question takes at most.
const WORK: Duration = Duration::from_millis(30);
/// Belongs to worker 0, as every number belongs to the worker of its remainder.
const LISTENER: u64 = 0;

struct Server<K: Kernel> {
    listener: TcpListener<K>,
    /// The set of each worker, or the only one.
    epolls: Vec<Epoll<K>>,
    /// What its owner has not taken yet.
    arrived: Mutex<K, BTreeMap<u64, TcpStream<K>>>,
}

impl<K: Kernel> Server<K> {
    fn epoll(&self, worker: u64) -> &Epoll<K> {
        &self.epolls[worker as usize % self.epolls.len()]
    }

    /// Handles what worker `me` owns.
    fn work(&self, k: K, me: u64) -> Result<()> {
        let mut last = LISTENER;
        let mut owned = BTreeMap::new();
        let mut events = [EpollEvent::default(); 8];
        loop {
            let n = wait(self.epoll(me), &mut events)?;
            for event in &events[..n] {
                let id = event.data;
                if id % WORKERS != me {
                    continue;
                }
                if id == LISTENER {
                    let (stream, _) = match self.listener.accept_nonblocking() {
                        Err(Errno::EAGAIN) => continue,
                        accepted => accepted?,
                    };
                    last += 1;
                    let fd = stream.fd();
                    self.arrived.lock().insert(last, stream);
                    self.epoll(last % WORKERS).add(fd, Events::IN, last)?;
                    continue;
                }
                if let Some(stream) = self.arrived.lock().remove(&id) {
                    owned.insert(id, (stream, Lines::default()));
                }
                let Some((stream, lines)) = owned.get_mut(&id) else { continue };
                if !echo_once(k, stream, lines, WORK)? {
                    owned.remove(&id);
                }
            }
        }
    }
}

fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let sets = if defect { 1 } else { WORKERS };
    let epolls = (0..sets).map(|_| retry_when_full(k, || Epoll::new(k))).collect::<Result<Vec<_>>>()?;
    epolls[0].add(listener.fd(), Events::IN, LISTENER)?;
    let server = Arc::new(Server { listener, epolls, arrived: Mutex::new(k, BTreeMap::new()) });
    for worker in 1..WORKERS {
        let server = server.clone();
        thread::spawn(k, "worker", move || server.work(k, worker).unwrap())?;
    }
    server.work(k, 0)
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    clients(sim, 4, move |k| visit(k, address, "O1", "no reply"));
}
