//! Periodic events by the wall clock, planned from the last deadline (libevent 2009 to 2012): when the clock is set forwards, each
//! period that was skipped fires in a row; when it is set back, nothing fires until it is where it was. Repaired: planned by the
//! monotonic clock, from now.

use crate::bugs::common::{PORT, allow, clients, connect, listen, retry_when_full};
use eagain_net::*;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, fail};
use std::collections::BTreeMap;
use std::time::Duration;

crate::bugs::planted!(
    "catches-up-after-step",
    "B50",
    'j',
    ["O3", "O11"],
    "after a step of the wall clock a periodic event fires in a burst, or not for long"
);

const LISTENER: u64 = 0;
const PERIOD: Duration = Duration::from_millis(200);
/// The loop looks around at least so often.
const LOOK_AROUND: Duration = Duration::from_secs(1);
/// What faults may add to a period, far more than they do.
const SLACK: Duration = Duration::from_secs(3);
const BEATS: usize = 20;

/// A periodic event.
struct Beat {
    clock: ClockId,
    due: Instant,
    /// When it fired last, by the monotonic clock.
    last: Instant,
    number: u64,
    defect: bool,
}

impl Beat {
    fn new<K: Kernel>(k: K, defect: bool) -> Beat {
        let clock = if defect { ClockId::Realtime } else { ClockId::Monotonic };
        Beat { clock, due: k.clock_gettime(clock) + PERIOD, last: now(k), number: 0, defect }
    }

    fn timeout<K: Kernel>(&self, k: K) -> Duration {
        (self.due - k.clock_gettime(self.clock)).min(LOOK_AROUND)
    }

    /// Whether it fires now; it is late or early by the monotonic clock.
    fn fires<K: Kernel>(&mut self, k: K) -> bool {
        let since = now(k) - self.last;
        if since > PERIOD + SLACK {
            fail("O11", "timer late", format!("a beat every {PERIOD:?}, and none for {since:?}"));
        }
        let clock = k.clock_gettime(self.clock);
        if clock < self.due {
            return false;
        }
        if since < PERIOD / 2 {
            fail("O11", "timer early", format!("a beat every {PERIOD:?}, and two within {since:?}"));
        }
        self.due = if self.defect { self.due } else { clock } + PERIOD;
        self.last = now(k);
        self.number += 1;
        true
    }
}

/// Sends every subscriber a line at each beat; who has no room for it does without.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let mut streams: BTreeMap<u64, TcpStream<K>> = BTreeMap::new();
    let mut last = LISTENER;
    let mut beat = Beat::new(k, defect);
    let mut events = [EpollEvent::default(); 16];
    loop {
        let n = match epoll.wait(&mut events, Some(beat.timeout(k))) {
            Err(Errno::EINTR) => 0,
            n => n?,
        };
        for event in &events[..n] {
            if event.data != LISTENER {
                // A subscriber says nothing before it leaves.
                streams.remove(&event.data);
            } else if let Ok((stream, _)) = listener.accept_nonblocking() {
                last += 1;
                epoll.add(stream.fd(), Events::IN, last)?;
                streams.insert(last, stream);
            }
        }
        while beat.fires(k) {
            for stream in streams.values() {
                let _ = stream.write(b".");
            }
        }
    }
}

/// Takes a number of beats, and leaves.
fn subscribe<K: Kernel>(k: K, server: SocketAddr) {
    let stream = connect(k, server);
    let mut beats = [0; BEATS];
    let heard = stream.read_exact(&mut beats);
    if heard != Ok(true) || beats != [b'.'; BEATS] {
        fail("O2", "beats differ", format!("{heard:?}: {beats:?}"));
    }
}

fn build(sim: &mut Sim, defect: bool) {
    allow(sim, &[Family::ClockStep]);
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    clients(sim, 2, move |k| subscribe(k, address));
}
