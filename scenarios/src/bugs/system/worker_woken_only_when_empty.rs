//! A thread pool that wakes a worker only where its queue was empty (libuv 2015): of two jobs that are posted before the first
//! worker has woken, the second wakes nobody. The worker takes the first job and is busy with it, the others sleep; where the
//! first job waits for the second, both wait for ever. Repaired: a job wakes a worker as long as one is idle.

use crate::bugs::common_later::Later;
use eagain_net::sync::{Condvar, Mutex};
use eagain_net::*;
use eagain_sim::{Sim, always, choose, sometimes};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

crate::bugs::planted!(
    "worker-woken-only-when-empty",
    "B66",
    'm',
    ["O6", "O13"],
    "a job that is posted behind another wakes no worker"
);

const WORKERS: usize = 3;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Jobs {
    queue: VecDeque<Job>,
    /// Workers that wait for one.
    idle: usize,
    closed: bool,
}

struct Pool<K: Kernel> {
    jobs: Mutex<K, Jobs>,
    posted: Condvar<K>,
    defect: bool,
}

impl<K: Kernel> Pool<K> {
    fn post(&self, job: Job) {
        let mut jobs = self.jobs.lock();
        sometimes!("a job was posted behind another", !jobs.queue.is_empty());
        let wakes = if self.defect { jobs.queue.is_empty() } else { jobs.idle > 0 };
        jobs.queue.push_back(job);
        drop(jobs);
        if wakes {
            self.posted.notify_one();
        }
    }

    fn close(&self) {
        self.jobs.lock().closed = true;
        self.posted.notify_all();
    }

    /// A worker: does jobs until the pool is closed.
    fn work(&self) {
        let mut jobs = self.jobs.lock();
        loop {
            if let Some(job) = jobs.queue.pop_front() {
                drop(jobs);
                job();
                jobs = self.jobs.lock();
            } else if jobs.closed {
                return;
            } else {
                jobs.idle += 1;
                jobs = self.posted.wait(jobs);
                jobs.idle -= 1;
            }
        }
    }
}

/// Posts a job that sums what other jobs fetch, again and again.
fn program<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let pool = Arc::new(Pool { jobs: Mutex::new(k, Jobs::default()), posted: Condvar::new(k), defect });
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let pool = pool.clone();
            thread::spawn(k, "worker", move || pool.work())
        })
        .collect::<Result<_>>()?;
    for round in 0..choose("rounds", 1, 8) {
        let parts: Vec<_> = (0..choose("parts", 1, 3)).map(|_| Later::<K, u64>::new(k)).collect();
        let (sum, fetched) = (Later::<K, u64>::new(k), parts.clone());
        let summed = sum.clone();
        pool.post(Box::new(move || summed.set(fetched.iter().map(|part| part.get()).sum())));
        for (part, number) in parts.iter().zip(round..) {
            let part = part.clone();
            pool.post(Box::new(move || {
                sleep(k, Duration::from_micros(choose("fetch", 1, 200)));
                part.set(number);
            }));
        }
        let wanted: u64 = (round..).take(parts.len()).sum();
        let got = sum.get();
        always("the sum is right", got == wanted, || format!("{got}, not {wanted}"));
        sleep(k, Duration::from_micros(choose("between", 1, 500)));
    }
    pool.close();
    for worker in workers {
        worker.join();
    }
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    sim.client(host, "server", move |k| program(k, defect).unwrap());
}
