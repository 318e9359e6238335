//! Randomness: `getrandom(2)`.

use super::{KERNEL, buffer, symbols};
use eagain_net::Entropy;
use libc::{size_t, ssize_t};
use std::ffi::{c_int, c_uint, c_void};

symbols! {
    fn getrandom(to: *mut c_void, length: size_t, flags: c_uint) -> ssize_t = SYS_getrandom(to, length, flags), |_| {
        KERNEL.getrandom(buffer(to, length)).map(|()| length)
    };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getentropy(to: *mut c_void, length: size_t) -> c_int {
    if getrandom(to, length, 0) < 0 { -1 } else { 0 }
}
