//! Readiness: `epoll(7)`, `poll(2)`, `select(2)`, `eventfd(2)`.

use super::descriptor::made;
use super::time::{self, timespec_of};
use super::{KERNEL, symbols};
use crate::escape::escape;
use eagain_net::{
    Clock, ClockId, EpollOp, Errno, Events, Fd, FdSet, PollFd, Readiness, Result, SigSet, SocketFlags,
};
use libc::{epoll_event, nfds_t, pollfd, sigset_t, timespec};
use std::ffi::{c_int, c_long, c_uint};
use std::time::Duration;

/// So many events are taken at once at most: mio has room for 1024 each time, and asks again.
const EVENTS_MAX: usize = 64;

fn from_ms(ms: c_int) -> Option<Duration> {
    u64::try_from(ms).ok().map(Duration::from_millis)
}

unsafe fn mask(set: *const sigset_t) -> Option<SigSet> {
    (!set.is_null()).then(|| SigSet(set.cast::<u64>().read_unaligned()))
}

unsafe fn wait(
    epoll: c_int,
    to: *mut epoll_event,
    count: c_int,
    timeout: Option<Duration>,
    mask: Option<SigSet>,
) -> Result<usize> {
    let Ok(count @ 1..) = usize::try_from(count) else { return Err(Errno::EINVAL) };
    if to.is_null() {
        return Err(Errno::EFAULT);
    }
    KERNEL.epoll_wait_each(Fd(epoll), count.min(EVENTS_MAX), timeout, mask, |at, event| {
        to.add(at).write_unaligned(epoll_event { events: event.events.0, u64: event.data });
    })
}

symbols! {
    fn epoll_create1(flags: c_int) -> c_int = SYS_epoll_create1(flags), |context| {
        if flags & !libc::EPOLL_CLOEXEC != 0 {
            return Err(Errno::EINVAL);
        }
        KERNEL.epoll_create().map(|fd| made(context, fd, flags != 0))
    };

    fn epoll_create(size: c_int) -> c_int = SYS_epoll_create(size), |context| {
        if size <= 0 { Err(Errno::EINVAL) } else { KERNEL.epoll_create().map(|fd| made(context, fd, false)) }
    };

    fn epoll_ctl(epoll: c_int, op: c_int, fd: c_int, event: *mut epoll_event) -> c_int =
        SYS_epoll_ctl(epoll, op, fd, event), |_| {
        let op = match op {
            libc::EPOLL_CTL_ADD => EpollOp::Add,
            libc::EPOLL_CTL_DEL => EpollOp::Del,
            libc::EPOLL_CTL_MOD => EpollOp::Mod,
            _ => return Err(Errno::EINVAL),
        };
        let (events, data) = match op {
            EpollOp::Del => (0, 0),
            _ if event.is_null() => return Err(Errno::EFAULT),
            _ => {
                let event = event.read_unaligned();
                (event.events, event.u64)
            }
        };
        KERNEL.epoll_ctl(Fd(epoll), op, Fd(fd), Events(events).named(), data)
    };

    fn epoll_wait(epoll: c_int, to: *mut epoll_event, count: c_int, ms: c_int) -> c_int =
        SYS_epoll_wait(epoll, to, count, ms), |_| wait(epoll, to, count, from_ms(ms), None);

    fn epoll_pwait(epoll: c_int, to: *mut epoll_event, count: c_int, ms: c_int, set: *const sigset_t) -> c_int =
        SYS_epoll_pwait(epoll, to, count, ms, set, 8), |_| wait(epoll, to, count, from_ms(ms), mask(set));

    fn poll(list: *mut pollfd, count: nfds_t, ms: c_int) -> c_int = SYS_poll(list, count, ms), |_| {
        poll_all(list, count, from_ms(ms), None)
    };

    fn eventfd(initial: c_uint, flags: c_int) -> c_int = SYS_eventfd2(initial, flags), |context| {
        let fd = KERNEL.eventfd(initial, SocketFlags(flags))?;
        Ok(made(context, fd, flags & libc::EFD_CLOEXEC != 0))
    };
}

unsafe fn poll_all(
    list: *mut pollfd,
    count: nfds_t,
    timeout: Option<Duration>,
    mask: Option<SigSet>,
) -> Result<usize> {
    if count > eagain_sim::native::descriptor_limit() as nfds_t {
        return Err(Errno::EINVAL);
    }
    if list.is_null() && count > 0 {
        return Err(Errno::EFAULT);
    }
    let entries = if count == 0 { &mut [] } else { std::slice::from_raw_parts_mut(list, count as usize) };
    let mut fds: Vec<PollFd> = entries
        .iter()
        .map(|entry| PollFd::new(Fd(entry.fd), Events(u32::from(entry.events as u16)).named()))
        .collect();
    let ready = KERNEL.poll(&mut fds, timeout, mask)?;
    for (entry, fd) in entries.iter_mut().zip(&fds) {
        entry.revents = fd.revents.0 as i16;
    }
    Ok(ready)
}

