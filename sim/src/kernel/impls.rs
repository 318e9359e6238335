//! The families of the kernel, call by call.

use super::SimKernel;
use super::door::{call, waiting_call};
use crate::network::SendProgress;
use crate::network::address_word;
use crate::stack::with;
use crate::syscall::received;
use crate::syscall::socket;
use crate::trace::Kind;
use eagain_net::*;
use std::io::{IoSlice, IoSliceMut};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

pub(super) fn word(fd: Fd) -> u64 {
    i64::from(fd.0) as u64
}

pub(super) fn nanoseconds(duration: Option<Duration>) -> Option<u64> {
    duration.map(|d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX - 1))
}

/// A timeout as a word of an event: `u64::MAX` is for ever.
pub(super) fn timeout_word(timeout: Option<u64>) -> u64 {
    timeout.unwrap_or(u64::MAX)
}

impl Descriptors for SimKernel {
    fn close(&self, fd: Fd) -> Result<()> {
        call(Kind::Close, [word(fd), 0, 0, 0], |w| w.sys_close(fd))
    }

    fn dup(&self, fd: Fd) -> Result<Fd> {
        call(Kind::Dup, [word(fd), 0, 0, 0], |w| w.sys_dup(fd))
    }

    fn read(&self, fd: Fd, buffer: &mut [u8]) -> Result<usize> {
        let mut deadline = None;
        let args = [word(fd), buffer.len() as u64, 0, 0];
        waiting_call(Kind::Read, args, |w| w.sys_read(fd, buffer, &mut deadline))
    }

    fn write(&self, fd: Fd, buffer: &[u8]) -> Result<usize> {
        let mut progress = SendProgress::default();
        let args = [word(fd), buffer.len() as u64, 0, 0];
        let result = waiting_call(Kind::Write, args, |w| w.sys_write(fd, buffer, &mut progress));
        partial(result, &progress)
    }

    fn readv(&self, fd: Fd, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let total: usize = buffers.iter().map(|b| b.len()).sum();
        let mut whole = vec![0; total];
        let mut deadline = None;
        let args = [word(fd), total as u64, 0, 0];
        let n = waiting_call(Kind::Readv, args, |w| w.sys_read_parts(fd, &mut whole, &mut deadline))?;
        let mut rest = &whole[..n];
        for buffer in buffers {
            let take = rest.len().min(buffer.len());
            buffer[..take].copy_from_slice(&rest[..take]);
            rest = &rest[take..];
        }
        Ok(n)
    }

    fn writev(&self, fd: Fd, buffers: &[IoSlice<'_>]) -> Result<usize> {
        let total: usize = buffers.iter().map(|b| b.len()).sum();
        let whole: Vec<u8> = buffers.iter().flat_map(|b| b.iter().copied()).collect();
        let mut progress = SendProgress::default();
        let args = [word(fd), total as u64, 0, 0];
        let result =
            waiting_call(Kind::Writev, args, |w| w.sys_write_parts(fd, &whole, buffers, &mut progress));
        partial(result, &progress)
    }

    fn fcntl_getfl(&self, fd: Fd) -> Result<StatusFlags> {
        call(Kind::FcntlGetFl, [word(fd), 0, 0, 0], |w| w.sys_getfl(fd))
    }

    fn fcntl_setfl(&self, fd: Fd, flags: StatusFlags) -> Result<()> {
        call(Kind::FcntlSetFl, [word(fd), flags.0 as u64, 0, 0], |w| w.sys_setfl(fd, flags))
    }
}

/// A blocking write that a signal ends after it has got somewhere returns how far, whatever `SA_RESTART` says.
fn partial(result: Result<usize>, progress: &SendProgress) -> Result<usize> {
    match result {
        Err(Errno::EINTR) if progress.sent > 0 => Ok(progress.sent),
        result => result,
    }
}

impl Sockets for SimKernel {
    fn socket(&self, domain: Domain, flags: SocketFlags) -> Result<Fd> {
        call(Kind::Socket, [domain as u64, flags.0 as u64, 0, 0], |w| socket::socket(w, domain, flags))
    }

    fn bind(&self, fd: Fd, address: SocketAddr) -> Result<()> {
        call(Kind::Bind, [word(fd), address_word(address), 0, 0], |w| socket::bind(w, fd, address))
    }

    fn listen(&self, fd: Fd, backlog: i32) -> Result<()> {
        call(Kind::Listen, [word(fd), backlog as u64, 0, 0], |w| socket::listen(w, fd, backlog))
    }

