//! A wake-up that is written to a full pipe under a lock (libevent 2010, nanomsg 2014): whoever gives the loop a task writes a
//! byte to a blocking socket while it holds the loop's lock. When the socket is full the write waits for the loop to read, and
//! the loop waits for the lock. Repaired: the socket is non-blocking; a full one wakes the loop as well.

use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "wakeup-written-under-lock",
    "B54",
    'k',
    ["O6", "O14"],
    "a wake-up waits for room in the loop's socket while it holds the loop's lock"
);

const THREADS: u64 = 3;
/// The smallest that Linux grants, a few wake-ups; by itself it would be some hundred.
const SEND_BUFFER: u32 = 2304;

/// A task: how long it takes.
type Task = Duration;

struct Loop<K: Kernel> {
    tasks: Mutex<K, Vec<Task>>,
    wakeup: OwnedFd<K>,
    woken: OwnedFd<K>,
}

impl<K: Kernel> Loop<K> {
    fn new(k: K, defect: bool) -> Result<Loop<K>> {
        let (woken, wakeup) = k.socketpair(SocketFlags::CLOEXEC)?;
        let (woken, wakeup) = (OwnedFd::from_raw(k, woken), OwnedFd::from_raw(k, wakeup));
        k.setsockopt(wakeup.fd(), SocketOption::SendBuffer(SEND_BUFFER))?;
        woken.set_nonblocking(true)?;
        wakeup.set_nonblocking(!defect)?;
        Ok(Loop { tasks: Mutex::new(k, Vec::new()), wakeup, woken })
    }

    /// Gives the loop a task, from any thread.
    fn give(&self, task: Task) -> Result<()> {
        let mut tasks = self.tasks.lock();
        tasks.push(task);
        loop {
            match self.wakeup.write(&[1]) {
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    sometimes!("the wake-up socket was full", true);
                    return Ok(());
                }
                written => return written.map(drop),
            }
        }
    }

    /// Does so many tasks.
    fn run(&self, k: K, mut count: u64) -> Result<()> {
        let epoll = Epoll::new(k)?;
        epoll.add(self.woken.fd(), Events::IN, 0)?;
        let mut events = [EpollEvent::default(); 4];
        while count > 0 {
            crate::bugs::common::wait(&epoll, &mut events)?;
            let mut bytes = [0; 64];
            while self.woken.read(&mut bytes).is_ok() {}
            let tasks = std::mem::take(&mut *self.tasks.lock());
            for task in tasks {
                sleep(k, task);
                count -= 1;
            }
        }
        Ok(())
    }
}

fn program<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let the_loop = Arc::new(Loop::new(k, defect)?);
    let each = choose("tasks", 1, 8);
    let givers: Vec<_> = (0..THREADS)
        .map(|_| {
            let the_loop = the_loop.clone();
            thread::spawn(k, "giver", move || {
                for _ in 0..each {
                    the_loop.give(Duration::from_micros(choose("task", 1, 200)))?;
                    sleep(k, Duration::from_micros(choose("between", 1, 200)));
                }
                Ok(())
            })
        })
        .collect::<Result<_>>()?;
    the_loop.run(k, each * THREADS)?;
    givers.into_iter().try_for_each(|giver| giver.join().unwrap_or(Ok(())))
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    sim.client(host, "server", move |k| program(k, defect).unwrap());
}
