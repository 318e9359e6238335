//! How a C program ends: `exit(3)` calls what `atexit(3)` was given, writes what stdio holds, and ends the process.

use super::Own;
use super::stdio;
use crate::{context, symbol};
use eagain_sim::native;
use libc::FILE;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr::null_mut;

/// A function that is called at the end, with its argument.
enum Handler {
    Plain(unsafe extern "C" fn()),
    Object(unsafe extern "C" fn(*mut c_void), *mut c_void),
    Status(unsafe extern "C" fn(c_int, *mut c_void), *mut c_void),
}

/// Of the process, as all statics are.
static HANDLERS: Own<RefCell<Vec<Handler>>> = Own(RefCell::new(Vec::new()));
static STATUS: Own<Cell<c_int>> = Own(Cell::new(0));

fn add(handler: Handler) -> c_int {
    HANDLERS.0.borrow_mut().push(handler);
    0
}

pub unsafe extern "C" fn atexit(function: unsafe extern "C" fn()) -> c_int {
    add(Handler::Plain(function))
}

pub unsafe extern "C" fn cxa_atexit(
    function: unsafe extern "C" fn(*mut c_void),
    object: *mut c_void,
    _library: *mut c_void,
) -> c_int {
    add(Handler::Object(function, object))
}

pub unsafe extern "C" fn on_exit(
    function: unsafe extern "C" fn(c_int, *mut c_void),
    argument: *mut c_void,
) -> c_int {
    add(Handler::Status(function, argument))
}

pub unsafe extern "C" fn exit(status: c_int) -> ! {
    STATUS.0.set(status);
    loop {
        let Some(handler) = HANDLERS.0.borrow_mut().pop() else { break };
        match handler {
            Handler::Plain(function) => function(),
            Handler::Object(function, object) => function(object),
            Handler::Status(function, argument) => function(STATUS.0.get(), argument),
        }
    }
    fflush(null_mut());
    symbol::end_process(STATUS.0.get())
}

/// Of all files: without libc's lock on the list of them, which a process that is killed meanwhile would keep for ever.
pub unsafe extern "C" fn fflush(file: *mut FILE) -> c_int {
    if !file.is_null() {
        return libc::fflush(file);
    }
    stdio::files().fold(0, |result, file| if libc::fflush(file) == 0 { result } else { libc::EOF })
}

pub unsafe extern "C" fn assert_fail(
    assertion: *const c_char,
    file: *const c_char,
    line: c_uint,
    function: *const c_char,
) -> ! {
    let text = |text: *const c_char| {
        if text.is_null() { "?".into() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
    };
    fflush(null_mut());
    let place = format!("{}:{line}", text(file));
    let message = format!("{place}: {}: Assertion `{}' failed.", text(function), text(assertion));
    if let Some(context) = context::current() {
        context.as_harness(|| {
            context.print(message.as_bytes());
            context.print(b"\n");
            native::panicked(&message, &place);
        });
    }
    libc::abort()
}
