//! `dlopen(3)` and `dlsym(3)`: a program has itself, and the libraries that it was linked with. One that is loaded later would run
//! outside of the simulation.

use super::Own;
use crate::binary::{self, Binary};
use crate::context::{self, Context};
use crate::escape::escape;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::rc::Rc;

/// What the last call failed with: `dlerror(3)` says it once. Of the process, as all statics are.
static FAILED: Own<Cell<Option<&'static CStr>>> = Own(Cell::new(None));

/// The handle of the program and all its libraries: they have one space of names.
static ALL: u8 = 0;

fn handle() -> *mut c_void {
    (&raw const ALL).cast_mut().cast()
}

fn failed(why: &'static CStr) -> *mut c_void {
    FAILED.0.set(Some(why));
    null_mut()
}

fn program(context: &Context) -> Option<Rc<Binary>> {
    context.state.places.binary(context.process)
}

/// A library that the program was not linked with is an escape where this machine has it, and not found where it has not.
pub unsafe extern "C" fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void {
    let Some(context) = context::current().filter(|_| !path.is_null()) else { return handle() };
    context.as_harness(|| {
        let path = CStr::from_ptr(path).to_string_lossy();
        let name = path.rsplit('/').next().unwrap_or(&path);
        if program(context).is_some_and(|program| program.has_object(name)) {
            return handle();
        }
        if flags & libc::RTLD_NOLOAD == 0 && binary::is_library(&path) {
            escape("dlopen", &format!(" of `{path}`"));
        }
        failed(c"cannot open shared object file: No such file or directory")
    })
}

pub unsafe extern "C" fn dlsym(_handle: *mut c_void, name: *const c_char) -> *mut c_void {
    let Some(context) = context::current() else { return null_mut() };
    context.as_harness(|| {
        let name = CStr::from_ptr(name).to_string_lossy();
        let base = binary::base(context.process);
        match program(context).and_then(|program| program.address(base, &name)) {
            Some(address) => address as *mut c_void,
            None => failed(c"undefined symbol"),
        }
    })
}

pub unsafe extern "C" fn dlclose(_handle: *mut c_void) -> c_int {
    0
}

pub unsafe extern "C" fn dlerror() -> *mut c_char {
    FAILED.0.take().map_or(null_mut(), |why| why.as_ptr().cast_mut())
}
