//! `eventfd(2)`: a counter that can be waited for like a socket.

use super::fd::descriptor;
use crate::{OwnedFd, Readiness, Result, SocketFlags};

/// A counter; readable above 0.
pub struct EventFd<K: Readiness> {
    fd: OwnedFd<K>,
}

descriptor!(EventFd, Readiness);

impl<K: Readiness> EventFd<K> {
    /// A counter with `EFD_NONBLOCK`: reading 0 is `EAGAIN`.
    pub fn new(kernel: K, initial: u32) -> Result<EventFd<K>> {
        Self::with_flags(kernel, initial, SocketFlags::NONBLOCK)
    }

    /// A counter with these flags, and `EFD_CLOEXEC`.
    pub fn with_flags(kernel: K, initial: u32, flags: SocketFlags) -> Result<EventFd<K>> {
        let fd = kernel.eventfd(initial, flags | SocketFlags::CLOEXEC)?;
        Ok(EventFd { fd: OwnedFd::from_raw(kernel, fd) })
    }

    /// Adds to the counter. `EAGAIN`: it would pass 2^64-2. Async-signal-safe.
    pub fn write(&self, add: u64) -> Result<()> {
        self.fd.write(&add.to_ne_bytes()).map(drop)
    }

    /// Takes the whole counter (or 1, for a semaphore). `EAGAIN`: it is 0, and the descriptor is non-blocking.
    pub fn read(&self) -> Result<u64> {
        let mut value = [0; 8];
        self.fd.read(&mut value)?;
        Ok(u64::from_ne_bytes(value))
    }
}
