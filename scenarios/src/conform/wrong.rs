//! Calls with wrong arguments: which errno it is, and which of two mistakes is found first.

use super::call::WRONG;
use super::machine::{Calls, Machine, NOW, digest};
use super::outcome::Outcome;
use eagain_net::{
    AioId, ClockId, Domain, EpollOp, Errno, Events, Fd, FdSet, FutexTimeout, PollFd, RecvFlags, Result,
    RingParams, SendFlags, ShutdownHow, SigAction, SigSet, Signal, SocketFlags, SocketOption,
    SocketOptionName, ThreadId, TimerSpec,
};
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::AtomicU32;
use std::time::Duration;

const UNKNOWN: Fd = Fd(9_999);

fn plain<T>(result: Result<T>) -> Outcome {
    Outcome::of(result.map(drop))
}

impl<K: Calls> Machine<K> {
    pub(super) fn wrong(&mut self, slot: u64, which: u64) -> Outcome {
        let (k, fd) = (self.k, self.slots[slot as usize]);
        let odd = SocketFlags::SEMAPHORE;
        let elsewhere = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 0));
        let other_family = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
        let (mut small, mut none) = ([0; 7], [0; 0]);
        match WRONG[which as usize % WRONG.len()] {
            // A kernel that took it would hand out a descriptor.
            "socket-flags" => self.refused(k.socket(Domain::Inet, odd)),
            "accept-flags" => self.refused(k.accept4(fd, odd).map(|(fd, _)| fd)),
            "timerfd-flags" => self.refused(k.timerfd_create(ClockId::Monotonic, odd)),
            "signalfd-flags" => self.refused(k.signalfd(SigSet::EMPTY, odd)),
            "select-beyond" => self.select_of(1_025),
            "select-negative" => self.select_of(-1),
            "wait-no-room" => plain(k.epoll_wait(fd, &mut [], NOW, None)),
            "add-nothing" => plain(k.epoll_ctl(fd, EpollOp::Add, Fd(-1), Events::IN, 0)),
            "add-unknown" => plain(k.epoll_ctl(fd, EpollOp::Add, UNKNOWN, Events::IN, 0)),
            "add-to-itself" => plain(k.epoll_ctl(fd, EpollOp::Add, fd, Events::IN, 0)),
            "mod-unknown" => plain(k.epoll_ctl(fd, EpollOp::Mod, UNKNOWN, Events::IN, 0)),
            "del-unknown" => plain(k.epoll_ctl(fd, EpollOp::Del, UNKNOWN, Events::IN, 0)),
            "poll-unknown" => {
                let mut fds = [PollFd::new(UNKNOWN, Events::IN), PollFd::new(fd, Events::NONE)];
                match k.poll(&mut fds, NOW, None) {
                    Ok(n) => Outcome::Text(format!("{n} {:?} {:?}", fds[0].revents, fds[1].revents)),
                    Err(errno) => Outcome::Err(errno),
                }
            }
            "setsig-65" => plain(k.fcntl_setsig(fd, Some(Signal(65)))),
            "tgkill-65" => plain(k.tgkill(k.gettid(), Signal(65))),
            "tgkill-0" => plain(k.tgkill(k.gettid(), Signal(0))),
            "tgkill-nobody" => plain(k.tgkill(ThreadId(0x3fff_fff0), Signal::SIGUSR1)),
            "sigaction-kill" => plain(k.sigaction(Signal(9), SigAction::ignore())),
            "kill-nobody" => plain(k.kill(0x3fff_fff0, Signal::SIGUSR1)),
            "short-read" => plain(k.read(fd, &mut small)),
            "short-write" => plain(k.write(fd, &small)),
            "read-nothing" => k.read(fd, &mut none).map_or_else(Outcome::Err, |n| Outcome::Count(n as u64)),
            "write-nothing" => k.write(fd, &none).map_or_else(Outcome::Err, |n| Outcome::Count(n as u64)),
            "send-no-parts" => plain(k.sendmsg(fd, &[], SendFlags::NOSIGNAL)),
            "read-no-parts" => plain(k.readv(fd, &mut [IoSliceMut::new(&mut none)])),
            "close-nothing" => plain(k.close(Fd(-1))),
            "close-unknown" => plain(k.close(UNKNOWN)),
            "dup-nothing" => plain(k.dup(Fd(-1))),
            "listen-negative" => self.relisten(slot),
            "bind-elsewhere" => plain(k.bind(fd, elsewhere)),
            "bind-other-family" => plain(k.bind(fd, other_family)),
            "connect-other-family" => plain(k.connect(fd, other_family)),
            "setsockopt-error" => plain(k.setsockopt(fd, SocketOption::Error(None))),
            "linger-forever" => match k.setsockopt(fd, SocketOption::Linger(Some(u32::MAX))) {
                Err(errno) => Outcome::Err(errno),
                Ok(()) => {
                    let set = k.getsockopt(fd, SocketOptionName::Linger);
                    // Nobody waits for it when the descriptor is closed.
                    let _ = k.setsockopt(fd, SocketOption::Linger(None));
                    Outcome::Text(format!("{set:?}"))
                }
            },
            "settime-unknown" => {
                let spec = TimerSpec { value: Duration::ZERO, interval: Duration::ZERO };
                plain(k.timerfd_settime(UNKNOWN, spec, false))
            }
            "futex-mismatch" => plain(k.futex_wait(&AtomicU32::new(1), 0, FutexTimeout::Never)),
            "futex-past" => {
                plain(k.futex_wait(&AtomicU32::new(1), 1, FutexTimeout::Relative(Duration::ZERO)))
            }
            "sigwait-nothing" => plain(k.sigtimedwait(SigSet::EMPTY, Some(Duration::ZERO))),
            "ring-none" => self.ring_of(0, 0),
            "ring-too-large" => self.ring_of(1 << 16, 0),
            "ring-less-done" => self.ring_of(8, 4),
            "aio-unknown" => plain(k.aio_error(AioId(u64::MAX >> 32))),
            "aio-cancel-unknown" => plain(k.aio_cancel(UNKNOWN, None)),
            "recv-unknown" => plain(k.recv(UNKNOWN, &mut none, RecvFlags::OOB)),
            "send-unknown" => plain(k.send(UNKNOWN, &none, SendFlags::NOSIGNAL)),
            "shutdown-unknown" => plain(k.shutdown(UNKNOWN, ShutdownHow::Both)),
            "name-unknown" => plain(k.getpeername(UNKNOWN)),
            _ => plain(k.fcntl_getfl(UNKNOWN)),
        }
    }

    /// A descriptor that should not have been given is given back.
    fn refused(&mut self, result: Result<Fd>) -> Outcome {
        if let Ok(fd) = result {
            let _ = self.k.close(fd);
        }
        plain(result)
    }

    fn select_of(&mut self, nfds: i32) -> Outcome {
        let mut set = FdSet::default();
        match self.k.select(nfds, Some(&mut set), None, None, NOW, None) {
            Ok(n) => Outcome::Count(n as u64),
            Err(errno) => Outcome::Err(errno),
        }
    }

    fn ring_of(&mut self, entries: u32, cq_entries: u32) -> Outcome {
        plain(self.k.io_uring_setup(RingParams { entries, cq_entries, defer_taskrun: true }))
    }

    /// A backlog of -1 is the largest there is. What listens already keeps the backlog that it has here: how many fit
    /// is another question.
    fn relisten(&mut self, slot: u64) -> Outcome {
        let fd = self.slots[slot as usize];
        match self.k.getsockname(fd) {
            Ok(address) if address.port() != 0 => Outcome::Text("bound".to_owned()),
            Ok(_) => Outcome::Text("unbound".to_owned()),
            Err(_) => plain(self.k.listen(fd, -1)),
        }
    }

    pub(super) fn send_parts(&mut self, slot: u64, count: u64, flags: Option<u64>) -> Outcome {
        let fd = self.slots[slot as usize];
        if flags.is_some_and(|flags| self.is_urgent_elsewhere(fd, flags)) {
            return Outcome::Text("elsewhere".to_owned());
        }
        let bytes = self.next_bytes(count);
        let (one, rest) = bytes.split_at(bytes.len() / 3);
        let (two, three) = rest.split_at(rest.len() / 2);
        let parts = [IoSlice::new(one), IoSlice::new(two), IoSlice::new(three)];
        let result = match flags {
            Some(flags) => self.k.sendmsg(fd, &parts, SendFlags::NOSIGNAL | SendFlags(flags as i32)),
            None => self.k.writev(fd, &parts),
        };
        self.wrote(result)
    }

    pub(super) fn read_parts(&mut self, slot: u64, count: u64) -> Outcome {
        let mut buffer = vec![0; self.count(count)];
        let (one, rest) = buffer.split_at_mut(self.count(count) / 3);
        let (two, three) = rest.split_at_mut(rest.len() / 2);
        let mut parts = [IoSliceMut::new(one), IoSliceMut::new(two), IoSliceMut::new(three)];
        let fd = self.slots[slot as usize];
        match self.k.readv(fd, &mut parts) {
            Err(errno) => Outcome::Err(errno),
            // A record of a signal names its sender, which differs.
            Ok(n) if self.k.getsockname(fd) == Err(Errno::ENOTSOCK) => Outcome::Count(n as u64),
            Ok(n) => Outcome::Data(n as u64, digest(&buffer[..n])),
        }
    }
}

/// A name that no arm above knows would be another call than it says.
#[test]
fn every_name_is_known() {
    let text = include_str!("wrong.rs");
    for name in WRONG {
        let arms = text.matches(&format!("\"{name}\" =>")).count();
        assert!(arms == 1 || *name == "getfl-unknown", "{name}: {arms} arms");
    }
}
