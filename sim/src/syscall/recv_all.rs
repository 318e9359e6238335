//! `MSG_WAITALL` (`recv(2)`): what arrives is taken as it comes, so that the receive buffer need not hold all of it.

use super::family;
use super::socket;
use crate::scheduler::Step;
use crate::world::World;
use eagain_net::{Errno, Fd, RecvFlags};

/// Goes on with a receive that has got `got` bytes so far. What it has got counts for more than the error, the end,
/// the time or the signal that stops it; an error waits for the next call.
pub(crate) fn recv_all(
    w: &mut World,
    fd: Fd,
    buffer: &mut [u8],
    flags: RecvFlags,
    got: &mut usize,
    deadline: &mut Option<u64>,
) -> Step<usize> {
    if family::is_datagram(w, fd) {
        return socket::recv(w, fd, buffer, flags.without(RecvFlags::WAITALL), deadline);
    }
    loop {
        let failed = socket::find(w, fd).is_ok_and(|(_, sock)| w.network.has_error(sock));
        let (readable, at_mark) = readable_at(w, fd).unwrap_or_default();
        // Urgent data ends it too: what is behind the mark is for the next call.
        if *got > 0 && (failed && readable == 0 || at_mark) {
            return Step::Done(Ok(*got));
        }
        let rest = &mut buffer[*got..];
        let end = rest.is_empty();
        match socket::recv(w, fd, rest, flags.without(RecvFlags::WAITALL), deadline) {
            Step::Done(Ok(0)) => return Step::Done(Ok(*got)),
            Step::Done(Ok(n)) => {
                *got += n;
                if end || *got == buffer.len() {
                    return Step::Done(Ok(*got));
                }
            }
            Step::Done(Err(_)) if *got > 0 => return Step::Done(Ok(*got)),
            Step::Done(Err(errno)) => return Step::Done(Err(errno)),
            Step::Wait => {
                let me = w.scheduler.current();
                w.scheduler[me].no_restart |= *got > 0;
                return Step::Wait;
            }
        }
    }
}

/// Whether the urgent byte is the next of the stream.
pub(crate) fn is_at_mark(w: &World, fd: Fd) -> bool {
    readable_at(w, fd).is_some_and(|(_, at_mark)| at_mark)
}

/// How many bytes can be received, and whether the urgent one is the first of them.
fn readable_at(w: &World, fd: Fd) -> Option<(u64, bool)> {
    let (_, sock) = socket::find(w, fd).ok()?;
    w.network.readable(sock)
}

/// What a receive that waits for all returns: what it has got, where a signal ended it.
pub(crate) fn received(result: Result<usize, Errno>, got: usize) -> Result<usize, Errno> {
    match result {
        Err(Errno::EINTR) if got > 0 => Ok(got),
        result => result,
    }
}