    fn accept4(&self, fd: Fd, flags: SocketFlags) -> Result<(Fd, SocketAddr)> {
        let args = [word(fd), flags.0 as u64, 0, 0];
        waiting_call(Kind::Accept, args, |w| socket::accept(w, fd, flags))
    }

    fn connect(&self, fd: Fd, address: SocketAddr) -> Result<()> {
        let args = [word(fd), address_word(address), 0, 0];
        waiting_call(Kind::Connect, args, |w| socket::connect(w, fd, address))
    }

    fn recv(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let mut deadline = None;
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, 0];
        if flags.contains(RecvFlags::WAITALL) && !flags.intersects(RecvFlags::PEEK | RecvFlags::TRUNC) {
            let mut got = 0;
            let result = waiting_call(Kind::Recv, args, |w| {
                w.sys_recv_all(fd, buffer, flags, &mut got, &mut deadline)
            });
            return received(result, got);
        }
        waiting_call(Kind::Recv, args, |w| socket::recv(w, fd, buffer, flags, &mut deadline))
    }

    fn send(&self, fd: Fd, buffer: &[u8], flags: SendFlags) -> Result<usize> {
        let mut progress = SendProgress::default();
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, 0];
        let result = waiting_call(Kind::Send, args, |w| socket::send(w, fd, &[buffer], flags, &mut progress));
        partial(result, &progress)
    }

    fn sendmsg(&self, fd: Fd, buffers: &[IoSlice<'_>], flags: SendFlags) -> Result<usize> {
        let pieces: Vec<&[u8]> = buffers.iter().map(|b| &**b).collect();
        let total: usize = pieces.iter().map(|b| b.len()).sum();
        let mut progress = SendProgress::default();
        let args = [word(fd), total as u64, flags.0 as u64, 0];
        let result =
            waiting_call(Kind::Sendmsg, args, |w| socket::send(w, fd, &pieces, flags, &mut progress));
        partial(result, &progress)
    }

    fn shutdown(&self, fd: Fd, how: ShutdownHow) -> Result<()> {
        call(Kind::Shutdown, [word(fd), how as u64, 0, 0], |w| socket::shutdown(w, fd, how))
    }

    fn getsockname(&self, fd: Fd) -> Result<SocketAddr> {
        call(Kind::Getsockname, [word(fd), 0, 0, 0], |w| socket::getsockname(w, fd))
    }

    fn getpeername(&self, fd: Fd) -> Result<SocketAddr> {
        call(Kind::Getpeername, [word(fd), 0, 0, 0], |w| socket::getpeername(w, fd))
    }

    fn setsockopt(&self, fd: Fd, option: SocketOption) -> Result<()> {
        let args = [word(fd), option.name() as u64, 0, 0];
        call(Kind::Setsockopt, args, |w| socket::setsockopt(w, fd, option))
    }

    fn getsockopt(&self, fd: Fd, option: SocketOptionName) -> Result<SocketOption> {
        call(Kind::Getsockopt, [word(fd), option as u64, 0, 0], |w| socket::getsockopt(w, fd, option))
    }
}

impl Readiness for SimKernel {
    fn epoll_create(&self) -> Result<Fd> {
        call(Kind::EpollCreate, [0; 4], |w| w.sys_epoll_create())
    }

    fn epoll_ctl(&self, epoll: Fd, op: EpollOp, fd: Fd, events: Events, data: u64) -> Result<()> {
        let args = [word(epoll), op as u64, word(fd), u64::from(events.0)];
        call(Kind::EpollCtl, args, |w| w.sys_epoll_ctl(epoll, op, fd, events, data))
    }

    fn epoll_wait(
        &self,
        epoll: Fd,
        events: &mut [EpollEvent],
        timeout: Option<Duration>,
        mask: Option<SigSet>,
    ) -> Result<usize> {
        let timeout = nanoseconds(timeout);
        let mut deadline = None;
        let args = [word(epoll), events.len() as u64, timeout_word(timeout), 0];
        waiting_call(Kind::EpollWait, args, |w| w.sys_epoll_wait(epoll, events, timeout, mask, &mut deadline))
    }

    fn poll(&self, fds: &mut [PollFd], timeout: Option<Duration>, mask: Option<SigSet>) -> Result<usize> {
        let timeout = nanoseconds(timeout);
        let mut deadline = None;
        let args = [fds.len() as u64, timeout_word(timeout), 0, 0];
        waiting_call(Kind::Poll, args, |w| w.sys_poll(fds, timeout, mask, &mut deadline))
    }

