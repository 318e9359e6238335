//! Running a program by one thread, or by two: `hand` in its text says that the other one goes on. Then signals, masks and
//! rings belong to one of them, and descriptors to both. What runs is still one call at a time, so the logs can be
//! compared.
//!
//! A signal for the thread that waits is handled by it at once, while the other one goes on: so after each call of a
//! program about signals the waiting thread has a turn, in which nothing is done but what a signal makes it do.

use super::call::{Call, Op};
use super::machine::{Calls, Machine, await_handlers};
use super::outcome::Log;
use super::signals::unmasked;
use eagain_net::FutexTimeout;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

/// What the threads share.
struct Table<K: Calls> {
    /// Which turn it is. Turn 0 is the second thread's, to say who it is. Then each call has two: the one in which it
    /// is made, and one for the other thread.
    turn: AtomicU32,
    state: Mutex<(Machine<K>, Log)>,
    calls: Vec<Call>,
    /// Whose calls they are.
    whose: Vec<u32>,
    /// The program is about signals.
    signals: bool,
}

/// Whether a program is run by two threads.
pub fn has_two_threads(calls: &[Call]) -> bool {
    calls.iter().any(|call| call.op == Op::Hand)
}

/// Runs a program; what each call came to.
pub fn run<K: Calls>(mut machine: Machine<K>, calls: &[Call]) -> Log {
    let k = machine.kernel();
    unmasked(k);
    machine.threads.push(k.gettid());
    if !has_two_threads(calls) {
        let log = calls.iter().map(|call| machine.step(call)).collect();
        machine.finish();
        return log;
    }
    let mut hand = 0;
    let whose = calls.iter().map(|call| {
        let whose = hand;
        hand ^= u32::from(call.op == Op::Hand);
        whose
    });
    let table = Arc::new(Table {
        turn: AtomicU32::new(0),
        state: Mutex::new((machine, Log::new())),
        calls: calls.to_vec(),
        whose: whose.collect(),
        signals: calls.iter().any(|call| call.op.is_about_signals()),
    });
    let other = table.clone();
    let thread = k.spawn("other", Box::new(move || other.go(k, 1)));
    table.go(k, 0);
    if let Ok(thread) = thread {
        let _ = k.join(thread);
    }
    let (machine, log) = &mut *table.state.lock().unwrap_or_else(PoisonError::into_inner);
    machine.finish();
    std::mem::take(log)
}

impl<K: Calls> Table<K> {
    /// Whose turn it is; `None` at the end.
    fn owner(&self, turn: u32) -> Option<u32> {
        match turn {
            0 => Some(1),
            _ if turn % 2 == 1 => self.whose.get(turn as usize / 2).copied(),
            _ => self.whose.get(turn as usize / 2 - 1).map(|owner| owner ^ 1),
        }
    }

    /// One thread's part.
    fn go(&self, k: K, me: u32) {
        loop {
            let turn = self.turn.load(SeqCst);
            match self.owner(turn) {
                None => break,
                Some(owner) if owner != me => {
                    let _ = k.futex_wait(&self.turn, turn, FutexTimeout::Never);
                }
                Some(_) => {
                    let next = self.take(k, turn);
                    self.turn.store(next, SeqCst);
                    if self.owner(next) != Some(me) {
                        let _ = k.futex_wake(&self.turn, 1);
                    }
                }
            }
        }
    }

    /// Takes a turn; which one is next.
    fn take(&self, k: K, turn: u32) -> u32 {
        // Nobody else holds it: it is this thread's turn.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match turn {
            0 => {
                unmasked(k);
                state.0.threads.push(k.gettid());
            }
            _ if turn % 2 == 1 => {
                let outcome = state.0.step(&self.calls[turn as usize / 2]);
                state.1.push(outcome);
                return if self.signals { turn + 1 } else { turn + 2 };
            }
            _ => {
                let _ = k.sigpending();
                await_handlers::<K>();
            }
        }
        turn + 1
    }
}
