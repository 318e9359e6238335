//! Urgent data (`tcp(7)`): one byte of the stream that is marked, taken out of band, and skipped where it stood
//! (tcp_input.c: `tcp_check_urg`, `tcp_urg`; tcp.c: `tcp_recv_urg`).

use super::connection::{Flow, Mark, Urgent};
use super::socket::Tcp;
use super::{Net, Notice};
use eagain_net::{Errno, Events, RecvFlags, Result, SigCode};

impl Flow {
    /// The last byte written so far is urgent.
    pub fn mark_urgent(&mut self) {
        let at = self.written - 1;
        self.urgent.get_or_insert_default().sent.push_back(at);
    }

    /// Where the reader must stop or skip: the position of the mark, unless it is behind the reader.
    fn mark(&self) -> Option<u64> {
        self.urgent.as_ref().filter(|u| u.mark != Mark::None && u.at >= self.read).map(|u| u.at)
    }

    /// Bytes that can be read in one go, `from` bytes behind the reader, and whether the urgent one before them is skipped:
    /// reading stops at the mark.
    pub fn readable_to_mark(&self, from: u64) -> (u64, bool) {
        let (readable, read) = (self.readable().saturating_sub(from), self.read + from);
        match self.mark().filter(|&at| at >= read) {
            Some(at) if at == read && readable > 0 => (readable - 1, true),
            Some(at) => (readable.min(at - read), false),
            None => (readable, false),
        }
    }

    /// The reader goes past the mark.
    pub fn skip_mark(&mut self) {
        self.bytes.skip(1);
        self.read += 1;
        if let Some(urgent) = &mut self.urgent {
            urgent.mark = Mark::None;
        }
    }

    /// `tcp_poll`: whether poll says readable, an urgent byte at the front not counted.
    #[inline(always)]
    pub fn poll_readable(&self, low: u64) -> bool {
        let extra = u64::from(self.urgent.is_some() && self.mark() == Some(self.read));
        self.is_enough(low + extra)
    }

    /// Whether the urgent byte can be taken.
    #[inline]
    pub fn has_urgent(&self) -> bool {
        self.urgent.as_ref().is_some_and(|u| u.mark == Mark::Valid)
    }
}

impl Net<'_> {
    /// Whether the urgent byte comes next, `from` bytes behind the reader.
    pub(super) fn is_mark(&self, conn: u32, side: usize, from: usize) -> bool {
        let f = &self.net.conns[conn as usize].flows[side];
        f.urgent.is_some() && f.readable_to_mark(from as u64).1
    }

    /// A segment came that began at `from`: what of it is urgent.
    pub(super) fn urgent_arrives(&mut self, conn: u32, side: usize, from: u64) {
        loop {
            let c = &mut self.net.conns[conn as usize];
            let receiver = c.socks[1 - side];
            let f = &mut c.flows[side];
            let Some(urgent) = &mut f.urgent else { return };
            let Some(at) = urgent.sent.front().copied().filter(|at| *at < f.arrived) else { return };
            urgent.sent.pop_front();
            if at < f.read || urgent.mark != Mark::None && at <= urgent.at {
                continue;
            }
            let stale = urgent.mark != Mark::None && urgent.at == f.read && f.read != from;
            (urgent.at, urgent.mark) = (at, Mark::Valid);
            if stale {
                // The last mark was at the front, and nobody has read past it: it is lost.
                f.bytes.skip(1);
                f.read += 1;
            }
            let file = self.net.socks[receiver as usize].file;
            self.net.notices.push(Notice::Urgent { file });
            self.notify(file, Events::IN | Events::PRI, Some(SigCode::PollIn));
        }
    }

    /// `tcp_recv_urg`.
    pub(super) fn recv_urgent(&mut self, sock: u32, buffer: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let s = &self.net.socks[sock as usize];
        let (over, done) = (s.tcp == Tcp::Close, s.done);
        let Some((conn, incoming)) = s.receives() else { return Err(Errno::EINVAL) };
        let f = &mut self.net.conns[conn as usize].flows[incoming];
        let Some(Urgent { at, mark, .. }) = f.urgent.as_deref_mut() else { return Err(Errno::EINVAL) };
        match mark {
            Mark::None | Mark::Read => Err(Errno::EINVAL),
            Mark::Valid if over && !done => Err(Errno::ENOTCONN),
            Mark::Valid => {
                if !flags.contains(RecvFlags::PEEK) {
                    *mark = Mark::Read;
                }
                let byte = at.checked_sub(f.read).and_then(|from| f.bytes.bytes().get(from as usize));
                let Some(first) = buffer.first_mut() else { return Ok(0) };
                if let (Some(byte), false) = (byte, flags.contains(RecvFlags::TRUNC)) {
                    *first = *byte;
                }
                Ok(1)
            }
        }
    }
}