    fn select(
        &self,
        nfds: i32,
        read: Option<&mut FdSet>,
        write: Option<&mut FdSet>,
        except: Option<&mut FdSet>,
        timeout: Option<Duration>,
        mask: Option<SigSet>,
    ) -> Result<usize> {
        let timeout = nanoseconds(timeout);
        let mut deadline = None;
        let args = [nfds as u64, timeout_word(timeout), 0, 0];
        let asked = [&read, &write, &except].map(|set| set.as_deref().cloned().unwrap_or_default());
        let mut sets = [read, write, except];
        waiting_call(Kind::Select, args, |w| {
            w.sys_select(nfds, &mut sets, &asked, timeout, mask, &mut deadline)
        })
    }

    fn eventfd(&self, initial: u32, flags: SocketFlags) -> Result<Fd> {
        call(Kind::Eventfd, [u64::from(initial), flags.0 as u64, 0, 0], |w| w.sys_eventfd(initial, flags))
    }
}

impl Clock for SimKernel {
    fn clock_gettime(&self, clock: ClockId) -> Instant {
        call(Kind::ClockGettime, [clock as u64, 0, 0, 0], |w| Ok(w.sys_clock_gettime(clock)))
            .unwrap_or_default()
    }

    fn nanosleep(&self, duration: Duration) -> Result<()> {
        let duration = nanoseconds(Some(duration)).unwrap_or(0);
        let mut deadline = None;
        waiting_call(Kind::Nanosleep, [duration, 0, 0, 0], |w| w.sys_nanosleep(duration, &mut deadline))
    }
}

impl Timers for SimKernel {
    fn timerfd_create(&self, clock: ClockId, flags: SocketFlags) -> Result<Fd> {
        call(Kind::TimerfdCreate, [clock as u64, flags.0 as u64, 0, 0], |w| {
            w.sys_timerfd_create(clock, flags)
        })
    }

    fn timerfd_settime(&self, fd: Fd, spec: TimerSpec, absolute: bool) -> Result<TimerSpec> {
        let (value, interval) = (nanoseconds(Some(spec.value)), nanoseconds(Some(spec.interval)));
        let args = [word(fd), value.unwrap_or(0), interval.unwrap_or(0), u64::from(absolute)];
        call(Kind::TimerfdSettime, args, |w| w.sys_timerfd_settime(fd, spec, absolute))
    }

    fn timerfd_gettime(&self, fd: Fd) -> Result<TimerSpec> {
        call(Kind::TimerfdGettime, [word(fd), 0, 0, 0], |w| w.sys_timerfd_gettime(fd))
    }
}

impl Threads for SimKernel {
    fn spawn(&self, name: &str, body: ThreadBody) -> Result<ThreadId> {
        let mut body = Some(body);
        let args = [name.len() as u64, 0, 0, 0];
        call(Kind::Spawn, args, |w| w.sys_spawn(&mut body))
    }

    fn join(&self, thread: ThreadId) -> Result<()> {
        waiting_call(Kind::Join, [thread.0 as u64, 0, 0, 0], |w| w.sys_join(thread))
    }

    fn gettid(&self) -> ThreadId {
        call(Kind::Gettid, [0; 4], |w| Ok(ThreadId(w.scheduler.running().tid))).unwrap_or(ThreadId(0))
    }

    fn sched_yield(&self) {
        let _ = call(Kind::SchedYield, [0; 4], |_| Ok(()));
    }

    fn futex_wait(&self, word: &AtomicU32, expected: u32, timeout: FutexTimeout) -> Result<()> {
        let (mut waited, mut deadline) = (false, None);
        let until = match timeout {
            FutexTimeout::Never => u64::MAX,
            FutexTimeout::Relative(d) => nanoseconds(Some(d)).unwrap_or(0),
            FutexTimeout::Absolute(_, at) => at.0.min(u64::MAX - 1),
        };
        waiting_call(Kind::FutexWait, [0, u64::from(expected), until, 0], |w| {
            w.sys_futex_wait(word, expected, timeout, &mut waited, &mut deadline)
        })
    }

    fn futex_wake(&self, word: &AtomicU32, count: u32) -> Result<u32> {
        call(Kind::FutexWake, [0, u64::from(count), 0, 0], |w| w.sys_futex_wake(word, count))
    }

