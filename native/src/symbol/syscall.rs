//! System calls by number: `syscall(2)`, and the instruction itself (`crate::dispatch`). A number whose call has a symbol is that
//! symbol; what concerns a thread and its memory alone is the machine's; the rest is an escape.

use super::time::{checked, instant};
use super::{
    KERNEL, credentials, descriptor, directory, entropy, file, limits, message, option, posix_timer, process,
    readiness, returned, signal, socket, thread, time, timer,
};
use crate::context::{self, Context};
use crate::escape::{escape, escape_by_number};
use crate::raw;
use eagain_net::{ClockId, Errno, FutexTimeout, Result, Signal, Signals, ThreadId, Threads};
use eagain_sim::native;
use libc::timespec;
use std::ffi::{c_int, c_long, c_void};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// Variadic in C; a definition with all six arguments finds them in the same registers.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    call: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    let Some(context) = context::current() else {
        return raw::with_errno(raw::system_call(call, [a, b, c, d, e, f]));
    };
    by_number(context, call, [a, b, c, d, e, f])
}

/// The calls that are symbols, with as many of the arguments as each takes.
macro_rules! symbols_of {
    ($call:ident, $arguments:ident, $other:expr; $($number:ident = $module:ident::$name:ident [$($at:literal)*];)*) => {
        match $call {
            $(libc::$number => $module::$name($($arguments[$at] as _),*) as c_long,)*
            _ => $other,
        }
    };
}

/// As libc returns it: -1 with errno.
///
/// # Safety
/// What the system call asks for.
pub unsafe fn by_number(context: &Context, call: c_long, arguments: [c_long; 6]) -> c_long {
    symbols_of! { call, arguments, returned(context.as_harness(|| other(context, call, arguments)));
        SYS_read = descriptor::read [0 1 2];
        SYS_write = descriptor::write [0 1 2];
        SYS_readv = descriptor::readv [0 1 2];
        SYS_writev = descriptor::writev [0 1 2];
        SYS_close = descriptor::close [0];
        SYS_dup = descriptor::dup [0];
        SYS_dup2 = descriptor::dup2 [0 1];
        SYS_dup3 = descriptor::dup3 [0 1 2];
        SYS_fcntl = descriptor::fcntl [0 1 2];
        SYS_ioctl = descriptor::ioctl [0 1 2];
        SYS_pipe2 = descriptor::pipe2 [0 1];
        SYS_pipe = descriptor::pipe [0];
        SYS_socket = socket::socket [0 1 2];
        SYS_socketpair = socket::socketpair [0 1 2 3];
        SYS_bind = socket::bind [0 1 2];
        SYS_listen = socket::listen [0 1];
        SYS_accept = socket::accept [0 1 2];
        SYS_accept4 = socket::accept4 [0 1 2 3];
        SYS_connect = socket::connect [0 1 2];
        SYS_shutdown = socket::shutdown [0 1];
        SYS_getsockname = socket::getsockname [0 1 2];
        SYS_getpeername = socket::getpeername [0 1 2];
        SYS_recvfrom = socket::recvfrom [0 1 2 3 4 5];
        SYS_sendto = socket::sendto [0 1 2 3 4 5];
        SYS_sendmsg = message::sendmsg [0 1 2];
        SYS_recvmsg = message::recvmsg [0 1 2];
        SYS_sendmmsg = message::sendmmsg [0 1 2 3];
        SYS_recvmmsg = message::recvmmsg [0 1 2 3 4];
        SYS_setsockopt = option::setsockopt [0 1 2 3 4];
        SYS_getsockopt = option::getsockopt [0 1 2 3 4];
        SYS_epoll_create1 = readiness::epoll_create1 [0];
        SYS_epoll_create = readiness::epoll_create [0];
        SYS_epoll_ctl = readiness::epoll_ctl [0 1 2 3];
        SYS_epoll_wait = readiness::epoll_wait [0 1 2 3];
        SYS_epoll_pwait = readiness::epoll_pwait [0 1 2 3 4];
        SYS_poll = readiness::poll [0 1 2];
        SYS_eventfd2 = readiness::eventfd [0 1];
        SYS_open = file::open64 [0 1 2];
        SYS_pread64 = file::pread64 [0 1 2 3];
        SYS_pwrite64 = file::pwrite64 [0 1 2 3];
        SYS_fsync = file::fsync [0];
        SYS_fdatasync = file::fdatasync [0];
        SYS_ftruncate = file::ftruncate64 [0 1];
        SYS_fstat = file::fstat64 [0 1];
        SYS_stat = file::stat64 [0 1];
        SYS_lstat = file::lstat64 [0 1];
        SYS_statx = file::statx [0 1 2 3 4];
        SYS_rename = file::rename [0 1];
        SYS_unlink = file::unlink [0];
        SYS_mkdir = file::mkdir [0 1];
        SYS_lseek = file::lseek64 [0 1 2];
        SYS_access = file::access [0 1];
        SYS_readlink = file::readlink [0 1 2];
        SYS_clock_gettime = time::clock_gettime [0 1];
        SYS_gettimeofday = time::gettimeofday [0 1];
        SYS_nanosleep = time::nanosleep [0 1];
        SYS_getrandom = entropy::getrandom [0 1 2];
        SYS_sched_yield = thread::sched_yield [];
        SYS_gettid = thread::gettid [];
        SYS_getpid = thread::getpid [];
        SYS_kill = signal::kill [0 1];
        SYS_rt_sigprocmask = signal::sigprocmask [0 1 2];
        SYS_prctl = limits::prctl [0 1 2 3 4];
        SYS_setitimer = posix_timer::setitimer [0 1 2];
        SYS_getitimer = posix_timer::getitimer [0 1];
        SYS_alarm = posix_timer::alarm [0];
        SYS_chdir = directory::chdir [0];
        SYS_setuid = credentials::setuid [0];
        SYS_setgid = credentials::setgid [0];
        SYS_setreuid = credentials::setreuid [0 1];
        SYS_setregid = credentials::setregid [0 1];
        SYS_setresuid = credentials::setresuid [0 1 2];
        SYS_setresgid = credentials::setresgid [0 1 2];
        SYS_setgroups = credentials::setgroups [0 1];
        SYS_fork = process::fork [];
        SYS_vfork = process::fork [];
        SYS_execve = process::execve [0 1 2];
    }
}

