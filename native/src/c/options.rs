//! `getopt(3)`: a program has its own copies of the variables that it sets, which libc does not know.

use super::Own;
use libc::option;
use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

unsafe extern "C" {
    static mut optind: c_int;
    static mut opterr: c_int;
    static mut optopt: c_int;
    static mut optarg: *mut c_char;
    #[link_name = "getopt"]
    fn next(count: c_int, arguments: *const *mut c_char, short: *const c_char) -> c_int;
    #[link_name = "getopt_long"]
    fn next_long(
        count: c_int,
        arguments: *const *mut c_char,
        short: *const c_char,
        long: *const option,
        at: *mut c_int,
    ) -> c_int;
    #[link_name = "getopt_long_only"]
    fn next_long_only(
        count: c_int,
        arguments: *const *mut c_char,
        short: *const c_char,
        long: *const option,
        at: *mut c_int,
    ) -> c_int;
}

/// Where the program has them; null: it has none of this name, or uses libc's.
#[derive(Clone, Copy)]
pub struct Variables {
    pub optind: *mut c_int,
    pub opterr: *mut c_int,
    pub optopt: *mut c_int,
    pub optarg: *mut *mut c_char,
}

/// Of the process, as all statics are.
static OWN: Own<Cell<Variables>> = Own(Cell::new(Variables {
    optind: null_mut(),
    opterr: null_mut(),
    optopt: null_mut(),
    optarg: null_mut(),
}));

static HAS_BEGUN: Own<Cell<bool>> = Own(Cell::new(false));

pub fn begin(own: Variables) {
    OWN.0.set(own);
}

unsafe fn with_own(call: impl FnOnce() -> c_int) -> c_int {
    let own = OWN.0.get();
    if !own.optind.is_null() {
        optind = *own.optind;
    }
    if !own.opterr.is_null() {
        opterr = *own.opterr;
    }
    // What libc remembers besides is of another process: 0 makes it begin anew (getopt(3)).
    if !HAS_BEGUN.0.replace(true) && optind == 1 {
        optind = 0;
    }
    let result = call();
    if !own.optind.is_null() {
        *own.optind = optind;
    }
    if !own.optopt.is_null() {
        *own.optopt = optopt;
    }
    if !own.optarg.is_null() {
        *own.optarg = optarg;
    }
    result
}

pub unsafe extern "C" fn getopt(count: c_int, arguments: *const *mut c_char, short: *const c_char) -> c_int {
    with_own(|| next(count, arguments, short))
}

pub unsafe extern "C" fn getopt_long(
    count: c_int,
    arguments: *const *mut c_char,
    short: *const c_char,
    long: *const option,
    at: *mut c_int,
) -> c_int {
    with_own(|| next_long(count, arguments, short, long, at))
}

pub unsafe extern "C" fn getopt_long_only(
    count: c_int,
    arguments: *const *mut c_char,
    short: *const c_char,
    long: *const option,
    at: *mut c_int,
) -> c_int {
    with_own(|| next_long_only(count, arguments, short, long, at))
}