const SET_WORDS: usize = FdSet::SIZE as usize / 64;

unsafe fn read_fds(set: *mut u64, words: usize) -> Option<FdSet> {
    let mut fds = FdSet::default();
    (!set.is_null()).then(|| {
        for (at, word) in fds.bits.iter_mut().take(words).enumerate() {
            *word = *set.add(at);
        }
        fds
    })
}

unsafe fn select_all(
    count: c_int,
    sets: [*mut u64; 3],
    timeout: Option<Duration>,
    mask: Option<SigSet>,
) -> Result<usize> {
    let words = usize::try_from(count).map_err(|_| Errno::EINVAL)?.div_ceil(64);
    // Linux takes longer sets (select(2), BUGS); what nothing is asked of can be left out.
    let beyond = |set: &*mut u64| !set.is_null() && (SET_WORDS..words).any(|at| *set.add(at) != 0);
    if sets.iter().any(beyond) {
        escape("select", " of descriptors above 1023");
        return Err(Errno::EINVAL);
    }
    let (count, words) = (count.min(FdSet::SIZE), words.min(SET_WORDS));
    let mut fds = sets.map(|set| read_fds(set, words));
    let [reads, writes, exceptions] = &mut fds;
    let found = KERNEL.select(count, reads.as_mut(), writes.as_mut(), exceptions.as_mut(), timeout, mask)?;
    for (to, set) in sets.into_iter().zip(fds) {
        if let Some(set) = set {
            for (at, word) in set.bits.iter().take(words).enumerate() {
                *to.add(at) = *word;
            }
        }
    }
    Ok(found)
}

/// Runs a wait whose timeout Linux writes back: what is left of it.
fn with_rest(
    timeout: Result<Option<Duration>>,
    wait: impl FnOnce(Option<Duration>) -> Result<usize>,
    write: impl FnOnce(Duration),
) -> Result<i64> {
    let timeout = timeout?;
    let until = timeout.map(|timeout| KERNEL.clock_gettime(ClockId::Monotonic) + timeout);
    let result = wait(timeout);
    if let Some(until) = until {
        write(until.saturating_since(KERNEL.clock_gettime(ClockId::Monotonic)));
    }
    result.map(|ready| ready as i64)
}

/// The `struct timeval` of `select(2)`: more than a second of microseconds is one, and less than none is not.
unsafe fn timeval_timeout(time: *const libc::timeval) -> Result<Option<Duration>> {
    if time.is_null() {
        return Ok(None);
    }
    let libc::timeval { tv_sec, tv_usec } = time.read_unaligned();
    let tv_sec = tv_sec.wrapping_add(tv_usec / 1_000_000);
    time::checked(&timespec { tv_sec, tv_nsec: tv_usec % 1_000_000 * 1000 }).map(Some)
}

/// The calls of this kind that have no symbol: `select(2)`, `pselect(2)`, `ppoll(2)`, `pause(2)`; `None`: it is none of them. As the
/// harness.
pub unsafe fn by_number(call: c_long, arguments: [c_long; 6]) -> Option<Result<i64>> {
    let [a, b, c, d, e, f] = arguments;
    let sets = [b, c, d].map(|set| set as *mut u64);
    Some(match call {
        libc::SYS_select => {
            let time = e as *mut libc::timeval;
            let write = |rest: Duration| {
                *time = libc::timeval { tv_sec: rest.as_secs() as i64, tv_usec: rest.subsec_micros().into() };
            };
            with_rest(timeval_timeout(time), |timeout| select_all(a as c_int, sets, timeout, None), write)
        }
        libc::SYS_pselect6 => {
            let time = e as *mut timespec;
            // Set and size in a structure of their own.
            let mask = if f == 0 { None } else { mask(*(f as *const *const sigset_t)) };
            with_rest(
                time::timeout(time),
                |timeout| select_all(a as c_int, sets, timeout, mask),
                |rest| *time = timespec_of(rest),
            )
        }
        libc::SYS_ppoll => {
            let time = c as *mut timespec;
            with_rest(
                time::timeout(time),
                |timeout| poll_all(a as *mut pollfd, b as nfds_t, timeout, mask(d as *const sigset_t)),
                |rest| *time = timespec_of(rest),
            )
        }
        libc::SYS_epoll_pwait2 => time::timeout(d as *const timespec)
            .and_then(|timeout| wait(a as c_int, b as _, c as c_int, timeout, mask(e as _)))
            .map(|ready| ready as i64),
        libc::SYS_pause => poll_all(std::ptr::null_mut(), 0, None, None).map(|_| 0),
        libc::SYS_rt_sigsuspend => {
            poll_all(std::ptr::null_mut(), 0, None, mask(a as *const sigset_t)).map(|_| 0)
        }
        _ => return None,
    })
}
