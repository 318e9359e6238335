//! A listener that is paused and still polled (HAProxy 2019): one thread pauses it and takes it out of polling; the loop, just
//! back from an `accept` that found nothing, puts it in again. The handler does nothing while it is paused, the next connection
//! makes it readable, and the loop turns at full speed. Repaired: put in again only where it is not paused, under the lock.

use crate::bugs::common::{Lines, PORT, clients, listen, pause, retry_when_full, visit, wait};
use crate::bugs::common_services::echo_once;
use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::{Sim, sometimes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "paused-listener-polled",
    "B30",
    'f',
    ["O3", "O10"],
    "the loop polls a listener again that another thread has just paused"
);

const LISTENER: u64 = 0;

/// The listener, as the loop and the operator know it.
struct Front<K: Kernel> {
    epoll: Epoll<K>,
    listener: TcpListener<K>,
    paused: Mutex<K, bool>,
    defect: bool,
}

impl<K: Kernel> Front<K> {
    fn poll(&self, events: Events) -> Result<()> {
        self.epoll.modify(self.listener.fd(), events, LISTENER)
    }

    fn pause(&self, on: bool) -> Result<()> {
        let mut paused = self.paused.lock();
        *paused = on;
        self.poll(if on { Events::NONE } else { Events::IN })
    }

    /// Accepts whoever waits; meanwhile the listener is not polled.
    fn accept(&self, mut take: impl FnMut(TcpStream<K>) -> Result<()>) -> Result<()> {
        if *self.paused.lock() {
            return Ok(());
        }
        self.poll(Events::NONE)?;
        loop {
            match self.listener.accept_nonblocking() {
                Ok((stream, _)) => take(stream)?,
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno),
            }
        }
        if self.defect {
            return self.poll(Events::IN);
        }
        let paused = self.paused.lock();
        sometimes!("it was paused meanwhile", *paused);
        if *paused { Ok(()) } else { self.poll(Events::IN) }
    }
}

/// Answers lines.
fn serve<K: Kernel>(k: K, front: &Front<K>) -> Result<()> {
    let mut streams = BTreeMap::new();
    let mut last = LISTENER;
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = wait(&front.epoll, &mut events)?;
        for event in &events[..n] {
            if event.data == LISTENER {
                front.accept(|stream| {
                    last += 1;
                    front.epoll.add(stream.fd(), Events::IN, last)?;
                    streams.insert(last, (stream, Lines::default()));
                    Ok(())
                })?;
                continue;
            }
            let Some((stream, lines)) = streams.get_mut(&event.data) else { continue };
            if !echo_once(k, stream, lines, Duration::from_micros(100))? {
                streams.remove(&event.data);
            }
        }
    }
}

/// Pauses the listener now and then.
fn operate<K: Kernel>(k: K, front: &Front<K>) -> Result<()> {
    loop {
        pause(k, "running", Duration::from_millis(8));
        front.pause(true)?;
        pause(k, "paused", Duration::from_millis(40));
        front.pause(false)?;
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| {
        let listener = listen(k).unwrap();
        let epoll = retry_when_full(k, || Epoll::new(k)).unwrap();
        epoll.add(listener.fd(), Events::IN, LISTENER).unwrap();
        let front = Arc::new(Front { epoll, listener, paused: Mutex::new(k, false), defect });
        let of_operator = front.clone();
        thread::spawn(k, "operator", move || operate(k, &of_operator).unwrap()).unwrap();
        serve(k, &front).unwrap();
    });
    clients(sim, 8, move |k| visit(k, address, "O1", "no reply"));
}
