//! Which simulated thread runs. Each TLS block has its own copy of these cells: in a program's they name its context, in
//! every other, and while a call is in the simulated kernel, they are null, and the symbols make the real calls.

use crate::arena::Region;
use crate::dispatch;
use crate::state::State;
use eagain_sim::native::Block;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::null;

/// A function with its argument that runs when a thread ends.
pub type Destructor = (unsafe extern "C" fn(*mut u8), *mut u8);

/// What belongs to a simulated thread. It lives on the harness's heap for as long as the world.
pub struct Context {
    pub state: &'static State,
    /// The index of its process.
    pub process: u32,
    pub pid: i32,
    pub tid: Cell<i32>,
    /// The heap of its process.
    pub region: *const Region,
    pub block: RefCell<Option<Block>>,
    /// What it runs: a function and its argument.
    pub start: (usize, usize),
    /// Where its stack pointer is while that runs; 0 in a main thread.
    pub bottom: Cell<usize>,
    /// What unwinds its stack (`struct _Unwind_Exception`) where it ends in the middle of that: nobody catches it.
    pub exception: Cell<[u64; 4]>,
    /// What that returned.
    pub result: Cell<*mut c_void>,
    pub ended: Cell<bool>,
    pub detached: Cell<bool>,
    /// `__cxa_thread_atexit_impl`: the last one first.
    pub destructors: RefCell<Vec<Destructor>>,
    /// The values of its pthread keys.
    pub keys: RefCell<Vec<*mut c_void>>,
    /// Its thread-local variables of the libraries of its program (`crate::binary`).
    pub thread_locals: RefCell<Vec<*mut u8>>,
    /// Its program is in a file of its own.
    pub is_binary: Cell<bool>,
    /// What it has computed since its last call, where it is compiled to be preempted.
    pub counter: crate::preempt::Counter,
    /// What it has printed since the last end of a line.
    pub line: RefCell<Vec<u8>>,
}

thread_local! {
    static CONTEXT: Cell<*const Context> = const { Cell::new(null()) };
    static REGION: Cell<*const Region> = const { Cell::new(null()) };
}

/// The context of the program that runs; `None`: the harness runs.
#[inline(always)]
pub fn current() -> Option<&'static Context> {
    let context = CONTEXT.get();
    // SAFETY: it points to a context of the world that runs, which lives as long as the world.
    if context.is_null() { None } else { Some(unsafe { &*context }) }
}

/// The heap that the running code allocates from; null: the system's.
#[inline(always)]
pub fn region() -> *const Region {
    REGION.try_with(Cell::get).unwrap_or(null())
}

impl Context {
    /// The thread is this one from now on. libc looks at the number in the block: its recursive mutexes have it as their owner.
    pub fn begin(&self, tid: i32) {
        self.tid.set(tid);
        if let Some(block) = &*self.block.borrow() {
            self.state.pool.number(block, tid);
        }
    }

    /// Runs `f` as the harness: its memory is the system's, and its calls are real.
    #[inline(always)]
    pub fn as_harness<R>(&self, f: impl FnOnce() -> R) -> R {
        leave();
        let result = f();
        self.go_on();
        result
    }

    /// From now on the program of this context runs, on the block that is loaded.
    #[inline(always)]
    pub fn go_on(&self) {
        CONTEXT.set(self);
        REGION.set(self.region);
        dispatch::on();
    }

    /// Runs `f` as the program, from within [`Context::as_harness`]: a signal handler.
    pub fn as_program<R>(&self, f: impl FnOnce() -> R) -> R {
        self.go_on();
        let result = f();
        leave();
        result
    }

    /// What is printed to standard output or error is the world's output, a line at a time.
    pub fn print(&self, data: &[u8]) {
        let mut line = self.line.borrow_mut();
        for &byte in data {
            if byte == b'\n' {
                eagain_sim::print(&String::from_utf8_lossy(&line));
                line.clear();
            } else {
                line.push(byte);
            }
        }
    }

    /// Prints what has no end of a line yet.
    pub fn flush(&self) {
        let rest = std::mem::take(&mut *self.line.borrow_mut());
        if !rest.is_empty() {
            eagain_sim::print(&String::from_utf8_lossy(&rest));
        }
    }
}

/// As [`leave`]; the context of the program that ran, null where none did.
pub fn leave_program() -> *const () {
    let context = CONTEXT.get();
    if !context.is_null() {
        leave();
    }
    context.cast()
}

/// The program that [`leave_program`] left goes on.
pub fn go_on(context: *const ()) {
    // SAFETY: `leave_program` gave it: null, or a context of the world that runs.
    if let Some(context) = unsafe { context.cast::<Context>().as_ref() } {
        context.go_on();
    }
}

/// From now on the harness runs.
#[inline(always)]
pub fn leave() {
    dispatch::off();
    CONTEXT.set(null());
    REGION.set(null());
}
