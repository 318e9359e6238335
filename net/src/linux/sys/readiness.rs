//! `epoll`, `poll`, `select` and `eventfd`.

use super::super::handler::interruptible;
use super::{check, check_fd, check_unit};
use crate::{EpollEvent, Errno, Events, Fd, FdSet, Result, SigSet};
use libc::timespec;
use std::mem::size_of;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The size of the kernel's `sigset_t`, in bytes.
const SIGSET_LEN: usize = size_of::<u64>();

fn timeout_ptr(timeout: &Option<timespec>) -> *const timespec {
    timeout.as_ref().map_or(null(), |timeout| &raw const *timeout)
}

fn mask_ptr(mask: &Option<SigSet>) -> *const u64 {
    mask.as_ref().map_or(null(), |mask| &raw const mask.0)
}

pub(crate) fn epoll_create() -> Result<Fd> {
    // SAFETY: no memory is touched.
    check_fd(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
}

pub(crate) fn epoll_ctl(epoll: Fd, op: i32, fd: Fd, events: Events, data: u64) -> Result<()> {
    let mut event = libc::epoll_event { events: events.0, u64: data };
    // SAFETY: the kernel reads one event that lives through the call.
    check_unit(unsafe { libc::epoll_ctl(epoll.0, op, fd.0, &raw mut event) })
}

/// Whether this kernel lacks epoll_pwait2 (before Linux 5.11), found out once.
static NO_PWAIT2: AtomicBool = AtomicBool::new(false);

// The kernel's records are packed on x86-64 and so smaller than ours, elsewhere as large: they fit into the
// caller's slice, which is what `epoll_wait` below relies on.
const _: () = assert!(size_of::<libc::epoll_event>() <= size_of::<EpollEvent>());

pub(crate) fn epoll_wait(
    epoll: Fd,
    events: &mut [EpollEvent],
    timeout: Option<timespec>,
    mask: Option<SigSet>,
) -> Result<usize> {
    let raw: *mut libc::epoll_event = events.as_mut_ptr().cast();
    let room = i32::try_from(events.len()).unwrap_or(i32::MAX);
    let count = if NO_PWAIT2.load(Relaxed) {
        epoll_pwait(epoll, raw, room, timeout, mask)?
    } else {
        // SAFETY: the kernel writes at most `room` records of its own size, which is not above that of the slice's
        // records; set and timeout live through the call.
        let returned = interruptible(|| unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                epoll.0,
                raw,
                room,
                timeout_ptr(&timeout),
                mask_ptr(&mask),
                SIGSET_LEN,
            )
        });
        match check(returned as isize) {
            Err(Errno::ENOSYS) => {
                NO_PWAIT2.store(true, Relaxed);
                epoll_pwait(epoll, raw, room, timeout, mask)?
            }
            other => other?,
        }
    };
    // Spread the kernel's records over the slice, last one first: record i goes to 16 * i, and those not yet moved
    // lie below 12 * i.
    for at in (0..count.min(events.len())).rev() {
        // SAFETY: the kernel wrote `count` records from the slice's start on, and record `at` was not yet
        // overwritten; both kinds of record are plain integers.
        let event = unsafe { events.as_ptr().cast::<libc::epoll_event>().add(at).read_unaligned() };
        events[at] = EpollEvent { events: Events(event.events), data: event.u64 };
    }
    Ok(count)
}

/// The older form, in milliseconds, rounded up: rounding down would turn a short wait into a busy loop.
fn epoll_pwait(
    epoll: Fd,
    raw: *mut libc::epoll_event,
    room: i32,
    timeout: Option<timespec>,
    mask: Option<SigSet>,
) -> Result<usize> {
    let millis = timeout.map_or(-1, |t| {
        let millis = t.tv_sec.saturating_mul(1000).saturating_add((t.tv_nsec + 999_999) / 1_000_000);
        i32::try_from(millis).unwrap_or(i32::MAX)
    });
    // SAFETY: as for epoll_pwait2 above; `raw` and `room` come from there.
    let returned = interruptible(|| unsafe {
        libc::syscall(libc::SYS_epoll_pwait, epoll.0, raw, room, millis, mask_ptr(&mask), SIGSET_LEN)
    });
    check(returned as isize)
}

pub(crate) fn ppoll(
    fds: &mut [libc::pollfd],
    mut timeout: Option<timespec>,
    mask: Option<SigSet>,
) -> Result<usize> {
    let time = timeout.as_mut().map_or(null_mut(), |timeout| &raw mut *timeout);
    // SAFETY: the kernel reads and writes `len` entries borrowed for the call, writes the remaining time into a
    // copy, and reads the set; all live through the call.
    let returned = interruptible(|| unsafe {
        libc::syscall(libc::SYS_ppoll, fds.as_mut_ptr(), fds.len(), time, mask_ptr(&mask), SIGSET_LEN)
    });
    check(returned as isize)
}

/// The sixth argument of pselect6: where the set is, and how large.
#[repr(C)]
struct MaskArgument {
    set: *const u64,
    len: usize,
}

pub(crate) fn pselect(
    nfds: i32,
    read: Option<&mut FdSet>,
    write: Option<&mut FdSet>,
    except: Option<&mut FdSet>,
    mut timeout: Option<timespec>,
    mask: Option<SigSet>,
) -> Result<usize> {
    // select(2): the sets are 1024 bits, and a larger nfds reads and writes beyond them.
    if nfds > FdSet::SIZE {
        return Err(Errno::EINVAL);
    }
    let bits = |set: Option<&mut FdSet>| set.map_or(null_mut(), |set| set.bits.as_mut_ptr());
    let time = timeout.as_mut().map_or(null_mut(), |timeout| &raw mut *timeout);
    let argument = MaskArgument { set: mask_ptr(&mask), len: SIGSET_LEN };
    // SAFETY: each set is 1024 bits, as many as `nfds` can ask for, borrowed for the call; the kernel writes the
    // remaining time into a copy; the mask lives through the call.
    let returned = interruptible(|| unsafe {
        libc::syscall(
            libc::SYS_pselect6,
            nfds,
            bits(read),
            bits(write),
            bits(except),
            time,
            &raw const argument,
        )
    });
    check(returned as isize)
}

pub(crate) fn eventfd(initial: u32, flags: i32) -> Result<Fd> {
    // SAFETY: no memory is touched.
    check_fd(unsafe { libc::eventfd(initial, flags) })
}
