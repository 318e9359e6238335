//! A wake-up between the look and the wait (memcached 2022): whoever stops the logger sets a flag and signals the
//! condition without holding its mutex. The logger has seen the flag unset and does not wait yet: nobody is woken, and
//! the join never returns. Repaired: the flag is set under the mutex.

use eagain_net::sync::{Condvar, Mutex};
use eagain_net::*;
use eagain_sim::{Sim, always, choose, sometimes};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

crate::bugs::planted!(
    "condvar-signal-without-mutex",
    "B63",
    'm',
    ["O6", "O14"],
    "a stop flag is set without the mutex, and its signal comes before the wait"
);

struct Logger<K: Kernel> {
    entries: Mutex<K, Vec<u32>>,
    changed: Condvar<K>,
    stop: AtomicBool,
}

impl<K: Kernel> Logger<K> {
    /// The logger thread: writes entries until it is stopped; how many it wrote, and how long it was idle.
    fn run(&self, k: K) -> (usize, Duration) {
        let (mut written, mut idle) = (0, Duration::ZERO);
        let mut entries = self.entries.lock();
        loop {
            if !entries.is_empty() {
                let batch = std::mem::take(&mut *entries);
                drop(entries);
                written += batch.len();
                sleep(k, Duration::from_micros(20));
                entries = self.entries.lock();
                continue;
            }
            if self.stop.load(SeqCst) {
                return (written, idle);
            }
            let from = now(k);
            entries = self.changed.wait(entries);
            idle += now(k) - from;
        }
    }

    fn log(&self, entry: u32) {
        self.entries.lock().push(entry);
        self.changed.notify_one();
    }

    fn stop(&self, defect: bool) {
        if defect {
            self.stop.store(true, SeqCst);
        } else {
            let _entries = self.entries.lock();
            self.stop.store(true, SeqCst);
        }
        self.changed.notify_one();
    }
}

fn program<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let logger = Arc::new(Logger {
        entries: Mutex::new(k, Vec::new()),
        changed: Condvar::new(k),
        stop: AtomicBool::new(false),
    });
    let its_own = logger.clone();
    let thread = thread::spawn(k, "logger", move || its_own.run(k))?;
    let entries = choose("entries", 0, 8) as u32;
    for entry in 0..entries {
        logger.log(entry);
        sleep(k, Duration::from_micros(choose("between", 1, 50)));
    }
    logger.stop(defect);
    let (written, idle) = thread.join().unwrap_or_default();
    always("every entry is written", written == entries as usize, || format!("{written} of {entries}"));
    sometimes!("the logger was idle", !idle.is_zero());
    Ok(())
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    sim.client(host, "server", move |k| program(k, defect).unwrap());
}
