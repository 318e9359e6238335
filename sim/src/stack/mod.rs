//! Simulated threads as stackful coroutines: spawn, switch, kill; and the one cell through which a call finds its
//! world. The only unsafe code of the simulator besides the allocator; what runs on these stacks, and when, is decided
//! in `crate::world`.
//!
//! Invariants that the unsafe blocks rely on:
//! - One OS thread runs one world at a time; a coroutine is resumed only by the engine that made it, on that thread.
//! - `WORLD` is null, or points to the world that [`enter`] borrows mutably; [`with`] takes the pointer out while it
//!   is in use, so that there is never a second reference.
//! - `YIELDER` is that of the running coroutine: set when one starts and again each time one comes back.
//! - A thread with thread-local storage of its own has its own copy of these cells, set when it starts. Its `WORLD` is that of
//!   the `enter` around every resume; [`Engine::kill`] may be within another one, and sets it again.
#![allow(unsafe_code)]

pub(crate) mod fatal;
pub(crate) mod machine;
mod memory;
pub(crate) mod native;
pub(crate) mod stop;
mod storage;

use crate::allocator::Accounts;
use crate::world::{Recycled, World};
use corosensei::stack::Stack as _;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use eagain_net::ThreadBody;
use memory::{Memories, Memory};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
pub use storage::Block;
use storage::{Blocks, OnBlock};

thread_local! {
    static WORLD: Cell<*mut World> = const { Cell::new(null_mut()) };
    /// A coroutine runs. Together with `WORLD` (null while the harness is at work) this says who allocates.
    static IN_PROGRAM: Cell<bool> = const { Cell::new(false) };
    static YIELDER: Cell<*const Yielder<(), ()>> = const { Cell::new(null()) };
    static KILLED: Cell<Kill> = const { Cell::new(Kill::No) };
    /// The run is asked for the stacks of its threads.
    static KEEPS_STACKS: Cell<bool> = const { Cell::new(false) };
}

/// Whether the running thread was killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kill {
    No,
    /// It was.
    Asked,
    /// And its stack is unwound because of that.
    Unwinds,
}

#[cfg(not(panic = "unwind"))]
compile_error!("eagain-sim ends simulated threads by unwinding: build with panic = \"unwind\"");

/// Bytes of a simulated thread's stack. Touched pages only are real; a debug build needs several times what a
/// release build does.
const STACK_BYTES: usize = 2 * 1024 * 1024;

type Stack = Coroutine<(), (), (), Memory>;

/// Makes `world` the current one for the time of `f`.
pub(crate) fn enter<R>(world: &mut World, f: impl FnOnce() -> R) -> R {
    struct Leave(*mut World);
    impl Drop for Leave {
        fn drop(&mut self) {
            WORLD.set(self.0);
        }
    }
    let _leave = Leave(WORLD.replace(world));
    f()
}

/// Whether a world is current on this OS thread.
pub(crate) fn inside() -> bool {
    !WORLD.get().is_null()
}

/// Whether the code of a simulated program runs on this OS thread, and not the harness.
#[inline]
pub(crate) fn runs_a_program() -> bool {
    IN_PROGRAM.try_with(Cell::get).unwrap_or(false)
        && WORLD.try_with(|world| !world.get().is_null()).unwrap_or(false)
}

/// The current world, for the time of `f`. `f` must not make simulated calls.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&mut World) -> R) -> R {
    struct Restore(*mut World);
    impl Drop for Restore {
        #[inline]
        fn drop(&mut self) {
            WORLD.set(self.0);
        }
    }
    let world = WORLD.replace(null_mut());
    let _restore = Restore(world);
    assert!(
        !world.is_null(),
        "a SimKernel call outside a simulated thread: make it inside a process of a scenario"
    );
    // SAFETY: the pointer came from the exclusive borrow that `enter` holds, and was taken out of the cell, so that no
    // other reference is made before it is put back.
    f(unsafe { &mut *world })
}

/// Leaves the running simulated thread until the engine resumes it.
#[inline]
pub(crate) fn suspend() {
    let yielder = YIELDER.get();
    assert!(!yielder.is_null(), "suspended outside a simulated thread");
    if KEEPS_STACKS.get() {
        keep_stack();
    }
    // SAFETY: it belongs to the coroutine that is running on this very stack, so it lives at least as long as this frame.
    unsafe { (*yielder).suspend(()) };
    YIELDER.set(yielder);
    if KILLED.get() != Kill::No {
        unwind_if_killed();
    }
}

