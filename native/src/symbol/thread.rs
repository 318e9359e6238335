//! Threads: `pthread_create(3)` and what belongs to it. `pthread_t` is the thread pointer, as glibc has it.

use super::{KERNEL, symbols};
use crate::binary::begin_thread;
use crate::context::{self, Context};
use crate::process::{new_context, reap, start_thread};
use crate::raw;
use eagain_net::{Errno, ThreadId, Threads};
use eagain_sim::native;
use libc::{pthread_attr_t, pthread_t, size_t};
use std::ffi::{c_int, c_void};

unsafe extern "C" {
    fn pthread_attr_getdetachstate(attributes: *const pthread_attr_t, state: *mut c_int) -> c_int;
}

type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    to: *mut pthread_t,
    attributes: *const pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(pthread_create as
            fn(to => *mut pthread_t, attributes => *const pthread_attr_t, start => Start, argument => *mut c_void) -> c_int);
    };
    let given = (start as usize, argument as usize);
    let made = context.as_harness(|| new_context(context.state, context.process, given));
    let address = std::ptr::from_ref(made) as usize;
    // In the program's arena: where the thread is killed, nobody else frees it.
    let body = Box::new(move || start_thread(unsafe { &*(address as *const Context) }));
    made.is_binary.set(context.is_binary.get());
    if made.is_binary.get() {
        context.as_harness(|| begin_thread(made));
    }
    context.as_harness(|| match KERNEL.spawn("", body) {
        Ok(ThreadId(tid)) => {
            made.tid.set(tid);
            if !attributes.is_null() {
                let mut state = 0;
                pthread_attr_getdetachstate(attributes, &mut state);
                made.detached.set(state == libc::PTHREAD_CREATE_DETACHED);
            }
            *to = made.block.borrow().as_ref().map_or(0, native::Block::thread_pointer) as pthread_t;
            0
        }
        Err(errno) => {
            reap(made);
            errno.0
        }
    })
}

/// The context of a thread of the running process.
pub(super) fn find(context: &Context, thread: pthread_t) -> Option<&'static Context> {
    let threads = context.state.threads.borrow();
    let found = threads.get(&(context.process, thread as usize))?;
    // SAFETY: a box of `threads`, whose content lives as long as the world.
    Some(unsafe { &*std::ptr::from_ref(&**found) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_join(thread: pthread_t, result: *mut *mut c_void) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(pthread_join as fn(thread => pthread_t, result => *mut *mut c_void) -> c_int);
    };
    context.as_harness(|| {
        let Some(other) = find(context, thread) else { return libc::ESRCH };
        loop {
            match KERNEL.join(ThreadId(other.tid.get())) {
                Ok(()) => break,
                // pthread_join(3) does not return it.
                Err(Errno::EINTR) => {}
                Err(errno) => return errno.0,
            }
        }
        if !result.is_null() {
            *result = other.result.get();
        }
        reap(other);
        0
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_detach(thread: pthread_t) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(pthread_detach as fn(thread => pthread_t) -> c_int);
    };
    context.as_harness(|| {
        let Some(other) = find(context, thread) else { return libc::ESRCH };
        other.detached.set(true);
        if other.ended.get() {
            reap(other);
        }
        0
    })
}

/// What std asks for, to know where the guard page of a thread is.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_getattr_np(thread: pthread_t, attributes: *mut pthread_attr_t) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(pthread_getattr_np as fn(thread => pthread_t, attributes => *mut pthread_attr_t) -> c_int);
    };
    context.as_harness(|| {
        let (start, length) = native::stack_range();
        match libc::pthread_attr_init(attributes) {
            0 => libc::pthread_attr_setstack(attributes, start as *mut c_void, length),
            error => error,
        }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __cxa_thread_atexit_impl(
    destructor: unsafe extern "C" fn(*mut u8),
    object: *mut u8,
    library: *mut c_void,
) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(__cxa_thread_atexit_impl as
            fn(destructor => unsafe extern "C" fn(*mut u8), object => *mut u8, library => *mut c_void) -> c_int);
    };
    context.as_harness(|| context.destructors.borrow_mut().push((destructor, object)));
    0
}

/// The alternate stack of a signal handler: simulated handlers run on the thread's own.
#[unsafe(no_mangle)]
unsafe extern "C" fn sigaltstack(new: *const libc::stack_t, old: *mut libc::stack_t) -> c_int {
    if context::current().is_none() {
        return super::machine!(SYS_sigaltstack(new, old)) as c_int;
    }
    if !old.is_null() {
        *old = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    }
    0
}

symbols! {
    fn sched_yield() -> c_int = SYS_sched_yield(), |_| {
        KERNEL.sched_yield();
        Ok(())
    };

    fn gettid() -> c_int = SYS_gettid(), |context| Ok::<c_int, Errno>(context.tid.get());

    fn getpid() -> c_int = SYS_getpid(), |context| Ok::<c_int, Errno>(context.pid);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sched_getaffinity(pid: c_int, size: size_t, set: *mut c_void) -> c_int {
    let Some(context) = context::current() else {
        let result =
            raw::system_call(libc::SYS_sched_getaffinity, [i64::from(pid), size as i64, set as i64, 0, 0, 0]);
        return if result > 0 { 0 } else { raw::with_errno(result) as c_int };
    };
    match context.as_harness(|| processors(size, set)) {
        Ok(length) => {
            super::buffer(set, size)[length..].fill(0);
            0
        }
        Err(errno) => raw::with_errno(-i64::from(errno.0)) as c_int,
    }
}

/// `sched_getaffinity(2)`: the set of the host's processors; how many bytes it takes. As the harness.
pub unsafe fn processors(size: size_t, set: *mut c_void) -> Result<usize, Errno> {
    let processors = native::processors();
    let length = processors.div_ceil(64) * 8;
    if size < length || !size.is_multiple_of(8) {
        return Err(Errno::EINVAL);
    }
    let set = super::buffer(super::there(set)?, length);
    set.fill(0);
    for processor in 0..processors {
        set[processor / 8] |= 1 << (processor % 8);
    }
    Ok(length)
}
