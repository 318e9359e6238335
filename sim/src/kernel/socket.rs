//! Sockets, call by call.

use super::SimKernel;
use super::descriptor::partial;
use super::entry::{call, waiting_call};
use super::words::word;
use crate::network::SendProgress;
use crate::network::address_word;
use crate::syscall::received;
use crate::syscall::{recv_all, socket};
use crate::trace::Kind;
use eagain_net::*;
use std::io::IoSlice;

impl Sockets for SimKernel {
    fn socket(&self, domain: Domain, flags: SocketFlags) -> Result<Fd> {
        call(Kind::Socket, [domain as u64, flags.0 as u64, 0, 0], |w| socket::socket(w, domain, flags))
    }

    fn bind(&self, fd: Fd, address: SocketAddr) -> Result<()> {
        call(Kind::Bind, [word(fd), address_word(address), 0, 0], |w| socket::bind(w, fd, address))
    }

    fn listen(&self, fd: Fd, backlog: i32) -> Result<()> {
        call(Kind::Listen, [word(fd), backlog as u64, 0, 0], |w| socket::listen(w, fd, backlog))
    }

    fn accept4(&self, fd: Fd, flags: SocketFlags) -> Result<(Fd, SocketAddr)> {
        let args = [word(fd), flags.0 as u64, 0, 0];
        waiting_call(Kind::Accept, args, |w| socket::accept(w, fd, flags))
    }

    fn connect(&self, fd: Fd, address: SocketAddr) -> Result<()> {
        let args = [word(fd), address_word(address), 0, 0];
        waiting_call(Kind::Connect, args, |w| socket::connect(w, fd, address))
    }

    fn recv(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let mut deadline = None;
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, 0];
        if flags.contains(RecvFlags::WAITALL) && !flags.intersects(RecvFlags::PEEK | RecvFlags::TRUNC) {
            let mut got = 0;
            let result = waiting_call(Kind::Recv, args, |w| {
                recv_all::recv_all(w, fd, buffer, flags, &mut got, &mut deadline)
            });
            return received(result, got);
        }
        waiting_call(Kind::Recv, args, |w| socket::recv(w, fd, buffer, flags, &mut deadline))
    }

    fn send(&self, fd: Fd, buffer: &[u8], flags: SendFlags) -> Result<usize> {
        let mut progress = SendProgress::default();
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, 0];
        let result = waiting_call(Kind::Send, args, |w| socket::send(w, fd, &[buffer], flags, &mut progress));
        partial(result, &progress)
    }

    fn sendmsg(&self, fd: Fd, buffers: &[IoSlice<'_>], flags: SendFlags) -> Result<usize> {
        let pieces: Vec<&[u8]> = buffers.iter().map(|b| &**b).collect();
        let total: usize = pieces.iter().map(|b| b.len()).sum();
        let mut progress = SendProgress::default();
        let args = [word(fd), total as u64, flags.0 as u64, 0];
        let result =
            waiting_call(Kind::Sendmsg, args, |w| socket::send(w, fd, &pieces, flags, &mut progress));
        partial(result, &progress)
    }

    fn shutdown(&self, fd: Fd, how: ShutdownHow) -> Result<()> {
        call(Kind::Shutdown, [word(fd), how as u64, 0, 0], |w| socket::shutdown(w, fd, how))
    }

    fn getsockname(&self, fd: Fd) -> Result<SocketAddr> {
        call(Kind::Getsockname, [word(fd), 0, 0, 0], |w| socket::getsockname(w, fd))
    }

    fn getpeername(&self, fd: Fd) -> Result<SocketAddr> {
        call(Kind::Getpeername, [word(fd), 0, 0, 0], |w| socket::getpeername(w, fd))
    }

    fn setsockopt(&self, fd: Fd, option: SocketOption) -> Result<()> {
        let args = [word(fd), option.name() as u64, 0, 0];
        call(Kind::Setsockopt, args, |w| socket::setsockopt(w, fd, option))
    }

    fn getsockopt(&self, fd: Fd, option: SocketOptionName) -> Result<SocketOption> {
        call(Kind::Getsockopt, [word(fd), option as u64, 0, 0], |w| socket::getsockopt(w, fd, option))
    }
}
