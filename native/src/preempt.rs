//! Preemption between calls: the callbacks of code that was compiled for it (`cargo preempt`, LLVM's SanitizerCoverage) at each
//! edge, load and store. They count; after a chosen number of them another thread runs. Virtual time passes with them, so a
//! loop that waits for another thread without a call comes to an end. Code that was not compiled so makes none of them.
//!
//! The simulator's own packages, std and what C code there is are never compiled so.

use crate::context::{self, Context};
use eagain_sim::native;
use std::cell::Cell;

/// So many callbacks are one choice: whether, and at which of them, the thread loses the processor.
const SLICE: u32 = native::PREEMPT_SLICE as u32;

/// Where a thread is between two choices.
#[derive(Default)]
pub struct Counter {
    /// Callbacks to the next decision; 0 at the beginning.
    left: Cell<u32>,
    /// Callbacks since the last.
    taken: Cell<u32>,
    /// How many are left of the slice after a preemption.
    rest: Cell<u32>,
    /// How long the thread loses the processor at the next decision, in nanoseconds.
    off: Cell<u64>,
}

#[inline(always)]
fn tick() {
    let Some(context) = context::current() else { return };
    match context.counter.left.get() {
        0 | 1 => decide(context),
        left => context.counter.left.set(left - 1),
    }
}

#[cold]
#[inline(never)]
fn decide(context: &Context) {
    let counter = &context.counter;
    let (taken, off) = (counter.taken.get(), counter.off.take());
    if taken > 0 {
        context.as_harness(|| native::compute(taken.into(), off));
    }
    let rest = counter.rest.take();
    let next = if rest > 0 {
        rest
    } else {
        let (at, off) = context.as_harness(native::choose_preemption);
        counter.off.set(off);
        counter.rest.set(if at == 0 { 0 } else { SLICE - at as u32 });
        if at == 0 { SLICE } else { at as u32 }
    };
    counter.left.set(next);
    counter.taken.set(next);
}

macro_rules! callbacks {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name($($argument: $type),*) {
                $(let _ = $argument;)*
                tick();
            }
        )*
    };
}

callbacks! {
    __sanitizer_cov_trace_pc();
    __sanitizer_cov_load1(address: *const u8);
    __sanitizer_cov_load2(address: *const u8);
    __sanitizer_cov_load4(address: *const u8);
    __sanitizer_cov_load8(address: *const u8);
    __sanitizer_cov_load16(address: *const u8);
    __sanitizer_cov_store1(address: *const u8);
    __sanitizer_cov_store2(address: *const u8);
    __sanitizer_cov_store4(address: *const u8);
    __sanitizer_cov_store8(address: *const u8);
    __sanitizer_cov_store16(address: *const u8);
}
