//! A table of what is registered, by descriptor number (CPython asyncio 2021 to 2025): a socket is closed without a word to the
//! loop, and its entry stays. The next socket of that number is taken for registered, `epoll_ctl` is never called, and its answer is
//! never noticed. Repaired: deregistered before it is closed.

use crate::bugs::common::{Lines, PORT, connect, pause, retry_when_full, wait};
use crate::bugs::common_lines::echo;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

crate::bugs::planted!(
    "registered-by-number",
    "B39",
    'h',
    ["O6", "O7"],
    "a descriptor that was closed behind the loop's back counts as registered"
);

const REPLICAS: usize = 3;

/// What epoll watches, as the loop has recorded it.
struct Watched<K: Kernel> {
    epoll: Epoll<K>,
    numbers: BTreeSet<i32>,
}

impl<K: Kernel> Watched<K> {
    fn watch(&mut self, fd: Fd) -> Result<()> {
        if self.numbers.insert(fd.0) { self.epoll.add(fd, Events::IN, fd.0 as u64) } else { Ok(()) }
    }

    fn forget(&mut self, fd: Fd) -> Result<()> {
        if self.numbers.remove(&fd.0) { self.epoll.delete(fd) } else { Ok(()) }
    }
}

struct Client<K: Kernel> {
    kernel: K,
    replicas: [SocketAddr; REPLICAS],
    watched: Watched<K>,
    defect: bool,
}

impl<K: Kernel> Client<K> {
    /// Asks every replica, and comes back when `enough` of them have answered.
    fn ask(&mut self, question: &str, enough: usize) -> Result<()> {
        let mut waiting = BTreeMap::new();
        for replica in self.replicas {
            let stream = connect(self.kernel, replica);
            stream.write_all(format!("{question}\n").as_bytes())?;
            self.watched.watch(stream.fd())?;
            waiting.insert(stream.fd().0 as u64, (stream, Lines::default()));
        }
        let mut events = [EpollEvent::default(); REPLICAS];
        while waiting.len() > REPLICAS - enough {
            let n = wait(&self.watched.epoll, &mut events)?;
            for event in &events[..n] {
                let Some((stream, lines)) = waiting.get_mut(&event.data) else { continue };
                let mut bytes = [0; 64];
                match stream.recv(&mut bytes, RecvFlags::DONTWAIT) {
                    Err(Errno::EAGAIN) => {}
                    n => lines.feed(&bytes[..n?]),
                }
                let Some(answer) = lines.next() else { continue };
                if answer != question {
                    fail("O7", "wrong reply", format!("{question:?} was answered by {answer:?}"));
                }
                self.watched.forget(stream.fd())?;
                waiting.remove(&event.data);
            }
        }
        sometimes!("not all answers were waited for", !waiting.is_empty());
        if !self.defect {
            for (stream, _) in waiting.values() {
                self.watched.forget(stream.fd())?;
            }
        }
        Ok(())
    }
}

/// Reads, which one replica answers, and writes, which all of them must have.
fn work<K: Kernel>(k: K, replicas: [SocketAddr; REPLICAS], defect: bool) -> Result<()> {
    let watched = Watched { epoll: retry_when_full(k, || Epoll::new(k))?, numbers: BTreeSet::new() };
    let mut client = Client { kernel: k, replicas, watched, defect };
    for round in 0..8 {
        pause(k, "think", Duration::from_millis(5));
        match choose("read or write", 0, 1) {
            0 => client.ask(&format!("read {round}"), 1)?,
            _ => client.ask(&format!("write {round}"), REPLICAS)?,
        }
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let replicas = std::array::from_fn(|replica| {
        let host = sim.host(&format!("replica-{replica}"));
        sim.server(host, "replica", |k| echo(k, Duration::from_millis(2)).unwrap());
        sim.address(host, PORT)
    });
    let host = sim.host("client");
    sim.client(host, "client", move |k| work(k, replicas, defect).unwrap());
}