#[cold]
fn keep_stack() {
    with(|w| w.run.suspends(w.scheduler.current()));
}

/// What unwinds a killed thread.
struct Killed;

/// Unwinds the running thread, which was killed where it is suspended. A drop that runs because of a panic, or at the end of
/// the thread, cannot be left so: it goes on, and the calls that it makes have no effect.
#[cold]
fn unwind_if_killed() {
    if KILLED.get() == Kill::Asked && !std::thread::panicking() && !storage::is_ending() {
        KILLED.set(Kill::Unwinds);
        resume_unwind(Box::new(Killed));
    }
}

/// A killed thread that makes calls without end is left where it is; `false`: it was not killed, or has no stack of its own.
pub(crate) fn give_up_killed() -> bool {
    if KILLED.get() != Kill::No {
        pause_for_ever();
    }
    false
}

/// Leaves the running simulated thread for good: the run is over for it.
pub(crate) fn pause_for_ever() -> ! {
    loop {
        suspend();
    }
}

/// What runs worlds on one OS thread, one after the other. Its stacks, and the memory of worlds, are used again.
pub struct Engine {
    /// By thread.
    running: Vec<Running>,
    pool: Memories,
    thread_pointers: bool,
    free: Blocks,
    heartbeat: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    /// Of the last world.
    pub(crate) recycled: Recycled,
    /// How the next run is guided, where it is.
    pub(crate) guide: Option<crate::choice::Mix>,
}

/// What a thread runs on, in one place: each switch to it reads all of it.
#[derive(Default)]
struct Running {
    stack: Option<Stack>,
    /// The lowest address of that, guard pages included.
    limit: usize,
    /// Its thread-local storage.
    block: Option<Block>,
    /// Its thread pointer, where it has one of its own.
    own: Option<native::Own>,
}

impl Default for Engine {
    fn default() -> Engine {
        Engine::new()
    }
}

impl Engine {
    /// An engine for this OS thread.
    pub fn new() -> Engine {
        fatal::install();
        Engine {
            running: Vec::new(),
            pool: Memories::default(),
            thread_pointers: false,
            free: Blocks::default(),
            heartbeat: Arc::default(),
            stop: Arc::default(),
            recycled: Recycled::default(),
            guide: None,
        }
    }

    /// An engine whose threads may have a thread pointer of their own: see [`crate::native`].
    pub fn with_thread_pointers() -> Engine {
        Engine { thread_pointers: native::support(), ..Engine::new() }
    }

    /// Takes the stacks out of `other`, to be given back with another `take`.
    pub(crate) fn take(other: &mut Engine) -> Engine {
        Engine {
            running: std::mem::take(&mut other.running),
            pool: std::mem::take(&mut other.pool),
            thread_pointers: other.thread_pointers,
            free: std::mem::take(&mut other.free),
            heartbeat: other.heartbeat.clone(),
            stop: other.stop.clone(),
            recycled: std::mem::take(&mut other.recycled),
            guide: other.guide.take(),
        }
    }

    /// Counts up at every switch between simulated threads, and now and then while one makes calls: a watchdog sees by it
    /// whether a run still makes calls.
    pub fn heartbeat(&self) -> Arc<AtomicU64> {
        self.heartbeat.clone()
    }

