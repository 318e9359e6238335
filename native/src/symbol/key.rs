//! pthread keys: libc has 1,024 for an OS process, and each simulated process may want some.

use crate::context;
use crate::raw;
use crate::state::KeyDestructor;
use std::ffi::{c_int, c_uint, c_void};
use std::ptr::null_mut;

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_key_create(key: *mut c_uint, destructor: KeyDestructor) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(pthread_key_create as fn(key => *mut c_uint, destructor => KeyDestructor) -> c_int);
    };
    context.as_harness(|| {
        let mut keys = context.state.keys.borrow_mut();
        let keys = keys.entry(context.process).or_default();
        *key = keys.len() as c_uint;
        keys.push(Some(destructor));
    });
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_key_delete(key: c_uint) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(pthread_key_delete as fn(key => c_uint) -> c_int);
    };
    context.as_harness(|| {
        let mut keys = context.state.keys.borrow_mut();
        let entry = keys.get_mut(&context.process).and_then(|keys| keys.get_mut(key as usize));
        entry.and_then(Option::take).map_or(libc::EINVAL, |_| 0)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_setspecific(key: c_uint, value: *const c_void) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(pthread_setspecific as fn(key => c_uint, value => *const c_void) -> c_int);
    };
    context.as_harness(|| {
        let mut values = context.keys.borrow_mut();
        if values.len() <= key as usize {
            values.resize(key as usize + 1, null_mut());
        }
        values[key as usize] = value.cast_mut();
    });
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_getspecific(key: c_uint) -> *mut c_void {
    let Some(context) = context::current() else {
        return raw::real!(pthread_getspecific as fn(key => c_uint) -> *mut c_void);
    };
    context.keys.borrow().get(key as usize).copied().unwrap_or(null_mut())
}
