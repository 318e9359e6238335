//! Which descriptors are ready: `select`, `poll`, `epoll`; and the eventfd that wakes such a wait.

use super::Descriptors;
use crate::abi::{EpollEvent, EpollOp, Events, Fd, FdSet, PollFd, Result, SigSet, SocketFlags};
use std::time::Duration;

/// I/O multiplexing. In every wait, no `timeout` means for ever, zero means not at all, a `mask` replaces the
/// signal mask while waiting, and a delivered signal ends it with `EINTR`, whatever `SA_RESTART` says.
pub trait Readiness: Descriptors {
    /// `epoll_create1(2)` with `EPOLL_CLOEXEC`.
    fn epoll_create(&self) -> Result<Fd>;

    /// `epoll_ctl(2)`. For [`EpollOp::Del`] the event is ignored.
    fn epoll_ctl(&self, epoll: Fd, op: EpollOp, fd: Fd, events: Events, data: u64) -> Result<()>;

    /// `epoll_pwait2(2)`: fills `events` from the front and returns how many. Nanosecond timeouts; a kernel without
    /// the call rounds up to milliseconds.
    fn epoll_wait(
        &self,
        epoll: Fd,
        events: &mut [EpollEvent],
        timeout: Option<Duration>,
        mask: Option<SigSet>,
    ) -> Result<usize>;

    /// `ppoll(2)`: how many entries have a `revents`.
    fn poll(&self, fds: &mut [PollFd], timeout: Option<Duration>, mask: Option<SigSet>) -> Result<usize>;

    /// `pselect(2)`: how many bits remain set, over the three sets. `nfds` above 1024 is `EINVAL` here, where the
    /// raw call would read beyond the set.
    fn select(
        &self,
        nfds: i32,
        read: Option<&mut FdSet>,
        write: Option<&mut FdSet>,
        except: Option<&mut FdSet>,
        timeout: Option<Duration>,
        mask: Option<SigSet>,
    ) -> Result<usize>;

    /// `eventfd(2)`: a counter that is readable above 0. Read and written as 8 bytes in native order.
    fn eventfd(&self, initial: u32, flags: SocketFlags) -> Result<Fd>;
}
