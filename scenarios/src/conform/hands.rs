//! Running a program by one thread, or by two that hand it over after each call: then signals and masks belong to
//! different threads, and descriptors to both. What runs is still one call at a time, so the logs can be compared.

use super::call::Call;
use super::compare::Log;
use super::machine::{Calls, Machine};
use eagain_net::FutexTimeout;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

/// How many threads run a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hands {
    /// One.
    #[default]
    One,
    /// Two, a call each in turn.
    Two,
}

/// What the threads share.
struct Table<K: Calls> {
    /// Whose turn it is: the number of the call that comes next.
    turn: AtomicU32,
    state: Mutex<(Machine<K>, Log)>,
    calls: Vec<Call>,
}

/// Runs a program; what each call came to.
pub fn run<K: Calls>(mut machine: Machine<K>, calls: &[Call], hands: Hands) -> Log {
    if hands == Hands::One {
        let log = calls.iter().map(|call| machine.step(call)).collect();
        machine.finish();
        return log;
    }
    let k = machine.kernel();
    let table = Arc::new(Table {
        turn: AtomicU32::new(0),
        state: Mutex::new((machine, Log::new())),
        calls: calls.to_vec(),
    });
    let other = table.clone();
    let thread = k.spawn("other", Box::new(move || hand(k, &other, 1)));
    hand(k, &table, 0);
    if let Ok(thread) = thread {
        let _ = k.join(thread);
    }
    let (machine, log) = &mut *table.state.lock().unwrap_or_else(PoisonError::into_inner);
    machine.finish();
    std::mem::take(log)
}

/// Makes every second call.
fn hand<K: Calls>(k: K, table: &Table<K>, me: u32) {
    loop {
        let turn = table.turn.load(SeqCst);
        let Some(call) = table.calls.get(turn as usize) else { break };
        if turn % 2 != me {
            let _ = k.futex_wait(&table.turn, turn, FutexTimeout::Never);
            continue;
        }
        // Nobody else holds it: it is this thread's turn.
        let mut state = table.state.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = state.0.step(call);
        state.1.push(outcome);
        drop(state);
        table.turn.store(turn + 1, SeqCst);
        let _ = k.futex_wake(&table.turn, 1);
    }
    let _ = k.futex_wake(&table.turn, 1);
}