    /// Set from another thread, it ends the run that is under way.
    pub fn stop(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// Whether the run is to end.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// Runs `thread` until it suspends or ends; `true`: it ended. `body` is what it runs, the first time.
    #[inline(always)] // its one caller is the run loop
    pub(crate) fn resume(&mut self, thread: usize, body: Option<ThreadBody>) -> bool {
        // This thread alone writes: a load and a store, where an atomic addition would lock the line at every switch.
        self.heartbeat.store(self.heartbeat.load(Relaxed).wrapping_add(1), Relaxed);
        if let Some(body) = body {
            self.start(thread, body);
        }
        let Some(running) = self.running.get_mut(thread) else { return true };
        let Running { stack: Some(coroutine), limit, block, own } = running else { return true };
        fatal::watch(thread, *limit);
        IN_PROGRAM.set(true);
        let ended = if self.thread_pointers {
            native::resume(*own, coroutine)
        } else {
            go_on(block.as_ref(), coroutine)
        };
        IN_PROGRAM.set(false);
        if self.thread_pointers
            && let Some(changed) = native::take_changed()
        {
            *own = (changed.base != 0).then_some(changed);
        }
        if ended {
            self.recycle(thread);
        }
        ended
    }

    #[cold]
    fn start(&mut self, thread: usize, body: ThreadBody) {
        let stack = self.pool.take(self.thread_pointers).unwrap_or_else(|error| {
            panic!(
                "no memory map for the stack of simulated thread {thread}: {error} (see vm.max_map_count in proc(5))"
            )
        });
        let limit = stack.limit().get();
        // Unmodified programs bring blocks of their own.
        let block = if self.thread_pointers { None } else { self.free.take() };
        let has_block = block.is_some();
        let cells =
            Cells { world: WORLD.get(), running: (thread, limit), accounts: crate::allocator::accounts() };
        let coroutine = Coroutine::with_stack(stack, move |yielder, ()| {
            cells.set();
            YIELDER.set(yielder);
            // A killed thread may have panicked before.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(body))
                && !payload.is::<Killed>()
                && KILLED.get() != Kill::Unwinds
            {
                let panic = crate::panic::take(&*payload);
                with(|w| w.thread_panicked(panic));
            }
            if has_block {
                storage::run_destructors();
            }
        });
        if self.running.len() <= thread {
            self.running.resize_with(thread + 1, Running::default);
        }
        self.running[thread] = Running { stack: Some(coroutine), limit, block, own: None };
    }

    /// Unwinds the stack of `thread`, if it has one. The world must have marked it as dying, so that calls from drops
    /// neither suspend nor have an effect. A stack with a thread pointer of its own is dropped as it is.
    pub(crate) fn kill(&mut self, thread: usize) {
        let Some(Running { stack: Some(coroutine), block, own, .. }) = self.running.get_mut(thread) else {
            return;
        };
        if own.is_some() {
            // SAFETY: nothing refers to this stack any more: the thread is over, what it had borrowed of the world was
            // given back when it suspended, and `run_with_thread_pointer` was promised that nobody misses the rest.
            unsafe { coroutine.force_reset() };
        } else if !unwind(block.as_ref(), coroutine) {
            // Destructors of its thread-local variables are left: the block is not used again.
            *block = None;
        }
        self.recycle(thread);
    }

    fn recycle(&mut self, thread: usize) {
        let Running { stack, block, .. } = std::mem::take(&mut self.running[thread]);
        if let Some(block) = block {
            self.free.give(block);
        }
        if let Some(coroutine) = stack {
            self.pool.give(coroutine.into_stack());
        }
    }
}

/// What a block that has never seen them does not have.
struct Cells {
    world: *mut World,
    running: (usize, usize),
    accounts: *const Accounts,
}

impl Cells {
    fn set(&self) {
        WORLD.set(self.world);
        KEEPS_STACKS.set(with(|w| w.run.keeps_stacks()));
        IN_PROGRAM.set(true);
        fatal::watch(self.running.0, self.running.1);
        crate::allocator::share(self.accounts);
    }
}

/// Lets a thread go on, on its own block where it has one; whether it ended.
#[inline(never)]
fn go_on(block: Option<&Block>, coroutine: &mut Stack) -> bool {
    // SAFETY: nothing of this frame refers to thread-local storage.
    let _loaded = block.map(|block| unsafe { OnBlock::load(block) });
    matches!(coroutine.resume(()), CoroutineResult::Return(()))
}

/// Unwinds the stack of a killed thread, on its own block where it has one. `false`: it did not come to its end, and was dropped
/// as it is.
#[inline(never)]
fn unwind(block: Option<&Block>, coroutine: &mut Stack) -> bool {
    let world = WORLD.get();
    // SAFETY: nothing of this frame refers to thread-local storage from here on.
    let _loaded = block.map(|block| unsafe { OnBlock::load(block) });
    set_killed(world, Kill::Asked);
    let over = matches!(coroutine.resume(()), CoroutineResult::Return(()));
    set_killed(world, Kill::No);
    if !over {
        // SAFETY: the thread is over: nobody looks at what its stack holds, and what that had borrowed of the world was given
        // back when it suspended.
        unsafe { coroutine.force_reset() };
    }
    over
}

#[inline(never)]
fn set_killed(world: *mut World, killed: Kill) {
    WORLD.set(world);
    KILLED.set(killed);
}
