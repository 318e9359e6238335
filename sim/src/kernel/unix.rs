//! Addresses of AF_UNIX, call by call.

use super::SimKernel;
use super::descriptor::partial;
use super::entry::{call, waiting_call};
use super::words::{text, word};
use crate::network::SendProgress;
use crate::syscall::unix;
use crate::trace::Kind;
use eagain_net::*;

fn name(address: &UnixAddr) -> u64 {
    text(&address.to_string())
}

impl UnixSockets for SimKernel {
    fn socketpair(&self, flags: SocketFlags) -> Result<(Fd, Fd)> {
        call(Kind::Socketpair, [flags.0 as u64, 0, 0, 0], |w| unix::socketpair(w, flags))
    }

    fn unix_bind(&self, fd: Fd, address: &UnixAddr) -> Result<()> {
        address.sun_path()?;
        call(Kind::UnixBind, [word(fd), name(address), 0, 0], |w| unix::bind(w, fd, address))
    }

    fn unix_connect(&self, fd: Fd, address: &UnixAddr) -> Result<()> {
        address.sun_path()?;
        let mut deadline = None;
        let args = [word(fd), name(address), 0, 0];
        waiting_call(Kind::UnixConnect, args, |w| unix::connect(w, fd, address, &mut deadline))
    }

    fn unix_accept(&self, fd: Fd, flags: SocketFlags) -> Result<(Fd, UnixAddr)> {
        let mut deadline = None;
        let args = [word(fd), flags.0 as u64, 0, 0];
        waiting_call(Kind::UnixAccept, args, |w| unix::accept(w, fd, flags, &mut deadline))
    }

    fn unix_sendto(&self, fd: Fd, buffer: &[u8], flags: SendFlags, to: &UnixAddr) -> Result<usize> {
        to.sun_path()?;
        let mut progress = SendProgress::default();
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, name(to)];
        let result =
            waiting_call(Kind::UnixSendto, args, |w| unix::sendto(w, fd, buffer, flags, to, &mut progress));
        partial(result, &progress)
    }

    fn unix_recvfrom(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<(usize, UnixAddr)> {
        let mut deadline = None;
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, 0];
        waiting_call(Kind::UnixRecvfrom, args, |w| unix::recvfrom(w, fd, buffer, flags, &mut deadline))
    }

    fn unix_getsockname(&self, fd: Fd) -> Result<UnixAddr> {
        call(Kind::UnixGetsockname, [word(fd), 0, 0, 0], |w| unix::getsockname(w, fd))
    }

    fn unix_getpeername(&self, fd: Fd) -> Result<UnixAddr> {
        call(Kind::UnixGetpeername, [word(fd), 0, 0, 0], |w| unix::getpeername(w, fd))
    }
}
