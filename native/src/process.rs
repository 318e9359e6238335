//! How a program begins and ends: its main function, argv, environment, and the threads that it starts.

use crate::binary::{self, Binary};
use crate::context::{self, Context};
use crate::state::{State, state};
use crate::{image, raw, symbol};
use eagain_net::{SigAction, Signal, Signals};
use eagain_sim::SimKernel;
use eagain_sim::native::{self, Block};
use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_char, c_int};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::ptr::null_mut;
use std::rc::Rc;

/// What std's runtime exits with when main panics.
const PANICKED: i32 = 101;

/// What a process runs, each time that it begins.
pub struct Program {
    /// Its arguments, the name first.
    pub arguments: Vec<String>,
    /// Its environment.
    pub environment: Vec<(String, String)>,
    /// What runs.
    pub main: Main,
}

/// What a process runs: code of this executable, or of another one.
pub enum Main {
    /// A main function; whether it succeeded.
    Function(Box<dyn Fn() -> bool>),
    /// An executable in a file of its own.
    Binary(Rc<Binary>),
}

impl Main {
    /// The executable at `path`, which is read once in a worker.
    ///
    /// # Errors
    /// Why it cannot be run: a sentence.
    pub fn binary(path: &str) -> Result<Main, String> {
        let mut binaries = state().binaries.borrow_mut();
        let read = || Binary::read(path).map(Rc::new);
        binaries.entry(path.to_owned()).or_insert_with(read).clone().map(Main::Binary)
    }
}

/// The process that will be called `name` runs `program`. After [`crate::begin_world`], before the run.
///
/// # Panics
/// Outside a worker process: the statics of programs are swapped, and nobody else's thread may look at them.
pub fn register(name: &str, program: Program) {
    assert!(
        crate::worker::is_worker(),
        "unmodified programs run in worker processes: give the command or the test the executor eagain_native::worker::make"
    );
    if matches!(program.main, Main::Binary(_)) {
        image::with_libc();
    }
    state().programs.borrow_mut().insert(name.to_owned(), program);
}

/// The body of every process that runs a program: it looks up what was registered under the process's name. It captures
/// nothing, so that a kill, which drops the stack as it is, loses no memory.
pub fn start(kernel: SimKernel) {
    let state = state();
    let (name, _) = native::program();
    let program: *const Program = match state.programs.borrow().get(&name) {
        Some(program) => program,
        None => raw::fatal(&format!("process `{name}` has no program: register it first")),
    };
    native::open_console();
    let context = new_context(state, native::identity().process, (0, 0));
    context.begin(native::identity().tid);
    let mut status = PANICKED;
    // SAFETY: programs are registered before the run and forgotten after it.
    let program = unsafe { &*program };
    match program.main {
        // As std's runtime does before main.
        Main::Function(_) => drop(kernel.sigaction(Signal::SIGPIPE, SigAction::ignore())),
        Main::Binary(_) => {
            context.is_binary.set(true);
        }
    }
    run(context, &mut || status = main(program));
    if status != 0 {
        native::exit(status, &format!("exit status {status}"));
    }
}

