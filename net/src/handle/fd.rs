//! A descriptor that is closed when its handle is dropped. The other handles add what it refers to.

use crate::{Descriptors, Fd, Result, StatusFlags};
use std::fmt;
use std::io::{IoSlice, IoSliceMut};

/// An open descriptor of kernel `K`, closed on drop.
pub struct OwnedFd<K: Descriptors> {
    kernel: K,
    fd: Fd,
}

impl<K: Descriptors> OwnedFd<K> {
    /// Takes over `fd`. The caller promises that nobody else closes it; otherwise the number may be another file's by then,
    /// and that file is closed.
    pub const fn from_raw(kernel: K, fd: Fd) -> OwnedFd<K> {
        OwnedFd { kernel, fd }
    }

    /// The number. It means this file only as long as the handle lives.
    pub const fn fd(&self) -> Fd {
        self.fd
    }

    /// Gives up ownership: the caller closes it.
    pub fn into_raw(self) -> Fd {
        let fd = self.fd;
        std::mem::forget(self);
        fd
    }

    /// The kernel that it is open in.
    pub const fn kernel(&self) -> K {
        self.kernel
    }

    /// `close(2)`, with its result. The number is free whatever it says.
    pub fn close(self) -> Result<()> {
        let kernel = self.kernel;
        kernel.close(self.into_raw())
    }

    /// `dup(2)`: another descriptor for the same open file.
    pub fn try_clone(&self) -> Result<OwnedFd<K>> {
        Ok(OwnedFd { kernel: self.kernel, fd: self.kernel.dup(self.fd)? })
    }

    /// `read(2)`.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        self.kernel.read(self.fd, buffer)
    }

    /// `write(2)`. On a socket `SIGPIPE` can come with `EPIPE`: see [`TcpStream::write`](crate::TcpStream::write).
    pub fn write(&self, buffer: &[u8]) -> Result<usize> {
        self.kernel.write(self.fd, buffer)
    }

    /// `readv(2)`.
    pub fn readv(&self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
        self.kernel.readv(self.fd, buffers)
    }

    /// `writev(2)`; `SIGPIPE` as for [`OwnedFd::write`].
    pub fn writev(&self, buffers: &[IoSlice<'_>]) -> Result<usize> {
        self.kernel.writev(self.fd, buffers)
    }

    /// Sets or clears `O_NONBLOCK`, leaving the other status flags.
    pub fn set_nonblocking(&self, on: bool) -> Result<()> {
        self.set_status(StatusFlags::NONBLOCK, on)
    }

    /// Sets or clears `O_ASYNC`, leaving the other status flags. Set the owner, who gets the signals, before (`F_SETOWN`, [`Signals::fcntl_setown`](crate::Signals::fcntl_setown)).
    pub fn set_async(&self, on: bool) -> Result<()> {
        self.set_status(StatusFlags::ASYNC, on)
    }

    fn set_status(&self, flag: StatusFlags, on: bool) -> Result<()> {
        let flags = self.kernel.fcntl_getfl(self.fd)?;
        self.kernel.fcntl_setfl(self.fd, if on { flags.with(flag) } else { flags.without(flag) })
    }
}

impl<K: Descriptors> Drop for OwnedFd<K> {
    fn drop(&mut self) {
        // The number is free whatever close(2) says, and nobody is left to report to.
        let _ = self.kernel.close(self.fd);
    }
}

impl<K: Descriptors> fmt::Debug for OwnedFd<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fd {}", self.fd)
    }
}

/// The methods that every handle around an [`OwnedFd`] has.
macro_rules! descriptor {
    ($name:ident, $family:path) => {
        impl<K: $family> $name<K> {
            /// The descriptor's number, for registering it somewhere.
            pub fn fd(&self) -> $crate::Fd {
                self.fd.fd()
            }

            /// The kernel that it is open in.
            pub fn kernel(&self) -> K {
                self.fd.kernel()
            }

            /// The descriptor, without its type.
            pub fn into_owned_fd(self) -> $crate::OwnedFd<K> {
                self.fd
            }

            /// Sets or clears `O_NONBLOCK`.
            pub fn set_nonblocking(&self, on: bool) -> $crate::Result<()> {
                self.fd.set_nonblocking(on)
            }
        }

        impl<K: $family> From<$crate::OwnedFd<K>> for $name<K> {
            /// Does not check what it refers to: calls on another kind of file return `ENOTSOCK`, `EINVAL` and the like.
            fn from(fd: $crate::OwnedFd<K>) -> $name<K> {
                $name { fd }
            }
        }

        impl<K: $family> std::fmt::Debug for $name<K> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.fd.fd())
            }
        }
    };
}
pub(super) use descriptor;
