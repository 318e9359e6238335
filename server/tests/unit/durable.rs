//! The two sides of a durable storage, over a backend whose calls fail and wait as a test says.

use super::*;
use crate::storage_unit::keyspace::Lifetime;
use crate::storage_unit::{HashKey, Value};
use eagain_net::Linux;
use eagain_net::sync::{Condvar, MutexGuard};
use std::time::Duration;

/// What the calls do.
#[derive(Default)]
struct Plan {
    /// There is no room to append.
    is_full: bool,
    /// This call waits.
    waits: Option<&'static str>,
    /// Those that were made.
    calls: Vec<&'static str>,
}

/// The backend, and the test's hold on it.
#[derive(Clone)]
struct Scripted(Arc<(Mutex<Linux, Plan>, Condvar<Linux>)>);

/// A call that has not come by then never does.
const NEVER: Duration = Duration::from_secs(30);

impl Scripted {
    fn new() -> Scripted {
        Scripted(Arc::new((Mutex::new(Linux, Plan::default()), Condvar::new(Linux))))
    }

    fn plan(&self) -> MutexGuard<'_, Linux, Plan> {
        self.0.0.lock()
    }

    /// From now on this call waits, or none does.
    fn waits(&self, name: impl Into<Option<&'static str>>) {
        self.plan().waits = name.into();
        self.0.1.notify_all();
    }

    /// Until the call is made.
    #[track_caller]
    fn until(&self, name: &str) {
        let deadline = Linux.clock_gettime(ClockId::Monotonic) + NEVER;
        let mut plan = self.plan();
        while !plan.calls.contains(&name) {
            let late;
            (plan, late) = self.0.1.wait_deadline(plan, deadline);
            assert!(!late, "no {name} after {:?}", plan.calls);
        }
    }

    fn call(&self, name: &'static str) -> Result<(), Errno> {
        let mut plan = self.plan();
        plan.calls.push(name);
        self.0.1.notify_all();
        while plan.waits == Some(name) {
            plan = self.0.1.wait(plan);
        }
        if plan.is_full && name == "append" { Err(Errno::ENOSPC) } else { Ok(()) }
    }
}

impl NewPlace for Scripted {
    fn append(&mut self, _: &mut [u8]) -> Result<(), Errno> {
        self.call("append to the new place")
    }

    fn sync(&mut self) -> Result<(), Errno> {
        self.call("sync the new place")
    }
}

impl Backend for Scripted {
    const RESERVED_BYTES: usize = 0;
    const GROWS: bool = true;
    const OUTLIVES_PROCESS: bool = true;
    const REOPENS: bool = false;

    fn append(&mut self, _: &mut [u8]) -> Result<(), Errno> {
        self.call("append")
    }

    fn sync(&mut self) -> Result<(), Errno> {
        self.call("sync")
    }

    fn sync_apart(&mut self) -> Option<SyncCall> {
        let its = self.clone();
        Some(Box::new(move || its.call("sync")))
    }

    fn cut_back(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    fn load(&mut self, _: &mut Databases) -> Result<(), String> {
        Ok(())
    }

    fn probe(&mut self) -> Result<(), Errno> {
        Err(Errno::ENOSPC)
    }

    fn size(&self) -> u64 {
        0
    }

    type NewPlace = Scripted;

    fn rewrite_begin(&mut self, _: u64) -> Result<Scripted, Errno> {
        Ok(self.clone())
    }

    fn rewrite_finish(&mut self, _: Scripted) -> Result<(), Errno> {
        self.call("finish")
    }

    fn rewrite_abandon(&mut self, _: Scripted) {}

    fn close(&mut self) -> Result<(), Errno> {
        Ok(())
    }
}

fn start() -> (Durable<Linux>, Scripted) {
    let backend = Scripted::new();
    let (databases, policy) = (Databases::new(1, HashKey::from_seed(1)), SyncPolicy::EverySecond);
    let storage = Durable::start(Linux, "log", databases, backend.clone(), policy, 1, Log::default());
    (storage.unwrap(), backend)
}

/// A turn that writes.
fn write(storage: &mut Durable<Linux>, lifetime: Lifetime) -> Commit {
    storage.begin_turn();
    storage.databases().at(0).set(b"key", Value::string(b"value"), lifetime, 0);
    storage.commit()
}

/// A turn that finds no room.
#[track_caller]
fn fill(storage: &mut Durable<Linux>, backend: &Scripted) {
    backend.plan().is_full = true;
    let Commit::Pending(ticket) = write(storage, Lifetime::Until(10)) else {
        panic!("there was no room for it");
    };
    storage.wait().unwrap().wait(ticket);
    assert_eq!(storage.standing(ticket), Standing::Failed);
}

#[test]
fn what_is_written_once_there_is_room_is_synced_too() {
    let (mut storage, backend) = start();
    fill(&mut storage, &backend);
    backend.plan().is_full = false;
    // The one that succeeds comes half a second later, the sync a second after it, and nobody writes any more.
    backend.until("sync");
    storage.close().unwrap();
}

#[test]
fn a_read_that_finds_a_key_ended_is_answered_while_writes_are_refused() {
    let (mut storage, backend) = start();
    assert_eq!(write(&mut storage, Lifetime::Until(10)), Commit::Done);
    fill(&mut storage, &backend);
    storage.begin_turn();
    assert!(storage.databases().persistence.refusal.is_some());
    assert!(storage.databases().at(0).lookup(b"key", 20).is_none());
    assert_eq!(storage.commit(), Commit::Done);
    let _ = storage.close();
}

#[test]
fn a_turn_waits_for_no_sync_and_for_no_rewrite() {
    for call in ["sync", "append to the new place", "sync the new place"] {
        let (mut storage, backend) = start();
        backend.waits(call);
        assert_eq!(write(&mut storage, Lifetime::Forever), Commit::Done, "before {call}");
        storage.databases().persistence.wants_rewrite = call != "sync";
        storage.commit();
        backend.until(call);
        assert_eq!(write(&mut storage, Lifetime::Forever), Commit::Done, "during {call}");
        backend.waits(None);
        storage.close().unwrap();
    }
}
