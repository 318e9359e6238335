//! `signalfd(2)`: pending signals that can be waited for like a socket.

use super::fd::descriptor;
use crate::{Errno, OwnedFd, Result, SigInfo, SigSet, Signals, SocketFlags};

/// Signals of a set, read as records. The set should be blocked in every thread, or they are delivered instead.
pub struct SignalFd<K: Signals> {
    fd: OwnedFd<K>,
}

descriptor!(SignalFd, Signals);

impl<K: Signals> SignalFd<K> {
    /// For the signals of `set`, non-blocking.
    pub fn new(kernel: K, set: SigSet) -> Result<SignalFd<K>> {
        Self::with_flags(kernel, set, SocketFlags::NONBLOCK)
    }

    /// For the signals of `set`, with these flags, and `SFD_CLOEXEC`.
    pub fn with_flags(kernel: K, set: SigSet, flags: SocketFlags) -> Result<SignalFd<K>> {
        let fd = kernel.signalfd(set, flags | SocketFlags::CLOEXEC)?;
        Ok(SignalFd { fd: OwnedFd::from_raw(kernel, fd) })
    }

    /// Takes one pending signal. `EAGAIN`: there is none.
    pub fn read(&self) -> Result<SigInfo> {
        let mut record = [0; SigInfo::RECORD_LEN];
        match self.fd.read(&mut record)? {
            SigInfo::RECORD_LEN => SigInfo::from_record(&record),
            // signalfd(2): whole records only.
            _ => Err(Errno::EIO),
        }
    }
}
