//! An event with nothing behind it (nginx Unit 2018): a proxy with one-shot events also reads a side without an event, right
//! after it has written to it. What it takes there may have an event in the batch already. Then that event's read is `EAGAIN`;
//! the program still has the side recorded as armed, and does not arm it. Repaired: an event disarms, whatever the read says.

use crate::bugs::common::{Lines, PORT, clients, connect, listen, pause, retry_when_full, wait};
use crate::bugs::common_sessions::sessions;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::BTreeMap;
use std::time::Duration;

crate::bugs::planted!(
    "spurious-readiness",
    "B16",
    'd',
    ["O6"],
    "after an event without data a side is not armed again"
);

const LISTENER: u64 = 0;
const UPSTREAM_PORT: u16 = 7100;

/// One side of a session; the other has the number `^ 1`.
struct Side<K: Kernel> {
    stream: TcpStream<K>,
    /// The program has recorded that epoll is armed for the next data.
    armed: bool,
}

struct Proxy<K: Kernel> {
    epoll: Epoll<K>,
    sides: BTreeMap<u64, Side<K>>,
    defect: bool,
}

impl<K: Kernel> Proxy<K> {
    fn open(&mut self, id: u64, stream: TcpStream<K>) -> Result<()> {
        self.epoll.add(stream.fd(), Events::IN | Events::ONESHOT, id)?;
        self.sides.insert(id, Side { stream, armed: true });
        Ok(())
    }

    /// One-shot: the kernel has disarmed it.
    fn event(&mut self, id: u64) -> Result<()> {
        if let Some(side) = self.sides.get_mut(&id) {
            if !self.defect {
                side.armed = false;
            }
            if self.forward(id, true)? {
                // There may be an answer already.
                self.forward(id ^ 1, false)?;
            }
            self.arm(id)?;
        }
        Ok(())
    }

    /// Reads once from one side, after an event or to try, and writes it to the other; whether there was something.
    fn forward(&mut self, id: u64, event: bool) -> Result<bool> {
        let (Some(from), Some(to)) = (self.sides.get(&id), self.sides.get(&(id ^ 1))) else {
            return Ok(false);
        };
        let mut bytes = [0; 128];
        match from.stream.recv(&mut bytes, RecvFlags::DONTWAIT) {
            Err(Errno::EAGAIN) => {
                sometimes!("an event without data", event);
                Ok(false)
            }
            Ok(n) if n > 0 && to.stream.write_all(&bytes[..n]).is_ok() => {
                if event && let Some(side) = self.sides.get_mut(&id) {
                    side.armed = false;
                }
                Ok(true)
            }
            _ => {
                self.sides.remove(&id);
                self.sides.remove(&(id ^ 1));
                Ok(false)
            }
        }
    }

    /// Asks for the next event, unless it has been asked for.
    fn arm(&mut self, id: u64) -> Result<()> {
        if let Some(side) = self.sides.get_mut(&id).filter(|side| !side.armed) {
            self.epoll.modify(side.stream.fd(), Events::IN | Events::ONESHOT, id)?;
            side.armed = true;
        }
        Ok(())
    }
}

fn proxy<K: Kernel>(k: K, upstream: SocketAddr, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut proxy = Proxy { epoll, sides: BTreeMap::new(), defect };
    let mut last = 0;
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = wait(&proxy.epoll, &mut events)?;
        for event in &events[..n] {
            if event.data != LISTENER {
                proxy.event(event.data)?;
            } else if let Ok((client, _)) = listener.accept() {
                last += 2;
                proxy.open(last, client)?;
                proxy.open(last + 1, connect(k, upstream))?;
            }
        }
    }
}

/// Answers each line with the same line.
fn echo<K: Kernel>(k: K, stream: &TcpStream<K>) -> Result<()> {
    let mut lines = Lines::default();
    while let Some(line) = lines.read(stream)? {
        pause(k, "work", Duration::from_micros(200));
        stream.write_all(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}

/// Has some questions under way at a time, and wants their answers in order.
fn ask<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    let mut lines = Lines::default();
    for round in 0..6 {
        let questions: Vec<String> =
            (0..choose("questions", 1, 4)).map(|at| format!("question {round}.{at}")).collect();
        for question in &questions {
            if stream.write_all(format!("{question}\n").as_bytes()).is_err() {
                return fail("O1", "wrong reply", "the proxy hung up".to_owned());
            }
            pause(k, "think", Duration::from_micros(300));
        }
        for question in questions {
            match lines.read(&stream) {
                Ok(Some(answer)) if answer == question => {}
                other => {
                    return fail("O1", "wrong reply", format!("{question:?} was answered by {other:?}"));
                }
            }
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    // The questions of one round fit: both clients and proxy write before they read.
    sim.knobs().tight_buffer_min = 64;
    let (back, front) = (sim.host("upstream"), sim.host("proxy"));
    let (upstream_at, address) = (sim.address(back, UPSTREAM_PORT), sim.address(front, PORT));
    sim.server(back, "upstream", |k| sessions(k, UPSTREAM_PORT, echo).unwrap());
    sim.server(front, "proxy", move |k| proxy(k, upstream_at, defect).unwrap());
    clients(sim, 3, move |k| ask(k, address));
}
