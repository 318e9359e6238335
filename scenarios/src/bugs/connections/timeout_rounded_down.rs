//! A timeout that is rounded down (Redis 2021, libevent 2004): deadlines are kept in nanoseconds, the wait takes milliseconds. It
//! ends up to a millisecond early; nothing is due, the rest rounds to 0, and the loop turns at full speed until the deadline.
//! Repaired: rounded up.

use crate::bugs::common::{Lines, PORT, clients, listen, retry_when_full, visit};
use crate::bugs::common_services::write_short;
use eagain_net::*;
use eagain_sim::{Sim, choose};
use std::collections::BTreeMap;
use std::time::Duration;

crate::bugs::planted!(
    "timeout-rounded-down",
    "B46",
    'j',
    ["O3"],
    "the wait for a timer is cut to whole milliseconds, and the rest is spun away"
);

const LISTENER: u64 = 0;

/// What is to be done, by when.
struct Timers<K: Kernel> {
    kernel: K,
    waiting: BTreeMap<(Instant, u64), String>,
    defect: bool,
}

impl<K: Kernel> Timers<K> {
    /// How long to wait for the first, in whole milliseconds.
    fn timeout(&self) -> Option<Duration> {
        let rest = self.waiting.keys().next()?.0 - now(self.kernel);
        let nanos = rest.as_nanos() as u64;
        let millis = if self.defect { nanos / 1_000_000 } else { nanos.div_ceil(1_000_000) };
        Some(Duration::from_millis(millis))
    }

    /// The next that is due.
    fn due(&mut self) -> Option<((Instant, u64), String)> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= now(self.kernel)).then(|| first.remove_entry())
    }
}

/// Answers what it reads, each after a delay.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut timers = Timers { kernel: k, waiting: BTreeMap::new(), defect };
    let mut streams: BTreeMap<u64, (TcpStream<K>, Lines)> = BTreeMap::new();
    let mut last = LISTENER;
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = match epoll.wait(&mut events, timers.timeout()) {
            Err(Errno::EINTR) => continue,
            n => n?,
        };
        for event in &events[..n] {
            if event.data == LISTENER {
                if let Ok((stream, _)) = listener.accept_nonblocking() {
                    last += 1;
                    epoll.add(stream.fd(), Events::IN, last)?;
                    streams.insert(last, (stream, Lines::default()));
                }
                continue;
            }
            let mut bytes = [0; 64];
            let Some((stream, lines)) = streams.get_mut(&event.data) else { continue };
            match stream.read(&mut bytes) {
                Ok(n) if n > 0 => lines.feed(&bytes[..n]),
                Err(Errno::EAGAIN) => {}
                _ => drop(streams.remove(&event.data)),
            }
            while let Some(line) = streams.get_mut(&event.data).and_then(|(_, lines)| lines.next()) {
                let delay = Duration::from_micros(choose("delay", 0, 30_000));
                timers.waiting.insert((now(k) + delay, event.data), line);
            }
        }
        while let Some(((_, id), reply)) = timers.due() {
            // The client may have gone.
            if let Some((stream, _)) = streams.get(&id) {
                let _ = write_short(stream, &reply);
            }
        }
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    clients(sim, 3, move |k| visit(k, address, "O1", "no reply"));
}
