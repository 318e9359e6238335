//! `getenv(3)` and `setenv(3)` on the environment of the process. libc's own keep what they have set in statics that all
//! processes share.

use super::Own;
use super::memory::{calloc, malloc};
use crate::raw;
use libc::EINVAL;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int};
use std::ptr::null_mut;

type List = *mut *mut c_char;

unsafe extern "C" {
    static mut environ: List;
}

/// The program's own variable `environ`, where it has one. Of the process, as all statics are.
static OWN: Own<Cell<*mut List>> = Own(Cell::new(null_mut()));

/// The process begins with this environment; its own variable is at `own`, which may be null.
pub unsafe fn begin(own: *mut List, list: List) {
    OWN.0.set(own);
    set(list);
}

unsafe fn set(list: List) {
    environ = list;
    if !OWN.0.get().is_null() {
        *OWN.0.get() = list;
    }
}

unsafe fn list() -> List {
    if OWN.0.get().is_null() { environ } else { *OWN.0.get() }
}

/// How many there are.
unsafe fn count(list: List) -> usize {
    if list.is_null() { 0 } else { (0..).take_while(|&at| !(*list.add(at)).is_null()).count() }
}

/// What an entry says, if it is of this name.
unsafe fn value(entry: *mut c_char, name: &[u8]) -> Option<*mut c_char> {
    let text = CStr::from_ptr(entry).to_bytes();
    (text.starts_with(name) && text.get(name.len()) == Some(&b'=')).then(|| entry.add(name.len() + 1))
}

unsafe fn find(name: &[u8]) -> Option<usize> {
    (0..count(list())).find(|&at| value(*list().add(at), name).is_some())
}

/// A name that a variable can have.
unsafe fn name_of<'a>(name: *const c_char) -> Option<&'a [u8]> {
    if name.is_null() {
        return None;
    }
    let name = CStr::from_ptr(name).to_bytes();
    (!name.is_empty() && !name.contains(&b'=')).then_some(name)
}

pub unsafe extern "C" fn getenv(name: *const c_char) -> *mut c_char {
    let name = CStr::from_ptr(name).to_bytes();
    find(name).and_then(|at| value(*list().add(at), name)).unwrap_or(null_mut())
}

/// An entry takes the place of the one of the same name, or comes last.
unsafe fn put(name: &[u8], entry: *mut c_char) -> c_int {
    if let Some(at) = find(name) {
        *list().add(at) = entry;
        return 0;
    }
    let count = count(list());
    // The old list may be the program's own.
    let longer = calloc(count + 2, size_of::<*mut c_char>()).cast::<*mut c_char>();
    if longer.is_null() {
        return -1;
    }
    if count > 0 {
        std::ptr::copy_nonoverlapping(list(), longer, count);
    }
    *longer.add(count) = entry;
    set(longer);
    0
}

pub unsafe extern "C" fn setenv(name: *const c_char, value: *const c_char, overwrite: c_int) -> c_int {
    let Some(name) = name_of(name) else {
        raw::set_errno(EINVAL);
        return -1;
    };
    if overwrite == 0 && find(name).is_some() {
        return 0;
    }
    let value = CStr::from_ptr(value).to_bytes_with_nul();
    let entry = malloc(name.len() + 1 + value.len()).cast::<u8>();
    if entry.is_null() {
        return -1;
    }
    std::ptr::copy_nonoverlapping(name.as_ptr(), entry, name.len());
    *entry.add(name.len()) = b'=';
    std::ptr::copy_nonoverlapping(value.as_ptr(), entry.add(name.len() + 1), value.len());
    put(name, entry.cast())
}

pub unsafe extern "C" fn putenv(entry: *mut c_char) -> c_int {
    let text = CStr::from_ptr(entry).to_bytes();
    match text.iter().position(|&byte| byte == b'=') {
        Some(length) => put(&text[..length], entry),
        None => unsetenv(entry),
    }
}

pub unsafe extern "C" fn unsetenv(name: *const c_char) -> c_int {
    let Some(name) = name_of(name) else {
        raw::set_errno(EINVAL);
        return -1;
    };
    while let Some(at) = find(name) {
        let (list, count) = (list(), count(list()));
        std::ptr::copy(list.add(at + 1), list.add(at), count - at);
    }
    0
}

pub unsafe extern "C" fn clearenv() -> c_int {
    set(null_mut());
    0
}
