//! `random(3)` and `rand(3)`: one sequence for each process, which begins with the seed 1.

use super::Own;
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_long, c_uint};
use std::ptr::null_mut;

/// Room for glibc's `struct random_data`, 48 bytes, and its smallest usual table, 128 bytes.
const DATA_WORDS: usize = 6;
const TABLE_BYTES: usize = 128;

struct Sequence {
    has_begun: Cell<bool>,
    data: Cell<[u64; DATA_WORDS]>,
    table: Cell<[u8; TABLE_BYTES]>,
}

/// Of the process, as all statics are.
static SEQUENCE: Own<Sequence> = Own(Sequence {
    has_begun: Cell::new(false),
    data: Cell::new([0; DATA_WORDS]),
    table: Cell::new([0; TABLE_BYTES]),
});

unsafe extern "C" {
    fn initstate_r(seed: c_uint, table: *mut c_char, length: usize, data: *mut u64) -> c_int;
    fn setstate_r(table: *mut c_char, data: *mut u64) -> c_int;
    fn random_r(data: *mut u64, to: *mut i32) -> c_int;
}

pub unsafe extern "C" fn srandom(seed: c_uint) {
    let sequence = &SEQUENCE.0;
    sequence.has_begun.set(true);
    sequence.data.set([0; DATA_WORDS]);
    initstate_r(seed, sequence.table.as_ptr().cast(), TABLE_BYTES, sequence.data.as_ptr().cast());
}

fn begin() {
    if !SEQUENCE.0.has_begun.get() {
        // SAFETY: it has no preconditions.
        unsafe { srandom(1) };
    }
}

/// Makes another table the sequence's by `change`; the one that it had, null: it has it still.
unsafe fn replace(change: impl FnOnce(*mut u64) -> c_int) -> *mut c_char {
    begin();
    let data = SEQUENCE.0.data.as_ptr();
    // The third word points into the table, behind what says of which type it is.
    let before = ((*data)[2] as *mut c_char).sub(size_of::<i32>());
    if change(data.cast()) == 0 { before } else { null_mut() }
}

pub unsafe extern "C" fn initstate(seed: c_uint, table: *mut c_char, length: usize) -> *mut c_char {
    replace(|data| initstate_r(seed, table, length, data))
}

pub unsafe extern "C" fn setstate(table: *mut c_char) -> *mut c_char {
    replace(|data| setstate_r(table, data))
}

pub unsafe extern "C" fn random() -> c_long {
    begin();
    let mut next = 0;
    random_r(SEQUENCE.0.data.as_ptr().cast(), &mut next);
    next.into()
}

pub unsafe extern "C" fn rand() -> c_int {
    random() as c_int
}
