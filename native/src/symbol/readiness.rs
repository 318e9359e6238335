//! Readiness: `epoll(7)`, `poll(2)`, `eventfd(2)`.

use super::{KERNEL, is_console, symbols};
use eagain_net::{EpollEvent, EpollOp, Errno, Events, Fd, PollFd, Readiness, SigSet, SocketFlags};
use libc::{epoll_event, nfds_t, pollfd, sigset_t};
use std::ffi::{c_int, c_uint};
use std::time::Duration;

/// So many events are taken at once at most: mio has room for 1024 each time, and asks again.
const EVENTS_MAX: usize = 64;

fn timeout(ms: c_int) -> Option<Duration> {
    u64::try_from(ms).ok().map(Duration::from_millis)
}

unsafe fn mask(set: *const sigset_t) -> Option<SigSet> {
    (!set.is_null()).then(|| SigSet(set.cast::<u64>().read_unaligned()))
}

unsafe fn wait(
    epoll: c_int,
    to: *mut epoll_event,
    count: c_int,
    ms: c_int,
    mask: Option<SigSet>,
) -> Result<usize, Errno> {
    let Ok(count @ 1..) = usize::try_from(count) else { return Err(Errno::EINVAL) };
    let mut events = [EpollEvent::default(); EVENTS_MAX];
    let events = &mut events[..count.min(EVENTS_MAX)];
    let ready = KERNEL.epoll_wait(Fd(epoll), events, timeout(ms), mask)?;
    for (at, event) in events[..ready].iter().enumerate() {
        to.add(at).write_unaligned(epoll_event { events: event.events.0, u64: event.data });
    }
    Ok(ready)
}

symbols! {
    fn epoll_create1(flags: c_int) -> c_int = SYS_epoll_create1(flags), |_| KERNEL.epoll_create();

    fn epoll_create(size: c_int) -> c_int = SYS_epoll_create(size), |_| {
        if size <= 0 { Err(Errno::EINVAL) } else { KERNEL.epoll_create() }
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
        SYS_epoll_wait(epoll, to, count, ms), |_| wait(epoll, to, count, ms, None);

    fn epoll_pwait(epoll: c_int, to: *mut epoll_event, count: c_int, ms: c_int, set: *const sigset_t) -> c_int =
        SYS_epoll_pwait(epoll, to, count, ms, set, 8), |_| wait(epoll, to, count, ms, mask(set));

    fn poll(list: *mut pollfd, count: nfds_t, ms: c_int) -> c_int = SYS_poll(list, count, ms), |_| {
        let entries = std::slice::from_raw_parts_mut(list, if list.is_null() { 0 } else { count as usize });
        // The console can be written, and is at its end; the kernel knows nothing of it.
        let mut ready = 0;
        for entry in entries.iter_mut().filter(|entry| is_console(entry.fd)) {
            entry.revents = entry.events & if entry.fd == 0 { libc::POLLIN } else { libc::POLLOUT };
            ready += usize::from(entry.revents != 0);
        }
        let mut others: Vec<&mut pollfd> = entries.iter_mut().filter(|entry| !is_console(entry.fd)).collect();
        let mut fds: Vec<PollFd> = others
            .iter()
            .map(|entry| PollFd::new(Fd(entry.fd), Events(u32::from(entry.events as u16)).named()))
            .collect();
        if ready == 0 || !fds.is_empty() {
            ready += KERNEL.poll(&mut fds, if ready > 0 { Some(Duration::ZERO) } else { timeout(ms) }, None)?;
        }
        for (entry, fd) in others.iter_mut().zip(&fds) {
            entry.revents = fd.revents.0 as i16;
        }
        Ok(ready)
    };

    fn eventfd(initial: c_uint, flags: c_int) -> c_int = SYS_eventfd2(initial, flags), |_| {
        KERNEL.eventfd(initial, SocketFlags(flags))
    };
}
