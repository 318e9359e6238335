//! Pipes, call by call.

use super::SimKernel;
use super::entry::call;
use super::words::word;
use crate::syscall::pipe;
use crate::trace::Kind;
use eagain_net::*;

impl Pipes for SimKernel {
    fn pipe2(&self, flags: SocketFlags) -> Result<(Fd, Fd)> {
        call(Kind::Pipe2, [flags.0 as u64, 0, 0, 0], |w| pipe::pipe2(w, flags))
    }

    fn fcntl_getpipe_sz(&self, fd: Fd) -> Result<usize> {
        call(Kind::FcntlGetPipeSz, [word(fd), 0, 0, 0], |w| pipe::size(w, fd, None))
    }

    fn fcntl_setpipe_sz(&self, fd: Fd, bytes: u32) -> Result<usize> {
        let args = [word(fd), bytes.into(), 0, 0];
        call(Kind::FcntlSetPipeSz, args, |w| pipe::size(w, fd, Some(bytes)))
    }
}
