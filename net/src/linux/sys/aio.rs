//! The C library's POSIX AIO. A control block and the buffer that it points to must stay where they are while the
//! operation runs: that is the obligation of every caller here, met by `linux/aio.rs`.

use super::{check_unit, errno};
use crate::{Errno, Fd, Result, SigEvent};
use libc::{aiocb, timespec};
use std::ptr::null;

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// A control block for `len` bytes at `buffer`.
pub(crate) fn control_block(fd: Fd, buffer: *mut u8, len: usize, offset: u64, event: SigEvent) -> aiocb {
    // SAFETY: aiocb is made of integers and pointers, of which zero is a value.
    let mut block: aiocb = unsafe { std::mem::zeroed() };
    block.aio_fildes = fd.0;
    block.aio_buf = buffer.cast();
    block.aio_nbytes = len;
    // One that does not fit is EINVAL there as well.
    block.aio_offset = libc::off_t::try_from(offset).unwrap_or(-1);
    match event {
        SigEvent::None => block.aio_sigevent.sigev_notify = libc::SIGEV_NONE,
        SigEvent::Signal(signal, value) => {
            block.aio_sigevent.sigev_notify = libc::SIGEV_SIGNAL;
            block.aio_sigevent.sigev_signo = signal.0;
            block.aio_sigevent.sigev_value = libc::sigval { sival_ptr: value as usize as *mut _ };
        }
    }
    block
}

/// `aio_read(3)`, `aio_write(3)`.
///
/// # Safety
///
/// The block and its buffer stay where they are, untouched by others, until [`error`] says that the operation ended.
pub(crate) unsafe fn start(direction: Direction, block: *mut aiocb) -> Result<()> {
    // SAFETY: the caller's promise.
    check_unit(unsafe {
        match direction {
            Direction::Read => libc::aio_read(block),
            Direction::Write => libc::aio_write(block),
        }
    })
}

/// `aio_error(3)`: 0, or the operation's errno, `EINPROGRESS` while it runs.
///
/// # Safety
///
/// The block was given to [`start`].
pub(crate) unsafe fn error(block: *const aiocb) -> Errno {
    // SAFETY: the caller's promise.
    Errno(unsafe { libc::aio_error(block) })
}

/// `aio_return(3)`, the count alone.
///
/// # Safety
///
/// The operation of the block has ended well, and this was not called for it before.
pub(crate) unsafe fn count(block: *mut aiocb) -> usize {
    // SAFETY: the caller's promise.
    usize::try_from(unsafe { libc::aio_return(block) }).unwrap_or(0)
}

/// `aio_cancel(3)`; a null block stands for all on the descriptor.
///
/// # Safety
///
/// The block is null, or was given to [`start`].
pub(crate) unsafe fn cancel(fd: Fd, block: *mut aiocb) -> Result<i32> {
    // SAFETY: the caller's promise.
    match unsafe { libc::aio_cancel(fd.0, block) } {
        -1 => Err(errno()),
        said => Ok(said),
    }
}

/// `aio_suspend(3)`.
///
/// # Safety
///
/// The blocks were given to [`start`], and live through the call.
pub(crate) unsafe fn suspend(blocks: &[*const aiocb], timeout: Option<timespec>) -> Result<()> {
    let time = timeout.as_ref().map_or(null(), |timeout| &raw const *timeout);
    let count = i32::try_from(blocks.len()).unwrap_or(i32::MAX);
    // SAFETY: the caller's promise; list and time are borrowed for the call.
    check_unit(unsafe { libc::aio_suspend(blocks.as_ptr(), count, time) })
}

/// `struct aioinit` of glibc, which the libc crate lacks.
#[cfg(target_env = "gnu")]
#[repr(C)]
struct AioInit {
    threads: i32,
    num: i32,
    /// locks, usedba, debug, numusers: not used by glibc.
    unused: [i32; 4],
    idle_seconds: i32,
    reserved: i32,
}

#[cfg(target_env = "gnu")]
unsafe extern "C" {
    fn aio_init(init: *const AioInit);
}

/// `aio_init(3)`. Only the first call, before any operation, has an effect.
pub(crate) fn init(threads: u32) {
    #[cfg(target_env = "gnu")]
    {
        let threads = i32::try_from(threads).unwrap_or(i32::MAX).max(1);
        // num: how many blocks are prepared for, 64 by default; glibc takes a multiple of 32.
        let num = threads.saturating_mul(2).clamp(64, 1 << 20);
        let init = AioInit { threads, num, unused: [0; 4], idle_seconds: 1, reserved: 0 };
        // SAFETY: glibc reads one aioinit, which lives through the call.
        unsafe { aio_init(&raw const init) };
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = threads; // musl: a thread per descriptor, without a limit.
}
