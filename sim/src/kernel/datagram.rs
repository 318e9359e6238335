//! Datagrams, call by call.

use super::SimKernel;
use super::entry::waiting_call;
use super::words::word;
use crate::network::{SendProgress, address_word};
use crate::syscall::udp;
use crate::trace::Kind;
use eagain_net::*;

impl Datagrams for SimKernel {
    fn sendto(&self, fd: Fd, buffer: &[u8], flags: SendFlags, to: SocketAddr) -> Result<usize> {
        let mut progress = SendProgress::default();
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, address_word(to)];
        let result =
            waiting_call(Kind::Sendto, args, |w| udp::sendto(w, fd, buffer, flags, to, &mut progress));
        super::descriptor::partial(result, &progress)
    }

    fn recvfrom(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<(usize, Option<SocketAddr>)> {
        let mut deadline = None;
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, 0];
        waiting_call(Kind::Recvfrom, args, |w| udp::recvfrom(w, fd, buffer, flags, &mut deadline))
    }
}
