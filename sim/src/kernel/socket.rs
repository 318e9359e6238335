//! Sockets, call by call.

use super::SimKernel;
use super::entry::{call, waiting_call_on};
use super::words::{note_option, word};
use crate::network::address_word;
use crate::network::{RecvProgress, SendProgress};
use crate::syscall::socket;
use crate::trace::Kind;
use crate::world::{HELD_FD, World};
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
        let act = |w: &mut World, fd, deadline: &mut _| socket::accept(w, fd, flags, deadline);
        waiting_call_on(Kind::Accept, args, fd, act, |_, _, _| None)
    }

    fn connect(&self, fd: Fd, address: SocketAddr) -> Result<()> {
        let args = [word(fd), address_word(address), 0, 0];
        let act = |w: &mut World, fd, begun: &mut _| socket::connect(w, fd, address, begun);
        waiting_call_on(Kind::Connect, args, fd, act, |_, _, _| None)
    }

    fn disconnect(&self, fd: Fd) -> Result<()> {
        call(Kind::Disconnect, [word(fd), 0, 0, 0], |w| socket::disconnect(w, fd))
    }

    fn recv(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, 0];
        let act = |w: &mut World, fd, got: &mut RecvProgress| socket::recv(w, fd, buffer, flags, got);
        let so_far = |_: &mut World, at, got: &RecvProgress| match at {
            HELD_FD => got.so_far_asleep(),
            _ => got.so_far(),
        };
        waiting_call_on(Kind::Recv, args, fd, act, so_far)
    }

    fn send(&self, fd: Fd, buffer: &[u8], flags: SendFlags) -> Result<usize> {
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, 0];
        let act = |w: &mut World, fd, sent: &mut SendProgress| socket::send(w, fd, &[buffer], flags, sent);
        waiting_call_on(Kind::Send, args, fd, act, |_, _, sent| sent.so_far())
    }

    fn sendmsg(&self, fd: Fd, buffers: &[IoSlice<'_>], flags: SendFlags) -> Result<usize> {
        let pieces: Vec<&[u8]> = buffers.iter().map(|b| &**b).collect();
        let total: usize = pieces.iter().map(|b| b.len()).sum();
        let args = [word(fd), total as u64, flags.0 as u64, 0];
        let act = |w: &mut World, fd, sent: &mut SendProgress| socket::sendmsg(w, fd, &pieces, flags, sent);
        waiting_call_on(Kind::Sendmsg, args, fd, act, |_, _, sent| sent.so_far())
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
        let args = [word(fd), u64::from(option.name().code()), 0, 0];
        call(Kind::Setsockopt, args, |w| {
            note_option(w, option);
            socket::setsockopt(w, fd, option)
        })
    }

    fn getsockopt(&self, fd: Fd, option: SocketOptionName) -> Result<SocketOption> {
        call(Kind::Getsockopt, [word(fd), u64::from(option.code()), 0, 0], |w| {
            let value = socket::getsockopt(w, fd, option)?;
            note_option(w, value);
            Ok(value)
        })
    }
}
