//! What this crate knows of the world that an OS thread runs: contexts, pooled TLS blocks, images, heaps. It is reached
//! through thread-local storage or a context, never through a static: statics are swapped with the programs'.

use crate::arena::Heaps;
use crate::binary::{Binary, Places};
use crate::context::Context;
use crate::image::Images;
use crate::process::Program;
use crate::symbol::Credentials;
use crate::tls::Pool;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::ptr::null;
use std::rc::Rc;

/// The destructor of a pthread key.
pub type KeyDestructor = Option<unsafe extern "C" fn(*mut c_void)>;

#[derive(Default)]
pub struct State {
    /// By (process, thread pointer), which is what `pthread_t` is; a block is used again when its thread was joined.
    pub threads: RefCell<BTreeMap<(u32, usize), Box<Context>>>,
    /// The contexts of threads that are over, kept until the world is.
    #[allow(clippy::vec_box, reason = "a context is pointed to, and does not move")]
    pub over: RefCell<Vec<Box<Context>>>,
    /// What the processes of the world run, by name.
    pub programs: RefCell<BTreeMap<String, Program>>,
    /// The destructors of each process's pthread keys.
    pub keys: RefCell<BTreeMap<u32, Vec<Option<KeyDestructor>>>>,
    /// The working directories of processes, where they are not the root.
    pub folders: RefCell<BTreeMap<u32, String>>,
    /// The masks of permissions of processes (`umask(2)`), where they have set one.
    pub umasks: RefCell<BTreeMap<u32, u32>>,
    /// The users and groups of processes, where they are not root's.
    pub credentials: RefCell<BTreeMap<u32, Credentials>>,
    /// The descriptors, by process, that `execve(2)` would close (`FD_CLOEXEC`).
    pub close_on_exec: RefCell<BTreeSet<(u32, i32)>>,
    pub images: Images,
    pub heaps: Heaps,
    /// Where executables lie, by process.
    pub places: Places,
    /// Those that were read, by path: why not, otherwise.
    pub binaries: RefCell<BTreeMap<String, Result<Rc<Binary>, String>>>,
    pub pool: Pool,
}

thread_local! {
    static STATE: Cell<*const State> = const { Cell::new(null()) };
}

/// That of the OS thread. Not to be called on a program's block: there a context has it.
#[inline(never)]
pub fn state() -> &'static State {
    if STATE.get().is_null() {
        STATE.set(Box::leak(Box::default()));
    }
    // SAFETY: it was leaked just now, or before.
    unsafe { &*STATE.get() }
}

/// To be called before the processes of a world are made: what the last one left is forgotten.
pub fn begin_world() {
    end_world();
    let state = state();
    let over = std::mem::take(&mut *state.threads.borrow_mut());
    state.over.borrow_mut().extend(over.into_values());
    for context in state.over.borrow_mut().drain(..) {
        if let Some(block) = context.block.borrow_mut().take() {
            state.pool.give(block);
        }
    }
    state.programs.borrow_mut().clear();
    state.keys.borrow_mut().clear();
    state.folders.borrow_mut().clear();
    state.umasks.borrow_mut().clear();
    state.credentials.borrow_mut().clear();
    state.close_on_exec.borrow_mut().clear();
    state.images.forget();
    state.heaps.forget();
}

/// To be called when a run is over: the statics are the harness's again.
pub fn end_world() {
    state().images.leave();
}