unsafe fn other(context: &Context, call: c_long, arguments: [c_long; 6]) -> Result<i64> {
    let [a, b, c, ..] = arguments;
    match call {
        libc::SYS_futex => futex(context, arguments),
        // It returns what went wrong, and no errno.
        libc::SYS_clock_nanosleep => {
            let error =
                context.as_program(|| time::clock_nanosleep(a as _, b as _, c as _, arguments[3] as _));
            if error == 0 { Ok(0) } else { Err(Errno(error)) }
        }
        // Rust asks whether there is a call with these, and does without.
        libc::SYS_membarrier | libc::SYS_rseq => Err(Errno::ENOSYS),
        // The list of its robust mutexes, which no other process shares.
        libc::SYS_set_robust_list => Ok(0),
        libc::SYS_exit_group => process::exit_group(context, a as c_int),
        // Memory of its own, and what it asks about the machine.
        libc::SYS_mmap if arguments[3] & c_long::from(libc::MAP_ANONYMOUS) != 0 => {
            on_machine(call, arguments)
        }
        libc::SYS_munmap
        | libc::SYS_mprotect
        | libc::SYS_mremap
        | libc::SYS_madvise
        | libc::SYS_brk
        | libc::SYS_sigaltstack => on_machine(call, arguments),
        libc::SYS_sched_getaffinity => {
            thread::processors(b as usize, c as *mut c_void).map(|length| length as i64)
        }
        libc::SYS_tgkill => KERNEL.tgkill(ThreadId(b as i32), Signal(c as i32)).map(|()| 0),
        libc::SYS_tkill => KERNEL.tgkill(ThreadId(a as i32), Signal(b as i32)).map(|()| 0),
        _ => {
            let known = directory::by_number(context, call, arguments)
                .or_else(|| limits::by_number(call, arguments))
                .or_else(|| credentials::by_number(context, call, arguments))
                .or_else(|| readiness::by_number(call, arguments))
                .or_else(|| timer::by_number(context, call, arguments))
                .or_else(|| posix_timer::by_number(call, arguments))
                .or_else(|| descriptor::by_number(context, call, arguments));
            known.unwrap_or_else(|| {
                escape_by_number(call);
                Err(Errno::ENOSYS)
            })
        }
    }
}

unsafe fn on_machine(call: c_long, arguments: [c_long; 6]) -> Result<i64> {
    let result = raw::system_call(call, arguments);
    if (-4095..0).contains(&result) { Err(Errno(-result as i32)) } else { Ok(result) }
}

unsafe fn futex(context: &Context, [word, op, value, timeout, second, third]: [c_long; 6]) -> Result<i64> {
    let word = &*(word as *const AtomicU32);
    let time = timeout as *const timespec;
    let clock =
        if op as c_int & libc::FUTEX_CLOCK_REALTIME != 0 { ClockId::Realtime } else { ClockId::Monotonic };
    match op as c_int & libc::FUTEX_CMD_MASK {
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET if time.is_null() => {
            KERNEL.futex_wait(word, value as u32, FutexTimeout::Never).map(|()| 0)
        }
        libc::FUTEX_WAIT => {
            KERNEL.futex_wait(word, value as u32, FutexTimeout::Relative(checked(time)?)).map(|()| 0)
        }
        libc::FUTEX_WAIT_BITSET => {
            KERNEL.futex_wait(word, value as u32, FutexTimeout::Absolute(clock, instant(time)?)).map(|()| 0)
        }
        libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => {
            let woken = KERNEL.futex_wake(word, value as u32)?;
            if woken > 0 {
                context.as_harness(native::preempt_waker);
            }
            Ok(i64::from(woken))
        }
        requeue @ (libc::FUTEX_REQUEUE | libc::FUTEX_CMP_REQUEUE) => {
            let expected = if requeue == libc::FUTEX_CMP_REQUEUE { third as u32 } else { word.load(SeqCst) };
            let target = &*(second as *const AtomicU32);
            KERNEL.futex_cmp_requeue(word, expected, value as u32, timeout as u32, target).map(i64::from)
        }
        other => {
            escape("futex", &format!(" with the operation {other}"));
            Err(Errno::ENOSYS)
        }
    }
}
