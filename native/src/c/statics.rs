//! Functions that libc keeps what they return or remember in statics for: each process has its own here, and the reentrant form of
//! the function does the work.

use super::Own;
use libc::{time_t, tm};
use std::cell::Cell;
use std::ffi::{c_char, c_double, c_int, c_long, c_ushort};
use std::ptr::null_mut;

/// glibc's `struct drand48_data`: 24 bytes.
const DRAND48_WORDS: usize = 3;
/// asctime(3): what a buffer has room for.
const ASCTIME_BYTES: usize = 26;

unsafe extern "C" {
    fn asctime_r(time: *const tm, to: *mut c_char) -> *mut c_char;
    fn drand48_r(data: *mut u64, to: *mut c_double) -> c_int;
    fn lrand48_r(data: *mut u64, to: *mut c_long) -> c_int;
    fn mrand48_r(data: *mut u64, to: *mut c_long) -> c_int;
    fn erand48_r(state: *mut c_ushort, data: *mut u64, to: *mut c_double) -> c_int;
    fn nrand48_r(state: *mut c_ushort, data: *mut u64, to: *mut c_long) -> c_int;
    fn jrand48_r(state: *mut c_ushort, data: *mut u64, to: *mut c_long) -> c_int;
    fn srand48_r(seed: c_long, data: *mut u64) -> c_int;
    fn seed48_r(state: *const c_ushort, data: *mut u64) -> c_int;
    fn lcong48_r(parameters: *const c_ushort, data: *mut u64) -> c_int;
    fn tzset();
}

// Of the process, as all statics are.
static REST: Own<Cell<*mut c_char>> = Own(Cell::new(null_mut()));
// SAFETY: all-zero is a valid `tm`.
static TIME: Own<Cell<tm>> = Own(Cell::new(unsafe { std::mem::zeroed() }));
static TIME_TEXT: Own<Cell<[c_char; ASCTIME_BYTES]>> = Own(Cell::new([0; ASCTIME_BYTES]));
static DRAND48: Own<Cell<[u64; DRAND48_WORDS]>> = Own(Cell::new([0; DRAND48_WORDS]));

pub unsafe extern "C" fn strtok(text: *mut c_char, separators: *const c_char) -> *mut c_char {
    libc::strtok_r(text, separators, REST.0.as_ptr())
}

/// Where libc keeps the time zone is one for all processes: it looks at the variable `TZ` of this one again.
pub unsafe extern "C" fn localtime_r(time: *const time_t, to: *mut tm) -> *mut tm {
    tzset();
    libc::localtime_r(time, to)
}

pub unsafe extern "C" fn localtime(time: *const time_t) -> *mut tm {
    localtime_r(time, TIME.0.as_ptr())
}

pub unsafe extern "C" fn gmtime(time: *const time_t) -> *mut tm {
    libc::gmtime_r(time, TIME.0.as_ptr())
}

pub unsafe extern "C" fn asctime(time: *const tm) -> *mut c_char {
    asctime_r(time, TIME_TEXT.0.as_ptr().cast())
}

pub unsafe extern "C" fn ctime(time: *const time_t) -> *mut c_char {
    asctime(localtime(time))
}

pub unsafe extern "C" fn ctime_r(time: *const time_t, to: *mut c_char) -> *mut c_char {
    let mut local = std::mem::zeroed();
    asctime_r(localtime_r(time, &mut local), to)
}

macro_rules! rand48 {
    ($($name:ident($($state:ident)?) -> $result:ty = $reentrant:ident;)*) => {
        $(pub unsafe extern "C" fn $name($($state: *mut c_ushort)?) -> $result {
            let mut next = Default::default();
            $reentrant($($state,)? DRAND48.0.as_ptr().cast(), &mut next);
            next
        })*
    };
}

rand48! {
    drand48() -> c_double = drand48_r;
    lrand48() -> c_long = lrand48_r;
    mrand48() -> c_long = mrand48_r;
    erand48(state) -> c_double = erand48_r;
    nrand48(state) -> c_long = nrand48_r;
    jrand48(state) -> c_long = jrand48_r;
}

pub unsafe extern "C" fn srand48(seed: c_long) {
    srand48_r(seed, DRAND48.0.as_ptr().cast());
}

/// What it returns is what the state was: the second three words of the data.
pub unsafe extern "C" fn seed48(state: *const c_ushort) -> *mut c_ushort {
    seed48_r(state, DRAND48.0.as_ptr().cast());
    DRAND48.0.as_ptr().cast::<c_ushort>().add(3)
}

pub unsafe extern "C" fn lcong48(parameters: *const c_ushort) {
    lcong48_r(parameters, DRAND48.0.as_ptr().cast());
}
