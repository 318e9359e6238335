//! The loop of a run: threads and events by turns, and the end of threads.

use crate::stack::{Engine, with};
use crate::world::{NONE, Next};

/// Whose turn it is, over and over.
#[inline(never)]
pub(crate) fn drive(engine: &mut Engine) {
    // Who has run, and whether it ended.
    let mut ran = None;
    loop {
        let next = with(|w| {
            if let Some((thread, ended)) = ran {
                if engine.is_stopped() {
                    w.beat();
                }
                if ended {
                    w.thread_ended(thread);
                }
                w.scheduler.stop();
            }
            let Next::Run(thread) = w.next() else { return None };
            let t = &mut w.scheduler[thread];
            crate::allocator::charge(t.process());
            Some((thread, t.take_body()))
        });
        if let Some((thread, body)) = next {
            ran = Some((thread, engine.resume(thread as usize, body)));
            continue;
        }
        ran = None;
        let condemned = with(|w| w.scheduler.take_condemned());
        if condemned.is_empty() {
            return;
        }
        for thread in condemned {
            end_thread(engine, thread);
        }
    }
}

/// Unwinds one thread; its drops make calls that have no effect.
pub(crate) fn end_thread(engine: &mut Engine, thread: u32) {
    let body = with(|w| {
        w.scheduler.begin_unwinding(thread);
        w.scheduler[thread].take_body()
    });
    drop(body);
    engine.kill(thread as usize);
    with(|w| {
        w.thread_ended(thread);
        w.scheduler.end_unwinding();
    });
}

/// Drops the signal handlers, which may hold the last reference to what makes calls when it is dropped.
pub(crate) fn drop_handlers() {
    let handlers: Vec<_> = with(|w| {
        w.scheduler.begin_unwinding(NONE);
        w.processes.iter_mut().map(|process| process.signals.take_actions()).collect()
    });
    drop(handlers);
    with(|w| w.scheduler.end_unwinding());
}
