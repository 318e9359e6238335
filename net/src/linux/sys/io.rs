//! Calls on any descriptor, and random bytes.

use super::super::handler::interruptible;
use super::{check, check_fd, check_unit};
use crate::{Fd, Result};
use std::io::{IoSlice, IoSliceMut};

pub(crate) fn close(fd: Fd) -> Result<()> {
    // SAFETY: no memory is touched. That nobody else uses the number is the contract of `Descriptors::close`.
    check_unit(interruptible(|| unsafe { libc::close(fd.0) }))
}

pub(crate) fn dup_cloexec(fd: Fd, least: i32) -> Result<Fd> {
    // SAFETY: no memory is touched.
    check_fd(unsafe { libc::fcntl(fd.0, libc::F_DUPFD_CLOEXEC, least) })
}

pub(crate) fn dup3_cloexec(fd: Fd, to: Fd) -> Result<Fd> {
    // SAFETY: no memory is touched. That nobody else uses the number `to` is the contract of `Descriptors::close`.
    check_fd(interruptible(|| unsafe { libc::dup3(fd.0, to.0, libc::O_CLOEXEC) }))
}

pub(crate) fn pipe2(flags: i32) -> Result<(Fd, Fd)> {
    let mut pair = [-1; 2];
    // SAFETY: the kernel writes two descriptors.
    check_unit(unsafe { libc::pipe2(pair.as_mut_ptr(), flags) })?;
    Ok((Fd(pair[0]), Fd(pair[1])))
}

pub(crate) fn getpipe_sz(fd: Fd) -> Result<usize> {
    // SAFETY: no memory is touched.
    check(unsafe { libc::fcntl(fd.0, libc::F_GETPIPE_SZ) } as isize)
}

pub(crate) fn setpipe_sz(fd: Fd, bytes: u32) -> Result<usize> {
    // SAFETY: no memory is touched.
    check(unsafe { libc::fcntl(fd.0, libc::F_SETPIPE_SZ, bytes) } as isize)
}

pub(crate) fn read(fd: Fd, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the kernel writes at most `len` bytes into a buffer that is borrowed for the call.
    check(interruptible(|| unsafe { libc::read(fd.0, buffer.as_mut_ptr().cast(), buffer.len()) }))
}

pub(crate) fn write(fd: Fd, buffer: &[u8]) -> Result<usize> {
    // SAFETY: the kernel reads at most `len` bytes of a buffer that is borrowed for the call.
    check(interruptible(|| unsafe { libc::write(fd.0, buffer.as_ptr().cast(), buffer.len()) }))
}

/// A count of buffers as the call takes it; what does not fit is more than `IOV_MAX` anyway, and `EINVAL`.
pub(super) fn iov_count(len: usize) -> libc::c_int {
    libc::c_int::try_from(len).unwrap_or(libc::c_int::MAX)
}

pub(crate) fn readv(fd: Fd, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
    // SAFETY: std promises that IoSliceMut has the layout of iovec; the pieces are borrowed for the call.
    check(interruptible(|| unsafe {
        libc::readv(fd.0, buffers.as_mut_ptr().cast(), iov_count(buffers.len()))
    }))
}

pub(crate) fn writev(fd: Fd, buffers: &[IoSlice<'_>]) -> Result<usize> {
    // SAFETY: std promises that IoSlice has the layout of iovec; the pieces are borrowed for the call.
    check(interruptible(|| unsafe { libc::writev(fd.0, buffers.as_ptr().cast(), iov_count(buffers.len())) }))
}

pub(crate) fn fcntl_getfl(fd: Fd) -> Result<i32> {
    // SAFETY: no memory is touched.
    check_fd(unsafe { libc::fcntl(fd.0, libc::F_GETFL) }).map(|flags| flags.0)
}

pub(crate) fn fcntl_setfl(fd: Fd, flags: i32) -> Result<()> {
    // SAFETY: no memory is touched.
    check_unit(unsafe { libc::fcntl(fd.0, libc::F_SETFL, flags) })
}

pub(crate) fn fcntl_setsig(fd: Fd, signal: i32) -> Result<()> {
    // SAFETY: no memory is touched.
    check_unit(unsafe { libc::fcntl(fd.0, F_SETSIG, signal) })
}

/// `struct f_owner_ex` of `fcntl(2)`; the libc crate has it for few targets.
#[repr(C)]
struct OwnerEx {
    kind: i32,
    pid: i32,
}

const F_SETSIG: i32 = 10;
const F_SETOWN_EX: i32 = 15;
pub(crate) const F_OWNER_TID: i32 = 0;
pub(crate) const F_OWNER_PID: i32 = 1;

pub(crate) fn fcntl_setown_ex(fd: Fd, kind: i32, pid: i32) -> Result<()> {
    let owner = OwnerEx { kind, pid };
    // SAFETY: the kernel reads one f_owner_ex, which lives through the call.
    check_unit(unsafe { libc::fcntl(fd.0, F_SETOWN_EX, &raw const owner) })
}

pub(crate) fn getrandom(buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the kernel writes at most `len` bytes into a buffer that is borrowed for the call.
    check(unsafe { libc::getrandom(buffer.as_mut_ptr().cast(), buffer.len(), 0) })
}
