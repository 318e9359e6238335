//! Two loops that retry the same requests (seastar's linux-aio backend 2025): what a device refuses for want of room goes onto a
//! list, which a loop submits again; a marker says that the loop runs. The stop takes the marker out to wait for the loop, and a
//! completion that queues another retry meanwhile starts a second one: both submit the same requests, which complete twice.
//! Repaired: the marker stays until the loop has ended.

use eagain_net::sync::{Condvar, Mutex, Queue, TryPushError};
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "second-retry-loop",
    "B62",
    'l',
    ["O12", "O14", "O6"],
    "a stop takes out the marker of a loop that runs, and a second loop is started"
);

/// How many requests the device takes at a time.
const DEPTH: usize = 4;
/// How long a loop leaves a full device alone.
const PAUSE: Duration = Duration::from_micros(50);

#[derive(Default)]
struct State {
    /// Requests without a completion, and how many others follow each.
    open: BTreeMap<u64, u64>,
    last: u64,
    /// What the device has refused.
    retries: VecDeque<u64>,
    /// The marker: a loop runs.
    loop_runs: bool,
}

struct Storage<K: Kernel> {
    kernel: K,
    device: Queue<K, u64>,
    state: Mutex<K, State>,
    changed: Condvar<K>,
}

impl<K: Kernel> Storage<K> {
    /// A new request, behind which so many others are made.
    fn submit(self: &Arc<Self>, follow: u64) -> Result<()> {
        let mut state = self.state.lock();
        state.last += 1;
        let request = state.last;
        state.open.insert(request, follow);
        if let Err(TryPushError::Full(request)) = self.device.try_push(request) {
            state.retries.push_back(request);
            if !std::mem::replace(&mut state.loop_runs, true) {
                let storage = self.clone();
                thread::spawn(self.kernel, "retries", move || storage.retry())?;
            }
        }
        Ok(())
    }

    /// The loop: submits again what was refused, a batch at a time.
    fn retry(&self) {
        loop {
            let mut state = self.state.lock();
            let batch: Vec<u64> = state.retries.iter().take(DEPTH).copied().collect();
            if batch.is_empty() {
                state.loop_runs = false;
                self.changed.notify_all();
                return;
            }
            drop(state);
            // The call that submits takes a while, and the list goes on meanwhile.
            let taken = batch.iter().take_while(|&&request| self.device.try_push(request).is_ok()).count();
            let mut state = self.state.lock();
            let known = taken.min(state.retries.len());
            state.retries.drain(..known);
            drop(state);
            if taken < batch.len() {
                sleep(self.kernel, PAUSE);
            }
        }
    }

    /// A request has completed.
    fn completed(self: &Arc<Self>, request: u64) -> Result<()> {
        let follow = self.state.lock().open.remove(&request);
        let Some(follow) = follow else {
            fail("O12", "completed twice", format!("request {request} has completed before"));
            return Ok(());
        };
        for _ in 0..follow {
            self.submit(0)?;
        }
        self.changed.notify_all();
        Ok(())
    }

    /// Waits for the loop, and for all requests.
    fn stop(&self, defect: bool) {
        let mut state = self.state.lock();
        sometimes!("stopped while the loop ran", state.loop_runs);
        if defect {
            state.loop_runs = false;
        }
        while state.loop_runs || !state.open.is_empty() {
            state = self.changed.wait(state);
        }
    }
}

/// Makes requests, and stops once they are made.
fn program<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let (state, changed) = (Mutex::new(k, State::default()), Condvar::new(k));
    let storage = Arc::new(Storage { kernel: k, device: Queue::new(k, DEPTH), state, changed });
    let completes = storage.clone();
    let device = thread::spawn(k, "device", move || {
        while let Some(request) = completes.device.pop() {
            sleep(k, Duration::from_micros(choose("work", 1, 100)));
            completes.completed(request)?;
        }
        Ok(())
    })?;
    for _ in 0..choose("requests", 1, 12) {
        storage.submit(choose("follow", 0, 2))?;
        sleep(k, Duration::from_micros(choose("between", 1, 60)));
    }
    storage.stop(defect);
    storage.device.close();
    device.join().unwrap_or(Ok(()))
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    sim.client(host, "server", move |k| program(k, defect).unwrap());
}
