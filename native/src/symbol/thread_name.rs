//! The name of a thread, `comm`: pthread_setname_np(3) and `PR_SET_NAME` of prctl(2). Traces and failures show it.

use super::there;
use super::thread::find;
use crate::context::{self, Context};
use crate::raw;
use eagain_net::Result;
use eagain_sim::native;
use libc::{pthread_t, size_t};
use std::ffi::{CStr, c_char, c_int};

/// `TASK_COMM_LEN`, with the NUL.
const LENGTH: usize = 16;

/// As many bytes of a name as it may have.
fn cut(name: &[u8]) -> &[u8] {
    &name[..name.len().min(LENGTH - 1)]
}

/// # Safety
/// `to` has room for the name and its NUL.
unsafe fn put(name: &str, to: *mut c_char) {
    let name = cut(name.as_bytes());
    to.cast::<u8>().copy_from_nonoverlapping(name.as_ptr(), name.len());
    *to.add(name.len()) = 0;
}

fn tid_of(context: &Context, thread: pthread_t) -> Option<c_int> {
    find(context, thread).map(|other| other.tid.get())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_setname_np(thread: pthread_t, name: *const c_char) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(pthread_setname_np as fn(thread => pthread_t, name => *const c_char) -> c_int);
    };
    context.as_harness(|| {
        let name = CStr::from_ptr(name);
        if name.count_bytes() >= LENGTH {
            return libc::ERANGE;
        }
        match tid_of(context, thread) {
            Some(tid) if native::name_thread(tid, &name.to_string_lossy()) => 0,
            _ => libc::ESRCH,
        }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_getname_np(thread: pthread_t, to: *mut c_char, size: size_t) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(pthread_getname_np as
            fn(thread => pthread_t, to => *mut c_char, size => size_t) -> c_int);
    };
    context.as_harness(|| {
        if size < LENGTH {
            return libc::ERANGE;
        }
        match tid_of(context, thread).and_then(native::thread_name) {
            Some(name) => {
                put(&name, to);
                0
            }
            None => libc::ESRCH,
        }
    })
}

/// `PR_SET_NAME` and `PR_GET_NAME`: of the running thread, and what is too long is cut.
///
/// # Safety
/// What prctl(2) asks for.
pub unsafe fn name_this(option: c_int, name: *mut c_char) -> Result<()> {
    there(name)?;
    let tid = native::identity().tid;
    if option == libc::PR_SET_NAME {
        // What is longer needs no NUL.
        let name = super::bytes(name.cast(), libc::strnlen(name, LENGTH - 1));
        native::name_thread(tid, &String::from_utf8_lossy(name));
    } else if let Some(own) = native::thread_name(tid) {
        put(&own, name);
    }
    Ok(())
}
