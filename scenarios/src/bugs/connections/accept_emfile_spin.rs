//! `accept` at the descriptor limit (Bun 2026, nginx 2012 and many others): `EMFILE` leaves the connection in the queue,
//! the level-triggered listener stays readable, and the loop turns at full speed. Repaired: the listener is taken out of
//! the set and looked at again a little later.

use crate::bugs::common::{allow, clients, listen, retry_when_full, visit};
use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, sometimes};
use std::collections::BTreeMap;
use std::time::Duration;

crate::bugs::planted!(
    "accept-emfile-spin",
    "B26",
    'f',
    ["O3", "O10"],
    "at the descriptor limit a level-triggered listener keeps the loop turning"
);

/// How long a repaired server leaves the listener alone.
const BREATHER: Duration = Duration::from_millis(10);
const LISTENER: u64 = 0;

/// Answers each line with the same line.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    // With what is still to be sent: who waits to write and does not read, hangs with a client that does the same.
    let mut streams: BTreeMap<u64, (TcpStream<K>, Vec<u8>)> = BTreeMap::new();
    let mut last = LISTENER;
    let mut resume: Option<Instant> = None;
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = match epoll.wait(&mut events, resume.map(|at| at - now(k))) {
            Err(Errno::EINTR) => continue,
            n => n?,
        };
        if resume.is_some_and(|at| now(k) >= at) {
            resume = None;
            epoll.modify(listener.fd(), Events::IN, LISTENER)?;
        }
        for event in &events[..n] {
            if event.data == LISTENER {
                match listener.accept_nonblocking() {
                    Ok((stream, _)) => {
                        last += 1;
                        epoll.add(stream.fd(), Events::IN, last)?;
                        streams.insert(last, (stream, Vec::new()));
                    }
                    Err(Errno::EMFILE) => {
                        sometimes!("accept met EMFILE", true);
                        if !defect {
                            epoll.modify(listener.fd(), Events::NONE, LISTENER)?;
                            resume = Some(now(k) + BREATHER);
                        }
                    }
                    Err(Errno::EAGAIN | Errno::ECONNABORTED) => {}
                    Err(errno) => return Err(errno),
                }
                continue;
            }
            let Some((stream, pending)) = streams.get_mut(&event.data) else { continue };
            let waited = !pending.is_empty();
            if !echo(stream, pending)? {
                streams.remove(&event.data);
            } else if waited == pending.is_empty() {
                let wanted = if waited { Events::IN } else { Events::IN | Events::OUT };
                epoll.modify(stream.fd(), wanted, event.data)?;
            }
        }
    }
}

/// Reads once, and sends what can be sent. `false`: the peer has ended.
fn echo<K: Kernel>(stream: &TcpStream<K>, pending: &mut Vec<u8>) -> Result<bool> {
    let mut bytes = [0; 64];
    match stream.read(&mut bytes) {
        Ok(0) | Err(Errno::ECONNRESET) => return Ok(false),
        Ok(n) => pending.extend_from_slice(&bytes[..n]),
        Err(Errno::EAGAIN) => {}
        Err(errno) => return Err(errno),
    }
    while !pending.is_empty() {
        match stream.write(pending) {
            Ok(n) => drop(pending.drain(..n)),
            Err(Errno::EAGAIN) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(true)
}

fn build(sim: &mut Sim, defect: bool) {
    allow(sim, &[Family::FdLimit]);
    let host = sim.host("server");
    let address = sim.address(host, crate::bugs::common::PORT);
    let server = sim.server(host, "server", move |k| serve(k, defect).unwrap());
    // Listener and epoll set take two; the rest is for clients, of which there may be more.
    let fewer = sim.choose("fewer descriptors", 0, 5) as usize;
    sim.fd_limit(server, 8 - fewer);
    clients(sim, 4, move |k| visit(k, address, "O1", "no reply"));
}
