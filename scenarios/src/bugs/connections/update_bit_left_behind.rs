//! A bit that outlives its descriptor (HAProxy 2023): each descriptor has a bit for each thread that has an update of it in its
//! list. Closing clears the bits, and only then says that the descriptor has no owner; a thread with a late event sets its bit in
//! between, later drops the update since nobody owns the descriptor, and leaves the bit. When the number is used again by that
//! thread, it takes an update for queued, and the new connection is never registered. Repaired: the bits are cleared when
//! the descriptor has no owner any more.

use crate::bugs::common::{Lines, PORT, connect, pause, retry_when_full, wait};
use crate::bugs::common_lines::echo;
use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

crate::bugs::planted!(
    "update-bit-left-behind",
    "B38",
    'h',
    ["O6"],
    "a late event marks an update of a descriptor that is being closed"
);

const WORKERS: u64 = 3;
const DESCRIPTORS: usize = 64;
const NOBODY: u64 = 0;

/// What all threads know of a descriptor.
struct Entry<K: Kernel> {
    /// [`NOBODY`], or the number of its thread, from 1.
    owner: Mutex<K, u64>,
    /// A bit a thread: an update is in its list.
    updates: AtomicU64,
}

/// Connections to one server, used by all threads.
struct Pool<K: Kernel> {
    server: SocketAddr,
    idle: Mutex<K, Vec<TcpStream<K>>>,
    table: [Entry<K>; DESCRIPTORS],
}

struct Worker<K: Kernel> {
    kernel: K,
    /// From 1.
    me: u64,
    pool: Arc<Pool<K>>,
    epoll: Epoll<K>,
    /// Descriptors of which epoll is to hear before the next wait.
    updates: Vec<Fd>,
    defect: bool,
}

impl<K: Kernel> Worker<K> {
    fn bit(&self) -> u64 {
        1 << self.me
    }

    fn update(&mut self, fd: Fd) {
        let before = self.pool.table[fd.0 as usize].updates.fetch_or(self.bit(), SeqCst);
        if before & self.bit() == 0 {
            self.updates.push(fd);
        }
    }

    /// Registers with epoll the descriptors that this thread owns.
    fn apply(&mut self) -> Result<()> {
        for fd in std::mem::take(&mut self.updates) {
            let entry = &self.pool.table[fd.0 as usize];
            let owner = *entry.owner.lock();
            if owner == NOBODY {
                sometimes!("an update came too late", true);
                continue;
            }
            entry.updates.fetch_and(!self.bit(), SeqCst);
            let done = match owner == self.me {
                true => self.epoll.add(fd, Events::IN, fd.0 as u64),
                false => self.epoll.delete(fd),
            };
            if !matches!(done, Ok(()) | Err(Errno::EEXIST | Errno::ENOENT | Errno::EBADF)) {
                return done;
            }
        }
        Ok(())
    }

    /// Asks over an idle connection, or a new one.
    fn ask(&mut self, question: &str) -> Result<()> {
        let idle = self.pool.idle.lock().pop();
        let stream = idle.unwrap_or_else(|| connect(self.kernel, self.pool.server));
        let fd = stream.fd();
        *self.pool.table[fd.0 as usize].owner.lock() = self.me;
        self.update(fd);
        stream.write_all(format!("{question}\n").as_bytes())?;
        let answer = self.answer(&stream)?;
        if answer != question {
            fail("O1", "wrong reply", format!("{question:?} was answered by {answer:?}"));
        }
        match choose("keep", 0, 1) {
            0 => self.pool.idle.lock().push(stream),
            _ => self.close(stream)?,
        }
        Ok(())
    }

    fn answer(&mut self, stream: &TcpStream<K>) -> Result<String> {
        let mut lines = Lines::default();
        let mut events = [EpollEvent::default(); 8];
        loop {
            self.apply()?;
            let n = wait(&self.epoll, &mut events)?;
            for event in &events[..n] {
                let fd = Fd(event.data as i32);
                if fd != stream.fd() {
                    self.late(fd);
                    continue;
                }
                let mut bytes = [0; 64];
                match stream.recv(&mut bytes, RecvFlags::DONTWAIT) {
                    Err(Errno::EAGAIN) => {}
                    n => lines.feed(&bytes[..n?]),
                }
                if let Some(answer) = lines.next() {
                    return Ok(answer);
                }
            }
        }
    }

    /// An event of a descriptor that another thread has taken over: this one need not watch it any more.
    fn late(&mut self, fd: Fd) {
        let pool = self.pool.clone();
        let owner = pool.table[fd.0 as usize].owner.lock();
        if *owner != NOBODY {
            self.update(fd);
        }
    }

    fn close(&mut self, stream: TcpStream<K>) -> Result<()> {
        let pool = self.pool.clone();
        let entry = &pool.table[stream.fd().0 as usize];
        if self.defect {
            entry.updates.store(0, SeqCst);
        }
        stream.shutdown(ShutdownHow::Both)?;
        let _ = self.epoll.delete(stream.fd());
        *entry.owner.lock() = NOBODY;
        if !self.defect {
            entry.updates.store(0, SeqCst);
        }
        Ok(())
    }
}

fn work<K: Kernel>(k: K, me: u64, pool: Arc<Pool<K>>, defect: bool) -> Result<()> {
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    let mut worker = Worker { kernel: k, me, pool, epoll, updates: Vec::new(), defect };
    for round in 0..12 {
        pause(k, "think", Duration::from_micros(200));
        worker.ask(&format!("worker {me} round {round}"))?;
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let server = sim.address(host, PORT);
    sim.server(host, "server", |k| echo(k, Duration::from_micros(100)).unwrap());
    let host = sim.host("client");
    sim.client(host, "client", move |k| {
        let entry = |_| Entry { owner: Mutex::new(k, NOBODY), updates: AtomicU64::new(0) };
        let table = std::array::from_fn(entry);
        let pool = Arc::new(Pool { server, idle: Mutex::new(k, Vec::new()), table });
        let spawn = |me| {
            let pool = pool.clone();
            thread::spawn(k, "worker", move || work(k, me, pool, defect).unwrap()).unwrap()
        };
        let workers: Vec<_> = (1..=WORKERS).map(spawn).collect();
        for worker in workers {
            worker.join();
        }
    });
}
