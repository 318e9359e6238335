//! Readiness: the masks of `poll(2)` and `epoll(7)`, their records, and the bit set of `select(2)`.

use super::fd::{Fd, flags};

flags! {
    /// A mask of `poll(2)` and `epoll_ctl(2)` bits; the two agree on the bits that they share.
    Events: u32 {
        /// Data, a connection, or end of file can be read.
        IN = 0x1, "IN";
        /// Urgent data.
        PRI = 0x2, "PRI";
        /// There is room to write.
        OUT = 0x4, "OUT";
        /// An error is pending; always reported.
        ERR = 0x8, "ERR";
        /// Both directions are shut; always reported.
        HUP = 0x10, "HUP";
        /// `poll` only: the descriptor is not open.
        NVAL = 0x20, "NVAL";
        /// As `IN`, where the kind of file says it (`poll(2)`): sockets, pipes, files and sets do, counters and timers do not.
        RDNORM = 0x40, "RDNORM";
        /// Never set by what is here; asked for by some programs.
        RDBAND = 0x80, "RDBAND";
        /// As `OUT`, as for `RDNORM`.
        WRNORM = 0x100, "WRNORM";
        /// As `OUT`: sockets of UDP and AF_UNIX say it, TCP does not.
        WRBAND = 0x200, "WRBAND";
        /// The peer shut its writing side.
        RDHUP = 0x2000, "RDHUP";
        /// epoll only: wake one of several epoll sets.
        EXCLUSIVE = 1 << 28, "EXCLUSIVE";
        /// epoll only: no suspend while handling; accepted and ignored.
        WAKEUP = 1 << 29, "WAKEUP";
        /// epoll only: disarm after one report.
        ONESHOT = 1 << 30, "ONESHOT";
        /// epoll only: report changes, not states.
        ET = 1 << 31, "ET";
    }
}

impl Events {
    /// These bits without those that have no name here, such as `POLLMSG`.
    pub const fn named(self) -> Events {
        Events(self.0 & 0xf000_23ff)
    }

    /// Without those of [`Events::with_bands`], as `si_band` has them here.
    pub const fn without_bands(self) -> Events {
        self.named()
            .without(Events(Events::RDNORM.0 | Events::RDBAND.0 | Events::WRNORM.0 | Events::WRBAND.0))
    }

    /// With `RDNORM` where there is `IN`, and `WRNORM` where there is `OUT`, as most kinds of files report both.
    pub const fn with_normal(self) -> Events {
        Events(self.0 | (self.0 & (Events::IN.0 | Events::OUT.0)) << 6)
    }

    /// With `WRBAND` too where there is `OUT`.
    pub const fn with_bands(self) -> Events {
        Events(self.with_normal().0 | (self.0 & Events::OUT.0) << 7)
    }
}

/// One record of `epoll_wait(2)`: what is ready, and the caller's own 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EpollEvent {
    /// The full current mask of what is ready, not the change.
    pub events: Events,
    /// What the caller gave to `epoll_ctl`.
    pub data: u64,
}

/// What `epoll_ctl(2)` is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EpollOp {
    /// Register; `EEXIST` where it is.
    Add = 1,
    /// Deregister; `ENOENT` where it is not.
    Del = 2,
    /// Change mask and data, and arm again; `ENOENT` where it is not registered.
    Mod = 3,
}

/// One entry of `poll(2)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PollFd {
    /// The descriptor; a negative one is skipped.
    pub fd: Fd,
    /// What is asked.
    pub events: Events,
    /// The events found, written by the call.
    pub revents: Events,
}

impl PollFd {
    /// An entry that asks for `events`.
    pub const fn new(fd: Fd, events: Events) -> PollFd {
        PollFd { fd, events, revents: Events::NONE }
    }
}

/// The bit set of `select(2)`: descriptors 0 to 1023.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FdSet {
    /// Bit `fd % 64` of word `fd / 64`.
    pub bits: [u64; 16],
}

impl FdSet {
    /// One more than the highest descriptor that fits (`FD_SETSIZE`).
    pub const SIZE: i32 = 1024;

    /// Sets the bit of `fd`. `false`, and nothing set, where `fd` is beyond [`FdSet::SIZE`].
    #[must_use]
    pub fn insert(&mut self, fd: Fd) -> bool {
        if !(0..Self::SIZE).contains(&fd.0) {
            return false;
        }
        self.bits[fd.0 as usize / 64] |= 1 << (fd.0 % 64);
        true
    }

    /// Clears the bit of `fd`.
    pub fn remove(&mut self, fd: Fd) {
        if (0..Self::SIZE).contains(&fd.0) {
            self.bits[fd.0 as usize / 64] &= !(1 << (fd.0 % 64));
        }
    }

    /// Whether the bit of `fd` is set.
    pub fn contains(&self, fd: Fd) -> bool {
        (0..Self::SIZE).contains(&fd.0) && self.bits[fd.0 as usize / 64] >> (fd.0 % 64) & 1 == 1
    }

    /// Clears every bit.
    pub fn clear(&mut self) {
        self.bits = [0; 16];
    }

    /// The descriptors whose bits are set, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = Fd> + '_ {
        self.bits.iter().enumerate().flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                (rest != 0).then(|| {
                    rest &= rest - 1;
                    Fd(at as i32 * 64 + bit as i32)
                })
            })
        })
    }
}
