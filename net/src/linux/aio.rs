//! POSIX AIO as the C library has it: threads of its own that call `pread` and `pwrite`, or `read` and `write` on what
//! cannot seek. What Linux does not do for us: keep the block and the buffer in one place for as long as such a thread
//! may use them, whatever the caller forgets.

use super::sys::aio::{self, Direction};
use super::sys::time::to_timespec;
use super::{Linux, sys};
use crate::{Advice, Aio, AioCancel, AioId, AioState, Errno, Fd, Result, SigEvent};
use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// One operation in flight, or done and not yet returned.
struct InFlight {
    /// Written by the C library until the operation ends; here only its address is used, and it is never moved.
    block: UnsafeCell<libc::aiocb>,
    /// Untouched, and not freed, until the operation has ended.
    buffer: Mutex<Vec<u8>>,
}

// SAFETY: the pointers in the block are to the buffer, which comes along, and are followed by the C library alone,
// which locks for itself.
unsafe impl Send for InFlight {}
// SAFETY: as above; shared, only the block's address is used, by calls that may come from any thread (aio(7)).
unsafe impl Sync for InFlight {}

/// Operations by identity. One that its caller forgets stays here for ever, since its thread may write to it.
static IN_FLIGHT: Mutex<Option<HashMap<AioId, Arc<InFlight>>>> = Mutex::new(None);
static NEXT: AtomicU64 = AtomicU64::new(1);

fn in_flight() -> MutexGuard<'static, Option<HashMap<AioId, Arc<InFlight>>>> {
    IN_FLIGHT.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn find(id: AioId) -> Result<Arc<InFlight>> {
    in_flight().as_ref().and_then(|in_flight| in_flight.get(&id).cloned()).ok_or(Errno::EINVAL)
}

fn take_buffer(operation: &InFlight) -> Vec<u8> {
    std::mem::take(&mut *operation.buffer.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

fn state(operation: &InFlight) -> AioState {
    // SAFETY: what is in the table was started.
    match unsafe { aio::error(operation.block.get()) } {
        Errno(0) => AioState::Done,
        Errno::EINPROGRESS => AioState::InProgress,
        errno => AioState::Failed(errno),
    }
}

fn start(
    direction: Direction,
    fd: Fd,
    mut buffer: Vec<u8>,
    from: usize,
    offset: u64,
    event: SigEvent,
) -> Result<AioId, (Errno, Vec<u8>)> {
    let Some(part) = buffer.get_mut(from..) else { return Err((Errno::EINVAL, buffer)) };
    let block = aio::control_block(fd, part.as_mut_ptr(), part.len(), offset, event);
    let id = AioId(NEXT.fetch_add(1, Relaxed));
    let operation = Arc::new(InFlight { block: UnsafeCell::new(block), buffer: Mutex::new(buffer) });
    // In the table first: the signal may come, and its handler look, before the call returns.
    in_flight().get_or_insert_default().insert(id, operation.clone());
    // SAFETY: the block is in an Arc that the table keeps until the operation has ended, and the buffer's memory in
    // the vector beside it, which is taken out only then.
    match unsafe { aio::start(direction, operation.block.get()) } {
        Ok(()) => Ok(id),
        Err(errno) => {
            if let Some(in_flight) = in_flight().as_mut() {
                in_flight.remove(&id);
            }
            Err((errno, take_buffer(&operation)))
        }
    }
}

impl Aio for Linux {
    fn aio_probe(&self) -> Advice {
        Advice::Available
    }

    fn aio_init(&self, threads: u32) {
        aio::init(threads);
    }

    fn aio_read(
        &self,
        fd: Fd,
        buffer: Vec<u8>,
        offset: u64,
        event: SigEvent,
    ) -> Result<AioId, (Errno, Vec<u8>)> {
        start(Direction::Read, fd, buffer, 0, offset, event)
    }

    fn aio_write(
        &self,
        fd: Fd,
        buffer: Vec<u8>,
        from: usize,
        offset: u64,
        event: SigEvent,
    ) -> Result<AioId, (Errno, Vec<u8>)> {
        start(Direction::Write, fd, buffer, from, offset, event)
    }

    fn aio_error(&self, id: AioId) -> Result<AioState> {
        find(id).map(|operation| state(&operation))
    }

    fn aio_return(&self, id: AioId) -> Result<(Result<usize>, Vec<u8>)> {
        let mut in_flight = in_flight();
        let in_flight = in_flight.as_mut().ok_or(Errno::EINVAL)?;
        let operation = in_flight.get(&id).ok_or(Errno::EINVAL)?;
        let state = state(operation);
        if state == AioState::InProgress {
            return Err(Errno::EINPROGRESS);
        }
        let operation = in_flight.remove(&id).ok_or(Errno::EINVAL)?;
        let result = match state {
            // SAFETY: it has ended well, and whoever takes it out of the table calls this once.
            AioState::Done => Ok(unsafe { aio::count(operation.block.get()) }),
            AioState::Failed(errno) => Err(errno),
            AioState::InProgress => Err(Errno::EINPROGRESS),
        };
        Ok((result, take_buffer(&operation)))
    }

    fn aio_cancel(&self, fd: Fd, id: Option<AioId>) -> Result<AioCancel> {
        let operation = id.map(find).transpose()?;
        let block = operation.as_ref().map_or(std::ptr::null_mut(), |operation| operation.block.get());
        // SAFETY: null, or of the table, which only has what was started; the Arc keeps it through the call.
        match unsafe { aio::cancel(fd, block) }? {
            libc::AIO_CANCELED => Ok(AioCancel::Canceled),
            libc::AIO_NOTCANCELED => Ok(AioCancel::NotCanceled),
            _ => Ok(AioCancel::AllDone),
        }
    }

    fn aio_suspend(&self, ids: &[AioId], timeout: Option<Duration>) -> Result<()> {
        let in_flight = ids.iter().map(|&id| find(id)).collect::<Result<Vec<_>>>()?;
        let blocks: Vec<_> = in_flight.iter().map(|operation| operation.block.get().cast_const()).collect();
        // SAFETY: all were started, and the Arcs keep them through the call.
        unsafe { sys::aio::suspend(&blocks, timeout.map(to_timespec)) }
    }
}
