//! What a program asks about the machine and its own use of it: the same on every machine.

use super::{symbols, there, thread_name};
use crate::escape::escape;
use eagain_net::{Clock, ClockId, Errno, Limits, Resource, Result, Rlimit, Signal, Signals, ThreadId};
use eagain_sim::native;
use std::ffi::{c_char, c_int, c_long};

/// `CAP_CHECKPOINT_RESTORE`: all processes are root's…
const CAPABILITY_LAST: c_long = 40;
/// …without this one, as in most containers.
const CAP_SYS_RESOURCE: c_long = 24;

/// A null pointer.
const FAULT: Option<Result<i64>> = Some(Err(Errno::EFAULT));

symbols! {
    fn prctl(option: c_int, a: c_long, b: c_long, c: c_long, d: c_long) -> c_int = SYS_prctl(option, a, b, c, d), |_| {
        match option {
            libc::PR_SET_NAME | libc::PR_GET_NAME => thread_name::name_this(option, a as *mut c_char).map(|()| 0),
            // Dumps, huge pages, the end of a parent and what becomes of capabilities: without an effect here.
            libc::PR_SET_DUMPABLE | libc::PR_SET_THP_DISABLE | libc::PR_SET_PDEATHSIG | libc::PR_SET_KEEPCAPS
            | libc::PR_SET_NO_NEW_PRIVS => Ok(0),
            libc::PR_CAPBSET_READ if a == CAP_SYS_RESOURCE => Ok(0),
            libc::PR_CAPBSET_READ if (0..=CAPABILITY_LAST).contains(&a) => Ok(1),
            libc::PR_CAPBSET_READ => Err(Errno::EINVAL),
            _ => {
                escape("prctl", &format!(" {option}"));
                Err(Errno::EINVAL)
            }
        }
    };
}

/// The calls of this kind; `None`: it is none of them. As the harness.
pub unsafe fn by_number(call: c_long, arguments: [c_long; 6]) -> Option<Result<i64>> {
    let [a, b, c, d, ..] = arguments;
    Some(match call {
        libc::SYS_setrlimit if b == 0 => Err(Errno::EFAULT),
        libc::SYS_getrlimit if b == 0 => resource(a).and(Err(Errno::EFAULT)),
        libc::SYS_getrlimit => limit(a, std::ptr::null(), b as *mut libc::rlimit),
        libc::SYS_setrlimit => limit(a, b as *const libc::rlimit, std::ptr::null_mut()),
        libc::SYS_prlimit64 => {
            about(a as c_int).and_then(|()| limit(b, c as *const libc::rlimit, d as *mut libc::rlimit))
        }
        libc::SYS_uname => {
            let Ok(to) = there(a as *mut libc::utsname) else { return FAULT };
            let to = &mut *to;
            *to = std::mem::zeroed();
            write(&mut to.sysname, "Linux");
            write(&mut to.nodename, &native::host_name());
            write(&mut to.release, "6.1.0");
            write(&mut to.version, "#1 SMP");
            write(&mut to.machine, "x86_64");
            Ok(0)
        }
        libc::SYS_getrusage => {
            let clock =
                if a as c_int == libc::RUSAGE_THREAD { ClockId::ThreadCpu } else { ClockId::ProcessCpu };
            let used = super::KERNEL.clock_gettime(clock).0;
            let Ok(to) = there(b as *mut libc::rusage) else { return FAULT };
            let to = &mut *to;
            *to = std::mem::zeroed();
            to.ru_utime.tv_sec = (used / 1_000_000_000) as i64;
            to.ru_utime.tv_usec = (used % 1_000_000_000 / 1000) as i64;
            Ok(0)
        }
        libc::SYS_sysinfo => {
            let Ok(to) = there(a as *mut libc::sysinfo) else { return FAULT };
            let to = &mut *to;
            *to = std::mem::zeroed();
            to.mem_unit = 1;
            to.totalram = 8 << 30;
            to.freeram = 4 << 30;
            to.procs = 1;
            Ok(0)
        }
        // It is for waiting for a process that was started: there is none, and there are kernels without the call.
        libc::SYS_pidfd_open => Err(Errno::ENOSYS),
        // Every process has one processor or another, the same user, and a session of its own.
        libc::SYS_sched_setaffinity | libc::SYS_setpriority => Ok(0),
        libc::SYS_getpriority => Ok(20),
        libc::SYS_getppid => Ok(1),
        libc::SYS_setsid | libc::SYS_getpgrp | libc::SYS_getsid => Ok(native::identity().pid.into()),
        _ => return None,
    })
}

/// Whether prlimit(2) of this process or thread is about the calling process.
fn about(id: c_int) -> Result<()> {
    let is_own = id == 0 || super::KERNEL.tgkill(ThreadId(id), Signal(0)).is_ok();
    match is_own {
        true => Ok(()),
        false => super::KERNEL.kill(id, Signal(0)).and(Err(Errno::EPERM)),
    }
}

fn resource(number: c_long) -> Result<Resource> {
    let at = usize::try_from(number as c_int).ok();
    at.and_then(|at| Resource::ALL.get(at)).copied().ok_or(Errno::EINVAL)
}

/// prlimit(2) of the calling process. What cannot be set leaves no trace in `old`.
unsafe fn limit(number: c_long, new: *const libc::rlimit, old: *mut libc::rlimit) -> Result<i64> {
    let resource = resource(number)?;
    let before = if old.is_null() { None } else { Some(super::KERNEL.getrlimit(resource)?) };
    if !new.is_null() {
        let libc::rlimit { rlim_cur: soft, rlim_max: hard } = *new;
        super::KERNEL.setrlimit(resource, Rlimit { soft, hard })?;
    }
    if let Some(Rlimit { soft, hard }) = before {
        *old = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    }
    Ok(0)
}

fn write(to: &mut [c_char], text: &str) {
    let room = to.len() - 1;
    for (to, byte) in to.iter_mut().zip(text.bytes().take(room)) {
        *to = byte as c_char;
    }
}
