//! Descriptors, call by call.

use super::SimKernel;
use super::entry::{call, waiting_call_on};
use super::words::word;
use crate::network::{RecvProgress, SendProgress};
use crate::syscall::descriptor;
use crate::trace::Kind;
use crate::world::World;
use eagain_net::*;
use std::io::{IoSlice, IoSliceMut};

impl Descriptors for SimKernel {
    fn close(&self, fd: Fd) -> Result<()> {
        call(Kind::Close, [word(fd), 0, 0, 0], |w| descriptor::close(w, fd))
    }

    fn dup(&self, fd: Fd) -> Result<Fd> {
        call(Kind::Dup, [word(fd), 0, 0, 0], |w| descriptor::dup(w, fd))
    }

    fn fcntl_dupfd(&self, fd: Fd, least: i32) -> Result<Fd> {
        let args = [word(fd), word(Fd(least)), 0, 0];
        call(Kind::FcntlDupFd, args, |w| descriptor::dup_from(w, fd, least))
    }

    fn dup3(&self, fd: Fd, to: Fd) -> Result<Fd> {
        call(Kind::Dup3, [word(fd), word(to), 0, 0], |w| descriptor::dup3(w, fd, to))
    }

    fn read(&self, fd: Fd, buffer: &mut [u8]) -> Result<usize> {
        let args = [word(fd), buffer.len() as u64, 0, 0];
        let act = |w: &mut World, fd, got: &mut RecvProgress| descriptor::read(w, fd, buffer, got);
        waiting_call_on(Kind::Read, args, fd, act, |_, _, got| got.so_far())
    }

    fn write(&self, fd: Fd, buffer: &[u8]) -> Result<usize> {
        let args = [word(fd), buffer.len() as u64, 0, 0];
        let act = |w: &mut World, fd, sent: &mut SendProgress| descriptor::write(w, fd, buffer, sent);
        waiting_call_on(Kind::Write, args, fd, act, |_, _, sent| sent.so_far())
    }

    fn readv(&self, fd: Fd, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let total: usize = buffers.iter().map(|b| b.len()).sum();
        let mut whole = vec![0; total];
        let args = [word(fd), total as u64, 0, 0];
        let parts = buffers.len();
        let act =
            |w: &mut World, fd, got: &mut RecvProgress| descriptor::read_parts(w, fd, &mut whole, parts, got);
        let n = waiting_call_on(Kind::Readv, args, fd, act, |_, _, got| got.so_far())?;
        let mut rest = &whole[..n];
        for buffer in buffers {
            let take = rest.len().min(buffer.len());
            buffer[..take].copy_from_slice(&rest[..take]);
            rest = &rest[take..];
        }
        Ok(n)
    }

    fn writev(&self, fd: Fd, buffers: &[IoSlice<'_>]) -> Result<usize> {
        let total: usize = buffers.iter().map(|b| b.len()).sum();
        let whole: Vec<u8> = buffers.iter().flat_map(|b| b.iter().copied()).collect();
        let args = [word(fd), total as u64, 0, 0];
        let act = |w: &mut World, fd, sent: &mut SendProgress| {
            descriptor::write_parts(w, fd, &whole, buffers, sent)
        };
        waiting_call_on(Kind::Writev, args, fd, act, |_, _, sent| sent.so_far())
    }

    fn fcntl_getfl(&self, fd: Fd) -> Result<StatusFlags> {
        call(Kind::FcntlGetFl, [word(fd), 0, 0, 0], |w| descriptor::getfl(w, fd))
    }

    fn fcntl_setfl(&self, fd: Fd, flags: StatusFlags) -> Result<()> {
        call(Kind::FcntlSetFl, [word(fd), flags.0 as u64, 0, 0], |w| descriptor::setfl(w, fd, flags))
    }
}
