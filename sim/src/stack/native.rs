//! Simulated threads with a TLS block of their own: programs that were not written for the simulator keep their state in
//! thread-local storage, and expect it to be that of the thread that runs.
//!
//! A thread takes a block with [`run_with_thread_pointer`]. From then on the engine loads its thread pointer before the
//! thread goes on and its own when it comes back, and a kill drops the stack as it is: code that was called from foreign
//! functions cannot be unwound, and SIGKILL runs no destructor either.
//!
//! Each block has its own copy of the cells in `super`: [`arrive`] sets them in a new one.

use super::storage::{may_set_thread_pointer, set_thread_pointer, thread_pointer};
use super::{IN_PROGRAM, KEEPS_STACKS, Stack, WORLD, YIELDER, fatal, with};
use crate::world::World;
use corosensei::{CoroutineResult, Yielder};
use std::cell::Cell;

thread_local! {
    /// The engine of this OS thread loads thread pointers.
    static SUPPORTED: Cell<bool> = const { Cell::new(false) };
    /// What the running thread took or gave back; the engine, whose block this is in, reads it when the thread comes back.
    static CHANGED: Cell<Option<Own>> = const { Cell::new(None) };
    /// On the block of a program: its border.
    static BORDER: Cell<Option<Border>> = const { Cell::new(None) };
}

/// How what a program calls of the simulator becomes the harness's, whose memory outlives the program and whose system calls are
/// real.
#[derive(Clone, Copy)]
pub struct Border {
    /// From now on the harness runs. What it gives is for `go_on`; null: it ran already.
    pub leave: fn() -> *const (),
    /// The program goes on.
    pub go_on: fn(*const ()),
}

/// Runs `f` as the harness, whoever calls.
pub(crate) fn as_harness<R>(f: impl FnOnce() -> R) -> R {
    let Some(border) = BORDER.get() else { return f() };
    let program = (border.leave)();
    let result = f();
    (border.go_on)(program);
    result
}

/// The engine of this OS thread loads thread pointers from now on, where programs may; whether it does.
pub(super) fn support() -> bool {
    SUPPORTED.set(may_set_thread_pointer());
    SUPPORTED.get()
}

/// What the engine loads before a thread goes on.
#[derive(Clone, Copy)]
pub(super) struct Own {
    /// The thread pointer; 0: the thread is on the engine's block again.
    pub base: usize,
    process: u32,
    on_resume: fn(u32),
}

/// What the running thread took or gave back since the last time.
#[inline]
pub(super) fn take_changed() -> Option<Own> {
    CHANGED.take()
}

/// Lets a thread go on, on its own block where it has one; whether it ended. It may come back on a block that it took
/// meanwhile.
#[inline(never)]
pub(super) fn resume(own: Option<Own>, coroutine: &mut Stack) -> bool {
    // SAFETY: the engine of this OS thread has asked `support`.
    let engine = unsafe { thread_pointer() };
    if let Some(own) = own {
        (own.on_resume)(own.process);
        // SAFETY: the block is whole, as `run_with_thread_pointer` was promised, and nothing of this frame refers to
        // thread-local storage across the two lines that change it.
        unsafe { set_thread_pointer(own.base) };
    }
    let ended = matches!(coroutine.resume(()), CoroutineResult::Return(()));
    // SAFETY: the block of the OS thread, which it was on before.
    unsafe { set_thread_pointer(engine) };
    ended
}

/// Runs `body` as the code of the running simulated thread with the thread pointer `base`. `on_resume` is called with
/// `process`, on the engine's block, now and each time before the thread goes on: whatever else of the process has to be in
/// place is put there by it. When the thread is killed, its stack is dropped without unwinding.
///
/// # Panics
/// Outside a simulated thread, in one whose engine was not made by
/// [`Engine::with_thread_pointers`](crate::Engine::with_thread_pointers), and where the processor does not let programs set the
/// thread pointer (`FSGSBASE` on x86-64).
///
/// # Safety
/// `base` is the thread pointer of a TLS block of this executable that is initialised and that nobody else uses until
/// `body` has returned or the run is over. Nothing that `body` leaves on its stack may be needed after a kill.
pub unsafe fn run_with_thread_pointer(
    base: usize,
    process: u32,
    on_resume: fn(u32),
    border: Border,
    body: &mut dyn FnMut(),
) {
    let (world, yielder) = (WORLD.get(), YIELDER.get());
    assert!(!world.is_null() && !yielder.is_null(), "not in a simulated thread");
    assert!(SUPPORTED.get(), "not in an engine that sets thread pointers");
    let running = fatal::running_and_limit();
    CHANGED.set(Some(Own { base, process, on_resume }));
    on_resume(process);
    // SAFETY: `support` said yes, and the caller promises a whole block; what follows is not inlined, so no address of the old
    // one is kept.
    let engine = unsafe {
        let engine = thread_pointer();
        set_thread_pointer(base);
        engine
    };
    arrive(world, yielder, running, border, body);
    // SAFETY: the block that the thread was on before.
    unsafe { set_thread_pointer(engine) };
    leave(Own { base: 0, process, on_resume });
}

/// The cells of `super`, in a block that has never seen them.
#[inline(never)]
fn arrive(
    world: *mut World,
    yielder: *const Yielder<(), ()>,
    running: (usize, usize),
    border: Border,
    body: &mut dyn FnMut(),
) {
    BORDER.set(Some(border));
    WORLD.set(world);
    YIELDER.set(yielder);
    KEEPS_STACKS.set(with(|w| w.run.keeps_stacks()));
    IN_PROGRAM.set(true);
    fatal::watch(running.0, running.1);
    super::memory::clear_below(running.1);
    body();
}

#[inline(never)]
fn leave(own: Own) {
    CHANGED.set(Some(own));
}

/// The lowest address of the running thread's stack, guard page included, and its length.
pub fn stack_range() -> (usize, usize) {
    (fatal::running_and_limit().1, super::STACK_BYTES)
}
