//! Pipes, call by call.

use super::SimKernel;
use super::entry::call;
use crate::syscall::pipe;
use crate::trace::Kind;
use eagain_net::*;

impl Pipes for SimKernel {
    fn pipe2(&self, flags: SocketFlags) -> Result<(Fd, Fd)> {
        call(Kind::Pipe2, [flags.0 as u64, 0, 0, 0], |w| pipe::pipe2(w, flags))
    }
}
