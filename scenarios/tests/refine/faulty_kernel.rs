//! Kernels that fault about what arrived: what an adversarial simulation would be if its faults did not change state but
//! results.

use eagain_net::*;
use std::io::{IoSlice, IoSliceMut};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// `EAGAIN` of a receive, though bytes are there.
    NothingHere,
    /// One byte is given, though more are there, and no edge follows.
    OneByte,
    /// The end, though bytes will come.
    End,
    /// A byte is another one.
    OtherByte,
    /// An edge is not calls.
    NoEdge,
    /// A poll says that the peer has shut.
    HasShut,
    /// A send returns more than was taken.
    Taken,
}

/// What each is found out by.
pub(crate) const FAULTS: &[(Fault, &[&str])] = &[
    (Fault::NothingHere, &["something was there", "never arrived"]),
    (Fault::OneByte, &["were there", "never arrived", "no progress"]),
    (Fault::End, &["an end that is none"]),
    (Fault::OtherByte, &["other bytes than were sent"]),
    (Fault::NoEdge, &["never arrived", "no OUT edge", "achieved nothing"]),
    (Fault::HasShut, &["nobody has shut"]),
    (Fault::Taken, &["a send of"]),
];

/// A kernel with a fault, now and then.
#[derive(Clone, Copy)]
pub(crate) struct FaultyKernel<K> {
    pub k: K,
    pub fault: Fault,
    pub calls: &'static AtomicU32,
}

impl<K> FaultyKernel<K> {
    /// Every fifth time.
    fn now(&self, fault: Fault) -> bool {
        self.fault == fault && self.calls.fetch_add(1, Relaxed) % 5 == 4
    }
}

impl<K: Descriptors> Descriptors for FaultyKernel<K> {
    fn close(&self, fd: Fd) -> Result<()> {
        self.k.close(fd)
    }
    fn dup(&self, fd: Fd) -> Result<Fd> {
        self.k.dup(fd)
    }
    fn fcntl_dupfd(&self, fd: Fd, least: i32) -> Result<Fd> {
        self.k.fcntl_dupfd(fd, least)
    }
    fn dup3(&self, fd: Fd, to: Fd) -> Result<Fd> {
        self.k.dup3(fd, to)
    }
    fn read(&self, fd: Fd, buffer: &mut [u8]) -> Result<usize> {
        self.k.read(fd, buffer)
    }
    fn write(&self, fd: Fd, buffer: &[u8]) -> Result<usize> {
        self.k.write(fd, buffer)
    }
    fn readv(&self, fd: Fd, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.k.readv(fd, buffers)
    }
    fn writev(&self, fd: Fd, buffers: &[IoSlice<'_>]) -> Result<usize> {
        self.k.writev(fd, buffers)
    }
    fn fcntl_getfl(&self, fd: Fd) -> Result<StatusFlags> {
        self.k.fcntl_getfl(fd)
    }
    fn fcntl_setfl(&self, fd: Fd, flags: StatusFlags) -> Result<()> {
        self.k.fcntl_setfl(fd, flags)
    }
}

impl<K: Sockets> Sockets for FaultyKernel<K> {
    fn socket(&self, domain: Domain, flags: SocketFlags) -> Result<Fd> {
        self.k.socket(domain, flags)
    }
    fn bind(&self, fd: Fd, address: SocketAddr) -> Result<()> {
        self.k.bind(fd, address)
    }
    fn listen(&self, fd: Fd, backlog: i32) -> Result<()> {
        self.k.listen(fd, backlog)
    }
    fn accept4(&self, fd: Fd, flags: SocketFlags) -> Result<(Fd, SocketAddr)> {
        self.k.accept4(fd, flags)
    }
    fn connect(&self, fd: Fd, address: SocketAddr) -> Result<()> {
        self.k.connect(fd, address)
    }
    fn disconnect(&self, fd: Fd) -> Result<()> {
        self.k.disconnect(fd)
    }
    fn recv(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let some = self.k.recv(fd, buffer, flags | RecvFlags::PEEK);
        if matches!(some, Ok(n) if n > 1) {
            if self.now(Fault::NothingHere) {
                return Err(Errno::EAGAIN);
            }
            if self.now(Fault::End) {
                return Ok(0);
            }
            if self.now(Fault::OneByte) {
                return self.k.recv(fd, &mut buffer[..1], flags);
            }
        }
        let result = self.k.recv(fd, buffer, flags);
        if matches!(result, Ok(n) if n > 0) && self.now(Fault::OtherByte) {
            buffer[0] ^= 1;
        }
        result
    }
    fn send(&self, fd: Fd, buffer: &[u8], flags: SendFlags) -> Result<usize> {
        let result = self.k.send(fd, buffer, flags);
        if self.now(Fault::Taken) { result.map(|n| n + 1) } else { result }
    }
    fn sendmsg(&self, fd: Fd, buffers: &[IoSlice<'_>], flags: SendFlags) -> Result<usize> {
        self.k.sendmsg(fd, buffers, flags)
    }
    fn shutdown(&self, fd: Fd, how: ShutdownHow) -> Result<()> {
        self.k.shutdown(fd, how)
    }
    fn getsockname(&self, fd: Fd) -> Result<SocketAddr> {
        self.k.getsockname(fd)
    }
    fn getpeername(&self, fd: Fd) -> Result<SocketAddr> {
        self.k.getpeername(fd)
    }
    fn setsockopt(&self, fd: Fd, option: SocketOption) -> Result<()> {
        self.k.setsockopt(fd, option)
    }
    fn getsockopt(&self, fd: Fd, option: SocketOptionName) -> Result<SocketOption> {
        self.k.getsockopt(fd, option)
    }
}

impl<K: Readiness> Readiness for FaultyKernel<K> {
    fn epoll_create(&self) -> Result<Fd> {
        self.k.epoll_create()
    }
    fn epoll_ctl(&self, epoll: Fd, op: EpollOp, fd: Fd, events: Events, data: u64) -> Result<()> {
        self.k.epoll_ctl(epoll, op, fd, events, data)
    }
    fn epoll_wait(
        &self,
        epoll: Fd,
        events: &mut [EpollEvent],
        timeout: Option<Duration>,
        mask: Option<SigSet>,
    ) -> Result<usize> {
        let count = self.k.epoll_wait(epoll, events, timeout, mask)?;
        if count > 0 && self.now(Fault::NoEdge) { Ok(count - 1) } else { Ok(count) }
    }
    fn poll(&self, fds: &mut [PollFd], timeout: Option<Duration>, mask: Option<SigSet>) -> Result<usize> {
        let count = self.k.poll(fds, timeout, mask)?;
        if let [one] = fds
            && self.now(Fault::HasShut)
        {
            one.revents |= Events::IN | Events::RDHUP;
        }
        Ok(count)
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
        self.k.select(nfds, read, write, except, timeout, mask)
    }
    fn eventfd(&self, initial: u32, flags: SocketFlags) -> Result<Fd> {
        self.k.eventfd(initial, flags)
    }
}

impl<K: Clock> Clock for FaultyKernel<K> {
    fn clock_gettime(&self, clock: ClockId) -> Instant {
        self.k.clock_gettime(clock)
    }
    fn nanosleep(&self, duration: Duration) -> Result<()> {
        self.k.nanosleep(duration)
    }
}
