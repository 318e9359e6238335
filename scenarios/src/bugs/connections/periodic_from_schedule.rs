//! A periodic task that is planned from its schedule (Redis 2016): the next time is the last planned one and the period. A task that
//! takes longer than its period is due again when it ends, and the pass over the timers never ends. Repaired: planned from the
//! moment at which the task ended.

use crate::bugs::common::{Lines, PORT, clients, listen, retry_when_full, visit};
use crate::bugs::common_services::echo_once;
use crate::bugs::common_turns::Turn;
use eagain_net::*;
use eagain_sim::{Sim, choose};
use std::collections::BTreeMap;
use std::time::Duration;

crate::bugs::planted!(
    "periodic-from-schedule",
    "B47",
    'j',
    ["O6", "O13"],
    "a periodic task that takes longer than its period is due again at once, for ever"
);

const LISTENER: u64 = 0;
const PERIOD: Duration = Duration::from_millis(10);
/// Runs of one task that nobody has in a turn.
const TOO_MANY: u64 = 4;

/// Tasks by when they are due.
struct Timers {
    tasks: BTreeMap<(Instant, u64), Duration>,
    turn: Turn,
    defect: bool,
}

impl Timers {
    /// Runs what is due: a task, the table that it walks through, takes a fixed time.
    fn run<K: Kernel>(&mut self, k: K) {
        while let Some(first) = self.tasks.first_entry()
            && first.key().0 <= now(k)
        {
            let ((due, task), takes) = first.remove_entry();
            self.turn.give(task, 1);
            sleep(k, takes);
            let from = if self.defect { due } else { now(k) };
            self.tasks.insert((from + PERIOD, task), takes);
        }
    }
}

/// Answers lines, and does its periodic work.
fn serve<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let listener = listen(k)?;
    let epoll = retry_when_full(k, || Epoll::new(k))?;
    epoll.add(listener.fd(), Events::IN, LISTENER)?;
    let takes = Duration::from_micros(choose("a task takes", 10, 15_000));
    let tasks = BTreeMap::from([((now(k) + PERIOD, 0), takes)]);
    let mut timers = Timers { tasks, turn: Turn::of(TOO_MANY, "runs"), defect };
    let mut streams = BTreeMap::new();
    let mut last = LISTENER;
    let mut events = [EpollEvent::default(); 16];
    loop {
        let timeout = timers.tasks.keys().next().map(|&(due, _)| due - now(k));
        let n = match epoll.wait(&mut events, timeout) {
            Err(Errno::EINTR) => 0,
            n => n?,
        };
        timers.turn.begin();
        for event in &events[..n] {
            if event.data == LISTENER {
                if let Ok((stream, _)) = listener.accept_nonblocking() {
                    last += 1;
                    epoll.add(stream.fd(), Events::IN, last)?;
                    streams.insert(last, (stream, Lines::default()));
                }
                continue;
            }
            let Some((stream, lines)) = streams.get_mut(&event.data) else { continue };
            if !echo_once(k, stream, lines, Duration::from_micros(100))? {
                streams.remove(&event.data);
            }
        }
        timers.run(k);
    }
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    let address = sim.address(host, PORT);
    sim.server(host, "server", move |k| serve(k, defect).unwrap());
    clients(sim, 3, move |k| visit(k, address, "O1", "no reply"));
}
