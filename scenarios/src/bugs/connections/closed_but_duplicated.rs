//! Closed, and still watched (libuv 2017): epoll watches what a descriptor refers to. While a duplicate of it is open elsewhere,
//! here with a worker that still writes a reply, the closed number goes on reporting events; taking it out of the set fails,
//! since the number is not open any more, and the loop turns at full speed. Repaired: taken out before it is closed.

use crate::bugs::common::{Lines, PORT, clients, connect, listen, pause, retry_when_full, wait};
use eagain_net::sync::Queue;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "closed-but-duplicated",
    "B37",
    'h',
    ["O3"],
    "a closed descriptor of which a duplicate is open is taken out of epoll too late"
);

const WORKERS: usize = 2;
const LISTENER: u64 = 0;

type Job<K> = (TcpStream<K>, String);

struct Server<K: Kernel> {
    epoll: Epoll<K>,
    listener: TcpListener<K>,
    streams: BTreeMap<u64, (TcpStream<K>, Lines)>,
    jobs: Arc<Queue<K, Job<K>>>,
    defect: bool,
}

impl<K: Kernel> Server<K> {
    fn run(&mut self) -> Result<()> {
        let mut last = LISTENER;
        let mut events = [EpollEvent::default(); 16];
        loop {
            let n = wait(&self.epoll, &mut events)?;
            for event in &events[..n] {
                if event.data != LISTENER {
                    self.read(event.data)?;
                } else if let Ok((stream, _)) = self.listener.accept_nonblocking() {
                    last += 1;
                    self.epoll.add(stream.fd(), Events::IN, last)?;
                    self.streams.insert(last, (stream, Lines::default()));
                }
            }
        }
    }

    /// Reads once; what is whole is for a worker, who answers over a duplicate.
    fn read(&mut self, id: u64) -> Result<()> {
        let Some((stream, lines)) = self.streams.get_mut(&id) else { return Ok(()) };
        let mut bytes = [0; 64];
        match stream.read(&mut bytes) {
            Ok(n) if n > 0 => lines.feed(&bytes[..n]),
            Err(Errno::EAGAIN) => {}
            _ => return self.close(id),
        }
        while let Some(question) = lines.next() {
            let _ = self.jobs.push((stream.try_clone()?, question));
        }
        Ok(())
    }

    fn close(&mut self, id: u64) -> Result<()> {
        let Some((stream, _)) = self.streams.remove(&id) else { return Ok(()) };
        let fd = stream.fd();
        if self.defect {
            drop(stream);
            sometimes!("it was not in the set any more", self.epoll.delete(fd).is_err());
            return Ok(());
        }
        self.epoll.delete(fd)
    }
}

fn work<K: Kernel>(k: K, jobs: &Queue<K, Job<K>>) {
    while let Some((stream, question)) = jobs.pop() {
        pause(k, "work", Duration::from_millis(30));
        // A line is short, and there is room for it; the client may have left.
        let _ = stream.write(format!("{question}\n").as_bytes());
    }
}

fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let jobs = Arc::new(Queue::new(k, 64));
    for _ in 0..WORKERS {
        let jobs = jobs.clone();
        thread::spawn(k, "worker", move || work(k, &jobs))?;
    }
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    Server { epoll, listener, streams: BTreeMap::new(), jobs, defect }.run()
}

/// Asks, waits for a while, and leaves.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    for round in 0..4 {
        let stream = connect(k, server);
        let question = format!("round {round}");
        let timeout = Duration::from_millis(choose("patience", 1, 60));
        let answer = stream
            .set_read_timeout(Some(timeout))
            .and_then(|()| stream.write_all(format!("{question}\n").as_bytes()))
            .and_then(|()| Lines::default().read(&stream));
        if answer != Err(Errno::EAGAIN) && answer != Ok(Some(question)) {
            return fail("O1", "wrong reply", format!("round {round} was answered by {answer:?}"));
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    clients(sim, 3, move |k| ask(k, address));
}
