//! A listener that is disabled while its callback runs (libevent 2021): whoever disables it takes its lock and then waits for the
//! callback to end; the loop's thread let that lock go for the callback and needs it back before the callback counts as
//! ended. Repaired: the lock is let go before the wait.

use crate::bugs::common::{PORT, clients, listen, pause, retry_when_full, visit};
use eagain_net::sync::{Condvar, Mutex};
use eagain_net::*;
use eagain_sim::{Sim, choose, sometimes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "disable-waits-for-callback",
    "B67",
    'm',
    ["O6", "O14"],
    "a listener is disabled under its lock, which the callback that is waited for needs"
);

const LISTENER: u64 = 0;

/// What the loop's thread and others share.
struct Acceptor<K: Kernel> {
    listener: TcpListener<K>,
    epoll: Epoll<K>,
    /// The listener's lock; whether it is enabled.
    enabled: Mutex<K, bool>,
    /// The loop's lock; whether the listener's callback runs.
    running: Mutex<K, bool>,
    ended: Condvar<K>,
}

impl<K: Kernel> Acceptor<K> {
    /// When it returns, the callback does not run and will not be called.
    fn disable(&self, defect: bool) -> Result<()> {
        let mut enabled = self.enabled.lock();
        *enabled = false;
        self.epoll.modify(self.listener.fd(), Events::NONE, LISTENER)?;
        let kept = defect.then_some(enabled);
        let mut running = self.running.lock();
        sometimes!("disabled while the callback ran", *running);
        while *running {
            running = self.ended.wait(running);
        }
        drop(kept);
        Ok(())
    }

    fn enable(&self) -> Result<()> {
        *self.enabled.lock() = true;
        self.epoll.modify(self.listener.fd(), Events::IN, LISTENER)
    }

    /// The listener is ready: calls `callback` with each connection, without its lock.
    fn accept_all(&self, mut callback: impl FnMut(TcpStream<K>) -> Result<()>) -> Result<()> {
        *self.running.lock() = true;
        loop {
            let enabled = self.enabled.lock();
            if !*enabled {
                break;
            }
            match self.listener.accept_nonblocking() {
                Ok((stream, _)) => {
                    drop(enabled);
                    callback(stream)?;
                }
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        *self.running.lock() = false;
        self.ended.notify_all();
        Ok(())
    }

    /// Answers each line with the same line.
    fn run(&self, k: K) -> Result<()> {
        let mut streams: BTreeMap<u64, TcpStream<K>> = BTreeMap::new();
        let mut last = LISTENER;
        let mut events = [EpollEvent::default(); 16];
        loop {
            let n = crate::bugs::common::wait(&self.epoll, &mut events)?;
            for event in &events[..n] {
                if event.data == LISTENER {
                    self.accept_all(|stream| {
                        last += 1;
                        pause(k, "greeting", Duration::from_micros(300));
                        self.epoll.add(stream.fd(), Events::IN, last)?;
                        streams.insert(last, stream);
                        Ok(())
                    })?;
                    continue;
                }
                let Some(stream) = streams.get(&event.data) else { continue };
                let mut bytes = [0; 64];
                match stream.read(&mut bytes) {
                    Ok(n) if n > 0 => {
                        stream.set_nonblocking(false)?;
                        let _ = stream.write_all(&bytes[..n]);
                        stream.set_nonblocking(true)?;
                    }
                    Err(Errno::EAGAIN) => {}
                    _ => drop(streams.remove(&event.data)),
                }
            }
        }
    }
}

/// Serves, and takes the listener out of service now and then.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let (listener, epoll) = (listen(k)?, retry_when_full(k, || Epoll::new(k))?);
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let (enabled, running) = (Mutex::new(k, true), Mutex::new(k, false));
    let acceptor = Arc::new(Acceptor { listener, epoll, enabled, running, ended: Condvar::new(k) });
    let of_loop = acceptor.clone();
    let thread = thread::spawn(k, "loop", move || of_loop.run(k))?;
    for _ in 0..choose("reloads", 0, 6) {
        pause(k, "until reload", Duration::from_millis(30));
        acceptor.disable(defect)?;
        pause(k, "reload", Duration::from_millis(1));
        acceptor.enable()?;
    }
    thread.join().unwrap_or(Ok(()))
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    clients(sim, 4, move |k| visit(k, address, "O6", "not served"));
}
