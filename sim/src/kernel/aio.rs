//! POSIX AIO, call by call.

use super::SimKernel;
use super::entry::{call, waiting_call};
use super::words::{nanoseconds, timeout_word, word};
use crate::stack;
use crate::syscall::aio;
use crate::trace::Kind;
use eagain_net::*;
use std::time::Duration;

impl Aio for SimKernel {
    fn aio_probe(&self) -> Advice {
        Advice::Available
    }

    fn aio_init(&self, threads: u32) {
        stack::with(|w| {
            if !w.scheduler.is_unwinding() {
                w.me().aio.set_threads(threads.max(1) as usize);
            }
        });
    }

    fn aio_read(
        &self,
        fd: Fd,
        buffer: Vec<u8>,
        offset: u64,
        event: SigEvent,
    ) -> Result<AioId, (Errno, Vec<u8>)> {
        let args = [word(fd), buffer.len() as u64, offset, 0];
        let mut given = Some(buffer);
        let result = call(Kind::AioRead, args, |w| aio::start(w, fd, &mut given, None, offset, event));
        result.map(AioId).map_err(|errno| (errno, given.unwrap_or_default()))
    }

    fn aio_write(
        &self,
        fd: Fd,
        buffer: Vec<u8>,
        from: usize,
        offset: u64,
        event: SigEvent,
    ) -> Result<AioId, (Errno, Vec<u8>)> {
        let args = [word(fd), buffer.len().saturating_sub(from) as u64, offset, 0];
        let mut given = Some(buffer);
        let result = call(Kind::AioWrite, args, |w| aio::start(w, fd, &mut given, Some(from), offset, event));
        result.map(AioId).map_err(|errno| (errno, given.unwrap_or_default()))
    }

    fn aio_error(&self, id: AioId) -> Result<AioState> {
        let mut state = AioState::InProgress;
        call(Kind::AioError, [id.0, 0, 0, 0], |w| {
            state = aio::error(w, id.0)?;
            // As the call returns it: 0, or the errno of the operation.
            Ok(match state {
                AioState::InProgress => Errno::EINPROGRESS.0,
                AioState::Done => 0,
                AioState::Failed(errno) => errno.0,
            })
        })?;
        Ok(state)
    }

    fn aio_return(&self, id: AioId) -> Result<(Result<usize>, Vec<u8>)> {
        let mut taken = None;
        call(Kind::AioReturn, [id.0, 0, 0, 0], |w| {
            let (result, buffer) = aio::take_result(w, id.0)?;
            taken = Some((result, buffer));
            Ok(result.unwrap_or(0))
        })?;
        taken.ok_or(Errno::EINVAL)
    }

    fn aio_cancel(&self, fd: Fd, id: Option<AioId>) -> Result<AioCancel> {
        let mut said = AioCancel::AllDone;
        call(Kind::AioCancel, [word(fd), id.map_or(0, |id| id.0), 0, 0], |w| {
            said = aio::cancel(w, fd, id.map(|id| id.0))?;
            Ok(said as u32)
        })?;
        Ok(said)
    }

    fn aio_suspend(&self, ids: &[AioId], timeout: Option<Duration>) -> Result<()> {
        let timeout = nanoseconds(timeout);
        let mut deadline = None;
        let args = [ids.len() as u64, timeout_word(timeout), 0, 0];
        waiting_call(Kind::AioSuspend, args, |w| aio::suspend(w, ids, timeout, &mut deadline))
    }
}
