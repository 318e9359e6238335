//! `EPOLLEXCLUSIVE` and the order of its waiters (nginx 2021): a connection wakes one of the workers, and that is the first in the
//! listener's wait queue for as long as it is idle again in time. Under a light load it gets nearly all connections, and keeps
//! them. Repaired: who has accepted adds the listener anew, and stands last.

use crate::bugs::common::{Lines, PORT, clients, listen, retry_when_full, visit, wait};
use crate::bugs::common_services::echo_once;
use eagain_net::*;
use eagain_sim::Sim;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

crate::bugs::planted!(
    "exclusive-wakes-the-first",
    "B29",
    'f',
    ["O13"],
    "the first worker of an exclusive wait gets nearly all connections"
);

const WORKERS: usize = 4;
const LISTENER: u64 = 0;
const INTEREST: Events = Events(Events::IN.0 | Events::EXCLUSIVE.0);

/// How many connections each worker has got.
type Load = Arc<[AtomicU64; WORKERS]>;

/// Accepts, and answers what it has accepted.
fn work<K: Kernel>(k: K, listener: &TcpListener<K>, load: &AtomicU64, defect: bool) -> Result<()> {
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), INTEREST, LISTENER)?;
    let mut streams = BTreeMap::new();
    let mut last = LISTENER;
    let mut events = [EpollEvent::default(); 8];
    loop {
        let n = wait(&epoll, &mut events)?;
        for event in &events[..n] {
            if event.data == LISTENER {
                let (stream, _) = match listener.accept_nonblocking() {
                    Err(Errno::EAGAIN) => continue,
                    accepted => accepted?,
                };
                last += 1;
                epoll.add(stream.fd(), Events::IN, last)?;
                streams.insert(last, (stream, Lines::default()));
                load.fetch_add(1, SeqCst);
                if !defect {
                    epoll.delete(listener.fd())?;
                    epoll.add(listener.fd(), INTEREST, LISTENER)?;
                }
                continue;
            }
            let Some((stream, lines)) = streams.get_mut(&event.data) else { continue };
            if !echo_once(k, stream, lines, Duration::from_millis(1))? {
                streams.remove(&event.data);
            }
        }
    }
}

fn serve<K: Kernel>(k: K, load: &Load, defect: bool) -> Result<()> {
    let listener = Arc::new(listen(k)?);
    for worker in 1..WORKERS {
        let (listener, load) = (listener.clone(), load.clone());
        thread::spawn(k, "worker", move || work(k, &listener, &load[worker], defect).unwrap())?;
    }
    work(k, &listener, &load[0], defect)
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    let load = Load::default();
    let of_workers = load.clone();
    sim.server(host, "server", move |k| serve(k, &of_workers, defect).unwrap());
    clients(sim, 8, move |k| visit(k, address, "O1", "no reply"));
    sim.run();
    let load: Vec<u64> = load.iter().map(|load| load.load(SeqCst)).collect();
    let (all, most) = (load.iter().sum::<u64>(), load.iter().max().copied().unwrap_or(0));
    if !sim.failed() && most * 4 > all * 3 {
        sim.fail("O13", "one worker has all", format!("of {all} connections the workers got {load:?}"));
    }
}
