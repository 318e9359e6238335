//! Datagrams, call by call.

use super::SimKernel;
use super::entry::waiting_call_on;
use super::words::word;
use crate::network::{RecvProgress, SendProgress, address_word};
use crate::syscall::udp;
use crate::trace::Kind;
use crate::world::World;
use eagain_net::*;

impl Datagrams for SimKernel {
    fn sendto(&self, fd: Fd, buffer: &[u8], flags: SendFlags, to: SocketAddr) -> Result<usize> {
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, address_word(to)];
        let act = |w: &mut World, fd, sent: &mut SendProgress| udp::sendto(w, fd, buffer, flags, to, sent);
        waiting_call_on(Kind::Sendto, args, fd, act, |_, _, sent| sent.so_far())
    }

    fn recvfrom(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<(usize, Option<SocketAddr>)> {
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, 0];
        let act = |w: &mut World, fd, got: &mut RecvProgress| udp::recvfrom(w, fd, buffer, flags, got);
        let so_far = |got: &RecvProgress| (got.got > 0).then_some(Ok((got.got, None)));
        waiting_call_on(Kind::Recvfrom, args, fd, act, |_, _, got| so_far(got))
    }

    fn sendmsg_control(
        &self,
        fd: Fd,
        buffer: &[u8],
        flags: SendFlags,
        to: Option<SocketAddr>,
        control: &[Control],
    ) -> Result<usize> {
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, control.len() as u64];
        let act = |w: &mut World, fd, sent: &mut SendProgress| {
            udp::sendmsg(w, fd, buffer, flags, (to, control), sent)
        };
        waiting_call_on(Kind::SendmsgControl, args, fd, act, |_, _, sent| sent.so_far())
    }

    fn recvmsg_control(&self, fd: Fd, buffer: &mut [u8], flags: RecvFlags) -> Result<Message> {
        let args = [word(fd), buffer.len() as u64, flags.0 as u64, 0];
        let act = |w: &mut World, fd, got: &mut RecvProgress| udp::recvmsg(w, fd, buffer, flags, got);
        let so_far =
            |got: &RecvProgress| (got.got > 0).then(|| Ok(Message { len: got.got, ..Message::default() }));
        waiting_call_on(Kind::RecvmsgControl, args, fd, act, |_, _, got| so_far(got))
    }
}