    fn futex_cmp_requeue(
        &self,
        word: &AtomicU32,
        expected: u32,
        wake: u32,
        requeue: u32,
        target: &AtomicU32,
    ) -> Result<u32> {
        let args = [0, u64::from(expected), u64::from(wake), u64::from(requeue)];
        call(Kind::FutexRequeue, args, |w| w.sys_futex_requeue(word, expected, wake, requeue, target))
    }

    fn interleave(&self, site: &'static str) {
        let mut entered = false;
        loop {
            let mut spins = false;
            let go_on = with(|w| {
                if w.scheduler.is_unwinding() {
                    return true;
                }
                let me = w.scheduler.current();
                if !entered {
                    entered = true;
                    spins = w.count_turn(me);
                    let delay = w.scheduler.off_cpu(&mut w.run, me);
                    if w.scheduler[me].in_handler > 0 {
                        // Queues, locks and condition variables: the interrupted code may hold them.
                        w.report_unsafe(site);
                    }
                    let t = &mut w.scheduler[me];
                    t.site = site;
                    t.time += delay;
                }
                w.catch_up(me)
            });
            if spins {
                crate::stack::pause_for_ever();
            }
            if go_on {
                return;
            }
            crate::stack::suspend();
        }
    }
}

impl Signals for SimKernel {
    fn getpid(&self) -> i32 {
        call(Kind::Getpid, [0; 4], |w| Ok(w.me().pid)).unwrap_or(0)
    }

    fn sigaction(&self, signal: Signal, action: SigAction) -> Result<SigAction> {
        let args = [signal.0 as u64, 0, u64::from(action.flags.0), 0];
        call(Kind::Sigaction, args, |w| w.sys_sigaction(signal, &action))
    }

    fn sigprocmask(&self, how: MaskHow, set: SigSet) -> Result<SigSet> {
        call(Kind::Sigprocmask, [how as u64, set.0, 0, 0], |w| w.sys_sigprocmask(how, set))
    }

    fn sigpending(&self) -> Result<SigSet> {
        call(Kind::Sigpending, [0; 4], |w| w.sys_sigpending())
    }

    fn sigtimedwait(&self, set: SigSet, timeout: Option<Duration>) -> Result<SigInfo> {
        let timeout = nanoseconds(timeout);
        let mut deadline = None;
        let args = [set.0, timeout_word(timeout), 0, 0];
        waiting_call(Kind::Sigtimedwait, args, |w| w.sys_sigtimedwait(set, timeout, &mut deadline))
    }

    fn signalfd(&self, set: SigSet, flags: SocketFlags) -> Result<Fd> {
        call(Kind::Signalfd, [set.0, flags.0 as u64, 0, 0], |w| w.sys_signalfd(set, flags))
    }

    fn kill(&self, pid: i32, signal: Signal) -> Result<()> {
        let args = [pid as u64, signal.0 as u64, 0, 0];
        call(Kind::Kill, args, |w| w.sys_kill(pid, SigInfo::plain(signal, SigCode::User)))
    }

    fn sigqueue(&self, pid: i32, signal: Signal, value: u64) -> Result<()> {
        let args = [pid as u64, signal.0 as u64, value, 0];
        let info = SigInfo { value, ..SigInfo::plain(signal, SigCode::Queue) };
        call(Kind::Sigqueue, args, |w| w.sys_kill(pid, info))
    }

    fn tgkill(&self, thread: ThreadId, signal: Signal) -> Result<()> {
        call(Kind::Tgkill, [thread.0 as u64, signal.0 as u64, 0, 0], |w| w.sys_tgkill(thread, signal))
    }

    fn fcntl_setown(&self, fd: Fd, owner: Owner) -> Result<()> {
        call(Kind::FcntlSetOwn, [word(fd), owner as u64, 0, 0], |w| w.sys_setown(fd, owner))
    }

    fn fcntl_setsig(&self, fd: Fd, signal: Option<Signal>) -> Result<()> {
        let number = signal.map_or(0, |signal| signal.0 as u64);
        call(Kind::FcntlSetSig, [word(fd), number, 0, 0], |w| w.sys_setsig(fd, signal))
    }
}

impl Entropy for SimKernel {
    fn getrandom(&self, buffer: &mut [u8]) -> Result<()> {
        call(Kind::Getrandom, [buffer.len() as u64, 0, 0, 0], |w| {
            w.sys_getrandom(buffer);
            Ok(())
        })
    }
}