/// A context with a block, known by its process and thread pointer.
pub fn new_context(state: &'static State, process: u32, start: (usize, usize)) -> &'static Context {
    let identity = native::identity();
    let block = state.pool.take();
    let base = block.thread_pointer();
    let context = Box::new(Context {
        state,
        process,
        pid: identity.pid,
        tid: Cell::new(0),
        region: state.heaps.region(process),
        block: RefCell::new(Some(block)),
        start,
        bottom: Cell::new(0),
        exception: Cell::default(),
        result: Cell::new(null_mut()),
        ended: Cell::new(false),
        detached: Cell::new(false),
        destructors: RefCell::default(),
        keys: RefCell::default(),
        thread_locals: RefCell::default(),
        is_binary: Cell::new(false),
        counter: Default::default(),
        line: RefCell::default(),
    });
    let pointer = std::ptr::from_ref(&*context);
    state.threads.borrow_mut().insert((process, base), context);
    // SAFETY: the box lives as long as the world, in `threads` or in `over`.
    unsafe { &*pointer }
}

/// The body of a thread that the program made. On the engine's block.
pub fn start_thread(context: &'static Context) {
    context.begin(native::identity().tid);
    run(context, &mut || {
        // SAFETY: pthread_create(3) was given this function, and its argument.
        context.result.set(unsafe { symbol::run_thread(context, context.start) });
    });
    context.ended.set(true);
    if context.detached.get() {
        reap(context);
    }
}

/// The thread is over, and will not be joined: its block is free.
pub fn reap(context: &Context) {
    let state = context.state;
    let Some(block) = context.block.borrow_mut().take() else { return };
    let context = state.threads.borrow_mut().remove(&(context.process, block.thread_pointer()));
    state.pool.give(block);
    state.over.borrow_mut().extend(context);
}

/// Runs `body` as the program, on the context's block.
fn run(context: &'static Context, body: &mut dyn FnMut()) {
    let base = context.block.borrow().as_ref().map_or(0, Block::thread_pointer);
    // SAFETY: the block is whole and this thread's until it was reaped, or the world is over; the processor was asked about
    // before the first world (`image::require`); the stack of a killed thread holds nothing that is needed, since a
    // program's memory is its arena's.
    unsafe {
        let border = native::Border { leave: context::leave_program, go_on: context::go_on };
        native::run_with_thread_pointer(base, context.process, on_resume, border, &mut || {
            inside(context, body)
        })
    };
    context.flush();
}

/// On the engine's block, before a program goes on.
fn on_resume(process: u32) {
    state().images.enter(process);
}

#[inline(never)]
fn inside(context: &'static Context, body: &mut dyn FnMut()) {
    context.go_on();
    body();
    run_destructors(context);
    context::leave();
}

/// Of thread-local variables, the last one first, and of pthread keys, as often as they make new ones but at most four times.
fn run_destructors(context: &Context) {
    for _ in 0..4 {
        loop {
            let Some((destructor, object)) = context.destructors.borrow_mut().pop() else { break };
            // SAFETY: the program registered it for this thread.
            unsafe { destructor(object) };
        }
        let mut again = false;
        let keys = context.keys.borrow().len();
        for key in 0..keys {
            let value = std::mem::replace(&mut context.keys.borrow_mut()[key], null_mut());
            let keys = context.state.keys.borrow();
            let destructor =
                keys.get(&context.process).and_then(|keys| keys.get(key).copied().flatten().flatten());
            drop(keys);
            if !value.is_null()
                && let Some(destructor) = destructor
            {
                // SAFETY: the program made the key with this destructor, and set the value.
                unsafe { destructor(value) };
                again = true;
            }
        }
        if !again {
            break;
        }
    }
}

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
    #[link_name = "__init_array_start"]
    static INIT_START: u8;
    #[link_name = "__init_array_end"]
    static INIT_END: u8;
}

/// As the program: what happens from the beginning of a process to the end of its main thread; the exit status.
fn main(program: &Program) -> i32 {
    let mut arguments = c_strings(program.arguments.iter().cloned());
    let mut environment =
        c_strings(program.environment.iter().map(|(name, value)| format!("{name}={value}")));
    let count = program.arguments.len() as c_int;
    // SAFETY: the process is new, and its arena keeps both lists; the array is the executable's, whose entries take what
    // the loader gives them. The statics are as before any of them ran.
    unsafe {
        environ = environment.as_mut_ptr();
        type Initialiser = unsafe extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char);
        let (start, end) = (&raw const INIT_START as usize, &raw const INIT_END as usize);
        for entry in (start..end).step_by(size_of::<usize>()) {
            let initialiser = *(entry as *const usize);
            if initialiser != 0 && initialiser != usize::MAX {
                let initialiser: Initialiser = std::mem::transmute(initialiser);
                initialiser(count, arguments.as_mut_ptr(), environ);
            }
        }
    }
    std::mem::forget((arguments, environment));
    std::panic::set_hook(Box::new(on_panic));
    let function = match &program.main {
        Main::Function(function) => function,
        Main::Binary(binary) => {
            if let Some(context) = context::current() {
                binary::run(context, binary, &program.arguments, &program.environment);
            }
            return PANICKED;
        }
    };
    let result = catch_unwind(AssertUnwindSafe(function));
    let _ = std::io::Write::flush(&mut std::io::stdout());
    match result {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(_) => PANICKED,
    }
}

/// A list that ends with null, in the arena.
fn c_strings(texts: impl Iterator<Item = String>) -> Vec<*mut c_char> {
    let pointers = texts.filter_map(|text| CString::new(text).ok()).map(CString::into_raw);
    pointers.chain([null_mut()]).collect()
}

/// A program's panic is printed as std does, and breaks O16.
fn on_panic(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let text =
        payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("a panic without a text");
    let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
    let thread = std::thread::current();
    // std's runtime, which names the first thread, has not run.
    let is_first = context::current().is_some_and(|context| context.tid.get() == context.pid);
    let unnamed = if is_first { "main" } else { "<unnamed>" };
    eprintln!("thread '{}' panicked at {place}: {text}", thread.name().unwrap_or(unnamed));
    if let Some(context) = context::current() {
        let message = format!("{text} ({place})");
        context.as_harness(|| native::panicked(&message, &place));
    }
}
