//! Processes: how they end, what they ask about the machine, and what they may not do (`fork(2)`, `execve(2)`).

use super::directory::working;
use super::symbols;
use crate::escape::escape;
use crate::{context, raw};
use eagain_net::Errno;
use eagain_sim::native;
use std::ffi::{c_char, c_int, c_long};

#[unsafe(no_mangle)]
unsafe extern "C" fn exit(status: c_int) -> ! {
    match context::current() {
        Some(context) => end(context, status),
        None => {
            raw::real!(exit as fn(status => c_int) -> ());
            unreachable!("exit returned")
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn _exit(status: c_int) -> ! {
    match context::current() {
        Some(context) => end(context, status),
        None => raw::exit_now(status),
    }
}

/// Ends the process without more ado.
pub fn end_process(status: c_int) -> ! {
    // SAFETY: it has no preconditions.
    unsafe { _exit(status) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn _Exit(status: c_int) -> ! {
    _exit(status)
}

fn end(context: &context::Context, status: c_int) -> ! {
    context.as_harness(|| exit_group(context, status))
}

/// `exit_group(2)`, as the harness.
pub(super) fn exit_group(context: &context::Context, status: c_int) -> ! {
    context.flush();
    native::exit(status & 0xff, &format!("exit({status})"))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn abort() -> ! {
    match context::current() {
        Some(context) => context.as_harness(|| {
            context.flush();
            native::exit(-libc::SIGABRT, "aborted (SIGABRT)")
        }),
        None => {
            raw::real!(abort as fn() -> ());
            unreachable!("abort returned")
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sysconf(name: c_int) -> c_long {
    match context::current() {
        Some(context) if name == libc::_SC_NPROCESSORS_ONLN || name == libc::_SC_NPROCESSORS_CONF => {
            context.as_harness(native::processors) as c_long
        }
        _ => raw::real!(sysconf as fn(name => c_int) -> c_long),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getcwd(to: *mut c_char, length: usize) -> *mut c_char {
    let Some(context) = context::current() else {
        return raw::real!(getcwd as fn(to => *mut c_char, length => usize) -> *mut c_char);
    };
    // Of libc: the caller gives it back by `free`.
    const ROOM: usize = 4096;
    let (to, length) =
        if to.is_null() { (libc::malloc(length.max(ROOM)).cast(), length.max(ROOM)) } else { (to, length) };
    if to.is_null() {
        return to;
    }
    let folder = working(context);
    if length <= folder.len() {
        raw::set_errno(libc::ERANGE);
        return std::ptr::null_mut();
    }
    std::ptr::copy_nonoverlapping(folder.as_ptr(), to.cast(), folder.len());
    *to.add(folder.len()) = 0;
    to
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn fork() -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(fork as fn() -> c_int);
    };
    context.as_harness(|| escape("fork", ""));
    raw::set_errno(libc::ENOSYS);
    -1
}

symbols! {
    fn execve(path: *const c_char, arguments: *const *const c_char, environment: *const *const c_char) -> c_int =
        SYS_execve(path, arguments, environment), |_| {
        escape("execve", "");
        Err::<c_int, _>(Errno::ENOSYS)
    };
}

/// What std's `Command` makes processes by.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_spawnp(
    pid: *mut libc::pid_t,
    file: *const c_char,
    actions: *const libc::posix_spawn_file_actions_t,
    attributes: *const libc::posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    let Some(context) = context::current() else {
        return raw::real!(posix_spawnp as fn(pid => *mut libc::pid_t, file => *const c_char,
            actions => *const libc::posix_spawn_file_actions_t, attributes => *const libc::posix_spawnattr_t,
            arguments => *const *mut c_char, environment => *const *mut c_char) -> c_int);
    };
    context.as_harness(|| escape("posix_spawn", ""));
    libc::ENOSYS
}
