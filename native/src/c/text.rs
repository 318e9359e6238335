//! Functions that hand out blocks of `malloc`, or lengthen those of the program; and the locale, which is one for all processes.

use super::memory::{malloc, realloc};
use libc::{FILE, size_t, ssize_t};
use std::ffi::{CStr, c_char, c_int};
use std::ptr::null_mut;

pub unsafe extern "C" fn strdup(text: *const c_char) -> *mut c_char {
    strndup(text, usize::MAX)
}

pub unsafe extern "C" fn strndup(text: *const c_char, most: size_t) -> *mut c_char {
    let length = if most == usize::MAX { libc::strlen(text) } else { libc::strnlen(text, most) };
    let made = malloc(length + 1).cast::<c_char>();
    if !made.is_null() {
        std::ptr::copy_nonoverlapping(text, made, length);
        *made.add(length) = 0;
    }
    made
}

pub unsafe extern "C" fn getline(line: *mut *mut c_char, room: *mut size_t, file: *mut FILE) -> ssize_t {
    getdelim(line, room, c_int::from(b'\n'), file)
}

pub unsafe extern "C" fn getdelim(
    line: *mut *mut c_char,
    room: *mut size_t,
    end: c_int,
    file: *mut FILE,
) -> ssize_t {
    if line.is_null() || room.is_null() {
        crate::raw::set_errno(libc::EINVAL);
        return -1;
    }
    if (*line).is_null() {
        *room = 0;
    }
    let mut length = 0;
    loop {
        let byte = libc::fgetc(file);
        if byte == libc::EOF {
            break;
        }
        if length + 2 > *room {
            let wanted = (2 * *room).max(128);
            let longer = realloc((*line).cast(), wanted);
            if longer.is_null() {
                return -1;
            }
            (*line, *room) = (longer.cast(), wanted);
        }
        *(*line).add(length) = byte as c_char;
        length += 1;
        if byte == end {
            break;
        }
    }
    if length == 0 {
        return -1;
    }
    *(*line).add(length) = 0;
    length as ssize_t
}

/// A machine with the locale "C" alone.
pub unsafe extern "C" fn setlocale(_: c_int, name: *const c_char) -> *mut c_char {
    let known = name.is_null() || [c"", c"C", c"POSIX"].contains(&CStr::from_ptr(name));
    if known { c"C".as_ptr().cast_mut() } else { null_mut() }
}
