//! Addresses of AF_UNIX, call by call.

use super::SimKernel;
use super::entry::{call, waiting_call_on};
use super::words::{text, word};
use crate::network::{RecvProgress, SendProgress};
use crate::syscall::unix;
use crate::trace::Kind;
use crate::world::World;
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
        let args = [word(fd), name(address), 0, 0];
        let act = |w: &mut World, fd, deadline: &mut _| unix::connect(w, fd, address, deadline);
        waiting_call_on(Kind::UnixConnect, args, fd, act, |_, _, _| None)
    }

    fn unix_accept(&self, fd: Fd, flags: SocketFlags) -> Result<(Fd, UnixAddr)> {
        let args = [word(fd), flags.0 as u64, 0, 0];
        let act = |w: &mut World, fd, deadline: &mut _| unix::accept(w, fd, flags, deadline);
        waiting_call_on(Kind::UnixAccept, args, fd, act, |_, _, _| None)
    }

    fn unix_sendto(&self, fd: Fd, buffer: &[u8], flags: SendFlags, to: &UnixAddr) -> Result<usize> {
        to.sun_path()?;
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, name(to)];
        let act = |w: &mut World, fd, sent: &mut SendProgress| unix::sendto(w, fd, buffer, flags, to, sent);
        waiting_call_on(Kind::UnixSendto, args, fd, act, |_, _, sent| sent.so_far())
    }

    fn unix_recvfrom(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<(usize, UnixAddr)> {
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, 0];
        let act = |w: &mut World, fd, got: &mut RecvProgress| unix::recvfrom(w, fd, buffer, flags, got);
        let so_far = |got: &RecvProgress| (got.got > 0).then_some(Ok((got.got, UnixAddr::Unnamed)));
        waiting_call_on(Kind::UnixRecvfrom, args, fd, act, |_, _, got| so_far(got))
    }

    fn unix_send_fds(&self, fd: Fd, buffer: &[u8], fds: &[Fd], flags: SendFlags) -> Result<usize> {
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, fds.len() as u64];
        let act =
            |w: &mut World, fd, sent: &mut unix::Sending| unix::send_fds(w, fd, buffer, fds, flags, sent);
        waiting_call_on(Kind::UnixSendFds, args, fd, act, |_, _, sent| sent.progress.so_far())
    }

    fn unix_recv_fds(&self, fd: Fd, buffer: &mut [u8], most: usize, flags: RecvFlags) -> Result<Received> {
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, most as u64];
        let act = |w: &mut World, fd, got: &mut RecvProgress| unix::recv_fds(w, fd, buffer, most, flags, got);
        let so_far =
            |got: &RecvProgress| (got.got > 0).then(|| Ok(Received { len: got.got, ..Received::default() }));
        waiting_call_on(Kind::UnixRecvFds, args, fd, act, |_, _, got| so_far(got))
    }

    fn unix_getsockname(&self, fd: Fd) -> Result<UnixAddr> {
        call(Kind::UnixGetsockname, [word(fd), 0, 0, 0], |w| unix::getsockname(w, fd))
    }

    fn unix_getpeername(&self, fd: Fd) -> Result<UnixAddr> {
        call(Kind::UnixGetpeername, [word(fd), 0, 0, 0], |w| unix::getpeername(w, fd))
    }
}
